"""Several old paints under one mask: they are told apart, and one paint in several lights stays one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sam2_painter import Painter, examples
from sam2_painter.paint.composite import composite, wall_color, wall_paints
from sam2_painter.paint.ledges import find_ledges
from sam2_painter.paint.old_paints import find_old_paints
from sam2_painter.paint.shares import PaintMap
from sam2_painter.paint.srgb import LINEAR, linear_to_srgb
from sam2_painter.paint.surface import analyse
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import Layer, Mask, Photo

GREY = (128, 128, 128)
BRICK, STONE, CREAM, SLATE, WHITE = (150, 84, 66), (222, 216, 204), (227, 217, 189), (120, 118, 113), (236, 233, 226)
SUN, SHADE = np.array([0.80, 0.78, 0.74]), np.array([0.17, 0.20, 0.25])
HEIGHT, WIDTH = 300, 400
Y, X = np.mgrid[0:HEIGHT, 0:WIDTH]
SHADOW = 1.2 * X + 0.6 * Y < 190  # a neighbour's, over all paints alike


def picture(paint: np.ndarray, light: np.ndarray, seed: int = 0) -> Photo:
    """A photo of a plastered wall: paint (h, w, 3) codes, in light (h, w, 3); with grain, a lens and sensor noise."""
    rng = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(rng.standard_normal(paint.shape[:2]).astype(np.float32), (0, 0), 1.5)
    scene = LINEAR[paint] * light * np.exp(0.15 * grain)[..., None]
    scene = cv2.GaussianBlur(scene, (0, 0), 0.8)
    codes = 255 * linear_to_srgb(np.clip(scene, 0, 1)) + rng.normal(0, 1, paint.shape)
    return Photo(np.round(codes.clip(0, 255)).astype(np.uint8))


def sunlit(shadow: np.ndarray = SHADOW) -> np.ndarray:
    """(h, w, 3): sun, and blue shade in a shadow with a narrow penumbra."""
    lit = cv2.GaussianBlur((~shadow).astype(np.float32), (0, 0), 1.5)[..., None]
    return (SHADE + (SUN - SHADE) * lit).astype(np.float32)


def trimmed(main, trim) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a wall with a belt and quoins in another paint, and (h, w) bool: where that is."""
    other = ((Y > 130) & (Y < 146)) | (X > 384) | ((abs(X - 200) < 10) & (Y > 40))
    return np.where(other[..., None], trim, main).astype(np.uint8), other


def painted(photo: Photo, mask: np.ndarray, color) -> np.ndarray:
    """The photo with the mask in a colour."""
    return composite(photo, [Layer(Mask(mask_to_rle(mask)), color, 1.0)])


EVERYTHING = np.ones((HEIGHT, WIDTH), bool)


@pytest.mark.parametrize(
    ("main", "trim"), [(BRICK, STONE), ((60, 85, 105), WHITE), ((58, 59, 61), WHITE), (BRICK, (60, 70, 60))]
)
@pytest.mark.parametrize("shadow", [False, True], ids=["even light", "sun and shade"])
def test_a_wall_and_its_trim_become_one_colour(main, trim, shadow):
    """Painted grey, wall and trim look as a wall that had one paint, in the sun and in the shade."""
    codes, other = trimmed(main, trim)
    light = sunlit(SHADOW & shadow)
    result = painted(picture(codes, light), EVERYTHING, GREY)
    truth = picture(np.broadcast_to(np.uint8(GREY), codes.shape), light).pixels
    wall, frame = (
        cv2.erode(part.astype(np.uint8), np.ones((7, 7), np.uint8), borderValue=1) > 0 for part in (~other, other)
    )
    for lit in (SHADOW, ~SHADOW):
        levels = [result[part & lit].mean() for part in (wall, frame)]
        assert abs(levels[0] - levels[1]) < 14
        assert np.ptp(result[frame & lit].mean(0)) < 14
        assert abs(levels[0] - truth[wall & lit].mean()) < 25


