"""The entrance in a real browser: proxies, frames, other sites, restarts."""

import http.server
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import draw_building, free_port, to_png
from reverse_proxy import AS_IT_CAME, Way, proxying

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytest.importorskip("gradio_client", reason="the doors need gradio")

pytestmark = pytest.mark.browser
USER, PASSWORD, TOKEN = "ana", "correct horse", "t0ken-of-many-letters"
READY = ".sp[data-ready]"
NAMES = "MAP *.test 127.0.0.1, MAP painter.lan 127.0.0.1"


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    """A headless browser for which names under .test, and painter.lan, are this machine."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        assert os.environ.get("CI") != "true", "the browser tests need Chromium on PATH"
        pytest.skip("no Chromium on PATH")
    with sync_api.sync_playwright() as playwright:
        args = ["--no-sandbox", f"--host-resolver-rules={NAMES}"]
        browser = playwright.chromium.launch(executable_path=program, args=args, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium) -> Iterator[sync_api.Page]:
    """A tab without a past."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@contextmanager
def site(content: str) -> Iterator[int]:
    """Another site, all of whose pages are this one; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>site</title>{content}".encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running.server_port
        running.shutdown()


def sign_in(where: sync_api.Page | sync_api.FrameLocator, password: str = PASSWORD) -> None:
    """Fill in the form and send it."""
    where.locator("[name=username]").fill(USER)
    where.locator("[name=password]").fill(password)
    where.locator("button").click()


def open_photo(page: sync_api.Page) -> None:
    """Open a photo of one's own, and wait until it is there."""
    page.locator('input[type="file"]').first.set_input_files(
        {"name": "house.png", "mimeType": "image/png", "buffer": to_png(draw_building())}
    )
    page.wait_for_function("() => window.sam2painter?.state?.session")


@pytest.mark.parametrize("told", [True, False], ids=["with --root-path", "without"])
def test_below_a_path(launch, page, told):
    """Sign in, see the page, open a photo: all of it below the path, nothing is asked of the site at the root."""
    live = launch(auth=f"{USER}:{PASSWORD}", **({"root_path": "/paint"} if told else {}))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with proxying(Way(live.url, "/paint/", headers=AS_IT_CAME)) as url:
        page.goto(f"{url}/paint/")
        sign_in(page)
        page.wait_for_selector(READY)
        assert page.url == f"{url}/paint/"
        open_photo(page)
        assert page.title() == "SAM2 Painter"
    strangers = [one for one in asked if not re.match(rf"{url}/paint/|data:|blob:", one)]
    assert len(asked) > 10
    assert strangers == []


@pytest.mark.parametrize("headers", [{}, {"Host": "$host"}], ids=["host of the upstream", "host without port"])
def test_sign_in_behind_a_proxy_as_it_comes(launch, page, headers):
    """nginx's own default, and what Gradio's guide says: the page comes, with all its parts."""
    live = launch(auth=f"{USER}:{PASSWORD}")
    failed = []
    with proxying(Way(live.url, headers=headers)) as url:
        page.goto(url)
        page.on("response", lambda reply: failed.append(reply.url) if reply.status >= 400 else None)
        sign_in(page, "wrong")
        page.get_by_text("Wrong user or password.").wait_for()
        failed.clear()
        sign_in(page)
        page.wait_for_selector(READY)
        open_photo(page)
    assert failed == []


def test_in_an_allowed_frame(launch, page):
    """The form signs in there, too: in a frame of a site that --cors-origins names, and in a notebook's cell."""
    with site("<iframe id=f width=1200 height=700></iframe>") as port:
        live = launch(auth=f"{USER}:{PASSWORD}", cors_origins=f"http://site.test:{port}")
        for around in (f"http://site.test:{port}/", f"http://localhost:{port}/"):
            page.goto(around)
            page.evaluate("url => { document.querySelector('#f').src = url; }", live.url)
            frame = page.frame_locator("#f")
            sign_in(frame)
            frame.locator(READY).wait_for(state="attached")


