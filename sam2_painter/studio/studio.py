"""The studio: every verb, by noun. The page, the API, the command line and a notebook all call these, nothing below."""

from __future__ import annotations

from ..paint.palette_files import open_palette
from ..photos.picture import DECODING
from ..sessions import folders
from ..sessions.store import SessionStore
from ..sessions.walls import SelectMode
from ..settings import Limits, Settings
from .files import EXPORT_KINDS, ExportKind
from .masks import Generated, Pointed
from .photos import PhotoVerbs
from .pictures import PictureVerbs
from .recipes import Applied, RecipeVerbs
from .sheets import SheetVerbs
from .walls import Answer

__all__ = ["EXPORT_KINDS", "Answer", "Applied", "ExportKind", "Generated", "Limits", "Pointed", "SelectMode", "Studio"]


class Studio(PhotoVerbs, RecipeVerbs, SheetVerbs, PictureVerbs):
    """One engine, one session store and the caches between them. Thread-safe.

    A verb takes the id of a session and returns the session as it is then. What only reads takes a session at hand.
    Every verb works under a time limit of its kind (`limits`), and one that fails has changed nothing.
    """

    @classmethod
    def from_settings(cls, settings: Settings) -> Studio:
        """The studio these settings describe. Raises EngineUnavailable when the engine named cannot run here."""
        from ..engines.choice import choose

        choice = choose(settings.engine, modal=settings.modal, sam2=settings.sam2)
        DECODING.max_bytes = settings.decode_memory
        kept = settings.storage
        sessions = SessionStore(
            *folders.from_settings(kept),
            ttl=kept.session_ttl,
            max_sessions=kept.max_sessions,
            max_disk=kept.max_disk,
            max_masks=kept.max_masks,
            max_downloads=kept.max_downloads,
        )
        return cls(
            choice.engine,
            sessions,
            reason=choice.reason,
            finder=choice.finder,
            limits=settings.limits,
            max_file_size=settings.max_file_size,
            max_pixels=settings.max_pixels,
            caches=settings.caches,
            queue_size=settings.queue_size,
            palette=open_palette(settings.palette) if settings.palette else None,
        )