def test_the_border_between_two_old_paints_leaves_no_line():
    """Where a pixel is part brick and part stone, the light on it is that beside it."""
    codes, other = trimmed(BRICK, STONE)
    light = np.full((HEIGHT, WIDTH, 3), 0.75, np.float32)
    result = painted(picture(codes, light), EVERYTHING, GREY).astype(float).mean(-1)
    kernel = np.ones((3, 3), np.uint8)
    edge = cv2.dilate(other.astype(np.uint8), kernel) != cv2.erode(other.astype(np.uint8), kernel, borderValue=1)
    level = result[~edge].mean()
    assert np.abs(result[edge] - level).mean() < 8  # brick and stone are 110 codes apart
    assert abs(result[edge].mean() - level) < 3


@pytest.mark.parametrize("main", [BRICK, CREAM, (60, 85, 105), (58, 59, 61), (143, 165, 139)])
def test_sun_and_shade_are_one_paint(main):
    """A wall that lies partly in a blue shadow has one paint, and keeps its shadow."""
    codes = np.broadcast_to(np.uint8(main), (HEIGHT, WIDTH, 3))
    photo = picture(codes, sunlit())
    assert len(wall_paints(photo, mask_to_rle(EVERYTHING))) == 1
    result = painted(photo, EVERYTHING, GREY).mean(-1)
    assert result[SHADOW].mean() < 0.72 * result[~SHADOW].mean()


