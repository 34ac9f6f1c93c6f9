"""What masks can do with one another: combine, clean, look up, measure, and travel as PNG or COCO.

Combining works on runs: no pixel is made, a few milliseconds for masks of 12 megapixels.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from ..photos.containers import DECODING, open_picture, pillow_errors
from ..photos.picture import Decoded
from ..photos.png import SIGNATURE, chunk
from ..photos.sources import check_bytes, decode_base64
from ..rle import MAX_RUNS, RLE, mask_to_rle, paste_rle
from ..types import COMBINE_MODES, CombineMode, Mask, fit_size, whole_number
from .boxes import grow_box, pixels_in

MAX_MASK_BYTES = 20 * 1024 * 1024

# -- combining


def union(rles: Sequence[RLE]) -> RLE:
    """Pixels in at least one of them."""
    return _folded(rles, lambda some: _covered(some, 1))


def intersect(rles: Sequence[RLE]) -> RLE:
    """Pixels in all of them."""
    return _folded(rles, lambda some: _covered(some, len(some)))


def subtract(first: RLE, rest: Sequence[RLE]) -> RLE:
    """Pixels of `first` that are in none of `rest`."""
    return intersect([first, complement(union(rest))]) if rest else first


def combine(rles: Sequence[RLE], mode: CombineMode = "union") -> RLE:
    """`union`, `intersect`, or the first less the others. Raises InvalidInput for none, other modes, other sizes."""
    if mode not in COMBINE_MODES:
        raise InvalidInput(f"mode must be one of {', '.join(COMBINE_MODES)}", "mode")
    _same_size(rles)
    if mode == "subtract":
        return subtract(rles[0], rles[1:])
    return union(rles) if mode == "union" else intersect(rles)


def complement(rle: RLE) -> RLE:
    """Every other pixel."""
    counts = rle.counts[1:] if rle.counts[0] == 0 else np.concatenate([[np.uint32(0)], rle.counts])
    return RLE(rle.size, counts)


def _same_size(rles: Sequence[RLE]) -> tuple[int, int]:
    if not rles:
        raise InvalidInput("give at least one mask", "mask_ids")
    sizes = {rle.size for rle in rles}
    if len(sizes) > 1:
        raise InvalidInput("masks of photos of different sizes cannot be combined", "mask_ids")
    return rles[0].size


_AT_ONCE = 4_000_000
"""Runs that are put together in one round: each takes some 50 bytes meanwhile."""


def _folded(rles: Sequence[RLE], together: Callable[[list[RLE]], RLE]) -> RLE:
    """One of many, by rounds: `together` makes one of some, and their order makes no difference."""
    _same_size(rles)
    left = list({id(rle): rle for rle in rles}.values())
    while len(left) > 1:
        batches, runs = [[left[0]]], len(left[0].counts)
        for rle in left[1:]:
            runs += len(rle.counts)
            if runs > _AT_ONCE and len(batches[-1]) > 1:
                batches.append([])
                runs = len(rle.counts)
            batches[-1].append(rle)
        left = [together(batch) for batch in batches]
    return left[0]


def _covered(rles: Sequence[RLE], at_least: int) -> RLE:
    """Pixels in at least that many of the masks: a sweep along the column-major pixels, counting open runs."""
    height, width = rles[0].size
    if len(rles) == 1:
        return rles[0]
    opens = np.concatenate([rle.ends[0 : len(rle.ends) - 1 : 2] for rle in rles])  # where foreground begins
    closes = np.concatenate([rle.ends[1::2] for rle in rles])
    positions = np.concatenate([opens, closes])
    steps = np.concatenate([np.ones(len(opens), np.int32), np.full(len(closes), -1, np.int32)])
    order = np.argsort(positions, kind="stable")
    positions, depth = positions[order], np.cumsum(steps[order])
    last = np.append(positions[1:] != positions[:-1], True)[: len(positions)]  # the depth once a position is done with
    edges = positions[last][np.diff(depth[last] >= at_least, prepend=False)]
    end = [] if len(edges) and edges[-1] == height * width else [height * width]
    bounds = np.concatenate([[0], edges, end]).astype(np.int64)
    return RLE((height, width), np.diff(bounds).astype(np.uint32))


def may_overlap(a: RLE, b: RLE) -> bool:
    """Whether the boxes of two masks of one photo share a pixel: where they do not, the masks do not either."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = a.bbox, b.bbox
    return ax < bx + bw and bx < ax + aw and ay < by + bh and by < ay + ah


