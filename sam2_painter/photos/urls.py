"""Photos by their web address, read so that nobody is led to machines inside (server-side request forgery).

Every name is looked up once, every address it has must be a public one, and the connection goes to the address that
was checked. Redirects are followed the same way, one by one.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urljoin, urlsplit

from ..errors import InvalidInput
from .sources import MAX_BYTES, check_bytes

if TYPE_CHECKING:
    import httpx

SCHEMES = ("http", "https")
MAX_REDIRECTS = 5
CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 20.0
MAX_LENGTH = 2000
Lookup = Callable[[str, int], Iterable[str]]


def is_url(text: str) -> bool:
    """Whether text is meant as a web address."""
    return text[:8].lower().startswith(("http://", "https://"))


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def fetch(url: str, max_bytes: int = MAX_BYTES, *, lookup: Lookup = look_up) -> tuple[bytes, str]:
    """The bytes at a web address, and the file name its path ends with.

    Raises InvalidInput, with a sentence for whoever gave the address, when it leads inside, nowhere or too far, and
    TooLarge above max_bytes.
    """
    import httpx

    with (
        _Limit(TOTAL_SECONDS) as limit,
        httpx.Client(follow_redirects=False, trust_env=False, timeout=CONNECT_SECONDS) as client,
    ):
        for _ in range(MAX_REDIRECTS + 1):
            request, host = _request(client, url, lookup)
            request.extensions["trace"] = limit.note
            try:
                response = client.send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        data = _read(response, host, max_bytes)
                        limit.check(host)
                        return data, unquote(urlsplit(url).path.rpartition("/")[2])
                    with _readable():
                        url = urljoin(url, response.headers["location"])
                finally:
                    response.close()
            except httpx.HTTPError as error:
                limit.check(host)
                raise InvalidInput(f"{host} gave no photo ({type(error).__name__}).", "photo") from None
    raise InvalidInput(f"{host} leads on and on: more than {MAX_REDIRECTS} redirects.", "photo")


class _Limit:
    """A context manager that ends all its connections after so many seconds, wherever they are: a server that sends a
    byte now and then, head or body, never comes to the end of a timeout for one byte."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._over = False
        self._sockets: list[socket.socket] = []
        self._guard = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def note(self, event: str, told: Mapping[str, Any]) -> None:
        """httpcore tells of each connection here (its "trace" extension)."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            with self._guard:
                self._sockets.append(told["return_value"].get_extra_info("socket"))
            if self._over:
                self._end()

    def check(self, host: str) -> None:
        """Raises InvalidInput where it was ended, for then what came is not all."""
        if self._over:
            raise InvalidInput(f"{host} takes longer than {self.seconds:g} s to send the photo.", "photo")

    def _end(self) -> None:
        self._over = True
        with self._guard:
            for one in self._sockets:
                with suppress(OSError):  # it is closed already
                    socket.socket.shutdown(one, socket.SHUT_RDWR)  # of TLS, without a farewell that could wait


def _request(client: httpx.Client, url: str, lookup: Lookup) -> tuple[httpx.Request, str]:
    """The request for `url`, to the address that was checked, and the name it is for."""
    with _readable():
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme not in SCHEMES or not host or parts.username or parts.password or len(url) > MAX_LENGTH:
        raise InvalidInput("A photo's address begins with http:// or https:// and names a server, no user.", "photo")
    try:
        addresses = list(lookup(host, port))
    except (OSError, UnicodeError):
        raise InvalidInput(f"There is no server {host}.", "photo") from None
    if not addresses or not all(_is_public(address) for address in addresses):
        raise InvalidInput(f"{host} is not a public server: photos are fetched from public ones only.", "photo")
    address = addresses[0]
    netloc = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    with _readable():
        name = host if ":" in host else host.encode("idna").decode()  # bücher.example as it is sent
        told = (f"[{name}]" if ":" in name else name) + (f":{parts.port}" if parts.port else "")
        headers = {"host": told, "accept": "image/*", "accept-encoding": "identity", "user-agent": "sam2-painter"}
        request = client.build_request(
            "GET",
            parts._replace(netloc=netloc, fragment="").geturl(),
            headers=headers,
            extensions={"sni_hostname": name},
        )
    return request, host


@contextmanager
def _readable() -> Iterator[None]:
    """InvalidInput for an address that cannot be taken apart, or not be sent: half an IPv6 address, control
    characters."""
    import httpx

    try:
        yield
    except (ValueError, httpx.InvalidURL):
        raise InvalidInput("The address of the photo cannot be read.", "photo") from None


_HOLD_IPV4 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("::/96"))
"""Addresses of IPv6 that end with one of IPv4, which a gateway may go on to."""


def _is_public(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    if any(found in network for network in _HOLD_IPV4):
        inner = IPv4Address(int(found) & 0xFFFFFFFF)
    local = found.is_multicast or getattr(found, "is_site_local", False)  # fec0::/10, which counts as global
    return found.is_global and not local and (inner is None or inner.is_global)


def _read(response: httpx.Response, host: str, max_bytes: int) -> bytes:
    if response.status_code != 200:
        raise InvalidInput(f"{host} answered {response.status_code} instead of a photo.", "photo")
    length = response.headers.get("content-length", "")
    check_bytes(int(length) if length.isdecimal() else 0, max_bytes)
    data = bytearray()
    for chunk in response.iter_raw():
        data += chunk
        check_bytes(len(data), max_bytes)
    return bytes(data)
