"""Whose files are whose: only what we made is deleted, and people's folders stay as they were."""

import fcntl
import logging
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from conftest import draw_building, to_png
from engines import FloodEngine

from sam2_painter.errors import Busy, InvalidInput, SessionNotFound
from sam2_painter.sessions import folders, private
from sam2_painter.sessions.store import SessionStore
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.types import Canvas

YEAR = 365 * 86400.0


def their_folder(folder):
    """A folder of somebody's pictures, old ones, in sub-folders, that everybody may read; and all that is in it."""
    for name in ("holiday2019/beach.jpg", "holiday2019/photo", "0123456789ab.png", f"{'x' * 24}/photo"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"theirs")
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    return everything(folder)


def everything(folder, ours=folders.SUBFOLDER):
    """What is in a folder, less our folders in it: path -> mode and bytes."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
        if not path.relative_to(folder).parts[0].startswith(ours)
    }


def work_and_expire(store, now):
    """Open, make a download, let everything expire, sweep; nothing of ours is left."""
    session = store.open("a.png", b"photo", "d", (4, 5))
    made = store.add_download(session.id, "k", "a", "png", "image/png", b"png")
    assert made.path.is_file()
    now[0] += YEAR
    assert store.sweep()
    assert not made.path.exists()
    with pytest.raises(SessionNotFound):
        store.get(session.id)


@pytest.mark.parametrize("which", ["upload_dir", "results_dir", "masks_dir"])
def test_a_folder_that_holds_other_things_gets_a_folder_of_ours(tmp_path, which, caplog):
    """People's files and their permissions stay; ours are in a folder beside them; the log says where; and the next
    start goes on there."""
    now = [2e9]
    given = {name: tmp_path / name for name in ("upload_dir", "masks_dir", "results_dir")}
    given[which] = tmp_path / "Pictures"
    before = their_folder(given[which])
    for _ in range(2):
        store = SessionStore(*given.values(), clock=lambda: now[0])
        assert getattr(store, which) == given[which] / "sam2_painter"
        assert "holds other files" in caplog.text
        work_and_expire(store, now)
        kept = store.open("a.png", b"photo", "d", (4, 5))
        store.close()
    assert everything(given[which]) == before
    assert stat.S_IMODE(given[which].stat().st_mode) == 0o755
    assert stat.S_IMODE((given[which] / "sam2_painter").stat().st_mode) == 0o700
    again = SessionStore(*given.values(), clock=lambda: now[0])
    assert again.photo_bytes(kept.id) == b"photo"
    again.close()


def settings_in(folder, **options):
    return Settings.from_env({"SAM2_PAINTER_DATA_DIR": str(folder), **options}).storage


def test_a_data_folder_that_holds_other_things_gets_a_folder_of_ours(tmp_path):
    """Also one with folders of the names that we use; the second start finds what the first one kept."""
    before = their_folder(tmp_path)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "cat.png").write_bytes(b"theirs")
    for _ in range(2):
        assert [path.relative_to(tmp_path).as_posix() for path in folders.from_settings(settings_in(tmp_path))] == [
            "sam2_painter/uploads",
            "sam2_painter/masks",
            "sam2_painter/results",
        ]
        SessionStore(*folders.from_settings(settings_in(tmp_path))).close()
    assert before.items() <= everything(tmp_path).items()
    assert sorted(os.listdir(tmp_path / "masks")) == ["cat.png"]


def test_a_data_folder_stays_ours_when_people_put_things_into_it(tmp_path):
    """Notes beside our folders do not hide the sessions; nor with the database somewhere else."""
    for environment in ({}, {"MASKS_DIR": str(tmp_path / "elsewhere")}):
        data = tmp_path / f"data{len(environment)}"
        store = SessionStore(*folders.from_settings(settings_in(data, **environment)))
        sid = store.open("a", b"photo", "d", (4, 5)).id
        store.close()
        (data / "notes.txt").write_text("mine")
        (data / "uploads" / "notes.txt").write_text("mine")
        again = SessionStore(*folders.from_settings(settings_in(data, **environment)))
        assert again.upload_dir == data / "uploads"
        assert again.photo_bytes(sid) == b"photo"
        again.close()


def test_a_program_may_change_its_folder(tmp_path, monkeypatch):
    """A data folder named from here stays where it was."""
    monkeypatch.chdir(tmp_path)
    store = SessionStore(*folders.from_settings(settings_in("data", MASKS_DIR="db")))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sid = store.open("a", b"photo", "d", (4, 5)).id
    assert (tmp_path / "data" / "uploads" / sid / "photo").is_file()
    store.close()


def test_a_data_folder_can_be_moved(tmp_path):
    """With everything in it, and a stranger's file beside the photos."""
    store = SessionStore(*folders.from_settings(settings_in(tmp_path / "old")))
    store.close()
    (tmp_path / "old" / "results" / "notes.txt").write_text("mine")
    (tmp_path / "old").rename(tmp_path / "new")
    store = SessionStore(*folders.from_settings(settings_in(tmp_path / "new")))
    assert store.results_dir == tmp_path / "new" / "results"
    store.close()


