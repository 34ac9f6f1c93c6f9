"""What the faces are made of: brick, plaster, siding, tiles, glass, grass, leaves; all computed, nothing drawn by hand.

Patterns are filtered analytically: a joint thinner than a pixel fades instead of flickering. Noise comes from an
integer hash (see `noise`).
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from .noise import fractal, hashed, noise
from .renderer import Hit, Material, sky

_SIDE = 512  # pixels of a crown of leaves


def linear(color: str) -> np.ndarray:
    """ "#rrggbb" -> linear RGB."""
    values = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


# -- patterns


def _stripe(distance: np.ndarray, half: float, footprint: np.ndarray) -> np.ndarray:
    """Share of a pixel within `half` of a line, when its middle is `distance` from the line."""
    footprint = np.maximum(footprint, 1e-4)
    return np.clip((half + footprint / 2 - np.abs(distance)) / footprint, 0, 1) * np.minimum(1, 2 * half / footprint)


def _fade(feature: float, footprint: np.ndarray) -> np.ndarray:
    """1 where a feature is larger than a pixel, falling to 0 where it is much smaller."""
    return np.clip(1.5 * feature / np.maximum(footprint, 1e-4) - 0.5, 0, 1)


def _mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    return a + (b - a) * np.asarray(share, np.float32)[..., None]


def _weathered(hit: Hit, strength: float) -> np.ndarray:
    """About 1: large stains, streaks that rain has drawn down, and a dirty foot."""
    stains = fractal(hit.s * 0.7 + 31, hit.t * 0.7, 4) - 0.5
    streaks = fractal(hit.s * 5, hit.t * 0.35 + 9, 3) - 0.5
    foot = 0.16 * np.exp(-np.maximum(hit.world[:, 1], 0) / 0.3)
    return 1 + strength * (0.5 * stains + 0.28 * streaks) - foot


def plain(color: str, roughness: float = 0.06, scale: float = 9.0) -> Material:
    """Painted wood, metal, stone."""
    base = linear(color)

    def material(hit: Hit):
        wear = 1 + roughness * 2 * (fractal(hit.s * scale, hit.t * scale, 3) - 0.5)
        return base * wear[:, None], 0.0

    return material


def brick(color: str, mortar: str = "#b9b0a3", length: float = 0.225, height: float = 0.075) -> Material:
    """Stretcher bond, every brick fired a little differently."""
    base, joint = linear(color), linear(mortar)

    def material(hit: Hit):
        row = np.floor(hit.t / height)
        along = hit.s / length + 0.5 * (row % 2)
        column = np.floor(along)
        tone, warmth = hashed(column, row, 1), hashed(column, row, 2)
        dark = np.where(hashed(column, row, 4) > 0.93, 0.62, 1.0)  # a few burnt ones
        detail = _fade(length / 2, np.maximum(hit.s_width, hit.t_width))
        bright = 1 + ((0.72 + 0.5 * tone) * dark - 0.955) * detail
        colors = base * bright[:, None] * (1 + (warmth[:, None] - 0.5) * detail[:, None] * np.array([0.10, 0.20, 0.22]))
        rough = 1 + 0.34 * (fractal(hit.s * 60, hit.t * 60, 2) - 0.5) * _fade(0.02, hit.s_width)
        up, side = (hit.t / height - row - 0.5) * height, (along - column - 0.5) * length
        lines = np.maximum(
            _stripe(height / 2 - np.abs(up), 0.0055, hit.t_width),
            _stripe(length / 2 - np.abs(side), 0.005, hit.s_width),
        )
        # The upper edge of a brick catches light, the joint under it lies in shadow.
        lit = 0.14 * (
            _stripe(up - height / 2 + 0.012, 0.005, hit.t_width) - _stripe(up + height / 2 - 0.011, 0.005, hit.t_width)
        )
        colors = _mix(colors * (rough + lit)[:, None], joint * 0.86, lines)
        return (colors * _weathered(hit, 0.35)[:, None]).astype(np.float32), 0.0

    return material


def plaster(color: str) -> Material:
    """Rough render, rubbed by hand, a little stained."""
    base = linear(color)

    def material(hit: Hit):
        grit = (fractal(hit.s * 55, hit.t * 55, 3) - fractal(hit.s * 55 + 0.35, hit.t * 55 - 0.35, 3)) * 0.55
        patches = 0.12 * (fractal(hit.s * 2.1 + 4, hit.t * 2.1, 4) - 0.5)
        tone = (1 + grit * _fade(0.02, hit.s_width) + patches) * _weathered(hit, 0.30)
        return (base * tone[:, None]).astype(np.float32), 0.0

    return material


def grooved(color: str, course: float) -> Material:
    """Plaster cut like courses of large stones."""
    render, joint = plaster(color), 0.03

    def material(hit: Hit):
        albedo, glow = render(hit)
        up = (hit.t / course) % 1 * course
        groove = _stripe(np.minimum(up, course - up), joint / 2, hit.t_width)
        lip = _stripe(up - joint, 0.008, hit.t_width)
        return albedo * (1 - 0.5 * groove + 0.12 * lip)[:, None], glow

    return material


def louvres(color: str, slat: float = 0.06) -> Material:
    """A shutter: slats in a frame 0.56 m wide."""
    base = linear(color)

    def material(hit: Hit):
        up = hit.t / slat % 1
        slats = 0.65 + 0.5 * up - 0.4 * _stripe(up * slat, 0.012, hit.t_width)
        edge = np.minimum(hit.s, 0.56 - hit.s) < 0.06
        tone = 1 + (np.where(edge, 1.0, slats) - 1) * _fade(slat, hit.t_width)
        return (base * tone[:, None]).astype(np.float32), 0.0

    return material


def siding(color: str, board: float = 0.14) -> Material:
    """Clapboard: boards that overlap, each leaning out to its lower edge."""
    base = linear(color)

    def material(hit: Hit):
        row = np.floor(hit.t / board)
        up = hit.t / board - row  # 0 at a board's lower edge
        fade = _fade(board / 3, hit.t_width)
        lean = 1 + (0.10 - 0.16 * up) * fade
        under = _stripe((1 - up) * board, 0.013, hit.t_width)  # the shadow of the board above
        edge = _stripe(up * board - 0.006, 0.004, hit.t_width)
        tone = 1 + 0.09 * (hashed(row, row, 6) - 0.5)
        wood = 1 + 0.10 * (fractal(hit.s * 1.6 + row * 7.7, hit.t * 60, 3) - 0.5) * _fade(0.03, hit.t_width)
        length = 3.6
        butt = _stripe(np.abs((hit.s / length + hashed(row, row, 8)) % 1 - 0.5) * length, 0.002, hit.s_width)
        tone = lean * tone * wood * (1 - 0.55 * under) * (1 + 0.12 * edge) * (1 - 0.4 * butt)
        return (base * (tone * _weathered(hit, 0.16))[:, None]).astype(np.float32), 0.0

    return material


def tiles(color: str, width: float = 0.24, height: float = 0.30) -> Material:
    """Roof tiles in courses, or shingles."""
    base = linear(color)

    def material(hit: Hit):
        row = np.floor(hit.t / height)
        along = hit.s / width + 0.5 * (row % 2)
        column = np.floor(along)
        fade = _fade(width / 2, np.maximum(hit.s_width, hit.t_width))
        tone = 1 + (0.45 * hashed(column, row, 9) - 0.22) * fade
        up, side = hit.t / height - row, along - column - 0.5
        course = _stripe(np.minimum(up, 1 - up) * height, 0.016, hit.t_width)
        gap = _stripe((0.5 - np.abs(side)) * width, 0.006, hit.s_width)
        moss = np.clip(fractal(hit.s * 0.9, hit.t * 0.9 + 40, 5) - 0.52, 0, 1) * 1.6
        tone = tone * (1 - 0.5 * course) * (1 - 0.45 * gap) * (0.9 + 0.2 * fractal(hit.s * 25, hit.t * 25, 2))
        colors = _mix(np.broadcast_to(base, (len(tone), 3)), linear("#6b6a4a"), moss * 0.6)
        return (colors * tone[:, None]).astype(np.float32), 0.0

    return material


def glass(curtain: float = 0.0) -> Material:
    """A window pane: a dark room behind it, curtains at both sides, and the sky and the houses opposite mirrored."""

    def material(hit: Hit):
        mirrored = hit.ray * np.array([1, 1, -1], np.float32)
        mirrored = mirrored + 0.02 * (noise(hit.s * 1.3, hit.t * 1.3)[:, None] - 0.5)  # old panes are not quite flat
        level = mirrored / np.linalg.norm(mirrored, axis=1, keepdims=True)
        skyline = 0.10 + 0.10 * hashed(np.floor(level[:, 0] * 9), np.zeros(len(level)), 11)
        opposite = np.clip((level[:, 1] - skyline) * 60 + 0.5, 0, 1)
        image = _mix(np.broadcast_to(linear("#5d5a55"), level.shape) * 0.8, sky(level), opposite)
        cosine = np.abs(level[:, 2:3])
        mirror = 0.10 + 0.90 * (1 - cosine) ** 5
        folds = 0.75 + 0.25 * np.sin(hit.s * 55 + 2 * noise(hit.s * 3, hit.t))
        cloth = curtain * np.clip((np.abs((hit.s % 1.1) - 0.55) - 0.30) * 40, 0, 1)
        room = _mix(np.broadcast_to(linear("#15171a"), level.shape), linear("#cfc9bd") * 0.30 * folds[:, None], cloth)
        return room.astype(np.float32) * 0.5, (image * (mirror + 0.10)).astype(np.float32)

    return material


def panelled(color: str, width: float, height: float, rows: int = 3, columns: int = 2) -> Material:
    """A door with raised panels."""
    base = linear(color)

    def material(hit: Hit):
        across, upward = hit.s / width * columns, hit.t / height * rows
        side, up = np.abs(across % 1 - 0.5) * width / columns, np.abs(upward % 1 - 0.5) * height / rows
        inside = np.minimum(width / columns / 2 - 0.07 - side, height / rows / 2 - 0.08 - up)
        groove = _stripe(inside, 0.012, np.maximum(hit.s_width, hit.t_width))
        above = (upward % 1 > 0.5).astype(np.float32)
        tone = 1 - groove * (0.5 * above + 0.15) + 0.1 * groove * (1 - above)
        wood = 1 + 0.10 * (fractal(hit.s * 40, hit.t * 2, 3) - 0.5)
        return (base * (tone * wood)[:, None]).astype(np.float32), 0.0

    return material


def slabs(color: str, size: float = 0.6) -> Material:
    """Pavement."""
    base = linear(color)

    def material(hit: Hit):
        row, column = np.floor(hit.t / size), np.floor(hit.s / size)
        fade = _fade(size / 3, np.maximum(hit.s_width, hit.t_width))
        tone = 1 + 0.20 * (hashed(column, row, 12) - 0.5) * fade + 0.35 * (fractal(hit.s * 1.1, hit.t * 1.1, 5) - 0.5)
        joints = np.maximum(
            _stripe((0.5 - np.abs(hit.s / size - column - 0.5)) * size, 0.008, hit.s_width),
            _stripe((0.5 - np.abs(hit.t / size - row - 0.5)) * size, 0.008, hit.t_width),
        )
        speckle = 1 + 0.25 * (fractal(hit.s * 70, hit.t * 70, 2) - 0.5) * _fade(0.02, hit.t_width)
        return (base * (tone * speckle * (1 - 0.45 * joints))[:, None]).astype(np.float32), 0.0

    return material


def cobbles(color: str, size: float = 0.13) -> Material:
    """Setts, worn round."""
    base = linear(color)

    def material(hit: Hit):
        row = np.floor(hit.t / size)
        along = hit.s / (size * 1.3) + 0.5 * (row % 2)
        column = np.floor(along)
        fade = _fade(size / 2, np.maximum(hit.s_width, hit.t_width))
        across, up = np.abs(along - column - 0.5) * 2, np.abs(hit.t / size - row - 0.5) * 2
        dome = 1.12 - 0.55 * np.maximum(across, up) ** 5
        tone = 1 + ((0.75 + 0.5 * hashed(column, row, 13)) * dome - 1) * fade
        return (base * (tone * (0.8 + 0.4 * fractal(hit.s * 0.8, hit.t * 0.8, 4)))[:, None]).astype(np.float32), 0.0

    return material


def asphalt(color: str = "#63625f") -> Material:
    """A road."""
    base = linear(color)

    def material(hit: Hit):
        tone = 1 + 0.30 * (fractal(hit.s * 0.6, hit.t * 0.6, 5) - 0.5)
        tone += 0.5 * (fractal(hit.s * 60, hit.t * 60, 2) - 0.5) * _fade(0.03, hit.t_width)
        return (base * tone[:, None]).astype(np.float32), 0.0

    return material


def grass(color: str = "#5f7440") -> Material:
    """A lawn."""
    base = linear(color)

    def material(hit: Hit):
        blades = fractal(hit.s * 26, hit.t * 9, 3) - 0.5
        tufts = fractal(hit.s * 2.3, hit.t * 1.6, 4) - 0.5
        tone = 1 + 1.3 * blades * _fade(0.05, hit.t_width) + 0.8 * tufts
        dry = np.clip(fractal(hit.s * 0.5 + 8, hit.t * 0.5, 4) - 0.45, 0, 1) * 1.5
        colors = _mix(np.broadcast_to(base, (len(tone), 3)), linear("#8a8a45"), dry)
        return (colors * np.maximum(tone, 0.25)[:, None]).astype(np.float32), 0.0

    return material


# -- leaves


@cache
def _leaves(seed: int, number: int) -> np.ndarray:
    """(512, 512, 4) float32: a crown of leaves as light (3) and cover (1), lit from the upper left.

    Clumps of leaves, each a ball: those in front and above are bright, the depths between them dark.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    side = 1024
    light, cover = np.zeros((side, side, 3), np.float32), np.zeros((side, side), np.float32)
    at = rng.uniform(-1, 1, (90, 2))
    at = at[np.hypot(at[:, 0], at[:, 1] * 1.05) < 0.74]
    radius = rng.uniform(0.16, 0.27, len(at))
    order = rng.permutation(len(at))
    clump = order[rng.integers(0, len(at), number)]
    angle, far = rng.uniform(0, 2 * np.pi, number), np.sqrt(rng.uniform(0, 1, number))
    dx, dy = np.cos(angle) * far, np.sin(angle) * far
    x, y = at[clump, 0] + dx * radius[clump], at[clump, 1] + dy * radius[clump]
    shine = 0.34 - 0.30 * dx * 0.55 - 0.30 * dy - 0.10 * y + rng.normal(0, 0.10, number)
    depth = np.argsort(order)[clump] / len(at) + 0.05 * shine
    shine = np.clip(shine - 0.22 * (1 - depth) * far, 0, 1)
    dark, bright = linear("#1d2c12"), linear("#7f9a45")
    shape = np.stack([rng.integers(6, 11, number), rng.integers(3, 6, number), rng.integers(0, 180, number)], 1)
    for i in np.argsort(depth, kind="stable"):
        centre = (int((x[i] * 0.49 + 0.5) * side), int((y[i] * 0.49 + 0.5) * side))
        axes, turn = (int(shape[i, 0]), int(shape[i, 1])), float(shape[i, 2])
        cv2.ellipse(cover, centre, axes, turn, 0, 360, 1.0, -1)
        cv2.ellipse(light, centre, axes, turn, 0, 360, (dark + (bright - dark) * shine[i]).tolist(), -1)
    return cv2.resize(np.dstack([light, cover]), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)


