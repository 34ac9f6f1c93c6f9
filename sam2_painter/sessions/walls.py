"""Walls: how steps make the shape of the one that is chosen. No engine, no pixels of a photo.

The chosen wall is the session's `Selection`. While it has no paint it lives there alone; once it is painted it is a
`Layer` too, and both change together. What came before the last step is never lost: a step adds to the mask that is
there, takes away from it, or keeps what both have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import Literal

from .. import masks
from ..errors import Conflict, InvalidInput, LayerNotFound
from ..jobs.deadline import check
from ..rle import RLE
from ..types import COMBINE_MODES, CombineMode, Layer, Line, Mask, Selection, Session, Step, whole_number
from .editing import Edit
from .names import kind_of, name_after, of_kind

SelectMode = Literal["new", "union", "subtract", "intersect", "replace"]
"""How a new part is taken: by itself, or combined with the wall that is chosen; "replace" makes that wall's shape anew
of it, and a painted one keeps its paint."""

MAX_STEPS = 64
"""Steps a wall remembers one by one; of more, the oldest become one that holds their result."""

MOST_CLICKS = 12
"""Earlier clicks the engine is told of together with a new one."""

START_OVER = "start over"
ASKED = ("select", "add", "take away", "polygon", START_OVER)
"""Names of the actions that have several answers."""

_MERGED = MAX_STEPS // 2
NOTHING_CHOSEN = "Click the wall you want first; then take parts away."


def check_mode(mode: str) -> None:
    """InvalidInput unless it is a SelectMode."""
    if mode not in (modes := ("new", *COMBINE_MODES, "replace")):
        raise InvalidInput(f"mode must be one of {', '.join(modes)}", "mode")


# -- which wall ------------------------------------------------------------------------------------------------------


def find_layer(session: Session, layer_id: int, revision: int | None = None) -> Layer:
    """The layer with this id. revision: the one of the session in which the caller saw it.

    Raises Conflict when it is gone since then, LayerNotFound when it is no layer of the session.
    """
    try:
        return session.layer(layer_id)
    except LayerNotFound:
        if revision is not None and revision != session.revision:
            raise Conflict("That wall was removed in another window. Nothing was changed; look again.") from None
        raise


def choose(edit: Edit, layer_id: int | None, revision: int | None = None) -> None:
    """The wall that the next step changes: a painted one by its id, or with None the one chosen already.

    Raises what `find_layer` does, and Conflict when a caller that looked before the session moved on names no wall
    while a painted one is chosen: it may mean another.
    """
    session = edit.session
    if layer_id is None:
        moved_on = revision is not None and revision != session.revision
        if moved_on and session.selection.layer is not None:
            raise Conflict(
                "The photo was worked on meanwhile, in another window or by another program, and another wall may be "
                "chosen now. Nothing was done; choose yours again."
            )
        return
    layer = find_layer(session, layer_id, revision)
    if session.selection.layer != layer_id:
        edit.session = replace(session, canvas=replace(session.canvas, selection=selection_of(layer)))


def selection_of(layer: Layer) -> Selection:
    """A painted wall as the chosen one, with the steps of its shape."""
    steps = layer.steps or (Step("mask", region=layer.mask_id),)
    return Selection(layer.mask_id, steps, layer.id)


def layer_at(layers: Sequence[Layer], x: float, y: float) -> Layer | None:
    """The visible layer that lies on top at a pixel, None where there is none."""
    return next((v for v in reversed(layers) if v.visible and v.mask.rle.contains(int(x), int(y))), None)


def clear(edit: Edit) -> None:
    """Choose nothing."""
    if edit.session.selection.mask_id is not None:
        edit.do("clear selection", replace(edit.session.canvas, selection=Selection()))


def choose_painted(edit: Edit, layer: Layer) -> None:
    """Choose a painted wall instead of what is chosen."""
    before = edit.session.selection
    if before.layer != layer.id:
        edit.session = replace(edit.session, canvas=replace(edit.session.canvas, selection=selection_of(layer)))
        write_choice(edit, before)


def write_choice(edit: Edit, before: Selection) -> None:
    """Write down which wall is chosen now. A step of the history only if it drops a wall that was begun and not
    painted, so that one can be had back; otherwise nothing is lost, and what can be redone stays."""
    if before.mask_id is not None and before.layer is None:
        edit.do("choose wall", edit.session.canvas)
    else:
        edit.look(edit.session.canvas)


# -- its clicks -----------------------------------------------------------------------------------------------------


def clicks(session: Session) -> tuple[RLE, Line, Line]:
    """The chosen wall's mask, and the last of the points that were added to it and taken away from it."""
    selection = session.selection
    assert selection.mask_id is not None
    points = [(x, y, label == 1 and step.mode != "subtract") for step in selection.steps for x, y, label in step.points]
    wanted = tuple((x, y) for x, y, added in points if added)[-MOST_CLICKS:]
    unwanted = tuple((x, y) for x, y, added in points if not added)[-MOST_CLICKS:]
    return session.masks[selection.mask_id].rle, wanted, unwanted


