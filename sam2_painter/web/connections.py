"""Connections to the HTTP server: how many there may be, and how long one may keep us waiting.

Each costs a file descriptor, and one whose client does not read keeps its answer in memory.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .loop_time import BYTE_SECONDS, CONNECTION_SECONDS, LoopTime
from .middleware.proxies import counted_as

log = logging.getLogger(__name__)
_FULL = "There are too many connections to this server. Try again in a few seconds."
_UNHEARD = "This server was asked too much from your address, again and again. Wait a minute."
DRAIN_SECONDS, DRAIN_BYTES = 5.0, 128 * 2**20
"""How long, and how much, a client may go on sending after its answer."""
DRAIN_SIGN_IN = 2**20
"""The same for who is just signing in: nobody does with so much."""

RESERVED_DESCRIPTORS = 256
"""Files that are open for other reasons: the database, photos, libraries."""


@dataclass
class Connections:
    """The connections that are open, and what is allowed. Of IPv6 a network of 2^64 addresses counts as one.

    most: of them, and most_each of one address. is_proxy: whether an address speaks for many, and is not limited
    by itself. ignores_refusals: whether an address was refused often and goes on asking: it is turned away unheard.
    head_seconds: in which the head of a request must have come. read_seconds: in which a client must take least_read
    bytes of an answer. most_unread: bytes of answers that one address may leave untaken. loop_time: what is left to
    each address.
    """

    most: int
    most_each: int
    is_proxy: Callable[[str], bool] = lambda address: False
    ignores_refusals: Callable[[str], bool] = lambda address: False
    head_seconds: float = 20.0
    read_seconds: float = 30.0
    least_read: int = 32 * 1024
    most_unread: int = 256 * 2**20
    loop_time: LoopTime = field(default_factory=LoopTime, repr=False)
    by_address: Counter[str] = field(default_factory=Counter)
    waiting: set[Connection] = field(default_factory=set, repr=False)

    def admit(self, address: str) -> bytes:
        """Count one more of this address, if there is room for it: nothing, or else the answer that turns it away."""
        single = not self.is_proxy(address)
        if single and self.ignores_refusals(address):
            return _answer("429 Too Many Requests", _UNHEARD, 30)
        if sum(self.by_address.values()) >= self.most or (single and self.by_address[address] >= self.most_each):
            log.warning("too many connections", extra={"fields": {"address": address}})
            return _answer("503 Service Unavailable", _FULL, 5)
        self.by_address[address] += 1
        return b""

    def wait(self, address: str) -> float:
        """Seconds until this address may be served again; a proxy speaks for many, and need not wait."""
        return 0.0 if self.is_proxy(address) else self.loop_time.wait(address)

    def leave(self, address: str) -> None:
        """One that was admitted is gone."""
        self.by_address[address] -= 1
        if self.by_address[address] <= 0:
            del self.by_address[address]

    def unread(self, address: str) -> int:
        """Bytes of answers that wait for clients of this address to take them."""
        return sum(one.unread for one in self.waiting if one.address == address)


def _answer(status: str, sentence: str, retry_after: int) -> bytes:
    body = f'{{"detail":"{sentence}"}}'
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nRetry-After: {retry_after}\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class _Transport:
    """A transport whose `close` lets a client that is still sending read its answer first.

    A socket that is closed with something unread in it resets the connection, and the client never sees why its photo
    was too large. So we stop writing, and throw away what comes for a while.
    """

    def __init__(self, transport: asyncio.Transport, is_sending: Callable[[], bool], most: Callable[[], int]):
        self._transport, self._is_sending, self._most = transport, is_sending, most
        self._ends: asyncio.TimerHandle | None = None
        self._drained = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def is_draining(self) -> bool:
        """Whether what comes is thrown away."""
        return self._ends is not None

    def is_closing(self) -> bool:
        """Whether nothing more will be answered."""
        return self.is_draining or self._transport.is_closing()

    def close(self) -> None:
        """Close at once, or once the client has stopped sending."""
        if self.is_draining:
            return
        if self._transport.is_closing() or not self._is_sending():
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:  # it has hung up
            self._transport.close()
            return
        self._ends = asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._transport.abort)
        self._transport.resume_reading()

    def drain(self, count: int) -> None:
        """So many bytes came and were thrown away."""
        self._drained += count
        if self._drained > self._most():
            self._transport.abort()

    def closed(self) -> None:
        """The connection is gone."""
        if self._ends is not None:
            self._ends.cancel()


class Connection(H11Protocol):
    """One connection. What uvicorn does with it stays as it is; this one ends it where it keeps us waiting.

    counted: with all others; a server sets it in a class of its own.
    """

    counted: Connections

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.address, self._admitted = "", False
        self._timer: asyncio.TimerHandle | None = None
        self._later: asyncio.TimerHandle | None = None
        self._left = 0
        self._closing: _Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, or turn it away."""
        peer = transport.get_extra_info("peername")
        peer_address = str(peer[0]) if isinstance(peer, tuple) else ""
        self.address = peer_address if self.counted.is_proxy(peer_address) else counted_as(peer_address)
        self.counted.loop_time.charge(self.address, CONNECTION_SECONDS)
        if refusal := self.counted.admit(self.address):
            transport.write(refusal)
            transport.close()
            return
        self._admitted = True
        _send_at_once(transport)
        self._closing = _Transport(transport, self._is_sending, self._most_drained)
        super().connection_made(self._closing)  # type: ignore[arg-type]
        self._wait(self.counted.head_seconds, self._no_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no more."""
        self._stop_waiting()
        if self._later is not None:
            self._later.cancel()
        if self._closing is not None:
            self._closing.closed()
        if self._admitted:
            self._admitted = False
            self.counted.leave(self.address)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head must be complete within its time."""
        if not self._admitted or self._closing is None:
            return
        if self._closing.is_draining:
            self.counted.loop_time.charge(self.address, len(data) * BYTE_SECONDS)
            self._closing.drain(len(data))
            self._is_early()
            return
        super().data_received(data)
        if self._is_answering:
            if self not in self.counted.waiting:
                self._stop_waiting()
        elif self._timer is None:
            self._wait(self.counted.head_seconds, self._no_head)

    def handle_events(self) -> None:
        """Work on what came, once the address has time of the loop left."""
        if self._is_early():
            return
        with self.counted.loop_time.charging(self.address):
            super().handle_events()

    def _is_early(self) -> bool:
        """Whether the address has had too much of the loop: then nothing more is read, until it may be."""
        wait = self.counted.wait(self.address)
        if wait and self._later is None:
            self.flow.pause_reading()
            self._later = self.loop.call_later(wait, self._go_on)
        return self._later is not None

    def _go_on(self) -> None:
        self._later = None
        self.flow.resume_reading()
        if not self.transport.is_closing():  # else what comes is thrown away
            self.handle_events()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; a request that is being worked on, and whose body this was, gets no other answer."""
        if self._is_answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        super().send_400_response(msg)

    def eof_received(self) -> None:
        """Nothing more will be asked."""
        if self._admitted:
            super().eof_received()

    def pause_writing(self) -> None:
        """The client takes its answer slowly: it must take some of it in time, and leave not too much."""
        super().pause_writing()
        self.counted.waiting.add(self)
        self._left = self.unread
        self._wait(self.counted.read_seconds, self._not_read)
        if not self.counted.is_proxy(self.address) and self.counted.unread(self.address) > self.counted.most_unread:
            self._end("too much unread")

    def resume_writing(self) -> None:
        """It has taken it."""
        self._stop_waiting()
        super().resume_writing()

    @property
    def unread(self) -> int:
        """Bytes that wait to be taken."""
        with suppress(AttributeError):
            return int(self.transport.get_write_buffer_size())
        return 0

    def _is_sending(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY or bool(self.conn.trailing_data[0])

    def _most_drained(self) -> int:
        path: str = self.scope["path"] if self.scope else ""
        return DRAIN_SIGN_IN if path.rstrip("/").endswith("/login") else DRAIN_BYTES

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self, seconds: float, then: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        self.counted.waiting.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _no_head(self) -> None:
        self._timer = None
        if not self._is_answering and not self.transport.is_closing():
            self._end("no request came")

    def _not_read(self) -> None:
        self._timer = None
        left = self.unread
        if left == 0:
            return
        if self._left - left < self.counted.least_read:
            self._end("the answer was not read")
            return
        self._left = left
        self._wait(self.counted.read_seconds, self._not_read)

    def _end(self, why: str) -> None:
        log.info("connection ended", extra={"fields": {"address": self.address, "why": why}})
        self.transport.abort()


def raise_descriptor_limit(wanted: int) -> int:
    """Let this process open up to `wanted` files where the system allows it; how many it may open now."""
    try:
        import resource
    except ImportError:  # another system, without this limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    most = wanted if hard == unlimited else min(wanted, hard)
    if soft != unlimited and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted if soft == unlimited else soft


def _send_at_once(transport: asyncio.Transport) -> None:
    """Switch Nagle's algorithm off: with it the body of an answer waits until the client has acknowledged the head,
    which costs 40 ms. asyncio does this only where the listening socket names its protocol, and ours does not."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
