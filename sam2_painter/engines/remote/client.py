"""SAM 2 somewhere else: the engine protocol asked over HTTP, or through the Modal SDK.

Nothing wakes the GPU but a question. Reading a photo (`embed`) is the first one, so that a container starts while the
person still looks at it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from ...errors import Busy, EngineError, EngineUnavailable, InvalidInput, PainterError, TimeLimitExceeded
from ...jobs import deadline
from ...types import AutoMask, Embedding, Mask, Photo, Prompts
from ..base import Progress, foreign_embedding, no_progress
from . import wire

if TYPE_CHECKING:
    import httpx

TRIES = 4
PATIENCE = 180.0
"""Seconds for one question, tries and redirects together, where no deadline is shorter."""

CONNECT = 10.0
"""Seconds to reach the host."""

MAX_REDIRECTS = 20
"""Modal's proxy answers 303 every 150 s while a container works."""

RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})
FINAL = frozenset({"failed", "time_limit"})
"""What the service says of its own work, and would say again."""

LONGEST_WAIT = 10.0
"""Seconds between two tries, whatever the service says."""


@dataclass(frozen=True)
class Reply:
    """status: of HTTP. body: as it came. retry_after: seconds, 0 where nothing was said."""

    status: int
    body: bytes
    retry_after: float = 0.0


class Unreachable(Exception):
    """No reply: refused, broken off, or too late (`late`)."""

    def __init__(self, why: str, late: bool = False):
        super().__init__(why)
        self.late = late


class Transport(Protocol):
    """How a question travels. title: where to. setting: the name of the variable that says so."""

    title: str
    setting: str

    def ask(self, op: str, body: bytes, seconds: float) -> Reply:
        """One try. Raises Unreachable, or EngineError for a reply that no service of ours makes."""
        ...


