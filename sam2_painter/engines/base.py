"""What an engine is, and the register of the ones there are."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, runtime_checkable

from ..errors import InvalidInput
from ..types import AutoMask, Embedding, Mask, Photo, Prompts

Progress = Callable[[float], None]
"""Told the fraction done, in [0, 1]. It may raise (`Cancelled`, `TimeLimitExceeded`) to stop the work."""


def no_progress(fraction: float) -> None:
    """A `Progress` for callers who do not want any."""


@runtime_checkable
class Engine(Protocol):
    """Turns a photo and prompts into masks. It keeps weights, never "the current photo": every method may be
    called by many threads at once, and the same question always gets the same answer.

    name: engine and weights, such as "offline-1/3f9a0c12"; answers of equal names are interchangeable.
    title: for people, such as "Offline engine".

    One that knows what things are is a `Finder` too. One that takes long to read a photo, or sleeps till then, may
    say `reads_ahead = True`: then it is asked to as soon as a photo opens.
    """

    name: str
    title: str

    def embed(self, photo: Photo) -> Embedding:
        """Read a photo once; the questions about it are then cheap."""
        ...

    def predict(self, embedding: Embedding, prompts: Prompts) -> list[Mask]:
        """What the prompts point at: one to three masks of the photo's size, best `predicted_iou` first."""
        ...

    def generate(
        self, photo: Photo, embedding: Embedding, options: AutoMask, progress: Progress = no_progress
    ) -> list[Mask]:
        """Every mask, largest first, none twice. The photo comes along because crops are read anew."""
        ...


@runtime_checkable
class Finder(Protocol):
    """An engine that knows what things are. categories: the names it knows, such as ("wall", "window")."""

    categories: tuple[str, ...]

    def find(self, embedding: Embedding, category: str, point: tuple[float, float] | None = None) -> list[Mask]:
        """All of one category as one mask, or [] when there is none. point: (x, y), of the building under it only."""
        ...


def foreign_embedding(made_by: str, asked: str) -> InvalidInput:
    """The error for an embedding that is not of the engine that is asked; both by their names."""
    return InvalidInput(f"this embedding was made by {made_by}, not by {asked}: embed the photo again", "embedding")


_ENGINES = {
    "offline": "sam2_painter.engines.offline:OfflineEngine",
    "sam2": "sam2_painter.engines.sam2:SAM2Engine",
    "modal": "sam2_painter.engines.remote.client:ModalEngine",
}


def register(name: str, target: str) -> None:
    """Add an engine as "package.module:Class"; it is imported when first asked for."""
    _ENGINES[name] = target


def engine_names() -> list[str]:
    """The names `load_engine` knows."""
    return list(_ENGINES)


def load_engine(name: str, **options: object) -> Engine:
    """Make the engine of that name.

    Raises InvalidInput for an unknown name, EngineUnavailable when it cannot run here.
    """
    if name not in _ENGINES:
        raise InvalidInput(f"engine must be one of {', '.join(_ENGINES)}, got {name!r}", "engine")
    module, _, cls = _ENGINES[name].partition(":")
    engine: Engine = getattr(import_module(module), cls)(**options)
    return engine
