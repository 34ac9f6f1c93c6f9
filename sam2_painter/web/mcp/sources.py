"""Where a model may take photos from: text it holds, folders it was given, web addresses where those are allowed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...errors import InvalidInput
from ...photos import examples, urls
from ...photos.formats import SUFFIXES
from ...photos.images import Source

EXAMPLE = "example:"
MOST_NAMES = 8  # of the photos in a folder, in a sentence that says what may be opened


@dataclass(frozen=True)
class PhotoSources:
    """What may be opened.

    folders: those whose photos may be opened by path. urls: whether web addresses are fetched. max_bytes: of a file.
    """

    folders: tuple[Path, ...] = ()
    urls: bool = False
    max_bytes: int = 50 * 2**20

    @classmethod
    def parse(cls, folders: str, urls: bool, max_bytes: int) -> PhotoSources:
        """folders: paths, divided as PATH is on this system. Raises InvalidInput for one that is no folder."""
        paths = tuple(Path(part).expanduser().resolve() for part in folders.split(os.pathsep) if part.strip())
        for path in paths:
            if not path.is_dir():
                raise InvalidInput(f"--allow-paths names {path}, which is no folder", "allow_paths")
        return cls(paths, urls, max_bytes)

    def read(self, text: str) -> tuple[Source, str]:
        """What `Studio.open` takes, and the file's name. Raises InvalidInput with what else may be given."""
        if text.startswith(EXAMPLE):
            name = text.removeprefix(EXAMPLE).strip()
            return examples.path(name), f"{name}.jpg"
        if urls.is_url(text):
            if not self.urls:
                raise InvalidInput(f"Web addresses are not fetched here (--allow-urls). {self._instead()}", "photo")
            return urls.fetch(text, self.max_bytes)
        if text[:5].lower() == "data:" or len(text) > 1024:
            return text, ""  # base64, which `Studio.open` reads
        if text[:7].lower() == "file://":
            text = unquote(urlsplit(text).path)
        return self._in_a_folder(text), Path(text).name

    def _in_a_folder(self, text: str) -> Path:
        """The file at a path, or of that name in one of the folders."""
        for base in (Path(), *self.folders):
            try:
                found = (base / Path(text).expanduser()).resolve(strict=True)
            except (OSError, RuntimeError, ValueError):
                continue
            if found.is_file() and any(found.is_relative_to(folder) for folder in self.folders):
                return found
        raise InvalidInput(f"There is no photo at this path that may be opened. {self._instead()}", "photo")

    def _instead(self) -> str:
        ways = ["a photo as base64 or data URL"]
        ways += [f"a path in {folder}{_photos_in(folder)}" for folder in self.folders]
        ways += ["an http(s) address"] if self.urls else []
        ways += [f"{EXAMPLE}{name}" for name in examples.NAMES]
        return f"Give {', '.join(ways[:-1])} or {ways[-1]}."


def _photos_in(folder: Path) -> str:
    """The first photos of a folder, as they are told to a model that cannot look into it."""
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError:
        return ""
    told = ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
    return f" ({told})" if told else ""
