"""Files that no session owns: not yet, because they are just being written, or not any more.

What is to be written is listed first, and what is to be deleted, too. So a sweep after a kill deletes what is on the
list, and never has to look around for what may be ours.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import Busy
from . import folders
from .database import Database

_AT_WORK_SECONDS = 120.0  # somebody may be writing what is younger


@dataclass(frozen=True)
class Unowned:
    """The list, in the database. file: of a download; "" for everything of the session."""

    db: Database
    upload_dir: Path
    results_dir: Path

    def add(self, session_id: str, file: str = "") -> None:
        """This is going to be written."""
        self.db.execute("INSERT OR REPLACE INTO unowned VALUES (?, ?, ?)", (session_id, file, time.time()))

    def remove(self, session_id: str, file: str = "") -> list[Path]:
        """Delete it now, and take it off the list; what was deleted."""
        gone = self.remove_files(session_id, file)
        with suppress(sqlite3.OperationalError):  # a full disk: the next sweep takes it off
            self.db.execute("DELETE FROM unowned WHERE session_id = ? AND file = ?", (session_id, file))
        return gone

    def remove_files(self, session_id: str, file: str = "") -> list[Path]:
        """Delete what we wrote, and the session's folders once nothing else is in them; what was deleted."""
        gone = []
        if file:
            path = self.results_dir / session_id / file
            with suppress(FileNotFoundError):
                path.unlink()
                gone.append(path)
        else:
            for root in (self.upload_dir, self.results_dir):
                gone += folders.remove_session(root / session_id)
        return gone

    def sweep(self) -> list[Path]:
        """Delete what was left behind on the list; what was deleted."""
        gone = []
        for session_id, file, since in self.db.rows("SELECT session_id, file, since FROM unowned"):
            if not since or self._age(session_id, file, since) > _AT_WORK_SECONDS:
                with suppress(OSError):  # tried again by the next sweep
                    gone += self.remove(session_id, file)
        return gone

    def _age(self, session_id: str, file: str, since: float) -> float:
        """Seconds since it was written to. A clock that was set back or forward does not make it younger."""
        path = self.results_dir / session_id / file if file else self.upload_dir / session_id
        with suppress(OSError):
            since = path.stat().st_mtime
        return abs(time.time() - since)


def take(db: sqlite3.Connection, session_id: str, file: str = "") -> None:
    """In a transaction: a session owns it from now on. Raises Busy when it was swept, as its writer took very long."""
    taken = db.execute("DELETE FROM unowned WHERE session_id = ? AND file = ?", (session_id, file))
    if not taken.rowcount:
        raise Busy("This took so long that it was given up. Try again.", 1.0)


def leave(db: sqlite3.Connection, session_id: str, file: str = "") -> None:
    """In a transaction: nobody owns it any more; to be deleted."""
    db.execute("INSERT OR REPLACE INTO unowned VALUES (?, ?, 0)", (session_id, file))