class ModalEngine:
    """SAM 2 on Modal, or wherever the service answers.

    base_url: address of the deployment, such as https://you--sam2-painter.modal.run. key, secret: its proxy token. app:
    name of the deployed app instead, to reach it with the Modal SDK and the account that is set up here. transport:
    another way to ask. Raises EngineUnavailable, saying what to do; no container is started yet.
    """

    reads_ahead = True

    def __init__(
        self,
        base_url: str = "",
        key: str = "",
        secret: str = "",
        app: str = "",
        *,
        transport: Transport | None = None,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ):
        if transport is None:
            if base_url:
                transport = HttpTransport(base_url, key, secret)
            elif app:
                transport = SdkTransport(app)
            else:
                raise EngineUnavailable("Set MODAL_BASE_URL (or MODAL_APP) to your deployment of modal_sam2.py.")
        self._transport, self._patience, self._sleep = transport, patience, sleep
        self.name = f"modal/{transport.title}"
        self.title = f"SAM 2 on Modal ({transport.title})"
        self._model = ""

    def embed(self, photo: Photo) -> Embedding:
        """Send the photo, at most 2048 pixels a side, and have it read there. A repeat costs little."""
        sent = wire.shrink(photo)
        self._ask("embed", sent, attach=True)
        return Embedding(photo.digest, self.name, photo.size, sent, len(sent.data))

    def predict(self, embedding: Embedding, prompts: Prompts) -> list[Mask]:
        """The masks that the prompts point at, best predicted_iou first."""
        prompts.check_inside(embedding.size)
        return self._ask("predict", self._own(embedding), prompts=prompts)

    def generate(
        self, photo: Photo, embedding: Embedding, options: AutoMask, progress: Progress = no_progress
    ) -> list[Mask]:
        """Every mask, largest first. It is one question, so progress is told at its start and its end only; crops are
        read from the copy of at most 2048 pixels."""
        progress(0.0)
        masks = self._ask("automask", self._own(embedding), options=options)
        progress(1.0)
        return masks

    def _own(self, embedding: Embedding) -> wire.SentPhoto:
        if embedding.engine != self.name or not isinstance(embedding.features, wire.SentPhoto):
            raise foreign_embedding(embedding.engine, self.name)
        return embedding.features

    def _ask(
        self,
        op: str,
        sent: wire.SentPhoto,
        *,
        prompts: Prompts | None = None,
        options: AutoMask | None = None,
        attach: bool = False,
    ) -> list[Mask]:
        """One question, asked until it is answered; asking twice does no harm, for it says all it is about."""
        ends = time.monotonic() + min(self._patience, deadline.remaining(self._patience))
        failed: PainterError | None = None
        tries = 0
        while tries < TRIES:
            deadline.check()
            left = ends - time.monotonic()
            if left <= 0:
                break
            body = wire.request(sent, left, prompts=prompts, options=options, attach=attach)
            wait = min(8.0, 0.25 * 2**tries) * random.uniform(0.5, 1.0)
            try:
                reply = self._transport.ask(op, body, left)
            except Unreachable as error:
                failed = self._unreachable(error)
                if error.late:
                    break
            else:
                if reply.status == 200:
                    return self._masks(reply.body, sent.size)
                code, failed = self._refusal(reply)
                if code == "image_required" and not attach:  # the same question with the photo inside cannot miss
                    attach = True
                    continue
                if reply.status not in RETRY or code in FINAL:
                    raise failed
                wait = max(wait, min(LONGEST_WAIT, reply.retry_after))
            tries += 1
            if tries < TRIES:
                self._sleep(max(0.0, min(wait, ends - time.monotonic())))
        deadline.check()
        raise failed or TimeLimitExceeded(f"{self.title} took longer than {self._patience:g} s.")

    def _masks(self, body: bytes, size: tuple[int, int]) -> list[Mask]:
        try:
            message = wire.unpack(body)
            model, packed = wire.get(message, "model", str), wire.get(message, "masks", list)
            if len(packed) > wire.MAX_MASKS:
                raise InvalidInput(f"a reply holds at most {wire.MAX_MASKS} masks", "masks")
            masks = []
            for mask in packed:
                deadline.check()
                masks.append(wire.unpack_mask(mask))
            if any(mask.size != size for mask in masks):
                raise InvalidInput("a mask has another size than the photo", "masks")
        except InvalidInput as error:
            raise EngineError(f"{self.title} sent an answer that cannot be read ({error}). Deploy it anew.") from error
        # Answers of one engine name must be interchangeable; a deployment that changes its model breaks that.
        if self._model not in ("", model):
            raise EngineError(f"{self.title} changed from {self._model} to {model}. Restart this program to go on.")
        self._model = model
        if not model.startswith("sam2"):  # something that stands in for it, and is called what it is
            self.title = f"{model.partition('/')[0]} ({self._transport.title})"
        return masks

    def _refusal(self, reply: Reply) -> tuple[str, PainterError]:
        """The code and the error of a reply that is none."""
        code, message, field = "", "", ""
        try:
            told = wire.get(wire.unpack(reply.body), "error", dict)
            code, message, field = (str(told.get(name, ""))[:300] for name in ("code", "message", "field"))
        except InvalidInput:
            pass  # it came from somebody in between
        error: PainterError
        match reply.status:
            case 401 | 403:
                error = EngineUnavailable(f"{self.title} refused the key: check MODAL_KEY and MODAL_SECRET.")
            case 404:
                error = EngineUnavailable(
                    f"Nothing answers at {self.title}: run `modal deploy modal_sam2.py` and check MODAL_BASE_URL."
                )
            case 413 | 422 if code:
                error = InvalidInput(message, field)
            case 429 | 503:
                error = Busy(f"{self.title} is busy. Try again in a moment.", max(2.0, reply.retry_after))
            case 504 if code == "time_limit":
                error = TimeLimitExceeded(f"{self.title} took too long. Try a smaller photo or fewer points.")
            case _:
                error = EngineError(f"{self.title} failed: {message or f'HTTP {reply.status}.'}")
        return code, error

    def _unreachable(self, error: Unreachable) -> PainterError:
        if error.late:
            return TimeLimitExceeded(f"{self.title} took longer than {self._patience:g} s. Try again in a moment.")
        return EngineUnavailable(
            f"{self.title} cannot be reached ({error}): check {self._transport.setting} and the network."
        )


