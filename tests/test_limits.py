"""A request costs what it deserves: bodies, heads, connections and answers have limits, whoever asks."""

from __future__ import annotations

import asyncio
import http.cookies
import json
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from conftest import draw_building, eventually, to_png
from starlette.responses import HTMLResponse
from starlette.testclient import TestClient
from uvicorn.server import ServerState

pytest.importorskip("gradio", reason="the doors need gradio")

from sam2_painter.errors import Busy
from sam2_painter.web import body_limits, connections
from sam2_painter.web.api.endpoints import ENDPOINTS, InvalidInput, WrongType
from sam2_painter.web.connections import Connection, Connections
from sam2_painter.web.middleware.bodies import Bodies, BodyBudget
from sam2_painter.web.middleware.document import Document
from sam2_painter.web.middleware.heads import Heads
from sam2_painter.web.middleware.kept import MOST_NEW, Kept

MB = 2**20
NAMED = {one.name: one for one in ENDPOINTS}


@pytest.fixture(scope="module")
def live(launch):
    """A server of this file's own, with generous rates."""
    return launch(requests_per_minute=1_000_000, sessions_per_minute=1_000_000)


def connect(live) -> socket.socket:
    """A connection to a server."""
    where = urlsplit(live.url)
    return socket.create_connection((where.hostname, where.port), timeout=60)


def host(live) -> bytes:
    return f"Host: {urlsplit(live.url).netloc}\r\n".encode()


# -- what a body may hold


@pytest.mark.parametrize(
    "path",
    [
        "/api/combine-masks",
        "/api/get-embedding",
        "/gradio_api/run/health",
        "/gradio_api/call/combine_masks",
        "/gradio_api/call/v2/health",
        "/gradio_api/cancel",
        "/gradio_api/reset",
        "/page/click",
    ],
)
def test_where_no_file_is_taken_a_body_is_small(live, path):
    """413 for more than a megabyte, before anything is parsed."""
    reply = httpx.post(live.url + path, content=b'{"x": "' + b"x" * MB + b'"}', timeout=60)
    assert reply.status_code == 413
    assert "at most 1 MB" in reply.json()["detail"]


def test_every_path_has_a_limit():
    """Files as large as settings say, masks 16 MB, a sign-in some kilobytes, everything else a megabyte."""
    most = {
        path: body_limits.most_bytes(path, 70 * MB)
        for path in ("/login", "/nothing", "/api/segment", "/config", "/mcp")
    }
    assert most == {"/login": 4096, "/nothing": MB, "/api/segment": 16 * MB, "/config": MB, "/mcp": 4 * MB}
    takes_files = {path for path in body_limits.TAKE_FILES if body_limits.most_bytes(path, 70 * MB) == 70 * MB}
    assert {"/api/upload", "/api/open-project", "/api/load-palette", "/gradio_api/upload", "/page/open"} <= takes_files


@pytest.mark.parametrize("path", ["/api/segment", "/gradio_api/run/segment", "/gradio_api/queue/join"])
def test_half_a_million_mistakes_are_one(live, path):
    """They are counted before they are parsed: one sentence, at once, and no memory."""
    body = b'{"session_id":"x","points":[' + b"0," * 500_000 + b"0]}"
    reply = httpx.post(live.url + path, content=body, headers={"Content-Type": "application/json"}, timeout=60)
    assert reply.status_code == 422
    assert "at most 50000 values" in reply.json()["detail"]
    assert len(reply.content) < 500


@pytest.mark.parametrize("path", ["/api/segment", "/gradio_api/queue/join", "/gradio_api/run/segment", "/page/click"])
def test_the_rest_of_too_many_values_is_not_waited_for(live, path):
    """422 as soon as so many came, though most of the body was announced and is not there."""
    with connect(live) as connection:
        head = b"POST %s HTTP/1.1\r\n%sContent-Type: text/plain\r\nContent-Length: 900000\r\n\r\n"
        connection.sendall(head % (path.encode(), host(live)) + b'{"points": [' + b"0," * 60_000)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 422 "), answer[:200]
    assert b"The body holds too much: at most 50000 values" in answer


