"""Operations about sheets for the painter: what was chosen, to read and print, behind a link with no right to write."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ....sessions.sheets import Sheet
from ....studio.sheets import Units
from ....studio.studio import Studio
from ...middleware.paths import SHEET
from .. import schemas, session_schemas
from ..fields import SessionId
from .files import made_download

Width = Annotated[
    float,
    Field(description="metres across the photo at the house: each wall then has its area and litres, as ranges"),
]

InUnits = Annotated[Units, Field(description="what areas are told in: m² and litres, or square feet and US gallons")]


def make_sheet(
    studio: Studio,
    session_id: SessionId,
    days: Annotated[int, Field(description="how long its link lives, 1 to 365")] = 30,
    width: Width | None = None,
    units: InUnits = "m",
) -> session_schemas.MadeSheet:
    """Make a sheet for the painter: before and after, and each wall's paint, of the scheme that is shown.

    It shows the work as it is now, and outlives the session; delete_session takes it back.

    Returns:
        Its link, below the server's address. Whoever has it may read the sheet, without signing in, and nothing else.
    """
    return {
        "session_id": session_id,
        **sheet_values(studio.make_sheet(session_id, days=days, width=width, units=units)),
    }


def list_sheets(studio: Studio, session_id: SessionId) -> session_schemas.SheetList:
    """The sheets of a session that have not expired, oldest first."""
    return {"session_id": session_id, "sheets": [sheet_values(sheet) for sheet in studio.sheets(session_id)]}


def revoke_sheet(
    studio: Studio, session_id: SessionId, token: Annotated[str, Field(description="from make_sheet or list_sheets")]
) -> session_schemas.SheetList:
    """Take a sheet back: its link is dead at once."""
    studio.revoke_sheet(session_id, token)
    return list_sheets(studio, session_id)


def download_sheet(
    studio: Studio, session_id: SessionId, width: Width | None = None, units: InUnits = "m"
) -> schemas.MadeDownload:
    """Make a sheet as one HTML file with its pictures in it, to send or print without a server.

    Returns:
        Where the file waits.
    """
    return made_download(studio.download_sheet(session_id, width=width, units=units))


def sheet_values(sheet: Sheet) -> session_schemas.Sheet:
    """A sheet as replies tell it."""
    return {
        "token": sheet.token,
        "link": f"{SHEET}/{sheet.token}",
        "scheme": sheet.facts["scheme"],
        "colors": [wall["color"] for wall in sheet.facts["walls"]],
        "made_at": sheet.made_at,
        "expires_at": sheet.expires_at,
    }