@pytest.mark.parametrize("name", sorted(folders._NOTHING))
def test_what_systems_leave_in_an_empty_folder_is_nothing(tmp_path, name):
    """The root of a volume, with its lost+found, is used as it is."""
    (tmp_path / name).mkdir()
    assert folders.from_settings(settings_in(tmp_path))[0] == tmp_path / "uploads"
    assert folders.masks_folder(tmp_path) == tmp_path


def test_permissions_of_a_folder_that_was_there_are_left_alone(tmp_path):
    """An empty folder that its group may read stays so; what we put into it is private."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o775)
    store = SessionStore(tmp_path / "shared", tmp_path / "m", tmp_path / "r")
    sid = store.open("a", b"photo", "d", (4, 5)).id
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o775
    assert stat.S_IMODE((tmp_path / "shared" / sid).stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o700
    store.close()


def test_two_instances_share_upload_and_result_folders(tmp_path):
    """With a database each: neither deletes the other's photos or downloads, however old, and each its own."""
    now = [time.time()]
    one, two = (
        SessionStore(tmp_path / "uploads", tmp_path / name, tmp_path / "results", clock=lambda: now[0])
        for name in ("one", "two")
    )
    mine = one.open("a", b"mine", "d", (4, 5)).id
    made = one.add_download(mine, "k", "a", "png", "image/png", b"png")
    for path in (*tmp_path.glob("uploads/**/*"), *tmp_path.glob("results/**/*")):
        os.utime(path, (1, 1))
    two.open("b", b"theirs", "d", (4, 5))
    two.sweep()
    now[0] += YEAR
    assert two.sweep() == 1
    now[0] -= YEAR
    assert one.photo_bytes(mine) == b"mine"
    assert made.path.read_bytes() == b"png"
    three = SessionStore(tmp_path / "uploads", tmp_path / "three", tmp_path / "results")
    assert three.upload_dir.parent == tmp_path / "uploads"  # it was not empty when this one came
    for store in (one, two, three):
        store.close()


def test_one_folder_for_everything(tmp_path):
    """UPLOAD_DIR, MASKS_DIR and RESULTS_DIR may be one folder: a sweep does not take photos for lost downloads."""
    now = [2e9]
    store = SessionStore(tmp_path, tmp_path, tmp_path, clock=lambda: now[0])
    assert (store.upload_dir, store.masks_dir, store.results_dir) == (tmp_path,) * 3
    sid = store.open("a", b"photo", "d", (4, 5)).id
    made = store.add_download(sid, "k", "a", "png", "image/png", b"png")
    for path in tmp_path.rglob("*"):
        os.utime(path, (1, 1))
    store.sweep()
    assert store.photo_bytes(sid) == b"photo"
    assert made.path.is_file()
    store.delete(sid)
    assert all(name.startswith("sessions.sqlite3") for name in os.listdir(tmp_path))
    store.close()


