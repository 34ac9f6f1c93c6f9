"""How good are the masks? Engines and baselines on annotated photos, click by click.

    python benchmarks/masks.py DATA --engine offline --engine flood
    python benchmarks/masks.py DATA --protocol regions --sheet worst.png

The painter's protocol (see ``painter.py``) counts for walls, roofs, trim, shutters and doors. The protocol "regions" is
by the data set's own labels, whose wall is a whole building; it is of use for windows, plants and automatic masks:

DATA has ``dev/manifest.json``, ``dev/images/NAME.jpg`` and ``dev/labels/NAME.png`` (16-bit region ids, 0 = not
annotated). For each region (at most three a class and photo): the IoU of the first answer to its click and of
the best of the candidates; the IoU after 3, 5 and 10 clicks and the clicks to reach 0.85, at most 20, each next
click in the middle of the largest error; for "every mask", the mean over regions of the best IoU, and how many
masks there are. ``--oracle`` adds the best that the offline engine's candidates for the first click hold: what
a perfect ranking would get.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import painter as painters
from benchmarks.annotated import parser_of
from benchmarks.baselines import BASELINES
from sam2_painter.engines import engine_names, load_engine
from sam2_painter.types import AutoMask, Photo, Prompts

GOAL = 0.85
MOST_CLICKS = 20
MOST_PER_CLASS = 3


@dataclass
class Row:
    """What one region got. ious: after each click, until GOAL."""

    photo: str
    painter: str
    region: int
    click: tuple[int, int]
    ious: list[float] = field(default_factory=list)
    best_of_three: float = 0.0
    coverage: float = 0.0
    oracle: float = 0.0

    def after(self, clicks: int) -> float:
        """IoU after so many clicks; once at the goal, nobody clicks any more."""
        return self.ious[min(clicks, len(self.ious)) - 1]

    @property
    def clicks_to_goal(self) -> int:
        """Clicks to reach GOAL, MOST_CLICKS when it is not reached."""
        return len(self.ious) if self.ious[-1] >= GOAL else MOST_CLICKS


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two (H, W) bool masks."""
    return float(np.count_nonzero(a & b) / max(1, np.count_nonzero(a | b)))


def sample(image: dict, seed: int) -> list[dict]:
    """At most MOST_PER_CLASS regions of each class, always the same ones."""
    rng, by_class = np.random.default_rng(seed), defaultdict(list)
    for region in image["regions"]:
        by_class[region["painter"]].append(region)
    chosen = []
    for regions in by_class.values():
        keep = sorted(rng.permutation(len(regions))[:MOST_PER_CLASS])
        chosen += [regions[k] for k in keep]
    return chosen


