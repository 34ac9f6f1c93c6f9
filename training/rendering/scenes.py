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


@dataclass(frozen=True)
class Surround:
    """What lies around the openings of a wall: jambs, a head and a sill that stand out of it and line the openings.

    wide, head, sill: metres of wall they cover beside, above and below an opening. out: metres they stand out.
    """

    part: str
    material: Material
    wide: float
    head: float
    sill: float
    out: float = 0.04

    def around(self, o: Opening, corner: np.ndarray, u: np.ndarray) -> list[Face]:
        """The bars around one opening of the wall along u; a door has no sill."""
        width, low = o.s1 - o.s0, o.t0 if o.door else o.t0 - self.sill
        bars = [
            (o.s0 - self.wide, low, self.wide, o.t1 - low, self.out),
            (o.s1, low, self.wide, o.t1 - low, self.out),
            (o.s0 - self.wide - 0.04, o.t1, width + 2 * self.wide + 0.08, self.head, self.out + 0.02),
        ]
        if not o.door:
            bars.append((o.s0 - self.wide - 0.04, low, width + 2 * self.wide + 0.08, self.sill, self.out + 0.05))
        return [
            face
            for s, t, w, h, out in bars
            for face in ledge(self.part, corner + s * u + t * Y, u, w, h, out, self.material)
        ]


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
    surround: Surround | None = None,
) -> list[Face]:
    """An upright wall along the unit vector u, with its windows and doors set back in it.

    outline: corners in metres along the wall and up, counter-clockwise. surround: around every opening, in place of
    sills.
    """
    corner, inward = np.array(origin, float), -np.cross(u, Y)
    holes = tuple((o.s0, o.t0, o.s1, o.t1) for o in openings)
    faces = [Face(part, corner, u, Y, np.array(outline, float), material, holes=holes, soffit=soffit)]
    paint = m.plain(trim, 0.03)

    def panel(name: str, s0: float, t0: float, s1: float, t1: float, back: float, of: Material, **more) -> Face:
        return rectangle(name, corner + s0 * u + t0 * Y + back * inward, (s1 - s0) * u, (t1 - t0) * Y, of, **more)

    reveal, lining = (surround.part, surround.material) if surround else (part, material)
    for o in openings:
        width, height = o.s1 - o.s0, o.t1 - o.t0
        for s, t, side, sky in (
            (o.s0, o.t0, height * Y, 0.75),
            (o.s1, o.t0, height * Y, 0.75),
            (o.s0, o.t1, width * u, 0.55),
        ):
            start = corner + s * u + t * Y
            faces.append(rectangle(reveal, start, depth * inward, side, lining, ambient=sky, casts=False))
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
            if not surround:
                where = corner + (o.s0 - 0.07) * u + (o.t0 - 0.09) * Y
                faces += ledge("sills", where, u, width + 0.14, 0.09, 0.10, m.plain(sill))
        if not o.door or o.fanlight:
            faces.append(panel("glass", *glass, depth, m.glass(o.curtain), ambient=0.6, casts=False))
        faces += [panel(name, *bar, depth - 0.04, paint, ambient=0.85) for bar in bars]
        faces += surround.around(o, corner, u) if surround else []
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
    """Two storeys of brick in a garden, windows framed in stone: front in the sun, gable side in the shade."""
    width, depth, height, rise, foot = 8.4, 7.0, 6.4, 2.9, 0.5
    bricks, stone, white = m.brick("#a2503a"), m.plain(STONE, 0.10), m.plain(WHITE, 0.03)
    around = Surround("surrounds", stone, 0.15, 0.22, 0.18)
    windows = [Opening(s, t, s + 1.2, t + 1.5) for t in (0.95, 3.45) for s in (1.0, 6.2)]
    windows.append(Opening(3.6, 3.45, 4.8, 4.95))
    door = Opening(3.6, 0.0, 4.8, 2.45, door="#28493f", fanlight=0.42, curtain=0)
    top = height - foot
    faces = wall(
        "front wall", (0, foot, 0), X, oblong(width, top), bricks, [*windows, door], soffit=top, surround=around
    )
    sides = [Opening(2.75, t, 4.25, t + 1.5) for t in (0.95, 3.45)]
    faces += wall("side wall", (width, foot, 0), -Z, oblong(depth, top, rise), bricks, sides, surround=around)
    faces += box("plinth", (-0.03, 0, -0.1), (width + 0.03, foot, 0.05), stone)[:4]
    faces.append(rectangle("plinth", (width + 0.03, 0, 0.05), -depth * Z, foot * Y, stone))
    for i in range(3):
        faces += box("steps", (3.3 - 0.12 * i, 0, 0), (5.1 + 0.12 * i, foot - 0.17 * i, 0.6 + 0.34 * i), stone)[:4]
    faces += box("canopy", (3.15, foot + 2.67, 0), (5.25, foot + 2.85, 0.85), white)
    faces += gable_roof((0, height, 0), X, width, -Z, depth, rise, m.tiles("#84483a"), verge=0.06)
    faces += box("chimney", (1.5, 7.7, -3.9), (2.4, 10.4, -3.1), m.brick("#96503c"))
    faces += box("chimney", (1.42, 10.27, -3.98), (2.48, 10.47, -3.02), stone)
    faces += [
        ground("lawn", -160, 80, -60, 4.6, m.grass()),
        ground("path", 3.2, 5.2, 0.9, 4.6, m.slabs("#b3a999", 0.45), 0.012),
        ground("pavement", -160, 80, 4.6, 7.2, m.slabs("#a39e95"), 0.01),
        ground("road", -160, 80, 7.2, 40, m.asphalt()),
        woods(-34, 6.5, 1.0),
    ]
    for x, z, size, seed in (
        (0.6, 1.0, 0.55, 3),
        (1.7, 1.1, 0.5, 4),
        (2.6, 1.0, 0.45, 3),
        (6.0, 1.0, 0.5, 5),
        (7.0, 1.1, 0.55, 6),
        (8.0, 1.0, 0.5, 5),
    ):
        faces += plant("bushes", x, z, size * 1.7, size, seed)
    for x, z, w, h, seed, trunk in (
        (-7.9, -3.0, 6.6, 6.4, 11, 1.7),
        (7.0, -23, 9, 8.5, 12, 1.4),
        (12.5, -26, 8, 7.5, 15, 1),
    ):
        faces += plant("trees", x, z, w, h, seed, trunk)
    return Scene(faces, Camera((15.2, 1.75, 12.6), -37.6, 1.12, 0.78), (-0.42, 0.62, 0.66), 1.12)


