"""The three buildings: what stands where, of what, under which sun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from . import materials as m
from .renderer import Camera, Face, Material, box, rectangle

X, Y, Z = np.eye(3)
WHITE, STONE = "#ece8df", "#c9bfae"


@dataclass(frozen=True, eq=False)
class Scene:
    """faces: what stands there. camera, sun (the direction towards it), exposure: how it is photographed."""

    faces: list[Face]
    camera: Camera
    sun: tuple[float, float, float]
    exposure: float = 1.0


@dataclass(frozen=True)
class Opening:
    """A window or a door in a wall: s0, t0, s1, t1 on the wall, its panes, and the door's colour ("" for a window)."""

    s0: float
    t0: float
    s1: float
    t1: float
    columns: int = 2
    rows: int = 2
    curtain: float = 1.0
    door: str = ""
    fanlight: float = 0.0  # height of the glass above a door


# -- parts of a house


def wall(
    part: str,
    origin: Sequence[float],
    u: np.ndarray,
    outline: Sequence[tuple[float, float]],
    material: Material,
    openings: Sequence[Opening] = (),
    *,
    trim: str = WHITE,
    sill: str = STONE,
    soffit: float = 0.0,
    depth: float = 0.14,
) -> list[Face]:
    """An upright wall along the unit vector u, with its windows and doors set back in it.

    outline: corners in metres along the wall and up, counter-clockwise.
    """
    corner, inward = np.array(origin, float), -np.cross(u, Y)
    holes = tuple((o.s0, o.t0, o.s1, o.t1) for o in openings)
    faces = [Face(part, corner, u, Y, np.array(outline, float), material, holes=holes, soffit=soffit)]
    paint = m.plain(trim, 0.03)

    def panel(name: str, s0: float, t0: float, s1: float, t1: float, back: float, of: Material, **more) -> Face:
        return rectangle(name, corner + s0 * u + t0 * Y + back * inward, (s1 - s0) * u, (t1 - t0) * Y, of, **more)

    for o in openings:
        width, height = o.s1 - o.s0, o.t1 - o.t0
        for s, t, side, sky in (
            (o.s0, o.t0, height * Y, 0.75),
            (o.s1, o.t0, height * Y, 0.75),
            (o.s0, o.t1, width * u, 0.55),
        ):
            start = corner + s * u + t * Y
            faces.append(rectangle(part, start, depth * inward, side, material, ambient=sky, casts=False))
        name = "door frame" if o.door else "window frames"
        glass = (o.s0, o.t1 - o.fanlight if o.door else o.t0, o.s1, o.t1)
        bars = [(o.s0, o.t0, o.s0 + 0.075, o.t1), (o.s1 - 0.075, o.t0, o.s1, o.t1), (o.s0, o.t1 - 0.075, o.s1, o.t1)]
        if o.door:
            leaf = m.panelled(o.door, width, height - o.fanlight)
            faces.append(panel("door", o.s0, o.t0, o.s1, o.t1 - o.fanlight, depth, leaf, ambient=0.7, casts=False))
            bars.append((o.s0, glass[1] - 0.04, o.s1, glass[1] + 0.04))
        else:
            bars.append((o.s0, o.t0, o.s1, o.t0 + 0.075))
            bars += [(s - 0.035, o.t0, s + 0.035, o.t1) for s in np.linspace(o.s0, o.s1, o.columns + 1)[1:-1]]
            bars += [(o.s0, t - 0.03, o.s1, t + 0.03) for t in np.linspace(o.t0, o.t1, o.rows + 1)[1:-1]]
            where = corner + (o.s0 - 0.07) * u + (o.t0 - 0.09) * Y
            faces += ledge("sills", where, u, width + 0.14, 0.09, 0.10, m.plain(sill))
        if not o.door or o.fanlight:
            faces.append(panel("glass", *glass, depth, m.glass(o.curtain), ambient=0.6, casts=False))
        faces += [panel(name, *bar, depth - 0.04, paint, ambient=0.85) for bar in bars]
    return faces


