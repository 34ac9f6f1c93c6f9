"""Who is let in: pages of other sites are refused, and where a sign-in is needed it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from ..error_responses import refuse
from . import signin_page
from .auth import COOKIE, SignIn
from .origins import Origins
from .paths import API, HEALTH, STARTUP, is_under

SIGN_IN_BYTES = 4096


class Entrance:
    """Decides over requests before anything answers them.

    status: all that /api/health tells those who did not sign in. Until `started` is set, Gradio's own start-up call
    needs no sign-in.
    """

    def __init__(self, sign_in: SignIn, origins: Origins, status: Callable[[], str] = lambda: "ok"):
        self.sign_in, self.origins, self.status = sign_in, origins, status
        self.started = False

    async def admit(self, scope: Scope, receive: Receive, headers: Headers, path: str) -> Response | None:
        """The answer that ends the request here, or None to go on. path: below the server's root path."""
        method, address = scope.get("method", "GET"), (scope.get("client") or ("",))[0]
        foreign = self.origins.is_foreign(headers)
        if foreign and headers.get("sec-fetch-site") == "cross-site" and method not in ("GET", "HEAD", "OPTIONS"):
            return refuse(403, "Pages of other sites may not use this server; --cors-origins names those that may.")
        if not self.sign_in.required or (method == "OPTIONS" and "access-control-request-method" in headers):
            return None
        if path.rstrip("/") == "/login" and method == "POST":
            return await self._log_in(Request(scope, receive), address)
        if path.rstrip("/") == "/logout":
            response = RedirectResponse("./", 303)
            response.delete_cookie(COOKIE)
            return response
        # A page of another site may make the browser send what it remembers; that is nobody's sign-in.
        remembered = foreign or headers.get("sec-fetch-site") == "cross-site"
        authorization, cookies = headers.get("authorization", ""), headers.get("cookie", "")
        if not remembered and await self.sign_in.check(address, authorization, cookies):
            scope.setdefault("state", {})["operator"] = True
            return None
        if path == HEALTH and method in ("GET", "HEAD"):
            return JSONResponse({"status": self.status()})
        if path == STARTUP and not self.started:
            return None
        if method == "GET" and not is_under(path, API) and "text/html" in headers.get("accept", ""):
            return HTMLResponse(signin_page.render(), 401)
        answer = refuse(401, "Sign in: send the user and password (Basic) or the token (Bearer) of this server.")
        if is_under(path, API):  # not for the page's own requests: browsers would open a dialog of theirs
            answer.headers["WWW-Authenticate"] = 'Basic realm="SAM2 Painter", charset="UTF-8"'
        return answer

    async def _log_in(self, request: Request, address: str) -> Response:
        """A form with username and password, as the sign-in page and gradio_client send it."""
        wants_page = "text/html" in request.headers.get("accept", "")
        announced = request.headers.get("content-length", "")
        if not announced.isdecimal() or not 0 < int(announced) <= SIGN_IN_BYTES:
            return refuse(413, f"A sign-in is a form of at most {SIGN_IN_BYTES} bytes.")
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if not await self.sign_in.try_password(address, form.get("username", ""), form.get("password", "")):
            wrong = "Wrong user or password."
            return HTMLResponse(signin_page.render(wrong), 401) if wants_page else refuse(401, wrong)
        answer: Response = RedirectResponse("./", 303) if wants_page else JSONResponse({"success": True})
        answer.headers["Set-Cookie"] = self.sign_in.cookie(secure=request.url.scheme == "https")
        return answer