def town_house() -> Scene:
    """Three storeys of ochre plaster in a row; the house to the left stands out and throws its shadow on it."""
    width, base, height = 10.2, 3.8, 10.6
    ochre, white = m.plaster("#d9b26a"), m.plain("#efe9dc", 0.04)
    frame = Surround("surrounds", white, 0.14, 0.2, 0.16)
    shop = [
        Opening(1.1, 0.9, 3.2, 2.75, columns=3, rows=1, curtain=0),
        Opening(4.55, 0.0, 5.65, 2.75, door="#4a2c20", fanlight=0.5, curtain=0),
        Opening(7.0, 0.9, 9.1, 2.75, columns=3, rows=1, curtain=0),
    ]
    faces = wall(
        "ground floor", (0, 0, 0), X, oblong(width, base), m.plaster("#5f8a80"), shop, depth=0.2, surround=frame
    )
    columns = (1.32, 4.6, 7.88)
    windows = [Opening(s, t, s + 1.0, t + h, 2, 3) for t, h in ((0.85, 1.9), (4.1, 1.75)) for s in columns]
    windows[1] = Opening(4.6, 0.12, 5.6, 2.75, 2, 4)
    upper = height - base
    faces += wall(
        "plaster wall", (0, base, 0), X, oblong(width, upper), ochre, windows, soffit=upper, depth=0.18, surround=frame
    )
    shutter = m.louvres("#4f6b58")
    for o in windows:
        if o.t0 > 3:
            for s in (o.s0 - 0.14 - 0.58, o.s1 + 0.14 + 0.02):
                faces += ledge("shutters", np.array([s, base + o.t0, 0]), X, 0.56, o.t1 - o.t0, 0.045, shutter)
    faces += box("cornices", (-0.02, base - 0.15, 0), (width, base + 0.12, 0.1), white)
    faces += box("cornices", (-0.02, height - 0.32, 0), (width, height - 0.14, 0.24), white)
    faces += box("cornices", (-0.02, height - 0.14, 0), (width, height + 0.12, 0.55), white)
    faces += _balcony(4.5, 5.7, base + 0.12, 0.14, white)
    slate = m.tiles("#5b5f66", 0.22, 0.22)
    faces.append(rectangle("roof", (0, height + 0.12, 0.45), width * X, 2.6 * Y - 3.1 * Z, slate))
    faces += box("chimney", (6.9, 11.4, -2.9), (7.9, 14.1, -2.1), m.brick("#9a5a44"))
    # the neighbours
    grey, red, stone = m.plaster("#a9b4b0"), m.brick("#8d4f3e"), m.plain("#d8d2c6", 0.04)
    left = [Opening(6.15, t, 7.25, t + 1.9, 2, 3) for t in (1.0, 4.4, 7.7)]
    sills = Surround("surrounds", stone, 0.15, 0.22, 0.18)
    faces += wall("left house", (-8, 0, 2.5), X, oblong(8, 11.6), red, left, soffit=11.6, surround=sills)
    faces.append(rectangle("left side", (0, 0, 2.5), -8 * Z, 11.6 * Y, red))
    faces += box("cornices", (-8.1, 11.5, -6), (0.12, 11.85, 2.7), stone)
    right = [Opening(s, t, s + 1.15, t + 1.85, 2, 2) for t in (4.1, 7.1) for s in (1.5, 4.8, 7.2)]
    right += [Opening(1.5, 0.1, 2.65, 2.7, door="#27364a", fanlight=0.4), Opening(4.8, 0.9, 6.4, 2.9, 2, 1)]
    faces += wall("right house", (width, 0, 0), X, oblong(9, 9.7), grey, right, soffit=9.7, surround=frame)
    faces += box("cornices", (width, 9.5, -0.12), (width + 9, 9.9, 0.3), white)
    faces.append(rectangle("right roof", (width, 9.9, 0.2), 9 * X, 2.9 * Y - 3 * Z, m.tiles("#8a5141")))
    faces.append(rectangle("party wall", (width, 9.7, 0), -3.1 * Z, 0.7 * Y, ochre))
    faces += [
        ground("pavement", -60, 80, -20, 4.2, m.slabs("#aaa59b", 0.5), 0.0),
        rectangle("kerb", (-60, -0.12, 4.2), 140 * X, 0.12 * Y, m.plain("#b9b4aa", 0.1)),
        ground("road", -60, 80, 4.2, 60, m.cobbles("#77736c"), -0.12),
    ]
    return Scene(faces, Camera((9.8, 1.7, 16.4), -12.5, 0.90, 0.835), (-0.72, 0.80, 0.62), 1.08)


