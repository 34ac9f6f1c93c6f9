"""The names a server answers to.

A browser that was led to a name of somebody else's which points to this machine (DNS rebinding) takes what answers
there for that somebody's own site. So a server answers only to names that nobody else can point here: loopback names,
addresses, its own name, and those it was told.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from .errors import InvalidInput

ANY = "*"
_HOST = re.compile(r"(?P<name>[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?", re.IGNORECASE | re.ASCII)
_PATTERN = re.compile(r"(?:\*?\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[?[0-9a-f:.]+\]?", re.IGNORECASE | re.ASCII)


def split_host(header: str) -> tuple[str, int | None]:
    """Name and port of a Host header, the name in small letters, an IPv6 address without brackets.

    Raises ValueError where it is none.

    >>> split_host("Painter.lan:7860"), split_host("[::1]")
    (('painter.lan', 7860), ('::1', None))
    """
    match = _HOST.fullmatch(header)
    if match is None:
        raise ValueError(header)
    name = match["name"].lower().rstrip(".")
    if name.startswith("["):
        name = str(ip_address(name[1:-1]))
    if not name:
        raise ValueError(header)
    return name, int(match["port"]) if match["port"] else None


def is_address(name: str) -> bool:
    """Whether a name without brackets is an IP address.

    >>> is_address("192.168.1.5"), is_address("::1"), is_address("painter.lan")
    (True, True, False)
    """
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class AllowedHosts:
    """Which names are answered to.

    names: in small letters; ".example.com" is every name below example.com and itself, "*" is every name. Loopback
    names and addresses need no mention: no other site can take an address for its name.
    """

    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str, field: str = "allowed_hosts") -> AllowedHosts:
        """From names by commas, as `--allowed-hosts` takes them. Raises InvalidInput.

        >>> sorted(AllowedHosts.parse("paint.example.com, *.lan").names)
        ['.lan', 'paint.example.com']
        """
        names = [one.strip().lower() for one in text.split(",") if one.strip()]
        for name in names:
            if name != ANY and not _PATTERN.fullmatch(name):
                flag = "--" + field.replace("_", "-")
                raise InvalidInput(
                    f"{flag} must be names by commas, like paint.example.com or *.example.com, got {name!r}", field
                )
        return cls(frozenset(name if name == ANY else name.removeprefix("*").strip("[]") for name in names))

    def and_also(self, *names: str) -> AllowedHosts:
        """These and others."""
        return AllowedHosts(self.names.union(name.lower() for name in names if name))

    def allow(self, name: str) -> bool:
        """Whether to answer to a name, given as `split_host` gives it.

        >>> hosts = AllowedHosts.parse("*.example.com")
        >>> hosts.allow("a.example.com"), hosts.allow("localhost"), hosts.allow("10.0.0.7"), hosts.allow("evil.example")
        (True, True, True, False)
        """
        if ANY in self.names or name in self.names or is_address(name):
            return True
        if name == "localhost" or name.endswith(".localhost"):
            return True
        below = name.split(".")
        return any("." + ".".join(below[i:]) in self.names for i in range(len(below)))


def own_names(host: str) -> tuple[str, ...]:
    """What a server that listens on `host` is called: that name, or on every interface those of the machine."""
    bare = host.strip("[]")
    if not is_address(bare):
        return (bare,)
    if not ip_address(bare).is_unspecified:
        return ()
    machine = socket.gethostname().lower()
    return (machine, f"{machine.partition('.')[0]}.local")


_HUBS = ("JUPYTERHUB_SERVICE_PREFIX", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE")
"""Variables that are set where a hub runs notebooks for people."""


def hosted_names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What a server in a notebook or on a host that others run is reached by, as far as its environment says so.

    In a hub's notebook the browser is never on this machine, and its name is the hub's: every name is answered to.
    """
    if any(environ.get(name) for name in _HUBS):
        return (ANY,)
    names = [one.strip() for one in environ.get("SPACE_HOST", "").split(",")]  # a Space of Hugging Face
    if environ.get("CODESPACE_NAME"):
        domain = environ.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN") or "app.github.dev"
        names.append(f".{domain}")
    return tuple(name.lower() for name in names if name)


def hosted_frames(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The origins of sites that show what they host in a frame of theirs."""
    return ("https://huggingface.co",) if environ.get("SPACE_HOST") else ()
