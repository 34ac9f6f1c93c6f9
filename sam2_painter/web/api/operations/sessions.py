"""Operations about photos and their sessions: open, look up, delete."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ....photos import images, sources
from ....sessions import project
from ....studio.studio import Studio
from ....types import Mask, Session
from .. import schemas
from ..fields import Filename, MaskFormat, SessionId
from ..plain import base64_text, boxes_of, counted, layer_values, mask_text, width_height
from ..schemas import Attachment

EXACT_PIXELS = 4_000_000
"""A photo up to this size comes back as PNG; a larger one, that would take seconds and tens of megabytes, as JPEG where
JPEG can hold it."""


def upload(
    studio: Studio,
    file: Annotated[
        Attachment,
        Field(description="the photo (JPEG, PNG, WebP, HEIC, AVIF, TIFF or BMP), as a file, base64 text or a data URL"),
    ],
    filename: Filename = "",
    image: Annotated[bool, Field(description="false leaves image_data empty")] = True,
) -> schemas.Uploaded:
    """Open a photo and start a session on it. Everything else names this session by its session_id.

    Returns:
        The session_id, and the photo upright at full size: base64 PNG up to 4 megapixels, JPEG above.
    """
    session = studio.open(file.content, filename or file.name)
    return _uploaded(studio, session, " ".join(("Photo opened.", *session.notes)), image)


def open_project(
    studio: Studio, file: Annotated[Attachment, Field(description="the project, as a file or base64 text")]
) -> schemas.Uploaded:
    """Start a session from a file that save_project made.

    Returns:
        The new session_id and the photo, as upload does; session_info tells how many masks it holds.
    """
    data = sources.read_bytes(file.content, project.MAX_BYTES, paths=isinstance(file.content, Path))
    return _uploaded(studio, studio.open_project(data), "Project opened.")


def session_info(studio: Studio, session_id: SessionId, mask_format: MaskFormat = "none") -> schemas.SessionInfo:
    """What a session holds: its masks by their ids, and its layers of paint, the one painted first first."""
    session = studio.session(session_id)
    return {
        "session_id": session.id,
        "filename": session.name,
        **width_height(session),
        "created_at": datetime.fromtimestamp(session.created_at, UTC).isoformat(timespec="seconds"),
        "stored_masks": {str(mask_id): _stored(mask, mask_format) for mask_id, mask in session.masks.items()},
        "masks_count": len(session.masks),
        "layers": [layer_values(layer) for layer in session.layers],
        "message": f"{counted(len(session.layers), 'layer')} of paint.",
    }


def _stored(mask: Mask, mask_format: MaskFormat) -> schemas.StoredMask:
    return {
        "mask": mask_text(mask.rle, mask_format),
        "score": mask.predicted_iou,
        **boxes_of(mask.rle),
        "area": mask.area,
    }


def delete_session(studio: Studio, session_id: SessionId) -> schemas.Message:
    """Delete a session with its photo, masks, paint and downloads. Nothing of it stays on disk."""
    studio.close(session_id)
    return {"message": "Session deleted."}


def keep_alive(studio: Studio, session_id: SessionId) -> schemas.Alive:
    """Keep a session that is still wanted: without use it is deleted after a while.

    Returns:
        The seconds until it is deleted unless it is used again.
    """
    return {"session_id": session_id, "seconds_left": studio.keep_alive(session_id)}


def get_embedding(studio: Studio, session_id: SessionId) -> schemas.Embedded:
    """Let the engine read the photo now, so that the first segmentation is quick.

    Returns:
        What the engine keeps; cached is true only if it was there already.
    """
    embedding, cached = studio.embed(session_id)
    return {
        "session_id": session_id,
        "embedding": {
            "digest": embedding.digest,
            "engine": embedding.engine,
            "shapes": _shapes(embedding.features),
            "bytes": embedding.nbytes,
        },
        "cached": cached,
        "message": "Embedding was there." if cached else "Embedding computed.",
    }


def _uploaded(studio: Studio, session: Session, message: str, image: bool = True) -> schemas.Uploaded:
    studio.read_ahead(session.id)
    if not image:
        return {"session_id": session.id, "image_data": "", **width_height(session), "message": message}
    pixels = studio.photo_of(session).pixels
    exact = session.size[0] * session.size[1] <= EXACT_PIXELS or max(session.size) > images.MAX_SIDE["JPEG"]
    data = images.encode(pixels, "PNG" if exact else "JPEG", 90)
    return {"session_id": session.id, "image_data": base64_text(data), **width_height(session), "message": message}


def _shapes(features: object) -> list[list[int]]:
    """Shapes of the arrays an engine keeps, however it nests them."""
    if isinstance(shape := getattr(features, "shape", None), tuple):  # an array's, or a torch tensor's
        return [list(shape)]
    if is_dataclass(features):
        features = [getattr(features, field.name) for field in fields(features)]
    parts = features.values() if isinstance(features, dict) else features if isinstance(features, (list, tuple)) else ()
    return [shape for part in parts for shape in _shapes(part)]
