"""Operations about schemes: variants of all paints of a photo, switched, compared and downloaded."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ....paint import colors
from ....photos import images
from ....sessions.schemes import layers_in
from ....studio.studio import Studio
from ....types import Session
from .. import schemas, session_schemas
from ..fields import FileFormat, ImageFormat, Quality, Revision, SessionId
from ..plain import base64_text
from .files import made_download
from .work import work_of

SchemeId = Annotated[int, Field(description="from list_schemes")]


def list_schemes(studio: Studio, session_id: SessionId) -> session_schemas.Schemes:
    """Every scheme: a named variant of all paints of the photo. There is one, "A", until another is added."""
    return _schemes(studio, studio.session(session_id))


def add_scheme(
    studio: Studio,
    session_id: SessionId,
    name: Annotated[str, Field(description="at most 80 characters; the next letter by default")] = "",
    like: Annotated[
        int | None, Field(description="the scheme it is painted like, from list_schemes; the one shown by default")
    ] = None,
) -> session_schemas.Schemes:
    """Add a scheme, painted like another, and show it: paint what is to differ. Shapes are the same in all schemes."""
    return _schemes(studio, studio.add_scheme(session_id, name, like=like))


def choose_scheme(
    studio: Studio, session_id: SessionId, scheme_id: SchemeId, revision: Revision | None = None
) -> session_schemas.Schemes:
    """Show another scheme: every layer gets the paint it has there. Undo shows the one before."""
    return _schemes(studio, studio.choose_scheme(session_id, scheme_id, revision=revision))


def rename_scheme(
    studio: Studio,
    session_id: SessionId,
    scheme_id: SchemeId,
    name: Annotated[str, Field(description="1 to 80 characters")],
    revision: Revision | None = None,
) -> session_schemas.Schemes:
    """Call a scheme something else."""
    return _schemes(studio, studio.rename_scheme(session_id, scheme_id, name, revision=revision))


def remove_scheme(
    studio: Studio, session_id: SessionId, scheme_id: SchemeId, revision: Revision | None = None
) -> session_schemas.Schemes:
    """Take a scheme away; if it is the one shown, its neighbour is shown. The last one stays."""
    return _schemes(studio, studio.remove_scheme(session_id, scheme_id, revision=revision))


def compare_schemes(
    studio: Studio,
    session_id: SessionId,
    max_side: Annotated[int, Field(description="pixels on the long side of it all, 64 to 8192")] = 2400,
    image_format: ImageFormat = "JPG",
) -> session_schemas.Picture:
    """The photo and every scheme side by side, each with its name.

    Returns:
        One picture as base64.
    """
    pixels = studio.compare_schemes(session_id, max_side)
    data = b"" if image_format == "none" else images.encode(pixels, image_format, 90)
    return {
        "session_id": session_id,
        "image": base64_text(data),
        "width": pixels.shape[1],
        "height": pixels.shape[0],
    }


def download_schemes(
    studio: Studio, session_id: SessionId, format: FileFormat = "JPG", quality: Quality = 95
) -> schemas.MadeDownload:
    """Make a zip file of every scheme's picture at full size.

    Returns:
        Where the file waits.
    """
    return made_download(studio.download_schemes(session_id, format=format, quality=quality))


def _schemes(studio: Studio, session: Session) -> session_schemas.Schemes:
    return {
        **work_of(studio, session),
        "schemes": [
            {
                "scheme_id": scheme.id,
                "name": scheme.name,
                "shown": scheme.id == session.canvas.scheme,
                "paints": [
                    {
                        "layer_id": layer.id,
                        "name": layer.name,
                        "color": colors.to_hex(layer.color),
                        "visible": layer.visible,
                    }
                    for layer in layers_in(session, scheme.id)
                ],
            }
            for scheme in studio.schemes(session)
        ],
    }
