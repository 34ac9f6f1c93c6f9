"""What `Painter` takes for a photo: everything a person at a prompt may have at hand, as what `Studio.open` takes."""

from __future__ import annotations

import io
import os
import re
from os import PathLike, fspath
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

import numpy as np

from ..errors import InvalidInput
from ..photos import urls
from ..photos.images import Source
from ..photos.sources import at_home, decode_base64

_ADDRESS = re.compile(r"(?:https?|ftp|s3|gs)://", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]{64,}")  # shorter than any picture


def as_source(
    photo: Source | IO[bytes], name: str = "", *, allow_urls: bool = False
) -> tuple[Source, str, Path | None]:
    """A photo as `Studio.open` takes it, its name, and where it was read from, if it is a file.

    Text is a path, a file:// address, a data URL, or base64 where no such file is. Files that are open are read from
    where they stand. Addresses on the network are fetched from public servers, with `allow_urls`. Raises InvalidInput
    for what is none of these.
    """
    if isinstance(photo, str) and allow_urls and urls.is_url(photo):
        data, called = urls.fetch(photo)
        return data, name or called, None
    if isinstance(photo, str):
        photo = _from_text(photo)
    if isinstance(photo, PathLike):
        there = at_home(fspath(photo), "photo")
        return there, name, there.absolute()
    if isinstance(photo, io.TextIOBase):
        raise InvalidInput("Open the photo's file for bytes: open(path, 'rb').", "photo")
    if hasattr(photo, "read"):
        data = photo.read()
        called = getattr(photo, "name", "")
        return data, name or (Path(called).name if isinstance(called, str) else ""), _file_called(called)
    if hasattr(photo, "__array__") and not isinstance(photo, np.ndarray):  # of other libraries
        return np.asarray(photo), name, None
    return photo, name, _file_called(getattr(photo, "filename", None))  # Pillow's images of files have one


def _file_called(name: object) -> Path | None:
    """The file that something else was read from, as long as nobody changed the working directory since."""
    if not isinstance(name, str) or not name or not os.path.isfile(name):
        return None
    return Path(name).absolute()


def _from_text(text: str) -> Source:
    if text[:5].lower() == "data:":
        return text
    if text[:7].lower() == "file://":
        return Path(unquote(urlsplit(text).path))
    if _ADDRESS.match(text):
        raise InvalidInput(
            'Addresses on the network are opened when that is said: Painter("https://...", allow_urls=True).', "photo"
        )
    if _BASE64.fullmatch(text) and not _is_file(text):
        try:
            return decode_base64(text, max_bytes=2**62)
        except InvalidInput:
            pass  # a path, then, and said to be none
    return Path(text)


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError):  # longer than a name can be
        return False
