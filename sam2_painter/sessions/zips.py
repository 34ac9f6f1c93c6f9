"""Zip files: plain ones written, and those of strangers read within limits."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO

from ..errors import InvalidInput, PainterError

_DIRECTORY_ENTRY, _DIRECTORY_END = 46, 22  # least bytes a member takes in a zip's directory; of the record after it
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LOCKED = 1  # flag bit of a member


MAX_PACKED = 512 * 2**20
"""Bytes of pictures that are put into one file: they are in memory until it is written."""


def check_packed(pictures: Iterable[tuple[str, bytes]]) -> None:
    """InvalidInput when these (name, data) are more than MAX_PACKED."""
    if sum(len(data) for _, data in pictures) > MAX_PACKED:
        raise InvalidInput(
            f"These pictures take more than {MAX_PACKED // 2**20} MB in one file. Choose JPG, or download them one by "
            "one.",
            "format",
        )


def plain_name(text: str) -> str:
    """Somebody's text as the name of a member: letters, digits, blanks, "-" and "_", at most 80."""
    return "".join(c if c.isalnum() or c in " -_" else "_" for c in text)[:80]


def pack(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A zip of these (name, data), nothing packed: photos, PNGs and runs are already. Equal members are equal bytes."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)  # of no date
    return out.getvalue()


class ZipReader:
    """A zip of a stranger. what: it is called in errors, such as "project".

    Raises InvalidInput (field "file"), with the true reason, for what is none, is cut off, or holds more than `entries`
    members. No member's name is ever used as a path.
    """

    def __init__(self, data: bytes, *, entries: int, what: str):
        self.what = what
        _check_directory(data, entries, what)
        with self._damage():
            self._zip = zipfile.ZipFile(BytesIO(data))

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def read(self, name: str, most: int) -> bytes:
        """A member of at most so many bytes; what it declares is checked before any of it is unpacked."""
        if name not in self:
            raise InvalidInput(f"This {self.what} is damaged: {name} is missing from it.", "file")
        member = self._zip.getinfo(name)
        if member.flag_bits & _LOCKED:
            raise InvalidInput(f"This {self.what} is locked with a password.", "file")
        if member.compress_type not in _METHODS:
            raise InvalidInput(f"This {self.what} is packed in a way SAM2 Painter does not use.", "file")
        if member.file_size > most:
            raise InvalidInput(f"This {self.what} is too large: {name} has more than {most} bytes.", "file")
        with self._damage(), self._zip.open(member) as stream:
            data = stream.read(most + 1)  # whatever size it declares
        if len(data) > most:
            raise InvalidInput(f"This {self.what} is too large: {name} has more than {most} bytes.", "file")
        return data

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """What goes wrong inside a zip, as InvalidInput."""
        try:
            yield
        except PainterError:
            raise
        except NotImplementedError:  # zipfile's word for a compression or an encryption that it cannot read
            raise InvalidInput(f"This {self.what} is packed in a way SAM2 Painter does not use.", "file") from None
        except (
            zipfile.BadZipFile,
            zipfile.LargeZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            LookupError,
        ) as error:
            said = str(error).lower()
            if "crc" in said or isinstance(error, zlib.error):
                why = "bytes in it were changed"
            else:
                why = "it is cut off, or bytes in it were changed"
            raise InvalidInput(f"This {self.what} is damaged: {why}. Send it again.", "file") from None


def _check_directory(data: bytes, entries: int, what: str) -> None:
    """InvalidInput unless the end of `data` is that of a small plain zip: `zipfile` would load any directory."""
    if not data:
        raise InvalidInput(f"This file is empty; a {what} is a zip file.", "file")
    end = data.rfind(b"PK\5\6", -(_DIRECTORY_END + 2**16))
    if end < 0 or len(data) < end + _DIRECTORY_END:
        if data.startswith(b"PK\3\4"):
            raise InvalidInput(f"This {what} is cut off: the end of the zip file is missing. Send it again.", "file")
        raise InvalidInput(f"This file is no SAM2 Painter {what} (a zip file).", "file")
    directory = int.from_bytes(data[end + 12 : end + 16], "little")
    if directory > entries * (_DIRECTORY_ENTRY + 64) or data[end - 20 : end - 16] == b"PK\6\7":  # zip64
        raise InvalidInput(f"This zip holds more than a SAM2 Painter {what} does.", "file")