def holds(rle: RLE, points: Line) -> bool:
    """Whether any of the points is in the mask."""
    return any(rle.contains(int(x), int(y)) for x, y in points)


def cuts(session: Session, part: RLE) -> bool:
    """Whether taking the part away would cut into what a click added: it holds the click, not most of its region."""
    for step in session.selection.steps:
        if step.kind == "prompts" and step.mode == "union" and step.region is not None:
            wanted = tuple((x, y) for x, y, label in step.points if label)
            region = session.masks[step.region].rle
            if holds(part, wanted) and masks.intersect([region, part]).area < 0.8 * region.area:
                return True
    return False


# -- its shape -------------------------------------------------------------------------------------------------------


def begin(edit: Edit, step: Step, action: str) -> None:
    """Choose a new wall, made of this step."""
    steps = (replace(step, mode="union"),)
    _set(edit, Selection(_after(edit, None, steps, None), steps), action)


def begin_anew(edit: Edit, step: Step, action: str) -> None:
    """The chosen wall is made of this step alone; a painted one keeps its paint."""
    layer_id, steps = edit.session.selection.layer, (replace(step, mode="union"),)
    _set(edit, Selection(_after(edit, None, steps, layer_id), steps, layer_id), action)


def add_step(edit: Edit, step: Step, action: str) -> None:
    """One step more for the chosen wall; begins one when there is none and the step adds. No step where nothing would
    change."""
    selection = edit.session.selection
    if selection.mask_id is None:
        if step.mode != "union":
            raise InvalidInput(NOTHING_CHOSEN, "mode")
        begin(edit, step, action)
        return
    before = selection.mask_id
    steps = (*(selection.steps or (Step("mask", region=before),)), step)
    after = _after(edit, before, steps, selection.layer)
    if after == before:
        return
    selection = replace(selection, mask_id=after, steps=_merged(edit, steps, selection.layer), base=before)
    _set(edit, selection, action)


def begin_or_add(edit: Edit, step: Step, mode: SelectMode, action: str) -> None:
    """A part of the photo by `mode` (`check_mode`): a new wall, one step more for the chosen one, or all of it."""
    chosen = edit.session.selection.mask_id is not None
    if mode == "replace":
        begin_anew(edit, step, START_OVER if chosen else action)
    elif mode == "new" or (mode != "subtract" and not chosen):
        begin(edit, step, action)
    else:
        add_step(edit, replace(step, mode=mode), action)


def rebuild(edit: Edit, steps: Sequence[Step], changed: int, tidy: Callable[[RLE], RLE], action: str) -> None:
    """The chosen wall is made of these steps now, which are others than before from the place `changed` on. What was
    tidied after that is tidied anew. InvalidInput when nothing would be left of the wall."""
    selection = edit.session.selection
    steps = [*steps[:changed], *_tidied_anew(edit, steps, changed, tidy)]
    base = None
    if len(steps) > 1:
        base = edit.add([_fold(edit.session, steps[:-1], selection.layer)], made=True)[0]
    mask_id = _after(edit, base, steps, selection.layer)
    _set(edit, replace(selection, mask_id=mask_id, steps=tuple(steps), base=base), action)


