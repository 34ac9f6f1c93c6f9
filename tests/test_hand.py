"""The scripted person of benchmarks/hand.py does what a person could, counts all of it, and comes to an end."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import DOOR, ROOF, SKY, WALL, WINDOW, draw_building, make_studio
from engines import FloodEngine

from benchmarks import hand
from benchmarks.moves import MOST_CORNERS, Work, best_shape
from sam2_painter import masks
from sam2_painter.rle import mask_to_rle, rle_to_mask
from sam2_painter.types import Mask

PIXELS = draw_building(400, 300)
PARTS = {
    name: (PIXELS == color).all(axis=-1)
    for name, color in {"sky": SKY, "roof": ROOF, "front": WALL, "window": WINDOW, "door": DOOR}.items()
}
SCENE = hand.scene_of("building", PIXELS, PARTS, {"front": "A"})
EVERYWHERE = np.ones(PIXELS.shape[:2], bool)


class Stubborn(FloodEngine):
    """Answers everything with one region, and knows its windows."""

    categories = ("window",)

    def __init__(self, region: np.ndarray):
        super().__init__()
        self.region = region

    def predict(self, embedding, prompts):
        return [Mask(mask_to_rle(self.region), 0.9)]

    def find(self, embedding, category, *_):
        return [Mask(mask_to_rle(PARTS["window"]), 0.9)]


def rows_of(tmp_path, engine):
    studio = make_studio(tmp_path, engine)
    rows = hand.measure(studio, SCENE)
    studio.sessions.close()
    return rows


def test_an_engine_that_is_right_takes_one_click(tmp_path):
    """The wall of one colour is found at once, and nothing more is done."""
    (row,) = rows_of(tmp_path, FloodEngine())
    assert [one.kind for one in row.actions] == ["click"]
    assert row.until(hand.GOAL) == 1


@pytest.mark.parametrize("region", [~PARTS["sky"], PARTS["door"], EVERYWHERE], ids=["house", "door", "all"])
def test_what_clicks_cannot_do_is_drawn(tmp_path, region):
    """An engine that is always wrong costs some clicks; then the wall is drawn, and every action is counted."""
    (row,) = rows_of(tmp_path, Stubborn(region))
    kinds = [one.kind for one in row.actions]
    assert kinds[0] == "click"
    assert {"outline", "polygon"} & set(kinds)
    assert row.until(hand.GOAL) is not None
    assert all(one.presses <= (hand.CORNERS if one.kind == "outline" else MOST_CORNERS) + 1 for one in row.actions)


def test_an_outline_goes_around_the_wall_and_not_its_windows():
    """Corner by corner, each within 3 px, each part of the wall by itself; a pipe in front of it is no end of it."""
    wall = PARTS["front"] | PARTS["door"]
    house = wall | PARTS["window"]
    wall[:, 199:203] = False  # a pipe
    wall[20:60, 340:390] = True  # a part for itself
    first, second = hand.outlines(wall, PARTS["window"], 0, 3.0)
    assert len(first) == 4
    assert Work(rle_to_mask(masks.polygon(first, wall.shape)), house, EVERYWHERE).iou > 0.97
    assert abs(np.array(second).min(axis=0) - (340, 20)).max() <= 3.5
    assert abs(np.array(second).max(axis=0) - (390, 60)).max() <= 3.5


def test_an_outline_takes_in_what_stands_at_the_rim_of_a_wall():
    """Shutters that reach the eaves are not gone around: the tool leaves them out."""
    wall, stands = np.zeros((300, 400), bool), np.zeros((300, 400), bool)
    wall[50:250, 50:350] = True
    for x in (80, 160, 240):
        stands[50:120, x : x + 50] = True
    (line,) = hand.outlines(wall & ~stands, stands, 0, 0.0)
    assert len(line) == 4
    assert Work(rle_to_mask(masks.polygon(line, wall.shape)), wall, np.ones(wall.shape, bool)).iou > 0.98


def test_an_outline_has_no_more_corners_than_a_person_clicks():
    """The corners that matter least go first: a ragged hedge is cut straight, the gable stays."""
    rng = np.random.default_rng(0)
    wall = np.zeros((600, 800), bool)
    for x in range(100, 700):
        wall[int(100 + abs(x - 400) / 3) : 500 - int(rng.integers(0, 12)) * (x % 40 < 20), x] = True
    (line,) = hand.outlines(wall, np.zeros_like(wall), 0, 0.0)
    assert len(line) <= hand.CORNERS
    assert Work(rle_to_mask(masks.polygon(line, wall.shape)), wall, np.ones(wall.shape, bool)).iou > 0.97


def test_the_same_run_gives_the_same_actions(tmp_path):
    """No dice, no clock."""
    first, second = (rows_of(tmp_path / name, Stubborn(~PARTS["sky"])) for name in "ab")
    assert [row.actions for row in first] == [row.actions for row in second]


def test_a_polygon_has_few_corners_and_does_what_it_promised():
    """A circle is not drawn exactly: twelve corners are what a person places."""
    y, x = np.mgrid[:200, :200]
    work = Work(np.zeros((200, 200), bool), (x - 100) ** 2 + (y - 100) ** 2 < 80**2, np.ones((200, 200), bool))
    shape = best_shape(work)
    assert len(shape.path) <= MOST_CORNERS
    drawn = rle_to_mask(masks.polygon(shape.path, (200, 200)))
    assert Work(drawn, work.aim, work.judged).iou == shape.iou
    assert 0.9 < shape.iou < 1


def test_what_nobody_judged_may_be_covered():
    """A shape that runs over pixels of label 0 loses nothing by it."""
    aim, judged = np.zeros((100, 100), bool), np.ones((100, 100), bool)
    aim[20:80, 20:80] = True
    judged[:, 50:] = aim[:, 50:] = False
    mask = np.zeros((100, 100), bool)
    mask[20:80, 20:100] = True
    assert Work(mask, aim, judged).iou == 1
    assert best_shape(Work(mask, aim, judged)) is None


def test_never_is_told_as_never():
    """A wall that was not reached is in the table, and a median of walls that were not is no number."""
    good = hand.Row("a", 0.1, [hand.Action("click", 1, 0.97)])
    bad = hand.Row("a", 0.1, [hand.Action("click", 1, 0.5), hand.Action("polygon", 9, 0.92)])
    assert hand.figures([good, bad], hand.GOAL) == "never | 1 never | 50% | 50% | 50%"
    assert hand.figures([bad], hand.GOAL).startswith("never | 1 never | 0%")
    assert hand.figures([good, bad], hand.NEARLY) == "2 | 2 | 100% | 100% | 100%"


def test_a_page_is_made_anew_between_its_comments():
    """What people wrote around the table stays."""
    page = "before\n<!-- benchmarks/hand.py -->\nold\n<!-- end -->\nafter\n"
    made = hand.written(page, "new")
    assert made == hand.written(made, "new")
    assert made.startswith("before\n")
    assert made.endswith("after\n")
    assert "new" in made
    assert "old" not in made
    with pytest.raises(SystemExit, match="needs"):
        hand.written("no table here", "new")
