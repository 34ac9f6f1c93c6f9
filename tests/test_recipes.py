"""Recipes: what was done to one photo, done to others."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from conftest import DOOR, SKY, WALL, WINDOW, draw_building, to_png
from PIL import Image

from sam2_painter import InvalidInput, MaskNotFound, Painter
from sam2_painter.__main__ import main
from sam2_painter.errors import TimeLimitExceeded
from sam2_painter.jobs.deadline import Deadline
from sam2_painter.sessions import recipe as recipes

SAGE, NAVY = (181, 199, 163), (32, 48, 78)
FLAT = {"color": "#b5c7a3", "mode": "flat", "steps": [{"find": "wall"}]}


def recipe_json(*walls, **more):
    return {"format": recipes.FORMAT, "version": 1, "walls": list(walls), **more}


@pytest.fixture
def studio(naming_studio):
    return naming_studio


@pytest.fixture
def house(studio):
    """The building, open."""
    return Painter(draw_building(), studio=studio)


def other(studio, width=300, height=225):
    """The same building from nearer."""
    return Painter(draw_building(width, height), studio=studio)


def test_a_recipe_repeats_every_kind_of_step(house, studio, tmp_path):
    """Found by kind, clicked, boxed, brushed, drawn, brought along, with ties, light and names: on a photo of the same
    size the picture is the same to the pixel."""
    house.find("wall").subtract(100, 80).paint(SAGE, light=1.2, shadow=0.8, name="House")
    house.deselect().click(100, 30).paint(NAVY, 0.5)
    house.deselect().box(75, 100, 90, 142).paint("red", mode="flat")
    house.deselect().stroke([(20, 140), (60, 140)], 4).polygon([(2, 2), (30, 2), (2, 30)]).paint(
        "white", mode="multiply"
    )
    brought = np.zeros((150, 200), bool)
    brought[5:20, 150:170] = True
    house.import_mask(brought).paint("black", mode="flat").tie_layers(0, 1).edit_layer(2, visible=False)
    path = house.save_recipe(tmp_path / "recipe.json")
    again = Painter(draw_building(), studio=studio).apply_recipe(path)
    assert np.array_equal(again.picture(), house.picture())
    for one, copy in zip(house.layers, again.layers, strict=True):
        assert (one.name, one.color, one.opacity, one.mode, one.light, one.shadow, one.visible, bool(one.tie)) == (
            copy.name,
            copy.color,
            copy.opacity,
            copy.mode,
            copy.light,
            copy.shadow,
            copy.visible,
            bool(copy.tie),
        )
    assert json.loads(path.read_text()) == recipes.to_json(recipes.of_session(again.session))


def test_walls_found_by_kind_are_found_anew(house, studio, tmp_path):
    """In a photo of another size too; nothing has to be scaled for that."""
    path = house.find("wall").paint(SAGE, mode="flat").save_recipe(tmp_path / "recipe.json")
    near = other(studio).apply_recipe(path)
    picture = near.picture()
    assert tuple(picture[120, 150]) == SAGE
    assert tuple(picture[4, 4]) == SKY


def test_clicks_are_scaled_only_when_asked(house, studio, tmp_path):
    """A photo of another size is refused and stays as it is; with scale=True the click lands where it did."""
    path = house.click(100, 80).paint(SAGE, mode="flat").save_recipe(tmp_path / "recipe.json")
    near = other(studio)
    with pytest.raises(InvalidInput, match="places in a photo of 200x150, and this one is 300x225"):
        near.apply_recipe(path)
    assert not near.layers
    near.apply_recipe(path, scale=True)
    assert tuple(near.picture()[120, 150]) == SAGE
    assert tuple(near.picture()[4, 4]) == SKY


def test_a_mask_is_scaled_with_the_photo(house, studio, tmp_path):
    """What was brought along covers the same part of the picture."""
    half = np.zeros((150, 200), bool)
    half[:, 100:] = True
    path = house.import_mask(half).paint("red", mode="flat").save_recipe(tmp_path / "recipe.json")
    near = other(studio).apply_recipe(path, scale=True)
    assert near.layers[0].mask.bbox == (150, 0, 150, 225)


def test_what_is_not_in_a_photo_is_left_out_and_said(house, studio):
    """The walls are painted, the missing sheds are named; with nothing to paint at all nothing is changed."""
    wanted = recipe_json(FLAT, {"name": "Sheds", "color": "red", "steps": [{"find": "door"}]})
    plain = draw_building()
    plain[(plain == DOOR).all(2)] = WALL
    bare = Painter(plain, studio=studio)
    with pytest.warns(UserWarning, match="Sheds: No door was found in this photo"):
        bare.apply_recipe(wanted)
    assert [layer.color for layer in bare.layers] == [SAGE]
    before = bare.session.revision
    with pytest.raises(MaskNotFound, match="Sheds: No door"):
        bare.apply_recipe(recipe_json(wanted["walls"][1]))
    assert bare.session.revision == before


def test_applying_is_one_step_of_the_history(studio):
    """One undo takes all of it back."""
    house = Painter(draw_building(), studio=studio)
    house.apply_recipe(recipe_json(FLAT, {"color": "red", "steps": [{"find": "window"}]}))
    assert len(house.layers) == 2
    assert not house.undo().layers


def test_find_leaves_painted_walls_alone(house):
    """What a kind is found in is not painted a second time, unless it is asked for."""
    house.click(100, 80).paint(SAGE)
    with pytest.raises(InvalidInput, match="painted already"):
        house.find("wall")
    assert house.find("wall", protect=False).selected is not None


MISTAKES = [
    (b"{", "is no JSON"),
    ("[]", "the recipe: must be a JSON object"),
    ({"format": "mine"}, 'its "format" must be'),
    ({**recipe_json(FLAT), "version": 2}, "newer"),
    ({**recipe_json(FLAT), "version": "1"}, "version: must be 1"),
    ({**recipe_json(FLAT), "colour": 1}, "no field 'colour'"),
    (recipe_json(), "walls: must be a list of 1 to 100"),
    (recipe_json({**FLAT, "color": 7}), r"walls\[0\].color: must be text"),
    (recipe_json(FLAT, {**FLAT, "opacity": 2}), r"walls\[1\]: opacity must be"),
    (recipe_json({**FLAT, "light": "dark"}), r"walls\[0\]: light must be"),
    (recipe_json({**FLAT, "visible": 1}), r"walls\[0\]: visible must be true or false"),
    (recipe_json({**FLAT, "tie": -1}), r"walls\[0\]: tie must be"),
    (recipe_json({**FLAT, "name": 3}), r"walls\[0\]: name must be"),
    (recipe_json({**FLAT, "steps": []}), r"walls\[0\].steps: must be a list of 1 to"),
    (recipe_json({**FLAT, "steps": [{}]}), r"steps\[0\]: must have one of find"),
    (recipe_json({**FLAT, "steps": [{"find": "wall", "polygon": []}]}), "must have one of find"),
    (recipe_json({**FLAT, "steps": [{"find": 3}]}), "find: must be a kind"),
    (recipe_json({**FLAT, "steps": [{"find": "wall", "mode": "add"}]}), "mode must be one of"),
    (recipe_json({**FLAT, "steps": [{"find": "wall", "mode": "subtract"}]}), 'must be "union"'),
    (recipe_json({**FLAT, "steps": [{"find": "wall", "protect": 1}]}), "protect: must be true or false"),
    (recipe_json({**FLAT, "steps": [{"points": [[1, 2]]}]}), "size: must be"),
    (recipe_json({**FLAT, "steps": [{"points": [[1]]}]}, size=[9, 9]), "points: must be a list of 2 to 3"),
    (recipe_json({**FLAT, "steps": [{"points": [[1, 2, 3]]}]}, size=[9, 9]), "the label 1 or 0"),
    (recipe_json({**FLAT, "steps": [{"points": [[1, "a"]]}]}, size=[9, 9]), "points: must be"),
    (recipe_json({**FLAT, "steps": [{"box": [4, 4, 1, 1]}]}, size=[9, 9]), "box"),
    (recipe_json({**FLAT, "steps": [{"polygon": [[1, 1]]}]}, size=[9, 9]), "polygon: must be a list of 3"),
    (recipe_json({**FLAT, "steps": [{"stroke": [[1, 1]], "radius": "x"}]}, size=[9, 9]), "radius: must be"),
    (recipe_json({**FLAT, "steps": [{"mask": "AAAA"}]}, size=[9, 9]), "mask"),
    (recipe_json({**FLAT, "steps": [{"mask": "AAAA"}]}), "mask: must be a base64 PNG"),
    (recipe_json(FLAT, size=[0, 9]), "size: must be"),
]


@pytest.mark.parametrize(("recipe", "sentence"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_in_one_sentence_and_changes_nothing(house, tmp_path, recipe, sentence):
    """Which field, and what is allowed."""
    path = tmp_path / "recipe.json"
    path.write_bytes(
        recipe
        if isinstance(recipe, bytes)
        else recipe.encode()
        if isinstance(recipe, str)
        else json.dumps(recipe).encode()
    )
    with pytest.raises(InvalidInput, match=sentence) as caught:
        house.apply_recipe(path)
    assert caught.value.field == "recipe"
    assert not house.session.can_undo


def test_a_mask_larger_than_any_photo_is_not_decoded(monkeypatch):
    """A PNG of a megabyte may be ten thousand million pixels: whoever wrote the recipe wrote its size too."""
    monkeypatch.setattr(recipes, "mask_from_png", lambda *_: pytest.fail("it was decoded"))
    for size, limits in (([100_000, 100_000], {}), ([300, 200], {"max_pixels": 59_999})):
        with pytest.raises(InvalidInput, match=r"steps\[0\].mask.*not too large"):
            recipes.from_json(recipe_json({**FLAT, "steps": [{"mask": "AAAA"}]}, size=size), **limits)


def test_reading_a_recipe_ends_with_its_time():
    """Six thousand masks take minutes; whoever asked was told after his, and the worker is free."""
    with Deadline(0, "apply_recipe"), pytest.raises(TimeLimitExceeded):
        recipes.from_json(recipe_json(FLAT))


def test_a_recipe_needs_paint_and_a_free_name(house, tmp_path):
    """Nothing painted is no recipe; a file that exists is kept."""
    with pytest.raises(InvalidInput, match="no paint"):
        house.save_recipe(tmp_path / "recipe.json")
    path = house.find("wall").paint("red").save_recipe(tmp_path / "recipe.json")
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="exists already"):
        house.save_recipe(path)
    assert path.read_bytes() == before


def test_the_command_line_applies_a_recipe_to_many_photos(studio, tmp_path, capsys):
    """Each photo is painted; the report says what was left out where."""
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(to_png(draw_building()))
    plain = draw_building(300, 225)
    plain[(plain == WINDOW).all(2)] = WALL
    (photos / "b.png").write_bytes(to_png(plain))
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(recipe_json(FLAT, {"name": "Panes", "color": "red", "steps": [{"find": "window"}]})))
    argv = ["paint", "--recipe", str(recipe), str(photos), "-o", f"{tmp_path}/out/", "--report", "-"]
    assert main(argv, studio) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert Image.open(tmp_path / "out/b.png").getpixel((150, 120)) == SAGE
    assert [(one["width"], one["notes"]) for one in report["done"]] == [
        (200, []),
        (300, ["Panes: No window was found in this photo. Click one instead."]),
    ]
    assert "Panes: No window was found" in captured.err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--color", "red"], "leave out --color"),
        (["--point", "1,2"], "leave out --point"),
        (["--opacity", "0"], "leave out --opacity"),
        (["--mode", "flat"], "leave out --mode"),
        (["--all", "wall"], "leave out --all"),
    ],
)
def test_a_recipe_says_it_all(studio, tmp_path, capsys, more, sentence):
    """Other words for what to paint beside it are refused before any work."""
    photo, recipe = tmp_path / "a.png", tmp_path / "recipe.json"
    photo.write_bytes(to_png(draw_building()))
    recipe.write_text(json.dumps(recipe_json(FLAT)))
    assert main(["paint", "--recipe", str(recipe), str(photo), *more], studio) == 2
    assert sentence in capsys.readouterr().err
    assert main(["paint", "--color", "red", "--point", "1,2", "--scale", str(photo)], studio) == 2
    assert not list(tmp_path.glob("*-painted*"))


def test_the_report_of_a_run(studio, tmp_path, capsys):
    """Done, failed and skipped; never over the photo, the pictures, or a file that exists."""
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(to_png(draw_building()))
    (photos / "b.png").write_bytes(b"no picture")
    (photos / "notes.txt").write_text("hello")
    report = tmp_path / "report.json"
    argv = ["paint", "--all", "wall", "--color", "red", str(photos), "-o", f"{tmp_path}/out/", "--report"]
    assert main([*argv, str(report)], studio) == 1
    told = json.loads(report.read_text())
    assert told["command"] == "paint"
    assert [(one["photo"], one["out"]) for one in told["done"]] == [(f"{photos}/a.png", f"{tmp_path}/out/a.png")]
    assert [(one["photo"], one["error"]) for one in told["failed"]] == [(f"{photos}/b.png", "NotAnImage")]
    assert told["skipped"] == [{"photo": f"{photos}/notes.txt", "reason": "no photo by its name"}]
    for taken in (report, photos / "a.png", tmp_path / "out/b.png"):
        assert main([*argv, str(taken), "--skip-existing"], studio) == 2
    assert json.loads(report.read_text()) == told
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            main(
                ["paint", "--all", "wall", "--color", "red", str(photos / "a.png"), "-o", "-", "--report", "-"], studio
            )
            == 2
        )


def test_another_photo_gets_the_same_paints(house, studio):
    """By kinds where nothing is painted, one step to undo; by names where something is; the rest is left out and
    said."""
    house.find("wall").paint(SAGE, name="House").deselect().find("door").paint(NAVY, name="Entrance")
    house.deselect().stroke([(150, 10), (190, 10)], 5).paint("red", name="Gutter")
    near = other(studio).stroke([(5, 5), (40, 5)], 4).paint("white", name="Entrance")
    applied = studio.paint_alike(near.session_id, house.session_id)
    assert {layer.name: layer.color for layer in applied.session.layers} == {"Entrance": NAVY, "House": SAGE}
    assert applied.left_out == ("Gutter: it cannot be found by its kind. Click it.",)
    assert studio.undo(near.session_id).layers[0].color == (255, 255, 255)
    with pytest.raises(InvalidInput, match="Nothing is painted on that photo"):
        studio.paint_alike(house.session_id, other(studio).session_id)


def test_two_paints_of_one_kind_are_not_mixed_up(house, studio):
    """The larger wall's paint is taken, and the other one is named."""
    house.find("wall").subtract(100, 80).paint(SAGE, name="Front")
    house.deselect().find("wall", protect=True).paint(NAVY, name="Base")
    sizes = {layer.name: layer.mask.area for layer in house.layers}
    applied = studio.paint_alike(other(studio).session_id, house.session_id)
    larger, smaller = sorted(sizes, key=sizes.get, reverse=True)
    assert [layer.name for layer in applied.session.layers] == [larger]
    assert applied.left_out == (f"{smaller}: one wall cannot be told from another here. Click it.",)
