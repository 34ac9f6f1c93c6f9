"""Heads of requests that no program writes: raw bytes on a socket, and never a 500, nor a traceback in the log.

FUZZ_HEADS (default 400) says how many are sent.
"""

# ruff: noqa: E501  # the tables are easier to read with several values a line

from __future__ import annotations

import logging
import os
import random
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from conftest import draw_building, eventually, to_png

pytest.importorskip("gradio", reason="the doors need gradio")

HEADS = int(os.environ.get("FUZZ_HEADS", "400"))

ODD = [
    b"", b" ", b"\t", b"x", b"0", b"-1", b"+1", b"1e3", b"0x10", b"9" * 25, b"9" * 5000, b"null", b"*", b"/", b"//", b"..",
    b"%", b"%00", b"%zz", b"[::1", b"[::1]", b"[::1]:80", b"::1", b"[", b"]", b"[[]]", b"http://[::1", b"http://[::1]:x",
    b"https://", b"http://a@b:c", b"http://\xff", b"javascript:1", b"a" * 300, b"a" * 9000, b"a,b", b",", b";", b"=", b'"',
    b'"\\', b"\\\"" * 200, b"\xff\xfe", b"\xf0\x9f\x8f\xa0", b"\xd9\xa1\xd9\xa0", b"xn--a", b"a.-b", b"localhost:99999999",
    b"localhost:-1", b"localhost:", b":80", b"127.0.0.1.", b"0", b"1.2.3.4.5", b"a b", b"<script>", b"{{7*7}}", b"\x01",
]  # fmt: skip
OF_A_KIND = {
    b"Host": [b"localhost", b"127.0.0.1", b"localhost:1", b"LOCALHOST", b"evil.example"],
    b"Origin": [b"null", b"http://localhost", b"https://evil.example", b"http://localhost:1/", b"file://"],
    b"Cookie": [b"sam2_painter=", b"sam2_painter=a.b", b"sam2_painter=;" * 500, b"a=b; " * 1000, b'sam2_painter="\\"\\""'],
    b"Range": [b"bytes=0-0", b"bytes=-", b"bytes=5-2", b"bytes=0-,0-,0-", b"bytes=99999999999999999999-", b"lines=1-2"],
    b"Content-Type": [
        b"application/json", b"multipart/form-data", b"multipart/form-data; boundary=", b"multipart/form-data; boundary=x",
        b"multipart/form-data; boundary=" + b"b" * 300, b"multipart/form-data; charset=nonsense; boundary=x",
        b'multipart/form-data; boundary="', b"application/x-www-form-urlencoded", b"text/html; charset=\xff",
    ],
    b"Content-Length": [b"0", b"1", b"2", b"3", b"7", b" 7", b"7,7", b"007"],
    b"Transfer-Encoding": [b"chunked", b"gzip, chunked", b"identity", b"chunked, chunked"],
    b"If-None-Match": [b'"a"', b"W/", b"*"],
    b"If-Range": [b'"a"', b"Mon, 01 Jan 2001 00:00:00 GMT", b"Mon"],
    b"Accept": [b"text/html", b"*/*;q=x"],
    b"Authorization": [b"Basic", b"Basic ====", b"Basic \xff", b"Bearer", b"Bearer \xc3\xa9", b"Digest x", b"Basic eDp5"],
    b"X-Forwarded-For": [b"1.2.3.4", b"::1, unknown", b"[::1]:8080"],
    b"X-Forwarded-Host": [b"localhost", b"[::1", b"a, b"],
    b"X-Forwarded-Proto": [b"https", b"javascript"],
    b"X-Forwarded-Prefix": [b"/a", b"//evil.example", b"/a/../b"],
    b"X-Gradio-Server": [b"http://[::1", b"javascript:"],
    b"Expect": [b"100-continue", b"x"],
    b"Connection": [b"close", b"upgrade", b"keep-alive"],
    b"Upgrade": [b"websocket", b"h2c"],
    b"Access-Control-Request-Method": [b"POST", b"\xff"],
    b"Accept-Encoding": [b"gzip", b"br;q=0", b"x" * 500],
    b"Sec-Fetch-Site": [b"cross-site", b"same-origin", b"none"],
}  # fmt: skip
BODIES = [
    b"",
    b"{}",
    b"[]",
    b"\xff",
    b'{"session_id": "x"}',
    b"--x\r\n\r\n--x--\r\n",
    b"2\r\n{}\r\n0\r\n\r\n",
    b"0\r\n\r\n",
    b"zz\r\n",
]
FORM = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\nContent-Type: %s\r\n\r\nhi\r\n--x--\r\n'
METHODS = [b"GET", b"POST", b"POST", b"POST", b"HEAD", b"DELETE", b"OPTIONS", b"PUT", b"get", b"TRACE", b"PRI"]


