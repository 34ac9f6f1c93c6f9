"""Painting: what must hold for every picture, and how true it is on a rendered wall."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from sam2_painter.errors import InvalidInput
from sam2_painter.paint.composite import analyse, changed_box, color_at, composite, repaint, wall_color, white_wall
from sam2_painter.paint.light import read_small
from sam2_painter.paint.matte import soft_border
from sam2_painter.paint.srgb import LINEAR, LUMINANCE, linear_to_srgb
from sam2_painter.photos.images import fit
from sam2_painter.rle import RLE, mask_to_rle
from sam2_painter.types import PAINT_MODES, Layer, Mask, Photo

PLASTER = np.array([190, 150, 110])
SAGE, NAVY, WHITE = (143, 165, 139), (32, 48, 78), (244, 241, 234)


def _wall(paint=PLASTER, height=240, width=320, seed=0):
    """A wall in sun and shadow with a white-framed window, and its exact mask. Returns (Photo, (H, W) bool)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    light = np.where(x + y < 0.9 * width, 0.85, 0.30) * (1 + 0.05 * rng.standard_normal((height, width)))
    wall = (y > 0.15 * height) & (y < 0.9 * height)
    frame = (x > 0.5 * width) & (x < 0.75 * width) & (y > 0.3 * height) & (y < 0.6 * height)
    scene = LINEAR[paint] * light[..., None]
    scene[~wall] = LINEAR[[120, 160, 210]]
    scene[frame] = LINEAR[[240, 239, 235]] * light[frame][:, None]
    pixels = np.round(255 * linear_to_srgb(np.clip(scene, 0, 1))).astype(np.uint8)
    return Photo(pixels), wall & ~frame


@pytest.fixture(scope="module")
def wall():
    """(photo, mask, Mask) of the standard wall."""
    photo, mask = _wall()
    return photo, mask, Mask(mask_to_rle(mask))


def _beyond(mask):
    """(H, W) bool: pixels that paint on the mask must not touch."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0


@pytest.mark.parametrize("mode", PAINT_MODES)
@pytest.mark.parametrize("opacity", [0.3, 1.0])
def test_pixels_outside_every_mask_stay(wall, mode, opacity):
    """Beyond the masks' borders the picture is bit for bit the photo, and the photo itself is never written to."""
    photo, mask, found = wall
    before = photo.pixels.copy()
    out = composite(photo, [Layer(found, SAGE, opacity, mode=mode)])
    assert np.array_equal(out[_beyond(mask)], before[_beyond(mask)])
    assert (out[mask] != before[mask]).any(-1).mean() > 0.9
    assert np.array_equal(photo.pixels, before)


def test_layers_that_do_not_show_change_nothing(wall):
    """Invisible layers, opacity 0, an empty mask and no layers at all give the photo."""
    photo, _, found = wall
    nothing = Mask(mask_to_rle(np.zeros(photo.size, bool)))
    layers = [Layer(found, NAVY, 1.0, visible=False), Layer(found, NAVY, 0.0), Layer(nothing, NAVY, 1.0)]
    assert np.array_equal(composite(photo, layers), photo.pixels)
    assert np.array_equal(composite(photo, []), photo.pixels)


def test_the_same_layers_give_the_same_picture(wall):
    """Painting is deterministic, and a new array each time."""
    photo, _, found = wall
    layers = [Layer(found, SAGE, 0.8), Layer(found, NAVY, 0.5, mode="multiply")]
    one, other = composite(photo, layers), composite(photo, layers)
    assert np.array_equal(one, other)
    assert one is not other
    assert one.flags.writeable


@pytest.mark.parametrize("mode", ["realistic", "flat"])
def test_full_opacity_leaves_no_trace_of_the_old_hue(mode):
    """A red and a blue wall painted grey are both grey, every pixel of them, up to the border."""
    for paint in ([170, 40, 35], [40, 60, 170]):
        photo, mask = _wall(np.array(paint))
        inside = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
        out = composite(photo, [Layer(Mask(mask_to_rle(mask)), (128, 128, 128), 1.0, mode=mode)])
        spread = out[inside].astype(int).max(-1) - out[inside].astype(int).min(-1)
        assert spread.mean() < 3
        assert np.percentile(spread, 99.5) <= 12


