"""MCP for a model that paints a house: a real client with nothing but the tools."""

import asyncio
import base64
import io
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from conftest import DOOR, WALL, draw_building, make_studio, to_png
from engines import NamingEngine
from PIL import Image

pytest.importorskip("gradio", reason="the doors need gradio")
pytest.importorskip("mcp", reason="MCP needs the packages of requirements-mcp.txt")

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from sam2_painter.paint.colors import parse_color
from sam2_painter.photos import examples
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import Coat
from sam2_painter.web.mcp.tools import Tools

ROOT = Path(__file__).parents[1]
TOKEN = "t0ken"
NAMES = {
    "open_photo", "find", "select", "resize", "tidy", "paint", "layers", "schemes", "undo", "look", "find_paints",
    "download", "close_photo",
}  # fmt: skip


@pytest.fixture(scope="module", params=["open", "guarded"])
def live(request, launch, tmp_path_factory):
    """A server with the tools, once for everybody and once behind a sign-in; one folder may be opened by path."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "house.png").write_bytes(to_png(draw_building()))
    (folder.parent / "secret.png").write_bytes(to_png(draw_building()))
    (folder / "way-out.png").symlink_to(folder.parent / "secret.png")
    live = launch(mcp=True, allow_paths=str(folder), **({"auth_token": TOKEN} if request.param == "guarded" else {}))
    live.folder = folder
    return live


def talk(live, ask: Callable[[ClientSession], Awaitable[object]], path: str = "/mcp") -> object:
    """What `ask` makes of a session with the server."""

    async def run():
        headers = {"Authorization": f"Bearer {TOKEN}"} if live.settings.auth_token else {}
        async with (
            httpx.AsyncClient(headers=headers, timeout=60) as http,
            streamable_http_client(f"{live.url}{path}", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await ask(session)

    return asyncio.run(run())


def call(live, tool: str, **fields: object) -> CallToolResult:
    """What one tool answers."""

    async def ask(session):
        return await session.call_tool(tool, fields)

    return talk(live, ask)


def done(live, tool: str, **fields: object) -> dict:
    """The structured answer of a tool that worked; its text is the same, and short."""
    reply = call(live, tool, **fields)
    assert not reply.isError, reply.content
    assert json.loads(reply.content[0].text) == reply.structuredContent
    assert len(reply.content[0].text) <= 2000
    return reply.structuredContent


def seen(live, session_id: str, show: str = "painted") -> np.ndarray:
    """The picture that `look` sends."""
    reply = call(live, "look", session_id=session_id, show=show)
    (picture,) = reply.content
    assert picture.mimeType == "image/jpeg"
    assert len(picture.data) * 3 / 4 <= 150_000
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.data))).convert("RGB"))


@pytest.fixture
def opened(live) -> dict:
    """The state of a session on a small building."""
    return done(live, "open_photo", photo="data:image/png;base64," + base64.b64encode(to_png(draw_building())).decode())


def test_there_are_about_ten_tools_and_words_to_begin_with(live):
    """Few enough to read, each described once, with instructions that name the first steps."""

    async def ask(session):
        started = await session.initialize()
        return started.instructions, (await session.list_tools()).tools

    instructions, tools = talk(live, ask)
    assert {tool.name for tool in tools} == NAMES
    assert all(20 <= len(tool.description) <= 400 for tool in tools)
    assert all(field["description"] for tool in tools for field in tool.inputSchema["properties"].values())
    assert "open_photo" in instructions
    assert set(re.findall(r"\b(?:open_photo|find|select|resize|paint|undo|look|download)\b", instructions)) <= NAMES
    assert not next(tool for tool in tools if tool.name == "paint").annotations.readOnlyHint


def test_a_model_tries_schemes(live, opened):
    """Added, shown, renamed and removed by name; a wrong name is told with the right ones."""
    about = {"session_id": opened["session_id"]}
    done(live, "select", x=100, y=90, **about)
    done(live, "paint", color="#ff0000", **about)
    done(live, "schemes", do="add", **about)
    done(live, "paint", color="#0000ff", **about)
    back = done(live, "schemes", do="show", scheme="A", **about)
    assert (back["walls"][0]["color"], back["message"]) == ("#ff0000", "Schemes: A (shown), B.")
    assert done(live, "schemes", do="rename", scheme="B", name="Sea", **about)["message"] == "Schemes: A (shown), Sea."
    assert "A, Sea" in call(live, "schemes", do="show", scheme="C", **about).content[0].text
    assert seen(live, opened["session_id"], "schemes").shape[1] > seen(live, opened["session_id"]).shape[1]
    assert done(live, "schemes", do="remove", scheme="A", **about)["walls"][0]["color"] == "#0000ff"


def test_what_became_of_a_kind_is_told(tmp_path):
    """Taken from the painted wall that is named, while another is chosen; or nothing changed."""
    studio = make_studio(tmp_path, NamingEngine({"door": DOOR}))
    session = studio.open(to_png(draw_building()), "house.png")
    height, width = session.size
    for left, right in ((0, width // 2), (width // 2, width)):
        studio.polygon(session.id, [(left, 0), (right, 0), (right, height), (left, height)], "new")
        layers = studio.paint_wall(session.id, Coat((1, 2, 3))).layers
    tools = Tools(studio, None)
    told = [tools.find(session.id, "door", "subtract", layer_id=layers[0].id)["message"] for _ in range(2)]
    assert told == ["Every door that was found is taken away.", "Nothing changed: no door is selected."]
    assert tools.find(session.id, "door")["message"] == "Every door that was found is selected."


def test_version_0_1_found_the_tools_elsewhere(live):
    """The old address answers, too."""

    async def ask(session):
        return (await session.list_tools()).tools

    assert {tool.name for tool in talk(live, ask, "/gradio_api/mcp/")} == NAMES


def test_a_house_is_painted_by_what_is_seen(live, opened):
    """Open, look, select, paint, take back, do again, and fetch the picture by the link."""
    sid = opened["session_id"]
    before = seen(live, sid)
    assert [before.shape[1], before.shape[0]] == opened["size"]
    selected = done(live, "select", session_id=sid, x=100, y=80)["selection"]
    assert selected["layer_id"] is None
    x1, y1, x2, y2 = selected["box"]
    assert x1 <= 100 < x2
    assert y1 <= 80 < y2
    assert (np.abs(seen(live, sid, "selection").astype(int) - before).max(axis=2) > 40).any()
    painted = done(live, "paint", session_id=sid, color="#304090", name="front")
    (wall,) = painted["walls"]
    assert (wall["name"], wall["color"]) == ("front", "#304090")
    assert painted["selection"]["layer_id"] == wall["layer_id"]
    after = seen(live, sid).astype(int)
    assert after[80, 100, 2] > after[80, 100, 0] + 30
    assert np.abs(seen(live, sid, "photo").astype(int) - before).max() == 0
    assert done(live, "undo", session_id=sid)["can_redo"]
    assert done(live, "undo", session_id=sid, redo=True)["walls"]
    link = done(live, "download", session_id=sid, format="JPG")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    file = httpx.get(link["url"], headers=headers, timeout=60)
    assert (file.status_code, len(file.content)) == (200, link["size_bytes"])
    assert Image.open(io.BytesIO(file.content)).size == (draw_building().shape[1], draw_building().shape[0])


def test_a_ragged_outline_is_tidied(live):
    """What was drawn too far goes back to the wall's own edge, in one step; tidied again nothing changes, which is
    told; and without a selection it is refused."""
    photo = draw_building(800, 600)
    sent = "data:image/png;base64," + base64.b64encode(to_png(photo)).decode()
    sid = done(live, "open_photo", photo=sent)["session_id"]
    assert "Click the wall you want first" in call(live, "tidy", session_id=sid).content[0].text
    wall = (photo == WALL).all(axis=-1)
    ragged = cv2.dilate(wall.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    live.studio.import_mask(sid, mask_to_rle(ragged))
    tidied = done(live, "tidy", session_id=sid)
    session = live.studio.session(sid)
    after = session.mask(session.selection.mask_id).segmentation
    assert np.count_nonzero(after ^ wall) < np.count_nonzero(ragged ^ wall) / 2
    assert (tidied["can_undo"], tidied["message"]) == ("tidy the outline", "The outline is tidied.")
    for _ in range(3):
        last = done(live, "tidy", session_id=sid)
    assert last["message"].startswith("Nothing changed")


def test_a_painted_wall_is_mended(live, opened):
    """Subtract takes from the painted wall, add gives back; hide, rename and remove do what they say."""
    sid = opened["session_id"]
    done(live, "select", session_id=sid, x=100, y=80)
    wall = done(live, "paint", session_id=sid, color="garden sage")["walls"][0]
    less = done(live, "select", session_id=sid, x=100, y=80, mode="subtract")["walls"][0]
    assert less["layer_id"] == wall["layer_id"]
    assert less["share"] < wall["share"]
    for do, check in (
        ("hide", lambda walls: not walls[0]["visible"]),
        ("show", lambda walls: walls[0]["visible"]),
        ("choose", lambda walls: True),
        ("remove", lambda walls: not walls),
    ):
        assert check(done(live, "layers", session_id=sid, layer_id=wall["layer_id"], do=do)["walls"]), do


def test_paints_are_found_by_name_and_by_colour(live, opened):
    """Part of a name, or a colour, whose nearest paint comes first."""
    sid = opened["session_id"]
    by_name = done(live, "find_paints", session_id=sid, text="sage")["paints"]
    assert by_name
    assert all("sage" in paint["name"].lower() for paint in by_name)
    nearest = done(live, "find_paints", session_id=sid, text=by_name[0]["color"])["paints"]
    assert nearest[0]["color"] == by_name[0]["color"]


def test_without_a_text_the_selected_walls_colours_are_told(live, opened):
    """Each with its nearest paint's name and its share, also once the wall is painted; nothing selected is said."""
    about = {"session_id": opened["session_id"]}
    assert "Nothing is selected" in call(live, "find_paints", **about).content[0].text
    done(live, "select", x=100, y=80, **about)
    (now,) = done(live, "find_paints", **about)["paints"]
    assert now["share"] == 1
    assert now["name"]
    red, green, blue = parse_color(now["color"])
    assert red > green > blue  # as the wall of the photo is
    done(live, "paint", color="#304090", **about)
    assert done(live, "find_paints", **about)["paints"] == [now]