def _tidied_anew(edit: Edit, steps: Sequence[Step], changed: int, tidy: Callable[[RLE], RLE]) -> list[Step]:
    """The steps from the place `changed` on, each tidying done to what is there now."""
    anew: list[Step] = []
    for tidying, run in groupby(steps[changed:], lambda step: step.kind == "tidy"):
        if tidying:
            before = _fold(edit.session, [*steps[:changed], *anew], edit.session.selection.layer).rle
            anew += tidy_steps(edit, before, tidy(before), all(step.protect for step in run))
        else:
            anew += run
    return anew


def tidy_steps(edit: Edit, before: RLE, after: RLE, protect: bool) -> list[Step]:
    """The steps that make the one mask of the other: what is added and what is taken away."""
    changes = (("union", masks.subtract(after, [before])), ("subtract", masks.subtract(before, [after])))
    return [
        Step("tidy", mode, edit.add([Mask(change)], made=True)[0], protect=protect)  # type: ignore[arg-type]
        for mode, change in changes
        if change.area
    ]


def remove_step(edit: Edit, index: int, tidy: Callable[[RLE], RLE]) -> None:
    """Take a step back out of the chosen wall's shape, and those before it that only took away; the last one clears
    the selection of a wall without paint. tidy: `masks.tidy` of the photo, for outlines that were tidied afterwards."""
    selection = edit.session.selection
    if not selection.steps:
        raise InvalidInput("This wall has no steps to take back.", "index")
    index = whole_number(index, "index", 0, len(selection.steps) - 1)
    steps = [step for place, step in enumerate(selection.steps) if place != index]
    while steps and (steps[0].mode != "union" or steps[0].kind == "tidy"):
        steps.pop(0)  # there is nothing yet to take away from, or to tidy
        index = max(0, index - 1)
    if steps:
        rebuild(edit, steps, index, tidy, "take back a step")
    elif selection.layer is None:
        edit.do("take back a step", replace(edit.session.canvas, selection=Selection()))
    else:
        raise InvalidInput("Nothing would be left of this wall. Remove it instead.", "index")


def choose_candidate(edit: Edit, choice: int) -> None:
    """Take another of the answers to the last step; what came before it stays.

    Of a wall without paint it is no step of the history: one undo takes the click back with its answer.
    """
    selection = edit.session.selection
    if not selection.candidates:
        raise InvalidInput("The selection has no candidates to choose from.", "choice")
    choice = whole_number(choice, "choice", 0, len(selection.candidates) - 1)
    last = replace(selection.steps[-1], choice=choice, region=selection.candidates[choice])
    base, before = selection.base, _before_last(edit.session)
    if base is None and before is not None:
        (base,) = edit.add([before], made=True)
    steps = (*selection.steps[:-1], last)
    mask_id = _after(edit, base, steps, selection.layer)
    chosen = replace(selection, mask_id=mask_id, steps=steps, base=base)
    if chosen.mask_id == selection.mask_id and last == selection.steps[-1]:
        return
    asked_last = edit.session.can_undo in ASKED and not edit.session.can_redo
    if selection.layer is None and asked_last:
        edit.look(replace(edit.session.canvas, selection=chosen))
    else:
        _set(edit, chosen, "choose candidate")


def with_candidates(session: Session) -> list[tuple[int, RLE]]:
    """The chosen wall as it would be with each answer to the last step, by its number; without answers that leave
    nothing of it."""
    selection, before, found = session.selection, _before_last(session), []
    was = None if before is None else before.rle
    for choice, region in enumerate(selection.candidates):
        last = replace(selection.steps[-1], region=region)
        with suppress(InvalidInput):
            rle = _changed(session, was, last, _region(session, last), selection.layer)
            found.append((choice, rle))
    return found


