"""Plain HTTP: what a client of any language sees at /api."""

import asyncio
import base64
import io
import json
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from select import select

import httpx
import numpy as np
import pytest
from conftest import Doors, draw_building, eventually, to_png
from engines import FloodEngine, HeldEngine
from PIL import Image

pytest.importorskip("gradio", reason="the doors need gradio")

from sam2_painter import paint
from sam2_painter.masks.operations import mask_from_png
from sam2_painter.rle import rle_to_mask
from sam2_painter.studio.studio import Limits
from sam2_painter.web.api.endpoints import ENDPOINTS


@pytest.fixture
def http(server):
    """A client of /api."""
    return server.http


@pytest.fixture
def sid(doors):
    """A session of this test's own."""
    return doors.open()


# -- requests --------------------------------------------------------------------------------------------------------


def test_forms_are_read_like_json(http, sid):
    """Numbers, lists and files of a multipart form become the fields they are."""
    as_json = http.post("/segment", json={"session_id": sid, "points": [{"x": 100, "y": 80}]}).json()
    as_form = http.post("/segment", data={"session_id": sid, "points": '[{"x": 100, "y": 80}]'})
    assert as_form.json() == as_json
    wall = base64.b64decode(as_json["mask"])
    painted = http.post(
        "/paint-mask", data={"session_id": sid, "color": "red", "opacity": "0.5"}, files={"mask": ("wall.png", wall)}
    )
    assert painted.status_code == 200, painted.text
    by_id = {"session_id": sid, "mask": as_json["mask"], "color": "red", "opacity": 0.5}
    assert http.post("/paint-mask", json=by_id).json() == painted.json()


def test_a_form_s_blanks_are_not_given(http, sid):
    """As browsers send them; what cannot be left out is missing then."""
    blanks = {"points": '[{"x": 100, "y": 80}]', "boxes": "", "mask": "", "mask_format": ""}
    assert http.post("/segment", data={"session_id": sid, **blanks}).status_code == 200
    assert http.get("/list-downloads", params={"session_id": ""}).json()["total_files"] == 0
    missing = http.post("/paint-mask", data={"session_id": sid, "mask_id": "0", "color": ""})
    assert (missing.status_code, missing.json()["detail"]) == (422, "color: Field required")


@pytest.mark.parametrize(
    ("path", "fields", "sentence", "field"),
    [
        ("/paint-mask", {"color": "red", "opacty": 0.5}, "There is no field opacty; was opacity meant?", "opacty"),
        ("/segment", {"point": [100, 80]}, "There is no field point; was points meant?", "point"),
        (
            "/paint-multiple-masks",
            {"colored_masks": [{"mask_id": 0, "color": "red", "Opacity": 0.5}]},
            "There is no field colored_masks[0].Opacity; was opacity meant?",
            "colored_masks[0].Opacity",
        ),
        ("/segment", {"points": [{"x": 100, "y": 80, "lable": 0}]}, "was label meant?", "points[0].lable"),
    ],
    ids=["opacty", "point", "of a coloured mask", "of a point"],
)
def test_a_field_that_looks_misspelt_is_refused(http, sid, path, fields, sentence, field):
    """The sentence says which, what was meant and what there is; nothing is done."""
    reply = http.post(path, json={"session_id": sid, **fields})
    assert (reply.status_code, reply.headers["X-Error-Field"]) == (422, field)
    assert sentence in reply.json()["detail"]
    info = http.get(f"/session/{sid}").json()
    assert (info["masks_count"], info["layers"]) == (0, [])


def test_other_fields_are_left_aside(http, sid):
    """Of clients that say more than we read: what looks like nothing of ours, or like a field that is there, too."""
    more = {"user": "ann", "trace": [1], "segmentation_model": "b", "Points": 1}
    reply = http.post("/segment", json={"session_id": sid, "points": [{"x": 100, "y": 80, "z": 1}], **more})
    assert reply.status_code == 200, reply.text


