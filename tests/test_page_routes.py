"""What the page asks by plain HTTP: answers, mistakes, the stream of a long search, and who hangs up."""

from __future__ import annotations

import json
import threading

import httpx
import pytest
from conftest import Live, draw_building, eventually, to_png
from engines import FloodEngine

from sam2_painter.web.error_responses import BROKEN
from sam2_painter.web.page import assets


class Slow(FloodEngine):
    """An engine that looks for every mask until it is stopped."""

    def __init__(self):
        super().__init__()
        self.started, self.stopped = threading.Event(), threading.Event()

    def generate(self, photo, embedding, options, progress=lambda fraction: None):
        """Never comes back, unless `progress` raises."""
        try:
            while True:
                progress(0.1)
                self.started.set()
                threading.Event().wait(0.02)
        finally:
            self.stopped.set()


@pytest.fixture
def page(server: Live):
    """Asks the shared server as the page does."""
    with httpx.Client(base_url=f"{server.url}/page", timeout=60) as client:
        yield client


def opened(client: httpx.Client, data: bytes, name: str = "house.png") -> dict:
    """The session of a photo that was sent."""
    reply = client.post("/open", data={"ask": "{}"}, files={"file": (name, data)})
    assert reply.status_code == 200, reply.text
    return reply.json()["session"]


def test_open_click_paint(page, server, photo_bytes):
    """A file goes in by a form, everything else as JSON; each answer is what is to be seen."""
    session = opened(page, photo_bytes)
    assert (session["width"], session["height"], session["name"]) == (200, 150, "house.png")
    sid = session["sid"]
    clicked = page.post("/click", json={"sid": sid, "points": [[100, 100, 1]]}).json()["session"]
    assert clicked["selection"]["shape"]["path"].startswith("M")
    coat = dict(color="teal", opacity=1, light=1, shadow=1, mode="flat")
    painted = page.post("/paint", json={"sid": sid, **coat}).json()
    assert painted["color"]["color"] == "#008080"
    assert [layer["color"] for layer in painted["session"]["layers"]] == ["#008080"]
    alive = page.post("/alive", json={"sid": sid}).json()["alive"]
    assert alive == {"revision": painted["session"]["revision"], "seconds": server.studio.sessions.ttl}


@pytest.mark.parametrize(
    ("verb", "asked", "status", "words"),
    [
        ("look", {"json": {"sid": "nobody"}}, 404, "Open the photo again"),
        ("look", {"json": [1]}, 400, "no data"),
        ("look", {"content": b"{"}, 422, "not JSON"),
        ("open", {"json": {"path": "/etc/passwd"}}, 422, "a form with a file"),
        ("open", {"files": {"file": ("a.png", b"no photo")}}, 415, "text file"),
        ("generate", {"json": {"sid": "nobody"}}, 404, "Open the photo again"),
        ("nothing", {"json": {}}, 404, "Reload"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_are_a_status_and_a_sentence(page, verb, asked, status, words):
    """As everywhere: {"detail": sentence}."""
    reply = page.post(f"/{verb}", **asked)
    assert reply.status_code == status, reply.text
    assert words in reply.json()["detail"]


def test_every_engine_reads_from_the_moment_a_photo_opens(launch, photo_bytes):
    """Before the browser asks for it: while the photo travels and the person looks at it. Of several that are opened
    only the one that is shown is read."""
    engine = FloodEngine()
    live = launch(engine)
    with httpx.Client(base_url=f"{live.url}/page", timeout=60) as client:
        sid = opened(client, photo_bytes)["sid"]
        assert eventually(lambda: engine.asked["embed"] == 1)
        client.post("/click", json={"sid": sid, "points": [[100, 100, 1]]}).raise_for_status()
        other = {"file": ("other.png", to_png(draw_building(120, 80)))}
        client.post("/open", data={"ask": '{"next": true}'}, files=other).raise_for_status()
        live.studio.reading.finish()
    assert engine.asked["embed"] == 1


def test_every_mask_is_a_stream(page, photo_bytes):
    """Lines that tell how far it is, and what is to be seen as the last one."""
    sid = opened(page, photo_bytes)["sid"]
    with page.stream("POST", "/generate", json={"sid": sid}) as reply:
        lines = [json.loads(line) for line in reply.iter_lines()]
    assert lines[-1]["session"]["regions"]["count"] == 8
    assert all(0 <= line["fraction"] <= 1 for line in lines[:-1])
    refused = page.post("/generate", json={"sid": sid, "points_per_side": 0})
    assert (refused.status_code, "points_per_side" in refused.json()["detail"]) == (400, True)


def test_who_hangs_up_stops_the_search(launch, photo_bytes):
    """Closing the request is how it is cancelled."""
    engine = Slow()
    live = launch(engine)
    with httpx.Client(base_url=f"{live.url}/page", timeout=60) as client:
        sid = opened(client, photo_bytes)["sid"]
        with client.stream("POST", "/generate", json={"sid": sid}) as reply:
            assert json.loads(next(reply.iter_lines())) == {"fraction": 0.1}
            assert not engine.stopped.is_set()
        assert engine.stopped.wait(30)
        assert live.studio.session(sid).automatic == ()


def test_a_defect_is_one_sentence(page, server, monkeypatch, photo_bytes, caplog):
    """What nobody foresaw is told as such, and is in the log with its traceback."""
    sid = opened(page, photo_bytes)["sid"]
    monkeypatch.setattr(server.studio, "undo", lambda *_, **__: 1 / 0)
    reply = page.post("/undo", json={"sid": sid})
    assert (reply.status_code, reply.json()) == (500, {"detail": BROKEN})
    assert eventually(lambda: any("ZeroDivisionError" in (r.exc_text or "") for r in caplog.records))


def test_scripts_and_styles_have_lasting_addresses(page):
    """They are named by what is in them, may be kept for ever, and nothing else of the package is served."""
    css = page.get(f"/static/{assets.VERSION}/styles/base.css")
    assert css.status_code == 200
    assert "immutable" in css.headers["cache-control"]
    for other in ("../routes.py", "%2e%2e/routes.py", "../../server.py"):
        assert page.get(f"/static/{assets.VERSION}/{other}").status_code == 404
