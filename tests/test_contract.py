"""The contract's table, walked: each endpoint answers the same through Gradio's API and by plain HTTP."""

import base64
import hashlib
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import Doors, draw_building, to_png
from test_wall_operations import WALLS

pytest.importorskip("gradio_client", reason="the doors need gradio")

from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from pydantic import TypeAdapter

from sam2_painter.studio.studio import Limits
from sam2_painter.web.api.endpoints import ENDPOINTS, Endpoint

TABLE = {  # api_name: (path under /api, fields of the request, fields of the reply)
    "info": ("GET /", "", "message version endpoints"),
    "health": ("GET /health", "", "status engine modal_status timestamp sessions_count cache_status"),
    "upload": ("POST /upload", "file", "session_id image_data width height message"),
    "segment": ("POST /segment", "session_id points boxes mask", "session_id mask score bbox box mask_id candidates"),
    "generate_masks": (
        "POST /generate-masks",
        "session_id points_per_side pred_iou_thresh stability_score_thresh image_hash",
        "session_id masks total_masks width height",
    ),
    "generate_masks_advanced": (
        "POST /generate-masks-advanced",
        "session_id points_per_side pred_iou_thresh stability_score_thresh image_hash crop_n_layers "
        "min_mask_region_area box_nms_thresh points_per_batch",
        "session_id masks total_masks width height",
    ),
    "generate_masks_cached": (
        "POST /generate-masks-cached",
        "session_id points_per_side pred_iou_thresh stability_score_thresh image_hash",
        "session_id masks total_masks width height cached",
    ),
    "combine_masks": (
        "POST /combine-masks",
        "session_id mask_ids mode",
        "session_id combined_mask mask_id width height num_masks_combined",
    ),
    "paint_mask": (
        "POST /paint-mask",
        "session_id mask_id mask color opacity",
        "session_id painted_image width height",
    ),
    "paint_multiple_masks": (
        "POST /paint-multiple-masks",
        "session_id colored_masks",
        "session_id painted_image width height num_masks_painted",
    ),
    "download_image": (
        "POST /download-image",
        "session_id format quality",
        "session_id image_url format size_bytes message",
    ),
    "download_painted_image": (
        "POST /download-painted-image",
        "session_id format quality mask_id mask color opacity",
        "session_id image_url format size_bytes message",
    ),
    "download_file": ("GET /download-file/{filename}", "filename", ""),
    "list_downloads": ("GET /list-downloads", "session_id", "downloads total_files message"),
    "session_info": (
        "GET /session/{session_id}",
        "session_id mask_format",
        "session_id filename width height created_at stored_masks masks_count layers message",
    ),
    "delete_session": ("DELETE /session/{session_id}", "session_id", "message"),
    "get_embedding": ("POST /get-embedding", "session_id", "session_id embedding cached message"),
    "get_mask_at_point": (
        "POST /get-mask-at-point",
        "session_id point image_hash all_masks",
        "session_id mask mask_id score bbox box cached",
    ),
    "get_mask_at_point_instant": (
        "POST /get-mask-at-point-instant",
        "session_id point image_hash all_masks",
        "session_id mask mask_id score bbox box cached",
    ),
    "generate_mask_at_point": (
        "POST /generate-mask-at-point",
        "session_id point image_hash",
        "session_id mask mask_id score bbox box cached",
    ),
    "generate_mask_at_point_cached": (
        "POST /generate-mask-at-point-cached",
        "session_id point image_hash",
        "session_id mask mask_id score bbox box cached",
    ),
    "clear_cache": ("POST /clear-cache", "session_id", "message"),
    "cache_status": (
        "GET /cache-status",
        "",
        "total_sessions sessions_with_cache total_cached_masks total_cached_embeddings cache_enabled",
    ),
}
BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
WALL_MASK = base64.b64encode(to_png(draw_building()[..., 0] // 64 * 64)).decode()


@pytest.mark.parametrize("name", TABLE)
def test_the_table_is_offered(name):
    """Every endpoint is at its path and takes the fields it is promised to take."""
    endpoint, (where, asked, _) = BY_NAME[name], TABLE[name]
    assert f"{endpoint.method} {endpoint.path}" == where
    assert set(asked.split()) <= set(endpoint.fields)


# What each endpoint is asked, on a session where every mask was found and one is painted.
QUESTIONS: dict[str, dict] = {
    "info": {},
    "segment": {
        "points": [{"x": 100, "y": 80, "label": 1}, {"x": 5, "y": 5, "label": 0}],
        "boxes": [{"x1": 20, "y1": 40, "x2": 190, "y2": 150}],
    },
    "generate_masks": {"points_per_side": 16},
    "generate_masks_advanced": {"points_per_side": 16, "min_mask_region_area": 500, "crop_n_layers": 1},
    "generate_masks_cached": {"image_hash": "abc123"},
    "combine_masks": {"mask_ids": [0, 1], "mode": "union"},
    "paint_mask": {"mask_id": 0, "color": "#b5c7a3", "opacity": 0.8},
    "paint_multiple_masks": {"colored_masks": [{"mask_id": 0, "color": "red"}, {"mask_id": 2, "color": "#00f"}]},
    "download_image": {"format": "PNG"},
    "download_painted_image": {"mask_id": 0, "color": "#FF0000", "opacity": 0.7, "format": "JPG", "quality": 90},
    "list_downloads": {},
    "session_info": {},
    "get_embedding": {},
    "get_mask_at_point": {"point": [100, 80]},
    "get_mask_at_point_instant": {"point": [100, 80], "image_hash": "abc123", "all_masks": []},
    "generate_mask_at_point": {"point": [100, 80]},
    "generate_mask_at_point_cached": {"point": [100, 80], "image_hash": "abc123"},
}


def about(name: str, session_id: str) -> dict:
    """The question to this endpoint, about this session."""
    return QUESTIONS[name] | ({"session_id": session_id} if "session_id" in BY_NAME[name].fields else {})


@pytest.fixture(scope="module")
def session_id(doors: Doors) -> str:
    """A session where every question was asked once, so that both doors find the same."""
    session_id = doors.open()
    for name in ("generate_masks", "generate_masks_advanced", *QUESTIONS):
        doors.http(
            name, **({"session_id": session_id} if "session_id" in BY_NAME[name].fields else {}), **QUESTIONS[name]
        )
    return session_id


@pytest.mark.parametrize("name", QUESTIONS)
def test_both_doors_give_the_same_answer(name, doors: Doors, session_id):
    """The promised fields, the declared types, and not a byte of difference."""
    fields = about(name, session_id)
    plain = doors.http(name, **fields)
    assert plain.status_code == 200, plain.text
    assert doors.gradio(name, **fields) == plain.json()
    assert set(TABLE[name][2].split()) <= set(plain.json())
    check_type(BY_NAME[name], plain.json())


def check_type(endpoint: Endpoint, reply: object) -> None:
    """The reply is of the type the endpoint declares."""
    TypeAdapter(endpoint.hints["return"]).validate_python(reply, strict=True)


def test_health_and_cache_status(doors: Doors, session_id):
    """What changes with every look has the same form through both doors."""
    for name in ("health", "cache_status"):
        plain, gradio = doors.http(name).json(), doors.gradio(name)
        assert plain.keys() == gradio.keys() >= set(TABLE[name][2].split())
        check_type(BY_NAME[name], plain)
        check_type(BY_NAME[name], gradio)
    assert doors.http("health").json()["status"] == "healthy"


def test_upload_and_delete(doors: Doors, tmp_path):
    """A photo goes up as a file, as base64 and as a data URL through both doors, and its session goes again."""
    data = to_png(draw_building())
    (tmp_path / "building.png").write_bytes(data)
    text = base64.b64encode(data).decode()
    plain = [
        doors.live.http.post("/upload", files={"file": ("building.png", data, "image/png")}),
        doors.http("upload", file=text, filename="building.png"),
        doors.http("upload", file=f"data:image/png;base64,{text}"),
    ]
    replies = [reply.json() for reply in plain] + [
        doors.gradio("upload", file=handle_file(tmp_path / "building.png")),
        doors.gradio("upload", file=text, filename="building.png"),
    ]
    ids = [reply.pop("session_id") for reply in replies]
    assert len(set(ids)) == 5
    assert all(reply == replies[0] for reply in replies)
    assert (replies[0]["width"], replies[0]["height"]) == (200, 150)
    check_type(BY_NAME["upload"], {**replies[0], "session_id": ids[0]})
    assert doors.http("session_info", session_id=ids[3]).json()["filename"] == "building.png"
    deleted = doors.http("delete_session", session_id=ids[0]).json()
    assert doors.gradio("delete_session", session_id=ids[3]) == deleted
    for session_id in (ids[0], ids[3]):
        assert doors.http("session_info", session_id=session_id).status_code == 404


def test_clear_cache(doors: Doors, session_id):
    """Clearing one's own cache is answered alike."""
    plain = doors.http("clear_cache", session_id=session_id).json()
    assert doors.gradio("clear_cache", session_id=session_id) == plain


@pytest.mark.parametrize(
    "make",
    ["download_image", "download_painted_image", "download_masks", "download_pictures", "save_project"],
    ids=lambda name: name,
)
def test_files_come_down_as_the_same_bytes(make, doors: Doors, session_id):
    """What waits is fetched by its URL and by gradio_client, byte for byte."""
    several = make == "download_pictures"
    about = {"session_ids": [session_id, doors.open(), session_id]} if several else {"session_id": session_id}
    made = doors.gradio(make, **about)
    plain = doors.live.http.get(made["image_url"])
    assert plain.status_code == 200
    if several:
        assert [name[:2] for name in zipfile.ZipFile(BytesIO(plain.content)).namelist()] == ["1 ", "2 "]
    assert len(plain.content) == made["size_bytes"] == int(plain.headers["content-length"])
    fetched = Path(doors.gradio("download_file", filename=made["filename"]))
    assert fetched.name == made["filename"]
    assert hashlib.sha256(fetched.read_bytes()).digest() == hashlib.sha256(plain.content).digest()


def test_a_project_travels_through_either_door(doors: Doors, session_id, tmp_path):
    """Saved here, opened there: the same masks and paint."""
    made = doors.http("save_project", session_id=session_id).json()
    data = doors.live.http.get(made["image_url"]).content
    (tmp_path / "house.zip").write_bytes(data)
    plain = doors.live.http.post("/open-project", files={"file": ("house.zip", data)}).json()
    gradio = doors.gradio("open_project", file=handle_file(tmp_path / "house.zip"))
    before = doors.http("session_info", session_id=session_id).json()
    for reply in (plain, gradio):
        after = doors.http("session_info", session_id=reply["session_id"]).json()
        assert [after[key] for key in ("stored_masks", "message")] == [
            before[key] for key in ("stored_masks", "message")
        ]


PALETTES = {"describe_color", "get_palette", "load_palette", "reset_palette"}


def test_a_palette_through_either_door(doors: Doors, tmp_path):
    """Loaded as a file or as base64, its paints name colours and go by name; reset, the usual ones are back."""
    data = b"GIMP Palette\n181 199 163 Old sage\n240 240 230 New chalk\n"
    (tmp_path / "walls.gpl").write_bytes(data)
    about = {"session_id": doors.open()}
    doors.http("generate_masks", **about)
    usual = doors.http("get_palette", **about).json()
    assert (usual["name"], len(usual["paints"])) == ("Exterior paints", 48)
    plain = doors.live.http.post("/load-palette", data=about, files={"file": ("walls.gpl", data)}).json()
    text = base64.b64encode(data).decode()
    for reply in (
        doors.http("load_palette", file=text, filename="walls.gpl", **about).json(),
        doors.gradio("load_palette", file=handle_file(tmp_path / "walls.gpl"), **about),
        doors.gradio("get_palette", **about),
    ):
        assert reply == plain
    assert plain["paints"][0] == {"name": "Old sage", "color": "#b5c7a3"}
    check_type(BY_NAME["load_palette"], plain)
    for question in ({"color": "new chalk"}, {"mask_id": 0}, {"point": [100, 80]}):
        told = doors.http("describe_color", **about, **question).json()
        assert told == doors.gradio("describe_color", **about, **question)
        assert told["name"] in ("Old sage", "New chalk")
        assert 0 < told["lrv"] < 100
        check_type(BY_NAME["describe_color"], told)
    painted = doors.http("paint_mask", **about, mask_id=0, color="old sage", image_format="none")
    assert painted.status_code == 200
    assert doors.live.studio.session(about["session_id"]).layers[0].color == (181, 199, 163)
    assert doors.http("reset_palette", **about).json() == usual


WHOLE = {"click_wall", "segment_wall", "select_masks", "remove_point"} | {  # asked by tests/test_remote.py, too
    "get_recipe", "apply_recipe", "paint_alike", "get_picture", "picture", "session_state",
}  # fmt: skip


def test_a_session_is_told_whole_by_both_doors(doors):
    """Clicks as on the page, recipes, pictures and state are the same through Gradio as by plain HTTP."""
    about = {"session_id": doors.open()}
    doors.http("click_wall", **about, point=[100, 80])
    doors.gradio("segment_wall", **about, points=[{"x": 70, "y": 130}], mode="union")
    (step,) = doors.http("remove_point", **about, index=1).json()["wall"]["steps"]
    assert (step["kind"], step["points"]) == ("prompts", [{"x": 100, "y": 80, "label": 1}])
    doors.http("paint_wall", **about, color="red")
    doors.gradio("select_masks", **about, mask_ids=[0])
    for name in ("get_recipe", "get_picture", "session_state"):
        told = doors.http(name, **about).json()
        assert told == doors.gradio(name, **about)
        check_type(BY_NAME[name], told)
    recipe = doors.http("get_recipe", **about).json()["recipe"]
    asked = {"session_id": doors.open(), "recipe": recipe}
    other = {"session_id": doors.open(), "recipe": recipe}
    for made in (doors.http("apply_recipe", **asked).json(), doors.gradio("apply_recipe", **other)):
        assert [layer["color"] for layer in made["layers"]] == ["#ff0000"]
        assert made["left_out"] == []
    for by_http in (True, False):
        bare = {"session_id": doors.open()}
        doors.http("click_wall", **bare, point=[100, 80])
        doors.http("paint_wall", **bare, color="blue")
        asked = {**bare, "like": about["session_id"]}
        made = doors.http("paint_alike", **asked).json() if by_http else doors.gradio("paint_alike", **asked)
        assert [(layer["name"], layer["color"]) for layer in made["layers"]] == [("Wall 1", "#ff0000")]
        assert made["left_out"] == []
    small = doors.http("get_picture", **about, max_side=50, image_format="JPG", painted=False).json()
    assert (small["width"], small["height"]) == (50, 38)
    assert base64.b64decode(small["image"])[:2] == b"\xff\xd8"


@pytest.mark.parametrize("painted", [True, False])
def test_a_picture_is_a_file(doors, painted):
    """/picture is what its name says, of the kind asked for, at full size and as its JSON has it; by both doors."""
    about = {"session_id": doors.open(), "painted": painted}
    doors.http("click_wall", session_id=about["session_id"], point=[100, 80])
    doors.http("paint_wall", session_id=about["session_id"], color="red")
    reply = doors.http("picture", **about)
    assert reply.headers["content-type"] == "image/png"
    told = base64.b64decode(doors.http("get_picture", **about).json()["image"])
    shown = np.asarray(Image.open(BytesIO(reply.content)))
    assert (shown == np.asarray(Image.open(BytesIO(told)))).all()
    assert (shown == np.asarray(Image.open(doors.gradio("picture", **about)))).all()
    red, green, _ = shown[80, 100].astype(int)
    assert (red - green > 60) == painted
    assert doors.http("picture", **about, format="JPG", quality=80).headers["content-type"] == "image/jpeg"


def test_clients_that_know_fewer_inputs_are_answered(doors):
    """A call of Gradio's plain protocol may leave out the last inputs, which came later, but none that is needed."""
    session_id = doors.open()
    reply = doors.live.http.post(f"{doors.live.url}/gradio_api/run/session_info", json={"data": [session_id]})
    assert reply.json()["data"][0]["session_id"] == session_id
    for data in ([], [session_id, "none", 7]):
        reply = doors.live.http.post(f"{doors.live.url}/gradio_api/run/session_info", json={"data": data})
        assert reply.status_code == 422
        assert "session_info takes 2 inputs" in reply.json()["detail"]


def test_every_endpoint_was_asked():
    """No row of the table is left out of this file."""
    asked = {*QUESTIONS, "health", "cache_status", "upload", "delete_session", "clear_cache", "download_file"}
    assert asked == set(TABLE)
    assert set(TABLE) | {
        "download_masks",
        "download_pictures",
        "save_project",
        "open_project",
    } | PALETTES | WALLS | WHOLE == set(BY_NAME)


# -- errors ----------------------------------------------------------------------------------------------------------

S = "S"  # stands for a session of the test's own
WRONG: dict[str, tuple[int, str, dict, str]] = {  # id: (status, endpoint, fields, part of the sentence)
    "nothing to segment": (400, "segment", {"session_id": S}, "point"),
    "point outside": (400, "segment", {"session_id": S, "points": [{"x": 5000, "y": 1}]}, "outside"),
    "label 7": (400, "segment", {"session_id": S, "points": [{"x": 1, "y": 1, "label": 7}]}, "1 (foreground)"),
    "box inside out": (400, "segment", {"session_id": S, "boxes": [{"x1": 9, "y1": 9, "x2": 1, "y2": 1}]}, "x1 < x2"),
    "mask no PNG": (400, "segment", {"session_id": S, "mask": "AAAA"}, "PNG"),
    "mask of another size": (400, "paint_mask", {"session_id": S, "color": "red", "mask": "TINY"}, "200x150"),
    "point of three": (400, "get_mask_at_point", {"session_id": S, "point": [1, 2, 3]}, "[x, y]"),
    "colour": (400, "paint_mask", {"session_id": S, "mask_id": 0, "color": "#ggg"}, "#ggg"),
    "opacity": (400, "paint_mask", {"session_id": S, "mask": WALL_MASK, "color": "red", "opacity": 3}, "opacity"),
    "neither mask": (400, "paint_mask", {"session_id": S, "color": "red"}, "mask_id or mask"),
    "no colored masks": (400, "paint_multiple_masks", {"session_id": S, "colored_masks": []}, "at least one"),
    "format": (400, "download_image", {"session_id": S, "format": "GIF"}, "PNG"),
    "quality": (400, "download_image", {"session_id": S, "format": "JPG", "quality": 0}, "1 to 100"),
    "points_per_side": (400, "generate_masks", {"session_id": S, "points_per_side": 0}, "1 to 128"),
    "threshold": (400, "generate_masks", {"session_id": S, "pred_iou_thresh": 2}, "0 to 1"),
    "mode": (400, "combine_masks", {"session_id": S, "mask_ids": [0], "mode": "xor"}, "union"),
    "no masks to combine": (400, "combine_masks", {"session_id": S, "mask_ids": []}, "at least one"),
    "no palette": (
        400,
        "load_palette",
        {"session_id": S, "file": "bm9uZQ==", "filename": "walls.gpl"},
        "walls.gpl is no",
    ),
    "two colours": (400, "describe_color", {"session_id": S, "color": "red", "mask_id": 0}, "one of color, mask_id"),
    "colour of nowhere": (400, "describe_color", {"session_id": S, "point": [900, 1]}, "outside"),
    "colour of no wall": (404, "describe_color", {"session_id": S, "mask_id": 99}, "No mask 99"),
    "clear everything": (401, "clear_cache", {}, "session_id"),
    "unknown session": (404, "session_info", {"session_id": "nobody"}, "unknown"),
    "unknown session to delete": (404, "delete_session", {"session_id": "nobody"}, "unknown"),
    "unknown mask": (404, "paint_mask", {"session_id": S, "mask_id": 99, "color": "red"}, "No mask 99"),
    "no mask at point": (404, "get_mask_at_point", {"session_id": S, "point": [1, 1]}, "No mask at"),
    "unknown file": (404, "download_file", {"filename": "nothing.png"}, "No such download"),
    "no picture": (415, "upload", {"file": base64.b64encode(b"no picture at all").decode()}, "JPEG"),
    "not base64": (400, "upload", {"file": "%%%"}, "base64"),
    "points no list": (422, "segment", {"session_id": S, "points": "here"}, "points"),
    "x no number": (422, "segment", {"session_id": S, "points": [{"x": "1", "y": 1}]}, "points[0].x"),
    "mask_id true": (422, "paint_mask", {"session_id": S, "mask_id": True, "color": "red"}, "mask_id"),
    "session no text": (422, "get_embedding", {"session_id": 5}, "session_id"),
}
FIRST_OF_ITS_STATUS = {next(case for case in WRONG if WRONG[case][0] == status) for status, *_ in WRONG.values()}


@pytest.mark.parametrize("case", WRONG, ids=list(WRONG))
def test_each_mistake_has_its_status_and_the_same_sentence_through_both_doors(case, doors: Doors):
    """The field and what is allowed, in one sentence; the session is as it was."""
    status, name, fields, part = WRONG[case]
    session_id = doors.open()
    before = doors.http("session_info", session_id=session_id).json()
    fields = {key: session_id if value == S else value for key, value in fields.items()}
    if fields.get("mask") == "TINY":
        fields["mask"] = base64.b64encode(to_png(draw_building(20, 20))).decode()
    plain = doors.http(name, **fields)
    assert plain.status_code == status, plain.text
    assert plain.json().keys() == {"detail"}
    assert part in plain.json()["detail"]
    if case in FIRST_OF_ITS_STATUS:
        with pytest.raises(AppError) as caught:
            doors.gradio(name, **fields)
        assert str(caught.value) == plain.json()["detail"]
    assert doors.http("session_info", session_id=session_id).json() == before


def test_missing_fields_are_422(doors: Doors):
    """gradio_client refuses to send such a request at all; plain HTTP is told which field is missing."""
    reply = doors.live.http.post("/paint-mask", json={"session_id": "x"})
    assert reply.status_code == 422
    assert "color" in reply.json()["detail"]


def test_too_large_is_413_through_both_doors(launch, tmp_path):
    """Over MAX_FILE_SIZE or over the pixels allowed."""
    live = launch()
    live.studio.max_pixels = 10_000
    doors = Doors(live)
    text = base64.b64encode(to_png(draw_building())).decode()
    plain = doors.http("upload", file=text)
    assert plain.status_code == 413
    with pytest.raises(AppError) as caught:
        doors.gradio("upload", file=text)
    assert str(caught.value) == plain.json()["detail"]
    assert live.studio.sessions.count() == 0


def test_late_is_504_through_both_doors(launch):
    """Past its limit a verb ends with a clear error, and the session is as it was."""
    from engines import HeldEngine

    engine = HeldEngine()
    doors = Doors(launch(engine, Limits(segment=0.2, generate=0.2)))
    session_id = doors.open()
    for name, fields in (("segment", {"points": [{"x": 9, "y": 9}]}), ("generate_masks", {})):
        plain = doors.http(name, session_id=session_id, **fields)
        assert plain.status_code == 504
        assert "longer than 0.2 s" in plain.json()["detail"]
        with pytest.raises(AppError) as caught:
            doors.gradio(name, session_id=session_id, **fields)
        assert str(caught.value) == plain.json()["detail"]
    engine.let_go.set()
    assert doors.http("session_info", session_id=session_id).json()["stored_masks"] == {}


def test_too_many_requests_are_429_with_retry_after(launch, stopped_clock):
    """Through both doors; Retry-After says when to come back."""
    live = launch(sessions_per_minute=2)
    doors = Doors(live)
    text = base64.b64encode(to_png(draw_building())).decode()
    assert [doors.http("upload", file=text).status_code for _ in range(2)] == [200, 200]
    plain = doors.http("upload", file=text)
    assert plain.status_code == 429
    assert 1 <= int(plain.headers["retry-after"]) <= 60
    with pytest.raises(AppError, match="More than 2 photos in a minute"):
        doors.gradio("upload", file=text)
