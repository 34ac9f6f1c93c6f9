"""The verbs: open, click, generate, paint, undo, download. Every door calls these."""

from .studio import Studio

__all__ = ["Studio"]
