"""SAM 2 somewhere else: the real client over real HTTP, and everything that can go wrong in between."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from conftest import eventually, make_studio, to_png
from engine_contract import EngineContract, building
from engines import FloodEngine
from far_end import FarEnd, hang_up, hold, memory, pour, redirect, say, serving

from sam2_painter.engines.choice import choose
from sam2_painter.engines.remote import wire
from sam2_painter.engines.remote.client import ModalEngine
from sam2_painter.engines.remote.connectivity import can_connect
from sam2_painter.errors import Busy, EngineError, EngineUnavailable, InvalidInput, TimeLimitExceeded
from sam2_painter.jobs.deadline import Deadline
from sam2_painter.settings import Modal, Sam2
from sam2_painter.types import AutoMask, Photo, Prompts

CLICK = Prompts.click(110, 100)


class TestContract(EngineContract):
    """An engine behind HTTP keeps what every engine promises."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls):
        class Flood(FloodEngine):
            def predict(self, embedding, prompts):
                return super().predict(embedding, prompts)[: 2 if prompts.multimask_output else 1]

        with serving(Flood()) as url:
            yield ModalEngine(url)


@pytest.fixture
def far_end():
    """A service behind a proxy that can be told to misbehave."""
    made = FarEnd(FloodEngine())
    yield made
    made.close()


@pytest.fixture
def waits():
    """How long the client wanted to wait before each new try."""
    return []


@pytest.fixture
def engine(far_end, waits):
    """A client that does not really wait."""
    return ModalEngine(far_end.url, "wk-key", "ws-secret", sleep=waits.append)


@pytest.fixture
def embedding(engine):
    """A building, sent and read."""
    return engine.embed(building())


def test_a_photo_is_sent_once(far_end, engine, embedding):
    """Thirty clicks carry the photo's name only, and the key goes with each."""
    far_end.asked.clear()
    for x in range(30):
        engine.predict(embedding, Prompts.click(x + 50, 100))
    assert len(far_end.asked) == 30
    assert max(int(headers["Content-Length"]) for _, _, headers in far_end.asked) < 500
    assert {headers["Modal-Key"] for _, _, headers in far_end.asked} == {"wk-key"}


def test_a_container_that_does_not_know_the_photo_gets_it(far_end, engine, embedding):
    """After a 409 the same question comes again with the photo inside, and no try is lost."""
    expected = engine.predict(embedding, CLICK)
    far_end.service = FarEnd(FloodEngine(), memory()).service
    far_end.asked.clear()
    assert engine.predict(embedding, CLICK) == expected
    sizes = [int(headers["Content-Length"]) for _, _, headers in far_end.asked]
    assert len(sizes) == 2
    assert sizes[0] < 500 < len(embedding.features.data) < sizes[1]


def test_a_service_that_forgets_at_once_still_answers(waits):
    """A cache too small for any photo costs bytes, not answers."""
    far_end = FarEnd(FloodEngine(), memory(max_bytes=1))
    engine = ModalEngine(far_end.url, sleep=waits.append)
    embedding = engine.embed(building())
    assert engine.predict(embedding, CLICK)
    assert engine.generate(building(), embedding, AutoMask(8))
    assert waits == []
    far_end.close()


def test_masks_come_at_the_size_of_the_photo():
    """A photo larger than what is sent gets masks of its own size: the far engine scales, nobody enlarges pixels."""

    class Scaling(FloodEngine):
        def predict(self, embedding, prompts):
            self.seen = embedding.features.shape, embedding.size, prompts.point_coords.tolist()
            return super().predict(
                embedding.__class__(**{**vars(embedding), "features": np.zeros(embedding.size)}), prompts
            )

    scaling = Scaling()
    far_end = FarEnd(scaling)
    engine = ModalEngine(far_end.url)
    photo = Photo(np.zeros((1500, 3000, 3), np.uint8))
    (mask, _) = engine.predict(engine.embed(photo), Prompts.click(2999, 1499))
    assert mask.size == (1500, 3000)
    assert scaling.seen == ((1024, 2048), (1500, 3000), [[2999, 1499]])
    far_end.close()


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([hang_up], id="connection-killed"),
        pytest.param([hang_up, hang_up, hang_up], id="killed-thrice"),
        pytest.param([say(503), say(502), say(500)], id="5xx"),
        pytest.param([say(429, Retry_After="1")], id="429"),
        pytest.param([redirect(1)], id="303"),
        pytest.param([redirect(20)], id="303-twenty-times"),
        pytest.param([hang_up, say(504), redirect(3)], id="all-sorts"),
    ],
)
def test_faults_that_pass_are_not_noticed(far_end, engine, embedding, faults):
    """What a second try can mend is mended: the answer is the one without faults."""
    expected = engine.predict(embedding, CLICK)
    far_end.script.extend(faults)
    assert engine.predict(embedding, CLICK) == expected
    assert not far_end.script


