"""A session while one caller changes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from ..errors import InvalidInput
from ..types import Canvas, Mask, Palette, Session
from . import records


class Edit:
    """The session while one caller has it. Nothing is written before the `edit` block ends."""

    def __init__(self, session: Session):
        self.before = self.session = session
        self.new_masks: dict[int, Mask] = {}
        self.new_step: str = ""
        self.looks_on = False
        self.new_palette: str | None = None
        self.step_by = 0

    def add(self, masks: Sequence[Mask], *, made: bool = False) -> tuple[int, ...]:
        """Keep masks; returns their ids. A mask the session holds already keeps its id. made: as in `Session`."""
        known = {mask: mask_id for mask_id, mask in self.session.masks.items()}
        next_id = len(self.session.masks)
        ids = []
        for mask in masks:
            mask_id = known.setdefault(mask, next_id)
            if mask_id == next_id:
                self.new_masks[mask_id] = mask
                next_id += 1
            ids.append(mask_id)
        new = range(len(self.session.masks), next_id)
        self.session = replace(
            self.session,
            masks=MappingProxyType({**self.session.masks, **self.new_masks}),
            made=self.session.made.union(new) if made else self.session.made,
        )
        return tuple(ids)

    def forget_masks(self) -> None:
        """Keep none of the masks that were added: what they were for was no step."""
        self.new_masks.clear()
        self.session = replace(self.session, masks=self.before.masks, made=self.before.made)

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        was, now = self.before, self.session
        shown = self.looks_on or self.step_by != 0 or self.new_palette is not None
        return shown or bool(self.new_masks) or (was.automatic, was.next_layer) != (now.automatic, now.next_layer)

    def new_layer_id(self) -> int:
        """An id that no layer of the session ever had."""
        layer_id = self.session.next_layer
        self.session = replace(self.session, next_layer=layer_id + 1)
        return layer_id

    def set_automatic(self, ids: tuple[int, ...]) -> None:
        """These are the answer to "every mask"."""
        self.session = replace(self.session, automatic=ids)

    def set_palette(self, palette: Palette | None) -> None:
        """These are the paints to choose from; None for the usual ones. No step of the history."""
        self.session = replace(self.session, palette=palette)
        self.new_palette = json.dumps(records.palette_to_record(palette)) if palette else ""

    def begin_with(self, canvas: Canvas) -> None:
        """What a session has from the start, of another session: its layers keep their ids, no step is undone to."""
        after = max((layer.id for layer in canvas.layers), default=-1) + 1
        self.session = replace(self.session, next_layer=max(self.session.next_layer, after))
        self.look(canvas)

    def do(self, action: str, canvas: Canvas) -> None:
        """One step forward in the history; `action` is its name, such as "paint"."""
        self.new_step, self.step_by = action, 1
        self.session = replace(self.session, canvas=canvas, can_undo=action, can_redo="")

    def look(self, canvas: Canvas) -> None:
        """The canvas as it lies now, with another wall chosen: no step of the history, so what can be redone stays."""
        self.looks_on = True
        self.session = replace(self.session, canvas=canvas)

    def undo(self) -> None:
        """One step back, read when the block ends. InvalidInput when there is none."""
        if not self.session.can_undo:
            raise InvalidInput("There is nothing to undo.", "session_id")
        self.step_by = -1

    def redo(self) -> None:
        """One step forward again. InvalidInput when there is none."""
        if not self.session.can_redo:
            raise InvalidInput("There is nothing to redo.", "session_id")
        self.step_by = 1
