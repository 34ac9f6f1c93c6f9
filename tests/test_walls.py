"""Walls as objects: what people met who tried to get one right, each with the right outcome, and the model beneath."""

import json
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from conftest import DOOR, ROOF, SKY, WALL, WINDOW, draw_building, make_studio, to_png
from engines import FloodEngine

from sam2_painter import masks
from sam2_painter.errors import Conflict, InvalidInput, LayerNotFound
from sam2_painter.rle import mask_to_rle, rle_to_mask
from sam2_painter.types import Coat, Mask, Photo, Prompts
from sam2_painter.web.api.operations.masks import segment

ON_WALL, ON_DOOR, ON_SKY, ON_ROOF = (100, 90), (70, 130), (100, 10), (100, 35)
ON_WINDOWS = [(48, 62), (78, 62), (128, 62), (152, 62)]
RED, BLUE = Coat((200, 30, 30)), Coat((30, 60, 200))
PIXELS = draw_building()


@pytest.fixture
def sid(studio, photo_bytes):
    return studio.open(photo_bytes, "building.png").id


def is_color(color):
    return (PIXELS == color).all(axis=-1)


def chosen(session):
    """(H, W) bool of the chosen wall."""
    return session.mask(session.selection.mask_id).segmentation


class MindlessEngine(FloodEngine):
    """Answers joined clicks with the whole building, as an engine may; single ones as the flood engine does."""

    def predict(self, embedding, prompts):
        if len(prompts.point_coords) > 1:
            return [Mask(mask_to_rle(~is_color(SKY)), 0.99)]
        return super().predict(embedding, prompts)


class StubbornEngine(FloodEngine):
    """Answers everything with one region, whatever is asked."""

    def __init__(self, region):
        super().__init__()
        self.region = region

    def predict(self, embedding, prompts):
        return [Mask(mask_to_rle(self.region), 0.9)]


class UnsureEngine(FloodEngine):
    """Answers everything twice, once with a pixel less."""

    def predict(self, embedding, prompts):
        found = []
        for mask in super().predict(embedding, prompts):
            less = rle_to_mask(mask.rle)
            less[np.unravel_index(less.argmax(), less.shape)] = False
            found += [mask, Mask(mask_to_rle(less))]
        return found


class NamedEngine(FloodEngine):
    """Names what was clicked by its colour."""

    def predict(self, embedding, prompts):
        x, y = prompts.point_coords[-1].astype(int)
        kind = {WALL: "wall", WINDOW: "window", DOOR: "door"}.get(tuple(PIXELS[y, x]), "")
        return [replace(mask, category=kind, category_score=0.97) for mask in super().predict(embedding, prompts)]


@pytest.fixture
def named(tmp_path, photo_bytes):
    """A studio with an engine that names, and the session of a photo in it."""
    studio = make_studio(tmp_path, NamedEngine())
    yield studio, studio.open(photo_bytes, "building.png").id
    studio.sessions.close()


# -- what a wall is called ---------------------------------------------------------------------------------------------


def window_made_wall(studio, sid):
    """A painted window that the wall was added to; then the window was taken out of it."""
    studio.click(sid, *ON_WINDOWS[0])
    studio.paint_wall(sid, RED)
    studio.point(sid, *ON_WALL, "union")
    return studio.point(sid, *ON_WINDOWS[0], "subtract")


def test_a_name_follows_what_the_wall_mostly_is(named):
    """A window that became a wall is called one, with its kind; one undo brings name and shape back together."""
    studio, sid = named
    studio.click(sid, *ON_WINDOWS[0])
    assert studio.paint_wall(sid, RED).layers[0].name == "Window 1"
    (layer,) = studio.point(sid, *ON_WALL, "union").layers
    assert (layer.name, layer.mask.category) == ("Wall 1", "wall")
    (before,) = studio.undo(sid).layers
    assert (before.name, before.mask.category) == ("Window 1", "window")
    studio.redo(sid)
    (layer,) = studio.point(sid, *ON_WINDOWS[0], "subtract").layers
    assert not layer.mask.rle.contains(*ON_WINDOWS[0])
    assert (layer.name, layer.color) == ("Wall 1", RED.color)


def test_a_kind_is_as_sure_after_a_step_is_taken_back_as_before_it(named):
    """However the shape comes to be: its kind, and how sure that is, follow from the steps that are left."""
    studio, sid = named
    studio.click(sid, *ON_WINDOWS[0])
    studio.paint_wall(sid, RED)
    studio.point(sid, *ON_WALL, "union")
    (before,) = studio.point(sid, *ON_DOOR, "union").layers
    studio.stroke(sid, [(20, 10), (40, 10)], 3)
    (after,) = studio.remove_step(sid, 3).layers
    assert after.mask.rle == before.mask.rle
    assert (after.mask.category, after.mask.category_score) == (before.mask.category, before.mask.category_score)


def test_a_name_somebody_gave_stays(named):
    """Whatever is added or taken away."""
    studio, sid = named
    studio.click(sid, *ON_WINDOWS[0])
    (layer,) = studio.paint_wall(sid, RED).layers
    studio.edit_layer(sid, layer.id, name="My window")
    (layer,) = studio.point(sid, *ON_WALL, "union").layers
    assert (layer.name, layer.mask.category) == ("My window", "wall")


