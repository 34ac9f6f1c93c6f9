"""Making a few photos of one town look like many of the world: crops, light, colour, skies and shadows.

The annotated photos share streets, camera and mood; what must carry over to other buildings is shape. So every
surface is repainted at random, skies are replaced, shadows are cast, and exposure, white balance and sharpness are
drawn anew.
"""

from __future__ import annotations

import cv2
import numpy as np

from .data import CLASSES, Truth
from .samples import Sample

SKY, WALL = CLASSES.index("sky"), CLASSES.index("wall")
HOUSES = 0.25  # of the samples are of rendered houses
ZOOM = (0.42, 1.3)
SKIES = np.array(
    [
        [[70, 120, 200], [190, 215, 240]],  # clear
        [[200, 205, 210], [235, 235, 235]],  # overcast
        [[235, 240, 245], [250, 250, 250]],  # blown out
        [[120, 90, 110], [240, 180, 130]],  # evening
    ]
)


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """(size, size) float32 of about unit variance with blobs of size/cells pixels."""
    coarse = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def crop(rng: np.random.Generator, size: int, sample: Sample) -> Sample:
    """A random square of `size` pixels: near and far, wide and narrow, a little oblique, mirrored half the time."""
    image, truth = sample.image, sample.truth
    height, width = truth.classes.shape
    zoom, aspect = np.exp(rng.uniform(*np.log(ZOOM))), np.exp(rng.uniform(-0.25, 0.25))
    w, h = min(width, size / zoom * aspect), min(height, size / zoom / aspect)
    x, y = rng.uniform(0, width - w + 1e-6), rng.uniform(0, height - h + 1e-6)
    corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32)
    if rng.random() < 0.6:
        corners += (rng.uniform(-0.1, 0.1, (4, 2)) * (w, h)).astype(np.float32)
    if rng.random() < 0.5:
        corners = corners[[1, 0, 3, 2]]
    target = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    warp = cv2.getPerspectiveTransform(corners, target)
    shrink = max(1.0, w / size, h / size)
    if shrink > 1.3:  # a plain warp would alias
        image = cv2.GaussianBlur(image, (0, 0), 0.35 * shrink)
    reflect = dict(borderMode=cv2.BORDER_REFLECT_101)

    def labels(field: np.ndarray) -> np.ndarray:
        moved = cv2.warpPerspective(field.astype(np.float32), warp, (size, size), flags=cv2.INTER_NEAREST, **reflect)
        return moved.astype(field.dtype)

    seen = cv2.warpPerspective(image, warp, (size, size), flags=cv2.INTER_LINEAR, **reflect)
    return Sample(seen, Truth(labels(truth.classes), labels(truth.things), labels(truth.paints)))


def repaint(rng: np.random.Generator, image: np.ndarray, truth: Truth) -> np.ndarray:
    """Each paint with a gain and a tone of its own; borders stay as soft as they were."""
    surfaces = np.where(truth.paints > 0, truth.paints, truth.things)
    ids, inverse = np.unique(surfaces, return_inverse=True)
    change = rng.random(len(ids)) < 0.6
    gain = np.exp(rng.normal(0, 0.35, (len(ids), 1)) + rng.normal(0, 0.16, (len(ids), 3))) * change[:, None]
    gain[~change] = 1
    field = gain[inverse.reshape(surfaces.shape)].astype(np.float32)
    return image * cv2.GaussianBlur(field, (0, 0), rng.uniform(0.6, 1.6))


def one_wall(rng: np.random.Generator, truth: Truth) -> np.ndarray:
    """(H, W) bool: all of one paint, a wall's; nothing when no wall is known."""
    paints = np.unique(truth.paints[(truth.classes == WALL) & (truth.paints > 0)])
    return (truth.paints == rng.choice(paints)) if len(paints) else np.zeros(truth.paints.shape, bool)


