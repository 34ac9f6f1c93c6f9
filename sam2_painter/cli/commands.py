"""Doing what the command line asks, photo by photo."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from .. import logs
from ..errors import InvalidInput, PainterError
from ..paint.colors import to_hex
from ..paint.palette_files import open_palette
from ..photos.images import check_format
from ..sessions import exports, private
from ..sessions.writing import check_target, write
from ..settings import Limits, Settings
from ..studio.studio import Studio
from ..types import Prompts, Session, whole_number
from .arguments import Selecting, automatic, coat_of, parser, pixels, recipe_of
from .plan import STDOUT, Job, Naming, Plan, plan, plan_to_read
from .report import Report, colors_told

NO_LIMIT = 86400.0  # seconds
STOPPED = 130  # exit status after Ctrl+C
NAMED = 20  # files that are left out are named, up to so many

Make = Callable[[Studio, Session, Path], tuple[bytes, tuple[str, ...]]]
"""Works on a session, and returns what goes into the file of that name, and sentences about it."""

Painting = Callable[[Studio, Session], tuple[str, ...]]
"""Puts paint on a session, and returns sentences about what could not be done."""


def main(argv: Sequence[str] | None = None, studio: Studio | None = None) -> int:
    """Do what the arguments say; the exit status, as the parser's epilog tells it.

    studio: to work in; by default one in a temporary folder, with the engine of --engine.
    """
    args = parser().parse_args(argv)
    report = Report(args.command)
    try:
        joint = Joint(args.joint, args.overwrite) if args.command == "masks" and args.joint else None
        make, todo = _asked(args, joint)
        _check_lists(args, todo)
        for path, why in todo.skipped:
            report.skip(path, why)
        for path, why in todo.skipped[:NAMED]:
            _say(f"skipped {path}: {why}")
        if len(todo.skipped) > NAMED:
            _say(f"skipped {len(todo.skipped) - NAMED} more")
        status = _work(args, todo.jobs, make, studio, report)
        return max(status, _write_lists(args, joint if todo.jobs else None, report))
    except PainterError as error:
        _say(f"error: {error}")
        return 2 if isinstance(error, InvalidInput) else 1
    except KeyboardInterrupt:
        _say("\nstopped")
        return STOPPED


def _asked(args: argparse.Namespace, joint: Joint | None) -> tuple[Make, Plan]:
    match args.command:
        case "paint":
            return _paint(args)
        case "colors":
            return _colors(args)
        case _:
            return _masks(args, joint)


def _work(args: argparse.Namespace, jobs: Sequence[Job], make: Make, studio: Studio | None, report: Report) -> int:
    """Do the jobs; the exit status. Ctrl+C ends them, and what is done by then is still told in report and --joint."""
    try:
        if not jobs:
            _say("nothing to do")
            return 0
        if studio is None:
            return _in_studio(args, jobs, make, report)
        return _run(args, jobs, make, studio, report)
    except KeyboardInterrupt:
        _say("\nstopped")
        return STOPPED


def _lists(args: argparse.Namespace) -> dict[str, Path]:
    """The files about all photos together, by the option that names them."""
    joint, report = getattr(args, "joint", None), getattr(args, "report", None)
    named = {"joint": joint, "report": None if report == "-" else report}
    return {name: Path(path) for name, path in named.items() if path}


def _check_lists(args: argparse.Namespace, todo: Plan) -> None:
    """InvalidInput where --report and --joint may not go; before any work."""
    if str(getattr(args, "joint", "")) == "-":
        raise InvalidInput("--joint needs the name of a file: standard output is for --out and --report.", "joint")
    if getattr(args, "report", None) == "-" == args.out:
        raise InvalidInput("--report - and --out - would both go to standard output.", "report")
    inputs = [*(job.photo for job in todo.jobs), *_read_beside(args)]
    taken = {os.path.realpath(job.out): "what a photo becomes" for job in todo.jobs}
    for name, path in _lists(args).items():
        what = taken.setdefault(os.path.realpath(path), f"what --{name} writes")
        if what != f"what --{name} writes":
            raise InvalidInput(f"--{name} {path} is {what}. Choose another name.", name)
        check_target(path, overwrite=args.overwrite, inputs=inputs, how="--overwrite")


def _write_lists(args: argparse.Namespace, joint: Joint | None, report: Report) -> int:
    """Write --joint and --report; the exit status: 1 where that failed, for the photos are done."""
    status = 0
    try:
        if joint is not None:
            joint.write()
    except PainterError as error:
        _say(f"--joint: {error}")
        status = 1
    try:
        if getattr(args, "report", None) == "-":
            sys.stdout.write(report.text())
            sys.stdout.flush()
        elif path := _lists(args).get("report"):
            _write_file(path, report.text().encode(), overwrite=args.overwrite)
    except (PainterError, OSError) as error:
        _say(f"--report: {error}")
        status = 1
    return status


def _in_studio(args: argparse.Namespace, jobs: Sequence[Job], make: Make, report: Report) -> int:
    """`_run` in a studio of its own, that goes when it is done."""
    with _ended_as_by_ctrl_c():
        folder = private.folder()
        try:
            settings = Settings.from_env()
            settings = replace(
                settings,
                engine=args.engine or settings.engine,
                storage=settings.storage.inside(folder),
                limits=Limits.all(NO_LIMIT),
            )
            logs.set_up("WARNING")
            own = Studio.from_settings(settings)
            _say(f"{own.engine.title}: {own.reason}")
            try:
                return _run(args, jobs, make, own, report)
            finally:
                own.sessions.close()
        finally:
            private.remove(folder)


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """SIGTERM lets the main thread clean up meanwhile, as Ctrl+C does. Who called us from Python has it back then."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(args: argparse.Namespace, jobs: Sequence[Job], make: Make, studio: Studio, report: Report) -> int:
    """Do the jobs one by one, and note in the report how each ended; the exit status."""
    if args.command != "masks" and args.category and studio.kind_named(args.category) not in studio.categories:
        kinds = ", ".join(studio.categories) or "no kinds: use --point, --box or --mask"
        raise InvalidInput(f"--all {args.category}: this engine knows {kinds}.", "category")
    report.engine = studio.engine.title
    failed = 0
    for job in tqdm(jobs, unit="photo", disable=len(jobs) == 1):
        start = time.perf_counter()
        try:
            session = studio.open(job.photo)
            try:
                data, notes = make(studio, session, job.out)
            finally:
                studio.close(session.id)
            _write_result(job, data, overwrite=getattr(args, "overwrite", False))
        except (PainterError, OSError) as error:
            failed += 1
            report.fail(job.photo, error)
            _say(f"{job.photo}: {error}")
        else:
            notes = (*session.notes, *notes)
            report.add(job, session.size, time.perf_counter() - start, notes)
            for note in notes:
                _say(f"{job.photo}: {note}")
            if len(jobs) == 1 and job.out != STDOUT:
                _say(f"wrote {job.out}")
    if len(jobs) > 1:
        _say(f"{len(jobs) - failed} of {len(jobs)} done")
    return 1 if failed else 0


