"""What `Painter` takes for a photo: everything a person at a prompt may have at hand, as what `Studio.open` takes."""

from __future__ import annotations

import io
import re
from os import PathLike, fspath
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

import numpy as np

from ..errors import InvalidInput
from ..photos import urls
from ..photos.images import Source
from ..photos.sources import decode_base64

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
        there = Path(fspath(photo)).expanduser()
        return there, name, there
    if isinstance(photo, io.TextIOBase):
        raise InvalidInput("Open the photo's file for bytes: open(path, 'rb').", "photo")
    if hasattr(photo, "read"):
        data = photo.read()
        called = getattr(photo, "name", "")
        path = Path(called) if isinstance(called, str) and called else None
        return data, name or (path.name if path else ""), path if path and path.is_file() else None
    if hasattr(photo, "__array__") and not isinstance(photo, np.ndarray):  # of other libraries
        return np.asarray(photo), name, None
    return photo, name, None


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
