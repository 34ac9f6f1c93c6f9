"""A session's work as files: COCO and PNGs of its masks, and a project file that brings everything back.

A project is a zip: `project.json` (version, name, masks, layers, selection, palette), `photo` (the file as it was sent)
and `masks/<id>` (the runs of each mask). Reading one trusts nothing: no member's name is ever used as a path, every
size is bounded before it is unpacked, and every value goes through the same checks as a caller's.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from .. import masks
from ..errors import InvalidInput, PainterError
from ..types import Canvas, Mask, Palette, Session
from . import records

FORMAT, VERSION = "sam2-painter project", 2
MAX_JSON = 32 * 2**20
MAX_RUNS = 256 * 2**20
"""Bytes of runs a project may unpack to: some 4000 detailed masks of 12 megapixels."""

_DIRECTORY_ENTRY, _DIRECTORY_END = 46, 22  # least bytes a member takes in a zip's directory; of the record after it


@dataclass(frozen=True)
class Project:
    """A project file, opened. photo: the picture's file. masks: by their id, 0 up; canvas: what refers to them."""

    name: str
    photo: bytes
    masks: tuple[Mask, ...]
    automatic: tuple[int, ...]
    canvas: Canvas
    palette: Palette | None


# -- masks -----------------------------------------------------------------------------------------------------------


def to_coco(session: Session) -> bytes:
    """Every mask of the session as COCO JSON with compressed RLE; `mask_id` is the mask's number in the session."""
    names = sorted({mask.category or "mask" for mask in session.masks.values()})
    annotations = masks.to_coco_annotations(session.masks.values())
    for annotation, (mask_id, mask) in zip(annotations, session.masks.items(), strict=True):
        annotation["mask_id"] = mask_id
        annotation["category_id"] = names.index(mask.category or "mask") + 1
    height, width = session.size
    return json.dumps(
        {
            "info": {"description": "SAM2 Painter"},
            "images": [{"id": 1, "file_name": session.name, "width": width, "height": height}],
            "annotations": annotations,
            "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
        },
        ensure_ascii=False,
    ).encode("utf-8", "replace")  # a name may hold half a surrogate pair


def to_png_zip(session: Session) -> bytes:
    """Every mask of the session as a black and white PNG named by its number, such as "mask-0007.png"."""
    return _zip([(f"mask-{mask_id:04d}.png", masks.mask_to_png(mask.rle)) for mask_id, mask in session.masks.items()])


# -- projects --------------------------------------------------------------------------------------------------------


def to_project(session: Session, photo: bytes) -> bytes:
    """The session and its photo, as it was sent, as one zip file. The history is not in it."""
    project = {
        "format": FORMAT,
        "version": VERSION,
        "name": session.name,
        "masks": [records.mask_to_record(mask) for mask in session.masks.values()],
        "automatic": list(session.automatic),
        "canvas": records.canvas_to_record(session.canvas),
        "palette": records.palette_to_record(session.palette) if session.palette else None,
    }
    runs = [(f"masks/{mask_id}", records.counts_to_bytes(mask.rle)) for mask_id, mask in session.masks.items()]
    return _zip(
        [("project.json", json.dumps(project, ensure_ascii=False).encode("utf-8", "replace")), ("photo", photo), *runs]
    )


