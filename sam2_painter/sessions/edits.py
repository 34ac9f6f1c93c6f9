"""What painting does to a session while it is being edited: no engine, no pixels of a photo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import InvalidInput
from ..types import Coat, Layer, Selection, whole_number
from . import walls
from .editing import Edit
from .names import free_name
from .records import LOOK, check_layers

EDITABLE = ("name", "color", "opacity", "mode", "visible", "light", "shadow")
"""What can be changed of a layer once it is painted; its shape changes by steps (`walls`)."""


def put_paint(edit: Edit, coats: Sequence[Coat], replace_same: bool = True) -> None:
    """Paint masks. One that is painted already is repainted in place if `replace_same`, else painted over. The chosen
    wall, if it is painted here, becomes its layer."""
    if not coats:
        raise InvalidInput("colored_masks must name at least one mask", "colored_masks")
    layers, selection = list(edit.session.layers), edit.session.selection
    for coat in coats:
        mask_id = coat.mask_id if coat.rle is None else walls.bring_mask(edit, coat.rle)
        mask = edit.session.mask(mask_id)  # type: ignore[arg-type]  # says so when it is no number
        look = {name: getattr(coat, name) for name in LOOK}
        same = [place for place, layer in enumerate(layers) if replace_same and layer.mask_id == mask_id]
        if same:
            layers[same[0]] = replace(layers[same[0]], **look)
            painted = layers[same[0]]
        else:
            steps = selection.steps if selection.mask_id == mask_id else ()
            name = coat.name or free_name(mask, layers)
            painted = Layer(mask, **look, name=name, mask_id=mask_id, id=edit.new_layer_id(), steps=steps)  # type: ignore[arg-type]
            layers.append(painted)
            check_layers(len(layers))
        if selection.mask_id == mask_id and selection.layer is None:
            selection = walls.selection_of(painted)
    edit.do("paint", replace(edit.session.canvas, selection=selection, layers=tuple(layers)))


def paint_wall(edit: Edit, coat: Coat, layer_id: int | None = None, revision: int | None = None) -> None:
    """Paint the wall that is chosen, or change the paint it has. InvalidInput when none is chosen."""
    walls.choose(edit, layer_id, revision)
    selection, layers = edit.session.selection, edit.session.layers
    if selection.mask_id is None:
        raise InvalidInput("Click the wall you want first; then choose its paint.", "mask_id")
    chosen = edit.session.chosen
    if chosen is None:
        put_paint(edit, [replace(coat, mask_id=selection.mask_id, rle=None)])
        return
    look: dict[str, Any] = {name: getattr(coat, name) for name in LOOK} | ({"name": coat.name} if coat.name else {})
    _set_layers(edit, tuple(replace(v, **look) if v is chosen else v for v in layers), "paint")


def check_changes(changes: Iterable[str]) -> None:
    """InvalidInput unless these name something of a layer that can be changed."""
    names = list(changes)
    unknown = [name for name in names if name not in EDITABLE]
    if unknown or not names:
        what = f"a layer has no {unknown[0]} to change" if unknown else "say what of the layer to change"
        raise InvalidInput(f"{what}; it has {', '.join(EDITABLE)}", unknown[0] if unknown else "")


def edit_layer(edit: Edit, layer_id: int, revision: int | None, changes: Mapping[str, Any]) -> None:
    """Change what a layer looks like: fields of EDITABLE. Raises InvalidInput for others."""
    layer = walls.find_layer(edit.session, layer_id, revision)
    check_changes(changes)
    changed = replace(layer, **changes)
    layers = tuple(changed if v is layer else v for v in edit.session.layers)
    _set_layers(edit, layers, f"change {', '.join(changes)}")


def remove_layer(edit: Edit, layer_id: int, revision: int | None) -> None:
    """Take a layer off; if it is the chosen wall, nothing is chosen afterwards."""
    layer = walls.find_layer(edit.session, layer_id, revision)
    _set_layers(edit, tuple(v for v in edit.session.layers if v is not layer), "remove layer")


def tie_layers(edit: Edit, layer_ids: Sequence[int], revision: int | None) -> None:
    """These layers lie on one old paint; so do those that were tied to one of them. InvalidInput for fewer than two."""
    named = {walls.find_layer(edit.session, layer_id, revision).id for layer_id in layer_ids}
    if len(named) < 2:
        raise InvalidInput("layer_ids must name at least two layers", "layer_ids")
    layers = edit.session.layers
    ties = {v.tie for v in layers if v.id in named} - {0}
    tie = min(ties, default=1 + max(v.tie for v in layers))
    changed = tuple(replace(v, tie=tie) if v.id in named or v.tie in ties else v for v in layers)
    if changed != layers:
        _set_layers(edit, changed, "same old paint")


def untie_layer(edit: Edit, layer_id: int, revision: int | None) -> None:
    """This layer lies on an old paint of its own. InvalidInput when it is tied to none."""
    layer = walls.find_layer(edit.session, layer_id, revision)
    if not layer.tie:
        raise InvalidInput("This layer is tied to no other.", "layer_id")
    rest = [v for v in edit.session.layers if v.tie == layer.tie and v is not layer]
    alone = [layer, *(rest if len(rest) == 1 else ())]
    layers = tuple(replace(v, tie=0) if v in alone else v for v in edit.session.layers)
    _set_layers(edit, layers, "old paint of its own")


def move_layer(edit: Edit, layer_id: int, to: int, revision: int | None) -> None:
    """Move a layer to another place in the order of painting, 0 first."""
    layer = walls.find_layer(edit.session, layer_id, revision)
    rest = [v for v in edit.session.layers if v is not layer]
    rest.insert(whole_number(to, "to", 0, len(rest)), layer)
    _set_layers(edit, tuple(rest), "move layer")


def _set_layers(edit: Edit, layers: tuple[Layer, ...], action: str) -> None:
    selection = edit.session.selection
    if selection.layer is not None and all(layer.id != selection.layer for layer in layers):
        selection = Selection()
    edit.do(action, replace(edit.session.canvas, selection=selection, layers=layers))
