"""A recipe: how the walls of one photo were found and painted, as JSON, to do the same with other photos.

    {"format": "sam2-painter recipe", "version": 1, "size": [4000, 3000], "walls": [
        {"name": "House", "color": "#b5c7a3", "opacity": 1, "mode": "realistic", "light": 1, "shadow": 1,
         "visible": true, "tie": 0, "steps": [
            {"mode": "union", "find": "wall"},
            {"mode": "subtract", "points": [[812, 640, 1]], "choice": 0},
            {"mode": "union", "box": [10, 20, 300, 400]},
            {"mode": "subtract", "stroke": [[10, 20], [40, 60]], "radius": 12, "edge_aware": false},
            {"mode": "union", "polygon": [[0, 0], [90, 0], [0, 90]], "only_wall": false},
            {"mode": "union", "tidy": true},
            {"mode": "union", "mask": "iVBORw0KGgo..."}]}]}

Walls are painted in their order. Each is made by steps, the first of which adds ("union"); a step has one of `find` (a
kind, such as "wall"), `points` ([x, y, label], 1 wanted, 0 not), `box`, `stroke`, `polygon`, `mask` (a base64 PNG)
or `tidy` (its outline follows the photo).
What is `find` fits every photo; the others have places, pixels of a photo of `size` [width, height]. color: whatever
`paint` takes as text. tie: walls of one number other than 0 lie on one old paint. All but format, version, color and
steps may be left out. Reading one trusts nothing, and says the first mistake.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ..errors import InvalidInput
from ..jobs.deadline import check
from ..masks import mask_from_png, mask_to_png, sample_rle
from ..paint.colors import to_hex
from ..rle import RLE
from ..types import Coat, CombineMode, Layer, Mask, Session, Step, StepKind, number, whole_number
from .records import coat_of
from .walls import MAX_STEPS

T = TypeVar("T")
FORMAT, VERSION = "sam2-painter recipe", 1
MAX_BYTES = 16 * 2**20
MAX_WALLS = 100
MAX_SIDE = 100_000
MAX_PIXELS = 80_000_000

_SHAPES = ("find", "points", "box", "stroke", "polygon", "mask", "tidy")
_STEP_FIELDS = {"mode", "choice", "protect", "radius", "edge_aware", "only_wall", *_SHAPES}
_WALL_FIELDS = {"name", "color", "opacity", "mode", "light", "shadow", "visible", "tie", "steps"}
_DOT = Mask(RLE((1, 1), np.array([0, 1])))


@dataclass(frozen=True)
class RecipeStep:
    """A step without the masks of its session. mask: of a step of kind "mask" that was not found by its kind."""

    step: Step
    mask: RLE | None = None

    @property
    def placed(self) -> bool:
        """Whether it lies at a place of one photo, instead of being found in any."""
        return not self.step.found and self.step.kind != "tidy"

    def scaled(self, across: float, down: float) -> RecipeStep:
        """The same on a photo so many times as wide and as high."""
        step, box = self.step, self.step.box
        if box is not None:
            box = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
        moved = replace(
            step,
            points=tuple((x * across, y * down, label) for x, y, label in step.points),
            box=box,
            path=tuple((x * across, y * down) for x, y in step.path),
            radius=step.radius * math.sqrt(across * down),
        )
        return RecipeStep(moved, self.mask)


@dataclass(frozen=True)
class RecipeWall:
    """A wall to find, and its paint. tie: as in `Layer`, a number within the recipe."""

    coat: Coat
    steps: tuple[RecipeStep, ...]
    tie: int = 0


@dataclass(frozen=True)
class Recipe:
    """Walls to paint, in their order. size: (H, W) of the photo that their places belong to, None without places."""

    walls: tuple[RecipeWall, ...]
    size: tuple[int, int] | None = None

    @property
    def placed(self) -> bool:
        """Whether anything in it lies at a place of one photo."""
        return any(step.placed for wall in self.walls for step in wall.steps)

    def fitted(self, size: tuple[int, int], scale: bool = False) -> Recipe:
        """The recipe for a photo of `size` (H, W). scale: places move with the photo's size.

        Raises InvalidInput where it has places in a photo of another size, and scale is not asked for.
        """
        if not self.placed or self.size is None or self.size == size:
            return self
        (height, width), (h, w) = self.size, size
        if not scale:
            raise InvalidInput(
                f"This recipe has places in a photo of {width}x{height}, and this one is {w}x{h}. Scale the recipe, "
                "or find the walls by kind.",
                "scale",
            )
        walls = tuple(
            replace(wall, steps=tuple(_scaled(step, w / width, h / height, size) for step in wall.steps))
            for wall in self.walls
        )
        return Recipe(walls, size)


def _scaled(step: RecipeStep, across: float, down: float, size: tuple[int, int]) -> RecipeStep:
    scaled = step.scaled(across, down)
    return scaled if scaled.mask is None else replace(scaled, mask=sample_rle(scaled.mask, size))


# -- of a session ----------------------------------------------------------------------------------------------------


def of_session(session: Session) -> Recipe:
    """How its painted walls were made. Raises InvalidInput when nothing is painted."""
    if not session.layers:
        raise InvalidInput("There is no paint to make a recipe of. Paint a wall first.", "session_id")
    return Recipe(tuple(_wall(session, layer) for layer in session.layers[:MAX_WALLS]), session.size)


def _wall(session: Session, layer: Layer) -> RecipeWall:
    coat = replace(coat_of(layer), name=layer.name)
    steps = layer.steps or (Step("mask"),)
    again = [n for n, step in enumerate(steps) if n and step.kind == steps[n - 1].kind == "tidy"]  # its second half
    kept = [step for n, step in enumerate(steps) if n not in again]
    return RecipeWall(coat, tuple(_step(session, layer, step) for step in kept), layer.tie)


def _step(session: Session, layer: Layer, step: Step) -> RecipeStep:
    mask = None
    if step.kind == "mask" and not step.found:
        mask = layer.mask.rle if step.region is None else session.masks[step.region].rle
    whole = step.kind == "polygon" and step.choice > 0  # the other answer to a polygon
    aware = step.edge_aware and not whole
    return RecipeStep(replace(step, region=None, candidates=(), edge_aware=aware), mask)


# -- as JSON ---------------------------------------------------------------------------------------------------------


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as the JSON object that the module describes."""
    made: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    if recipe.size is not None:
        made["size"] = [recipe.size[1], recipe.size[0]]
    made["walls"] = [_wall_to_json(wall) for wall in recipe.walls]
    return made


