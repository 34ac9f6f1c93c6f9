"""How true the paint is, and how fast: `python -m benchmarks.paint [--quality] [--several] [--speed] [--seed N]`.

To be looked at: `python -m benchmarks.paint --sheet OUT.jpg [--data FOLDER]` paints the walls of annotated photos
(FOLDER, or BUILDINGS_DATA: `manifest.json`, `images/`, `labels/`; or photos in `dev/` and masks drawn by hand in
`painter/dev/`) in six colours, a row a photo.

Quality: facades are rendered with the old paint and again with the new (see `scenes`); every method gets the first and
a mask, and is compared with the second. CIEDE2000 inside the mask (mean, 95th percentile), in the ring of three pixels
on either side of its border and inside it alone, and how much of the texture and of the shadow is kept (1 is right).
Some scenes are fixed, some drawn anew with every run. The same for walls with several old paints under one mask
(`several`), and for houses whose front and side are two layers, tied and not.

Speed: ours, the methods below and a plain copy of the picture by turns in one run; ratios to the copy count, times
depend on the machine.
"""

from __future__ import annotations

import argparse
import colorsys
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, lab2rgb, rgb2lab

from benchmarks import scenes, several
from sam2_painter.paint.colors import parse_color
from sam2_painter.paint.composite import analyse, changed_box, composite, repaint
from sam2_painter.paint.srgb import LINEAR, LUMINANCE, linear_to_srgb, srgb_to_linear
from sam2_painter.paint.ties import tie_offers
from sam2_painter.photos.images import fit
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import Layer, Mask, Photo

Method = Callable[[np.ndarray, np.ndarray, tuple[int, int, int]], np.ndarray]


def ours(photo, mask, color):
    """The white-wall layer of `sam2_painter.paint.composite`."""
    return composite(Photo(photo), [Layer(Mask(mask_to_rle(mask)), color, 1.0)])


def flat(photo, mask, color):
    """The colour itself."""
    out = photo.copy()
    out[mask] = color
    return out


def multiply(photo, mask, color):
    """Photo times colour, as image editors do."""
    out = photo.copy()
    out[mask] = np.round(photo[mask] * (np.array(color) / 255))
    return out


def hsl_shift(photo, mask, color):
    """Hue and saturation of the colour, lightness shifted to its mean."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(v / 255 for v in color))
    hls = cv2.cvtColor(photo[mask][None].astype(np.float32) / 255, cv2.COLOR_RGB2HLS)[0]
    hls[:, 0], hls[:, 2] = 360 * hue, saturation
    hls[:, 1] = np.clip(hls[:, 1] + lightness - hls[:, 1].mean(), 0, 1)
    out = photo.copy()
    out[mask] = np.round(255 * cv2.cvtColor(hls[None], cv2.COLOR_HLS2RGB)[0])
    return out


def lab_lightness_kept(photo, mask, color):
    """a and b of the colour, L of the photo."""
    lab = rgb2lab(photo[mask] / 255)
    lab[:, 1:] = rgb2lab(np.array(color) / 255)[1:]
    out = photo.copy()
    out[mask] = np.round(255 * np.clip(lab2rgb(lab), 0, 1))
    return out


def luminance_ratio(photo, mask, color):
    """The colour in linear light, times each pixel's luminance over the wall's 90th percentile."""
    luminance = LINEAR[photo[mask]] @ LUMINANCE
    ratio = luminance / np.percentile(luminance, 90)
    out = photo.copy()
    painted = linear_to_srgb(np.minimum(ratio[:, None] * LINEAR[list(color)], 1))
    out[mask] = np.round(255 * painted)
    return out


METHODS: dict[str, Method] = {
    "ours": ours,
    "flat": flat,
    "hsl shift": hsl_shift,
    "lab, lightness kept": lab_lightness_kept,
    "multiply": multiply,
    "luminance ratio": luminance_ratio,
}
COLUMNS = ("mean", "p95", "ring", "inner ring", "texture", "shadow")


def _lab(pixels: np.ndarray) -> np.ndarray:
    return rgb2lab(pixels / 255).astype(np.float32)


def measure(painted: np.ndarray, scene: scenes.Scene) -> dict[str, float]:
    """The columns of the table for one picture."""
    wall = (scene.coverage > 0.5).astype(np.uint8)
    inside = scene.coverage > 0.99
    to_outside, to_inside = (cv2.distanceTransform(v, cv2.DIST_L2, 5) for v in (wall, 1 - wall))
    inner_ring = (to_outside > 0) & (to_outside <= 3)
    ring = inner_ring | ((to_inside > 0) & (to_inside <= 3))
    ours_lab, true_lab = _lab(painted), _lab(scene.truth)
    error = deltaE_ciede2000(ours_lab, true_lab)
    core = cv2.erode(inside.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0

    def texture(lab):
        return (lab[..., 0] - cv2.GaussianBlur(lab[..., 0], (0, 0), 4))[core].std()

    def shadow(pixels):
        luminance = LINEAR[pixels] @ LUMINANCE
        dark, bright = np.percentile(scene.light[inside], [20, 80])
        return 1 - luminance[inside & (scene.light <= dark)].mean() / max(
            luminance[inside & (scene.light >= bright)].mean(), 1e-6
        )

    return {
        "mean": error[inside].mean(),
        "p95": np.percentile(error[inside], 95),
        "ring": error[ring].mean(),
        "inner ring": error[inner_ring].mean(),
        "texture": texture(ours_lab) / max(texture(true_lab), 1e-6),
        "shadow": shadow(painted) / max(shadow(scene.truth), 1e-3),
    }


def side_error(scene: scenes.Scene, split: bool, tie: int = 0) -> float:
    """Mean CIEDE2000 on a building's side that is painted in one layer with the front, or in one of its own.

    tie: as in `Layer`.
    """
    front, side = scenes.faces(scene)
    layers = [
        Layer(Mask(mask_to_rle(mask)), parse_color(scene.case.new), 1.0, tie=tie)
        for mask in ((front, side) if split else (front | side,))
    ]
    painted = composite(Photo(scene.photo), layers)
    inside = cv2.erode(side.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return float(deltaE_ciede2000(_lab(painted), _lab(scene.truth))[inside].mean())


def _two_layers(scene: scenes.Scene) -> list[Layer]:
    """A building's front and side, each painted in a layer of its own."""
    return [Layer(Mask(mask_to_rle(mask)), parse_color(scene.case.new)) for mask in scenes.faces(scene)]