def ledge(
    part: str, origin: np.ndarray, u: np.ndarray, width: float, height: float, out: float, material: Material
) -> list[Face]:
    """A bar that stands out of a wall: front, top, bottom and both ends."""
    outward = np.cross(u, Y) * out
    front = origin + outward
    return [
        rectangle(part, front, width * u, height * Y, material),
        rectangle(part, front + height * Y, width * u, -outward, material),
        rectangle(part, origin, width * u, outward, material, ambient=0.5),
        rectangle(part, front + width * u, -outward, height * Y, material),
        rectangle(part, origin, outward, height * Y, material),
    ]


def oblong(width: float, height: float, gable: float = 0.0) -> list[tuple[float, float]]:
    """The outline of a wall, with a gable on top."""
    top = [(width / 2, height + gable)] if gable else []
    return [(0, 0), (width, 0), (width, height), *top, (0, height)]


def gable_roof(
    corner: Sequence[float],
    along: np.ndarray,
    length: float,
    across: np.ndarray,
    depth: float,
    rise: float,
    cover: Material,
    *,
    eave: float = 0.42,
    verge: float = 0.35,
    trim: str = WHITE,
    boards: str = "trim",
) -> list[Face]:
    """Two slopes over a block whose front wall ends at `corner`; the ridge runs `along`. Boards under all edges, a part
    of this name."""
    steep = rise / (depth / 2)
    up = across * (depth / 2 + eave) + Y * steep * (depth / 2 + eave)
    down = -across * (depth / 2 + eave) + Y * steep * (depth / 2 + eave)
    low = np.array(corner, float) - eave * across + Y * (0.16 - eave * steep) - verge * along
    far = low + across * (depth + 2 * eave)
    whole, paint = length + 2 * verge, m.plain(trim, 0.03)
    faces = [
        rectangle("roof", low, whole * along, up, cover),
        rectangle("roof", far + whole * along, -whole * along, down, cover),
    ]
    for edge, outward in ((low, -across), (far, across)):
        faces.append(rectangle(boards, edge - 0.19 * Y, whole * along, 0.21 * Y, paint))
        inner = edge - 0.19 * Y - outward * eave
        faces.append(rectangle(boards, inner, whole * along, outward * eave, paint, ambient=0.6))
    span = np.linalg.norm(up)
    board = np.array([[0, -0.22], [span, -0.22], [span, 0.04], [0, 0.04]])  # a little over the tiles: no light between
    for end in (0.0, whole):
        for edge, slope in ((low, up), (far, down)):
            v = Y - slope / span * (slope @ Y) / span
            faces.append(Face(boards, edge + end * along, slope / span, v / np.linalg.norm(v), board, paint))
    return faces


def plant(
    part: str, x: float, z: float, width: float, height: float, seed: int, trunk: float = 0.0, leaves: int = 9000
) -> list[Face]:
    """A tree or a bush: a flat crown, whose shadow is that of its leaves."""
    material, alpha = m.crown(width, height, seed, leaves)
    crown = rectangle(part, (x - width / 2, trunk, z), width * X, height * Y, material, alpha=alpha, ambient=0.9)
    stem = rectangle(part, (x - 0.16, 0, z - 0.05), 0.32 * X, (trunk + height * 0.4) * Y, m.bark())
    return [stem, crown] if trunk else [crown]


def ground(part: str, x0: float, x1: float, z0: float, z1: float, material: Material, y: float = 0.0) -> Face:
    """A level piece of ground."""
    return rectangle(part, (x0, y, z1), (x1 - x0) * X, (z0 - z1) * Z, material)


def woods(z: float, height: float, seed: float) -> Face:
    """Trees far behind, so that the horizon is not bare."""
    material, alpha = m.treetops(height, seed)
    return rectangle("trees", (-90, 0, z), 200 * X, height * Y, material, alpha=alpha, casts=False)


# -- the buildings