def _wall_to_json(wall: RecipeWall) -> dict[str, Any]:
    coat = wall.coat
    return {
        "name": coat.name,
        "color": coat.color if isinstance(coat.color, str) else to_hex(coat.color),
        "opacity": coat.opacity,
        "mode": coat.mode,
        "light": coat.light,
        "shadow": coat.shadow,
        "visible": coat.visible,
        "tie": wall.tie,
        "steps": [_step_to_json(step) for step in wall.steps],
    }


def _step_to_json(one: RecipeStep) -> dict[str, Any]:
    step = one.step
    made: dict[str, Any] = {"mode": step.mode}
    if step.found:
        made["find"] = step.found
    elif step.kind == "mask":
        assert one.mask is not None
        made["mask"] = base64.b64encode(mask_to_png(one.mask)).decode()
    elif step.kind == "polygon":
        made |= {"polygon": [list(point) for point in step.path], "only_wall": step.edge_aware}
    elif step.kind == "tidy":
        made["tidy"] = True
    elif step.kind == "stroke":
        made |= {"stroke": [list(point) for point in step.path], "radius": step.radius, "edge_aware": step.edge_aware}
    else:
        if step.points:
            made["points"] = [list(point) for point in step.points]
        if step.box is not None:
            made["box"] = list(step.box)
        made["choice"] = step.choice
    return made | {"protect": step.protect}


def to_text(recipe: Recipe) -> str:
    """The recipe as a JSON file for people to read and change: a step a line."""
    made = to_json(recipe)
    walls = made.pop("walls")
    head = ",\n ".join(f"{_dumps(name)}: {_dumps(value)}" for name, value in made.items())
    return "{" + head + ',\n "walls": [\n  ' + ",\n  ".join(map(_wall_to_text, walls)) + "\n ]}\n"