def test_a_little_of_another_kind_changes_no_name(named):
    """A wall stays one when a door is added to it; the next free number is taken where a name is."""
    studio, sid = named
    studio.click(sid, *ON_WALL)
    studio.paint_wall(sid, RED)
    assert studio.point(sid, *ON_DOOR, "union").layers[0].name == "Wall 1"
    studio.point(sid, *ON_DOOR, "subtract")
    studio.click(sid, *ON_WINDOWS[1])
    assert studio.paint_wall(sid, BLUE).layers[1].name == "Window 1"
    studio.stroke(sid, [(20, 10), (180, 10)], 8)  # by hand, over the sky: hardly a window any more
    assert studio.session(sid).layers[1].name == "Wall 2"


# -- beginning the same wall anew --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["click", "point", "box", "stroke", "polygon", "import_mask"])
def test_a_painted_wall_starts_over(studio, sid, how):
    """Its shape is what is clicked or drawn next and nothing else; paint, name and place stay; it is one step."""
    studio.click(sid, *ON_WALL)
    before = studio.paint_wall(sid, RED).layers[0]
    asked = {
        "click": lambda: studio.click(sid, *ON_DOOR, mode="replace"),
        "point": lambda: studio.point(sid, *ON_DOOR, "replace"),
        "box": lambda: studio.box(sid, 60, 110, 85, 150, "replace"),
        "stroke": lambda: studio.stroke(sid, [(20, 10), (60, 10)], 6, "replace"),
        "polygon": lambda: studio.polygon(sid, [(20, 10), (60, 10), (60, 20)], "replace"),
        "import_mask": lambda: studio.import_mask(sid, mask_to_rle(is_color(DOOR)), "replace"),
    }[how]
    session = asked()
    (layer,) = session.layers
    assert (layer.id, layer.color, layer.name) == (before.id, before.color, before.name)
    assert not layer.mask.rle.contains(*ON_WALL)
    assert (session.selection.layer, len(layer.steps)) == (before.id, 1)
    assert session.can_undo == "start over"
    assert studio.undo(sid).layers[0].mask.rle == before.mask.rle


def test_a_wall_without_paint_starts_over(studio, sid):
    """What is clicked next is the wall; where none is chosen, that begins one."""
    session = studio.point(sid, *ON_WALL, "replace")
    assert np.array_equal(chosen(session), is_color(WALL))
    session = studio.point(sid, *ON_DOOR, "replace")
    assert np.array_equal(chosen(session), is_color(DOOR))
    assert len(session.selection.steps) == 1


def test_starting_over_on_another_wall_is_refused(studio, sid):
    """What is painted as another wall belongs to it, and nothing is lost."""
    studio.click(sid, *ON_WALL)
    studio.paint_wall(sid, RED)
    studio.click(sid, *ON_DOOR)
    door = studio.paint_wall(sid, BLUE).layers[1]
    with pytest.raises(InvalidInput, match="belongs to Wall 1"):
        studio.point(sid, *ON_WALL, "replace")
    assert studio.session(sid).layers[1].mask.rle == door.mask.rle


# -- rows of the trials ----------------------------------------------------------------------------------------------


def test_a_leak_leaves_the_painted_wall(studio, sid):
    """Row 1: taking away after painting changes that wall's layer, with a mark that takes away; nothing else is
    selected."""
    studio.click(sid, *ON_WALL)
    studio.point(sid, *ON_DOOR, "union")
    painted = studio.paint_wall(sid, RED)
    session = studio.click(sid, *ON_DOOR, label=0)
    (layer,) = session.layers
    assert layer.id == painted.layers[0].id == session.selection.layer
    assert np.array_equal(layer.mask.segmentation, is_color(WALL))
    assert [step.mode for step in layer.steps] == ["union", "union", "subtract"]
    assert session.selection.prompts.point_labels.tolist() == [1, 1, 0]
    assert np.array_equal(studio.picture(sid)[is_color(DOOR)], PIXELS[is_color(DOOR)])


def test_a_painted_wall_stays_editable(studio, sid):
    """Row 2: its points, strokes and corners come back when it is chosen, and adding to it makes no second layer."""
    studio.click(sid, *ON_WALL)
    studio.stroke(sid, [ON_DOOR], 8)
    studio.paint_wall(sid, RED)
    studio.click(sid, *ON_SKY)
    studio.paint_wall(sid, BLUE)
    wall, sky = studio.session(sid).layers
    back = studio.choose_wall(sid, wall.id)
    assert [step.kind for step in back.selection.steps] == ["prompts", "stroke"]
    assert back.selection.steps[0].points == ((*map(float, ON_WALL), 1),)
    assert back.selection.steps[1].path == (tuple(map(float, ON_DOOR)),)
    more = studio.polygon(sid, [(60, 112), (80, 112), (80, 150), (60, 150)])
    assert [layer.id for layer in more.layers] == [wall.id, sky.id]
    assert more.layers[0].mask.area > wall.mask.area
    assert more.layers[0].color == wall.color


def test_the_fifth_shutter_adds_a_shutter(tmp_path):
    """Row 3: each Add is a prompt of its own, united with what is there, whatever all of them together would mean."""
    studio = make_studio(tmp_path, MindlessEngine())
    sid = studio.open(to_png(PIXELS)).id
    for x, y in ON_WINDOWS:
        session = studio.point(sid, x, y, "union")
    assert np.array_equal(chosen(session), is_color(WINDOW))
    assert len(session.selection.steps) == 4


def test_a_click_on_a_painted_wall_chooses_it(studio, sid):
    """Row 4: no new patch, no second layer; also with another wall chosen, or begun."""
    studio.click(sid, *ON_WALL)
    wall = studio.paint_wall(sid, RED).layers[0]
    studio.click(sid, *ON_SKY)
    session = studio.click(sid, ON_WALL[0] + 5, ON_WALL[1])
    assert (session.selection.layer, len(session.layers)) == (wall.id, 1)
    assert len(session.selection.steps) == 1
    assert studio.choose_at(sid, *ON_WALL).revision == session.revision  # chosen already
    assert studio.session(sid).can_undo == "choose wall"


