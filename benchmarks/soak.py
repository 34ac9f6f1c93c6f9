"""Many people at once: real HTTP against one `app.py` on the offline engine, for minutes.

Every user opens a photo, segments, paints, takes a step back, downloads and deletes, over and over: half of them by
plain HTTP, half with gradio_client. One more user clicks, with and without somebody who generates every mask meanwhile.
Anything but an answer, or an honest 429 or 503 with Retry-After, is an error and ends with status 1.

    python -m benchmarks.soak --minutes 5 --users 50
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import numpy as np

from sam2_painter.photos import examples, images

APP = Path(__file__).parents[1] / "app.py"
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
PATIENCE = 180.0  # seconds after which no answer is an error
SWEEP_SECONDS = 20.0  # how often the server tidies up
PAUSE = 2.0  # seconds a person looks at the picture between two actions, on average


@dataclass
class Tally:
    """What happened: seconds by verb of what was answered, honest refusals, errors."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def time(self, verb: str, call: Callable[[], object]) -> object:
        """What `call` returns, timed; None when it was refused or failed."""
        start = time.perf_counter()
        try:
            result = call()
        except Refused as refusal:
            with self.guard:
                self.refused[f"{verb} {refusal.status}"] += 1
            time.sleep(refusal.retry_after)
            return None
        except (httpx.HTTPError, ValueError, OSError, AssertionError, TimeoutError, CancelledError) as error:
            with self.guard:
                self.errors.append(f"{verb}: {type(error).__name__} {error}"[:300])
            return None
        with self.guard:
            self.seconds[verb].append(time.perf_counter() - start)
        return result


class Refused(Exception):
    """429 or 503 that said when to come back."""

    def __init__(self, status: int, retry_after: float):
        super().__init__(status)
        self.status, self.retry_after = status, retry_after


class Rest:
    """Plain HTTP."""

    name = "rest"

    def __init__(self, url: str, photo: bytes):
        self.http, self.photo = httpx.Client(base_url=f"{url}/api", timeout=PATIENCE), photo

    def ask(self, method: str, path: str, **how: object) -> httpx.Response:
        """The answer, or Refused."""
        reply = self.http.request(method, path, **how)
        if reply.status_code in (429, 503) and "retry-after" in reply.headers:
            raise Refused(reply.status_code, float(reply.headers["retry-after"]))
        if reply.status_code != 200:
            raise ValueError(f"{method} {path}: HTTP {reply.status_code} {reply.text[:200]}")
        return reply

    def open(self) -> str:
        """A new session."""
        return self.ask("POST", "/upload", files={"file": ("house.jpg", self.photo)}).json()["session_id"]

    def call(self, verb: str, **fields: object) -> dict:
        """One verb of the table."""
        return self.ask("POST", "/" + verb.replace("_", "-"), json=fields).json()

    def fetch(self, made: dict) -> int:
        """Download a file; bytes."""
        return len(self.ask("GET", made["image_url"]).content)

    def delete(self, sid: str) -> None:
        """Delete the session."""
        self.ask("DELETE", f"/session/{sid}")


class Gradio:
    """Gradio's own client."""

    name = "gradio"

    def __init__(self, url: str, photo: Path):
        from gradio_client import Client

        patient = {"timeout": PATIENCE}
        self.client = Client(url, verbose=False, download_files=False, analytics_enabled=False, httpx_kwargs=patient)
        self.photo = photo

    def predict(self, verb: str, **fields: object) -> object:
        """The answer; Refused when the sentence is one of ours that asks to come back."""
        from gradio_client.exceptions import AppError

        try:
            return self.client.submit(**fields, api_name=f"/{verb}").result(timeout=PATIENCE)
        except AppError as error:
            if any(hint in str(error) for hint in ("Try again", "Wait", "queue")):
                raise Refused(503, 2.0) from None
            raise ValueError(str(error)) from None

    def open(self) -> str:
        """A new session."""
        from gradio_client import handle_file

        return self.predict("upload", file=handle_file(str(self.photo)), filename="house.jpg")["session_id"]

    def call(self, verb: str, **fields: object) -> dict:
        """One verb of the table."""
        return self.predict(verb, **fields)

    def fetch(self, made: dict) -> int:
        """Have the file handed out."""
        self.predict("download_file", filename=made["filename"])
        return made["size_bytes"]

    def delete(self, sid: str) -> None:
        """Delete the session."""
        self.predict("delete_session", session_id=sid)


