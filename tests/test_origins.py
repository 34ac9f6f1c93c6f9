"""Pages of other sites: what they may make a browser ask, and what they may read."""

import socket

import httpx
import pytest
from conftest import draw_building, to_png
from starlette.datastructures import Headers

pytest.importorskip("gradio_client", reason="the doors need gradio")

from sam2_painter.errors import InvalidInput
from sam2_painter.web.middleware.origins import Origins

GOOD, EVIL, TOKEN = "https://good.example", "http://evil.example", "t0ken-of-many-letters"
OWN = "http://h:7860"


@pytest.fixture(scope="module")
def open_server(launch):
    """A server without sign-in, that names a site."""
    return launch(cors_origins=GOOD)


@pytest.fixture(scope="module")
def guarded(launch):
    """A server with user and token, that names a site."""
    return launch(cors_origins=GOOD, auth="ann:correct horse", auth_token=TOKEN)


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"origin": OWN}, True),
        ({"origin": "http://H:7860"}, True),
        ({"origin": "http://h:7861"}, False),
        ({"origin": "http://h"}, False),
        ({"origin": "http://hh:7860"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://[::1"}, False),
        ({"origin": "https://[x]"}, False),
        ({"origin": "//["}, False),
        ({"origin": "http://h:7860/x"}, False),
        ({"origin": "http://h:99999999999"}, False),
        ({"origin": "file://h:7860"}, False),
        ({"origin": "http://h", "host": "h:80"}, True),
        ({"origin": "https://h", "host": "h"}, True),
        ({"origin": "https://h", "host": "h:443"}, True),
        ({"origin": "http://[::1]:7860", "host": "[0:0:0:0:0:0:0:1]:7860"}, True),
        ({"origin": EVIL, "sec-fetch-site": "same-origin"}, True),
        ({"origin": OWN, "sec-fetch-site": "cross-site"}, False),
        ({"origin": OWN, "sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "none", "origin": EVIL}, False),
        ({"sec-fetch-site": "junk"}, False),
    ],
    ids=str,
)
def test_whose_page_asks(headers, own):
    """The browser's own word where it gives one, else Origin compared with the Host it used."""
    assert Origins().is_own(Headers({"host": "h:7860", **headers})) is own


def test_named_sites():
    """To the letter, or all of them."""
    named = Origins.parse(f"{GOOD}/, HTTP://other.example:81")
    for origin, yes in (
        (GOOD, True),
        ("http://other.example:81", True),
        ("http://good.example", False),
        ("null", False),
    ):
        assert named.is_named(Headers({"origin": origin})) is yes
    assert Origins.parse("*").is_named(Headers({"origin": EVIL}))


@pytest.mark.parametrize("text", ["good.example", "null", "https://", "https://a/b", "https://[::1", "ftp://x"])
def test_what_is_no_origin_is_refused_at_the_start(text):
    """With the flag and an example."""
    with pytest.raises(InvalidInput, match="--cors-origins must be origins by commas"):
        Origins.parse(text)


def upload(live, **headers):
    """An upload with these headers."""
    return live.http.post("/upload", files={"file": ("a.png", to_png(draw_building()))}, headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:7860", "Origin": "http://localhost:8888", "Sec-Fetch-Site": "same-site"},
        {"Host": "192.168.1.5:7860", "Origin": EVIL},
        {"Host": "192.168.1.5:7860", "Origin": "null"},
        {"Origin": EVIL, "X-Forwarded-Host": "evil.example"},
        {"Origin": EVIL, "Forwarded": "host=evil.example"},
        {"Origin": EVIL, "X-Gradio-Server": EVIL},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:9"},
    ],
    ids=str,
)
def test_foreign_pages_change_nothing(open_server, headers):
    """Also where the browser says nothing but Origin, from other ports of the same host, or with forwarded headers."""
    before = open_server.http.get("/health").json()["sessions_count"]
    assert upload(open_server, **headers).status_code == 403
    assert open_server.http.get("/health").json()["sessions_count"] == before


@pytest.mark.parametrize("origin", ["http://[::1", "https://[x]", "//[", "http://a]b", "http://a:b", "\x7f", "é"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_an_origin_that_cannot_be_read_is_no_defect(open_server, method, origin):
    """400, whatever is asked; never 500."""
    port = int(open_server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = f"{method} /api/health HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(head.encode("latin-1"))
        assert connection.recv(100).split()[1] == b"400"


# -- CORS ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", [{"Sec-Fetch-Site": "cross-site"}, {}], ids=["new browser", "plain http"])
def test_a_browser_with_a_token_is_served(guarded, site):
    """--cors-origins with --auth-token: preflight, answer and refusal all carry the headers the browser looks for."""
    here = {"Origin": GOOD, **site}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = guarded.http.options("/upload", headers={**here, **asks})
    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert "POST" in preflight.headers["access-control-allow-methods"]
    answered = upload(guarded, **here, Authorization=f"Bearer {TOKEN}")
    assert answered.status_code == 200
    refused = upload(guarded, **here)
    assert refused.status_code == 401
    for reply in (preflight, answered, refused):
        assert reply.headers.get_list("access-control-allow-origin") == [GOOD]
        assert "access-control-allow-credentials" not in reply.headers


def test_every_refusal_of_a_named_site_can_be_read(launch, stopped_clock):
    """A page elsewhere learns why: too often, too large, not there."""
    live = launch(cors_origins=GOOD, requests_per_minute=7)  # one that is too large counts as five
    here = {"Origin": GOOD}
    replies = [
        live.http.post("/clear-cache", content=b"x" * 3_000_000, headers=here),
        live.http.get("/nothing", headers=here),
        live.http.get("/session/x", headers=here),
        live.http.get("/session/x", headers=here),
    ]
    assert [reply.status_code for reply in replies] == [413, 404, 404, 429]
    assert [reply.headers.get("access-control-allow-origin") for reply in replies] == [GOOD] * 4
    assert "retry-after" in replies[-1].headers["access-control-expose-headers"].lower()


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/api/health", "/gradio_api/nothing"])
@pytest.mark.parametrize("host", ["localhost", "192.168.1.5:7860"])
def test_nobody_else_can_read(open_server, path, host):
    """Gradio would let any site read, where the host is no loopback name."""
    headers = {"Origin": EVIL, "Host": host}
    reply = httpx.get(open_server.url + path, headers=headers, timeout=60)
    assert not [name for name in reply.headers if name.startswith("access-control-allow")]


def test_what_a_browser_remembers_is_not_for_other_sites(guarded):
    """A named site's page changes nothing by the cookie or the password a browser adds by itself unasked; a foreign one
    not even with a token."""
    with httpx.Client(base_url=guarded.url, timeout=60) as browser:
        browser.post("/login", data={"username": "ann", "password": "correct horse"})
        assert browser.post("/api/clear-cache").status_code == 200
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert browser.post("/api/clear-cache", headers={"Origin": GOOD, **elsewhere}).status_code == 401
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert browser.post("/api/clear-cache", headers={"Origin": EVIL, **elsewhere, **bearer}).status_code == 403


def test_a_link_from_elsewhere_opens_the_page(guarded):
    """Who is signed in and follows a link in a mail sees the page, not the form."""
    with httpx.Client(base_url=guarded.url, timeout=60) as browser:
        browser.post("/login", data={"username": "ann", "password": "correct horse"})
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
        assert browser.get("/", headers=headers).status_code == 200


def test_a_form_elsewhere_signs_nobody_in(guarded):
    """Login from a page of another site is refused before the password is looked at."""
    form = {"username": "ann", "password": "correct horse"}
    reply = httpx.post(f"{guarded.url}/login", data=form, headers={"Origin": EVIL}, timeout=60)
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers
