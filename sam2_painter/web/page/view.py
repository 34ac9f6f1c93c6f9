"""A session as the page shows it: plain values and small pictures, ready for JSON.

Pictures travel as data URLs, so nothing of a photo is written to a folder that outlives its session, and nobody can
ask for it by address. The browser says by `have` which ones it holds already; those are named again but not sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from typing import Any

import cv2
import numpy as np

from ... import paint
from ...jobs.deadline import check
from ...masks import contours, intersect, may_overlap, overlay
from ...paint import colors, palette_files
from ...photos import examples, images
from ...studio.studio import Studio
from ...types import Layer, Mask, Session, fit_size, whole_number

PREVIEW = 1600  # pixels on the long side of what the stage shows
HOVER = 800  # of the label map: a finger or a pointer is no finer
COMPARED = 900  # of each scheme's picture where they are compared
WALL = 900  # of the white wall that is recoloured while a slider moves
THUMBNAIL_ROW, THUMBNAIL_WIDEST, SPRITE_WIDTH = 108, 192, 1920  # of the gallery, in pixels of its sprite
FULL_THUMBNAILS = 500  # of more than these each is smaller: thousands would be a sprite of hundreds of megabytes
QUALITY = 86

GOES_WITH = {  # what the page calls colours that go with one, in their order
    "analogous": ("A close relative", "A close relative, other side"),
    "complementary": ("A contrast", "A contrast, lighter or darker"),
    "monochrome": ("The same, very light", "The same, light", "The same, dark", "The same, very dark"),
}

Have = Mapping[str, object]
Json = dict[str, Any]


def boot(studio: Studio, *, signs_in: bool = False) -> Json:
    """What the page must know before any photo is open. signs_in: whether people had to sign in to see it."""
    return {
        "engine": {"title": studio.engine.title, "reason": studio.reason},
        "categories": list(studio.categories),
        "examples": shelf(),
        "max_file_size": studio.max_file_size,
        "max_palette_size": palette_files.MAX_PALETTE_BYTES,
        "session_ttl": studio.sessions.ttl,
        "signs_in": signs_in,
    }


def shelf() -> list[Json]:
    """The example photos."""
    return [{"name": name, "title": name.replace("-", " ").capitalize()} for name in examples.NAMES]


@cache
def example_thumbnail(name: str) -> bytes:
    """A small JPEG of an example. Raises InvalidInput."""
    return images.thumbnail(images.open_photo(examples.path(name)).pixels, 400, 82)


def snapshot(studio: Studio, session: Session, have: Have) -> Json:
    """Everything the page shows of a session, less the pictures the browser has."""
    height, width = session.size
    return {
        "sid": session.id,
        "revision": session.revision,
        "name": session.name,
        "width": width,
        "height": height,
        "undo": session.can_undo,
        "redo": session.can_redo,
        "photo": _sent("photo", session.digest, have, lambda: _preview(studio, session, painted=False)),
        "picture": _sent("picture", _picture_key(session), have, lambda: _preview(studio, session, painted=True)),
        "selection": _selection(session, have),
        "palette": _palette(studio, session, have),
        "layers": [_layer(layer, session, have) for layer in session.layers],
        "schemes": [
            {"id": one.id, "name": one.name, "shown": one.id == session.canvas.scheme}
            for one in studio.schemes(session)
        ],
        "regions": _regions(studio, session, have),
    }


def compared_schemes(studio: Studio, session: Session) -> list[Json]:
    """The photo, whose id is None, and every scheme, each with its name and a picture."""
    photo = images.fit(studio.photo_of(session).pixels, COMPARED)
    pictures: list[tuple[int | None, str, np.ndarray]] = [(None, "Photo", photo)]
    pictures += [(one.id, one.name, pixels) for one, pixels in studio.scheme_pictures(session.id, COMPARED)]
    return [{"id": scheme_id, "name": name, "url": _jpeg(pixels)} for scheme_id, name, pixels in pictures]


def scheme_grid(studio: Studio, session: Session) -> str:
    """The same as one picture, a data URL."""
    return _jpeg(studio.compare_schemes(session.id))


def _jpeg(pixels: np.ndarray) -> str:
    return images.to_data_url(images.encode(pixels, "JPEG", QUALITY), "JPEG")


def _sent(name: str, key: str, have: Have, make: Callable[[], str]) -> Json:
    """A picture by its key, with the picture itself only for a browser that lacks it; "" is the key of none."""
    return {"key": key, "url": make() if key and have.get(name) != key else None}


def _palette(studio: Studio, session: Session, have: Have) -> Json:
    palette = studio.palette(session)
    key = f"{hash(palette):x}"
    paints = None
    if have.get("palette") != key:
        paints = [[one.name, colors.to_hex(one.rgb), one.code, one.brand] for one in palette.paints]
    return {"key": key, "name": palette.name, "own": session.palette is not None, "paints": paints}


def _preview(studio: Studio, session: Session, *, painted: bool) -> str:
    layers = session.layers if painted else ()  # of this snapshot: somebody else may be painting meanwhile
    return _jpeg(studio.painted(session, layers, PREVIEW))


def _picture_key(session: Session) -> str:
    """Names how the layers look; "" when they change nothing."""
    shown = [
        (hash(v.mask.rle), v.color, v.opacity, v.mode, v.light, v.shadow, hash(wall))
        for v, wall in zip(session.layers, paint.tied_walls(session.layers), strict=True)
        if v.visible and v.opacity > 0
    ]
    return sha256(repr(shown).encode()).hexdigest()[:16] if shown else ""


def _shape(mask: Mask, have: Have) -> Json:
    """A mask's border by its key, with the border itself only for a browser that lacks it."""
    key, shapes = f"{hash(mask.rle) & (2**64 - 1):x}", have.get("shapes")
    known = isinstance(shapes, list) and key in shapes
    return {"key": key, "path": None if known else contours.to_svg_path(mask.rle)}


