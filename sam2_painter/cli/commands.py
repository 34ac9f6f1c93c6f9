"""Doing what the command line asks, photo by photo."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from .. import logs
from ..errors import InvalidInput, PainterError
from ..sessions import exports, private
from ..sessions.writing import check_target, write
from ..settings import Settings
from ..studio.studio import Studio
from ..types import AutoMask, Prompts, Session
from .arguments import PaintRecipe, automatic, parser, pixels
from .plan import STDOUT, Job, Naming, Plan, plan

NO_LIMIT = 86400.0
NAMED = 20  # files that are left out are named, up to so many

Make = Callable[[Studio, Session, Path], bytes]
"""Works on a session, and returns what goes into the file of that name."""


def main(argv: Sequence[str] | None = None, studio: Studio | None = None) -> int:
    """Do what the arguments say; the exit status: 0, 1 when a photo could not be done, 2 for wrong arguments.

    studio: to work in; by default one in a temporary folder, with the engine of --engine.
    """
    args = parser().parse_args(argv)
    try:
        joint = Joint(args.joint, args.overwrite) if args.command == "masks" and args.joint else None
        make, todo = _paint(args) if args.command == "paint" else _masks(args, joint)
        if joint is not None:
            joint.check([job.photo for job in todo.jobs])
        for path, why in todo.skipped[:NAMED]:
            _say(f"skipped {path}: {why}")
        if len(todo.skipped) > NAMED:
            _say(f"skipped {len(todo.skipped) - NAMED} more")
        if not todo.jobs:
            _say("nothing to do")
            return 0
        status = _in_studio(args, todo.jobs, make) if studio is None else _run(args, todo.jobs, make, studio)
        if joint is not None:
            joint.write()
        return status
    except PainterError as error:
        _say(f"error: {error}")
        return 2 if isinstance(error, InvalidInput) else 1
    except KeyboardInterrupt:
        _say("\nstopped")
        return 130


def _in_studio(args: argparse.Namespace, jobs: Sequence[Job], make: Make) -> int:
    """`_run` in a studio of its own, that goes when it is done."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # to clean up, as after Ctrl+C
    folder = private.folder()
    try:
        settings = Settings.from_env()
        limits = {f"{what}_limit": NO_LIMIT for what in ("upload", "segment", "generate", "paint", "download")}
        places = dict(data_dir=folder, upload_dir=None, masks_dir=None, results_dir=None)
        settings = replace(settings, engine=args.engine or settings.engine, **places, **limits)  # type: ignore[arg-type]
        logs.set_up("WARNING")
        own = Studio.from_settings(settings)
        _say(f"{own.engine.title}: {own.reason}")
        try:
            return _run(args, jobs, make, own)
        finally:
            own.sessions.close()
    finally:
        private.remove(folder)


def _run(args: argparse.Namespace, jobs: Sequence[Job], make: Make, studio: Studio) -> int:
    if args.command == "paint" and args.category and args.category not in studio.categories:
        kinds = ", ".join(studio.categories) or "no kinds: use --point, --box or --mask"
        raise InvalidInput(f"--all {args.category}: this engine knows {kinds}.", "category")
    failed = 0
    for job in tqdm(jobs, unit="photo", disable=len(jobs) == 1):
        try:
            session = studio.open(job.photo)
            for note in session.notes:
                _say(f"{job.photo}: {note}")
            try:
                data = make(studio, session, job.out)
            finally:
                studio.close(session.id)
            _write(job, data, overwrite=args.overwrite)
        except (PainterError, OSError) as error:
            failed += 1
            _say(f"{job.photo}: {error}")
        else:
            if len(jobs) == 1 and job.out != STDOUT:
                _say(f"wrote {job.out}")
    if len(jobs) > 1:
        _say(f"{len(jobs) - failed} of {len(jobs)} done")
    return 1 if failed else 0


def _paint(args: argparse.Namespace) -> tuple[Make, Plan]:
    recipe = PaintRecipe.of(args)
    read = [path for path in (args.mask, args.palette) if path]
    naming = Naming("painted", args.format.lower(), (".png", ".jpg", ".jpeg", ".webp"), args.out)

    def paint(studio: Studio, session: Session, out: Path) -> bytes:
        mask = recipe.mask_for(session.size)
        if mask is not None:
            mask_id = studio.add_mask(session.id, mask).mask_id
        else:
            if recipe.category:
                selected = studio.find(session.id, recipe.category)
            else:
                points = [pixels(point, session.size) for point in recipe.points]
                box = pixels(recipe.box, session.size) if recipe.box else None
                selected = studio.segment(session.id, Prompts(points, recipe.labels, box))  # type: ignore[arg-type]
            assert selected.selection.mask_id is not None  # else they would have raised
            mask_id = selected.selection.mask_id
        studio.paint(session.id, [replace(recipe.coat, mask_id=mask_id)])
        made = studio.download(session.id, format=out.suffix or args.format, quality=recipe.quality)
        return made.path.read_bytes()

    return paint, _planned(args, naming, read)


class Joint:
    """One COCO file of the masks of several photos: those of `files`, which are joined when it is written."""

    def __init__(self, path: Path, overwrite: bool):
        self.path, self.overwrite = path, overwrite
        self.files: list[bytes] = []

    def check(self, photos: Sequence[Path]) -> None:
        """Raises InvalidInput, before any work, where the file must not be written."""
        check_target(self.path, overwrite=self.overwrite, inputs=photos, how="--overwrite")

    def write(self) -> None:
        write(self.path, exports.join(self.files), overwrite=self.overwrite, how="--overwrite")
        _say(f"wrote {self.path}")


def _masks(args: argparse.Namespace, joint: Joint | None) -> tuple[Make, Plan]:
    knobs: AutoMask = automatic(args)
    naming = Naming("masks", args.format, (".zip", ".json"), args.out)

    def find(studio: Studio, session: Session, out: Path) -> bytes:
        studio.generate(session.id, knobs)
        ending = out.suffix.lower() or f".{args.format}"
        if joint is not None:
            joint.files.append(studio.export(session.id, "coco").path.read_bytes())
        return studio.export(session.id, "coco" if ending == ".json" else "png").path.read_bytes()

    return find, _planned(args, naming, [])


def _planned(args: argparse.Namespace, naming: Naming, read: Sequence[Path]) -> Plan:
    if args.out == "-" and sys.stdout.isatty():
        raise InvalidInput("--out - is for a pipe or a file: a terminal shows no pictures.", "out")
    return plan(
        args.photos,
        naming,
        recursive=args.recursive,
        overwrite=args.overwrite,
        skip_existing=args.skip_existing,
        inputs=read,
    )


def _write(job: Job, data: bytes, *, overwrite: bool) -> None:
    if job.out == STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if not job.out.parent.is_dir():
        job.out.parent.mkdir(parents=True, exist_ok=True)
    write(job.out, data, overwrite=overwrite, inputs=[job.photo], how="--overwrite")


def _say(text: str) -> None:
    tqdm.write(text, file=sys.stderr)  # above the bar, where there is one
