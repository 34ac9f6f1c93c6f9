"""Masks combine, clean, answer and travel the way their pixels say."""

import base64
import doctest
import io
import json
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import sam2_painter.masks.operations
from sam2_painter import masks as tools
from sam2_painter.errors import InvalidInput, TooLarge
from sam2_painter.rle import RLE, mask_to_rle, rle_from_coco, rle_to_mask
from sam2_painter.types import Mask

several = st.tuples(st.integers(1, 8), st.integers(1, 8)).flatmap(
    lambda size: st.lists(arrays(bool, size), min_size=1, max_size=5)
)


def block(x, y, w, h, size=(10, 12)):
    """A rectangle on a small photo, as runs."""
    mask = np.zeros(size, bool)
    mask[y : y + h, x : x + w] = True
    return mask_to_rle(mask)


# -- combining


@given(several)
def test_combining_runs_is_combining_pixels(pixels):
    """Union, intersection, difference and complement agree with numpy, run by run."""
    rles = [mask_to_rle(mask) for mask in pixels]
    assert tools.union(rles) == mask_to_rle(np.logical_or.reduce(pixels))
    assert tools.intersect(rles) == mask_to_rle(np.logical_and.reduce(pixels))
    rest = np.logical_or.reduce(pixels[1:]) if pixels[1:] else np.zeros_like(pixels[0])
    assert tools.subtract(rles[0], rles[1:]) == mask_to_rle(pixels[0] & ~rest)
    assert tools.complement(rles[0]) == mask_to_rle(~pixels[0])
    assert tools.complement(tools.complement(rles[0])) == rles[0]


def test_many_masks_are_combined_some_at_a_time(monkeypatch):
    """With the same result: all at once, thousands of ragged ones take more memory than there is. Of one that is named
    a thousand times nothing is made."""
    operations = sam2_painter.masks.operations
    random = np.random.default_rng(0)
    pixels = random.random((9, 12, 10)) < np.linspace(0.5, 0.95, 9)[:, None, None]
    rles = [mask_to_rle(one) for one in pixels]
    assert tools.union([rles[0]] * 1000) is rles[0]
    monkeypatch.setattr(operations, "_AT_ONCE", 60)
    covered, at_once = operations._covered, []
    monkeypatch.setattr(operations, "_covered", lambda some, *of: at_once.append(len(some)) or covered(some, *of))
    assert (rle_to_mask(tools.union(rles)) == pixels.any(axis=0)).all()
    assert (rle_to_mask(tools.intersect(rles)) == pixels.all(axis=0)).all()
    assert max(at_once) < 4


@given(several)
def test_combine_goes_by_the_name_of_the_mode(pixels):
    """combine() is the function its mode names."""
    rles = [mask_to_rle(mask) for mask in pixels]
    assert tools.combine(rles) == tools.combine(rles, "union") == tools.union(rles)
    assert tools.combine(rles, "intersect") == tools.intersect(rles)
    assert tools.combine(rles, "subtract") == tools.subtract(rles[0], rles[1:])


def test_runs_of_no_length_do_not_confuse():
    """Masks written with empty runs combine like those without."""
    odd = RLE((2, 3), np.array([0, 0, 1, 1, 0, 2, 2]))
    even = mask_to_rle(rle_to_mask(odd))
    other = mask_to_rle(np.array([[1, 0, 0], [0, 1, 0]], bool))
    for combine in (tools.union, tools.intersect):
        assert np.array_equal(rle_to_mask(combine([odd, other])), rle_to_mask(combine([even, other])))


@pytest.mark.parametrize("mode", ["", "xor", None])
def test_other_modes_are_refused(mode):
    """The three modes are named."""
    with pytest.raises(InvalidInput, match="union, intersect, subtract") as caught:
        tools.combine([block(0, 0, 1, 1)], mode)
    assert caught.value.field == "mode"


