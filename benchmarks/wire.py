"""Bytes and milliseconds on the wire: ours against base64 PNGs in JSON and COCO runs in JSON.

python -m benchmarks.wire --width 4000 --height 3000 --masks 100
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from sam2_painter.engines.remote import wire
from sam2_painter.rle import RLE, mask_to_rle, rle_from_coco, rle_to_mask
from sam2_painter.types import Photo, Prompts


def blobs(size: tuple[int, int], count: int) -> list[RLE]:
    """`count` masks of a photo of `size` (H, W) with smooth borders, from windows to walls."""
    height, width = size
    rng = np.random.default_rng(0)
    masks = []
    for i in range(count):
        share = (0.03, 0.15, 0.5)[i % 3]
        w, h = max(8, int(width * share)), max(8, int(height * share))
        hills = cv2.resize(rng.standard_normal((6, 6)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
        yy, xx = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        x, y = rng.integers(0, width - w + 1), rng.integers(0, height - h + 1)
        mask = np.zeros(size, bool)
        mask[y : y + h, x : x + w] = 1 - np.hypot(xx, yy) + 0.25 * hills > 0
        masks.append(mask_to_rle(mask))
    return masks


def png_to_text(rle: RLE) -> str:
    """The original application's way: RGBA PNG in base64."""
    mask = rle_to_mask(rle)
    file = io.BytesIO()
    Image.fromarray(np.dstack([mask * np.uint8(255)] * 4)).save(file, "PNG")
    return json.dumps({"mask": base64.b64encode(file.getvalue()).decode()})


def text_to_png(text: str) -> RLE:
    """And back."""
    picture = Image.open(io.BytesIO(base64.b64decode(json.loads(text)["mask"])))
    return mask_to_rle(np.asarray(picture)[..., 3] > 0)


FORMATS: tuple[tuple[str, Callable, Callable], ...] = (
    ("base64 RGBA PNG in JSON", png_to_text, text_to_png),
    ("COCO runs in JSON", lambda rle: json.dumps(rle.to_coco()), lambda text: rle_from_coco(json.loads(text))),
    (
        "ours: box, bits, zstd in msgpack",
        lambda rle: wire.pack(wire.pack_rle(rle)),
        lambda data: wire.unpack_rle(wire.unpack(data)),
    ),
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--masks", type=int, default=100)
    options = parser.parse_args()
    size = (options.height, options.width)
    masks = blobs(size, options.masks)
    print(f"{len(masks)} masks of a photo of {options.width}x{options.height}")
    print(f"{'':36}{'MB':>8}{'encode ms':>12}{'decode ms':>12}   (a mask, median)")
    for name, encode, decode in FORMATS:
        sizes, there, back = [], [], []
        for rle in masks:
            start = time.process_time()
            data = encode(rle)
            middle = time.process_time()
            again = decode(data)
            back.append(time.process_time() - middle)
            there.append(middle - start)
            sizes.append(len(data))
            assert again == rle
        print(
            f"{name:36}{sum(sizes) / 1e6:8.3f}{statistics.median(there) * 1e3:12.2f}"
            f"{statistics.median(back) * 1e3:12.2f}"
        )

    small = np.random.default_rng(1).integers(0, 255, (30, 40, 3)).astype(np.uint8)
    photo = Photo(cv2.resize(small, (options.width, options.height), interpolation=cv2.INTER_CUBIC))
    start = time.process_time()
    sent = wire.shrink(photo)
    took = time.process_time() - start
    click = wire.request(sent, 60.0, prompts=Prompts.click(9, 9), attach=False)
    first = wire.request(sent, 60.0, prompts=Prompts.click(9, 9), attach=True)
    print(f"photo: {len(first) / 1e6:.2f} MB once, made in {took * 1e3:.0f} ms; a click after that: {len(click)} bytes")


if __name__ == "__main__":
    main()
