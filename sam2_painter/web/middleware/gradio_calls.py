"""Gradio's raw doors for programs: a question that fits no event is refused in a sentence before Gradio trips over it,
and what we refuse has our status where Gradio would say 500.

Whatever else breaks behind them is a defect, and stays one: 500, and a traceback in the log.
"""

from __future__ import annotations

import re

import orjson
from gradio import Blocks
from gradio.data_classes import PredictBody
from gradio.route_utils import FnIndexInferError, get_fn
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import PainterError
from ..api.endpoints import ENDED, ENDPOINTS
from ..error_responses import refuse, refuse_error

_DOOR = re.compile(r"/gradio_api/(?:(?P<named>call/v2)/|(?:run|api|call)/|(?P<queue>queue)/)(?P<name>[^/]+)/?")
_NO_EVENT = "This request fits no event of this server. See /gradio_api/info for what there is."


class GradioCalls:
    """An ASGI application around `app`, that of `blocks`: lets through what names an event and has its inputs."""

    def __init__(self, app: ASGIApp, blocks: Blocks):
        self.app, self.blocks = app, blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the question, then answer 422 or let the application read it again."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        door = _DOOR.fullmatch(path)
        if door is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            body = b""
        complaint = _complaint_by_name(door["name"], body) if door["named"] else self._complaint(door, body)
        if complaint:
            await refuse(422, complaint)(scope, receive, send)
        else:
            await self.app(scope, _first(body, receive), _with_our_status(send))

    def _complaint(self, door: re.Match[str], body: bytes) -> str:
        """What is wrong with the question, "" if nothing is."""
        try:
            asked = PredictBody.model_validate_json(body)
        except ValidationError:
            return ""  # Gradio says so itself
        try:
            event = get_fn(self.blocks, None if door["queue"] else door["name"], asked)
        except (FnIndexInferError, KeyError):
            return _NO_EVENT
        if event.fn is None or asked.batched:  # events of the browser alone; none here takes batches
            return _NO_EVENT
        wanted = {len(event.inputs), sum(not block.skip_api for block in event.inputs)}
        if len(asked.data) not in wanted:
            return f"{event.api_name} takes {max(wanted)} inputs, got {len(asked.data)}. See /gradio_api/info."
        return ""


def _with_our_status(send: Send) -> Send:
    """`send` for a question that is answered at once: of our errors Gradio knows the sentence, but not the status."""
    ended: list[PainterError] = []
    ENDED.set(ended)

    async def told(message: Message) -> None:
        if ended and message["type"] == "http.response.start" and message["status"] == 500:
            ours = refuse_error(ended[0])
            headers = [*message["headers"], *((k, v) for k, v in ours.raw_headers if k == b"retry-after")]
            message = {**message, "status": ours.status_code, "headers": headers}
        await send(message)

    return told


def _complaint_by_name(name: str, body: bytes) -> str:
    """The same where inputs have names: of an endpoint of ours, as no other event has named inputs."""
    endpoint = next((one for one in ENDPOINTS if one.name == name), None)
    if endpoint is None:
        return _NO_EVENT
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(given, dict):
        return ""
    missing, unknown = endpoint.required - given.keys(), given.keys() - endpoint.fields.keys() - {"oauth_token"}
    if missing:
        return f"{name} needs {', '.join(sorted(missing))}. See /gradio_api/info."
    if unknown:
        return f"{name} takes {', '.join(endpoint.fields) or 'no inputs'}, and nothing else. See /gradio_api/info."
    return ""


def _first(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives a body that was read once more, and then what else there is to hear."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
