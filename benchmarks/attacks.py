"""What one address can do to everybody else: attacks on a server of this machine, and another's clicks meanwhile.

`app.py` runs on the offline engine with its usual limits. Attackers come from an address of their own, one kind after
the other, each for so many seconds; a person at another address clicks on a photo all the time. Ends with status 1 when
their clicks take more than twice as long as on the idle server, or the server a gigabyte above what it took idle.

In truth attackers have machines of their own. So the server has one core for itself, idle and attacked, and the
attackers have the other, where the person goes first; CPU seconds of both are told. Needs Linux with two cores.

    python -m benchmarks.attacks --seconds 15
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from . import soak

VICTIM = "127.0.0.2"
SERVER_CORE, OTHER_CORE = 0, 1
MOST_RATIO, MOST_MB = 2.0, 1024.0
ATTACKERS = 4  # threads of each attack
T = TypeVar("T")
Attack = Callable[["Target", threading.Event], None]


@dataclass
class Target:
    """The server under attack, from the attackers' side. answers: how often it gave which status."""

    url: str
    attacker: str
    photo: bytes
    session: str
    answers: Counter[int] = field(default_factory=Counter)

    def http(self) -> httpx.Client:
        """A client at the attackers' address."""
        return httpx.Client(base_url=self.url, timeout=60, transport=httpx.HTTPTransport(local_address=self.attacker))

    def connect(self) -> socket.socket:
        """A connection from there."""
        where = urlsplit(self.url)
        return socket.create_connection((where.hostname, where.port), timeout=30, source_address=(self.attacker, 0))

    def count(self, reply: httpx.Response) -> None:
        """Note an answer; who is refused comes back a little later, as attackers do."""
        self.answers[reply.status_code] += 1
        if reply.status_code in (429, 503):
            time.sleep(0.05)


def mistakes(target: Target, stop: threading.Event) -> None:
    """Lists of hundreds of thousands of mistakes, in bodies of 1 to 20 MB (finding 2)."""
    bodies = [b'{"session_id":"x","points":[' + b"0," * (size * 2**19) + b"0]}" for size in (1, 4, 15, 20)]
    with target.http() as http:
        for body in _turns(stop, bodies):
            for path in ("/api/segment", "/gradio_api/run/segment", "/gradio_api/queue/join"):
                target.count(http.post(path, content=body, headers={"Content-Type": "application/json"}))


def every_mask(target: Target, stop: threading.Event) -> None:
    """The slowest verb again and again, with other parameters each time (finding 4)."""
    with target.http() as http:
        for number in _turns(stop, range(10**6)):
            fields = {"session_id": target.session, "points_per_side": 64, "mask_format": "none"}
            fields["box_nms_thresh"] = 0.3 + (number * ATTACKERS + threading.get_ident() % ATTACKERS) % 6000 / 1e4
            with suppress(httpx.TimeoutException):
                target.count(http.post("/api/generate-masks-advanced", json=fields, timeout=5))


def unheard(target: Target, stop: threading.Event) -> None:
    """Questions with answers of megabytes that nobody fetches (finding 5)."""
    with target.http() as http:
        paths = http.post("/gradio_api/upload", files={"files": ("p.jpg", target.photo)}).json()
        file = {"path": paths[0], "meta": {"_type": "gradio.FileData"}} if isinstance(paths, list) else ""
        for number in _turns(stop, range(10**6)):
            target.count(http.post("/gradio_api/call/upload", json={"data": [file, f"{number}.jpg"]}))


