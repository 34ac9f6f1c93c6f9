"""Walls and layers through the doors for programs: the same story by plain HTTP and by Gradio's client."""

import base64

import numpy as np
import pytest
from conftest import Doors, to_png
from pydantic import TypeAdapter

from sam2_painter.web.api import schemas
from sam2_painter.web.api.endpoints import ENDPOINTS
from sam2_painter.web.api.operations import layers, schemes, sheets, walls

WALLS = {
    one.name for one in ENDPOINTS if one.verb.__module__ in {part.__name__ for part in (walls, layers, schemes, sheets)}
} | {
    "list_masks",
    "keep_alive",
}
ON_WALL, ON_DOOR = [100, 90], [70, 130]


@pytest.fixture(params=["http", "gradio"])
def ask(request, doors: Doors):
    """A question about a new session, by one door; replies are checked against their type."""
    session_id = doors.open()

    def ask(name: str, /, **fields: object):
        about = {"session_id": session_id, **fields}
        if request.param == "gradio":
            reply = doors.gradio(name, **about)
        else:
            answer = doors.http(name, **about)
            assert answer.status_code == 200, answer.text
            reply = answer.json()
        kind = next(endpoint for endpoint in ENDPOINTS if endpoint.name == name).hints["return"]
        TypeAdapter(kind).validate_python(reply, strict=True)
        return reply

    return ask


def test_a_wall_starts_over(ask):
    """Its shape is made anew of one click, and it keeps its paint; one undo takes that back."""
    ask("choose_wall", point=ON_WALL)
    (before,) = ask("paint_wall", color="#b5c7a3", name="Front")["layers"]
    (after,) = ask("wall_point", point=ON_DOOR, mode="replace")["layers"]
    assert (after["name"], after["color"], after["layer_id"]) == ("Front", "#b5c7a3", before["layer_id"])
    assert after["area"] < before["area"]
    assert ask("undo")["layers"][0]["area"] == before["area"]


def test_a_wall_from_the_first_click_to_the_last_correction(ask):
    """Begin, correct, paint, correct the painted wall, recolour it, take it all back and do it again."""
    begun = ask("choose_wall", point=ON_WALL)
    assert begun["wall"]["layer_id"] is None
    assert [answer["chosen"] for answer in begun["wall"]["answers"]].count(True) == 1
    areas = [answer["area"] for answer in begun["wall"]["answers"]]
    assert areas == sorted(areas)
    more = ask("wall_point", point=ON_DOOR)
    assert more["wall"]["area"] > begun["wall"]["area"]
    painted = ask("paint_wall", color="#b5c7a3", name="Front")
    (layer,) = painted["layers"]
    assert (layer["name"], layer["color"], layer["opacity"]) == ("Front", "#b5c7a3", 1.0)
    assert painted["wall"]["layer_id"] == layer["layer_id"]
    less = ask("wall_stroke", path=[[100, 60], [100, 140]], radius=5, mode="subtract")
    assert less["layers"][0]["area"] < layer["area"]
    assert [step["kind"] for step in less["wall"]["steps"]] == ["prompts", "prompts", "stroke"]
    assert ask("paint_wall", color="red")["layers"][0]["color"] == "#ff0000"
    assert ask("undo")["layers"][0]["color"] == "#b5c7a3"
    assert ask("undo")["layers"][0]["area"] == layer["area"]
    assert ask("redo")["layers"][0]["area"] == less["layers"][0]["area"]
    again = ask("remove_step", index=1)
    assert [step["kind"] for step in again["wall"]["steps"]] == ["prompts", "stroke"]


def test_every_way_to_make_a_shape(ask):
    """Box, polygon and a mask of one's own begin walls, and add to them."""
    box = ask("wall_box", box={"x1": 20, "y1": 40, "x2": 190, "y2": 150})
    assert box["wall"]["steps"][0]["box"] == [20, 40, 190, 150]
    polygon = ask("wall_polygon", path=[[10, 10], [60, 10], [10, 60]], mode="new")
    assert polygon["wall"]["share"] == pytest.approx(50 * 50 / 2 / (150 * 200), abs=0.002)
    rough = ask("wall_polygon", path=[[10, 10], [60, 10], [10, 60]], mode="new", only_wall=True)
    assert rough["wall"]["area"] <= 1.2 * polygon["wall"]["area"]
    assert ask("tidy_wall")["wall"]["steps"][0]["kind"] == "polygon"
    ask("wall_polygon", path=[[10, 10], [60, 10], [10, 60]], mode="new")
    mask = np.zeros((150, 200), np.uint8)
    mask[:10] = 255
    text = base64.b64encode(to_png(mask)).decode()
    brought = ask("wall_mask", mask=text, mode="union", mask_format="rle")
    assert brought["wall"]["area"] == polygon["wall"]["area"] + 10 * 200
    assert brought["wall"]["mask"]
    listed = ask("list_masks")
    assert listed["total_masks"] == len(listed["masks"]) >= 3
    assert ask("choose_nothing")["wall"] is None