def _layer(layer: Layer, session: Session, have: Have) -> Json:
    return {
        "id": layer.id,
        "mask_id": layer.mask_id,
        "name": layer.name,
        "color": colors.to_hex(layer.color),
        "opacity": layer.opacity,
        "light": layer.light,
        "shadow": layer.shadow,
        "mode": layer.mode,
        "visible": layer.visible,
        "area": layer.mask.area / math.prod(session.size),
        "shape": _shape(layer.mask, have),
        "tie": layer.tie,
    }


def _selection(session: Session, have: Have) -> Json:
    selection = session.selection
    mask = None if selection.mask_id is None else session.masks[selection.mask_id]
    last = selection.steps[-1] if selection.steps else None
    return {
        "mask_id": selection.mask_id,
        "layer": selection.layer,
        "shape": None if mask is None else _shape(mask, have),
        "area": 0 if mask is None else mask.area / math.prod(session.size),
        "category": "" if mask is None else mask.category,
        "points": [{"x": x, "y": y, "label": label} for x, y, label in selection.points],
        "box": None if last is None or last.box is None else list(last.box),
        "shares": _shares(session),
        "candidates": len(selection.candidates),
        "choice": selection.choice,
    }


def _shares(session: Session) -> list[str]:
    """Names of the painted walls that the chosen wall shares pixels with."""
    selection = session.selection
    if selection.mask_id is None:
        return []
    wall = session.masks[selection.mask_id].rle
    others = [v for v in session.layers if v.visible and v.id != selection.layer and may_overlap(v.mask.rle, wall)]
    return [v.name or "another wall" for v in others if intersect([v.mask.rle, wall]).area]


def answers(studio: Studio, session: Session) -> list[Json]:
    """The chosen wall as each of the engine's answers to the last step would make it, smallest first."""
    coarse = max(session.size) / 800  # for small pictures, and a look at them on the photo
    return [
        {
            "choice": answer.choice,
            "area": answer.area,
            "chosen": answer.chosen,
            "path": contours.to_svg_path(answer.rle, coarse),
        }
        for answer in studio.answers(session)
    ]


def _regions(studio: Studio, session: Session, have: Have) -> Json | None:
    if not session.automatic:
        return None
    found = [session.masks[mask_id] for mask_id in session.automatic]
    key = sha256(repr((session.id, session.automatic)).encode()).hexdigest()[:16]
    regions: Json = {"key": key, "count": len(found), "ids": list(session.automatic)}
    if have.get("regions") == key:
        return regions
    pixels = math.prod(session.size)
    sprite, places = _sprite(images.fit(studio.photo_of(session).pixels, PREVIEW), found)
    return regions | {
        "map": {"url": images.to_data_url(overlay.label_map_png(found, session.size, HOVER))},
        "sprite": sprite,
        "items": [
            {"id": mask_id, "area": mask.area / pixels, "category": mask.category, "at": place}
            for mask_id, mask, place in zip(session.automatic, found, places, strict=True)
        ],
    }


