"""The session store: the only place where people's work lives.

On disk, so that a killed process loses no finished action: SQLite in WAL mode for masks, layers and history, and the
photo as it was sent. A snapshot (`Session`) is a value; `edit` hands out the session to one caller at a time, and what
the caller did is committed as a whole when the block ends without an error, or not at all.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ..errors import Busy, DownloadNotFound, InvalidInput, SessionNotFound, StorageError
from ..jobs import deadline
from ..jobs.cache import Cache
from ..types import Canvas, Session
from . import clock as clocks
from . import database, folders, records, unowned
from .clock import Jumps
from .database import Database, storage_errors
from .downloads import Download, Downloads
from .editing import Edit
from .rows import SessionRow, session_of
from .sheets import SHARE, Sheet, Sheets
from .sweep import TOUCH_SECONDS, Sweep
from .unowned import Unowned

MAX_STEPS = 100_000  # of a session's history: more than a person does, less than a program could
MAX_NAME = 255  # characters of a photo's name


class SessionStore:
    """Sessions on disk. `clock` gives Unix seconds; `memory` bounds the bytes of snapshots kept at hand.

    Several processes may share the folders: a snapshot is used only while its revision is the one on disk.
    """

    def __init__(
        self,
        upload_dir: Path,
        masks_dir: Path,
        results_dir: Path,
        *,
        ttl: float = 3600.0,
        max_sessions: int = 1000,
        max_disk: int = 20 * 2**30,
        max_masks: int = 5000,
        max_downloads: int = 50,
        memory: int = 256 * 2**20,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
    ):
        self.ttl, self.max_masks = ttl, max_masks
        self._clock = clock
        self._snapshots: Cache[Session] = Cache(memory, _session_bytes)
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._guard = threading.Lock()  # of _locks and _grown
        self._grown = 0  # bytes, since the limit on disk was looked at
        self.masks_dir = folders.masks_folder(Path(masks_dir))
        with storage_errors(f" {self.masks_dir}"):
            self._db = Database(self.masks_dir / database.NAME)
        self.upload_dir = folders.files_folder(Path(upload_dir), self._db, self.masks_dir)
        self.results_dir = folders.files_folder(Path(results_dir), self._db, self.masks_dir)
        self._unowned = Unowned(self._db, self.upload_dir, self.results_dir)
        self._downloads = Downloads(self._db, self._unowned, self.results_dir, max_downloads, clock)
        self.sheets = Sheets(self._db, clock, SHARE * max_disk)
        self._sweep = Sweep(
            self._db,
            self._unowned,
            ttl=ttl,
            max_sessions=max_sessions,
            max_disk=max_disk,
            clock=clock,
            jumps=Jumps(clock, steady or (clocks.steady if clock is time.time else clock)),
            forgotten=self._forget_snapshots,
            at_work=self._at_work,
        )

    def close(self) -> None:
        """Close the database. The store is of no use afterwards."""
        self._db.close()

    # -- opening, reading, deleting ----------------------------------------------------------------------------------

    def open(self, name: str, data: bytes, digest: str, size: tuple[int, int]) -> Session:
        """Keep a photo as it was sent and start a session on it. digest, size (H, W): of the opened photo.

        Raises Busy when there is no room, and everybody who has some is at work.
        """
        self._sweep.make_room(1, len(data))
        name = name.encode("utf-8", "replace").decode()[:MAX_NAME]  # half a surrogate pair is no text
        session_id, now = secrets.token_urlsafe(18), self._clock()
        folder = self.upload_dir / session_id
        with storage_errors():
            self._unowned.add(session_id)
        try:
            with storage_errors():
                folders.make(folder)
                (folder / folders.PHOTO).write_bytes(data)
                deadline.seal()
                with self._db.transaction() as db:
                    unowned.take(db, session_id)
                    row = (session_id, name, digest, *size, now, now, 0, 0, "[]", len(data), "", 0)
                    db.execute(f"INSERT INTO sessions VALUES ({','.join('?' * len(row))})", row)
                    first = json.dumps(records.canvas_to_record(Canvas()))
                    db.execute("INSERT INTO steps VALUES (?, 0, '', ?)", (session_id, first))
        except BaseException:
            with suppress(OSError, sqlite3.Error):  # the next sweep does it
                self._unowned.remove(session_id)
            raise
        return self.get(session_id)

    def get(self, session_id: str) -> Session:
        """The session as it is now. Counts as a use. Raises SessionNotFound."""
        with storage_errors():
            revision = self._touch(session_id)
            return self._snapshots.get((session_id, revision), lambda: self._read(session_id)).value

    def photo_path(self, session_id: str) -> Path:
        """Where the photo lies as it was sent."""
        self.get(session_id)
        return self.upload_dir / session_id / folders.PHOTO

    def photo_bytes(self, session_id: str) -> bytes:
        """The photo's file as it was sent. Raises SessionNotFound."""
        return self.read_photo(self.get(session_id))

    def read_photo(self, session: Session) -> bytes:
        """`photo_bytes` of a session at hand."""
        try:
            with storage_errors():
                return (self.upload_dir / session.id / folders.PHOTO).read_bytes()
        except StorageError:
            self.get(session.id)  # deleted meanwhile?
            raise

    def keep(self, session_id: str) -> float:
        """Count as a use; returns how many seconds the session lives on without another. Raises SessionNotFound."""
        with storage_errors():
            self._touch(session_id, at_once=True)
        return self.ttl

    def delete(self, session_id: str) -> None:
        """Forget the session and everything of it on disk, at once: an edit of it that runs finds it gone when it is to
        be written down. Raises SessionNotFound."""
        with storage_errors():
            self._touch(session_id)
            self.sheets.revoke_all(session_id)
            self._sweep.forget(session_id)
            self._sweep.write_anew()

    def count(self) -> int:
        """How many sessions there are."""
        with storage_errors():
            return self._db.number("SELECT COUNT(*) FROM sessions")

    def ids(self) -> list[str]:
        """Every session's id, longest idle first."""
        with storage_errors():
            return [row[0] for row in self._db.rows("SELECT id FROM sessions ORDER BY used_at")]

    def digests(self) -> list[str]:
        """The digest of every session's photo; one photo may be in several sessions."""
        with storage_errors():
            return [row[0] for row in self._db.rows("SELECT digest FROM sessions")]

    def bytes_on_disk(self) -> int:
        """Bytes of photos, masks and downloads."""
        with storage_errors():
            return self._sweep.bytes_on_disk()

    # -- changing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def edit(self, session_id: str) -> Iterator[Edit]:
        """The session, to one caller at a time; its revision counts up where something is changed. Raises
        SessionNotFound; Busy when it cannot be had in time."""
        with self._locked(session_id):
            edit = Edit(self.get(session_id))
            yield edit
            deadline.seal()
            with storage_errors():
                edit.session = self._commit(edit) if edit.changes else edit.before

    def _commit(self, edit: Edit) -> Session:
        before = edit.before
        records.check_count(len(edit.session.masks), len(edit.session.made), self.max_masks)
        if edit.new_masks:
            records.check_runs(edit.session.masks.values())
        used_at = self._clock()
        self._write(edit, used_at)
        if edit.step_by and not edit.new_step:  # undo, redo: what that step looked like is on disk
            after = self._read(before.id, edit.session)
        else:
            after = replace(edit.session, revision=before.revision + 1, used_at=used_at)
        self._snapshots.replace((before.id, before.revision), (before.id, after.revision), after)
        return after

    def _write(self, edit: Edit, used_at: float) -> None:
        """What an edit changed, in one transaction. Raises Busy when another process was quicker."""
        before, session, sid = edit.before, edit.session, edit.before.id
        canvas = json.dumps(records.canvas_to_record(session.canvas)) if edit.new_step or edit.looks_on else ""
        masks = [
            (sid, mask_id, json.dumps(records.kept_mask(session, mask_id)), records.counts_to_bytes(mask.rle))
            for mask_id, mask in edit.new_masks.items()
        ]
        added = sum(len(counts) for *_, counts in masks)
        self._grow(len(canvas) + added)
        with self._db.transaction() as db:
            row = db.execute("SELECT revision, step, LENGTH(palette) FROM sessions WHERE id = ?", (sid,)).fetchone()
            if row is None:
                raise SessionNotFound(sid)
            if row[0] != before.revision:
                raise Busy("Another process changed this session at the same moment. Try again.", 1.0)
            step = row[1] + edit.step_by
            db.executemany("INSERT INTO masks VALUES (?, ?, ?, ?)", masks)
            if edit.new_palette is not None:
                added += len(edit.new_palette) - row[2]
            if edit.new_step:
                added += _add_step(db, sid, step, edit.new_step, canvas)
            elif edit.looks_on:
                added += _change_step(db, sid, step, canvas)
            automatic = json.dumps(session.automatic)
            db.execute(
                "UPDATE sessions SET revision = revision + 1, step = ?, automatic = ?, palette = COALESCE(?, palette),"
                " next_layer = ?, used_at = ?, bytes = bytes + ? WHERE id = ?",
                (step, automatic, edit.new_palette, session.next_layer, used_at, added, sid),
            )

    # -- downloads ---------------------------------------------------------------------------------------------------

    def add_download(self, session_id: str, key: str, stem: str, suffix: str, media_type: str, data: bytes) -> Download:
        """Keep a picture for download as "stem-TOKEN.suffix". Of more than `max_downloads` the oldest goes."""
        return self.keep_download(self.get(session_id), key, stem, suffix, media_type, data)

    def keep_download(
        self, session: Session, key: str, stem: str, suffix: str, media_type: str, data: bytes
    ) -> Download:
        """`add_download` for a session at hand."""
        self._grow(len(data))
        return self._downloads.add(session.id, key, stem, suffix, media_type, data)

    def downloads(self, session_id: str) -> list[Download]:
        """The session's downloads, oldest first."""
        return self.downloads_of(self.get(session_id))

    def downloads_of(self, session: Session) -> list[Download]:
        """`downloads` of a session at hand."""
        return self._downloads.of(session.id)

    def download(self, filename: str) -> Download:
        """The download of that name. Raises DownloadNotFound."""
        found = self._downloads.named(filename)
        if found is not None:
            self._touch(found.session_id)
            if found.path.is_file():
                return found
        raise DownloadNotFound("No such download: it was deleted with its session. Make it again.")

    def add_sheet(self, session: Session, facts: dict[str, Any], before: bytes, after: bytes, days: int) -> Sheet:
        """Keep a sheet of a session at hand; the rest is in `sheets`."""
        self._grow(len(before) + len(after))
        return self.sheets.add(session.id, facts, before, after, days)

    def sweep(self) -> int:
        """Delete expired sessions, idle ones over the limits, and files no session owns; how many sessions went."""
        return self._sweep.make_room(0, 0)

    def _forget_snapshots(self, session_id: str) -> None:
        self._snapshots.clear(lambda key: key[0] == session_id)  # type: ignore[index]

    # -- inside ------------------------------------------------------------------------------------------------------

    def _touch(self, session_id: str, *, at_once: bool = False) -> int:
        """Write down that the session is used, unless it just was; returns its revision. Raises SessionNotFound."""
        if not isinstance(session_id, str):
            raise InvalidInput("session_id must be text", "session_id")
        if not session_id.isascii():  # ours are
            raise SessionNotFound(session_id)
        now = self._sweep.now()
        row = self._db.row("SELECT revision, used_at FROM sessions WHERE id = ?", (session_id,))
        if row is None or now - row[1] >= self.ttl:
            raise SessionNotFound(session_id)
        if at_once or abs(now - row[1]) > min(TOUCH_SECONDS, self.ttl / 10):
            with suppress(sqlite3.OperationalError):  # on a full disk people still see what they have
                self._db.execute("UPDATE sessions SET used_at = ? WHERE id = ?", (now, session_id))
        return int(row[0])

    def _read(self, session_id: str, known: Session | None = None) -> Session:
        """The session as it is on disk. known: the same with its first masks, which never change and need not be read
        again."""
        with self._db.transaction("DEFERRED") as db:  # one moment in time for all four reads
            found = db.execute(
                f"SELECT {', '.join(SessionRow._fields)} FROM sessions WHERE id = ?", (session_id,)
            ).fetchone()
            if found is None:
                raise SessionNotFound(session_id)
            row = SessionRow(*found)
            masks = db.execute(
                "SELECT id, record, counts FROM masks WHERE session_id = ? AND id >= ? ORDER BY id",
                (session_id, len(known.masks) if known else 0),
            ).fetchall()
            steps = db.execute(
                "SELECT id, action, CASE WHEN id = :step THEN canvas END FROM steps"
                " WHERE session_id = :session AND id IN (:step, :step + 1) ORDER BY id",
                {"step": row.step, "session": session_id},
            ).fetchall()
        try:
            return session_of(session_id, row, masks, steps, known)
        except (ValueError, LookupError, TypeError) as error:
            raise StorageError("What was kept of this session is damaged. Open the photo again.") from error

    def _grow(self, size: int) -> None:
        """So many bytes come to what is kept. Looks at the limit now and then, and always when it was reached: Busy."""
        with self._guard:
            self._grown += size
            due = self._grown > self._sweep.max_disk / 100
            if due:
                self._grown = self._sweep.max_disk  # until there was room: who comes meanwhile looks, too
        if due and size:
            self._sweep.make_room(0, size)
            with self._guard:
                self._grown = 0

    def _at_work(self) -> set[str]:
        with self._guard:
            return {session_id for session_id, lock in self._locks.items() if lock.locked()}

    @contextmanager
    def _locked(self, session_id: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(session_id, threading.Lock())
        waits_until = time.monotonic() + deadline.remaining(60.0)
        while not lock.acquire(timeout=deadline.CHECK_SECONDS):
            deadline.check()
            if time.monotonic() > waits_until:
                raise Busy("This session is busy with another request. Try again.")
        try:
            yield
        finally:
            lock.release()


def _add_step(db: sqlite3.Connection, session_id: str, step: int, action: str, canvas: str) -> int:
    """Write a step of the history down in place of all that could be redone; of too many the oldest goes. Returns by
    how many bytes the history grew."""
    dropped = {"session": session_id, "step": step, "first": step - MAX_STEPS}
    where = "WHERE session_id = :session AND (id >= :step OR id < :first)"
    size = db.execute(f"SELECT COALESCE(SUM(LENGTH(canvas)), 0) FROM steps {where}", dropped).fetchone()[0]
    db.execute(f"DELETE FROM steps {where}", dropped)
    db.execute("UPDATE steps SET action = '' WHERE session_id = :session AND id = :first", dropped)  # now the first
    db.execute("INSERT INTO steps VALUES (?, ?, ?, ?)", (session_id, step, action, canvas))
    return len(canvas) - int(size)


def _change_step(db: sqlite3.Connection, session_id: str, step: int, canvas: str) -> int:
    """Change what a step left behind; returns by how many bytes the history grew."""
    here = "WHERE session_id = ? AND id = ?"
    size = db.execute(f"SELECT LENGTH(canvas) FROM steps {here}", (session_id, step)).fetchone()[0]
    db.execute(f"UPDATE steps SET canvas = ? {here}", (canvas, session_id, step))
    return len(canvas) - int(size)


def _session_bytes(session: Session) -> int:
    paints = session.palette.paints if session.palette else ()
    return 4096 + sum(400 + mask.rle.nbytes for mask in session.masks.values()) + 400 * len(paints)
