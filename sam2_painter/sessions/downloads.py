"""Pictures made for download: a file each in the session's folder, and a row that says what it is."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import SessionNotFound
from ..jobs import deadline
from . import folders
from .database import Database, storage_errors
from .unowned import Unowned, leave, take


@dataclass(frozen=True)
class Download:
    """A picture made for download. filename: for people and URLs, unguessable. key: what it was made from."""

    filename: str
    session_id: str
    key: str
    path: Path
    media_type: str
    size_bytes: int
    created_at: float

    def read(self) -> bytes:
        """What is in the file."""
        return self.path.read_bytes()


class Downloads:
    """The downloads of all sessions, in `folder`. Of more than `most` of one session the oldest goes."""

    def __init__(self, db: Database, unowned: Unowned, folder: Path, most: int, clock: Callable[[], float]):
        self._db, self._unowned, self._folder, self._most, self._clock = db, unowned, folder, most, clock

    def add(self, session_id: str, key: str, stem: str, suffix: str, media_type: str, data: bytes) -> Download:
        """Keep a picture as "stem-TOKEN.suffix". Raises SessionNotFound when the session was deleted meanwhile."""
        token = secrets.token_hex(6)
        filename, file = f"{_plain_stem(stem) or 'photo'}-{token}.{suffix}", f"{token}.{suffix}"
        folder = self._folder / session_id
        path, now = folder / file, self._clock()
        with storage_errors():
            self._unowned.add(session_id, file)
            try:
                folders.make(folder)
                path.write_bytes(data)
                deadline.seal()
                with self._db.transaction() as db:
                    row = (filename, session_id, key, file, media_type, len(data), now)
                    db.execute("INSERT INTO downloads VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                    take(db, session_id, file)
                    newest_first = "SELECT filename, file FROM downloads WHERE session_id = ? ORDER BY rowid DESC"
                    surplus = db.execute(newest_first, (session_id,)).fetchall()[self._most :]
                    for old_name, old in surplus:
                        db.execute("DELETE FROM downloads WHERE filename = ?", (old_name,))
                        leave(db, session_id, old)
            except sqlite3.IntegrityError:  # the session was deleted meanwhile
                self._unowned.remove(session_id, file)
                raise SessionNotFound(session_id) from None
            except BaseException:
                self._unowned.remove(session_id, file)
                raise
            for _, old in surplus:
                self._unowned.remove(session_id, old)
        return Download(filename, session_id, key, path, media_type, len(data), now)

    def of(self, session_id: str) -> list[Download]:
        """The session's downloads, oldest first."""
        return self._where("session_id = ? ORDER BY rowid", session_id)

    def named(self, filename: str) -> Download | None:
        """The download of that name, if there is one; its file may be gone."""
        found = self._where("filename = ?", filename.encode("utf-8", "replace").decode())
        return found[0] if found else None

    def _where(self, where: str, value: str) -> list[Download]:
        query = f"SELECT filename, session_id, key, file, media_type, bytes, created_at FROM downloads WHERE {where}"
        with storage_errors():
            rows = self._db.rows(query, (value,))
        return [Download(f, sid, key, self._folder / sid / file, *rest) for f, sid, key, file, *rest in rows]


def _plain_stem(stem: str) -> str:
    """A file name's stem for people: no path, no control characters, no lone surrogates, and short: file systems take
    names of 255 bytes."""
    stem = stem.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(c for c in stem if c.isprintable()).strip(" .")[:80]
    return printable.encode("utf-8", "ignore")[:200].decode("utf-8", "ignore")
