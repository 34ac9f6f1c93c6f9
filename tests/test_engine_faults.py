"""An engine that raises, hangs or answers rubbish: one clear error for who asked, and nothing for anybody else."""

import http.server
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import draw_building, make_studio, to_png
from engines import FloodEngine

from sam2_painter.engines.remote.client import ModalEngine
from sam2_painter.errors import Cancelled, EngineError, EngineUnavailable, InvalidInput, TimeLimitExceeded
from sam2_painter.rle import mask_to_rle
from sam2_painter.studio.studio import Limits
from sam2_painter.types import Coat, Embedding, Mask

WALL = (100, 90)


class FaultyEngine(FloodEngine):
    """Well until `fault` is set: then each verb does what `fault` does, given the right answer."""

    fault = None

    def embed(self, photo):
        return self._hurt("embed", super().embed(photo))

    def predict(self, embedding, prompts):
        return self._hurt("predict", super().predict(embedding, prompts))

    def generate(self, photo, embedding, options, progress=lambda fraction: None):
        return self._hurt("generate", super().generate(photo, embedding, options, progress))

    def _hurt(self, verb, right):
        which, fault = self.fault or ("", None)
        return fault(right) if verb == which else right


def raising(error):
    def fault(right):
        raise error

    return fault


def nan_score(right):
    return [Mask(right[0].rle, predicted_iou=float("nan"))]


def other_size(right):
    return [Mask(mask_to_rle(np.ones((3, 3), bool)))]


def of_another_photo(right):
    return Embedding("another", right.engine, right.size, right.features, right.nbytes)


def four_dimensions(right):
    return [Mask(mask_to_rle(np.ones((1, 1, 3, 3), bool)))]


FAULTS = {
    "embed raises": ("embed", raising(RuntimeError("CUDA error: device-side assert at /home/secret"))),
    "embed answers None": ("embed", lambda right: None),
    "embed answers another photo's": ("embed", of_another_photo),
    "embed runs out of memory": ("embed", raising(MemoryError())),
    "predict raises": ("predict", raising(ValueError("shapes do not match"))),
    "predict raises a lookup error": ("predict", raising(KeyError("secret"))),
    "predict answers None": ("predict", lambda right: None),
    "predict answers nothing": ("predict", lambda right: []),
    "predict answers numbers": ("predict", lambda right: [1, 2, 3]),
    "predict answers an array": ("predict", lambda right: np.zeros((3, 150, 200))),
    "predict answers text": ("predict", lambda right: "mask"),
    "predict answers another size": ("predict", other_size),
    "predict answers a NaN score": ("predict", nan_score),
    "predict answers four dimensions": ("predict", four_dimensions),
    "generate raises": ("generate", raising(OSError("connection reset by 10.0.0.7"))),
    "generate answers None": ("generate", lambda right: None),
    "generate answers another size": ("generate", other_size),
}


@pytest.fixture
def faulty(tmp_path):
    studio = make_studio(tmp_path, FaultyEngine())
    yield studio
    studio.sessions.close()


def use(studio, session_id, verb):
    if verb == "generate":
        return studio.generate(session_id)
    return studio.click(session_id, *WALL)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_error_and_leaves_everything_as_it_was(faulty, photo_bytes, fault):
    """EngineError in one sentence that tells no internals; the session is unchanged, usable, and others are too."""
    hurt, other = faulty.open(photo_bytes, "a.png").id, faulty.open(to_png(draw_building(90, 60)), "b.png").id
    kept = faulty.click(other, 40, 50).revision
    before = faulty.session(hurt)
    faulty.clear_cache()
    faulty.engine.fault = fault
    with pytest.raises(EngineError, match=r"^Flood engine .*\.$") as caught:
        use(faulty, hurt, fault[0])
    assert "secret" not in str(caught.value)
    assert "10.0.0.7" not in str(caught.value)
    after = faulty.session(hurt)
    assert (after.revision, dict(after.masks), after.can_undo) == (before.revision, {}, "")
    faulty.paint(other, [Coat((9, 9, 9), 0)])
    assert faulty.session(other).revision == kept + 1
    faulty.engine.fault = None
    use(faulty, hurt, fault[0])
    assert faulty.session(hurt).masks


def test_an_engine_s_word_on_what_was_asked_reaches_who_asked(faulty, photo_bytes):
    """InvalidInput about the prompts is the caller's to mend, and stays so."""
    session_id = faulty.open(photo_bytes).id
    faulty.engine.fault = ("predict", raising(InvalidInput("at most 7 points", "points")))
    with pytest.raises(InvalidInput, match="at most 7 points"):
        faulty.click(session_id, *WALL)