def crown(width: float, height: float, seed: int, leaves: int):
    """A tree's crown or a bush on a width x height face: its material and its cover."""

    def look(s: np.ndarray, t: np.ndarray) -> np.ndarray:
        x = np.clip(s / width, 0, 1) * (_SIDE - 1)
        y = (1 - np.clip(t / height, 0, 1)) * (_SIDE - 1)
        out = np.empty((len(x), 4), np.float32)
        for top in range(0, len(x), 30_000):  # remap takes pictures of at most 32767 a side
            piece = slice(top, top + 30_000)
            at = [v[piece].astype(np.float32)[None] for v in (x, y)]
            out[piece] = cv2.remap(_leaves(seed, leaves), *at, cv2.INTER_LINEAR)[0]
        return out

    def material(hit: Hit):
        seen = look(hit.s, hit.t)
        return seen[:, :3] / np.maximum(seen[:, 3:], 0.2), 0.0

    return material, lambda s, t: look(s, t)[:, 3]


def treetops(height: float, seed: float):
    """Woods in the distance on a face of that height: their material and their cover."""
    base, haze = linear("#4c6238"), linear("#a9bccb")

    def material(hit: Hit):
        tone = 0.35 + 1.3 * fractal(hit.s * 0.9 + seed, hit.t * 1.3, 5) * (0.45 + 0.55 * hit.t / height)
        return _mix(base * tone[:, None], np.broadcast_to(haze, (len(tone), 3)), np.full(len(tone), 0.16)), 0.0

    def cover(s: np.ndarray, t: np.ndarray) -> np.ndarray:
        top = height * (0.25 + 0.75 * fractal(s * 0.16 + seed * 31, s * 0.0 + seed, 5))
        return np.clip((top - t) * 6 + 0.5, 0, 1)

    return material, cover


def bark() -> Material:
    """A trunk."""
    base = linear("#5a4a3a")

    def material(hit: Hit):
        tone = 1 + 0.9 * (fractal(hit.s * 22, hit.t * 4, 3) - 0.5)
        round_ = 0.55 + 0.45 * np.clip(np.sin(np.pi * np.clip(hit.s / 0.3, 0, 1)), 0, 1)
        return (base * (tone * round_)[:, None]).astype(np.float32), 0.0

    return material
