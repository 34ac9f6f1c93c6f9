"""Nobody gets in, nobody sees another's photo, and nothing a stranger sends runs, fetches or reads anything."""

import base64
import http.server
import json
import logging
import os
import re
import stat
import threading
import zipfile
from io import BytesIO

import httpx
import numpy as np
import pytest
from conftest import Doors, Live, draw_building, eventually, to_png

from sam2_painter.settings import Settings
from sam2_painter.types import Coat

FILE = {"_type": "gradio.FileData"}
PASSWORD, TOKEN = "correct-horse-battery", "token-7f3a9c"


@pytest.fixture
def http_root(server: Live):
    """A client of the whole server, not only /api."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.fixture
def somebody(doors: Doors):
    """Another person's session, with a mask, a layer and a download in it."""
    sid = doors.open()
    http = doors.live.http
    mask_id = http.post("/segment", json={"session_id": sid, "points": [{"x": 100, "y": 90}]}).json()["mask_id"]
    http.post("/paint-mask", json={"session_id": sid, "mask_id": mask_id, "color": "#123456"})
    made = http.post("/download-painted-image", json={"session_id": sid}).json()
    return sid, mask_id, made["filename"]


def ask_gradio(client: httpx.Client, name: str, data: list) -> str:
    """The events of one call, as the server sent them."""
    event = client.post(f"/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
    return client.get(f"/gradio_api/call/{name}/{event}").text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("run/predict", {"data": []}),
        ("run/nope", {"data": []}),
        ("run/health", {"data": [], "fn_index": -1}),
        ("run/health", {"data": [], "fn_index": 99999}),
        ("run/health", {"data": [], "batched": True}),
        ("call/nope", {"data": []}),
        ("call/v2/nope", {}),
        ("queue/join", {"data": [], "session_hash": "x"}),
        ("queue/join", {"data": [], "session_hash": "x", "fn_index": 99999}),
    ],
)
def test_an_event_there_is_not_is_refused(http_root, path, body):
    """Gradio's raw doors say that they cannot read a request; nothing breaks and no traceback gets out."""
    reply = http_root.post(f"/gradio_api/{path}", json=body)
    assert reply.status_code == 422
    assert "fits no event" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("run/segment", {"data": []}, "segment takes 5 inputs, got 0"),
        ("api/segment", {"data": ["x"] * 7}, "segment takes 5 inputs, got 7"),
        ("call/segment", {"data": ["x"] * 6}, "segment takes 5 inputs, got 6"),
        ("run/health", {"data": [1]}, "health takes 0 inputs, got 1"),
        ("call/v2/segment", {"data": []}, "segment needs session_id"),
        ("call/v2/segment", {"session_id": "x", "fn_index": 1}, "segment takes session_id, points"),
        ("call/v2/health", {"data": []}, "health takes no inputs"),
    ],
)
def test_an_event_gets_the_inputs_it_has(http_root, path, body, sentence):
    """Too few or too many are refused, by a sentence that says how many there are."""
    reply = http_root.post(f"/gradio_api/{path}", json=body)
    assert reply.status_code == 422
    assert sentence in reply.json()["detail"]


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("run/session_info", ["nobody", "none"], 404),
        ("api/segment", ["nobody", "a wall", None, None, None], 422),
    ],
)
def test_a_mistake_is_no_defect_at_any_door(http_root, path, data, status):
    """Gradio's doors that answer at once say our sentence, with the status it has everywhere else."""
    reply = http_root.post(f"/gradio_api/{path}", json={"data": data})
    assert reply.status_code == status, reply.text
    assert reply.json()["error"]


@pytest.mark.parametrize("kind", [KeyError, TypeError, ValueError])
def test_a_defect_is_no_mistake_of_the_asker(http_root, monkeypatch, caplog, kind):
    """What breaks behind Gradio's doors for a question that fits an event is 500, with a traceback in our log."""

    def breaks(*args: object, **kwargs: object) -> None:
        raise kind("a defect")

    monkeypatch.setattr("sam2_painter.web.api.endpoints.Endpoint.call", breaks)
    reply = http_root.post("/gradio_api/run/health", json={"data": []})
    assert reply.status_code == 500
    assert "a defect" not in reply.text
    assert eventually(lambda: any(kind in (r.exc_info or ()) for r in caplog.records))