def _sprite(small: np.ndarray, found: list[Mask]) -> tuple[Json, list[tuple[int, int, int]]]:
    """Every thumbnail in one JPEG, quicker to send and to decode than a hundred; and the x, y, width of each."""
    smaller = min(1.0, math.sqrt(FULL_THUMBNAILS / len(found)))
    row, widest = math.ceil(THUMBNAIL_ROW * smaller), math.ceil(THUMBNAIL_WIDEST * smaller)
    thumbnails = []
    for mask in found:
        check()
        encoded = np.frombuffer(overlay.thumbnail(small, mask, widest), np.uint8)
        picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
        assert picture is not None  # we made it
        width = min(widest, max(row // 2, round(picture.shape[1] * row / picture.shape[0])))
        thumbnails.append(_filled(picture, width, row))
    places, x, y = [], 0, 0
    for picture in thumbnails:
        if x + picture.shape[1] > SPRITE_WIDTH:
            x, y = 0, y + row
        places.append((x, y, picture.shape[1]))
        x += picture.shape[1]
    sheet = np.zeros((y + row, SPRITE_WIDTH, 3), np.uint8)
    for (x, y, width), picture in zip(places, thumbnails, strict=True):
        sheet[y : y + row, x : x + width] = picture
    url = images.to_data_url(images.encode(sheet, "JPEG", 80), "JPEG")
    return {"url": url, "width": SPRITE_WIDTH, "height": sheet.shape[0], "row": row}, places


def _filled(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width, 3): the picture scaled to cover all of it, its middle."""
    h, w = picture.shape[:2]
    scale = max(width / w, height / h)
    scaled = cv2.resize(
        picture, (max(width, round(w * scale)), max(height, round(h * scale))), interpolation=cv2.INTER_AREA
    )
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return scaled[top : top + height, left : left + width]


def detail(studio: Studio, session: Session, box: list[Any]) -> Json:
    """A part of the picture, XYWH in the photo, as sharp as the stage can show it."""
    height, width = session.size
    x = whole_number(box[0], "box", 0, width - 1)
    y = whole_number(box[1], "box", 0, height - 1)
    w = whole_number(box[2], "box", 1, width - x)
    h = whole_number(box[3], "box", 1, height - y)
    pixels = images.fit(studio.painted(session)[y : y + h, x : x + w], PREVIEW)
    return {"key": _picture_key(session), "box": [x, y, w, h], "url": _jpeg(pixels)}


def white_wall(studio: Studio, session: Session, mask_id: int) -> Json:
    """What the browser recolours by itself while a slider moves: the wall were it white, and its box in the photo."""
    photo, mask = studio.photo_of(session), session.mask(mask_id)
    white, box = paint.white_wall(photo, mask.rle, PREVIEW, analyse=studio.surface)  # the surface painting needs next
    small = images.fit(cv2.cvtColor(white, cv2.COLOR_RGBA2BGRA), WALL)
    data = cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, 75])[1].tobytes()
    scale = max(session.size) / max(fit_size(session.size, PREVIEW))
    return {"mask_id": mask_id, "url": images.to_data_url(data, "WEBP"), "box": [v * scale for v in box]}


def color(studio: Studio, session: Session, rgb: tuple[int, int, int]) -> Json:
    """A colour as the panel shows it: its hex, the paint it is nearest to, its light reflectance, what goes with it."""
    told = studio.describe(session, rgb)
    goes_with = [
        (GOES_WITH[kind][i], colors.to_hex(c)) for kind, group in told.harmonies.items() for i, c in enumerate(group)
    ]
    return {
        "color": colors.to_hex(rgb),
        "name": told.name if told.distance < 1 else f"near {told.name}",
        "code": told.code,
        "distance": round(told.distance, 1),
        "lrv": round(told.reflectance),
        "goes_with": goes_with,
    }
