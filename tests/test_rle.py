"""Runs answer what the pixels would: round trips, area, box, crop, lookup, and what is refused."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import sam2_painter.rle
from sam2_painter.errors import InvalidInput
from sam2_painter.rle import RLE, mask_to_rle, paste_rle, rle_from_coco, rle_to_mask

masks = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda size: arrays(bool, size))


def reference_counts(mask):
    """COCO's definition, a pixel at a time."""
    counts, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


@given(masks)
def test_round_trip(mask):
    """Pixels -> runs -> pixels, and -> COCO -> runs, change nothing."""
    rle = mask_to_rle(mask)
    assert rle.counts.tolist() == reference_counts(mask)
    assert np.array_equal(rle_to_mask(rle), mask)
    assert rle_from_coco(rle.to_coco()) == rle
    assert hash(rle_from_coco(rle.to_coco())) == hash(rle)


@given(masks)
def test_runs_measure_like_pixels(mask):
    """Area, box and crop agree with the decoded mask."""
    rle = mask_to_rle(mask)
    ys, xs = np.nonzero(mask)
    assert rle.area == mask.sum()
    if not len(xs):
        assert rle.bbox == (0, 0, 0, 0)
        return
    x, y, w, h = rle.bbox
    assert (x, y, x + w - 1, y + h - 1) == (xs.min(), ys.min(), xs.max(), ys.max())
    crop, box = rle.crop()
    assert box == rle.bbox
    assert np.array_equal(crop, mask[y : y + h, x : x + w])


@given(masks)
@settings(max_examples=40)
def test_contains_reads_the_pixel(mask):
    """contains(x, y) is mask[y, x], and False outside."""
    rle, (height, width) = mask_to_rle(mask), mask.shape
    found = [[rle.contains(x, y) for x in range(width)] for y in range(height)]
    assert np.array_equal(found, mask)
    outside = [(-1, 0), (0, -1), (width, 0), (0, height), (-0.5, 0), (float("nan"), 0), (0, float("inf"))]
    assert not any(rle.contains(x, y) for x, y in outside)


def test_contains_takes_the_pixel_under_a_click():
    """Clicks between pixels belong to the pixel they lie in, up to the far edge."""
    rle = mask_to_rle(np.array([[0, 1], [0, 0]], bool))
    assert rle.contains(1.99, 0.99)
    assert not rle.contains(0.99, 0.5)
    assert not rle.contains(2.0, 0)


@given(masks, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_paste_puts_a_crop_where_it_belongs(crop, left, top, right, bottom):
    """The runs of a pasted crop are those of the whole mask."""
    h, w = crop.shape
    whole = np.zeros((top + h + bottom, left + w + right), bool)
    whole[top : top + h, left : left + w] = crop
    assert paste_rle(crop, left, top, whole.shape) == mask_to_rle(whole)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(1, 3))
def test_empty_runs_are_understood(counts, height):
    """Runs of length 0 in between, as other tools write them, mean what they say."""
    total = sum(counts) or 1
    counts = counts if sum(counts) else [1]
    counts = [*counts, 0, height * total - total] if height > 1 else counts
    rle = RLE((height, total), np.array(counts))
    mask = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(total, height).T
    assert np.array_equal(rle_to_mask(rle), mask)
    assert rle.area == mask.sum()
    assert rle.bbox == mask_to_rle(mask).bbox
    assert [[rle.contains(x, y) for x in range(total)] for y in range(height)] == mask.tolist()


@pytest.mark.parametrize("value", [False, True])
def test_one_value_everywhere(value):
    """The empty and the full mask."""
    mask = np.full((3, 4), value)
    rle = mask_to_rle(mask)
    assert rle.counts.tolist() == ([0, 12] if value else [12])
    assert rle.bbox == ((0, 0, 4, 3) if value else (0, 0, 0, 0))
    assert np.array_equal(rle_to_mask(rle), mask)


def test_numbers_count_as_in_or_out():
    """0/1 integers and floats are taken like bool."""
    assert mask_to_rle(np.array([[0, 1], [1, 0]], np.uint8)) == mask_to_rle(np.array([[0, 1.0], [1.0, 0]]))


def test_runs_are_read_only_and_the_callers_stay_apart():
    """Nobody can change a mask that exists."""
    counts = np.array([1, 2, 1], np.uint32)
    rle = RLE((2, 2), counts)
    counts[0] = 9
    assert rle.counts.tolist() == [1, 2, 1]
    with pytest.raises(ValueError, match="read-only"):
        rle.counts[0] = 3


def test_equality_is_by_size_and_runs():
    """The same runs at another size are another mask; another type is no mask."""
    assert RLE((2, 3), np.array([1, 5])) != RLE((3, 2), np.array([1, 5]))
    assert RLE((2, 3), np.array([1, 5])) != [1, 5]


def test_a_mask_of_twelve_megapixels_stays_small():
    """Runs, not pixels: a disc of 4000x3000 takes less than a hundredth of its pixels."""
    y, x = np.ogrid[:3000, :4000]
    rle = mask_to_rle((x - 2000) ** 2 + (y - 1500) ** 2 < 1400**2)
    assert rle.nbytes < 12_000_000 / 100


@pytest.mark.parametrize(
    "counts",
    [[], [5], [7], [-1, 7], [1.5, 4.5], [[6]], ["6"], [2**32, 2], [True]],
    ids=str,
)
def test_counts_must_fit_the_photo(counts):
    """Runs that do not add up, or are no numbers, are refused."""
    with pytest.raises(InvalidInput, match="RLE counts"):
        RLE((2, 3), np.array(counts))


@pytest.mark.parametrize("size", [(0, 3), (2, 0), (-2, -3)])
def test_size_must_be_positive(size):
    """There is no mask without pixels."""
    with pytest.raises(InvalidInput):
        RLE(size, np.array([0]))


@pytest.mark.parametrize("array", [np.zeros(4), np.zeros((2, 2, 1)), np.zeros((0, 4)), np.array(1)])
def test_a_mask_must_be_flat(array):
    """Other shapes are refused."""
    with pytest.raises(InvalidInput, match=r"\(H, W\)"):
        mask_to_rle(array)


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (2, 0), (0, 2)])
def test_a_crop_must_lie_in_the_photo(x, y):
    """Nothing is pasted past the edge."""
    with pytest.raises(InvalidInput, match="leaves the 3x3 photo"):
        paste_rle(np.ones((2, 2), bool), x, y, (3, 3))


@pytest.mark.parametrize(
    "coco",
    [
        None,
        [],
        {},
        {"size": [2, 3]},
        {"size": 6, "counts": [6]},
        {"size": [2], "counts": [6]},
        {"size": "23", "counts": [6]},
        {"size": [2, 3], "counts": "6"},
        {"size": [2, 3], "counts": [1.5, 4.5]},
        {"size": [2, 3], "counts": [True, 5]},
        {"size": [2, 3], "counts": [-6, 12]},
        {"size": [2, 3], "counts": [2**40]},
        {"size": [2, 3], "counts": [5]},
        {"size": [2, 3], "counts": []},
    ],
    ids=str,
)
def test_other_coco_is_refused(coco):
    """Whatever is not COCO's uncompressed RLE is an InvalidInput."""
    with pytest.raises(InvalidInput):
        rle_from_coco(coco)


def test_the_docstrings_tell_the_truth():
    """The examples in the module run."""
    result = doctest.testmod(sam2_painter.rle)
    assert result.attempted
    assert not result.failed