def test_retry_after_is_heeded(far_end, engine, embedding, waits):
    """It waits as long as it was told to, though never more than ten seconds, and longer each time."""
    far_end.script.extend([say(503, Retry_After="7"), say(503, Retry_After="3600"), say(503)])
    engine.predict(embedding, CLICK)
    assert waits[:2] == [7, 10]
    assert 0.5 <= waits[2] <= 1


FAILED = wire.pack({"error": {"code": "failed", "message": "out of memory"}})
OTHER_MODEL = wire.pack({"image": "x", "model": "another/1", "cached": True, "ms": 1, "masks": []})
WRONG_SIZE = {"size": [9, 9], "box": [0, 0, 0, 0], "bits": b"(\xb5/\xfd \x00\x01\x00\x00"}
LYING = wire.pack({"image": "x", "model": "flood/1", "cached": True, "ms": 1, "masks": [WRONG_SIZE]})


@pytest.mark.parametrize(
    ("faults", "error", "sentence"),
    [
        pytest.param([hang_up] * 4, EngineUnavailable, "cannot be reached", id="killed-each-time"),
        pytest.param([say(503)] * 4, Busy, "is busy", id="busy-each-time"),
        pytest.param([say(500)] * 4, EngineError, r"failed: HTTP 500", id="broken-each-time"),
        pytest.param([say(401)], EngineUnavailable, "MODAL_KEY", id="wrong-key"),
        pytest.param([say(404)], EngineUnavailable, r"modal deploy modal_sam2\.py", id="not-deployed"),
        pytest.param([say(200)], EngineError, "cannot be read", id="garbage"),
        pytest.param([say(200, b"\x80")], EngineError, "model is missing", id="empty-answer"),
        pytest.param([say(200, LYING)], EngineError, "cannot be read", id="mask-of-another-size"),
        pytest.param([say(200, OTHER_MODEL)], EngineError, "changed from flood/1 to another/1", id="other-model"),
        pytest.param([say(409)], EngineError, "HTTP 409", id="409-of-somebody-else"),
        pytest.param([say(500, FAILED)], EngineError, "out of memory", id="the-engine-itself-failed"),
        pytest.param([pour(200)], EngineError, "more than 64 MB", id="200-MB"),
        pytest.param([redirect(30)], EngineError, "redirected 20 times", id="endless-redirects"),
        pytest.param([redirect(1, "http://localhost:9")], EngineError, "sends on to localhost", id="sent-elsewhere"),
    ],
)
def test_faults_that_stay_are_one_clear_error(far_end, engine, embedding, faults, error, sentence):
    """One sentence of the right kind; hopeless cases are asked once, and the next question is answered again."""
    far_end.script.extend(faults)
    far_end.asked.clear()
    with pytest.raises(error, match=sentence):
        engine.predict(embedding, CLICK)
    posts = [path for method, path, _ in far_end.asked if method == "POST"]
    assert len(posts) == len(faults)
    far_end.script.clear()
    assert engine.predict(embedding, CLICK)


def test_the_key_goes_nowhere_else(far_end, engine, embedding):
    """A redirect to another host is not followed, so that host never sees the key."""
    elsewhere = FarEnd(FloodEngine())
    far_end.script.append(redirect(1, elsewhere.url))
    with pytest.raises(EngineError, match="refused"):
        engine.predict(embedding, CLICK)
    assert elsewhere.asked == []
    elsewhere.close()


def test_a_slow_answer_ends_with_the_deadline(far_end, engine, embedding):
    """Past its time limit a question is given up, and told so, though the far end would answer later."""
    later = threading.Event()
    far_end.script.append(hold(later))
    with Deadline(0.4, "Segmentation"), pytest.raises(TimeLimitExceeded):
        engine.predict(embedding, CLICK)
    later.set()