def several_paints(count: int, seed: int) -> None:
    """Print the tables of walls with several old paints under one mask."""
    fixed = [several.render(case) for case in several.fixed_cases()]
    print(f"\n{len(fixed)} walls with two or three old paints\n{'':24}" + "".join(f"{c:>12}" for c in COLUMNS))
    rows: dict[str, list[dict[str, float]]] = {}
    for name, method in METHODS.items():
        rows[name] = [measure(method(s.photo, scenes.exact_mask(s), parse_color(s.case.new)), s) for s in fixed]
        _print_row(name, rows[name], f"worst scene {max(r['mean'] for r in rows[name]):.1f}")
    for title, mask_of in (("ours, coarse masks", scenes.coarse_mask), ("ours, leaky masks", scenes.leaky_mask)):
        _print_row(title, [measure(ours(s.photo, mask_of(s), parse_color(s.case.new)), s) for s in fixed])
    print("\nours by wall")
    for value in dict.fromkeys(s.case.name for s in fixed):
        _print_row(value[:24], [r for s, r in zip(fixed, rows["ours"], strict=True) if s.case.name == value], value)
    print(f"\n{count} drawn with --seed {seed}")
    drawn = [several.render(case) for case in several.random_cases(count, seed)]
    for name in ("ours", "luminance ratio"):
        of_scenes = [measure(METHODS[name](s.photo, scenes.exact_mask(s), parse_color(s.case.new)), s) for s in drawn]
        _print_row(name, of_scenes, f"worst scene {max(r['mean'] for r in of_scenes):.1f}")


