"""The nouns check themselves when they are made, and stay as they were made."""

import dataclasses
import doctest

import numpy as np
import pytest

import sam2_painter.prompts
from sam2_painter.errors import InvalidInput, LayerNotFound, MaskNotFound
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import (
    AutoMask,
    Canvas,
    Layer,
    Mask,
    Photo,
    Prompts,
    Selection,
    Session,
    fit_size,
    number,
    whole_number,
)

DOOR = Mask(mask_to_rle(np.array([[0, 1, 1], [0, 1, 1]], bool)), 0.9, 0.8)


def refused(field):
    """An InvalidInput about that field."""
    return pytest.raises(InvalidInput, check=lambda error: error.field == field)


# -- numbers


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.25), np.int64(1)])
def test_numbers_in_range_are_floats(value):
    """Python's and numpy's numbers alike, the ends included."""
    assert number(value, "x", 0, 1) == float(value)


@pytest.mark.parametrize(
    "value", [True, "1", None, [1], float("nan"), float("inf"), -0.01, 1.01, 10**400], ids=lambda v: str(v)[:9]
)
def test_other_values_are_no_numbers(value):
    """Bools, texts, NaN and what lies outside are refused by the field's name."""
    with refused("x"):
        number(value, "x", 0, 1)


def test_whole_numbers_are_exact():
    """2.0 is 2, 2.5 is refused, large integers lose nothing."""
    assert whole_number(2.0, "x", 0, 9) == 2
    assert whole_number(2**53 + 1, "x", 0, 2**60) == 2**53 + 1
    with refused("x"):
        whole_number(2.5, "x", 0, 9)


@pytest.mark.parametrize(
    ("size", "max_side", "expected"),
    [
        ((3000, 4000), 1600, (1200, 1600)),
        ((4000, 3000), 1600, (1600, 1200)),
        ((10, 20), 20, (10, 20)),
        ((10, 20), 500, (10, 20)),
        ((1, 9000), 100, (1, 100)),
        ((1, 1), 1, (1, 1)),
    ],
)
def test_fit_size(size, max_side, expected):
    """The longer side fits, nothing is enlarged, no side vanishes."""
    assert fit_size(size, max_side) == expected


# -- Photo


def test_a_photo_keeps_its_own_pixels():
    """Read-only, and apart from the array it was made from."""
    pixels = np.zeros((2, 3, 3), np.uint8)
    photo = Photo(pixels)
    pixels[:] = 9
    assert photo.size == (2, 3)
    assert not photo.pixels.any()
    with pytest.raises(ValueError, match="read-only"):
        photo.pixels[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        photo.name = "other"


def test_digest_is_of_what_is_seen():
    """Equal pixels, equal digest, whatever the name; the shape and each pixel count."""
    pixels = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    other = pixels.copy()
    other[2, 3, 2] ^= 1
    assert Photo(pixels, "a").digest == Photo(pixels[:, :, :].copy(), "b").digest
    assert Photo(np.asfortranarray(pixels)).digest == Photo(pixels).digest
    assert len({Photo(p).digest for p in (pixels, other, pixels.reshape(4, 3, 3))}) == 3


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 3), np.uint8),
        np.zeros((2, 3, 4), np.uint8),
        np.zeros((2, 3, 3)),
        np.zeros((0, 3, 3), np.uint8),
        None,
    ],
    ids=["grey", "alpha", "float", "empty", "none"],
)
def test_other_arrays_are_no_photo(pixels):
    """Only (H, W, 3) uint8 is."""
    with refused("pixels"):
        Photo(pixels)


# -- Prompts


def test_a_click_and_more():
    """plus() answers anew and leaves the first prompts alone."""
    first = Prompts.click(3, 4)
    both = first.plus(5, 6, 0)
    assert both.point_coords.tolist() == [[3, 4], [5, 6]]
    assert both.point_labels.tolist() == [1, 0]
    assert first.point_coords.tolist() == [[3, 4]]
    assert (both.point_coords.dtype, both.point_labels.dtype) == (np.float32, np.int32)


@pytest.mark.parametrize(
    ("click", "field"),
    [
        (([1, 2], 3), "point_coords"),
        (([1], [2]), "point_coords"),
        ((1, 2, "x"), "point_labels"),
        ((1, 2, 7), "point_labels"),
    ],
    ids=str,
)
def test_a_click_that_makes_no_sense_is_refused(click, field):
    """By itself, and as one more."""
    for add in (Prompts.click, Prompts.click(3, 4).plus):
        with refused(field):
            add(*click)