def test_nobody_there(waits):
    """A closed port is one sentence, after the tries."""
    far_end = FarEnd(FloodEngine())
    far_end.close()
    engine = ModalEngine(far_end.url, sleep=waits.append)
    with pytest.raises(EngineUnavailable, match="check MODAL_BASE_URL"):
        engine.embed(building())
    assert len(waits) == 3


def test_the_real_service_checks_the_key():
    """build_api with a key answers those who have it, and 401 to others; health needs none and starts nothing."""
    flood = FloodEngine()
    with serving(flood, key="wk-key", secret="ws-secret") as url:
        assert ModalEngine(url, "wk-key", "ws-secret").embed(building())
        for key, secret in (("wk-key", "wrong"), ("wrong", "ws-secret"), ("", "")):
            with pytest.raises(EngineUnavailable, match="MODAL_SECRET"):
                ModalEngine(url, key, secret).embed(building())
        asked = dict(flood.asked)
        assert httpx.get(f"{url}/health", timeout=60).json()["model"] == "flood/1"
        assert flood.asked == asked


@pytest.mark.parametrize(
    ("op", "body", "status"),
    [
        pytest.param("predict", b"garbage", 422, id="garbage"),
        pytest.param("nothing", wire.pack({}), 422, id="unknown-op"),
        pytest.param("predict", wire.pack({"image": "0" * 64, "size": [9, 9], "seconds": 9}), 409, id="unknown-photo"),
        pytest.param(
            "embed", wire.pack({"image": "0" * 64, "size": [9, 9], "seconds": 9, "data": b"x"}), 422, id="wrong-digest"
        ),
        pytest.param("embed", wire.pack({"image": 7, "size": [9, 9], "seconds": 9}), 422, id="wrong-type"),
        pytest.param("embed", wire.pack({"image": "", "size": [9, 9], "seconds": None}), 422, id="no-time"),
        pytest.param("embed", bytes(wire.MAX_REQUEST + 1), 413, id="too-large"),
    ],
)
def test_the_service_answers_mistakes_with_their_number(op, body, status):
    """Every mistake in a question is an answer with a code and a sentence; none is a 500."""
    with serving(FloodEngine()) as url:
        reply = httpx.post(f"{url}/v1/{op}", content=body, timeout=60)
    assert reply.status_code == status
    error = wire.unpack(reply.content)["error"]
    assert error["code"]
    assert error["message"]


def test_a_mask_of_another_size_is_the_askers_mistake():
    """Not the engine's, which would answer 500; the photo's own size is taken."""
    sent = wire.shrink(building())
    other = Prompts([[5, 5]], [1], mask_input=np.zeros((sent.size[0] + 1, sent.size[1]), bool))
    right = Prompts([[5, 5]], [1], mask_input=np.zeros(sent.size, bool))
    with serving(FloodEngine()) as url:
        for prompts, status in ((right, 200), (other, 422)):
            body = wire.request(sent, 20.0, prompts=prompts, attach=True)
            assert httpx.post(f"{url}/v1/predict", content=body, timeout=60).status_code == status


def test_a_full_service_says_when_to_come_back():
    """More questions at once than it takes are answered 503 with Retry-After, and the client comes back by itself."""
    with serving(FloodEngine(wait=0.15), at_most=1) as url:
        engine = ModalEngine(url)
        embedding = engine.embed(building())
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda _: engine.predict(embedding, CLICK), range(3)))
        assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(
    ("break_down", "sentence"),
    [
        pytest.param(RuntimeError("CUDA error at 0x7f"), r"Flood engine failed \(RuntimeError\)", id="any-error"),
        pytest.param(MemoryError(), "Flood engine ran out of memory", id="no-memory"),
    ],
)
def test_an_engine_that_fails_over_there_is_asked_once_and_says_so(waits, break_down, sentence):
    """What the far engine raises comes back as one sentence without its internals, and is not tried again."""

    class Broken(FloodEngine):
        def predict(self, embedding, prompts):
            raise break_down

    far_end = FarEnd(Broken())
    engine = ModalEngine(far_end.url, sleep=waits.append)
    embedding = engine.embed(building())
    with pytest.raises(EngineError, match=sentence) as caught:
        engine.predict(embedding, CLICK)
    assert "0x7f" not in str(caught.value)
    assert waits == []
    far_end.close()


