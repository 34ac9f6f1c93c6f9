"""A small ray caster for buildings made of flat faces under one sun: enough for a photo worth repainting.

The world is in metres: x to the right along the street, y up, z towards the viewer. Light is linear; the sky is
blue, the sun warm. Every pixel is known to belong to one face, so the masks are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from .noise import fractal, grain

SUN_LIGHT = np.array([3.05, 2.78, 2.36], np.float32)
SKY_LIGHT = np.array([0.62, 0.74, 0.95], np.float32)
_SUN_WIDTH = 0.0093  # angle of the sun's disc in radians: how fast the edge of a shadow softens
_NEAR = 1e-3


@dataclass(frozen=True)
class Camera:
    """A view camera: verticals stay vertical. position in metres; yaw in degrees, positive looks right; focal in
    picture widths; horizon: its height in the picture, 0 top, 1 bottom."""

    position: tuple[float, float, float]
    yaw: float
    focal: float
    horizon: float

    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Unit vectors right and forward."""
        yaw = np.radians(self.yaw)
        return np.array([np.cos(yaw), 0, np.sin(yaw)]), np.array([np.sin(yaw), 0, -np.cos(yaw)])


@dataclass(frozen=True)
class Hit:
    """What a material is told about N pixels: where they are on the face (metres), how much of it one pixel covers,
    and where in the world they are and from where they are seen, both (N, 3)."""

    s: np.ndarray
    t: np.ndarray
    s_width: np.ndarray
    t_width: np.ndarray
    world: np.ndarray
    ray: np.ndarray


Material = Callable[[Hit], tuple[np.ndarray, np.ndarray | float]]
"""Hit -> albedo (N, 3) and what it shines by itself or mirrors (N, 3), both linear RGB."""


@dataclass(frozen=True, eq=False)
class Face:
    """A flat convex piece of the world.

    part: name of the mask it belongs to. origin, u, v: a corner, and unit vectors along and up. outline: (M, 2)
    corners in metres along u and v, counter-clockwise. holes: (s0, t0, s1, t1) in metres. alpha: a cover of its own, for
    leaves. soffit: height along v under which an eave keeps the sky away. ambient: share of the sky's light.
    """

    part: str
    origin: np.ndarray
    u: np.ndarray
    v: np.ndarray
    outline: np.ndarray
    material: Material
    holes: tuple[tuple[float, float, float, float], ...] = ()
    alpha: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    soffit: float = 0.0
    ambient: float = 1.0
    casts: bool = True
    normal: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "normal", np.cross(self.u, self.v))

    def cover(self, s: np.ndarray, t: np.ndarray, soft: np.ndarray | float) -> np.ndarray:
        """0 to 1: how much of a spot `soft` metres wide lies on the face."""
        inside = np.clip(_depth_inside(self.outline, s, t) / soft + 0.5, 0, 1)
        for s0, t0, s1, t1 in self.holes:
            depth = np.minimum(np.minimum(s - s0, s1 - s), np.minimum(t - t0, t1 - t))
            inside *= 1 - np.clip(depth / soft + 0.5, 0, 1)
        return inside if self.alpha is None else inside * self.alpha(s, t)


def rectangle(
    part: str,
    origin: Sequence[float],
    u: Sequence[float],
    v: Sequence[float],
    material: Material,
    **more: object,
) -> Face:
    """A face from a corner and its two sides, whose lengths are its size."""
    u, v = np.array(u, float), np.array(v, float)
    width, height = np.linalg.norm(u), np.linalg.norm(v)
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    return Face(part, np.array(origin, float), u / width, v / height, outline, material, **more)


