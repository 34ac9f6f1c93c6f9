"""The wire: what goes in comes out, and nothing else is believed."""

from __future__ import annotations

from dataclasses import asdict

import msgpack
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sam2_painter.engines.remote import wire
from sam2_painter.errors import InvalidInput, NotAnImage, TooLarge
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import AutoMask, Mask, Photo, Prompts


@settings(max_examples=60)
@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_a_mask_survives_the_journey(segmentation):
    """Any mask, empty and full ones too, comes out as it went in."""
    mask = Mask(mask_to_rle(segmentation), 0.9, 0.8, ((1.5, 2.0),), (0, 0, 4, 4), "wall", 0.7)
    assert wire.unpack_mask(wire.unpack(wire.pack(wire.pack_mask(mask)))) == mask


@pytest.mark.parametrize(
    "prompts",
    [
        pytest.param(Prompts.click(3, 4), id="point"),
        pytest.param(Prompts([[1, 2], [3.5, 4]], [1, 0], multimask_output=False), id="points"),
        pytest.param(Prompts(box=[1, 2, 30, 40]), id="box"),
        pytest.param(Prompts(mask_input=np.eye(9, dtype=bool)), id="mask"),
        pytest.param(Prompts(mask_input=np.linspace(-9, 9, 65536, dtype=np.float32).reshape(1, 256, 256)), id="logits"),
    ],
)
def test_prompts_survive_the_journey(prompts):
    """Every kind of prompt means the same at the other end."""
    assert wire.unpack_prompts(wire.unpack(wire.pack(wire.pack_prompts(prompts)))).key == prompts.key


def test_too_many_points_are_refused():
    """Attention grows with the square of their number, so a question holds a thousand at most."""
    packed = wire.pack_prompts(Prompts([[1, 1]] * 1000, [1] * 1000))
    assert len(wire.unpack_prompts(packed).point_labels) == 1000
    with pytest.raises(TooLarge, match="at most 1000"):
        wire.unpack_prompts({**packed, "points": [[1, 1]] * 1001, "labels": [1] * 1001})


def test_options_survive_the_journey():
    """All knobs arrive; unknown ones are refused, and so are values out of range."""
    options = AutoMask(points_per_side=7, use_m2m=True, crop_n_layers=1)
    assert wire.unpack_options(asdict(options)) == options
    with pytest.raises(InvalidInput, match="AutoMask's fields"):
        wire.unpack_options({"points": 3})
    with pytest.raises(InvalidInput, match="points_per_side"):
        wire.unpack_options({"points_per_side": 0})


@pytest.mark.parametrize(("size", "sent"), [((30, 40), (30, 40)), ((1, 1), (1, 1)), ((30, 4096), (15, 2048))])
def test_a_photo_is_sent_no_larger_than_it_need_be(size, sent):
    """At most 2048 pixels a side, and it knows how large it was."""
    photo = Photo(np.full((*size, 3), (200, 120, 40), np.uint8))
    travelling = wire.shrink(photo)
    arrived = wire.open_photo(travelling.data)
    assert travelling.size == size
    assert arrived.size == sent
    assert np.abs(arrived.pixels.astype(int) - (200, 120, 40)).max() <= 3


def test_the_same_photo_travels_under_the_same_name():
    """The name is the sha256 of the bytes, and equal pixels make equal bytes."""
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    assert wire.shrink(Photo(pixels)) == wire.shrink(Photo(pixels.copy(), "another name"))


GOOD = wire.pack_rle(mask_to_rle(np.eye(8, dtype=bool)))
BOMB = zstandard.ZstdCompressor().compress(bytes(2**26))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param(dict(size=[8]), "size", id="half-a-size"),
        pytest.param(dict(size=[8, -8]), "size", id="negative-size"),
        pytest.param(dict(size=[2**20, 2**20]), "size", id="size-of-a-terapixel"),
        pytest.param(dict(size=None), "size", id="no-size"),
        pytest.param(dict(box=[4, 0, 8, 8]), "box", id="box-leaves-photo"),
        pytest.param(dict(box=[0, 0, 8, True]), "box", id="box-of-truths"),
        pytest.param(dict(box=[0, 0, 8, 7]), "bits", id="bits-too-many"),
        pytest.param(dict(bits=BOMB), "bits", id="bomb"),
        pytest.param(dict(bits=b"garbage"), "bits", id="no-frame"),
        pytest.param(dict(bits=GOOD["bits"][:-3]), "bits", id="torn-frame"),
        pytest.param(dict(bits="text"), "bits", id="text"),
    ],
)
def test_a_mask_that_lies_is_refused(change, field):
    """Sizes, boxes and bits must agree; what would unpack to too much is never unpacked."""
    with pytest.raises(InvalidInput) as caught:
        wire.unpack_rle({**GOOD, **change})
    assert caught.value.field == field


@pytest.mark.parametrize("junk", [None, 3, "mask", [], [1, 2]])
def test_what_is_no_mask_is_refused(junk):
    """Any other value in a mask's place is an error of one sentence."""
    with pytest.raises(InvalidInput, match="a mask must be a map"):
        wire.unpack_mask(junk)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"{}", msgpack.packb([1]), msgpack.packb({1: 2}), b"\xdf\xff\xff\xff\xff", b"\x91" * 5000],
    ids=["nothing", "reserved", "json", "list", "number-keys", "endless-map", "deep"],
)
def test_what_is_no_message_is_refused(data):
    """Garbage is told apart before it is looked into."""
    with pytest.raises(InvalidInput) as caught:
        wire.unpack(data)
    assert caught.value.field == "body"


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_random_bytes_never_break_it(data):
    """Whatever arrives, it is a message or InvalidInput."""
    try:
        message = wire.unpack(data)
    except InvalidInput:
        return
    for look in (wire.unpack_mask, wire.unpack_prompts, wire.unpack_options):
        with pytest.raises(InvalidInput):
            look({**message, "?": 1})


def test_files_that_are_no_photo_are_refused():
    """Only JPEG and PNG are opened, and none of more than 4096 pixels a side."""
    with pytest.raises(NotAnImage):
        wire.open_photo(b"GIF89a" + bytes(50))
    wide = Photo(np.zeros((1, 2048, 3), np.uint8))
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.repeat(wide.pixels, 3, axis=1)).save(file, "PNG")
    with pytest.raises(TooLarge, match="4096"):
        wire.open_photo(file.getvalue())
