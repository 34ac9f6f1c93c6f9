"""Deleting: sessions nobody used for long, idle ones over the limits, and files that no session owns."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import Busy
from .database import Database, error_code, storage_errors

TOUCH_SECONDS = 10.0
"""A use is written down at most this often: reading must not become writing."""

_ORPHAN_SECONDS = 120.0  # a folder without a session is swept once it is this old: it may be one just being opened
_IDLE_SECONDS = 60.0  # a session used since then makes no room for a new one


@dataclass(frozen=True)
class Sweep:
    """What deletes from a data folder. ttl: seconds. max_disk: bytes. forgotten: told of every session that goes."""

    db: Database
    upload_dir: Path
    results_dir: Path
    ttl: float
    max_sessions: int
    max_disk: int
    clock: Callable[[], float]
    forgotten: Callable[[str], object]

    def make_room(self, sessions: int, size: int) -> int:
        """Delete what is to go, and so much more that there is room for so many sessions and bytes; how many sessions
        went. Raises Busy when there is no room, and everybody who has some is at work."""
        now = self.clock()
        with storage_errors():
            with suppress(sqlite3.OperationalError):  # a full disk: deleting comes first
                # A clock that was set back must not keep sessions for ever.
                self.db.execute("UPDATE sessions SET used_at = ? WHERE used_at > ?", (now, now + TOUCH_SECONDS))
            gone = self._unused_since(now - self.ttl)
            for session_id in gone:
                self.forget(session_id)
            idle = self._unused_since(now - min(_IDLE_SECONDS, self.ttl / 10))
            while (full := self._is_full(sessions, size)) and idle:
                gone.append(idle.pop(0))
                self.forget(gone[-1])
            self._remove_orphans()
            if gone:
                self.empty_log()
        if full and sessions:
            raise Busy("The server has no room for another photo just now. Try again in a minute.", _IDLE_SECONDS)
        return len(gone)

    def forget(self, session_id: str) -> None:
        """Delete a session: its row, what hangs on it, and its files."""
        try:
            self._delete_row(session_id)
        except sqlite3.OperationalError as error:
            if error_code(error) != sqlite3.SQLITE_FULL:
                raise
            self._remove_files(session_id)  # to delete takes room too: this makes some
            self._delete_row(session_id)
        self.forgotten(session_id)
        self._remove_files(session_id)

    def empty_log(self) -> None:
        """Write the log back into the database: it holds what was just deleted, too."""
        with suppress(sqlite3.OperationalError):  # a full disk, or another process reads: next time
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def bytes_on_disk(self) -> int:
        """Bytes of photos, masks and downloads."""
        kept = self.db.number("SELECT COALESCE(SUM(bytes), 0) FROM sessions")
        return kept + self.db.number("SELECT COALESCE(SUM(bytes), 0) FROM downloads")

    def _unused_since(self, moment: float) -> list[str]:
        query = "SELECT id FROM sessions WHERE used_at <= ? ORDER BY used_at"
        return [session_id for (session_id,) in self.db.rows(query, (moment,))]

    def _is_full(self, sessions: int, size: int) -> bool:
        count = self.db.number("SELECT COUNT(*) FROM sessions")
        return count + sessions > self.max_sessions or self.bytes_on_disk() + size > self.max_disk

    def _remove_orphans(self) -> None:
        known = {row[0] for row in self.db.rows("SELECT id FROM sessions")}
        made = set(self.db.rows("SELECT session_id, file FROM downloads"))
        for root in (self.upload_dir, self.results_dir):
            for folder in root.iterdir():
                if folder.name not in known and _is_old(folder):
                    shutil.rmtree(folder, ignore_errors=True)
        for file in self.results_dir.glob("*/*"):  # a kill between writing a download and writing it down
            if (file.parent.name, file.name) not in made and _is_old(file):
                file.unlink(missing_ok=True)

    def _delete_row(self, session_id: str) -> None:
        self.db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))

    def _remove_files(self, session_id: str) -> None:
        for root in (self.upload_dir, self.results_dir):
            shutil.rmtree(root / session_id, ignore_errors=True)


def _is_old(path: Path) -> bool:
    try:
        return abs(time.time() - path.stat().st_mtime) > _ORPHAN_SECONDS
    except FileNotFoundError:  # another process may sweep too
        return False