def test_bare_bricks_and_their_mortar_are_one_wall():
    """Light joints in a brick wall are texture, not a second paint."""
    joints = (Y % 13 < 2) | ((X + 15 * (Y // 13 % 2)) % 31 < 2)
    rng = np.random.default_rng(3)
    bricks = rng.normal(0, 0.12, (HEIGHT // 13 + 1, WIDTH // 31 + 2))[Y // 13, (X + 15 * (Y // 13 % 2)) // 31]
    codes = np.where(joints[..., None], (178, 172, 165), np.exp(bricks)[..., None] * BRICK).clip(0, 255)
    photo = picture(codes.astype(np.uint8), np.full((HEIGHT, WIDTH, 3), 0.7, np.float32))
    assert len(wall_paints(photo, mask_to_rle(EVERYTHING))) == 1


@pytest.mark.parametrize("shadow", [False, True], ids=["even light", "sun and shade"])
def test_a_plinth_whose_colour_could_be_shade_is_found_by_its_edge(shadow):
    """Grey stone below a cream wall is darker and bluer, as shade is; but its edge is straight, level and even."""
    below = Y > 220 + 0.06 * X
    codes = np.where(below[..., None], SLATE, CREAM).astype(np.uint8)
    photo = picture(codes, sunlit(SHADOW & shadow))
    now = wall_paints(photo, mask_to_rle(EVERYTHING))
    assert len(now) == 2
    assert now[1].share == pytest.approx(below.mean(), abs=0.03)
    result = painted(photo, EVERYTHING, WHITE).mean(-1)
    part = ~SHADOW & (abs(Y - 220 - 0.06 * X) > 6)
    assert abs(result[part & below].mean() - result[part & ~below].mean()) < 12


def test_black_bands_on_a_pale_wall_become_the_new_colour():
    """So dark along so sharp and even an edge is no shade: bands and trim near black are paint."""
    band = (abs(Y - 60) < 14) | (abs(Y - 200) < 14)
    photo = picture(np.where(band[..., None], (52, 46, 50), (233, 236, 233)).astype(np.uint8), np.full((1, 1, 3), 0.8))
    now = wall_paints(photo, mask_to_rle(EVERYTHING))
    assert len(now) == 2
    assert now[1].share == pytest.approx(band.mean(), abs=0.03)
    result = painted(photo, EVERYTHING, GREY).mean(-1)
    inner = cv2.erode(band.view(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert abs(result[inner].mean() - result[abs(Y - 130) < 20].mean()) < 14


def test_a_dark_ground_floor_below_a_cornice_is_found():
    """Wall and ground floor do not meet: a cornice in a third paint lies between. It is told from its own edge."""
    cornice, below = abs(Y - 160) < 9, Y >= 169
    codes = np.where(below[..., None], (70, 69, 67), (230, 232, 222))
    codes = np.where(cornice[..., None], (182, 28, 146), codes).astype(np.uint8)
    photo = picture(codes, np.full((1, 1, 3), 0.8))
    now = wall_paints(photo, mask_to_rle(EVERYTHING))
    assert [one.share for one in now] == pytest.approx([0.51, 0.44, 0.05], abs=0.03)
    result = painted(photo, EVERYTHING, GREY).mean(-1)
    assert abs(result[Y > 180].mean() - result[Y < 140].mean()) < 14


def test_light_is_read_on_a_dark_paint_where_mostly_that_is_in_the_sun():
    """The sun is on a darker ground floor and on a few rows of the wall above it: what is in the shade stays dark."""
    below, sun = Y > 160, (X > 200) & (Y > 152)
    codes = np.where(below[..., None], (79, 71, 80), (179, 113, 27)).astype(np.uint8)
    light = sunlit(~sun)
    result = painted(picture(codes, light), EVERYTHING, GREY)
    truth = picture(np.broadcast_to(np.uint8(GREY), codes.shape), light).pixels
    for part in (Y < 140, (Y > 170) & (X > 210)):
        assert result[part].mean() == pytest.approx(truth[part].mean(), rel=0.15)


def test_the_yellow_of_a_lamp_is_no_paint():
    """A lamp's light beside the street's, yellower and about as bright, stays on the wall."""
    across = np.sin(np.arctan2(Y - 150, X - 220))
    near = np.clip((80 - np.hypot(X - 220, Y - 150)) / 6 + 0.5, 0, 1)
    light = np.array([0.5, 0.48, 0.5]) * np.array([1.02, 1.0, 0.6]) ** near[..., None]
    light = light * (1 + 0.3 * near * across)[..., None]
    photo = picture(np.broadcast_to(np.uint8(CREAM), (HEIGHT, WIDTH, 3)), light)
    assert len(wall_paints(photo, mask_to_rle(EVERYTHING))) == 1


def test_a_shadow_with_a_level_edge_is_no_plinth():
    """A garden wall's shadow along the foot of a house has a broad penumbra: it stays a shadow."""
    lit = np.clip((225 - Y) / 24 + 0.5, 0, 1)[..., None]
    photo = picture(np.broadcast_to(np.uint8(CREAM), (HEIGHT, WIDTH, 3)), (SHADE + (SUN - SHADE) * lit))
    assert len(wall_paints(photo, mask_to_rle(EVERYTHING))) == 1


def test_a_dark_band_ends_where_the_wall_goes_on():
    """What lies below a ledge ends with the band's own lower edge."""
    luminance = np.where((Y > 120) & (Y < 190), -1.6, -0.6).astype(np.float32)
    (ledge,) = find_ledges(luminance, EVERYTHING)
    assert ledge.below[125:186].all()
    assert not ledge.below[:116].any()
    assert not ledge.below[195:].any()


def test_every_old_paint_is_named():
    """Each paint is told as its tin would show it, with its share; the main one is the one that `wall_color` tells."""
    codes, other = trimmed(BRICK, STONE)
    photo = picture(codes, sunlit())
    now = wall_paints(photo, mask_to_rle(EVERYTHING))
    assert [
        tuple(np.abs(np.array(paint.rgb) - true) < 22) for paint, true in zip(now, (BRICK, STONE), strict=True)
    ] == [(True, True, True)] * 2
    assert now[1].share == pytest.approx(other.mean(), abs=0.04)
    assert sum(paint.share for paint in now) == pytest.approx(1)
    assert wall_color(photo, mask_to_rle(EVERYTHING)) == now[0].rgb


def test_shares_of_a_pixel_add_up_to_one():
    """A mixture of two colours has the shares it was mixed of."""
    which = (X >= 200).astype(np.int8)
    share = np.clip((X - 197) / 6, 0, 1)[..., None].astype(np.float32)
    found = PaintMap.of(LINEAR[[BRICK]] + (LINEAR[[STONE]] - LINEAR[[BRICK]]) * share, which, 2)
    mixed = found.shares(LINEAR[[BRICK]] + (LINEAR[[STONE]] - LINEAR[[BRICK]]) * share)
    assert np.allclose(mixed.sum(-1), 1, atol=1e-5)
    assert np.allclose(mixed[:, :190], (1, 0))
    assert np.allclose(mixed[:, 210:], (0, 1))
    assert mixed[150, 198:203, 1] == pytest.approx(share[150, 198:203, 0], abs=0.2)


def test_the_analysis_of_a_large_photo_is_that_of_a_small_one():
    """At eight times the pixels the same paints are found, and each pixel is seen past its own."""
    codes, _other = trimmed(BRICK, STONE)
    small = picture(codes, sunlit())
    large = Photo(cv2.resize(small.pixels, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    mask = np.ones(large.size, bool)
    wide = cv2.resize(painted(large, mask, GREY), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(int)
    near = painted(small, EVERYTHING, GREY).astype(int)
    assert np.abs(wide - near).mean() < 4


ODD = {
    "black": np.zeros((1, 1, 3)),
    "white": np.full((1, 1, 3), 255),
    "one colour": np.array([[[200, 30, 30]]]),
    "checks": np.random.default_rng(5).integers(0, 256, (6, 8, 3)),
    "stripes": np.array([[[40, 40, 40]], [[230, 230, 230]]] * 9),
    "noise": np.random.default_rng(6).integers(0, 256, (200, 260, 3)),
}


@pytest.mark.parametrize("look", ODD)
@pytest.mark.parametrize("size", [(60, 80), (200, 260), (3, 900)], ids=str)
def test_no_picture_and_no_mask_makes_it_fail(look, size):
    """Whatever the photo and the mask, a surface comes back, without a warning."""
    rng = np.random.default_rng(1)
    pixels = cv2.resize(ODD[look].astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST)
    masks = [np.ones(size, bool), rng.random(size) < 0.5, cv2.resize(rng.random((5, 6)), size[::-1]) > 0.5]
    for mask in masks:
        with np.errstate(divide="raise", invalid="raise"):
            surface = analyse(Photo(pixels), mask_to_rle(mask))
        assert sum(paint.share for paint in surface.paints) == pytest.approx(1 if mask.any() else 0, abs=1e-3)


def test_a_small_wall_is_read_as_one_paint():
    """Too few pixels tell nothing of a second paint."""
    codes = np.zeros((40, 30, 3), np.uint8)
    codes[:, 15:] = 250
    assert find_old_paints(LINEAR[codes], np.full((40, 30), 255, np.uint8)) is None


def test_the_shade_of_a_canopy_is_no_paint():
    """Brick in the blue of the sky's light, as the example has it under its canopy, is still that brick."""
    painter = Painter(examples.path("brick-house"), engine="offline")
    brick = next(paint for paint in painter.click(790, 820).wall_paints())
    assert brick.share > 0.95


def test_the_readmes_first_wall_has_the_colour_it_asks_for():
    """Painted with nothing but a colour, the wall has the paint's hue and none of the brick's."""
    painter = Painter(examples.path("brick-house"), engine="offline")
    before = np.asarray(painter)
    painter.click(800, 660).paint("#b5c7a3")
    after = np.asarray(painter)
    wall = cv2.erode((before != after).any(-1).view(np.uint8), np.ones((9, 9), np.uint8)) > 0
    lab = cv2.cvtColor(np.float32([[(181, 199, 163)]]) / 255, cv2.COLOR_RGB2LAB)[0, 0]
    found = cv2.cvtColor(after.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[wall]
    found = np.median(found[found[:, 0] > np.median(found[:, 0])], 0)  # in the sun: shade takes the sky's blue
    assert np.abs(found[1:] - lab[1:]).max() < 6
