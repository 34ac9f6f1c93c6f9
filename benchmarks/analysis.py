"""How long the analysis of a wall takes: `python -m benchmarks.analysis [--before FOLDER] [--rounds N]`.

12 megapixels, a mask of 30% of them: walls with one old paint and with several, by turns in one run, processor time of
one thread. Ratios count: to the same wall read as one paint, and, with --before, to the package in another folder (a
checkout of an earlier commit: `git worktree add FOLDER COMMIT`).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from benchmarks import scenes, several
from sam2_painter.paint import light
from sam2_painter.paint.surface import analyse
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import Photo

WIDTH, HEIGHT = 4000, 3000
SHARE = 0.3  # of the picture, under the mask
WALLS = (("brick + stone", 0), ("dark siding + trim", 6), ("wall + plinth", 18), ("three storeys", 24))
BEFORE = "painter_before"  # the other package's name here


def enlarged(scene: scenes.Scene) -> tuple[np.ndarray, np.ndarray]:
    """A scene's photo at 12 megapixels, with noise of its own, and its wall from the left until it is `SHARE`."""
    rng = np.random.default_rng(0)
    pixels = cv2.resize(scene.photo, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    pixels += rng.integers(-3, 4, pixels.shape, dtype=np.int16)
    mask = cv2.resize(scenes.exact_mask(scene).view(np.uint8), (WIDTH, HEIGHT)) > 0
    mask[:, int(np.searchsorted(np.cumsum(mask.mean(0)), SHARE * WIDTH)) :] = False
    return np.clip(pixels, 0, 255).astype(np.uint8), mask


def as_one(photo: Photo, mask: np.ndarray) -> Callable[[], object]:
    """The analysis of a wall that is told to have one paint."""

    def run() -> object:
        found = light.find_old_paints
        light.find_old_paints = lambda linear, mask: None
        try:
            return analyse(photo, mask_to_rle(mask))
        finally:
            light.find_old_paints = found

    return run


def package_in(folder: Path) -> None:
    """Import the package in `folder` under the name of `BEFORE`."""
    root = folder / "sam2_painter"
    spec = importlib.util.spec_from_file_location(BEFORE, root / "__init__.py", submodule_search_locations=[str(root)])
    if spec is None or spec.loader is None:
        raise SystemExit(f"there is no package in {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[BEFORE] = module
    spec.loader.exec_module(module)


def _of_before(*names: str) -> ModuleType:
    """The first of these modules that the other package has: some were moved into rooms."""
    for name in names:
        if importlib.util.find_spec(f"{BEFORE}.{name.split('.')[0]}") is not None:
            try:
                return importlib.import_module(f"{BEFORE}.{name}")
            except ModuleNotFoundError:
                continue
    raise SystemExit(f"the package before has none of {', '.join(names)}")


def before(pixels: np.ndarray, mask: np.ndarray) -> Callable[[], object]:
    """The analysis by the other package."""
    surface, types = _of_before("paint.surface", "surface"), _of_before("types")
    make = next(m.mask_to_rle for m in (_of_before("rle"), _of_before("masks")) if hasattr(m, "mask_to_rle"))
    photo, rle = types.Photo(pixels), make(mask)
    return lambda: surface.analyse(photo, rle)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="folder of an earlier checkout")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.before:
        package_in(options.before)
    rendered = {"one paint": scenes.render(scenes.fixed_cases()[15])}
    cases = several.fixed_cases()
    rendered |= {name: several.render(cases[number]) for name, number in WALLS}
    print(
        f"12 megapixels, mask of {SHARE:.0%}, one thread, {options.rounds} turns\n{'':20}{'paints':>8}{'ms':>8}", end=""
    )
    print(f"{'x one paint':>14}" + (f"{'x before':>10}" if options.before else ""))
    for name, scene in rendered.items():
        pixels, mask = enlarged(scene)
        photo, rle = Photo(pixels), mask_to_rle(mask)
        tasks = {"now": lambda photo=photo, rle=rle: analyse(photo, rle), "one": as_one(photo, mask)}
        if options.before:
            tasks["before"] = before(pixels, mask)
        times: dict[str, list[float]] = {task: [] for task in tasks}
        found = len(analyse(photo, rle).paints)
        for turn in range(options.rounds + 1):
            for task, run in tasks.items():
                start = time.process_time()
                run()
                if turn:  # the first only warms up
                    times[task].append(time.process_time() - start)
        median = {task: statistics.median(taken) for task, taken in times.items()}
        ratios = f"{median['now'] / median['one']:14.2f}"
        ratios += f"{median['now'] / median['before']:10.2f}" if options.before else ""
        print(f"{name:20}{found:8}{1000 * median['now']:8.0f}{ratios}", flush=True)


if __name__ == "__main__":
    main()
