"""Schemes: variants of all paints of a photo, switched at once. The walls' shapes are the same in all of them.

There is one scheme, "A", until another is made. What each paints is kept by the layers' ids; that of the scheme which
is shown is the layers' own paint. A wall that is painted later looks alike in all of them until one changes it; one
that is taken off is gone from all. Each change here is one step of the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from string import ascii_uppercase
from types import MappingProxyType

from ..errors import Conflict, InvalidInput, SchemeNotFound
from ..types import Canvas, Coat, Layer, Scheme, Session
from .editing import Edit
from .records import LOOK, coat_of

MAX_SCHEMES = 24


def check(canvas: Canvas) -> None:
    """Raises InvalidInput where the schemes of a canvas that comes from outside make no sense."""
    ids = [one.id for one in canvas.schemes]
    sane = len(set(ids)) == len(ids) <= MAX_SCHEMES and all(type(scheme_id) is int for scheme_id in ids)
    if not sane or (ids and canvas.scheme not in ids):
        raise InvalidInput("they contradict each other", "scheme")
    for one in canvas.schemes:
        _painted(canvas.layers, one.coats)


def schemes_of(session: Session) -> tuple[Scheme, ...]:
    """Every scheme in its order, with all it paints; one there is always."""
    return _all(session.canvas)


def layers_in(session: Session, scheme_id: int) -> tuple[Layer, ...]:
    """The layers as a scheme paints them. Raises SchemeNotFound."""
    return _painted(session.layers, _find(session.canvas, scheme_id).coats)


def add(edit: Edit, name: str = "", like: int | None = None) -> None:
    """Make a scheme, painted like another (the one shown by default), and show it. name: "" for the next letter."""
    canvas = edit.session.canvas
    kept = _all(canvas)
    if len(kept) >= MAX_SCHEMES:
        raise InvalidInput(f"A photo has at most {MAX_SCHEMES} schemes. Remove one first.", "name")
    source = _find(canvas, canvas.scheme if like is None else like)
    made = Scheme(max(one.id for one in kept) + 1, name or _free_name(kept), source.coats)
    edit.do("new scheme", _showing(canvas, (*kept, made), made.id))


def choose(edit: Edit, scheme_id: int, revision: int | None = None) -> None:
    """Show another scheme; nothing changes where it is shown already."""
    canvas = edit.session.canvas
    _find(canvas, scheme_id, edit.session.revision, revision)
    if scheme_id != canvas.scheme:
        edit.do("switch scheme", _showing(canvas, _all(canvas), scheme_id))


def rename(edit: Edit, scheme_id: int, name: str, revision: int | None = None) -> None:
    """Call a scheme something else."""
    canvas = edit.session.canvas
    renamed = replace(_find(canvas, scheme_id, edit.session.revision, revision), name=name)
    kept = tuple(renamed if one.id == scheme_id else one for one in _all(canvas))
    edit.do("rename scheme", _showing(canvas, kept, canvas.scheme))


def remove(edit: Edit, scheme_id: int, revision: int | None = None) -> None:
    """Take a scheme away; if it is the one shown, its neighbour is. Raises InvalidInput for the last one."""
    canvas = edit.session.canvas
    _find(canvas, scheme_id, edit.session.revision, revision)
    kept = _all(canvas)
    rest = tuple(one for one in kept if one.id != scheme_id)
    if not rest:
        raise InvalidInput("A photo has at least one scheme.", "scheme_id")
    place = next(place for place, one in enumerate(kept) if one.id == scheme_id)
    shown = rest[min(place, len(rest) - 1)].id if canvas.scheme == scheme_id else canvas.scheme
    edit.do("remove scheme", _showing(canvas, rest, shown))


def _all(canvas: Canvas) -> tuple[Scheme, ...]:
    shown = MappingProxyType({layer.id: coat_of(layer) for layer in canvas.layers})
    kept = canvas.schemes or (Scheme(canvas.scheme, ascii_uppercase[0]),)
    return tuple(replace(one, coats=shown) if one.id == canvas.scheme else one for one in kept)


def _find(canvas: Canvas, scheme_id: int, now: int = 0, revision: int | None = None) -> Scheme:
    for one in _all(canvas):
        if one.id == scheme_id and not isinstance(scheme_id, bool):
            return one
    if revision is not None and revision != now:
        raise Conflict("This scheme was removed meanwhile. Look again, and choose another.")
    known = ", ".join(f"{one.id} ({one.name})" for one in _all(canvas))
    raise SchemeNotFound(f"No scheme {str(scheme_id)[:20]} here; there is {known}.")


def _showing(canvas: Canvas, kept: tuple[Scheme, ...], scheme_id: int) -> Canvas:
    """The canvas with these schemes, all with what they paint, and one of them shown."""
    shown = next(one for one in kept if one.id == scheme_id)
    there = {layer.id for layer in canvas.layers}
    others = {one.id: {k: v for k, v in one.coats.items() if k in there} for one in kept if one is not shown}
    schemes = tuple(replace(one, coats=MappingProxyType(others.get(one.id, {}))) for one in kept)
    return replace(canvas, layers=_painted(canvas.layers, shown.coats), schemes=schemes, scheme=scheme_id)


def _painted(layers: tuple[Layer, ...], coats: Mapping[int, Coat]) -> tuple[Layer, ...]:
    return tuple(
        replace(layer, **{name: getattr(coats[layer.id], name) for name in LOOK}) if layer.id in coats else layer
        for layer in layers
    )


def _free_name(kept: tuple[Scheme, ...]) -> str:
    """A, B, ... Z, AA, AB, ..."""
    taken = {one.name for one in kept}
    names = ("".join(letters) for length in (1, 2) for letters in product(ascii_uppercase, repeat=length))
    return next(name for name in names if name not in taken)
