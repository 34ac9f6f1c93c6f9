"""Verbs about photos and their sessions: open, look up, keep, delete."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image

from ..jobs import asker
from ..jobs.deadline import check
from ..photos import images, sources
from ..types import Photo, Session
from .core import Core
from .verb import verb


class PhotoVerbs(Core):
    """A session is one person's work on one photo; it lives until a while after its last use."""

    @verb("upload")
    def open(self, source: images.Source, name: str = "") -> Session:
        """Start painting a photo: the bytes of a file, a path, base64 text, a data URL, a Pillow image or an array.

        Text is never taken for a path (a `Path` is). name: the file name people know it by. Raises NotAnImage,
        TooLarge, InvalidInput for other sources.
        """
        asker.current().count_photo()
        limits = dict(max_bytes=self.max_file_size, max_pixels=self.max_pixels)
        if isinstance(source, (Image.Image, np.ndarray)):
            photo = images.open_photo(source, name, **limits)
            data = images.encode(photo.pixels, "PNG")
        else:
            data = sources.read_bytes(source, self.max_file_size, paths=isinstance(source, PathLike))
            photo = images.open_photo(
                data, name or (Path(source).name if isinstance(source, PathLike) else ""), **limits
            )
        check()
        name, digest, size, notes = photo.name, photo.digest, photo.size, photo.notes
        self._caches.photos.put((digest,), photo)
        del photo  # from here on the cache has it, or nobody: it may be 240 MB, and the disk slow
        return replace(self.sessions.open(name, data, digest, size), notes=notes)

    def session(self, session_id: str) -> Session:
        """The session as it is now. Raises SessionNotFound."""
        return self.sessions.get(session_id)

    def photo(self, session_id: str) -> Photo:
        """The session's photo."""
        return self.photo_of(self.sessions.get(session_id))

    def keep_alive(self, session_id: str) -> float:
        """Count as a use, as an open page does every few minutes; returns the seconds the session has left.

        Raises SessionNotFound.
        """
        return self.sessions.keep(session_id)

    @verb("upload")
    def close(self, session_id: str) -> None:
        """Delete the session: nothing of it stays on disk. Raises SessionNotFound."""
        session = self.sessions.get(session_id)
        self.cancel(session_id)
        self.sessions.delete(session_id)
        if session.digest not in self.sessions.digests():  # else somebody else works on the same photo
            self._caches.forget(session.digest)

    def sweep(self) -> int:
        """Delete expired sessions (`SessionStore.sweep`) and forget photos no session has; how many sessions went."""
        gone = self.sessions.sweep()
        self._caches.keep_owned(lambda: set(self.sessions.digests()))
        return gone
