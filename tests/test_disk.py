"""The disk: full, read-only, damaged, shared, of an older or a newer version. One clear error, and nobody else hurt."""

import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from conftest import draw_building, make_studio, to_png
from engines import FloodEngine

from sam2_painter.errors import Busy, PainterError, SessionNotFound, StorageError
from sam2_painter.sessions import database
from sam2_painter.sessions import store as sessions
from sam2_painter.sessions.store import SessionStore
from sam2_painter.studio.studio import Studio
from sam2_painter.types import Coat

NOISE = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)


def store_in(folder, **options):
    return SessionStore(folder / "uploads", folder / "masks", folder / "results", **options)


@pytest.fixture
def painted(studio, photo_bytes):
    """Two people's sessions, each with a mask and a layer."""
    both = []
    for _ in range(2):
        sid = studio.open(photo_bytes).id
        studio.click(sid, 100, 90)
        studio.paint(sid, [Coat((1, 2, 3), 0)])
        both.append(sid)
    return both


# -- full


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1.5 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1536k", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small tmpfs cannot be mounted here (it takes root and CAP_SYS_ADMIN)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_one_clear_error_and_heals(small_disk, photo_bytes):
    """Opening is refused in a sentence that says what to do; who is there already sees and downloads nothing less than
    before; deleting works on a full disk, and makes room."""
    studio = make_studio(small_disk)
    noise = to_png(NOISE)
    sid = studio.open(photo_bytes).id
    studio.click(sid, 100, 90)
    opened = []
    with pytest.raises(StorageError, match="Free some space") as caught:
        for i in range(100):
            opened.append(studio.open(noise, f"{i}.png").id)
    assert len(opened) > 5
    assert str(small_disk) not in str(caught.value)
    filler = small_disk / "filler"
    with suppress(OSError), open(filler, "wb", buffering=0) as file:
        for _ in range(10_000):
            file.write(b"x" * 512)
    before = studio.session(sid)
    assert len(before.masks) == 2
    assert studio.picture(sid).shape == (150, 200, 3)
    failed = 0
    for i in range(60):  # until the log is full, too
        try:
            studio.paint(sid, [Coat((i, i, i), 0)])
        except StorageError:
            failed += 1
    after = studio.session(sid)
    assert after.revision == before.revision + 60 - failed
    assert failed
    with pytest.raises(StorageError):
        studio.download(sid, painted=False, format="PNG")
    assert not list((small_disk / "results").glob("*/*"))
    for other in opened:
        studio.close(other)
    assert not [path for path in (small_disk / "uploads").iterdir() if path.name != sid]
    filler.unlink()
    studio.paint(sid, [Coat((9, 9, 9), 0)])
    assert studio.download(sid).path.is_file()
    studio.sessions.close()


def test_expired_sessions_are_swept_from_a_full_disk(small_disk):
    """A disk full of sessions nobody uses empties itself."""
    now = [1e6]
    store = store_in(small_disk, clock=lambda: now[0])
    with pytest.raises(StorageError):
        for _ in range(1000):
            store.open("a", os.urandom(40_000), "d", (4, 5))
    now[0] += 3601
    assert store.sweep() > 10
    assert store.ids() == []
    assert store.open("a", os.urandom(40_000), "d", (4, 5)).id
    store.close()


def test_a_database_that_may_not_grow_loses_nothing(studio, painted):
    """SQLite's own "disk is full" in the middle of a commit leaves the session as it was, and the next one works."""
    db = studio.sessions._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    before = studio.session(painted[0])
    db.execute(f"PRAGMA max_page_count = {pages}")
    refused = 0
    for i in range(300):
        try:
            studio.paint(painted[0], [Coat((i % 256, 0, 0), 0)])
        except StorageError:
            refused += 1
    assert refused
    assert studio.session(painted[0]).revision == before.revision + 300 - refused
    assert len(studio.session(painted[1]).layers) == 1
    db.execute("PRAGMA max_page_count = 1000000")
    assert studio.undo(painted[0]).can_redo == "paint"


# -- read-only, in the way


