"""Automatic masks: the grid, the crops, and which of many masks stay."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2_painter.engines.sam2 import automatic_masks as amg
from sam2_painter.errors import Cancelled
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import AutoMask

SIZE = (60, 100)


def rectangle(x: int, y: int, w: int, h: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W) bool with a filled rectangle."""
    mask = np.zeros(size, bool)
    mask[y : y + h, x : x + w] = True
    return mask


def candidates(points: np.ndarray, masks: list[np.ndarray], scores: list[float]) -> amg.Candidates:
    """What a network would hand over: these masks, all from the first point."""
    return amg.Candidates(
        np.repeat(points[:1], len(masks), axis=0),
        np.array(scores, np.float32),
        np.full(len(masks), 0.97, np.float32),
        [mask_to_rle(mask) for mask in masks],
    )


def always(masks: list[np.ndarray], scores: list[float]):
    """An `open_crop` whose first question is answered with these masks, later ones with none."""

    def open_crop(crop):
        left = [(masks, scores)]
        return lambda points: candidates(points, *(left.pop() if left else ([], [])))

    return open_crop


def generate(masks, scores, *, size=SIZE, progress=lambda fraction: None, batch=64, **options):
    """amg.generate with answers given."""
    return amg.generate(size, AutoMask(4, **options), always(masks, scores), progress, batch)


def test_the_docstrings_are_true():
    """The examples in the module's docstrings give what they say."""
    assert doctest.testmod(amg).failed == 0


@pytest.mark.parametrize("n", [1, 2, 32])
def test_points_are_the_centres_of_a_chessboard(n):
    """n*n points, row by row, half a field from the edges and a field from each other."""
    grid = amg.point_grid(n).reshape(n, n, 2)
    expected = (np.arange(n) + 0.5) / n
    assert np.allclose(grid[0, :, 0], expected)
    assert np.allclose(grid[:, 0, 1], expected)


def test_crops_of_a_layer_cover_the_photo_and_overlap():
    """Layer n has 2^n by 2^n crops inside the photo; together they cover it, neighbours share a strip."""
    size = (900, 1500)
    found = amg.crops(size, 2, 512 / 1500)
    assert [sum(crop.layer == layer for crop in found) for layer in range(3)] == [1, 4, 16]
    assert found[0].box == (0, 0, 1500, 900)
    for layer in (1, 2):
        seen = np.zeros(size, int)
        for x0, y0, x1, y1 in (crop.box for crop in found if crop.layer == layer):
            assert 0 <= x0 < x1 <= 1500
            assert 0 <= y0 < y1 <= 900
            seen[y0:y1, x0:x1] += 1
        assert seen.min() == 1
        assert seen.max() == 4


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 2)])
def test_tiny_photos_have_only_crops_with_pixels(size):
    """No crop is empty, however small the photo."""
    for x0, y0, x1, y1 in (crop.box for crop in amg.crops(size, 3, 0.34)):
        assert x0 < x1
        assert y0 < y1


def test_of_near_equal_masks_the_best_stays():
    """Boxes that overlap by more than the threshold are one mask, by the best predicted IoU."""
    a, b, far = rectangle(5, 5, 40, 40), rectangle(7, 5, 40, 40), rectangle(60, 5, 30, 30)
    kept = generate([a, b, far], [0.9, 0.95, 0.89])
    assert [mask.predicted_iou for mask in kept] == pytest.approx([0.95, 0.89])
    assert (kept[0].segmentation == b).all()


