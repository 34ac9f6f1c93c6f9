"""What a later click on the chosen wall may mean: what it adds, what it takes away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from .. import masks
from ..rle import RLE, rle_to_mask
from ..sessions import walls
from ..types import Mask, Prompts, Session
from .core import Core

MOST_TAKEN = 0.5
"""Of a wall: a click takes no more of it away, unless that answer is chosen."""

MOST_ADDED = 1.5
"""Times the wall: a click adds no more to it, where the engine has another answer."""

LITTLE = 0.03
"""Of the wall: a click that would add a speck may as well add so much."""

UNSEEN = 0.1
"""Of the spot: answers that differ by less are one."""

THE_SAME = 0.9
"""IoU of two answers that mean one thing."""


class Corrections(Core):
    """The guesses of `point`, each a part of the photo. spot: the least that is seen, around the click."""

    def _added_at(self, session: Session, x: float, y: float, spot: RLE) -> list[Mask]:
        """What a click adds to the chosen wall, the best guess first: new pixels that hang together with the point.

        First the less of what the engine adds to the wall as it is and of what it makes of all clicks together; then
        what it makes of this click alone, the smallest first. One that would make another wall of it, or holds what was
        taken away by a click, comes last. A first answer that is hardly more than the spot under the click gives way
        to one that is seen, if that is little beside the wall or the engine comes to it in both ways. On another
        painted wall what lies there is meant, as a click alone would choose it: that comes first, however large.
        """
        wall, wanted, unwanted = walls.clicks(session)
        there = walls.layer_at(session.layers, x, y)
        taken = there is not None and there.id != session.selection.layer
        if wall.contains(int(x), int(y)):
            return []

        def added(found: Iterable[Mask]) -> list[Mask]:
            parts = ((masks.part_at(masks.subtract(mask.rle, [wall]), x, y), mask) for mask in found)
            return [Mask(v, category=m.category, category_score=m.category_score) for v, m in parts if v is not None]

        by_itself = Prompts([(x, y), *unwanted], [1] + [0] * len(unwanted))  # type: ignore[arg-type]
        alone = added(self._predicted(session, by_itself).value)
        of_wall = added(self._predicted(session, _of_wall(wall, x, y, 1)).value[:2])
        known = of_wall[:1]
        if wanted:
            labels = [1] * (len(wanted) + 1) + [0] * len(unwanted)
            together = Prompts([*wanted, (x, y), *unwanted], labels)  # type: ignore[arg-type]
            known = sorted([*known, *added(self._predicted(session, together).value[:1])], key=_area)
        good: list[Mask] = []
        poor: list[Mask] = []
        for mask in [*alone, *known] if taken else [*known, *sorted(alone, key=_area)]:
            fits = (taken or mask.area <= MOST_ADDED * wall.area) and not walls.holds(mask.rle, unwanted)
            (good if fits else poor).append(mask)
        guesses = [*good, *sorted(poor, key=_area)] or [Mask(masks.subtract(spot, [wall]))]
        if guesses[0].area < spot.area:
            seen = (mask for mask in good if mask.area >= spot.area)
            ways = ([*known, *of_wall], alone)
            believed = (m for m in seen if m.area <= LITTLE * wall.area or all(_agrees(m, one) for one in ways))
            guesses = [*islice(believed, 1), *guesses]
        by_rle = {mask.rle: mask for mask in reversed(guesses)}
        return [by_rle[rle] for rle in _told_apart([mask.rle for mask in guesses], spot)[:3]]

    def _taken_at(self, session: Session, x: float, y: float, spot: RLE) -> list[Mask]:
        """What a click takes away from the chosen wall, the best guess first: pixels of it that hang together with the
        point, at least a spot, and the spot alone.

        Of a painted wall, which was accepted, first what the engine takes from it as it is. Before it is painted, the
        first click may have been taken for another question: first what is left out when the engine is told of all
        clicks. Then the other of the two, and what it sees there. None holds a click that added more than that. One
        that is most of the wall comes last: a leak may be larger than the wall.
        """
        wall, wanted, unwanted = walls.clicks(session)
        spot = masks.intersect([spot, wall])
        if not spot.area:
            return []
        less = list(self._predicted(session, _of_wall(wall, x, y, 0)).value[:1])
        if wanted:
            labels = [1] * len(wanted) + [0] * (len(unwanted) + 1)
            anew = list(self._predicted(session, Prompts([*wanted, *unwanted, (x, y)], labels)).value)  # type: ignore[arg-type]
            less = [*anew[:1], *less, *anew[1:]] if session.selection.layer is None else [*less, *anew]
        parts = [masks.subtract(wall, [mask.rle]) for mask in less]
        alone = self._predicted(session, Prompts.click(x, y)).value
        parts += [masks.intersect([mask.rle, wall]) for mask in alone]
        guesses: list[RLE] = []
        most: list[RLE] = []
        for part in (masks.part_at(part, x, y) for part in parts):
            if part is not None and part.area < wall.area and not walls.cuts(session, part):
                seen = part if part.area >= spot.area else masks.union([part, spot])
                (guesses if part.area <= MOST_TAKEN * wall.area else most).append(seen)
        if spot.area < wall.area:
            guesses.append(spot)
        guesses = _told_apart(guesses, spot)
        least = [min(most, key=lambda part: part.area)] if guesses and most else []
        return [Mask(rle) for rle in [*guesses[: 3 - len(least)], *least]]


def _of_wall(wall: RLE, x: float, y: float, label: int) -> Prompts:
    """A click that changes the wall as it is."""
    return replace(Prompts.click(x, y, label), mask_input=rle_to_mask(wall))


def _area(mask: Mask) -> int:
    return mask.area


def _agrees(mask: Mask, others: Sequence[Mask]) -> bool:
    """Whether one of the others is much the same."""
    return any(masks.iou(mask.rle, other.rle) >= THE_SAME for other in others)


def _told_apart(guesses: Sequence[RLE], spot: RLE) -> list[RLE]:
    """Without those that nobody would tell from one before them."""
    kept: list[RLE] = []
    for guess in guesses:
        unlike = (masks.union([guess, other]).area - masks.intersect([guess, other]).area for other in kept)
        if all(pixels >= UNSEEN * spot.area for pixels in unlike):
            kept.append(guess)
    return kept
