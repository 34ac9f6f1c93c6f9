"""Killed at any moment, ended at any moment: what was acknowledged is there, and nothing else stays."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from conftest import draw_building, eventually, free_port, make_studio, to_png

from sam2_painter.types import Coat

KILLS = 40
APP = Path(__file__).parents[1] / "app.py"


def _write(folder, seed, tell):
    """Work without end on several sessions; `tell` each action after it was acknowledged, and before each delete."""
    studio = make_studio(folder)
    rng = random.Random(seed)
    photo = to_png(draw_building(120, 90))
    sids = [sid for sid in studio.sessions.ids() if rng.random() < 0.7][-4:]
    while True:
        action = rng.choices(["open", "paint", "undo", "download", "project", "delete"], [2, 8, 2, 3, 1, 1])[0]
        if action == "open" or not sids:
            sid = studio.open(photo, f"{seed}.png").id
            tell.send(("opened", sid, None))
            studio.click(sid, 60, 54)
            sids.append(sid)
            continue
        sid = rng.choice(sids)
        if action == "delete":
            tell.send(("deleting", sid, None))
            sids.remove(sid)
            studio.close(sid)
            tell.send(("deleted", sid, None))
        elif action == "paint" and studio.session(sid).masks:
            color = tuple(rng.randrange(256) for _ in range(3))
            tell.send(("painting", sid, color))
            session = studio.paint(sid, [Coat(color, 0)])
            tell.send(("painted", sid, (session.revision, color)))
        elif action == "undo" and studio.session(sid).can_undo:
            tell.send(("undoing", sid, None))
            session = studio.undo(sid)
            tell.send(("painted", sid, (session.revision, session.layers[0].color if session.layers else None)))
        elif action in ("download", "project"):
            made = studio.download(sid, format="JPG") if action == "download" else studio.export(sid, "project")
            tell.send(("made", sid, made.filename))


def _killed_writer(context, folder, seed):
    """What a writer acknowledged before it was killed -9, after some of its messages, at a random moment."""
    chance = random.Random(seed)
    receiving, sending = context.Pipe(duplex=False)
    writer = context.Process(target=_write, args=(folder, seed, sending))
    writer.start()
    sending.close()
    told = [receiving.recv() for _ in range(chance.randint(4, 32))]
    threading.Timer(chance.uniform(0.0, 0.02), os.kill, (writer.pid, signal.SIGKILL)).start()
    try:
        while True:
            told.append(receiving.recv())
    except EOFError:
        pass
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    return told


class Acknowledged:
    """What writers were told before they were killed, and what the folder must hold after it.

    known: by session the least revision and, where it was painted, the colour. files: by name of a download its
    session. doing: what a session was in the middle of.
    """

    def __init__(self):
        self.count, self.known, self.files, self.doing = 0, {}, {}, {}

    def told(self, event, sid, value):
        self.count += 1
        match event:
            case "opened":
                self.known[sid] = (0, None)
            case "painting" | "undoing" | "deleting":
                self.doing[sid] = event
            case "painted":
                self.known[sid] = value
                self.doing.pop(sid, None)
            case "made":
                self.files[value] = sid
            case "deleted":
                self.doing.pop(sid)
                self.forget(sid)

    def forget(self, sid):
        self.known.pop(sid)
        self.files = {name: owner for name, owner in self.files.items() if owner != sid}

    def check(self, studio):
        """All of it is there, every session opens, every file is as long as it was."""
        there = set(studio.sessions.ids())
        for sid in [sid for sid, what in self.doing.items() if what == "deleting"]:
            self.doing.pop(sid)
            if sid not in there:  # whether it went before the kill nobody was told
                self.forget(sid)
        assert set(self.known) <= there
        for sid in there:
            session = studio.session(sid)
            assert studio.photo(sid).size == (90, 120)
            revision, color = self.known.get(sid, (0, None))
            if color is not None and sid not in self.doing:
                assert session.layers[0].color == color
            assert session.revision >= revision
            self.known[sid] = (session.revision, session.layers[0].color if session.layers else None)
        self.doing.clear()
        for name, sid in self.files.items():
            made = studio.sessions.download(name)
            assert (made.session_id, made.path.stat().st_size) == (sid, made.size_bytes)


@pytest.mark.timeout(600)
def test_forty_kills_lose_nothing(tmp_path):
    """After each of 40 kills -9 in the middle of writes everything acknowledged is there, every session opens and can
    be painted on, every file is as it was; at the end one sweep leaves no file that nobody owns."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["sam2_painter.studio.studio", "pytest", "httpx", "scipy.ndimage", "PIL.PngImagePlugin"]
    )
    acknowledged = Acknowledged()
    for seed in range(KILLS):
        for event, sid, value in _killed_writer(context, tmp_path, seed):
            acknowledged.told(event, sid, value)
        studio = make_studio(tmp_path)
        acknowledged.check(studio)
        studio.sessions.close()
    assert acknowledged.count > 10 * KILLS

    studio = make_studio(tmp_path)
    for path in tmp_path.rglob("*"):
        if "masks" not in path.parts:
            os.utime(path, (1, 1))
    studio.sessions.sweep()
    assert _files(tmp_path) == _owned(studio.sessions)
    assert {path.name for path in (tmp_path / "masks").iterdir()} <= {
        "sessions.sqlite3",
        "sessions.sqlite3-wal",
        "sessions.sqlite3-shm",
    }
    for sid in studio.sessions.ids():
        studio.click(sid, 60, 54)
        studio.close(sid)
    assert not [path for name in ("uploads", "results") for path in (tmp_path / name).iterdir()]
    studio.sessions.close()