def test_commas_of_a_form_are_no_values(live, photo_bytes):
    """A photo's file may hold any bytes."""
    junk = photo_bytes + b"," * 200_000
    assert live.http.post("/upload", files={"file": ("a.png", junk)}).status_code == 200


def test_mcp_is_counted_too(launch):
    """A tool call of a million values is refused before the library that speaks MCP parses it."""
    pytest.importorskip("mcp", reason="needs requirements-mcp.txt")
    live = launch(mcp=True)
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"x":[' + b"[]," * 300_000 + b"[]]}}"
    reply = httpx.post(f"{live.url}/mcp", content=body, headers={"Content-Type": "application/json"}, timeout=60)
    assert reply.status_code == 422
    assert "at most 50000 values" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("segment", {"points": [0] * 5000}),
        ("segment", {"boxes": ["x"] * 5000}),
        ("combine_masks", {"mask_ids": ["x"] * 5000}),
        ("paint_multiple_masks", {"colored_masks": [0] * 5000}),
        ("get_mask_at_point", {"point": [1, 2], "all_masks": [0] * 5000}),
    ],
)
def test_a_check_ends_with_the_first_mistake(name, given):
    """Of a list full of them the first is named, and the others are not looked at."""
    with pytest.raises(WrongType, match=r"^\w+\[0\]: ") as caught:
        NAMED[name].call(None, None, {"session_id": "x", **given})
    assert len(str(caught.value)) < 200
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("segment", {"points": [{"x": 1, "y": 1}] * 5001}),
        ("combine_masks", {"mask_ids": [0] * 5001}),
        ("paint_multiple_masks", {"colored_masks": [{"color": "red"}] * 5001}),
    ],
)
def test_lists_have_an_end(name, given):
    """More items than any photo needs are refused by a sentence that says how many there may be."""
    with pytest.raises(InvalidInput, match="at most 5000 items"):
        NAMED[name].call(None, None, {"session_id": "x", **given})


# -- how much may be on its way


def ask(app, body: list[bytes], *, address: str = "203.0.113.1", path: str = "/x") -> list[dict]:
    """What an ASGI application answers to a body in pieces."""
    pieces = [{"type": "http.request", "body": one, "more_body": i + 1 < len(body)} for i, one in enumerate(body)]
    told: list[dict] = []

    async def receive():
        return pieces.pop(0) if pieces else {"type": "http.disconnect"}

    async def send(message):
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b"", "client": (address, 1)}
    asyncio.run(app(scope, receive, send))
    return told


def reader(read: list[int]):
    """An ASGI application that reads everything and says how much that was."""

    async def app(scope, receive, send):
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            read.append(len(message["body"]))
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def test_bytes_are_counted_as_they_are_read():
    """A body that announced nothing is cut off at the limit; nobody reads on."""
    read: list[int] = []
    app = Bodies(reader(read), most=lambda path: 1000, seconds=60, budget=BodyBudget(10**6, 10**6))
    told = ask(app, [b"x" * 400] * 100)
    assert told[0]["status"] == 413
    assert sum(read) <= 1000


def test_who_is_cut_off_is_told_even_where_nobody_answers():
    """An application that goes home when its client seems gone: the refusal is still sent."""

    async def goes_home(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass

    app = Bodies(goes_home, most=lambda path: 1000, seconds=60, budget=BodyBudget(10**6, 10**6))
    assert ask(app, [b"x" * 400] * 4)[0]["status"] == 413


def test_what_is_on_its_way_has_a_limit_for_each_and_for_all():
    """Who holds too much is told to come back, others are let in, and what is answered is held no more."""
    budget = BodyBudget(total=1500, each=1000)
    app = Bodies(reader([]), most=lambda path: 10**6, seconds=60, budget=budget)
    budget.take("203.0.113.1", 900)
    refused = ask(app, [b"x" * 200])
    assert refused[0]["status"] == 503
    assert any(name == b"retry-after" for name, _ in refused[0]["headers"])
    assert ask(app, [b"x" * 200], address="203.0.113.2")[0]["status"] == 200
    assert budget.held == 900
    with pytest.raises(Busy):
        budget.take("203.0.113.2", 700)


# -- heads


def test_of_cookies_only_ours_is_handed_on():
    """Other programs' cookies, and ones made to be slow to read, reach nobody; ours is plain text."""
    seen: list[list] = []

    async def app(scope, receive, send):
        seen.append([value for name, value in scope["headers"] if name == b"cookie"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run(cookie: bytes) -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"cookie", cookie)], "query_string": b""}

        async def nothing(message=None):
            return {"type": "http.disconnect"}

        await Heads(app, policy="")(scope, nothing, nothing)

    slow = b'sam2_painter="' + b'\\"' * 30000 + b'"'
    for cookie in (b"a=b; sam2_painter=x.y-z; _xsrf=2", b"a=b", slow, b"sam2_painter=" + b"x" * 5000):
        asyncio.run(run(cookie))
    assert seen == [[b"sam2_painter=x.y-z"], [], [], []]


