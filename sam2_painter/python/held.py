"""A session held from Python: what there is in it now."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

from ..types import Photo, Session
from . import studios
from .display import Layers, Masks, PhotoMask
from .studios import AnyStudio


class Held:
    """A session of a studio, as it is now, whoever changed it last."""

    _opened: studios.Opened
    session_id: str

    def _hold(self, session_id: str, *, private: bool) -> None:
        self.session_id = session_id
        if private:  # nobody else can reach the session: once this object is gone, so may the session be
            weakref.finalize(self, studios.abandon, self._opened, session_id).atexit = False

    @property
    def studio(self) -> AnyStudio:
        """Where the session lives. A forked process gets one of its own, on the same folder."""
        return self._opened.here()

    @property
    def session(self) -> Session:
        """The session as it is now, whoever changed it last: this object or the page. A value; it does not change."""
        return self.studio.session(self.session_id)

    @property
    def photo(self) -> Photo:
        """The photo as opened."""
        return self.studio.photo(self.session_id)

    @property
    def masks(self) -> Masks:
        """Every mask of the session; `masks[3]` is mask 3."""
        return self._shown(self.session.masks)

    @property
    def automatic(self) -> Masks:
        """What the last `every_mask` found, largest first."""
        return self._shown(self.session.automatic)

    @property
    def candidates(self) -> Masks:
        """What the engine offered for the last click or box, best first; `choose` takes another."""
        return self._shown(self.session.selection.candidates)

    @property
    def selected(self) -> PhotoMask | None:
        """The selected mask, None for nothing."""
        mask_id = self.session.selection.mask_id
        return None if mask_id is None else self._shown([mask_id])[0]

    @property
    def layers(self) -> Layers:
        """The paint, in the order it was put on."""
        return Layers(self.session.layers, self.photo)

    def _shown(self, mask_ids: Iterable[int]) -> Masks:
        session, photo = self.session, self.photo
        return Masks(PhotoMask(**vars(session.mask(i)), id=i, photo=photo) for i in mask_ids)
