"""The built-in engine: no downloads, deterministic, CPU only."""

from .engine import OfflineEngine

__all__ = ["OfflineEngine"]
