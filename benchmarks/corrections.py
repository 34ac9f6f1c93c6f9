"""What the first answer to one Add or Remove does to a wall that one click chose.

    python benchmarks/corrections.py DATA
    python benchmarks/corrections.py DATA --split train --every 2

Every wall of the painter's protocol (``painter.py``) is clicked in its middle. Then each of its errors that hang
together is clicked in its own middle, from the same start: Add on what is missing, from .2% of the photo on, and on the
other faces of the same paint; Remove on what is too much, from .1% on. The three largest of each kind count. IoU with
the aim that the first answer is nearest to, where somebody judged. Worse: by more than .002. Hardly seen: less than a
spot of 12 px of the screen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.annotated import deepest, parser_of, photos, studio_with
from benchmarks.moves import Work
from benchmarks.painter import Target, targets
from sam2_painter.engines import engine_names, load_engine
from sam2_painter.errors import InvalidInput
from sam2_painter.rle import rle_to_mask
from sam2_painter.studio.studio import SelectMode, Studio
from sam2_painter.studio.walls import SCREEN, SPOT

MISSING, EXTRA = 0.002, 0.001  # of the photo: smaller errors are not clicked
MOST = 3  # errors of a kind
WORSE = 0.002  # IoU
KINDS = ("Add, another face", "Add, a missing part", "Remove")


@dataclass(frozen=True)
class Row:
    """One click. before, after, best: IoU, of the best of its answers in the end. changed: pixels, in spots."""

    kind: str
    before: float
    after: float
    best: float
    changed: float


def errors(mask: np.ndarray, least: float) -> Iterator[np.ndarray]:
    """The parts of a mask (H, W) bool that are at least so much of it all, the largest first, at most MOST."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    for part in np.argsort(-areas, kind="stable")[:MOST]:
        if areas[part] >= least * mask.size:
            yield parts == part + 1


def correct(studio: Studio, session_id: str, target: Target, labels: np.ndarray) -> Iterator[Row]:
    """Choose a wall by one click, and click each of its errors from there."""

    def wall() -> np.ndarray:
        session = studio.session(session_id)
        assert session.selection.mask_id is not None
        return session.mask(session.selection.mask_id).segmentation

    studio.clear_selection(session_id)
    studio.click(session_id, *target.middle)
    begun, judged = wall(), labels > 0
    aim = max(target.aims, key=lambda aim: Work(begun, aim, judged).iou)
    work = Work(begun, aim, judged)
    spot = np.pi * (SPOT * max(1.0, max(labels.shape) / SCREEN)) ** 2
    clicked: list[tuple[str, tuple[int, int], np.ndarray]] = []
    for name, part in (
        *((KINDS[1], part) for part in errors(work.errors(True), MISSING)),
        *((KINDS[2], part) for part in errors(work.errors(False), EXTRA)),
    ):
        clicked.append((name, deepest(part)[1:], aim))
    faces = [labels == number for number in np.unique(labels[target.aims[-1] & ~target.aims[0]])]
    for face in sorted(faces, key=np.count_nonzero, reverse=True)[:MOST]:
        _, x, y = deepest(face)
        if face.mean() >= MISSING and not begun[y, x]:
            clicked.append((KINDS[0], (x, y), target.aims[-1]))
    for name, (x, y), meant in clicked:
        mode: SelectMode = "subtract" if name == KINDS[2] else "union"
        before = Work(begun, meant, judged).iou
        try:
            session = studio.click(session_id, x, y, mode=mode)
        except InvalidInput:
            continue
        after = wall()
        shown = [rle_to_mask(answer.rle) for answer in studio.answers(session)] or [after]
        best = max(Work(mask, meant, judged).iou for mask in shown)
        changed = float(np.count_nonzero(after ^ begun) / spot)
        yield Row(name, before, Work(after, meant, judged).iou, best, changed)
        if changed:
            studio.undo(session_id)


def table(rows: list[Row]) -> str:
    """By kind, as Markdown."""
    lines = ["| click | n | IoU before | after | best answer | better | worse | hardly seen |", "|---|" + "---|" * 7]
    for kind in KINDS:
        some = [row for row in rows if row.kind == kind]
        if not some:
            continue
        means = [float(np.mean([getattr(row, name) for row in some])) for name in ("before", "after", "best")]
        gains = np.array([row.after - row.before for row in some])
        shares = [gains > WORSE, gains < -WORSE, np.array([row.changed < 1 for row in some])]
        cells = [f"{mean:.3f}" for mean in means] + [f"{np.mean(share):.0%}" for share in shares]
        lines.append(f"| {kind} | {len(some)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line and print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--engine", choices=engine_names(), default="offline")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--every", type=int, default=1, help="of the photos")
    parser.add_argument("--photos", type=int, help="the first ones only")
    args = parser.parse_args()
    rows: list[Row] = []
    with studio_with(load_engine(args.engine)) as studio:
        for scene in photos(args.data, args.split, args.every, args.photos):
            session = studio.open(scene.photo, scene.name)
            for target in targets(scene.name, scene.labels, scene.regions):
                if target.cls == "wall":
                    rows += correct(studio, session.id, target, scene.labels)
            studio.close(session.id)
            print(f"{scene.name}: {len(rows)} clicks", file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
