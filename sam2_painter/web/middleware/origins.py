"""Which site's page makes a browser ask: our own, one that `--cors-origins` names, or a foreign one."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from ...errors import InvalidInput
from ...hosts import split_host
from .paths import PORTS

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
"""What is only read: a page of another site cannot see the answer, which carries no CORS headers."""


class Origins:
    """The sites whose pages may use this server beside its own ("*" for all of them)."""

    def __init__(self, named: Iterable[str] = ()):
        self.named = frozenset(named)

    @classmethod
    def parse(cls, text: str) -> Origins:
        """From origins by commas, as `--cors-origins` takes them. Raises InvalidInput.

        >>> sorted(Origins.parse("https://a.example/, http://localhost:8888").named)
        ['http://localhost:8888', 'https://a.example']
        """
        origins = [one.strip().rstrip("/").lower() for one in text.split(",") if one.strip()]
        for origin in origins:
            if origin != "*" and _parts(origin) is None:
                raise InvalidInput(
                    "--cors-origins must be origins by commas, like https://example.com or http://localhost:8888, "
                    f"got {origin!r}",
                    "cors_origins",
                )
        return cls(origins)

    def is_named(self, headers: Headers) -> bool:
        """Whether a page of a named site asks."""
        origin = headers.get("origin")
        return origin is not None and (origin in self.named or "*" in self.named)

    def is_own(self, headers: Headers) -> bool:
        """Whether our own page asks, or no page at all: a program, or a person who follows a link or types an address.

        Sec-Fetch-Site is the browser's own word, which no page can forge. Where there is none (plain http by a name or
        an address that is not loopback; old browsers), Origin is compared with the Host the browser used.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            return site == "same-origin" or (site == "none" and origin in (None, "null"))
        if origin is None:
            return True
        asks = _parts(origin)
        if asks is None:
            return False
        scheme, name, port = asks
        try:
            host, host_port = split_host(headers.get("host", ""))
        except ValueError:
            return False
        return name == host and (port or PORTS[scheme]) == (host_port or PORTS[scheme])

    def is_foreign(self, headers: Headers) -> bool:
        """Whether a page of another site asks, one that is not named."""
        return not self.is_own(headers) and not self.is_named(headers)


def is_readable(origin: str) -> bool:
    """Whether an Origin header is one: "null", or a scheme and a name, as extensions and webviews have them too.

    >>> is_readable("vscode-webview://1a2b"), is_readable("null"), is_readable("http://[::1")
    (True, True, False)
    """
    return origin == "null" or _split(origin) is not None


def _parts(origin: str) -> tuple[str, str, int | None] | None:
    """Scheme, name and port of a site on the web; None for everything else."""
    parts = _split(origin)
    return parts if parts is not None and parts[0] in PORTS else None


def _split(origin: str) -> tuple[str, str, int | None] | None:
    """Scheme, name and port; None for what is no origin."""
    try:
        parts = urlsplit(origin)
        name, port = split_host(parts.netloc)
    except ValueError:  # half an IPv6 address, say
        return None
    if not parts.scheme or parts.path or parts.query or parts.fragment:
        return None
    return parts.scheme, name, port
