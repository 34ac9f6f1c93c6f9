"""What people give to the verbs of `Painter`, read and refused in sentences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import wraps
from inspect import Parameter, signature
from numbers import Integral
from os import PathLike
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..errors import InvalidInput
from ..paint.colors import RGB
from ..photos.sources import at_home, read_file
from ..sessions import recipe as recipes
from ..sessions.recipe import Recipe
from ..types import AutoMask, Paint
from .display import PhotoMask

P = ParamSpec("P")
R = TypeVar("R")
Which = int | PhotoMask | Iterable["int | PhotoMask"]
"""Masks by number, as found in `Painter.masks`, or several of either."""


def numbers_one_by_one(method: Callable[P, R]) -> Callable[P, R]:
    """Tell a person who gives coordinates as a pair how they are given."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if len(args) > 1 and isinstance(args[1], (tuple, list, np.ndarray)):
            name, count = method.__name__, 4 if method.__name__ == "box" else 2
            example = ", ".join(("500", "300", "800", "600")[:count])
            raise InvalidInput(f"{name} takes its numbers one by one: {name}({example}), without brackets.", "x")
        return method(*args, **kwargs)

    return call


def with_knobs(method: Callable[P, R]) -> Callable[P, R]:
    """Show the fields of `AutoMask` in help and completion, instead of **knobs."""
    shown = signature(method)
    own = [one for one in shown.parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
    knobs = [
        Parameter(knob.name, Parameter.KEYWORD_ONLY, default=knob.default, annotation=knob.type)
        for knob in fields(AutoMask)
    ]
    method.__signature__ = shown.replace(parameters=[*own, *knobs])  # type: ignore[attr-defined]
    return method


def rgb_of(color: Paint | RGB) -> RGB:
    """(red, green, blue) of a paint, or of three numbers. Raises InvalidInput for what is neither."""
    try:
        red, green, blue = color.rgb if isinstance(color, Paint) else color
    except (TypeError, ValueError):
        allowed = '"#b5c7a3", a paint\'s name, or (red, green, blue) of 0-255'
        raise InvalidInput(f"color must be {allowed}, got {color!r:.40}", "color") from None
    return red, green, blue


def mask_ids_of(masks: Iterable[Which]) -> list[int]:
    """The numbers of masks. Raises InvalidInput for what names none."""
    ids: list[int] = []
    for mask in masks:
        if isinstance(mask, PhotoMask):
            ids.append(mask.id)
        elif isinstance(mask, Iterable) and not isinstance(mask, (str, bytes, Mapping)):
            ids.extend(mask_ids_of(mask))
        elif isinstance(mask, Integral) and not isinstance(mask, bool):
            ids.append(int(mask))
        else:
            raise InvalidInput(f"Masks go by number, or as found in `masks`; {mask!r:.40} is neither.", "mask_ids")
    return ids


def recipe_of(recipe: Recipe | str | PathLike[str] | Mapping[str, Any]) -> Recipe:
    """A recipe as it is, from its file, or from its JSON. Raises InvalidInput."""
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, (str, PathLike)):
        return recipes.from_text(read_file(at_home(recipe, "recipe"), max_bytes=recipes.MAX_BYTES, field="recipe"))
    return recipes.from_json(recipe)


def progress_bars() -> Any:
    """tqdm's bar for where this runs, without its advice to install widgets."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        from tqdm.auto import tqdm
    return tqdm