def _paint(args: argparse.Namespace) -> tuple[Make, Plan]:
    check_format(args.format)
    quality = whole_number(args.quality, "quality", 1, 100)
    put_paint = _by_recipe(args) if args.recipe else _by_hand(args)
    naming = Naming("painted", args.format.lower(), (".png", ".jpg", ".jpeg", ".webp"), args.out)

    def paint(studio: Studio, session: Session, out: Path) -> tuple[bytes, tuple[str, ...]]:
        notes = put_paint(studio, session)
        made = studio.download(session.id, format=out.suffix or args.format, quality=quality)
        return made.path.read_bytes(), notes

    return paint, _planned(args, naming)


def _by_recipe(args: argparse.Namespace) -> Painting:
    recipe, scale = recipe_of(args), bool(args.scale)
    palette = open_palette(args.palette) if args.palette else None

    def put_paint(studio: Studio, session: Session) -> tuple[str, ...]:
        if palette is not None:
            studio.use_palette(session.id, palette)
        return studio.apply_recipe(session.id, recipe, scale=scale).left_out

    return put_paint


def _by_hand(args: argparse.Namespace) -> Painting:
    selecting, coat = Selecting.of(args, "paint"), coat_of(args)

    def put_paint(studio: Studio, session: Session) -> tuple[str, ...]:
        mask_id = _select(studio, session, selecting)
        studio.paint(session.id, [replace(coat, mask_id=mask_id)])
        return ()

    return put_paint


