"""Rendered facades with two or three old paints under one mask, and the same moment with all of it in one new paint.

Relief, light and camera are those of `scenes`; the photo is 1024x768, so that the small picture the paint is read from
shrinks it as it shrinks a real photo. Trim is smooth, stands a little proud of the wall, and is part of the mask.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from benchmarks import scenes
from benchmarks.scenes import ILLUMINANTS, LIGHTS, TURN, Case, Scene
from sam2_painter.paint.colors import RGB, parse_color
from sam2_painter.paint.srgb import LUMINANCE

WIDTH, HEIGHT = 1024, 768
LAYOUTS = ("stone", "boards", "plinth", "storeys", "stripes", "neighbour")
WINDOWS = ((0.10, 0.30), (0.34, 0.30), (0.56, 0.28))  # left, top, as parts of the picture
DOOR = (0.30, 0.58, 0.42, 0.86)


@dataclass(frozen=True)
class SeveralCase(Case):
    """A scene with several old paints. others: the second paint and the third; layout: where they are, of LAYOUTS."""

    others: tuple[str, ...] = ()
    layout: str = ""


# main paint, others, layout, texture, bare brick, new paint, name
WALLS = (
    ("#995a45", ("#e6e2d8",), "stone", "brick", True, "#f2efe9", "raw brick + white stone to white"),
    ("#8e4f3d", ("#d9d2c0",), "stone", "brick", True, "#20304e", "raw brick + stone to navy"),
    ("#3c5569", ("#efeeea",), "boards", "siding", False, "#f4f1ea", "dark blue siding + white trim to white"),
    ("#5d7286", ("#efeeea",), "boards", "siding", False, "#f5e6a8", "blue-grey siding + white trim to yellow"),
    ("#3a3b3d", ("#efeeea",), "boards", "siding", False, "#ebcecb", "charcoal siding + white trim to pink"),
    ("#8c8e90", ("#efeeea",), "boards", "stucco", False, "#f1efeb", "grey + white trim to white"),
    ("#ece8e0", ("#6b6a68",), "plinth", "plaster", False, "#8fa58b", "white + grey plinth to sage"),
    ("#e3d9bd", ("#8f8d88",), "plinth", "stucco", False, "#f4f1ea", "cream + stone plinth to white"),
    ("#b4593b", ("#e8dfc6", "#55504b"), "storeys", "plaster", False, "#f5e6a8", "terracotta + cream + dark to yellow"),
    ("#dfbc4f", ("#efeeea",), "stone", "stucco", False, "#8fa58b", "yellow + white trim to sage"),
    ("#5c7a5c", ("#e8e0c8",), "stripes", "plaster", False, "#f4f1ea", "green + cream stripes to white"),
    ("#ece8e0", ("#8e4f3d",), "plinth", "stucco", False, "#f4f1ea", "white + red plinth to white"),
    ("#90b2d0", ("#efeeea",), "boards", "siding", False, "#b4593b", "pale blue + white trim to terracotta"),
    ("#cab694", ("#7a5a44",), "neighbour", "plaster", False, "#f1efeb", "beige house + brown house to white"),
)


def fixed_cases() -> list[SeveralCase]:
    """The forty-two: every wall in three lights."""
    rng = np.random.default_rng(11)
    cases: list[SeveralCase] = []
    for number, (main, others, layout, texture, raw, new, name) in enumerate(WALLS):
        for turn in range(3):
            light, illuminant = LIGHTS[(number + 2 * turn + turn // 2) % len(LIGHTS)]
            cases.append(
                SeveralCase(
                    name,
                    main,
                    new,
                    light,
                    illuminant,
                    texture,
                    exposure=float(rng.uniform(0.65, 1.1)),
                    seed=500 + len(cases),
                    shadow_at=float(rng.uniform(0.35, 1.0)),
                    jpeg_quality=int(rng.choice([75, 85, 92])),
                    camera_curve=len(cases) % 5 == 4,
                    trim="#efeeea" if len(cases) % 3 else "#5a4a3a",
                    corner=bool(len(cases) % 2) and layout != "neighbour",
                    raw=raw,
                    others=others,
                    layout=layout,
                )
            )
    return cases


def random_cases(count: int, seed: int) -> list[SeveralCase]:
    """Scenes nobody has tuned anything on, with two or three paints that differ clearly."""
    rng = np.random.default_rng(seed)
    cases = []
    for case in scenes.random_cases(count, seed):
        layout = LAYOUTS[rng.integers(len(LAYOUTS))]
        others: list[str] = []
        while len(others) < (2 if layout == "storeys" else 1):
            other = _white(rng) if layout in ("stone", "boards") and rng.random() < 0.6 else scenes.some_paint(rng)
            if np.linalg.norm(_lab(other) - _lab(parse_color(case.old))) > 18:
                others.append("#{:02x}{:02x}{:02x}".format(*other))
        shared = {field.name: getattr(case, field.name) for field in fields(Case)}
        drawn = SeveralCase(**shared, others=tuple(others), layout=layout)
        cases.append(replace(drawn, name=f"random {layout}", corner=case.corner and layout != "neighbour"))
    return cases


def _white(rng: np.random.Generator) -> RGB:
    shade = int(rng.integers(215, 245))
    return shade, shade - int(rng.integers(0, 6)), shade - int(rng.integers(0, 16))


def _lab(color: RGB) -> np.ndarray:
    lab: np.ndarray = cv2.cvtColor(np.float32([[color]]) / 255, cv2.COLOR_RGB2LAB)[0, 0]
    return lab


def _rectangle(xn: np.ndarray, yn: np.ndarray, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    inside: np.ndarray = (yn >= y0) & (yn < y1) & (xn >= x0) & (xn < x1)
    return inside


def regions(case: SeveralCase, xn: np.ndarray, yn: np.ndarray) -> np.ndarray:
    """(h, w) uint8, which paint is where: 0 the main one, 1 the second, 2 the third. xn, yn: 0 to 1."""
    which = np.zeros(xn.shape, np.uint8)

    def put(x0: float, y0: float, x1: float, y1: float, value: int = 1) -> None:
        which[_rectangle(xn, yn, x0, y0, x1, y1)] = value

    if case.layout in ("stone", "boards"):
        frame = 0.018 if case.layout == "boards" else 0.013
        for x0, y0 in WINDOWS:
            put(x0 - frame, y0 - frame * 1.3, x0 + 0.12 + frame, y0 + 0.22 + frame * 1.6)
        put(0.285, 0.555, 0.435, 0.86)
    if case.layout == "stone":
        put(0, 0.13, 1, 0.152)
        put(0, 0.542, 1, 0.562)
        for row in range(20):
            y0, wide = 0.15 + row * 0.04, 0.035 if row % 2 else 0.02
            put(TURN - wide, y0, TURN, y0 + 0.036)
            put(0, y0, wide, y0 + 0.036)
    elif case.layout == "boards":
        put(0, 0.13, 1, 0.158)
        put(0, 0.13, 0.018, 0.86)
        put(TURN - 0.014, 0.13, TURN + 0.012, 0.86)
    elif case.layout == "plinth":
        put(0, 0.70, 1, 0.87)
    elif case.layout == "storeys":
        put(0, 0.52, 1, 0.545)
        put(0, 0.545, 1, 0.87, min(2, len(case.others)))
    elif case.layout == "stripes":
        for y0 in (0.16, 0.56, 0.72):
            put(0, y0, 1, y0 + 0.075)
    elif case.layout == "neighbour":
        put(TURN, 0, 1, 1)
    return which


def render(case: SeveralCase) -> Scene:
    """The scene of a case; the same case gives the same scene."""
    rng = np.random.default_rng(case.seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    yn, xn = y / HEIGHT, x / WIDTH
    which = regions(case, xn, yn)
    relief, variation, gloss = scenes.wall_relief(case, rng, HEIGHT, WIDTH)
    if case.layout in ("stone", "boards"):
        proud = 3.0 + 0.15 * scenes.clouds(rng, HEIGHT, WIDTH, 10, 2)
        relief = cv2.GaussianBlur(np.where(which == 1, relief.max() * 0.5 + proud, relief), (0, 0), 0.7)
    weather = np.exp(0.04 * scenes.clouds(rng, HEIGHT, WIDTH, 60, 4))[..., None]
    albedo = scenes.linear(case.old) * variation
    for number, other in enumerate(case.others, 1):
        own = variation if not case.raw and case.layout not in ("stone", "boards") else weather
        albedo = np.where((which == number)[..., None], scenes.linear(other) * own, albedo)
    light, mirrored = scenes.lighting(case, rng, relief.astype(np.float32), yn, xn)

    window, trim = np.zeros_like(xn, bool), np.zeros_like(xn, bool)
    for x0, y0 in WINDOWS:
        trim |= _rectangle(xn, yn, x0 - 0.004, y0 - 0.005, x0 + 0.124, y0 + 0.226)
        window |= _rectangle(xn, yn, x0, y0, x0 + 0.12, y0 + 0.22)
    door = _rectangle(xn, yn, *DOOR)
    blob = ((xn - 0.80) / 0.16) ** 2 + ((yn - 0.86) / 0.16) ** 2
    bush = blob + 0.10 * scenes.clouds(rng, HEIGHT, WIDTH, 40, 4, 0.7) < 1
    wall = (yn > 0.13) & (yn < 0.86) & ~window & ~trim & ~door & ~bush
    sky = yn <= 0.10
    around = np.empty((HEIGHT, WIDTH, 3), np.float32)
    around[:] = scenes.linear("#8c8780")
    around[(yn > 0.10) & (yn <= 0.13)] = scenes.linear("#4a3f3a")
    around[trim], around[window], around[door] = scenes.linear(case.trim), 0.03, scenes.linear("#6b2f2a")
    leaves = scenes.linear("#3f5a2c") * np.exp(0.35 * scenes.clouds(rng, HEIGHT, WIDTH, 10, 3, 0.8))[..., None]
    around = np.where(bush[..., None], leaves, around) * light
    around[sky] = np.array([0.55, 0.72, 0.98]) * (1.2 if case.light == "overcast" else 1.15) * min(1, case.exposure)
    around[window] += 0.08 * np.array([0.6, 0.8, 1.0]) * (1 - yn[window])[:, None]

    def expose(paint: np.ndarray) -> np.ndarray:
        sight = np.where(wall[..., None], np.clip(paint, 0, 0.93) * light + gloss * mirrored, around)
        sight = cv2.GaussianBlur(sight.astype(np.float32), (0, 0), 0.9)
        sight += 0.004 * sight.mean((0, 1))
        balance = np.array(ILLUMINANTS[case.illuminant]) ** 0.6
        exposed: np.ndarray = sight / balance * (balance @ LUMINANCE)
        return exposed

    telegraphed = np.clip(variation.mean(-1, keepdims=True), 0.3, 3) ** (0.15 * (0.3 if case.raw else 1))
    before, after = expose(albedo), expose(scenes.linear(case.new) * telegraphed)
    noise = np.sqrt(np.clip(before, 0, None) * 2.5e-4 + 1.6e-6) * rng.normal(0, 1, before.shape)
    _, jpeg = cv2.imencode(
        ".jpg",
        scenes.develop(before + noise, case.camera_curve)[..., ::-1],
        [cv2.IMWRITE_JPEG_QUALITY, case.jpeg_quality],
    )
    return Scene(
        case,
        np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1]),
        scenes.develop(after, case.camera_curve),
        cv2.GaussianBlur(wall.astype(np.float32), (0, 0), 0.9),
        light @ LUMINANCE,
        sky,
        window,
    )
