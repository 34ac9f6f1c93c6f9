"""Folders for temporary files that only this user can read, and that go with the process.

A living process holds a lock on its folders (flock on the folder itself, and on Windows a lock on a file in it: the
system lets it go however the process ends, in whatever container it runs, and systemd's cleaner of /tmp leaves locked
folders alone). So whose folder can be locked is dead, and the next start of any door deletes what it left behind.
"""

from __future__ import annotations

import atexit
import importlib.util
import logging
import multiprocessing.util
import os
import re
import shutil
import stat
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows, which has `msvcrt`: it locks files
    fcntl = None  # type: ignore[assignment]

from ..errors import StorageError

msvcrt: Any = importlib.import_module("msvcrt") if importlib.util.find_spec("msvcrt") else None
log = logging.getLogger(__name__)
_LOCK_FILE = ".lock"
"""In a folder, where folders themselves cannot be locked."""

_NAME = re.compile(r"sam2_painter_\d+_private_\w{8}")  # \d+: the process, for people who look
_ours: dict[Path, tuple[int, int]] = {}  # folder -> process that made it, and its lock, -1 for none
_restoring = threading.Lock()


def folder(parent: Path | None = None) -> Path:
    """A new one, in the system's folder for temporary files or in `parent`; what dead processes left there goes.

    Raises StorageError when there is no room for it.
    """
    try:
        root = Path(tempfile.gettempdir()) if parent is None else parent
        sweep(root)
        while True:
            made = Path(tempfile.mkdtemp(prefix=f"sam2_painter_{os.getpid()}_private_", dir=root))  # mode 0700
            lock = _lock(made)
            if lock is not None:
                break  # else somebody's sweep was quicker than our lock
    except OSError as error:
        raise StorageError(
            f"There is no folder for temporary files ({error.strerror}). Free some space, or set TMPDIR to another one."
        ) from error
    _remove_at_exit(os.getpid())
    _ours[made] = (os.getpid(), lock)
    return made


def restore(made: Path) -> None:
    """Make a folder of ours again, should a cleaner of temporary files have taken it away.

    Raises OSError, also where somebody else has taken its name.
    """
    process, lock = _ours.get(made, (-1, -1))
    if process < 0 or _is_locked(made, lock):
        return
    with _restoring:
        if not _is_locked(made, _ours[made][1]):
            made.mkdir(mode=0o700, exist_ok=True)
            os.chmod(made, 0o700)  # who needed it first may have made it for everybody to read
            _unlock(lock)
            taken = _lock(made)
            _ours[made] = (process, -1 if taken is None else taken)
            log.warning("%s was taken away, and is made again", made)


def _is_locked(made: Path, lock: int) -> bool:
    """Whether a folder is the one we made and locked."""
    try:
        return made.is_dir() if lock < 0 else os.path.samestat(os.fstat(lock), _what_is_locked(made).stat())
    except OSError:
        return False


def remove(made: Path) -> None:
    """Delete a folder of this process; one that a parent made is the parent's."""
    process, lock = _ours.get(made, (-1, -1))
    if process == os.getpid():
        _delete(made, lock)
        del _ours[made]


def sweep(root: Path | None = None) -> int:
    """Delete folders whose processes are dead; how many."""
    gone = 0
    for path in _of_this_user(Path(tempfile.gettempdir()) if root is None else root):
        lock = _lock(path)
        if lock is not None and lock >= 0:
            _delete(path, lock)
            gone += 1
            log.debug("deleted %s, of a process that is dead", path)
    if gone:
        log.info("deleted temporary folders of dead processes", extra={"fields": {"folders": gone}})
    return gone


def _of_this_user(root: Path) -> list[Path]:
    found, user = [], os.getuid() if hasattr(os, "getuid") else 0  # on Windows all files are of user 0
    with suppress(OSError):
        for path in root.iterdir():
            if _NAME.fullmatch(path.name) and path not in _ours:
                status = path.lstat()
                if stat.S_ISDIR(status.st_mode) and status.st_uid == user:
                    found.append(path)
    return found


def _lock(path: Path) -> int | None:
    """A lock on a folder; None when somebody else has it or the folder is gone; -1 where folders cannot be locked."""
    if fcntl is None:
        return _lock_file(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:  # some network file systems
        os.close(descriptor)
        return -1
    os.close(descriptor)
    return None


def _lock_file(path: Path) -> int | None:
    """The same by a file in the folder."""
    if msvcrt is None:
        return -1
    try:
        descriptor = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _what_is_locked(made: Path) -> Path:
    return made / _LOCK_FILE if fcntl is None else made


def _delete(path: Path, lock: int) -> None:
    """A folder that we have locked."""
    if fcntl is None:
        _unlock(lock)  # Windows deletes no file that is open
    shutil.rmtree(path, ignore_errors=True)
    if fcntl is not None:
        _unlock(lock)


def _unlock(lock: int) -> None:
    if lock >= 0:
        os.close(lock)


@cache  # once in each process
def _remove_at_exit(process: int) -> None:
    atexit.register(_remove_all)
    if multiprocessing.parent_process() is not None:  # these end without atexit
        multiprocessing.util.Finalize(None, _remove_all, exitpriority=0)


def _remove_all() -> None:
    for made in list(_ours):
        remove(made)