class Undo:
    """Ctrl+Z as the page sends it."""

    def __init__(self, url: str):
        self.http = httpx.Client(base_url=url, timeout=PATIENCE)

    def __call__(self, sid: str) -> bool:
        """True, or Refused."""
        reply = self.http.post("/page/undo", json={"sid": sid})
        if reply.status_code in (429, 503):
            raise Refused(reply.status_code, float(reply.headers["retry-after"]))
        if reply.status_code != 200:
            raise ValueError(f"undo: HTTP {reply.status_code} {reply.text[:200]}")
        return True


def user(
    door: Rest | Gradio, undo: Undo, tally: Tally, size: tuple[int, int], stop: threading.Event, seed: int
) -> None:
    """One person, until `stop`."""
    rng = random.Random(seed)
    stop.wait(rng.uniform(0, 2 * PAUSE))
    while not stop.is_set():
        sid = tally.time("open", door.open)
        if sid is not None:
            visit(door, sid, undo, tally, size, stop, rng)
        stop.wait(rng.uniform(0.5, 1.5) * PAUSE)


def visit(
    door: Rest | Gradio,
    sid: str,
    undo: Undo,
    tally: Tally,
    size: tuple[int, int],
    stop: threading.Event,
    rng: random.Random,
) -> None:
    """Three walls found and painted, some of the paint taken back, a download, and the session deleted."""
    height, width = size
    for _ in range(3):
        if stop.wait(rng.uniform(0.5, 1.5) * PAUSE):
            break
        points = [{"x": rng.randrange(width), "y": rng.randrange(height), "label": 1}]
        found = tally.time("segment", partial(door.call, "segment", session_id=sid, points=points))
        if found is None:
            continue
        stop.wait(rng.uniform(0.5, 1.5) * PAUSE)
        paint = dict(session_id=sid, mask_id=found["mask_id"], color=f"#{rng.randrange(2**24):06x}")
        painted = tally.time("paint", partial(door.call, "paint_mask", image_format="JPG", **paint))
        if painted is not None and rng.random() < 0.5:
            stop.wait(rng.uniform(0.5, 1.5) * PAUSE)
            tally.time("undo", partial(undo, sid))
    made = tally.time("download", partial(door.call, "download_painted_image", session_id=sid, format="JPG"))
    if made is not None:
        tally.time("fetch", partial(door.fetch, made))
    tally.time("delete", partial(door.delete, sid))


def clicks(url: str, photo: bytes, size: tuple[int, int], count: int, tally: Tally) -> list[float]:
    """Seconds of so many clicks on one photo, by an otherwise idle person."""
    door, rng = Rest(url, photo), random.Random(7)
    sid = door.open()
    door.call("get_embedding", session_id=sid)
    seconds = []
    for _ in range(count):
        point = {"x": rng.randrange(size[1]), "y": rng.randrange(size[0])}
        start = time.perf_counter()
        if tally.time("click", lambda point=point: door.call("segment", session_id=sid, points=[point])):
            seconds.append(time.perf_counter() - start)
        time.sleep(0.05)
    door.delete(sid)
    return seconds


def fairness(url: str, photos: list[bytes], size: tuple[int, int], tally: Tally) -> tuple[float, float]:
    """p95 of a click, idle and while another person generates every mask again and again."""
    idle = clicks(url, photos[0], size, 40, tally)
    stop, rounds = threading.Event(), []

    def generate() -> None:
        door = Rest(url, photos[1])
        sid = door.open()
        points = 8
        while not stop.is_set():  # other parameters each time: the cache must not help
            points += 1
            fields = dict(session_id=sid, points_per_side=points, mask_format="none")
            tally.time("generate", lambda fields=fields: door.call("generate_masks", **fields))
            rounds.append(points)

    worker = threading.Thread(target=generate)
    worker.start()
    busy = clicks(url, photos[0], size, 40, tally)
    stop.set()
    worker.join()
    assert rounds
    return percentile(idle, 95), percentile(busy, 95)


def percentile(seconds: list[float], percent: float) -> float:
    """In seconds; NaN of nothing."""
    return float(np.percentile(seconds, percent)) if seconds else float("nan")


def resident(pid: int) -> float:
    """Resident memory of a process in MB (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def watch(pid: int, url: str, minutes: float) -> list[dict[str, int]]:
    """Memory of the server minute by minute, in MB: resident, and what its caches say they hold at the minute's end."""
    memory = []
    for _ in range(round(minutes)):
        looks = []
        for _ in range(12):
            time.sleep(5)
            looks.append(resident(pid))
        held = httpx.get(f"{url}/api/cache-status", timeout=PATIENCE).json()["total_cached_bytes"] / 2**20
        memory.append({"median": round(np.median(looks)), "most": round(max(looks)), "in_caches": round(held)})
    return memory