def test_what_people_put_into_a_sessions_folder_stays(tmp_path):
    """Deleting the session deletes what we wrote there."""
    store = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r")
    sid = store.open("a", b"photo", "d", (4, 5)).id
    (tmp_path / "u" / sid / "notes.txt").write_text("mine")
    store.delete(sid)
    assert [path.name for path in (tmp_path / "u").rglob("*")] == [sid, "notes.txt"]
    store.close()


@pytest.mark.parametrize("beside", [None, "app.ini"])
def test_another_programs_database_is_left_alone(tmp_path, beside):
    """A sessions.sqlite3 that is not ours is not migrated, alone in its folder or not; ours goes beside."""
    with sqlite3.connect(tmp_path / "sessions.sqlite3") as db:
        db.execute("CREATE TABLE sessions (user TEXT)")
    db.close()
    if beside:
        (tmp_path / beside).write_text("theirs")
    before = everything(tmp_path)
    store = SessionStore(tmp_path / "u", tmp_path, tmp_path / "r")
    assert store.masks_dir == tmp_path / "sam2_painter"
    store.close()
    assert before.items() <= everything(tmp_path).items()


def test_a_link_in_place_of_a_sessions_folder_is_not_followed(tmp_path):
    """Whoever can write to the folder cannot make us delete through it."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "photo").write_bytes(b"theirs")
    store = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r")
    sid = store.open("a", b"photo", "d", (4, 5)).id
    shutil.rmtree(tmp_path / "u" / sid)
    (tmp_path / "u" / sid).symlink_to(theirs)
    store.delete(sid)
    assert (theirs / "photo").read_bytes() == b"theirs"
    store.close()


def test_a_sweep_says_what_it_deleted(tmp_path, caplog):
    """How much at INFO, and every name at DEBUG; nothing when there was nothing to do."""
    now = [2e9]
    store = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r", clock=lambda: now[0])
    sid = store.open("a", b"photo", "d", (4, 5)).id
    with caplog.at_level(logging.DEBUG, "sam2_painter"):
        store.sweep()
        assert not caplog.records
        now[0] += YEAR
        store.sweep()
    (told,) = [record for record in caplog.records if record.levelno == logging.INFO]
    assert told.fields == {"sessions": 1, "files": 2}
    assert {record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG} == {
        f"deleted {tmp_path / 'u' / sid / 'photo'}",
        f"deleted {tmp_path / 'u' / sid}",
    }
    store.close()


# -- clocks and limits


def test_a_clock_set_forward_loses_nobody(tmp_path):
    """A day's jump leaves sessions as idle as they were before it; time that really passes still counts."""
    wall, steady = [2e9], [50.0]
    store = SessionStore(
        tmp_path / "u", tmp_path / "m", tmp_path / "r", clock=lambda: wall[0], steady=lambda: steady[0]
    )

    def wait(seconds):
        wall[0] += seconds
        steady[0] += seconds

    old = store.open("a", b"photo", "d", (4, 5)).id
    wait(3000)
    young = store.open("a", b"photo", "d", (4, 5)).id
    wall[0] += 86400
    assert store.sweep() == 0
    assert store.get(young).id == young
    wait(601)
    with pytest.raises(SessionNotFound):
        store.get(old)
    wait(3000)
    store.sweep()
    assert store.ids() == []
    store.close()


def test_a_session_at_work_makes_no_room(tmp_path):
    """Work of more than a minute, such as every mask, is not taken for idle when the store is full."""
    now = [2e9]
    store = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r", max_sessions=1, clock=lambda: now[0])
    sid = store.open("a", b"photo", "d", (4, 5)).id
    with store.edit(sid) as edit:
        now[0] += 7200
        with pytest.raises(Busy, match="no room"):
            store.open("b", b"photo", "d", (4, 5))
        edit.do("nothing", Canvas())
    assert store.ids() == [sid]
    now[0] += 120
    assert store.open("b", b"photo", "d", (4, 5)).id
    store.close()