def reskin(rng: np.random.Generator, image: np.ndarray, cover: np.ndarray, donor: Sample) -> np.ndarray:
    """A wall (H, W) bool with the colour and the texture of a piece of another picture's wall; its light and shade
    stay.
    """
    walls = np.argwhere(donor.truth.classes[::8, ::8] == WALL) * 8
    if not len(walls) or not cover.any():
        return image
    size, side = len(image), int(rng.integers(24, 110))
    y, x = walls[rng.integers(len(walls))]
    piece = donor.image[max(0, y - side // 2) : y + side // 2 + 1, max(0, x - side // 2) : x + side // 2 + 1]
    piece = np.concatenate([piece, piece[:, ::-1]], axis=1)
    piece = np.concatenate([piece, piece[::-1]]).astype(np.float32) / 255 + 0.02
    scale = np.exp(rng.uniform(-0.5, 0.7))
    piece = cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    tiles = [-(-size // length) for length in piece.shape[:2]]
    skin = np.tile(piece, (*tiles, 1))[:size, :size]
    gray, inside = image.mean(axis=2) + 0.02, cover.astype(np.float32)
    sigma = rng.uniform(2, 14)
    light = cv2.GaussianBlur(gray * inside, (0, 0), sigma) / (cv2.GaussianBlur(inside, (0, 0), sigma) + 1e-3)
    own = gray / np.maximum(light, 1e-3)
    made = skin * (light / max(1e-3, float(light[cover].mean())))[..., None]
    made = made * (own ** rng.uniform(0.2, 1.0))[..., None]
    soft = cv2.GaussianBlur(inside, (0, 0), 0.7)[..., None] * rng.uniform(0.7, 1)
    return (image * (1 - soft) + made * soft).astype(np.float32)


def masonry(rng: np.random.Generator, image: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Courses of brick, stone or boards on a wall (H, W) bool: their joints are texture and no border of anything."""
    size = len(cover)
    course, brick = rng.uniform(3, 22), rng.uniform(1.2, 8)
    lean, slope = rng.uniform(-0.3, 0.3, 2)
    ys, xs = np.mgrid[:size, :size].astype(np.float32)
    across, down = (xs + lean * ys) / (course * brick), (ys + slope * xs) / course
    row = np.floor(down)
    column = np.floor(across + 0.5 * (row % 2))
    joint = rng.uniform(0.06, 0.2)
    seam = (down % 1 < joint) | ((across + 0.5 * (row % 2)) % 1 < joint / brick)
    if rng.random() < 0.25:  # boards have no upright joints
        seam = down % 1 < joint
    tones = rng.normal(0, rng.uniform(0, 0.12), 1021)[((row * 31 + column * 7) % 1021).astype(int)]
    pattern = 1 + tones + seam * rng.uniform(-0.4, 0.4)
    pattern = cv2.GaussianBlur(pattern.astype(np.float32), (0, 0), rng.uniform(0.4, 1.0))
    tint = np.exp(rng.normal(0, 0.15, 3)) if rng.random() < 0.5 else np.ones(3)
    walls = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), 0.7)[..., None]
    return (image * (1 + walls * (pattern[..., None] * tint - 1))).astype(np.float32)


def replace_sky(rng: np.random.Generator, image: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """A made-up sky: a gradient from zenith to horizon, with or without clouds."""
    size = len(classes)
    cover = cv2.GaussianBlur((classes == SKY).astype(np.float32), (0, 0), rng.uniform(0.5, 1.2))[..., None]
    if not cover.any():
        return image
    top, bottom = SKIES[rng.integers(len(SKIES))] / 255 * np.exp(rng.normal(0, 0.12, (2, 3)))
    t = np.linspace(0, 1, size)[:, None, None]
    sky = np.broadcast_to(top * (1 - t) + bottom * t, image.shape).astype(np.float32)
    if rng.random() < 0.6:
        clouds = sum(smooth_noise(rng, size, c) / c**0.5 for c in (2, 5, 12))
        clouds = np.clip(clouds * rng.uniform(0.2, 0.6) + rng.uniform(-0.2, 0.5), 0, 1)[..., None]
        sky = sky * (1 - clouds) + clouds * rng.uniform(0.75, 1)
    sky = sky + rng.standard_normal(image.shape).astype(np.float32) * rng.uniform(0, 0.015)
    return (image * (1 - cover) + sky * cover).astype(np.float32)


def cast_shadow(rng: np.random.Generator, image: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The shadow of something outside the picture: darker and slightly bluer, not on the sky, and no border of any
    region.
    """
    size = len(classes)
    kind = rng.random()
    if kind < 0.3:  # of leaves
        cells = int(rng.integers(4, 40))
        spots = smooth_noise(rng, size, cells) + 0.7 * smooth_noise(rng, size, max(2, cells // 4))
        inside = (spots > rng.uniform(-0.6, 0.6)).astype(np.float32)
    elif kind < 0.65:
        angle, middle = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8, 2) * size
        ys, xs = np.mgrid[:size, :size]
        inside = ((xs - middle[0]) * np.cos(angle) + (ys - middle[1]) * np.sin(angle) > 0).astype(np.float32)
    else:
        inside = np.zeros((size, size), np.float32)
        around = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
        reach = rng.uniform(0.1, 0.5, len(around)) * size
        corners = rng.uniform(0.1, 0.9, 2) * size + np.stack([np.cos(around) * reach, np.sin(around) * reach], 1)
        cv2.fillPoly(inside, [corners.astype(np.int32)], 1)
    inside = cv2.GaussianBlur(inside, (0, 0), rng.uniform(0.5, 4)) * (classes != SKY)
    dark = rng.uniform(0.3, 0.75) * np.array([0.93, 0.97, 1.05])
    return (image * (1 - inside[..., None] * (1 - dark))).astype(np.float32)


def relight(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Exposure, gamma, contrast, white balance, saturation, hue, haze; few pixels, blur, noise and JPEG as cameras make
    them.
    """
    size = len(image)
    image = np.clip(image, 0, 1).astype(np.float32)
    if rng.random() < 0.4:
        image = np.clip(image * np.exp(rng.normal(0, 0.2, 3)), 0, 1).astype(np.float32)
    if rng.random() < 0.08:
        image = np.ascontiguousarray(image[..., rng.permutation(3)])
    if rng.random() < 0.08:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.6:
        hsv = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + rng.uniform(-25, 25)) % 360
        hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.2, 1.6), 0, 1)
        image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    image = np.clip(image, 0, 1) ** np.exp(rng.uniform(-0.7, 0.5))
    image = (image - 0.5) * rng.uniform(0.6, 1.3) + 0.5 + rng.uniform(-0.12, 0.15)
    image = image * (1 + rng.uniform(-0.12, 0.12, 3)) * (1 + 0.12 * smooth_noise(rng, size, 2)[..., None])
    if rng.random() < 0.25:
        scale = rng.uniform(0.4, 0.9)
        small = cv2.resize(image.astype(np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.35:
        image = image + rng.standard_normal(image.shape) * rng.uniform(0, 0.05)
    image = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 90))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return image


def augmented(rng: np.random.Generator, size: int, photos: list[Sample], houses: list[Sample]) -> Sample:
    """One training sample (size, size): a photo or a rendered house in other paint, weather and light."""

    def pick() -> Sample:
        some = houses if rng.random() < HOUSES else photos
        return some[rng.integers(len(some))]

    sample = crop(rng, size, pick())
    truth, image = sample.truth, sample.image.astype(np.float32) / 255
    if rng.random() < 0.4:
        image = replace_sky(rng, image, truth.classes)
    if rng.random() < 0.4:
        image = repaint(rng, image, truth)
    chance = rng.random()
    if chance < 0.3:
        image = reskin(rng, image, one_wall(rng, truth), pick())
    elif chance < 0.5:
        image = masonry(rng, image, one_wall(rng, truth))
    if rng.random() < 0.4:
        image = cast_shadow(rng, image, truth.classes)
    if rng.random() < 0.12:
        other = crop(rng, size, pick())
        image, truth = side_by_side(rng, image, truth, other)
    return Sample(relight(rng, image), truth)


def side_by_side(rng: np.random.Generator, image: np.ndarray, truth: Truth, other: Sample) -> tuple[np.ndarray, Truth]:
    """Another building beside this one."""
    at = int(rng.uniform(0.25, 0.75) * len(image))
    image = image.copy()
    image[:, at:] = other.image[:, at:].astype(np.float32) / 255
    new = int(max(truth.things.max(), truth.paints.max()) + 1)

    def joined(own: np.ndarray, more: np.ndarray) -> np.ndarray:
        return np.concatenate([own[:, :at], np.where(more > 0, more + new, more)[:, at:]], axis=1).astype(own.dtype)

    classes = np.concatenate([truth.classes[:, :at], other.truth.classes[:, at:]], axis=1)
    return image, Truth(classes, joined(truth.things, other.truth.things), joined(truth.paints, other.truth.paints))