def _before_last(session: Session) -> Mask | None:
    """The chosen wall before its last step, None when that was the first. A painted wall that is chosen again does not
    know: it is made of its steps anew."""
    selection = session.selection
    if selection.base is not None:
        return session.masks[selection.base]
    return _fold(session, selection.steps[:-1], selection.layer) if len(selection.steps) > 1 else None


def take_over(edit: Edit) -> None:
    """What the chosen wall shares with other painted walls is taken from them. InvalidInput when nothing is."""
    session, layers = edit.session, []
    if session.selection.mask_id is None:
        raise InvalidInput("Click the wall you want first; then take what it shares with others.", "session_id")
    wall = session.mask(session.selection.mask_id).rle
    for layer in session.layers:
        shared = masks.intersect([layer.mask.rle, wall]) if masks.may_overlap(layer.mask.rle, wall) else None
        if layer.id == session.selection.layer or not layer.visible or shared is None or not shared.area:
            layers.append(layer)
            continue
        rest = masks.subtract(layer.mask.rle, [wall])
        if not rest.area:
            raise InvalidInput(f"Nothing would be left of {layer.name or 'a wall'}. Remove it instead.", "layer_id")
        region, mask_id = edit.add([Mask(shared), replace(layer.mask, rle=rest)], made=True)
        steps = layer.steps or (Step("mask", region=layer.mask_id),)
        steps = _merged(edit, (*steps, Step("mask", "subtract", region)), layer.id)
        layers.append(replace(layer, mask=edit.session.masks[mask_id], mask_id=mask_id, steps=steps))
    if tuple(layers) == session.layers:
        raise InvalidInput("The chosen wall shares nothing with another painted wall.", "layer_id")
    edit.do("take from other walls", replace(edit.session.canvas, layers=tuple(layers)))


def _set(edit: Edit, selection: Selection, action: str) -> None:
    """This is the chosen wall now; where it is painted, the layer is changed with it. No step of the history where it
    is what it was."""
    if selection == edit.session.selection:
        return
    layers = edit.session.layers
    if selection.layer is not None and selection.mask_id is not None:
        mask = edit.session.mask(selection.mask_id)
        shape = dict(mask=mask, mask_id=selection.mask_id, steps=selection.steps)
        layers = tuple(
            replace(v, **shape, name=name_after(v, mask, layers)) if v.id == selection.layer else v  # type: ignore[arg-type]
            for v in layers
        )
    edit.do(action, replace(edit.session.canvas, selection=selection, layers=layers))


def _after(edit: Edit, before: int | None, steps: Sequence[Step], layer_id: int | None) -> int:
    """The mask once the last of its steps has changed it, by its id; `before` itself when it changes nothing."""
    session, step = edit.session, steps[-1]
    region = _region(session, step)
    mask = None if before is None else session.masks[before]
    rle = _changed(session, mask.rle if mask else None, step, region, layer_id)
    for same in (before, step.region):
        if same is not None and session.masks[same].rle == rle:
            return same
    named = mask or (session.masks[step.region] if step.region is not None else Mask(rle))
    score, stable = named.predicted_iou, named.stability_score
    if step.region is not None:
        other = session.masks[step.region]
        score, stable = min(score, other.predicted_iou), min(stable, other.stability_score)
    changed = Mask(rle, score, stable, category=named.category, category_score=named.category_score)
    return edit.add([of_kind(changed, kind_of(session, steps, rle))], made=True)[0]


def _changed(session: Session, before: RLE | None, step: Step, region: RLE, layer_id: int | None) -> RLE:
    """The mask after a step. layer_id: of the wall itself, which is not protected from itself."""
    if step.mode == "union":
        if step.protect:
            region = _unpainted(session, region, layer_id, crumbs=not step.path and step.kind != "tidy")
        result = region if before is None else masks.union([before, region])
    elif before is None:
        raise InvalidInput(NOTHING_CHOSEN, "mode")
    else:
        result = masks.combine([before, region], step.mode)
    if not result.area:
        raise InvalidInput(f"Nothing is left of this wall by {step.mode}.", "mode")
    return result