def test_paint_and_downloads_keep_to_the_limit_on_disk(tmp_path):
    """History and downloads count like photos: past --max-disk they are refused, and nothing is changed; idle sessions
    make room; deleting always works."""
    now, most = [2e9], 2_000_000
    store = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r", max_disk=most, clock=lambda: now[0])
    idle = store.open("a", bytes(500_000), "d", (4, 5)).id
    now[0] += 120
    sid = store.open("b", bytes(500_000), "d", (4, 5)).id
    while store.count() == 2:
        store.add_download(sid, "k", "a", "png", "image/png", bytes(30_000))
    assert store.ids() == [sid]
    with pytest.raises(Busy, match="no room"):
        for i in range(100):
            store.add_download(sid, f"{i}", "a", "png", "image/png", bytes(100_000))
    assert store.bytes_on_disk() <= most
    before, refused = store.get(sid), 0
    while refused < 3:
        try:
            with store.edit(sid) as edit:
                edit.do("much", Canvas())
        except Busy:
            refused += 1
    assert store.bytes_on_disk() <= most * 1.02
    assert store.get(sid).revision >= before.revision
    with store.edit(sid) as edit:
        edit.undo()
    store.delete(sid)
    assert store.open("c", bytes(500_000), "d", (4, 5)).id not in (idle, sid)
    store.close()


# -- temporary folders


HOLD = (
    "import sys, time; from sam2_painter.sessions import private; print(private.folder(), flush=True); time.sleep(99)"
)


