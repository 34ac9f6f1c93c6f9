"""Operations about files: pictures, masks and projects that wait for download."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field

from ....errors import InvalidInput
from ....sessions.downloads import Download
from ....studio.studio import Studio
from ....types import Layer, Mask
from .. import schemas
from ..fields import FileFormat, Quality, SessionId
from ..plain import counted
from ..schemas import ColoredMask
from .paint import OPACITY, coat_of


def download_image(
    studio: Studio, session_id: SessionId, format: FileFormat = "PNG", quality: Quality = 95
) -> schemas.MadeDownload:
    """Make a file of the photo as it was opened, at full size.

    Returns:
        Where the file waits.
    """
    return made_download(studio.download(session_id, painted=False, format=format, quality=quality))


def download_painted_image(
    studio: Studio,
    session_id: SessionId,
    mask_id: Annotated[int | None, Field(description="only this mask of the session, in color")] = None,
    mask: Annotated[str | None, Field(description="or only this mask, a base64 PNG of the photo's size")] = None,
    color: Annotated[str, Field(description="for mask_id or mask")] = "#FF0000",
    opacity: Annotated[float, Field(description="for mask_id or mask, 0 to 1")] = OPACITY,
    format: FileFormat = "PNG",
    quality: Quality = 95,
) -> schemas.MadeDownload:
    """Make a file of the painted photo at full size: all paint of the session, or only the mask named here.

    Returns:
        Where the file waits.
    """
    layers = None
    if mask_id is not None or mask is not None:
        session = studio.session(session_id)
        wanted: ColoredMask = {"color": color, "mask_id": mask_id, "mask": mask, "opacity": opacity}
        coat = coat_of(session, wanted)
        chosen = session.mask(mask_id) if coat.rle is None else Mask(coat.rle)  # type: ignore[arg-type]
        layers = [Layer(chosen, studio.color(session, color), coat.opacity)]
    return made_download(studio.download(session_id, layers=layers, format=format, quality=quality))


def picture(
    studio: Studio,
    session_id: SessionId,
    format: FileFormat = "PNG",
    quality: Quality = 95,
    painted: Annotated[bool, Field(description="false for the photo without paint")] = True,
) -> Download:
    """The painted picture itself at full size, or the photo as it was opened: for `<img src>` and `curl -o`."""
    return studio.download(session_id, painted=painted, format=format, quality=quality)


def download_pictures(
    studio: Studio,
    session_ids: Annotated[list[str], Field(description="1 to 50, from upload")],
    format: FileFormat = "JPG",
    quality: Quality = 95,
) -> schemas.MadeDownload:
    """Make a zip file of the painted pictures of several sessions at full size. It belongs to the first of them.

    Returns:
        Where the file waits.
    """
    return made_download(studio.download_pictures(session_ids, format=format, quality=quality))


def download_masks(
    studio: Studio,
    session_id: SessionId,
    format: Annotated[
        Literal["coco", "png", "ora"],
        Field(
            description='"coco" (COCO JSON with compressed RLE), "png" (a zip of black and white PNGs) or '
            '"ora" (OpenRaster, for GIMP and Krita: the photo and each painted wall as a layer)'
        ),
    ] = "coco",
    which: Annotated[
        Literal["chosen", "all"],
        Field(
            description='"chosen" (the painted ones and the selected one; without any, all that were found) or "all"'
        ),
    ] = "chosen",
) -> schemas.MadeDownload:
    """Make a file of the masks of the session.

    Returns:
        Where the file waits.
    """
    if which not in ("chosen", "all"):
        raise InvalidInput("which must be chosen or all", "which")
    return made_download(studio.export(session_id, format, every=which == "all"))


def save_project(studio: Studio, session_id: SessionId) -> schemas.MadeDownload:
    """Make a file of everything: photo, masks and paint. open_project brings it back.

    Returns:
        Where the file waits.
    """
    return made_download(studio.export(session_id, "project"))


def download_file(studio: Studio, filename: Annotated[str, Field(description="as that endpoint named it")]) -> Download:
    """A file that was made by a download endpoint."""
    return studio.sessions.download(filename)


def list_downloads(
    studio: Studio,
    session_id: Annotated[
        str | None, Field(description="from upload; without it the list is empty: nobody sees the files of others")
    ] = None,
) -> schemas.Downloads:
    """The files of a session that wait to be fetched."""
    made = [] if session_id is None else studio.sessions.downloads(session_id)
    listed: list[schemas.DownloadEntry] = [
        {"filename": one.filename, "size_bytes": one.size_bytes, "download_url": download_url(one)} for one in made
    ]
    message = "Name the session_id whose files to list." if session_id is None else f"{counted(len(listed), 'file')}."
    return {"downloads": listed, "total_files": len(listed), "message": message}


def download_url(made: Download) -> str:
    """Where a file waits, relative to `/api`."""
    return f"/download-file/{quote(made.filename, safe='')}"


def made_download(made: Download) -> schemas.MadeDownload:
    """Where a file waits."""
    return {
        "session_id": made.session_id,
        "image_url": download_url(made),
        "filename": made.filename,
        "format": made.path.suffix[1:].upper(),
        "size_bytes": made.size_bytes,
        "message": "Ready for download.",
    }
