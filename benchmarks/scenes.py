"""Rendered facades with a known answer: the photo with the old paint, and the same moment with the new one.

A wall with relief (stucco, siding, plaster, brick, block) stands in sun, dappled sun, overcast, shade or lamplight;
light is added up in linear RGB; a camera blurs, adds flare, balances white in part, may bend its curve, adds noise and
writes a JPEG. The truth is rendered with the new paint and nothing else changed. Windows, trim, door, roof, sky and a
bush surround the wall; one plane of it may turn away from the sun.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sam2_painter.paint.colors import parse_color
from sam2_painter.paint.srgb import LUMINANCE, linear_to_srgb, srgb_to_linear

WIDTH, HEIGHT = 512, 384
OVERSAMPLING = 2
TURN = 0.72  # of the width: there a building with two faces has its corner

PAIRS = (
    ("#39291f", "#f4f1ea", "dark brown to white"),
    ("#ece8e0", "#20304e", "white to navy"),
    ("#a12222", "#f5e6a8", "red to pale yellow"),
    ("#cab694", "#8fa58b", "beige to sage"),
    ("#8c8e90", "#b4593b", "grey to terracotta"),
    ("#90b2d0", "#eee2c4", "blue to cream"),
    ("#2e4939", "#d4d5d3", "dark green to light grey"),
    ("#ece8e0", "#04798b", "white to teal"),
    ("#dfbc4f", "#f1efeb", "yellow to white"),
    ("#3a3b3d", "#ebcecb", "charcoal to pink"),
    ("#d7d1c3", "#1d1d1d", "greige to black"),
    ("#e8e3d8", "#dee2e5", "cream to off-white"),
)
RAW_PAIRS = (
    ("#995a45", "#f2efe9", "raw brick to white"),
    ("#995a45", "#37393c", "raw brick to charcoal"),
    ("#8e4f3d", "#a8b79f", "raw brick to sage"),
)
LIGHTS = (
    ("sun", "sunny"),
    ("overcast", "cloudy"),
    ("dapple", "sunny"),
    ("lamp", "tungsten"),
    ("shade", "cool"),
    ("sun", "warm"),
)
TEXTURES = ("stucco", "siding", "plaster", "brick", "block")
ILLUMINANTS = {
    "neutral": (1.0, 1.0, 1.0),
    "sunny": (1.0, 0.95, 0.86),
    "warm": (1.0, 0.90, 0.74),
    "tungsten": (1.0, 0.76, 0.46),
    "cool": (0.84, 0.94, 1.08),
    "cloudy": (0.95, 1.0, 1.06),
}
# light: (direction to the sun, its strength, strength of the sky)
SUNS = {
    "sun": ((-0.55, 0.55, 0.63), 1.0, 0.17),
    "dapple": ((-0.35, 0.5, 0.79), 1.0, 0.20),
    "overcast": ((-0.2, 0.6, 0.77), 0.25, 0.95),
    "lamp": ((-0.3, 0.35, 0.88), 0.75, 0.20),
    "shade": ((-0.6, 0.3, 0.74), 0.12, 0.90),
}


@dataclass(frozen=True)
class Case:
    """One scene to render. exposure: linear light of a white wall where it is well lit (above 1 clips)."""

    name: str
    old: str
    new: str
    light: str
    illuminant: str
    texture: str
    exposure: float
    seed: int
    shadow_at: float = 0.6
    jpeg_quality: int = 88
    camera_curve: bool = False
    trim: str = "#efeeea"
    corner: bool = True
    raw: bool = False


@dataclass(frozen=True, eq=False)
class Scene:
    """photo, truth: (H, W, 3) uint8. coverage: (H, W) in [0, 1], wall. light: (H, W) luminance a white wall would have.
    sky, window: (H, W) bool."""

    case: Case
    photo: np.ndarray
    truth: np.ndarray
    coverage: np.ndarray
    light: np.ndarray
    sky: np.ndarray
    window: np.ndarray


def fixed_cases() -> list[Case]:
    """The sixty: every pair under four lights, textures by turns."""
    rng = np.random.default_rng(7)
    cases = []
    for number, (old, new, name) in enumerate(PAIRS + RAW_PAIRS):
        raw = number >= len(PAIRS)
        for turn in range(4):
            light, illuminant = LIGHTS[(number + 2 * turn + turn // 2) % len(LIGHTS)]
            dark = _luminance(old) < 0.3
            cases.append(
                Case(
                    name,
                    old,
                    new,
                    light,
                    illuminant,
                    "brick" if raw else TEXTURES[(2 * number + turn) % len(TEXTURES)],
                    exposure=float(rng.uniform(0.75, 1.3) if dark else rng.uniform(0.62, 1.05)),
                    seed=100 + len(cases),
                    shadow_at=float(rng.uniform(0.35, 0.9)),
                    jpeg_quality=int(rng.choice([80, 88, 92])),
                    camera_curve=len(cases) % 5 == 4,
                    trim=("#efeeea", "#efeeea", "#5a4a3a")[len(cases) % 3],
                    corner=bool(len(cases) % 2),
                    raw=raw,
                )
            )
    return cases


def random_cases(count: int, seed: int) -> list[Case]:
    """Scenes nobody has tuned anything on: colours, light, texture, camera all drawn."""
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(count):
        old, new = ("#{:02x}{:02x}{:02x}".format(*some_paint(rng)) for _ in range(2))
        light, illuminant = LIGHTS[rng.integers(len(LIGHTS))]
        raw = rng.random() < 0.15
        if raw:
            old = ("#995a45", "#8e4f3d", "#a86b4f")[rng.integers(3)]
        cases.append(
            Case(
                "raw brick" if raw else "random",
                old,
                new,
                light,
                illuminant if rng.random() < 0.7 else "neutral",
                "brick" if raw else TEXTURES[rng.integers(len(TEXTURES))],
                exposure=float(rng.uniform(0.62, 1.25)),
                seed=int(rng.integers(1 << 30)),
                shadow_at=float(rng.uniform(0.3, 1.3)),
                jpeg_quality=int(rng.integers(70, 97)),
                camera_curve=bool(rng.random() < 0.3),
                trim="#efeeea" if rng.random() < 0.6 else "#{:02x}{:02x}{:02x}".format(*some_paint(rng)),
                corner=bool(rng.random() < 0.5),
                raw=raw,
            )
        )
    return cases


def some_paint(rng: np.random.Generator) -> tuple[int, int, int]:
    """A plausible wall colour: any lightness, mostly low saturation."""
    value, saturation = rng.uniform(40, 245), min(0.85, rng.exponential(0.22))
    pixel = np.uint8([[[rng.integers(180), 255 * saturation, value]]])
    return tuple(int(v) for v in cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0])


def linear(color: str) -> np.ndarray:
    return srgb_to_linear(np.array(parse_color(color)) / 255)


def _luminance(color: str) -> float:
    return float(linear(color) @ LUMINANCE)


def clouds(rng: np.random.Generator, height: int, width: int, cell: float, octaves: int, fade: float = 0.55):
    """(height, width) float32 noise of about unit variance, coarsest detail `cell` pixels."""
    total, strength, power = np.zeros((height, width), np.float32), 1.0, 0.0
    for octave in range(octaves):
        step = max(2, int(cell / 2**octave))
        grid = rng.standard_normal((height // step + 3, width // step + 3)).astype(np.float32)
        wide = cv2.resize(grid, (width + 2 * step, height + 2 * step), interpolation=cv2.INTER_CUBIC)
        total += strength * wide[step // 2 : step // 2 + height, step // 2 : step // 2 + width]
        power += strength * strength
        strength *= fade
    return total / np.float32(np.sqrt(power))


def wall_relief(case: Case, rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Relief in pixels (h, w), variation of the old paint around its colour (h, w, 3), and gloss."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    variation = np.ones((height, width, 3), np.float32)
    gloss = {"plaster": 0.02, "siding": 0.035}.get(case.texture, 0.0)
    if case.texture in ("brick", "block"):
        tall, wide, joint, step = (26.0, 62.0, 2.0, 3.2) if case.texture == "brick" else (64.0, 128.0, 2.0, 2.0)
        row = np.floor(y / tall)
        shifted = x + (row % 2) * wide / 2
        to_joint = np.minimum(np.minimum(shifted % wide, wide - shifted % wide), np.minimum(y % tall, tall - y % tall))
        rough = 0.35 * clouds(rng, height, width, 8, 3) if step > 3 else 0.9 * clouds(rng, height, width, 6, 3, 0.8)
        relief = step * np.clip((to_joint - joint) / 3, 0, 1) + rough
        if case.raw:
            variation = _bare_bricks(rng, row, np.floor(shifted / wide), to_joint, joint)
            variation *= np.exp(0.10 * clouds(rng, height, width, 12, 3))[..., None]
    elif case.texture == "stucco":
        relief = 1.5 * clouds(rng, height, width, 10, 4, 0.7)
    elif case.texture == "plaster":
        relief = 0.35 * clouds(rng, height, width, 24, 4, 0.6)
    else:
        board = (y % 34) / 34
        relief = -6 * board + 0.15 * clouds(rng, height, width, 10, 2) - 4 * np.maximum(0, (board - 0.94) / 0.06)
    if not case.raw:  # years of weather on the old paint: patches and streaks
        variation *= np.exp(0.045 * clouds(rng, height, width, 120, 4))[..., None]
        variation *= np.exp(0.025 * clouds(rng, height, 8, 2, 1).mean(1))[:, None, None]
    return relief.astype(np.float32), variation, gloss


def _bare_bricks(rng, row, column, to_joint, joint) -> np.ndarray:
    """(h, w, 3): each brick its own shade and warmth, light grey mortar between them."""
    _, which = np.unique((row * 977 + column).astype(int), return_inverse=True)
    which = which.reshape(row.shape)
    shade = np.exp(rng.normal(0, 0.22, which.max() + 1))
    warmth = rng.normal(0, 0.07, which.max() + 1)
    brick = np.stack([shade * (1 + warmth), shade, shade * (1 - warmth)], -1)[which]
    face = np.clip((to_joint - joint) / 1.5, 0, 1)[..., None]
    return (brick * face + np.array([1.7, 2.6, 3.1]) * (1 - face)).astype(np.float32)


def _step(value: np.ndarray, softness: float) -> np.ndarray:
    """A smooth step from 0 to 1 where `value` (pixels) crosses 0."""
    return 1 / (1 + np.exp(-np.clip(value / softness, -50, 50)))


def lighting(case: Case, rng, relief, yn, xn) -> tuple[np.ndarray, np.ndarray]:
    """Light on a white wall and what gloss mirrors of it, both (h, w, 3) linear; bright places at case.exposure."""
    height, width = relief.shape
    direction, sun, sky = SUNS[case.light]
    direction = np.array(direction) / np.linalg.norm(direction)
    illuminant = np.array(ILLUMINANTS[case.illuminant], np.float32)
    sky_color = np.array([0.72, 0.88, 1.12], np.float32) if case.light in ("sun", "dapple") else illuminant

    slope_y, slope_x = np.gradient(relief)
    normal = np.stack([-slope_x, slope_y, np.ones_like(slope_x)], -1)  # y up
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    if case.corner:  # the right part of the building turns away from the sun
        turn = np.radians(62)
        rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
        normal = np.where((xn > TURN)[..., None], normal @ rotation.T, normal)
    lit = np.ones_like(xn)
    if case.light == "sun":  # the eaves' shadow, and a neighbour's
        lit = _step((yn - 0.20 - 0.10 * np.sin(3 * xn)) * height, 1.6 * OVERSAMPLING)
        lit *= _step((1.1 * xn + 0.75 * yn - case.shadow_at) * width, 2.2 * OVERSAMPLING)
    elif case.light == "dapple":
        lit = _step(6 * (clouds(rng, height, width, 45 * OVERSAMPLING, 3, 0.6) - 0.05), 1)
    falloff = np.ones_like(xn)
    if case.light == "lamp":
        falloff = 0.25 + 1.3 * np.exp(-(((xn - 0.35) / 0.33) ** 2) - ((yn - 0.35) / 0.4) ** 2)
    elif case.light in ("overcast", "shade"):
        falloff = 1 - 0.35 * yn + 0.12 * (1 - xn)
    crevice = np.clip(1 + 0.10 * (relief - cv2.GaussianBlur(relief, (0, 0), 4 * OVERSAMPLING)), 0.45, 1.15)
    crevice *= 0.55 + 0.45 * np.clip((yn - 0.14) / 0.10, 0, 1)

    direct = sun * np.clip(normal @ direction, 0, None) * lit * falloff
    ambient = sky * (0.72 + 0.17 * normal[..., 1]) * crevice * (1 if case.light == "lamp" else falloff)
    light = direct[..., None] * illuminant + ambient[..., None] * sky_color
    bounce = 0.12 * np.clip(yn - 0.5, 0, 1) * sun * (1 if case.light == "sun" else 0.3)
    light += bounce[..., None] * np.array([1, 0.92, 0.8])
    on_wall = (yn > 0.13) & (yn < 0.86)
    scale = case.exposure / np.percentile((light @ LUMINANCE)[on_wall], 95)
    half = direction + [0, 0, 1]
    mirror = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 24 * lit * falloff * sun
    mirrored = 3 * mirror[..., None] * illuminant + 0.35 * sky * sky_color
    return (light * scale).astype(np.float32), (mirrored * scale).astype(np.float32)


def render(case: Case) -> Scene:
    """The scene of a case; the same case gives the same scene."""
    rng = np.random.default_rng(case.seed)
    width, height = WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    yn, xn = y / height, x / width
    relief, variation, gloss = wall_relief(case, rng, height, width)
    light, mirrored = lighting(case, rng, relief, yn, xn)

    def rectangle(x0, y0, x1, y1):
        return (yn >= y0) & (yn < y1) & (xn >= x0) & (xn < x1)

    window, trim = np.zeros_like(xn, bool), np.zeros_like(xn, bool)
    for x0, y0 in ((0.10, 0.30), (0.34, 0.30), (0.56, 0.28)):
        trim |= rectangle(x0 - 0.012, y0 - 0.016, x0 + 0.132, y0 + 0.236)
        window |= rectangle(x0, y0, x0 + 0.12, y0 + 0.22)
    door = rectangle(0.30, 0.58, 0.42, 0.86)
    trim |= rectangle(0.288, 0.562, 0.432, 0.86) & ~door
    blob = ((xn - 0.80) / 0.16) ** 2 + ((yn - 0.86) / 0.16) ** 2
    bush = blob + 0.10 * clouds(rng, height, width, 20 * OVERSAMPLING, 4, 0.7) < 1
    wall = (yn > 0.13) & (yn < 0.86) & ~window & ~trim & ~door & ~bush
    sky = yn <= 0.10

    around = np.empty((height, width, 3), np.float32)
    around[:] = linear("#8c8780")  # pavement
    around[(yn > 0.10) & (yn <= 0.13)] = linear("#4a3f3a")  # roof
    around[trim], around[window], around[door] = linear(case.trim), 0.03, linear("#6b2f2a")
    leaves = linear("#3f5a2c") * np.exp(0.35 * clouds(rng, height, width, 5 * OVERSAMPLING, 3, 0.8))[..., None]
    around = np.where(bush[..., None], leaves, around) * light
    around[sky] = np.array([0.55, 0.72, 0.98]) * (1.2 if case.light == "overcast" else 1.15) * min(1, case.exposure)
    around[window] += 0.08 * np.array([0.6, 0.8, 1.0]) * (1 - yn[window])[:, None]

    def small(values):
        return cv2.resize(values.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)

    def expose(albedo):
        sight = np.where(wall[..., None], np.clip(albedo, 0, 0.93) * light + gloss * mirrored, around)
        sight = cv2.GaussianBlur(small(sight), (0, 0), 0.6)  # the lens
        sight += 0.004 * sight.mean((0, 1))  # flare
        balance = np.array(ILLUMINANTS[case.illuminant]) ** 0.6  # white balance takes out a part of the cast
        return sight / balance * (balance @ LUMINANCE)

    # Old unevenness telegraphs a little through new paint; the colour of bare bricks hardly.
    telegraphed = np.clip(variation.mean(-1, keepdims=True), 0.3, 3) ** (0.15 * (0.3 if case.raw else 1))
    before, after = expose(linear(case.old) * variation), expose(linear(case.new) * telegraphed)
    noise = np.sqrt(np.clip(before, 0, None) * 2.5e-4 + 1.6e-6) * rng.normal(0, 1, before.shape)
    pixels = develop(before + noise, case.camera_curve)
    _, jpeg = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, case.jpeg_quality])
    coverage = cv2.GaussianBlur(small(wall), (0, 0), 0.6)
    return Scene(
        case,
        np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1]),
        develop(after, case.camera_curve),
        coverage,
        small(light @ LUMINANCE),
        small(sky) > 0.5,
        small(window) > 0.5,
    )


def develop(light: np.ndarray, curve: bool) -> np.ndarray:
    """Linear light -> uint8, by the sRGB curve or by a telephone's: more contrast, more saturation."""
    if not curve:
        return np.round(255 * linear_to_srgb(np.clip(light, 0, 1))).astype(np.uint8)
    codes = np.clip(linear_to_srgb(0.92 * np.clip(light, 0, 1.6)), 0, 1.25)
    codes = np.where(codes < 1, codes + 0.44 * codes * (1 - codes) * (codes - 0.42), codes)
    grey = (codes @ LUMINANCE)[..., None]
    return np.round(255 * np.clip(grey + 1.12 * (codes - grey), 0, 1)).astype(np.uint8)


