"""What can be asked on the command line, and what it means."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..errors import InvalidInput
from ..masks.operations import mask_from_png
from ..paint.colors import parse_color
from ..paint.palette_files import open_palette
from ..paint.palettes import exterior
from ..photos.sources import read_file
from ..rle import RLE
from ..sessions import recipe
from ..sessions.recipe import Recipe
from ..settings import ENGINES
from ..types import PAINT_MODES, AutoMask, Coat, Layer, Mask

STATUS = """\
Exit status: 0 all is done, 1 a photo could not be done (it is named, the others are done), 2 the arguments are wrong
(nothing was written), 130 stopped by Ctrl+C.
"""
EPILOG = (
    STATUS
    + """\
Files that exist are never overwritten without --overwrite, and the photo that is read never.
"""
)


def parser() -> argparse.ArgumentParser:
    """What reads the arguments; its `parse_args` ends the program with status 2 where they are wrong."""
    top = argparse.ArgumentParser(
        prog="sam2-painter", description="Paint photos of buildings: on a page, or from here.", epilog=EPILOG
    )
    top.add_argument("--version", action="version", version=f"SAM2 Painter {__version__}")
    commands = top.add_subparsers(dest="command", required=True)

    # These two read their words themselves and never come here; they stand in the list of commands.
    commands.add_parser("serve", help="the page, the API and MCP; `serve --help` lists the flags", add_help=False)
    commands.add_parser("modal", help="SAM 2 on Modal, or as a service here: deploy, serve [PORT]", add_help=False)

    paint = commands.add_parser("paint", help="paint what points, a box or a mask select", epilog=EPILOG)
    _add_paint(paint)
    now = commands.add_parser("colors", help="tell what paints are on the wall now", epilog=STATUS)
    _add_selection(now)
    now.add_argument("--format", choices=("text", "json"), default="text", help="json: one line a photo [text]")

    masks = commands.add_parser("masks", help="find every mask: a zip of PNGs, or COCO JSON", epilog=EPILOG)
    masks.add_argument("--points-per-side", type=int, default=32, help="how fine to look, 1 to 128 [32]")
    masks.add_argument("--joint", type=_path, metavar="FILE", help="also one COCO JSON file of all the photos together")
    masks.add_argument("--format", choices=("zip", "json"), default="zip", help="where --out does not say it [zip]")

    for command in (paint, now, masks):
        command.add_argument("photos", type=_path, nargs="+", metavar="PHOTO", help="photos, folders, or patterns")
        command.add_argument("-r", "--recursive", action="store_true", help="folders inside of folders, too")
        command.add_argument("--engine", choices=ENGINES, help="who makes the masks [SAM2_PAINTER_ENGINE, or auto]")
    for command in (paint, masks):
        _add_files(command)
    return top


def _add_paint(paint: argparse.ArgumentParser) -> None:
    """Which paint goes on which wall, and how; or a recipe instead."""
    paint.add_argument("--color", help='the paint: "#b5c7a3", "rgb(10, 20, 30)", a CSS name or a paint\'s')
    _add_selection(paint)
    paint.add_argument("--opacity", type=float, help="0 to 1 [1]")
    paint.add_argument("--mode", choices=PAINT_MODES, help="[realistic]")
    paint.add_argument("--light", type=float, help="exposure of the paint, 0.25 to 4 [1, as found]")
    paint.add_argument("--shadow", type=float, help="0 to 2; below 1 softer shadows, above deeper [1]")
    paint.add_argument(
        "--recipe",
        type=_path,
        metavar="FILE",
        help="do what Painter.save_recipe saved of another photo, instead of all of these",
    )
    paint.add_argument(
        "--scale", action="store_true", help="with --recipe: its clicks move with the size of each photo"
    )
    paint.add_argument("--format", default="PNG", help="PNG, JPG or WEBP, where --out does not say it [PNG]")
    paint.add_argument("--quality", type=int, default=95, help="1 to 100, for JPG and WEBP [95]")


def _add_selection(command: argparse.ArgumentParser) -> None:
    """What says which wall is meant, and how its paints are called."""
    command.add_argument("--palette", type=_path, help="file of paints and their names: CSV, JSON, .gpl, .ase, .aco")
    points: dict[str, Any] = dict(type=_point, action="append", default=[], metavar="X,Y")
    command.add_argument("--point", **points, help="on the wall, in pixels or per cent, like 50%%,40%%; repeatable")
    command.add_argument("--not-point", **points, help="that is not meant; repeatable")
    command.add_argument("--box", type=_box, metavar="X1,Y1,X2,Y2", help="around the wall")
    command.add_argument("--mask", type=_path, help="a black and white PNG of the photo's size instead")
    command.add_argument("--all", dest="category", metavar="KIND", help="everything of a kind, such as wall, instead")


def _add_files(command: argparse.ArgumentParser) -> None:
    """Where what is made goes."""
    command.add_argument(
        "-o", "--out", type=_name, help="the file to write; a folder (one that exists, or DIR/); - for standard output"
    )
    command.add_argument(
        "--report",
        type=_name,
        metavar="FILE",
        help="also write what was done and what failed as JSON; - for standard output",
    )
    existing = command.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="write over files that exist")
    existing.add_argument("--skip-existing", action="store_true", help="leave out photos that are done already")


@dataclass(frozen=True)
class Share:
    """A number of pixels, or a part of the photo's width or height."""

    value: float
    of_photo: bool

    @classmethod
    def parse(cls, text: str) -> Share:
        """From "120" or "50%". Raises ValueError."""
        percent = text.strip().endswith("%")
        value = float(text.strip().removesuffix("%"))
        if not math.isfinite(value):
            raise ValueError(text)
        return cls(value / 100, True) if percent else cls(value, False)


