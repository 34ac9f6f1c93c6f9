"""Sessions: what people did is kept, as a whole or not at all, and only as long as it is used."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from sam2_painter.errors import (
    Busy,
    Cancelled,
    DownloadNotFound,
    InvalidInput,
    MaskNotFound,
    SessionNotFound,
    StorageError,
    TimeLimitExceeded,
)
from sam2_painter.jobs.deadline import Deadline
from sam2_painter.rle import mask_to_rle
from sam2_painter.sessions import database, records
from sam2_painter.sessions.store import SessionStore
from sam2_painter.types import Canvas, Layer, Mask, Paint, Palette, Prompts, Selection, Step


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_store(tmp_path, clock):
    stores = []

    def make(**options):
        stores.append(
            SessionStore(tmp_path / "uploads", tmp_path / "masks", tmp_path / "results", **{"clock": clock, **options})
        )
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def store(make_store):
    return make_store()


def new_session(store, name="house.jpg", data=b"bytes of a photo"):
    return store.open(name, data, "digest", (4, 5))


def mask(*pixels):
    segmentation = np.zeros((4, 5), bool)
    for x, y in pixels:
        segmentation[y, x] = True
    return Mask(mask_to_rle(segmentation), 0.9, 0.8, ((1.0, 2.0),), category="wall", category_score=0.5)


def paint_once(store, session_id, color=(1, 2, 3)):
    with store.edit(session_id) as edit:
        (mask_id,) = edit.add([mask((1, 1))])
        step = Step.asked(Prompts.click(1, 1), "union", (mask_id,), mask_id)
        layer_id = edit.new_layer_id()
        layer = Layer(edit.session.masks[mask_id], color, mask_id=mask_id, name="Wall", id=layer_id, steps=(step,))
        edit.do("paint", Canvas(Selection(mask_id, (step,)), (*edit.session.layers, layer)))
    return edit.session


def test_what_was_done_is_there_after_a_restart(make_store):
    """Masks, layers, selection and history come back as they were."""
    store = make_store()
    session = paint_once(store, new_session(store).id)
    store.close()
    again = make_store().get(session.id)
    assert again.masks == session.masks
    assert again.layers == session.layers
    assert again.selection.mask_id == session.selection.mask_id
    assert again.selection.prompts.key == session.selection.prompts.key
    assert (again.can_undo, again.can_redo, again.name) == ("paint", "", "house.jpg")


def test_the_photo_is_kept_as_it_was_sent(store):
    """Byte for byte, in a folder of its own that nobody else may read."""
    session = new_session(store)
    path = store.photo_path(session.id)
    assert path.read_bytes() == b"bytes of a photo"
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_file_name_is_never_a_path(store):
    """A name such as ../../etc/passwd stays a name; two photos of one name are two photos."""
    one = new_session(store, "../../etc/passwd", b"one")
    two = new_session(store, "../../etc/passwd", b"two")
    assert one.name == "../../etc/passwd"
    assert store.photo_path(one.id).read_bytes() == b"one"
    assert store.photo_path(two.id).read_bytes() == b"two"
    assert store.upload_dir in store.photo_path(one.id).parents


def test_an_error_in_the_block_changes_nothing(store):
    """An edit is committed as a whole or not at all."""
    session = new_session(store)
    with pytest.raises(ZeroDivisionError), store.edit(session.id) as edit:
        edit.add([mask((0, 0))])
        edit.do("paint", Canvas(Selection(0)))
        1 // 0  # noqa: B018
    after = store.get(session.id)
    assert (dict(after.masks), after.can_undo, after.revision) == ({}, "", 0)


def test_past_the_time_limit_nothing_is_written(store):
    """Work that ends too late ends without a trace."""
    session = new_session(store)
    with pytest.raises(TimeLimitExceeded), Deadline(0.02, "paint"), store.edit(session.id) as edit:
        edit.add([mask((0, 0))])
        threading.Event().wait(0.03)
    assert not store.get(session.id).masks


def test_a_download_that_was_cancelled_is_not_listed(store):
    """Who was told "nothing was changed" finds nothing changed."""
    session = new_session(store)
    with pytest.raises(Cancelled), Deadline(60, "download") as job:
        assert job.cancel()
        store.add_download(session.id, "k", "a", "png", "image/png", b"x")
    assert not store.downloads(session.id)
    assert not list(store.results_dir.glob("*/*"))


def test_undo_and_redo_walk_the_whole_history(store):
    """Every action can be taken back and done again; a new one forgets what was undone."""
    session = new_session(store)
    colors = [(i, i, i) for i in range(30)]
    for color in colors:
        paint_once(store, session.id, color)
    for left in reversed(range(30)):
        with store.edit(session.id) as edit:
            edit.undo()
        assert [layer.color for layer in edit.session.layers] == colors[:left]
    with pytest.raises(InvalidInput, match="nothing to undo"), store.edit(session.id) as edit:
        edit.undo()
    with store.edit(session.id) as edit:
        edit.redo()
    assert [layer.color for layer in edit.session.layers] == colors[:1]
    paint_once(store, session.id, (99, 99, 99))
    with pytest.raises(InvalidInput, match="nothing to redo"), store.edit(session.id) as edit:
        edit.redo()


def test_mask_ids_count_up_from_zero_and_are_never_reused(store):
    """Undo takes the paint back, not the mask; a mask that is there already keeps its id."""
    session = paint_once(store, new_session(store).id)
    with store.edit(session.id) as edit:
        edit.undo()
    with store.edit(session.id) as edit:
        assert edit.add([mask((1, 1)), mask((2, 2))]) == (0, 1)
    assert edit.session.mask(0) == mask((1, 1))
    with pytest.raises(MaskNotFound, match="0 to 1"):
        edit.session.mask(2)


def test_two_callers_take_turns(store):
    """Clicks that come at the same moment are done one after the other; none is lost."""
    session = new_session(store)
    threads = [threading.Thread(target=paint_once, args=(store, session.id, (i, 0, 0))) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(layer.color[0] for layer in store.get(session.id).layers) == list(range(16))


def test_two_processes_do_not_overwrite_each_other(make_store):
    """A change made elsewhere meanwhile is never lost: the later one is refused."""
    mine, theirs = make_store(), make_store()
    session = new_session(mine)
    with pytest.raises(Busy), mine.edit(session.id) as edit:
        edit.add([mask((0, 0))])
        paint_once(theirs, session.id)
    assert mine.get(session.id).layers == theirs.get(session.id).layers != ()


def test_a_session_lives_an_hour_from_its_last_use(store, clock):
    """Use keeps it; an idle one is gone, and nothing of it stays on disk."""
    used, idle = new_session(store), new_session(store)
    store.add_download(idle.id, "k", "a", "png", "image/png", b"x")
    for _ in range(3):
        clock.now += 1900
        store.get(used.id)
    with pytest.raises(SessionNotFound, match="Open the photo again"):
        store.get(idle.id)
    assert store.sweep() == 1
    assert {p.name for root in (store.upload_dir, store.results_dir) for p in root.iterdir()} == {used.id}
    assert store.ids() == [used.id]


def test_a_clock_set_back_neither_kills_nor_keeps_for_ever(store, clock):
    """Sessions from "the future" live an hour from when that was noticed."""
    session = new_session(store)
    clock.now -= 7200
    assert store.get(session.id).id == session.id
    store.sweep()
    clock.now += 3601
    with pytest.raises(SessionNotFound):
        store.get(session.id)


def test_delete_waits_for_nobody(store):
    """A session can be deleted in the middle of an edit; the edit is told and writes nothing."""
    session = paint_once(store, new_session(store).id)
    with pytest.raises(SessionNotFound), store.edit(session.id) as edit:
        edit.do("select", edit.session.canvas)
        store.delete(session.id)
    assert store.count() == 0
    assert not list(store.upload_dir.iterdir())


def test_delete_leaves_nothing(store):
    """A deleted session is unknown, and its files are gone."""
    session = paint_once(store, new_session(store).id)
    made = store.add_download(session.id, "k", "a", "png", "image/png", b"x")
    store.delete(session.id)
    with pytest.raises(SessionNotFound):
        store.get(session.id)
    with pytest.raises(DownloadNotFound):
        store.download(made.filename)
    assert not list(store.upload_dir.iterdir())
    assert not list(store.results_dir.iterdir())
    with sqlite3.connect(store.masks_dir / "sessions.sqlite3") as db:
        for table in ("sessions", "masks", "steps", "downloads"):
            assert db.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)
    db.close()


def test_the_longest_idle_makes_room(make_store, clock):
    """Over the limit on sessions the one idle longest goes."""
    store = make_store(max_sessions=2)
    first, second = new_session(store), new_session(store)
    clock.now += 60
    store.get(first.id)
    clock.now += 60
    third = new_session(store)
    assert set(store.ids()) == {first.id, third.id}
    with pytest.raises(SessionNotFound):
        store.get(second.id)


KILLED = """
    import os, sys
    from pathlib import Path
    from sam2_painter.jobs import deadline
    from sam2_painter.sessions import SessionStore
    root = Path(sys.argv[1])
    store = SessionStore(root / "uploads", root / "masks", root / "results")
    session = store.open("a", b"photo", "d", (4, 5)) if sys.argv[2] == "download" else None
    deadline.seal = lambda: os._exit(9)  # everything is written, nothing is committed
    if session is None:
        store.open("a", b"photo", "d", (4, 5))
    store.add_download(session.id, "k", "a", "png", "image/png", b"png")
