"""The report of a run as JSON: what was done, what failed, and what was left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from .plan import Job


def colors_told(photo: str, paints: Sequence[tuple[str, float, str]], format: str) -> str:
    """What `colors` says of a photo: a line for each paint (colour, share, nearest paint's name), or one of JSON."""
    if format == "json":
        told = [{"color": color, "share": round(share, 3), "name": name} for color, share, name in paints]
        return json.dumps({"photo": photo, "paints": told}, ensure_ascii=False) + "\n"
    return "".join(f"{photo}\t{color}\t{share:.0%}\t{name}\n" for color, share, name in paints)


class Report:
    """Filled while the photos are worked on. command: such as "paint". engine: who made the masks, "" for nobody."""

    def __init__(self, command: str):
        self.command, self.engine = command, ""
        self._done: list[dict[str, Any]] = []
        self._failed: list[dict[str, Any]] = []
        self._skipped: list[dict[str, Any]] = []

    def add(self, job: Job, size: tuple[int, int], seconds: float, notes: tuple[str, ...]) -> None:
        """A photo of `size` (H, W) is done."""
        height, width = size
        self._done.append(
            {
                "photo": str(job.photo),
                "out": str(job.out),
                "width": width,
                "height": height,
                "seconds": round(seconds, 3),
                "notes": list(notes),
            }
        )

    def fail(self, photo: Path, error: Exception) -> None:
        """A photo could not be done."""
        self._failed.append({"photo": str(photo), "error": type(error).__name__, "message": str(error)})

    def skip(self, path: Path, why: str) -> None:
        """A file was left out."""
        self._skipped.append({"photo": str(path), "reason": why})

    def text(self) -> str:
        """The report: command, version, engine, and the lists done, failed and skipped."""
        report = {
            "command": self.command,
            "version": __version__,
            "engine": self.engine,
            "done": self._done,
            "failed": self._failed,
            "skipped": self._skipped,
        }
        return json.dumps(report, indent=1) + "\n"