def _wall_to_text(wall: dict[str, Any]) -> str:
    steps = wall.pop("steps")
    look = _dumps(wall).removesuffix("}")
    return look + ',\n   "steps": [\n    ' + ",\n    ".join(map(_dumps, steps)) + "\n   ]}"


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def from_text(text: bytes | str, *, max_pixels: int = MAX_PIXELS) -> Recipe:
    """The recipe in a file. Raises InvalidInput with the first mistake, and what `from_json` does."""
    if len(text) > MAX_BYTES:
        raise InvalidInput(f"A recipe has at most {MAX_BYTES // 2**20} MB.", "recipe")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"This recipe is no JSON: {error}.", "recipe") from None
    return from_json(value, max_pixels=max_pixels)


def from_json(value: object, *, max_pixels: int = MAX_PIXELS) -> Recipe:
    """The recipe in a JSON object. Raises InvalidInput with the first mistake.

    max_pixels: of the photo that its masks belong to; a few kilobytes of PNG may be gigabytes of mask.
    """
    top = _object(value, "the recipe", {"format", "version", "size", "walls"})
    if top.get("format") != FORMAT:
        raise InvalidInput(f'This is no recipe: its "format" must be "{FORMAT}".', "recipe")
    version = top.get("version")
    if type(version) is not int or version < 1:
        raise _mistake("version", f"must be {VERSION}")
    if version > VERSION:
        raise InvalidInput("This recipe was saved by a newer SAM2 Painter. Upgrade to use it.", "recipe")
    walls = _list(top.get("walls"), "walls", 1, MAX_WALLS)
    size = None
    if top.get("size") is not None:
        width, height = (_side("size", v) for v in _list(top["size"], "size", 2, 2))
        size = (height, width)
    masked = size if size and size[0] * size[1] <= max_pixels else None
    read = (_wall_from_json(wall, f"walls[{place}]", masked) for place, wall in enumerate(walls))
    recipe = Recipe(tuple(read), size)
    if recipe.placed and size is None:
        raise _mistake("size", "must be [width, height] of the photo its places belong to")
    return recipe


def _side(where: str, value: object) -> int:
    """A side of a photo, in pixels."""
    return _checked(where, lambda: whole_number(value, "it", 1, MAX_SIDE))


def _wall_from_json(value: object, where: str, size: tuple[int, int] | None) -> RecipeWall:
    """size: (H, W) of its masks, None where it can have none."""
    wall = _object(value, where, _WALL_FIELDS)
    color = wall.get("color")
    if not isinstance(color, str) or not 0 < len(color) <= 200:
        raise _mistake(f"{where}.color", 'must be text such as "#b5c7a3", or a paint\'s name')
    name = wall.get("name", "")
    look = {field: wall[field] for field in ("opacity", "mode", "light", "shadow", "visible") if field in wall}
    layer = _checked(where, lambda: Layer(_DOT, (0, 0, 0), name=name, tie=wall.get("tie", 0), **look))
    coat = replace(coat_of(layer), color=color, name=name)
    steps = tuple(
        _step_from_json(step, f"{where}.steps[{place}]", size)
        for place, step in enumerate(_list(wall.get("steps"), f"{where}.steps", 1, MAX_STEPS))
    )
    if steps[0].step.mode != "union":
        raise _mistake(f"{where}.steps[0].mode", 'must be "union": there is nothing yet to take away from')
    return RecipeWall(coat, steps, layer.tie)


