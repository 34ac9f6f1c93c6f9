"""Strokes and polygons become masks exactly, at what they cover; an edge-aware stroke stops where a hand would."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2_painter import masks
from sam2_painter.errors import InvalidInput
from sam2_painter.masks import borders, rasterise
from sam2_painter.rle import mask_to_rle, rle_to_mask

SIZE = (60, 80)
ROWS, COLUMNS = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5  # centres of pixels
coordinate = st.floats(-30, 110).map(lambda v: round(v, 2))
points = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=7)


def near(path, radius):
    """Pixels whose centres are within `radius` of the line, one by one; and how far each is from being the other."""
    away = np.full(SIZE, np.inf)
    path = np.array(path, float)
    for a, b in zip(path, path[1:] if len(path) > 1 else path, strict=False):
        along = b - a
        t = ((COLUMNS - a[0]) * along[0] + (ROWS - a[1]) * along[1]) / max(along @ along, 1e-12)
        t = np.clip(t, 0, 1)
        away = np.minimum(away, np.hypot(COLUMNS - a[0] - t * along[0], ROWS - a[1] - t * along[1]))
    return away


@settings(max_examples=200)
@given(path=points, radius=st.floats(0.75, 25).map(lambda v: round(v, 2)))
def test_a_stroke_is_what_its_brush_covers(path, radius):
    """Each pixel whose centre is within the radius of the line, and no other."""
    found, away = rle_to_mask(masks.stroke(path, radius, SIZE)), near(path, radius)
    sure = abs(away - radius) > 1e-6
    assert (found == (away <= radius))[sure].all()


def winding(path):
    """How often the polygon turns around each pixel's centre, and how near its border comes."""
    turns, path = np.zeros(SIZE, int), np.array(path, float)
    for a, b in zip(path, np.roll(path, -1, axis=0), strict=True):
        side = (b[0] - a[0]) * (ROWS - a[1]) - (COLUMNS - a[0]) * (b[1] - a[1])
        turns += ((a[1] <= ROWS) & (b[1] > ROWS) & (side > 0)).astype(int)
        turns -= ((a[1] > ROWS) & (b[1] <= ROWS) & (side < 0)).astype(int)
    return turns


@settings(max_examples=200)
@given(path=st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=9))
def test_a_polygon_is_what_its_border_goes_around(path):
    """Each pixel whose centre the border winds around, also where it crosses itself; and no other."""
    found = rle_to_mask(masks.polygon(path, SIZE))
    sure = near([*path, path[0]], 0) > 1e-6
    assert (found == (winding(path) != 0))[sure].all()


@pytest.mark.parametrize("radius", [0, 0.75])
def test_the_finest_brush_leaves_a_mark(radius):
    """However it lies between pixel centres, a dot is at least a pixel, and a line has no gap."""
    for x in np.arange(10, 11, 0.1):
        assert masks.stroke([(x, 20.3)], radius, SIZE).area >= 1
    line = rle_to_mask(masks.stroke([(5.3, 5.1), (70.2, 50.7)], radius, SIZE))
    assert line[:, 6:70].any(axis=0).all()


@pytest.mark.parametrize("path", ["abc", [[1]], [[1, 2, 3]], [["a", "b"]], [[float("nan"), 1]], None, 7, []])
def test_what_is_no_path_is_refused(path):
    """A list of [x, y]."""
    for draw in (lambda: masks.stroke(path, 5, SIZE), lambda: masks.polygon(path, SIZE)):
        with pytest.raises(InvalidInput, match="path"):
            draw()


def test_far_away_is_nothing_and_costs_nothing():
    """Parts outside the photo are left out before they are worked out."""
    assert masks.stroke([(1e6, 1e6), (-1e6, 1e6)], 9, SIZE).area == 0
    assert masks.polygon([(-1e6, -1e6), (1e6, -1e6), (0, 1e6)], SIZE).area == SIZE[0] * SIZE[1]


def test_a_stroke_costs_what_it_covers():
    """On 12 megapixels a stroke takes a fraction of the memory that a mask of every pixel would."""
    path = [(1000 + 40 * np.cos(t), 1000 + 90 * t) for t in np.linspace(0, 6, 200)]
    tracemalloc.start()
    masks.stroke(path, 40, (3000, 4000))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3000 * 4000 / 2


def test_a_line_that_crosses_a_photo_thousands_of_times_is_drawn_in_parts(monkeypatch):
    """Some columns at a time, so that memory stays small; the mask is the same, and what would take minutes is
    refused."""
    path = [(99 * (i % 2), (i * 37) % SIZE[0]) for i in range(60)]
    drawn = masks.stroke(path, 3, SIZE), masks.polygon(path, SIZE)
    monkeypatch.setattr(rasterise, "_AT_ONCE", 70)
    assert (masks.stroke(path, 3, SIZE), masks.polygon(path, SIZE)) == drawn
    monkeypatch.setattr(rasterise, "MAX_CROSSINGS", 1000)
    for draw in (lambda: masks.stroke(path, 3, SIZE), lambda: masks.polygon(path, SIZE)):
        with pytest.raises(InvalidInput, match="to and fro"):
            draw()