def hold(temporary, *before):
    """A process with a private folder in `temporary`, and the folder. before: a command to start it with."""
    holder = subprocess.Popen(
        [*before, sys.executable, "-c", HOLD],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    return holder, Path(holder.stdout.readline().strip())


def test_temporary_folders_of_dead_processes_go(tmp_path):
    """A killed process's at the next start; never a living one's, nor what only looks like ours."""
    (living, theirs), (killed, left) = hold(tmp_path), hold(tmp_path)
    for folder in (theirs, left):
        (folder / "photo").write_bytes(b"photo")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    strangers = [tmp_path / name for name in ("sam2_painter_notes", "sam2_painter_7_x", "sam2_painter")]
    for folder in strangers:
        folder.mkdir()
    killed.kill()
    killed.wait()
    try:
        assert private.sweep(tmp_path) == 1
        assert not left.exists()
        assert (theirs / "photo").is_file()
        assert all(folder.is_dir() for folder in strangers)
    finally:
        living.kill()
        living.wait()
    assert private.sweep(tmp_path) == 1


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_living_process_of_another_container_keeps_its_folder(tmp_path):
    """Containers that share a temporary folder have processes of the same numbers: the lock counts, not the number."""
    holder, folder = hold(tmp_path, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    if folder == Path():
        pytest.skip("processes cannot be numbered anew here (it takes root)")
    try:
        assert private.sweep(tmp_path) == 0
        assert folder.is_dir()
    finally:
        holder.kill()
        holder.wait()


def test_a_folder_that_a_cleaner_took_away_comes_back_private(tmp_path):
    """As it was, 0700 and locked, also where somebody made it again for everybody to read."""
    made = private.folder(tmp_path)
    for again in (lambda: None, made.mkdir):
        shutil.rmtree(made)
        again()
        private.restore(made)
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert private._lock(made) is None
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert private._lock(made) is None
    private.remove(made)
    assert not made.exists()


def test_a_folder_of_others_is_not_restored(tmp_path):
    """Only what we made is made again."""
    private.restore(tmp_path / "none")


class Msvcrt:
    """Windows' module, as far as it locks: another opening of the file cannot lock what one has locked."""

    LK_NBLCK = 2

    @staticmethod
    def locking(descriptor, mode, count):
        assert (mode, count) == (Msvcrt.LK_NBLCK, 1)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises OSError, as `locking` does


def test_where_folders_cannot_be_locked_a_file_in_them_is(tmp_path, monkeypatch):
    """As on Windows: a living folder stays, a dead one goes, one that was taken away is made and locked again."""
    monkeypatch.setattr(private, "fcntl", None)
    monkeypatch.setattr(private, "msvcrt", Msvcrt)
    monkeypatch.delattr(os, "getuid")
    monkeypatch.setattr(Path, "lstat", lambda path: _of_user_0(os.lstat(path)))
    made = private.folder(tmp_path)
    known = private._ours.pop(made)  # as another process would see it
    assert private.sweep(tmp_path) == 0
    private._ours[made] = known
    shutil.rmtree(made)
    private.restore(made)
    assert private._lock(made) is None
    _, lock = private._ours.pop(made)
    os.close(lock)  # the process is dead
    assert private.sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def _of_user_0(status):
    return os.stat_result((*status[:4], 0, *status[5:10]))


def test_where_nothing_can_be_locked_nothing_is_swept(tmp_path, monkeypatch):
    """Nobody could tell a dead folder from a living one."""
    monkeypatch.setattr(private, "fcntl", None)
    monkeypatch.setattr(private, "msvcrt", None)
    made = private.folder(tmp_path)
    private._ours.pop(made)
    assert private.sweep(tmp_path) == 0
    assert made.is_dir()
    assert not (tmp_path / "none").exists()


def test_a_store_whose_folders_were_taken_away_goes_on(tmp_path):
    """Opening a photo and making a download work again at once; a photo that is gone is one sentence."""
    studio = Studio(FloodEngine(), SessionStore(tmp_path / "d" / "u", tmp_path / "d" / "m", tmp_path / "d" / "r"))
    studio.open(to_png(draw_building()))
    shutil.rmtree(tmp_path / "d")
    sid = studio.open(to_png(draw_building())).id
    assert studio.download(sid, painted=False, format="PNG").path.is_file()
    assert stat.S_IMODE((tmp_path / "d" / "u").stat().st_mode) == 0o700
    studio.sessions.close()


# -- no home


ALONE = """
    import logging, os, platformdirs  # the environment that runs the tests may be readable by its owner only
    logging.basicConfig()
    from sam2_painter.settings import Settings
    from sam2_painter.sessions import folders
    from sam2_painter.sessions.store import SessionStore
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)
    store = SessionStore(*folders.from_settings(Settings.from_env().storage))
    print(store.upload_dir, store.open("a", b"photo", "d", (4, 5)).id)
"""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="becomes another user: takes root")
@pytest.mark.parametrize("home", [None, "/", "/nonexistent"], ids=["unset", "not ours", "missing"])
def test_an_unknown_user_without_a_home_works(tmp_path, home):
    """As in a container that runs under any number: in a temporary folder, with a sentence that says so."""
    temporary = Path(tempfile.mkdtemp())  # pytest's own may only be entered by root
    temporary.chmod(0o777)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary), "PYTHONPATH": os.getcwd()}
    environment |= {} if home is None else {"HOME": home}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ALONE)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(temporary))
    assert "--data-dir" in done.stderr
    assert not list(temporary.iterdir())  # it went with the process
    temporary.rmdir()


def test_a_home_that_nobody_knows_is_one_sentence(monkeypatch):
    """~somebody in a flag, without such a somebody."""
    with pytest.raises(InvalidInput, match=r"--data-dir ~nobody_here/x: that home folder is not known"):
        settings_in("~nobody_here/x")


# -- the server


def test_an_ipv6_address_is_served(launch):
    """The page and the API answer there; a port that is taken is what is said to be taken."""
    import socket

    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    live = launch(host="::1")
    assert live.url.startswith("http://[::1]:")
    assert live.http.get(f"{live.url}/").status_code == 200
    assert live.http.get("/health").status_code == 200
    with pytest.raises(InvalidInput, match=rf"^Port {live.settings.port} of ::1 cannot be had"):
        launch(host="::1", port=live.settings.port)
    with pytest.raises(InvalidInput, match="no address of this machine") as caught:
        launch(host="203.0.113.7")
    assert caught.value.field == "host"