@pytest.mark.parametrize("which", ["uploads", "masks", "results"])
def test_a_file_in_place_of_a_folder_is_told_at_start(tmp_path, which):
    """The operator reads which folder it is."""
    (tmp_path / which).write_text("in the way")
    with pytest.raises(StorageError, match=f"{which} cannot be read or written"):
        store_in(tmp_path)


def test_a_read_only_folder_is_told_at_start(small_disk):
    """A data folder nobody can write to stops the start with one sentence; what was kept can be read again later."""
    store = store_in(small_disk)
    sid = store.open("a", b"photo", "d", (4, 5)).id
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        with pytest.raises(StorageError, match="cannot be read or written"):
            store_in(small_disk)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    again = store_in(small_disk)
    assert again.photo_bytes(sid) == b"photo"
    again.close()


# -- damaged


def test_a_damaged_photo_is_told_to_its_owner_only(studio, painted, photo_bytes):
    """Cut, overwritten, replaced by another picture or gone: StorageError, no 'your file is damaged'."""
    hurt, other = painted
    path = studio.sessions.photo_path(hurt)
    for damage in (photo_bytes[:200], b"\0" * 500, to_png(draw_building(90, 60)), to_png(255 - draw_building()), None):
        studio.clear_cache()
        path.unlink(missing_ok=True)
        if damage is not None:
            path.write_bytes(damage)
        with pytest.raises(StorageError, match=r"damaged on disk|cannot be read"):
            studio.picture(hurt)
        assert studio.session(hurt).layers
        assert studio.picture(other).any()
    studio.close(hurt)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE masks SET counts = x'00' WHERE session_id = ?",
        "UPDATE masks SET counts = substr(counts, 1, length(counts) / 2) WHERE session_id = ?",
        "UPDATE masks SET record = '{' WHERE session_id = ?",
        "UPDATE masks SET record = '[]' WHERE session_id = ?",
        "UPDATE steps SET canvas = '[1]' WHERE session_id = ?",
        "UPDATE steps SET canvas = replace(canvas, '0', '7') WHERE session_id = ?",
        "DELETE FROM steps WHERE session_id = ?",
        "DELETE FROM masks WHERE session_id = ?",
        "UPDATE sessions SET automatic = 'x' WHERE id = ?",
    ],
)
def test_damaged_rows_hurt_their_own_session_only(studio, painted, damage):
    """One sentence for its owner, who can still delete it; others paint on."""
    hurt, other = painted
    studio.sessions._db.execute(damage, (hurt,))
    studio.sessions._snapshots.clear()
    with pytest.raises(StorageError, match="is damaged"):
        studio.session(hurt)
    assert studio.undo(other).can_redo == "paint"
    studio.sessions.delete(hurt)
    with pytest.raises(SessionNotFound):
        studio.session(hurt)