def test_in_a_frame_where_browsers_keep_no_cookie(launch, page):
    """By plain http and a name: the form says why, and offers a tab of its own, where it works."""
    with site("<iframe id=f width=1200 height=700></iframe>") as port:
        live = launch(auth=f"{USER}:{PASSWORD}", cors_origins=f"http://site.test:{port}", allowed_hosts="painter.lan")
        page.goto(f"http://site.test:{port}/")
        where = live.url.replace("127.0.0.1", "painter.lan")
        page.evaluate("url => { document.querySelector('#f').src = url; }", f"{where}/?session=x")
        frame = page.frame_locator("#f")
        sign_in(frame)
        frame.get_by_text("your browser did not keep the sign-in").wait_for()
        with page.context.expect_page() as opened:
            frame.get_by_role("link", name="Open in a new tab").click()
        tab = opened.value
        assert tab.url == f"{where}/?session=x"
        sign_in(tab)
        tab.wait_for_selector(READY)


def test_other_sites_do_nothing_here(launch, page):
    """Rebinding, a name of the local network, another port of this machine, a public page: no session is opened."""
    live = launch(allowed_hosts="painter.lan")
    port = live.url.rpartition(":")[2]
    send = """async ([base, mode]) => {
      const canvas = document.createElement("canvas");
      const blob = await new Promise((done) => canvas.toBlob(done));
      const form = new FormData();
      form.append("file", blob, "a.png");
      try { return (await fetch(base + "/api/upload", {method: "POST", body: form, mode})).status; }
      catch (error) { return String(error); }
    }"""
    with site("evil") as evil:
        for around, base, mode in (
            (f"http://evil.test:{port}/robots.txt", "", "cors"),
            (f"http://evil.test:{evil}/", f"http://painter.lan:{port}", "no-cors"),
            (f"http://localhost:{evil}/", f"http://localhost:{port}", "no-cors"),
            (f"http://evil.test:{evil}/", f"http://127.0.0.1:{port}", "no-cors"),
            (f"http://127.0.0.1:{evil}/", f"http://127.0.0.1:{port}", "no-cors"),
        ):
            page.goto(around)
            assert page.evaluate(send, [base, mode]) != 200
            assert live.http.get("/health").json()["sessions_count"] == 0, around
    page.goto(f"http://painter.lan:{port}/robots.txt")
    assert page.evaluate(send, ["", "cors"]) == 200  # our own page may


def test_a_page_of_a_named_site_with_a_token(launch, page):
    """A client in a browser: it uploads, reads the answer, and reads why it is refused without the token."""
    ask = """async ([base, token]) => {
      const canvas = document.createElement("canvas");
      const blob = await new Promise((done) => canvas.toBlob(done));
      const form = new FormData();
      form.append("file", blob, "a.png");
      const headers = token ? {Authorization: "Bearer " + token} : {};
      const reply = await fetch(base + "/api/upload", {method: "POST", body: form, headers});
      return [reply.status, Object.keys(await reply.json())];
    }"""
    with site("client") as port:
        live = launch(auth_token=TOKEN, cors_origins=f"http://site.test:{port}")
        page.goto(f"http://site.test:{port}/")
        status, keys = page.evaluate(ask, [live.url, TOKEN])
        assert status == 200
        assert "session_id" in keys
        assert page.evaluate(ask, [live.url, ""]) == [401, ["detail"]]


def test_after_a_restart_the_page_says_reload(launch, page):
    """Whoever was signed in reads what to do, and it works."""
    live = launch(auth=f"{USER}:{PASSWORD}")
    page.goto(live.url)
    sign_in(page)
    page.wait_for_selector(READY)
    live.served.close()
    launch(auth=f"{USER}:{PASSWORD}", port=live.settings.port)
    page.locator('input[type="file"]').first.set_input_files(
        {"name": "house.png", "mimeType": "image/png", "buffer": to_png(draw_building())}
    )
    page.get_by_text(re.compile("reload the page", re.IGNORECASE)).first.wait_for()
    page.reload()
    sign_in(page)
    page.wait_for_selector(READY)
    open_photo(page)