def test_null_means_not_given(http, sid):
    """The original's clients send null for what they leave out."""
    reply = http.post("/segment", json={"session_id": sid, "points": [{"x": 9, "y": 9}], "boxes": None, "mask": None})
    mask_id = reply.json()["mask_id"]
    fields = {"session_id": sid, "mask_id": mask_id, "mask": None, "color": "#FF0000", "opacity": None}
    assert http.post("/paint-mask", json=fields).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b"null", 422),
        (b"\xff\xfe", 422),
        (b'{"session_id": NaN}', 422),
        (b"[" * 100_000, 422),
        (b"", 422),
        (b'{"session_id": "\\ud800"}', 422),
        (b'{"session_id": "\\u0000"}', 404),
        (json.dumps({"session_id": "x" * 100_000}).encode(), 404),
    ],
    ids=["cut", "list", "null", "no utf-8", "NaN", "deep", "empty", "lone surrogate", "null character", "long"],
)
def test_a_body_that_makes_no_sense(http, body, status):
    """Never a 500."""
    reply = http.post("/get-embedding", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == status
    assert reply.json().keys() == {"detail"}


def test_a_broken_form_is_422(http):
    """A multipart body without its boundary."""
    reply = http.post("/upload", content=b"x", headers={"content-type": "multipart/form-data"})
    assert reply.status_code == 422
    reply = http.post("/upload", content=b"--x\r\n", headers={"content-type": "multipart/form-data; boundary=x"})
    assert reply.status_code == 422


def test_unknown_paths_and_methods(http):
    """404 and 405 in the same form as every other error."""
    assert http.get("/nothing").json().keys() == {"detail"}
    assert http.get("/nothing").status_code == 404
    assert http.get("/segment").status_code == 405


@pytest.mark.parametrize("announced", [True, False], ids=["with its length", "chunked"])
def test_a_body_over_the_limit_is_413(launch, announced):
    """Whether it says how long it is or not; nothing of it is kept."""
    live = launch(max_file_size=100_000)
    body = b"x" * 2_000_000
    reply = live.http.post("/upload", content=body if announced else iter([body[:1_000_000], body[1_000_000:]]))
    assert reply.status_code == 413
    assert "at most" in reply.json()["detail"]
    assert live.http.post("/upload", files={"file": ("a.png", b"x" * 200_000)}).status_code == 413
    assert not list((live.folder / "uploads").iterdir())


@pytest.fixture(scope="module")
def impatient(launch):
    """A server that waits a second for what a request sends, and asks for sign-in by password."""
    return launch(body_limit=1.0, auth="me:secret")


PART = '--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'


@pytest.mark.parametrize(
    ("path", "kind", "begins"),
    [
        ("/api/segment", "application/json", "{"),
        ("/api/upload", "multipart/form-data; boundary=x", PART),
        ("/gradio_api/upload", "multipart/form-data; boundary=x", PART),
        ("/gradio_api/queue/join", "application/json", "{"),
        ("/gradio_api/cancel", "application/json", "{"),
        ("/login", "application/x-www-form-urlencoded", "username="),
    ],
)
def test_a_body_that_trickles_in_is_408(impatient, path, kind, begins):
    """A client that sends a byte now and then is told that it took too long, and the connection ends."""
    where = httpx.URL(impatient.url)
    me = base64.b64encode(b"me:secret").decode()
    head = f"POST {path} HTTP/1.1\r\nHost: {where.netloc.decode()}\r\nAuthorization: Basic {me}\r\n"
    with socket.create_connection((where.host, where.port), timeout=60) as connection:
        connection.sendall(f"{head}Content-Type: {kind}\r\nContent-Length: 1000\r\n\r\n{begins}".encode())
        answer = b""
        with suppress(ConnectionError):  # it hung up, though there was more to come
            while not select([connection], [], [], 0.2)[0]:  # never still for a second
                connection.sendall(b" ")
            while piece := connection.recv(4096):
                answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"took longer than 1 s to arrive" in answer


# -- masks by reference ----------------------------------------------------------------------------------------------


def test_mask_zero_is_a_mask(http, sid):
    """The first mask has the number 0, and 0 can be painted."""
    assert http.post("/generate-masks", json={"session_id": sid}).json()["masks"][0]["id"] == 0
    assert http.post("/paint-mask", json={"session_id": sid, "mask_id": 0, "color": "red"}).status_code == 200


def test_masks_as_runs_or_not_at_all(http, sid):
    """mask_format saves a client what it does not need."""
    sizes = {}
    for mask_format in ("png", "rle", "none"):
        reply = http.post("/generate-masks", json={"session_id": sid, "mask_format": mask_format})
        sizes[mask_format] = len(reply.content)
        first = reply.json()["masks"][0]
    assert first["mask"] == ""
    assert first["area"] > 0
    assert sizes["none"] < sizes["rle"]
    assert sizes["none"] < sizes["png"]


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "data url"])
def test_a_mask_is_taken_in_the_form_it_comes(http, sid, mode):
    """One bit, grey, colour, transparent or with a palette: what is white is the mask."""
    inside = np.zeros((150, 200), bool)
    inside[20:60, 30:90] = True
    out = io.BytesIO()
    Image.fromarray(inside).convert("1" if mode == "data url" else mode).save(out, "PNG")
    text = base64.b64encode(out.getvalue()).decode()
    text = f"data:image/png;base64,{text}" if mode == "data url" else text
    reply = http.post("/segment", json={"session_id": sid, "mask": text}).json()
    assert (rle_to_mask(mask_from_png(reply["mask"], (150, 200))) == inside).all()


