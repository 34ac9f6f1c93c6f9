"""The verb that packs several painted photos into one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import InvalidInput, SessionNotFound
from ..photos import images
from ..sessions.downloads import Download
from ..types import whole_number
from .files import FileVerbs
from .verb import verb

MOST_PICTURES = 50


class PictureVerbs(FileVerbs):
    """Several sessions at once."""

    def has(self, session_id: str) -> bool:
        """Whether there is such a session (still)."""
        try:
            self.sessions.get(session_id)
        except (SessionNotFound, InvalidInput):
            return False
        return True

    @verb("download")
    def download_pictures(self, session_ids: Sequence[str], *, format: str = "JPG", quality: int = 95) -> Download:
        """The painted pictures of several sessions at full size, all in one zip file, which goes with the first.

        format, quality: as in `download`. Raises InvalidInput for none, or more than MOST_PICTURES.
        """
        wanted = list(dict.fromkeys(session_ids))
        if not 0 < len(wanted) <= MOST_PICTURES:
            raise InvalidInput(f"session_ids must name 1 to {MOST_PICTURES} sessions", "session_ids")
        sessions = [self.sessions.get(session_id) for session_id in wanted]
        format, quality = images.check_format(format), whole_number(quality, "quality", 1, 100)
        pictures = [(Path(one.name).stem or "photo", one, one.layers) for one in sessions]
        first = sessions[0]
        key = f"pictures {format} {quality} " + " ".join(f"{one.id}/{one.revision}" for one in sessions)
        name = f"{Path(first.name).stem}-and-others"
        return self._made(first, key, name, "zip", "application/zip", lambda: self._zipped(pictures, format, quality))
