"""Whether somebody is at the other end of an address, without asking them anything."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

SECONDS = 3.0


def can_connect(url: str, seconds: float = SECONDS) -> bool:
    """Whether a TCP connection to the host of `url` (or to the proxy for it) opens within `seconds`.

    Nothing is sent, so a service that starts machines on request starts none.
    """
    try:
        address = urlsplit(url)
        if address.hostname is None:
            return False
        proxy = getproxies().get(address.scheme)
        if proxy and not proxy_bypass(address.hostname):
            address = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        port = address.port or (80 if address.scheme == "http" else 443)
        socket.create_connection((address.hostname or "", port), seconds).close()
    except (OSError, ValueError):
        return False
    return True
