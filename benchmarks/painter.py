"""The painter's protocol: one surface of one paint, clicked anywhere in it.

DATA/painter/dev has ``manifest.json`` and ``labels/NAME.png`` (16-bit region ids, 0 = not judged) of photos in
DATA/dev/images. Every wall of 1% of its photo is a target, and other surfaces of 0.4%. A click in a wall may mean its
face or everything of that paint: whichever the first answer is nearer to counts, and stays the aim of the clicks that
follow. Pixels that are not judged count for nothing. Off centre: the mean over three clicks anywhere in the target, 5
px from its border. People stop clicking once an answer is good (IoU 0.9).
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sam2_painter.engines import Engine
from sam2_painter.types import Embedding, Photo, Prompts

from .annotated import deepest, depths, photos, picture

GOOD = 0.9  # IoU
MOST_CLICKS = 5
SMALLEST = {"wall": 0.01}  # of the photo; other classes: OTHERS
OTHERS = 0.004
MOST_OTHERS = 3  # of a class and photo, walls aside
CLASSES = ("wall", "roof", "eaves", "trim", "shutter", "door", "garage", "window", "balcony", "vegetation")
MARGIN = 5  # px from the border, for clicks off centre
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True, eq=False)
class Target:
    """What a click may mean. photo, cls: where and what. aims: the face and, for walls, all of its paint, (H, W) bool.
    middle: (x, y). elsewhere: three points anywhere in it.
    """

    photo: str
    cls: str
    aims: tuple[np.ndarray, ...]
    middle: tuple[int, int]
    elsewhere: tuple[tuple[int, int], ...]


@dataclass
class Row:
    """What one target got: IoU after each click until it is good, of the best candidate, and off centre. said: what the
    engine thought of its first answer.
    """

    photo: str
    cls: str
    ious: list[float] = field(default_factory=list)
    best: float = 0.0
    off_centre: list[float] = field(default_factory=list)
    pairs: list[tuple[float, float]] = field(default_factory=list)  # (predicted, true) IoU of first answers

    def after(self, clicks: int) -> float:
        """IoU after so many clicks."""
        return self.ious[min(clicks, len(self.ious)) - 1]


@dataclass(frozen=True)
class WholeWall:
    """All walls of a photo as the engine finds them, against all walls there are."""

    photo: str
    iou: float
    precision: float
    recall: float


def judged_iou(mask: np.ndarray, truth: np.ndarray, judged: np.ndarray) -> float:
    """Intersection over union where somebody judged, all (H, W) bool."""
    mask = mask & judged
    return float(np.count_nonzero(mask & truth) / max(1, np.count_nonzero(mask | truth)))


def targets(photo: str, labels: np.ndarray, regions: Sequence[dict[str, Any]]) -> Iterator[Target]:
    """The targets of a photo, always the same ones, with the same clicks."""
    taken: dict[str, int] = defaultdict(int)
    for region in regions:
        cls = region["cls"]
        if cls not in CLASSES or region["area"] < SMALLEST.get(cls, OTHERS):
            continue
        if cls != "wall" and taken[cls] >= MOST_OTHERS:
            continue
        taken[cls] += 1
        face = labels == region["id"]
        aims = [face]
        if cls == "wall" and region["paint"]:
            alike = [r["id"] for r in regions if (r["cls"], r["paint"]) == ("wall", region["paint"])]
            if len(alike) > 1:
                aims.append(np.isin(labels, alike))
        depth = depths(face)
        ys, xs = np.nonzero(depth >= min(MARGIN, depth.max()))
        picks = np.random.default_rng(region["id"]).integers(len(ys), size=3)
        elsewhere = tuple((int(xs[k]), int(ys[k])) for k in picks)
        yield Target(photo, cls, tuple(aims), tuple(region["click"]), elsewhere)


def next_click(mask: np.ndarray, truth: np.ndarray, judged: np.ndarray) -> tuple[int, int, int]:
    """(x, y, label) in the middle of the largest error."""
    best = (-1.0, 0, 0, 0)
    for error, label in ((truth & ~mask, 1), (mask & ~truth & judged, 0)):
        best = max(best, (*deepest(error), label))
    return best[1:]


def click(engine: Engine, embedding: Embedding, target: Target, judged: np.ndarray) -> Row:
    """Click a target as the protocol says."""
    row = Row(target.photo, target.cls)

    def first(at: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, float]:
        """Everything that is offered, the aim that the first is nearest to, and the best IoU of any."""
        masks = engine.predict(embedding, Prompts.click(*at))
        ious = np.array([[judged_iou(m.segmentation, aim, judged) for aim in target.aims] for m in masks])
        row.pairs += zip([m.predicted_iou for m in masks], ious.max(axis=1), strict=True)
        return masks[0].segmentation, ious[0], float(ious.max())

    answer, ious, row.best = first(target.middle)
    row.ious = [float(ious.max())]
    aim = target.aims[int(ious.argmax())]
    prompts = Prompts.click(*target.middle)
    while row.ious[-1] < GOOD and len(row.ious) < MOST_CLICKS:
        prompts = prompts.plus(*next_click(answer, aim, judged))
        answer = engine.predict(embedding, prompts)[0].segmentation
        row.ious.append(judged_iou(answer, aim, judged))
    row.off_centre = [float(first(at)[1].max()) for at in target.elsewhere]
    return row


def measure(engine: Engine, data: Path, split: str, every: int = 1) -> tuple[list[Row], list[WholeWall]]:
    """Rows of all targets, and all walls of each photo if the engine finds them."""
    rows: list[Row] = []
    walls: list[WholeWall] = []
    begun = time.perf_counter()
    for number, scene in enumerate(photos(data, split, every), 1):
        name, labels = scene.name, scene.labels
        judged = labels > 0
        embedding = engine.embed(Photo(picture(scene.photo), name))
        if "wall" in getattr(engine, "categories", ()):
            ids = [region["id"] for region in scene.regions if region["cls"] == "wall"]
            walls.append(_whole_wall(engine, embedding, name, np.isin(labels, ids), judged))
        rows += [click(engine, embedding, target, judged) for target in targets(name, labels, scene.regions)]
        took = time.perf_counter() - begun
        print(f"\r{engine.title}: {number} photos, {took:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return rows, walls


def _whole_wall(engine: Engine, embedding: Embedding, photo: str, truth: np.ndarray, judged: np.ndarray) -> WholeWall:
    found = np.zeros(truth.shape, bool)
    for mask in engine.find(embedding, "wall"):  # type: ignore[attr-defined]  # optional, it is there
        found |= mask.segmentation
    found &= judged
    common = np.count_nonzero(found & truth)
    return WholeWall(
        photo,
        judged_iou(found, truth, judged),
        common / max(1, np.count_nonzero(found)),
        common / max(1, np.count_nonzero(truth)),
    )


def bootstrap(values: Sequence[float], photos: Sequence[str]) -> tuple[float, float]:
    """The 95% interval of a mean, whole photos drawn anew: targets of one photo stand and fall together."""
    names, which = np.unique(photos, return_inverse=True)
    sums, counts = np.bincount(which, values), np.bincount(which)
    picks = np.random.default_rng(0).integers(len(names), size=(DRAWS, len(names)))
    low, high = np.quantile(sums[picks].sum(axis=1) / counts[picks].sum(axis=1), (0.025, 0.975))
    return float(low), float(high)


def table(title: str, rows: list[Row], walls: list[WholeWall]) -> str:
    """Figures by class, as Markdown."""
    lines = [
        f"### {title}, the painter's protocol",
        "",
        "| class | n | off centre | first | best of 3 | after 3 | after 5 | .9 at once | .9 within 5 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cls in [name for name in CLASSES if any(row.cls == name for row in rows)]:
        some = [row for row in rows if row.cls == cls]
        photos = [row.photo for row in some]
        cells = []
        for values in ([float(np.mean(row.off_centre)) for row in some], [row.ious[0] for row in some]):
            low, high = bootstrap(values, photos)
            cells.append(f"{np.mean(values):.2f} ({low:.2f}-{high:.2f})")
        cells += [f"{np.mean([row.best for row in some]):.2f}"]
        cells += [f"{np.mean([row.after(clicks) for row in some]):.2f}" for clicks in (3, 5)]
        cells += [f"{np.mean([max(row.ious[:clicks]) >= GOOD for row in some]):.0%}" for clicks in (1, 5)]
        lines.append(f"| {cls} | {len(some)} | {' | '.join(cells)} |")
    lines.append("")
    if walls:
        iou, precision, recall = (
            np.mean([getattr(wall, part) for wall in walls]) for part in ("iou", "precision", "recall")
        )
        low, high = bootstrap([wall.iou for wall in walls], [wall.photo for wall in walls])
        lines.append(
            f"All walls of {len(walls)} photos: IoU {iou:.2f} ({low:.2f}-{high:.2f}), precision {precision:.2f}, "
            f"recall {recall:.2f}."
        )
    pairs = np.array([pair for row in rows for pair in row.pairs])
    lines.append(f"Predicted IoU against true: {calibration(pairs)}.")
    return "\n".join(lines)


def calibration(pairs: np.ndarray, bins: int = 5) -> str:
    """Mean predicted -> mean true IoU in equal parts of answers (N, 2), least sure first."""
    order = pairs[pairs[:, 0].argsort()]
    parts = [part.mean(axis=0) for part in np.array_split(order, bins) if len(part)]
    return ", ".join(f"{said:.2f} -> {true:.2f}" for said, true in parts)
