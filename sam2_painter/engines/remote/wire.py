"""Questions to an engine, and its answers, as bytes: one format, shared by both ends.

A message is msgpack. A photo goes over once and is its sha256 from then on; a service that does not know it (another
container, one that slept) answers 409 ``image_required``, and the same question comes again with the photo inside. A
mask is its box, and the bits of that box, compressed: a hundredth of what RGBA PNGs in JSON cost.

* request: ``{image, size, seconds, data?, prompts? | options?}`` to ``/v1/embed``, ``/v1/predict``, ``/v1/automask``
* reply: ``{image, model, cached, ms, masks}``
* error: ``{error: {code, message, field?}}`` with 401, 409, 413, 422, 500, 503 or 504

Sizes are checked before anything of that size is made. `server` answers, `client` asks.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from typing import Any

import msgpack
import numpy as np
import zstandard

from ...errors import InvalidInput, NotAnImage, TooLarge
from ...rle import RLE, mask_to_rle, paste_rle, rle_to_mask
from ...types import AutoMask, Mask, Photo, Prompts

MEDIA_TYPE = "application/vnd.sam2-painter.v1+msgpack"
MAX_REQUEST = 32 * 2**20
MAX_REPLY = 64 * 2**20
MAX_SIDE = 4096
"""Pixels, of a photo that is sent."""
MAX_PIXELS = 100_000_000
"""Of the photo that the masks are for."""
MAX_MASKS = 20_000
MAX_POINTS = 1000
"""Of one question: attention among them grows with the square."""
MAX_SECONDS = 290.0
SENT_SIDE = 2048
"""Pixels. SAM 2 looks at 1024 of them; the rest is for its crops."""
ZSTD_LEVEL = 3


# ---- messages


def pack(message: Mapping[str, Any]) -> bytes:
    """A message as bytes."""
    packed: bytes = msgpack.packb(dict(message))
    return packed


def unpack(data: bytes) -> dict[str, Any]:
    """The message in these bytes. Raises InvalidInput for anything else; lengths inside are bounded by len(data)."""
    try:
        message = msgpack.unpackb(data)
    except (ValueError, msgpack.UnpackException):
        raise InvalidInput("this is no msgpack message", "body") from None
    if not isinstance(message, dict) or not all(isinstance(key, str) for key in message):
        raise InvalidInput("a message must be a map", "body")
    return message


def get(message: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """A field of a message. Raises InvalidInput when it is missing or of another type."""
    value = message.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidInput(f"{name} is missing or of the wrong type", name)
    return value


def _whole_numbers(message: Mapping[str, Any], name: str, count: int) -> tuple[int, ...]:
    values = get(message, name, list)
    if len(values) != count or not all(type(v) is int and 0 <= v < 2**31 for v in values):
        raise InvalidInput(f"{name} must be {count} whole numbers of at least 0", name)
    return tuple(values)


def get_size(message: Mapping[str, Any]) -> tuple[int, int]:
    """The field `size`: (H, W). Raises InvalidInput when it is missing or larger than any photo."""
    height, width = _whole_numbers(message, "size", 2)
    if not 0 < height * width <= MAX_PIXELS:
        raise TooLarge(f"size must be of 1 to {MAX_PIXELS:,} pixels", "size")
    return height, width


# ---- masks


def pack_rle(rle: RLE) -> dict[str, Any]:
    """A mask: size [H, W], box [x, y, w, h], and its bits, row by row, through zstd."""
    pixels, box = rle.crop()
    bits = zstandard.ZstdCompressor(ZSTD_LEVEL).compress(np.packbits(pixels).tobytes())
    return {"size": list(rle.size), "box": list(box), "bits": bits}


def unpack_rle(packed: object) -> RLE:
    """The inverse of `pack_rle`. Raises InvalidInput for what it cannot have made."""
    if not isinstance(packed, dict):
        raise InvalidInput("a mask must be a map", "mask")
    size, (x, y, w, h) = get_size(packed), _whole_numbers(packed, "box", 4)
    compressed = get(packed, "bits", bytes)
    if x + w > size[1] or y + h > size[0]:
        raise InvalidInput("the box of a mask leaves its photo", "box")
    length = (w * h + 7) // 8
    try:
        # The frame says how long it will be: looked at first, for decompressing believes it.
        if zstandard.frame_content_size(compressed) != length:
            raise InvalidInput("the bits of a mask do not fill its box", "bits")
        raw = zstandard.ZstdDecompressor().decompress(compressed)
    except zstandard.ZstdError:
        raise InvalidInput("the bits of a mask are no zstd frame", "bits") from None
    pixels = np.unpackbits(np.frombuffer(raw, np.uint8), count=w * h).reshape(h, w).astype(bool)
    return paste_rle(pixels, x, y, size)


def pack_mask(mask: Mask) -> dict[str, Any]:
    """A mask with its scores."""
    return {
        **pack_rle(mask.rle),
        "predicted_iou": mask.predicted_iou,
        "stability_score": mask.stability_score,
        "point_coords": [list(point) for point in mask.point_coords],
        "crop_box": list(mask.crop_box) if mask.crop_box else None,
        "category": mask.category,
        "category_score": mask.category_score,
    }


def unpack_mask(packed: object) -> Mask:
    """The inverse of `pack_mask`. Raises InvalidInput for what it cannot have made."""
    rle = unpack_rle(packed)
    assert isinstance(packed, dict)  # else `unpack_rle` would have raised
    crop_box = None if packed.get("crop_box") is None else _whole_numbers(packed, "crop_box", 4)
    scores = {name: get(packed, name, float) for name in ("predicted_iou", "stability_score", "category_score")}
    try:
        point_coords = tuple((float(x), float(y)) for x, y in get(packed, "point_coords", list))
    except (TypeError, ValueError):
        raise InvalidInput("point_coords must be a list of [x, y]", "point_coords") from None
    return Mask(rle, point_coords=point_coords, crop_box=crop_box, category=get(packed, "category", str), **scores)  # type: ignore[arg-type]


# ---- questions


def pack_prompts(prompts: Prompts) -> dict[str, Any]:
    """Prompts, in pixels of the photo that the masks are for."""
    mask, logits = prompts.mask_input, None
    if mask is not None and mask.dtype != bool:
        logits = zstandard.ZstdCompressor(ZSTD_LEVEL).compress(mask.astype("<f4").tobytes())
        mask = None
    return {
        "points": prompts.point_coords.tolist(),
        "labels": prompts.point_labels.tolist(),
        "box": None if prompts.box is None else prompts.box.tolist(),
        "mask": None if mask is None else pack_rle(mask_to_rle(mask)),
        "logits": logits,
        "multimask": prompts.multimask_output,
    }


def unpack_prompts(packed: object, size: tuple[int, int] | None = None) -> Prompts:
    """The inverse of `pack_prompts`. size: (H, W) of the photo. Raises InvalidInput for what makes no Prompts."""
    if not isinstance(packed, dict):
        raise InvalidInput("prompts must be a map", "prompts")
    mask = packed.get("mask")
    if size is not None and isinstance(mask, dict) and get_size(mask) != size:
        raise InvalidInput("the mask must have the photo's size", "mask")
    mask_input = None if mask is None else rle_to_mask(unpack_rle(mask))
    if packed.get("logits") is not None:
        compressed, length = get(packed, "logits", bytes), 256 * 256 * 4
        try:
            if zstandard.frame_content_size(compressed) != length:
                raise InvalidInput("logits must be 256x256 float32", "logits")
            raw = zstandard.ZstdDecompressor().decompress(compressed)
        except zstandard.ZstdError:
            raise InvalidInput("logits are no zstd frame", "logits") from None
        mask_input = np.frombuffer(raw, "<f4").reshape(1, 256, 256)
    points = get(packed, "points", list)
    if len(points) > MAX_POINTS:
        raise TooLarge(f"points must be at most {MAX_POINTS}", "points")
    return Prompts(
        point_coords=points,
        point_labels=get(packed, "labels", list),
        box=packed.get("box"),
        mask_input=mask_input,
        multimask_output=get(packed, "multimask", bool),
    )


def unpack_options(packed: object) -> AutoMask:
    """AutoMask from a map of its fields. Raises InvalidInput for unknown ones and values out of range."""
    if not isinstance(packed, dict) or not packed.keys() <= {field.name for field in fields(AutoMask)}:
        raise InvalidInput("options must be a map of AutoMask's fields", "options")
    return AutoMask(**packed)


@dataclass(frozen=True)
class SentPhoto:
    """A photo as it travels. image: sha256 (hex) of `data`. data: a JPEG file. size: (H, W) of the photo itself."""

    image: str
    data: bytes
    size: tuple[int, int]


def shrink(photo: Photo) -> SentPhoto:
    """The photo as a JPEG file of at most 2048 pixels a side."""
    from PIL import Image

    picture = Image.fromarray(photo.pixels)
    scale = SENT_SIDE / max(photo.size)
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92, subsampling=0)
    return SentPhoto(sha256(file.getvalue()).hexdigest(), file.getvalue(), photo.size)


def open_photo(data: bytes) -> Photo:
    """The photo in a JPEG or PNG file. Raises NotAnImage or TooLarge; of a picture too large no pixel is read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            if max(picture.size) > MAX_SIDE:
                raise TooLarge(f"a photo that is sent must be at most {MAX_SIDE} pixels a side", "data")
            return Photo(np.asarray(picture.convert("RGB")))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise NotAnImage("data must be a JPEG or PNG file", "data") from error


def request(
    sent: SentPhoto, seconds: float, *, prompts: Prompts | None = None, options: AutoMask | None = None, attach: bool
) -> bytes:
    """A question about a photo, with the photo itself if `attach`. seconds: how long the asker will wait."""
    message: dict[str, Any] = {"image": sent.image, "size": list(sent.size), "seconds": seconds}
    if prompts is not None:
        message["prompts"] = pack_prompts(prompts)
    if options is not None:
        message["options"] = asdict(options)
    return pack({**message, "data": sent.data} if attach else message)