class ProjectReader:
    """A project file, being opened in two steps: `photo` first, and `project` once its size is known.

    Raises InvalidInput when it is none, or is too large or damaged.
    """

    def __init__(self, data: bytes, *, max_photo: int, max_masks: int):
        _check_directory(data, entries=max_masks + 16)
        with _damage():
            self._zip = zipfile.ZipFile(BytesIO(data))
            self._json = json.loads(self._read("project.json", MAX_JSON))
            if self._json["format"] != FORMAT:
                raise InvalidInput("This zip is no SAM2 Painter project.", "file")
            if self._json["version"] > VERSION:
                raise InvalidInput("This project was saved by a newer SAM2 Painter. Upgrade to open it.", "file")
            self.name = str(self._json["name"])[:200]
            self.photo = self._read("photo", max_photo)
            if len(self._json["masks"]) > max_masks:
                raise InvalidInput(f"A project holds at most {max_masks} masks.", "file")

    def project(self, size: tuple[int, int]) -> Project:
        """All of it. size: (H, W) of the photo."""
        with _damage():
            found, left = [], MAX_RUNS
            most = 4 * (size[0] * size[1] + 2) + 2**16  # no mask has more runs than pixels
            for mask_id, record in enumerate(self._json["masks"]):
                rle = records.rle_from_bytes(self._read(f"masks/{mask_id}", min(left, most)), size)
                left -= rle.nbytes
                if left < 0:
                    raise InvalidInput("This project's masks are too large to open.", "file")
                found.append(records.mask_from_record(record, rle))
            if len(set(found)) < len(found):
                raise InvalidInput("This project is damaged: it holds a mask twice.", "file")
            canvas = records.canvas_from_record(self._json["canvas"], _by_id(found))
            _check_canvas(canvas, len(found), size)
            automatic = tuple(self._json["automatic"])
            _check_ids(automatic, len(found))
            kept = self._json.get("palette")
            palette = records.palette_from_record(kept) if kept else None
        return Project(self.name, self.photo, tuple(found), automatic, canvas, palette)

    def _read(self, name: str, most: int) -> bytes:
        member = self._zip.getinfo(name)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
            raise InvalidInput("This project is packed in a way SAM2 Painter does not use.", "file")
        with self._zip.open(member) as stream:
            data = stream.read(most + 1)  # whatever size it declares
        if len(data) > most:
            raise InvalidInput(f"This project is too large: {name} has more than {most} bytes.", "file")
        return data


def _zip(members: Sequence[tuple[str, bytes]]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:  # stored: photo, PNGs and runs are packed already
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)  # of no date, so that equal work is equal bytes
    return out.getvalue()


def _check_directory(data: bytes, entries: int) -> None:
    """InvalidInput unless the end of `data` is that of a small plain zip: `zipfile` would load any directory."""
    end = data.rfind(b"PK\5\6", -(_DIRECTORY_END + 2**16))
    if end < 0 or len(data) < end + _DIRECTORY_END:
        raise InvalidInput("This file is no SAM2 Painter project (a zip file).", "file")
    directory = int.from_bytes(data[end + 12 : end + 16], "little")
    if directory > entries * (_DIRECTORY_ENTRY + 64) or data[end - 20 : end - 16] == b"PK\6\7":  # zip64
        raise InvalidInput("This zip holds more than a SAM2 Painter project does.", "file")


def _by_id(found: Sequence[Mask]) -> records.MaskOf:
    def mask_of(mask_id: int) -> Mask:
        _check_ids((mask_id,), len(found))
        return found[mask_id]

    return mask_of


def _check_ids(ids: Sequence[object], count: int) -> None:
    if not all(type(mask_id) is int and 0 <= mask_id < count for mask_id in ids):
        raise InvalidInput("This project is damaged: it names a mask it does not hold.", "file")


def _check_canvas(canvas: Canvas, count: int, size: tuple[int, int]) -> None:
    """Damage is told now, not when the wall is chosen or changed."""
    selection, layer_ids = canvas.selection, [layer.id for layer in canvas.layers]
    named: list[object] = [selection.mask_id, selection.base]
    for step in [*selection.steps, *(step for layer in canvas.layers for step in layer.steps)]:
        named += [step.region, *step.candidates]
        if step.prompts is not None:
            step.prompts.check_inside(size)
        if type(step.choice) is not int or step.choice not in range(max(1, len(step.candidates))):
            raise InvalidInput("This project is damaged: its selection makes no sense.", "file")
        if step.region is None and step.kind not in ("stroke", "polygon"):
            raise InvalidInput("This project is damaged: a step of a wall adds nothing.", "file")
    _check_ids([mask_id for mask_id in named if mask_id is not None], count)
    if len(set(layer_ids)) < len(layer_ids) or not all(type(layer_id) is int for layer_id in layer_ids):
        raise InvalidInput("This project is damaged: two of its layers have one id.", "file")
    if selection.layer is not None and selection.layer not in layer_ids:
        raise InvalidInput("This project is damaged: its selection names a layer it does not hold.", "file")


@contextmanager
def _damage() -> Iterator[None]:
    """What goes wrong inside a zip and its JSON, as InvalidInput."""
    try:
        yield
    except PainterError:
        raise
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,  # zipfile's word for a compression or an encryption that it cannot read
        RecursionError,
        EOFError,
        OSError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        zlib.error,
    ) as error:
        raise InvalidInput(f"This project is damaged ({type(error).__name__}).", "file") from None