def test_a_photo_of_the_folder_opens_by_path(live):
    """And so does an example by its name."""
    assert done(live, "open_photo", photo=str(live.folder / "house.png"))["photo"].startswith("house.png")
    assert done(live, "open_photo", photo=(live.folder / "house.png").as_uri())["photo"].startswith("house.png")
    assert done(live, "open_photo", photo=f"example:{examples.NAMES[0]}")["photo"].startswith(examples.NAMES[0])


def test_a_photo_of_the_folder_opens_by_its_name(live):
    """A model that is told "open house.png" knows no folder; what it may open instead is named."""
    assert done(live, "open_photo", photo="house.png")["photo"].startswith("house.png")
    told = call(live, "open_photo", photo="hause.png").content[0].text
    assert f"a path in {live.folder} (house.png, way-out.png)" in told


@pytest.mark.parametrize("name", ["../secret.png", "way-out.png", "nothing.png", "."])
def test_nothing_outside_the_folder_opens(live, name):
    """Not by dots, not by links; and what is not there is told in the same words."""
    reply = call(live, "open_photo", photo=str(live.folder / name))
    assert reply.isError
    assert "There is no photo at this path that may be opened" in reply.content[0].text


@pytest.mark.parametrize(
    ("tool", "fields", "sentence"),
    [
        ("open_photo", {"photo": "https://photos.example/a.jpg"}, "--allow-urls"),
        ("open_photo", {"photo": "example:palace"}, "must be one of"),
        ("look", {"session_id": "nobody"}, "Open the photo again"),
        ("select", {"x": 1, "y": 1, "x2": 5}, "both x2 and y2"),
        ("select", {"x": -5, "y": 1}, "outside"),
        ("select", {"x": 1, "y": 1, "x2": 9999, "y2": 5}, r"\(9999, 5\) is outside the picture that look shows"),
        ("paint", {"color": "#12345"}, "#12345"),
        ("layers", {"do": "remove"}, "needs the layer_id"),
        ("layers", {"do": "remove", "layer_id": 77}, "77"),
        ("resize", {"to": "larger"}, "no other answers"),
        ("undo", {}, "[Nn]othing"),
        ("download", {"format": "JPG", "quality": 0}, "quality"),
        ("download", {"format": "BMP"}, "^format: Input should be 'PNG', 'JPG' or 'WEBP'$"),
        ("select", {"x": 1}, "^y: Field required$"),
        ("paint", {"color": "red", "opacty": 0.5}, "^There is no field opacty; was opacity meant?"),
    ],
)
def test_a_mistake_is_a_sentence(live, opened, tool, fields, sentence):
    """The model is told what to do instead, and nothing is changed."""
    if tool != "open_photo":
        fields = {"session_id": opened["session_id"], **fields}
    reply = call(live, tool, **fields)
    assert reply.isError
    assert re.search(sentence, reply.content[0].text), reply.content[0].text
    assert "Error executing" not in reply.content[0].text
    assert "\n" not in reply.content[0].text


