"""Who waits gets an answer; for who left, nobody works on."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

import httpx
import pytest
from conftest import draw_building, eventually, to_png
from engines import FloodEngine

pytest.importorskip("gradio", reason="the doors need gradio")

from sam2_painter.errors import Cancelled
from sam2_painter.jobs.workers import Workers
from sam2_painter.web.api import endpoints as api
from sam2_painter.web.api.endpoints import ENDPOINTS, Service
from sam2_painter.web.middleware.disconnect import STREAM, Disconnects
from sam2_painter.web.middleware.rate_limit import Rate


@pytest.fixture(scope="module")
def slow(launch):
    """A server whose engine takes a second and a half for an answer."""
    return launch(FloodEngine(wait=1.5), requests_per_minute=100_000, sessions_per_minute=100_000)


@pytest.fixture
def slower(slow, monkeypatch):
    """The same, and it takes longer than any test waits: unless it is stopped."""
    monkeypatch.setattr(slow.studio.engine, "wait", 100)
    monkeypatch.setattr(slow.studio.engine, "stopped", "")
    return slow


def question(live, points_per_side: int) -> list:
    """Every mask of a new session's photo; another number each time, or the cache answers."""
    photo = {"file": ("house.png", to_png(draw_building()))}
    sid = live.http.post("/upload", files=photo).json()["session_id"]
    return [sid, points_per_side, 0.88, 0.95, None, "none"]


def join(live, client: str, points_per_side: int) -> None:
    """Ask for every mask, as gradio_client does."""
    config = httpx.get(f"{live.url}/config", timeout=60).json()
    number = next(one["id"] for one in config["dependencies"] if one["api_name"] == "generate_masks")
    body = {"data": question(live, points_per_side), "fn_index": number, "session_hash": client}
    assert httpx.post(f"{live.url}/gradio_api/queue/join", json=body, timeout=60).status_code == 200


def call(live, points_per_side: int) -> str:
    """Ask for every mask by hand; the number of the question."""
    body = {"data": question(live, points_per_side)}
    return httpx.post(f"{live.url}/gradio_api/call/generate_masks", json=body, timeout=60).json()["event_id"]


def answers(live, client: str) -> httpx.Response:
    """The stream on which answers come."""
    return httpx.stream("GET", f"{live.url}/gradio_api/queue/data", params={"session_hash": client}, timeout=60)


def test_an_answer_comes_though_the_heartbeat_ended(slow):
    """A client whose heartbeat broke off, and that still listens, gets what it asked for."""
    client = "loses its heartbeat"
    with httpx.stream("GET", f"{slow.url}/gradio_api/heartbeat/{client}", timeout=60) as heartbeat:
        next(heartbeat.iter_lines())
        join(slow, client, 20)
        with answers(slow, client) as stream:
            lines = stream.iter_lines()
            next(line for line in lines if "process_starts" in line)
            heartbeat.close()
            assert '"total_masks":' in next(line for line in lines if "process_completed" in line)


def test_work_for_who_left_stops(slower):
    """A client that closes its stream of answers has its work cancelled at once."""
    engine = slower.studio.engine
    asked = engine.asked["generate"]
    join(slower, "leaves", 21)
    with answers(slower, "leaves") as stream:
        next(line for line in stream.iter_lines() if "process_starts" in line)
        assert eventually(lambda: engine.asked["generate"] > asked)
    assert eventually(lambda: engine.stopped == "Cancelled")


@pytest.mark.parametrize("door", ["queue", "call"])
def test_work_for_who_never_listens_stops(slower, monkeypatch, door):
    """A client that asks and is killed before it opens its stream of answers has its work cancelled, too."""
    monkeypatch.setattr(api, "LISTENING_SECONDS", 3)
    if door == "queue":
        join(slower, "never listens", 22)
    else:
        call(slower, 23)
    assert eventually(lambda: slower.studio.engine.stopped == "Cancelled")


def test_who_is_answered_at_once_needs_no_stream(slow, monkeypatch):
    """A question at Gradio's /run/ is answered by its own request, however long that takes."""
    monkeypatch.setattr(api, "LISTENING_SECONDS", 0.1)
    body = {"data": question(slow, 25), "session_hash": "asks at once"}
    assert httpx.post(f"{slow.url}/gradio_api/run/generate_masks", json=body, timeout=60).status_code == 200


def test_work_for_who_listens_goes_on(studio, tmp_path, monkeypatch):
    """A client with a stream open waits as long as it must."""
    monkeypatch.setattr(api, "LISTENING_SECONDS", 0.01)
    health = next(one for one in ENDPOINTS if one.name == "health")

    async def run():
        service = Service(studio, Workers(threads=1), Rate(1, "photos"), tmp_path)
        service.listening["somebody"] += 1
        let_go = threading.Event()
        asked = asyncio.ensure_future(service.answer(health, let_go.wait, "somebody"))
        await asyncio.sleep(0.1)
        let_go.set()
        assert await asked is True
        service.workers.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "query"),
    [(STREAM, b"session_hash=x"), ("/gradio_api/call/segment/x", b""), ("/gradio_api/call/v2/segment/x", b"")],
)
def test_streams_of_answers_are_known(path, query):
    """Whoever has one open is counted as listening, and no longer than that."""
    listening, during = Counter(), []

    async def app(scope, receive, send):
        during.append(listening["x"])

    async def never():
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query}
    asyncio.run(Disconnects(app, listening, [].append)(scope, never, never))
    assert during == [1]
    assert not listening


def test_forgotten_work_ends_with_an_error(studio, tmp_path):
    """Work that is forgotten raises an error of ours: an asyncio cancellation Gradio would never answer."""
    health = next(one for one in ENDPOINTS if one.name == "health")

    async def run():
        service = Service(studio, Workers(threads=1), Rate(1, "photos"), tmp_path)
        let_go = threading.Event()
        asked = asyncio.ensure_future(service.answer(health, let_go.wait, "somebody"))
        await asyncio.sleep(0)
        service.forget("somebody")
        with pytest.raises(Cancelled, match="went away"):
            await asked
        let_go.set()
        service.workers.close()
        assert not service._asked

    asyncio.run(run())


def test_a_stream_that_ended_is_no_departure():
    """A server that has said everything does not take the end for a client that left."""
    gone, closed = [], asyncio.Event()

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"all"})
        await asyncio.sleep(0)  # time enough for the news to be heard

    async def receive():
        await closed.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.body":
            closed.set()  # as uvicorn does after the last piece

    scope = {"type": "http", "method": "GET", "path": STREAM, "query_string": b"session_hash=x"}
    asyncio.run(Disconnects(app, Counter(), gone.append)(scope, receive, send))
    assert gone == []
