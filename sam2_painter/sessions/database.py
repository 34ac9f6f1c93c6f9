"""The database of a data folder: its schema, its one connection, and SQLite's errors as ours."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import Busy, StorageError

log = logging.getLogger(__name__)
NAME = "sessions.sqlite3"
_FIRST_SCHEMA = """
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, height INT NOT NULL, width INT NOT NULL,
    created_at REAL NOT NULL, used_at REAL NOT NULL, revision INT NOT NULL, step INT NOT NULL, automatic TEXT NOT NULL,
    bytes INT NOT NULL);
CREATE INDEX sessions_used ON sessions (used_at);
CREATE TABLE masks (
    session_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE, id INT NOT NULL, record TEXT NOT NULL,
    counts BLOB NOT NULL, PRIMARY KEY (session_id, id)) WITHOUT ROWID;
CREATE TABLE steps (
    session_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE, id INT NOT NULL, action TEXT NOT NULL,
    canvas TEXT NOT NULL, PRIMARY KEY (session_id, id)) WITHOUT ROWID;
CREATE TABLE downloads (
    filename TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE, key TEXT NOT NULL,
    file TEXT NOT NULL, media_type TEXT NOT NULL, bytes INT NOT NULL, created_at REAL NOT NULL);
CREATE INDEX downloads_session ON downloads (session_id);
"""
_PALETTES = "ALTER TABLE sessions ADD COLUMN palette TEXT NOT NULL DEFAULT ''"
_FILES_OF_OURS = """
CREATE TABLE unowned (
    session_id TEXT NOT NULL, file TEXT NOT NULL, since REAL NOT NULL, PRIMARY KEY (session_id, file)) WITHOUT ROWID;
CREATE TABLE folders (path TEXT PRIMARY KEY) WITHOUT ROWID
"""  # unowned: what no session owns yet, or any more; file: of a download, "" for all of the session's; since: 0 to go
_LAYER_IDS = "ALTER TABLE sessions ADD COLUMN next_layer INT NOT NULL DEFAULT 0"
_SHEETS = """
CREATE TABLE sheets (
    token TEXT PRIMARY KEY, session_id TEXT NOT NULL, facts TEXT NOT NULL, before_jpeg BLOB NOT NULL,
    after_jpeg BLOB NOT NULL, bytes INT NOT NULL, made_at REAL NOT NULL, expires_at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX sheets_session ON sheets (session_id)
"""  # they outlive sessions that nobody uses any more
MIGRATIONS = (
    _FIRST_SCHEMA,
    _PALETTES,
    _FILES_OF_OURS,
    _LAYER_IDS,
    _SHEETS,
)  # statement n brings a folder from schema n to n + 1; what was released never changes
MOST_REWRITTEN = 64 * 2**20
"""Bytes of a file that is written anew when something was deleted from it: half a second."""

_WAIT_SECONDS = 10.0  # how long another process may hold the database


class Database:
    """One connection to the file at `path`, made or migrated if need be. Thread-safe; writes are transactions.

    Raises StorageError when a newer version wrote the file; SQLite's errors come as they are (`storage_errors`).
    is_put_off: the file is to be written anew, and was not yet.
    """

    def __init__(self, path: Path):
        self._lock = threading.RLock()
        self._rests_until = 0.0  # when it may be written anew again
        self.is_put_off = False
        self._connection = _connect(path)

    def close(self) -> None:
        """Close the connection. The database is of no use afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """The connection to one caller at a time: what is done in the block is committed at its end, or not at all.

        kind: "DEFERRED" to only read, at one moment in time.
        """
        with self._lock, _transaction(self._connection, kind) as connection:
            yield connection

    def write_anew(self) -> None:
        """Leave nothing of what was deleted in the file, nor in its log.

        `secure_delete` is not enough: a page that was balanced keeps copies of rows beside those it holds. What takes
        long is put off, so that it takes no more than a tenth of the time; a file of more than MOST_REWRITTEN is never
        written anew, and may hold such copies until they are overwritten.
        """
        with self._lock:
            pages, size = (self.number(f"PRAGMA {what}") for what in ("page_count", "page_size"))
            begins = time.monotonic()
            self.is_put_off = pages * size <= MOST_REWRITTEN
            if self.is_put_off and begins >= self._rests_until:
                self._connection.execute("VACUUM")
                self.is_put_off, ends = False, time.monotonic()
                self._rests_until = ends + 9 * (ends - begins) if ends - begins > 0.1 else 0.0
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def execute(self, statement: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """One statement, a transaction of its own."""
        with self._lock:
            return self._connection.execute(statement, tuple(values))

    def rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(query, tuple(values)).fetchall()

    def row(self, query: str, values: Iterable[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, None where there is none."""
        with self._lock:
            found: tuple[Any, ...] | None = self._connection.execute(query, tuple(values)).fetchone()
            return found

    def number(self, query: str, values: Iterable[Any] = ()) -> int:
        """The number that a query such as COUNT(*) answers."""
        found = self.row(query, values)
        return int(found[0]) if found else 0


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    _use_log(db)
    db.execute("PRAGMA synchronous = NORMAL")  # in WAL mode a killed process loses nothing that was committed
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    os.chmod(path, 0o600)
    with _transaction(db):
        version, ours = db.execute("PRAGMA user_version").fetchone()[0], len(MIGRATIONS)
        if version > ours:
            raise StorageError(
                f"{path} was written by a newer SAM2 Painter (schema {version}, this one reads {ours}). "
                "Upgrade, or choose another data folder."
            )
        for migration in MIGRATIONS[version:]:
            for statement in migration.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {ours}")
    return db


def _use_log(db: sqlite3.Connection) -> None:
    """Write ahead. SQLite does not wait for another process that sets this up just now on the same new file: we do."""
    ends = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(0.01)


@contextmanager
def _transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
    db.execute(f"BEGIN {kind}")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def error_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for what Python's module raises itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def storage_errors(where: str = "") -> Iterator[None]:
    """SQLite's and the file system's errors as ours. where: for whoever starts the program; others see no paths."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, sqlite3.Error) and error_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy("Another process is writing to the data folder. Try again.") from error
        log.error("data folder: %s", error)
        why = error.strerror if isinstance(error, OSError) else error
        raise StorageError(
            f"The data folder{where} cannot be read or written ({why}). Free some space or choose another folder."
        ) from error