def test_a_damaged_page_of_the_database(tmp_path, photo_bytes):
    """Whatever page of the file is overwritten, the answer is a session as it was, or a PainterError: never a crash."""
    studio = make_studio(tmp_path)
    sids = []
    for i in range(6):
        sid = studio.open(photo_bytes, f"{i}").id
        studio.generate(sid)
        sids.append(sid)
    right = {sid: dict(studio.session(sid).masks) for sid in sids}
    studio.sessions.close()
    database = tmp_path / "masks" / "sessions.sqlite3"
    whole = database.read_bytes()
    page, chance = int.from_bytes(whole[16:18], "big"), np.random.default_rng(0)
    told = 0
    for number in range(1, len(whole) // page):
        damaged = bytearray(whole)
        damaged[number * page : (number + 1) * page] = chance.bytes(page)
        database.write_bytes(damaged)
        try:
            store = store_in(tmp_path)
        except StorageError:
            told += 1
            continue
        for sid in sids:
            try:
                assert dict(store.get(sid).masks) == right[sid]
            except PainterError:
                told += 1
        store.close()
        for leftover in (tmp_path / "masks").glob("*-*"):
            leftover.unlink()
    assert told


# -- clock


def test_a_clock_set_back_a_year_loses_nobody(tmp_path, photo_bytes):
    """Sessions stay, new ones work, the order of downloads stays, and an hour later the idle ones go."""
    now = [2e9]
    studio = Studio(FloodEngine(), store_in(tmp_path, clock=lambda: now[0]))
    sid = studio.open(photo_bytes).id
    first = studio.download(sid, painted=False, format="PNG")
    now[0] -= 365 * 86400
    second = studio.download(sid, painted=False, format="JPG")
    assert [one.filename for one in studio.sessions.downloads(sid)] == [first.filename, second.filename]
    studio.click(sid, 100, 90)
    fresh = studio.open(photo_bytes).id
    assert set(studio.sessions.ids()) == {sid, fresh}
    now[0] += 3601
    studio.sessions.sweep()
    assert studio.sessions.ids() == []
    studio.sessions.close()


# -- several processes


def _work(folder, times, told):
    """In another process: open a photo and paint on it, again and again; tell what was acknowledged."""
    studio = make_studio(folder)
    photo = to_png(draw_building())
    sid = studio.open(photo).id
    studio.click(sid, 100, 90)
    for i in range(times):
        studio.paint(sid, [Coat((i, i, i), 0)])
        studio.sessions.sweep()
    told.put((sid, times))
    studio.sessions.close()


def test_processes_share_a_folder(tmp_path):
    """Four processes start at once on one new folder and work in it: all they were told was kept is there."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sam2_painter.studio.studio", "conftest"])
    told = context.Queue()
    workers = [context.Process(target=_work, args=(tmp_path, 12, told)) for _ in range(4)]
    for worker in workers:
        worker.start()
    done = [told.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    store = store_in(tmp_path)
    assert store.count() == 4
    for sid, times in done:
        assert store.get(sid).layers[0].color == (times - 1,) * 3
    store.close()


def test_a_new_folder_that_another_process_sets_up_is_waited_for(tmp_path):
    """Whoever starts at the same moment on the same new folder is not told that the database is locked."""
    (tmp_path / "masks").mkdir()
    other = sqlite3.connect(tmp_path / "masks" / "sessions.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(store_in, tmp_path)
        with pytest.raises(TimeoutError):
            opening.result(0.5)
        other.execute("ROLLBACK")
        other.close()
        opening.result(60).close()


def test_a_database_another_process_holds_is_busy_not_broken(tmp_path):
    """Somebody else's long write is 'try again', and then it works."""
    store = store_in(tmp_path)
    store._db.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "masks" / "sessions.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="Another process"):
        store.open("a", b"photo", "d", (4, 5))
    assert not list((tmp_path / "uploads").iterdir())
    other.execute("ROLLBACK")
    other.close()
    assert store.open("a", b"photo", "d", (4, 5)).id
    store.close()


def test_a_session_deleted_elsewhere_is_gone_here(tmp_path):
    """Even one that is at hand in memory, and even in the middle of an edit."""
    mine, theirs = store_in(tmp_path), store_in(tmp_path)
    sid = mine.open("a", b"photo", "d", (4, 5)).id
    with pytest.raises(SessionNotFound), mine.edit(sid) as edit:
        theirs.delete(sid)
        edit.do("nothing", edit.session.canvas)
    with pytest.raises(SessionNotFound):
        mine.get(sid)
    mine.close()
    theirs.close()


# -- versions


VERSION_1 = """
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
PRAGMA user_version = 1;
"""


@pytest.fixture
def version_1(tmp_path):
    """A data folder as version 1 left it: a photo, one mask of the top row, one layer of red paint."""
    import zlib

    (tmp_path / "masks").mkdir()
    (tmp_path / "uploads" / "abc").mkdir(parents=True)
    (tmp_path / "uploads" / "abc" / "photo").write_bytes(b"photo")
    mask = {"predicted_iou": 0.9, "stability_score": 0.8, "point_coords": [[1.0, 0.0]], "crop_box": None}
    mask |= {"category": "wall", "category_score": 0.5}
    layer = {"mask_id": 0, "color": [255, 0, 0], "opacity": 0.7, "mode": "realistic", "name": "Wall 1"}
    layer |= {"visible": True, "light": 1.0, "shadow": 1.0}
    empty = {"mask_id": None, "prompts": None, "candidates": [], "choice": 0, "base": None, "mode": "", "layers": []}
    counts = zlib.compress(np.array([0, *[1, 3] * 5], "<u4").tobytes())
    db = sqlite3.connect(tmp_path / "masks" / "sessions.sqlite3")
    db.executescript(VERSION_1)
    now = time.time()
    db.execute("INSERT INTO sessions VALUES ('abc', 'house', 'd', 4, 5, ?, ?, 3, 1, '[0]', 5)", (now, now))
    db.execute("INSERT INTO masks VALUES ('abc', 0, ?, ?)", (json.dumps(mask), counts))
    steps = [("abc", 0, "", json.dumps(empty)), ("abc", 1, "paint", json.dumps({**empty, "layers": [layer]}))]
    db.executemany("INSERT INTO steps VALUES (?, ?, ?, ?)", steps)
    db.commit()
    db.close()
    return tmp_path


def test_a_folder_of_version_1_opens(version_1):
    """Masks, paint and history as they were, and one can go on from there; it must never stop opening."""
    store = store_in(version_1)
    session = store.get("abc")
    assert session.masks[0].area == 5
    assert (session.layers[0].color, session.layers[0].name, session.can_undo) == ((255, 0, 0), "Wall 1", "paint")
    assert store.photo_bytes("abc") == b"photo"
    with store.edit("abc") as edit:
        edit.undo()
    assert edit.session.layers == ()
    store.close()


def test_an_older_folder_is_migrated(version_1, monkeypatch):
    """A step for each version since, in one go, keeping everything; the next start finds it done."""
    later = (
        "ALTER TABLE sessions ADD COLUMN note TEXT NOT NULL DEFAULT ''; CREATE INDEX sessions_note ON sessions (note)"
    )
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, later))
    for _ in range(2):
        store = store_in(version_1)
        assert store.get("abc").layers[0].color == (255, 0, 0)
        assert store._db.execute("PRAGMA user_version").fetchone() == (len(database.MIGRATIONS),)
        assert store._db.execute("SELECT note FROM sessions").fetchone() == ("",)
        store.close()
    monkeypatch.undo()
    with pytest.raises(StorageError, match="newer SAM2 Painter"):
        store_in(version_1)