def _balcony(x0: float, x1: float, y: float, out: float, stone: Material) -> list[Face]:
    """A narrow slab before a window, with an iron railing."""
    iron = m.plain("#23262a", 0.02)
    faces = box("balcony", (x0, y - 0.16, 0), (x1, y, out), stone)
    rails = [(x0, x1, y + 0.95, y + 1.0), (x0, x1, y + 0.08, y + 0.11)]
    rails += [(x - 0.011, x + 0.011, y, y + 0.97) for x in np.arange(x0 + 0.03, x1, 0.12)]
    faces += [
        rectangle("balcony", (a, low, out - 0.04), (b - a) * X, (high - low) * Y, iron) for a, b, low, high in rails
    ]
    for x in (x0 + 0.02, x1 - 0.02):
        faces.append(rectangle("balcony", (x, y + 0.95, out - 0.04), -(out - 0.04) * Z, 0.05 * Y, iron))
    return faces


def siding_cottage() -> Scene:
    """A clapboard cottage with a lower wing, under the dappled shadow of a tree behind the photographer."""
    width, depth, height, rise, foot = 7.4, 8.5, 3.85, 3.5, 0.07
    boards, white = m.siding("#5d7f90"), m.plain("#f1eee6", 0.03)
    casing = Surround("trim", white, 0.16, 0.18, 0.16)
    windows = [Opening(1.0, 0.9, 2.3, 2.65, 2, 2), Opening(5.1, 0.9, 6.4, 2.65, 2, 2)]
    attic = Opening(3.0, 3.7, 4.4, 5.1, 2, 2)
    faces = wall(
        "front wall",
        (0, foot, 0),
        X,
        oblong(width, height, rise),
        boards,
        [*windows, attic],
        depth=0.1,
        surround=casing,
    )
    faces += wall("side wall", (width, foot, 0), -Z, oblong(depth, height), boards, depth=0.1)
    for x in (0.0, width - 0.22):  # corner boards
        faces += ledge("trim", np.array([x, foot, 0]), X, 0.22, height, 0.03, white)
    shingles = m.tiles("#5d5a58", 0.3, 0.2)
    faces += gable_roof((width, foot + height, 0), -Z, depth, -X, width, rise, shingles, eave=0.4, verge=0.2)
    stone = m.plain(STONE, 0.1)
    faces += box("foundation", (-0.02, 0, -0.3), (width + 0.02, foot + 0.02, 0.03), stone)[:4]
    faces += _wing(width, foot, boards, white, casing, shingles, stone)
    faces += box("chimney", (4.7, 5.0, -3.4), (5.5, 8.7, -2.6), m.brick("#8f5344"))
    faces += [
        ground("lawn", -60, 80, -60, 6.2, m.grass("#66793f")),
        ground("path", width + 0.95, width + 2.35, 0.8, 6.2, m.slabs("#b5ab9c", 0.5), 0.012),
        ground("pavement", -60, 80, 6.2, 8.6, m.slabs("#a8a39a", 0.7), 0.01),
        ground("road", -60, 80, 8.6, 40, m.asphalt()),
        woods(-30, 8.0, 5.0),
    ]
    for x, size, seed in ((0.5, 0.42, 23), (1.8, 0.38, 24), (3.3, 0.42, 25), (4.8, 0.38, 26), (6.2, 0.42, 27)):
        faces += plant("bushes", x, 1.6, size * 1.9, size, seed)
    for x, z, w, h, seed, trunk in (
        (-6.2, -8, 7.5, 7.5, 31, 1.6),
        (17.5, -9, 8.5, 8.0, 32, 1.4),
        (11.0, -14, 8, 7.5, 34, 2.0),
    ):
        faces += plant("trees", x, z, w, h, seed, trunk)
    faces += plant("trees", -1.9, 6.5, 2.8, 4.0, 33, 7.9)  # beside the camera: only its shadow is seen
    return Scene(faces, Camera((8.6, 1.75, 15.0), -8.5, 1.12, 0.80), (-0.55, 0.74, 0.62), 1.12)