def test_a_reply_that_is_packed_is_not_unpacked(far_end, engine, embedding):
    """Nothing compressed was asked for: a gzip bomb stays small, and is an answer that cannot be read."""
    far_end.script.append(say(200, gzip.compress(bytes(1 << 26)), Content_Encoding="gzip"))
    with pytest.raises(EngineError, match="cannot be read"):
        engine.predict(embedding, CLICK)


def test_the_service_stops_working_for_those_who_left():
    """A question that says it waits half a second is not worked on for longer."""
    flood = FloodEngine(wait=100)
    far_end = FarEnd(flood)
    engine = ModalEngine(far_end.url, patience=0.5)
    photo = building()
    sent = wire.shrink(photo)
    body = wire.request(sent, 0.5, options=AutoMask(8), attach=True)
    assert far_end.service.answer("automask", body).status == 504
    assert eventually(lambda: flood.stopped)
    assert engine.embed(photo)
    far_end.close()


def test_a_fault_leaves_the_session_as_it_was(far_end, engine, tmp_path):
    """A click that fails changes nothing: not the masks, not the selection, not the revision."""
    studio = make_studio(tmp_path, engine)
    session = studio.open(to_png(building().pixels), "building.png")
    before = studio.click(session.id, 110, 100)
    for faults in ([hang_up] * 4, [say(200)], [say(401)], [pour(200)]):
        far_end.script.extend(faults)
        with pytest.raises(EngineError):
            studio.click(session.id, 56, 62)
        after = studio.session(session.id)
        assert (dict(after.masks), after.selection, after.revision) == (
            dict(before.masks),
            before.selection,
            before.revision,
        )
    studio.sessions.close()


# ---- the choice


def test_auto_takes_modal_when_its_host_answers_and_asks_it_nothing(far_end):
    """A connection is enough to choose it: no request goes out, so no GPU is started."""
    chosen = choose("auto", modal=Modal(far_end.url))
    assert isinstance(chosen.engine, ModalEngine)
    assert "reached" in chosen.reason
    assert far_end.asked == []


def test_auto_ends_with_the_offline_engine_and_says_why(tmp_path):
    """With neither Modal nor SAM 2's weights, the reason names both and what to do about them."""
    chosen = choose("auto", modal=Modal("http://127.0.0.1:9"), sam2=Sam2(checkpoint=str(tmp_path / "missing.pt")))
    assert chosen.engine.name.startswith("offline")
    assert "127.0.0.1:9 cannot be reached" in chosen.reason
    assert "SAM2_CHECKPOINT" in chosen.reason or "requirements-sam2.txt" in chosen.reason


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        pytest.param("modal", {}, "Set MODAL_BASE_URL", id="modal-nowhere"),
        pytest.param("modal", dict(modal=Modal("http://127.0.0.1:9")), "cannot be reached", id="modal-closed"),
        pytest.param("modal", dict(modal=Modal("sam2.modal.run")), "must be like https://", id="modal-no-scheme"),
        pytest.param("modal", dict(modal=Modal("http://[half")), "must be like https://", id="modal-half-an-address"),
        pytest.param("modal", dict(modal=Modal("http://a:port")), "must be like https://", id="modal-odd-port"),
        pytest.param(
            "modal", dict(modal=Modal("http://a", key="ключ")), "MODAL_KEY or MODAL_SECRET", id="modal-odd-key"
        ),
        pytest.param(
            "modal", dict(modal=Modal("http://a", secret="x\n")), "MODAL_KEY or MODAL_SECRET", id="modal-line"
        ),
        pytest.param("sam2", dict(sam2=Sam2(checkpoint="/nowhere.pt")), "SAM2_CHECKPOINT|requirements-sam2", id="sam2"),
    ],
)
def test_an_engine_asked_for_by_name_that_cannot_run(name, options, sentence):
    """One sentence with what to do, and no other engine in its place."""
    with pytest.raises(EngineUnavailable, match=sentence):
        choose(name, **options)


def test_an_unknown_engine():
    """The names there are are told."""
    with pytest.raises(InvalidInput, match="auto, offline, sam2, modal"):
        choose("sam9")


def test_reach_goes_by_the_proxy_if_there_is_one(far_end, monkeypatch):
    """Where a proxy is set, that is whose door must open."""
    monkeypatch.setenv("http_proxy", far_end.url)
    assert can_connect("http://sam2.invalid")
    monkeypatch.setenv("no_proxy", "sam2.invalid")
    assert not can_connect("http://sam2.invalid")
    assert not can_connect("no address")
