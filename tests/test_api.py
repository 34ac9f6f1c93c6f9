"""Gradio's own API: one table, named endpoints that document themselves, files in and out."""

import asyncio
import base64
import inspect
import subprocess
import sys
import threading
import time
from functools import partial

import httpx
import pytest
from conftest import Doors, draw_building, eventually, to_png
from engines import FloodEngine

pytest.importorskip("gradio_client", reason="the doors need gradio")

from pydantic import TypeAdapter

from sam2_painter.errors import Busy, Cancelled, InvalidInput, TimeLimitExceeded, TooManyRequests
from sam2_painter.jobs.deadline import check
from sam2_painter.jobs.rate import Rate
from sam2_painter.jobs.workers import Workers
from sam2_painter.sessions.downloads import Download
from sam2_painter.web import files as web_files
from sam2_painter.web.api.endpoints import ENDPOINTS, Service, WrongType
from sam2_painter.web.api.operations import (
    files,
    layers,
    masks,
    paint,
    recipes,
    selecting,
    server,
    sessions,
    state,
    walls,
)
from sam2_painter.web.api.schemas import Attachment, Caller

# -- the table -------------------------------------------------------------------------------------------------------


def test_every_verb_is_in_the_table_and_none_is_written_twice():
    """The public functions of `operations`, less what is none, are the table's; a name and a path stand there once."""
    public = {
        function
        for module in (files, layers, masks, paint, recipes, selecting, server, sessions, state, walls)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    in_table = {endpoint.verb for endpoint in ENDPOINTS}
    helpers = {"download_url", "made_download", "coat_of", "prompt_of", "rough_mask"}
    assert {function.__name__ for function in public - in_table} == helpers
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == len(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_an_endpoint_documents_itself(endpoint):
    """A sentence for the verb, one for each field; a type for every field and for the reply."""
    assert endpoint.summary.rstrip(".").count(" ") > 2
    assert endpoint.descriptions.keys() == endpoint.fields.keys()
    assert all(endpoint.descriptions.values())
    assert "return" in endpoint.hints
    if endpoint.hints["return"] is not Download:
        TypeAdapter(endpoint.hints["return"]).json_schema()


def test_the_clients_documentation_reads_well(doors: Doors):
    """view_api() shows every endpoint with its types, defaults and the verbs' own words."""
    shown = doors.client.view_api(return_format="str")
    told = doors.client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert told.keys() == {f"/{endpoint.name}" for endpoint in ENDPOINTS}
    for endpoint in ENDPOINTS:
        assert told[f"/{endpoint.name}"]["description"].startswith(endpoint.summary)
        for text in endpoint.descriptions.values():
            assert text in shown
    segment = {p["parameter_name"]: p for p in told["/segment"]["parameters"]}
    assert "x: float, y: float" in segment["points"]["python_type"]["type"]
    assert segment["mask_format"]["parameter_default"] == "png"
    assert "mask_id: int" in told["/segment"]["returns"][0]["python_type"]["type"]


def test_types_are_checked_before_the_verb(studio):
    """A wrong type names the field; null stands for "not given" only where there is a default."""
    endpoint = next(one for one in ENDPOINTS if one.name == "paint_mask")
    with pytest.raises(WrongType, match="color"):
        endpoint.call(studio, Caller(), {"session_id": "x", "color": None})
    with pytest.raises(WrongType, match="opacity"):
        endpoint.call(studio, Caller(), {"session_id": "x", "color": "red", "opacity": "0.5"})
    upload = next(one for one in ENDPOINTS if one.name == "upload")
    with pytest.raises(WrongType, match=r"^file: Input should be a file, base64 text or a data URL$"):
        upload.call(studio, Caller(), {"file": 7})


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/etc/hostname",
        "/etc/../etc/hostname",
        "../../etc/hostname",
        "",
        "/",
        "x\0y",
        "a" * 5000,
        "http://example.com/a.png",
    ],
    ids=["absolute", "dots", "relative", "empty", "folder", "null", "long", "url"],
)
def test_only_uploaded_files_are_read(tmp_path, path):
    """A path that was not uploaded here is refused, whatever it looks like."""
    with pytest.raises(InvalidInput, match="upload"):
        web_files.uploaded({"path": path}, tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    """What counts is where a path leads."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(b"x")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(InvalidInput):
        web_files.uploaded({"path": str(folder / "link.png")}, folder)


def test_a_raw_caller_cannot_name_a_file_of_the_server(doors: Doors, tmp_path):
    """Straight to Gradio's queue, around its client: the server's own files stay its own."""
    (tmp_path / "private.png").write_bytes(to_png(draw_building()))
    file = {"path": str(tmp_path / "private.png"), "meta": {"_type": "gradio.FileData"}}
    for sent in (file, {"path": str(tmp_path / "private.png")}):
        begun = httpx.post(f"{doors.live.url}/gradio_api/call/upload", json={"data": [sent, ""]}, timeout=60)
        if begun.status_code == 200:
            told = httpx.get(f"{doors.live.url}/gradio_api/call/upload/{begun.json()['event_id']}", timeout=60).text
            assert "session_id" not in told
            assert "event: error" in told


def test_curl_can_do_it_too(doors: Doors):
    """Upload, call with named fields, read the events: what any HTTP client does."""
    root = f"{doors.live.url}/gradio_api"
    (path,) = httpx.post(f"{root}/upload", files={"files": ("house.png", to_png(draw_building()))}, timeout=60).json()
    body = {"file": {"path": path, "meta": {"_type": "gradio.FileData"}}}
    begun = httpx.post(f"{root}/call/v2/upload", json=body, timeout=60).json()
    told = httpx.get(f"{root}/call/upload/{begun['event_id']}", timeout=60).text
    assert "event: complete" in told
    assert '"session_id"' in told


def test_swept_is_what_is_old(tmp_path):
    """Old files go with the old folders they leave empty; what is new stays, a folder that waits for its file too."""
    import os

    def aged(path, seconds):
        os.utime(path, (time.time() - seconds,) * 2)

    for name, age in (("a/old.png", 1000), ("b/new.png", 0), ("b/old.png", 1000)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        aged(path, age)
    for name, age in (("a", 1000), ("b", 1000), ("c", 1000), ("d", 0)):
        (tmp_path / name).mkdir(exist_ok=True)
        aged(tmp_path / name, age)
    assert web_files.sweep(tmp_path, older_than=500) == 2
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["b", "b/new.png", "d"]


def test_gradios_folder_is_private():
    """Nobody else on the machine can look into it."""
    assert web_files.use_private_folder().stat().st_mode & 0o077 == 0


def test_base64_is_an_attachment(tmp_path):
    """Text instead of a file."""
    assert web_files.uploaded("AAAA", tmp_path) == Attachment("AAAA")


# -- work ------------------------------------------------------------------------------------------------------------


def test_a_client_that_cancels_stops_the_engine(launch):
    """job.cancel() ends the work at its next step; nothing is kept."""
    engine = FloodEngine(wait=100)
    doors = Doors(launch(engine))
    session_id = doors.open()
    job = doors.client.submit(session_id, api_name="/generate_masks")
    assert eventually(lambda: engine.asked["generate"])
    job.cancel()
    assert eventually(lambda: engine.stopped == "Cancelled")
    assert doors.http("session_info", session_id=session_id).json()["stored_masks"] == {}


def test_a_client_that_goes_away_stops_the_engine(launch):
    """A program that ends, or a tab that is closed, in the middle of something: nothing is kept of it."""
    engine = FloodEngine(wait=100)
    live = launch(engine)
    session_id = Doors(live).open()
    code = (
        "import sys, time; from gradio_client import Client; client = Client(sys.argv[1], verbose=False)\n"
        "job = client.submit(sys.argv[2], api_name='/generate_masks')\n"
        "while job.status().code.name != 'PROCESSING': time.sleep(0.02)\n"
        "print('waits', flush=True); time.sleep(100)"
    )
    program = subprocess.Popen([sys.executable, "-c", code, live.url, session_id], stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "waits\n"  # on its stream of answers
    assert eventually(lambda: engine.asked["generate"])
    program.kill()
    program.communicate()
    assert eventually(lambda: engine.stopped == "Cancelled")


def test_work_past_its_limit_is_left_alone():
    """Who asked is answered at once; the thread finds out at its next check, and what it made is thrown away."""
    goes_on, outcome = threading.Event(), []

    def work():
        goes_on.wait(60)
        try:
            check()
        except Cancelled as error:
            outcome.append(error)
            raise

    async def run():
        workers = Workers(threads=1)
        with pytest.raises(TimeLimitExceeded, match=r"segment took longer than 1 s"):
            await workers.run(work, limit=1, name="segment")
        assert not outcome
        goes_on.set()
        assert await asyncio.to_thread(eventually, lambda: outcome)
        workers.close()

    asyncio.run(run())


def test_the_wait_counts_too():
    """A verb that waited its whole limit for a thread is not begun any more."""
    begun = []

    async def run():
        workers = Workers(threads=1)
        gate = threading.Event()
        slow = asyncio.create_task(workers.run(gate.wait, limit=60, name="slow"))
        await asyncio.sleep(0)
        with pytest.raises(TimeLimitExceeded):
            await workers.run(lambda: begun.append(1), limit=2, name="late")
        gate.set()
        assert await slow
        await workers.run(lambda: None, limit=60, name="next")  # in the same thread, so after whatever came before
        workers.close()

    asyncio.run(run())
    assert not begun


def test_a_full_queue_is_busy_and_quick_verbs_pass_it():
    """More than may wait are turned away; what needs no engine is not."""

    async def run():
        workers = Workers(threads=1, queue_size=1)
        gate = threading.Event()
        slow = [asyncio.create_task(workers.run(gate.wait, limit=60, name="slow")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await workers.run(gate.wait, limit=60, name="one too many")
        assert await workers.run(lambda: "quick", limit=60, name="health", quick=True) == "quick"
        gate.set()
        await asyncio.gather(*slow)
        assert await workers.run(lambda: "again", limit=60, name="next") == "again"
        workers.close()

    asyncio.run(run())


def test_a_session_is_deleted_while_others_work(studio, photo_bytes, tmp_path):
    """Where heavy work leaves no place at all, a session can still be deleted."""
    session = studio.open(photo_bytes)
    endpoint = next(one for one in ENDPOINTS if one.name == "delete_session")

    async def run():
        workers = Workers(threads=1, queue_size=0)
        service = Service(studio, workers, Rate(60, "photos"), tmp_path)
        gate = threading.Event()
        slow = asyncio.create_task(workers.run(gate.wait, limit=30, name="slow"))
        await asyncio.sleep(0)
        delete = partial(endpoint.call, studio, Caller("127.0.0.1", False), {"session_id": session.id})
        try:
            assert await service.answer(endpoint, delete) == {"message": "Session deleted."}
        finally:
            gate.set()
            await slow
            workers.close()

    asyncio.run(run())
    assert studio.sessions.count() == 0


def test_who_would_wait_too_long_is_told_at_once():
    """When those who wait would use up half the time limit, the next one is told how long to stay away."""

    async def run():
        workers = Workers(threads=1)
        for _ in range(8):
            await workers.run(lambda: time.sleep(0.1), limit=60, name="what a job takes")
        gate = threading.Event()
        slow = [asyncio.create_task(workers.run(gate.wait, limit=600, name="slow")) for _ in range(10)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match=r"Try again in \d+ s") as told:
            await workers.run(gate.wait, limit=0.5, name="impatient")
        assert told.value.retry_after >= 0.5
        patient = asyncio.create_task(workers.run(gate.wait, limit=600, name="patient"))
        assert await workers.run(lambda: "quick", limit=60, name="health", quick=True) == "quick"
        gate.set()
        assert all(await asyncio.gather(*slow, patient))
        workers.close()

    asyncio.run(run())


def test_what_is_slow_for_the_first_time_counts_while_it_runs():
    """Nobody knows yet how long a verb takes: the one that runs for long already tells."""

    async def run():
        workers = Workers(threads=1)
        begun, gate = threading.Event(), threading.Event()
        slow = asyncio.create_task(workers.run(lambda: begun.set() or gate.wait(), limit=60, name="new"))
        assert await asyncio.to_thread(begun.wait, 60)
        await asyncio.sleep(0.3)  # for so long it is at it
        with pytest.raises(Busy):
            await workers.run(gate.wait, limit=1, name="new")
        gate.set()
        await slow
        assert await workers.run(lambda: "at once", limit=60, name="new") == "at once"
        workers.close()

    asyncio.run(run())


def test_rates_count_by_address_and_minute():
    """One address over its rate does not cost another; the next minute begins anew."""
    now = [600.0]
    rate = Rate(2, "requests", clock=lambda: now[0])
    for _ in range(2):
        rate.count("1.2.3.4")
    with pytest.raises(TooManyRequests, match="More than 2 requests") as caught:
        rate.count("1.2.3.4")
    assert caught.value.retry_after == 60
    rate.count("5.6.7.8")
    now[0] += 60
    rate.count("1.2.3.4")


# -- the original's examples -----------------------------------------------------------------------------------------


def test_the_originals_examples_run(server):
    """Its documented calls, in their order, with only the base URL changed."""
    asyncio.run(originals_examples(f"{server.url}/api"))


async def originals_examples(base: str) -> None:
    """Upload, segment, generate, cached, instant, paint, download twice, list, cache status and clear."""
    photo = to_png(draw_building(800, 600))
    async with httpx.AsyncClient(timeout=60) as client:

        async def post(path: str, **options: object) -> dict:
            response = await client.post(f"{base}{path}", **options)
            assert response.status_code == 200, response.text
            return response.json()

        opened = await post("/upload", files={"file": ("building.jpg", photo, "image/jpeg")})
        assert base64.b64decode(opened["image_data"]).startswith(b"\x89PNG")
        about = {"session_id": opened["session_id"]}

        found = await post("/segment", json={**about, "points": [{"x": 500, "y": 300, "label": 1}]})
        assert base64.b64decode(found["mask"]).startswith(b"\x89PNG")

        knobs = {"points_per_side": 32, "pred_iou_thresh": 0.88, "stability_score_thresh": 0.95}
        every = await post("/generate-masks", json={**about, **knobs})
        assert every["total_masks"] == len(every["masks"]) > 5

        cached = await post("/generate-masks-cached", json={**about, "image_hash": "abc123", **knobs})
        assert cached["cached"]

        asked = {**about, "point": [500, 300], "image_hash": "abc123", "all_masks": every["masks"]}
        instant = await post("/get-mask-at-point-instant", json=asked)
        assert instant["mask_id"] in [mask["id"] for mask in every["masks"]]

        painted = await post("/paint-mask", json={**about, "mask_id": 5, "color": "#FF0000", "opacity": 0.7})
        assert base64.b64decode(painted["painted_image"]).startswith(b"\x89PNG")

        original = await post("/download-image", json={**about, "format": "PNG"})
        response = await client.get(f"{base}{original['image_url']}")
        assert response.content.startswith(b"\x89PNG")

        wanted = {"mask_id": 5, "color": "#FF0000", "opacity": 0.7, "format": "JPG", "quality": 90}
        made = await post("/download-painted-image", json={**about, **wanted})
        response = await client.get(f"{base}{made['image_url']}")
        assert response.content.startswith(b"\xff\xd8")
        assert len(response.content) == made["size_bytes"]

        listed = (await client.get(f"{base}/list-downloads")).json()
        assert listed["downloads"] == []  # of nobody in particular
        listed = (await client.get(f"{base}/list-downloads", params=about)).json()
        assert [one["size_bytes"] for one in listed["downloads"]] == [original["size_bytes"], made["size_bytes"]]

        status = (await client.get(f"{base}/cache-status")).json()
        assert status["total_sessions"] >= status["sessions_with_cache"] >= 1
        assert (await client.post(f"{base}/clear-cache")).status_code == 401  # everybody's: not for everybody
        assert "message" in await post("/clear-cache", json=about)