def test_choosing_among_painted_walls_is_no_step_and_keeps_what_can_be_redone(studio, sid):
    """Looking at another wall after an undo does not cost the redo; the choice is on disk all the same."""
    studio.click(sid, *ON_WALL)
    wall = studio.paint_wall(sid, RED).layers[0].id
    studio.click(sid, *ON_SKY)
    sky = studio.paint_wall(sid, RED).layers[1].id
    studio.paint_wall(sid, BLUE)
    before = studio.undo(sid)
    assert studio.choose_at(sid, *ON_WALL).selection.layer == wall
    studio.sessions._forget_snapshots(sid)
    session = studio.session(sid)
    assert session.selection.layer == wall
    assert (session.can_undo, session.can_redo) == (before.can_undo, before.can_redo) == ("paint", "paint")
    again = studio.redo(sid)
    assert (again.selection.layer, again.layers[1].color) == (sky, BLUE.color)


def test_after_painting_the_next_click_begins_anew(studio, sid):
    """Row 5: elsewhere a new wall begins, by itself, and the painted one stays as it is."""
    studio.click(sid, *ON_WALL)
    painted = studio.paint_wall(sid, RED)
    session = studio.click(sid, *ON_SKY)
    assert session.selection.layer is None
    assert np.array_equal(chosen(session), is_color(SKY))
    assert session.layers == painted.layers
    assert len(session.selection.steps) == 1


@pytest.mark.parametrize("begin", ["stroke", "polygon", "box", "mask"])
def test_a_click_goes_on_with_a_wall_however_it_was_begun(studio, sid, begin):
    """What was drawn is not thrown away by the click after it, while it has no paint."""
    if begin == "stroke":
        session = studio.stroke(sid, [ON_ROOF], 5)
    elif begin == "polygon":
        session = studio.polygon(sid, [(80, 25), (120, 25), (120, 40)])
    elif begin == "mask":
        session = studio.import_mask(sid, mask_to_rle(is_color(ROOF)))
    else:
        session = studio.box(sid, 60, 20, 140, 42)
    after = studio.click(sid, *ON_DOOR)
    assert (chosen(after) >= (chosen(session) | is_color(DOOR))).all()
    assert len(after.selection.steps) == 2


def test_the_chosen_answer_is_what_the_next_click_refines(studio, sid):
    """Row 6: another answer than the best is not forgotten."""
    studio.click(sid, *ON_DOOR)
    wider = studio.choose(sid, 1)
    session = studio.click(sid, *ON_ROOF)
    assert (chosen(session) >= chosen(wider)).all()
    assert session.selection.steps[0].choice == 1
    assert chosen(session).sum() == chosen(wider).sum() + is_color(ROOF).sum()


def test_answers_are_told_from_the_smallest_to_the_largest(studio, sid):
    """Row 7: each as the wall would be with it, what came before included; one of them is chosen."""
    studio.click(sid, *ON_ROOF)
    session = studio.point(sid, *ON_DOOR, "union")
    answers = studio.answers(session)
    assert len(answers) == 2
    assert [answer.area for answer in answers] == sorted(answer.area for answer in answers)
    assert [answer.chosen for answer in answers].count(True) == 1
    for answer in answers:
        assert (rle_to_mask(answer.rle) >= is_color(ROOF)).all()
        assert np.array_equal(chosen(studio.choose(sid, answer.choice)), rle_to_mask(answer.rle))
    assert studio.answers(studio.clear_selection(sid)) == ()


@pytest.mark.parametrize("mode", ["union", "subtract"])
def test_answers_differ_by_what_can_be_seen(tmp_path, mode):
    """One with a pixel less is no other answer to Add or Remove."""
    studio = make_studio(tmp_path, UnsureEngine())
    sid = studio.open(to_png(PIXELS)).id
    studio.import_mask(sid, mask_to_rle(is_color(ROOF if mode == "union" else WALL)))
    areas = [answer.area for answer in studio.answers(studio.point(sid, *ON_WALL, mode))]
    assert len(areas) > 1
    assert min(np.diff(areas)) > 0.001  # of the photo


@pytest.mark.parametrize(
    "region", [is_color(WALL) | is_color(DOOR), is_color(SKY), np.zeros((150, 200), bool)], ids=["all", "sky", "none"]
)
def test_taking_away_is_seen_stays_near_and_never_adds(tmp_path, region):
    """Row 8: whatever the engine says, a click takes at least a spot, no more than half, and no pixel is new."""
    studio = make_studio(tmp_path, StubbornEngine(region))
    sid = studio.open(to_png(PIXELS)).id
    before = rle_to_mask(mask_to_rle(is_color(WALL) | is_color(DOOR)))
    studio.import_mask(sid, mask_to_rle(before))
    after = chosen(studio.point(sid, *ON_DOOR, "subtract"))
    assert not (after & ~before).any()
    gone = before & ~after
    assert gone[ON_DOOR[1], ON_DOOR[0]]
    assert 300 < gone.sum() <= before.sum() / 2
    ys, xs = np.nonzero(gone)
    assert abs(xs - ON_DOOR[0]).max() <= 12
    assert abs(ys - ON_DOOR[1]).max() <= 12


