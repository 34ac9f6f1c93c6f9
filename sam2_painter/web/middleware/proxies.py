"""What proxies in front of the server say of a request: who asks, by which name, under which path.

Only those are believed that `--trusted-proxies` names; what anybody else says is taken away before others read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from ...errors import InvalidInput
from ...hosts import split_host
from .paths import PORTS, address_of, is_under

Network = IPv4Network | IPv6Network
_TOLD = re.compile(rb"x-forwarded-.*|forwarded|x-real-ip|x-gradio-server|via-proxy")
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w.~-]+)+", re.ASCII)


def counted_as(address: str) -> str:
    """What an address counts as: itself, or the network of 2^64 IPv6 addresses that one customer gets.

    >>> counted_as("2001:db8:1:2:a:b:c:d"), counted_as("::ffff:10.0.0.7"), counted_as("::1")
    ('2001:db8:1:2::/64', '10.0.0.7', '::1')
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4 or parsed.is_loopback:
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies that are believed."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> TrustedProxies:
        """From addresses and networks by commas, as `--trusted-proxies` takes them. Raises InvalidInput.

        >>> TrustedProxies.parse("127.0.0.1, 10.0.0.0/8").include("10.1.2.3")
        True
        """
        networks = []
        for one in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ip_network(one, strict=False))
            except ValueError:
                raise InvalidInput(
                    "--trusted-proxies must be addresses or networks by commas, like 127.0.0.1 or 10.0.0.0/8, "
                    f"got {one!r}",
                    "trusted_proxies",
                ) from None
        return cls(tuple(networks))

    def include(self, address: str) -> bool:
        """Whether an address is one of them."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self.networks)

    def client(self, told: Iterable[str], peer: str) -> str:
        """Who asks: the last address of a chain that is no proxy of ours. told: as the proxies appended them."""
        asks = peer
        for address in reversed(list(told)):
            if not self.include(asks):
                break
            asks = _bare(address)
        return asks


@dataclass(frozen=True)
class RootPath:
    """Where the server is reached: below `prefix` ("" or "/paint"), and at `scheme` and `host` where they are known."""

    prefix: str = ""
    scheme: str = ""
    host: str = ""

    @classmethod
    def parse(cls, text: str) -> RootPath:
        """From a path or an address, as `--root-path` takes them. Raises InvalidInput.

        >>> RootPath.parse("paint/"), RootPath.parse("https://example.com/paint").host
        (RootPath(prefix='/paint', scheme='', host=''), 'example.com')
        """
        wrong = InvalidInput(
            f"--root-path must be a path like /paint or an address like https://example.com/paint, got {text!r}",
            "root_path",
        )
        given = text.strip().rstrip("/")
        if "://" not in given:
            prefix = "/" + given.lstrip("/") if given else ""
            if prefix and not _PREFIX.fullmatch(prefix):
                raise wrong
            return cls(prefix)
        try:
            parts = urlsplit(given)
            split_host(parts.netloc)
        except ValueError:
            raise wrong from None
        if parts.scheme not in PORTS or parts.query or parts.fragment:
            raise wrong
        if parts.path and not _PREFIX.fullmatch(parts.path):
            raise wrong
        return cls(parts.path, parts.scheme, parts.netloc)


def resolved(scope: Scope, trusted: TrustedProxies) -> tuple[Scope, str]:
    """The request as whoever asks sent it, and the prefix a proxy took off its path ("" where none says so).

    Nothing of what proxies say is left in its headers: nobody below can believe it by mistake.
    """
    headers = Headers(scope=scope)
    peer = address_of(scope)
    kept = [(name, value) for name, value in scope["headers"] if not _TOLD.fullmatch(name.lower())]
    changed = {**scope, "headers": kept, "client": (counted_as(peer), 0)}
    if not trusted.include(peer):
        return changed, ""
    chain = [one.strip() for line in headers.getlist("x-forwarded-for") for one in line.split(",") if one.strip()]
    changed["client"] = (counted_as(trusted.client(chain or headers.getlist("x-real-ip"), peer)), 0)
    scheme = _first(headers, "x-forwarded-proto").lower()
    if scheme in PORTS:
        secure = {"http": "ws", "https": "wss"} if scope["type"] == "websocket" else {}
        changed["scheme"] = secure.get(scheme, scheme)
    host = _first(headers, "x-forwarded-host") or headers.get("host", "")
    port = _first(headers, "x-forwarded-port")
    if port.isdecimal() and int(port) != PORTS.get(scheme, 80) and ":" not in host.rpartition("]")[2]:
        host = f"{host}:{port}"
    changed["headers"] = _with_host(kept, host)
    prefix = _first(headers, "x-forwarded-prefix").rstrip("/")
    return changed, prefix if _PREFIX.fullmatch(prefix) else ""


def rebased(scope: Scope, root: RootPath) -> Scope:
    """The request as one below `root`, whether or not a proxy took the prefix off its path."""
    changed = dict(scope)
    if root.host:
        changed["headers"] = _with_host(scope["headers"], root.host)
        changed["scheme"] = root.scheme
    path, prefix = scope["path"], root.prefix
    if prefix:
        below = is_under(path, prefix)
        raw = scope.get("raw_path") or path.encode()
        changed |= {"root_path": prefix, "path": path if below else prefix + path}
        changed["raw_path"] = raw if below else prefix.encode() + raw
    return changed


def _with_host(headers: Iterable[tuple[bytes, bytes]], host: str) -> list[tuple[bytes, bytes]]:
    others = [(name, value) for name, value in headers if name.lower() != b"host"]
    return [*others, (b"host", host.encode("latin-1"))] if host else others


def _first(headers: Headers, name: str) -> str:
    return headers.get(name, "").partition(",")[0].strip()


def _bare(address: str) -> str:
    """An address of X-Forwarded-For without quotes, brackets and port."""
    address = address.strip('"')
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