def test_masks_of_different_photos_do_not_combine():
    """Nor do none at all."""
    with pytest.raises(InvalidInput, match="different sizes"):
        tools.union([block(0, 0, 1, 1), block(0, 0, 1, 1, (9, 9))])
    with pytest.raises(InvalidInput, match="at least one"):
        tools.combine([], "subtract")


# -- cleaning, resizing


def test_clean_fills_holes_and_drops_specks():
    """Below min_area both go; at min_area both stay."""
    mask = np.zeros((20, 20), bool)
    mask[2:12, 2:12] = True
    mask[4:6, 4:6] = False  # a hole of 4
    mask[16, 16:19] = True  # a speck of 3
    assert np.array_equal(tools.clean(mask, 3), mask)
    without_speck = mask.copy()
    without_speck[16] = False
    assert np.array_equal(tools.clean(mask, 4), without_speck)
    filled = without_speck.copy()
    filled[4:6, 4:6] = True
    assert np.array_equal(tools.clean(mask, 5), filled)


def test_clean_keeps_the_largest_part_of_a_mask_of_specks():
    """A mask is never cleaned away, and an empty one stays empty."""
    mask = np.zeros((9, 9), bool)
    mask[1, 1], mask[5:7, 5:7] = True, True
    assert np.array_equal(tools.clean(mask, 50), mask & (np.indices((9, 9)).sum(0) > 4))
    assert not tools.clean(np.zeros((3, 3), bool), 5).any()
    assert tools.clean(np.ones((3, 3), bool), 100).all()


def test_clean_leaves_the_callers_mask():
    """It answers with a new array, also when there is nothing to do."""
    mask = np.eye(4, dtype=bool)
    answer = tools.clean(mask, 0)
    answer[:] = False
    assert mask.sum() == 4


@given(several, st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=60)
def test_sampling_takes_the_pixel_under_each_centre(pixels, h, w):
    """sample_rle is indexing, at any size, larger or smaller."""
    mask = pixels[0]
    rows = [int((i + 0.5) * mask.shape[0] / h) for i in range(h)]
    columns = [int((j + 0.5) * mask.shape[1] / w) for j in range(w)]
    assert np.array_equal(rle_to_mask(tools.sample_rle(mask_to_rle(mask), (h, w))), mask[np.ix_(rows, columns)])


# -- looking up


def test_mask_at_picks_the_smallest():
    """A window before the wall it is in; the earlier of two equals; None outside all."""
    wall, window, twin = Mask(block(1, 1, 9, 8)), Mask(block(3, 3, 2, 2)), Mask(block(3, 3, 2, 2))
    masks = [wall, window, twin]
    assert tools.mask_at(masks, 3, 3) == 1
    assert tools.mask_at(masks, 4.9, 4.9) == 1
    assert tools.mask_at(masks, 5, 5) == 0
    assert tools.mask_at(masks, 0, 0) is None
    assert tools.mask_at(masks, 400, -3) is None
    assert tools.mask_at([], 3, 3) is None


def test_mask_at_reads_no_pixels(monkeypatch):
    """The answer comes from the runs alone: no mask is decoded."""
    masks = [Mask(block(i % 8, i % 6, 3, 3)) for i in range(150)]
    monkeypatch.setattr(RLE, "crop", None)
    assert tools.mask_at(masks, 2, 2) == 0


@given(several, st.integers(1, 9))
def test_label_map_is_mask_at_for_every_pixel(pixels, max_side):
    """What hover shows is what a click would choose, at every size of the map."""
    masks = [Mask(mask_to_rle(mask)) for mask in pixels]
    height, width = pixels[0].shape
    labels = tools.label_map(masks, (height, width), max_side)
    h, w = labels.shape
    assert max(h, w) == min(max_side, max(height, width))
    for row in range(h):
        for column in range(w):
            found = tools.mask_at(masks, int((column + 0.5) * width / w), int((row + 0.5) * height / h))
            assert labels[row, column] == (0 if found is None else found + 1)