def test_several_boxes_are_answered_one_by_one(http, sid):
    """Each with the points inside it; a point outside them all is an answer of its own."""
    box = {"x1": 38, "y1": 50, "x2": 58, "y2": 74}
    other = {"x1": 118, "y1": 50, "x2": 138, "y2": 74}
    window = {"x": 45, "y": 60}  # in the first box
    two = http.post("/segment", json={"session_id": sid, "boxes": [box, other], "points": [window]}).json()
    assert two["bbox"] == [40, 50, 98, 24]  # the window, and all of the second box
    sky = {"x": 3, "y": 3}
    three = http.post("/segment", json={"session_id": sid, "boxes": [box, other], "points": [window, sky]}).json()
    assert three["bbox"] == [0, 0, 200, 150]
    assert three["candidates"][0]["mask_id"] == three["mask_id"]
    both = http.post("/segment", json={"session_id": sid, "boxes": [box, other], "mask": two["mask"]})
    assert both.status_code == 400


def test_a_painted_mask_is_repainted_in_place(http, sid):
    """Painting one wall twice leaves one layer; painting with opacity 0 shows the photo."""
    http.post("/generate-masks", json={"session_id": sid})
    for color in ("red", "blue"):
        http.post("/paint-mask", json={"session_id": sid, "mask_id": 0, "color": color})
    assert http.get(f"/session/{sid}").json()["message"].startswith("1 ")
    reply = http.post("/paint-mask", json={"session_id": sid, "mask_id": 0, "color": "red", "opacity": 0}).json()
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(reply["painted_image"]))))
    assert (shown == draw_building()).all()


def test_one_wrong_mask_among_several_paints_none(http, sid):
    """All or nothing; a mask brought along for the others is not kept either."""
    http.post("/generate-masks", json={"session_id": sid})
    before = http.get(f"/session/{sid}").json()
    brought = base64.b64encode(to_png(draw_building()[..., 0])).decode()
    wanted = [{"mask": brought, "color": "red"}, {"mask_id": 99, "color": "blue"}]
    assert http.post("/paint-multiple-masks", json={"session_id": sid, "colored_masks": wanted}).status_code == 404
    assert http.get(f"/session/{sid}").json() == before