"""


@pytest.mark.parametrize(("during", "left"), [("upload", "uploads/*/photo"), ("download", "results/*/*.png")])
def test_what_a_killed_process_left_is_swept(make_store, tmp_path, during, left):
    """Half an upload or download goes, once it is old enough not to be in use."""
    code = textwrap.dedent(KILLED)
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path), during], check=False).returncode == 9
    store = make_store(clock=time.time)
    store.sweep()
    (file,) = tmp_path.glob(left)
    for path in (file, file.parent):
        os.utime(path, (1, 1))
    store.sweep()
    assert not file.exists()
    assert list(store.upload_dir.glob("*")) == [store.upload_dir / session_id for session_id in store.ids()]


def test_folders_that_are_not_ours_are_never_swept(store):
    """A folder that no session owns and we did not write down stays, however old it is, whatever its name."""
    session = new_session(store)
    theirs = [root / name for root in (store.upload_dir, store.results_dir) for name in ("holiday2019", "a" * 24)]
    for folder in theirs:
        folder.mkdir()
        for name in ("photo", "0123456789ab.png"):
            (folder / name).write_bytes(b"theirs")
            os.utime(folder / name, (1, 1))
        os.utime(folder, (1, 1))
    store.sweep()
    assert {p.name for p in store.upload_dir.iterdir()} == {session.id, "holiday2019", "a" * 24}
    assert all((folder / name).read_bytes() == b"theirs" for folder in theirs for name in os.listdir(folder))
    assert all(len(os.listdir(folder)) == 2 for folder in theirs)


@pytest.mark.parametrize("name", ["дом", "a#b", "a..b", "a b", "../../x", "…" * 300, "", "x\x00y\n", "CON", "\udcff"])
def test_downloads_may_have_any_name(store, name):
    """Names of any script, length or sign are found again, and none is a path."""
    session = new_session(store)
    made = store.add_download(session.id, "k", name, "png", "image/png", b"png")
    assert "/" not in made.filename
    assert made.filename.isprintable()
    assert len(made.filename) < 120
    assert len(os.fsencode(made.filename)) <= 255  # or no file system has a file of that name
    found = store.download(made.filename)
    assert found.path.read_bytes() == b"png"
    assert found.path.parent == store.results_dir / session.id


def test_downloads_are_listed_for_their_session_only(store):
    """Nobody sees another's downloads."""
    mine, theirs = new_session(store), new_session(store)
    made = store.add_download(mine.id, "k", "a", "png", "image/png", b"x")
    assert store.downloads(mine.id) == [made]
    assert store.downloads(theirs.id) == []


