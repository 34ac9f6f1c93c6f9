"""A project file: everything of a session in one zip, to go on with another day or somewhere else.

`project.json` (version, name, size, masks, layers, selection, palette), `photo` (the file, without the place it was
taken at) and `masks/<id>` (the runs of each mask). Reading one trusts nothing: every size is bounded before it is
unpacked, and every value goes through the same checks as a caller's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .. import rle
from ..errors import InvalidInput, PainterError
from ..types import Canvas, Mask, Palette, Session
from . import records, schemes
from .zips import ZipReader, pack

T = TypeVar("T")
FORMAT, VERSION = "sam2-painter project", 2
MAX_BYTES = 2**30
"""Of a project file, through every door."""

MAX_JSON, MOST_VALUES = 16 * 2**20, 1_000_000
"""Bytes of project.json, and values in it: while it is parsed nobody else is answered, and a value takes two bytes."""

MOST_CANDIDATES = 100
"""Answers to one step: each is shown."""

MOST_ID = 2**30
"""Of layers and schemes: there is room for those that are made later."""


@dataclass(frozen=True)
class Project:
    """A project file, opened. photo: the picture's file. masks: by their id, 0 up; made: as in `Session`; canvas: what
    refers to them."""

    name: str
    photo: bytes
    masks: tuple[Mask, ...]
    made: frozenset[int]
    automatic: tuple[int, ...]
    canvas: Canvas
    palette: Palette | None


def to_project(session: Session, photo: bytes) -> bytes:
    """The session and the file of its photo as one zip file. The history is not in it.

    Raises InvalidInput for more than a project file holds: it would not open again.
    """
    records.check_layers(len(session.layers))
    project = {
        "format": FORMAT,
        "version": VERSION,
        "name": session.name,
        "size": [session.size[1], session.size[0]],
        "masks": [records.kept_mask(session, mask_id) for mask_id in session.masks],
        "automatic": list(session.automatic),
        "canvas": records.canvas_to_record(session.canvas),
        "palette": records.palette_to_record(session.palette) if session.palette else None,
    }
    runs = [(f"masks/{mask_id}", records.counts_to_bytes(mask.rle)) for mask_id, mask in session.masks.items()]
    text = json.dumps(project, ensure_ascii=False).encode("utf-8", "replace")  # a name may hold half a surrogate pair
    if len(text) > MAX_JSON or _values(text) > MOST_VALUES:
        raise InvalidInput("The shapes of this photo's walls have too many points for a project file.", "session_id")
    return pack([("project.json", text), ("photo", photo), *runs])


class ProjectReader:
    """A project file, being opened in two steps: `photo` first, and `project` once its size is known.

    Raises InvalidInput, with the true reason, when it is none, or is too large or damaged.
    """

    def __init__(self, data: bytes, *, max_photo: int, max_masks: int):
        self._zip = ZipReader(data, entries=max_masks * (1 + records.MOST_MADE) + 16, what="project")
        if "project.json" not in self._zip:
            raise InvalidInput("This zip is no SAM2 Painter project: there is no project.json in it.", "file")
        self._json = _object(self._zip.read("project.json", MAX_JSON))
        if self._json.get("format") != FORMAT:
            raise InvalidInput("This zip is no SAM2 Painter project: its project.json is of another program.", "file")
        version, records_ = self._json.get("version"), self._json.get("masks")
        if type(version) is not int or not isinstance(records_, list):
            raise _damaged("its project.json lacks a version or masks")
        if version > VERSION:
            raise InvalidInput("This project was saved by a newer SAM2 Painter. Upgrade to open it.", "file")
        made = (number for number, record in enumerate(records_) if isinstance(record, dict) and record.get("made"))
        self._made = frozenset(made)
        try:
            records.check_count(len(records_), len(self._made), max_masks)
        except InvalidInput:
            raise InvalidInput(f"A project holds at most {max_masks} masks.", "file") from None
        self.name = str(self._json.get("name", ""))[:200]
        self.photo = self._zip.read("photo", max_photo)

    def project(self, size: tuple[int, int]) -> Project:
        """All of it. size: (H, W) of the photo."""
        height, width = size
        if self._json.get("size", [width, height]) != [width, height]:  # older ones do not say it
            raise _damaged(f"its masks do not fit its photo, which has {width}x{height} pixels")
        found, left = [], records.MAX_RUN_BYTES
        for mask_id, record in enumerate(self._json["masks"]):
            packed = self._zip.read(f"masks/{mask_id}", min(left, 4 * rle.MAX_RUNS + 2**16))
            runs = records.rle_from_bytes(packed, size, rle.MAX_RUNS)
            left -= runs.nbytes
            if left < 0:
                raise InvalidInput("This project's masks are too large to open.", "file")
            found.append(_read(lambda one: records.mask_from_record(one, runs), record, f"mask {mask_id}"))  # noqa: B023
        if len(set(found)) < len(found):
            raise _damaged("it holds a mask twice")
        by_id = _by_id(found)
        canvas = _read(lambda kept: records.canvas_from_record(kept, by_id), self._json.get("canvas"), "its layers")
        _check_canvas(canvas, len(found), size)
        automatic = _read(tuple, self._json.get("automatic"), "its list of masks")
        _check_ids(automatic, len(found))
        automatic = tuple(dict.fromkeys(automatic))  # each is shown once
        kept = self._json.get("palette")
        palette = _read(records.palette_from_record, kept, "its palette") if kept else None
        return Project(self.name, self.photo, tuple(found), self._made, automatic, canvas, palette)


def _damaged(why: str) -> InvalidInput:
    return InvalidInput(f"This project is damaged: {why}.", "file")


def _values(text: bytes) -> int:
    """How many values a JSON text holds at most, before it is parsed."""
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def _object(text: bytes) -> dict[str, Any]:
    if _values(text) > MOST_VALUES:
        raise InvalidInput(f"This project is too large: its project.json has more than {MOST_VALUES:,} values.", "file")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged("its project.json is no JSON") from None
    if not isinstance(value, dict):
        raise _damaged("its project.json is no object")
    return value


def _read(read: Callable[[Any], T], record: Any, what: str) -> T:
    """What a record stands for; InvalidInput for one of another form."""
    try:
        return read(record)
    except PainterError as error:
        raise _damaged(f"{what}: {error}") from None
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise _damaged(f"{what} cannot be read") from None


def _by_id(found: Sequence[Mask]) -> records.MaskOf:
    def mask_of(mask_id: int) -> Mask:
        _check_ids((mask_id,), len(found))
        return found[mask_id]

    return mask_of


def _check_ids(ids: Sequence[object], count: int) -> None:
    if not all(type(mask_id) is int and 0 <= mask_id < count for mask_id in ids):
        raise _damaged("it names a mask it does not hold")


def _check_canvas(canvas: Canvas, count: int, size: tuple[int, int]) -> None:
    """Damage is told now, not when the wall is chosen or changed."""
    _read(records.check_layers, len(canvas.layers), "its layers")
    selection, layer_ids = canvas.selection, [layer.id for layer in canvas.layers]
    named: list[object] = [selection.mask_id, selection.base]
    for step in [*selection.steps, *(step for layer in canvas.layers for step in layer.steps)]:
        named += [step.region, *step.candidates]
        if step.prompts is not None:
            step.prompts.check_inside(size)
        if (
            len(step.candidates) > MOST_CANDIDATES
            or type(step.choice) is not int
            or step.choice not in range(max(1, len(step.candidates)))
        ):
            raise _damaged("its selection makes no sense")
        if step.region is None and step.kind not in ("stroke", "polygon"):
            raise _damaged("a step of a wall adds nothing")
    _check_ids([mask_id for mask_id in named if mask_id is not None], count)
    if not all(type(one) is int and abs(one) < MOST_ID for one in [*layer_ids, *(one.id for one in canvas.schemes)]):
        raise _damaged("a layer or scheme of it has no number")
    if len(set(layer_ids)) < len(layer_ids):
        raise _damaged("two of its layers have one id")
    if selection.layer is not None and selection.layer not in layer_ids:
        raise _damaged("its selection names a layer it does not hold")
    _read(schemes.check, canvas, "its schemes")
