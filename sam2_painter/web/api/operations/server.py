"""Operations about the server itself: its health and its caches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from ....errors import SignInRequired
from ....jobs.cache import CacheStatus
from ....studio.studio import Studio
from .. import schemas
from ..schemas import Caller


def health(studio: Studio) -> schemas.Health:
    """Is everything well? Which engine answers and why, how it did when it was last asked, how much is kept.

    Returns:
        status "healthy", or "degraded" when the engine failed last time. This never wakes a GPU: modal_status.status
        is "not configured", "configured" (nothing asked yet), "healthy" or "failing: ..." from real questions.
    """
    trouble = studio.engine_trouble
    told = "configured" if trouble is None else f"failing: {trouble}" if trouble else "healthy"
    return {
        "status": studio.status,
        "engine": studio.engine.title,
        "engine_reason": studio.reason,
        "modal_status": {"status": told if studio.engine.name.startswith("modal") else "not configured"},
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "sessions_count": studio.sessions.count(),
        "cache_status": _cache_counts(studio),
    }


def cache_status(studio: Studio) -> schemas.CacheReport:
    """How much is remembered: sessions, masks, embeddings, and every cache in bytes.

    Returns:
        Counts, and the fill of each cache by name.
    """
    status = studio.cache_status()
    return {
        **_cache_counts(studio),
        "cache_enabled": any(cache.max_bytes for cache in status.values()),
        "total_cached_bytes": sum(cache.bytes for cache in status.values()),
        "caches": {name: _fill(cache) for name, cache in status.items()},
    }


def clear_cache(
    studio: Studio,
    caller: Caller,
    session_id: Annotated[
        str | None, Field(description="whose caches; without it everybody's, which takes a signed-in operator")
    ] = None,
) -> schemas.Message:
    """Forget what can be computed again. It costs time later and changes no answer."""
    if session_id is None and not caller.operator:
        raise SignInRequired("Name the session_id whose cache to clear; everybody's takes an operator who signed in.")
    studio.clear_cache(session_id)
    return {"message": "Cache cleared." if session_id is None else "Cache of this session cleared."}


def _fill(cache: CacheStatus) -> schemas.CacheFill:
    return {
        "entries": cache.entries,
        "bytes": cache.bytes,
        "max_bytes": cache.max_bytes,
        "hits": cache.hits,
        "misses": cache.misses,
    }


def _cache_counts(studio: Studio) -> schemas.CacheCounts:
    digests, cached = studio.sessions.digests(), studio.cached_digests()
    status: dict[str, CacheStatus] = studio.cache_status()
    return {
        "total_sessions": len(digests),
        "sessions_with_cache": sum(digest in cached for digest in digests),
        "total_cached_masks": studio.cached_masks(),
        "total_cached_embeddings": status["embeddings"].entries,
    }
