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
from .forms import Attachment

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
    before anything of Gradio is built: components remember the folder.
    """
    if "GRADIO_TEMP_DIR" not in os.environ:
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="sam2_painter_")  # mode 0700
        atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)
    return Path(os.environ["GRADIO_TEMP_DIR"])


def lend(path: Path, name: str, folder: Path) -> Path:
    """A copy under its own name, for Gradio to hand out; `sweep` takes it away again."""
    copy = folder / secrets.token_hex(16) / name
    copy.parent.mkdir(mode=0o700)
    shutil.copyfile(path, copy)
    return copy


def sweep(folder: Path, older_than: float = KEPT_SECONDS) -> int:
    """Delete files not written for `older_than` seconds, and the folders they leave empty; how many files went."""
    latest, gone = time.time() - older_than, 0
    for path in sorted(folder.rglob("*"), reverse=True):  # what is inside a folder comes before it
        with suppress(OSError):  # another thread may be writing or sweeping here
            if path.is_dir():
                path.rmdir()
            elif path.stat().st_mtime < latest:
                path.unlink()
                gone += 1
    return gone
