"""The paths that several kinds of middleware know."""

from __future__ import annotations

API, GRADIO_API = "/api", "/gradio_api"
HEALTH, STARTUP = f"{API}/health", f"{GRADIO_API}/startup-events"


def is_under(path: str, prefix: str) -> bool:
    """Whether a path is `prefix` or below it.

    >>> is_under("/api/health", "/api"), is_under("/apis", "/api")
    (True, False)
    """
    return path == prefix or path.startswith(prefix + "/")
