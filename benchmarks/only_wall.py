"""What would "Only the wall" do to a wall that was not begun with lines?

    python benchmarks/only_wall.py DATA

Every wall of the painter's protocol (``painter.py``): the first answer to a click in its middle, and the answer after
three corrections, each a click in the middle of the largest error, by Add or Remove. And walls of 2% of their photo
brushed over their windows: the truth with its holes filled, shaken by some 4 px. Each is taken as a polygon of its own
shape is; of the last kind every window, door, shutter and trim is removed instead, too. IoU with the aim that the first
answer is nearest to, where somebody judged.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.annotated import deepest, parser_of, photos, studio_with
from benchmarks.corrections import EXTRA, MISSING, errors
from benchmarks.hand import LEAST
from benchmarks.moves import Work
from benchmarks.outlines import shaken
from benchmarks.painter import Target, targets
from sam2_painter.engines import load_engine
from sam2_painter.errors import InvalidInput
from sam2_painter.rle import mask_to_rle, rle_to_mask
from sam2_painter.studio.studio import SelectMode, Studio

CORRECTIONS = 3
WORSE = (0.002, 0.02)  # IoU
KINDS = ("window", "door", "shutter", "trim")
BRUSHED = "brushed over its windows"

Pairs = dict[str, list[tuple[float, float]]]


def masks_of(studio: Studio, sid: str, target: Target, judged: np.ndarray, seed: int) -> Iterator[tuple[str, Work]]:
    """Each kind of mask of a wall, with its aim."""

    def work(aim: np.ndarray) -> Work:
        session = studio.session(sid)
        assert session.selection.mask_id is not None
        return Work(session.mask(session.selection.mask_id).segmentation, aim, judged)

    studio.clear_selection(sid)
    studio.click(sid, *target.middle)
    aim = max(target.aims, key=lambda aim: work(aim).iou)
    yield "after one click", work(aim)
    for _ in range(CORRECTIONS):
        now = work(aim)
        found: list[tuple[SelectMode, np.ndarray]] = [("union", part) for part in errors(now.errors(True), MISSING)]
        found += [("subtract", part) for part in errors(now.errors(False), EXTRA)]
        for mode, part in sorted(found, key=lambda one: -np.count_nonzero(one[1])):
            with suppress(InvalidInput):
                studio.click(sid, *deepest(part)[1:], mode=mode)
                break
    yield f"after {CORRECTIONS} corrections", work(aim)
    if aim.mean() >= LEAST:
        yield BRUSHED, Work(shaken(filled(aim), seed), aim, judged)


def filled(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool: the mask without holes."""
    whole = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(
        whole, cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], -1, 1, -1
    )
    return whole > 0


def measure(studio: Studio, data: Path, most: int) -> Pairs:
    """IoU before and after, by the kind of mask."""
    rows: Pairs = defaultdict(list)
    for scene in photos(data, most=most):
        session = studio.open(scene.photo, scene.name)
        kinds = rle_to_mask(studio._of_kinds(session, KINDS))
        walls = [one for one in targets(scene.name, scene.labels, scene.regions) if one.cls == "wall"]
        for seed, target in enumerate(walls):
            for kind, work in masks_of(studio, session.id, target, scene.labels > 0, seed):
                ways = {kind: rle_to_mask(studio._wall_in(session, mask_to_rle(work.mask))[0])}
                if kind == BRUSHED:
                    ways["the same, every kind removed"] = work.mask & ~kinds
                for way, after in ways.items():
                    rows[way].append((work.iou, Work(after, work.aim, work.judged).iou))
        studio.close(session.id)
        print(scene.name, file=sys.stderr, flush=True)
    return rows


def table(rows: Pairs) -> str:
    """By kind, as Markdown."""
    names = ["wall", "n", "before", "after", *(f"{way} by {iou:g}" for iou in WORSE for way in ("better", "worse"))]
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for kind, pairs in rows.items():
        before, after = np.array(pairs).T
        shares = [np.mean(way * (after - before) > iou) for iou in WORSE for way in (1, -1)]
        cells = [kind, str(len(pairs)), f"{before.mean():.3f}", f"{after.mean():.3f}", *(f"{v:.0%}" for v in shares)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line and print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--photos", type=int, default=20)
    args = parser.parse_args()
    with studio_with(load_engine("offline")) as studio:
        print(table(measure(studio, args.data, args.photos)))


if __name__ == "__main__":
    main()
