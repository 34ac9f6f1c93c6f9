"""Painting from the command line: one photo, or a folder of them, by the same recipe.

python -m sam2_painter paint photo.jpg --point 500,300 --color "#b5c7a3" -o out.png
python -m sam2_painter paint photos/ --point 50%,40% --color "garden sage" -o painted/
python -m sam2_painter masks photo.jpg -o masks.zip
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from . import logs
from .errors import InvalidInput, PainterError
from .masks.operations import mask_from_png
from .paint.colors import exterior, open_palette, parse_color
from .photos import images
from .photos.formats import SUFFIXES
from .settings import Settings
from .studio.studio import Studio
from .types import PAINT_MODES, AutoMask, Coat, Prompts, Session

NO_LIMIT = 86400.0


def main(argv: Sequence[str] | None = None, studio: Studio | None = None) -> int:
    """Do what the arguments say; the exit status: 0, 1 when a photo could not be done, 2 for wrong arguments.

    studio: to work in; by default one in a temporary folder, with the engine of --engine.
    """
    args = _parser().parse_args(argv)
    try:
        if studio is not None:
            return _run(args, studio)
        with tempfile.TemporaryDirectory(prefix="sam2_painter_") as folder:
            settings = Settings.from_env()
            settings = replace(settings, engine=args.engine or settings.engine, **_private(Path(folder)))
            logs.set_up("WARNING")
            own = Studio.from_settings(settings)
            _say(f"{own.engine.title}: {own.reason}")
            try:
                return _run(args, own)
            finally:
                own.sessions.close()
    except PainterError as error:
        _say(f"error: {error}")
        return 2 if isinstance(error, InvalidInput) else 1
    except KeyboardInterrupt:
        _say("\nstopped")
        return 130


def _private(folder: Path) -> dict[str, object]:
    folders = dict(data_dir=folder, upload_dir=None, masks_dir=None, results_dir=None)
    return folders | {f"{what}_limit": NO_LIMIT for what in ("upload", "segment", "generate", "paint", "download")}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sam2_painter", description="Paint photos of buildings, or find their masks."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    paint = commands.add_parser("paint", help="paint what points, a box or a mask select")
    paint.add_argument(
        "--color", required=True, help='the paint: "#b5c7a3", "rgb(10, 20, 30)", a CSS name or a paint\'s'
    )
    paint.add_argument("--palette", type=Path, help="file of paints to name in --color: JSON, .gpl or .ase [ours]")
    paint.add_argument("--point", type=_point, action="append", default=[], help="X,Y on the wall; repeatable")
    paint.add_argument(
        "--not-point", type=_point, action="append", default=[], help="X,Y that is not meant; repeatable"
    )
    paint.add_argument("--box", type=_box, help="X1,Y1,X2,Y2 around the wall")
    paint.add_argument("--mask", type=Path, help="a black and white PNG of the photo's size instead")
    paint.add_argument("--all", dest="category", metavar="KIND", help="everything of a kind, such as wall, instead")
    paint.add_argument("--opacity", type=float, default=1.0, help="0 to 1 [1]")
    paint.add_argument("--mode", choices=PAINT_MODES, default="realistic", help="[realistic]")
    paint.add_argument("--format", default="PNG", help="of pictures in a folder: PNG, JPG or WEBP [PNG]")
    paint.add_argument("--quality", type=int, default=95, help="1 to 100, for JPG and WEBP [95]")

    masks = commands.add_parser("masks", help="find every mask: a zip of PNGs, or COCO JSON")
    masks.add_argument("--points-per-side", type=int, default=32, help="how fine to look, 1 to 128 [32]")
    masks.add_argument("--format", choices=("zip", "json"), default="zip", help="for a folder of photos [zip]")

    for command in (paint, masks):
        command.add_argument("photo", type=Path, help="a photo, or a folder of photos")
        command.add_argument("-o", "--out", type=Path, help="the file to write; for a folder, the folder to write to")
        command.add_argument(
            "--engine", choices=("auto", "offline", "sam2", "modal"), help="[SAM2_PAINTER_ENGINE, or auto]"
        )
    return parser


Share = tuple[float, bool]  # a number, and whether it is a part of the photo instead of pixels


def _share(text: str) -> Share:
    percent = text.strip().endswith("%")
    value = float(text.strip().removesuffix("%"))
    return (value / 100, True) if percent else (value, False)


def _point(text: str) -> tuple[Share, ...]:
    return _numbers(text, 2)


def _box(text: str) -> tuple[Share, ...]:
    return _numbers(text, 4)


def _numbers(text: str, count: int) -> tuple[Share, ...]:
    parts = tuple(_share(part) for part in text.split(","))
    if len(parts) != count:
        raise argparse.ArgumentTypeError(f"{count} numbers with commas between, in pixels or per cent, got {text!r}")
    return parts


def _pixels(numbers: Sequence[Share], size: tuple[int, int]) -> list[float]:
    """X and Y by turns, in pixels of a photo of `size` (H, W); 100% is its far edge."""
    sides = (size[1], size[0])
    return [value * sides[i % 2] if share else value for i, (value, share) in enumerate(numbers)]


def _run(args: argparse.Namespace, studio: Studio) -> int:
    do: Callable[[argparse.Namespace, Studio, Session, Path], None] = _paint if args.command == "paint" else _masks
    if args.command == "paint":
        if not (args.point or args.box or args.mask or args.category):
            raise InvalidInput("Say what to paint: --point, --box, --mask or --all.", "point")
        args.color = parse_color(args.color, open_palette(args.palette) if args.palette else exterior())
        images.check_format(args.format)
    photos, target = _photos(args)
    failed = 0
    for photo in tqdm(photos, unit="photo", disable=len(photos) == 1):
        try:
            session = studio.open(photo)
            for note in session.notes:
                _say(f"{photo}: {note}")
            try:
                do(args, studio, session, target(photo))
            finally:
                studio.close(session.id)
        except (PainterError, OSError) as error:
            failed += 1
            _say(f"{photo}: {error}")
    if len(photos) == 1 and not failed:
        _say(f"wrote {target(photos[0])}")
    if len(photos) > 1:
        _say(f"{len(photos) - failed} of {len(photos)} done")
    return 1 if failed else 0


def _photos(args: argparse.Namespace) -> tuple[list[Path], Callable[[Path], Path]]:
    """The photos, and where what is made of each goes."""
    source: Path = args.photo
    ending = args.format.lower()
    middle = "painted" if args.command == "paint" else "masks"
    if not source.is_dir():
        return [source], lambda photo: args.out or photo.with_name(f"{photo.stem}-{middle}.{ending}")
    folder: Path = args.out or source / middle
    photos = sorted(path for path in source.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not photos:
        raise InvalidInput(f"There is no photo in {source}.", "photo")
    stems = [photo.stem for photo in photos]

    def target(photo: Path) -> Path:
        name = photo.stem if stems.count(photo.stem) == 1 else photo.name  # a.jpg and a.png must not meet
        return folder / f"{name}.{ending}"

    return photos, target


def _paint(args: argparse.Namespace, studio: Studio, session: Session, out: Path) -> None:
    if args.mask:
        mask_id = studio.add_mask(session.id, mask_from_png(args.mask.read_bytes(), session.size)).mask_id
    elif args.category:
        mask_id = studio.find(session.id, args.category).selection.mask_id
    else:
        points = [_pixels(point, session.size) for point in (*args.point, *args.not_point)]
        labels = [1] * len(args.point) + [0] * len(args.not_point)
        box = _pixels(args.box, session.size) if args.box else None
        mask_id = studio.segment(session.id, Prompts(points, labels, box)).selection.mask_id
    studio.paint(session.id, [Coat(args.color, mask_id, opacity=args.opacity, mode=args.mode)])
    made = studio.download(session.id, format=out.suffix or args.format, quality=args.quality)
    _write(out, made.path.read_bytes())


def _masks(args: argparse.Namespace, studio: Studio, session: Session, out: Path) -> None:
    studio.generate(session.id, AutoMask(points_per_side=args.points_per_side))
    made = studio.export(session.id, "coco" if out.suffix.lower() == ".json" else "png")
    _write(out, made.path.read_bytes())


def _write(out: Path, data: bytes) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)


def _say(text: str) -> None:
    tqdm.write(text, file=sys.stderr)  # above the bar, where there is one


if __name__ == "__main__":
    sys.exit(main())
