"""What a request may carry: bytes by endpoint, seconds in which they must come, and how much may be on its way at once.

Bytes are counted as they are read, and so are the values of JSON: what is too much is not waited for. A length that was
announced is believed only where it says "too large".
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from time import monotonic

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import Busy
from ..api.endpoints import WrongType
from ..api.json_bodies import ValueCount
from ..error_responses import refuse, refuse_error
from .paths import address_of, path_of

STALL_SECONDS = 30.0
"""How long nothing may come before a request counts as given up."""

RETRY_SECONDS = 5.0
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class BodyBudget:
    """Bytes of bodies that are being received or worked on: `total` for everybody, `each` for one address."""

    def __init__(self, total: int, each: int):
        self.total, self.each = total, each
        self._held: Counter[str] = Counter()
        self._sum = 0

    def take(self, address: str, count: int) -> None:
        """Hold `count` bytes more. Raises Busy where there is no room for them."""
        if self._sum + count > self.total or self._held[address] + count > self.each:
            raise Busy("Too much is being sent to this server at once. Try again in a few seconds.", RETRY_SECONDS)
        self._held[address] += count
        self._sum += count

    def give_back(self, address: str, count: int) -> None:
        """They are held no longer."""
        self._sum -= count
        self._held[address] -= count
        if self._held[address] <= 0:
            del self._held[address]

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._sum


class Bodies:
    """An ASGI application around `app`: cuts off requests that carry too much or take too long.

    most: the bytes a request to a path may carry. seconds: in which all of them must have come. budget: what may be on
    its way at once.
    """

    def __init__(self, app: ASGIApp, *, most: Callable[[str], int], seconds: float, budget: BodyBudget):
        self.app, self.most, self.seconds, self.budget = app, most, seconds, budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413, 408 or 503 itself, or let the application answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most, headers = self.most(path_of(scope)), Headers(scope=scope)
        if _announced(headers) > most:
            await _and_close(_too_large(most))(scope, receive, send)
            return
        values = None if _is_form(headers) else ValueCount()
        body = _Body(receive, most, self.seconds, self.budget, address_of(scope), values)
        begun = replaced = False

        async def finish(message: Message) -> None:
            nonlocal begun, replaced
            if replaced:
                return
            if body.refusal is not None and not begun:
                replaced = True
                await body.refusal(scope, body, send)
                return
            begun = True
            await send(message)

        try:
            await self.app(scope, body, finish)
            if body.refusal is not None and not begun and not replaced:
                await body.refusal(scope, body, send)
        except ClientDisconnect:
            if not begun and not replaced:
                await (body.refusal or refuse(400, "The request ended early."))(scope, body, send)
        finally:
            body.close()


class _Body:
    """`receive` that ends the request at a limit. refusal: what is to be answered then."""

    def __init__(
        self,
        receive: Receive,
        most: int,
        seconds: float,
        budget: BodyBudget,
        address: str,
        values: ValueCount | None,
    ):
        self.receive, self.most, self.seconds, self._values = receive, most, seconds, values
        self.refusal: Response | None = None
        self._budget, self._address, self._seen, self._taken = budget, address, 0, 0
        self._ends: float | None = monotonic() + seconds  # None: all of it is there

    async def __call__(self) -> Message:
        try:
            async with asyncio.timeout(self._patience()):
                message = await self.receive()
        except TimeoutError:
            return self._refused(_too_slow(self.seconds))
        if not message.get("more_body", False):
            self._ends = None
        count = len(message.get("body", b""))
        self._seen += count
        if self._seen > self.most:
            return self._refused(_too_large(self.most))
        try:
            if self._values is not None:
                self._values.add(message.get("body", b""))
            self._budget.take(self._address, count)
        except (Busy, WrongType) as error:
            return self._refused(refuse_error(error))
        self._taken += count
        return message

    def _patience(self) -> float | None:
        return None if self._ends is None else min(STALL_SECONDS, max(0.0, self._ends - monotonic()))

    def _refused(self, answer: Response) -> Message:
        self.refusal, self._ends = _and_close(answer), None
        return {"type": "http.disconnect"}

    def close(self) -> None:
        """The request was answered: nothing of its body is held any more."""
        self._budget.give_back(self._address, self._taken)
        self._taken = 0


def _and_close(answer: Response) -> Response:
    """The rest of the body is not waited for."""
    answer.headers["Connection"] = "close"
    return answer


def _too_large(most: int) -> Response:
    size = f"{most / 2**20:.0f} MB" if most >= 2**20 else f"{most} bytes"
    return refuse(413, f"The request is too large: at most {size} here.")


def _too_slow(limit: float) -> Response:
    return refuse(408, f"The request took longer than {limit:g} s to arrive; nothing was changed.")


def _is_form(headers: Headers) -> bool:
    """Whether it is read by other means than as JSON."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() in FORMS


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0
