"""Sheets for the painter: what was chosen for a photo, to read and to print, behind a link of its own.

A sheet is made from a session and then stands by itself: it shows the work as it was, outlives a session that nobody
uses any more, and gives no right to write. It goes when it expires, when it is taken back, and when its session is
deleted by somebody.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import Busy, InvalidInput, SheetNotFound
from ..jobs import asker
from ..jobs.rate import Rate
from .database import Database, storage_errors

MAX_SHEETS, MAX_DAYS = 20, 365
"""Sheets of one session, and days a sheet may live."""

MAX_MADE = 200
"""Sheets that one address makes in a day."""

SHARE = 0.25
"""Of the disk that all sessions may take: sheets outlive sessions, so deleting those makes no room for them."""

_DAY = 24 * 3600.0


@dataclass(frozen=True)
class Sheet:
    """A sheet that can be had. token: a secret, its link; facts: as `sheet_page` renders them; made_at, expires_at: in
    Unix seconds."""

    token: str
    facts: dict[str, Any]
    made_at: float
    expires_at: float


@dataclass(frozen=True)
class Sheets:
    """The sheets of a data folder. max_bytes: of all of them."""

    db: Database
    now: Callable[[], float]
    max_bytes: float
    made: Rate = field(default_factory=lambda: Rate(MAX_MADE, "sheets", span=(_DAY, "a day")), repr=False)

    def add(self, session_id: str, facts: dict[str, Any], before: bytes, after: bytes, days: int) -> Sheet:
        """Keep a sheet for so many days. before, after: JPEG.

        Raises InvalidInput for one too many of a session, TooManyRequests for one too many of an address today, and
        Busy when all sheets together take what they may.
        """
        if address := asker.current().address:
            self.made.count(address)
        now, token = self.now(), secrets.token_urlsafe(18)
        sheet = Sheet(token, facts, now, now + days * _DAY)
        text = json.dumps(facts, ensure_ascii=False)
        size = len(text) + len(before) + len(after)
        with storage_errors(), self.db.transaction() as db:
            query = "SELECT COUNT(*) FROM sheets WHERE session_id = ? AND expires_at > ?"
            count = db.execute(query, (session_id, now)).fetchone()[0]
            if count >= MAX_SHEETS:
                raise InvalidInput(f"A photo has at most {MAX_SHEETS} sheets. Revoke one first.", "session_id")
            taken = db.execute("SELECT COALESCE(SUM(bytes), 0) FROM sheets WHERE expires_at > ?", (now,)).fetchone()[0]
            if taken + size > self.max_bytes:
                raise Busy("The server has no room for more sheets. Download the sheet as a file instead.", _DAY)
            row = (token, session_id, text, before, after, size, sheet.made_at, sheet.expires_at)
            db.execute(f"INSERT INTO sheets VALUES ({','.join('?' * len(row))})", row)
        return sheet

    def of(self, session_id: str) -> list[Sheet]:
        """The sheets of a session that have not expired, oldest first."""
        query = "SELECT token, facts, made_at, expires_at FROM sheets WHERE session_id = ? AND expires_at > ?"
        with storage_errors():
            rows = self.db.rows(query + " ORDER BY made_at", (session_id, self.now()))
        return [_sheet(*row) for row in rows]

    def get(self, token: str) -> Sheet:
        """The sheet behind a link. Raises SheetNotFound."""
        query = "SELECT token, facts, made_at, expires_at FROM sheets WHERE token = ? AND expires_at > ?"
        with storage_errors():
            row = self.db.row(query, (token, self.now()))
        if row is None:
            raise SheetNotFound("This sheet is not there any more: it expired, or was taken back.")
        return _sheet(*row)

    def picture(self, token: str, which: str) -> bytes:
        """Its "before" or "after", a JPEG. Raises SheetNotFound."""
        self.get(token)
        column = "before_jpeg" if which == "before" else "after_jpeg"
        with storage_errors():
            row = self.db.row(f"SELECT {column} FROM sheets WHERE token = ?", (token,))
        if row is None:
            raise SheetNotFound("This sheet was just taken back.")
        return bytes(row[0])

    def revoke(self, session_id: str, token: str) -> None:
        """Take a sheet back: its link is dead at once. Raises SheetNotFound for one that is not of this session."""
        with storage_errors():
            gone = self.db.execute("DELETE FROM sheets WHERE token = ? AND session_id = ?", (token, session_id))
        if gone.rowcount == 0:
            raise SheetNotFound("This session has no such sheet.")

    def revoke_all(self, session_id: str) -> None:
        """Take every sheet of a session back."""
        self.db.execute("DELETE FROM sheets WHERE session_id = ?", (session_id,))


def _sheet(token: str, facts: str, made_at: float, expires_at: float) -> Sheet:
    return Sheet(token, json.loads(facts), made_at, expires_at)
