"""Credentials, the cookie of who signed in, and the brake on guessing."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256

from ...errors import TooManyRequests
from ...jobs.rate import Rate

log = logging.getLogger(__name__)
COOKIE = "sam2_painter"
SIGNED_IN_SECONDS = 7 * 24 * 3600
FAILURES_PER_MINUTE = 10
FIRST_DELAY, LONGEST_DELAY = 0.25, 4.0
MOST_COOKIES = 64
"""Cookies of one request that are looked at: a browser that knows other servers of this name sends several of ours."""


class SignIn:
    """Knows who may pass. Without credentials and token everybody may, and nobody is an operator.

    credentials: (user, password). token: for `Authorization: Bearer`, and as a password with any user name.

    Guessing is slow, and yet nobody can lock the owner out by it: a wrong password makes the next ones of its address
    wait, right or wrong alike, so that only who waits learns which it was. The right one opens after that wait however
    many wrong ones there were. A cookie and a token, which are too long to guess, open at once.
    """

    def __init__(
        self,
        credentials: tuple[str, str] | None = None,
        token: str = "",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ):
        self.credentials, self.token = credentials, token
        self.own_token = secrets.token_urlsafe(32)  # for what this process asks itself
        self._clock, self._sleep = clock, sleep
        self._key = secrets.token_bytes(32)  # cookies end with the process that gave them
        self._signed_out: dict[str, float] = {}  # the number of a cookie: when it ends anyway
        self._failures = Rate(FAILURES_PER_MINUTE, "failed sign-ins")

    @property
    def required(self) -> bool:
        """Whether anybody has to sign in."""
        return bool(self.credentials or self.token)

    async def check(self, address: str, authorization: str, cookies: str) -> bool:
        """Whether a request with these headers comes from somebody signed in.

        Wrong credentials take longer with each try. Raises TooManyRequests after too many of them from one address.
        """
        if self.knows(cookies):
            return True
        scheme, _, value = authorization.partition(" ")
        value = value.strip()
        if scheme.lower() == "bearer":
            right = _equal(value, self.token) | _equal(value, self.own_token)
            return right or await self._slowed(address, False)
        if scheme.lower() == "basic":
            user, _, password = _decode_basic(value).partition(":")
            return await self.try_password(address, user, password)
        return False

    async def try_password(self, address: str, user: str, password: str) -> bool:
        """Whether this is the user and the password, or the token as a password. Slowed like `check`."""
        expected_user, expected = self.credentials or ("", "")
        right = _equal(user, expected_user) & _equal(password, expected)
        return await self._slowed(address, right | _equal(password, self.token))

    def cookie(self, secure: bool, path: str = "/", framed: bool = False) -> str:
        """The Set-Cookie header of somebody who just signed in.

        path: below which the server is reached. framed: for the page in a frame of another site, where browsers keep
        no other kind of cookie; it is kept apart for that site, and needs a secure connection (https, or loopback).
        """
        signed = f"{int(self._clock()) + SIGNED_IN_SECONDS}-{secrets.token_hex(8)}"
        kind = "SameSite=None; Secure; Partitioned" if framed else "SameSite=Lax" + ("; Secure" if secure else "")
        value = f"{signed}.{self._sign(signed)}"
        return f"{COOKIE}={value}; Path={path}; Max-Age={SIGNED_IN_SECONDS}; HttpOnly; {kind}"

    def sign_out(self, cookies: str) -> None:
        """End the sign-ins these cookies stand for: they open nothing any more."""
        now = self._clock()
        for number, ends in self._ours(cookies):
            self._signed_out[number] = ends
        self._signed_out = {number: ends for number, ends in self._signed_out.items() if ends > now}

    def knows(self, cookies: str) -> bool:
        """Whether one of these cookies was given to somebody who signed in, and has not ended."""
        return bool(self._ours(cookies))

    def _ours(self, cookies: str) -> list[tuple[str, float]]:
        """Number and end of those cookies that are ours and have not ended."""
        found = []
        for value in cookies_named(COOKIE, cookies)[:MOST_COOKIES]:
            signed, _, signature = value.partition(".")
            if not _equal(signature, self._sign(signed)):
                continue
            ends, _, number = signed.partition("-")  # we signed it: a time and a number
            if float(ends) > self._clock() and number not in self._signed_out:
                found.append((number, float(ends)))
        return found

    async def _slowed(self, address: str, right: bool) -> bool:
        failed = self._failures.counted(address)
        if not right:
            self._count_failure(address, failed)
        if failed or not right:
            await self._sleep(min(LONGEST_DELAY, FIRST_DELAY * 2**failed))
        if not right and failed >= FAILURES_PER_MINUTE:
            raise TooManyRequests("Too many failed sign-ins. Wait a minute.", 60.0)
        return right

    def _count_failure(self, address: str, failed: int) -> None:
        if failed < FAILURES_PER_MINUTE:
            self._failures.count(address)
            fields = {"address": address, "failures": failed + 1}
            log.warning("failed sign-in", extra={"fields": fields})
        if failed == FAILURES_PER_MINUTE - 1:
            log.warning(
                "failed sign-ins: no more are logged of this address in this minute",
                extra={"fields": {"address": address}},
            )

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), sha256).hexdigest()


def cookies_named(name: str, header: str) -> list[str]:
    """The values of the cookies of this name in a Cookie header, in its order.

    >>> cookies_named("a", "a=1; b=2; a=3")
    ['1', '3']
    """
    pairs = (pair.partition("=") for pair in header.split(";"))
    return [value.strip() for found, _, value in pairs if found.strip() == name]


def _equal(given: str, expected: str) -> bool:
    """Compared in a time that tells nothing; never true for an empty secret."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()) and bool(expected)


def _decode_basic(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
