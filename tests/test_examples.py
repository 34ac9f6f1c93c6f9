"""The examples are what the renderer makes, and their masks are exact."""

import cv2
import numpy as np
import pytest

from benchmarks.hand import EXAMPLES, GOAL, LEAST, NEARLY
from sam2_painter.engines.offline import OfflineEngine
from sam2_painter.errors import InvalidInput
from sam2_painter.photos import examples
from sam2_painter.photos.images import fit, open_photo
from sam2_painter.rle import rle_to_mask
from sam2_painter.types import Prompts
from training import rendering
from training.rendering import __main__ as command

WIDTH = 320
WALLS = {
    "brick-house": ("front wall", "side wall"),
    "town-house": ("plaster wall", "ground floor", "left house", "right house"),
    "siding-cottage": ("front wall", "wing wall"),
}


@pytest.fixture(scope="module", params=examples.NAMES)
def rendered(request):
    """(name, the example at a fifth of its size)."""
    return request.param, rendering.render(request.param, WIDTH)


def test_the_files_are_what_the_renderer_makes(rendered):
    """Each JPEG that comes with the package shows the same picture, but for what JPEG and the size cost."""
    name, example = rendered
    photo = open_photo(examples.path(name))
    assert photo.size == (1200, 1600)
    difference = np.abs(fit(photo.pixels, WIDTH).astype(int) - example.pixels)
    assert difference.mean() < 4
    assert np.percentile(difference, 99) < 40


def test_the_files_are_small():
    """Under 400 kB each: they are part of the package and of the page."""
    assert all(examples.path(name).stat().st_size < 400_000 for name in examples.NAMES)


def test_masks_share_out_the_picture(rendered):
    """Every pixel belongs to exactly one part, and no part is empty."""
    _, example = rendered
    masks = np.stack(list(example.masks.values()))
    assert example.pixels.shape == (WIDTH * 3 // 4, WIDTH, 3)
    assert masks.dtype == bool
    assert (masks.sum(axis=0) == 1).all()
    assert masks.any(axis=(1, 2)).all()


def test_walls_are_worth_painting(rendered):
    """Each named wall is there, the larger one covers a good part, and it has sun and shadow on it."""
    name, example = rendered
    walls = [example.masks[part] for part in WALLS[name]]
    assert max(wall.mean() for wall in walls) > 0.08
    main = example.pixels[walls[0]].astype(float).mean(axis=1)
    assert np.percentile(main, 95) > 1.6 * np.percentile(main, 5)


def test_windows_are_no_wall(rendered):
    """Glass and frames are cut out of the walls around them: darker and lighter than what they lie in."""
    name, example = rendered
    wall = np.median(example.pixels[example.masks[WALLS[name][0]]])
    assert np.median(example.pixels[example.masks["glass"]]) < wall
    assert np.percentile(example.pixels[example.masks["window frames"]], 90) > wall


def places(wall, count=8):
    """The middle of a mask, and some other places in it that are not at its rim: x and y each."""
    depth = cv2.distanceTransform(np.pad(wall.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.nonzero(depth > 4)
    chosen = [int(depth[y, x].argmax()), *np.random.default_rng(3).integers(len(x), size=count)]
    return x[chosen], y[chosen]


@pytest.mark.parametrize("name", examples.NAMES)
def test_the_first_click_gets_the_wall(name):
    """The first answer is right in the middle of every wall and in most places elsewhere in it, and nowhere far from
    right: the wall, or all walls of its paint."""
    parts, engine = rendering.masks(name, 800), OfflineEngine()
    embedding = engine.embed(open_photo(examples.path(name)))
    for part, paint in EXAMPLES[name].items():
        if parts[part].mean() < LEAST:
            continue
        painted = np.any([parts[other] for other, its in EXAMPLES[name].items() if its == paint], axis=0)
        right = []
        for x, y in zip(*places(parts[part]), strict=True):
            answer = engine.predict(embedding, Prompts(((2.0 * x, 2.0 * y),), (1,)))[0]
            found = rle_to_mask(answer.rle)[::2, ::2]
            right.append(max((found & meant).sum() / (found | meant).sum() for meant in (parts[part], painted)))
        assert right[0] >= GOAL, part
        assert np.median(right) >= GOAL, (part, right)
        assert min(right) >= NEARLY, (part, right)


def test_masks_need_no_light():
    """Those of the rendered example."""
    masks, rendered = rendering.masks("siding-cottage", 64), rendering.render("siding-cottage", 64).masks
    assert masks.keys() == rendered.keys()
    assert all(np.array_equal(masks[part], rendered[part]) for part in masks)


def test_rendering_is_deterministic():
    """The same pixels and masks each time."""
    first, second = rendering.render("brick-house", 64), rendering.render("brick-house", 64)
    assert np.array_equal(first.pixels, second.pixels)
    assert first.masks.keys() == second.masks.keys()
    assert all(np.array_equal(first.masks[part], second.masks[part]) for part in first.masks)


def test_the_command_writes_every_example(tmp_path):
    """python -m sam2_painter.photos.examples FOLDER."""
    command.main([str(tmp_path / "new"), "--width", "48"])
    sizes = {path.stem: open_photo(path).size for path in (tmp_path / "new").iterdir()}
    assert sizes == dict.fromkeys(examples.NAMES, (36, 48))


@pytest.mark.parametrize("name", ["", "castle", None, "../brick-house"])
def test_other_names_are_refused(name):
    """The message lists the names there are."""
    for ask in (examples.path, rendering.render, rendering.masks):
        with pytest.raises(InvalidInput, match="brick-house, town-house, siding-cottage"):
            ask(name)


@pytest.mark.parametrize("width", [15, 5000, 2.5, "1600", True])
def test_width_is_checked(width):
    """16 to 4096."""
    with pytest.raises(InvalidInput, match="width"):
        rendering.render("brick-house", width)