def test_an_upload_without_a_name_is_refused(http_root):
    """A part of a form that is no file, where Gradio wants one."""
    form = b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\nhi\r\n--x--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert http_root.post("/gradio_api/upload", content=form, headers=kind).status_code == 422


@pytest.fixture
def trap():
    """An address on this machine that remembers whoever comes."""
    visits = []

    class Trap(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            visits.append(self.path)
            body = to_png(draw_building())
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_POST = do_GET

        def log_message(self, *args):
            """Silence."""

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trap)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    listening.visits, listening.address = visits, f"http://127.0.0.1:{listening.server_port}/photo.png"
    yield listening
    listening.shutdown()
    listening.server_close()


# -- files of the server


@pytest.mark.parametrize("meta", [{}, {"meta": FILE}], ids=["bare", "as Gradio marks files"])
@pytest.mark.parametrize("door", ["upload", "open_project"])
@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd", "/proc/self/environ", "file:///etc/passwd"])
def test_a_file_input_names_no_file_of_the_server(http_root, path, door, meta):
    """Through the raw API any path can be named; none but an upload is ever opened."""
    answer = ask_gradio(http_root, door, [{"path": path, **meta}, ""][: 2 if door == "upload" else 1])
    assert answer.startswith("event: error")
    assert "root:" not in answer


def test_a_file_input_names_no_photo_of_another(server, http_root, somebody, tmp_path):
    """Neither the data folder nor a link to it opens for who knows the path."""
    photo = server.studio.sessions.photo_path(somebody[0])
    for path in (photo, server.folder / "masks" / "sessions.sqlite3"):
        for file in ({"path": str(path)}, {"path": str(path), "meta": FILE}):
            assert ask_gradio(http_root, "upload", [file, ""]).startswith("event: error")


@pytest.mark.parametrize("text", ["/etc/passwd", "file:///etc/passwd", "~/.ssh/id_rsa"])
def test_text_is_never_a_path(server, http_root, text):
    """Where base64 is taken, a path is no base64."""
    assert server.http.post("/upload", json={"file": text}).status_code in (400, 415)
    assert ask_gradio(http_root, "upload", [text, ""]).startswith("event: error")


def test_gradio_serves_no_file_of_ours(server, http_root, somebody):
    """/gradio_api/file= gives neither the data folder nor the program, in any spelling."""
    photo = server.studio.sessions.photo_path(somebody[0])
    database = server.folder / "masks" / "sessions.sqlite3"
    for path in (
        photo,
        database,
        photo.parent,
        "/etc/passwd",
        "app.py",
        "./app.py",
        "//etc/passwd",
        "/proc/self/environ",
    ):
        for route in ("file=", "file/", "file=%2e%2e/%2e%2e/"):
            reply = http_root.get(f"/gradio_api/{route}{path}")
            assert reply.status_code in (403, 404), path
    for path in ("/static/..%2f..%2fapp.py", "/assets/..%2f..%2f..%2fapp.py", "/svelte/..%2f..%2fapp.py"):
        assert http_root.get(path).status_code in (403, 404)


@pytest.mark.parametrize("name", ["..%2f..%2fmasks%2fsessions.sqlite3", "%2fetc%2fpasswd", "%2e%2e", "%00", "a" * 5000])
def test_downloads_are_names_not_paths(server, name):
    """What is no download's name is 404."""
    reply = server.http.get(f"/download-file/{name}")
    assert reply.status_code == 404
    assert list(reply.json()) == ["detail"]


# -- other people


def test_ids_are_all_there_is_to_know(server, somebody):
    """Nothing that a stranger can ask lists or hints at another's session, file or photo."""
    sid, _, filename = somebody
    public = [
        server.http.get("/").text,
        server.http.get("/health").text,
        server.http.get("/cache-status").text,
        server.http.get("/list-downloads").text,
        server.http.get("/openapi.json").text,
        httpx.get(f"{server.url}/config", timeout=60).text,
        httpx.get(f"{server.url}/gradio_api/info", timeout=60).text,
        httpx.get(f"{server.url}/", timeout=60).text,
    ]
    for text in public:
        assert sid not in text
        assert filename not in text
        assert str(server.folder) not in text