@settings(max_examples=100)
@given(st.lists(st.tuples(*[st.integers(0, 30)] * 4, st.integers(0, 5)), min_size=1, max_size=30), st.floats(0, 1))
def test_nms_keeps_the_best_and_nothing_too_near_it(boxes, threshold):
    """What stays overlaps nothing better by more than the threshold; what goes overlaps a better one that stays."""
    xyxy = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in boxes], np.float32)
    scores = np.array([score for *_, score in boxes], np.float32)

    def overlap(i: int, j: int) -> float:
        w = min(xyxy[i, 2], xyxy[j, 2]) - max(xyxy[i, 0], xyxy[j, 0])
        h = min(xyxy[i, 3], xyxy[j, 3]) - max(xyxy[i, 1], xyxy[j, 1])
        shared = max(0.0, w) * max(0.0, h)
        areas = [(xyxy[k, 2] - xyxy[k, 0]) * (xyxy[k, 3] - xyxy[k, 1]) for k in (i, j)]
        union = areas[0] + areas[1] - shared
        return float(np.float32(shared / union)) if union else 0.0

    kept = amg.nms(xyxy, scores, threshold).tolist()
    rank = {int(i): r for r, i in enumerate(np.argsort(-scores, kind="stable"))}
    assert kept == sorted(kept, key=rank.get)
    for i in range(len(boxes)):
        near = [j for j in kept if rank[j] < rank[i] and overlap(j, i) > threshold]
        assert bool(near) == (i not in kept)


def test_boxes_end_at_the_last_pixel_as_sams_do():
    """For telling duplicates a mask 10 pixels wide has width 9, as in SAM; `Mask.bbox` says 10."""
    mask = mask_to_rle(rectangle(3, 4, 10, 20))
    assert amg.sam_boxes([mask]).tolist() == [[3, 4, 12, 23]]
    assert mask.bbox == (3, 4, 10, 20)
    # 10 of 19 columns shared, 9 of 18 by SAM's count: .5 is not over .5, 10/19 would be.
    a, b = rectangle(0, 0, 14, 30), rectangle(5, 0, 14, 30)
    assert len(generate([a, b], [0.9, 0.95], box_nms_thresh=0.5)) == 2


def test_masks_come_largest_first_none_empty_none_twice():
    """Order is by area; a mask without pixels is none; the same mask twice is one, even where boxes may overlap."""
    small, large, empty = rectangle(1, 1, 4, 4), rectangle(20, 20, 30, 30), rectangle(0, 0, 0, 0)
    kept = generate([small, large, empty, large], [0.99, 0.9, 0.9, 0.95], box_nms_thresh=1.0)
    assert [mask.area for mask in kept] == [900, 16]
    assert kept[0].predicted_iou == pytest.approx(0.95)


def test_masks_of_crops_lie_where_the_crop_lies():
    """What was found in a crop is moved to the photo, and says which crop and which point it came from."""
    size = (400, 600)
    asked = {}

    def open_crop(crop):
        x0, y0, x1, y1 = crop.box

        def predict(points):
            asked.setdefault(crop, points)
            mask = rectangle(100, 100, 40, 50, (y1 - y0, x1 - x0))
            return candidates(points, [mask] if crop.layer else [], [0.9] if crop.layer else [])

        return predict

    options = AutoMask(4, crop_n_layers=1, crop_n_points_downscale_factor=2)
    masks = amg.generate(size, options, open_crop, lambda fraction: None, 64)
    assert len(masks) == 4
    crops = {(c.box[0], c.box[1], c.box[2] - c.box[0], c.box[3] - c.box[1]): c for c in asked if c.layer}
    for mask in masks:
        crop = crops[mask.crop_box]
        x, y = crop.box[:2]
        assert mask.size == size
        assert mask.bbox == (x + 100, y + 100, 40, 50)
        assert mask.point_coords[0] == pytest.approx(tuple(asked[crop][0] + (x, y)))
    assert {len(points) for crop, points in asked.items() if crop.layer} == {4}
    assert {len(points) for crop, points in asked.items() if not crop.layer} == {16}


def test_what_a_crop_cuts_off_is_left_to_another():
    """A mask within 20 pixels of an inner edge of its crop goes; at the edge of the photo it stays."""
    size = (400, 600)

    def open_crop(crop):
        x0, y0, x1, y1 = crop.box
        full = rectangle(0, 0, x1 - x0, y1 - y0, (y1 - y0, x1 - x0))
        corner = rectangle(0, 0, 30, 30, (y1 - y0, x1 - x0))
        return lambda points: candidates(points, [full, corner] if crop.layer else [], [0.9, 0.8][: 2 * crop.layer])

    masks = amg.generate(size, AutoMask(2, crop_n_layers=1), open_crop, lambda fraction: None, 64)
    assert [mask.bbox for mask in masks] == [(0, 0, 30, 30)]


