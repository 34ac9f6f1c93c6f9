"""Verbs that select: clicks, boxes, strokes, masks there are."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, Self

import numpy as np

from ..errors import InvalidInput, LayerNotFound, MaskNotFound
from ..masks import mask_from_png
from ..photos.sources import at_home, read_file
from ..rle import mask_to_rle
from ..studio.studio import SelectMode
from ..types import AutoMask, CombineMode, Prompts
from .arguments import Which, mask_ids_of, numbers_one_by_one, progress_bars, with_knobs
from .display import PhotoMask
from .held import Held


class SelectingVerbs(Held):
    """What is selected is a wall's shape in the making, or a painted wall's, to be changed."""

    @numbers_one_by_one
    def click(self, x: float, y: float, label: int = 1) -> Self:
        """Click the photo at (x, y): label 1 "this belongs to it", 0 "this does not".

        The first click selects; further ones refine the selection until something is painted or `deselect` is called.
        """
        self.studio.click(self.session_id, x, y, label)
        return self

    @numbers_one_by_one
    def box(self, x1: float, y1: float, x2: float, y2: float, mode: SelectMode = "new") -> Self:
        """Select what the box from (x1, y1) to (x2, y2) is drawn around; a tiny one is a click at its middle."""
        Prompts(box=[x1, y1, x2, y2])  # type: ignore[arg-type]  # says so where it is no box: only a hand draws backwards
        self.studio.box(self.session_id, x1, y1, x2, y2, mode)
        return self

    def segment(self, prompts: Prompts, mode: SelectMode = "new") -> Self:
        """Select what the prompts point at, or combine it with the selection: "union", "subtract", "intersect"."""
        self.studio.segment(self.session_id, prompts, mode)
        return self

    @numbers_one_by_one
    def add(self, x: float, y: float) -> Self:
        """Add to the selected wall what lies under (x, y); it loses nothing by it."""
        self.studio.point(self.session_id, x, y, "union")
        return self

    @numbers_one_by_one
    def subtract(self, x: float, y: float) -> Self:
        """Take from the selected wall what lies under (x, y), near it and at least a spot; nothing is added by it."""
        self.studio.point(self.session_id, x, y, "subtract")
        return self

    def stroke(
        self,
        path: Sequence[tuple[float, float]],
        radius: float,
        mode: SelectMode = "union",
        *,
        edge_aware: bool = False,
    ) -> Self:
        """Brush along `path`, points (x, y), on the selected wall's shape; mode "subtract" rubs out.

        radius: in pixels. edge_aware: the brush stops at strong borders. Without a selection it begins a wall.
        """
        self.studio.stroke(self.session_id, path, radius, mode, edge_aware=edge_aware)
        return self

    def polygon(
        self, path: Sequence[tuple[float, float]], mode: SelectMode = "union", *, only_wall: bool = False
    ) -> Self:
        """Add the inside of a polygon, corners (x, y), to the selected wall, or take it away ("subtract").

        only_wall: it is rough: windows and doors in it are left out, and its outline follows the photo; `choose(1)`
        takes the whole of it, `choose(2)`, where there is one, the wall with all that may be of it.
        """
        self.studio.polygon(self.session_id, path, mode, only_wall=only_wall)
        return self

    def tidy(self) -> Self:
        """Make the selected wall's outline follow the edges of the photo, without specks and pinholes."""
        self.studio.tidy(self.session_id)
        return self

    def take_over(self) -> Self:
        """Take what the selected wall shares with other painted walls from them."""
        self.studio.take_over(self.session_id)
        return self

    def import_mask(self, mask: np.ndarray | bytes | str | PathLike[str], mode: SelectMode = "new") -> Self:
        """Select a mask of your own, or change the selected wall by it.

        mask: (H, W) bool of the photo's size, or a PNG file of that size, its path or its bytes. Raises InvalidInput.
        """
        if isinstance(mask, (str, PathLike)):
            mask = read_file(at_home(mask, "mask"), field="mask")
        own = mask_from_png(mask, self.session.size) if isinstance(mask, (bytes, bytearray)) else mask_to_rle(mask)
        self.studio.import_mask(self.session_id, own, mode)
        return self

    def choose_wall(self, x: float, y: float) -> Self:
        """Select the painted wall on top at (x, y), to change its shape or its paint; elsewhere a new wall begins."""
        self.studio.choose_at(self.session_id, x, y)
        return self

    def choose_layer(self, index: int) -> Self:
        """Select a painted wall by its place in `layers` (0 was painted first)."""
        self.studio.choose_wall(self.session_id, self._layer_id(index))
        return self

    def remove_step(self, index: int) -> Self:
        """Take one step of the selected wall's shape back; `session.selection.steps` has them, 0 was the first."""
        self.studio.remove_step(self.session_id, index)
        return self

    def choose(self, choice: int) -> Self:
        """Take another of the `candidates`; 0 is the best."""
        self.studio.choose(self.session_id, choice)
        return self

    def remove_point(self, index: int) -> Self:
        """Take one of the clicks back that the selection is refined by; 0 was the first."""
        self.studio.remove_point(self.session_id, index)
        return self

    def walls(self) -> Self:
        """Select all walls, less their windows and doors, where the engine knows what a wall is."""
        return self.find("wall")

    def find(
        self,
        category: str,
        mode: SelectMode = "new",
        *,
        point: tuple[float, float] | None = None,
        protect: bool = True,
    ) -> Self:
        """Select everything of a kind; `studio.categories` names the kinds, and is empty for some engines.

        point: (x, y), only of the building under it. protect: leave painted walls out.
        """
        at = None if point is None else (float(point[0]), float(point[1]))
        self.studio.find(self.session_id, category, mode, point=at, protect=protect)
        return self

    @with_knobs
    def every_mask(self, *, progress: bool = True, **knobs: Any) -> Self:
        """Find every mask; `automatic` has them then. progress: show a bar.

        knobs: the fields of `AutoMask`, which are those of SAM 2's generator, such as points_per_side=32.
        """
        tqdm = progress_bars()
        unknown = sorted(knobs.keys() - AutoMask.__dataclass_fields__.keys())
        if unknown:
            allowed = ", ".join(AutoMask.__dataclass_fields__)
            raise InvalidInput(f"every_mask knows no {unknown[0]}; its knobs are {allowed}", unknown[0])
        with tqdm(
            total=100, desc="every mask", disable=not progress, bar_format="{desc} {bar} {percentage:.0f}%"
        ) as bar:
            self.studio.generate(
                self.session_id, AutoMask(**knobs), lambda done: bar.update(max(0, round(100 * done) - bar.n))
            )
            bar.update(100 - bar.n)
        return self

    @numbers_one_by_one
    def mask_at(self, x: float, y: float) -> PhotoMask:
        """The smallest mask found so far under (x, y), at once, without the engine. Raises MaskNotFound."""
        return self._shown([self.studio.mask_at(self.session_id, x, y).mask_id])[0]

    def select(self, *masks: Which, mode: SelectMode = "new") -> Self:
        """Select masks there are: by number, or as found in `masks`; several as their union."""
        self.studio.select(self.session_id, mask_ids_of(masks), mode)
        return self

    def combine(self, *masks: Which, mode: CombineMode = "union") -> Self:
        """Make one mask of several and select it: "union", "intersect", or "subtract", the first less the others."""
        made = self.studio.combine(self.session_id, mask_ids_of(masks), mode)
        return self.select(made.mask_id)

    def deselect(self) -> Self:
        """Select nothing; the next click begins anew."""
        self.studio.clear_selection(self.session_id)
        return self

    def _selected_id(self) -> int:
        mask_id = self.session.selection.mask_id
        if mask_id is None:
            raise MaskNotFound("Nothing is selected: click(x, y) the wall first.")
        return mask_id

    def _layer_id(self, index: int) -> int:
        layers = self.session.layers
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(layers):
            raise LayerNotFound(f"No layer {index!r} here; there are {len(layers)}, and 0 was painted first.")
        return layers[index].id