@pytest.fixture(scope="module", params=["open", "guarded"])
def live(launch, request):
    """A server of this file's own, with limits that are never reached, without and with a sign-in."""
    limits = dict(requests_per_minute=10_000_000, sessions_per_minute=10_000_000, body_limit=2.0)
    return launch(**limits, **({"auth": "painter:secret-51"} if request.param == "guarded" else {}))


def paths(live) -> list[bytes]:
    """A few of every door, and a download that is there."""
    session = live.studio.open(to_png(draw_building()))
    made = live.studio.download(session.id, format="PNG")
    return [path.encode() for path in (
        f"/api/download-file/{made.filename}", f"/api/session/{session.id}", "/api/health", "/api/upload", "/api/segment",
        "/api/docs", "/", "/config", "/login", "/logout", "/theme.css", "/manifest.json", "/gradio_api/info",
        "/gradio_api/upload", "/gradio_api/call/health", "/gradio_api/call/health/x", "/gradio_api/call/v2/upload",
        "/gradio_api/run/health", "/gradio_api/queue/join", "/gradio_api/queue/data?session_hash=x",
        "/gradio_api/heartbeat/x", "/gradio_api/file=x", "/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/nope",
        "/page/open", "/page/click", "/page/static/x", "/pwa_icon/99999", "/assets/%00", "/static/..%2f..%2fapp.py",
        "/%ff", "/api/session/%ff", "/?__theme=%00", "/" + "a" * 9000, "//", "/a?%zz", "/svelte/x", "*", "http://x/",
    )]  # fmt: skip


def head(chance: random.Random, path: bytes, port: int) -> bytes:
    """One request: a path, some headers with odd values, and a body that may or may not fit them."""
    body = chance.choice([*BODIES, FORM % (chance.choice(ODD), chance.choice(ODD))])
    headers = {b"Host": f"localhost:{port}".encode(), b"Content-Length": str(len(body)).encode()}
    for name in chance.sample(sorted(OF_A_KIND), chance.randint(1, 5)):
        headers[name] = chance.choice(ODD) if chance.random() < 0.5 else chance.choice(OF_A_KIND[name])
    if chance.random() < 0.1:
        headers.pop(chance.choice(list(headers)))
    lines = [name + b": " + value for name, value in headers.items()]
    if chance.random() < 0.1:
        lines.append(chance.choice(lines))  # twice
    if chance.random() < 0.05:
        lines.append(chance.choice([b"no colon", b": no name", b"x y: z", b"a" * 70_000 + b": b"]))
    return chance.choice(METHODS) + b" " + path + b" HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + body


def status_of(port: int, data: bytes) -> int:
    """The status of the answer to raw bytes; 0 where the server hangs up without one, or waits for more."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.settimeout(10)
        with suppress(OSError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(OSError):
            while b"\r\n" not in answer and (piece := connection.recv(4096)):
                answer += piece
    line = answer.split(b"\r\n")[0].split(b" ")
    return int(line[1]) if len(line) > 1 and line[1].isdigit() else 0


def test_no_head_of_a_request_breaks_the_server(live, caplog):
    """Origin, Host, Cookie, Range, Content-Type, Content-Length and others, with whatever bytes a socket takes."""
    caplog.set_level(logging.ERROR)
    chance, port = random.Random(20), urlsplit(live.url).port
    assert port is not None
    where, seen = paths(live), set()
    for number in range(HEADS):
        data = head(chance, chance.choice(where), port)
        status = status_of(port, data)
        seen.add(status)
        assert status != 500, (number, data[:2000])
    assert seen >= {0, 200, 400, 404}, seen  # they get everywhere
    assert not [record.getMessage() for record in caplog.records if record.exc_info]
    assert eventually(lambda: live.http.get("/health").status_code == 200)


@pytest.mark.parametrize(
    "line",
    [
        b"Origin: http://[::1",
        b"Range: bytes=-",
        b"Content-Type: multipart/form-data; charset=nonsense; boundary=x",
        b"Cookie: sam2_painter=\"" + b'\\"' * 30000 + b'"',
        b"Content-Length: " + b"9" * 5000,
        "Content-Length: ١٠".encode(),
    ],
    ids=["origin", "range", "charset", "cookie", "long length", "other digits"],
)  # fmt: skip
@pytest.mark.parametrize("path", [b"/api/segment", b"/gradio_api/upload", b"/config", b"/gradio_api/queue/join"])
def test_heads_that_broke_it_once(live, path, line):
    """Each is refused, or means nothing."""
    port = urlsplit(live.url).port
    data = b"POST " + path + f" HTTP/1.1\r\nHost: localhost:{port}\r\n".encode() + line + b"\r\n\r\n"
    assert 0 <= status_of(port, data) < 500
