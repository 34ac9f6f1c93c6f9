"""Verbs about masks: ask the engine, find every one, look one up, combine and select what there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .. import masks
from ..engines import Progress, no_progress
from ..errors import MaskNotFound
from ..jobs.deadline import check
from ..rle import RLE
from ..sessions import walls
from ..sessions.walls import SelectMode
from ..types import AutoMask, CombineMode, Mask, Prompts, Session, Step
from .core import Core
from .verb import verb


class Generated(NamedTuple):
    """Answer to "every mask": the session, whose `automatic` names them, and whether nothing had to be computed."""

    session: Session
    cached: bool


class Pointed(NamedTuple):
    """The mask at a point, and whether it was found without the engine."""

    mask_id: int
    mask: Mask
    cached: bool


class MaskVerbs(Core):
    """A session keeps every mask it was ever given, by its number."""

    @verb("segment")
    def segment(self, session_id: str, prompts: Prompts, mode: SelectMode = "new") -> Session:
        """Select what the prompts point at: points, a box, a mask prompt.

        The candidates, best first, are kept in the session, and the best is selected; with a mode other than "new" it
        is combined with what was selected before. Raises InvalidInput for prompts outside the photo.
        """
        walls.check_mode(mode)
        with self.sessions.edit(session_id) as edit:
            ids = edit.add(self._predicted(edit.session, prompts).value)
            walls.begin_or_add(edit, Step.asked(prompts, "union", ids, ids[0]), mode, "select")
        return edit.session

    @verb("segment")
    def segment_parts(self, session_id: str, parts: Sequence[Prompts]) -> Session:
        """Select the union of what several prompts point at, each answered by itself: one step of the history."""
        with self.sessions.edit(session_id) as edit:
            answers = [edit.add(self._predicted(edit.session, prompts).value) for prompts in parts]
            if len(parts) == 1:
                step = Step.asked(parts[0], "union", answers[0], answers[0][0])
            else:
                step = Step("mask", region=walls.combine(edit, [ids[0] for ids in answers], "union"))
            walls.begin(edit, step, "select")
        return edit.session

    @verb("segment")
    def select(self, session_id: str, mask_ids: Sequence[int], mode: SelectMode = "new") -> Session:
        """Select masks the session holds, several as their union; by `mode` combined with the selection."""
        walls.check_mode(mode)
        with self.sessions.edit(session_id) as edit:
            mask_id = walls.combine(edit, mask_ids, "union")
            walls.begin_or_add(edit, Step("mask", region=mask_id), mode, "select")
        return edit.session

    @verb("segment")
    def clear_selection(self, session_id: str) -> Session:
        """Select nothing."""
        with self.sessions.edit(session_id) as edit:
            walls.clear(edit)
        return edit.session

    @verb("generate")
    def generate(self, session_id: str, options: AutoMask | None = None, progress: Progress = no_progress) -> Generated:
        """Find every mask, largest first; they become the session's `automatic` masks.

        `progress` is told the fraction done. Cancelled or past its limit it changes nothing.
        """
        options = options or AutoMask()

        def step(fraction: float) -> None:
            check()
            progress(fraction)

        def compute() -> tuple[Mask, ...]:
            with self._generating.enter():
                return self._guarded.generate(self.photo_of(session), self._embedding(session).value, options, step)

        with self._cancellable(session_id):
            session = self.sessions.get(session_id)
            found = self._caches.masks.get((session.digest, "generate", self.engine.name, options), compute)
            with self.sessions.edit(session_id) as edit:  # clicks of others were not kept waiting till here
                edit.set_automatic(edit.add(found.value))
        return Generated(edit.session, found.cached)

    @verb("segment")
    def mask_at(self, session_id: str, x: float, y: float) -> Pointed:
        """The smallest mask of the session under pixel (x, y), without the engine; automatic masks before others.

        Raises InvalidInput outside the photo, MaskNotFound where there is none.
        """
        session = self.sessions.get(session_id)
        prompts = Prompts.click(x, y)
        prompts.check_inside(session.size)
        px, py = (int(v) for v in prompts.point_coords[0])
        others = [mask_id for mask_id in session.masks if mask_id not in set(session.automatic)]
        for ids in (session.automatic, others):
            index = masks.mask_at([session.masks[mask_id] for mask_id in ids], px, py)
            if index is not None:
                return Pointed(ids[index], session.masks[ids[index]], True)
        raise MaskNotFound(f"No mask at ({px}, {py}). Generate masks first, or segment at this point.")

    @verb("segment")
    def generate_at(self, session_id: str, x: float, y: float) -> Pointed:
        """The engine's best mask for a foreground point at (x, y), kept in the session."""
        prompts = Prompts.click(x, y)
        with self.sessions.edit(session_id) as edit:
            found = self._predicted(edit.session, prompts)
            (mask_id,) = edit.add(found.value[:1])
        return Pointed(mask_id, edit.session.masks[mask_id], found.cached)

    @verb("segment")
    def combine(self, session_id: str, mask_ids: Sequence[int], mode: CombineMode = "union") -> Pointed:
        """One mask from several: their union, what they share ("intersect"), or the first less the others
        ("subtract")."""
        with self.sessions.edit(session_id) as edit:
            mask_id = walls.combine(edit, mask_ids, mode)
        return Pointed(mask_id, edit.session.masks[mask_id], False)

    @verb("segment")
    def add_mask(self, session_id: str, rle: RLE, category: str = "") -> Pointed:
        """Keep a mask somebody brings along. Raises InvalidInput when it has not the photo's size or is empty."""
        with self.sessions.edit(session_id) as edit:
            mask_id = walls.bring_mask(edit, rle, category)
        return Pointed(mask_id, edit.session.masks[mask_id], False)
