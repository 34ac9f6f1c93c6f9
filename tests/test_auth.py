"""Sign-in: one door for the page, Gradio's API, /api and MCP alike."""

import asyncio
import base64

import httpx
import pytest
from conftest import Doors, draw_building, to_png

pytest.importorskip("gradio_client", reason="the doors need gradio")

from gradio_client import Client, handle_file
from gradio_client.exceptions import AuthenticationError

from sam2_painter.errors import TooManyRequests
from sam2_painter.web.middleware.auth import FAILURES_PER_MINUTE, SignIn

USER, PASSWORD, TOKEN = "ann", "correct horse", "t0ken"


@pytest.fixture(scope="module")
def guarded(launch):
    """A server that nobody gets into without signing in, and MCP on it."""
    return launch(auth=f"{USER}:{PASSWORD}", auth_token=TOKEN, mcp=True)


@pytest.fixture
def stranger(guarded):
    """An HTTP client without credentials."""
    with httpx.Client(base_url=guarded.url, timeout=60) as client:
        yield client


EVERYWHERE = [
    ("GET", "/"),
    ("GET", "/config"),
    ("GET", "/info"),
    ("GET", "/theme.css"),
    ("GET", "/assets/index.js"),
    ("GET", "/static/img/logo.svg"),
    ("GET", "/manifest.json"),
    ("GET", "/monitoring"),
    ("GET", "/login"),
    ("GET", "/api"),
    ("GET", "/api/"),
    ("GET", "/api/docs"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/cache-status"),
    ("GET", "/api/list-downloads"),
    ("GET", "/api/session/x"),
    ("DELETE", "/api/session/x"),
    ("GET", "/api/download-file/x.png"),
    ("POST", "/api/upload"),
    ("POST", "/api/clear-cache"),
    ("POST", "/api/health"),
    ("GET", "/api/health/"),
    ("GET", "//api/cache-status"),
    ("GET", "/api/../api/cache-status"),
    ("GET", "/API/cache-status"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/config"),
    ("GET", "/gradio_api/startup-events"),
    ("GET", "/gradio_api/app_id"),
    ("GET", "/gradio_api/user"),
    ("GET", "/gradio_api/token"),
    ("GET", "/gradio_api/file=/etc/hostname"),
    ("GET", "/gradio_api/queue/data?session_hash=x"),
    ("GET", "/gradio_api/queue/status"),
    ("GET", "/gradio_api/heartbeat/x"),
    ("GET", "/gradio_api/call/info/x"),
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/call/info"),
    ("POST", "/gradio_api/run/info"),
    ("POST", "/gradio_api/run/predict"),
    ("POST", "/gradio_api/component_server"),
    ("GET", "/gradio_api/mcp/"),
    ("POST", "/gradio_api/mcp/"),
    ("GET", "/gradio_api/mcp/schema"),
    ("GET", "/gradio_api/mcp/sse"),
]


@pytest.mark.parametrize(("method", "path"), EVERYWHERE, ids=lambda value: value)
def test_nothing_is_reachable_without_it(stranger, method, path):
    """Neither page nor API nor MCP nor a file; the answer says what to do."""
    reply = stranger.request(method, path)
    assert reply.status_code == 401
    assert "Sign in" in reply.text


def test_a_stranger_learns_only_whether_it_is_well(guarded, stranger, monkeypatch):
    """/api/health says ok, or degraded when the engine failed last time, and nothing else."""
    assert stranger.get("/api/health").json() == {"status": "healthy"}
    monkeypatch.setattr(guarded.studio._asking, "trouble", "The GPU is gone.")
    assert stranger.get("/api/health").json() == {"status": "degraded"}


def test_a_websocket_is_closed(guarded):
    """Whatever protocol is spoken."""
    import socket
    from urllib.parse import urlsplit

    where = urlsplit(guarded.url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(
            f"GET /gradio_api/queue/join HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        status = int(connection.recv(100).split()[1])
    assert status in (401, 403)


@pytest.mark.parametrize(
    "credentials",
    [
        {"auth": (USER, PASSWORD)},
        {"auth": ("anybody", TOKEN)},
        {"headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"headers": {"Authorization": f"bearer {TOKEN}"}},
    ],
    ids=["password", "token as password", "bearer", "lower case"],
)
@pytest.mark.parametrize("path", ["/", "/config", "/api/cache-status", "/gradio_api/info"])
def test_credentials_open_every_door(stranger, credentials, path):
    """Basic with user and password, or the token."""
    assert stranger.get(path, **credentials).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff").decode()},
        {"Authorization": "Digest x"},
        {"Cookie": "sam2_painter="},
        {"Cookie": "sam2_painter=9999999999.00ff"},
        {"Cookie": "sam2_painter=x.y; ="},
        {"Cookie": "\x7f=;;"},
    ],
    ids=[
        "no token",
        "empty token",
        "no basic",
        "no base64",
        "no utf-8",
        "digest",
        "empty",
        "forged",
        "no number",
        "junk",
    ],
)
def test_what_is_no_credential_is_401(headers):
    """No crash, no way in."""

    async def check():
        door = SignIn((USER, PASSWORD), TOKEN, sleep=lambda seconds: asyncio.sleep(0))
        return await door.check("1.2.3.4", headers.get("Authorization", ""), headers.get("Cookie", ""))

    assert not asyncio.run(check())


def test_the_page_asks_for_user_and_password(stranger):
    """A browser gets a form, signs in with it, and is let in by its cookie from then on."""
    browser = {"Accept": "text/html"}
    page = stranger.get("/", headers=browser)
    assert page.status_code == 401
    assert '<form method="post" action="login">' in page.text
    assert "http" not in page.text.replace("<!doctype html>", "").replace("html", "")
    wrong = stranger.post("/login", data={"username": USER, "password": "wrong"}, headers=browser)
    assert wrong.status_code == 401
    assert "Wrong user or password" in wrong.text
    right = stranger.post("/login", data={"username": USER, "password": PASSWORD}, headers=browser)
    assert right.status_code == 303
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert stranger.get("/config").status_code == 200
    assert stranger.get("/api/cache-status").status_code == 200
    stranger.get("/logout")
    assert stranger.get("/config").status_code == 401


def test_a_page_of_another_site_cannot_use_a_sign_in(stranger):
    """What a browser remembers counts for our own pages only."""
    stranger.post("/login", data={"username": USER, "password": PASSWORD})
    assert stranger.post("/api/clear-cache").status_code == 200
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert stranger.post("/api/clear-cache", headers=headers).status_code == 401


def test_gradio_clients_sign_in(guarded, tmp_path):
    """With auth= as for any Gradio app, or with a header; without, they are told."""
    with pytest.raises(AuthenticationError):
        Client(guarded.url, verbose=False)
    (tmp_path / "a.png").write_bytes(to_png(draw_building()))
    for options in ({"auth": (USER, PASSWORD)}, {"headers": {"Authorization": f"Bearer {TOKEN}"}}):
        client = Client(guarded.url, verbose=False, **options)
        session_id = client.predict(handle_file(tmp_path / "a.png"), api_name="/upload")["session_id"]
        made = client.predict(session_id, api_name="/download_image")
        assert client.predict(made["filename"], api_name="/download_file").endswith(".png")


def test_only_an_operator_clears_everything(guarded, stranger):
    """Who signed in may clear everybody's cache, through both doors."""
    assert stranger.post("/api/clear-cache", auth=(USER, PASSWORD)).json() == {"message": "Cache cleared."}
    client = Client(guarded.url, auth=(USER, PASSWORD), verbose=False)
    assert client.predict(api_name="/clear_cache") == {"message": "Cache cleared."}


def test_without_sign_in_nobody_is_an_operator(doors: Doors):
    """On an open server one clears one's own."""
    assert doors.http("clear_cache").status_code == 401
    session_id = doors.open()
    assert doors.http("clear_cache", session_id=session_id).status_code == 200


# -- guessing --------------------------------------------------------------------------------------------------------


def test_guessing_gets_slower_and_then_stops(stopped_clock):
    """Each wrong password takes longer, after ten in a minute they are refused; the right one waits as long and opens,
    and elsewhere nobody waits."""
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    async def guess():
        door = SignIn((USER, PASSWORD), sleep=sleep)
        for _ in range(FAILURES_PER_MINUTE):
            assert not await door.try_password("1.2.3.4", USER, "guess")
        with pytest.raises(TooManyRequests):
            await door.try_password("1.2.3.4", USER, "guess")
        wrong_waits = list(waits)
        assert await door.try_password("1.2.3.4", USER, PASSWORD)
        assert waits.pop() == wrong_waits[-1]
        assert await door.try_password("5.6.7.8", USER, PASSWORD)
        return waits == wrong_waits

    assert asyncio.run(guess())
    assert waits == sorted(waits)
    assert waits[0] >= 0.2
    assert waits[-1] > 10 * waits[0]


def test_guesses_at_once_are_counted_too(stopped_clock):
    """Opening many connections does not buy more guesses."""

    async def guess():
        door = SignIn((USER, PASSWORD), sleep=lambda seconds: asyncio.sleep(0.01))
        tries = [door.try_password("1.2.3.4", USER, f"guess {n}") for n in range(50)]
        return await asyncio.gather(*tries, return_exceptions=True)

    outcomes = asyncio.run(guess())
    assert sum(outcome is False for outcome in outcomes) == FAILURES_PER_MINUTE
    assert all(isinstance(outcome, TooManyRequests) for outcome in outcomes if outcome is not False)


def test_a_cookie_ends():
    """A week later one signs in again; a cookie of another server is no good here."""
    now = [1000.0]

    async def check(door, cookie):
        return await door.check("1.2.3.4", "", cookie.split(";")[0])

    door = SignIn((USER, PASSWORD), clock=lambda: now[0])
    cookie = door.cookie(secure=True)
    assert "; Secure" in cookie
    assert asyncio.run(check(door, cookie))
    assert not asyncio.run(check(SignIn((USER, PASSWORD)), cookie))
    now[0] += 8 * 24 * 3600
    assert not asyncio.run(check(door, cookie))


def test_an_empty_password_is_never_right():
    """A server with only a token has no password to guess, one with only a password no token."""

    async def check(door, user, password):
        return await door.try_password("1.2.3.4", user, password)

    for door in (
        SignIn(None, TOKEN, sleep=lambda s: asyncio.sleep(0)),
        SignIn((USER, PASSWORD), sleep=lambda s: asyncio.sleep(0)),
    ):
        assert not asyncio.run(check(door, "", ""))
        assert not asyncio.run(check(door, USER, ""))