def test_later_layers_cover_earlier_ones(wall):
    """Paint over paint looks as if the first had never been there, also at the soft border."""
    photo, mask, found = wall
    once = composite(photo, [Layer(found, SAGE, 1.0)])
    twice = composite(photo, [Layer(found, NAVY, 1.0), Layer(found, SAGE, 1.0)])
    whole = analyse(photo, found.rle).whole > 0
    x, y, w, h = analyse(photo, found.rle).box
    assert np.array_equal(twice[y : y + h, x : x + w][whole], once[y : y + h, x : x + w][whole])
    assert np.array_equal(twice[_beyond(mask)], photo.pixels[_beyond(mask)])


def test_realistic_paint_keeps_light_and_shadow():
    """A wall painted B looks as the same wall rendered with B: within 3 codes on average in sun and in shadow."""
    photo, mask = _wall()
    truth, _ = _wall(np.array(NAVY))
    out = composite(photo, [Layer(Mask(mask_to_rle(mask)), NAVY, 1.0)])
    inside = cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8), borderValue=1) > 0
    error = out[inside].astype(float) - truth.pixels[inside]
    assert np.abs(error).mean() < 3


def test_flat_paint_is_the_colour_itself(wall):
    """Mode flat, opacity 1: exactly the colour, but for the soft border."""
    photo, mask, found = wall
    out = composite(photo, [Layer(found, NAVY, 1.0, mode="flat")])
    assert (out[mask] == NAVY).all(-1).mean() > 0.9


def test_multiply_only_darkens(wall):
    """Mode multiply never brightens a pixel."""
    photo, _, found = wall
    out = composite(photo, [Layer(found, SAGE, 0.9, mode="multiply")])
    assert (out <= photo.pixels).all()
    assert (out < photo.pixels).any()


def test_opacity_lies_between_photo_and_paint(wall):
    """Half opacity is half way, within rounding."""
    photo, _, found = wall
    full, half = (composite(photo, [Layer(found, WHITE, v)]).astype(int) for v in (1.0, 0.5))
    assert np.abs(half - (full + photo.pixels) / 2).max() <= 1.5


def test_light_and_shadow_sliders(wall):
    """Light brightens all of the paint; shadow deepens the shade and spares the sun."""
    photo, mask, found = wall
    y, x = np.mgrid[0 : photo.size[0], 0 : photo.size[1]]
    shade = mask & (x + y > 0.95 * photo.size[1])

    def mean(**sliders):
        return composite(photo, [Layer(found, SAGE, 1.0, **sliders)])[shade].mean()

    assert mean(light=0.7) < mean() < mean(light=1.4)
    assert mean(shadow=1.5) < mean() < mean(shadow=0.3)


def test_faces_of_one_building_share_a_reference():
    """A shaded face painted together with the sunny one is darker than painted alone."""
    photo, mask = _wall()
    y, x = np.mgrid[0 : photo.size[0], 0 : photo.size[1]]
    shade = mask & (x + y > 1.02 * photo.size[1])
    together = composite(photo, [Layer(Mask(mask_to_rle(mask)), WHITE, 1.0)])[shade].mean()
    alone = composite(photo, [Layer(Mask(mask_to_rle(shade)), WHITE, 1.0)])[shade].mean()
    assert together < alone - 20


@pytest.mark.parametrize("max_side", [160, 111])
def test_the_screen_shows_the_download_shrunk(wall, max_side):
    """composite at max_side is the full composite area-averaged, within rounding."""
    photo, _, found = wall
    layers = [Layer(found, NAVY, 1.0), Layer(found, WHITE, 0.4, mode="flat")]
    small = composite(photo, layers, max_side=max_side).astype(int)
    shrunk = fit(composite(photo, layers), max_side)
    assert small.shape == shrunk.shape
    assert np.abs(small - shrunk).mean() < 0.6
    assert np.percentile(np.abs(small - shrunk), 99) <= 4


def test_a_leak_onto_the_sky_does_not_spoil_the_wall():
    """With a strip of bright sky and a window frame in the mask, the wall's colour changes by a few codes only."""
    photo, mask = _wall()
    leaky = mask.copy()
    leaky[: int(0.15 * photo.size[0]), :100] = True
    leaky[70:110, 160:240] = True
    clean, spoilt = (composite(photo, [Layer(Mask(mask_to_rle(m)), SAGE, 1.0)]).astype(int) for m in (mask, leaky))
    inside = cv2.erode(mask.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    assert np.abs(clean[inside] - spoilt[inside]).mean() < 8


def test_repainting_a_box_equals_painting_all(wall):
    """After a colour change, repaint of changed_box gives the composite of the new layers, at any size."""
    photo, _, found = wall
    door = np.zeros(photo.size, bool)
    door[150:200, 40:90] = True
    door = Mask(mask_to_rle(door))
    before = [Layer(found, SAGE, 0.9), Layer(door, NAVY, 1.0)]
    after = [Layer(found, SAGE, 0.9), Layer(door, WHITE, 0.8)]
    for max_side in (None, 160):
        picture = composite(photo, before, max_side=max_side)
        box = changed_box(before, after, photo.size, max_side)
        assert box[2] * box[3] < 0.05 * picture.shape[0] * picture.shape[1]
        base = fit(photo.pixels, max_side) if max_side else photo.pixels
        repaint(picture, base, photo, after, box, max_side=max_side)
        assert np.array_equal(picture, composite(photo, after, max_side=max_side))


def test_changed_box_sees_only_what_shows(wall):
    """Renaming or a change of a hidden layer needs no paint; adding, removing and reordering do."""
    photo, _, found = wall
    one, other = Layer(found, SAGE), Layer(found, NAVY)
    nothing = (0, 0, 0, 0)
    assert changed_box([one], [Layer(found, SAGE, name="front")], photo.size, None) == nothing
    assert changed_box([], [Layer(found, NAVY, visible=False)], photo.size, None) == nothing
    assert changed_box([one, other], [one, other], photo.size, None) == nothing
    for before, after in (([], [one]), ([one], []), ([one, other], [other, one]), ([one, one], [one])):
        assert changed_box(before, after, photo.size, None) == analyse(photo, found.rle).box


def test_analysis_may_be_remembered(wall):
    """The analyse argument is asked once per visible layer with the photo, the runs and max_side."""
    photo, _, found = wall
    asked = []

    def remembered(*question):
        asked.append(question)
        return analyse(*question)

    layers = [Layer(found, SAGE), Layer(found, NAVY, visible=False)]
    assert np.array_equal(
        composite(photo, layers, analyse=remembered, max_side=100), composite(photo, layers, max_side=100)
    )
    assert asked == [(photo, found.rle, 100)]


def test_surface_tells_what_it_costs(wall):
    """nbytes covers the arrays a surface holds once it has been painted with."""
    photo, _, found = wall
    surface = analyse(photo, found.rle)
    arrays = [
        surface.white,
        surface.coverage,
        surface.whole,
        surface.soft,
        surface.rest,
        *vars(surface.border).values(),
    ]
    assert surface.nbytes >= sum(a.nbytes for a in {id(a): a for a in arrays}.values())
    assert surface.nbytes < 10 * photo.pixels.nbytes


def test_coverage_is_soft_at_a_blurred_edge_and_sharp_within_a_wall():
    """Where the photo has an edge the border follows it; across one and the same wall the mask's own edge stays."""
    pixels = np.full((80, 120, 3), 200, np.uint8)
    pixels[:, 60:] = 40
    pixels = cv2.GaussianBlur(pixels, (0, 0), 1.5)
    mask = np.zeros((80, 120), bool)
    mask[20:, :62] = True  # two pixels over the edge, and a line across the bright wall
    coverage = soft_border(pixels, mask, 4)
    assert (coverage[_beyond(mask)] == 0).all()
    assert (coverage[19, 10:40] == 0).all()  # within the wall the mask's own edge is the border
    assert (coverage[30:70, 50] == 255).all()
    assert (coverage[30:70, 61] < 128).all()
    assert (coverage[20, 10:40] > 200).all()


def test_a_pixel_beside_the_mask_that_is_partly_wall_is_painted_in_part():
    """No rim of the old colour is left where the border cuts through a pixel."""
    pixels = np.full((60, 80, 3), (200, 40, 40), np.uint8)
    pixels[:, 40:] = (40, 40, 40)
    pixels[:, 40] = (100, 40, 40)  # three eighths of it are wall, so the mask leaves it out
    mask = np.zeros((60, 80), bool)
    mask[:, :40] = True
    out = composite(Photo(pixels), [Layer(Mask(mask_to_rle(mask)), (40, 40, 200), 1.0)])
    assert (out[5:-5, 40, 0] < 70).all()
    assert (out[5:-5, 40, 2] > 50).all()
    assert np.array_equal(out[:, 41:], pixels[:, 41:])


@pytest.mark.parametrize(("old", "new"), [((190, 150, 110), WHITE), (WHITE, (190, 150, 110))])
def test_no_dark_rim_is_left_around_a_hedge(old, new):
    """Pixels just beside the mask, where wall and hedge are mixed, look as if rendered with the new paint."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[0:160, 0:200]
    hedge = (x - 100) ** 2 + (y - 80) ** 2 < 50**2
    light = 0.8 * (1 + 0.04 * rng.standard_normal((160, 200, 1)))

    def render(paint):
        seen = np.where(hedge[..., None], LINEAR[[40, 60, 30]], LINEAR[list(paint)]) * light
        return np.round(255 * linear_to_srgb(cv2.GaussianBlur(seen, (0, 0), 0.8))).astype(np.uint8)

    out = composite(Photo(render(old)), [Layer(Mask(mask_to_rle(~hedge)), new, 1.0)]).astype(int)
    rim = hedge & (cv2.distanceTransform(hedge.astype(np.uint8), cv2.DIST_L2, 5) <= 1)
    assert np.abs(out - render(new))[rim].mean() < 14


def test_a_second_paint_under_the_mask_is_no_warm_light():
    """A light grey and a beige wall under one mask, painted grey, are both grey: the beige is not kept as lamplight."""
    pixels = np.full((240, 320, 3), (225, 226, 228), np.uint8)
    pixels[:, 160:] = (190, 175, 150)
    out = composite(Photo(pixels), [Layer(Mask(mask_to_rle(np.ones((240, 320), bool))), (128, 128, 128), 1.0)])
    assert np.ptp(out.astype(int), axis=-1).max() <= 16


def test_what_only_touches_the_wall_stays_where_three_colours_meet():
    """At hard edges not a level beside the mask changes, though one neighbour's colour may lie between two others."""
    pixels = np.full((60, 80, 3), (120, 160, 210), np.uint8)
    pixels[10:20, 20:60] = (150, 130, 120)
    pixels[20:, 25:55] = (200, 100, 60)
    pixels[30:40, 30:40] = (60, 60, 70)
    mask = (pixels == (200, 100, 60)).all(-1)
    out = composite(Photo(pixels), [Layer(Mask(mask_to_rle(mask)), (30, 60, 200), 1.0)])
    assert np.array_equal(out[~mask], pixels[~mask])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (3, 3), (20, 700)])
