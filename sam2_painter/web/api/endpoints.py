"""The one table of what programs can ask for, and its first use: named endpoints of Gradio's own API.

`rest` makes plain HTTP of the same table, and Gradio makes MCP tools of the endpoints.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import typing
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal

import gradio as gr
from pydantic import BaseModel, ConfigDict, ValidationError, WithJsonSchema, create_model

from ... import __version__
from ...errors import Cancelled, InvalidInput, PainterError
from ...jobs.asker import Asker, asking
from ...jobs.workers import Workers
from ...sessions.downloads import Download
from ...studio.studio import Studio
from .. import files
from ..middleware.rate_limit import Rate
from . import operations as verbs
from . import schemas as forms
from . import wall_operations as walls
from .schemas import Attachment, Caller

log = logging.getLogger(__name__)
LISTENING_SECONDS = 15.0  # clients open their stream of answers before or right after they ask
Limit = Literal["upload", "segment", "generate", "paint", "download"]


# What a question through one of Gradio's doors ended with, for a door that wants to tell more than Gradio does.
ENDED: ContextVar[list[PainterError] | None] = ContextVar("ended", default=None)


class WrongType(InvalidInput):
    """Fields missing, or of another type than they are declared."""


@dataclass(frozen=True)
class Endpoint:
    """One row: where a verb is, under which time limit it works, and whether it is quick (no engine, no pixels).

    alias: its name, when it is not the verb's own.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    verb: Callable[..., Any]
    limit: Limit
    quick: bool = False
    alias: str = ""

    @property
    def name(self) -> str:
        """Gradio's api_name and the name of the MCP tool."""
        return self.alias or self.verb.__name__

    @property
    def summary(self) -> str:
        """The first paragraph of the verb's docstring."""
        return " ".join((inspect.getdoc(self.verb) or "").split("\n\n")[0].split())

    @cached_property
    def descriptions(self) -> dict[str, str]:
        """What the verb's docstring says of each field, in its "Args:" part."""
        arguments = (inspect.getdoc(self.verb) or "").partition("Args:\n")[2].partition("\n\n")[0]
        return dict(re.findall(r"^ {4}(\w+): (.*)$", arguments, re.MULTILINE))

    @cached_property
    def hints(self) -> dict[str, Any]:
        """Types of the parameters, and of the reply as "return"."""
        return typing.get_type_hints(self.verb)

    @cached_property
    def fields(self) -> dict[str, inspect.Parameter]:
        """What the request holds, by name."""
        parameters = inspect.signature(self.verb).parameters
        return {name: p for name, p in parameters.items() if self.hints[name] not in (Studio, Caller)}

    @cached_property
    def attachments(self) -> frozenset[str]:
        """The fields that are files."""
        return frozenset(name for name in self.fields if self.hints[name] is Attachment)

    @cached_property
    def required(self) -> frozenset[str]:
        """The fields a request cannot do without."""
        return frozenset(name for name, p in self.fields.items() if p.default is p.empty)

    @cached_property
    def request(self) -> type[BaseModel]:
        """The request as a pydantic model."""
        types = {name: _FILE if name in self.attachments else self.hints[name] for name in self.fields}
        return create_model(
            "".join(word.title() for word in self.name.split("_")),
            __config__=ConfigDict(arbitrary_types_allowed=True),
            **{name: (types[name], ... if name in self.required else p.default) for name, p in self.fields.items()},
        )

    def call(self, studio: Studio, caller: Caller, given: Mapping[str, Any]) -> Any:
        """The verb's reply to a request. null means "not given" where there is a default.

        Raises WrongType before the verb is called, PainterError otherwise.
        """
        with _validation_errors(self.name):
            request = self.request.model_validate(
                {name: value for name, value in given.items() if value is not None or name in self.required},
                strict=True,
            )
        values = {name: getattr(request, name) for name in self.fields}
        for name in self.attachments:
            if isinstance(values[name], str):
                values[name] = Attachment(values[name])
        asking = {"caller": caller} if Caller in self.hints.values() else {}
        return self.verb(studio, **asking, **values)


_FILE = Annotated[Attachment | str, WithJsonSchema({"type": "string", "contentEncoding": "base64"})]