def brick_house() -> Scene:
    """Two storeys of brick with stone lintels in a garden: front in the sun, gable side in the shade."""
    width, depth, height, rise, foot = 9.0, 7.0, 5.7, 2.9, 0.27
    bricks, stone, white = m.brick("#a2503a"), m.plain(STONE, 0.10), m.plain(WHITE, 0.03)
    windows = [Opening(s, t, s + 1.15, t + h) for t, h in ((0.95, 1.55), (3.5, 1.45)) for s in (0.95, 6.75)]
    windows.append(Opening(3.93, 3.5, 5.08, 4.95))
    door = Opening(3.9, 0.0, 5.1, 2.3, door="#28493f", fanlight=0.4, curtain=0)
    top = height - foot
    faces = wall("front wall", (0, foot, 0), X, oblong(width, top), bricks, [*windows, door], soffit=top)
    sides = [Opening(1.1, 0.95, 2.2, 2.5), Opening(4.6, 0.95, 5.7, 2.5), Opening(2.95, 3.5, 4.05, 4.95)]
    faces += wall("side wall", (width, foot, 0), -Z, oblong(depth, top, rise), bricks, sides)
    for o in windows:
        at = np.array([o.s0 - 0.12, foot + o.t1, 0])
        faces += ledge("lintels", at, X, o.s1 - o.s0 + 0.24, 0.2, 0.025, stone)
    faces += box("plinth", (-0.03, 0, -0.1), (width + 0.03, foot, 0.05), stone)[:4]
    faces.append(rectangle("plinth", (width + 0.03, 0, 0.05), -depth * Z, foot * Y, stone))
    faces += box("steps", (3.7, 0, -0.2), (5.3, foot, 0.60), stone)[:4]
    faces += box("steps", (3.55, 0, 0.5), (5.45, foot / 2, 0.98), stone)[:4]
    faces += box("canopy", (3.55, 2.72, 0), (5.45, 2.84, 0.85), white)
    faces += gable_roof((0, height, 0), X, width, -Z, depth, rise, m.tiles("#84483a"))
    faces += box("chimney", (1.5, 7.0, -3.9), (2.4, 9.75, -3.1), m.brick("#96503c"))
    faces += box("chimney", (1.42, 9.62, -3.98), (2.48, 9.82, -3.02), stone)
    faces += box("downpipe", (width - 0.28, 0.1, 0.03), (width - 0.18, 5.2, 0.12), m.plain("#e2ded4", 0.03))
    faces += [
        ground("lawn", -60, 80, -60, 4.2, m.grass()),
        ground("path", 3.6, 5.4, 0.9, 4.2, m.slabs("#b3a999", 0.45), 0.012),
        ground("pavement", -60, 80, 4.2, 7.2, m.slabs("#a39e95"), 0.01),
        ground("road", -60, 80, 7.2, 40, m.asphalt()),
        woods(-34, 6.5, 1.0),
    ]
    for x, size, seed in ((1.0, 0.85, 3), (2.3, 0.7, 4), (6.4, 0.75, 5), (7.7, 0.9, 6)):
        faces += plant("bushes", x, 0.55, size * 1.5, size, seed)
    for x, z, w, h, seed, trunk in (
        (-4.2, -3.5, 6.6, 6.4, 11, 1.7),
        (18.5, -14, 9, 8.5, 12, 1.4),
        (14.6, -19, 8, 7.5, 15, 1),
    ):
        faces += plant("trees", x, z, w, h, seed, trunk)
    return Scene(faces, Camera((12.6, 1.75, 13.4), -25.5, 1.04, 0.755), (-0.42, 0.62, 0.66), 1.12)