def test_a_cookie_made_to_be_slow_costs_nothing(live, monkeypatch):
    """60 KB of escapes, which Python's own reader takes seconds for: it is never given them."""
    read = []
    unquote = http.cookies._unquote
    monkeypatch.setattr(http.cookies, "_unquote", lambda value: read.append(value) or unquote(value))
    for cookie in ("sam2_painter=x", 'sam2_painter="' + '\\"' * 30000 + '"'):
        headers = {"Cookie": cookie}
        assert httpx.get(f"{live.url}/config", headers=headers, timeout=60).status_code == 200
    assert set(read) == {"x"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/" + "a" * 9000, {}, 414), ("/", {"X": "a" * 9000}, 431), ("/", {f"X-{i}": "a" for i in range(120)}, 431)],
    ids=["address", "header", "headers"],
)
def test_heads_have_a_size(live, path, headers, status):
    """Longer than any browser's are refused by a sentence."""
    reply = httpx.get(live.url + path, headers=headers, timeout=60)
    assert reply.status_code == status
    assert reply.json()["detail"]


# -- connections


@pytest.fixture
def few(launch, monkeypatch):
    """A server that lets eight connections of an address in, and waits a second for a head and for its answers."""

    def strict(most, most_each, is_proxy, ignores_refusals):
        return Connections(20, most_each, is_proxy, head_seconds=1.0, read_seconds=1.0)

    monkeypatch.setattr("sam2_painter.web.server.Connections", strict)
    return launch(connections_per_address=8, requests_per_minute=1_000_000)


def test_connections_of_one_address_are_bounded(few):
    """The ninth is turned away with 503 and when to come back; another address is let in."""
    few.http.close()
    held = [connect(few) for _ in range(8)]
    for one in held:  # each is asked something and stays open
        one.sendall(b"GET /api/health HTTP/1.1\r\n" + host(few) + b"\r\n")
        assert one.recv(100).startswith(b"HTTP/1.1 200")
    turned_away = connect(few)
    answer = turned_away.recv(1000)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 5" in answer
    body = answer.partition(b"\r\n\r\n")[2]
    assert "too many connections" in json.loads(body)["detail"]
    elsewhere = httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"), timeout=60)
    assert elsewhere.get(f"{few.url}/api/health").status_code == 200
    for one in (*held, turned_away):
        one.close()
    elsewhere.close()
    assert eventually(lambda: httpx.get(f"{few.url}/api/health", timeout=60).status_code == 200)


def test_addresses_of_one_network_count_as_one():
    """Of IPv6 everybody has 2^64 addresses: connections, refusals and the loop's time are counted for all of them."""

    class Transport:
        def __init__(self, address: str):
            self.address, self.written = address, b""

        def get_extra_info(self, name: str, default: object = None) -> object:
            return (self.address, 4000, 0, 0) if name == "peername" else default

        def write(self, data: bytes) -> None:
            self.written += data

        def close(self) -> None:
            """Nothing."""

    async def connect_all() -> list[bytes]:
        deaf = {"2001:db8:9:9::/64"}
        counted = Connections(100, 2, lambda address: address == "2001:db8:7::1", deaf.__contains__)
        config, made = uvicorn.Config(lambda: None, log_config=None), []
        config.load()
        kind = type("Counted", (Connection,), {"counted": counted})
        for address in (*(f"2001:db8:1:2::{n}" for n in range(1, 4)), "2001:db8:9:9::5", *["2001:db8:7::1"] * 3):
            made.append(Transport(address))
            kind(config, ServerState(), {}, asyncio.get_running_loop()).connection_made(made[-1])
        return [one.written[9:12] for one in made]

    assert asyncio.run(connect_all()) == [b"", b"", b"503", b"429", b"", b"", b""]


