"""What tells a session whole: its recipe, its state as `Painter(url=...)` reads it, a picture of it."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from .schemas import Work


class RecipeOf(TypedDict):
    """How the walls of a session were found and painted (`sam2_painter.sessions.recipe` describes it)."""

    session_id: str
    recipe: dict[str, Any]


class Applied(Work):
    """What a session holds once a recipe is applied; left_out: a sentence for each thing that could not be done."""

    left_out: list[str]


class SchemePaint(TypedDict):
    """How a scheme paints one layer."""

    layer_id: int
    name: str
    color: str
    visible: bool


class Scheme(TypedDict):
    """A variant of all paints of a photo. shown: the layers have its paint now."""

    scheme_id: int
    name: str
    shown: bool
    paints: list[SchemePaint]


class Schemes(Work):
    """What a session holds now, and every scheme in its order."""

    schemes: list[Scheme]


class Sheet(TypedDict):
    """A sheet for the painter. link: below the server's address, with a secret in it: who has it may read the sheet.
    scheme: its name, "" where there is one only; colors: of its walls, #rrggbb; made_at, expires_at: in Unix
    seconds."""

    token: str
    link: str
    scheme: str
    colors: list[str]
    made_at: float
    expires_at: float


class MadeSheet(Sheet):
    """A sheet that was just made."""

    session_id: str


class SheetList(TypedDict):
    """The sheets of a session, oldest first."""

    session_id: str
    sheets: list[Sheet]


class SessionState(TypedDict):
    """Everything a session holds. masks: from number first_mask on, their runs in counts: base64 of deflated
    little-endian uint32. canvas: selection and layers, as in a project file."""

    session_id: str
    name: str
    digest: str
    width: int
    height: int
    masks: list[dict[str, Any]]
    first_mask: int
    automatic: list[int]
    canvas: dict[str, Any]
    palette: dict[str, Any]
    created_at: float
    revision: int
    can_undo: str
    can_redo: str


class Picture(TypedDict):
    """A picture as base64, and its size in pixels."""

    session_id: str
    image: str
    width: int
    height: int