def town_house() -> Scene:
    """Three storeys of ochre plaster in a row; the house to the left stands out and throws its shadow on it."""
    width, base, height = 8.6, 3.5, 10.4
    ochre, white = m.plaster("#d9b26a"), m.plain("#efe9dc", 0.04)
    shop = [
        Opening(0.7, 0.75, 3.0, 2.75, columns=3, rows=1, curtain=0),
        Opening(3.75, 0.1, 4.95, 2.85, door="#4a2c20", fanlight=0.5, curtain=0),
        Opening(5.7, 0.75, 8.0, 2.75, columns=3, rows=1, curtain=0),
    ]
    faces = wall("ground floor", (0, 0, 0), X, oblong(width, base), m.grooved("#cfc4ad", 0.42), shop, depth=0.2)
    columns = (1.0, 3.7, 6.4)
    windows = [Opening(s, t, s + 1.2, t + h, 2, 3) for t, h in ((0.75, 2.0), (4.15, 1.75)) for s in columns]
    windows[1] = Opening(3.7, 0.1, 4.9, 2.75, 2, 4)
    upper = height - base
    faces += wall("plaster wall", (0, base, 0), X, oblong(width, upper), ochre, windows, soffit=upper, depth=0.18)
    shutter = m.louvres("#4f6b58")
    for o in windows:
        frame = 0.14
        for s, t, w, h in (
            (o.s0 - frame, o.t0, frame, o.t1 - o.t0),
            (o.s1, o.t0, frame, o.t1 - o.t0),
            (o.s0 - frame, o.t1, o.s1 - o.s0 + 2 * frame, 0.18),
        ):
            faces += ledge("surrounds", np.array([s, base + t, 0]), X, w, h, 0.05, white)
        if o.t0 > 4:
            for s in (o.s0 - frame - 0.58, o.s1 + frame + 0.02):
                faces += ledge("shutters", np.array([s, base + o.t0, 0]), X, 0.56, o.t1 - o.t0, 0.045, shutter)
        else:
            at = np.array([o.s0 - 0.3, base + o.t1 + 0.18, 0])
            faces += ledge("surrounds", at, X, o.s1 - o.s0 + 0.6, 0.10, 0.20, white)
    faces += box("cornices", (-0.02, base - 0.13, 0), (width, base + 0.1, 0.16), white)
    faces += box("cornices", (-0.02, 6.95, 0), (width, 7.1, 0.10), white)
    faces += box("cornices", (-0.02, height - 0.32, 0), (width, height - 0.14, 0.24), white)
    faces += box("cornices", (-0.02, height - 0.14, 0), (width, height + 0.12, 0.55), white)
    faces += _balcony(3.05, 5.55, base + 0.02, 0.85, white)
    slate = m.tiles("#5b5f66", 0.22, 0.22)
    faces.append(rectangle("roof", (0, height + 0.12, 0.45), width * X, 2.6 * Y - 3.1 * Z, slate))
    faces += box("chimney", (6.9, 11.4, -2.9), (7.9, 14.1, -2.1), m.brick("#9a5a44"))
    # the neighbours
    grey = m.plaster("#aebcc4")
    left = [Opening(s, t, s + 1.2, t + 1.9, 2, 3) for t in (1.0, 4.4, 7.7) for s in (3.2, 5.9)]
    faces += wall("left house", (-8, 0, 2.1), X, oblong(8, 11.6), m.brick("#8d4f3e"), left, soffit=11.6)
    faces.append(rectangle("left house", (0, 0, 2.1), -8 * Z, 11.6 * Y, m.brick("#8d4f3e")))
    faces += box("left house", (-8.1, 11.5, -6), (0.12, 11.85, 2.45), m.plain("#d8d2c6", 0.04))
    right = [Opening(s, t, s + 1.15, t + 1.85, 2, 2) for t in (4.1, 7.1) for s in (1.0, 3.6, 6.2)]
    right += [Opening(1.0, 0.9, 2.6, 2.9, 2, 1), Opening(3.9, 0.1, 5.0, 2.7, door="#27364a", fanlight=0.4)]
    faces += wall("right house", (width, 0, -0.12), X, oblong(9, 9.7), grey, right, soffit=9.7)
    faces += box("right house", (width - 0.02, 9.62, -0.12), (width + 9, 9.9, 0.3), white)
    faces.append(rectangle("right roof", (width, 9.9, 0.2), 9 * X, 2.9 * Y - 3 * Z, m.tiles("#8a5141")))
    faces.append(rectangle("plaster wall", (width, 9.7, -0.1), -3 * Z, 0.7 * Y, ochre))
    faces += box("downpipe", (width - 0.16, 0.1, 0.02), (width - 0.05, height - 0.3, 0.13), m.plain("#8f8f88", 0.05))
    faces += [
        ground("pavement", -60, 80, -20, 4.2, m.slabs("#aaa59b", 0.5), 0.0),
        rectangle("kerb", (-60, -0.12, 4.2), 140 * X, 0.12 * Y, m.plain("#b9b4aa", 0.1)),
        ground("road", -60, 80, 4.2, 60, m.cobbles("#77736c"), -0.12),
    ]
    return Scene(faces, Camera((9.2, 1.7, 16.2), -13.0, 0.90, 0.835), (-0.72, 0.80, 0.62), 1.08)


