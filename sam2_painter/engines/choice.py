"""Which engine, and why: decided once at start, said on the page, in /health and in the log, and kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from ..errors import EngineUnavailable, InvalidInput
from ..settings import Modal, Sam2
from .base import Engine, Finder, engine_names, load_engine
from .remote.connectivity import can_connect


@dataclass(frozen=True)
class Choice:
    """An engine, one sentence that says why it is this one, and who finds walls and roofs by name: the engine itself or
    one beside it; None when nobody does.
    """

    engine: Engine
    reason: str
    finder: Engine | None = None


def finder_beside(engine: Engine) -> Engine | None:
    """Who finds all walls, all roofs ... by name: the engine, if it knows what things are, else the offline engine;
    None where that cannot run.
    """
    if isinstance(engine, Finder):
        return engine
    try:
        return load_engine("offline")
    except EngineUnavailable:
        return None


def choose(engine: str = "auto", *, modal: Modal | None = None, sam2: Sam2 | None = None) -> Choice:
    """The engine of that name, or with "auto" the best there is: Modal if an address or app is set and its host can be
    reached, else SAM 2 in this process if torch, sam2 and the weights can be had, else the offline engine.

    No question is asked of Modal, for that would start a GPU: a connection to its host must do. An engine named
    outright that cannot run raises EngineUnavailable, saying what to do; an unknown name InvalidInput.
    """
    modal, sam2 = modal or Modal(), sam2 or Sam2()
    makers = {"modal": lambda: _modal(modal), "sam2": lambda: _sam2(sam2)}
    if engine != "auto":
        if engine not in engine_names():
            raise InvalidInput(f"engine must be one of auto, {', '.join(engine_names())}, got {engine!r}", "engine")
        return _chosen(makers.get(engine, lambda: load_engine(engine))(), "It was chosen at the start.")

    missing = []
    if modal.base_url or modal.app:
        try:
            return _chosen(makers["modal"](), "Modal is set up and its host can be reached.")
        except EngineUnavailable as error:
            missing.append(str(error))
    try:
        return _chosen(makers["sam2"](), " ".join([*missing, "SAM 2 and its weights are on this machine."]))
    except EngineUnavailable as error:
        missing.append(str(error))
    return _chosen(load_engine("offline"), " ".join([*missing, "So the built-in offline engine it is."]))


def _chosen(engine: Engine, reason: str) -> Choice:
    return Choice(engine, reason, finder_beside(engine))


def _modal(modal: Modal) -> Engine:
    engine = load_engine("modal", **asdict(modal))
    if modal.base_url and not can_connect(modal.base_url):
        host = urlsplit(modal.base_url).netloc.rpartition("@")[2]
        raise EngineUnavailable(f"Modal at {host} cannot be reached: check MODAL_BASE_URL and the network.")
    return engine


def _sam2(sam2: Sam2) -> Engine:
    return load_engine(
        "sam2", **asdict(sam2) | {"checkpoint": sam2.checkpoint or None, "cache_dir": sam2.cache_dir or None}
    )