def exact_mask(scene: Scene) -> np.ndarray:
    """(H, W) bool: every pixel that is mostly wall."""
    return scene.coverage > 0.5


def faces(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool each: the wall's front, and its side that turns away from the sun (empty where there is none)."""
    side = (np.arange(WIDTH) > TURN * WIDTH) & scene.case.corner
    return exact_mask(scene) & ~side, exact_mask(scene) & side


def coarse_mask(scene: Scene) -> np.ndarray:
    """The same as SAM would draw it: a wobbling border from a 256x256 grid, enlarged."""
    rng = np.random.default_rng(scene.case.seed)
    height, width = scene.coverage.shape
    wall = (scene.coverage > 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(wall, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - wall, cv2.DIST_L2, 5)
    grid = cv2.resize(distance, (256, 256), interpolation=cv2.INTER_AREA) * (256 / width)
    wobble = cv2.GaussianBlur(rng.standard_normal((256, 256)).astype(np.float32), (0, 0), 2.2)
    return cv2.resize(grid + 0.35 * wobble / wobble.std(), (width, height), interpolation=cv2.INTER_LINEAR) > 0


def leaky_mask(scene: Scene) -> np.ndarray:
    """The wall, and by mistake a window with its trim and a corner of the sky."""
    height, width = scene.coverage.shape
    y, x = np.mgrid[0:height, 0:width]
    leak = (scene.window & (x < 0.28 * width)) | (scene.sky & (x < 0.3 * width))
    return exact_mask(scene) | leak | ((y < 0.14 * height) & (y > 0.09 * height) & (x < 0.3 * width))
