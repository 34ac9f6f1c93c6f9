"""Sign-in: one door for the page, Gradio's API, /api and MCP alike."""

import asyncio
import base64

import httpx
import pytest
from conftest import Doors, draw_building, to_png
from work import counted_calls

pytest.importorskip("gradio_client", reason="the doors need gradio")

from gradio_client import Client, handle_file
from gradio_client.exceptions import AuthenticationError

from sam2_painter.errors import TooManyRequests
from sam2_painter.web.middleware.auth import FAILURES_PER_MINUTE, MOST_COOKIES, SignIn

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
    monkeypatch.setattr(guarded.studio._guarded, "trouble", "The GPU is gone.")
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


# -- the browser's part: cookies, frames, restarts ------------------------------------------------------------------


def test_signing_out_ends_the_sign_in_on_the_server(stranger):
    """The old cookie opens nothing any more, a sign-in elsewhere goes on. No other site's page can do it."""
    elsewhere = stranger.post("/login", data={"username": USER, "password": PASSWORD}).headers["set-cookie"]
    stranger.cookies.clear()
    here = stranger.post("/login", data={"username": USER, "password": PASSWORD}).headers["set-cookie"]
    stranger.cookies.clear()
    old, other = ({"Cookie": cookie.partition(";")[0]} for cookie in (here, elsewhere))
    assert stranger.get("/config", headers=old).status_code == 200
    foreign = stranger.get("/logout", headers=old | {"Sec-Fetch-Site": "cross-site"})  # a link or picture there
    assert foreign.status_code == 403
    left = stranger.get("/logout", headers=old)
    assert left.status_code == 303
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert stranger.get("/config", headers=old).status_code == 401
    assert stranger.get("/config", headers=other).status_code == 200


def test_what_is_signed_out_is_forgotten_in_time():
    """Only as long as the cookie would have opened is it remembered that it does not."""
    now = [1000.0]
    door = SignIn((USER, PASSWORD), clock=lambda: now[0])
    for _ in range(5):
        door.sign_out(door.cookie(secure=False).partition(";")[0])
    assert len(door._signed_out) == 5
    now[0] += 8 * 24 * 3600
    door.sign_out(door.cookie(secure=False).partition(";")[0])
    assert len(door._signed_out) == 1


def test_cookies_of_others_beside_ours_do_not_matter():
    """Nor does another server's of the same name; a long value is one step, and of many only some are checked."""
    door = SignIn((USER, PASSWORD))
    ours = door.cookie(secure=False).partition(";")[0]
    assert door.knows(f'a=b; sam2_painter=9999999999-00.00; {ours}; c="d;e"')
    with counted_calls() as calls:
        assert not door.knows('sam2_painter="' + "\\\\" * 60_000)
    assert calls.total() < 100
    with counted_calls() as calls:
        assert not door.knows("sam2_painter=x; " * 60_000)
    assert calls["SignIn._sign"] == MOST_COOKIES


def test_after_a_restart_the_page_says_reload(guarded):
    """The cookie of a server that is gone, or of last week: a sentence for people, not about Basic and Bearer."""
    gone = SignIn((USER, PASSWORD)).cookie(secure=False).partition(";")[0]
    reply = httpx.post(f"{guarded.url}/gradio_api/queue/join", headers={"Cookie": gone}, timeout=60)
    assert reply.status_code == 401
    assert reply.json()["detail"].startswith("Sign in again: reload the page.")
    assert "Bearer" not in reply.text
    ours = {"Sec-Fetch-Site": "same-origin"}
    assert "reload the page" in httpx.post(f"{guarded.url}/gradio_api/upload", headers=ours, timeout=60).text


def test_in_a_frame_of_another_site(guarded):
    """There browsers keep only a cookie that is Secure, SameSite=None and kept apart for that site."""
    form = {"username": USER, "password": PASSWORD}
    framed = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    cookie = httpx.post(f"{guarded.url}/login", data=form, headers=framed, timeout=60).headers["set-cookie"]
    assert cookie.endswith("HttpOnly; SameSite=None; Secure; Partitioned")
    alone = {**framed, "Sec-Fetch-Dest": "document"}
    cookie = httpx.post(f"{guarded.url}/login", data=form, headers=alone, timeout=60).headers["set-cookie"]
    assert cookie.endswith("HttpOnly; SameSite=Lax")