def test_layers_are_listed_changed_moved_and_removed(ask):
    """Each by its id, which stays its own."""
    ask("choose_wall", point=ON_WALL)
    ask("paint_wall", color="red")
    ask("wall_point", point=ON_DOOR, mode="new")
    wall, door = (layer["layer_id"] for layer in ask("paint_wall", color="blue")["layers"])
    changed = ask("edit_layer", layer_id=door, name="Door", visible=False, opacity=0.5)
    assert [(v["name"], v["visible"], v["opacity"]) for v in changed["layers"] if v["layer_id"] == door] == [
        ("Door", False, 0.5)
    ]
    moved = ask("move_layer", layer_id=door, to=0)
    assert [layer["layer_id"] for layer in moved["layers"]] == [door, wall]
    chosen = ask("choose_wall", layer_id=wall)
    assert chosen["wall"]["layer_id"] == wall
    assert chosen["wall"]["steps"][0]["points"][0]["x"] == ON_WALL[0]
    removed = ask("remove_layer", layer_id=wall)
    assert ([layer["layer_id"] for layer in removed["layers"]], removed["wall"]) == ([door], None)
    assert ask("list_layers")["layers"] == removed["layers"]


def test_layers_on_one_old_paint_are_tied(ask):
    """Tied by their ids, told with each layer, taken back; what may be tied is offered two by two."""
    ask("choose_wall", point=ON_WALL)
    ask("paint_wall", color="red")
    ask("wall_point", point=ON_DOOR, mode="new")
    ids = [layer["layer_id"] for layer in ask("paint_wall", color="red")["layers"]]
    assert all(sorted(pair) == sorted(ids) for pair in ask("tie_offers")["offers"])
    assert {layer["tie"] for layer in ask("tie_layers", layer_ids=ids)["layers"]} == {1}
    assert ask("tie_offers")["offers"] == []
    assert {layer["tie"] for layer in ask("untie_layer", layer_id=ids[1])["layers"]} == {0}


def test_schemes_are_made_switched_compared_and_downloaded(ask):
    """By their ids; each reply tells all of them with their paints."""
    ask("choose_wall", point=ON_WALL)
    ask("paint_wall", color="#ff0000")
    (first,) = ask("list_schemes")["schemes"]
    second = ask("add_scheme", name="Blue")["schemes"][1]
    assert (first["name"], second["name"], second["shown"]) == ("A", "Blue", True)
    layer = second["paints"][0]["layer_id"]
    ask("edit_layer", layer_id=layer, color="#0000ff")
    back = ask("choose_scheme", scheme_id=first["scheme_id"])
    assert back["layers"][0]["color"] == "#ff0000"
    assert [one["paints"][0]["color"] for one in back["schemes"]] == ["#ff0000", "#0000ff"]
    renamed = ask("rename_scheme", scheme_id=second["scheme_id"], name="Sea")
    assert [one["name"] for one in renamed["schemes"]] == ["A", "Sea"]
    compared = ask("compare_schemes", max_side=300)
    assert max(compared["width"], compared["height"]) == 300
    assert ask("download_schemes")["filename"].endswith(".zip")
    assert len(ask("remove_scheme", scheme_id=second["scheme_id"])["schemes"]) == 1


def test_sheets_are_made_listed_downloaded_and_taken_back(ask):
    """By their tokens, each for so many days."""
    ask("choose_wall", point=ON_WALL)
    ask("paint_wall", color="red")
    made = ask("make_sheet", days=3, width=12.5)
    assert made["link"] == f"/sheet/{made['token']}"
    assert made["expires_at"] - made["made_at"] == 3 * 24 * 3600
    assert [sheet["token"] for sheet in ask("list_sheets")["sheets"]] == [made["token"]]
    assert ask("download_sheet", width=12.5)["filename"].endswith(".html")
    assert ask("revoke_sheet", token=made["token"])["sheets"] == []


def test_another_answer_keeps_what_came_before(ask):
    """The last step is answered anew, the wall it was added to stays."""
    first = ask("choose_wall", point=[100, 10])
    added = ask("wall_point", point=ON_DOOR)
    other = next(answer for answer in added["wall"]["answers"] if not answer["chosen"])
    taken = ask("choose_answer", choice=other["choice"])
    assert taken["wall"]["area"] == other["area"] > first["wall"]["area"]


def test_an_open_page_keeps_its_session(ask):
    """The reply says how long it lives on."""
    assert ask("keep_alive")["seconds_left"] == 3600