def test_a_box_or_a_mask_alone_is_enough():
    """Points are not needed then."""
    assert Prompts(box=[1, 2, 3, 4]).box.tolist() == [1, 2, 3, 4]
    assert Prompts(mask_input=np.ones((2, 3), bool)).mask_input.shape == (2, 3)
    assert Prompts(mask_input=np.zeros((1, 256, 256))).mask_input.dtype == np.float32


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "point_coords"),
        ({"point_coords": [], "point_labels": []}, "point_coords"),
        ({"point_coords": [[1, 2, 3]], "point_labels": [1]}, "point_coords"),
        ({"point_coords": [[1, 2]], "point_labels": []}, "point_labels"),
        ({"point_coords": [[1, 2]], "point_labels": [1, 1]}, "point_labels"),
        ({"point_coords": [[1, 2]], "point_labels": [2]}, "point_labels"),
        ({"point_coords": [[1, 2]], "point_labels": [0.5]}, "point_labels"),
        ({"point_coords": [[NAN, 2]], "point_labels": [1]}, "point_coords"),
        ({"point_coords": [[INF, 2]], "point_labels": [1]}, "point_coords"),
        ({"point_coords": [[1e300, 2]], "point_labels": [1]}, "point_coords"),
        ({"point_coords": [["a", "b"]], "point_labels": [1]}, "point_coords"),
        ({"point_coords": [[1], [2, 3]], "point_labels": [1, 1]}, "point_coords"),
        ({"box": [1, 2, 3]}, "box"),
        ({"box": [3, 2, 1, 4]}, "box"),
        ({"box": [1, 2, 1, 4]}, "box"),
        ({"box": [1, 2, NAN, 4]}, "box"),
        ({"box": "abcd"}, "box"),
        ({"mask_input": np.zeros((2, 3))}, "mask_input"),
        ({"mask_input": np.full((1, 256, 256), NAN)}, "mask_input"),
        ({"mask_input": np.zeros((1, 256, 256), int)}, "mask_input"),
    ],
    ids=str,
)
def test_prompts_that_do_not_fit_are_refused(fields, field):
    """Each by the name of what is wrong."""
    with refused(field):
        Prompts(**fields)


@pytest.mark.parametrize("point", [(-0.1, 0), (0, -1), (4, 0), (0, 3), (3.99, 3)])
def test_points_outside_the_photo_are_refused(point):
    """A 4x3 photo ends at 4 and 3."""
    with refused("points"):
        Prompts.click(*point).check_inside((3, 4))


def test_what_touches_the_edge_is_inside():
    """The last pixel, and a box around everything."""
    Prompts.click(3.99, 2.99).check_inside((3, 4))
    Prompts(box=[0, 0, 4, 3], mask_input=np.ones((3, 4), bool)).check_inside((3, 4))


@pytest.mark.parametrize("box", [[-1, 0, 2, 2], [0, 0, 4.1, 2], [0, 0, 2, 3.1]])
def test_boxes_outside_the_photo_are_refused(box):
    """Nothing is clipped in silence."""
    with refused("boxes"):
        Prompts(box=box).check_inside((3, 4))


def test_a_mask_of_another_photo_is_refused():
    """mask_input as pixels must have the photo's size."""
    with refused("mask"):
        Prompts(mask_input=np.ones((4, 3), bool)).check_inside((3, 4))


def test_the_key_tells_every_difference():
    """Part of cache keys: equal questions share it, others never."""
    mask = np.eye(3, dtype=bool)
    asked = [
        Prompts.click(1, 2),
        Prompts.click(2, 1),
        Prompts.click(1, 2, 0),
        Prompts.click(1, 2).plus(1, 2),
        Prompts(box=[1, 2, 3, 4]),
        Prompts([[1, 2]], [1], box=[1, 2, 3, 4]),
        Prompts([[1, 2]], [1], multimask_output=False),
        Prompts([[1, 2]], [1], mask_input=mask),
        Prompts([[1, 2]], [1], mask_input=~mask),
        Prompts([[1, 2], [3, 4]], [1, 1]),
        Prompts([[1, 2]], [1], box=[3, 4, 5, 6]),
    ]
    assert len({prompts.key for prompts in asked}) == len(asked)
    assert Prompts.click(1, 2).key == Prompts(np.array([[1.0, 2.0]]), [1]).key