def check_free(session: Session, x: float, y: float) -> None:
    """InvalidInput when a pixel that the chosen wall lacks is painted as another wall."""
    there, chosen = layer_at(session.layers, x, y), session.selection.mask_id
    shared = chosen is not None and session.mask(chosen).rle.contains(int(x), int(y))
    if there is not None and there.id != session.selection.layer and not shared:
        raise _belongs([there])


def _belongs(others: Sequence[Layer]) -> InvalidInput:
    names = " and ".join(v.name or f"wall {v.id}" for v in others[:2])
    return InvalidInput(f"That is painted already: it belongs to {names}. Choose it to change it.", "protect")


def _unpainted(session: Session, region: RLE, layer_id: int | None, crumbs: bool) -> RLE:
    """The region less other painted walls. crumbs: what they leave may be small pieces, which then go."""
    others = [v for v in session.layers if v.visible and v.id != layer_id and masks.may_overlap(v.mask.rle, region)]
    free = masks.subtract(region, [v.mask.rle for v in others])
    if free.area == region.area:
        return region
    if not free.area:
        raise _belongs(others)
    return masks.without_crumbs(free) if crumbs else free


def _region(session: Session, step: Step) -> RLE:
    """What a step adds or takes."""
    if step.region is not None:
        return session.mask(step.region).rle
    if step.kind == "polygon":
        return masks.polygon(step.path, session.size)
    return masks.stroke(step.path, step.radius, session.size)


def _fold(session: Session, steps: Sequence[Step], layer_id: int | None) -> Mask:
    """The mask that steps make."""
    rle, named = None, None
    for step in steps:
        check()  # a line across a large photo takes seconds
        rle = _changed(session, rle, step, _region(session, step), layer_id)
        named = named or (session.masks[step.region] if step.region is not None else None)
    assert rle is not None
    if named is None:
        return Mask(rle)
    return of_kind(replace(named, rle=rle, point_coords=(), crop_box=None), kind_of(session, steps, rle))


def _merged(edit: Edit, steps: tuple[Step, ...], layer_id: int | None) -> tuple[Step, ...]:
    """The steps of a wall, the oldest as one when there are too many."""
    if len(steps) <= MAX_STEPS:
        return steps
    (mask_id,) = edit.add([_fold(edit.session, steps[:_MERGED], layer_id)], made=True)
    return (Step("mask", region=mask_id), *steps[_MERGED:])


def combine(edit: Edit, mask_ids: Sequence[int], mode: CombineMode) -> int:
    """One mask from several of the session; its id. Raises InvalidInput when nothing is left, MaskNotFound."""
    if mode not in COMBINE_MODES:
        raise InvalidInput(f"mode must be one of {', '.join(COMBINE_MODES)}", "mode")
    if not mask_ids:
        raise InvalidInput("mask_ids must name at least one mask", "mask_ids")
    picked = [edit.session.mask(mask_id) for mask_id in mask_ids]
    if len(set(mask_ids)) == 1 and mode != "subtract":
        return mask_ids[0]
    rle = masks.combine([mask.rle for mask in picked], mode)
    if not rle.area:
        raise InvalidInput(f"Nothing is left of these masks by {mode}.", "mode")
    first = picked[0]
    same = {mask.category for mask in picked} == {first.category} or mode == "subtract"
    score = min(mask.predicted_iou for mask in picked)
    stable = min(mask.stability_score for mask in picked)
    name, sure = (first.category, first.category_score) if same else ("", 0.0)
    return edit.add([Mask(rle, score, stable, category=name, category_score=sure)])[0]


def bring_mask(edit: Edit, rle: RLE, category: str = "") -> int:
    """Keep a mask somebody brings along; its id. Raises InvalidInput when it has not the photo's size or is empty."""
    if rle.size != edit.session.size:
        height, width = edit.session.size
        raise InvalidInput(f"mask is {rle.size[1]}x{rle.size[0]}, the photo {width}x{height}", "mask")
    if not rle.area:
        raise InvalidInput("mask is empty: it must hold at least one pixel", "mask")
    return edit.add([Mask(rle, category=category)])[0]