def test_label_map_without_masks_is_empty():
    """No mask, label 0 everywhere."""
    labels = tools.label_map([], (30, 40), 20)
    assert labels.shape == (15, 20)
    assert labels.dtype == np.uint16
    assert not labels.any()


def test_label_map_wants_masks_of_the_photo():
    """A mask of another size is refused."""
    with pytest.raises(InvalidInput, match="size of the photo"):
        tools.label_map([Mask(block(0, 0, 1, 1))], (5, 5), 5)


# -- measuring


@given(several)
def test_iou_is_shared_over_together(pixels):
    """As counted on the pixels; symmetric."""
    a, b = pixels[0], pixels[-1]
    together = (a | b).sum()
    expected = (a & b).sum() / together if together else 0
    assert tools.iou(mask_to_rle(a), mask_to_rle(b)) == pytest.approx(expected)
    assert tools.iou(mask_to_rle(b), mask_to_rle(a)) == pytest.approx(expected)


def test_iou_wants_masks_of_one_photo():
    """Masks of different sizes have none."""
    with pytest.raises(InvalidInput):
        tools.iou(block(0, 0, 2, 2), block(5, 5, 2, 2, (9, 9)))


# -- PNG


def png(image, **options):
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


@given(several)
@settings(max_examples=40)
def test_png_round_trip(pixels):
    """A mask survives as PNG, as bytes, base64 and data URL."""
    rle = mask_to_rle(pixels[0])
    data = tools.mask_to_png(rle)
    text = base64.b64encode(data).decode()
    for source in (data, text, f"data:image/png;base64,{text}"):
        assert tools.mask_from_png(source, rle.size) == rle


def test_png_is_one_bit_black_and_white():
    """Other programs see white where the mask is; a pixel takes one bit."""
    image = Image.open(io.BytesIO(tools.mask_to_png(block(2, 3, 4, 5))))
    assert image.mode == "1"
    assert np.array_equal(np.asarray(image), rle_to_mask(block(2, 3, 4, 5)))


def drawn(kind):
    """One mask (the left column of two) as people and programs draw it."""
    left = np.array([[1, 0], [1, 0]], np.uint8)
    clear, white = (0, 0, 0, 0), (255, 255, 255, 255)
    if kind == "palette":
        image = Image.fromarray(left, "P")
        image.putpalette([0, 0, 0, 200, 0, 0])
        return png(image)
    return png(
        {
            "1 bit": lambda: Image.fromarray(left.astype(bool)),
            "grey 255": lambda: Image.fromarray(left * 255),
            "labels 0 and 1": lambda: Image.fromarray(left),
            "16 bit": lambda: Image.fromarray(left.astype(np.uint16) * 65535),
            "colour": lambda: Image.fromarray(np.stack([left * 0, left * 90, left * 0], -1)),
            "brush on clear": lambda: Image.fromarray(np.where(left[..., None], white, clear).astype(np.uint8)),
            "white, mostly clear": lambda: Image.fromarray(
                np.where(left[..., None], white, (255, 255, 255, 100)).astype(np.uint8)
            ),
            "white on opaque black": lambda: Image.fromarray(
                np.where(left[..., None], white, (0, 0, 0, 255)).astype(np.uint8)
            ),
            "grey and alpha": lambda: Image.fromarray(np.stack([left * 255, left * 0 + 255], -1)),
        }[kind]()
    )


@pytest.mark.parametrize(
    "kind",
    [
        "1 bit",
        "grey 255",
        "labels 0 and 1",
        "16 bit",
        "colour",
        "palette",
        "brush on clear",
        "white, mostly clear",
        "white on opaque black",
        "grey and alpha",
    ],
)
def test_masks_mean_what_they_look_like(kind):
    """In is what is neither black nor clear, in every sort of PNG."""
    assert rle_to_mask(tools.mask_from_png(drawn(kind), (2, 2))).tolist() == [[True, False], [True, False]]


