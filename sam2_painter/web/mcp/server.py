"""The tools over MCP's streamable HTTP, on the same workers and limits as every other door.

Needs the packages of requirements-mcp.txt, so it is imported where MCP is asked for.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

from mcp.server.fastmcp import Context, FastMCP, Image
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import ValidationError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from ...errors import PainterError
from ...jobs.asker import Asker, asking
from ..api.endpoints import Limit, Service
from ..api.misspelt import misspelt
from ..body_limits import TOOL_CALL
from ..middleware.paths import address_of
from .sources import PhotoSources
from .tools import INSTRUCTIONS, Tools, limits

LINK = "The address needs the sign-in of this server."


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """The process's logging as it was: FastMCP sets it up for itself, and a notebook's cells fill with requests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


class _Tools(FastMCP):
    """FastMCP, whose errors are our sentences: without the tool's name before them, and without pydantic's lines.

    fields: types of each tool's, by its name; one that looks misspelt is refused.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        self.fields: dict[str, dict[str, Any]] = {}
        super().__init__(*args, **kwargs)

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        if found := misspelt(arguments, self.fields.get(name, {})):
            raise ToolError(found.sentence)
        try:
            return await super().call_tool(name, arguments)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ValidationError):
                raise ToolError(_sentence(cause)) from None
            raise (cause if isinstance(cause, ToolError) else error) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


class McpServer:
    """An ASGI application; it answers during its `lifespan`."""

    def __init__(self, service: Service, sources: PhotoSources, *, signed_in: bool = False):
        self.service, self.signed_in = service, signed_in
        with _root_logger_kept():
            self._mcp = _Tools(
                "SAM2 Painter",
                instructions=INSTRUCTIONS,
                stateless_http=True,
                json_response=True,
                max_request_body_size=TOOL_CALL,
                # Host and Origin are checked before anything comes here.
                transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            )
        for name, (call, limit, quick) in limits(Tools(service.studio, sources)).items():
            self._add(name, call, limit, quick)
        self._mcp.streamable_http_app()  # makes the session manager
        self._manager = self._mcp.session_manager

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Answers come while this is open. app: the application it is part of."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request at whatever path it came."""
        await self._manager.handle_request(scope, receive, send)

    def _add(self, name: str, call: Callable[..., Any], limit: Limit, quick: bool) -> None:
        """`call` as a tool: the same parameters, made in a worker under its time limit."""

        async def tool(context: Context[Any, Any, Any], **given: Any) -> Any:
            request = context.request_context.request
            address = address_of(request.scope) if isinstance(request, Request) else ""
            try:
                with asking(Asker(address, partial(self.service.photos.count, address))):
                    made = await self.service.run(partial(call, **given), limit, name, quick=quick)
            except PainterError as error:
                raise ToolError(str(error)) from None
            if isinstance(made, bytes):
                return Image(data=made, format="jpeg")
            if name == "download" and isinstance(request, Request):
                link = f"{str(request.base_url).rstrip('/')}/api{made['url']}"
                made = made | {"url": link, "message": LINK if self.signed_in else ""}
            text = json.dumps(made, separators=(",", ":"), ensure_ascii=False) if isinstance(made, dict) else str(made)
            structured = made if isinstance(made, dict) else None
            return CallToolResult(content=[TextContent(type="text", text=text)], structuredContent=structured)

        signature = inspect.signature(call, eval_str=True)
        context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=Context[Any, Any, Any])
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in signature.parameters.values()]
        tool.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
        tool.__annotations__ = {p.name: p.annotation for p in [context, *parameters]}
        self._mcp.fields[name] = {p.name: p.annotation for p in parameters}
        reads = name in ("look", "find_paints")
        self._mcp.add_tool(
            tool,
            name=name,
            description=" ".join((inspect.getdoc(call) or "").split()),
            annotations=ToolAnnotations(readOnlyHint=reads, destructiveHint=name == "close_photo", openWorldHint=False),
            structured_output=False,
        )