def serve(folder: Path, further: list[str], *, usual_limits: bool = False) -> tuple[subprocess.Popen, str]:
    """app.py with limits that fit many users at one address, or the usual ones, and further flags."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = ["--engine", "offline", "--port", str(port), "--data-dir", str(folder / "data"), "--log-level", "WARNING"]
    if not usual_limits:
        flags += ["--requests-per-minute", "1000000", "--sessions-per-minute", "1000000"]
    flags += further
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([sys.executable, str(APP), *flags], stdout=log, stderr=log, cwd=folder)
    url, ends = f"http://127.0.0.1:{port}", time.monotonic() + 180
    while time.monotonic() < ends and process.poll() is None:
        try:
            if httpx.get(f"{url}/api/health", timeout=5).status_code == 200:
                return process, url
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit(f"app.py did not come up: {(folder / 'log').read_text()[-2000:]}")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="2 or more: a rest after the first, the others then")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--width", type=int, default=1600, help="of the photos, in pixels")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("flags", nargs="*", help="of app.py, after --")
    options = parser.parse_args()

    photos = example_jpegs(options.width, max(2, options.users))
    size = min(images.open_photo(photo).size for photo in photos)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        process, url = serve(folder, options.flags)
        try:
            figures = soak(process.pid, url, photos, size, options.users, options.minutes, folder)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        figures["log"] = (folder / "log").read_text()[-2000:]
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    sys.exit(bool(figures["errors"]))


def soak(
    pid: int, url: str, photos: list[bytes], size: tuple[int, int], users: int, minutes: float, folder: Path
) -> dict:
    """Everything that is to be known, as plain values."""
    tally = Tally()
    undo = Undo(url)
    idle, busy = fairness(url, photos, size, tally)
    doors = doors_of(url, photos, users, folder)
    memory, at_rest = [], []
    for leg in (1.0, minutes - 1.0):
        memory += work(pid, url, doors, undo, tally, size, leg)
        time.sleep(2 * SWEEP_SECONDS)  # the server forgets who left, and hands back what was theirs
        at_rest.append(round(resident(pid)))
    return {
        "users": users,
        "minutes": minutes,
        "photo": f"{size[1]}x{size[0]}",
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        **answers(tally),
        "memory_mb": memory,
        "memory_at_rest_mb": {"after_minute_1": at_rest[0], "at_the_end": at_rest[1]},
        "click_p95_ms": {
            "idle": round(idle * 1e3),
            "while_generating": round(busy * 1e3),
            "ratio": round(busy / idle, 2),
        },
    }


def doors_of(url: str, photos: list[bytes], users: int, folder: Path) -> list[Rest | Gradio]:
    """How each user comes in: half by plain HTTP, half by `gradio_client`."""
    doors: list[Rest | Gradio] = []
    for seed in range(users):
        photo = photos[seed % len(photos)]
        if seed % 2:
            file = folder / f"house-{seed}.jpg"
            file.write_bytes(photo)
            doors.append(Gradio(url, file))
        else:
            doors.append(Rest(url, photo))
    return doors


def work(
    pid: int, url: str, doors: list[Rest | Gradio], undo: Undo, tally: Tally, size: tuple[int, int], minutes: float
) -> list[dict[str, int]]:
    """All users at once for so long; what memory was meanwhile."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=user, args=(door, undo, tally, size, stop, seed)) for seed, door in enumerate(doors)
    ]
    for thread in threads:
        thread.start()
    memory = watch(pid, url, minutes)
    stop.set()
    for thread in threads:
        thread.join()
    return memory


def answers(tally: Tally) -> dict:
    """How many there were and how long they took, refusals, and errors."""
    count = sum(len(seconds) for seconds in tally.seconds.values())
    return {
        "verbs": {
            verb: {
                "count": len(seconds),
                "p50_ms": round(percentile(seconds, 50) * 1e3),
                "p95_ms": round(percentile(seconds, 95) * 1e3),
            }
            for verb, seconds in sorted(tally.seconds.items())
        },
        "answers": count,
        "refused": dict(tally.refused),
        "refused_share": round(tally.refused.total() / max(1, count + tally.refused.total()), 3),
        "errors": len(tally.errors),
        "first_errors": tally.errors[:10],
    }


def example_jpegs(width: int, count: int) -> list[bytes]:
    """The example photos at this width as JPEG files, each a little darker than the one before: no two are equal."""
    opened = [images.open_photo(examples.path(name)).pixels for name in examples.NAMES]
    sized = [images.fit(pixels, width) for pixels in opened]
    return [images.encode((sized[i % len(sized)] * (1 - i / 200)).astype(np.uint8), "JPEG", 90) for i in range(count)]


if __name__ == "__main__":
    main()