class HttpTransport:
    """Questions by HTTP: one connection pool, redirects followed to the same host only, replies of bounded size."""

    setting = "MODAL_BASE_URL"

    def __init__(self, base_url: str, key: str = "", secret: str = ""):
        import httpx

        try:
            address = urlsplit(base_url)
            good = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
        except ValueError:  # half an IPv6 address, a port that is no number
            good = False
        if not good:
            raise EngineUnavailable(
                f"MODAL_BASE_URL must be like https://you--sam2-painter.modal.run, got {base_url.rpartition('@')[2]!r}."
            )
        if not all(text.isascii() and text.isprintable() for text in (key, secret)):
            raise EngineUnavailable("MODAL_KEY or MODAL_SECRET holds a character that no key has: copy them anew.")
        self.title = address.netloc.rpartition("@")[2]
        headers = {"Content-Type": wire.MEDIA_TYPE, "Accept": wire.MEDIA_TYPE, "Accept-Encoding": "identity"}
        if key or secret:
            headers |= {"Modal-Key": key, "Modal-Secret": secret}
        self._url = base_url.rstrip("/")
        self._client = httpx.Client(headers=headers, limits=httpx.Limits(max_connections=32))

    def ask(self, op: str, body: bytes, seconds: float) -> Reply:
        """One try, with every redirect of it."""
        import httpx

        ends = time.monotonic() + seconds
        try:
            request = self._client.build_request("POST", f"{self._url}/v1/{op}", content=body)
            for _ in range(MAX_REDIRECTS + 1):
                left = ends - time.monotonic()
                if left <= 0:
                    raise Unreachable("too late", late=True)
                request.extensions["timeout"] = httpx.Timeout(left, connect=min(CONNECT, left)).as_dict()
                response = self._client.send(request, stream=True)
                try:
                    if response.next_request is None:
                        return self._read(response, ends)
                    if response.next_request.url.netloc != request.url.netloc:  # the key is for this host alone
                        raise EngineError(f"{self.title} sends on to {response.next_request.url.host}: refused.")
                    request = response.next_request
                finally:
                    response.close()
        except httpx.ConnectTimeout:
            raise Unreachable(f"no connection within {CONNECT:g} s") from None
        except httpx.TimeoutException:
            raise Unreachable("too late", late=True) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Unreachable(type(error).__name__) from error
        raise EngineError(f"{self.title} redirected {MAX_REDIRECTS} times without an answer.")

    def _read(self, response: httpx.Response, ends: float) -> Reply:
        body = bytearray()
        for chunk in response.iter_raw():  # nothing compressed was asked for, so nothing is unpacked
            body += chunk
            if len(body) > wire.MAX_REPLY:
                raise EngineError(f"{self.title} sent more than {wire.MAX_REPLY >> 20} MB: refused.")
            if time.monotonic() > ends:
                raise Unreachable("too late", late=True)
        after = response.headers.get("Retry-After", "")
        return Reply(response.status_code, bytes(body), float(after) if after.isdecimal() else 0.0)


class SdkTransport:
    """Questions through the Modal SDK, with the account set up on this machine. Making one starts no container."""

    setting = "MODAL_APP"

    def __init__(self, app: str, cls: str = "SAM2"):
        try:
            import modal
        except ImportError:
            raise EngineUnavailable(
                "MODAL_APP needs the Modal SDK: pip install -r requirements-modal.txt, or 'sam2-painter[modal]'."
            ) from None
        self.title = f"app {app}"
        self._app = app
        try:
            self._service = modal.Cls.from_name(app, cls).hydrate()()
        except (modal.exception.Error, OSError) as error:
            raise self._refused(error) or EngineUnavailable(
                f"Modal cannot be reached ({type(error).__name__}): check the network."
            ) from error

    def ask(self, op: str, body: bytes, seconds: float) -> Reply:
        """One try."""
        import modal

        try:
            call = self._service.answer.spawn(op, body)
            status, reply, retry_after = call.get(timeout=seconds)
        except (TimeoutError, modal.exception.TimeoutError):
            raise Unreachable("too late", late=True) from None
        except (modal.exception.ExecutionError, modal.exception.RemoteError) as error:
            raise self._failed(error) from error
        except (modal.exception.Error, OSError) as error:
            raise self._refused(error) or Unreachable(type(error).__name__) from error
        except Exception as error:  # what the method raised over there is raised here
            raise self._failed(error) from error
        if len(reply) > wire.MAX_REPLY:
            raise EngineError(f"{self.title} sent more than {wire.MAX_REPLY >> 20} MB: refused.")
        return Reply(status, reply, retry_after or 0.0)

    def _failed(self, error: Exception) -> EngineError:
        name = type(error).__name__
        return EngineError(f"SAM 2 on Modal ({self.title}) failed ({name}): `modal app logs {self._app}` says why.")

    def _refused(self, error: Exception) -> EngineUnavailable | None:
        """What to do about an answer that will not change by asking again."""
        import modal

        match error:
            case modal.exception.NotFoundError():
                return EngineUnavailable(f"There is no Modal app {self._app}: run `modal deploy modal_sam2.py`.")
            case modal.exception.AuthError():
                return EngineUnavailable("Modal does not know this machine: run `modal token new`.")
        return None
