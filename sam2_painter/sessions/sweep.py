"""Deleting: sessions nobody used for long, idle ones over the limits, and files that no session owns.

Nothing is deleted that is not written down in the database as ours.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import Busy
from .clock import Jumps
from .database import Database, error_code, storage_errors
from .unowned import Unowned, leave

log = logging.getLogger(__name__)
TOUCH_SECONDS = 10.0
"""A use is written down at most this often: reading must not become writing."""

_IDLE_SECONDS = 60.0  # a session used since then makes no room for a new one


@dataclass(frozen=True)
class Sweep:
    """What deletes from a data folder. ttl: seconds. max_disk: bytes.

    forgotten: told of every session that goes. at_work: the sessions that are being changed by this process.
    """

    db: Database
    unowned: Unowned
    ttl: float
    max_sessions: int
    max_disk: int
    clock: Callable[[], float]
    jumps: Jumps
    forgotten: Callable[[str], object]
    at_work: Callable[[], Collection[str]]

    def make_room(self, sessions: int, size: int) -> int:
        """Delete what is to go, and so much more that there is room for so many sessions and bytes; how many sessions
        went. Raises Busy when there is no room, and everybody who has some is at work."""
        now = self.now()
        with storage_errors():
            with suppress(sqlite3.OperationalError):  # a full disk: deleting comes first
                # A clock that was set back must not keep sessions for ever.
                self.db.execute("UPDATE sessions SET used_at = ? WHERE used_at > ?", (now, now + TOUCH_SECONDS))
            gone, files = self._unused_since(now - self.ttl), []
            for session_id in gone:
                files += self.forget(session_id)
            idle = self._unused_since(now - min(_IDLE_SECONDS, self.ttl / 10))
            while (full := self._is_full(sessions, size)) and idle:
                gone.append(idle.pop(0))
                files += self.forget(gone[-1])
            files += self.unowned.sweep()
            self.db.execute("DELETE FROM sheets WHERE expires_at <= ?", (now,))
            if gone or self.db.is_put_off:
                self.write_anew()
        if gone or files:
            log.info("swept", extra={"fields": {"sessions": len(gone), "files": len(files)}})
        for path in files:
            log.debug("deleted %s", path)
        if full and (sessions or size):
            what = "another photo" if sessions else "more"
            raise Busy(f"The server has no room for {what} just now. Try again in a minute.", _IDLE_SECONDS)
        return len(gone)

    def now(self) -> float:
        """What the clock says. Where it was set forward, what is at hand was used as long ago as before."""
        now, jump = self.clock(), self.jumps.forward()
        if jump:
            log.warning("the clock was set forward by %.0f s", jump)
            with suppress(sqlite3.OperationalError):  # a full disk
                self.db.execute("UPDATE sessions SET used_at = MIN(used_at + ?, ?)", (jump, now))
        return now

    def forget(self, session_id: str) -> list[Path]:
        """Delete a session: its row, what hangs on it, and its files; which files went."""
        gone = []
        try:
            with self.db.transaction() as db:
                leave(db, session_id)
                db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
        except sqlite3.OperationalError as error:
            if error_code(error) != sqlite3.SQLITE_FULL:
                raise
            gone = self.unowned.remove_files(session_id)  # to delete takes room too: this makes some
            self.db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
        self.forgotten(session_id)
        return gone + self.unowned.remove(session_id)

    def write_anew(self) -> None:
        """Leave nothing of what was deleted in the database's files."""
        with suppress(sqlite3.OperationalError):  # a full disk, or another process reads: next time
            self.db.write_anew()

    def bytes_on_disk(self) -> int:
        """Bytes of photos, masks, downloads and sheets."""
        tables = ("sessions", "downloads", "sheets")
        return sum(self.db.number(f"SELECT COALESCE(SUM(bytes), 0) FROM {table}") for table in tables)

    def _unused_since(self, moment: float) -> list[str]:
        query = "SELECT id FROM sessions WHERE used_at <= ? ORDER BY used_at"
        at_work = self.at_work()
        return [session_id for (session_id,) in self.db.rows(query, (moment,)) if session_id not in at_work]

    def _is_full(self, sessions: int, size: int) -> bool:
        count = self.db.number("SELECT COUNT(*) FROM sessions")
        return count + sessions > self.max_sessions or self.bytes_on_disk() + size > self.max_disk