@pytest.mark.parametrize("begins", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nX: y\r\n"], ids=["nothing", "line", "head"])
def test_a_head_that_does_not_come_ends_the_connection(few, begins):
    """Whether nothing came, or part of it."""
    with connect(few) as connection:
        connection.sendall(begins)
        with suppress(ConnectionError):
            assert connection.recv(1000) == b""  # it hung up


def test_an_answer_that_is_not_read_ends_the_connection(few, caplog):
    """A client that does not take its answer in time costs memory no longer."""
    caplog.set_level("INFO", "sam2_painter.web.connections")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        where = urlsplit(few.url)
        connection.connect((where.hostname, where.port))
        asks = b"GET /config HTTP/1.1\r\n" + host(few) + b"\r\n"
        with suppress(OSError):
            connection.sendall(asks * 60)  # megabytes of answers
        assert eventually(
            lambda: any(getattr(r, "fields", {}).get("why") == "the answer was not read" for r in caplog.records)
        )


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "announced"])
def test_who_sends_too_much_reads_why(live, chunked):
    """The answer comes while the body is still being sent, and no reset takes it away."""
    piece = b"x" * MB
    with connect(live) as connection:
        head = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (30 * MB)
        connection.sendall(b"POST /page/click HTTP/1.1\r\n" + host(live) + head + b"\r\n\r\n")
        for _ in range(30):
            connection.sendall(b"%x\r\n%b\r\n" % (MB, piece) if chunked else piece)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"at most 1 MB" in answer


def test_who_never_stops_sending_is_cut_off(live, monkeypatch):
    """What is thrown away after an answer has an end, too."""
    monkeypatch.setattr(connections, "DRAIN_BYTES", 8 * MB)
    with connect(live) as connection:
        connection.sendall(b"POST /page/click HTTP/1.1\r\n" + host(live) + b"Content-Length: 1000000000\r\n\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(200):
                connection.sendall(b"x" * MB)


def test_who_does_not_hear_a_refusal_is_not_heard(launch, stopped_clock):
    """A refusal for asking too often ends the connection; after as many refusals as requests are allowed, even a new
    connection is answered without reading what it asks. Others are let in."""
    live = launch(requests_per_minute=3)
    used = [httpx.get(f"{live.url}/api/", timeout=60).status_code for _ in range(8)]
    refused = httpx.get(f"{live.url}/api/", timeout=60)
    assert 200 in used
    assert refused.status_code == 429
    assert refused.headers["connection"] == "close"
    assert "again and again" in refused.json()["detail"]
    with connect(live) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 429")  # nothing was asked
    elsewhere = httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"), timeout=60)
    assert elsewhere.get(f"{live.url}/api/").status_code == 200
    elsewhere.close()


def test_refusals_count_as_five(launch, stopped_clock):
    """Who goes on sending what is refused has used up the minute after some hundreds, not after 1200."""
    live = launch(requests_per_minute=12, sessions_per_minute=1)
    large = [live.http.post("/clear-cache", content=b"x" * 3_000_000).status_code for _ in range(4)]
    assert large == [413, 413, 413, 429]
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"), timeout=60) as other:
        photo = {"file": ("a.png", to_png(draw_building()))}
        replies = [other.post(f"{live.url}/api/upload", files=photo) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200, 429, 429, 429, 429]
    assert "photos" in replies[2].json()["detail"]
    assert "requests" in replies[-1].json()["detail"] or "again and again" in replies[-1].json()["detail"]


def test_more_files_may_be_open():
    """The limit of the process is raised as far as the system allows, and never lowered."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        told = connections.raise_descriptor_limit(before[0] + 1 if before[0] < before[1] else before[0])
        assert told >= before[0]
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == told
        assert connections.raise_descriptor_limit(16) == told
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


# -- uploads


def test_a_form_has_few_files(live):
    """More than twenty are refused, and none of them is kept open meanwhile."""
    part = b'--B\r\nContent-Disposition: form-data; name="files"; filename="f.png"\r\n\r\nx\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    reply = httpx.post(f"{live.url}/gradio_api/upload", content=part * 990 + b"--B--\r\n", headers=headers, timeout=60)
    assert reply.status_code == 422
    assert "Too many files" in reply.json()["detail"]


def test_a_session_is_counted_where_it_is_made(launch, photo_bytes, stopped_clock):
    """One file, uploaded once and opened again and again, is many sessions; examples and the page's count as well."""
    live = launch(sessions_per_minute=3)
    (path,) = httpx.post(f"{live.url}/gradio_api/upload", files={"files": ("a.png", photo_bytes)}, timeout=60).json()
    inputs = [{"path": path, "meta": {"_type": "gradio.FileData"}}, ""]
    opened = [httpx.post(f"{live.url}/gradio_api/run/upload", json={"data": inputs}, timeout=60) for _ in range(2)]
    assert [one.status_code for one in opened] == [200, 200]
    assert httpx.post(f"{live.url}/page/example", json={"name": "cottage"}, timeout=60).status_code in (200, 400)
    for _ in range(2):
        last = httpx.post(f"{live.url}/gradio_api/run/upload", json={"data": inputs}, timeout=60)
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) >= 1
    assert live.studio.sessions.count() <= 3


