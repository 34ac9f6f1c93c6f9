"""The bytes of a file, from wherever they come: as they are, from a path, from base64 text or a data URL."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from pathlib import Path
from urllib.parse import unquote_to_bytes

from ..errors import InvalidInput, PainterError, TooLarge
from . import formats

MAX_BYTES = 50 * 1024 * 1024


def read_bytes(source: object, max_bytes: int = MAX_BYTES, *, paths: bool = True, field: str = "photo") -> bytes:
    """The file itself, as it was sent, from bytes, a path, base64 text or a data URL.

    paths=False: text is never taken for a path. field: what errors call it. Raises TooLarge, InvalidInput.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        check_bytes(memoryview(source).nbytes, max_bytes, field)
        return bytes(source)
    if isinstance(source, (str, os.PathLike)):
        path = as_path(source) if paths else None
        if path is not None:
            return read_file(path, max_bytes=max_bytes, field=field)
        if isinstance(source, str):
            return decode_base64(source, max_bytes=max_bytes, field=field)
    raise InvalidInput("photo must be the bytes of a picture, a path, base64 text, a Pillow image or an array", "photo")


def read_file(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES, field: str = "photo") -> bytes:
    """The bytes of a regular file. Raises InvalidInput when it cannot be read, TooLarge above max_bytes."""
    name = Path(path).name or str(path)
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput(f"{name} is not a file.", field)
            check_bytes(status.st_size, max_bytes, field)
            data = file.read(max_bytes + 1)
    except IsADirectoryError:
        raise InvalidInput(f"{name} is a folder; name a picture file.", field) from None
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {name}.", field) from None
    except (OSError, ValueError) as error:
        if isinstance(error, PainterError):
            raise
        raise InvalidInput(f"{name} cannot be read.", field) from error
    check_bytes(len(data), max_bytes, field)
    return data


def _open_without_waiting(path: str, flags: int) -> int:
    """A named pipe would otherwise block until somebody writes to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def at_home(path: str | os.PathLike[str], field: str = "path") -> Path:
    """A path with ~ as the home folder it means. Raises InvalidInput where there is none, or for no path."""
    try:
        return Path(path).expanduser()
    except TypeError:
        raise InvalidInput(f"{field} must be the name of a file, not {type(path).__name__}", field) from None
    except RuntimeError:
        raise InvalidInput(f"{path} names a home folder that is not known here.", field) from None


def decode_base64(text: str, *, max_bytes: int = MAX_BYTES, field: str = "photo") -> bytes:
    """Bytes from base64 or a data URL; blanks, missing padding and the URL alphabet are forgiven.

    Never reads a file, whatever the text says. Raises InvalidInput, TooLarge.
    """
    body: bytes | str = text
    if text[:5].lower() == "data:":
        head, comma, body = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidInput("The data URL must be base64: data:image/png;base64,...", field)
        if "%" in body:
            body = unquote_to_bytes(body)
    check_bytes(len(body) * 3 // 4 - 2, max_bytes, field)
    try:
        raw = body.encode("ascii") if isinstance(body, str) else body
        raw = raw.translate(_TO_STANDARD, b" \t\r\n=")
        data = base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidInput(_no_base64(text, field), field) from None
    check_bytes(len(data), max_bytes, field)
    return data


def _no_base64(text: str, field: str) -> str:
    """What was probably meant by a text that is none, and what to send instead."""
    if re.match(r"[a-z][a-z0-9+.-]*://", text[:20].lower()):
        meant = f"The {field} is an address, and is not fetched from there"
    elif len(text) < 1024 and Path(text).suffix.lower() in _SUFFIXES:
        meant = f"The {field} is the name of a file, which cannot be read from here"
    else:
        return f"The {field} text is not base64."
    return f"{meant}. Send the file itself (in gradio_client: handle_file(path)), or its bytes as base64."


_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def check_bytes(count: int, max_bytes: int, field: str = "photo") -> None:
    """TooLarge for more than max_bytes."""
    if count > max_bytes:
        megabyte = 1024 * 1024
        raise TooLarge(
            f"The file is {count / megabyte:.1f} MB; at most {max_bytes / megabyte:g} MB can be opened.", field
        )


def as_path(source: object) -> Path | None:
    """The path meant, or None when text names no file (it may be base64 then)."""
    if isinstance(source, os.PathLike):
        return Path(source)
    if not isinstance(source, str) or len(source) > 4096 or source[:5].lower() == "data:" or "\0" in source:
        return None
    path = Path(source)
    try:
        named = path.exists() or path.suffix.lower() in _SUFFIXES  # "hause.jpg" was meant as a path, and is no base64
    except OSError:  # longer than a file name can be
        return None
    return path if named else None


_SUFFIXES = frozenset((*formats.SUFFIXES, ".gif"))