def pixels(numbers: Sequence[Share], size: tuple[int, int]) -> list[float]:
    """X and Y by turns, in pixels of a photo of `size` (H, W); 100% is its far edge."""
    sides = (size[1], size[0])
    return [one.value * sides[i % 2] if one.of_photo else one.value for i, one in enumerate(numbers)]


def _name(text: str) -> str:
    if not text:  # often a shell's variable that was not set; as a path it would be the folder one is in
        raise argparse.ArgumentTypeError("a name is needed, got ''")
    return text


def _path(text: str) -> Path:
    return Path(_name(text))


def _point(text: str) -> tuple[Share, ...]:
    return _numbers(text, 2)


def _box(text: str) -> tuple[Share, ...]:
    return _numbers(text, 4)


def _numbers(text: str, count: int) -> tuple[Share, ...]:
    try:
        parts = tuple(Share.parse(part) for part in text.split(","))
    except ValueError:
        parts = ()
    if len(parts) != count:
        raise argparse.ArgumentTypeError(f"{count} numbers with commas between, in pixels or per cent, got {text!r}")
    return parts


@dataclass(frozen=True)
class Selecting:
    """Which wall is meant in every photo: checked once, before the first photo is opened."""

    points: tuple[tuple[Share, ...], ...]
    labels: tuple[int, ...]
    box: tuple[Share, ...] | None
    mask: bytes | None
    category: str | None

    @classmethod
    def of(cls, args: argparse.Namespace, todo: str) -> Selecting:
        """todo: what is done to the wall, for the sentence. Raises InvalidInput naming the option that is wrong."""
        if not (args.point or args.box or args.mask or args.category):
            others = ", --all or --recipe" if args.command == "paint" else " or --all"
            raise InvalidInput(f"Say what to {todo}: --point, --box, --mask{others}.", "point")
        return cls(
            points=(*args.point, *args.not_point),
            labels=(1,) * len(args.point) + (0,) * len(args.not_point),
            box=args.box,
            mask=read_file(args.mask, field="mask") if args.mask else None,
            category=args.category,
        )

    def mask_for(self, size: tuple[int, int]) -> RLE | None:
        """The mask of --mask for a photo of `size` (H, W)."""
        return None if self.mask is None else mask_from_png(self.mask, size)


def coat_of(args: argparse.Namespace) -> Coat:
    """The paint that is asked for. Raises InvalidInput naming the option that is wrong."""
    if args.color is None:
        raise InvalidInput("Say which paint: --color.", "color")
    if args.scale:
        raise InvalidInput("--scale is for --recipe.", "scale")
    color = parse_color(args.color, open_palette(args.palette) if args.palette else exterior())
    look = {name: value for name in _LOOK if (value := getattr(args, name)) is not None}
    Layer(_DOT, color, **look)  # which checks its values
    return Coat(color, **look)


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe of --recipe. Raises InvalidInput where it cannot be read, or is not all that says what to paint."""
    for name in ("color", "point", "not_point", "box", "mask", "category", *_LOOK):
        if getattr(args, name) not in (None, []):
            flag = "all" if name == "category" else name.replace("_", "-")
            raise InvalidInput(f"--recipe says what to paint and how: leave out --{flag}.", name)
    return recipe.from_text(read_file(args.recipe, max_bytes=recipe.MAX_BYTES, field="recipe"))


_LOOK = ("opacity", "mode", "light", "shadow")
_DOT = Mask(RLE((1, 1), np.array([0, 1])))


def automatic(args: argparse.Namespace) -> AutoMask:
    """How to look for every mask. Raises InvalidInput."""
    return AutoMask(points_per_side=args.points_per_side)