def held(target: Target, stop: threading.Event) -> None:
    """Uploads of hundreds of files, bodies and heads that never end, and answers that are not read (findings 6, 13)."""
    part = b'--B\r\nContent-Disposition: form-data; name="files"; filename="f.png"\r\n\r\nx\r\n'
    host = f"Host: {urlsplit(target.url).netloc}\r\n".encode()
    begins = (
        b"POST /gradio_api/upload HTTP/1.1\r\n" + host + b"Content-Type: multipart/form-data; boundary=B\r\n"
        b"Content-Length: 9000000\r\n\r\n" + part * 990,
        b"POST /api/upload HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nContent-Length: 60000000\r\n\r\n"
        b'{"file":"' + b"A" * 10_000_000,
        b"GET / HTTP/1.1\r\nX: ",
        b"GET /config HTTP/1.1\r\n" + host + b"\r\n" + (b"GET /config HTTP/1.1\r\n" + host + b"\r\n") * 50,
    )
    connections: list[socket.socket] = []
    for data in _turns(stop, begins):
        with suppress(OSError):
            connections.append(target.connect())
            connections[-1].settimeout(2)
            connections[-1].sendall(data)
        target.answers[0] += 1
        if len(connections) > 60:
            connections.pop(0).close()
    for connection in connections:
        connection.close()


def queue(target: Target, stop: threading.Event) -> None:
    """Seventy questions at once, and one more for each that is refused (finding 8)."""
    with target.http() as http:
        config = http.get("/config").json()
        number = next(one["id"] for one in config["dependencies"] if one["api_name"] == "generate_masks_advanced")
        inputs = [target.session, 128, 64, 0.0, 0.0, 1.0, 0.0, 0.7, 3, 0.7, 0.34, 1, 0, False, True, None, "none"]
        for turn in _turns(stop, range(10**6)):
            inputs[7] = 0.3 + turn % 6000 / 1e4
            body = {"data": inputs, "fn_index": number, "session_hash": f"{threading.get_ident()}-{turn % 70}"}
            target.count(http.post("/gradio_api/queue/join", json=body))


def bombs(target: Target, stop: threading.Event) -> None:
    """Small files that cost much to look at: a photo of markers only, 50 MB in a project of 50 KB (finding 9)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.json", json.dumps({"format": "sam2-painter project", "version": 1, "name": "x"}))
        archive.writestr("photo", b"\xff\xd8" * (25 * 2**20))
    with target.http() as http:
        for _ in _turns(stop, range(10**6)):
            target.count(http.post("/api/open-project", files={"file": ("p.zip", packed.getvalue())}))


ATTACKS: tuple[Attack, ...] = (mistakes, every_mask, unheard, held, queue, bombs)


def _turns(stop: threading.Event, values: Sequence[T]) -> Iterator[T]:
    """The values again and again until `stop`."""
    while not stop.is_set():
        for value in values:
            if stop.is_set():
                return
            yield value


class Victim:
    """A person at another address, who clicks."""

    def __init__(self, url: str, photo: bytes, size: tuple[int, int]):
        transport = httpx.HTTPTransport(local_address=VICTIM)
        self.http = httpx.Client(base_url=f"{url}/api", timeout=60, transport=transport)
        self.photo, self.size, self.chance = photo, size, random.Random(7)
        self.open()

    def open(self) -> None:
        """Open the photo anew: a session holds so many masks and no more."""
        self.session = self.http.post("/upload", files={"file": ("h.jpg", self.photo)}).json()["session_id"]
        self.http.post("/get-embedding", json={"session_id": self.session}).raise_for_status()

    def clicks(self, seconds: float) -> list[float]:
        """Seconds of each click, one after the other with a moment between."""
        took: list[float] = []
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            point = {"x": self.chance.randrange(self.size[1]), "y": self.chance.randrange(self.size[0])}
            began = time.perf_counter()
            self.http.post("/segment", json={"session_id": self.session, "points": [point]}).raise_for_status()
            took.append(time.perf_counter() - began)
            time.sleep(0.05)
        return took


def attacked(attack: Attack, target: Target, victim: Victim, pid: int, seconds: float) -> dict[str, Any]:
    """How the victim fares while this attack goes on."""
    context, stop, most = multiprocessing.get_context("spawn"), threading.Event(), [soak.resident(pid)]
    told = context.Queue()
    attackers = context.Process(target=_attack, args=(attack.__name__, target, seconds, told), daemon=True)
    attackers.start()
    assert told.get(timeout=120) == "begun"
    watcher = threading.Thread(target=_watch, args=(pid, most, stop), daemon=True)
    watcher.start()
    cpu, began = _cpu_seconds(pid), time.monotonic()
    clicks = victim.clicks(seconds)
    cpu, took = _cpu_seconds(pid) - cpu, time.monotonic() - began
    answers, attackers_cpu = told.get(timeout=120)
    stop.set()
    attackers.join()
    return {
        "clicks": len(clicks),
        "click_p50_ms": round(soak.percentile(clicks, 50) * 1e3),
        "click_p95_ms": round(soak.percentile(clicks, 95) * 1e3),
        "seconds": round(took, 1),
        "server_cpu_s": round(cpu, 1),
        "attackers_cpu_s": round(attackers_cpu, 1),
        "most_mb": round(max(most)),
        "answers": answers,
    }


def _attack(name: str, target: Target, seconds: float, told: Any) -> None:
    """In a process of its own, that has what the person leaves of the core."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    attack, stop = next(one for one in ATTACKS if one.__name__ == name), threading.Event()
    threads = [threading.Thread(target=attack, args=(target, stop), daemon=True) for _ in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    told.put("begun")
    time.sleep(seconds)
    stop.set()
    cpu = time.process_time()
    for thread in threads:
        thread.join(65)
    told.put((dict(target.answers), cpu))


def _watch(pid: int, most: list[float], stop: threading.Event) -> None:
    while not stop.wait(0.05):
        most.append(soak.resident(pid))


def _cpu_seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="of each attack")
    parser.add_argument("--width", type=int, default=1600, help="of the photos, in pixels")
    parser.add_argument("--only", choices=[one.__name__ for one in ATTACKS], help="one attack instead of all")
    options = parser.parse_args()
    photos = soak.example_jpegs(options.width, 2)
    size = min(soak.images.open_photo(photo).size for photo in photos)
    with tempfile.TemporaryDirectory(prefix="attacks-") as name:
        os.sched_setaffinity(0, {SERVER_CORE})  # the server inherits it
        process, url = soak.serve(Path(name), [], usual_limits=True)
        os.sched_setaffinity(0, {OTHER_CORE})
        try:
            figures = _figures(process.pid, url, photos, size, options.seconds, options.only)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        figures["log_mb"] = round((Path(name) / "log").stat().st_size / 2**20, 1)
    print(json.dumps(figures, indent=1))
    sys.exit(not figures["holds"])