def _wing(
    x: float, foot: float, boards: Material, white: Material, casing: Surround, shingles: Material, stone: Material
) -> list[Face]:
    """A lower part of the cottage to its right, with the door."""
    wide, back, deep, height = 5.2, -0.3, 5.0, 3.3
    entry = [Opening(1.15, 0.0, 2.15, 2.2, door="#7c2f2b"), Opening(3.25, 0.8, 4.45, 2.2, 2, 2)]
    faces = wall("wing wall", (x, foot, back), X, oblong(wide, height), boards, entry, depth=0.1, surround=casing)
    faces += wall("wing wall", (x + wide, foot, back), -Z, oblong(deep, height, 1.9), boards, depth=0.1)
    faces += ledge("trim", np.array([x + wide - 0.22, foot, back]), X, 0.22, height, 0.03, white)
    faces += gable_roof((x, foot + height, back), X, wide, -Z, deep, 1.9, shingles, eave=0.15, verge=0.2)
    faces += box("foundation", (x, 0, back - 0.3), (x + wide + 0.02, foot + 0.02, back + 0.03), stone)[:4]
    faces += box("steps", (x + 0.75, 0, back), (x + 2.55, foot - 0.02, back + 1.2), m.plain(STONE, 0.1))[:4]
    return faces


SCENES: dict[str, Callable[[], Scene]] = {
    "brick-house": brick_house,
    "town-house": town_house,
    "siding-cottage": siding_cottage,
}
