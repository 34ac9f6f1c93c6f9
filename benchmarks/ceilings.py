"""Where do walls get lost? What the offline engine could answer at best, if one part of it made no mistake.

    python benchmarks/ceilings.py DATA
    python benchmarks/ceilings.py DATA --write docs/masks.md

For every wall of the painter's protocol (see ``painter.py``), mean IoU with its truth where somebody judged, of

- the truth itself in the cells of the network: how exact anything can be that is chosen from cells;
- its outline, exact, windows and all else in it that is wider than CLOSED cells left out, and in it what the network
  calls wall: what is lost by classes alone;
- the best of the candidates for a click in its middle and three anywhere in it: what a perfect choice would get;
- the union of those leaves that lie mostly in it: what any number of clicks can reach.

Then what the walls' cells are taken for, each wall counted alike.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.annotated import parser_of, photos, picture
from benchmarks.hand import written
from benchmarks.painter import GOOD, Target, targets
from sam2_painter.engines.offline.candidates import things_at
from sam2_painter.engines.offline.network import Network
from sam2_painter.engines.offline.reading import Reading, read_photo
from sam2_painter.engines.offline.snap import pixels_inside
from sam2_painter.engines.offline.surfaces import CLASSES
from sam2_painter.rle import mask_to_rle

BEGIN, END = "<!-- benchmarks/ceilings.py -->", "<!-- end of ceilings -->"
CLOSED = 9  # cells: narrower gaps in the truth, of pipes and frames, are taken for wall
MADE = {
    "cells": "the truth, in cells",
    "classes": "its outline, and what is called wall in it",
    "candidates": "the best candidate",
    "leaves": "the best union of leaves",
}

Ceilings = dict[str, list[float]]


def soft_ious(masks: np.ndarray, aim: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """(K,) float: the IoU of masks (K, h, w) with the share of each cell that is aimed at, (h, w), of those judged."""
    common, held = (np.tensordot(masks.astype(np.float32), field, 2) for field in (aim, judged))
    ious: np.ndarray = common / np.maximum(held + aim.sum() - common, 1e-6)
    return ious


def ceilings(reading: Reading, target: Target, judged: np.ndarray) -> Iterator[tuple[str, float]]:
    """What each part of the engine could get of a wall, by the names of MADE."""
    height, width = reading.cells_hw

    def shares(mask: np.ndarray) -> np.ndarray:
        small: np.ndarray = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        return small

    aims, known = [shares(aim) for aim in target.aims], shares(judged)

    def best(masks: np.ndarray, aims: list[np.ndarray]) -> float:
        return max(float(soft_ious(masks, aim, known).max()) for aim in aims)

    sight = reading.sight
    wall = sight.kind == CLASSES.index("wall")
    outlines = [closed(aim > 0.5) for aim in aims]
    yield "cells", max(best(aim[None] > 0.5, [aim]) for aim in aims)
    yield "classes", max(best((outline & wall)[None], [aim]) for outline, aim in zip(outlines, aims, strict=True))
    for at in (target.middle, *target.elsewhere):
        masks, _ = things_at(sight, reading.cell(*at), np.zeros((0, 2), int))
        yield "candidates", best(masks, aims)
    inside = [
        pixels_inside(mask_to_rle(part), reading.run_labels, reading.run_ends, reading.count)
        for part in (judged, *target.aims)
    ]
    yield "leaves", max(leaves_iou(part, inside[0]) for part in inside[1:])


def closed(mask: np.ndarray) -> np.ndarray:
    """(h, w) bool: a mask without gaps narrower than CLOSED."""
    wide = np.pad(mask.astype(np.uint8), CLOSED)
    kernel = np.ones((CLOSED, CLOSED), np.uint8)
    return cv2.morphologyEx(wide, cv2.MORPH_CLOSE, kernel)[CLOSED:-CLOSED, CLOSED:-CLOSED] > 0


def leaves_iou(aimed: np.ndarray, judged: np.ndarray) -> float:
    """The IoU of the leaves that lie mostly in the aim. aimed, judged: (n,), pixels of each leaf."""
    chosen = aimed > 0.5 * judged
    return float(aimed[chosen].sum() / max(1.0, aimed.sum() + (judged - aimed)[chosen].sum()))


def measure(data: Path, split: str) -> tuple[Ceilings, np.ndarray]:
    """All figures by the names of MADE, and, (N, C), the share of each wall's cells that is taken for each class."""
    found, taken = defaultdict(list), []
    network = Network()
    for scene in photos(data, split):
        reading = read_photo(picture(scene.photo), network)
        height, width = reading.cells_hw
        for target in targets(scene.name, scene.labels, scene.regions):
            if target.cls != "wall":
                continue
            for made, iou in ceilings(reading, target, scene.labels > 0):
                found[made].append(iou)
            face = cv2.resize(target.aims[0].astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5
            kinds = np.bincount(reading.sight.kind[face], minlength=len(CLASSES))
            taken.append(kinds / max(1, kinds.sum()))
        print(f"\r{scene.name}: {len(taken)} walls", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found, np.array(taken)


def report(found: Ceilings, taken: np.ndarray) -> str:
    """The figures, as Markdown."""
    lines = ["| | mean IoU | median | .9 |", "|---|---|---|---|"]
    for made, title in MADE.items():
        values = np.array(found[made])
        lines.append(f"| {title} | {values.mean():.2f} | {np.median(values):.2f} | {np.mean(values >= GOOD):.0%} |")
    means = taken.mean(axis=0)
    order = [k for k in np.argsort(-means) if means[k] >= 0.005]
    told = ", ".join(f"{CLASSES[k]} {means[k]:.1%}" for k in order)
    return "\n".join([*lines, "", f"What the cells of {len(taken)} walls are taken for: {told}."])


def main() -> None:
    """Parse the command line and print, or write, the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--write", type=Path, help="file whose figures are written anew")
    args = parser.parse_args()
    text = report(*measure(args.data, args.split))
    if args.write:
        args.write.write_text(written(args.write.read_text(), text, BEGIN, END))
    print(text)


if __name__ == "__main__":
    main()
