"""Buildings that no photo showed: made up at random from the parts of the package's renderer, with exact masks.

The photos are of one town. What the scorers learn of shape, border and click must hold for other buildings, other
materials and other light too; the three example photos are not among these and can judge it.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import cv2
import numpy as np

from training.rendering import materials as m
from training.rendering.renderer import Camera, Face, Material, box, develop, rectangle, render
from training.rendering.scenes import (
    WHITE,
    Opening,
    Scene,
    X,
    Y,
    Z,
    gable_roof,
    ground,
    ledge,
    oblong,
    plant,
    wall,
    woods,
)

from .data import CLASSES, IGNORED, Truth

WIDTHS = (512, 1024)  # px of the pictures
RAYS = (1100, 1400)  # across the picture: more than one for each pixel
JOINED = {"glass": "window", "window frames": "window", "door frame": "door"}
WHOLE = (
    "wall",
    "floor",
    "house",
    "roof",
    "eaves",
    "car",
    "sky",
    "lawn",
    "road",
    "pavement",
)  # one thing even when split by a tree
SMALLEST = 0.002  # of the picture: nothing smaller is clicked
CLASS_OF = {  # by the last word of a part's name
    "wall": ("wall", "floor", "house", "plinth"),
    "roof": ("roof",),
    "eaves": ("eaves",),
    "trim": ("trim", "cornices", "lintels", "sills", "downpipe", "casings"),
    "shutter": ("shutters",),
    "door": ("door", "garage"),
    "window": ("window",),
    "balcony": ("balcony",),
    "vegetation": ("trees", "bushes", "hedge"),
    "ground": ("lawn", "road", "pavement", "path"),
    "sky": ("sky",),
    "car": ("car",),
    "other": ("chimney", "fence"),
}


@dataclass(frozen=True, eq=False)
class House:
    """pixels: (H, W, 3) uint8 RGB. instances: (H, W) int32, from 1. parts: the part's name of each instance. paints:
    what it is made of, a number that equal parts of one material share.
    """

    pixels: np.ndarray
    instances: np.ndarray
    parts: dict[int, str]
    paints: dict[int, int]

    def classes(self) -> np.ndarray:
        """(H, W) uint8: indices into CLASSES, or IGNORED."""
        lookup = np.full(max(self.parts) + 1, IGNORED, np.uint8)
        for k, part in self.parts.items():
            lookup[k] = _class_of(part)
        return lookup[self.instances]

    def truth(self) -> Truth:
        """All of it: nothing is unknown in a made-up picture."""
        paint_of = np.zeros(max(self.parts) + 1, np.int32)
        first: dict[tuple[int, int], int] = {}
        for k, part in self.parts.items():
            paint_of[k] = first.setdefault((_class_of(part), self.paints[k]), k)
        return Truth(self.classes(), self.instances, paint_of[self.instances])


def _class_of(part: str) -> int:
    """Index into CLASSES, or IGNORED."""
    return _INDEX.get(part.split()[-1], IGNORED)


_INDEX = {word: CLASSES.index(name) for name, words in CLASS_OF.items() for word in words}


def house(seed: int) -> House:
    """A photo of a random building; the same one for the same seed."""
    rng = np.random.default_rng(seed)
    scene = random_scene(rng)
    size = rng.integers(*WIDTHS) * np.array([1.0, rng.choice([0.67, 0.75, 0.75, 1.0])])
    width, height = (int(side) for side in size)
    scale = rng.integers(*RAYS) / width
    light, seen = render(
        scene.faces, scene.camera, scene.sun, (round(height * scale), round(width * scale)), scene.exposure
    )
    if rng.random() < 0.35:  # an overcast or hazy sky
        light[seen < 0] = rng.uniform(0.8, 2.6) * np.exp(rng.normal(0, 0.08, 3))
    light *= np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)  # white balance
    if rng.random() < 0.12:  # dusk
        light *= (rng.uniform(0.25, 0.6) * np.exp([-0.15, 0, 0.25])).astype(np.float32)
    pixels = develop(cv2.resize(light, (width, height), interpolation=cv2.INTER_AREA))
    seen = cv2.resize(seen, (width, height), interpolation=cv2.INTER_NEAREST)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))]
    pixels = cv2.imdecode(cv2.imencode(".jpg", pixels[:, :, ::-1], quality)[1], cv2.IMREAD_COLOR)[:, :, ::-1]
    instances, parts, paints = _instances(scene.faces, seen)
    if rng.random() < 0.5:
        pixels, instances = pixels[:, ::-1], instances[:, ::-1]
    return House(np.ascontiguousarray(pixels), np.ascontiguousarray(instances), parts, paints)


def _instances(faces: list[Face], seen: np.ndarray) -> tuple[np.ndarray, dict[int, str], dict[int, int]]:
    """A large surface is one instance; of anything else each connected piece is. And the names of their parts, and the
    numbers of their materials.
    """
    looks = [(JOINED.get(face.part, face.part), face.material) for face in faces]
    names = [name for name, _ in looks] + ["sky"]  # -1, the sky, is the last
    unique = list(dict.fromkeys(names))
    materials = list(dict.fromkeys(id(material) for _, material in looks))
    made_of = {name: materials.index(id(material)) for name, material in reversed(looks)} | {"sky": -1}
    kinds = np.array([unique.index(name) for name in names])[seen]
    instances, parts = np.zeros(seen.shape, np.int32), {}
    for kind, name in enumerate(unique):
        here = (kinds == kind).astype(np.uint8)
        whole = name.endswith(WHOLE)
        count, pieces = (2, here.astype(np.int32)) if whole else cv2.connectedComponents(here, connectivity=4)
        instances += np.where(pieces > 0, pieces + len(parts), 0)
        parts |= {len(parts) + k: name for k in range(1, count)}
    return instances, parts, {k: made_of[name] for k, name in parts.items()}


def random_scene(rng: np.random.Generator) -> Scene:
    """One to four storeys, alone in a garden or in a row, seen from the street."""
    width, depth, foot = rng.uniform(5.5, 13), rng.uniform(6, 10), rng.uniform(0, 0.5)
    heights = rng.uniform(2.6, 3.4) * np.ones(rng.choice([1, 2, 2, 3, 4]))
    heights[0] += rng.uniform(0, 0.7)
    roof = rng.choice(["along", "across", "flat"], p=[0.45, 0.3, 0.25])
    rise = 0.0 if roof == "flat" else rng.uniform(0.2, 0.55) * (depth if roof == "along" else width)
    trim = _color(rng, 0.25, (0.6, 0.95)) if rng.random() < 0.4 else WHITE
    paint, skin = m.plain(trim, 0.04), _wall_material(rng)
    other = skin if rng.random() < 0.6 else _wall_material(rng)
    faces = _front(rng, width, foot, heights, rise if roof == "across" else 0.0, skin, other, trim)
    top = foot + heights.sum()
    side_height, side_gable = heights.sum(), rise if roof == "along" else 0.0
    openings = [o for k in range(len(heights)) for o in _windows(rng, depth, heights, k)] if rng.random() < 0.6 else []
    side = skin if rng.random() < 0.7 else _wall_material(rng)
    faces += wall("side wall", (width, foot, 0), -Z, oblong(depth, side_height, side_gable), side, openings, trim=trim)
    tiles = _roof_material(rng)
    eave = rng.uniform(0.1, 0.6)
    if roof == "along":
        faces += gable_roof((0, top, 0), X, width, -Z, depth, rise, tiles, eave=eave, trim=trim, boards="eaves")
    elif roof == "across":
        faces += gable_roof((width, top, 0), -Z, depth, -X, width, rise, tiles, eave=eave, trim=trim, boards="eaves")
    else:
        faces += box("cornices", (-0.06, top - 0.15, -depth), (width + 0.06, top + 0.2, rng.uniform(0.06, 0.5)), paint)
    if foot > 0.15:
        stone = m.plain(_color(rng, 0.15, (0.4, 0.8)), 0.1)
        faces += box("plinth", (-0.02, 0, -depth), (width + 0.02, foot, 0.05), stone)[:4]
    if rng.random() < 0.5 and rise:
        x, brick = rng.uniform(0.5, width - 1.5), _wall_material(rng)
        faces += box("chimney", (x, top, -depth / 2 - 0.4), (x + 0.9, top + rise + 1.2, -depth / 2 + 0.4), brick)
    row = rng.random() < 0.35
    if row:
        faces += _neighbours(rng, width, heights)
    elif rng.random() < 0.4:
        faces += _wing(rng, width, skin if rng.random() < 0.5 else _wall_material(rng), tiles, trim)
    faces += _surroundings(rng, width, row)
    camera = _camera(rng, width, top + rise, row)
    sun = _sun(rng)
    faces += _trees(rng, width, camera, sun)
    return Scene(faces, camera, sun, float(rng.uniform(0.8, 1.35)))


def _color(rng: np.random.Generator, saturation: float, value: tuple[float, float], hue: float | None = None) -> str:
    """Any hue, or about the given one; up to that saturation."""
    hue = rng.random() if hue is None else (hue + rng.normal(0, 0.02)) % 1
    rgb = colorsys.hsv_to_rgb(hue, rng.uniform(0, saturation), rng.uniform(*value))
    return "#" + "".join(f"{round(255 * c):02x}" for c in rgb)


def _wall_material(rng: np.random.Generator) -> Material:
    kind = rng.choice(
        ["brick", "plaster", "siding", "grooved", "shingles", "painted"], p=[0.3, 0.28, 0.2, 0.06, 0.06, 0.1]
    )
    if kind == "brick":
        red = rng.random() < 0.7
        color = _color(rng, 0.7, (0.4, 0.75), 0.03) if red else _color(rng, 0.3, (0.35, 0.9), 0.1)
        size = rng.uniform(0.8, 1.8)
        return m.brick(color, _color(rng, 0.15, (0.45, 0.85), 0.1), 0.225 * size, 0.075 * size)
    color = _color(rng, 0.45, (0.45, 0.95), rng.choice([0.08, 0.12, 0.58, None]))
    if kind == "plaster":
        return m.plaster(color)
    if kind == "siding":
        return m.siding(color, rng.uniform(0.1, 0.25))
    if kind == "grooved":
        return m.grooved(color, rng.uniform(0.3, 0.6))
    if kind == "shingles":
        return m.tiles(color, rng.uniform(0.12, 0.3), rng.uniform(0.15, 0.3))
    return m.plain(color, 0.08, 3)


def _roof_material(rng: np.random.Generator) -> Material:
    color = _color(rng, 0.65, (0.3, 0.6), 0.03) if rng.random() < 0.5 else _color(rng, 0.2, (0.2, 0.55))
    return m.tiles(color, rng.uniform(0.18, 0.35), rng.uniform(0.15, 0.35))


def _windows(
    rng: np.random.Generator, width: float, heights: np.ndarray, storey: int, door: str = "", base: float = 0.0
) -> list[Opening]:
    """A row of windows for a storey of a wall that begins at height `base`; the middle one may be a door."""
    spacing, wide = rng.uniform(1.9, 3.2), rng.uniform(0.8, 1.5)
    count = max(1, int(width / spacing))
    floor, height = heights[:storey].sum() - base, heights[storey]
    sill, lintel = rng.uniform(0.25, 1.0), height - rng.uniform(0.3, 0.7)
    columns, rows, curtain = int(rng.integers(1, 4)), int(rng.integers(1, 4)), float(rng.random() < 0.6)
    openings = []
    entrance = int(rng.integers(count)) if door else -1
    for k, middle in enumerate((np.arange(count) + 0.5) * width / count):
        if k == entrance:
            fanlight = float(rng.choice([0.0, 0.35]))
            openings.append(Opening(middle - 0.55, floor, middle + 0.55, floor + 2.3, door=door, fanlight=fanlight))
        else:
            sides = middle - wide / 2, floor + sill, middle + wide / 2, floor + lintel
            openings.append(Opening(*sides, columns, rows, curtain))
    return openings


def _front(rng, width: float, foot: float, heights, gable: float, skin: Material, ground_skin: Material, trim: str):
    """The wall to the street with its ornaments; the lowest storey may be of another material."""
    door, split = _color(rng, 0.8, (0.15, 0.7)), ground_skin is not skin and len(heights) > 1
    base = heights[0] if split else 0.0
    rows = [_windows(rng, width, heights, 0, door)]
    state = rng.bit_generator.state
    for k in range(1, len(heights)):
        rng.bit_generator.state = state  # the storeys are alike
        rows.append(_windows(rng, width, heights, k, base=base))
    low = rows.pop(0) if split else []
    high = [opening for row in rows for opening in row]
    top, depth = heights.sum() - base, rng.uniform(0.08, 0.22)
    outline = oblong(width, top, gable)
    faces = wall("front wall", (0, foot + base, 0), X, outline, skin, high, trim=trim, soffit=top, depth=depth)
    if split:
        faces += wall("ground floor", (0, foot, 0), X, oblong(width, base), ground_skin, low, trim=trim, depth=depth)
    paint = m.plain(trim, 0.04)
    if rng.random() < 0.3:
        for level in np.cumsum(heights)[:-1]:
            faces += ledge(
                "cornices", np.array([0, foot + level - 0.1, 0]), X, width, rng.uniform(0.1, 0.25), 0.08, paint
            )
    if rng.random() < 0.4:  # lintels or casings
        over = rng.uniform(0.05, 0.2)
        for o in high:
            at = np.array([o.s0 - over, foot + base + o.t1, 0])
            faces += ledge("lintels", at, X, o.s1 - o.s0 + 2 * over, rng.uniform(0.1, 0.2), 0.03, paint)
    elif rng.random() < 0.55:
        louvres = m.louvres(_color(rng, 0.6, (0.2, 0.7)))
        for o in high:
            for s in (o.s0 - 0.58, o.s1 + 0.02):
                faces += ledge("shutters", np.array([s, foot + base + o.t0, 0]), X, 0.56, o.t1 - o.t0, 0.045, louvres)
    if rng.random() < 0.3:  # frames about the windows
        wide, out = rng.uniform(0.08, 0.22), rng.uniform(0.02, 0.06)
        for o in high:
            s0, t0, high_, wide_ = o.s0, foot + base + o.t0, o.t1 - o.t0, o.s1 - o.s0
            for s, t, w, h in (
                (s0 - wide, t0, wide, high_),
                (o.s1, t0, wide, high_),
                (s0 - wide, t0 + high_, wide_ + 2 * wide, wide),
            ):
                faces += ledge("casings", np.array([s, t, 0]), X, w, h, out, paint)
    if rng.random() < 0.3:
        for x in (0.0, width - 0.14):
            faces += ledge("trim", np.array([x, foot, 0]), X, 0.14, heights.sum(), 0.03, paint)
    if rng.random() < 0.4:
        x = width - rng.uniform(0.2, 0.5)
        faces += box("downpipe", (x, 0.1, 0.02), (x + 0.1, foot + heights.sum() - 0.2, 0.12), paint)
    return faces


def _neighbours(rng: np.random.Generator, width: float, heights: np.ndarray) -> list[Face]:
    """A house at each side; one that stands out throws its shadow on ours."""
    faces = []
    for part, wide in (("left house", rng.uniform(6, 9)), ("right house", rng.uniform(6, 9))):
        storeys = heights[0] * np.ones(max(1, len(heights) + rng.integers(-1, 2)))
        out, skin, top = rng.uniform(-1.5, 2.0), _wall_material(rng), storeys.sum()
        x = -wide if part == "left house" else width
        windows = [o for k in range(len(storeys)) for o in _windows(rng, wide, storeys, k)]
        faces += wall(part, (x, 0, out), X, oblong(wide, top), skin, windows)
        faces.append(rectangle(part, (0 if x < 0 else width, 0, out), -9 * Z, top * Y, skin))
        faces += box(
            "cornices", (x - 0.05, top - 0.1, -7), (x + wide + 0.05, top + 0.25, out + 0.3), m.plain(WHITE, 0.04)
        )
        if rng.random() < 0.6:
            rise = rng.uniform(1.5, 3)
            slope = rise * Y - rng.uniform(2, 4) * Z
            faces.append(
                rectangle(part.replace("house", "roof"), (x, top + 0.25, out), wide * X, slope, _roof_material(rng))
            )
    return faces


def _wing(rng: np.random.Generator, width: float, skin: Material, tiles: Material, trim: str) -> list[Face]:
    """A lower part beside the house, set back."""
    wide, deep, back, high = rng.uniform(3.5, 6), rng.uniform(4, 5.5), -rng.uniform(0.8, 3.0), rng.uniform(2.4, 3.0)
    rise, heights = rng.uniform(1, 2), np.array([high])
    entrance = _color(rng, 0.8, (0.15, 0.7)) if rng.random() < 0.4 else ""
    garage = rng.random() < 0.5
    openings = [] if garage else _windows(rng, wide, heights, 0, entrance)
    faces = wall("wing wall", (width, 0, back), X, oblong(wide, high), skin, openings, trim=trim)
    if garage:
        faces += _garage(rng, width, wide, back)
    faces += wall("wing side wall", (width + wide, 0, back), -Z, oblong(deep, high, rise), skin, trim=trim)
    slopes = gable_roof(
        (width, high, back), X, wide, -Z, deep, rise, tiles, eave=0.2, verge=0.25, trim=trim, boards="eaves"
    )
    return faces + [replace(face, part=f"wing {face.part}") for face in slopes]


def _garage(rng: np.random.Generator, x: float, wide: float, z: float) -> list[Face]:
    """A garage door on a wall."""
    across, high = min(wide - 0.6, rng.uniform(2.3, 4.8)), rng.uniform(1.9, 2.2)
    color = _color(rng, 0.5, (0.25, 0.95))
    rows, columns = int(rng.integers(3, 7)), int(rng.integers(1, 6))
    leaf = m.panelled(color, across, high, rows, columns) if rng.random() < 0.6 else m.siding(color, 0.12)
    casing = m.plain(_color(rng, 0.2, (0.4, 0.95)), 0.04)
    left = x + (wide - across) / 2
    faces = ledge("casings", np.array([left - 0.12, 0, z]), X, across + 0.24, high + 0.12, 0.03, casing)
    return [*faces, rectangle("garage", (left, 0, z + 0.035), across * X, high * Y, leaf)]


def _car(rng: np.random.Generator, x: float, z: float) -> list[Face]:
    """A car seen from its side: a body, a cabin with glass, wheels."""
    paint, dark = m.plain(_color(rng, 0.9, (0.1, 0.95)), 0.02), m.plain("#17181a", 0.02)
    long, high = rng.uniform(3.8, 4.8), rng.uniform(1.35, 1.8)
    front, rear = rng.uniform(0.7, 1.2), rng.uniform(0.2, 0.7)
    faces = box("car", (x, 0.28, z - 1.7), (x + long, 0.62 * high, z), paint)
    faces += box("car", (x + front, 0.62 * high, z - 1.6), (x + long - rear, high, z - 0.12), paint)
    faces.append(
        rectangle(
            "car",
            (x + front + 0.15, 0.64 * high, z - 0.1),
            (long - rear - front - 0.3) * X,
            0.3 * high * Y,
            m.glass(0.0),
        )
    )
    for wheel in (0.17, 0.8):
        faces.append(rectangle("car", (x + wheel * long - 0.3, 0, z + 0.01), 0.6 * X, 0.6 * Y, dark))
    return faces


def _fence(rng: np.random.Generator, z: float) -> list[Face]:
    """Boards or pickets along the street."""
    high, paint = rng.uniform(0.7, 1.5), m.siding(_color(rng, 0.4, (0.25, 0.95)), 0.15)
    if rng.random() < 0.5:
        return [rectangle("fence", (-30, 0, z), 80 * X, high * Y, paint)]
    return [rectangle("fence", (x, 0, z), 0.09 * X, high * Y, paint) for x in np.arange(-12, 30, 0.2)]


def _surroundings(rng: np.random.Generator, width: float, row: bool) -> list[Face]:
    """Ground in stripes along the street, bushes at the wall, woods behind."""
    kerb = rng.uniform(2, 6)
    paving = m.slabs(_color(rng, 0.15, (0.45, 0.75), 0.1), rng.uniform(0.3, 0.8))
    road = (
        m.asphalt(_color(rng, 0.08, (0.3, 0.5))) if rng.random() < 0.6 else m.cobbles(_color(rng, 0.15, (0.35, 0.55)))
    )
    near = paving if row or rng.random() < 0.2 else m.grass(_color(rng, 0.6, (0.35, 0.5), 0.25))
    faces = [
        ground("pavement" if near is paving else "lawn", -60, 80, -60, kerb, near),
        ground("road" if rng.random() < 0.8 else "lawn", -60, 80, kerb + 2, 60, road, 0.0),
        ground("pavement", -60, 80, kerb, kerb + 2, paving, 0.01),
    ]
    if near is not paving:
        x = rng.uniform(1, width - 2)
        faces.append(ground("path", x, x + 1.6, 0.3, kerb, paving, 0.012))
        for x in rng.uniform(0, width, rng.integers(0, 6)):
            size = rng.uniform(0.6, 1.4)
            faces += plant("bushes", x, rng.uniform(0.4, 1.2), size * 1.5, size, int(rng.integers(6)))
    for _ in range(rng.choice([0, 1, 2], p=[0.6, 0.25, 0.15])):
        faces += _car(rng, rng.uniform(-4, width + 1), kerb + rng.uniform(2.5, 4.5))
    if rng.random() < 0.12:
        faces += _fence(rng, kerb - rng.uniform(0.2, 1.0))
    if rng.random() < 0.2:
        for x in np.arange(rng.uniform(-6, 2), rng.uniform(3, width + 4), 0.8):
            faces += plant("hedge", x, kerb - 0.6, 1.9, rng.uniform(0.9, 1.3), int(rng.integers(6)))
    if rng.random() < 0.7:
        faces.append(woods(-rng.uniform(25, 40), rng.uniform(4, 9), float(rng.uniform(0, 9))))
    return faces


def _camera(rng: np.random.Generator, width: float, top: float, row: bool) -> Camera:
    """Across the street, to the right of the middle more often than not (half the pictures are mirrored)."""
    horizon, focal, eye = rng.uniform(0.66, 0.86), rng.uniform(0.8, 1.3), rng.uniform(1.4, 2.2)
    across = max(width * 1.15, (top - eye) / 0.72 / horizon) * rng.uniform(0.75, 1.35)  # metres the picture shows
    distance = across * focal
    angle = rng.uniform(-0.15, 0.4) if row else rng.uniform(-0.1, 0.75)
    at = width * rng.uniform(0.4, 0.65)
    x, z = at + distance * np.sin(angle), distance * np.cos(angle)
    yaw = -np.degrees(angle) * rng.uniform(0.75, 1.05)
    return Camera((float(x), float(eye), float(z)), float(yaw), float(focal), float(horizon))


def _sun(rng: np.random.Generator) -> tuple[float, float, float]:
    """From any side; in front of the wall four times out of five, else all that is seen lies in the shade."""
    azimuth, height = rng.uniform(-1.35, 1.35), rng.uniform(0.35, 1.15)
    facing = 1 if rng.random() < 0.8 else -1
    return (
        float(np.sin(azimuth) * np.cos(height)),
        float(np.sin(height)),
        float(facing * np.cos(azimuth) * np.cos(height)),
    )


def _trees(rng: np.random.Generator, width: float, camera: Camera, sun: tuple[float, float, float]) -> list[Face]:
    """Some beside and behind the house, some before it, and some that throw their shadow on a wall."""
    faces = []
    for _ in range(rng.integers(0, 4)):
        x = rng.choice([rng.uniform(-9, -2), rng.uniform(width + 4, width + 14)])
        size = rng.uniform(5, 9)
        faces += plant("trees", x, -rng.uniform(2, 18), size, size, int(rng.integers(10, 16)), rng.uniform(1, 2))
    if rng.random() < 0.25:
        size = rng.uniform(2.5, 5)
        x = rng.uniform(-1, width + 1)
        faces += plant("trees", x, rng.uniform(1.5, 4), size, size, int(rng.integers(10, 16)), rng.uniform(1, 2.5))
    if sun[2] > 0.15 and rng.random() < 0.5:
        for _ in range(rng.integers(1, 3)):
            far = (camera.position[2] + rng.uniform(0.5, 4)) / sun[2]  # behind the photographer
            x, y = rng.uniform(0, width) + sun[0] * far, rng.uniform(0.5, 5) + sun[1] * far
            size = rng.uniform(4, 8)
            faces += plant("trees", x, sun[2] * far, size, size, int(rng.integers(10, 16)), max(0.5, y - size / 2))
    return faces