def _balcony(x0: float, x1: float, y: float, out: float, stone: Material) -> list[Face]:
    """A slab with an iron railing."""
    iron = m.plain("#23262a", 0.02)
    faces = box("balcony", (x0, y - 0.16, 0), (x1, y, out), stone)
    rails = [(x0, x1, y + 0.95, y + 1.0), (x0, x1, y + 0.08, y + 0.11)]
    rails += [(x - 0.011, x + 0.011, y, y + 0.97) for x in np.arange(x0 + 0.03, x1, 0.12)]
    faces += [
        rectangle("balcony", (a, low, out - 0.04), (b - a) * X, (high - low) * Y, iron) for a, b, low, high in rails
    ]
    for x in (x0 + 0.02, x1 - 0.02):
        faces.append(rectangle("balcony", (x, y + 0.95, out - 0.04), -(out - 0.04) * Z, 0.05 * Y, iron))
        for z in np.arange(0.08, out, 0.12):
            faces.append(rectangle("balcony", (x, y, z), -0.022 * Z, 0.97 * Y, iron))
    return faces


def siding_cottage() -> Scene:
    """A clapboard cottage with a porch, under the dappled shadow of a tree behind the photographer."""
    width, depth, height, rise = 7.4, 8.5, 3.3, 3.3
    boards, white = m.siding("#c9d3d6"), m.plain("#f1eee6", 0.03)
    windows = [Opening(1.0, 0.85, 2.35, 2.6, 2, 2), Opening(4.9, 0.85, 6.4, 2.6, 2, 2)]
    attic = Opening(3.0, 3.75, 4.4, 5.15, 2, 2)
    faces = wall(
        "front wall", (0, 0.4, 0), X, oblong(width, height, rise), boards, [*windows, attic], depth=0.1, sill=WHITE
    )
    faces += wall("side wall", (width, 0.4, 0), -Z, oblong(depth, height), boards, depth=0.1)
    for o in (*windows, attic):  # wide casings
        for s, t, w, h in (
            (o.s0 - 0.11, o.t0 - 0.05, 0.11, o.t1 - o.t0 + 0.05),
            (o.s1, o.t0 - 0.05, 0.11, o.t1 - o.t0 + 0.05),
            (o.s0 - 0.16, o.t1, o.s1 - o.s0 + 0.32, 0.15),
        ):
            faces += ledge("trim", np.array([s, 0.4 + t, 0]), X, w, h, 0.035, white)
    for x in (0.0, width - 0.14):  # corner boards
        faces += ledge("trim", np.array([x, 0.4, 0]), X, 0.14, height, 0.03, white)
    faces += gable_roof((width, 0.4 + height, 0), -Z, depth, -X, width, rise, m.tiles("#5d5a58", 0.3, 0.2), eave=0.4)
    stone = m.brick("#8d8880", "#a39d92", 0.42, 0.2)
    faces += box("foundation", (-0.02, 0, -0.3), (width + 0.02, 0.42, 0.03), stone)[:4]
    # the wing, behind a porch
    wing, back, far = 5.2, -2.2, width + 5.2
    entry = [
        Opening(0.75, 0.0, 1.75, 2.25, door="#7c2f2b", fanlight=0.0),
        Opening(2.7, 0.75, 4.3, 2.25, 3, 2),
    ]
    faces += wall("wing wall", (width, 0.4, back), X, oblong(wing, 2.7), boards, entry, depth=0.1, sill=WHITE)
    faces += wall(
        "wing wall", (far, 0.4, back), -Z, oblong(5.0, 2.7, 1.9), boards, [Opening(1.8, 0.8, 3.1, 2.2)], depth=0.1
    )
    faces += gable_roof((width, 3.1, back), X, wing, -Z, 5.0, 1.9, m.tiles("#5d5a58", 0.3, 0.2), eave=0.2, verge=0.3)
    faces.append(
        rectangle(
            "roof", (width + 0.02, 2.86, 0.12), (wing + 0.2) * X, 0.62 * Y - 2.55 * Z, m.tiles("#5d5a58", 0.3, 0.2)
        )
    )
    faces += box("trim", (width + 0.04, 2.62, -0.12), (far + 0.15, 2.85, 0.08), white)
    for x in (width + 0.25, width + 2.65, far - 0.1):
        faces += box("porch", (x - 0.08, 0.4, -0.15), (x + 0.08, 2.65, 0.02), white)
    faces += box("porch", (width, 0.24, back), (far + 0.1, 0.4, 0.15), m.plain("#8c8378", 0.1, 4))
    for low, high in ((1.22, 1.30), (0.55, 0.60)):
        faces.append(rectangle("porch", (width + 2.65, low, -0.06), (wing - 2.75) * X, (high - low) * Y, white))
    for x in np.arange(width + 2.8, far - 0.15, 0.16):
        faces.append(rectangle("porch", (x, 0.57, -0.07), 0.045 * X, 0.67 * Y, white))
    for i in range(2):
        faces += box(
            "steps", (width + 0.5, 0, 0.15), (width + 2.3, 0.27 - 0.13 * i, 0.5 + 0.35 * i), m.plain(STONE, 0.1)
        )[:4]
    faces += box("chimney", (1.3, 4.0, -5.6), (2.2, 8.3, -4.8), m.brick("#8f5344"))
    faces += [
        ground("lawn", -60, 80, -60, 6.2, m.grass("#66793f")),
        ground("path", width + 0.6, width + 2.2, 0.8, 6.2, m.slabs("#b5ab9c", 0.5), 0.012),
        ground("pavement", -60, 80, 6.2, 8.6, m.slabs("#a8a39a", 0.7), 0.01),
        ground("road", -60, 80, 8.6, 40, m.asphalt()),
        woods(-30, 8.0, 5.0),
    ]
    for x, size, seed in ((0.6, 0.95, 23), (1.9, 0.75, 24), (3.4, 0.85, 25), (4.9, 0.7, 26), (6.4, 0.95, 27)):
        faces += plant("bushes", x, 0.5, size * 1.5, size, seed)
    for x, z, w, h, seed, trunk in (
        (-5.2, -6, 7.5, 7.5, 31, 1.6),
        (17.5, -9, 8.5, 8.0, 32, 1.4),
        (11.0, -14, 8, 7.5, 34, 2.0),
    ):
        faces += plant("trees", x, z, w, h, seed, trunk)
    faces += plant("trees", -3.6, 6.5, 7.5, 7.0, 33, 6.0)  # beside the camera: only its shadow is seen
    return Scene(faces, Camera((9.9, 1.75, 14.6), -13.0, 1.06, 0.765), (-0.55, 0.74, 0.62), 1.12)


SCENES: dict[str, Callable[[], Scene]] = {
    "brick-house": brick_house,
    "town-house": town_house,
    "siding-cottage": siding_cottage,
}