def test_what_changed_nothing_is_told(live, opened):
    """A point that is not of the selection is not taken from it; painting under a name is one step back."""
    sid = opened["session_id"]
    done(live, "select", session_id=sid, x=100, y=80)
    told = done(live, "select", session_id=sid, x=2, y=2, mode="subtract")["message"]
    assert told == "Nothing changed: what lies there is not selected."
    done(live, "paint", session_id=sid, color="teal", name="Front")
    assert done(live, "undo", session_id=sid)["walls"] == []


def test_a_place_outside_is_told_in_the_pixels_that_were_given(live):
    """Of a photo larger than what look shows, too: the model knows that picture's pixels only."""
    large = io.BytesIO()
    Image.new("RGB", (2048, 1024)).save(large, "JPEG")
    sid = done(live, "open_photo", photo=base64.b64encode(large.getvalue()).decode())["session_id"]
    told = call(live, "select", session_id=sid, x=900, y=700).content[0].text
    assert "(900, 700) is outside the picture that look shows: it is 1024x512" in told


def test_the_logging_of_the_process_is_left_alone(tmp_path):
    """In a notebook that serves MCP no cell fills with the log of its requests."""
    program = """
import logging, sys
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.web import server
settings = Settings.from_args(["--mcp", "--engine", "offline"], {"SAM2_PAINTER_DATA_DIR": sys.argv[1]})
served = server.launch(Studio.from_settings(settings), settings, prevent_thread_lock=True, any_port=True, quiet=True)
served.close()
assert not logging.getLogger().handlers, logging.getLogger().handlers
"""
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_a_closed_photo_is_gone(live, opened):
    """Its session is deleted with all that was in it."""
    assert not call(live, "close_photo", session_id=opened["session_id"]).isError
    assert call(live, "look", session_id=opened["session_id"]).isError


def test_a_large_question_is_refused(live):
    """A body above the limit is not read to its end."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json, text/event-stream"}
    reply = httpx.post(f"{live.url}/mcp", content=b"[" + b"0," * 2_500_000 + b"0]", headers=headers, timeout=60)
    assert reply.status_code == 413


@pytest.mark.parametrize(
    "value", ["[" * 500 + "]" * 500, "9" * 5000, '"\\ud800"', "[1"], ids=["deep", "long", "half", "cut"]
)
def test_what_parsers_differ_about_is_refused(live, value):
    """MCP's own parser would answer 500."""
    asked = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":' + value + "}}"
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json, text/event-stream"}
    headers |= {"Content-Type": "application/json"}
    reply = httpx.post(f"{live.url}/mcp", content=asked, headers=headers, timeout=60)
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith("The body ")


def test_a_folder_that_is_none_is_told_at_the_start(launch):
    """The flag is named."""
    from sam2_painter.errors import InvalidInput

    with pytest.raises(InvalidInput, match="--allow-paths names /nowhere"):
        launch(mcp=True, allow_paths="/nowhere")