@contextmanager
def _validation_errors(verb: str) -> Iterator[None]:
    """pydantic's errors as ours: the first of them, in one sentence. Logged, as the studio logs what gets further."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        kind = InvalidInput if first["type"] == "literal_error" else WrongType
        log.info("%s", verb, extra={"fields": {"verb": verb, "outcome": kind.__name__, "field": where[:80]}})
        raise kind(f"{where}: {first['msg']}", where) from None


def info(studio: Studio) -> forms.Info:
    """What this server is, its version, and every endpoint with what it does."""
    return {
        "message": f"SAM2 Painter: {studio.engine.title}",
        "version": __version__,
        "endpoints": {one.name: f"{one.method} {one.path} - {one.summary}" for one in ENDPOINTS},
    }


ENDPOINTS = (
    Endpoint("GET", "/", info, "segment", quick=True),
    Endpoint("GET", "/health", verbs.health, "segment", quick=True),
    Endpoint("POST", "/upload", verbs.upload, "upload"),
    Endpoint("POST", "/segment", verbs.segment, "segment"),
    Endpoint("POST", "/generate-masks", verbs.generate_masks, "generate"),
    Endpoint("POST", "/generate-masks-advanced", verbs.generate_masks_advanced, "generate"),
    Endpoint("POST", "/generate-masks-cached", verbs.generate_masks_cached, "generate"),
    Endpoint("POST", "/combine-masks", verbs.combine_masks, "segment"),
    Endpoint("POST", "/paint-mask", verbs.paint_mask, "paint"),
    Endpoint("POST", "/paint-multiple-masks", verbs.paint_multiple_masks, "paint"),
    Endpoint("POST", "/choose-wall", walls.choose_wall, "segment"),
    Endpoint("POST", "/find-walls", walls.find_walls, "segment"),
    Endpoint("POST", "/choose-nothing", walls.choose_nothing, "segment", quick=True),
    Endpoint("POST", "/wall-point", walls.wall_point, "segment"),
    Endpoint("POST", "/wall-box", walls.wall_box, "segment"),
    Endpoint("POST", "/wall-stroke", walls.wall_stroke, "segment"),
    Endpoint("POST", "/wall-polygon", walls.wall_polygon, "segment"),
    Endpoint("POST", "/wall-mask", walls.wall_mask, "segment"),
    Endpoint("POST", "/choose-answer", walls.choose_answer, "segment", quick=True),
    Endpoint("POST", "/remove-step", walls.remove_step, "segment", quick=True),
    Endpoint("POST", "/paint-wall", walls.paint_wall, "paint", quick=True),
    Endpoint("GET", "/layers/{session_id}", walls.list_layers, "segment", quick=True),
    Endpoint("POST", "/edit-layer", walls.edit_layer, "paint", quick=True),
    Endpoint("POST", "/move-layer", walls.move_layer, "paint", quick=True),
    Endpoint("POST", "/remove-layer", walls.remove_layer, "paint", quick=True),
    Endpoint("POST", "/undo", walls.undo, "paint", quick=True),
    Endpoint("POST", "/redo", walls.redo, "paint", quick=True),
    Endpoint("GET", "/masks/{session_id}", walls.list_masks, "segment"),
    Endpoint("POST", "/keep-alive", walls.keep_alive, "segment", quick=True),
    Endpoint("POST", "/describe-color", verbs.describe_color, "paint"),
    Endpoint("GET", "/palette/{session_id}", verbs.get_palette, "paint", quick=True),
    Endpoint("POST", "/load-palette", verbs.load_palette, "paint"),
    Endpoint("DELETE", "/palette/{session_id}", verbs.reset_palette, "paint", quick=True),
    Endpoint("POST", "/download-image", verbs.download_image, "download"),
    Endpoint("POST", "/download-painted-image", verbs.download_painted_image, "download"),
    Endpoint("POST", "/download-masks", verbs.download_masks, "download"),
    Endpoint("POST", "/save-project", verbs.save_project, "download"),
    Endpoint("POST", "/open-project", verbs.open_project, "upload"),
    Endpoint("GET", "/download-file/{filename}", verbs.download_file, "download", quick=True),
    Endpoint("GET", "/list-downloads", verbs.list_downloads, "download", quick=True),
    Endpoint("GET", "/session/{session_id}", verbs.session_info, "segment", quick=True),
    Endpoint("DELETE", "/session/{session_id}", verbs.delete_session, "segment", quick=True),
    Endpoint("POST", "/get-embedding", verbs.get_embedding, "segment"),
    Endpoint("POST", "/get-mask-at-point", verbs.get_mask_at_point, "segment", quick=True),
    Endpoint(
        "POST",
        "/get-mask-at-point-instant",
        verbs.get_mask_at_point,
        "segment",
        quick=True,
        alias="get_mask_at_point_instant",
    ),
    Endpoint("POST", "/generate-mask-at-point", verbs.generate_mask_at_point, "segment"),
    Endpoint(
        "POST",
        "/generate-mask-at-point-cached",
        verbs.generate_mask_at_point,
        "segment",
        alias="generate_mask_at_point_cached",
    ),
    Endpoint("POST", "/clear-cache", verbs.clear_cache, "segment", quick=True),
    Endpoint("GET", "/cache-status", verbs.cache_status, "segment", quick=True),
)


# -- Gradio's API ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    """What every door works with. uploads: Gradio's upload folder. photos: how many one address may open. listening:
    the clients of Gradio's queue that have a stream of answers open."""

    studio: Studio
    workers: Workers
    photos: Rate
    uploads: Path
    listening: Counter[str] = field(default_factory=Counter, repr=False)
    _asked: defaultdict[str, set[asyncio.Task]] = field(default_factory=lambda: defaultdict(set), repr=False)

    async def answer(self, endpoint: Endpoint, make: Callable[[], Any], client: str = "") -> Any:
        """What `make` returns, made under the endpoint's time limit. client: who asks, by which `forget` knows it;
        one that does not listen for the answer within LISTENING_SECONDS is forgotten, too."""
        limit = getattr(self.studio.limits, endpoint.limit)
        work = self.workers.run(make, limit=limit, name=endpoint.name, quick=endpoint.quick)
        task = asyncio.ensure_future(work)
        self._asked[client].add(task)
        try:
            await asyncio.wait({task}, timeout=LISTENING_SECONDS if client else None)
            if client and not self.listening[client]:
                task.cancel()
            await asyncio.wait({task})
            if task.cancelled():  # by `forget`: an error like others, or Gradio would never answer at all
                raise Cancelled("The client went away; nothing was changed.")
            return task.result()
        finally:
            task.cancel()  # whoever asked may have been cancelled itself
            self._asked[client].discard(task)
            if not self._asked[client]:
                del self._asked[client]

    def forget(self, client: str) -> None:
        """Stop what runs for a client that went away. Whoever still asks for it is told Cancelled."""
        for task in list(self._asked.get(client, ())):
            task.cancel()