# -- cleaning, resizing


def clean(segmentation: np.ndarray, min_area: int) -> np.ndarray:
    """(H, W) bool without holes and specks of fewer than min_area pixels; corners connect.

    Holes are filled first. When every part is a speck, the largest stays: a mask is never cleaned away. This is what
    SAM's `min_mask_region_area` asks for. 0 changes nothing.

    >>> dusty = np.array([[1, 0, 0, 0, 0],
    ...                   [0, 0, 1, 1, 1],
    ...                   [0, 0, 1, 0, 1],
    ...                   [0, 0, 1, 1, 1]], bool)
    >>> clean(dusty, 2).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 0, 1, 1, 1],
           [0, 0, 1, 1, 1],
           [0, 0, 1, 1, 1]])
    """
    min_area = whole_number(min_area, "min_mask_region_area", 0, 100_000_000)
    segmentation = np.array(segmentation, bool)
    if min_area < 2 or not segmentation.any():
        return segmentation
    holes, areas = _parts(~segmentation)
    if (small := areas < min_area).any():
        segmentation |= small[holes]
    return clean_parts(segmentation, min_area)


def _parts(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the connected parts, 0 outside, and the area of each label; label 0 counts as boundless."""
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    areas[0] = np.iinfo(np.int64).max
    return labels, areas


def part_at(rle: RLE, x: float, y: float) -> RLE | None:
    """The connected part of the mask that holds pixel (x, y); None where the mask does not. Corners connect."""
    if not rle.contains(int(x), int(y)):
        return None
    import cv2

    crop, (left, top, _, _) = rle.crop()
    marked = crop.view(np.uint8)
    _, _, _, (dx, dy, w, h) = cv2.floodFill(marked, None, (int(x) - left, int(y) - top), 2, flags=8)
    return paste_rle(marked[dy : dy + h, dx : dx + w] == 2, left + dx, top + dy, rle.size)


def grow(rle: RLE, pixels: float) -> RLE:
    """The mask with every pixel of the photo that is at most so far from it.

    >>> from sam2_painter.rle import rle_to_mask
    >>> dot = mask_to_rle(np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], bool))
    >>> rle_to_mask(grow(dot, 1)).astype(int)
    array([[0, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 0, 0]])
    """
    if not rle.area or pixels <= 0:
        return rle
    import cv2

    left, top, _, _ = box = grow_box(rle.bbox, int(pixels), rle.size)
    away = (~pixels_in(rle, box)).view(np.uint8)
    near = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= pixels
    return paste_rle(near, left, top, rle.size)


def without_crumbs(rle: RLE, share: float = 0.01, least: int = 12) -> RLE:
    """The mask without small parts: those under `share` of its area or under `least` pixels; the largest stays."""
    if not rle.area:
        return rle
    crop, (left, top, _, _) = rle.crop()
    kept = clean_parts(crop, max(least, int(share * rle.area)))
    return rle if kept is crop else paste_rle(kept, left, top, rle.size)


def clean_parts(segmentation: np.ndarray, min_area: int) -> np.ndarray:
    """(H, W) bool without connected parts of fewer than min_area pixels, the same array when there are none; holes
    stay. When every part is small, the largest stays."""
    parts, areas = _parts(segmentation)
    keep = areas >= min_area
    if keep.all():
        return segmentation
    if not keep[1:].any():
        keep[1 + int(areas[1:].argmax())] = True
    keep[0] = False
    kept: np.ndarray = keep[parts]
    return kept


def sample_rle(rle: RLE, size_hw: tuple[int, int]) -> RLE:
    """The mask of the same photo at another size, each pixel that of the photo under its centre; no pixel is made.

    Much faster than an area average, a little rougher: for what is only looked at.
    """
    (height, width), (h, w) = rle.size, size_hw
    rows, columns = _under_centres(height, h), _under_centres(width, w)
    edges = rle.ends[:-1]  # where foreground begins or stops
    first = np.searchsorted(edges, columns * height, side="right")
    after = np.searchsorted(edges, (columns + 1) * height, side="left")
    number = after - first  # edges inside each sampled column
    column = np.repeat(np.arange(w), number)
    inside = edges[np.repeat(first - (np.cumsum(number) - number), number) + np.arange(len(column))]
    inner = column * h + np.searchsorted(rows, inside - columns[column] * height)
    jumps = np.flatnonzero(first % 2 != np.concatenate([[0], after[:-1] % 2])) * h  # between two sampled columns
    bounds = np.sort(np.concatenate([[0], inner, jumps, [h * w]]))
    return RLE((h, w), np.diff(bounds).astype(np.uint32))


def _under_centres(length: int, samples: int) -> np.ndarray:
    """(samples,) the pixels under the centres of so many equal parts of a side."""
    return ((np.arange(samples) + 0.5) * length / samples).astype(np.int64)


# -- looking up


def mask_at(masks: Sequence[Mask], x: float, y: float) -> int | None:
    """Index of the smallest mask with pixel (x, y) in it, the earlier of two equals; None where there is none."""
    hits = [index for index, mask in enumerate(masks) if mask.rle.contains(x, y)]
    return min(hits, key=lambda index: masks[index].area, default=None)


def label_map(masks: Sequence[Mask], size_hw: tuple[int, int], max_side: int) -> np.ndarray:
    """(h, w) uint16 of the photo at most max_side long: i + 1 where `mask_at` answers i, 0 where None.

    size_hw: of the photo. A pixel of the map asks about the photo's pixel under its centre, so the browser's hover
    and the server's answer agree. Raises InvalidInput for masks of another size or more than 65535 of them.
    """
    if len(masks) > 0xFFFF:
        raise InvalidInput("a label map holds at most 65535 masks", "masks")
    if any(mask.size != tuple(size_hw) for mask in masks):
        raise InvalidInput("every mask must have the size of the photo", "masks")
    labels = np.zeros(fit_size(size_hw, max_side), np.uint16)
    for index in sorted(range(len(masks)), key=lambda i: (-masks[i].area, -i)):
        seen, (x, y, w, h) = sample_rle(masks[index].rle, labels.shape).crop()
        labels[y : y + h, x : x + w][seen] = index + 1
    return labels


# -- measuring


def iou(a: RLE, b: RLE) -> float:
    """Intersection over union, 0 to 1; 0 for two empty masks."""
    if a.size == b.size and not may_overlap(a, b):
        return 0.0  # most pairs of masks of a photo lie apart
    shared = intersect([a, b]).area
    together = a.area + b.area - shared
    return shared / together if together else 0.0


# -- PNG


def mask_to_png(rle: RLE) -> bytes:
    """A black and white PNG of one bit a pixel, white where the mask is.

    Written here, because only the mask's own box has to be packed: a fifth of what a general encoder takes.
    """
    height, width = rle.size
    crop, (x, y, w, h) = rle.crop()
    first = x // 8  # the byte of a row in which the box begins
    bits = np.zeros((h, -(-(x + w) // 8) * 8 - first * 8), bool)
    bits[:, x - first * 8 : x - first * 8 + w] = crop
    packed = np.packbits(bits, axis=1)
    above = np.zeros((h + 1, packed.shape[1]), np.uint8)
    above[1:] = packed
    rows = np.zeros((height, 1 + -(-width // 8)), np.uint8)
    rows[:, 0] = 2  # filter "up": each row is its difference to the one above, mostly nothing
    box = rows[y : y + h + 1, 1 + first : 1 + first + packed.shape[1]]
    box[:h] = packed
    box -= above[: len(box)]
    deflate = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    data = deflate.compress(rows.data.cast("B")) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)  # 1 bit, grey
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def mask_from_png(source: bytes | str, size_hw: tuple[int, int]) -> RLE:
    """A PNG's bytes, base64 or data URL -> the mask it shows.

    In: what is not black and at least half opaque. So a black and white picture of any depth, a 0/1 label picture and
    a white brush on a transparent canvas all mean what they look like. Raises InvalidInput("mask") for anything but
    a PNG of the photo's size, TooLarge above MAX_MASK_BYTES; nothing is decoded before that is known.
    """
    height, width = size_hw
    if isinstance(source, str):
        data = decode_base64(source, max_bytes=MAX_MASK_BYTES, field="mask")
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    else:
        raise InvalidInput(f"mask must be a {width}x{height} PNG as base64", "mask")
    check_bytes(len(data), MAX_MASK_BYTES, "mask")
    picture = open_picture(data, max_pixels=2**62, formats=("PNG",), field="mask")
    if picture.size != (width, height):
        raise InvalidInput(
            f"mask must be a PNG of {width}x{height} pixels like the photo, got {picture.size[0]}x{picture.size[1]}",
            "mask",
        )
    with DECODING.take(picture.cost), pillow_errors("mask"):
        return _shown(picture.decode())


def _shown(decoded: Decoded) -> RLE:
    """The mask that a picture shows."""
    if isinstance(decoded, Image.Image) and (decoded.mode == "P" or "transparency" in decoded.info):
        decoded = decoded.convert("RGBA")
    pixels = np.asarray(decoded)
    if pixels.ndim == 2:  # 1, L, I;16, I
        inside = pixels != 0
    elif pixels.shape[2] in (2, 4):  # the last one is how opaque it is
        inside = pixels[..., :-1].any(axis=-1) & (pixels[..., -1] > np.iinfo(pixels.dtype).max // 2)
    else:
        inside = pixels.any(axis=-1)
    if np.count_nonzero(inside[1:] != inside[:-1]) > MAX_RUNS:
        raise InvalidInput(f"mask is as ragged as noise: more than {MAX_RUNS:,} edges", "mask")
    return mask_to_rle(inside)


# -- COCO


def to_coco_annotations(masks: Iterable[Mask], image_id: int = 1, *, compressed: bool = True) -> list[dict[str, Any]]:
    """COCO annotations, numbered from 1, that pycocotools and SAM's own tools read; JSON can write them as they are.

    compressed: counts as COCO's text, some three times shorter, instead of a list of numbers.
    """
    return [
        {
            "id": number,
            "image_id": image_id,
            "category_id": 1,
            "segmentation": to_coco_compressed(mask.rle) if compressed else mask.rle.to_coco(),
            "area": mask.area,
            "bbox": list(mask.bbox),
            "iscrowd": 0,
            "predicted_iou": mask.predicted_iou,
            "stability_score": mask.stability_score,
            "point_coords": [list(point) for point in mask.point_coords],
            "crop_box": list(mask.crop_box or (0, 0, mask.size[1], mask.size[0])),
        }
        for number, mask in enumerate(masks, 1)
    ]


def to_coco_compressed(rle: RLE) -> dict[str, Any]:
    """``{"size": [H, W], "counts": text}``: differences to the run before last, 5 bits a character from "0" up.

    The format is that of maskApi.c (`rleToString`) in pycocotools.
    """
    differences = rle.counts.astype(np.int64)
    differences[3:] -= rle.counts[1:-2]
    text = bytearray()
    for value in differences.tolist():
        more = True
        while more:
            low = value & 0x1F
            value >>= 5
            more = value != (-1 if low & 0x10 else 0)  # until the sign bit alone says the rest
            text.append(48 + (low | 0x20 if more else low))
    return {"size": list(rle.size), "counts": text.decode("ascii")}
