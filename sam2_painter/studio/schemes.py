"""Verbs about schemes: variants of all paints of a photo, switched, compared and downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..jobs.deadline import check
from ..photos import images
from ..photos.grid import grid
from ..sessions import schemes
from ..sessions.downloads import Download
from ..types import Scheme, Session, whole_number
from .files import FileVerbs
from .verb import verb

COMPARED = 1200
"""Pixels on the long side of each picture that is compared."""


class SchemeVerbs(FileVerbs):
    """A scheme goes by its id. revision: as in the verbs about walls."""

    def schemes(self, session: Session) -> tuple[Scheme, ...]:
        """Every scheme in its order, with all it paints; `session.canvas.scheme` is the id of the one shown."""
        return schemes.schemes_of(session)

    @verb("paint")
    def add_scheme(self, session_id: str, name: str = "", *, like: int | None = None) -> Session:
        """Make a scheme, painted like the one shown or another, and show it. name: "" for the next letter."""
        with self.sessions.edit(session_id) as edit:
            schemes.add(edit, name, like)
        return edit.session

    @verb("paint")
    def choose_scheme(self, session_id: str, scheme_id: int, *, revision: int | None = None) -> Session:
        """Show another scheme: every layer gets the paint it has there."""
        with self.sessions.edit(session_id) as edit:
            schemes.choose(edit, scheme_id, revision)
        return edit.session

    @verb("paint")
    def rename_scheme(self, session_id: str, scheme_id: int, name: str, *, revision: int | None = None) -> Session:
        """Call a scheme something else: text of 1 to 80 characters."""
        with self.sessions.edit(session_id) as edit:
            schemes.rename(edit, scheme_id, name, revision)
        return edit.session

    @verb("paint")
    def remove_scheme(self, session_id: str, scheme_id: int, *, revision: int | None = None) -> Session:
        """Take a scheme away; if it is the one shown, its neighbour is. The last one stays."""
        with self.sessions.edit(session_id) as edit:
            schemes.remove(edit, scheme_id, revision)
        return edit.session

    @verb("download")
    def compare_schemes(self, session_id: str, max_side: int = 2400) -> np.ndarray:
        """(H, W, 3) uint8: the photo and every scheme side by side, each with its name, on at most max_side pixels."""
        session = self.sessions.get(session_id)
        whole_number(max_side, "max_side", 64, 8192)
        pictures = [("Photo", images.fit(self.photo_of(session).pixels, COMPARED))]
        pictures += [(scheme.name, pixels) for scheme, pixels in self.scheme_pictures(session_id, COMPARED)]
        return grid(pictures, max_side)

    @verb("download")
    def scheme_pictures(self, session_id: str, max_side: int) -> list[tuple[Scheme, np.ndarray]]:
        """Every scheme in its order, with its picture, at most max_side pixels on the long side."""
        session, pictures = self.sessions.get(session_id), []
        for scheme in self.schemes(session):
            check()
            pictures.append((scheme, self.painted(session, schemes.layers_in(session, scheme.id), max_side)))
        return pictures

    @verb("download")
    def download_schemes(self, session_id: str, *, format: str = "JPG", quality: int = 95) -> Download:
        """Every scheme's picture at full size, all in one zip file. format, quality: as in `download`."""
        session = self.sessions.get(session_id)
        format, quality = images.check_format(format), whole_number(quality, "quality", 1, 100)
        pictures = [(one.name, session, schemes.layers_in(session, one.id)) for one in self.schemes(session)]
        key = f"schemes {format} {quality} {session.revision}"
        name = f"{Path(session.name).stem}-schemes"
        return self._made(session, key, name, "zip", "application/zip", lambda: self._zipped(pictures, format, quality))