def test_a_leak_larger_than_the_wall_can_be_taken_away(studio, sid):
    """A wall that ran into the sky is got back by a click there and the larger answer; the click alone takes a spot."""
    studio.import_mask(sid, mask_to_rle(is_color(DOOR)))
    studio.import_mask(sid, mask_to_rle(is_color(SKY)), "union")
    session = studio.point(sid, *ON_SKY, "subtract")
    assert chosen(session).sum() > is_color(SKY).sum() / 2
    answers = studio.answers(session)
    assert [answer.chosen for answer in answers] == [False, True]
    assert np.array_equal(chosen(studio.choose(sid, answers[0].choice)), is_color(DOOR))


@pytest.mark.parametrize("region", [is_color(SKY), np.zeros((150, 200), bool)], ids=["sky", "none"])
def test_adding_never_loses_anything_and_acts_at_the_click(tmp_path, region):
    """Row 8: what was right elsewhere stays right, even when the engine answers with something else."""
    studio = make_studio(tmp_path, StubbornEngine(region))
    sid = studio.open(to_png(PIXELS)).id
    studio.import_mask(sid, mask_to_rle(is_color(WALL)))
    after = chosen(studio.point(sid, *ON_DOOR, "union"))
    assert (after >= is_color(WALL)).all()
    new = after & ~is_color(WALL)
    assert new[ON_DOOR[1], ON_DOOR[0]]
    assert new.sum() < 600


def test_a_small_part_goes_when_it_is_clicked_and_others_stay(studio, sid):
    """Row 8: four windows are chosen, one is taken away; the other three and far parts stay to the pixel."""
    for x, y in ON_WINDOWS:
        before = studio.point(sid, x, y, "union")
    after = studio.point(sid, *ON_WINDOWS[1], "subtract")
    gone = chosen(before) & ~chosen(after)
    assert gone.sum() == is_color(WINDOW).sum() / 4
    assert all(chosen(after)[y, x] for x, y in ON_WINDOWS if (x, y) != ON_WINDOWS[1])


class OfWallEngine(FloodEngine):
    """Knows what a click changes about a wall that it is given; points by themselves mean the whole house."""

    def predict(self, embedding, prompts):
        if prompts.mask_input is None:
            return [Mask(mask_to_rle(~is_color(SKY)), 0.9)]
        return super().predict(embedding, prompts)


def test_a_later_click_changes_the_wall_as_it_is(tmp_path):
    """However the wall came to be, the engine is shown it: what it adds to that, or takes from it, comes first."""
    studio = make_studio(tmp_path, OfWallEngine())
    sid = studio.open(to_png(PIXELS)).id
    wall = is_color(WALL) | is_color(WINDOW) | is_color(DOOR)
    studio.import_mask(sid, mask_to_rle(wall))
    assert np.array_equal(chosen(studio.click(sid, *ON_DOOR, 0)), wall & ~is_color(DOOR))
    studio.undo(sid)
    assert np.array_equal(chosen(studio.click(sid, *ON_ROOF, mode="union")), wall | is_color(ROOF))


class HouseEngine(FloodEngine):
    """Takes a click for the whole house; a negative one asks it anew. Of a wall that it is given it takes a little."""

    def predict(self, embedding, prompts):
        house = ~is_color(SKY)
        if prompts.mask_input is not None:
            x, y = prompts.point_coords[-1].astype(int)
            house = prompts.mask_input.copy()
            house[y - 9 : y + 10, x - 9 : x + 10] = False
        elif len(prompts.point_coords) > 1:
            house &= ~is_color(ROOF)
        return [Mask(mask_to_rle(house), 0.9)]


@pytest.mark.parametrize("painted", [False, True])
def test_a_painted_wall_was_accepted(tmp_path, painted):
    """Before that, what is taken away says that the first click meant less; afterwards it stays near. The other is
    offered."""
    studio = make_studio(tmp_path, HouseEngine())
    sid = studio.open(to_png(PIXELS)).id
    studio.click(sid, *ON_WALL)
    if painted:
        studio.paint_wall(sid, RED)
    session = studio.click(sid, *ON_ROOF, 0)
    assert chosen(session)[is_color(ROOF)].any() == painted
    without_roof = (~is_color(SKY) & ~is_color(ROOF)).mean()
    assert any(answer.area == pytest.approx(without_roof) for answer in studio.answers(session))


class SpeckEngine(FloodEngine):
    """Makes a speck of clicks together. timid: also of a click that changes a wall it is given."""

    def __init__(self, timid):
        super().__init__()
        self.timid = timid

    def predict(self, embedding, prompts):
        x, y = prompts.point_coords[-1].astype(int)
        if len(prompts.point_coords) == 1 and not (self.timid and prompts.mask_input is not None):
            return super().predict(embedding, prompts)
        speck = np.zeros(embedding.features.shape, bool)
        speck[y - 1 : y + 2, x - 1 : x + 2] = True
        return [Mask(mask_to_rle(speck), 0.95)]


@pytest.mark.parametrize("timid", [False, True])
def test_an_add_is_seen_where_the_engine_believes_in_more(tmp_path, timid):
    """A speck gives way to a region that it finds by the wall and by the click alone; one that it finds in one way only
    is offered."""
    studio = make_studio(tmp_path, SpeckEngine(timid))
    sid = studio.open(to_png(PIXELS)).id
    studio.click(sid, *ON_WALL)
    session = studio.click(sid, *ON_ROOF, mode="union")
    added = [answer.area - is_color(WALL).mean() for answer in studio.answers(session)]
    assert added[0] < 0.01 < added[1]
    assert chosen(session)[is_color(ROOF)].all() != timid
    assert chosen(session)[ON_ROOF[1], ON_ROOF[0]]


