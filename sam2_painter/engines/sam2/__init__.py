"""SAM 2.1 in this process."""

from .engine import SAM2Engine

__all__ = ["SAM2Engine"]
