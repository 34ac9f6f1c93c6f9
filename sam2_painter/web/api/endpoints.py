"""The one table of what programs can ask for.

`rest` makes plain HTTP of it, `gradio_protocol` answers Gradio's clients, and Gradio makes MCP tools of the endpoints.
"""

from __future__ import annotations

import inspect
import logging
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar

import gradio as gr
from annotated_types import Len
from pydantic import (
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from pydantic_core import PydanticCustomError

from ... import __version__
from ...errors import InvalidInput
from ...jobs.rate import Rate
from ...jobs.workers import Workers
from ...sessions.downloads import Download
from ...studio.studio import Studio
from . import schemas
from .misspelt import misspelt
from .operations import files, layers, masks, paint, recipes, schemes, selecting, server, sessions, sheets, state, walls
from .schemas import Attachment, Caller

log = logging.getLogger(__name__)
R = TypeVar("R")
Limit = Literal["upload", "segment", "generate", "paint", "download"]


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
        """What each field means, from the `Field` in its annotation."""
        annotated = typing.get_type_hints(self.verb, include_extras=True)
        return {name: _description(annotated[name]) for name in self.fields}

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
        types = {name: _FILE if name in self.attachments else _bounded(self.hints[name]) for name in self.fields}
        fields: dict[str, Any] = {
            name: (types[name], Field(... if name in self.required else p.default, description=self.descriptions[name]))
            for name, p in self.fields.items()
        }
        title = "".join(word.title() for word in self.name.split("_"))
        made: type[BaseModel] = create_model(title, __config__=ConfigDict(arbitrary_types_allowed=True), **fields)
        return made

    def call(self, studio: Studio, caller: Caller, given: Mapping[str, Any]) -> Any:
        """The verb's reply to a request. null means "not given" where there is a default.

        Raises WrongType before the verb is called, also for a field that looks misspelt; PainterError otherwise.
        """
        if found := misspelt(given, {name: self.hints[name] for name in self.fields}):
            fields = {"verb": self.name, "outcome": "WrongType", "field": found.where}
            log.info("%s", self.name, extra={"fields": fields})
            raise WrongType(found.sentence, found.where)
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


def _description(annotation: Any) -> str:
    """Of the `Field` in an annotation or, where the field may be null, in one of its parts; "" without one."""
    for part in (annotation, *typing.get_args(annotation)):
        for field in getattr(part, "__metadata__", ()):
            return str(field.description or "")
    return ""


MOST_ITEMS = 5000
"""Of any list in a request; verbs know of lower limits."""


class _Hashable(FailFast):
    """pydantic's own cannot be a part of a union."""

    __hash__ = object.__hash__


_FIRST_ERROR = _Hashable()


def _bounded(hint: Any) -> Any:
    """A type whose lists hold at most MOST_ITEMS, and whose check ends with the first mistake in them: told of each,
    one request of a million mistakes costs gigabytes."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return Annotated[list[_bounded(parts[0])], _FIRST_ERROR, Len(0, MOST_ITEMS)]  # type: ignore[misc]
    if origin in (typing.Union, UnionType):
        return typing.Union[tuple(_bounded(part) for part in parts)]  # noqa: UP007  # of types known only now
    return hint


def _file(value: object) -> Attachment | str:
    if isinstance(value, (Attachment, str)):
        return value
    raise PydanticCustomError("file", "Input should be a file, base64 text or a data URL")


_FILE = Annotated[
    Attachment | str, PlainValidator(_file), WithJsonSchema({"type": "string", "contentEncoding": "base64"})
]


@contextmanager
def _validation_errors(verb: str) -> Iterator[None]:
    """pydantic's errors as ours: the first of them, in one sentence. Logged, as the studio logs what gets further."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        kind = InvalidInput if first["type"] in ("literal_error", "too_long") else WrongType
        log.info("%s", verb, extra={"fields": {"verb": verb, "outcome": kind.__name__, "field": where[:80]}})
        raise kind(f"{where}: {first['msg']}", where) from None


def info(studio: Studio) -> schemas.Info:
    """What this server is, its version, and every endpoint with what it does."""
    return {
        "message": f"SAM2 Painter: {studio.engine.title}",
        "version": __version__,
        "endpoints": {one.name: f"{one.method} {one.path} - {one.summary}" for one in ENDPOINTS},
        "categories": list(studio.categories),
    }


ENDPOINTS = (
    Endpoint("GET", "/", info, "segment", quick=True),
    Endpoint("GET", "/health", server.health, "segment", quick=True),
    Endpoint("POST", "/upload", sessions.upload, "upload"),
    Endpoint("POST", "/segment", masks.segment, "segment"),
    Endpoint("POST", "/generate-masks", masks.generate_masks, "generate"),
    Endpoint("POST", "/generate-masks-advanced", masks.generate_masks_advanced, "generate"),
    Endpoint("POST", "/generate-masks-cached", masks.generate_masks_cached, "generate"),
    Endpoint("POST", "/combine-masks", masks.combine_masks, "segment"),
    Endpoint("POST", "/paint-mask", paint.paint_mask, "paint"),
    Endpoint("POST", "/paint-multiple-masks", paint.paint_multiple_masks, "paint"),
    Endpoint("POST", "/click-wall", selecting.click_wall, "segment"),
    Endpoint("POST", "/segment-wall", selecting.segment_wall, "segment"),
    Endpoint("POST", "/select-masks", selecting.select_masks, "segment", quick=True),
    Endpoint("POST", "/choose-wall", walls.choose_wall, "segment"),
    Endpoint("POST", "/find-walls", walls.find_walls, "segment"),
    Endpoint("POST", "/choose-nothing", walls.choose_nothing, "segment", quick=True),
    Endpoint("POST", "/wall-point", walls.wall_point, "segment"),
    Endpoint("POST", "/wall-box", walls.wall_box, "segment"),
    Endpoint("POST", "/wall-stroke", walls.wall_stroke, "segment"),
    Endpoint("POST", "/wall-polygon", walls.wall_polygon, "segment"),
    Endpoint("POST", "/tidy-wall", walls.tidy_wall, "segment"),
    Endpoint("POST", "/wall-mask", walls.wall_mask, "segment"),
    Endpoint("POST", "/take-over", walls.take_over, "segment", quick=True),
    Endpoint("POST", "/choose-answer", walls.choose_answer, "segment", quick=True),
    Endpoint("POST", "/remove-step", walls.remove_step, "segment", quick=True),
    Endpoint("POST", "/remove-point", selecting.remove_point, "segment"),
    Endpoint("POST", "/paint-wall", layers.paint_wall, "paint", quick=True),
    Endpoint("GET", "/layers/{session_id}", layers.list_layers, "segment", quick=True),
    Endpoint("POST", "/edit-layer", layers.edit_layer, "paint", quick=True),
    Endpoint("POST", "/move-layer", layers.move_layer, "paint", quick=True),
    Endpoint("POST", "/remove-layer", layers.remove_layer, "paint", quick=True),
    Endpoint("POST", "/tie-layers", layers.tie_layers, "paint", quick=True),
    Endpoint("POST", "/untie-layer", layers.untie_layer, "paint", quick=True),
    Endpoint("GET", "/tie-offers/{session_id}", layers.tie_offers, "paint"),
    Endpoint("POST", "/undo", layers.undo, "paint", quick=True),
    Endpoint("POST", "/redo", layers.redo, "paint", quick=True),
    Endpoint("GET", "/schemes/{session_id}", schemes.list_schemes, "paint", quick=True),
    Endpoint("POST", "/add-scheme", schemes.add_scheme, "paint", quick=True),
    Endpoint("POST", "/choose-scheme", schemes.choose_scheme, "paint", quick=True),
    Endpoint("POST", "/rename-scheme", schemes.rename_scheme, "paint", quick=True),
    Endpoint("POST", "/remove-scheme", schemes.remove_scheme, "paint", quick=True),
    Endpoint("POST", "/compare-schemes", schemes.compare_schemes, "download"),
    Endpoint("POST", "/download-schemes", schemes.download_schemes, "download"),
    Endpoint("POST", "/make-sheet", sheets.make_sheet, "download"),
    Endpoint("GET", "/sheets/{session_id}", sheets.list_sheets, "paint", quick=True),
    Endpoint("POST", "/revoke-sheet", sheets.revoke_sheet, "paint", quick=True),
    Endpoint("POST", "/download-sheet", sheets.download_sheet, "download"),
    Endpoint("GET", "/recipe/{session_id}", recipes.get_recipe, "paint", quick=True),
    Endpoint("POST", "/apply-recipe", recipes.apply_recipe, "generate"),
    Endpoint("POST", "/paint-alike", recipes.paint_alike, "generate"),
    Endpoint("GET", "/picture/{session_id}", files.picture, "download"),
    Endpoint("GET", "/picture-data/{session_id}", state.get_picture, "paint"),
    Endpoint("GET", "/session-state/{session_id}", state.session_state, "segment"),
    Endpoint("GET", "/masks/{session_id}", masks.list_masks, "segment"),
    Endpoint("POST", "/keep-alive", sessions.keep_alive, "segment", quick=True),
    Endpoint("POST", "/describe-color", paint.describe_color, "paint"),
    Endpoint("GET", "/palette/{session_id}", paint.get_palette, "paint", quick=True),
    Endpoint("POST", "/load-palette", paint.load_palette, "paint"),
    Endpoint("DELETE", "/palette/{session_id}", paint.reset_palette, "paint", quick=True),
    Endpoint("POST", "/download-image", files.download_image, "download"),
    Endpoint("POST", "/download-painted-image", files.download_painted_image, "download"),
    Endpoint("POST", "/download-pictures", files.download_pictures, "download"),
    Endpoint("POST", "/download-masks", files.download_masks, "download"),
    Endpoint("POST", "/save-project", files.save_project, "download"),
    Endpoint("POST", "/open-project", sessions.open_project, "upload"),
    Endpoint("GET", "/download-file/{filename}", files.download_file, "download", quick=True),
    Endpoint("GET", "/list-downloads", files.list_downloads, "download", quick=True),
    Endpoint("GET", "/session/{session_id}", sessions.session_info, "segment", quick=True),
    Endpoint("DELETE", "/session/{session_id}", sessions.delete_session, "segment", quick=True),
    Endpoint("POST", "/get-embedding", sessions.get_embedding, "segment"),
    Endpoint("POST", "/get-mask-at-point", masks.get_mask_at_point, "segment", quick=True),
    Endpoint(
        "POST",
        "/get-mask-at-point-instant",
        masks.get_mask_at_point,
        "segment",
        quick=True,
        alias="get_mask_at_point_instant",
    ),
    Endpoint("POST", "/generate-mask-at-point", masks.generate_mask_at_point, "segment"),
    Endpoint(
        "POST",
        "/generate-mask-at-point-cached",
        masks.generate_mask_at_point,
        "segment",
        alias="generate_mask_at_point_cached",
    ),
    Endpoint("POST", "/clear-cache", server.clear_cache, "segment", quick=True),
    Endpoint("GET", "/cache-status", server.cache_status, "segment", quick=True),
)


# -- Gradio's API ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    """What every door works with. photos: how many one address may open. uploads: the folder of files that Gradio's
    clients send."""

    studio: Studio
    workers: Workers
    photos: Rate
    uploads: Path

    async def answer(self, endpoint: Endpoint, make: Callable[[], R]) -> R:
        """`run` for an endpoint, under its limit and name."""
        return await self.run(make, endpoint.limit, endpoint.name, quick=endpoint.quick)

    async def run(self, make: Callable[[], R], limit: Limit, name: str, *, quick: bool = False) -> R:
        """What `make` returns, made in a worker under the time limit of that kind; cancelled when whoever waits is."""
        return await self.workers.run(make, limit=getattr(self.studio.limits, limit), name=name, quick=quick)


def add_to(blocks: gr.Blocks) -> dict[int, Endpoint]:
    """Tell `blocks`, while they are being made, of every endpoint of the table, for Gradio's clients, its description
    of the API and its MCP server; Gradio's number of each. Who asks one is answered by `gradio_protocol`."""
    numbers = {}
    for endpoint in ENDPOINTS:
        made = gr.api(_declaration(endpoint), api_name=endpoint.name)  # type: ignore[attr-defined]
        numbers[made["id"]] = endpoint
        for name, number in zip(endpoint.fields, made["inputs"], strict=True):
            described: dict[str, Any] = blocks.blocks[number].api_info()  # type: ignore[union-attr]
            described["additional_description"] = endpoint.descriptions.get(name, "")
    return numbers


def _declaration(endpoint: Endpoint) -> Callable[..., Any]:
    """The verb's name, parameters and description as Gradio reads them: with its own type for files."""

    def declared(*values: Any) -> Any:
        raise gr.Error(f"Ask for {endpoint.name} at /gradio_api/call/{endpoint.name}.", print_exception=False)

    words, _, returned = (inspect.getdoc(endpoint.verb) or "").partition("\n\nReturns:\n")
    told = "".join(f"\n    {name}: {text}" for name, text in endpoint.descriptions.items())
    declared.__name__ = endpoint.name
    declared.__doc__ = f"{words}\n\nArgs:{told}\n\nReturns:\n{returned}"
    returns = gr.FileData if endpoint.hints["return"] is Download else endpoint.hints["return"]
    parameters = [
        p.replace(annotation=gr.FileData | str if name in endpoint.attachments else endpoint.hints[name])
        for name, p in endpoint.fields.items()
    ]
    declared.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]
    declared.__annotations__ = {**{p.name: p.annotation for p in parameters}, "return": returns}
    return declared