def test_a_migration_that_fails_changes_nothing(version_1, monkeypatch):
    """Half a migration is none: the folder stays as the older version left it."""
    broken = "ALTER TABLE sessions ADD COLUMN note TEXT; ALTER TABLE nothing ADD COLUMN x"
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, broken))
        with pytest.raises(StorageError):
            store_in(version_1)
    store = store_in(version_1)
    assert store.get("abc").layers
    assert "note" not in [column[1] for column in store._db.execute("PRAGMA table_info(sessions)")]
    store.close()


def test_the_history_is_bounded(tmp_path, monkeypatch):
    """Undo goes back so many steps and no further, without an error of ours; older steps take no room."""
    monkeypatch.setattr(sessions, "MAX_STEPS", 5)
    studio = make_studio(tmp_path)
    sid = studio.open(to_png(draw_building())).id
    studio.click(sid, 100, 90)
    for i in range(20):
        studio.paint(sid, [Coat((i, 0, 0), 0)])
    counted = studio.sessions.bytes_on_disk()
    undone = 0
    while studio.session(sid).can_undo:
        studio.undo(sid)
        undone += 1
    assert undone == 5
    assert studio.session(sid).layers[0].color == (14, 0, 0)
    with pytest.raises(PainterError, match="nothing to undo"):
        studio.undo(sid)
    for _ in range(5):
        studio.redo(sid)
    assert studio.session(sid).layers[0].color == (19, 0, 0)
    for i in range(20):
        studio.paint(sid, [Coat((i, 0, 0), 0)])
    assert studio.sessions.bytes_on_disk() <= counted + 16
    assert studio.sessions._db.execute("SELECT COUNT(*) FROM steps").fetchone() == (6,)
    studio.sessions.close()