@pytest.mark.parametrize(("width", "height"), [(0, 0), (4, 4), (7, 6)])
def test_a_shaky_click_is_a_click(studio, sid, width, height):
    """Row 11: a box under eight pixels of the screen means what lies under its middle."""
    x, y = ON_WALL
    by_click = studio.point(sid, x, y, "new")
    session = studio.box(sid, x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    assert np.array_equal(chosen(session), chosen(by_click))
    assert session.selection.steps[0].box is None


class SkyForSmallBoxes(FloodEngine):
    """Answers a box alone with the sky."""

    def predict(self, embedding, prompts):
        if prompts.box is not None:
            return [Mask(mask_to_rle(is_color(SKY)), 0.9)]
        return super().predict(embedding, prompts)


@pytest.mark.parametrize("side", [10, 24, 40])
def test_a_small_box_holds_its_middle(tmp_path, side):
    """Row 11: a box inside a wall is never answered with the sky; by `box` and by `segment`."""
    studio = make_studio(tmp_path, SkyForSmallBoxes())
    sid = studio.open(to_png(PIXELS)).id
    x, y = ON_WALL
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    assert chosen(studio.box(sid, *box))[y, x]
    assert chosen(studio.segment(sid, Prompts(box=list(box))))[y, x]
    assert chosen(studio.segment_parts(sid, [Prompts(box=list(box))]))[y, x]


def test_a_box_takes_away_nothing_outside_it(studio, sid):
    """What is drawn around is taken from the chosen wall, and only there."""
    studio.import_mask(sid, mask_to_rle(~is_color(SKY)))
    after = chosen(studio.box(sid, 28, 45, 60, 80, "subtract"))
    gone = ~is_color(SKY) & ~after
    assert gone.any()
    assert not gone[:, :28].any()
    assert not gone[:45].any()
    assert not gone[:, 60:].any()


def test_two_windows_never_touch_another_layer(studio, sid):
    """Row 16: a layer that is gone since somebody looked is a Conflict, and nothing changes; one that is there is
    changed whatever its place."""
    studio.click(sid, *ON_WALL)
    studio.paint_wall(sid, RED)
    studio.click(sid, *ON_SKY)
    seen = studio.paint_wall(sid, BLUE)
    wall, sky = (layer.id for layer in seen.layers)
    after = studio.remove_layer(sid, wall, revision=seen.revision)
    for wrong in (
        lambda: studio.edit_layer(sid, wall, revision=seen.revision, opacity=0.5),
        lambda: studio.remove_layer(sid, wall, revision=seen.revision),
        lambda: studio.move_layer(sid, wall, 0, revision=seen.revision),
        lambda: studio.choose_wall(sid, wall, revision=seen.revision),
        lambda: studio.stroke(sid, [ON_SKY], 9, layer_id=wall, revision=seen.revision),
        lambda: studio.paint_wall(sid, RED, layer_id=wall, revision=seen.revision),
        lambda: studio.remove_step(sid, 0, layer_id=wall, revision=seen.revision),
    ):
        with pytest.raises(Conflict, match="another window"):
            wrong()
    assert studio.session(sid).revision == after.revision
    changed = studio.edit_layer(sid, sky, revision=seen.revision, opacity=0.5)
    assert [(layer.id, layer.opacity) for layer in changed.layers] == [(sky, 0.5)]
    with pytest.raises(LayerNotFound):
        studio.edit_layer(sid, 99, opacity=0.5)


def test_a_wall_chosen_in_another_window_is_not_changed_unnamed(studio, sid):
    """Row 16: who looked before another painted wall was chosen must say which one is meant."""
    studio.click(sid, *ON_WALL)
    wall = studio.paint_wall(sid, RED).layers[0].id
    studio.click(sid, *ON_SKY)
    seen = studio.paint_wall(sid, BLUE)
    studio.choose_wall(sid, wall)
    with pytest.raises(Conflict, match="another wall may be chosen"):
        studio.point(sid, *ON_SKY, "subtract", revision=seen.revision)
    named = studio.point(sid, *ON_SKY, "subtract", layer_id=seen.layers[1].id, revision=seen.revision)
    assert named.selection.layer == seen.layers[1].id
    assert named.layers[0] == seen.layers[0]


@pytest.mark.parametrize("again", [False, True], ids=["painted just now", "chosen again"])
def test_another_answer_keeps_what_came_before_of_a_painted_wall(studio, sid, again):
    """Its earlier clicks are not lost, neither in what is offered nor in what is taken."""
    before = chosen(studio.click(sid, *ON_ROOF))
    studio.point(sid, *ON_WALL, "union")
    session = studio.paint_wall(sid, RED)
    if again:
        studio.clear_selection(sid)
        session = studio.choose_wall(sid, session.layers[0].id)
    other = next(answer for answer in studio.answers(session) if not answer.chosen)
    session = studio.choose(sid, other.choice)
    assert session.layers[0].mask.rle == other.rle
    assert (session.layers[0].mask.segmentation & before).sum() == before.sum()


def test_what_changes_nothing_is_no_step_to_undo(studio, sid):
    """The same parts chosen again, and the answer that a painted wall has already."""
    ids = studio.generate(sid).session.automatic[:2]
    studio.select(sid, ids)
    studio.select(sid, ids)
    assert studio.undo(sid).selection.mask_id is None
    studio.click(sid, *ON_WALL)
    session = studio.paint_wall(sid, RED)
    assert studio.choose(sid, session.selection.choice).can_undo == "paint"


def test_a_step_that_changes_nothing_still_chooses_its_wall(studio, sid):
    """The wall that was named is chosen, here and on disk."""
    studio.click(sid, *ON_WALL)
    wall = studio.paint_wall(sid, RED).layers[0].id
    studio.click(sid, *ON_SKY)
    session = studio.stroke(sid, [ON_SKY], 3, "subtract", layer_id=wall)
    assert (session.selection.layer, session.can_undo) == (wall, "choose wall")
    again = type(studio)(FloodEngine(), studio.sessions)
    studio.sessions._forget_snapshots(sid)
    assert again.session(sid).selection.layer == wall


# -- ids -------------------------------------------------------------------------------------------------------------


def test_an_id_is_never_given_twice(studio, sid):
    """Not after undo, not after removal, not after a restart."""
    studio.generate(sid)
    given = []
    for mask_id in range(3):
        given.append(studio.paint(sid, [Coat(RED.color, mask_id)]).layers[-1].id)
        studio.undo(sid)
    given.append(studio.paint(sid, [Coat(RED.color, 0)]).layers[-1].id)
    studio.remove_layer(sid, given[-1])
    again = type(studio)(FloodEngine(), studio.sessions)
    given.append(again.paint(sid, [Coat(RED.color, 0)]).layers[-1].id)
    assert len(set(given)) == len(given)


def test_projects_keep_walls_and_their_ids(studio, sid):
    """Steps, ids and what is chosen come back; a new layer gets a new id."""
    studio.click(sid, *ON_WALL)
    studio.stroke(sid, [(20, 20), (60, 20)], 5, edge_aware=True)
    studio.paint_wall(sid, RED)
    studio.click(sid, *ON_ROOF)
    before = studio.paint_wall(sid, BLUE)
    opened = studio.open_project(studio.save_project(sid))
    assert opened.layers == before.layers
    assert opened.selection.layer == before.selection.layer
    assert opened.selection.steps == before.selection.steps
    studio.click(opened.id, *ON_DOOR)
    assert studio.paint_wall(opened.id, RED).layers[-1].id not in {layer.id for layer in before.layers}


def test_a_project_of_the_first_version_opens(studio, sid):
    """Its prompts become steps, and its layers get ids; painting goes on."""
    studio.click(sid, *ON_WALL)
    studio.paint(sid, [Coat(RED.color, 0), Coat(BLUE.color, 0, opacity=0.5)], replace_same=False)
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(studio.save_project(sid))) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    values = json.loads(kept["project.json"])
    layers = [{k: v for k, v in layer.items() if k not in ("id", "steps")} for layer in values["canvas"]["layers"]]
    prompts = {"point_coords": [list(ON_WALL)], "point_labels": [1], "box": None}
    selection = {"mask_id": 0, "prompts": prompts, "candidates": [0, 1], "choice": 0, "base": None, "mode": ""}
    values |= {"version": 1, "canvas": selection | {"layers": layers}}
    kept["project.json"] = json.dumps(values).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    opened = studio.open_project(out.getvalue())
    assert [(layer.color, layer.opacity) for layer in opened.layers] == [(RED.color, 1.0), (BLUE.color, 0.5)]
    one, other = (layer.id for layer in opened.layers)
    assert one != other
    assert opened.selection.steps[0].points == ((*map(float, ON_WALL), 1),)
    assert studio.remove_layer(opened.id, one).layers[0].id == other
    assert studio.stroke(opened.id, [ON_DOOR], 6, layer_id=other).layers[0].mask.area > opened.layers[0].mask.area