def test_the_download_of_one_mask_leaves_the_session_alone(http, sid):
    """mask_id and color render just that; with neither it is the session's paint."""
    http.post("/generate-masks", json={"session_id": sid})
    one = http.post("/download-painted-image", json={"session_id": sid, "mask_id": 0, "color": "#000", "opacity": 1})
    none = http.post("/download-painted-image", json={"session_id": sid})
    assert http.get(f"/session/{sid}").json()["message"].startswith("0 ")
    pictures = [Image.open(io.BytesIO(http.get(r.json()["image_url"]).content)) for r in (one, none)]
    assert (np.asarray(pictures[1]) == draw_building()).all()
    assert not (np.asarray(pictures[0]) == draw_building()).all()


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["дом.png", "a#b.png", "two words.png", "a..b.png", "50%.png", "a;b,c.png", "家 é.jpg"]
)
def test_a_file_keeps_its_name(http, doors: Doors, name):
    """Whatever the photo is called, its download is found and saved under that name."""
    sid = doors.open(name=name)
    made = http.post("/download-image", json={"session_id": sid}).json()
    reply = http.get(made["image_url"])
    assert reply.status_code == 200
    disposition = reply.headers["content-disposition"]
    saved = httpx.URL("http://x/" + re.search(r"filename\*=UTF-8''(\S+)", disposition)[1]).path.lstrip("/")
    assert saved == made["filename"]
    assert saved.startswith(name.rsplit(".", 1)[0])
    assert disposition.isascii()
    listed = http.get("/list-downloads", params={"session_id": sid}).json()
    assert listed["downloads"][0]["download_url"] == made["image_url"]


def test_ranges_and_etags(http, sid):
    """A part of a file, and nothing at all when the client has it."""
    url = http.post("/download-image", json={"session_id": sid}).json()["image_url"]
    whole = http.get(url)
    part = http.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert http.get(url, headers={"Range": f"bytes={len(whole.content) + 5}-"}).status_code == 416
    assert http.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    assert http.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    head = http.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(whole.content)


def test_a_deleted_session_takes_its_files_along(http, server, sid):
    """404 afterwards, and nothing is left in any folder."""
    url = http.post("/download-image", json={"session_id": sid}).json()["image_url"]
    http.delete(f"/session/{sid}")
    assert http.get(url).status_code == 404
    assert not [path for path in server.folder.rglob("*") if sid in path.name]


# -- time, threads and people who leave ------------------------------------------------------------------------------


def test_a_late_answer_is_given_up_at_once(launch):
    """504 at the limit, not when the engine is done; the session is as it was."""
    engine = HeldEngine()
    live = launch(engine, Limits(segment=0.3))
    sid = Doors(live).open()
    reply = live.http.post("/segment", json={"session_id": sid, "points": [{"x": 9, "y": 9}]})
    assert reply.status_code == 504
    engine.let_go.set()  # only now
    assert live.http.get(f"/session/{sid}").json()["stored_masks"] == {}


def test_who_leaves_cancels_their_work(launch):
    """A closed connection stops the engine at its next step, and nothing is kept."""
    engine = FloodEngine(wait=100)
    live = launch(engine)
    sid = Doors(live).open()

    async def leave():
        async with httpx.AsyncClient(base_url=f"{live.url}/api", timeout=60) as client:
            asked = asyncio.create_task(client.post("/generate-masks", json={"session_id": sid}))
            assert await asyncio.to_thread(eventually, lambda: engine.asked["generate"])
            asked.cancel()
            await asyncio.wait({asked})

    asyncio.run(leave())
    assert eventually(lambda: engine.stopped == "Cancelled")
    assert live.http.get(f"/session/{sid}").json()["stored_masks"] == {}


def test_a_full_house_says_so(launch):
    """More than may wait are told 503 and when to come back; quick questions are answered all the time."""
    engine = HeldEngine()
    live = launch(engine, queue_size=1)
    sid = Doors(live).open()

    async def ask_many():
        async with httpx.AsyncClient(base_url=f"{live.url}/api", timeout=60) as client:
            fields = {"session_id": sid, "mask_format": "none"}
            asked = [
                asyncio.create_task(client.post("/generate-mask-at-point", json={**fields, "point": [n, n]}))
                for n in range(12)
            ]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            health = await client.get("/health")
            engine.let_go.set()
            return health, await asyncio.gather(*asked)

    health, replies = asyncio.run(ask_many())
    assert health.status_code == 200
    refused = [reply for reply in replies if reply.status_code == 503]
    assert refused
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)