def quality(count: int, seed: int) -> None:
    """Print the tables."""
    fixed = [scenes.render(case) for case in scenes.fixed_cases()]
    rows = {
        name: [measure(method(s.photo, scenes.exact_mask(s), parse_color(s.case.new)), s) for s in fixed]
        for name, method in METHODS.items()
    }
    print(f"\nsixty fixed scenes, exact masks\n{'':24}" + "".join(f"{c:>12}" for c in COLUMNS) + "   worst pair")
    for name, of_scenes in rows.items():
        by_pair: dict[str, list[float]] = {}
        for scene, row in zip(fixed, of_scenes, strict=True):
            by_pair.setdefault(scene.case.name, []).append(row["mean"])
        worst = max(by_pair, key=lambda pair: statistics.mean(by_pair[pair]))
        _print_row(name, of_scenes, f"{statistics.mean(by_pair[worst]):.1f} {worst}")
    for title, key in (("pair", "name"), ("light", "light")):
        print(f"\nours by {title}")
        for value in dict.fromkeys(getattr(s.case, key) for s in fixed):
            _print_row(value, [r for s, r in zip(fixed, rows["ours"], strict=True) if getattr(s.case, key) == value])
    print("\nours with other masks")
    for name, mask_of in (("coarse, as SAM's", scenes.coarse_mask), ("leaky", scenes.leaky_mask)):
        _print_row(name, [measure(ours(s.photo, mask_of(s), parse_color(s.case.new)), s) for s in fixed])
    turned = [scene for scene in fixed if scene.case.corner]
    print(f"\nours on the side of {len(turned)} buildings whose front is painted too")
    for name, split, tie in (("one layer", False, 0), ("two layers", True, 0), ("two layers, tied", True, 1)):
        print(f"{name:24}{statistics.mean(side_error(scene, split, tie) for scene in turned):12.2f}")
    offered = [bool(tie_offers(Photo(s.photo), _two_layers(s))) for s in turned]
    print(f"{'tie offered':24}{sum(offered):9} of {len(turned)}")
    drawn = [scenes.render(case) for case in scenes.random_cases(count, seed)]
    print(f"\n{count} scenes drawn with --seed {seed}")
    for name in ("ours", "luminance ratio"):
        of_scenes = [measure(METHODS[name](s.photo, scenes.exact_mask(s), parse_color(s.case.new)), s) for s in drawn]
        _print_row(name, of_scenes, f"worst scene {max(r['mean'] for r in of_scenes):.1f}")


def _print_row(name: str, rows: list[dict[str, float]], note: str = "") -> None:
    means = "".join(f"{statistics.mean(float(r[c]) for r in rows):12.2f}" for c in COLUMNS)
    print(f"{name:24}{means}   {note}", flush=True)


def naive_float64(photo: np.ndarray, masks: list[np.ndarray], colors: list[tuple[int, int, int]]) -> np.ndarray:
    """The same kind of paint written without a thought for speed: whole-picture float64 arrays for each layer."""
    out = photo / 255.0
    for mask, color in zip(masks, colors, strict=True):
        light = srgb_to_linear(photo / 255.0)
        luminance = light @ LUMINANCE.astype(np.float64)
        ratio = luminance / np.percentile(luminance[mask], 90)
        painted = linear_to_srgb(np.minimum(ratio[..., None] * srgb_to_linear(np.array(color) / 255), 1))
        out = np.where(mask[..., None], painted, out)
    return np.round(255 * out).astype(np.uint8)


def speed(rounds: int) -> None:
    """Print times on 12 megapixels, everything by turns."""
    rng = np.random.default_rng(0)
    small = scenes.render(scenes.fixed_cases()[15]).photo
    pixels = cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_CUBIC)
    pixels = np.clip(pixels.astype(np.int16) + rng.integers(-3, 4, pixels.shape), 0, 255).astype(np.uint8)
    photo = Photo(pixels)
    big = np.zeros(photo.size, bool)
    big[500:2500, 800:2900] = True  # 35% of the picture, less its windows: 30%
    for left in range(900, 2800, 450):
        big[800:1400, left : left + 220] = False
    ten = []
    for number in range(10):
        mask = np.zeros(photo.size, bool)
        top, left = 300 + 1200 * (number // 5), 100 + 780 * (number % 5)
        cv2.ellipse(view := mask.view(np.uint8), (left + 340, top + 500), (330, 450), 0, 0, 360, 1, -1)
        mask |= view.astype(bool)
        ten.append(mask)
    surfaces = {}

    def remembered(photo, rle, max_side):
        key = (id(rle), max_side)
        if key not in surfaces:
            surfaces[key] = analyse(photo, rle, max_side)
        return surfaces[key]

    one = [Layer(Mask(mask_to_rle(big)), (143, 165, 139), 1.0)]
    many = [Layer(Mask(mask_to_rle(m)), (20 * n, 100, 200 - 10 * n), 0.8) for n, m in enumerate(ten)]
    other = [*many[:4], Layer(many[4].mask, (250, 240, 210), 0.8), *many[5:]]
    sheet, sheet_of_ten = pixels.copy(), composite(photo, many, analyse=remembered)
    spare = pixels.copy()
    base = fit(pixels, 1600)
    screen = base.copy()
    whole = (0, 0, 4000, 3000)
    place = changed_box(one, [Layer(one[0].mask, (1, 2, 3), 1.0)], photo.size, None)
    place_of_ten = changed_box(many, other, photo.size, None)
    tasks: dict[str, Callable[[], object]] = {
        "memcpy of the picture": lambda: np.copyto(spare, pixels),
        "analyse, 30% mask": lambda: analyse(photo, one[0].mask.rle),
        "analyse, one of ten": lambda: analyse(photo, many[0].mask.rle),
        "colour change, 30% mask": lambda: repaint(sheet, pixels, photo, one, place, analyse=remembered),
        "new picture, 30% mask": lambda: composite(photo, one, analyse=remembered),
        "colour change, one of ten": lambda: repaint(
            sheet_of_ten, pixels, photo, other, place_of_ten, analyse=remembered
        ),
        "ten layers": lambda: repaint(sheet_of_ten, pixels, photo, many, whole, analyse=remembered),
        "ten layers at 1600": lambda: repaint(screen, base, photo, many, analyse=remembered, max_side=1600),
        "naive float64, one": lambda: naive_float64(pixels, [big], [(143, 165, 139)]),
        "flat": lambda: flat(pixels, big, (143, 165, 139)),
        "multiply": lambda: multiply(pixels, big, (143, 165, 139)),
        "hsl shift": lambda: hsl_shift(pixels, big, (143, 165, 139)),
        "luminance ratio": lambda: luminance_ratio(pixels, big, (143, 165, 139)),
    }
    slow = {"naive float64, ten": lambda: naive_float64(pixels, ten, [v.color for v in many])}
    times: dict[str, list[float]] = {name: [] for name in (*tasks, *slow)}
    for task in tasks.values():
        task()  # surfaces are made, memory is warm
    for turn in range(rounds):
        for name, task in (tasks | slow if turn == 0 else tasks).items():
            start = time.perf_counter()
            task()
            times[name].append(time.perf_counter() - start)
    copy = statistics.median(times["memcpy of the picture"])
    print(f"\n12 megapixels, {rounds} turns\n{'':28}{'median ms':>10}{'x memcpy':>10}")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:28}{1000 * median:10.1f}{median / copy:10.1f}")
    for count, ours_name, naive_name in (
        ("one mask", "colour change, 30% mask", "naive float64, one"),
        ("ten masks", "ten layers", "naive float64, ten"),
    ):
        print(
            f"{count}: {statistics.median(times[naive_name]) / statistics.median(times[ours_name]):.0f}x naive float64"
        )


