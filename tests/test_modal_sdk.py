"""SAM 2 through the Modal SDK: the real SDK against a control plane on loopback, with a service of ours behind it."""

from __future__ import annotations

import numpy as np
import pytest
from engine_contract import building
from engines import FloodEngine
from far_end import FarEnd, memory

from sam2_painter.engines.choice import choose
from sam2_painter.engines.remote.client import ModalEngine
from sam2_painter.engines.remote.server import Service
from sam2_painter.errors import Busy, EngineError, EngineUnavailable, TimeLimitExceeded
from sam2_painter.settings import Modal, Sam2
from sam2_painter.types import AutoMask, Photo, Prompts

modal = pytest.importorskip("modal", reason="the Modal SDK is not installed (requirements-modal.txt)")
deployed = pytest.importorskip("modal_control_plane").deployed

CLICK = Prompts.click(110, 100)


class App:
    """What runs in the container, as `modal_sam2.SAM2.answer` does. raises: what it raises instead."""

    def __init__(self):
        self.service = Service(FloodEngine(), memory())
        self.asked: list[tuple[str, int]] = []
        self.raises: Exception | None = None
        self.says: tuple | None = None

    def answer(self, op, body):
        self.asked.append((op, len(body)))
        if self.raises is not None:
            raise self.raises
        answer = self.service.answer(op, body)
        return self.says or (answer.status, answer.body, answer.retry_after)


@pytest.fixture
def account(monkeypatch, tmp_path):
    """Somebody whom Modal knows, and who forgets the client of the test before."""
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
        monkeypatch.setenv(name, "nobody")
    modal.Client._set_env_client(None)
    yield monkeypatch
    modal.Client._set_env_client(None)


@pytest.fixture
def app(account):
    """A deployed app."""
    made = App()
    with deployed("sam2-painter", made.answer) as (url, _):
        account.setenv("MODAL_SERVER_URL", url)
        yield made


@pytest.fixture
def engine(app):
    """A client that does not really wait."""
    return ModalEngine(app="sam2-painter", sleep=lambda _: None)


def test_it_answers_as_the_engine_does(app, engine):
    """The masks are those that come over HTTP; the photo goes once, and a container that forgot it gets it again."""
    photo, far_end = building(), FarEnd(FloodEngine())
    embedding, http = engine.embed(photo), ModalEngine(far_end.url)
    assert engine.predict(embedding, CLICK) == http.predict(http.embed(photo), CLICK)
    assert engine.generate(photo, embedding, AutoMask(8)) == http.generate(photo, http.embed(photo), AutoMask(8))
    far_end.close()
    app.service = Service(FloodEngine(), memory())
    app.asked.clear()
    assert engine.predict(embedding, CLICK)
    assert [op for op, _ in app.asked] == ["predict", "predict"]
    assert app.asked[0][1] < 500 < len(embedding.features.data) < app.asked[1][1]


def test_a_large_photo_goes_by_the_bucket(app, engine):
    """More than Modal takes in one message travels as a blob; nothing of that shows."""
    photo = Photo(np.random.default_rng(0).integers(0, 255, (300, 300, 3)).astype(np.uint8))
    assert engine.predict(engine.embed(photo), Prompts.click(9, 9))
    assert app.asked[0][1] > 8192


@pytest.mark.parametrize(
    ("raises", "error", "sentence", "tries"),
    [
        pytest.param(
            RuntimeError("CUDA at 0x7f"), EngineError, r"failed \(RuntimeError\): `modal app logs", 1, id="any"
        ),
        pytest.param(
            modal.exception.ExecutionError("0x7f"), EngineError, r"failed \(ExecutionError\)", 1, id="unknown"
        ),
        pytest.param(modal.exception.FunctionTimeoutError("0x7f"), TimeLimitExceeded, "longer than", None, id="late"),
        pytest.param(modal.exception.InternalFailure("0x7f"), EngineUnavailable, "check MODAL_APP", 4, id="modals-own"),
        pytest.param(modal.exception.NotFoundError("0x7f"), EngineUnavailable, "There is no Modal app", 1, id="gone"),
    ],
)
def test_what_the_method_raises_is_one_sentence(app, engine, raises, error, sentence, tries):
    """Its kind and what to do, none of its internals; only what may pass is asked again, and then all is well."""
    embedding = engine.embed(building())
    app.raises = raises
    app.asked.clear()
    with pytest.raises(error, match=sentence) as caught:
        engine.predict(embedding, CLICK)
    assert "0x7f" not in str(caught.value)
    assert tries in (None, len(app.asked))
    app.raises = None
    assert engine.predict(embedding, CLICK)


def test_a_busy_container_is_asked_again(app, engine):
    """503 means here what it means over HTTP."""
    embedding = engine.embed(building())
    app.says = (503, b"", 1.0)
    app.asked.clear()
    with pytest.raises(Busy, match="is busy"):
        engine.predict(embedding, CLICK)
    assert len(app.asked) == 4


def test_an_app_that_is_not_there(app):
    """At the start already: which one, and the command that deploys it. By `auto` it is a reason."""
    with pytest.raises(EngineUnavailable, match=r"no Modal app another: run `modal deploy modal_sam2\.py`"):
        ModalEngine(app="another")
    chosen = choose("auto", modal=Modal(app="another"), sam2=Sam2(checkpoint="/nowhere.pt"))
    assert chosen.engine.name.startswith("offline")
    assert "There is no Modal app another" in chosen.reason
    assert app.asked == []


def test_no_account(account):
    """Without a token: the command that makes one."""
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
        account.delenv(name)
    account.setattr(modal.config, "_user_config", {})
    with pytest.raises(EngineUnavailable, match="run `modal token new`"):
        ModalEngine(app="sam2-painter")


def test_it_is_chosen_by_the_name_of_the_app(app):
    """MODAL_APP is enough, and choosing starts no container."""
    chosen = choose("modal", modal=Modal(app="sam2-painter"))
    assert chosen.engine.title == "SAM 2 on Modal (app sam2-painter)"
    assert app.asked == []