@pytest.mark.parametrize("name", ["composite", "analyse"])
def test_health_answers_while_a_photo_is_painted(launch, monkeypatch, name):
    """The event loop never waits for pixels: neither for a picture that is painted nor for a wall's light."""
    live = launch()
    sid = Doors(live).open()
    mask = live.http.post("/segment", json={"session_id": sid, "points": [{"x": 100, "y": 90}]})
    begun, go_on, work = threading.Event(), threading.Event(), getattr(paint, name)

    def held(*given, **named):
        begun.set()
        assert go_on.wait(60)
        return work(*given, **named)

    monkeypatch.setattr(paint, name, held)
    fields = {"session_id": sid, "mask_id": mask.json()["mask_id"], "color": "#b5c7a3"}
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=f"{live.url}/api", timeout=30) as client:
        reply = pool.submit(live.http.post, "/paint-mask", json=fields)
        assert begun.wait(30)
        for _ in range(3):
            assert client.get("/health").status_code == 200
        assert not reply.done()
        go_on.set()
        assert reply.result().status_code == 200


# -- origins, documents ----------------------------------------------------------------------------------------------


def test_other_sites_may_not_read_answers(http, sid):
    """By default no page of another origin is given leave, whatever host name the server goes by."""
    headers = {"Origin": "https://evil.example", "Host": "painter.example"}
    reply = http.get("/health", headers=headers)
    assert not [name for name in reply.headers if name.startswith("access-control")]
    preflight = http.options("/segment", headers={**headers, "Access-Control-Request-Method": "POST"})
    assert "access-control-allow-origin" not in preflight.headers
    gradio = http.get("/../config", headers=headers)
    assert "access-control-allow-origin" not in gradio.headers


def test_an_origin_that_is_named_may(launch):
    """--cors-origins opens /api to it, and to no other."""
    live = launch(cors_origins="https://good.example, https://other.example/")
    good = {"Origin": "https://good.example"}
    assert live.http.get("/health", headers=good).headers["access-control-allow-origin"] == "https://good.example"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = live.http.options("/segment", headers={**good, **asked})
    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    evil = live.http.get("/health", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in evil.headers


def test_the_openapi_document_names_every_endpoint(http):
    """Each with its summary, fields, reply and errors."""
    document = http.get("/openapi.json").json()
    for endpoint in ENDPOINTS:
        operation = document["paths"][f"/api{endpoint.path}"][endpoint.method.lower()]
        assert operation["operationId"] == endpoint.name
        assert operation["summary"]
        assert {"200", "400", "401", "404", "422", "503", "504"} <= operation["responses"].keys()
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= document["components"]["schemas"].keys()


def test_an_endpoint_is_documented_with_one_media_type(http):
    """Forms where a file goes up, JSON everywhere else: generated clients can have but one."""
    document = http.get("/openapi.json").json()
    for endpoint in ENDPOINTS:
        operation = document["paths"][f"/api{endpoint.path}"][endpoint.method.lower()]
        if endpoint.method == "POST":
            wanted = "multipart/form-data" if endpoint.attachments else "application/json"
            assert list(operation["requestBody"]["content"]) == [wanted]


def test_the_documentation_is_where_the_original_had_it(http):
    """/docs and /redoc are the same page; without /api they lead there."""
    assert http.get("/redoc").text == http.get("/docs").text
    root = str(http.base_url).rstrip("/").removesuffix("/api")
    for path in ("/docs", "/redoc", "/docs/"):
        led = httpx.get(f"{root}{path}", follow_redirects=True, timeout=60)
        assert (led.status_code, led.url.path) == (200, "/api/docs")


def test_the_docs_page_fetches_nothing_from_elsewhere(http):
    """It shows every endpoint and field, and no address of another server is in it."""
    page = http.get("/docs").text
    for endpoint in ENDPOINTS:
        assert f'id="{endpoint.name}"' in page
        assert all(f"<code>{name}</code>" in page for name in endpoint.fields)
    assert not re.findall(r"https?://|//\w+\.", page)


def test_every_answer_forbids_sniffing(http):
    """What a browser would make of an answer is only what its type says."""
    for path in ("/health", "/docs", "/nothing", "/download-file/x"):
        assert http.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_port_that_is_taken_is_told(launch):
    """One sentence with the flag to use."""
    from sam2_painter.errors import InvalidInput

    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(InvalidInput, match="--port"),
    ):
        launch(port=taken.getsockname()[1])
