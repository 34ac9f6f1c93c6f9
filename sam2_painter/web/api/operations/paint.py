"""Operations about paint and colours, by masks: those of the original service, and palettes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from .... import masks
from ....errors import InvalidInput
from ....paint import OldPaint, colors, palette_files
from ....photos import images, sources
from ....studio.studio import Studio
from ....types import Coat, Session
from .. import schemas
from ..fields import Color, Filename, ImageFormat, Opacity, SessionId
from ..plain import base64_text, point_xy, width_height
from ..schemas import Attachment, ColoredMask

OPACITY = 0.7
"""Of paint whose caller names none, at the endpoints of the original service; everywhere else paint covers."""


def paint_mask(
    studio: Studio,
    session_id: SessionId,
    color: Color,
    mask_id: Annotated[int | None, Field(description="a mask of the session")] = None,
    mask: Annotated[str | None, Field(description="or a new mask as base64 PNG of the photo's size")] = None,
    opacity: Opacity = OPACITY,
    image_format: ImageFormat = "PNG",
) -> schemas.Painted:
    """Paint one mask. Painting a mask that has paint already changes that paint.

    Returns:
        The photo with all paint of the session.
    """
    wanted: ColoredMask = {"color": color, "mask_id": mask_id, "mask": mask, "opacity": opacity}
    return _painted(studio, session_id, [wanted], image_format)


def paint_multiple_masks(
    studio: Studio,
    session_id: SessionId,
    colored_masks: Annotated[
        list[ColoredMask],
        Field(description="each with mask_id or mask (base64 PNG), color, and opacity (0.7 by default)"),
    ],
    image_format: ImageFormat = "PNG",
) -> schemas.PaintedMasks:
    """Paint several masks at once, each in its colour: all of them or, if one is wrong, none.

    Returns:
        The photo with all paint of the session.
    """
    painted = _painted(studio, session_id, colored_masks, image_format)
    return {**painted, "num_masks_painted": len(colored_masks)}


def _painted(
    studio: Studio, session_id: str, wanted: Sequence[ColoredMask], image_format: ImageFormat
) -> schemas.Painted:
    session = studio.session(session_id)
    coats = [coat_of(session, one) for one in wanted]
    if image_format == "none":
        session, data = studio.paint(session_id, coats), b""
    else:
        session, data = studio.paint_shown(session_id, coats, partial(images.encode, format=image_format, quality=95))
    return {"session_id": session_id, "painted_image": base64_text(data), **width_height(session)}


def coat_of(session: Session, wanted: ColoredMask) -> Coat:
    """The paint somebody asks for. InvalidInput unless it names one mask."""
    mask_id, mask, opacity = wanted.get("mask_id"), wanted.get("mask"), wanted.get("opacity")
    if (mask_id is None) == (mask is None):
        raise InvalidInput("give either mask_id or mask", "mask_id")
    rle = None if mask is None else masks.mask_from_png(mask, session.size)
    return Coat(wanted["color"], mask_id, rle, OPACITY if opacity is None else opacity)


# -- colours ---------------------------------------------------------------------------------------------------------


def describe_color(
    studio: Studio,
    session_id: SessionId,
    color: Color | None = None,
    mask_id: Annotated[
        int | None,
        Field(
            description="or a mask of the session: the paint that is on this wall now, with light and shadow taken "
            "out; of several the main one, and all of them in paints"
        ),
    ] = None,
    point: Annotated[list[float] | None, Field(description="or [x, y] in pixels: what the photo shows there")] = None,
) -> schemas.Described:
    """Tell the nearest paint, light reflectance value and harmonies of a colour given, a wall's, or the photo's."""
    session = studio.session(session_id)
    if sum(one is not None for one in (color, mask_id, point)) != 1:
        raise InvalidInput("give one of color, mask_id and point", "color")
    now: tuple[OldPaint, ...] = ()
    if color is not None:
        rgb = studio.color(session, color)
    elif mask_id is not None:
        now = studio.wall_paints(session_id, mask_id)
        rgb = now[0].rgb
    else:
        rgb = studio.color_at(session_id, *point_xy(point or ()))
    told = studio.describe(session, rgb)
    return {
        "session_id": session_id,
        "color": colors.to_hex(rgb),
        "name": told.name,
        "distance": round(told.distance, 2),
        "lrv": round(told.reflectance, 1),
        "harmonies": {kind: [colors.to_hex(one) for one in group] for kind, group in told.harmonies.items()},
        "paints": [
            {
                "color": colors.to_hex(one.rgb),
                "name": studio.describe(session, one.rgb).name,
                "share": round(one.share, 3),
            }
            for one in now
        ],
    }


def get_palette(studio: Studio, session_id: SessionId) -> schemas.Palette:
    """The paints a session has to choose from."""
    return _palette(studio, studio.session(session_id))


def load_palette(
    studio: Studio,
    session_id: SessionId,
    file: Annotated[
        Attachment, Field(description="a palette (CSV, JSON, GIMP .gpl or Adobe .ase, .aco), as a file or base64 text")
    ],
    filename: Filename = "",
) -> schemas.Palette:
    """Choose from the paints of a file from now on: colours may go by their names, and are named after them."""
    data = sources.read_bytes(
        file.content, palette_files.MAX_PALETTE_BYTES, paths=isinstance(file.content, Path), field="palette"
    )
    palette = palette_files.load_palette(data, filename or file.name or "palette")
    return _palette(studio, studio.use_palette(session_id, palette))


def reset_palette(studio: Studio, session_id: SessionId) -> schemas.Palette:
    """Choose from the usual paints again."""
    return _palette(studio, studio.use_palette(session_id, None))


def _palette(studio: Studio, session: Session) -> schemas.Palette:
    palette = studio.palette(session)
    paints: list[schemas.NamedColor] = [
        {"name": paint.name, "color": colors.to_hex(paint.rgb)} for paint in palette.paints
    ]
    return {"session_id": session.id, "name": palette.name, "paints": paints}
