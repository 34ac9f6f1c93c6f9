"""Who waits gets an answer; for who left, nobody works on."""

from __future__ import annotations

import time

import httpx
import pytest
from conftest import draw_building, eventually, to_png
from engines import FloodEngine

pytest.importorskip("gradio", reason="the doors need gradio")

from sam2_painter.web.api import gradio_protocol as protocol


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
    monkeypatch.setattr(protocol, "LISTENING_SECONDS", 3)
    if door == "queue":
        join(slower, "never listens", 22)
    else:
        call(slower, 23)
    assert eventually(lambda: slower.studio.engine.stopped == "Cancelled")


def test_who_is_answered_at_once_needs_no_stream(slow, monkeypatch):
    """A question at Gradio's /run/ is answered by its own request, however long that takes."""
    monkeypatch.setattr(protocol, "LISTENING_SECONDS", 0.1)
    body = {"data": question(slow, 25), "session_hash": "asks at once"}
    assert httpx.post(f"{slow.url}/gradio_api/run/generate_masks", json=body, timeout=60).status_code == 200


def test_work_for_who_listens_goes_on(slow, monkeypatch):
    """A client with a stream open waits as long as it must."""
    join(slow, "listens", 26)
    with answers(slow, "listens") as stream:
        lines = stream.iter_lines()
        next(line for line in lines if "process_starts" in line)
        monkeypatch.setattr(protocol, "LISTENING_SECONDS", 0.01)
        join(slow, "listens", 27)  # the engine takes a second and a half for each
        assert [line for line in lines if '"total_masks":' in line][1:]


@pytest.mark.parametrize("path", ["call/generate_masks", "call/v2/generate_masks"])
def test_streams_of_one_answer_are_streams(slow, path):
    """Whoever asks by hand and opens the stream of this answer listens, too."""
    event = call(slow, 28)
    told = httpx.get(f"{slow.url}/gradio_api/{path}/{event}", timeout=60).text
    assert told.startswith("event: complete")


def test_a_cancelled_question_ends_with_an_error(slower):
    """Who cancels is told so at once, as an answer like others."""
    event = call(slower, 33)
    assert httpx.post(f"{slower.url}/gradio_api/reset", json={"event_id": event}, timeout=60).status_code == 200
    told = httpx.get(f"{slower.url}/gradio_api/call/generate_masks/{event}", timeout=60).text
    assert told.startswith("event: error")
    assert "nothing was changed" in told
    assert eventually(lambda: slower.studio.engine.stopped == "Cancelled")


def test_a_stream_that_ended_is_no_departure(slow):
    """Two questions, one after the other on streams of their own: the end of the first stream cancels nothing."""
    for points in (29, 30):
        join(slow, "asks twice", points)
        with answers(slow, "asks twice") as stream:
            lines = list(stream.iter_lines())
        assert any('"success":true' in line for line in lines)
        assert "close_stream" in lines[-2]


def test_answers_that_nobody_fetches_are_dropped(slow, monkeypatch):
    """After a while they are gone, and who asks for one then is told."""
    monkeypatch.setattr(protocol, "LISTENING_SECONDS", 0.3)
    body = {"data": []}
    event = httpx.post(f"{slow.url}/gradio_api/call/health", json=body, timeout=60).json()["event_id"]
    time.sleep(1.0)  # longer than anybody waits; what is checked does not come later
    gone = httpx.get(f"{slow.url}/gradio_api/call/health/{event}", timeout=60)
    assert gone.status_code == 404
    assert "waited too long" in gone.json()["detail"]


def test_one_address_cannot_use_up_all_questions(slower, monkeypatch):
    """Beyond so many that nobody was told of, it is told to come back; Retry-After says when."""
    monkeypatch.setattr(protocol, "MOST_OPEN_EACH", 2)
    for _ in range(2):
        call(slower, 31)
    refused = httpx.post(f"{slower.url}/gradio_api/call/health", json={"data": []}, timeout=60)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize("name", ["", "x" * 129, 5, None, ["x"]])
def test_a_client_s_name_is_short_text(slow, name):
    """session_hash is kept as long as there are answers: one of megabytes is refused."""
    config = httpx.get(f"{slow.url}/config", timeout=60).json()
    number = next(one["id"] for one in config["dependencies"] if one["api_name"] == "health")
    body = {"data": [], "fn_index": number, "session_hash": name}
    reply = httpx.post(f"{slow.url}/gradio_api/queue/join", json=body, timeout=60)
    assert reply.status_code == 422
    assert "session_hash" in reply.json()["detail"]