def _step_from_json(value: object, where: str, size: tuple[int, int] | None) -> RecipeStep:
    check()
    given = _object(value, where, _STEP_FIELDS)
    shapes = [name for name in _SHAPES if given.get(name) is not None]
    if len(shapes) != 1 and shapes != ["points", "box"]:
        raise _mistake(where, f"must have one of {', '.join(_SHAPES)}")
    mode, protect = given.get("mode", "union"), _truth(given, "protect", where, True)
    (shape, *_) = shapes
    if shape == "find":
        found = given["find"]
        if not isinstance(found, str) or not 0 < len(found) <= 40:
            raise _mistake(f"{where}.find", 'must be a kind, such as "wall"')
        return RecipeStep(_checked(where, lambda: Step("mask", mode, found=found, protect=protect)))
    if shape == "mask":
        if size is None or not isinstance(given["mask"], str):
            raise _mistake(f"{where}.mask", 'must be a base64 PNG of the recipe\'s "size", and that not too large')
        rle = _checked(f"{where}.mask", lambda: mask_from_png(given["mask"], size))
        return RecipeStep(_checked(where, lambda: Step("mask", mode, protect=protect)), rle)
    if shape == "tidy":
        if not _truth(given, "tidy", where, True):
            raise _mistake(f"{where}.tidy", "must be true")
        return RecipeStep(_checked(where, lambda: Step("tidy", mode, protect=protect)))
    if shape in ("stroke", "polygon"):
        return RecipeStep(_line_from_json(given, where, "stroke" if shape == "stroke" else "polygon", mode, protect))
    return RecipeStep(_prompts_from_json(given, where, mode, protect))


def _line_from_json(given: Mapping[str, Any], where: str, kind: StepKind, mode: CombineMode, protect: bool) -> Step:
    """A stroke or polygon."""
    path = _pairs(given[kind], f"{where}.{kind}", 1 if kind == "stroke" else 3)
    radius = _checked(f"{where}.radius", lambda: number(given.get("radius", 0), "it", 0, MAX_SIDE))
    aware = _truth(given, "edge_aware" if kind == "stroke" else "only_wall", where, False)
    return _checked(where, lambda: Step(kind, mode, path=path, radius=radius, edge_aware=aware, protect=protect))


def _prompts_from_json(given: Mapping[str, Any], where: str, mode: CombineMode, protect: bool) -> Step:
    """What the engine is asked: points, a box, or both."""
    points, box = _points(given.get("points"), f"{where}.points"), given.get("box")
    corners = None
    if box is not None:
        corners = tuple(_number(v, f"{where}.box") for v in _list(box, f"{where}.box", 4, 4))
    choice = _checked(f"{where}.choice", lambda: whole_number(given.get("choice", 0), "it", 0, 100))
    step = _checked(
        where,
        lambda: Step("prompts", mode, points=points, box=corners, choice=choice, protect=protect),  # type: ignore[arg-type]
    )
    _checked(where, lambda: step.prompts)  # which checks them
    return step


def _points(value: object, where: str) -> tuple[tuple[float, float, int], ...]:
    found = []
    for point in [] if value is None else _list(value, where, 1, 1000):
        x, y, *label = _list(point, where, 2, 3)
        if label not in ([], [0], [1]):
            raise _mistake(where, "must be [x, y, label] each, the label 1 or 0")
        found.append((_number(x, where), _number(y, where), label[0] if label else 1))
    return tuple(found)


def _pairs(value: object, where: str, least: int) -> tuple[tuple[float, float], ...]:
    pairs = [_list(point, where, 2, 2) for point in _list(value, where, least, 2000)]
    return tuple((_number(x, where), _number(y, where)) for x, y in pairs)


def _number(value: object, where: str) -> float:
    return _checked(where, lambda: number(value, "it", -1e6, 1e6))


def _truth(given: Mapping[str, Any], field: str, where: str, default: bool) -> bool:
    value = given.get(field, default)
    if not isinstance(value, bool):
        raise _mistake(f"{where}.{field}", "must be true or false")
    return value


def _object(value: object, where: str, fields: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mistake(where, "must be a JSON object")
    unknown = sorted(str(name) for name in value.keys() - fields)
    if unknown:
        raise _mistake(where, f"has no field {unknown[0][:40]!r}; its fields are {', '.join(sorted(fields))}")
    return value


def _list(value: object, where: str, least: int, most: int) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        raise _mistake(where, f"must be a list of {count}")
    return value


def _checked(where: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except InvalidInput as error:
        raise _mistake(where, str(error)) from None
    except (TypeError, ValueError) as error:
        raise _mistake(where, f"cannot be read: {error}") from None


def _mistake(where: str, what: str) -> InvalidInput:
    return InvalidInput(f"This recipe has a mistake. {where}: {what.removeprefix('it ').rstrip('.')}.", "recipe")