# -- steps -----------------------------------------------------------------------------------------------------------


def test_every_step_is_taken_back_by_one_undo(studio, sid):
    """Points, boxes, strokes, polygons and masks, on a painted wall, back to nothing and forth again; the answer that
    is taken goes with its click."""
    seen = [studio.session(sid)]
    studio.click(sid, *ON_DOOR)
    for act in (
        lambda: studio.choose(sid, 1),
        lambda: studio.paint_wall(sid, RED),
        lambda: studio.point(sid, *ON_ROOF, "union"),
        lambda: studio.stroke(sid, [(20, 100), (40, 120)], 6),
        lambda: studio.stroke(sid, [(30, 110)], 4, "subtract"),
        lambda: studio.polygon(sid, [(150, 100), (190, 100), (190, 140)]),
        lambda: studio.import_mask(sid, mask_to_rle(is_color(SKY)), "union"),
        lambda: studio.point(sid, *ON_SKY, "subtract"),
        lambda: studio.paint_wall(sid, BLUE),
    ):
        seen.append(act())
    for before in reversed(seen[:-1]):
        session = studio.undo(sid)
        assert (session.layers, session.selection.mask_id) == (before.layers, before.selection.mask_id)
        assert session.selection.steps == before.selection.steps
    for after in seen[1:]:
        assert studio.redo(sid).layers == after.layers


def test_a_step_is_taken_out_of_the_middle(studio, sid):
    """The others stay; a wall without paint that loses its last one is chosen no more, a painted one keeps it."""
    studio.click(sid, *ON_DOOR)
    studio.point(sid, *ON_ROOF, "union")
    studio.stroke(sid, [(20, 100)], 6)
    session = studio.remove_step(sid, 1)
    dot = rle_to_mask(masks.stroke([(20, 100)], 6, (150, 200)))
    assert np.array_equal(chosen(session), is_color(DOOR) | dot)
    assert np.array_equal(chosen(studio.remove_point(sid, 0)), dot)
    assert studio.remove_step(sid, 0).selection.mask_id is None
    studio.undo(sid)
    studio.paint_wall(sid, RED)
    with pytest.raises(InvalidInput, match="Remove it instead"):
        studio.remove_step(sid, 0)


def test_a_step_that_changes_nothing_is_none(studio, sid):
    """A second click on the same place, or rubbing out where nothing is, is no step of the history."""
    before = studio.click(sid, *ON_WALL)
    studio.click(sid, *ON_WALL)
    studio.stroke(sid, [ON_SKY], 3, "subtract")
    after = studio.point(sid, *ON_SKY, "subtract")
    assert after.selection.steps == before.selection.steps
    assert studio.undo(sid).selection.mask_id is None


