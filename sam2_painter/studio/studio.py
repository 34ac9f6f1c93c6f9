"""The studio: every verb, by noun. The page, the API, the command line and a notebook all call these, nothing below."""

from __future__ import annotations

from ..paint.palette_files import open_palette
from ..photos.picture import DECODING
from ..sessions import folders
from ..sessions.store import SessionStore
from ..sessions.walls import SelectMode
from ..settings import Settings
from .caches import CacheSizes
from .files import EXPORT_KINDS, ExportKind, FileVerbs
from .masks import Generated, Pointed
from .photos import PhotoVerbs
from .recipes import Applied, RecipeVerbs
from .verb import Limits
from .walls import Answer

__all__ = ["EXPORT_KINDS", "Answer", "Applied", "ExportKind", "Generated", "Limits", "Pointed", "SelectMode", "Studio"]


class Studio(PhotoVerbs, RecipeVerbs, FileVerbs):
    """One engine, one session store and the caches between them. Thread-safe.

    A verb takes the id of a session and returns the session as it is then. What only reads takes a session at hand.
    Every verb works under a time limit of its kind (`limits`), and one that fails has changed nothing.
    """

    @classmethod
    def from_settings(cls, settings: Settings) -> Studio:
        """The studio these settings describe. Raises EngineUnavailable when the engine named cannot run here."""
        from ..engines.choice import choose

        choice = choose(
            settings.engine,
            modal_base_url=settings.modal_base_url,
            modal_key=settings.modal_key,
            modal_secret=settings.modal_secret,
            modal_app=settings.modal_app,
            sam2_model=settings.sam2_model,
            sam2_checkpoint=settings.sam2_checkpoint,
            sam2_device=settings.sam2_device,
            sam2_cache_dir=settings.sam2_cache_dir,
            sam2_dtype=settings.sam2_dtype,
            sam2_compile=settings.sam2_compile,
        )
        DECODING.max_bytes = settings.decode_memory
        sessions = SessionStore(
            *folders.from_settings(settings),
            ttl=settings.session_ttl,
            max_sessions=settings.max_sessions,
            max_disk=settings.max_disk,
            max_masks=settings.max_masks,
            max_downloads=settings.max_downloads,
        )
        limits = Limits(
            settings.upload_limit,
            settings.segment_limit,
            settings.generate_limit,
            settings.paint_limit,
            settings.download_limit,
        )
        return cls(
            choice.engine,
            sessions,
            reason=choice.reason,
            finder=choice.finder,
            limits=limits,
            max_file_size=settings.max_file_size,
            max_pixels=settings.max_pixels,
            caches=CacheSizes(
                settings.photo_cache,
                settings.embedding_cache,
                settings.mask_cache,
                settings.surface_cache,
                settings.picture_cache,
            ),
            queue_size=settings.queue_size,
            palette=open_palette(settings.palette) if settings.palette else None,
        )
