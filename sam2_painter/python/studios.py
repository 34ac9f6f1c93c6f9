"""Studios for painters: painters of the same engine and folder share one, and a forked process gets its own.

A child of `os.fork`, as multiprocessing makes them on Linux, inherits no threads and may not use its parent's database
connection: what was opened before the fork is opened again on the other side of it.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from ..errors import InvalidInput, PainterError
from ..sessions import private
from ..settings import ENGINES, Limits, Settings
from ..studio.studio import Studio
from .connection import Connection
from .remote import RemoteStudio

AnyStudio = Studio | RemoteStudio
_YEARS = 1e9  # seconds: at a prompt nobody else is waiting, and Ctrl+C stops what takes too long


@dataclass(frozen=True)
class Opened:
    """A studio, and what it takes to open it again in a child process; settings: None when it was given to us. One on
    another machine is the same in every process."""

    studio: AnyStudio
    process: int
    settings: Settings | None = None

    def here(self) -> AnyStudio:
        """The studio for this process. Raises InvalidInput for one that was given, in a child of its process."""
        if self.process == os.getpid() or isinstance(self.studio, RemoteStudio):
            return self.studio
        if self.settings is None:
            raise InvalidInput(
                "This painter's studio was made before the process was forked. Make one here, or leave studio out.",
                "studio",
            )
        return _open(self.settings).studio


_guard = threading.Lock()
_opened: dict[Settings, Opened] = {}  # by settings, the folder among them
_private: dict[Settings, Path] = {}  # the private folders: by settings without a folder
_left: list[Opened] = []  # by the parent: never to be closed here, for that would be done to its database
_abandoned: deque[tuple[Opened, str]] = deque()  # private sessions whose painter is gone; the next painter closes them


def chosen(
    engine: str | None,
    data_dir: str | PathLike[str] | None,
    studio: AnyStudio | None,
    url: str | None,
    token: str,
    auth: tuple[str, str] | None,
) -> Opened:
    """The studio that a painter was told to work in: one that is given, one at `url`, or a `shared` one.

    Raises InvalidInput where these contradict each other.
    """
    if url is None and (token or auth):
        raise InvalidInput("token and auth are for url=..., the server they belong to.", "url")
    if url is None:
        return shared(engine, data_dir) if studio is None else given(studio)
    for name, value in (("engine", engine), ("data_dir", data_dir), ("studio", studio)):
        if value is not None:
            raise InvalidInput(f"A server has its own {name}: leave {name} out beside url.", name)
    if token and auth:
        raise InvalidInput("Give token or auth, not both.", "auth")
    return given(RemoteStudio(Connection(url, token, auth)))


def given(studio: AnyStudio) -> Opened:
    """A studio that the caller made."""
    return Opened(studio, os.getpid())


def shared(engine: str | None, data_dir: str | PathLike[str] | None) -> Opened:
    """The studio of an engine ("auto", "offline", "sam2", "modal"; None: as the environment says) and a folder.

    data_dir: None for a private temporary folder, that goes with the process.
    """
    _close_abandoned()
    if engine not in (None, *ENGINES):
        raise InvalidInput(f"engine must be one of {', '.join(ENGINES)}, got {engine!r:.40}", "engine")
    settings = Settings.from_env()
    settings = replace(settings, limits=Limits.all(_YEARS), storage=replace(settings.storage, session_ttl=_YEARS))
    if engine is not None:
        settings = replace(settings, engine=engine)
    if data_dir is not None:
        folder = Path(data_dir)
        with suppress(RuntimeError):  # no home: `Settings` says so
            folder = folder.expanduser().absolute()
        return _open(_in(settings, folder))
    with _guard:
        if settings not in _private:
            _private[settings] = private.folder()
        own = _private[settings]
    return _open(_in(settings, own))


def abandon(opened: Opened, session_id: str) -> None:
    """Nobody can reach this session any more: the next `shared` closes it.

    Not at once: this is called by finalizers, which run anywhere, also where the store holds a lock.
    """
    if opened.process == os.getpid():
        _abandoned.append((opened, session_id))


def _close_abandoned() -> None:
    while _abandoned:
        opened, session_id = _abandoned.popleft()
        with suppress(PainterError):  # closed by hand, deleted on the page
            opened.studio.close(session_id)


def _in(settings: Settings, folder: Path) -> Settings:
    return replace(settings, storage=settings.storage.inside(folder))


def _open(settings: Settings) -> Opened:
    with _guard:
        if settings not in _opened:
            _opened[settings] = Opened(Studio.from_settings(settings), os.getpid(), settings)
        return _opened[settings]


def _close_all() -> None:
    for opened in _opened.values():
        if opened.process == os.getpid() and isinstance(opened.studio, Studio):
            opened.studio.sessions.close()


def _start_anew() -> None:
    """In a child, right after the fork."""
    global _guard
    _guard = threading.Lock()  # a thread of the parent may have held it
    _left.extend(_opened.values())
    for kept in (_opened, _private, _abandoned):
        kept.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
