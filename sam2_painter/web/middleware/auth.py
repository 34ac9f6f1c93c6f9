"""Who may come in: the credentials, the cookie of who signed in, and the brake on guessing."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

from ...errors import TooManyRequests
from .rate_limit import Rate

log = logging.getLogger(__name__)
COOKIE = "sam2_painter"
SIGNED_IN_SECONDS = 7 * 24 * 3600
FAILURES_PER_MINUTE = 10
FIRST_DELAY, LONGEST_DELAY = 0.25, 4.0


class SignIn:
    """The door's memory of who may pass. Without credentials and token everybody may, and nobody is an operator.

    credentials: (user, password). token: for `Authorization: Bearer`, and as a password with any user name.
    """

    def __init__(
        self,
        credentials: tuple[str, str] | None = None,
        token: str = "",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], asyncio.Future] = asyncio.sleep,  # type: ignore[assignment]
    ):
        self.credentials, self.token = credentials, token
        self._clock, self._sleep = clock, sleep
        self._key = secrets.token_bytes(32)  # cookies end with the process that gave them
        self._failures = Rate(FAILURES_PER_MINUTE, "failed sign-ins")

    @property
    def required(self) -> bool:
        """Whether anybody has to sign in."""
        return bool(self.credentials or self.token)

    async def check(self, address: str, authorization: str, cookies: str) -> bool:
        """Whether a request with these headers comes from somebody signed in.

        Wrong credentials take longer with each try. Raises TooManyRequests after too many of them from one address.
        """
        if self._is_ours(cookies):
            return True
        scheme, _, value = authorization.partition(" ")
        value = value.strip()
        if scheme.lower() == "bearer":
            return await self._slowed(address, _equal(value, self.token))
        if scheme.lower() == "basic":
            user, _, password = _decode_basic(value).partition(":")
            return await self.try_password(address, user, password)
        return False

    async def try_password(self, address: str, user: str, password: str) -> bool:
        """Whether this is the user and the password, or the token as a password. Slowed like `check`."""
        expected_user, expected = self.credentials or ("", "")
        right = _equal(user, expected_user) & _equal(password, expected)
        return await self._slowed(address, right | _equal(password, self.token))

    def cookie(self, secure: bool) -> str:
        """The Set-Cookie header of somebody who just signed in."""
        ends = str(int(self._clock()) + SIGNED_IN_SECONDS)
        flags = "; Secure" if secure else ""
        return f"{COOKIE}={ends}.{self._sign(ends)}; Path=/; Max-Age={SIGNED_IN_SECONDS}; HttpOnly; SameSite=Lax{flags}"

    async def _slowed(self, address: str, right: bool) -> bool:
        if self._failures.counted(address) >= FAILURES_PER_MINUTE:  # right or wrong: guessing must not pay
            raise TooManyRequests("Too many failed sign-ins. Wait a minute.", 60.0)
        if not right:
            failed = self._failures.counted(address)
            self._failures.count(address)
            log.warning("failed sign-in", extra={"fields": {"address": address, "failures": failed + 1}})
            await self._sleep(min(LONGEST_DELAY, FIRST_DELAY * 2**failed))
        return right

    def _is_ours(self, cookies: str) -> bool:
        try:
            morsel = SimpleCookie(cookies).get(COOKIE)
        except CookieError:
            return False
        ends, _, signature = (morsel.value if morsel else "").partition(".")
        if not _equal(signature, self._sign(ends)):
            return False
        return int(ends) > self._clock()  # a number: we signed it

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), sha256).hexdigest()


def _equal(given: str, expected: str) -> bool:
    """Compared in a time that tells nothing; never true for an empty secret."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()) and bool(expected)


def _decode_basic(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