@pytest.mark.parametrize("session_id", ["nobody", "", "../x", "x" * 5000, "\x00", "' OR 1=1 --"])
def test_unknown_sessions_are_one_sentence(store, session_id):
    """Any text that names no session is SessionNotFound."""
    with pytest.raises(SessionNotFound, match="unknown, was deleted or has expired"):
        store.get(session_id)


@pytest.mark.parametrize("session_id", [None, 3, ["x"]])
def test_an_id_is_text(store, session_id):
    """What is no text is the caller's mistake."""
    with pytest.raises(InvalidInput, match="session_id"):
        store.get(session_id)


def test_ids_cannot_be_guessed(store):
    """144 random bits each."""
    ids = {new_session(store).id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(session_id) == 24 for session_id in ids)


def test_a_newer_data_folder_is_refused_with_a_sentence(make_store):
    """A folder of a later version is left alone."""
    store = make_store()
    store.close()
    with sqlite3.connect(store.masks_dir / "sessions.sqlite3") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StorageError, match="newer SAM2 Painter"):
        make_store()


def test_a_damaged_database_is_one_clear_error(make_store):
    """Garbage where the database was says so, and is not overwritten."""
    store = make_store()
    store.close()
    path = store.masks_dir / "sessions.sqlite3"
    path.write_bytes(b"not a database" * 500)
    with pytest.raises(StorageError, match="cannot be read"):
        make_store()
    assert path.read_bytes().startswith(b"not a database")