def test_a_browser_that_keeps_no_cookie_is_told_what_to_do(stranger):
    """The right password and the form again, without a word, is what must not be."""
    browser = {"Accept": "text/html"}
    right = stranger.post("/login?session=x", data={"username": USER, "password": PASSWORD}, headers=browser)
    stranger.cookies.clear()
    page = stranger.get(right.headers["location"].removeprefix("."), headers=browser)
    assert page.status_code == 401
    assert "User and password are right, but your browser did not keep the sign-in." in page.text
    assert '<a class="tab" href="./?session=x" target="_blank"' in page.text


@pytest.mark.parametrize("size", [4096, 4097, 32 * 2**20], ids=str)
def test_a_sign_in_is_read_no_further_than_it_may_be_long(guarded, size):
    """What comes is counted, whatever was announced: a form sent in chunks is cut off."""
    sent = 0

    def form():
        nonlocal sent
        while sent < size:
            piece = b"x" * min(1024, size - sent)
            sent += len(piece)
            yield piece

    try:
        status = httpx.post(f"{guarded.url}/login", content=form(), timeout=60).status_code
    except httpx.WriteError:  # the server has hung up
        status = 413
    assert status == (401 if size <= 4096 else 413)
    assert sent <= 16 * 2**20


@pytest.mark.parametrize("content", [b"&" * 4000, b"a=1&" * 900, b"\xff" * 99, b"%" * 99, b"{}", b""], ids=repr)
def test_a_form_that_is_none_signs_nobody_in(stranger, content):
    """No crash."""
    assert stranger.post("/login", content=content).status_code in (401, 413, 429)


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


def test_others_guesses_never_lock_the_owner_out(launch, stopped_clock):
    """Forty wrong guesses from the owner's own address, then the right password through every door: it opens."""
    live = launch(auth=f"{USER}:{PASSWORD}", auth_token=TOKEN)

    async def guess(http, n):
        return (await http.post("/login", data={"username": USER, "password": f"guess {n}"})).status_code

    async def attack():
        async with httpx.AsyncClient(base_url=live.url, timeout=60) as http:
            return await asyncio.gather(*(guess(http, n) for n in range(40)))

    codes = asyncio.run(attack())
    assert codes.count(401) == FAILURES_PER_MINUTE
    assert codes.count(429) == 40 - FAILURES_PER_MINUTE
    with httpx.Client(base_url=live.url, timeout=60) as owner:
        assert owner.get("/api/cache-status", auth=(USER, PASSWORD)).status_code == 200
        signed = owner.post("/login", data={"username": USER, "password": PASSWORD}, headers={"Accept": "text/html"})
        assert signed.status_code == 303
        refused = owner.post("/login", data={"username": USER, "password": "x"}, headers={"Accept": "text/html"})
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "60"
        assert "Too many failed sign-ins. Wait a minute." in refused.text


def test_who_is_signed_in_never_waits(stopped_clock):
    """Neither a cookie nor a token is slowed by what others guess."""
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    async def check():
        door = SignIn((USER, PASSWORD), TOKEN, sleep=sleep)
        for _ in range(FAILURES_PER_MINUTE):
            await door.try_password("1.2.3.4", USER, "guess")
        waits.clear()
        cookie = door.cookie(secure=False).partition(";")[0]
        assert await door.check("1.2.3.4", "", cookie)
        assert await door.check("1.2.3.4", f"Bearer {TOKEN}", "")
        assert await door.check("1.2.3.4", f"Bearer {door.own_token}", "")
        return waits

    assert asyncio.run(check()) == []


def test_a_guess_is_told_right_or_wrong_only_after_its_wait(stopped_clock):
    """Who hangs up early, to guess on, has learned nothing."""
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    async def check():
        door = SignIn((USER, PASSWORD), sleep=sleep)
        await door.try_password("1.2.3.4", USER, "guess")
        slept.clear()
        await door.try_password("1.2.3.4", USER, PASSWORD)
        right = slept.copy()
        slept.clear()
        await door.try_password("1.2.3.4", USER, "guess")
        return right, slept

    right, wrong = asyncio.run(check())
    assert right == wrong != []


def test_an_address_in_a_header_buys_no_guesses(launch, stopped_clock):
    """X-Forwarded-For of a new address each, from a program on this machine, counts as one address."""
    live = launch(auth=f"{USER}:{PASSWORD}")

    async def guess(http, n):
        headers = {"X-Forwarded-For": f"2001:db8:{n:x}::1", "X-Real-IP": f"203.0.113.{n}"}
        return (await http.get("/api/cache-status", auth=(USER, f"guess {n}"), headers=headers)).status_code

    async def attack():
        async with httpx.AsyncClient(base_url=live.url, timeout=60) as http:
            return await asyncio.gather(*(guess(http, n) for n in range(30)))

    assert asyncio.run(attack()).count(401) == FAILURES_PER_MINUTE
