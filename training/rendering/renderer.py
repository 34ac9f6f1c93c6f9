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

_SUN_LIGHT = np.array([3.05, 2.78, 2.36], np.float32)
_SKY_LIGHT = np.array([0.62, 0.74, 0.95], np.float32)
_SUN_WIDTH = 0.0093  # angle of the sun's disc in radians: how fast the edge of a shadow softens
_BOUNCE_LIGHT = np.array([0.30, 0.27, 0.22], np.float32)
_NEAR = 1e-3  # metres: what touches throws no shadow
_NEAREST = 0.05  # metres before the camera where the picture begins
_AT_ONCE = 1 << 19  # pixels shaded together, to bound memory


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
    corners in metres along u and v, counter-clockwise. holes: (s0, t0, s1, t1) in metres. alpha: a cover of its own,
    for leaves. soffit: height along v under which an eave keeps the sky away. ambient: share of the sky's light.
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
    zenith, horizon = np.array([0.24, 0.55, 1.30]), np.array([1.00, 1.20, 1.45])
    blue = zenith + (horizon - zenith) * (1 - up) ** 5
    flat = level[:, ::2] / (up + 0.18)  # clouds lie on a ceiling far above
    heaps = fractal(flat[:, 0] * 1.1 + 3.7, flat[:, 1] * 2.2 + 1.3, 6)
    cloud = np.clip((heaps - 0.52) * 4.5, 0, 1)[:, None] * np.clip(up * 6, 0, 0.9)
    return (blue * (1 - cloud) + np.array([1.9, 1.9, 1.9]) * cloud).astype(np.float32)


def render(
    faces: Sequence[Face], camera: Camera, sun: Sequence[float], size_hw: tuple[int, int], exposure: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """((H, W, 3) float linear light, (H, W) int16 index of the face seen, -1 for the sky).

    sun: the direction towards it, of any length.
    """
    height, width = size_hw
    sun_at = np.array(sun, float) / np.linalg.norm(sun)
    view, shadows, seen = _View(camera, size_hw), _Shadows(faces, sun_at), nearest(faces, camera, size_hw)
    light = np.empty((height * width, 3), np.float32)
    order = np.argsort(seen, axis=None, kind="stable")
    starts = np.searchsorted(seen.ravel()[order], np.arange(-1, len(faces) + 1))
    for index in range(-1, len(faces)):
        pixels = order[starts[index + 1] : starts[index + 2]]
        for part in np.split(pixels, range(_AT_ONCE, len(pixels), _AT_ONCE)) if len(pixels) else ():
            x, y = view.across[part % width], view.upward[part // width]
            light[part] = sky(view.rays(x, y)) if index < 0 else _shade(faces[index], view, shadows, x, y)
    return light.reshape(height, width, 3) * exposure, seen


def nearest(faces: Sequence[Face], camera: Camera, size_hw: tuple[int, int]) -> np.ndarray:
    """(H, W) int16: the index of the face that each pixel sees, -1 for the sky."""
    view = _View(camera, size_hw)
    depth = np.full(size_hw, np.inf, np.float32)
    seen = np.full(size_hw, -1, np.int16)
    for index, face in enumerate(faces):
        rows, columns = view.window(face)
        s, t, k = view.meet(face, view.across[columns][None, :], view.upward[rows][:, None])
        with np.errstate(invalid="ignore"):
            nearer = (k > _NEAREST) & (k < depth[rows, columns])
            nearer[nearer] = face.cover(s[nearer], t[nearer], _NEAR) > 0.5
        depth[rows, columns][nearer] = k[nearer]
        seen[rows, columns][nearer] = index
    return seen


def develop(light: np.ndarray) -> np.ndarray:
    """Linear light -> (H, W, 3) uint8 sRGB, as a camera would: lens fall-off, a shoulder for the lights, fine grain."""
    height, width = light.shape[:2]
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    light = light * (1 - 0.10 * (x[None, :, None] ** 2 + y[:, None, None] ** 2) / 2) * 0.52
    light = light * (1 + light / 4.5) / (1 + light * 0.72)  # Reinhard's shoulder
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-6) ** (1 / 2.4) - 0.055)
    srgb = srgb * 255 + grain(height, width)[..., None] * 0.7
    return np.clip(srgb + 0.5, 0, 255).astype(np.uint8)


