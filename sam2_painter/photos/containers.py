"""Picture files, read with suspicion: what a file is, by its content, before any pixel of it is decoded.

Metadata is where a small file hides a large bill: a directory that claims the same 50 MB sixty thousand times, a colour
profile that unpacks to gigabytes. So no decoder sees it. There is a reader for each kind of file (`jpeg`, `png`, ...):
it walks the parts of the file, within limits, takes out what matters and hands on the pixels only.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import NotAnImage
from . import heif
from .bmp import read_bmp
from .heif import read_avif, read_heif
from .jpeg import read_jpeg, start_of_jpeg
from .picture import DECODING, MAX_PIXELS, USE, Picture, check_pixels, pillow_errors
from .png import read_png
from .tiff import read_tiff
from .webp import read_webp

__all__ = ["DECODING", "MAX_PIXELS", "Picture", "check_pixels", "open_picture", "pillow_errors"]

Reader = Callable[[bytes, int, str], Picture]
_READERS: dict[str, Reader] = {
    "JPEG": read_jpeg,
    "PNG": read_png,
    "WEBP": read_webp,
    "HEIC": read_heif,
    "AVIF": read_avif,
    "TIFF": read_tiff,
    "BMP": read_bmp,
}


def open_picture(
    data: bytes, *, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = (), field: str = "photo"
) -> Picture:
    """Find out what `data` is and look at it, decoding no pixel.

    formats: the ones allowed, () for all. Raises NotAnImage for anything else, TooLarge above max_pixels.
    """
    with pillow_errors(field):
        kind = _kind(data)
        if kind not in (formats or _READERS):
            wanted = f"use {' or '.join(formats)}" if formats else USE
            raise NotAnImage(f"The {field} is {_describe(data, kind)}, which cannot be opened here: {wanted}.", field)
        picture = _READERS[kind](data, max_pixels, field)
        check_pixels(picture.size, max_pixels, field)
        return picture


def _kind(data: bytes) -> str:
    """One of `_READERS`, or "" for anything else."""
    for prefix, kind in _PREFIXES:
        if data.startswith(prefix):
            return "" if kind == "TIFF" and data[8:10] == b"CR" else kind  # Canon's raw files begin like TIFF
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return heif.kind_of(data)
    return "JPEG" if not _known_other(data) and start_of_jpeg(data) >= 0 else ""


_PREFIXES = (
    (b"\xff\xd8", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)


def _describe(data: bytes, kind: str) -> str:
    """What to call a file that is refused."""
    if kind:
        return f"a{'n' if kind == 'AVIF' else ''} {kind} picture"
    if not data:
        return "an empty file"
    if data[4:8] == b"ftyp":
        return heif.describe(data)
    if name := _known_other(data):
        return name
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<svg") or b"<svg" in head:
        return "an SVG drawing"
    if b"\0" not in head and not re.search(rb"[\x01-\x08\x0e-\x1f]", head):
        return "a text file"
    return "of no kind we know"


def _known_other(data: bytes) -> str:
    return next((name for prefix, name in _OTHERS if data.startswith(prefix)), "")


_RAW = "a camera raw file"
_OTHERS = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (b"8BPS", "a Photoshop document"),
    (b"gimp xcf", "a GIMP picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"II*\0", _RAW),
    (b"IIRO", _RAW),
    (b"IIRS", _RAW),
    (b"IIU\0", _RAW),
    (b"II\x1a\0\0\0HEAP", _RAW),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"FOVb", _RAW),
    (b"\0MRM", _RAW),
    (b"\0\0\1\0", "an icon"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"ID3", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"OggS", "a sound file"),
    (b"RIFF", "a film or a sound file"),
    (b"\x1a\x45\xdf\xa3", "a video"),
)