ERRORS = {
    "point and layer": ("choose_wall", {"point": ON_WALL, "layer_id": 0}, 400, "either point or layer_id"),
    "point of three": ("wall_point", {"point": [1, 2, 3]}, 400, "[x, y]"),
    "point outside": ("wall_point", {"point": [900, 1]}, 400, "outside"),
    "nothing to take from": ("wall_point", {"point": ON_WALL, "mode": "subtract"}, 400, "Click the wall"),
    "mode": ("wall_point", {"point": ON_WALL, "mode": "xor"}, 400, "union"),
    "path of text": ("wall_stroke", {"path": "abc", "radius": 5}, 422, "path"),
    "path of one number": ("wall_stroke", {"path": [[1]], "radius": 5}, 400, "path must be a list of [x, y]"),
    "empty path": ("wall_stroke", {"path": [], "radius": 5}, 400, "path must be a list of 1"),
    "radius": ("wall_stroke", {"path": [[1, 1]], "radius": 0}, 400, "radius"),
    "stroke outside": ("wall_stroke", {"path": [[900, 900]], "radius": 5}, 400, "outside the photo"),
    "two corners": ("wall_polygon", {"path": [[1, 1], [9, 9]]}, 400, "3 to"),
    "polygon of no area": ("wall_polygon", {"path": [[1, 1], [9, 9], [1, 1]]}, 400, "no pixel"),
    "mask no PNG": ("wall_mask", {"mask": "AAAA"}, 400, "PNG"),
    "no candidates": ("choose_answer", {"choice": 0}, 400, "no candidates"),
    "no steps": ("remove_step", {"index": 0}, 400, "no steps"),
    "nothing to paint": ("paint_wall", {"color": "red"}, 400, "Click the wall"),
    "colour": ("paint_wall", {"color": "#ggg"}, 400, "#ggg"),
    "no such layer": ("edit_layer", {"layer_id": 9, "opacity": 0.5}, 404, "No layer 9"),
    "no change": ("edit_layer", {"layer_id": 0}, 404, "No layer 0"),
    "nothing to undo": ("undo", {}, 400, "nothing to undo"),
    "house of one number": ("find_walls", {"category": "wall", "point": [1]}, 400, "point must be [x, y]"),
    "category": ("find_walls", {"category": "sky"}, 400, "does not name"),
    "kind": ("find_walls", {"kind": "sky"}, 400, "does not name"),
    "kind and category": ("find_walls", {"category": "roof", "kind": "window"}, 400, "give one of them"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_mistake_gets_one_sentence_and_changes_nothing(case, doors: Doors):
    """Which field, what is allowed; never a 500."""
    name, fields, status, says = ERRORS[case]
    session_id = doors.open()
    reply = doors.http(name, session_id=session_id, **fields)
    assert reply.status_code == status, reply.text
    assert says in reply.json()["detail"]
    assert doors.http("list_layers", session_id=session_id).json()["revision"] == 0


def test_two_windows_never_touch_another_layer(doors: Doors):
    """Window B removes a layer; window A, which still shows it, is told so, and nothing else changes (409)."""
    session_id = doors.open()

    def post(name, /, **fields):
        return doors.http(name, session_id=session_id, **fields)

    post("wall_point", point=ON_WALL, mode="new")
    post("paint_wall", color="#00ff00")
    post("wall_point", point=ON_DOOR, mode="new")
    seen: schemas.Work = post("paint_wall", color="#0000ff").json()
    wall, door = (layer["layer_id"] for layer in seen["layers"])
    after = post("remove_layer", layer_id=wall, revision=seen["revision"]).json()
    for name, fields in (
        ("edit_layer", {"color": "red"}),
        ("move_layer", {"to": 0}),
        ("remove_layer", {}),
        ("choose_wall", {}),
        ("wall_point", {"point": ON_DOOR, "mode": "subtract"}),
        ("wall_stroke", {"path": [ON_DOOR], "radius": 9}),
        ("paint_wall", {"color": "red"}),
    ):
        reply = post(name, layer_id=wall, revision=seen["revision"], **fields)
        assert reply.status_code == 409, (name, reply.text)
        assert "another window" in reply.json()["detail"]
    now = post("list_layers").json()
    assert now["layers"] == after["layers"]
    assert now["revision"] == after["revision"]
    for name, fields, says in (("move_layer", {"to": 1}, "to must be"), ("edit_layer", {}, "say what of the layer")):
        reply = post(name, layer_id=door, **fields)
        assert (reply.status_code, says in reply.json()["detail"]) == (400, True), reply.text
    assert post("edit_layer", layer_id=door, color="red", revision=seen["revision"]).status_code == 200
