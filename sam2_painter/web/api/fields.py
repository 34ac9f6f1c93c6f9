"""Types of the fields that several requests share, each with what clients and models read about it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...studio.studio import SelectMode
from ...types import PaintMode

SessionId = Annotated[str, Field(description="from upload")]
LayerId = Annotated[int, Field(description="from list_layers")]
OtherLayer = Annotated[int, Field(description="a painted wall to change instead of the chosen one, from list_layers")]
Revision = Annotated[
    int,
    Field(
        description="of the reply the caller goes by; the answer is 409 if what is meant is gone since, "
        "or may be another painted wall by now"
    ),
]
XY = Annotated[list[float], Field(description="[x, y] in pixels of the photo")]
WallMode = Annotated[
    SelectMode,
    Field(
        description='"union" adds to the chosen wall, "subtract" takes away from it, "intersect" keeps what both have, '
        '"new" begins a wall, "replace" makes the shape of the chosen one anew'
    ),
]
Protect = Annotated[bool, Field(description="leave pixels of other painted walls alone")]
MaskFormat = Annotated[
    Literal["png", "rle", "none"],
    Field(
        description='how masks come back: "png" (base64, one bit a pixel), "rle" (COCO\'s compressed runs of '
        '[height, width]) or "none" (empty text)'
    ),
]

Color = Annotated[
    str,
    Field(description="#rgb, #rrggbb, rgb(r, g, b), hsl(), oklch(), a CSS name or the name of a paint of the palette"),
]
Opacity = Annotated[float, Field(description="0 (nothing) to 1 (no trace of the old colour)")]
CoatMode = Annotated[
    PaintMode,
    Field(description='"realistic" (keeps light, shadow and texture), "flat" or "multiply" (only darkens)'),
]
Light = Annotated[float, Field(description="exposure of the paint, 0.25 to 4, 1 as found")]
Shadow = Annotated[float, Field(description="below 1 softer shadows, above 1 deeper, 0 to 2")]
ImageFormat = Annotated[
    Literal["PNG", "JPG", "none"],
    Field(description='"PNG" (exact), "JPG" (smaller) or "none" (empty text) for the picture that comes back'),
]
FileFormat = Annotated[str, Field(description='"PNG", "JPG" or "WEBP"')]
Quality = Annotated[int, Field(description="1 to 100, for JPG and WEBP")]
Filename = Annotated[str, Field(description="what to call it, when it does not come as a file")]

PointsPerSide = Annotated[int, Field(description="how fine the grid of questions is, 1 to 128")]
IoUThresh = Annotated[float, Field(description="least quality a mask must have by the engine's own guess, 0 to 1")]
StabilityThresh = Annotated[float, Field(description="how little a mask may depend on its threshold, 0 to 1")]
ImageHash = Annotated[str, Field(description="taken, not needed: the session knows its photo")]