def _files(folder):
    return {path for name in ("uploads", "results") for path in (folder / name).rglob("*") if path.is_file()}


def _owned(sessions):
    photos = {sessions.photo_path(sid) for sid in sessions.ids()}
    return photos | {one.path for sid in sessions.ids() for one in sessions.downloads(sid)}


# -- the program itself


@pytest.fixture
def start(tmp_path):
    """Starts app.py on the offline engine; gives the process and a client."""
    pytest.importorskip("gradio", reason="the app needs gradio")
    (tmp_path / "tmp").mkdir()
    running = []

    def go(*flags):
        port = free_port()
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("SAM2_", "GRADIO_", "MODAL_"))
        }
        process = subprocess.Popen(
            [sys.executable, str(APP), "--engine", "offline", "--port", str(port), *flags],
            env={**kept, "TMPDIR": str(tmp_path / "tmp"), "SAM2_PAINTER_DATA_DIR": str(tmp_path / "data")},
            stdout=subprocess.DEVNULL,
            stderr=open(tmp_path / f"log-{port}", "w"),  # noqa: SIM115  # the process's own
            cwd=tmp_path,
        )
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=60)
        running.append((process, client))
        ends = time.monotonic() + 240
        while time.monotonic() < ends:
            assert process.poll() is None, "it ended"
            try:
                if client.get("/health").status_code == 200:
                    return process, client
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError("it did not come up")

    yield go
    for process, client in running:
        client.close()
        process.kill()
        process.wait()


