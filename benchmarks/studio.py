"""What the main job costs on a large photo, against the plain ways: `python -m benchmarks.studio [--megapixels 12]`.

Prints the time to read a photo once (embed), a click, ten layers of paint against NumPy in float64, and the look-up of
the mask under a point among 150 against decoding each. Every pair is timed alternately in this one process.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sam2_painter import masks, paint
from sam2_painter.engines import load_engine
from sam2_painter.photos import examples
from sam2_painter.rle import mask_to_rle, rle_to_mask
from sam2_painter.sessions.store import SessionStore
from sam2_painter.studio.studio import Studio
from sam2_painter.types import Layer, Mask, Photo
from training import rendering


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    width = round((options.megapixels * 1e6 * 4 / 3) ** 0.5)
    house = rendering.render(examples.NAMES[0], width=width)
    photo = Photo(house.pixels, "house.jpg")
    print(f"{photo.size[1]}x{photo.size[0]}, {photo.pixels.nbytes / 1e6:.0f} MB of pixels, {options.rounds} rounds")
    engine_figures(photo, options.rounds)
    paint_figures(photo, options.rounds)
    lookup_figures(photo.size, options.rounds)


def engine_figures(photo: Photo, rounds: int) -> None:
    """Reading the photo, a first click, every mask, through the studio."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        studio = Studio(load_engine("offline"), SessionStore(root / "u", root / "m", root / "r"))
        session = studio.open(photo.pixels, photo.name)
        height, width = photo.size
        embeds, clicks = [], []
        for i in range(rounds):
            studio.clear_cache(session.id)
            studio.photo(session.id)
            embeds.append(seconds(lambda: studio.embed(session.id)))
            x, y = width * (0.3 + 0.05 * i), height * 0.5
            clicks.append(seconds(lambda x=x, y=y: studio.generate_at(session.id, x, y)))
        every = seconds(lambda: studio.generate(session.id))
        print(f"embed {ms(embeds)}, click {ms(clicks)}, every mask {every * 1e3:.0f} ms")
        studio.sessions.close()


def paint_figures(photo: Photo, rounds: int) -> None:
    """One and ten layers: ours (surfaces known) against the naive float way and a copy of the picture."""
    layers = ten_layers(photo.size)
    for count in (1, 10):
        some = layers[:count]
        surfaces = {layer.mask.rle: paint.analyse(photo, layer.mask.rle) for layer in some}

        def known(photo: Photo, rle: object, max_side: int | None, surfaces: dict = surfaces) -> paint.Surface:
            return surfaces[rle]

        times = alternately(
            rounds,
            copy=photo.pixels.copy,
            ours=lambda some=some, known=known: paint.composite(photo, some, analyse=known),
            naive=lambda some=some: naive_composite(photo, some),
        )
        ratio = statistics.median(times["naive"]) / statistics.median(times["ours"])
        print(
            f"{count} layer(s): ours {ms(times['ours'])}, naive float64 {ms(times['naive'])} = {ratio:.0f}x, "
            f"copy of the picture {ms(times['copy'])}"
        )


def lookup_figures(size: tuple[int, int], rounds: int) -> None:
    """Which of 150 masks lies under a point: by runs, and by decoding one after the other."""
    some = [layer.mask for layer in ten_layers(size)] * 15
    x, y = size[1] * 0.71, size[0] * 0.6
    times = alternately(
        rounds,
        ours=lambda: masks.mask_at(some, x, y),
        scan=lambda: [i for i, mask in enumerate(some) if rle_to_mask(mask.rle)[int(y), int(x)]],
    )
    ratio = statistics.median(times["scan"]) / statistics.median(times["ours"])
    print(f"mask under a point of 150: ours {ms(times['ours'])}, decoding each {ms(times['scan'])} = {ratio:.0f}x")


def ten_layers(size: tuple[int, int]) -> list[Layer]:
    """Ten rounded walls, together about a third of the photo."""
    height, width = size
    rows, columns = np.ogrid[:height, :width]
    layers = []
    for i in range(10):
        cx, cy = width * (0.1 + 0.2 * (i % 5)), height * (0.3 + 0.4 * (i // 5))
        inside = ((columns - cx) / (0.09 * width)) ** 4 + ((rows - cy) / (0.15 * height)) ** 4 < 1
        layers.append(Layer(Mask(mask_to_rle(inside)), (200 - 15 * i, 90 + 10 * i, 60 + 15 * i), 0.9))
    return layers


def naive_composite(photo: Photo, layers: list[Layer]) -> np.ndarray:
    """The textbook way: whole pictures in float64, the mask as a plane, lightness kept."""
    out = photo.pixels / 255.0
    for layer in layers:
        inside = rle_to_mask(layer.mask.rle)[..., None].astype(float) * layer.opacity
        light = (photo.pixels / 255.0).mean(axis=2, keepdims=True)
        out = out * (1 - inside) + np.clip(np.array(layer.color) / 255.0 * light / light.mean(), 0, 1) * inside
    return np.round(out * 255).astype(np.uint8)


def alternately(rounds: int, **ways: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds of each way, by turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(seconds(way))
    return times


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def ms(times: list[float]) -> str:
    middle = statistics.median(times) * 1e3
    return f"{middle:.0f} ms" if middle >= 10 else f"{middle:.2f} ms"


if __name__ == "__main__":
    main()
