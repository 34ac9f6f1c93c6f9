"""What an answer costs a client: `python -m benchmarks.api [--megapixels 12] [--masks 100]`.

Every mask of a large photo, by HTTP from a live server, in each of our forms, against the original's form: a base64
RGBA PNG for each mask. Then the mask under a point among 150, against decoding every mask sent along, as the original
did; and how long /api/health takes while the photo is being painted.
"""

from __future__ import annotations

import argparse
import base64
import io
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from sam2_painter.engines import Progress, no_progress
from sam2_painter.photos import examples, images
from sam2_painter.rle import RLE, mask_to_rle
from sam2_painter.sessions.store import SessionStore
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.types import AutoMask, Embedding, Mask, Photo, Prompts
from sam2_painter.web import server
from training import rendering

SAMPLE = 10  # masks encoded the slow way; the rest would take as long each


class Shapes:
    """An engine that answers at once with masks drawn beforehand: what is measured here is the way, not the finding."""

    name, title, categories = "shapes/1", "Shapes", ()

    def __init__(self, found: list[Mask]):
        self.found = found

    def embed(self, photo: Photo) -> Embedding:
        """Nothing to read."""
        return Embedding(photo.digest, self.name, photo.size, None, 1)

    def predict(self, embedding: Embedding, prompts: Prompts) -> list[Mask]:
        """The first mask."""
        return self.found[:1]

    def generate(
        self, photo: Photo, embedding: Embedding, options: AutoMask, progress: Progress = no_progress
    ) -> list[Mask]:
        """All of them."""
        return self.found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--masks", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    width = round((options.megapixels * 1e6 * 4 / 3) ** 0.5)
    pixels = large_photo(width, width * 3 // 4)
    size = pixels.shape[:2]
    found = [Mask(rle) for rle in wobbly_shapes(size, max(150, options.masks))]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        studio = Studio(Shapes(found[: options.masks]), SessionStore(root / "u", root / "m", root / "r"))
        settings = Settings.of(port=free_port(), data_dir=root, requests_per_minute=10**6)
        served = server.launch(studio, settings, prevent_thread_lock=True, quiet=True)
        print(f"{size[1]}x{size[0]}, {options.masks} masks, {options.rounds} rounds, medians")
        with httpx.Client(base_url=f"{served.url}/api", timeout=300) as client:
            upload = client.post("/upload", files={"file": ("house.jpg", images.encode(pixels, "JPG", 90))})
            session_id = upload.json()["session_id"]
            reply_figures(client, session_id, found[: options.masks], options.rounds)
            lookup_figures(client, studio, session_id, found[:150])
            health_figures(client, served.url, session_id)
        served.close()


def large_photo(width: int, height: int) -> np.ndarray:
    """(H, W, 3) uint8: a rendered building, enlarged, with a camera's noise."""
    small = Image.fromarray(rendering.render(examples.NAMES[0], width=512).pixels)
    pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    noise = np.random.default_rng(0).integers(-4, 5, (height, width, 1), dtype=np.int16)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def wobbly_shapes(size: tuple[int, int], count: int) -> list[RLE]:
    """Ellipses with ragged borders, of the sizes walls and windows have."""
    rng = np.random.default_rng(0)
    height, width = size
    shapes = []
    for _ in range(count):
        h, w = (int(side * rng.uniform(0.03, 0.4)) for side in size)
        y, x = int(rng.uniform(0, height - h)), int(rng.uniform(0, width - w))
        rows = np.linspace(-1, 1, h)
        half = np.sqrt(np.maximum(0, 1 - rows**2)) * w / 2
        left = np.clip(w / 2 - half + rng.normal(0, 2, h), 0, w)
        right = np.clip(w / 2 + half + rng.normal(0, 2, h), 0, w)
        columns = np.arange(w)
        full = np.zeros(size, bool)
        full[y : y + h, x : x + w] = (columns >= left[:, None]) & (columns < right[:, None])
        full[y + h // 2, x + w // 2] = True
        shapes.append(mask_to_rle(full))
    return shapes


def reply_figures(client: httpx.Client, session_id: str, found: list[Mask], rounds: int) -> None:
    """One reply with every mask, in each form."""
    fields = {"session_id": session_id}
    client.post("/generate-masks", json=fields)  # so that what is timed is the reply
    sample = found[:SAMPLE]
    start = time.perf_counter()
    base_bytes = sum(len(rgba_png(mask)) for mask in sample) * len(found) / len(sample)
    base_ms = (time.perf_counter() - start) * 1e3 * len(found) / len(sample)
    print(f"  base64 RGBA PNG     {base_bytes / 1e3:9.0f} kB  {base_ms:8.0f} ms (to encode alone; {SAMPLE} timed)")
    for form in ("png", "rle", "none"):
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            reply = client.post("/generate-masks", json={**fields, "mask_format": form})
            times.append((time.perf_counter() - start) * 1e3)
        took = statistics.median(times)
        print(
            f"  mask_format={form:7s} {len(reply.content) / 1e3:9.0f} kB  {took:8.0f} ms (round trip)"
            f"   {base_bytes / len(reply.content):6.1f}x fewer bytes, {base_ms / took:6.1f}x quicker"
        )


def rgba_png(mask: Mask) -> str:
    """A mask as the original sent it: white with alpha, in base64."""
    pixels = np.zeros((*mask.size, 4), np.uint8)
    pixels[mask.segmentation] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def lookup_figures(client: httpx.Client, studio: Studio, session_id: str, found: list[Mask]) -> None:
    """The mask under a point among 150."""
    with studio.sessions.edit(session_id) as edit:
        edit.set_automatic(edit.add(found))
    sent = [rgba_png(mask) for mask in found[-SAMPLE:]] * (len(found) // SAMPLE)
    x, y, w, h = found[-1].bbox
    point = [x + w // 2, y + h // 2]
    start = time.perf_counter()
    for text in sent:  # what a server does that is sent all masks with every click
        np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))[point[1], point[0], 3]
    decoding = (time.perf_counter() - start) * 1e3
    times = {"png": [], "none": []}
    for _ in range(20):
        for form, taken in times.items():
            start = time.perf_counter()
            fields = {"session_id": session_id, "point": point, "mask_format": form}
            client.post("/get-mask-at-point-instant", json=fields).raise_for_status()
            taken.append((time.perf_counter() - start) * 1e3)
    print(f"  under a point, decoding {len(sent)} masks {decoding:8.0f} ms, {sum(map(len, sent)) / 1e6:.1f} MB sent up")
    for form, taken in times.items():
        took = statistics.median(taken)
        print(f"  under a point, mask_format={form:5s} {took:8.1f} ms round trip   {decoding / took:6.0f}x quicker")


def health_figures(client: httpx.Client, url: str, session_id: str) -> None:
    """/api/health while the whole photo is painted and sent back as PNG."""
    waits: list[float] = []
    done = threading.Event()

    def look() -> None:
        with httpx.Client(base_url=f"{url}/api", timeout=60) as own:
            while not done.wait(0.02):
                start = time.perf_counter()
                own.get("/health").raise_for_status()
                waits.append((time.perf_counter() - start) * 1e3)

    watcher = threading.Thread(target=look)
    watcher.start()
    start = time.perf_counter()
    reply = client.post("/paint-mask", json={"session_id": session_id, "mask_id": 0, "color": "#b5c7a3"})
    painted = (time.perf_counter() - start) * 1e3
    done.set()
    watcher.join()
    print(
        f"  painting {painted:.0f} ms, {len(reply.content) / 1e6:.1f} MB back; /api/health meanwhile: median "
        f"{statistics.median(waits):.0f} ms, longest {max(waits):.0f} ms of {len(waits)}"
    )


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