def test_masks_and_layers_belong_to_their_session(doors: Doors, somebody):
    """A mask's number means the mask of one's own session; another's download needs its own name."""
    _, mask_id, filename = somebody
    mine = doors.open()
    for body in (
        {"session_id": mine, "mask_id": mask_id, "color": "#fff"},
        {"session_id": mine, "mask_id": -1, "color": "#fff"},
    ):
        assert doors.live.http.post("/paint-mask", json=body).status_code == 404
    listed = doors.live.http.get("/list-downloads", params={"session_id": mine}).json()
    assert listed["downloads"] == []
    guess = re.sub("[0-9a-f]{12}", "0" * 12, filename)
    assert guess != filename
    assert doors.live.http.get(f"/download-file/{guess}").status_code == 404


def test_nothing_of_a_session_outlives_it(server, doors: Doors, somebody):
    """Deleted: no file, no row, no byte of its names in the database's files, no copy in Gradio's folder for long."""
    from sam2_painter.web import files

    sid, _, _ = somebody
    secret = "grandmother's house 1947"
    server.studio.edit_layer(sid, 0, name=secret)
    doors.gradio("download_file", filename=doors.gradio("download_image", session_id=sid)["filename"])
    database = server.folder / "masks"
    held = b"".join(path.read_bytes() for path in database.iterdir())
    assert secret.encode() in held
    assert doors.http("delete_session", session_id=sid).status_code == 200
    assert not list(server.folder.glob(f"*/{sid}"))
    held = b"".join(path.read_bytes() for path in database.iterdir())
    assert secret.encode() not in held
    assert sid.encode() not in held
    temporary = files.use_private_folder()
    files.sweep(temporary, older_than=-1)
    assert not [path for path in temporary.rglob("*") if path.is_file()]


def test_folders_are_private(server, somebody):
    """Photos, masks, results and temporary files: mode 0700, the database 0600, nothing for group or others."""
    from sam2_painter.web import files

    folders = [server.folder / name for name in ("uploads", "masks", "results")]
    folders += [server.folder / "uploads" / somebody[0], server.folder / "results" / somebody[0]]
    for folder in [*folders, files.use_private_folder()]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for file in (server.folder / "masks").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


# -- addresses


@pytest.mark.parametrize("marked", [{}, {"meta": FILE}], ids=["bare", "as Gradio marks files"])
@pytest.mark.parametrize("where", ["path", "url", "both"])
def test_the_server_fetches_nothing_for_anybody(http_root, trap, where, marked):
    """A file input that names an address is refused, and nobody is called up, inside the network or outside."""
    file = dict.fromkeys(("path", "url") if where == "both" else (where,), trap.address)
    answer = ask_gradio(http_root, "upload", [{"path": "x.png", **file, **marked}, ""])
    assert answer.startswith("event: error")
    assert trap.visits == []


def test_an_outside_address_is_not_even_looked_up(http_root, monkeypatch):
    """Gradio would fetch a public address that a request names as a file; here its downloader is never reached."""
    from gradio import processing_utils

    asked = []

    async def fetch(url, **how):
        asked.append(url)
        raise ConnectionError

    monkeypatch.setattr(processing_utils, "async_ssrf_protected_get", fetch)
    for endpoint, rest in (("upload", [""]), ("open_project", [])):
        for url in ("https://example.com/photo.png", "http://169.254.169.254/latest/meta-data"):
            answer = ask_gradio(http_root, endpoint, [{"path": url, "url": url, "meta": FILE}, *rest])
            assert "file was not uploaded here" in answer
    assert asked == []


