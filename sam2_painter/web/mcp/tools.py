"""The tools: each asks the studio once or twice, and tells how the work stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from ...errors import InvalidInput
from ...paint import colors, palettes
from ...studio.studio import SelectMode, Studio
from ...types import Coat, Session
from ..api.endpoints import Limit
from ..api.operations.files import download_url
from . import state
from .sources import PhotoSources
from .state import State

INSTRUCTIONS = """SAM2 Painter repaints walls in photos of buildings. Their light, shadow and texture stay.

1. open_photo, then look: every place is a pixel of the picture that look shows.
2. find("wall") selects all walls; select(x, y) selects the wall at a point. look(show="selection") tints in pink what
   is selected. Make it right: resize("larger") or resize("smaller") takes another answer; select with mode "add" or
   "subtract" mends it, by a point or a box; tidy makes a ragged outline follow the photo.
3. paint(color) paints what is selected; the wall stays chosen, so select with "subtract" still takes a leak off it.
   Paint the sunlit and the shaded side of one wall together.
4. Clear it with select(mode="new") elsewhere for the next wall; undo takes back the last step.
5. download makes the picture at full size.
"""
MOST_PAINTS = 10
Mode = Literal["new", "add", "subtract"]
SelectionMode = Annotated[Mode, Field(description='"new", or "add" to what is selected, or "subtract" from it')]
SessionId = Annotated[str, Field(description="from open_photo")]
LayerId = Annotated[int | None, Field(description="of a painted wall, from the answers")]
X = Annotated[float, Field(description="pixels from the left of the picture that look shows")]
Y = Annotated[float, Field(description="pixels from its top")]
_MODES: dict[Mode, SelectMode] = {"new": "new", "add": "union", "subtract": "subtract"}


class Named(TypedDict):
    """A paint. share: of what is selected, 0 to 1, of the paints that are on it now."""

    name: str
    color: str
    share: NotRequired[float]


class Link(TypedDict):
    """A file that waits to be fetched."""

    url: str
    filename: str
    size_bytes: int
    message: str


class Paints(TypedDict):
    """Paints that fit, the nearest first, or those on a wall, the main one first."""

    paints: list[Named]
    message: str


class Tools:
    """What a model can do. Every method is one tool and works in the thread it is called in."""

    def __init__(self, studio: Studio, sources: PhotoSources):
        self.studio, self.sources = studio, sources

    def open_photo(
        self,
        photo: Annotated[
            str,
            Field(
                description="base64 or a data URL, example:brick-house, and, where the server allows it, a path or an "
                "http(s) address"
            ),
        ],
        name: Annotated[str, Field(description="what to call it")] = "",
    ) -> State:
        """Open a photo (base64, data URL, example:brick-house, path or address) and start a session on it."""
        source, filename = self.sources.read(photo)
        session = self.studio.open(source, name or filename)
        self.studio.read_ahead(session.id)
        kinds = ", ".join(self.studio.categories)
        found = f" find knows {kinds}." if kinds else ""
        return self._state(session, " ".join(("Photo opened.", *session.notes)) + found)

    def find(
        self,
        session_id: SessionId,
        kind: Annotated[str, Field(description="of the kinds open_photo told")] = "wall",
        mode: SelectionMode = "new",
        x: Annotated[float | None, Field(description="with y: only of the building at this point")] = None,
        y: Annotated[float | None, Field(description="with x")] = None,
        layer_id: LayerId = None,
    ) -> State:
        """Select everything of one kind in the photo, such as every wall, or every wall of the building at (x, y). mode
        "add" and "subtract" change what is selected, or the painted wall layer_id."""
        if (x is None) != (y is None):
            raise InvalidInput("a point needs both x and y", "x")
        point = None
        if x is not None and y is not None:
            point = state.in_photo(self.studio.session(session_id), x, y)
        before = self.studio.session(session_id)
        session = self.studio.find(session_id, kind, _mode(mode), point=point, layer_id=layer_id, protect=True)
        if mode != "new" and state.shape(session, layer_id) == state.shape(before, layer_id):
            there = f"every {kind} that was found is selected already" if mode == "add" else f"no {kind} is selected"
            return self._state(session, f"Nothing changed: {there}.")
        done = {"add": "added", "subtract": "taken away"}.get(mode, "selected")
        return self._state(session, f"Every {kind} that was found is {done}.")

    def select(
        self,
        session_id: SessionId,
        x: X,
        y: Y,
        x2: Annotated[float | None, Field(description="of the box's other corner")] = None,
        y2: Annotated[float | None, Field(description="of the box's other corner")] = None,
        mode: SelectionMode = "new",
        layer_id: LayerId = None,
    ) -> State:
        """Select what lies at a point, or in a box from (x, y) to (x2, y2). mode "new" chooses the painted wall there
        or begins a new selection, "add" and "subtract" change what is selected, or the painted wall layer_id."""
        session = before = self.studio.session(session_id)
        scale, how = state.scale(session), _mode(mode)
        if (x2 is None) != (y2 is None):
            raise InvalidInput("a box needs both x2 and y2", "x2")
        if x2 is not None and y2 is not None:
            corners = (*state.in_photo(session, x, y), *state.in_photo(session, x2, y2))
            session = self.studio.box(session_id, *corners, mode=how, layer_id=layer_id, scale=scale)
        elif how == "new":
            session = self.studio.choose_at(session_id, *state.in_photo(session, x, y), scale=scale)
        else:
            place = state.in_photo(session, x, y)
            session = self.studio.point(session_id, *place, how, layer_id=layer_id, scale=scale)
        if mode != "new" and state.shape(session, layer_id) == state.shape(before, layer_id):
            there = "all selected already" if mode == "add" else "not selected"
            return self._state(session, f"Nothing changed: what lies there is {there}.")
        return self._state(session, "Selected. Look at it before painting.")

    def resize(
        self,
        session_id: SessionId,
        to: Annotated[Literal["smaller", "larger"], Field(description="than the answer taken now")],
    ) -> State:
        """Take the next smaller or larger of the engine's answers to the last step."""
        answers = self.studio.answers(self.studio.session(session_id))
        place = next((place for place, answer in enumerate(answers) if answer.chosen), None)
        if place is None:
            raise InvalidInput("The last step has no other answers. Select by a point or a box first.", "to")
        wanted = place + (1 if to == "larger" else -1)
        if not 0 <= wanted < len(answers):
            raise InvalidInput(f"There is no {to} answer.", "to")
        return self._state(self.studio.choose(session_id, answers[wanted].choice), f"A {to} answer is taken.")

    def tidy(self, session_id: SessionId) -> State:
        """Move the outline of what is selected onto the edges of the photo, some pixels at most, without specks and
        pinholes; a painted wall's paint follows."""
        before = self.studio.session(session_id)
        session = self.studio.tidy(session_id)
        same = state.shape(session) == state.shape(before)
        return self._state(session, "Nothing changed: the outline is tidy." if same else "The outline is tidied.")

    def paint(
        self,
        session_id: SessionId,
        color: Annotated[str, Field(description="#rrggbb, a CSS colour or a paint's name")],
        layer_id: LayerId = None,
        opacity: Annotated[float, Field(description="0 to 1")] = 1.0,
        light: Annotated[float, Field(description="exposure of the paint, 0.25 to 4")] = 1.0,
        shadow: Annotated[float, Field(description="depth of the shadows, 0 to 2")] = 1.0,
        name: Annotated[str, Field(description="of the wall")] = "",
    ) -> State:
        """Paint what is selected, or repaint the wall layer_id, in a colour such as #b5c7a3 or a paint's name."""
        session = self.studio.session(session_id)
        coat = Coat(color=self.studio.color(session, color), opacity=opacity, light=light, shadow=shadow, name=name)
        return self._state(self.studio.paint_wall(session_id, coat, layer_id=layer_id), "Painted.")

    def layers(
        self,
        session_id: SessionId,
        layer_id: LayerId = None,
        do: Annotated[
            Literal["list", "choose", "show", "hide", "remove", "rename"], Field(description="with that wall")
        ] = "list",
        name: Annotated[str, Field(description="its new one, to rename it")] = "",
    ) -> State:
        """List the painted walls, or do something to one: choose it for mending, show, hide, remove or rename it."""
        if do == "list":
            return self._state(self.studio.session(session_id), "")
        if layer_id is None:
            raise InvalidInput(f"{do} needs the layer_id of a painted wall", "layer_id")
        match do:
            case "choose":
                session = self.studio.choose_wall(session_id, layer_id)
            case "remove":
                session = self.studio.remove_layer(session_id, layer_id)
            case "rename":
                session = self.studio.edit_layer(session_id, layer_id, name=name)
            case _:
                session = self.studio.edit_layer(session_id, layer_id, visible=do == "show")
        return self._state(session, "Done.")

    def schemes(
        self,
        session_id: SessionId,
        do: Annotated[
            Literal["list", "add", "show", "rename", "remove"],
            Field(description='with a scheme; "add" copies the one shown and shows the copy'),
        ] = "list",
        scheme: Annotated[str, Field(description="the name of the one meant, or of the new one")] = "",
        name: Annotated[str, Field(description="its new name, to rename it")] = "",
    ) -> State:
        """Variants of all paints of the photo, such as A and B: list, add, show, rename or remove them. Paint changes
        the one shown; walls have the same shape in all."""
        session = self.studio.session(session_id)
        if do == "add":
            session = self.studio.add_scheme(session_id, scheme)
        elif do != "list":
            found = [one.id for one in self.studio.schemes(session) if one.name == scheme]
            if not found:
                known = ", ".join(one.name for one in self.studio.schemes(session))
                raise InvalidInput(f"{do} needs the name of a scheme: {known}", "scheme")
            match do:
                case "show":
                    session = self.studio.choose_scheme(session_id, found[0])
                case "rename":
                    session = self.studio.rename_scheme(session_id, found[0], name)
                case _:
                    session = self.studio.remove_scheme(session_id, found[0])
        shown = session.canvas.scheme
        told = ", ".join(f"{s.name} (shown)" if s.id == shown else s.name for s in self.studio.schemes(session))
        return self._state(session, f"Schemes: {told}.")

    def undo(
        self,
        session_id: SessionId,
        redo: Annotated[bool, Field(description="do the step again that was taken back last")] = False,
    ) -> State:
        """Take the last step back, or do the one again that was taken back last."""
        session = (self.studio.redo if redo else self.studio.undo)(session_id)
        return self._state(session, "Done again." if redo else "Taken back.")

    def look(
        self,
        session_id: SessionId,
        show: Annotated[
            Literal["painted", "photo", "selection", "schemes"],
            Field(
                description="the paint, the photo as it was, what is selected tinted pink, or all schemes side by side"
            ),
        ] = "painted",
    ) -> bytes:
        """See the picture: painted, as the photo was, or with what is selected tinted pink. At most 1024 pixels wide
        and high; places of all tools are pixels of it. Or see the schemes side by side, for choosing only."""
        session = self.studio.session(session_id)
        if show == "schemes":
            return state.small_enough(self.studio.compare_schemes(session_id, state.LOOK_SIDE))
        return state.picture(self.studio, session, painted=show != "photo", selected=show == "selection")

    def find_paints(
        self,
        session_id: SessionId,
        text: Annotated[str, Field(description="of a name or code, or a colour; none for those on the wall now")] = "",
    ) -> Paints:
        """Paints whose name or code holds the text, or the ones nearest to a colour such as #b5c7a3. Without a text:
        what colours the selected wall has now, light and shadow taken out, each with the nearest paint's name."""
        session = self.studio.session(session_id)
        if not text:
            return self._paints_now(session)
        palette = self.studio.palette(session)
        found = palettes.search(palette.paints, text, MOST_PAINTS)
        if not found:
            near = palettes.nearest(palette.paints, self.studio.color(session, text), MOST_PAINTS)
            found = [one.paint for one in near]
        told: list[Named] = [{"name": paint.name, "color": colors.to_hex(paint.rgb)} for paint in found]
        return {"paints": told, "message": f"{len(told)} of {len(palette.paints)} paints."}

    def _paints_now(self, session: Session) -> Paints:
        mask_id = session.selection.mask_id
        if mask_id is None:
            raise InvalidInput("Nothing is selected. Select a wall, or give a text.", "text")
        now: list[Named] = [
            {
                "name": self.studio.describe(session, one.rgb).name,
                "color": colors.to_hex(one.rgb),
                "share": round(one.share, 3),
            }
            for one in self.studio.wall_paints(session.id, mask_id)
        ]
        return {
            "paints": now,
            "message": "What is selected has these colours now, named after the nearest paints or CSS colours.",
        }

    def download(
        self,
        session_id: SessionId,
        format: Annotated[Literal["PNG", "JPG", "WEBP"], Field(description="of the file")] = "PNG",
        quality: Annotated[int, Field(description="1 to 100, of JPG and WEBP")] = 95,
    ) -> Link:
        """Make the painted picture at full size. Its url tells where it waits."""
        made = self.studio.download(session_id, format=format, quality=quality)
        return {"url": download_url(made), "filename": made.filename, "size_bytes": made.size_bytes, "message": ""}

    def close_photo(self, session_id: SessionId) -> str:
        """Delete the session with its photo and paint. What was not downloaded is lost."""
        self.studio.close(session_id)
        return "Deleted."

    def _state(self, session: Session, message: str) -> State:
        return state.of(self.studio, session, message)


def _mode(mode: Mode) -> SelectMode:
    if mode not in _MODES:
        raise InvalidInput(f"mode must be one of {', '.join(_MODES)}", "mode")
    return _MODES[mode]


def limits(tools: Tools) -> dict[str, tuple[Callable[..., object], Limit, bool]]:
    """Each tool by name: what it calls, the kind of its time limit, and whether it is quick."""
    return {
        "open_photo": (tools.open_photo, "upload", False),
        "find": (tools.find, "segment", False),
        "select": (tools.select, "segment", False),
        "resize": (tools.resize, "segment", True),
        "tidy": (tools.tidy, "segment", False),
        "paint": (tools.paint, "paint", False),
        "layers": (tools.layers, "paint", True),
        "schemes": (tools.schemes, "paint", True),
        "undo": (tools.undo, "paint", True),
        "look": (tools.look, "paint", False),
        "download": (tools.download, "download", False),
        "find_paints": (tools.find_paints, "paint", False),
        "close_photo": (tools.close_photo, "upload", True),
    }
