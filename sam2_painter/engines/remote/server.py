"""The answering end of the wire: an engine behind HTTP, on Modal, on a machine of your own or in a test.

Nothing here knows Modal.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import Busy, InvalidInput, PainterError, SignInRequired, TimeLimitExceeded, TooLarge
from ...hosts import AllowedHosts, split_host
from ...jobs.deadline import Deadline
from ...types import Embedding, Mask
from ..base import Engine
from ..guarded import GuardedEngine
from . import wire

if TYPE_CHECKING:
    from fastapi import FastAPI


class ImageRequired(PainterError):
    """The service does not know this photo: ask again with its bytes."""


@dataclass(frozen=True)
class ReadPhoto:
    """What a service remembers of a photo: it is read once, and its file is at hand for the crops."""

    embedding: Embedding
    data: bytes

    @property
    def nbytes(self) -> int:
        """What keeping it costs."""
        return self.embedding.nbytes + len(self.data)


class PhotoCache(Protocol):
    """Where a service keeps what it has read: `sam2_painter.jobs.cache.Cache` over `ReadPhoto.nbytes`."""

    def get(self, key: str, compute: Callable[[], ReadPhoto]) -> tuple[ReadPhoto, bool]:
        """The value and whether it was there; computed once, whoever asks meanwhile waits."""
        ...


@dataclass(frozen=True)
class Answer:
    """status: of HTTP. body: a message. retry_after: seconds, for those who come too early."""

    status: int
    body: bytes
    retry_after: float | None = None


class Service:
    """The answering end: any number of threads may call `answer`.

    engine: one whose answers follow `Embedding.size`, as SAM 2's do: the photo that comes is a smaller copy of the one
    that the masks are for. at_most: questions at a time; more are answered 503.
    """

    def __init__(self, engine: Engine, remembers: PhotoCache, at_most: int = 64):
        self.engine = engine
        self._guarded = GuardedEngine(engine)
        self._remembers = remembers
        self._places = threading.BoundedSemaphore(at_most)
        self._answer = {"embed": self._embed, "predict": self._predict, "automask": self._automask}

    def answer(self, op: str, body: bytes) -> Answer:
        """The answer to a question; every mistake in it is an answer too, and so is a failure of the engine."""
        start = time.perf_counter()
        if not self._places.acquire(blocking=False):
            return error_answer(Busy("Too many questions at once."))
        try:
            message = wire.unpack(body)
            if op not in self._answer:
                raise InvalidInput(f"op must be one of {', '.join(self._answer)}", "op")
            seconds = min(wire.MAX_SECONDS, max(0.0, wire.get(message, "seconds", (int, float))))
            with Deadline(seconds, "The question") as deadline:
                kept, cached = self._read(message)
                masks = self._answer[op](kept, message, deadline)
        except PainterError as error:
            return error_answer(error)
        finally:
            self._places.release()
        reply = {
            "image": message["image"],
            "model": self.engine.name,
            "cached": cached,
            "ms": round((time.perf_counter() - start) * 1e3, 1),
            "masks": [wire.pack_mask(mask) for mask in masks],
        }
        return Answer(200, wire.pack(reply))

    def _read(self, message: Mapping[str, Any]) -> tuple[ReadPhoto, bool]:
        """The photo of a question as the masks' size has it, and whether it was known."""
        image, size, data = wire.get(message, "image", str), wire.get_size(message), message.get("data")

        def read() -> ReadPhoto:
            if data is None:
                raise ImageRequired("Ask again with the photo's bytes as data.")
            if not isinstance(data, bytes) or sha256(data).hexdigest() != image:
                raise InvalidInput("image must be the sha256 of data", "image")
            return ReadPhoto(self._guarded.embed(wire.open_photo(data)), data)

        kept, cached = self._remembers.get(image, read)
        height, width = kept.embedding.size
        if abs(size[0] * width - size[1] * height) > max(*size, height, width):
            raise InvalidInput("size must have the proportions of the photo that was sent", "size")
        return replace(kept, embedding=replace(kept.embedding, size=size)), cached

    def _embed(self, kept: ReadPhoto, message: Mapping[str, Any], deadline: Deadline) -> Sequence[Mask]:
        return ()

    def _predict(self, kept: ReadPhoto, message: Mapping[str, Any], deadline: Deadline) -> Sequence[Mask]:
        prompts = wire.unpack_prompts(message.get("prompts"), kept.embedding.size)
        return self._guarded.predict(kept.embedding, prompts)

    def _automask(self, kept: ReadPhoto, message: Mapping[str, Any], deadline: Deadline) -> Sequence[Mask]:
        options = wire.unpack_options(message.get("options"))
        return self._guarded.generate(
            wire.open_photo(kept.data), kept.embedding, options, lambda fraction: deadline.check()
        )


