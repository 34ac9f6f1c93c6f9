"""Sessions: what people did, kept on disk so that no finished action is lost."""

from .store import Download, Edit, SessionStore

__all__ = ["Download", "Edit", "SessionStore"]