def test_snapshots_in_memory_are_bounded(make_store):
    """Sessions beyond the memory setting are read from disk again, the same."""
    store = make_store(memory=5000)
    sessions = [paint_once(store, new_session(store).id) for _ in range(5)]
    assert store._snapshots.status().bytes <= 5000
    for session in sessions:
        assert store.get(session.id).layers == session.layers


def test_a_session_holds_a_bounded_number_of_masks(make_store):
    """The limit is one sentence, and nothing of the refused edit stays."""
    store = make_store(max_masks=2)
    session = new_session(store)
    with pytest.raises(InvalidInput, match="at most 2 masks"), store.edit(session.id) as edit:
        edit.add([mask((0, 0)), mask((1, 0)), mask((2, 0))])
    assert not store.get(session.id).masks


def test_steps_of_walls_do_not_use_up_the_masks(make_store):
    """Masks that strokes and clicks make do not count, in this process, in another and after an undo; there is an end
    to them all the same."""
    store, other = make_store(max_masks=3), make_store(max_masks=3)
    session = new_session(store)
    for place in range(5):
        with store.edit(session.id) as edit:
            made = edit.add([mask((place, 0))], made=True)
            edit.do("brush", replace(edit.session.canvas, selection=Selection(made[0])))
    with store.edit(session.id) as edit:
        edit.undo()
    for one in (store, other):
        assert (len(one.get(session.id).masks), one.get(session.id).made) == (5, frozenset(range(5)))
    with store.edit(session.id) as edit:
        edit.add([mask((place, 1)) for place in range(3)])
    with pytest.raises(InvalidInput, match="at most 3 masks"), store.edit(session.id) as edit:
        edit.add([mask((3, 1))])
    with pytest.raises(InvalidInput, match="more often"), store.edit(session.id) as edit:
        edit.add([mask((place, 2)) for place in range(4)], made=True)


WRITER = """
    import sys, numpy as np
    sys.path.insert(0, {tests!r})
    from pathlib import Path
    from sam2_painter.sessions import SessionStore
    import test_sessions
    root = Path(sys.argv[1])
    store = SessionStore(root / "uploads", root / "masks", root / "results", clock=lambda: 1e6)
    session = test_sessions.new_session(store)
    print(session.id, flush=True)
    for i in range(250):
        test_sessions.paint_once(store, session.id, (i, 0, 0))
        print(i, flush=True)
"""