def box(part: str, low: Sequence[float], high: Sequence[float], material: Material, **more: object) -> list[Face]:
    """The front, two sides, top and bottom of an upright box; its back is never seen."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    w, h, d = x1 - x0, y1 - y0, z1 - z0
    return [
        rectangle(part, (x0, y0, z1), (w, 0, 0), (0, h, 0), material, **more),
        rectangle(part, (x1, y0, z1), (0, 0, -d), (0, h, 0), material, **more),
        rectangle(part, (x0, y0, z0), (0, 0, d), (0, h, 0), material, **more),
        rectangle(part, (x0, y1, z1), (w, 0, 0), (0, 0, -d), material, **more),
        rectangle(part, (x0, y0, z0), (w, 0, 0), (0, 0, d), material, **more),
    ]


def sky(ray: np.ndarray) -> np.ndarray:
    """(N, 3) directions -> (N, 3) light of a summer sky with a few clouds."""
    level = ray / np.linalg.norm(ray, axis=1, keepdims=True)
    up = np.clip(level[:, 1:2], 0, 1)
    blue = np.array([0.15, 0.36, 0.80]) + (np.array([0.62, 0.76, 0.95]) - np.array([0.15, 0.36, 0.80])) * (1 - up) ** 4
    flat = level[:, ::2] / (up + 0.18)  # clouds lie on a ceiling far above
    cloud = np.clip((fractal(flat[:, 0] * 1.1 + 3.7, flat[:, 1] * 2.2 + 1.3, 5) - 0.53) * 4.2, 0, 1)[:, None] * 0.85
    return (blue * (1 - cloud) + np.array([1.02, 1.01, 1.0]) * cloud).astype(np.float32)


def render(
    faces: Sequence[Face], camera: Camera, sun: Sequence[float], size_hw: tuple[int, int], exposure: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """((H, W, 3) float linear light, (H, W) int16 index of the face seen, -1 for the sky).

    sun: the direction towards it, of any length.
    """
    height, width = size_hw
    sun_at = np.array(sun, float) / np.linalg.norm(sun)
    right, forward = camera.axes()
    eye, focal = np.array(camera.position, float), camera.focal * width
    across = ((np.arange(width) + 0.5 - width / 2) / focal).astype(np.float32)
    upward = ((camera.horizon * height - np.arange(height) - 0.5) / focal).astype(np.float32)

    depth = np.full(size_hw, np.inf, np.float32)
    seen = np.full(size_hw, -1, np.int16)
    for index, face in enumerate(faces):
        window = _window(face, eye, right, forward, focal, camera.horizon, size_hw)
        if window is None:
            continue
        rows, columns = window
        s, t, k = _on_face(face, eye, right, forward, across[columns][None, :], upward[rows][:, None])
        with np.errstate(invalid="ignore"):
            nearer = (k > 0.05) & (k < depth[rows, columns])
            nearer[nearer] = face.cover(s[nearer], t[nearer], _NEAR) > 0.5
        depth[rows, columns][nearer] = k[nearer]
        seen[rows, columns][nearer] = index

    light = np.empty((height * width, 3), np.float32)
    flat = seen.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(-1, len(faces) + 1))
    for index in range(-1, len(faces)):
        pixels = order[starts[index + 1] : starts[index + 2]]
        for part in np.array_split(pixels, max(1, len(pixels) >> 19)):
            x, y = across[part % width], upward[part // width]
            ray = (x[:, None] * right + y[:, None] * np.array([0, 1, 0]) + forward).astype(np.float32)
            if not len(part):
                continue
            if index < 0:
                light[part] = sky(ray)
                continue
            light[part] = _shade(faces[index], faces, eye, right, forward, focal, x, y, ray, sun_at)
    return light.reshape(height, width, 3) * exposure, seen


def develop(light: np.ndarray) -> np.ndarray:
    """Linear light -> (H, W, 3) uint8 sRGB, as a camera would: lens fall-off, a shoulder for the lights, fine grain."""
    height, width = light.shape[:2]
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    light = light * (1 - 0.10 * (x[None, :, None] ** 2 + y[:, None, None] ** 2) / 2) * 0.52
    light = light * (1 + light / 4.5) / (1 + light * 0.72)  # Reinhard's shoulder
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-6) ** (1 / 2.4) - 0.055)
    srgb = srgb * 255 + grain(height, width)[..., None] * 1.4
    return np.clip(srgb + 0.5, 0, 255).astype(np.uint8)


def _depth_inside(outline: np.ndarray, s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Metres inside a convex counter-clockwise outline; negative outside."""
    depth = None
    for (s0, t0), (s1, t1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        length = np.hypot(s1 - s0, t1 - t0)
        here = (s1 - s0) / length * (t - t0) - (t1 - t0) / length * (s - s0)
        depth = here if depth is None else np.minimum(depth, here)
    return depth


def _on_face(face, eye, right, forward, x, y):
    """Where the rays through picture points (x, y) meet a face's plane: s, t in metres, and how far away."""
    toward = face.normal @ (face.origin - eye)
    with np.errstate(divide="ignore", invalid="ignore"):
        k = toward / ((face.normal @ right) * x + face.normal[1] * y + face.normal @ forward)
        s = (eye - face.origin) @ face.u + k * ((right @ face.u) * x + face.u[1] * y + forward @ face.u)
        t = (eye - face.origin) @ face.v + k * ((right @ face.v) * x + face.v[1] * y + forward @ face.v)
    return s.astype(np.float32), t.astype(np.float32), k.astype(np.float32)


def _window(face, eye, right, forward, focal, horizon, size_hw):
    """Rows and columns of the picture a face can be seen in; None for none."""
    height, width = size_hw
    corners = face.origin + face.outline[:, :1] * face.u + face.outline[:, 1:] * face.v - eye
    away = corners @ forward
    if (away < 0.05).all():
        return None
    if (away < 0.05).any():  # it passes beside the camera
        return slice(0, height), slice(0, width)
    x = corners @ right / away * focal + width / 2
    y = horizon * height - corners[:, 1] / away * focal
    top, bottom = max(0, int(y.min()) - 1), min(height, int(y.max()) + 2)
    left, end = max(0, int(x.min()) - 1), min(width, int(x.max()) + 2)
    return (slice(top, bottom), slice(left, end)) if top < bottom and left < end else None


def _shade(face, faces, eye, right, forward, focal, x, y, ray, sun_at):
    """(N, 3) light that N pixels of a face send to the camera."""
    s, t, k = _on_face(face, eye, right, forward, x, y)
    slope = (face.normal @ right) * x + face.normal[1] * y + face.normal @ forward
    k_across, k_upward = -k / slope * (face.normal @ right), -k / slope * face.normal[1]
    widths = []
    for axis in (face.u, face.v):
        along = ray @ axis
        widths.append((np.abs(k_across * along + k * (right @ axis)) + np.abs(k_upward * along + k * axis[1])) / focal)
    world = (eye + k[:, None] * ray).astype(np.float32)
    albedo, glow = face.material(Hit(s, t, widths[0].astype(np.float32), widths[1].astype(np.float32), world, ray))

    normal = face.normal if face.normal @ (eye - face.origin) > 0 else -face.normal
    sky_share = face.ambient * (0.72 + 0.28 * normal[1]) * (1 - 0.32 * np.exp(-np.maximum(world[:, 1], 0) / 0.35))
    if normal[1] > 0.5:
        sky_share = np.full(len(s), face.ambient, np.float32)
    if face.soffit:
        sky_share = sky_share * (1 - 0.42 * np.exp(-np.abs(face.soffit - t) / 0.45))
    # The sunlit street sends some warm light back up.
    bounce = np.array([0.30, 0.27, 0.22]) * (0.5 - 0.5 * normal[1]) * np.exp(-np.maximum(world[:, 1:2], 0) / 6)
    light = SKY_LIGHT * sky_share[:, None] + bounce
    facing = float(normal @ sun_at)
    if facing > 0:
        light = light + SUN_LIGHT * (facing * _sunlit(face, faces, s, t, sun_at))[:, None]
    return albedo * light + glow


def _sunlit(face, faces, s, t, sun_at):
    """(N,) share of the sun's disc that points of a face see.

    Under parallel light, where a point's ray meets another face is linear in the point's s and t.
    """
    seen = np.ones(len(s), np.float32)
    corners = np.array([(a, b) for a in (s.min(), s.max()) for b in (t.min(), t.max())])
    for other in faces:
        tilt = other.normal @ sun_at
        if other is face or not other.casts or abs(tilt) < 1e-6:
            continue
        offset, steps = face.origin - other.origin, np.stack([face.u, face.v], 1)
        away = np.array([-(other.normal @ offset), *(-(other.normal @ steps))]) / tilt
        along = np.array([other.u @ offset, *(other.u @ steps)]) + away * (other.u @ sun_at)
        upward = np.array([other.v @ offset, *(other.v @ steps)]) + away * (other.v @ sun_at)
        far = away[0] + corners @ away[1:]
        if far.max() < _NEAR:
            continue
        soft = _SUN_WIDTH * far.max() + 0.01
        reach = [linear[0] + corners @ linear[1:] for linear in (along, upward)]
        if any(
            values.max() < other.outline[:, axis].min() - soft or values.min() > other.outline[:, axis].max() + soft
            for axis, values in enumerate(reach)
        ):
            continue
        distance = (away[0] + away[1] * s + away[2] * t).astype(np.float32)
        cover = other.cover(
            (along[0] + along[1] * s + along[2] * t).astype(np.float32),
            (upward[0] + upward[1] * s + upward[2] * t).astype(np.float32),
            _SUN_WIDTH * np.maximum(distance, 0) + 0.006,
        )
        seen *= 1 - cover * (distance > _NEAR)
    return seen


def shrink(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Mean over squares of factor x factor."""
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