def _depth_inside(outline: np.ndarray, s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Metres inside a convex counter-clockwise outline; negative outside."""
    depth = None
    for (s0, t0), (s1, t1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        length = np.hypot(s1 - s0, t1 - t0)
        here = (s1 - s0) / length * (t - t0) - (t1 - t0) / length * (s - s0)
        depth = here if depth is None else np.minimum(depth, here)
    return depth


class _View:
    """A camera and a picture size: from pixels to rays, from rays to where they meet a face.

    A pixel is known by x and y, how far right and up its ray goes for each metre forward.
    """

    def __init__(self, camera: Camera, size_hw: tuple[int, int]):
        self.height, self.width = size_hw
        self.eye, self.focal = np.array(camera.position, float), camera.focal * self.width
        self.right, self.forward = camera.axes()
        self.horizon = camera.horizon * self.height
        self.across = ((np.arange(self.width) + 0.5 - self.width / 2) / self.focal).astype(np.float32)
        self.upward = ((self.horizon - np.arange(self.height) - 0.5) / self.focal).astype(np.float32)

    def rays(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """(N, 3) directions, one metre deep."""
        return (x[:, None] * self.right + y[:, None] * np.array([0, 1, 0]) + self.forward).astype(np.float32)

    def meet(self, face: Face, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """s and t on a face's plane in metres, and how deep in the picture that is."""
        offset = self.eye - face.origin
        with np.errstate(divide="ignore", invalid="ignore"):
            k = -(face.normal @ offset) / self.slope(face.normal, x, y)
            s = face.u @ offset + k * self.slope(face.u, x, y)
            t = face.v @ offset + k * self.slope(face.v, x, y)
        return s.astype(np.float32), t.astype(np.float32), k.astype(np.float32)

    def slope(self, axis: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How fast the rays move along an axis of the world."""
        return (axis @ self.right) * x + axis[1] * y + axis @ self.forward

    def footprint(self, face: Face, axis: np.ndarray, k: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Metres along an axis of a face that one pixel covers: the derivatives of `meet` by x and y."""
        along, toward = self.slope(axis, x, y), self.slope(face.normal, x, y)
        by_x = k * (axis @ self.right) - k / toward * (face.normal @ self.right) * along
        by_y = k * axis[1] - k / toward * face.normal[1] * along
        return ((np.abs(by_x) + np.abs(by_y)) / self.focal).astype(np.float32)

    def window(self, face: Face) -> tuple[slice, slice]:
        """Rows and columns of the picture a face can be seen in."""
        corners = face.origin + face.outline[:, :1] * face.u + face.outline[:, 1:] * face.v - self.eye
        away = corners @ self.forward
        if (away < _NEAREST).all():
            return slice(0, 0), slice(0, 0)
        if (away < _NEAREST).any():  # it passes beside the camera
            return slice(0, self.height), slice(0, self.width)
        x = np.clip(corners @ self.right / away * self.focal + self.width / 2, -1, self.width)
        y = np.clip(self.horizon - corners[:, 1] / away * self.focal, -1, self.height)
        return slice(max(0, int(y.min()) - 1), int(y.max()) + 2), slice(max(0, int(x.min()) - 1), int(x.max()) + 2)


def _shade(face: Face, view: _View, shadows: _Shadows, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, 3) light that N pixels of a face send to the camera."""
    s, t, k = view.meet(face, x, y)
    s_width, t_width = (view.footprint(face, axis, k, x, y) for axis in (face.u, face.v))
    ray = view.rays(x, y)
    world = (view.eye + k[:, None] * ray).astype(np.float32)
    albedo, glow = face.material(Hit(s, t, s_width, t_width, world, ray))

    normal = face.normal if face.normal @ (view.eye - face.origin) > 0 else -face.normal
    sky_share = np.full(len(s), face.ambient, np.float32)
    if normal[1] <= 0.5:  # a wall sees less sky than the ground does, and least at its foot
        sky_share *= (0.72 + 0.28 * normal[1]) * (1 - 0.32 * np.exp(-np.maximum(world[:, 1], 0) / 0.35))
    if face.soffit:
        sky_share *= 1 - 0.42 * np.exp(-np.abs(face.soffit - t) / 0.45)
    # The sunlit street sends some warm light back up.
    bounce = _BOUNCE_LIGHT * (0.5 - 0.5 * normal[1]) * np.exp(-np.maximum(world[:, 1:2], 0) / 6)
    light = _SKY_LIGHT * sky_share[:, None] + bounce
    facing = float(normal @ shadows.sun_at)
    if facing > 0:
        light = light + _SUN_LIGHT * (facing * shadows.sunlit(face, s, t))[:, None]
    return albedo * light + glow


class _Shadows:
    """The faces that may stand in the sun's way, side by side in arrays: almost all are ruled out at once."""

    def __init__(self, faces: Sequence[Face], sun_at: np.ndarray):
        self.sun_at = sun_at
        self.faces = [face for face in faces if face.casts and abs(face.normal @ sun_at) > 1e-6]
        self.origin = np.array([face.origin for face in self.faces])
        self.axes = np.array([[face.u, face.v] for face in self.faces])  # (K, 2, 3)
        tilt = np.array([face.normal @ sun_at for face in self.faces])
        self.normal = np.array([face.normal for face in self.faces]) / tilt[:, None]
        self.drift = self.axes @ sun_at  # (K, 2): how far along u and v a metre of sunbeam leads
        self.low = np.array([face.outline.min(axis=0) for face in self.faces])
        self.high = np.array([face.outline.max(axis=0) for face in self.faces])

    def sunlit(self, face: Face, s: np.ndarray, t: np.ndarray) -> np.ndarray:
        """(N,) share of the sun's disc that points of a face see.

        Under parallel light, where a point's ray meets another face is linear in the point's s and t: each of the
        linear maps is (at s = t = 0, per s, per t).
        """
        basis = np.stack([face.u, face.v], 1)  # (3, 2)
        offset = face.origin - self.origin
        away = -np.column_stack([(self.normal * offset).sum(axis=1), self.normal @ basis])  # (K, 3)
        place = np.concatenate([(self.axes @ offset[..., None]), self.axes @ basis], axis=2)  # (K, 2, 3)
        place = place + self.drift[..., None] * away[:, None]
        corners = np.array([(1, a, b) for a in (s.min(), s.max()) for b in (t.min(), t.max())], float)
        far = (away @ corners.T).max(axis=1)
        reach = place @ corners.T  # (K, 2, 4)
        soft = (_SUN_WIDTH * np.maximum(far, 0) + 0.01)[:, None]
        near = (reach.max(axis=2) > self.low - soft) & (reach.min(axis=2) < self.high + soft)
        hidden = np.zeros(len(s), np.float32)
        for index in np.flatnonzero((far > _NEAR) & near.all(axis=1)):
            if self.faces[index] is face:
                continue
            distance, along, upward = (
                (first + by_s * s + by_t * t).astype(np.float32) for first, by_s, by_t in (away[index], *place[index])
            )
            cover = self.faces[index].cover(along, upward, _SUN_WIDTH * np.maximum(distance, 0) + 0.006)
            hidden += cover * (distance > _NEAR)  # a sum: where two faces meet, two half shadows are a whole one
        return np.maximum(0, 1 - hidden)


def shrink(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Mean over squares of factor x factor."""
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