SHEET_COLORS = ("#f4f1ea", "#20304e", "#b4593b", "#8fa58b", "#e3c878", "#2b2d2f")


def sheet(folder: Path, count: int, side: int = 480) -> np.ndarray:
    """(H, W, 3) uint8: a row for each photo with walls, as it is and then in `SHEET_COLORS`."""
    rows = []
    truth = folder / "painter" / "dev"  # masks of walls alone, where somebody has drawn them
    photos, labels = (folder / "dev", truth) if truth.exists() else (folder, folder)
    for name, regions in _walls(labels).items():
        pixels = cv2.imread(str(photos / "images" / f"{name}.jpg"), cv2.IMREAD_COLOR_RGB)
        mask = np.isin(cv2.imread(str(labels / "labels" / f"{name}.png"), cv2.IMREAD_UNCHANGED), regions)
        if pixels is None or mask.mean() < 0.1:
            continue
        pictures = [pixels, *(ours(pixels, mask, parse_color(color)) for color in SHEET_COLORS)]
        small = [fit(picture, side) for picture in pictures]
        rows.append(np.hstack([np.pad(v, ((0, side - v.shape[0]), (0, side - v.shape[1]), (0, 0))) for v in small]))
        if len(rows) == count:
            break
    return np.vstack(rows)


def _walls(folder: Path) -> dict[str, list[int]]:
    """Name of each photo -> numbers of its wall regions."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return {
        image["name"]: [one["id"] for one in image["regions"] if "wall" in (one.get("painter"), one.get("cls"))]
        for image in manifest["images"]
    }


def main() -> None:
    """All of it, or the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--several", action="store_true", help="walls with several old paints")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--random", type=int, default=48, help="how many scenes to draw anew")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="for the scenes drawn; printed")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sheet", type=Path, metavar="OUT", help="write a sheet of painted photos, and nothing else")
    parser.add_argument("--data", type=Path, default=os.environ.get("BUILDINGS_DATA"), help="folder of the photos")
    parser.add_argument("--photos", type=int, default=8, help="on the sheet")
    options = parser.parse_args()
    if options.sheet:
        if options.data is None:
            parser.error("give the folder of photos by --data, or set BUILDINGS_DATA")
        cv2.imwrite(str(options.sheet), sheet(Path(options.data), options.photos)[..., ::-1])
        return
    everything = not (options.quality or options.several or options.speed)
    if options.quality or everything:
        quality(options.random, options.seed)
    if options.several or everything:
        several_paints(options.random, options.seed)
    if options.speed or everything:
        speed(options.rounds)


if __name__ == "__main__":
    main()
