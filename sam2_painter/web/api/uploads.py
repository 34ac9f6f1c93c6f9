"""POST /gradio_api/upload, as Gradio's clients send files before they ask something about them.

In place of Gradio's own, which opens a thousand files for a form of a thousand parts and keeps them beside all limits.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import orjson
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ...errors import Busy, StorageError, TooLarge
from .. import files
from ..middleware.paths import address_of
from .endpoints import WrongType

MOST_FILES = 20
WAITING = 12
MOST_FIELD_BYTES = 4096
_MOST_NAME, _BLOCK = 100, 4096


class Uploads:
    """Takes files into `folder`, each under a name nobody can guess, until a sweep.

    most_file: bytes of one. most_disk: bytes of all that waits there with all else that is kept (`kept` tells). What
    waits is at most WAITING of the largest files, a third of them of one address.
    """

    def __init__(self, folder: Path, *, kept: Callable[[], int], most_disk: int, most_file: int):
        self.folder, self.kept, self.most_disk, self.most_file = folder, kept, most_disk, most_file
        self._waiting: dict[Path, tuple[str, int]] = {}
        self._changing = threading.Lock()

    async def __call__(self, request: Request) -> Response:
        """The paths of the files that were sent, as JSON. Raises WrongType, TooLarge, Busy, StorageError."""
        try:
            async with request.form(
                max_files=MOST_FILES, max_fields=MOST_FILES, max_part_size=MOST_FIELD_BYTES
            ) as form:
                sent = form.getlist("files")
                parts = [one for one in sent if isinstance(one, UploadFile)]
                if not parts or len(parts) != len(sent):
                    raise WrongType("This form cannot be read: send files, each with a name, as multipart/form-data.")
                address = address_of(request.scope)
                paths = [await asyncio.to_thread(self._keep, one, address) for one in parts]
        except HTTPException as error:  # what Starlette makes of a form it cannot read
            raise WrongType(f"This form cannot be read: {error.detail}") from None
        except OSError as error:  # a form of megabytes is written to a file while it is read
            raise StorageError(files.full(error)) from error
        return Response(orjson.dumps(paths), media_type="application/json")

    def _keep(self, sent: UploadFile, address: str) -> str:
        size = _on_disk(sent.size or 0)
        if (sent.size or 0) > self.most_file:
            raise TooLarge(f"The file is too large: at most {self.most_file / 2**20:.0f} MB.", "file")
        files.use_private_folder()
        path = self.folder / secrets.token_hex(16) / _plain_name(sent.filename or "")
        with self._changing:
            self._waiting = {one: held for one, held in self._waiting.items() if one.parent.exists()}
            each = sum(count for owner, count in self._waiting.values() if owner == address)
            total = sum(count for _, count in self._waiting.values())
            most = WAITING * self.most_file
            room = self.most_disk - self.kept() - files.size_of(self.folder)
            if size > room or total + size > most or each + size > most // 3:
                raise Busy("The server has no room for another file just now. Try again in a minute.", 60.0)
            self._made(path.parent)
            self._waiting[path] = (address, size)
        try:
            with path.open("xb") as kept:
                sent.file.seek(0)
                shutil.copyfileobj(sent.file, kept, 2**20)
        except OSError as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
                path.parent.rmdir()
            raise StorageError(files.full(error)) from error
        return str(path)

    @staticmethod
    def _made(folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise StorageError(files.full(error)) from error


def _on_disk(size: int) -> int:
    """What a file of so many bytes takes, in a folder of its own."""
    return (size // _BLOCK + 2) * _BLOCK


def _plain_name(name: str) -> str:
    """A name that means the same file on every system: letters, digits, dots and lines, at most _MOST_NAME of them.

    >>> _plain_name("../my house.PNG"), _plain_name(".."), _plain_name("дом.jpg")
    ('my_house.PNG', 'file', 'дом.jpg')
    """
    base = re.split(r"[/\\]", name.encode("utf-8", "ignore").decode())[-1]
    stem, dot, suffix = re.sub(r"[^\w.-]", "_", base).strip(".").rpartition(".")
    plain = f"{stem[: _MOST_NAME - 12]}{dot}{suffix[:10]}" if dot else suffix[:_MOST_NAME]
    return plain.encode()[:200].decode("utf-8", "ignore") or "file"