NOTHING_DONE = {
    "remove beside it": lambda studio, sid: studio.click(sid, *ON_SKY, 0),
    "add in it": lambda studio, sid: studio.click(sid, ON_WALL[0] + 20, ON_WALL[1], mode="union"),
    "keep what it is": lambda studio, sid: studio.click(sid, *ON_WALL, mode="intersect"),
    "a box beside it": lambda studio, sid: studio.box(sid, 5, 5, 30, 20, "subtract"),
    "rub out beside it": lambda studio, sid: studio.stroke(sid, [ON_SKY], 3, "subtract", edge_aware=True),
    "a polygon beside it": lambda studio, sid: studio.polygon(sid, [(5, 5), (30, 5), (30, 20)], "subtract"),
}


@pytest.mark.parametrize("do", NOTHING_DONE.values(), ids=NOTHING_DONE)
@pytest.mark.parametrize("painted", [False, True])
def test_what_changes_nothing_counts_no_revision(studio, sid, do, painted):
    """Nor is a mask kept of it, in memory or on disk: another window has nothing to look at."""
    studio.click(sid, *ON_WALL)
    before = studio.paint_wall(sid, RED) if painted else studio.session(sid)
    after = do(studio, sid)
    studio.sessions._forget_snapshots(sid)
    for session in (after, studio.session(sid)):
        assert (session.revision, dict(session.masks)) == (before.revision, dict(before.masks))
    assert not studio.session(sid).can_redo


def test_a_wall_may_have_many_steps(studio, sid):
    """Of a hundred strokes the oldest are remembered as one; the shape is that of all of them."""
    rng = np.random.default_rng(0)
    dots = rng.uniform(10, 140, (100, 2)).round(1)
    for number, (x, y) in enumerate(dots):
        session = studio.stroke(sid, [(x, y)], 9, "union" if number % 3 else "subtract" if number else "union")
    expected = np.zeros((150, 200), bool)
    for number, (x, y) in enumerate(dots):
        dot = rle_to_mask(masks.stroke([(x, y)], 9, (150, 200)))
        expected = expected & ~dot if number % 3 == 0 and number else expected | dot
    assert np.array_equal(chosen(session), expected)
    assert len(session.selection.steps) <= 64
    assert session.selection.steps[0].kind == "mask"


# -- protection ------------------------------------------------------------------------------------------------------


@pytest.fixture
def door_painted(studio, sid):
    """A door in red; nothing is chosen."""
    studio.click(sid, *ON_DOOR)
    studio.paint_wall(sid, RED)
    return studio.clear_selection(sid)


WAYS = {
    "box": lambda s, sid, **more: s.box(sid, 10, 90, 150, 150, "new", **more),
    "stroke": lambda s, sid, **more: s.stroke(sid, [(20, 130), (150, 130)], 9, "new", **more),
    "polygon": lambda s, sid, **more: s.polygon(sid, [(10, 100), (150, 100), (150, 149), (10, 149)], "new", **more),
    "mask": lambda s, sid, **more: s.import_mask(sid, mask_to_rle(~is_color(SKY)), **more),
}


@pytest.mark.parametrize("way", WAYS)
def test_new_walls_leave_painted_ones_alone(studio, sid, door_painted, way):
    """On by default, and switchable."""
    kept = chosen(WAYS[way](studio, sid))
    assert not (kept & is_color(DOOR)).any()
    free = chosen(WAYS[way](studio, sid, protect=False))
    assert (free & is_color(DOOR)).any()
    assert np.array_equal(free & ~is_color(DOOR), kept)


def test_hidden_paint_is_not_in_the_way(studio, sid, door_painted):
    """A layer that is not seen protects nothing; the wall itself is never protected from itself."""
    studio.edit_layer(sid, door_painted.layers[0].id, visible=False)
    assert (chosen(studio.import_mask(sid, mask_to_rle(is_color(DOOR)))) == is_color(DOOR)).all()
    studio.edit_layer(sid, door_painted.layers[0].id, visible=True)
    studio.choose_wall(sid, door_painted.layers[0].id)
    studio.stroke(sid, [ON_DOOR], 4, "subtract")
    assert np.array_equal(chosen(studio.stroke(sid, [ON_DOOR], 5)), is_color(DOOR))


def test_an_answer_that_is_painted_already_is_none(studio, sid, door_painted):
    """Of the answers to a click, one that holds only protected paint is left out; the others are told."""
    session = studio.point(sid, ON_DOOR[0] + 15, ON_DOOR[1], "new")
    ids = session.selection.candidates
    with studio.sessions.edit(sid) as edit:
        (painted,) = edit.add([Mask(mask_to_rle(is_color(DOOR)))])
        (step,) = edit.session.selection.steps
        selection = replace(edit.session.selection, steps=(replace(step, candidates=(*ids, painted)),))
        edit.do("one answer more", replace(edit.session.canvas, selection=selection))
    assert [answer.choice for answer in studio.answers(edit.session)] == list(range(len(ids)))
    with pytest.raises(InvalidInput, match="painted already"):
        studio.choose(sid, len(ids))