def _figures(
    pid: int, url: str, photos: list[bytes], size: tuple[int, int], seconds: float, only: str | None
) -> dict[str, Any]:
    victim = Victim(url, photos[0], size)
    with httpx.Client(base_url=f"{url}/api", timeout=60) as http:
        session = http.post("/upload", files={"file": ("h.jpg", photos[1])}).json()["session_id"]
        http.post("/get-embedding", json={"session_id": session}).raise_for_status()
    victim.clicks(3)  # until everything is warm
    rest, rows, ratios = soak.resident(pid), {}, []
    for attack in ATTACKS:
        if only in (None, attack.__name__):
            target = Target(url, f"127.0.0.{10 + ATTACKS.index(attack)}", photos[1], session)
            victim.open()
            idle = victim.clicks(max(5.0, seconds / 2))  # by turns: others work on this machine, too
            row = attacked(attack, target, victim, pid, seconds)
            idle_ms = round(soak.percentile(idle, 95) * 1e3)
            ratios.append(row["click_p95_ms"] / max(1, idle_ms))
            rows[attack.__name__] = {"idle_p95_ms": idle_ms, **row, "ratio": round(ratios[-1], 2)}
            print(attack.__name__, rows[attack.__name__], file=sys.stderr, flush=True)
            time.sleep(3)
    more = max(row["most_mb"] for row in rows.values()) - rest
    holds = max(ratios) <= MOST_RATIO and more <= MOST_MB
    return {
        "load": os.getloadavg(),
        "idle_mb": round(rest),
        "attacks": rows,
        "more_mb": round(more),
        "holds": holds,
    }


if __name__ == "__main__":
    main()
