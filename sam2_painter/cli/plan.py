"""Which photos are read, and which file each becomes: settled before any work is done."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInput
from ..photos.formats import SUFFIXES
from ..sessions.writing import check_target

STDOUT = Path("-")


@dataclass(frozen=True)
class Job:
    """A photo, and the file that is made of it; `STDOUT` for standard output."""

    photo: Path
    out: Path


@dataclass(frozen=True)
class Plan:
    """What is to be done. skipped: files that are left out, and why."""

    jobs: tuple[Job, ...]
    skipped: tuple[tuple[Path, str], ...]


@dataclass(frozen=True)
class Naming:
    """How files are named. word: "painted" or "masks". ending: without a dot, where `out` does not say it.

    endings: those a file's name may have. out: what --out said, None for nothing.
    """

    word: str
    ending: str
    endings: tuple[str, ...]
    out: str | None


@dataclass(frozen=True)
class _Found:
    photo: Path
    folder: Path | None  # the one it was found in, None when it was named itself


def plan(
    given: Sequence[Path],
    naming: Naming,
    *,
    recursive: bool = False,
    overwrite: bool = False,
    skip_existing: bool = False,
    inputs: Iterable[Path] = (),
) -> Plan:
    """What these arguments mean. inputs: files beside the photos that are read, and so never written over.

    Raises InvalidInput where there is nothing to do, two photos would become one file, or a file would be overwritten
    that must not be.
    """
    found, skipped = _find(given, naming, recursive)
    jobs = _name(found, naming, alone=len(given) == 1 and not os.path.isdir(given[0]) and len(found) == 1)
    if skip_existing:
        skipped += [(job.photo, f"{job.out} exists already") for job in jobs if os.path.exists(job.out)]
        jobs = [job for job in jobs if not os.path.exists(job.out)]
    _check(jobs, overwrite=overwrite, inputs=[*inputs, *(one.photo for one in found)])
    return Plan(tuple(jobs), tuple(skipped))


def plan_to_read(given: Sequence[Path], *, recursive: bool = False) -> Plan:
    """The photos that these arguments mean, of which nothing is made but text. Raises InvalidInput where none is."""
    found, skipped = _find(given, Naming("painted", "", (), None), recursive)
    return Plan(tuple(Job(one.photo, STDOUT) for one in found), tuple(skipped))


def _find(given: Sequence[Path], naming: Naming, recursive: bool) -> tuple[list[_Found], list[tuple[Path, str]]]:
    found: list[_Found] = []
    skipped: list[tuple[Path, str]] = []
    for source in _expand(given):
        if not os.path.isdir(source):
            found.append(_Found(source, None))
            continue
        before = len(found)
        files, unread = _files(source, recursive, leave_out=_target_folder(source, naming))
        skipped += unread
        for path in files:
            why = _why_not(path, naming.word)
            if why:
                skipped.append((path, why))
            else:
                found.append(_Found(path, source))
        if len(found) == before:
            raise InvalidInput(f"There is no photo in {source}.", "photo")
    unique = {os.path.realpath(one.photo): one for one in reversed(found)}
    return [one for one in found if unique[os.path.realpath(one.photo)] is one], skipped


def _expand(given: Sequence[Path]) -> list[Path]:
    """Patterns such as *.jpg, where no shell has done it."""
    paths: list[Path] = []
    for path in given:
        if os.path.exists(path) or not glob.has_magic(str(path)):  # unlike Path's, it takes what is too long for a no
            paths.append(path)
        elif matches := sorted(glob.glob(str(path), recursive=True)):
            paths.extend(Path(match) for match in matches)
        else:
            raise InvalidInput(f"No file is called like {path}.", "photo")
    return paths


def _files(folder: Path, recursive: bool, leave_out: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """What is in a folder, and the folders in it that cannot be read, with the reason. Raises InvalidInput where it
    cannot be read itself."""
    files: list[Path] = []
    unread: list[tuple[Path, str]] = []
    left_out = os.path.realpath(leave_out)

    def tell(error: OSError) -> None:
        why = f"cannot be read ({error.strerror})"
        if Path(error.filename) == folder:
            raise InvalidInput(f"{folder} {why}.", "photo")
        unread.append((Path(error.filename), why))

    for parent, folders, names in os.walk(folder, onerror=tell):
        folders[:] = sorted(
            name
            for name in folders
            if recursive and not name.startswith(".") and os.path.realpath(Path(parent, name)) != left_out
        )
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    return files, unread


def _why_not(path: Path, word: str) -> str:
    """Why a file of a folder is no photo to work on; "" for a photo."""
    if path.suffix.lower() not in SUFFIXES:
        return "no photo by its name"
    if os.path.exists(path) and not os.path.isfile(path):
        return "no file"  # a pipe, a socket
    if path.stem.endswith(f"-{word}") and any(
        os.path.exists(path.with_name(path.stem.removesuffix(f"-{word}") + suffix))
        for suffix in ("", *SUFFIXES, *map(str.upper, SUFFIXES))
    ):
        return f"{word} by us"
    return ""


def _target_folder(source: Path, naming: Naming) -> Path:
    return Path(naming.out) if naming.out else source / naming.word


def _name(found: Sequence[_Found], naming: Naming, *, alone: bool) -> list[Job]:
    out = naming.out
    if out == "-":
        if len(found) != 1:
            raise InvalidInput("--out - takes one photo: several pictures cannot go to standard output.", "out")
        return [Job(found[0].photo, STDOUT)]
    if out and alone and not _means_folder(out):
        path = Path(out)
        if path.suffix.lower() not in naming.endings:
            *most, last = naming.endings
            raise InvalidInput(
                f"--out {out}: end the name in {', '.join(most)} or {last}, or in {os.sep} for a folder.", "out"
            )
        return [Job(found[0].photo, path)]
    if out and not os.path.isdir(out) and (os.path.isfile(out) or Path(out).suffix.lower() in naming.endings):
        raise InvalidInput(f"--out {out} is a file: for several photos name a folder.", "out")
    places = [_place(one, naming, one.photo.stem) for one in found]
    often = Counter(str(place).casefold() for place in places)  # some file systems know no upper case
    return [
        # a.jpg and a.png must not meet
        Job(one.photo, place if often[str(place).casefold()] == 1 else _place(one, naming, one.photo.name))
        for one, place in zip(found, places, strict=True)
    ]


def _means_folder(out: str) -> bool:
    return out.endswith(("/", os.sep)) or os.path.isdir(out)


def _place(one: _Found, naming: Naming, name: str) -> Path:
    beside = one.photo.with_name(f"{name}-{naming.word}.{naming.ending}")
    if naming.out is None and one.folder is None:
        return beside
    below = one.photo.parent.relative_to(one.folder) if one.folder else Path()
    target = _target_folder(one.folder or Path(), naming) / below
    if os.path.realpath(target) == os.path.realpath(one.photo.parent):
        return beside  # by its name the next run knows whose it is
    return target / f"{name}.{naming.ending}"


def _check(jobs: Sequence[Job], *, overwrite: bool, inputs: Sequence[Path]) -> None:
    by_out: dict[str, Job] = {}
    for job in jobs:
        twin = by_out.setdefault(os.path.realpath(job.out), job)
        if twin is not job:
            raise InvalidInput(
                f"{twin.photo} and {job.photo} would both become {job.out}. Paint them into different folders.", "out"
            )
        if job.out != STDOUT:
            check_target(job.out, overwrite=overwrite, inputs=inputs, how="--overwrite")
