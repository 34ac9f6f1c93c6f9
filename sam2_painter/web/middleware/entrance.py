"""Who is let in: pages of other sites are refused, and where a sign-in is needed it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from ...errors import TooManyRequests
from ..error_responses import refuse, refuse_error
from . import signin_page
from .auth import COOKIE, SignIn, cookies_named
from .origins import SAFE_METHODS, Origins
from .paths import API, HEALTH, SHEET, address_of, is_under

SIGN_IN_BYTES, SIGN_IN_FIELDS = 4096, 16
SIGNED_IN = "signed_in"
"""In the address after a sign-in: who comes without the cookie then has a browser that does not keep it."""

HOW = "Sign in: send the user and password (Basic) or the token (Bearer) of this server."
AGAIN = "Sign in again: reload the page. The server was restarted, or you signed in a week ago."
NOT_KEPT = (
    "User and password are right, but your browser did not keep the sign-in. In a frame of another site it does so "
    "only over https, and where cookies are not blocked. Open the page in a tab of its own."
)


@dataclass(frozen=True)
class _Asked:
    """A request, as far as it matters here. path: below the server's root path."""

    scope: Scope
    headers: Headers
    path: str

    @property
    def method(self) -> str:
        return str(self.scope.get("method", "WEBSOCKET"))

    @property
    def address(self) -> str:
        return address_of(self.scope)

    @property
    def wants_page(self) -> bool:
        return "text/html" in self.headers.get("accept", "") and not is_under(self.path, API)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))

    @property
    def has_just_signed_in(self) -> bool:
        return SIGNED_IN in self.query

    def to(self, where: str, **more: str) -> str:
        """A relative address with the query of this one, such as the page's session, and more."""
        kept = {name: value for name, value in self.query.items() if name != SIGNED_IN} | more
        return where + (f"?{urlencode(kept)}" if kept else "")


