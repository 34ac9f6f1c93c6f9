"""Files at Gradio's door: only what was uploaded through it may be read, and nothing stays there for long."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from ..errors import InvalidInput
from .api.schemas import Attachment

_PREFIX = "sam2_painter_"
KEPT_SECONDS = 180.0
"""An upload is read, and a lent copy fetched, within moments."""


def uploaded(file: dict | str, folder: Path) -> Attachment:
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
    if not inside:
        raise InvalidInput("file was not uploaded here, or is gone; upload it again", "file")
    name = file.get("orig_name")
    return Attachment(resolved, name if isinstance(name, str) else resolved.name)


@cache
def use_private_folder() -> Path:
    """Gradio's folder for uploads and copies: one that only this user can read, and that goes with the process.

    Otherwise all of Gradio's apps on a machine share one. A folder named in GRADIO_TEMP_DIR is used as it is. Call it
    before anything of Gradio is built: components remember the folder. What killed processes left behind goes.
    """
    if "GRADIO_TEMP_DIR" not in os.environ:
        _remove_abandoned()
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}_")  # mode 0700
        atexit.register(remove_private_folder)
    return Path(os.environ["GRADIO_TEMP_DIR"])


def remove_private_folder() -> None:
    """Delete the folder `use_private_folder` made, if it did; for the end of the program."""
    folder = Path(os.environ.get("GRADIO_TEMP_DIR", ""))
    if folder.name.startswith(f"{_PREFIX}{os.getpid()}_"):
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned() -> None:
    if os.name != "posix":  # elsewhere asking whether a process lives may end it
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*_*"):
        pid = folder.name.removeprefix(_PREFIX).partition("_")[0]
        if not pid.isdecimal() or folder.is_symlink():
            continue
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (PermissionError, OverflowError):  # alive, and somebody else's
            continue


def lend(path: Path, name: str, folder: Path) -> Path:
    """A copy under its own name, for Gradio to hand out; `sweep` takes it away again."""
    copy = folder / secrets.token_hex(16) / name
    copy.parent.mkdir(mode=0o700)
    shutil.copyfile(path, copy)
    return copy


def sweep(folder: Path, older_than: float = KEPT_SECONDS) -> int:
    """Delete files not written for `older_than` seconds, and as old folders left empty; how many files went.

    A younger folder that is empty waits for its file: it was made for one a moment ago.
    """
    latest, old = time.time() - older_than, []
    for path in folder.rglob("*"):
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
    return gone
