"""Sessions: what people did, kept on disk so that no finished action is lost."""

from .downloads import Download
from .editing import Edit
from .store import SessionStore

__all__ = ["Download", "Edit", "SessionStore"]