class Entrance:
    """Decides over requests before anything answers them.

    status: all that /api/health tells those who did not sign in.
    """

    def __init__(self, sign_in: SignIn, origins: Origins, status: Callable[[], str] = lambda: "healthy"):
        self.sign_in, self.origins, self.status = sign_in, origins, status

    async def admit(self, scope: Scope, receive: Receive, headers: Headers, path: str) -> Response | None:
        """The answer that ends the request here, or None to go on. path: below the server's root path."""
        asked = _Asked(scope, headers, path)
        writes = asked.method not in SAFE_METHODS
        foreign = writes and self.origins.is_foreign(headers)
        if is_under(path, SHEET) and asked.method in ("GET", "HEAD"):
            return None  # its link is a secret of its own
        if not self.sign_in.required:
            return _foreign(asked) if foreign else None
        if path.rstrip("/") == "/login" and asked.method == "POST":
            return _foreign(asked) if foreign else await self._log_in(asked, receive)
        if path.rstrip("/") == "/logout" and asked.method in ("GET", "POST"):
            return _foreign(asked) if self.origins.is_foreign(headers) else self._log_out(asked)
        if not await self._is_signed_in(asked, writes):
            return self._ask(asked)
        if foreign:
            return _foreign(asked)
        scope.setdefault("state", {})["operator"] = True
        if asked.has_just_signed_in and asked.method == "GET" and path == "/":
            return RedirectResponse(asked.to("./"), 303)
        return None

    async def _is_signed_in(self, asked: _Asked, writes: bool) -> bool:
        """Whether the request brings a sign-in that counts.

        What a browser adds of its own accord (cookies, a remembered password) counts where only our own pages, or
        those named, can have made it ask, and where nothing is changed. A token it never adds.
        """
        own = not writes or self.origins.is_own(asked.headers)
        authorization, cookies = asked.headers.get("authorization", ""), asked.headers.get("cookie", "")
        bearer = authorization.lower().startswith("bearer ")
        counts = own or bearer or self.origins.is_named(asked.headers)
        return await self.sign_in.check(asked.address, authorization if counts else "", cookies if own else "")

    def _ask(self, asked: _Asked) -> Response | None:
        """The answer to somebody who did not sign in; None where that may be."""
        if asked.path == HEALTH and asked.method in ("GET", "HEAD"):
            return JSONResponse({"status": self.status()})
        if asked.method == "OPTIONS" and "access-control-request-method" in asked.headers:
            return None
        if asked.method == "GET" and asked.wants_page:
            return _page(asked, NOT_KEPT if asked.has_just_signed_in else "", 401)
        ended = bool(cookies_named(COOKIE, asked.headers.get("cookie", "")))
        ours = asked.headers.get("sec-fetch-site") == "same-origin" and not is_under(asked.path, API)
        if (ended or ours) and "authorization" not in asked.headers:
            return refuse(401, AGAIN)
        answer = refuse(401, HOW)
        if is_under(asked.path, API):  # not for the page's own requests: browsers would open a dialog of theirs
            answer.headers["WWW-Authenticate"] = 'Basic realm="SAM2 Painter", charset="UTF-8"'
        return answer

    async def _log_in(self, asked: _Asked, receive: Receive) -> Response:
        """A form with username and password, as the sign-in page and gradio_client send it."""
        form = await _small_form(Request(asked.scope, receive))
        if form is None:
            too_large = refuse(413, f"A sign-in is a form of at most {SIGN_IN_BYTES} bytes.")
            too_large.headers["Connection"] = "close"
            return too_large
        try:
            right = await self.sign_in.try_password(asked.address, form.get("username", ""), form.get("password", ""))
        except TooManyRequests as error:
            return _told(asked, refuse_error(error), str(error))
        if not right:
            wrong = "Wrong user or password."
            return _told(asked, refuse(401, wrong), wrong)
        answer: Response = JSONResponse({"success": True})
        if asked.wants_page:
            answer = RedirectResponse(asked.to("./", **{SIGNED_IN: "1"}), 303)
        framed = asked.headers.get("sec-fetch-dest", "") in ("iframe", "frame", "embed", "object")
        secure = asked.scope.get("scheme") in ("https", "wss")
        answer.headers["Set-Cookie"] = self.sign_in.cookie(secure, _cookie_path(asked.scope), framed)
        return answer

    def _log_out(self, asked: _Asked) -> Response:
        self.sign_in.sign_out(asked.headers.get("cookie", ""))
        answer = RedirectResponse("./", 303)
        answer.delete_cookie(COOKIE, path=_cookie_path(asked.scope))
        return answer


async def _small_form(request: Request) -> dict[str, str] | None:
    """The fields of a form of at most SIGN_IN_BYTES, counted as they come, whatever was announced; None for others."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > SIGN_IN_BYTES:
            return None
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=SIGN_IN_FIELDS))
    except ValueError:
        return None


def _foreign(asked: _Asked) -> Response:
    origin = asked.headers.get("origin", "null")
    why = "Pages of other sites may not use this server"
    if origin == "null":
        return _told(asked, refuse(403, f"{why}."), f"{why}.")
    said = (
        f"{why}; --cors-origins names those that may. This request comes from a page of {origin[:200]}, and the "
        f"server was asked as {asked.headers.get('host', '')}. If both are this server, a proxy in front of it changes "
        "the Host header: let it pass it on, or give the server's address with --root-path."
    )
    return _told(asked, refuse(403, said), said)


def _told(asked: _Asked, refusal: Response, message: str) -> Response:
    """A refusal, as a page where a browser shows it."""
    if not asked.wants_page:
        return refusal
    page = _page(asked, message, refusal.status_code)
    if "retry-after" in refusal.headers:
        page.headers["Retry-After"] = refusal.headers["retry-after"]
    return page


def _page(asked: _Asked, message: str, status: int) -> Response:
    """The page that asks for user and password, at whatever path it is shown."""
    action = asked.to("../" * (asked.path.count("/") - 1) + "login")
    tab = asked.to("./") if message == NOT_KEPT else ""
    return HTMLResponse(signin_page.render(message, action, tab), status)


def _cookie_path(scope: Scope) -> str:
    return str(scope.get("root_path", "")) + "/"