def measure(engine, folder: Path, images: list[dict], clicks: int, oracle: bool) -> tuple[list[Row], dict[str, float]]:
    """Rows of all sampled regions, and medians of the seconds that each verb took."""
    rows, took = [], defaultdict(list)

    def timed(verb: str, *args):
        begun = time.perf_counter()
        answer = getattr(engine, verb)(*args)
        took[verb].append(time.perf_counter() - begun)
        return answer

    for number, image in enumerate(images):
        pixels = cv2.imread(str(folder / "images" / f"{image['name']}.jpg"))[:, :, ::-1]
        labels = cv2.imread(str(folder / "labels" / f"{image['name']}.png"), cv2.IMREAD_UNCHANGED)
        photo = Photo(pixels, image["name"])
        embedding = timed("embed", photo)
        every = [mask.segmentation for mask in timed("generate", photo, embedding, AutoMask())]
        took["masks"].append(len(every))
        for region in sample(image, number):
            truth = labels == region["id"]
            row = Row(image["name"], region["painter"], region["id"], tuple(region["click"]))
            row.coverage = max([iou(mask, truth) for mask in every], default=0.0)
            prompts = Prompts.click(*row.click)
            if oracle:
                row.oracle = best_candidate(embedding, prompts, truth)
            for count in range(1, clicks + 1):
                masks = [mask.segmentation for mask in timed("predict", embedding, prompts)]
                row.ious.append(iou(masks[0], truth))
                if count == 1:
                    row.best_of_three = max(iou(mask, truth) for mask in masks[:3])
                if row.ious[-1] >= GOAL:
                    break
                prompts = prompts.plus(*painters.next_click(masks[0], truth, np.ones_like(truth)))
            rows.append(row)
        print(f"\r{engine.title}: {number + 1}/{len(images)} photos", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return rows, {verb: float(np.median(values)) for verb, values in took.items()}


def best_candidate(embedding, prompts: Prompts, truth: np.ndarray) -> float:
    """The best IoU among all candidates of the offline engine for a first click."""
    from sam2_painter.engines.offline.asking import points_of
    from sam2_painter.engines.offline.candidates import click_candidates
    from sam2_painter.engines.offline.engine import reading_of
    from sam2_painter.engines.offline.snap import pixels_inside
    from sam2_painter.rle import mask_to_rle

    reading = reading_of(embedding)
    cells, _ = click_candidates(reading.sight, points_of(reading, prompts).clicks)
    masks = reading.of_cells(cells)
    inside = pixels_inside(mask_to_rle(truth), reading.run_labels, reading.run_ends, reading.count)
    common = np.where(masks, inside, 0).sum(axis=1)
    return float((common / (np.where(masks, reading.pixels, 0).sum(axis=1) + truth.sum() - common)).max())


def table(title: str, rows: list[Row], took: dict[str, float]) -> str:
    """Figures by class, as Markdown."""
    lines = [
        f"### {title}",
        "",
        "| class | n | 1st click | best of 3 | oracle | 3 clicks | 5 | 10 | clicks to .85 | coverage |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for painter in ["all", *sorted({row.painter for row in rows})]:
        some = [row for row in rows if painter in ("all", row.painter)]
        figures = [
            [row.ious[0] for row in some],
            [row.best_of_three for row in some],
            [row.oracle for row in some],
            *([row.after(clicks) for row in some] for clicks in (3, 5, 10)),
        ]
        cells = [f"{np.mean(values):.2f}" if any(values) else "-" for values in figures]
        cells.append(f"{np.mean([row.clicks_to_goal for row in some]):.1f}")
        cells.append(f"{np.mean([row.coverage for row in some]):.2f}")
        lines.append(f"| {painter} | {len(some)} | {' | '.join(cells)} |")
    lines.append("")
    lines.append(
        f"Medians: embed {took['embed']:.2f} s, predict {took['predict'] * 1000:.0f} ms, "
        f"every mask {took['generate']:.2f} s, {took['masks']:.0f} masks a photo."
    )
    return "\n".join(lines)


def sheet(engine, folder: Path, rows: list[Row], path: Path, count: int = 20) -> None:
    """The worst first answers: the answer in red, the annotation outlined in green, the click in yellow."""
    tiles = []
    for row in sorted(rows, key=lambda row: row.ious[0])[:count]:
        pixels = cv2.imread(str(folder / "images" / f"{row.photo}.jpg"))
        truth = cv2.imread(str(folder / "labels" / f"{row.photo}.png"), cv2.IMREAD_UNCHANGED) == row.region
        answer = engine.predict(engine.embed(Photo(pixels[:, :, ::-1])), Prompts.click(*row.click))[0]
        picture = pixels.copy()
        picture[answer.segmentation] = picture[answer.segmentation] // 2 + np.array([0, 0, 127], np.uint8)
        outline = cv2.morphologyEx(truth.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
        picture[outline] = (0, 255, 0)
        cv2.circle(picture, row.click, 9, (0, 255, 255), -1)
        tile = cv2.resize(picture, (400, 400), interpolation=cv2.INTER_AREA)
        text = f"{row.photo} {row.painter} {row.ious[0]:.2f} said {answer.predicted_iou:.2f}"
        cv2.rectangle(tile, (0, 0), (400, 22), (0, 0, 0), -1)
        cv2.putText(tile, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros((400, 400, 3), np.uint8)] * (-len(tiles) % 5)
    cv2.imwrite(str(path), np.vstack([np.hstack(tiles[k : k + 5]) for k in range(0, len(tiles), 5)]))


def main() -> None:
    """Parse the command line and print the tables."""
    names = [*engine_names(), *BASELINES]
    parser = parser_of(__doc__)
    parser.add_argument("--engine", action="append", choices=names, help="may be repeated; default: offline")
    parser.add_argument("--protocol", choices=["painter", "regions"], default="painter")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--every", type=int, default=1, help="take one photo of so many")
    parser.add_argument("--clicks", type=int, default=MOST_CLICKS, help="at most so many clicks a region")
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--sheet", type=Path, help="PNG of the worst first answers, the engine's name is added")
    args = parser.parse_args()
    if args.protocol == "painter":
        for name in args.engine or ["offline"]:
            engine = BASELINES[name]() if name in BASELINES else load_engine(name)
            rows, walls = painters.measure(engine, args.data, args.split, args.every)
            print(painters.table(engine.title, rows, walls), flush=True)
        return
    folder = args.data / args.split
    images = json.loads((folder / "manifest.json").read_text())["images"][:: args.every]
    for name in args.engine or ["offline"]:
        engine = BASELINES[name]() if name in BASELINES else load_engine(name)
        rows, took = measure(engine, folder, images, args.clicks, args.oracle and name == "offline")
        print(table(engine.title, rows, took), flush=True)
        if args.sheet:
            sheet(engine, folder, rows, args.sheet.with_stem(f"{args.sheet.stem}-{name}"))


if __name__ == "__main__":
    main()