def test_tiny_and_narrow_photos_are_painted(size):
    """Photos of any shape, masks of one pixel and masks of everything."""
    rng = np.random.default_rng(1)
    photo = Photo(rng.integers(0, 256, (*size, 3), np.uint8))
    everything, corner = np.ones(size, bool), np.zeros(size, bool)
    corner[-1, -1] = True
    for mask in (everything, corner):
        for mode in PAINT_MODES:
            for max_side in (None, 2):
                layer = Layer(Mask(mask_to_rle(mask)), SAGE, 0.9, mode=mode)
                out = composite(photo, [layer], max_side=max_side)
                assert out.shape == (fit(photo.pixels, max_side) if max_side else photo.pixels).shape
                if max_side is None:
                    assert np.array_equal(out[_beyond(mask)], photo.pixels[_beyond(mask)])


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_blown_out_walls_are_painted(value):
    """A wall without any information still takes paint, without a warning."""
    photo = Photo(np.full((40, 50, 3), value, np.uint8))
    rle = mask_to_rle(np.ones(photo.size, bool))
    with np.errstate(all="raise"):
        out = composite(photo, [Layer(Mask(rle), SAGE, 1.0)])
    assert out.std(axis=(0, 1)).max() < 1


def test_a_mask_of_another_size_is_refused(wall):
    """The sentence names both sizes."""
    photo, _, _ = wall
    stranger = Mask(RLE((10, 20), np.array([0, 200])))
    with pytest.raises(InvalidInput, match="20x10 pixels, the photo 320x240") as caught:
        composite(photo, [Layer(stranger, SAGE)])
    assert caught.value.field == "mask"


def test_wall_color_is_the_paint_not_the_shadow(wall):
    """Sun and shadow and a window frame do not change the answer, and painting with it changes little."""
    photo, mask, found = wall
    color = wall_color(photo, found.rle)
    assert np.abs(np.array(color) - PLASTER).max() <= 12
    out = composite(photo, [Layer(found, color, 1.0)])
    assert np.abs(out[mask].astype(int) - photo.pixels[mask]).mean() < 4


