"""Files at Gradio's door: only what was uploaded through it may be read, and nothing stays there for long."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from ..errors import InvalidInput, StorageError
from ..photos import urls
from ..sessions import folders, private
from .api.schemas import Attachment

log = logging.getLogger(__name__)
_GRADIOS = re.compile(r"[0-9a-f]{64}")  # its cache has folders named by a digest; ours have 32 digits
KEPT_SECONDS = 180.0
"""An upload is read, and a lent copy fetched, within moments."""


def uploaded(file: object, folder: Path) -> Attachment:
    """What somebody sent through Gradio: a file it wrote to `folder`, its upload folder, or base64 text.

    A caller of the raw API can name any path: one outside the folder is refused. Raises InvalidInput.
    """
    if isinstance(file, str):
        return Attachment(file)
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str):
        raise InvalidInput("file must be an uploaded file or base64 text", "file")
    try:
        resolved = Path(path).resolve()
        inside = resolved.is_relative_to(folder.resolve()) and resolved.is_file()
    except (OSError, ValueError):  # too long, or a null character
        inside = False
    if not inside and urls.is_url(path):
        raise InvalidInput(
            "file was not uploaded here: web addresses are not fetched. Download the photo, and send the file.", "file"
        )
    if not inside:
        raise InvalidInput("file was not uploaded here, or is gone; upload it again", "file")
    name = file.get("orig_name") if isinstance(file, dict) else None
    return Attachment(resolved, name if isinstance(name, str) else resolved.name)


def use_private_folder() -> Path:
    """Gradio's folder for uploads and copies: one that only this user can read, and that goes with the process. Made,
    if need be.

    Otherwise all of Gradio's apps on a machine share one. Where GRADIO_TEMP_DIR names a folder it is made in there, for
    what is in a folder that was given is not ours. Call it before anything of Gradio is built: components remember it.
    Raises StorageError.
    """
    folder = _private_folder()
    with _temporary_errors():
        private.restore(folder)  # should a cleaner of temporary files have taken it away
    return folder


@cache
def _private_folder() -> Path:
    given = os.environ.get("GRADIO_TEMP_DIR")
    if given:
        with _temporary_errors():
            folders.make(Path(given))
    made = private.folder(Path(given).resolve() if given else None)
    os.environ["GRADIO_TEMP_DIR"] = str(made)
    return made


def remove_private_folder() -> None:
    """Delete the folder `use_private_folder` made, if it did; for the end of the program."""
    if _private_folder.cache_info().currsize:
        private.remove(_private_folder())


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # swept just now
            status = path.lstat()
            size += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return size


def lend(path: Path, name: str, folder: Path) -> Path:
    """A copy under its own name, for Gradio to hand out; `sweep` takes it away again. Raises StorageError."""
    copy = folder / secrets.token_hex(16) / name
    with _temporary_errors():
        if not folder.is_dir():
            use_private_folder()
        try:
            copy.parent.mkdir(mode=0o700)
            shutil.copyfile(path, copy)
        except OSError:
            shutil.rmtree(copy.parent, ignore_errors=True)
            raise
    return copy


@contextmanager
def _temporary_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(full(error)) from error


def full(error: OSError) -> str:
    """What to say when a temporary file could not be written."""
    return f"The server's folder for temporary files cannot be written to ({error.strerror}). Try again in a minute."


def sweep(folder: Path, older_than: float = KEPT_SECONDS) -> int:
    """Delete files not written for `older_than` seconds, and as old folders left empty; how many files went.

    A younger folder that is empty waits for its file: it was made for one a moment ago. What Gradio itself keeps there,
    under names of its own, is left alone: other apps of this process, in a notebook say, keep their files there, too.
    """
    latest, old = time.time() - older_than, []
    ours = [top for top in folder.glob("*") if not _GRADIOS.fullmatch(top.name)]
    for path in (*ours, *(inside for top in ours for inside in top.rglob("*"))):
        with suppress(OSError):  # another thread may be sweeping here
            if path.stat().st_mtime < latest:
                old.append(path)
    gone = 0
    for path in sorted(old, reverse=True):  # what is inside a folder comes before it
        with suppress(OSError):  # or writing
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
                gone += 1
                log.debug("deleted %s", path)
    if gone:
        log.info("swept temporary files", extra={"fields": {"files": gone}})
    return gone