@pytest.mark.parametrize("route", ["file={}", "file/{}", "proxy={}", "FILE={}", "file= {}"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_gradio_s_proxies_are_closed(http_root, trap, route, method):
    """No address can be fetched through the server, nor may it send anybody there."""
    for url in (trap.address, trap.address.replace("http:", "HTTP:"), "https://example.com/x"):
        reply = http_root.request(method, "/gradio_api/" + route.format(url))
        assert reply.status_code in (403, 404, 405)
        assert "location" not in reply.headers
    assert trap.visits == []


@pytest.mark.parametrize(
    "path",
    ["/monitoring/summary", "/monitoring", "/gradio_api/deep_link?session_hash=a", "/gradio_api/run-history/records"],
)
def test_gradio_s_windows_into_others_work_are_closed(http_root, path):
    """What Gradio would tell of other people's calls is not there."""
    assert http_root.get(path).status_code == 404


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x.png", "https://example.com/x.png", "ftp://example.com/x"])
def test_base64_is_no_address(server, url):
    """Over /api a photo is bytes or base64, and an address is neither."""
    assert server.http.post("/upload", json={"file": url}).status_code in (400, 415)


# -- scripts


SCRIPT = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"


@pytest.mark.parametrize(
    "name", [SCRIPT + ".png", "javascript:alert(1).png", '"><svg onload=alert(1)>.png', "${7*7}.png"]
)
def test_names_are_only_text(server, doors: Doors, name):
    """A file or layer name with markup comes back as JSON text, escaped wherever a page might parse it."""
    sid = server.http.post(
        "/upload", files={"file": ("a.png", to_png(draw_building()))}, data={"filename": name}
    ).json()["session_id"]
    info = server.http.get(f"/session/{sid}")
    assert info.headers["content-type"] == "application/json"
    assert info.json()["filename"] == name
    made = server.http.post("/download-image", json={"session_id": sid}).json()
    reply = server.http.get(made["image_url"])
    assert reply.headers["content-disposition"].startswith("attachment; ")
    assert "<" not in reply.headers["content-disposition"].partition("filename*")[0]
    assert reply.headers["content-type"] == "image/png"


def test_the_page_s_json_holds_no_tag(server):
    """What the page is told of names of any kind cannot end a script or begin a tag."""
    from sam2_painter.web.page import handlers, view

    session = server.studio.open(to_png(draw_building()), SCRIPT)
    server.studio.click(session.id, 100, 90)
    server.studio.paint(session.id, [Coat((1, 2, 3), 0, name=SCRIPT)])
    told = handlers.dumps(view.snapshot(server.studio, server.studio.session(session.id), {}))
    assert "<" not in told
    assert json.loads(told)["layers"][0]["name"] == SCRIPT


@pytest.mark.parametrize(
    "color", ["red;background:url(//evil)", "</style><script>", "expression(1)", "#12345G", "url(x)"]
)
def test_colours_are_only_colours(server, somebody, color):
    """What is no colour is refused, not passed on."""
    body = {"session_id": somebody[0], "mask_id": somebody[1], "color": color}
    assert server.http.post("/paint-mask", json=body).status_code == 400


@pytest.mark.parametrize(("name", "kind"), [("x.html", "text/html"), ("x.svg", "image/svg+xml"), ("x.xml", "text/xml")])
def test_an_uploaded_page_does_not_run(http_root, name, kind):
    """A file in Gradio's folder that a browser could run is saved, not shown, and may run nothing in any case."""
    content = b"<script>alert(document.domain)</script>" + os.urandom(8).hex().encode()
    (path,) = http_root.post("/gradio_api/upload", files={"files": (name, content, kind)}).json()
    reply = http_root.get(f"/gradio_api/file={path}")
    assert reply.status_code == 200
    assert reply.headers["content-disposition"].startswith("attachment")
    assert reply.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in reply.headers["content-security-policy"]


def test_error_pages_are_json(server, http_root):
    """What was asked for comes back as JSON only."""
    for reply in (
        server.http.get("/%3Cscript%3Ealert(1)%3C/script%3E"),
        server.http.post("/segment", content=SCRIPT.encode()),
        http_root.get("/gradio_api/file=%3Cscript%3Ealert(1)%3C/script%3E"),
    ):
        assert reply.headers["content-type"].startswith("application/json")


# -- headers, origins


def test_headers_of_the_page(http_root):
    """Scripts and frames only of this site, frames by notebooks; no sniffing, no addresses told to others."""
    headers = http_root.get("/").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert "http" not in policy["script-src"] + policy["connect-src"] + policy["img-src"]
    frames = policy["frame-ancestors"].split()
    assert {"'self'", "http://localhost:*", "http://127.0.0.1:*", "vscode-webview:"} <= set(frames)
    assert not {"*", "https:", "http:"} & set(frames)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "x-frame-options" not in headers


def test_named_origins_may_frame_the_page_too():
    """--cors-origins names the sites that are trusted, and a public link may be shown by any notebook on https."""
    from sam2_painter.web.middleware.heads import page_policy

    def frames(**options):
        return page_policy(**options).partition("frame-ancestors ")[2].split()

    assert "https://good.example" in frames(origins=frozenset({"https://good.example"}))
    assert "https:" in frames(shared=True)


FOREIGN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/upload"),
        ("POST", "/api/segment"),
        ("POST", "/api/clear-cache"),
        ("DELETE", "/api/session/x"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/call/upload"),
        ("POST", "/gradio_api/run/predict"),
        ("POST", "/login"),
    ],
)
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_pages_of_other_sites_cannot_make_a_browser_write(http_root, method, path, origin):
    """A form elsewhere that posts here, which needs no permission of CORS, is refused before it does a thing."""
    headers = {**FOREIGN, "Origin": origin, "Content-Type": "text/plain"}
    reply = http_root.request(method, path, headers=headers, content=b"{}")
    assert reply.status_code == 403
    assert "access-control-allow-origin" not in reply.headers


def test_our_own_page_and_programs_write(server, somebody):
    """The page (of the same origin, also behind a proxy) and clients that are no browser are not in its way."""
    body = {"session_id": somebody[0], "points": [{"x": 5, "y": 5}]}
    for headers in (
        {},
        {"Origin": server.url, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://hub.example", "Sec-Fetch-Site": "same-origin"},
    ):
        assert server.http.post("/segment", json=body, headers=headers).status_code == 200


def test_a_named_origin_may_write(launch):
    """--cors-origins opens the door for it."""
    live = launch(cors_origins="https://good.example")
    headers = {"Origin": "https://good.example", "Sec-Fetch-Site": "cross-site"}
    reply = live.http.post("/upload", files={"file": ("a.png", to_png(draw_building()))}, headers=headers)
    assert reply.status_code == 200
    assert live.http.post("/clear-cache", json={}, headers=FOREIGN).status_code == 403


# -- sign-in on every route


@pytest.fixture(scope="module")
def locked(launch):
    """A server with a user, a token and Modal's keys among its settings, which logs everything."""
    return launch(
        auth=f"painter:{PASSWORD}", auth_token=TOKEN, modal_key="modal-key-51", modal_secret="modal-secret-52", mcp=True
    )


def test_every_route_there_is_asks_for_sign_in(locked):
    """All routes of the application, walked through: ours, Gradio's, mounted ones; only health and sign-in answer."""
    from sam2_painter.web.api.endpoints import ENDPOINTS

    paths = {f"/api{endpoint.path}" for endpoint in ENDPOINTS} | {"/api/docs", "/api/openapi.json"}
    locked_app = locked.served.app
    for application in (locked_app, *[r.app for r in locked_app.routes if hasattr(r, "app")]):
        paths |= {route.path for route in _routes(application)}
    paths |= {"/gradio_api/file=/etc/passwd", "/gradio_api/file=/tmp/x", "/gradio_api/mcp/", "/gradio_api/mcp/sse"}
    paths |= {"/gradio_api/queue/data?session_hash=x", "/gradio_api/heartbeat/x", "/", "//", "/%2e%2e/config"}
    assert len(paths) > 60
    with httpx.Client(base_url=locked.url, timeout=60) as stranger:
        for path in sorted(paths):
            concrete = re.sub(r"\{[^}]*\}", "x", path)
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
                if concrete.rstrip("/") in ("/login", "/logout", "/api/health"):
                    continue
                status = stranger.request(method, concrete).status_code
                assert status == 401, (method, concrete, status)


def _routes(application) -> list:
    found = []
    for route in getattr(application, "routes", []):
        if hasattr(route, "path"):
            found.append(route)
        found += _routes(getattr(route, "app", None)) if hasattr(route, "app") else []
        found += _routes(getattr(route, "original_router", None)) if hasattr(route, "original_router") else []
    return found


def test_a_preflight_gives_nothing_away(locked):
    """OPTIONS is answered without sign-in, as browsers need; it says nothing and does nothing."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    reply = httpx.options(f"{locked.url}/api/segment", headers=headers, timeout=60)
    assert "access-control-allow-origin" not in reply.headers
    assert PASSWORD not in reply.text


def test_secrets_are_in_no_log_and_no_error(locked, caplog):
    """Passwords, tokens and keys, right or wrong, are in no line of the log at DEBUG and in no answer."""
    caplog.set_level(logging.DEBUG)
    wrong = "wrong-password-99"
    answers = []
    with httpx.Client(base_url=locked.url, timeout=60) as client:
        for auth in ((("painter"), wrong), ("painter", PASSWORD), ("x", TOKEN)):
            answers.append(client.get("/api/", auth=auth))
        for token in (TOKEN, wrong):
            answers.append(client.get("/api/cache-status", headers={"Authorization": f"Bearer {token}"}))
        answers.append(client.post("/login", data={"username": "painter", "password": wrong}))
        signed = client.post("/login", data={"username": "painter", "password": PASSWORD})
        answers += [signed, client.get("/config"), client.get("/api/health"), client.get("/")]
        answers.append(client.post("/api/segment", json={"session_id": "x", "points": "y"}))
        answers.append(client.post("/api/upload", files={"file": ("a.png", to_png(draw_building()))}))
    cookie = signed.headers["set-cookie"].partition("=")[2].partition(";")[0]
    secrets = [PASSWORD, TOKEN, wrong, "modal-key-51", "modal-secret-52"]
    secrets += [base64.b64encode(f"painter:{word}".encode()).decode() for word in (PASSWORD, wrong)]
    ours = [one for one in caplog.records if not one.name.startswith("http")]  # less what this test's client says
    assert any(one.getMessage() == "open" for one in ours)
    logged = "\n".join(f"{one.getMessage()} {vars(one)}" for one in ours)
    for text in [logged, repr(locked.settings), str(locked.settings), *(answer.text for answer in answers)]:
        for secret in [*secrets, cookie]:
            assert secret not in text


def test_a_setting_that_cannot_be_read_does_not_show_its_secret():
    """The error about --auth does not repeat what was given."""
    with pytest.raises(ValueError) as caught:
        Settings.of(auth="only-a-password")
    assert "only-a-password" not in str(caught.value)


def test_storage_errors_tell_no_paths(launch, photo_bytes):
    """When the data folder fails, people learn that, and the operator's log where."""
    live = launch()
    sid = live.http.post("/upload", files={"file": ("a.png", photo_bytes)}).json()["session_id"]
    (live.folder / "uploads" / sid / "photo").unlink()
    live.studio.clear_cache()
    reply = live.http.post("/segment", json={"session_id": sid, "points": [{"x": 1, "y": 1}]})
    assert reply.status_code == 503
    assert str(live.folder) not in reply.text
    assert sid not in reply.text


# -- zips


def _zip(**members: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_a_project_s_names_are_never_paths(server, tmp_path):
    """Members such as ../../x are not written anywhere: opening a project writes one photo, under our own name."""
    session = server.studio.open(to_png(draw_building()), "../../../evil.png")
    project = server.studio.save_project(session.id)
    out = BytesIO(project)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("../../../evil.txt", b"evil")
        archive.writestr("/tmp/sam2_painter_evil.txt", b"evil")
    reply = server.http.post("/open-project", files={"file": ("p.zip", out.getvalue())})
    assert reply.status_code in (200, 400)
    assert not list(server.folder.parent.rglob("*evil*"))
    assert not os.path.exists("/tmp/sam2_painter_evil.txt")


@pytest.mark.parametrize("bomb", ["photo", "project.json", "masks/0"])
def test_a_zip_bomb_costs_nothing(server, bomb):
    """A member that unpacks to more than its kind may hold is refused by the time it passes that limit."""
    import resource

    session = server.studio.open(to_png(draw_building()))
    server.studio.click(session.id, 100, 90)
    with zipfile.ZipFile(BytesIO(server.studio.save_project(session.id))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    packed = _zip(**{**members, bomb: bytes(80 * 2**20)})
    assert len(packed) < 2**20
    middle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reply = server.http.post("/open-project", files={"file": ("p.zip", packed)})
    assert reply.status_code in (400, 413, 415)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - max(before, middle)
    assert grown < 150 * 1024  # KiB


# -- limits as settings


def test_photos_of_one_address_are_counted_through_every_door(launch, photo_bytes, stopped_clock):
    """--sessions-per-minute: 429 with Retry-After over HTTP, a sentence through Gradio, for files and base64 alike."""
    live = launch(sessions_per_minute=3)
    for _ in range(3):
        assert live.http.post("/upload", files={"file": ("a.png", photo_bytes)}).status_code == 200
    refused = live.http.post("/upload", json={"file": base64.b64encode(photo_bytes).decode()})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    with httpx.Client(base_url=live.url, timeout=60) as client:
        assert client.post("/gradio_api/upload", files={"files": ("a.png", photo_bytes)}).status_code == 429
        answer = ask_gradio(client, "upload", [base64.b64encode(photo_bytes).decode(), ""])
    assert "More than 3 photos in a minute" in answer


def test_an_evicted_owner_is_told_what_to_do(tmp_path, photo_bytes):
    """When sessions are full, the longest idle one goes; its owner reads why, and everybody else paints on."""
    from engines import FloodEngine

    from sam2_painter.errors import Busy, SessionNotFound
    from sam2_painter.sessions.store import SessionStore
    from sam2_painter.studio.studio import Studio

    now = [1e6]
    store = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r", max_sessions=2, clock=lambda: now[0])
    studio = Studio(FloodEngine(), store)
    idle, busy = studio.open(photo_bytes).id, studio.open(photo_bytes).id
    with pytest.raises(Busy, match="no room for another photo") as caught:
        studio.open(photo_bytes)
    assert caught.value.retry_after == 60
    now[0] += 100
    studio.click(busy, 100, 90)
    newest = studio.open(photo_bytes).id
    assert set(store.ids()) == {busy, newest}
    with pytest.raises(SessionNotFound, match="has expired"):
        studio.click(idle, 100, 90)
    store.close()


def test_bytes_on_disk_are_a_limit(tmp_path):
    """--max-disk: photos, masks, history and downloads count; idle sessions make room, working ones are left alone."""
    from engines import FloodEngine

    from sam2_painter.errors import Busy
    from sam2_painter.sessions.store import SessionStore
    from sam2_painter.studio.studio import Studio

    photo_bytes = to_png(np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8))
    now, limit = [1e6], 3 * len(photo_bytes) + 8_000
    store = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r", max_disk=limit, clock=lambda: now[0])
    studio = Studio(FloodEngine(), store)
    first = studio.open(photo_bytes).id
    studio.download(first, painted=False)
    counted = store.bytes_on_disk()
    studio.click(first, 40, 30)
    assert store.bytes_on_disk() > counted > len(photo_bytes)
    second = studio.open(photo_bytes)
    with pytest.raises(Busy):
        studio.open(photo_bytes)
    now[0] += 61
    store.get(second.id)
    studio.open(photo_bytes)
    assert first not in store.ids()
    assert second.id in store.ids()
    assert store.bytes_on_disk() <= limit
    store.close()


def test_downloads_of_one_session_are_bounded(tmp_path, photo_bytes):
    """--max-downloads: the oldest file of the session goes, from the list and from the disk."""
    from engines import FloodEngine

    from sam2_painter.sessions.store import SessionStore
    from sam2_painter.studio.studio import Studio

    store = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r", max_downloads=2)
    studio = Studio(FloodEngine(), store)
    sid = studio.open(photo_bytes).id
    made = [studio.download(sid, format="JPG", quality=quality) for quality in (50, 60, 70)]
    assert store.downloads(sid) == made[1:]
    assert {path.name for path in (tmp_path / "r" / sid).iterdir()} == {one.path.name for one in made[1:]}
    store.close()
