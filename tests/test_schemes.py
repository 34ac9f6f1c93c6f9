"""Schemes: variants of all paints, of one photo and the same walls."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from conftest import draw_building, make_studio
from PIL import Image

from sam2_painter import Painter
from sam2_painter.errors import Conflict, InvalidInput, SchemeNotFound
from sam2_painter.photos.grid import grid
from sam2_painter.sessions.schemes import MAX_SCHEMES, layers_in
from sam2_painter.types import Coat

RED, BLUE, GREEN = (200, 30, 30), (30, 40, 180), (60, 140, 70)
ON_WALL, ON_DOOR = (100, 90), (70, 130)


@pytest.fixture
def sid(studio) -> str:
    """A session with a red wall and a blue door."""
    sid = studio.open(draw_building(), "house.png").id
    studio.click(sid, *ON_WALL)
    studio.paint_wall(sid, Coat(RED))
    studio.click(sid, *ON_DOOR, mode="new", protect=False)
    studio.paint_wall(sid, Coat(BLUE))
    return sid


def told(studio, sid) -> tuple[list[str], str]:
    """Names of the schemes, and of the one shown."""
    session = studio.session(sid)
    found = studio.schemes(session)
    return [one.name for one in found], next(one.name for one in found if one.id == session.canvas.scheme)


def shown(studio, sid) -> list[tuple[int, int, int]]:
    return [layer.color for layer in studio.session(sid).layers]


def test_there_is_one_until_another_is_made(studio, sid):
    """A photo has scheme A; the next is B, painted like it, and shown."""
    assert told(studio, sid) == (["A"], "A")
    studio.add_scheme(sid)
    assert told(studio, sid) == (["A", "B"], "B")
    assert shown(studio, sid) == [RED, BLUE]


def test_paint_belongs_to_the_scheme_that_is_shown(studio, sid):
    """Colour, opacity, light, what is hidden: each scheme has its own; switching brings all of it back at once."""
    wall, door = (layer.id for layer in studio.session(sid).layers)
    studio.add_scheme(sid)
    studio.edit_layer(sid, wall, color=GREEN, opacity=0.5, light=1.5)
    studio.edit_layer(sid, door, visible=False)
    second = studio.session(sid).layers
    studio.choose_scheme(sid, 0)
    assert shown(studio, sid) == [RED, BLUE]
    assert [layer.opacity for layer in studio.session(sid).layers] == [1, 1]
    assert studio.session(sid).layers[1].visible
    studio.choose_scheme(sid, 1)
    assert studio.session(sid).layers == second


def test_shapes_are_the_same_in_all(studio, sid):
    """A wall that is corrected in one scheme is corrected in all; so are its name and its place."""
    wall = studio.session(sid).layers[0].id
    studio.add_scheme(sid)
    studio.stroke(sid, [(20, 20), (60, 20)], 5, layer_id=wall)
    studio.edit_layer(sid, wall, name="Front")
    studio.move_layer(sid, wall, 1)
    here = studio.session(sid).layers
    there = layers_in(studio.session(sid), 0)
    assert [(v.id, v.mask, v.name) for v in here] == [(v.id, v.mask, v.name) for v in there]


def test_walls_come_and_go_in_all(studio, sid):
    """One painted later looks alike in all schemes until it is changed in one; one taken off is gone from all."""
    studio.add_scheme(sid)
    studio.box(sid, 10, 5, 60, 25)
    studio.paint_wall(sid, Coat(GREEN))
    new = studio.session(sid).layers[-1].id
    assert [layer.color for layer in layers_in(studio.session(sid), 0)] == [RED, BLUE, GREEN]
    studio.choose_scheme(sid, 0)
    studio.edit_layer(sid, new, color=RED)
    assert [layer.color for layer in layers_in(studio.session(sid), 1)] == [RED, BLUE, GREEN]
    studio.remove_layer(sid, new)
    studio.choose_scheme(sid, 1)
    assert shown(studio, sid) == [RED, BLUE]


def test_undo_travels_through_schemes(studio, sid):
    """Making, switching, naming and removing are a step each; switching to the one shown is none."""
    studio.add_scheme(sid)
    studio.edit_layer(sid, studio.session(sid).layers[0].id, color=GREEN)
    studio.choose_scheme(sid, 0)
    revision = studio.session(sid).revision
    assert studio.choose_scheme(sid, 0).can_undo == "switch scheme"
    studio.rename_scheme(sid, 1, "Garden")
    studio.remove_scheme(sid, 1)
    assert told(studio, sid) == (["A"], "A")
    studio.undo(sid)
    assert told(studio, sid) == (["A", "Garden"], "A")
    studio.undo(sid)
    studio.undo(sid)
    assert (told(studio, sid), shown(studio, sid)) == ((["A", "B"], "B"), [GREEN, BLUE])
    studio.redo(sid)
    assert shown(studio, sid) == [RED, BLUE]
    assert studio.session(sid).revision > revision


def test_removing_the_one_shown_shows_its_neighbour(studio, sid):
    """The next one, or at the end the one before; the last scheme stays."""
    studio.add_scheme(sid, "B")
    studio.edit_layer(sid, studio.session(sid).layers[0].id, color=GREEN)
    studio.add_scheme(sid, "Like A", like=0)
    assert shown(studio, sid) == [RED, BLUE]
    studio.remove_scheme(sid, 2)
    assert (told(studio, sid), shown(studio, sid)) == ((["A", "B"], "B"), [GREEN, BLUE])
    studio.choose_scheme(sid, 0)
    studio.remove_scheme(sid, 0)
    assert (told(studio, sid), shown(studio, sid)) == ((["B"], "B"), [GREEN, BLUE])
    with pytest.raises(InvalidInput, match="at least one"):
        studio.remove_scheme(sid, 1)


def test_mistakes_are_told_and_change_nothing(studio, sid):
    """Unknown schemes, empty and endless names, too many, one that another window removed."""
    before = studio.session(sid)
    for wrong in (7, -1, True):
        with pytest.raises(SchemeNotFound, match=r"there is 0 \(A\)"):
            studio.choose_scheme(sid, wrong)
    for name in (" ", "x" * 81, 3):
        with pytest.raises(InvalidInput, match="1 to 80"):
            studio.rename_scheme(sid, 0, name)
    assert studio.session(sid).revision == before.revision
    studio.add_scheme(sid)
    seen = studio.session(sid).revision
    studio.remove_scheme(sid, 1)
    with pytest.raises(Conflict, match="removed meanwhile"):
        studio.choose_scheme(sid, 1, revision=seen)
    for _ in range(MAX_SCHEMES - 1):
        studio.add_scheme(sid)
    with pytest.raises(InvalidInput, match=f"at most {MAX_SCHEMES}"):
        studio.add_scheme(sid)


def test_a_restart_and_a_project_keep_them(studio, sid, tmp_path):
    """Another process finds them, and a project that is opened has them with their paints."""
    studio.add_scheme(sid, "Bold")
    studio.edit_layer(sid, studio.session(sid).layers[0].id, color=GREEN)
    studio.choose_scheme(sid, 0)
    saved = studio.save_project(sid)
    for again, session_id in (
        (type(studio)(studio.engine, studio.sessions), sid),
        (elsewhere := make_studio(tmp_path / "elsewhere"), elsewhere.open_project(saved).id),
    ):
        assert told(again, session_id) == (["A", "Bold"], "A")
        again.choose_scheme(session_id, 1)
        assert shown(again, session_id) == [GREEN, BLUE]
    elsewhere.sessions.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda canvas: canvas.update(scheme=9),
        lambda canvas: canvas["schemes"].append(canvas["schemes"][0]),
        lambda canvas: canvas["schemes"][0].update(name=""),
        lambda canvas: canvas["schemes"][1]["coats"].append({"layer": 0}),
        lambda canvas: canvas["schemes"][0]["coats"][0].update(color=[0, 0, 999]),
        lambda canvas: canvas["schemes"][0]["coats"][0].update(opacity="much"),
    ],
    ids=["shown", "twice", "name", "coat", "colour", "opacity"],
)
def test_a_damaged_project_is_refused(studio, sid, damage):
    """Damage is told when the project is opened, not when its scheme is shown."""
    studio.add_scheme(sid)
    packed, out = zipfile.ZipFile(io.BytesIO(studio.save_project(sid))), io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in packed.namelist():
            data = packed.read(name)
            if name == "project.json":
                project = json.loads(data)
                damage(project["canvas"])
                data = json.dumps(project)
            archive.writestr(name, data)
    before = studio.sessions.count()
    with pytest.raises(InvalidInput, match="damaged"):
        studio.open_project(out.getvalue())
    assert studio.sessions.count() == before


def test_they_are_compared_and_downloaded(studio, sid):
    """Side by side with the photo, each as it is when it is shown; all of them at full size in one zip."""
    studio.add_scheme(sid, "B/../b")
    studio.edit_layer(sid, studio.session(sid).layers[0].id, color=GREEN)
    sheet = studio.compare_schemes(sid, 700)
    assert max(sheet.shape) <= 700
    made = studio.download_schemes(sid, format="PNG")
    archive = zipfile.ZipFile(io.BytesIO(made.path.read_bytes()))
    assert archive.namelist() == ["1 A.png", "2 B____b.png"]
    second = np.asarray(Image.open(io.BytesIO(archive.read("2 B____b.png"))))
    assert np.array_equal(second, studio.picture(sid))
    studio.choose_scheme(sid, 0)
    first = np.asarray(Image.open(io.BytesIO(archive.read("1 A.png"))))
    assert np.array_equal(first, studio.picture(sid))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_a_grid_holds_every_picture(count):
    """Each is there once, in its colour, whatever their number and shape."""
    colors = [(20 * place + 40, 0, 200) for place in range(count)]
    pictures = [(f"picture {color}", np.full((60, 90, 3), color, np.uint8)) for color in colors]
    sheet = grid(pictures, 500)
    for color in colors:
        assert 500 < np.all(np.abs(sheet.astype(int) - color) < 3, axis=2).sum() <= 60 * 90


@pytest.mark.parametrize(("size_hw", "count", "down"), [((90, 60), 3, 1), ((60, 60), 4, 2), ((60, 90), 4, 2)], ids=str)
def test_a_grid_fills_a_screen(size_hw, count, down):
    """Three tall pictures stand beside one another; four square or wide ones in two rows."""
    high, wide = grid([("", np.zeros((*size_hw, 3), np.uint8))] * count, 1000).shape[:2]
    assert high // size_hw[0] == down
    assert wide // size_hw[1] == count // down


def test_the_painter_has_them_by_name():
    """Every verb gives the Painter back; a name it does not have is told with those it has."""
    with Painter(draw_building(), engine="offline") as painter:
        painter.box(20, 40, 190, 150).paint("red").add_scheme().edit_layer(0, color="navy").rename_scheme("B", "Sea")
        assert (painter.schemes, painter.scheme) == (("A", "Sea"), "Sea")
        assert painter.choose_scheme("A").layers[0].color == (255, 0, 0)
        assert painter.compare_schemes(300).shape[2] == 3
        with pytest.raises(SchemeNotFound, match="there is A, Sea"):
            painter.choose_scheme("C")
        assert painter.remove_scheme("A").scheme == "Sea"


@pytest.mark.parametrize(
    "make", [lambda studio, sid: studio.download_schemes(sid), lambda studio, sid: studio.export(sid, "ora")]
)
def test_pictures_that_are_too_much_for_one_file(studio, monkeypatch, make):
    """Twenty-four schemes of 80 megapixels as PNG are gigabytes: said before they are all made."""
    from sam2_painter.sessions import zips

    sid = studio.open(draw_building(), "house.png").id
    studio.box(sid, 20, 40, 190, 150)
    studio.paint_wall(sid, Coat((200, 30, 30)))
    monkeypatch.setattr(zips, "MAX_PACKED", 100)
    with pytest.raises(InvalidInput, match="one by one"):
        make(studio, sid)