def _select(studio: Studio, session: Session, selecting: Selecting) -> int:
    """The id of the mask that is meant in this photo."""
    mask = selecting.mask_for(session.size)
    if mask is not None:
        return studio.add_mask(session.id, mask).mask_id
    if selecting.category:
        selected = studio.find(session.id, selecting.category)
    else:
        points = [pixels(point, session.size) for point in selecting.points]
        box = pixels(selecting.box, session.size) if selecting.box else None
        selected = studio.segment(session.id, Prompts(points, selecting.labels, box))  # type: ignore[arg-type]
    assert selected.selection.mask_id is not None  # else they would have raised
    return selected.selection.mask_id


def _colors(args: argparse.Namespace) -> tuple[Make, Plan]:
    selecting = Selecting.of(args, "look at")
    palette = open_palette(args.palette) if args.palette else None

    def tell(studio: Studio, session: Session, out: Path) -> tuple[bytes, tuple[str, ...]]:
        if palette is not None:
            session = studio.use_palette(session.id, palette)
        paints = studio.wall_paints(session.id, _select(studio, session, selecting))
        named = [(to_hex(one.rgb), one.share, studio.describe(session, one.rgb).name) for one in paints]
        return colors_told(session.name, named, args.format).encode(), ()

    return tell, plan_to_read(args.photos, recursive=args.recursive)


class Joint:
    """One COCO file of the masks of several photos: those of `files`, which are joined when it is written."""

    def __init__(self, path: Path, overwrite: bool):
        self.path, self.overwrite = path, overwrite
        self.files: list[bytes] = []

    def write(self) -> None:
        """Raises InvalidInput where it cannot be written."""
        _write_file(self.path, exports.join(self.files), overwrite=self.overwrite)
        _say(f"wrote {self.path}")


def _masks(args: argparse.Namespace, joint: Joint | None) -> tuple[Make, Plan]:
    options = automatic(args)
    naming = Naming("masks", args.format, (".zip", ".json"), args.out)

    def find(studio: Studio, session: Session, out: Path) -> tuple[bytes, tuple[str, ...]]:
        studio.generate(session.id, options)
        ending = out.suffix.lower() or f".{args.format}"
        if joint is not None:
            joint.files.append(studio.export(session.id, "coco").path.read_bytes())
        return studio.export(session.id, "coco" if ending == ".json" else "png").path.read_bytes(), ()

    return find, _planned(args, naming)


def _read_beside(args: argparse.Namespace) -> list[Path]:
    """Files beside the photos that are read."""
    return [path for name in ("mask", "palette", "recipe") if (path := getattr(args, name, None))]


def _planned(args: argparse.Namespace, naming: Naming) -> Plan:
    if args.out == "-" and sys.stdout.isatty():
        raise InvalidInput("--out - is for a pipe or a file: a terminal shows no pictures.", "out")
    return plan(
        args.photos,
        naming,
        recursive=args.recursive,
        overwrite=args.overwrite,
        skip_existing=args.skip_existing,
        inputs=_read_beside(args),
    )


def _write_result(job: Job, data: bytes, *, overwrite: bool) -> None:
    if job.out == STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    _write_file(job.out, data, overwrite=overwrite, inputs=[job.photo])


def _write_file(path: Path, data: bytes, *, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """Write a file, in folders that are made if need be. Raises InvalidInput."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror}).", "path") from None
    write(path, data, overwrite=overwrite, inputs=inputs, how="--overwrite")


def _say(text: str) -> None:
    tqdm.write(text, file=sys.stderr)  # above the bar, where there is one