def test_the_engine_is_asked_for_by_its_own_time_limit(tmp_path, photo_bytes):
    """An engine that hangs is left behind when the time is over: the session is free and other ones never waited."""
    free = threading.Event()
    engine = FaultyEngine()
    studio = make_studio(tmp_path, engine)
    try:
        hung, other = studio.open(photo_bytes).id, studio.open(to_png(draw_building(90, 60))).id
        studio.click(other, 40, 50)
        engine.fault = ("predict", lambda right: free.wait(120) and right)
        errors = []

        def click():
            with pytest.raises(TimeLimitExceeded) as caught:
                studio.click(hung, *WALL)
            errors.append(caught.value)

        studio.limits = Limits(segment=5)
        thread = threading.Thread(target=click)
        thread.start()
        studio.undo(other)
        studio.redo(other)
        assert thread.is_alive()
        thread.join(60)
        assert errors
        assert (studio.status, studio.engine_trouble) == ("degraded", "Flood engine did not answer in time.")
        engine.fault, studio.limits = None, Limits()
        assert studio.click(hung, *WALL).selection.mask_id == 0
        assert studio.status == "healthy"
    finally:
        free.set()
        studio.sessions.close()


def test_many_hung_questions_do_not_use_up_the_server(launch, photo_bytes):
    """After more hung requests than there are workers, all of them 504, the server answers as before."""
    free = threading.Event()
    engine = FaultyEngine()
    live = launch(engine, workers=8)
    try:
        session_id = live.http.post("/upload", files={"file": ("a.png", photo_bytes)}).json()["session_id"]
        sessions = [
            live.http.post("/upload", files={"file": ("a.png", to_png(draw_building(60 + i, 50)))}).json()["session_id"]
            for i in range(12)
        ]
        engine.fault, live.studio.limits = ("predict", lambda right: free.wait(120) and right), Limits(segment=2)

        def ask(one):
            return live.http.post("/segment", json={"session_id": one, "points": [{"x": 30, "y": 40}]}).status_code

        with ThreadPoolExecutor(4) as pool:  # half as many at a time as there are workers: of more, some are told 503
            assert list(pool.map(ask, sessions)) == [504] * 12
        engine.fault, live.studio.limits = None, Limits()
        reply = live.http.post("/segment", json={"session_id": session_id, "points": [{"x": 100, "y": 90}]})
        assert reply.status_code == 200, reply.text
    finally:
        free.set()


def test_cancel_does_not_wait_for_an_engine_that_does_not_listen(tmp_path, photo_bytes):
    """Cancel ends 'every mask' at once even when the engine never reports progress."""
    free, started = threading.Event(), threading.Event()

    def hang(right):
        started.set()
        return free.wait(120) and right

    engine = FaultyEngine()
    studio = make_studio(tmp_path, engine)
    try:
        session_id = studio.open(photo_bytes).id
        engine.fault = ("generate", hang)
        outcome = []

        def generate():
            with pytest.raises(Cancelled):
                studio.generate(session_id)
            outcome.append("cancelled")

        thread = threading.Thread(target=generate)
        thread.start()
        assert started.wait(60)
        assert studio.cancel(session_id)
        thread.join(60)
        assert outcome == ["cancelled"]
    finally:
        free.set()
        studio.sessions.close()


def test_an_error_of_the_caller_s_own_progress_stays_its_own(studio, photo_bytes):
    """What `progress` raises is not blamed on the engine."""

    def progress(fraction):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        studio.generate(studio.open(photo_bytes).id, progress=progress)


def test_faults_are_503_over_http_and_in_the_log(launch, photo_bytes, caplog):
    """The reply is a sentence with Retry-After; the traceback is in the server's log only."""
    engine = FaultyEngine()
    live = launch(engine)
    session_id = live.http.post("/upload", files={"file": ("a.png", photo_bytes)}).json()["session_id"]
    engine.fault = FAULTS["predict raises"]
    reply = live.http.post("/segment", json={"session_id": session_id, "points": [{"x": 100, "y": 90}]})
    assert (reply.status_code, list(reply.json())) == (503, ["detail"])
    assert int(reply.headers["retry-after"]) >= 1
    assert "shapes" not in reply.text
    assert "shapes do not match" in caplog.text


class Vanishing(http.server.BaseHTTPRequestHandler):
    """A deployment that breaks off in the middle of its reply, or hangs up at once."""

    how = "mid-reply"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if self.how == "mid-reply":
            self.send_response(200)
            self.send_header("Content-Type", "application/msgpack")
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"\x82")
        elif self.how == "a proxy's page":
            body = json.dumps({"hello": "this is no mask"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *args):
        """Silence."""


@pytest.mark.parametrize("how", ["mid-reply", "hang up", "a proxy's page", "gone"])
def test_modal_that_vanishes_is_one_clear_error(tmp_path, photo_bytes, monkeypatch, how):
    """A connection that breaks, an answer of somebody in between, no server at all: EngineError that says where."""
    monkeypatch.setattr(Vanishing, "how", how)
    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vanishing)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{service.server_port}"
    if how == "gone":
        service.shutdown()
        service.server_close()
    studio = make_studio(tmp_path, ModalEngine(f"http://{address}", "key-id", "key-secret", sleep=lambda seconds: None))
    try:
        session = studio.open(photo_bytes)
        with pytest.raises(EngineError, match=address) as caught:
            studio.click(session.id, *WALL)
        assert isinstance(caught.value, EngineUnavailable) == (how != "a proxy's page")
        assert "secret" not in str(caught.value)
        assert studio.session(session.id).revision == session.revision
    finally:
        studio.sessions.close()
        service.shutdown()
        service.server_close()
