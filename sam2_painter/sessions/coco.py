"""Masks as a COCO data set: files of many photos that can be read together.

The same kind has the same id in every file, a photo the id that its pixels give it, and `join` makes one data set of
several files. Sizes, boxes and runs are of the photo upright; where its file is stored turned, the image says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from .. import masks
from ..types import Mask, Session

Coco = dict[str, Any]

CATEGORIES = (
    "mask", "wall", "window", "door", "roof", "balcony", "fence", "vegetation", "shop", "ground", "other", "sky",
    "eaves", "trim", "shutter", "car",
)  # fmt: skip
"""Kinds by their category id, from 1; "mask" for what nobody named. New ones come at the end."""

_NAMED_FROM = 1000  # ids of kinds that are not in the list: made from their names
_UPRIGHT = (
    "Sizes, boxes and masks are of the photo upright, as it is shown; orientation is the Exif number of its file."
)


def category_id(name: str) -> int:
    """The id of a kind, the same in every file."""
    if name in ("", *CATEGORIES):
        return CATEGORIES.index(name or "mask") + 1
    return _NAMED_FROM + crc32(name.encode("utf-8", "replace")) % 1_000_000


def chosen(session: Session) -> tuple[int, ...]:
    """Ids of the masks somebody chose: those with paint and the selected one; where there are none, all that "every
    mask" found."""
    ids = {layer.mask_id: None for layer in session.layers if layer.mask_id in session.masks}
    if session.selection.mask_id is not None:
        ids[session.selection.mask_id] = None
    return tuple(ids) or session.automatic


def to_coco(session: Session, *, every: bool = False, orientation: int = 1) -> bytes:
    """The chosen masks as COCO JSON with compressed RLE; `mask_id` is the mask's number in the session.

    every: all masks of the session, those that were offered and not taken too; `chosen` tells which is which.
    orientation: of the photo's file, 1 to 8 as Exif counts.
    """
    height, width = session.size
    image: Coco = {
        "id": int(session.digest[:8], 16) & 0x7FFFFFFF,
        "file_name": session.name,
        "width": width,
        "height": height,
        "upright": True,
        "orientation": orientation,
    }
    wanted = chosen(session)
    ids = tuple(session.masks) if every else wanted
    annotations = _annotations([session.masks[mask_id] for mask_id in ids], image["id"])
    names = {layer.mask_id: layer.name for layer in session.layers}
    for annotation, mask_id in zip(annotations, ids, strict=True):
        annotation |= {"mask_id": mask_id, "chosen": mask_id in wanted}
        if mask_id in names:
            annotation["name"] = names[mask_id]
    return _written([image], annotations, [session.masks[mask_id].category for mask_id in ids])


def join(files: Iterable[bytes]) -> bytes:
    """One data set of several that `to_coco` wrote. Annotations are numbered anew; of two photos with one id (the same
    pixels under two names) the second gets the next free one."""
    images: list[Coco] = []
    annotations: list[Coco] = []
    kinds: list[str] = []
    taken: set[int] = set()
    for data in files:
        coco = json.loads(data)
        new_ids = {}
        for image in coco["images"]:
            new = image["id"]
            while new in taken:
                new += 1
            taken.add(new)
            new_ids[image["id"]] = new
            images.append({**image, "id": new})
        for annotation in coco["annotations"]:
            number = len(annotations) + 1
            annotations.append({**annotation, "id": number, "image_id": new_ids[annotation["image_id"]]})
        kinds += [category["name"] for category in coco["categories"]]
    return _written(images, annotations, kinds)


def _annotations(found: Sequence[Mask], image_id: int) -> list[Coco]:
    annotations = masks.to_coco_annotations(found, image_id)
    for annotation, mask in zip(annotations, found, strict=True):
        annotation["category_id"] = category_id(mask.category)
    return annotations


def _written(images: list[Coco], annotations: list[Coco], kinds: Iterable[str]) -> bytes:
    others = sorted({kind for kind in kinds if kind not in ("", *CATEGORIES)})
    return json.dumps(
        {
            "info": {"description": f"SAM2 Painter. {_UPRIGHT}"},
            "images": images,
            "annotations": annotations,
            "categories": [{"id": category_id(name), "name": name} for name in (*CATEGORIES, *others)],
        },
        ensure_ascii=False,
    ).encode("utf-8", "replace")  # a name may hold half a surrogate pair