# -- Gradio's temporary folder


def gradio_upload(live, data, **options):
    """The reply to a file at Gradio's door for uploads."""
    return live.http.post(f"{live.url}/gradio_api/upload", files={"files": ("p.png", data)}, **options)


def test_uploads_and_downloads_survive_a_cleaner_of_temporary_files(launch):
    """The folder comes back as private as it was, whichever door needs it first."""
    from conftest import Doors

    from sam2_painter.web import files

    live = launch()
    doors, folder = Doors(live), files.use_private_folder()
    made = doors.http("download_image", session_id=doors.open()).json()["filename"]
    shutil.rmtree(folder)
    assert gradio_upload(live, to_png(draw_building())).status_code == 200
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    shutil.rmtree(folder)
    assert doors.gradio("download_file", filename=made)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_given_temporary_folder_is_not_swept(tmp_path):
    """GRADIO_TEMP_DIR is where our folder is made; what lies beside it stays, however old."""
    code = (
        "import os; from sam2_painter.web import files; folder = files.use_private_folder();"
        "print(folder.parent, os.environ['GRADIO_TEMP_DIR'] == str(folder)); files.sweep(folder, -1)"
    )
    given = tmp_path / "temporary"
    given.mkdir()
    before = their_folder(given)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GRADIO_TEMP_DIR": str(given)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(given), "True"], done.stderr
    assert everything(given, ours="nothing") == before


def test_other_apps_of_the_process_keep_their_temporary_files():
    """What another app of Gradio's keeps in the folder that its environment names, in a notebook say, is not swept."""
    from gradio.utils import get_upload_folder

    from sam2_painter.web import files

    ours = files.use_private_folder()
    theirs = Path(get_upload_folder()) / ("0" * 64) / "picture.png"
    theirs.parent.mkdir()
    theirs.write_bytes(b"theirs")
    (ours / "old").mkdir()
    (ours / "old" / "upload.png").write_bytes(b"ours")
    for path in (theirs, theirs.parent, ours / "old" / "upload.png"):
        os.utime(path, (1, 1))
    files.sweep(ours)
    assert theirs.read_bytes() == b"theirs"
    assert not (ours / "old" / "upload.png").exists()
    shutil.rmtree(theirs.parent)


def test_what_lies_in_the_temporary_folder_counts(launch):
    """Uploads that nobody opens fill no more than --max-disk; then 503, with when to come back."""
    from sam2_painter.web import files

    files.sweep(files.use_private_folder(), older_than=-1)
    live = launch(max_disk=3_000_000)
    statuses = [gradio_upload(live, os.urandom(1_000_000)).status_code for _ in range(4)]
    assert statuses == [200, 200, 503, 503]
    refused = gradio_upload(live, os.urandom(1_000_000))
    assert "no room for another file" in refused.json()["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    files.sweep(files.use_private_folder(), older_than=-1)
    assert gradio_upload(live, os.urandom(1_000_000)).status_code == 200


def test_a_full_temporary_disk_is_one_sentence(launch, monkeypatch):
    """At Gradio's door for uploads, and where a download is lent to Gradio: never 500."""
    import errno

    from conftest import Doors

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    live = launch()
    doors = Doors(live)
    made = doors.http("download_image", session_id=doors.open()).json()["filename"]
    monkeypatch.setattr("sam2_painter.web.api.uploads.shutil.copyfileobj", full)
    refused = gradio_upload(live, to_png(draw_building()))
    assert refused.status_code == 503
    assert "No space left on device" in refused.json()["detail"]
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(Exception, match="No space left on device"):
        doors.gradio("download_file", filename=made)
    monkeypatch.undo()
    assert gradio_upload(live, to_png(draw_building())).status_code == 200
