"""Which folders we keep things in: never among files that are not ours.

A folder is ours when we made it, when it was empty, or when what our database lists already lies in it. In any other
one that holds something, we make a folder of our own. Folders that were there keep their permissions.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from urllib.parse import quote

from ..errors import StorageError
from ..settings import Storage, default_data_dir
from . import database, private
from .database import Database, storage_errors

log = logging.getLogger(__name__)
SUBFOLDER = "sam2_painter"
_DATABASE_FILES = frozenset(database.NAME + end for end in ("", "-wal", "-shm", "-journal"))
_TABLES = frozenset(("sessions", "masks", "steps", "downloads"))
_NOTHING = frozenset((".DS_Store", "Thumbs.db", "desktop.ini", "lost+found", ".gitkeep", ".keep"))
"""What systems and tools leave in a folder that is empty to its owner."""

PHOTO = "photo"
_DOWNLOAD = re.compile(r"[0-9a-f]{12}\.[a-z0-9]{1,8}")


def from_settings(storage: Storage) -> tuple[Path, Path, Path]:
    """The folders of photos, masks and downloads, for `SessionStore`.

    Without a home folder, or with one that cannot be written to, what people do is kept in a temporary folder and goes
    with the process: a warning in the log says so.
    """
    names = ("upload_dir", "masks_dir", "results_dir")
    given = {name: Path(getattr(storage, name)) for name in names}
    inside = [name for name in names if given[name].parent == storage.data_dir]
    parts = {name: folder.absolute() for name, folder in given.items()}  # whatever the program's folder is later
    if inside:
        masks_dir = None if "masks_dir" in inside else parts["masks_dir"]
        try:
            if not storage.data_dir.is_absolute() and storage.data_dir.parts[:1] == ("~",):
                raise StorageError("There is no home folder: HOME is not set.")
            data_dir = data_folder(storage.data_dir.absolute(), masks_dir)
        except StorageError as error:
            if storage.data_dir != default_data_dir():
                raise
            data_dir = private.folder()
            log.warning("%s What people do goes with this process; --data-dir names a folder to keep it.", error)
        parts |= {name: data_dir / parts[name].name for name in inside}
    return parts["upload_dir"], parts["masks_dir"], parts["results_dir"]


def data_folder(given: Path, masks_dir: Path | None = None) -> Path:
    """The folder for everything, made if need be: the one given, or one of ours in it where it holds other things.

    masks_dir: where the database is, if not in "masks" of that folder.
    """

    def ours(folder: Path) -> bool:
        if masks_dir is None:
            return _holds_our_database(folder / "masks")
        return any((folder / name).resolve() in _remembered(masks_dir) for name in ("uploads", "results"))

    return _take(given, ours)


def masks_folder(given: Path) -> Path:
    """The folder of the database, made if need be."""
    return _take(given, _holds_our_database)


def files_folder(given: Path, db: Database, masks_dir: Path) -> Path:
    """A folder for photos or downloads of the sessions in `db`, made if need be. The database remembers it."""

    def name(folder: Path) -> str:  # from the database on, so that all of it can be moved
        return os.path.relpath(folder.resolve(), masks_dir.resolve())

    def ours(folder: Path) -> bool:
        if db.number("SELECT COUNT(*) FROM folders WHERE path = ?", (name(folder),)):
            return True
        sessions = db.rows("SELECT id FROM sessions")
        return any((folder / session_id).is_dir() for (session_id,) in sessions)  # of a version that kept no list

    taken = given if given.is_dir() and given.samefile(masks_dir) else _take(given, ours)
    with storage_errors(f" {taken}"):
        if not db.number("SELECT COUNT(*) FROM folders WHERE path = ?", (name(taken),)):
            db.execute("INSERT OR IGNORE INTO folders VALUES (?)", (name(taken),))
    return taken


def make(folder: Path) -> None:
    """Make a folder that only this user can read, in folders like that; those that are there stay as they are."""
    try:
        folder.mkdir(mode=0o700)
    except FileNotFoundError:
        make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        if not folder.is_dir():
            raise


def remove_session(folder: Path) -> list[Path]:
    """Delete what we wrote into a session's folder, and the folder if nothing else is in it; what was deleted."""
    gone: list[Path] = []
    if folder.is_symlink():  # not ours, and who knows where it leads
        return gone
    for name in _listed(folder):
        if name == PHOTO or _DOWNLOAD.fullmatch(name):
            (folder / name).unlink(missing_ok=True)
            gone.append(folder / name)
    try:
        folder.rmdir()
    except FileNotFoundError:
        return gone
    except OSError as error:
        log.debug("%s is left: %s", folder, error.strerror)
        return gone
    return [*gone, folder]


def _take(given: Path, ours: Callable[[Path], bool], *, only_look: bool = False) -> Path:
    with storage_errors(f" {given}"):
        folder = next(one for one in _choices(given) if not one.exists() or _is_empty(one) or ours(one))
        if not only_look:
            make(folder)
            if folder != given:
                log.warning("%s holds other files: what SAM2 Painter keeps goes into %s", given, folder)
    return folder


def _choices(given: Path) -> Iterator[Path]:
    yield given
    yield given / SUBFOLDER
    yield from (given / f"{SUBFOLDER}-{number}" for number in count(2))


def _is_empty(folder: Path) -> bool:
    return not set(os.listdir(folder)) - _NOTHING


def _holds_our_database(folder: Path) -> bool:
    """Whether a folder's sessions.sqlite3 is ours. A damaged one is taken for ours: its owner is to be told."""
    names = set(_listed(folder)) - _NOTHING
    if database.NAME not in names:
        return False
    try:
        with closing(_read_only(folder / database.NAME)) as db:
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return True
    if not tables:  # another process is just making it
        return names <= _DATABASE_FILES
    return tables >= _TABLES


def _remembered(masks_dir: Path) -> set[Path]:
    """The folders that the database in `masks_dir`, if there is one, was used with."""
    masks_dir = _take(masks_dir, _holds_our_database, only_look=True)
    try:
        with closing(_read_only(masks_dir / database.NAME)) as db:
            return {(masks_dir / path).resolve() for (path,) in db.execute("SELECT path FROM folders")}
    except sqlite3.Error:  # none yet, or of a version that kept no list
        return set()


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