def add_to(blocks: gr.Blocks, service: Service) -> None:
    """Give `blocks` every endpoint of the table."""
    with blocks:
        for endpoint in ENDPOINTS:
            # The workers bound what runs at once; Gradio's queue would make quick verbs wait for slow ones.
            made = gr.api(_gradio_function(endpoint, service), api_name=endpoint.name, concurrency_limit=None)
            for name, number in zip(endpoint.fields, made["inputs"], strict=True):
                component = blocks.blocks[number]
                component.api_info()["additional_description"] = endpoint.descriptions.get(name, "")
                component.async_move_resource_to_block_cache = _never_fetched


async def _never_fetched(path: str) -> str:
    """What Gradio calls for a file that a request names: it would fetch any address a caller gives, and keep a copy
    of a file it has already. `files.uploaded` has the last word on the path.
    """
    return path


def for_gradio(error: PainterError, **shown: Any) -> gr.Error:
    """The error as one of Gradio's: one sentence, no traceback. It is noted in `ENDED`."""
    ended = ENDED.get()
    if ended is not None:
        ended.append(error)
    return gr.Error(str(error), print_exception=False, **shown)


def _gradio_function(endpoint: Endpoint, service: Service) -> Callable[..., Any]:
    """The verb as Gradio wants it: its own parameters with Gradio's types, files as uploads, errors as gr.Error."""

    async def call(*values: Any) -> Any:
        *inputs, request = values
        given = dict(zip(endpoint.fields, inputs, strict=True))
        caller = _caller(request)
        on_a_stream = re.search("/(queue|call)/", request.url.path)  # other doors answer at once
        client = request.session_hash or "" if on_a_stream else ""
        try:
            for name in endpoint.attachments:
                given[name] = files.uploaded(given[name], service.uploads)
            with asking(Asker(caller.address, partial(service.photos.count, caller.address))):
                return await service.answer(endpoint, partial(_reply, endpoint, service, caller, given), client)
        except PainterError as error:
            raise for_gradio(error) from error

    call.__name__, call.__doc__ = endpoint.name, endpoint.verb.__doc__
    returns = gr.FileData if endpoint.hints["return"] is Download else endpoint.hints["return"]
    parameters = [
        p.replace(annotation=gr.FileData | str if name in endpoint.attachments else endpoint.hints[name])
        for name, p in endpoint.fields.items()
    ]
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=gr.Request)
    call.__signature__ = inspect.Signature([*parameters, request], return_annotation=returns)  # type: ignore[attr-defined]
    call.__annotations__ = {**{p.name: p.annotation for p in parameters}, "request": gr.Request, "return": returns}
    return call


def _reply(endpoint: Endpoint, service: Service, caller: Caller, given: Mapping[str, Any]) -> Any:
    reply = endpoint.call(service.studio, caller, given)
    if isinstance(reply, Download):
        copy = files.lend(reply.path, reply.filename, service.uploads)
        return gr.FileData(path=str(copy), orig_name=reply.filename, mime_type=reply.media_type)
    return reply


def _caller(request: gr.Request) -> Caller:
    client = request.client
    return Caller(client.host if client else "", bool(request.request.scope.get("state", {}).get("operator")))