# -- what is the same for everybody


def test_what_everybody_asks_is_made_once(live):
    """Gradio's configuration and the descriptions of the API are written once an address, and repeated."""
    for path in ("/config", "/gradio_api/info?serialize=False", "/api/openapi.json"):
        one, two = (httpx.get(live.url + path, timeout=60) for _ in range(2))
        assert one.status_code == 200
        assert one.content == two.content
        again = httpx.get(live.url + path, headers={"If-None-Match": one.headers["etag"]}, timeout=60)
        assert again.status_code == 304
        plain = httpx.get(live.url + path, headers={"Accept-Encoding": "identity"}, timeout=60)
        assert plain.json() == one.json()


@pytest.mark.parametrize(
    ("around", "paths"),
    [(Document, ("/", "/?deep_link=x")), (Kept, ("/config", "/config/", "/config?x"))],
    ids=["document", "others"],
)
def test_nobody_has_the_same_made_over_and_over(around, paths):
    """By another query, or under another address: the server answers to every IP address, and each has a document of
    its own. 429 for the 17th that one client asks for in a minute."""
    made = []

    async def app(scope, receive, send):
        made.append(scope)
        await HTMLResponse("<head></head>")(scope, receive, send)

    client = TestClient(around(app))
    hosts = [f"10.0.0.{n}" for n in (*range(MOST_NEW + 1), 0)]
    said = [{client.get(path, headers={"Host": host}).status_code for path in paths} for host in hosts]
    assert said == [{200}] * MOST_NEW + [{429}, {200}]
    assert len(made) == MOST_NEW


def test_after_a_defect_the_connection_goes_on(live, monkeypatch):
    """500, and the next request on the same connection is answered."""

    def breaks(*args: object, **kwargs: object) -> None:
        raise KeyError("a defect")

    with httpx.Client(base_url=live.url, timeout=60) as client:
        with monkeypatch.context() as patched:
            patched.setattr("sam2_painter.web.api.endpoints.Endpoint.call", breaks)
            assert client.get("/api/health").status_code == 500
            assert client.post("/gradio_api/run/health", json={"data": []}).status_code == 500
        assert client.get("/api/health").status_code == 200
        sid = client.post("/api/upload", files={"file": ("a.png", to_png(draw_building()))}).json()["session_id"]
        assert sid