def test_a_mask_of_another_size_names_the_right_one():
    """The message tells both sizes."""
    with pytest.raises(InvalidInput, match="12x10 pixels like the photo, got 2x2") as caught:
        tools.mask_from_png(drawn("1 bit"), (10, 12))
    assert caught.value.field == "mask"


def jpeg():
    out = io.BytesIO()
    Image.new("RGB", (2, 2)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    "source",
    [b"", b"text", "", "@@@", "aGVsbG8=", jpeg(), drawn("1 bit")[:40], drawn("grey 255")[:-30], None, 3, ["a"]],
    ids=lambda v: str(v)[:12],
)
def test_what_is_no_mask_is_refused(source):
    """Anything but a sound PNG is an InvalidInput about the mask."""
    with pytest.raises(InvalidInput) as caught:
        tools.mask_from_png(source, (2, 2))
    assert caught.value.field == "mask"


def test_a_mask_is_measured_before_it_is_decoded(monkeypatch):
    """A PNG bomb is refused by its header; its pixels are never asked for."""
    bomb = bytearray(drawn("1 bit"))
    bomb[16:24] = (30_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    with pytest.raises(InvalidInput, match="30000x30000"):
        tools.mask_from_png(bytes(bomb), (2, 2))


def test_a_mask_file_has_a_limit():
    """Some megabytes are enough for any mask."""
    with pytest.raises(TooLarge) as caught:
        tools.mask_from_png("A" * (tools.MAX_MASK_BYTES * 4 // 3 + 100), (2, 2))
    assert caught.value.field == "mask"
    with pytest.raises(TooLarge):
        tools.mask_from_png(bytes(tools.MAX_MASK_BYTES + 1), (2, 2))


# -- COCO


def coco_counts(text):
    """COCO's text back into runs: the inverse, by its definition."""
    counts, at = [], 0
    while at < len(text):
        value = shift = 0
        more = True
        while more:
            low = ord(text[at]) - 48
            value |= (low & 0x1F) << shift
            more, at, shift = bool(low & 0x20), at + 1, shift + 5
            if not more and low & 0x10:
                value |= -1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=20).filter(sum))
def test_compressed_counts_say_the_runs(counts):
    """COCO's text decodes to the runs it was made from."""
    coco = tools.to_coco_compressed(RLE((1, sum(counts)), np.array(counts)))
    assert coco_counts(coco["counts"]) == counts
    assert coco["size"] == [1, sum(counts)]


def test_compressed_counts_are_those_of_pycocotools():
    """A text that pycocotools wrote."""
    disc = cv2.circle(np.zeros((40, 60), np.uint8), (30, 20), 12, 1, -1).astype(bool)
    assert tools.to_coco_compressed(mask_to_rle(disc)) == PYCOCOTOOLS_DISC


PYCOCOTOOLS_DISC = {"size": [40, 60], "counts": "Tg01S18J4M2N2N2N2O0O2O00000O20N1000001N101N2N2N2N3L6Hhd0"}


def test_annotations_are_json_that_coco_tools_read():
    """Area, XYWH box, scores and runs, both ways of writing the runs."""
    mask = Mask(block(2, 3, 4, 5), 0.9, 0.8, ((2.5, 3.5),))
    for compressed in (True, False):
        (annotation,) = json.loads(json.dumps(tools.to_coco_annotations([mask], 7, compressed=compressed)))
        assert annotation["bbox"] == [2, 3, 4, 5]
        assert (annotation["area"], annotation["id"], annotation["image_id"]) == (20, 1, 7)
        assert annotation["predicted_iou"] == 0.9
        assert annotation["point_coords"] == [[2.5, 3.5]]
        assert annotation["crop_box"] == [0, 0, 12, 10]
        runs = annotation["segmentation"]
        counts = coco_counts(runs["counts"]) if compressed else runs["counts"]
        assert rle_from_coco({"size": runs["size"], "counts": counts}) == mask.rle


def test_the_docstrings_tell_the_truth():
    """The examples in the module run."""
    result = doctest.testmod(sam2_painter.masks.operations)
    assert result.attempted
    assert not result.failed
