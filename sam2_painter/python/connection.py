"""Asking a SAM2 Painter server over plain HTTP: replies as values, refusals as the errors they were on the server."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from .. import errors
from ..errors import Busy, InvalidInput, NotFound, PainterError, ServerUnavailable, SessionNotFound, SignInRequired

if TYPE_CHECKING:
    import httpx

CONNECT, PATIENCE = 10.0, 600.0
"""Seconds to reach the server, and to wait for one of its answers: its own limits end before."""

MAX_REPLY = 2**30
"""Bytes of one answer: the largest project file."""

MAX_SENTENCE = 1000
"""Characters of what a server says went wrong."""

_SAME_STATUS: dict[int, type[PainterError]] = {
    401: SignInRequired,
    404: NotFound,
    409: errors.Conflict,
    413: errors.TooLarge,
    415: errors.NotAnImage,
    504: errors.TimeLimitExceeded,
}
"""Errors by status, where the server did not name them."""


class Answer(NamedTuple):
    """What a server answered, all of it."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Connection:
    """A server's `/api`. url: of its page, a path under a proxy included. token: its --auth-token. auth: (user,
    password) of its --auth. Each process has connections of its own."""

    def __init__(self, url: str, token: str = "", auth: tuple[str, str] | None = None):
        self.url = _page_url(url)
        self._token, self._auth = token, auth
        self._clients: dict[int, httpx.Client] = {}

    def __repr__(self) -> str:
        return f"<Connection {self.url}>"

    def get(self, path: str, /, *parts: str, **query: object) -> Any:
        """The reply to GET /api/PATH/PARTS."""
        given = {name: _query(value) for name, value in query.items() if value is not None}
        return self._json(self._ask("GET", _under(path, parts), params=given))

    def post(self, path: str, /, **fields: object) -> Any:
        """The reply to POST /api/PATH with JSON."""
        given = {name: value for name, value in fields.items() if value is not None}
        return self._json(self._ask("POST", path, json=given))

    def send(self, path: str, filename: str, data: bytes, /, **fields: str) -> Any:
        """The reply to POST /api/PATH with a file."""
        return self._json(self._ask("POST", path, files={"file": (filename, data)}, data=fields))

    def delete(self, path: str, *parts: str) -> Any:
        """The reply to DELETE /api/PATH/PARTS."""
        return self._json(self._ask("DELETE", _under(path, parts)))

    def fetch(self, path: str) -> bytes:
        """The file at /api/PATH."""
        return self._ask("GET", path).content

    def _ask(self, method: str, path: str, **body: Any) -> Answer:
        import httpx

        try:
            with self._client().stream(method, f"{self.url}/api{path}", **body) as response:
                answer = Answer(response.status_code, response.headers, self._read(response))
        except httpx.InvalidURL as error:
            raise InvalidInput(f"url {self.url} cannot be read ({error}).", "url") from None
        except httpx.TimeoutException:
            raise self._late() from None
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise ServerUnavailable(f"{self.url} cannot be reached ({why}). Is it up, and the address right?") from None
        if 200 <= answer.status < 300 and _is_ours(answer):
            return answer
        raise self._refusal(answer)

    def _late(self) -> ServerUnavailable:
        return ServerUnavailable(f"{self.url} did not answer in time. Is it up, and reachable from here?")

    def _read(self, response: httpx.Response) -> bytes:
        """All of an answer. Raises ServerUnavailable for one without end."""
        data, ends = bytearray(), time.monotonic() + PATIENCE
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > MAX_REPLY:
                raise ServerUnavailable(f"{self.url} answered with more than {MAX_REPLY // 2**20} MB.")
            if time.monotonic() > ends:
                raise self._late()
        return bytes(data)

    def _json(self, answer: Answer) -> Any:
        """The object in an answer; ServerUnavailable for what is none, and for a field that is not in it."""
        url = self.url

        class Reply(dict[str, Any]):
            """An object of the server's."""

            def __missing__(self, name: str) -> Any:
                raise _no_server(url, f"its answer lacks {name!r}")

        try:
            reply = json.loads(answer.content, object_hook=Reply)
        except (ValueError, RecursionError):
            raise _no_server(url, "its answer is no JSON") from None
        if not isinstance(reply, Reply):
            raise _no_server(url, "its answer is no object")
        return reply

    def _client(self) -> httpx.Client:
        import httpx

        process = os.getpid()
        if process not in self._clients:
            headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            timeout = httpx.Timeout(PATIENCE, connect=CONNECT)
            self._clients[process] = httpx.Client(headers=headers, auth=self._auth, timeout=timeout)
        return self._clients[process]

    def _refusal(self, answer: Answer) -> PainterError:
        said = answer.headers
        try:
            sentence = str(json.loads(answer.content)["detail"])[:MAX_SENTENCE]
        except (ValueError, LookupError, TypeError, RecursionError):
            to = said.get("location", "")[:MAX_SENTENCE]
            moved = f" It leads to {to}: give that address." if 300 <= answer.status < 400 and to else ""
            return ServerUnavailable(
                f"{self.url} does not answer as a SAM2 Painter server does (HTTP {answer.status}).{moved}"
            )
        kind, field = said.get("x-error-kind", ""), said.get("x-error-field", "")
        return _named(kind, answer.status, sentence, field, said.get("retry-after", ""))


def _no_server(url: str, why: str) -> ServerUnavailable:
    return ServerUnavailable(f"{url} does not answer as a SAM2 Painter server does: {why}.")


def _named(kind: str, status: int, sentence: str, field: str, retry_after: str) -> PainterError:
    made = getattr(errors, kind, None)
    if not (isinstance(made, type) and issubclass(made, PainterError)):
        made = InvalidInput if status in (400, 422) else _SAME_STATUS.get(status, ServerUnavailable)
        made = errors.TooManyRequests if status == 429 else made
    if issubclass(made, InvalidInput):
        return made(sentence, field)
    if issubclass(made, Busy):
        return made(sentence, float(retry_after) if re.fullmatch(r"\d+(\.\d+)?", retry_after) else 2.0)
    return SessionNotFound("") if made is SessionNotFound else made(sentence)


def _page_url(url: str) -> str:
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise InvalidInput(
            f'url must be the address of a server, such as "http://127.0.0.1:7860", got {url!r:.80}', "url"
        )
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/api')}"


def _under(path: str, parts: tuple[str, ...]) -> str:
    return "/".join([path, *(quote(part, safe="") for part in parts)])


def _query(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_ours(answer: Answer) -> bool:
    """Not the page of a proxy or of another program: JSON, or a file of ours."""
    kind = answer.headers.get("content-type", "")
    return kind.startswith("application/json") or "content-disposition" in answer.headers
