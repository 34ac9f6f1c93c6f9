"""Surfaces that we drew over photos to learn from, laid over the data set's labels."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2_painter.engines.offline.surfaces import CLASSES
from training import drawn
from training.data import HAND, read_split
from training.drawn import FOLDER, UNKNOWN, laid_over, read_shapes, surfaces

LEFT, RIGHT = [[0, 0], [9, 0], [9, 19], [0, 19]], [[10, 0], [19, 0], [19, 19], [10, 19]]
KINDS = {1: "wall", 2: "window", 3: "ground"}


@pytest.fixture
def labels() -> np.ndarray:
    """20 x 20: a building, a window in its left half, ground below, and a corner without a label."""
    field = np.ones((20, 20), np.int32)
    field[4:8, 4:8], field[15:], field[:2, :2] = 2, 3, 0
    return field


@pytest.fixture
def draw(labels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Shapes to the label map they make and the surfaces in it."""
    monkeypatch.setattr(drawn, "FOLDER", tmp_path)

    def made(*shapes: dict):
        (tmp_path / "photo.json").write_text(json.dumps({"notes": "", "shapes": shapes}))
        read = read_shapes("photo")
        ids = surfaces(read, max(KINDS))
        return laid_over(labels, KINDS, read, ids), ids

    return made


def test_a_wall_leaves_its_windows_out(draw) -> None:
    """A coarse polygon takes what was the building or had no label, and nothing else."""
    made, ids = draw({"cls": "wall", "paint": "A", "poly": LEFT})
    (wall,) = ids
    assert (made[4:8, 4:8] == 2).all()
    assert (made[15:] == 3).all()
    assert (made[:15, :4] == wall).all()


def test_what_nobody_drew_is_not_known(draw) -> None:
    """The rest of the building has no label: it may be anything."""
    made, _ = draw({"cls": "wall", "paint": "A", "poly": LEFT})
    assert (made[:15, 10:] == 0).all()


@pytest.mark.parametrize(("more", "kinds"), [({"any": True}, {2, 3}), ({"over": ["ground"]}, {3}), ({}, set())])
def test_a_shape_says_what_it_covers(draw, more: dict, kinds: set[int]) -> None:
    """Everything, some classes, or only the building."""
    made, _ = draw({"cls": "door", "poly": LEFT} | more)
    assert {2, 3} - set(np.unique(made[:, :10]).tolist()) == kinds


def test_a_shape_can_be_laid_over_one_class_only(draw) -> None:
    """Parapets are wall though the data set calls them balcony: nothing beside them changes."""
    made, ids = draw({"cls": "wall", "part": "parapets", "only": ["ground"], "poly": LEFT})
    (parapets,) = ids
    assert (made[15:, :10] == parapets).all()
    assert (made[15:, 10:] == 3).all()
    assert set(np.unique(made[:15]).tolist()) == {0, 2}


def test_a_shape_can_correct_the_painters_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a photo has finer labels, what is drawn over it changes those, and their walls stay what they are."""
    for folder in ("train", "painter/train"):
        (tmp_path / folder / "labels").mkdir(parents=True)
    (tmp_path / "train/images").mkdir()
    regions = [
        {"id": 1, "cls": "wall", "paint": "A", "source": "hand", "painter": "wall"},
        {"id": 2, "cls": "balcony", "paint": "", "source": "dataset", "painter": "balcony"},
    ]
    manifest = json.dumps({"images": [{"name": "photo", "regions": regions}]})
    for folder in ("train", "painter/train"):
        (tmp_path / folder / "manifest.json").write_text(manifest)
    field = np.ones((20, 20), np.uint16)
    field[10:] = 2
    cv2.imwrite(str(tmp_path / "painter/train/labels/photo.png"), field)
    monkeypatch.setattr(drawn, "FOLDER", tmp_path)
    shape = {"cls": "wall", "paint": "A", "part": "parapets", "only": ["balcony"], "poly": LEFT}
    (tmp_path / "photo.json").write_text(json.dumps({"notes": "", "shapes": [shape]}))
    (example,) = read_split(tmp_path, "train")
    made, paint = example.labels(), {region.id: (region.code, region.paint) for region in example.regions}
    assert (made[:10] == 1).all()
    assert (made[10:, 10:] == 2).all()
    assert paint[made[12, 2]] == paint[1]


def test_one_paint_and_part_are_one_surface(draw) -> None:
    """Two polygons of one face are one; another part is another, and so is each thing without either."""
    one, other = {"cls": "wall", "paint": "A", "part": "front"}, {"cls": "wall", "paint": "A", "part": "side"}
    made, ids = draw(one | {"poly": LEFT}, one | {"poly": RIGHT}, other | {"poly": [[12, 0], [14, 0], [14, 5]]})
    assert len(ids) == 2
    assert made[10, 2] == made[10, 17] != made[1, 13]
    assert len(draw({"cls": "door", "poly": LEFT}, {"cls": "door", "poly": RIGHT})[1]) == 2


def test_later_shapes_lie_over_earlier_ones(draw) -> None:
    """A door in a wall; and what cannot be told is nothing."""
    door, doubt = [[2, 8], [5, 8], [5, 12], [2, 12]], [[6, 10], [9, 10], [9, 13], [6, 13]]
    made, ids = draw(
        {"cls": "wall", "paint": "A", "poly": LEFT}, {"cls": "door", "poly": door}, {"cls": UNKNOWN, "poly": doubt}
    )
    assert [ids[made[at]].cls for at in ((12, 1), (10, 3))] == ["wall", "door"]
    assert made[11, 7] == 0


def test_nobody_drew_over_other_photos() -> None:
    """A photo without a file has no shapes."""
    assert read_shapes("no_such_photo") == []


def test_the_files_say_what_can_be_learned() -> None:
    """Every shape has corners and a class that is one of ours or becomes one."""
    files = sorted(FOLDER.glob("*.json"))
    assert files
    for path in files:
        shapes = read_shapes(path.stem)
        assert shapes, path.name
        for shape in shapes:
            assert HAND.get(shape.cls, shape.cls) in {*CLASSES, UNKNOWN}, (path.name, shape.cls)
            assert len(shape.corners) >= 3, path.name