def test_a_click_on_another_wall_adds_nothing_elsewhere(studio, sid, door_painted):
    """What was clicked belongs to another wall: that is said, and no leftover beside it is added."""
    studio.choose_wall(sid, door_painted.layers[0].id)
    door = studio.stroke(sid, [ON_DOOR], 4, "subtract").layers
    studio.clear_selection(sid)
    studio.click(sid, *ON_WALL)
    x, y = ON_DOOR
    with pytest.raises(InvalidInput, match="belongs to Wall 1"):
        studio.point(sid, x, y + 10, "union")
    taken = studio.stroke(sid, [(x, y + 10)], 2, take=True)
    assert chosen(taken)[y + 10, x]
    assert not taken.layers[0].mask.rle.contains(x, y + 10)
    assert studio.undo(sid).layers == door


def test_a_shaky_click_chooses_a_painted_wall(studio, sid, door_painted):
    """Row 11: a box of a few pixels is a click there, too."""
    x, y = ON_DOOR
    session = studio.box(sid, x - 2, y - 2, x + 2, y + 2)
    assert session.selection.layer == door_painted.layers[0].id


def test_nothing_but_paint_says_whose_it_is(studio, sid, door_painted):
    """One sentence, and nothing is begun."""
    with pytest.raises(InvalidInput, match="belongs to Wall 1"):
        studio.stroke(sid, [ON_DOOR], 4)
    assert studio.session(sid).selection.mask_id is None


# -- keeping ---------------------------------------------------------------------------------------------------------


def test_an_open_page_keeps_its_session_alive(tmp_path):
    """`keep_alive` is a use, written down at once; it says how long the session lives on."""
    from sam2_painter.sessions.store import SessionStore
    from sam2_painter.studio.studio import Studio

    now = [1_000_000.0]
    store = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r", ttl=60, clock=lambda: now[0])
    studio = Studio(FloodEngine(), store)
    sid = studio.open(to_png(PIXELS)).id
    for _ in range(10):
        now[0] += 50
        assert studio.keep_alive(sid) == 60
    assert studio.sweep() == 0
    now[0] += 61
    assert studio.sweep() == 1


# -- one read, one commit --------------------------------------------------------------------------------------------


def statements(studio, act):
    """The SQL statements of a verb, without what begins and ends transactions."""
    told = []
    connection = studio.sessions._db._connection
    assert isinstance(connection, sqlite3.Connection)
    connection.set_trace_callback(told.append)
    try:
        act()
    finally:
        connection.set_trace_callback(None)
    return [one for one in told if one.split()[0] not in ("BEGIN", "COMMIT", "--")]


VERBS = {
    "look": (lambda s, sid, layer: s.session(sid), 1),
    "picture": (lambda s, sid, layer: s.picture(sid, max_side=80), 1),
    "wall colour": (lambda s, sid, layer: s.wall_color(sid, 0), 1),
    "click": (lambda s, sid, layer: s.click(sid, *ON_SKY), 1),
    "stroke": (lambda s, sid, layer: s.stroke(sid, [ON_ROOF], 5), 1),
    "paint": (lambda s, sid, layer: s.paint_wall(sid, BLUE), 1),
    "paint and look": (lambda s, sid, layer: s.paint_shown(sid, [Coat((1, 2, 3), 0)], len), 1),
    "paint by name": (lambda s, sid, layer: s.paint_wall(sid, Coat("teal")), 1),
    "edit layer": (lambda s, sid, layer: s.edit_layer(sid, layer, opacity=0.5), 1),
    "project": (lambda s, sid, layer: s.save_project(sid), 1),
    "/api/segment": (lambda s, sid, layer: segment(s, sid, points=[{"x": ON_SKY[0], "y": ON_SKY[1]}]), 1),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_reads_its_session_once(studio, sid, verb):
    """One read, and one commit where something changes."""
    act, reads = VERBS[verb]
    studio.click(sid, *ON_WALL)
    layer = studio.paint_wall(sid, RED).layers[0].id
    told = statements(studio, lambda: act(studio, sid, layer))
    writes = [one for one in told if one.startswith(("INSERT", "UPDATE", "DELETE"))]
    looks = [one for one in told if one.startswith("SELECT") and "FROM sessions" in one]
    assert len(looks) == reads + bool(writes)  # a commit looks whether the session is as it was read
    assert len(told) <= 10


def test_a_photo_is_opened_for_an_engine_that_has_not_read_it(studio, photo_bytes, monkeypatch):
    """And not again for a click, though memory had no room for its pixels."""
    sid = studio.open(photo_bytes).id
    studio._caches.photos.clear()
    read, opened = studio.sessions.read_photo, []
    monkeypatch.setattr(studio.sessions, "read_photo", lambda session: opened.append(session.id) or read(session))
    studio.click(sid, *ON_WALL)
    assert opened == [sid]
    studio._caches.photos.clear()
    studio.click(sid, *ON_SKY)
    assert opened == [sid]


def test_colours_may_go_by_name(studio, sid):
    """By the session's own paints, in the verb itself: no door looks them up."""
    studio.click(sid, *ON_WALL)
    painted = studio.paint_wall(sid, Coat("garden sage"))
    assert painted.layers[0].color == (168, 183, 156)
    assert studio.edit_layer(sid, painted.layers[0].id, color="#010203").layers[0].color == (1, 2, 3)
    for wrong in (lambda: studio.paint_wall(sid, Coat("walnutt")), lambda: studio.paint(sid, [Coat("#ff", 0)])):
        with pytest.raises(InvalidInput):
            wrong()
    assert studio.session(sid).layers[0].color == (1, 2, 3)


def test_a_photo_of_another_size_is_no_mask(studio, sid):
    """What is brought along must fit."""
    with pytest.raises(InvalidInput, match="mask is 3x2, the photo 200x150"):
        studio.import_mask(sid, mask_to_rle(np.ones((2, 3), bool)))
    assert Photo(PIXELS).size == (150, 200)
