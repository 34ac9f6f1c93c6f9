"""The three buildings: what stands where, of what, under which sun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import materials as m
from .renderer import Camera, Face, box, rectangle


@dataclass(frozen=True, eq=False)
class Scene:
    """faces: what stands there. camera, sun, exposure: how it is photographed."""

    faces: list[Face]
    camera: Camera
    sun: tuple[float, float, float]
    exposure: float = 1.0


@dataclass(frozen=True)
class _Opening:
    """A window or a door in a wall: s0, t0, s1, t1 on the wall, and how it is divided."""

    s0: float
    t0: float
    s1: float
    t1: float
    columns: int = 2
    rows: int = 2
    curtain: float = 1.0


def _wall(
    part: str,
    origin: tuple[float, float, float],
    u: tuple[float, float, float],
    height: float,
    material: m.Material,
    openings: tuple[_Opening, ...] = (),
    *,
    trim: str = "#ece8df",
    sill: str = "#c9c2b4",
    reveal: m.Material | None = None,
    depth: float = 0.14,
    soffit: float = 0.0,
    prefix: str = "",
) -> list[Face]:
    """An upright wall with its windows set back in it: reveals, frames, bars, panes and sills."""
    holes = tuple((o.s0, o.t0, o.s1, o.t1) for o in openings)
    faces = [rectangle(part, origin, u, (0, height, 0), material, holes=holes, soffit=soffit)]
    corner, along = np.array(origin, float), np.array(u, float) / np.linalg.norm(u)
    up, inward = np.array([0.0, 1.0, 0.0]), -np.cross(along, [0, 1, 0])
    paint, inner = m.plain(trim, 0.03), reveal or material

    def at(s: float, t: float, back: float) -> np.ndarray:
        return corner + s * along + t * up + back * inward

    def bar(s0: float, t0: float, s1: float, t1: float, back: float) -> Face:
        return rectangle(
            prefix + "window frames", at(s0, t0, back), (s1 - s0) * along, (t1 - t0) * up, paint, ambient=0.85
        )

    for o in openings:
        w, h = o.s1 - o.s0, o.t1 - o.t0
        pane = m.glass(o.curtain)
        faces.append(
            rectangle(prefix + "glass", at(o.s0, o.t0, depth), w * along, h * up, pane, ambient=0.6, casts=False)
        )
        for start, side, part_of in (
            (at(o.s0, o.t0, 0), h * up, "left"),
            (at(o.s1, o.t0, 0), h * up, "right"),
            (at(o.s0, o.t1, 0), w * along, "top"),
        ):
            shade = 0.55 if part_of == "top" else 0.75
            faces.append(rectangle(part, start, depth * inward, side, inner, ambient=shade, casts=False))
        frame, mullion = 0.075, 0.035
        faces += [
            bar(o.s0, o.t0, o.s1, o.t0 + frame, depth - 0.04),
            bar(o.s0, o.t1 - frame, o.s1, o.t1, depth - 0.04),
            bar(o.s0, o.t0, o.s0 + frame, o.t1, depth - 0.04),
            bar(o.s1 - frame, o.t0, o.s1, o.t1, depth - 0.04),
        ]
        for i in range(1, o.columns):
            s = o.s0 + w * i / o.columns
            faces.append(bar(s - mullion, o.t0, s + mullion, o.t1, depth - 0.03))
        for i in range(1, o.rows):
            t = o.t0 + h * i / o.rows
            faces.append(bar(o.s0, t - mullion, o.s1, t + mullion, depth - 0.03))
        if o.t0 > 0.5:
            faces += _ledge("sills", at(o.s0 - 0.07, o.t0 - 0.09, 0), along, w + 0.14, 0.09, 0.10, m.plain(sill))
    return faces


def _ledge(
    part: str, origin: np.ndarray, along: np.ndarray, width: float, height: float, out: float, material: m.Material
) -> list[Face]:
    """A bar of stone or wood that stands out of a wall: front, top, bottom and ends."""
    outward, up = np.cross(along, [0, 1, 0]), np.array([0.0, 1.0, 0.0])
    front = origin + out * outward
    return [
        rectangle(part, front, width * along, height * up, material),
        rectangle(part, origin + height * up, out * outward, width * along, material),
        rectangle(part, origin, width * along, out * outward, material, ambient=0.5),
        rectangle(part, front + width * along, -out * outward, height * up, material),
        rectangle(part, origin, out * outward, height * up, material),
    ]


def _gable(part, origin, u, height, material, **more) -> Face:
    """A triangle on a wall."""
    u = np.array(u, float)
    width = np.linalg.norm(u)
    outline = np.array([[0, 0], [width, 0], [width / 2, height]])
    return Face(part, np.array(origin, float), u / width, np.array([0.0, 1, 0]), outline, material, **more)


def _plant(part, x, z, width, height, seed, ground=0.0, trunk=0.0, density=230, face=(1, 0, 0)) -> list[Face]:
    """A tree or a bush as a flat crown that faces the camera; its shadow is that of its leaves."""
    material, alpha = m.crown(width, height, seed, density)
    side = np.array(face, float) / np.linalg.norm(face)
    start = np.array([x, ground + trunk, z]) - side * width / 2
    crown = rectangle(part, start, side * width, (0, height, 0), material, alpha=alpha, ambient=0.9)
    if not trunk:
        return [crown]
    stem = rectangle(part, (x - 0.15, ground, z - 0.02), (0.3, 0, 0), (0, trunk + height * 0.45, 0), m.bark())
    return [stem, crown]


def _ground(part, x0, x1, z0, z1, material, y=0.0) -> Face:
    return rectangle(part, (x0, y, z1), (x1 - x0, 0, 0), (0, 0, z0 - z1), material)


def brick() -> Scene:
    """A two-storey brick house at the corner of a garden, with its shaded side and a tiled roof."""
    w, d, h = 9.0, 7.0, 5.7
    wall = m.brick("#a2503a")
    windows = tuple(
        _Opening(s, t, s + 1.15, t + top, 2, 2) for t, top in ((0.95, 1.55), (3.55, 1.45)) for s in (0.95, 6.75)
    ) + (_Opening(3.9, 3.55, 5.05, 5.0, 2, 2),)
    door = _Opening(3.9, 0.0, 5.1, 2.25)
    faces = _wall("front wall", (0, 0.25, 0), (w, 0, 0), h - 0.25, wall, windows, soffit=h - 0.25)
    faces[0] = rectangle(
        "front wall",
        (0, 0.25, 0),
        (w, 0, 0),
        (0, h - 0.25, 0),
        wall,
        holes=(*faces[0].holes, (door.s0, door.t0, door.s1, door.t1)),
        soffit=h - 0.25,
    )
    faces += _wall(
        "side wall",
        (w, 0.25, 0),
        (0, 0, -d),
        h - 0.25,
        wall,
        (_Opening(1.1, 0.95, 2.2, 2.5), _Opening(4.6, 0.95, 5.7, 2.5), _Opening(2.9, 3.55, 4.0, 5.0)),
    )
    faces.append(_gable("side wall", (w, h, 0), (0, 0, -d), 2.9, wall))
    stone = m.plain("#c9bfae", 0.10)
    for o in windows:  # stone lintels
        faces += _ledge(
            "lintels", np.array([o.s0 - 0.12, 0.25 + o.t1, 0]), np.array([1.0, 0, 0]), 1.39, 0.2, 0.025, stone
        )
    # plinth, door, steps, canopy
    for x0, x1 in ((0.0, door.s0), (door.s1, w)):
        faces += box("plinth", (x0 - 0.03, 0, -0.1), (x1 + 0.03, 0.27, 0.05), stone)[:4]
    faces.append(rectangle("plinth", (w + 0.03, 0, 0.05), (0, 0, -d), (0, 0.27, 0), stone))
    leaf = m.panelled("#28493f", 1.2, 1.85)
    faces.append(rectangle("door", (3.9, 0.25, -0.16), (1.2, 0, 0), (0, 1.85, 0), leaf, ambient=0.7, casts=False))
    faces.append(
        rectangle("glass", (3.98, 2.14, -0.15), (1.04, 0, 0), (0, 0.30, 0), m.glass(), ambient=0.6, casts=False)
    )
    white = m.plain("#ece8df", 0.03)
    faces.append(rectangle("door frame", (3.9, 2.08, -0.14), (1.2, 0, 0), (0, 0.06, 0), white))
    for x in (3.9, 5.02):
        faces.append(rectangle("door frame", (x, 0.25, -0.14), (0.08, 0, 0), (0, 2.25, 0), white))
    faces.append(rectangle("door frame", (3.9, 0.25, 0), (0, 0, -0.16), (0, 2.25, 0), white, ambient=0.7, casts=False))
    faces.append(rectangle("door frame", (3.9, 2.44, -0.14), (1.2, 0, 0), (0, 0.06, 0), white))
    faces += box("steps", (3.7, 0.0, -0.2), (5.3, 0.25, 0.55), stone)[:4]
    faces += box("steps", (3.55, 0.0, 0.5), (5.45, 0.12, 0.95), stone)[:4]
    faces += box("canopy", (3.55, 2.62, 0.0), (5.45, 2.74, 0.85), white)
    # roof: two slopes over the eaves, white boards under them, a chimney
    over, rise = 0.42, 2.9
    slope = rise / (d / 2)
    clay = m.tiles("#7d4636")
    low = h - over * slope + 0.16
    run = np.array([0.0, rise + over * slope, -(d / 2 + over)])
    faces.append(rectangle("roof", (-0.35, low, over), (w + 0.7, 0, 0), run, clay))
    back = np.array([0.0, rise + over * slope, d / 2 + over])
    faces.append(rectangle("roof", (w + 0.35, low, -d - over), (-w - 0.7, 0, 0), back, clay))
    faces += box("fascia", (-0.35, low - 0.17, 0.0), (w + 0.35, low + 0.02, over), white)
    along_front, along_back = run / np.linalg.norm(run), back / np.linalg.norm(back)
    for start, along in (((w + 0.35, low - 0.17, over), along_front), ((w + 0.35, low - 0.17, -d - over), along_back)):
        outline = np.array([[0, 0], [np.linalg.norm(run), 0], [np.linalg.norm(run), 0.2], [0, 0.2]])
        up = np.cross([1.0, 0, 0], along) if along is along_back else np.cross(along, [1.0, 0, 0])
        u, v = (along, up) if along is along_front else (along, up)
        faces.append(Face("fascia", np.array(start), u, v, outline, white))
    chimney = m.brick("#96503c")
    faces += box("chimney", (1.5, 7.0, -3.9), (2.4, 9.75, -3.1), chimney)
    faces += box("chimney", (1.42, 9.62, -3.98), (2.48, 9.82, -3.02), stone)
    # downpipe
    faces += box("downpipe", (w - 0.28, 0.1, 0.03), (w - 0.18, low - 0.15, 0.12), m.plain("#e2ded4", 0.03))
    # garden
    faces += [
        _ground("lawn", -40, 60, -60, 4.2, m.grass()),
        _ground("path", 3.6, 5.4, 0.9, 4.2, m.slabs("#b3a999", 0.45), 0.012),
        _ground("pavement", -40, 60, 4.2, 7.2, m.slabs("#a39e95"), 0.01),
        _ground("road", -40, 60, 7.2, 40, m.asphalt()),
    ]
    for x, size, seed in ((1.5, 1.2, 3), (2.8, 0.95, 4), (6.3, 1.0, 5), (7.6, 1.25, 6)):
        faces += _plant("plants", x, 0.55, size * 1.35, size, seed, density=130)
    faces += _plant("tree", -3.6, -2.5, 6.4, 6.2, 11, trunk=2.0)
    faces += _plant("tree", 17.5, -13.0, 8.5, 8.0, 12, trunk=1.6)
    faces += _plant("tree", 13.2, -16.0, 7.0, 6.6, 15, trunk=1.0)
    faces += _plant("tree", -11.0, -14.0, 9.0, 8.0, 14, trunk=1.2)
    return Scene(faces, Camera((12.6, 1.75, 13.4), -25.5, 0.80, 0.70), (-0.42, 0.62, 0.66))


SCENES: dict[str, Callable[[], Scene]] = {"brick-house": brick}
