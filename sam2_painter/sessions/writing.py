"""Files that a person named, written as a whole or not at all, and never over a file that is not to be lost."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..errors import InvalidInput


def check_target(path: Path, *, overwrite: bool, inputs: Iterable[Path] = (), how: str = "overwrite=True") -> None:
    """InvalidInput (field "path") where a file may not be written: over one of the `inputs` that it is made from, over
    another one without `overwrite`, in place of a folder. how: to say what allows it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:  # a loop of links, a name that is too long, a null character
        raise _unwritable(path, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise InvalidInput(f"{path} is a folder; name a file.", "path")
    if not stat.S_ISREG(status.st_mode):  # a pipe, a terminal: nothing is lost
        return
    if any(_same(status, one) for one in inputs):
        raise InvalidInput(f"{path} is what is being read: it is never overwritten. Choose another name.", "path")
    if not overwrite:
        raise InvalidInput(f"{path} exists already. Choose another name, or allow it with {how}.", "path")


def write(
    path: Path, data: bytes, *, overwrite: bool = False, inputs: Iterable[Path] = (), how: str = "overwrite=True"
) -> Path:
    """Write a file; returns its path. Nothing is left behind when that fails. Raises InvalidInput as `check_target`."""
    check_target(path, overwrite=overwrite, inputs=inputs, how=how)
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return path
        target = Path(os.path.realpath(path))  # a link stays one
        part = target.with_name(f".{secrets.token_hex(6)}.part")
        try:
            with open(part, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _put(part, target, overwrite=overwrite, how=how)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise _unwritable(path, error) from None
    return path


def _put(part: Path, target: Path, *, overwrite: bool, how: str) -> None:
    """Give a finished file its name."""
    if overwrite:
        with suppress(FileNotFoundError):
            os.chmod(part, stat.S_IMODE(target.stat().st_mode))
        os.replace(part, target)
        return
    try:
        os.link(part, target)  # unlike a renaming, this fails when somebody was quicker
    except FileExistsError:
        raise InvalidInput(f"{target} exists already. Choose another name, or allow it with {how}.", "path") from None
    except OSError:  # a file system without links
        check_target(target, overwrite=False, how=how)
        os.replace(part, target)


def _same(status: os.stat_result, other: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(status, other.stat())
    return False


def _unwritable(path: Path, error: OSError | ValueError) -> InvalidInput:
    return InvalidInput(f"{path} cannot be written ({getattr(error, 'strerror', None) or error}).", "path")