def test_a_path_keeps_its_form_with_fewer_points():
    """No point of it is further from what is kept than the tolerance."""
    t = np.linspace(0, 6, 3000)
    path = np.column_stack([40 + 30 * np.cos(t), 30 + 20 * np.sin(t)])
    kept = masks.simplify(path, 0.25, 200)
    assert 10 < len(kept) <= 200
    away = [min(_to_segment(p, a, b) for a, b in pairwise(kept)) for p in path[::50]]
    assert max(away) <= 0.26
    assert len(masks.simplify(path, 0.001, 20)) <= 20


def _to_segment(p, a, b):
    a, b = np.array(a), np.array(b)
    t = np.clip((p - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
    return np.hypot(*(p - a - t * (b - a)))


# -- edge-aware ------------------------------------------------------------------------------------------------------

WALL, FRAME = (200, 180, 150), (90, 110, 140)


def two_colours(noise=6.0, seed=0):
    """(120, 200, 3): a wall up to column 100, something else beside it, with a little noise."""
    pixels = np.full((120, 200, 3), WALL, float)
    pixels[:, 100:] = FRAME
    pixels += np.random.default_rng(seed).normal(0, noise, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("radius", [10, 15, 30])
def test_an_edge_aware_stroke_stops_at_a_border(radius):
    """Of what the brush covers all up to the border is in, and nothing beyond it, within two pixels."""
    path = [(100 - radius * 0.6, 30), (100 - radius * 0.6, 90)]
    plain = rle_to_mask(masks.stroke(path, radius, (120, 200)))
    aware = rle_to_mask(masks.edge_aware_stroke(two_colours(), path, radius))
    assert plain[:, 102:].any()
    assert not aware[:, 102:].any()
    assert (aware[:, :98] == plain[:, :98]).all()


def test_a_large_brush_sees_a_smaller_picture(monkeypatch):
    """It stops where it would in the picture as it is, within some pixels, and costs no more."""
    path = [(85, 30), (85, 90)]
    aware = rle_to_mask(masks.edge_aware_stroke(two_colours(), path, 30))
    monkeypatch.setattr(borders, "MOST_PIXELS", 2000)
    small = rle_to_mask(masks.edge_aware_stroke(two_colours(), path, 30))
    assert (small != aware).mean() < 0.02
    assert not small[:, 106:].any()
    assert small[:, :95].sum() > 0.97 * aware[:, :95].sum()


def test_texture_is_no_border():
    """Bricks and their joints do not stop the brush."""
    pixels = np.full((120, 200, 3), (150, 80, 60), np.uint8)
    pixels[::12] = pixels[1::12] = (190, 180, 170)
    pixels[:, ::30] = pixels[:, 1::30] = (190, 180, 170)
    path = [(50, 60), (150, 60)]
    assert masks.edge_aware_stroke(pixels, path, 25) == masks.stroke(path, 25, (120, 200))


def test_a_stroke_on_one_colour_is_plain():
    """Where there is no border the two are one."""
    pixels = np.full((120, 200, 3), WALL, np.uint8)
    path = [(50, 60), (150, 60)]
    assert masks.edge_aware_stroke(pixels, path, 12) == masks.stroke(path, 12, (120, 200))


def test_a_gap_between_two_sides_is_not_jumped():
    """A bar across the brush's way divides it only where the middle does not go."""
    pixels = np.full((120, 200, 3), WALL, np.uint8)
    pixels[40:44] = FRAME  # a bar above the line the hand draws
    aware = rle_to_mask(masks.edge_aware_stroke(pixels, [(50, 60), (150, 60)], 28))
    assert not aware[:38].any()
    assert aware[48:80, 60:140].all()


# -- parts -----------------------------------------------------------------------------------------------------------


def test_the_part_at_a_point():
    """What hangs together with it, corners included; None where the mask is not."""
    segmentation = np.zeros(SIZE, bool)
    segmentation[5:10, 5:10] = segmentation[10:15, 10:15] = segmentation[40:50, 40:50] = True
    rle = mask_to_rle(segmentation)
    part = masks.part_at(rle, 7.9, 7.2)
    assert part.area == 50
    assert part.contains(12, 12)
    assert masks.part_at(rle, 45, 45).area == 100
    assert masks.part_at(rle, 30, 30) is None


def test_crumbs_go_and_the_largest_part_stays():
    """Small parts beside a large one; of small parts alone the largest."""
    segmentation = np.zeros(SIZE, bool)
    segmentation[:30, :30] = True
    segmentation[50, 50] = segmentation[55:57, 60:62] = True
    assert masks.without_crumbs(mask_to_rle(segmentation)).area == 900
    segmentation[:30, :30] = False
    assert masks.without_crumbs(mask_to_rle(segmentation)).area == 4
    assert masks.without_crumbs(mask_to_rle(np.zeros(SIZE, bool))).area == 0


@pytest.mark.parametrize("apart", [True, False])
def test_boxes_tell_whether_masks_may_overlap(apart):
    """They may when their boxes share a pixel."""
    one, other = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    one[:10, :10] = True
    other[10 if apart else 9 :, 5:20] = True
    assert masks.may_overlap(mask_to_rle(one), mask_to_rle(other)) is not apart