def test_of_two_crops_the_smaller_ones_mask_wins():
    """The same thing seen in the photo and in a crop is taken from the crop, though its score is lower."""
    size = (400, 600)

    def open_crop(crop):
        x0, y0, x1, y1 = crop.box
        there = crop.box[0] == crop.box[1] == 0
        mask = rectangle(100, 100, 50, 50, (y1 - y0, x1 - x0))
        return lambda points: candidates(points, [mask] if there else [], [0.95 - 0.05 * crop.layer] if there else [])

    (mask,) = amg.generate(size, AutoMask(2, crop_n_layers=1), open_crop, lambda fraction: None, 64)
    assert mask.predicted_iou == pytest.approx(0.9)


def test_holes_are_filled_and_specks_removed():
    """min_mask_region_area: smaller holes and specks go, larger ones stay, a mask that is all specks goes itself."""
    wall = rectangle(5, 5, 60, 50)
    wall[10:12, 10:12] = False  # a hole of 4
    wall[20:30, 20:30] = False  # a hole of 100
    wall[2, 90] = True  # a speck
    dust = rectangle(80, 40, 2, 2)
    expected = wall.copy()
    expected[10:12, 10:12], expected[2, 90] = True, False
    (mask,) = generate([wall, dust], [0.9, 0.9], min_mask_region_area=50)
    assert (mask.segmentation == expected).all()


def test_of_masks_that_mending_makes_alike_the_unmended_wins():
    """A duplicate made by mending goes, whatever its score."""
    whole, speckled = rectangle(5, 5, 40, 40), rectangle(5, 5, 40, 40)
    speckled[0, 99] = True
    (mask,) = generate([speckled, whole], [0.99, 0.9], min_mask_region_area=9)
    assert mask.predicted_iou == pytest.approx(0.9)


def test_progress_is_told_after_every_batch_and_may_stop_it():
    """Sixteen points by fives are four steps to 1; what progress raises ends the work at once."""
    told: list[float] = []
    generate([], [], progress=told.append, batch=5)
    assert told == pytest.approx([0, 5 / 16, 10 / 16, 15 / 16, 1])

    def stop(fraction: float) -> None:
        if fraction > 0.3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        generate([], [], progress=stop, batch=5)


def test_mending_may_be_stopped_too():
    """Every mask mended is told, so that a Cancel need not wait for the rest."""
    masks = [rectangle(0, 0, 20, 20), rectangle(30, 30, 20, 20), rectangle(70, 5, 20, 20)]
    told: list[float] = []

    def stop(fraction: float) -> None:
        told.append(fraction)
        if told.count(1.0) == 2:  # the last batch, and one mask
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        generate(masks, [0.9] * 3, progress=stop, min_mask_region_area=4)


def test_the_size_of_batches_changes_nothing():
    """Masks found by ones are the masks found all at once."""
    rng = np.random.default_rng(3)
    drawn = [rectangle(*rng.integers(0, 30, 2), *rng.integers(5, 30, 2)) for _ in range(16)]
    scores = rng.random(16)
    order = {tuple(point): i for i, point in enumerate(amg.point_grid(4) * (100, 60))}

    def open_crop(crop):
        def predict(points):
            which = [order[tuple(point)] for point in points]
            found = candidates(points, [drawn[i] for i in which], [scores[i] for i in which])
            return amg.Candidates(points, found.predicted_iou, found.stability_score, found.rles)

        return predict

    options = AutoMask(4, box_nms_thresh=0.2)
    by_one, at_once = (amg.generate(SIZE, options, open_crop, lambda f: None, batch) for batch in (1, 64))
    assert by_one == at_once
    assert 1 < len(at_once) < 16
