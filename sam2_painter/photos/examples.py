"""The example photos that come with the package: buildings that `training/rendering` made up."""

from __future__ import annotations

from pathlib import Path

from ..errors import InvalidInput

NAMES = ("brick-house", "town-house", "siding-cottage")


def path(name: str) -> Path:
    """The JPEG of an example. Raises InvalidInput for a name that is none of `NAMES`."""
    if name not in NAMES:
        raise InvalidInput(f"example must be one of {', '.join(NAMES)}", "name")
    return Path(__file__).parents[1] / "assets" / "examples" / f"{name}.jpg"
