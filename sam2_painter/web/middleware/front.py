"""The first of all middleware: settles who asks, by which name and under which path; answers to its own names only.

What stands below reads `scope["client"]`, the Host header, `scope["scheme"]` and `scope["root_path"]`, nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from ipaddress import ip_address, ip_network

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ...hosts import AllowedHosts, split_host
from ..error_responses import end_with, refuse
from .origins import is_readable
from .paths import address_of
from .proxies import RootPath, TrustedProxies, rebased, resolved

log = logging.getLogger(__name__)
_LOOPBACK = TrustedProxies((ip_network("127.0.0.0/8"), ip_network("::1/128")))


class Front:
    """An ASGI application around `app`.

    hosts: the names it answers to. trusted: proxies whose forwarded headers are believed. root: where it is reached.
    shared_as: the name of its public link, as soon as there is one; what comes by it comes by a tunnel that ends on
    this machine, and is as good as a trusted proxy.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: AllowedHosts,
        trusted: TrustedProxies,
        root: RootPath,
        shared_as: Collection[str] = (),
    ):
        self.app, self.hosts, self.trusted, self.root, self.shared_as = app, hosts, trusted, root, shared_as
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer itself, or let the application answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        seen, answer = self._seen(scope)
        if answer is None:
            await self.app(seen, receive, send)
        else:
            await end_with(answer, scope, receive, send)

    def _seen(self, scope: Scope) -> tuple[Scope, Response | None]:
        """The request as everybody below sees it, and the answer that ends it here, if one does."""
        shared = self._comes_by_share(scope)
        self._warn_once(scope, shared)
        seen, prefix = resolved(scope, _LOOPBACK if shared else self.trusted)
        if shared:
            seen["scheme"] = "https"
        refusal = self._refusal(Headers(scope=seen))
        if refusal is not None:
            return seen, refusal
        if not scope.get("query_string", b"").isascii():
            return seen, refuse(400, "The address cannot be read: write what is not ASCII as %XX.")
        root = replace(self.root, prefix=prefix) if prefix else self.root
        rooted = rebased(seen, root) if root.prefix or root.host else seen
        if root.prefix and rooted["path"] == root.prefix:
            query = scope.get("query_string", b"").decode("latin-1")
            return rooted, RedirectResponse(f"{root.prefix}/" + (f"?{query}" if query else ""), 307)
        return rooted, None

    def _refusal(self, headers: Headers) -> Response | None:
        told = headers.getlist("host")
        if not told:  # HTTP/1.0: no browser
            return None
        try:
            (only,) = told
            name, _ = split_host(only)
        except ValueError:
            return refuse(400, "The Host header cannot be read: one name or address, and a port where it needs one.")
        if not is_readable(headers.get("origin", "null")):
            return refuse(400, "The Origin header cannot be read.")
        if name in self.shared_as or self.hosts.allow(name):
            return None
        said = (
            f"This server does not answer to the name {name}. If it is yours, start the server with "
            f"--allowed-hosts {name} (or SAM2_PAINTER_ALLOWED_HOSTS={name})."
        )
        return PlainTextResponse(said, 403) if "text/html" in headers.get("accept", "") else refuse(403, said)

    def _comes_by_share(self, scope: Scope) -> bool:
        if not self.shared_as or not _LOOPBACK.include(address_of(scope)):
            return False
        headers = Headers(scope=scope)
        return headers.get("host") in self.shared_as or headers.get("x-forwarded-host") in self.shared_as

    def _warn_once(self, scope: Scope, shared: bool) -> None:
        """Whoever set up a proxy without naming it learns from the log why everybody behind it counts as one."""
        if self._warned or shared or all(name.lower() != b"x-forwarded-for" for name, _ in scope["headers"]):
            return
        peer = address_of(scope)
        if not self.trusted.include(peer) and not _is_public(peer):
            self._warned = True
            log.warning(
                "X-Forwarded-For from %s is not believed: all who come through it count as one address. "
                "If it is your proxy, start with --trusted-proxies %s",
                peer,
                peer,
            )


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return True
