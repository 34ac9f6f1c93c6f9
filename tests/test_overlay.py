"""Pictures of masks: small, transparent where they should be, and in the right place."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from sam2_painter.errors import InvalidInput
from sam2_painter.masks import overlay
from sam2_painter.masks.operations import label_map
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import Mask


def rgba(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def block(x, y, w, h, size=(30, 40)):
    mask = np.zeros(size, bool)
    mask[y : y + h, x : x + w] = True
    return mask_to_rle(mask)


def rough_wall():
    """A 12-megapixel mask with the ragged edge that a segmentation has."""
    shape = np.zeros((750, 1000), np.uint8)
    cv2.fillPoly(shape, [np.array([[60, 90], [700, 30], [960, 300], [900, 700], [420, 640], [90, 720]])], 1)
    for x, y in ((200, 200), (400, 180), (600, 190), (250, 420), (560, 430)):
        shape[y : y + 90, x : x + 60] = 0
    shape = cv2.resize(shape.astype(np.float32), (4000, 3000), interpolation=cv2.INTER_LINEAR)
    shape += cv2.GaussianBlur(np.random.default_rng(1).normal(0, 6, shape.shape).astype(np.float32), (0, 0), 12)
    return mask_to_rle(shape > 0.5)


def test_an_outline_is_shrunk():
    """The longer side fits, and the mask keeps its place."""
    pixels = rgba(overlay.outline_png(block(20, 10, 20, 10), 20, alpha=0.2))
    assert pixels.shape == (15, 20, 4)
    line_or_tint = np.isin(pixels[..., 3], (51, 255))
    assert np.array_equal(line_or_tint, block_of(15, 20, slice(5, 10), slice(10, 20)))


def block_of(height, width, rows, columns):
    mask = np.zeros((height, width), bool)
    mask[rows, columns] = True
    return mask


def test_an_outline_of_twelve_megapixels_is_small():
    """A few kilobytes: under 20."""
    wall = rough_wall()
    assert len(wall.counts) > 5000  # ragged it is
    assert len(overlay.outline_png(wall, 1600, alpha=0.3)) < 20_000


def test_an_outline_runs_along_the_inside():
    """A line of the width asked for, a halo of one pixel around it, nothing in the middle."""
    pixels = rgba(overlay.outline_png(block(10, 10, 12, 12), 1600, (255, 0, 0), width=2, halo=(0, 0, 0)))
    line = (pixels == (255, 0, 0, 255)).all(-1)
    expected = block_of(30, 40, slice(10, 22), slice(10, 22)) & ~block_of(30, 40, slice(12, 20), slice(12, 20))
    assert np.array_equal(line, expected)
    assert np.array_equal(pixels[..., 3] == 128, block_of(30, 40, slice(9, 23), slice(9, 23)) & ~mask_square())
    assert pixels[15, 15, 3] == 0


def mask_square():
    return block_of(30, 40, slice(10, 22), slice(10, 22))


def test_an_outline_may_be_filled():
    """With alpha the inside is tinted, at the photo's own size when that is small."""
    pixels = rgba(overlay.outline_png(block(10, 10, 12, 12), 1600, (255, 0, 0), alpha=0.2))
    assert pixels.shape == (30, 40, 4)
    assert tuple(pixels[15, 15]) == (255, 0, 0, 51)


def test_a_wall_cut_off_by_the_frame_has_no_outline_there():
    """The photo's edge is not an edge of the wall."""
    pixels = rgba(overlay.outline_png(block(0, 0, 40, 15), 1600, (255, 0, 0), width=1))
    rows = np.unique(np.nonzero((pixels == (255, 0, 0, 255)).all(-1))[0])
    assert rows.tolist() == [14]


def test_an_empty_mask_is_an_empty_overlay():
    """Nothing selected, nothing shown."""
    empty = mask_to_rle(np.zeros((30, 40), bool))
    assert not rgba(overlay.outline_png(empty, 20))[..., 3].any()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"alpha": 2}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
        ({"color": (1, 2)}, "color"),
        ({"color": (1, 2, 300)}, "color"),
        ({"max_side": 0}, "max_side"),
    ],
)
def test_bad_options_are_refused(options, field):
    """By the name of the option."""
    with pytest.raises(InvalidInput) as caught:
        overlay.outline_png(**{"rle": block(1, 1, 2, 2), "max_side": 20, **options})
    assert caught.value.field == field


def test_a_thumbnail_shows_the_mask_and_dims_the_rest():
    """In colour inside, dark and grey outside, cropped around the mask."""
    small = np.full((300, 400, 3), (200, 60, 40), np.uint8)
    data = overlay.thumbnail(small, Mask(block(1000, 1000, 1000, 1000, (3000, 4000))), 160)
    image = Image.open(io.BytesIO(data))
    pixels = np.asarray(image).astype(int)
    assert (image.format, max(image.size)) == ("JPEG", 125)  # 100 of the mask and 12 around it, never enlarged
    assert np.abs(pixels[62, 62] - (200, 60, 40)).max() < 12
    assert pixels[3, 3].max() < 90
    assert np.ptp(pixels[3, 3]) < 20


@pytest.mark.parametrize(
    "rle",
    [
        block(0, 0, 1, 1),
        block(39, 29, 1, 1),
        block(0, 0, 40, 30),
        block(0, 29, 40, 1),
        mask_to_rle(np.zeros((30, 40), bool)),
    ],
    ids=["first pixel", "last pixel", "everything", "a line", "nothing"],
)
@pytest.mark.parametrize("size", [(30, 40), (300, 400), (3, 4)])
def test_any_mask_has_a_thumbnail(rle, size):
    """Corners, the whole photo, a line, an empty mask; from a base of any size."""
    image = Image.open(io.BytesIO(overlay.thumbnail(np.zeros((*size, 3), np.uint8), Mask(rle), 64)))
    assert 1 <= max(image.size) <= 64


def test_label_map_png_holds_the_labels():
    """red + 256 * green is the label, beyond 255 masks too, and no pixel is transparent."""
    masks = [Mask(block(i % 40, i // 40, 1, 1)) for i in range(300)]
    image = Image.open(io.BytesIO(overlay.label_map_png(masks, (30, 40), 40)))
    assert image.mode == "RGB"
    pixels = np.asarray(image).astype(int)
    assert np.array_equal(pixels[..., 0] + 256 * pixels[..., 1], label_map(masks, (30, 40), 40))
    assert pixels[..., 1].any()