def test_the_server_killed_and_ended_in_the_middle_of_work(start, tmp_path):
    """kill -9 while clients paint over HTTP: after a restart each of them finds what it was answered, and the killed
    process's temporary photos are gone. SIGTERM while they work: everything answered is kept, the program ends within
    10 seconds with status 0, and leaves no temporary file. No secret is in its log, which is at DEBUG."""
    answered = {}

    def paint(client, sid, stop):
        color = 0
        while not stop.is_set():
            color += 1
            body = {"session_id": sid, "mask_id": 0, "color": f"#{color:06x}", "image_format": "none"}
            try:
                reply = client.post("/paint-mask", json=body)
            except httpx.TransportError:
                return
            if reply.status_code != 200:
                return
            answered[sid] = color

    def work(client, count, then):
        stop, threads = threading.Event(), []
        for i in range(count):
            photo = {"file": (f"{i}.png", to_png(draw_building(100 + i, 80)))}
            sid = client.post("/upload", files=photo).json()["session_id"]
            reply = client.post("/segment", json={"session_id": sid, "points": [{"x": 50, "y": 50}]})
            assert reply.status_code == 200, reply.text
            threads.append(threading.Thread(target=paint, args=(client, sid, stop)))
        before = dict(answered)
        for thread in threads:
            thread.start()
        assert eventually(lambda: len(answered) == len(before) + count)
        then()
        stop.set()
        for thread in threads:
            thread.join()

    def sent():
        return list((tmp_path / "tmp").glob("sam2_painter_*/*/a.png"))

    def check(client):
        assert answered
        for sid, color in answered.items():
            assert client.get(f"/session/{sid}").status_code == 200
            made = client.post("/save-project", json={"session_id": sid}).json()
            project = _project(client.get(made["image_url"]).content)
            red, green, blue = project["canvas"]["layers"][0]["color"]
            assert red * 65536 + green * 256 + blue >= color

    process, client = start()
    client.post(str(client.base_url).replace("/api/", "/gradio_api/upload"), files={"files": ("a.png", b"private")})
    assert sent()
    work(client, 3, process.kill)
    process.wait()

    secrets = ["painter:pass-word-77", "pass-word-77", "token-88"]
    flags = ["--log-level", "DEBUG", "--auth", secrets[0], "--auth-token", secrets[2]]
    process, client = start(*flags)
    assert not sent()
    client.headers["Authorization"] = f"Bearer {secrets[2]}"
    check(client)

    def end():
        client.post(str(client.base_url).replace("/api/", "/gradio_api/upload"), files={"files": ("a.png", b"private")})
        process.send_signal(signal.SIGTERM)
        process.wait(200)  # 10 where nothing else runs

    work(client, 3, end)
    assert process.returncode == 0
    assert not sent()
    log = "".join(path.read_text() for path in tmp_path.glob("log-*"))
    assert "paint" in log
    assert "Traceback" not in log
    for secret in secrets:
        assert secret not in log
    store = make_studio(tmp_path / "data").sessions
    for sid, color in answered.items():
        red, green, blue = store.get(sid).layers[0].color
        assert red * 65536 + green * 256 + blue >= color
    store.close()


def _project(data):
    import io
    import zipfile

    return json.loads(zipfile.ZipFile(io.BytesIO(data)).read("project.json"))


HANGING = """
    import pathlib, sys, threading
    sys.path[:0] = [{tests!r}, {root!r}]
    import app
    from engines import FloodEngine
    from sam2_painter.engines import choice, base

    class Hanging(FloodEngine):
        name, title = "hanging/1", "Hanging engine"
        def predict(self, embedding, prompts):
            pathlib.Path({asked!r}).touch()
            threading.Event().wait()

    base.register("offline", "__main__:Hanging")
    app.main(["--engine", "offline", "--port", {port!r}])
"""


def test_an_engine_that_hangs_does_not_keep_the_program(tmp_path):
    """SIGTERM while an engine never comes back: the program ends all the same, in the seconds it gives to what runs."""
    import textwrap

    pytest.importorskip("gradio", reason="the app needs gradio")
    port = free_port()
    asked, tests = tmp_path / "asked", Path(__file__).parent
    code = textwrap.dedent(HANGING).format(tests=str(tests), root=str(APP.parent), port=str(port), asked=str(asked))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAM2_", "GRADIO_", "MODAL_"))}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**kept, "TMPDIR": str(tmp_path), "SAM2_PAINTER_DATA_DIR": str(tmp_path / "data")},
        stderr=open(tmp_path / "log", "w"),  # noqa: SIM115  # the process's own
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        up = any(line.startswith("SAM2 Painter: ") for line in process.stdout)
        assert up, (tmp_path / "log").read_text()
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=60)
        sid = client.post("/upload", files={"file": ("a.png", to_png(draw_building()))}).json()["session_id"]
        replies = []

        def segment():
            replies.append(client.post("/segment", json={"session_id": sid, "points": [{"x": 100, "y": 90}]}))

        thread = threading.Thread(target=segment)
        thread.start()
        assert eventually(asked.exists)
        process.send_signal(signal.SIGTERM)
        process.wait(200)  # 10 where nothing else runs
        thread.join()
        assert process.returncode == 0
        assert replies[0].status_code == 503
    finally:
        process.kill()
        process.communicate()
