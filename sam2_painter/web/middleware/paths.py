"""What several kinds of middleware know of a request: the paths there are, where it goes and who asks."""

from __future__ import annotations

from starlette.types import Scope

API, GRADIO_API, PAGE, MCP, SHEET = "/api", "/gradio_api", "/page", "/mcp", "/sheet"
HEALTH = f"{API}/health"
PORTS = {"http": 80, "https": 443}
"""Of an address that names none."""


def is_under(path: str, prefix: str) -> bool:
    """Whether a path is `prefix` or below it.

    >>> is_under("/api/health", "/api"), is_under("/apis", "/api")
    (True, False)
    """
    return path == prefix or path.startswith(prefix + "/")


def path_of(scope: Scope) -> str:
    """The path below the place where the application is mounted."""
    path: str = scope.get("path", "")
    return path.removeprefix(scope.get("root_path", ""))


def address_of(scope: Scope) -> str:
    """The network address of who asks, "" when it is not known."""
    client = scope.get("client")
    return str(client[0]) if client else ""
