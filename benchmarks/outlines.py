"""Are outlines better once they are tidied, and what is a rough polygon worth? On the painter's truth.

    python benchmarks/outlines.py DATA
    python benchmarks/outlines.py DATA --write docs/hand.md

For every wall of 2% of the photos in DATA/painter/dev: IoU with the truth, where somebody judged, before and after
`masks.tidy`, of the engine's first answer to two clicks anywhere in it (where it is above .5), and of the truth itself
drawn 4 or 8 px too far, 4 or 8 px too little, and shaken by some 4 px. A rough polygon is the outline of the wall's
largest part with at most 20 corners, each 4 px off at random. And how exact the truth is: its IoU with itself drawn 1,
2 and 3 px too far or too little. The same run gives the same figures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import annotated
from benchmarks.annotated import parser_of, studio_with
from benchmarks.hand import LEAST, written
from benchmarks.painter import judged_iou, targets
from sam2_painter import masks
from sam2_painter.engines import load_engine
from sam2_painter.rle import mask_to_rle, rle_to_mask
from sam2_painter.studio.studio import Studio

BEGIN, END = "<!-- benchmarks/outlines.py -->", "<!-- end of outlines -->"
CORNERS, SHAKEN, NEAR = 20, 4.0, 12  # of a polygon; px each is off; px beyond it that still count
WORSE = 0.002  # IoU that may be lost unseen
HOPELESS = 0.5

Pair = tuple[float, float]


def moved(mask: np.ndarray, pixels: int) -> np.ndarray:
    """(H, W) bool: a mask drawn so many pixels too far, or below 0 too little."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(pixels) + 1,) * 2)
    change = cv2.dilate if pixels > 0 else cv2.erode
    there: np.ndarray = change(mask.astype(np.uint8), kernel) > 0
    return there


def shaken(mask: np.ndarray, seed: int) -> np.ndarray:
    """(H, W) bool: a mask as a hand draws it that shakes by some SHAKEN px."""
    rng = np.random.default_rng(seed)
    waves = [cv2.GaussianBlur(rng.standard_normal(mask.shape).astype(np.float32), (0, 0), 12) for _ in range(2)]
    dx, dy = (wave / wave.std() * np.float32(SHAKEN) for wave in waves)
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    there: np.ndarray = cv2.remap(mask.astype(np.uint8), x + dx, y + dy, cv2.INTER_NEAREST) > 0
    return there


def rough_polygon(mask: np.ndarray, seed: int) -> list[tuple[float, float]]:
    """Corners around the largest part of a mask, as a hand in a hurry sets them."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    largest = (parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    outline = max(cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    tolerance = 3.0
    corners = cv2.approxPolyDP(outline, tolerance, True)
    while len(corners) > CORNERS:
        tolerance *= 1.25
        corners = cv2.approxPolyDP(outline, tolerance, True)
    off = np.random.default_rng(seed).normal(0, SHAKEN, (len(corners), 2))
    return [(float(x), float(y)) for x, y in corners[:, 0] + off]


def measure(studio: Studio, data: Path, photos: int) -> dict[str, list[Pair]]:
    """(before, after) of each wall, by the kind of mask."""
    rows: dict[str, list[Pair]] = {}
    for scene in annotated.photos(data, most=photos):
        session = studio.open(scene.photo, scene.name)
        pixels, judged = studio.photo_of(session).pixels, scene.labels > 0
        wanted = [one for one in targets(scene.name, scene.labels, scene.regions) if one.cls == "wall"]
        for seed, target in enumerate(one for one in wanted if one.aims[0].mean() >= LEAST):
            truth = target.aims[0]
            for pixels_off in (1, 2, 3):
                two = [judged_iou(moved(truth, way * pixels_off), truth, judged) for way in (1, -1)]
                rows.setdefault(f"{pixels_off} px", []).append((float(np.mean(two)), 0.0))
            for kind, mask, aim in coarse(studio, session.id, target.elsewhere[:2], target.aims, judged, seed):
                tidied = rle_to_mask(masks.tidy(pixels, mask_to_rle(mask)))
                rows.setdefault(kind, []).append((judged_iou(mask, aim, judged), judged_iou(tidied, aim, judged)))
            rows.setdefault("rough polygon", []).append(polygon(studio, session.id, truth, judged, seed))
        studio.close(session.id)
        print(scene.name, file=sys.stderr, flush=True)
    return rows


def coarse(
    studio: Studio,
    sid: str,
    clicks: tuple[tuple[int, int], ...],
    aims: tuple[np.ndarray, ...],
    judged: np.ndarray,
    seed: int,
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Masks to tidy, each with its kind and its aim."""
    truth = aims[0]
    for x, y in clicks:
        studio.clear_selection(sid)
        session = studio.click(sid, x, y)
        mask = session.mask(session.selection.mask_id).segmentation  # type: ignore[arg-type]
        aim = max(aims, key=lambda one: judged_iou(mask, one, judged))
        if judged_iou(mask, aim, judged) > HOPELESS:
            yield "first answers", mask, aim
    for pixels in (8, 4, -4, -8):
        there = moved(truth, pixels)
        if there.any():
            yield f"{abs(pixels)} px too {'far' if pixels > 0 else 'little'}", there, truth
    yield "shaken by 4 px", shaken(truth, seed), truth


def polygon(studio: Studio, sid: str, truth: np.ndarray, judged: np.ndarray, seed: int) -> Pair:
    """IoU of all of a rough polygon, and of the wall in it."""
    path = rough_polygon(truth, seed)
    drawn = rle_to_mask(masks.polygon(path, truth.shape))
    aim = truth & moved(drawn, NEAR)
    session = studio.polygon(sid, path, "new", only_wall=True)
    taken = session.mask(session.selection.mask_id).segmentation  # type: ignore[arg-type]
    return judged_iou(drawn, aim, judged), judged_iou(taken, aim, judged)


def table(rows: dict[str, list[Pair]]) -> str:
    """What came of it, as Markdown."""
    lines = [
        "| mask | walls | before | after | worse by .002 | by .02 | .9 before | after |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, pairs in rows.items():
        if kind.endswith(" px") and kind[0] in "123" and "too" not in kind and "by" not in kind:
            continue
        before, after = np.array(pairs).T
        lost = before - after
        cells = [f"{before.mean():.3f}", f"{after.mean():.3f}", f"{np.mean(lost > WORSE):.0%}"]
        cells += [f"{np.mean(lost > 0.02):.0%}", f"{np.mean(before >= 0.9):.0%}", f"{np.mean(after >= 0.9):.0%}"]
        lines.append(f"| {kind} | {len(pairs)} | {' | '.join(cells)} |")
    exact = [f"{np.median([pair[0] for pair in rows[f'{off} px']]):.3f} ({off} px)" for off in (1, 2, 3)]
    lines += ["", f"The truth against itself, drawn too far or too little all round, median: {', '.join(exact)}."]
    return "\n".join(lines)


def main() -> None:
    """Parse the command line and print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--write", type=Path, help="a page that has the table between two comments")
    args = parser.parse_args()
    with studio_with(load_engine("offline")) as studio:
        made = table(measure(studio, args.data, args.photos))
    print(made)
    if args.write:
        args.write.write_text(written(args.write.read_text(), made, BEGIN, END))


if __name__ == "__main__":
    main()
