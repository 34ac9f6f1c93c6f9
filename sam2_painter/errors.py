"""Every error the package raises on purpose; the message always says what to do.

* PainterError
  x InvalidInput          the caller's mistake; `field` names what to change
    + NotAnImage          the bytes are no picture we read
    + TooLarge            over a limit on bytes or pixels
  x NotFound              nothing goes by that id
    + SessionNotFound     unknown, deleted or expired session
    + MaskNotFound        no such mask in the session, or none at the point
    + LayerNotFound       no such layer in the session
    + SchemeNotFound      no such scheme in the session
    + SheetNotFound       no such sheet, or not any more
    + DownloadNotFound    no such download in the session
  x Conflict              what somebody wants to change was changed meanwhile
  x SignInRequired        wrong or missing credentials
  x Busy                  too much at once; try again after `retry_after` seconds
    + TooManyRequests     more than one caller may ask in a minute
  x TimeLimitExceeded     took longer than its limit; nothing was changed
  x Cancelled             the caller went away or pressed Cancel; nothing was changed
  x StorageError          the data folder cannot be read or written
  x ServerUnavailable     the server of a remote painter does not answer, or is none of ours
  x EngineError           the engine could not answer
    + EngineUnavailable   not installed, not reachable, or no credentials
"""

from __future__ import annotations

import linecache
import os
from types import TracebackType


class PainterError(Exception):
    """Base class: ``except PainterError`` catches all of them, and nothing else."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook prints: the line that asked, and the sentence. How the package got there helps nobody."""
        return [f"{_asked_at(self.__traceback__)}{type(self).__name__}: {self}"]


_PACKAGE = os.path.dirname(__file__) + os.sep


def _asked_at(frames: TracebackType | None) -> str:
    """The last line outside of this package before it was entered, where it can be read."""
    asked = None
    while frames is not None and not frames.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        asked, frames = frames, frames.tb_next
    if asked is None:
        return ""
    code, number = asked.tb_frame.f_code, asked.tb_lineno
    text = linecache.getline(code.co_filename, number, asked.tb_frame.f_globals).strip()
    in_cell = "ipykernel" in code.co_filename or code.co_filename.startswith("<ipython")
    where = "Line" if in_cell else f"{os.path.basename(code.co_filename)}, line"
    return f"{where} {number}: {text}\n" if text else ""


class InvalidInput(PainterError, ValueError):
    """The caller's mistake. `field` is the name of the input to change, or ""."""

    def __init__(self, message: str, field: str = ""):
        super().__init__(message)
        self.field = field


class NotAnImage(InvalidInput):
    """The bytes are not a JPEG, PNG, WebP, HEIC, AVIF, TIFF or BMP picture that can be read."""


class TooLarge(InvalidInput):
    """Over a limit on bytes or pixels."""


class NotFound(PainterError, LookupError):
    """Nothing goes by that id."""


class SessionNotFound(NotFound):
    """Unknown, deleted or expired session."""

    def __init__(self, session_id: str):
        super().__init__("This session is unknown, was deleted or has expired. Open the photo again.")
        self.session_id = session_id


class MaskNotFound(NotFound):
    """No such mask in the session, or none at the point."""


class LayerNotFound(NotFound):
    """No such layer in the session."""


class SchemeNotFound(NotFound):
    """No such scheme in the session."""


class SheetNotFound(NotFound):
    """No such sheet, or not any more."""


class DownloadNotFound(NotFound):
    """No such download in the session."""


class Conflict(PainterError):
    """What somebody wants to change was changed meanwhile, in another window or program; nothing was changed."""


class SignInRequired(PainterError):
    """Wrong or missing credentials."""


class Busy(PainterError):
    """Too much at once. Trying again after `retry_after` seconds may help."""

    def __init__(self, message: str, retry_after: float = 2.0):
        super().__init__(message)
        self.retry_after = retry_after


class TooManyRequests(Busy):
    """More than one caller may ask in a minute."""


class TimeLimitExceeded(PainterError):
    """Took longer than its limit; nothing was changed."""


class Cancelled(PainterError):
    """The caller went away or pressed Cancel; nothing was changed."""


class StorageError(PainterError):
    """The data folder cannot be read or written."""


class ServerUnavailable(PainterError):
    """The server of `Painter(url=...)` does not answer, or is no SAM2 Painter server."""


class EngineError(PainterError):
    """The engine could not answer."""


class EngineUnavailable(EngineError):
    """Not installed, not reachable, or no credentials."""
