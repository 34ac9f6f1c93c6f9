"""Operations that tell a session whole: what `Painter(url=...)` needs to know, and pictures to look at."""

from __future__ import annotations

import base64
from typing import Annotated

from pydantic import Field

from ....photos import images
from ....sessions import records
from ....studio.studio import Studio
from .. import session_schemas
from ..fields import ImageFormat, SessionId
from ..plain import base64_text, width_height


def session_state(
    studio: Studio,
    session_id: SessionId,
    first_mask: Annotated[int, Field(description="leave out masks below this number, which never change")] = 0,
) -> session_schemas.SessionState:
    """Everything a session holds, in the form of a project file: masks with their runs, selection, layers, palette."""
    session = studio.session(session_id)
    return {
        "session_id": session.id,
        "name": session.name,
        "digest": session.digest,
        **width_height(session),
        "masks": [
            {**records.mask_to_record(mask), "counts": base64.b64encode(records.counts_to_bytes(mask.rle)).decode()}
            for mask_id, mask in session.masks.items()
            if mask_id >= first_mask
        ],
        "first_mask": min(max(0, first_mask), len(session.masks)),
        "automatic": list(session.automatic),
        "canvas": records.canvas_to_record(session.canvas),
        "palette": records.palette_to_record(studio.palette(session)),
        "created_at": session.created_at,
        "revision": session.revision,
        "can_undo": session.can_undo,
        "can_redo": session.can_redo,
    }


def get_picture(
    studio: Studio,
    session_id: SessionId,
    max_side: Annotated[
        int | None, Field(description="at most so many pixels on its long side; full size by default")
    ] = None,
    image_format: ImageFormat = "PNG",
    painted: Annotated[bool, Field(description="false for the photo without paint")] = True,
) -> session_schemas.Picture:
    """The painted picture, or the photo as it was opened, at any size as base64 in JSON; `picture` is the file.

    Returns:
        The picture as base64.
    """
    pixels = studio.picture(session_id, layers=None if painted else (), max_side=max_side)
    data = b"" if image_format == "none" else images.encode(pixels, image_format, 95)
    height, width = pixels.shape[:2]
    return {"session_id": session_id, "image": base64_text(data), "width": width, "height": height}
