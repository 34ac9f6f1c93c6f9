"""A studio on another machine: the verbs of `Studio` that `Painter` calls, asked of a server's `/api`.

What the server did is read back as the same values (`Session`, `Mask`, `Layer`), its pictures are fetched, and its
errors are raised here. Colours are read here, by the server's paints.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from .. import masks, paint
from ..errors import InvalidInput
from ..paint import colors, palettes
from ..paint.surface import OldPaint
from ..photos import images
from ..photos.sources import read_bytes
from ..rle import MAX_RUNS, RLE, mask_to_rle
from ..sessions import edits, records, schemes
from ..sessions import recipe as recipes
from ..sessions.recipe import Recipe
from ..studio.studio import Applied, ExportKind, Pointed, SelectMode
from ..types import AutoMask, Coat, CombineMode, Layer, Mask, Palette, Photo, Prompts, Scheme, Session
from .connection import Connection

MAX_UPLOAD = 2**31
MAX_PIXELS = 2**28
"""Of a picture that a server sends."""


@dataclass(frozen=True)
class RemoteEngine:
    """Who makes the masks there."""

    title: str


class Fetched(NamedTuple):
    """A file that was made there."""

    filename: str
    data: bytes

    def read(self) -> bytes:
        """What is in it."""
        return self.data


class RemoteStudio:
    """The verbs, as in `Studio`; those that change something answer by `session`, asked anew."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self._about: dict[str, Any] = {}
        self._sessions: dict[str, Session] = {}
        self._palettes: dict[str, Palette] = {}
        self._photos: dict[str, Photo] = {}

    # -- what there is -----------------------------------------------------------------------------------------------

    @property
    def engine(self) -> RemoteEngine:
        """Who makes the masks there."""
        return RemoteEngine(self._told()["engine"])

    @property
    def categories(self) -> tuple[str, ...]:
        """The kinds that `find` knows."""
        return tuple(self._told()["categories"])

    def _told(self) -> dict[str, Any]:
        if not self._about:
            self._about = self.connection.get("/") | {"engine": self.connection.get("/health")["engine"]}
        return self._about

    def open(self, source: images.Source, name: str = "") -> Session:
        """Send a photo there."""
        if isinstance(source, np.ndarray) and source.dtype == bool:
            raise InvalidInput("photo must be a picture, not a mask", "photo")
        if isinstance(source, (np.ndarray, Image.Image)):
            photo = images.open_photo(source, name, max_bytes=MAX_UPLOAD, max_pixels=MAX_UPLOAD)
            data, filename = images.encode(photo.pixels, "PNG"), name or photo.name
        else:
            data = read_bytes(source, MAX_UPLOAD, paths=isinstance(source, PathLike))
            filename = name or (Path(source).name if isinstance(source, PathLike) else "")
        reply = self.connection.send("/upload", filename or "photo", data, image="false")
        note = reply["message"].removeprefix("Photo opened.").strip()
        return replace(self.session(reply["session_id"]), notes=(note,) if note else ())

    def open_project(self, data: bytes) -> Session:
        """Send a project there."""
        return self.session(self.connection.send("/open-project", "project", data)["session_id"])

    def session(self, session_id: str) -> Session:
        """The session as it is now; masks known already are not sent again."""
        known = self._sessions.get(session_id)
        first = len(known.masks) if known else 0
        state = self.connection.get("/session-state", session_id, first_mask=first)
        size = (state["height"], state["width"])
        found = dict(known.masks) if known else {}
        for number, record in enumerate(state["masks"], start=state["first_mask"]):
            found[number] = _mask(record, size)
        self._palettes[session_id] = records.palette_from_record(state["palette"])
        self._sessions[session_id] = Session(
            id=session_id,
            name=state["name"],
            digest=state["digest"],
            size=size,
            masks=MappingProxyType(found),
            automatic=tuple(state["automatic"]),
            canvas=records.canvas_from_record(state["canvas"], found.__getitem__),
            can_undo=state["can_undo"],
            can_redo=state["can_redo"],
            created_at=state["created_at"],
            revision=state["revision"],
        )
        return self._sessions[session_id]

    def photo(self, session_id: str) -> Photo:
        """The photo, fetched once."""
        if session_id not in self._photos:
            self._photos[session_id] = Photo(self._picture(session_id, None, False), self.session(session_id).name)
        return self._photos[session_id]

    def close(self, session_id: str) -> None:
        """Delete the session there."""
        self.connection.delete("/session", session_id)
        for kept in (self._sessions, self._palettes, self._photos):
            kept.pop(session_id, None)

    # -- selecting ---------------------------------------------------------------------------------------------------

    def click(self, session_id: str, x: float, y: float, label: int = 1, mode: SelectMode = "new") -> None:
        Prompts.click(x, y, label)
        self._do("/click-wall", session_id, point=[float(x), float(y)], label=int(label), mode=mode)

    def point(self, session_id: str, x: float, y: float, mode: SelectMode = "union") -> None:
        Prompts.click(x, y)
        self._do("/wall-point", session_id, point=[float(x), float(y)], mode=mode)

    def box(self, session_id: str, x1: float, y1: float, x2: float, y2: float, mode: SelectMode = "new") -> None:
        self._do("/wall-box", session_id, box=_box((x1, y1, x2, y2)), mode=mode)

    def segment(self, session_id: str, prompts: Prompts, mode: SelectMode = "new") -> None:
        if not prompts.multimask_output:
            raise InvalidInput("multimask_output=False cannot be asked of a server; take candidate 0.", "prompts")
        if prompts.mask_input is not None and prompts.mask_input.ndim != 2:
            raise InvalidInput("Logits cannot be sent to a server: give mask_input as (H, W) bool.", "prompts")
        pairs = zip(prompts.point_coords.tolist(), prompts.point_labels.tolist(), strict=True)
        self._do(
            "/segment-wall",
            session_id,
            points=[{"x": x, "y": y, "label": label} for (x, y), label in pairs],
            box=None if prompts.box is None else _box(prompts.box.tolist()),
            mask=None if prompts.mask_input is None else _png(mask_to_rle(prompts.mask_input)),
            mode=mode,
        )

    def stroke(
        self,
        session_id: str,
        path: Sequence[tuple[float, float]],
        radius: float,
        mode: SelectMode = "union",
        *,
        edge_aware: bool = False,
    ) -> None:
        self._do(
            "/wall-stroke", session_id, path=_path(path), radius=float(radius), mode=mode, edge_aware=bool(edge_aware)
        )

    def polygon(
        self,
        session_id: str,
        path: Sequence[tuple[float, float]],
        mode: SelectMode = "union",
        *,
        only_wall: bool = False,
    ) -> None:
        self._do("/wall-polygon", session_id, path=_path(path), mode=mode, only_wall=bool(only_wall))

    def tidy(self, session_id: str) -> None:
        self._do("/tidy-wall", session_id)

    def take_over(self, session_id: str) -> None:
        self._do("/take-over", session_id)

    def import_mask(self, session_id: str, rle: RLE, mode: SelectMode = "new") -> None:
        self._do("/wall-mask", session_id, mask=_png(rle), mode=mode)

    def choose_at(self, session_id: str, x: float, y: float) -> None:
        Prompts.click(x, y)
        self._do("/choose-wall", session_id, point=[float(x), float(y)])

    def choose_wall(self, session_id: str, layer_id: int) -> None:
        self._do("/choose-wall", session_id, layer_id=layer_id)

    def choose(self, session_id: str, choice: int) -> None:
        self._do("/choose-answer", session_id, choice=choice)

    def remove_step(self, session_id: str, index: int) -> None:
        self._do("/remove-step", session_id, index=index)

    def remove_point(self, session_id: str, index: int) -> None:
        self._do("/remove-point", session_id, index=index)

    def find(
        self,
        session_id: str,
        category: str,
        mode: SelectMode = "new",
        *,
        point: tuple[float, float] | None = None,
        protect: bool = False,
    ) -> None:
        self._do("/find-walls", session_id, category=category, mode=mode, point=point, protect=protect)

    def select(self, session_id: str, mask_ids: Sequence[int], mode: SelectMode = "new") -> None:
        self._do("/select-masks", session_id, mask_ids=list(mask_ids), mode=mode)

    def clear_selection(self, session_id: str) -> None:
        self._do("/choose-nothing", session_id)

    def generate(self, session_id: str, options: AutoMask, progress: Callable[[float], None]) -> None:
        """Every mask; how far it is is not told."""
        self._do("/generate-masks-advanced", session_id, **asdict(options), mask_format="none")
        progress(1.0)

    def mask_at(self, session_id: str, x: float, y: float) -> Pointed:
        reply = self._do("/get-mask-at-point", session_id, point=[float(x), float(y)], mask_format="none")
        return self._pointed(session_id, reply["mask_id"])

    def combine(self, session_id: str, mask_ids: Sequence[int], mode: CombineMode = "union") -> Pointed:
        reply = self._do("/combine-masks", session_id, mask_ids=list(mask_ids), mode=mode, mask_format="none")
        return self._pointed(session_id, reply["mask_id"])

    def _pointed(self, session_id: str, mask_id: int) -> Pointed:
        return Pointed(mask_id, self.session(session_id).mask(mask_id), False)

    # -- painting ----------------------------------------------------------------------------------------------------

    def paint_wall(self, session_id: str, coat: Coat) -> None:
        look = dict(opacity=coat.opacity, mode=coat.mode, light=coat.light, shadow=coat.shadow, name=coat.name)
        self._do("/paint-wall", session_id, color=_color(coat.color), **_plain(look))

    def edit_layer(self, session_id: str, layer_id: int, **changes: Any) -> None:
        edits.check_changes(changes)
        if "color" in changes:
            changes["color"] = _color(changes["color"])
        self._do("/edit-layer", session_id, layer_id=layer_id, **_plain(changes))

    def remove_layer(self, session_id: str, layer_id: int) -> None:
        self._do("/remove-layer", session_id, layer_id=layer_id)

    def move_layer(self, session_id: str, layer_id: int, to: int) -> None:
        self._do("/move-layer", session_id, layer_id=layer_id, to=to)

    def tie_layers(self, session_id: str, layer_ids: Sequence[int]) -> None:
        self._do("/tie-layers", session_id, layer_ids=list(layer_ids))

    def untie_layer(self, session_id: str, layer_id: int) -> None:
        self._do("/untie-layer", session_id, layer_id=layer_id)

    def tie_offers(self, session_id: str) -> list[tuple[int, int]]:
        offers = self.connection.get("/tie-offers", session_id)["offers"]
        return [(one, other) for one, other in offers]

    def undo(self, session_id: str) -> None:
        self._do("/undo", session_id)

    def redo(self, session_id: str) -> None:
        self._do("/redo", session_id)

    def schemes(self, session: Session) -> tuple[Scheme, ...]:
        return schemes.schemes_of(session)

    def add_scheme(self, session_id: str, name: str = "", *, like: int | None = None) -> None:
        self._do("/add-scheme", session_id, name=name, like=like)

    def choose_scheme(self, session_id: str, scheme_id: int) -> None:
        self._do("/choose-scheme", session_id, scheme_id=scheme_id)

    def rename_scheme(self, session_id: str, scheme_id: int, name: str) -> None:
        self._do("/rename-scheme", session_id, scheme_id=scheme_id, name=name)

    def remove_scheme(self, session_id: str, scheme_id: int) -> None:
        self._do("/remove-scheme", session_id, scheme_id=scheme_id)

    def compare_schemes(self, session_id: str, max_side: int = 2400) -> np.ndarray:
        reply = self._do("/compare-schemes", session_id, max_side=max_side, image_format="PNG")
        return images.open_photo(base64.b64decode(reply["image"]), "schemes.png").pixels

    def download_schemes(self, session_id: str, *, format: str = "JPG", quality: int = 95) -> Fetched:
        return self._fetch(self._do("/download-schemes", session_id, format=format, quality=quality))

    def download_sheet(self, session_id: str, *, width: float | None = None, units: str = "m") -> Fetched:
        return self._fetch(self._do("/download-sheet", session_id, width=width, units=units))

    def recipe(self, session_id: str) -> Recipe:
        return recipes.from_json(self.connection.get("/recipe", session_id)["recipe"])

    def apply_recipe(self, session_id: str, recipe: Recipe, *, scale: bool = False) -> Applied:
        reply = self._do("/apply-recipe", session_id, recipe=recipes.to_json(recipe), scale=scale)
        return Applied(self.session(session_id), tuple(reply["left_out"]))

    def paint_alike(self, session_id: str, like: str) -> Applied:
        reply = self._do("/paint-alike", session_id, like=like)
        return Applied(self.session(session_id), tuple(reply["left_out"]))

    # -- colours -----------------------------------------------------------------------------------------------------

    def palette(self, session: Session) -> Palette:
        return self._palettes[session.id]

    def use_palette(self, session_id: str, palette: Palette | None) -> None:
        if palette is None:
            self.connection.delete("/palette", session_id)
            return
        paints = [{"name": p.name, "color": _color(p.rgb), "code": p.code, "brand": p.brand} for p in palette.paints]
        data = json.dumps({"paints": paints}).encode()
        self.connection.send(
            "/load-palette", f"{palette.name}.json", data, session_id=session_id, filename=palette.name
        )

    def color(self, session: Session, text: str) -> colors.RGB:
        return colors.parse_color(text, self.palette(session))

    def describe(self, session: Session, rgb: colors.RGB) -> palettes.Description:
        own = self.palette(session)
        return palettes.describe(rgb, None if own == palettes.exterior() else own)

    def wall_color(self, session_id: str, mask_id: int) -> colors.RGB:
        reply = self._do("/describe-color", session_id, mask_id=mask_id)
        return colors.parse_color(reply["color"])

    def wall_paints(self, session_id: str, mask_id: int) -> tuple[OldPaint, ...]:
        reply = self._do("/describe-color", session_id, mask_id=mask_id)
        return tuple(OldPaint(colors.parse_color(one["color"]), one["share"]) for one in reply["paints"])

    def color_at(self, session_id: str, x: float, y: float) -> colors.RGB:
        return paint.color_at(self.photo(session_id), x, y)

    # -- pictures and files ------------------------------------------------------------------------------------------

    def picture(
        self, session_id: str, *, layers: Iterable[Layer] | None = None, max_side: int | None = None
    ) -> np.ndarray:
        """The painted picture, made there; layers to try on are painted here."""
        if layers is not None:
            return paint.composite(self.photo(session_id), tuple(layers), max_side=max_side)
        return self._picture(session_id, max_side, True)

    def download(self, session_id: str, *, format: str = "PNG", quality: int = 95) -> Fetched:
        return self._fetch(self._do("/download-painted-image", session_id, format=format, quality=quality))

    def export(self, session_id: str, what: ExportKind, *, every: bool = False) -> Fetched:
        if what == "project":
            return self._fetch(self._do("/save-project", session_id))
        return self._fetch(self._do("/download-masks", session_id, format=what, which="all" if every else "chosen"))

    def _fetch(self, made: dict[str, Any]) -> Fetched:
        return Fetched(made["filename"], self.connection.fetch(made["image_url"]))

    def _picture(self, session_id: str, max_side: int | None, painted: bool) -> np.ndarray:
        reply = self.connection.get("/picture-data", session_id, max_side=max_side, painted=painted)
        data = base64.b64decode(reply["image"])
        return images.open_photo(data, "picture.png", max_bytes=MAX_UPLOAD, max_pixels=MAX_PIXELS).pixels

    def _do(self, path: str, session_id: str, /, **fields: object) -> Any:
        return self.connection.post(path, session_id=session_id, **fields)


def _mask(record: dict[str, Any], size: tuple[int, int]) -> Mask:
    rle = records.rle_from_bytes(base64.b64decode(record["counts"]), size, MAX_RUNS)
    return records.mask_from_record(record, rle)


def _png(rle: RLE) -> str:
    return base64.b64encode(masks.mask_to_png(rle)).decode("ascii")


def _box(corners: Sequence[float]) -> dict[str, float]:
    return dict(zip(("x1", "y1", "x2", "y2"), map(float, corners), strict=True))


def _path(path: Sequence[tuple[float, float]]) -> list[list[float]]:
    try:
        return [[float(x), float(y)] for x, y in path]
    except (TypeError, ValueError):
        raise InvalidInput("path must be a list of points [x, y]", "path") from None


def _color(color: tuple[int, int, int] | str) -> str:
    return color if isinstance(color, str) else colors.to_hex(color)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """NumPy's numbers as Python's."""
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
