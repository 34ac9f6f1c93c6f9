"""Resident memory with many large photos open at once: `python -m benchmarks.memory [--photos 20]`.

Opens the photos in one process, clicks and paints each, and prints the resident memory after each, beside what the
caches are allowed to hold. It levels off at the caches' sum plus what one photo needs while it is worked on.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from sam2_painter.engines import load_engine
from sam2_painter.photos import examples
from sam2_painter.sessions.store import SessionStore
from sam2_painter.studio.studio import Studio
from sam2_painter.types import Coat
from training import rendering


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--megapixels", type=float, default=12.0)
    options = parser.parse_args()
    pixels = rendering.render(examples.NAMES[0], width=round((options.megapixels * 1e6 * 4 / 3) ** 0.5)).pixels
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        studio = Studio(load_engine("offline"), SessionStore(root / "u", root / "m", root / "r"))
        idle = resident()
        print(f"idle {idle / 2**20:.0f} MiB; photos of {pixels.shape[1]}x{pixels.shape[0]}")
        for i in range(options.photos):
            session = studio.open(np.roll(pixels, 37 * i, axis=1), f"house {i}.png")
            session = studio.click(session.id, pixels.shape[1] * 0.4, pixels.shape[0] * 0.5)
            studio.paint(session.id, [Coat((181, 199, 163), session.selection.mask_id)])
            studio.picture(session.id, max_side=1600)
            print(f"{i + 1:3d} photos: {resident() / 2**20:.0f} MiB resident", flush=True)
        for name, status in studio.cache_status().items():
            print(f"{name}: {status.entries} entries, {status.bytes / 2**20:.0f} of {status.max_bytes / 2**20:.0f} MiB")
        studio.sessions.close()


def resident() -> int:
    """Bytes of resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