# -- AutoMask


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("points_per_side", 0),
        ("points_per_side", 2.5),
        ("points_per_side", "32"),
        ("points_per_side", 10_000),
        ("pred_iou_thresh", 1.1),
        ("pred_iou_thresh", NAN),
        ("stability_score_thresh", -0.1),
        ("box_nms_thresh", None),
        ("crop_n_layers", -1),
        ("min_mask_region_area", -1),
        ("use_m2m", 1),
        ("multimask_output", "yes"),
    ],
)
def test_knobs_out_of_range_are_refused(name, value):
    """Each by its own name."""
    with refused(name):
        AutoMask(**{name: value})


def test_knobs_are_comparable_values():
    """Equal knobs are equal keys, however the numbers were written."""
    assert AutoMask(points_per_side=16.0, pred_iou_thresh=1) == AutoMask(points_per_side=16, pred_iou_thresh=1.0)
    assert hash(AutoMask()) == hash(AutoMask())
    assert AutoMask() != AutoMask(points_per_side=31)


# -- Mask, Layer


def test_a_mask_answers_from_its_runs():
    """Area, XYWH box, size and pixels."""
    assert (DOOR.area, DOOR.bbox, DOOR.size) == (4, (1, 0, 2, 2), (2, 3))
    assert DOOR.segmentation.tolist() == [[False, True, True]] * 2
    DOOR.segmentation[:] = False
    assert DOOR.area == 4


def test_scores_are_kept_in_range():
    """An engine's 1.02 is 1; NaN is an error."""
    assert Mask(DOOR.rle, 1.02, -0.1).predicted_iou == 1
    assert Mask(DOOR.rle, 1.02, -0.1).stability_score == 0
    with refused("predicted_iou"):
        Mask(DOOR.rle, NAN)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"color": (1, 2)}, "color"),
        ({"color": (1, 2, 256)}, "color"),
        ({"color": (1, 2, -1)}, "color"),
        ({"color": (1, 2, 2.5)}, "color"),
        ({"color": ("1", 2, 3)}, "color"),
        ({"opacity": 1.01}, "opacity"),
        ({"opacity": None}, "opacity"),
        ({"opacity": True}, "opacity"),
        ({"mode": "matte"}, "mode"),
        ({"light": 0}, "light"),
        ({"shadow": 3}, "shadow"),
        ({"name": 3}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"visible": 1}, "visible"),
    ],
    ids=str,
)
def test_layers_that_make_no_sense_are_refused(fields, field):
    """Each by the name of what is wrong."""
    with refused(field):
        Layer(**{"mask": DOOR, "color": (1, 2, 3), **fields})


def test_opacity_zero_stays_zero():
    """Nothing falsy is replaced by a default."""
    layer = Layer(DOOR, (0, 0, 0), opacity=0, mask_id=0)
    assert (layer.opacity, layer.mask_id, layer.color) == (0.0, 0, (0, 0, 0))


# -- Session


def session(**fields):
    return Session(**{"id": "s", "name": "a.png", "digest": "d", "size": (2, 3), **fields})


def test_mask_zero_is_a_mask():
    """Ids count from 0; an unknown one is MaskNotFound, what is no id InvalidInput."""
    one = session(masks={0: DOOR})
    assert one.mask(0) is DOOR
    for unknown in (1, -1):
        with pytest.raises(MaskNotFound):
            one.mask(unknown)
    for wrong in (True, 0.0, "0", None):
        with refused("mask_id"):
            one.mask(wrong)
    with pytest.raises(MaskNotFound, match="segment first"):
        session().mask(0)


def test_layers_are_found_by_their_id():
    """Whatever their place; ids that do not exist are LayerNotFound."""
    layer = Layer(DOOR, (1, 2, 3), id=7)
    one = session(canvas=Canvas(layers=(Layer(DOOR, (4, 5, 6), id=9), layer)))
    assert one.layer(7) is layer
    for wrong in (1, -1, True, "7", None):
        with pytest.raises(LayerNotFound):
            one.layer(wrong)


def test_a_new_session_is_empty():
    """No masks, no layers, nothing selected, and nothing shared with another one."""
    one = session()
    assert (dict(one.masks), one.layers, one.automatic, one.selection.mask_id) == ({}, (), (), None)
    assert isinstance(one.selection, Selection)
    with pytest.raises(TypeError):
        one.masks[0] = DOOR


def test_the_docstrings_tell_the_truth():
    """The examples in the modules run."""
    result = doctest.testmod(sam2_painter.prompts)
    assert result.attempted
    assert not result.failed