def test_wall_color_of_nothing_is_refused(wall):
    """An empty mask has no wall."""
    photo, _, _ = wall
    with pytest.raises(InvalidInput, match="empty"):
        wall_color(photo, mask_to_rle(np.zeros(photo.size, bool)))


def test_eyedropper_takes_a_small_mean(wall):
    """Noise is averaged away; a point outside is refused."""
    photo, _, _ = wall
    near = photo.pixels[98:103, 38:43].reshape(-1, 3)
    assert np.abs(np.array(color_at(photo, 40, 100)) - near.mean(0)).max() < 3
    for x, y in ((-1, 0), (320, 0), (0, 240), (float("nan"), 0)):
        with pytest.raises(InvalidInput, match="outside"):
            color_at(photo, x, y)


@pytest.mark.parametrize("quality", [50, 70, 85])
@pytest.mark.parametrize("paint", [(30, 31, 34), (45, 38, 36), (20, 24, 40)], ids=str)
def test_a_near_black_wall_painted_white_shows_no_speckles(paint, quality):
    """The noise of a sensor and of JPEG in a dark wall is not blown up into grain, blotches of colour or blocks."""
    rng = np.random.default_rng(0)
    light = np.linspace(0.75, 0.4, 320)[None, :, None] * LINEAR[np.uint8([[paint]])] * np.ones((240, 1, 1))
    light = light + np.sqrt(2.5e-4 * light + 4e-6) * rng.normal(0, 1, light.shape)
    codes = np.round(255 * linear_to_srgb(np.clip(light, 0, 1))).astype(np.uint8)
    _, file = cv2.imencode(".jpg", codes[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    photo = Photo(np.ascontiguousarray(cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1]))
    result = composite(photo, [Layer(Mask(mask_to_rle(np.ones(photo.size, bool))), WHITE, 1.0)])
    lab = cv2.cvtColor(result.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[12:-12, 12:-12]
    grain = lab - cv2.GaussianBlur(lab, (0, 0), 6)
    assert grain[..., 0].std() < 1.5  # of a hundred; up to 2.7 when smoothed as walls of middling paint are
    assert grain[..., 1:].std((0, 1)).max() < 0.4
    assert lab[..., 1:].std((0, 1)).max() < 1.2


def test_the_sunlit_corner_of_a_dark_wall_sets_the_reference():
    """A dark green wall of which a sixth is in the sun is read by its sunlit part, not by its shade."""
    rng = np.random.default_rng(3)
    x = np.arange(320)[None]
    light = np.where(x < 80, 0.75, 0.09)[..., None] * (1 + 0.03 * rng.standard_normal((240, 320, 1)))
    pixels = np.round(255 * linear_to_srgb(LINEAR[[64, 88, 62]] * light)).astype(np.uint8)
    mask = np.ones((240, 320), bool)
    mask[:, :30] = False
    color = wall_color(Photo(pixels), mask_to_rle(mask))
    assert np.abs(np.array(color) - (64, 88, 62)).max() <= 12


def test_the_browser_can_recolour_the_white_wall(wall):
    """Colour times white wall, in sRGB, is close to the exact picture."""
    photo, _, found = wall
    rgba, (x, y, w, h) = white_wall(photo, found.rle, 160)
    exact = composite(photo, [Layer(found, SAGE, 1.0)], max_side=160)[y : y + h, x : x + w]
    assert rgba.shape == (h, w, 4)
    whole = rgba[..., 3] == 255
    instant = rgba[..., :3].astype(float) * np.array(SAGE) / 255
    assert np.abs(instant - exact)[whole].mean() < 6


def test_the_sheet_of_painted_photos(tmp_path):
    """A row a photo: as it is, then its walls in each colour; photos without much wall are left out."""
    from benchmarks.paint import SHEET_COLORS, sheet

    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    labels = {"house": np.zeros((60, 80), np.uint8), "garden": np.zeros((60, 80), np.uint8)}
    labels["house"][10:50, 10:70] = 2
    for name, label in labels.items():
        Image.fromarray(np.where(label[..., None] == 2, (200, 180, 150), (90, 120, 160)).astype(np.uint8)).save(
            tmp_path / "images" / f"{name}.jpg", quality=95
        )
        Image.fromarray(label).save(tmp_path / "labels" / f"{name}.png")
    regions = [{"id": 1, "painter": "roof"}, {"id": 2, "painter": "wall"}]
    manifest = {"images": [{"name": name, "regions": regions} for name in labels]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    made = sheet(tmp_path, count=5, side=80)
    assert made.shape == (80, 80 * (1 + len(SHEET_COLORS)), 3)
    walls = [made[30, 80 * column + 40].astype(int) for column in range(1 + len(SHEET_COLORS))]
    assert np.abs(walls[0] - (200, 180, 150)).max() < 6
    assert len({tuple(wall) for wall in walls}) == len(walls)
    for column in range(1, len(walls)):
        assert np.abs(made[3, 80 * column + 40].astype(int) - made[3, 40]).max() == 0


@pytest.mark.parametrize(
    ("paint", "sunlit"), [((208, 32, 32), 0.13), ((48, 48, 48), 0.07)], ids=["deep red", "charcoal"]
)
def test_a_small_sunlit_part_is_the_reference(paint, sunlit):
    """A wall mostly in blue shade, with flare in the lens: its paint is read off the part in the sun."""
    y, x = np.mgrid[0:240, 0:320]
    sun, shade = np.array([0.9, 0.88, 0.85]), np.array([0.14, 0.17, 0.21])
    light = np.where((x + y < np.quantile(x + y, sunlit))[..., None], sun, shade)
    seen = LINEAR[list(paint)] * light + 0.002
    photo = Photo(np.round(255 * linear_to_srgb(seen)).astype(np.uint8))
    now = wall_color(photo, mask_to_rle(np.ones(photo.size, bool)))
    assert LINEAR[max(now)] == pytest.approx(LINEAR[max(paint)], rel=0.3)


def _white_seen(sky, level, frame=0, grain=0.0) -> float:
    """Luminance of a white wall as read from a photo: light of that level on a green wall, sky above, a pale frame.

    grain: how much the light on the wall differs from pixel to pixel, a part of it.
    """
    rng = np.random.default_rng(2)
    seen = np.empty((300, 400, 3))
    seen[:] = LINEAR[[143, 165, 139]] * level * (1 + grain * rng.standard_normal((300, 400, 1))).clip(0)
    seen[:40], seen[260:] = sky, LINEAR[[70, 66, 60]] * level
    mask = np.zeros((300, 400), np.uint8)
    mask[40:260] = 255
    mask[100:180, 150:200] = 0
    seen[100:180, 150:200] = 0.03
    for part in (np.s_[100 : 100 + frame, 150:200], np.s_[100:180, 150 : 150 + frame]):
        seen[part] = LINEAR[[239, 238, 234]] * level
    codes = np.round(255 * linear_to_srgb(seen) + rng.normal(0, 1, seen.shape)).clip(0, 255).astype(np.uint8)
    return float(read_small(codes, mask).white @ LUMINANCE)


PALE_SKY, BLOWN_SKY = np.array([0.42, 0.55, 0.75]), np.ones(3)


@pytest.mark.parametrize("sky", [PALE_SKY, BLOWN_SKY], ids=["pale", "blown out"])
@pytest.mark.parametrize("level", [0.68, 0.78, 0.95])
def test_a_little_white_trim_tells_how_bright_white_is(sky, level):
    """A frame three pixels wide on the small picture is enough."""
    assert _white_seen(sky, level, frame=3) == pytest.approx(level, abs=0.06)


def test_without_trim_white_is_no_brighter_than_the_brightest_there_is():
    """In a dark photo white is dark; where the sky is blown out it tells nothing, and white is as bright as usual."""
    assert _white_seen(PALE_SKY, 0.6) == pytest.approx(0.6, abs=0.05)
    assert 0.84 < _white_seen(BLOWN_SKY, 0.6) < 1.01


def test_without_trim_white_is_the_darker_the_rougher_the_wall_looks():
    """The light on it is the more slanting, and the brightest things face it; trim beside it tells the same anyway."""
    smooth, rough, rougher = (_white_seen(PALE_SKY, 0.6, grain=grain) for grain in (0.0, 0.1, 0.2))
    assert smooth == pytest.approx(0.63, abs=0.03)
    assert rough == pytest.approx(smooth / 1.15, rel=0.04)
    assert rougher == pytest.approx(smooth / 1.37, rel=0.04)
    assert _white_seen(PALE_SKY, 0.6, frame=4, grain=0.2) == pytest.approx(0.6, abs=0.06)