@pytest.mark.parametrize("after", [1, 7, 40])
def test_kill_9_loses_no_finished_action(make_store, tmp_path, after):
    """Whatever was acknowledged before the kill is there after it, and undo still works."""
    code = textwrap.dedent(WRITER.format(tests=os.path.dirname(__file__)))
    writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    session_id = writer.stdout.readline().strip()
    for _ in range(after):
        acknowledged = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
    writer.wait()
    store = make_store()
    layers = store.get(session_id).layers
    assert [layer.color[0] for layer in layers][: acknowledged + 1] == list(range(acknowledged + 1))
    with store.edit(session_id) as edit:
        edit.undo()
    assert len(edit.session.layers) == len(layers) - 1


def test_layers_refer_to_masks_by_value_after_an_edit(store):
    """A changed layer is a new value; the old snapshot stays as it was."""
    session = paint_once(store, new_session(store).id)
    with store.edit(session.id) as edit:
        changed = replace(edit.session.layers[0], color=(9, 9, 9))
        edit.do("recolour", replace(edit.session.canvas, layers=(changed,)))
    assert session.layers[0].color == (1, 2, 3)
    assert edit.session.layers[0].color == (9, 9, 9)


def test_a_palette_stays_with_its_session(make_store):
    """It survives edits, undo and a restart, is no step of the history, counts as bytes, and goes when it is reset."""
    store = make_store()
    sid = new_session(store).id
    empty, brought = store.bytes_on_disk(), Palette("walls.gpl", (Paint("Old sage", (181, 199, 163)),))
    with store.edit(sid) as edit:
        edit.set_palette(brought)
    assert store.bytes_on_disk() > empty
    with store.edit(sid) as edit:
        edit.do("select", Canvas(Selection(None)))
    with store.edit(sid) as edit:
        edit.undo()
    again = make_store().get(sid)
    assert again.palette == edit.session.palette == brought
    assert again.can_undo == ""
    with store.edit(sid) as edit:
        edit.set_palette(None)
    assert make_store().get(sid).palette is None


def test_a_long_session_is_not_read_again(make_store, monkeypatch):
    """However many masks a session holds, its own changes and steps back read none of them from disk again, and one
    snapshot of it is kept: three of them would fill the memory of all."""
    store = make_store(memory=200_000)
    session_id = new_session(store).id
    read = []
    monkeypatch.setattr(records, "rle_from_bytes", lambda *args: read.append(args))
    for number in range(150):
        with store.edit(session_id) as edit:
            edit.add([mask(*((n % 5, n // 5) for n in range(20) if number + 1 >> n & 1))])
            edit.do("select", edit.session.canvas)
    with store.edit(session_id) as edit:
        edit.undo()
    session = store.get(session_id)
    assert len(session.masks) == 150
    assert session.can_redo == "select"
    assert not read
    assert store._snapshots.kept() == [(session_id, session.revision)]


def test_nothing_of_a_deleted_session_stays_in_the_file(store):
    """However the others' rows moved within the pages meanwhile."""
    chance, sessions = random.Random(3), []
    for number in range(90):
        sessions.append(new_session(store, f"house {number} of {'x' * chance.randint(0, 60)}").id)
        for _ in range(chance.randint(0, 5)):
            with store.edit(sessions[-1]) as edit:
                edit.do("paint " + "y" * chance.randint(0, 900), edit.session.canvas)
        if number % 2:
            gone = sessions.pop(chance.randrange(len(sessions)))
            store.delete(gone)
            held = b"".join(path.read_bytes() for path in store.masks_dir.iterdir())
            assert gone.encode() not in held
            assert sessions[-1].encode() in held


def test_what_takes_long_is_put_off(store, monkeypatch):
    """Deleting stays quick: a file that was written anew for long rests until a sweep, one that is too large always."""
    store._db._rests_until = time.monotonic() + 3600
    store.delete(new_session(store).id)
    store.sweep()
    assert store._db.is_put_off
    store._db._rests_until = 0.0
    store.sweep()
    assert not store._db.is_put_off
    monkeypatch.setattr(database, "MOST_REWRITTEN", 4096)
    store._db._rests_until = time.monotonic() + 3600
    store.delete(new_session(store).id)
    assert not store._db.is_put_off