_STATUS = (
    (ImageRequired, 409, "image_required"),
    (SignInRequired, 401, "sign_in_required"),
    (TooLarge, 413, "too_large"),
    (InvalidInput, 422, "invalid_input"),
    (Busy, 503, "busy"),
    (TimeLimitExceeded, 504, "time_limit"),
    (PainterError, 500, "failed"),
)


def error_answer(error: PainterError) -> Answer:
    """The answer that says this."""
    status, code = next((status, code) for kind, status, code in _STATUS if isinstance(error, kind))
    told: dict[str, Any] = {"code": code, "message": str(error)}
    if isinstance(error, InvalidInput):
        told["field"] = error.field
    retry_after = error.retry_after if isinstance(error, Busy) else None
    return Answer(status, wire.pack({"error": told}), retry_after)


def build_api(
    engine: Engine,
    remembers: PhotoCache,
    *,
    key: str = "",
    secret: str = "",
    at_most: int = 64,
    hosts: AllowedHosts | None = None,
) -> FastAPI:
    """The service as a FastAPI app, for Modal, for uvicorn on a machine of your own, and for tests.

    key, secret: what the headers Modal-Key and Modal-Secret must say; "" where somebody in front has checked them.
    hosts: the names it answers to; None where somebody in front has seen to that.
    """
    from fastapi import FastAPI, Request, Response
    from fastapi.responses import JSONResponse
    from starlette.concurrency import run_in_threadpool

    api = FastAPI(title="SAM 2 for SAM2 Painter", docs_url=None, redoc_url=None, openapi_url=None)
    service = Service(engine, remembers, at_most)

    def respond(answer: Answer) -> Response:
        headers = {} if answer.retry_after is None else {"Retry-After": f"{answer.retry_after:.0f}"}
        return Response(answer.body, answer.status, headers, wire.MEDIA_TYPE)

    async def health(request: Request) -> Response:
        if why := _misled(request.headers, hosts):
            return JSONResponse({"detail": why}, 403)
        return JSONResponse({"status": "ok", "model": engine.name, "title": engine.title, "wire": 1})

    async def ask(request: Request) -> Response:
        if why := _misled(request.headers, hosts):
            return JSONResponse({"detail": why}, 403)
        if (key or secret) and not _signed_in(request.headers, key, secret):
            return respond(error_answer(SignInRequired("Modal-Key or Modal-Secret is wrong or missing.")))
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > wire.MAX_REQUEST:
                return respond(error_answer(TooLarge(f"a request must be at most {wire.MAX_REQUEST >> 20} MB", "body")))
        return respond(await run_in_threadpool(service.answer, request.path_params["op"], bytes(body)))

    # Added as plain routes: FastAPI cannot resolve postponed annotations of functions made in here.
    api.add_route("/health", health, ["GET"])
    api.add_route("/v1/{op}", ask, ["POST"])
    return api


def _signed_in(headers: Mapping[str, str], key: str, secret: str) -> bool:
    """Whether Modal-Key and Modal-Secret say this, compared in a time that tells nothing."""
    wanted = {"modal-key": key, "modal-secret": secret}
    return all(hmac.compare_digest(headers.get(name, "").encode(), value.encode()) for name, value in wanted.items())


def _misled(headers: Mapping[str, str], hosts: AllowedHosts | None) -> str:
    """Why a request is one that a page of another site makes a browser send; "" for others."""
    if hosts is None:
        return ""
    if "origin" in headers:
        return "Pages in a browser may not use this service."
    try:
        name, _ = split_host(headers.get("host", "localhost"))
    except ValueError:
        return "The Host header cannot be read."
    if hosts.allow(name):
        return ""
    return f"This service does not answer to the name {name}. If it is yours, set SAM2_PAINTER_ALLOWED_HOSTS={name}."
