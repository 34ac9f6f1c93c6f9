"""What the page asks for: each handler reads what the browser sent, calls one verb, and says what is to be seen.

The page's requests are no more trusted than any other: whoever can reach the server can send them by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from typing import Any

from ...engines import Progress, no_progress
from ...errors import InvalidInput, SessionNotFound
from ...masks import mask_from_png
from ...paint import palette_files
from ...photos import examples, sources
from ...sessions.downloads import Download
from ...sessions.edits import EDITABLE
from ...studio.pictures import MOST_PICTURES
from ...studio.studio import Studio
from ...types import AutoMask, Coat, Session, whole_number
from ..api.operations.files import download_url
from ..api.operations.sheets import sheet_values
from . import view
from .ask import Ask

Json = dict[str, Any]
MAX_CLICKS = 64  # in one request: fast fingers, not a flood

_KNOBS = tuple(knob.name for knob in fields(AutoMask))

Verb = Callable[[Studio, Ask], Json]


def _seen(studio: Studio, ask: Ask, session: Session) -> Json:
    return {"session": view.snapshot(studio, session, ask.have)}


def _waiting(made: Download) -> Json:
    """A file that was made, and where it waits."""
    return {"download": {"filename": made.filename, "path": download_url(made)}}


def open_upload(studio: Studio, ask: Ask) -> Json:
    """Open a photo the browser sends."""
    sent = ask.sent()
    return _opened(studio, ask, studio.open(sent.content, sent.name))


def open_project(studio: Studio, ask: Ask) -> Json:
    """Go on with a project that was saved."""
    content = ask.sent().content
    data = sources.read_bytes(content, 2**62, field="project")
    session = studio.open_project(data)
    studio.read_ahead(session.id, clicks=True)
    return _seen(studio, ask, session)


def open_example(studio: Studio, ask: Ask) -> Json:
    """Open one of the photos that come with the package."""
    path = examples.path(ask.get("name"))
    return _opened(studio, ask, studio.open(path, path.name))


def _opened(studio: Studio, ask: Ask, session: Session) -> Json:
    """The next photo, with the paints that were brought along to the one before. It is read from now on, while the
    browser fetches it and the person looks at it."""
    if ask.get("next") is not True:  # one of several that are opened: others come after it
        studio.read_ahead(session.id, clicks=True)
    notes = session.notes
    with suppress(SessionNotFound):
        if palette := studio.session(ask.sid).palette:
            session = studio.use_palette(session.id, palette)
    return _seen(studio, ask, session) | {"notes": list(notes)}


def resume(studio: Studio, ask: Ask) -> Json:
    """Find the browser's session again; one that is gone is no mistake of anybody."""
    try:
        session = studio.session(ask.sid)
        studio.read_ahead(session.id, clicks=True)
        return _seen(studio, ask, session)
    except SessionNotFound:
        return {"gone": "Your last photo was deleted after a while without use. Open it again."}


def look(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.session(ask.sid))


def alive(studio: Studio, ask: Ask) -> Json:
    """Count as a use of the session: an open page says so now and then.

    It tells the revision, for pages that share a session, and how many seconds there are without another use.
    """
    seconds = studio.keep_alive(ask.sid)
    return {"alive": {"revision": studio.session(ask.sid).revision, "seconds": seconds}}


def embed(studio: Studio, ask: Ask) -> Json:
    """Let the engine read the photo, so that the first click is quick."""
    studio.embed(ask.sid)
    return {}


def close(studio: Studio, ask: Ask) -> Json:
    studio.close(ask.sid)
    return {"gone": "Your photo and everything made from it were deleted."}


# -- the chosen wall and its shape -------------------------------------------------------------------------------------


def click(studio: Studio, ask: Ask) -> Json:
    """One or more clicks [x, y, label], in their order."""
    for point in ask.items("points", MAX_CLICKS):
        if not isinstance(point, list) or len(point) != 3:
            raise InvalidInput("a point must be [x, y, label]", "points")
        x, y, label = point
        session = studio.click(ask.sid, x, y, label, ask.get("mode", "new"), scale=ask.get("scale"), **ask.added())
    return _seen(studio, ask, session)


def box(studio: Studio, ask: Ask) -> Json:
    corners = ask.items("box", 4)
    if len(corners) != 4:
        raise InvalidInput("box must be [x1, y1, x2, y2]", "box")
    x1, y1, x2, y2 = corners
    session = studio.box(ask.sid, x1, y1, x2, y2, ask.get("mode", "new"), scale=ask.get("scale"), **ask.added())
    return _seen(studio, ask, session)


def stroke(studio: Studio, ask: Ask) -> Json:
    """A stroke of the brush, or of the eraser."""
    how = dict(mode=ask.get("mode", "union"), edge_aware=ask.get("edge_aware") is True)
    return _seen(studio, ask, studio.stroke(ask.sid, ask.path(), ask.get("radius"), **how, **ask.added()))


def polygon(studio: Studio, ask: Ask) -> Json:
    how = dict(mode=ask.get("mode", "union"), only_wall=ask.get("only_wall") is True)
    return _seen(studio, ask, studio.polygon(ask.sid, ask.path(), **how, **ask.added()))


def tidy(studio: Studio, ask: Ask) -> Json:
    """The chosen wall's outline follows the photo."""
    return _seen(studio, ask, studio.tidy(ask.sid, protect=ask.protect, **ask.meant()))


def take_over(studio: Studio, ask: Ask) -> Json:
    """What the chosen wall shares with others is taken from them."""
    return _seen(studio, ask, studio.take_over(ask.sid, **ask.meant()))


def import_mask(studio: Studio, ask: Ask) -> Json:
    """Begin a wall with a black and white PNG the browser sends."""
    content = ask.sent().content
    data = content if isinstance(content, (bytes, str)) else content.read_bytes()
    return _seen(studio, ask, studio.import_mask(ask.sid, mask_from_png(data, studio.session(ask.sid).size)))


def choose_wall(studio: Studio, ask: Ask) -> Json:
    """A painted wall, by its place in the list."""
    return _seen(studio, ask, studio.choose_wall(ask.sid, ask.whole("layer_id"), revision=ask.revision))


def remove_point(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.remove_point(ask.sid, ask.whole("index")))


def choose(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.choose(ask.sid, ask.whole("choice")))


def answers(studio: Studio, ask: Ask) -> Json:
    """What else the last click may have meant."""
    session = studio.session(ask.sid)
    return {"answers": {"revision": session.revision, "walls": view.answers(studio, session)}}


def select(studio: Studio, ask: Ask) -> Json:
    ids = ask.items("mask_ids", studio.sessions.max_masks)
    return _seen(studio, ask, studio.select(ask.sid, ids, ask.get("mode", "new")))


def find(studio: Studio, ask: Ask) -> Json:
    category, mode = ask.get("category"), ask.get("mode", "new")
    session = studio.find(ask.sid, category, mode, point=ask.point("point"), protect=ask.protect, **ask.meant())
    return _seen(studio, ask, session)


def clear_selection(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.clear_selection(ask.sid))


def color(studio: Studio, ask: Ask) -> Json:
    """What somebody typed, or pointed the eyedropper at, as a colour."""
    session = studio.session(ask.sid)
    at = ask.point("at")
    rgb = studio.color(session, ask.get("text")) if at is None else studio.color_at(ask.sid, *at)
    return {"color": view.color(studio, session, rgb)}


def wall_paints(studio: Studio, ask: Ask) -> Json:
    """Each paint that the wall under a mask has now, the main one first, with its share of the wall."""
    paints = studio.wall_paints(ask.sid, ask.whole("mask_id"))
    session = studio.session(ask.sid)
    return {"wall_paints": [view.color(studio, session, one.rgb) | {"share": one.share} for one in paints]}


def load_palette(studio: Studio, ask: Ask) -> Json:
    """Choose from the paints of a file the browser sends."""
    sent = ask.sent()
    data = sources.read_bytes(sent.content, palette_files.MAX_PALETTE_BYTES, field="palette")
    return _seen(studio, ask, studio.use_palette(ask.sid, palette_files.load_palette(data, sent.name)))


def reset_palette(studio: Studio, ask: Ask) -> Json:
    """Choose from the usual paints again."""
    return _seen(studio, ask, studio.use_palette(ask.sid, None))


def wall(studio: Studio, ask: Ask) -> Json:
    session = studio.session(ask.sid)
    return {"wall": view.white_wall(studio, session, ask.get("mask_id"))}


def detail(studio: Studio, ask: Ask) -> Json:
    """A part of the picture for a stage that is zoomed in."""
    box = ask.items("box", 4)
    if len(box) != 4:
        raise InvalidInput("box must be [x, y, width, height]", "box")
    return {"detail": view.detail(studio, studio.session(ask.sid), box)}


def paint_wall(studio: Studio, ask: Ask) -> Json:
    """Paint the chosen wall, or change its paint."""
    look = {name: ask.get(name) for name in ("opacity", "light", "shadow", "mode")}
    rgb = studio.color(studio.session(ask.sid), ask.get("color"))
    session = studio.paint_wall(ask.sid, Coat(rgb, **look), **ask.meant())
    return _seen(studio, ask, session) | {"color": view.color(studio, session, rgb)}


def edit_layer(studio: Studio, ask: Ask) -> Json:
    changes = ask.get("changes")
    if not isinstance(changes, dict) or not changes or not set(changes) <= set(EDITABLE):
        raise InvalidInput(f"changes must name one or more of {', '.join(EDITABLE)}", "changes")
    if "color" in changes:
        changes = {**changes, "color": studio.color(studio.session(ask.sid), changes["color"])}
    return _seen(studio, ask, studio.edit_layer(ask.sid, ask.whole("layer_id"), revision=ask.revision, **changes))


def remove_layer(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.remove_layer(ask.sid, ask.whole("layer_id"), revision=ask.revision))


def move_layer(studio: Studio, ask: Ask) -> Json:
    moved = studio.move_layer(ask.sid, ask.whole("layer_id"), ask.whole("to"), revision=ask.revision)
    return _seen(studio, ask, moved)


def tie_layers(studio: Studio, ask: Ask) -> Json:
    """Painted walls lie on one old paint."""
    ids = [whole_number(one, "layer_ids", -(2**31), 2**31 - 1) for one in ask.items("layer_ids", 100)]
    return _seen(studio, ask, studio.tie_layers(ask.sid, ids, revision=ask.revision))


def untie_layer(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.untie_layer(ask.sid, ask.whole("layer_id"), revision=ask.revision))


def tie_offers(studio: Studio, ask: Ask) -> Json:
    """Pairs of painted walls that look as if they lay on one old paint."""
    return {"offers": [list(pair) for pair in studio.tie_offers(ask.sid)]}


def paint_alike(studio: Studio, ask: Ask) -> Json:
    """Paint the photo like another one of this browser."""
    applied = studio.paint_alike(ask.sid, ask.get("like"))
    return _seen(studio, ask, applied.session) | {"notes": list(applied.left_out)}


def add_scheme(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.add_scheme(ask.sid))


def choose_scheme(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.choose_scheme(ask.sid, ask.whole("scheme_id"), revision=ask.revision))


def rename_scheme(studio: Studio, ask: Ask) -> Json:
    renamed = studio.rename_scheme(ask.sid, ask.whole("scheme_id"), ask.get("name"), revision=ask.revision)
    return _seen(studio, ask, renamed)


def remove_scheme(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.remove_scheme(ask.sid, ask.whole("scheme_id"), revision=ask.revision))


def compare_schemes(studio: Studio, ask: Ask) -> Json:
    """The photo and every scheme, a picture each."""
    return {"compared": view.compared_schemes(studio, studio.session(ask.sid))}


def scheme_grid(studio: Studio, ask: Ask) -> Json:
    """The photo and every scheme side by side in one picture."""
    return {"grid": view.scheme_grid(studio, studio.session(ask.sid))}


def download_schemes(studio: Studio, ask: Ask) -> Json:
    """Every scheme's picture at full size, in one zip file."""
    made = studio.download_schemes(ask.sid)
    return _waiting(made)


def sheets(studio: Studio, ask: Ask) -> Json:
    """The links to sheets for the painter that can be taken back."""
    return {"sheets": [sheet_values(sheet) for sheet in studio.sheets(ask.sid)]}


def make_sheet(studio: Studio, ask: Ask) -> Json:
    measured = {name: ask.get(name, otherwise) for name, otherwise in (("width", None), ("units", "m"))}
    made = studio.make_sheet(ask.sid, days=ask.get("days", 30), **measured)
    return sheets(studio, ask) | {"sheet": sheet_values(made)}


def revoke_sheet(studio: Studio, ask: Ask) -> Json:
    studio.revoke_sheet(ask.sid, ask.get("token"))
    return sheets(studio, ask)


def download_sheet(studio: Studio, ask: Ask) -> Json:
    """The sheet as one file."""
    made = studio.download_sheet(ask.sid, width=ask.get("width"), units=ask.get("units", "m"))
    return _waiting(made)


def undo(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.undo(ask.sid))


def redo(studio: Studio, ask: Ask) -> Json:
    return _seen(studio, ask, studio.redo(ask.sid))


def download(studio: Studio, ask: Ask) -> Json:
    made = studio.download(
        ask.sid, painted=ask.get("painted") is not False, format=ask.get("format"), quality=ask.get("quality")
    )
    return _waiting(made)


def download_pictures(studio: Studio, ask: Ask) -> Json:
    """Several painted photos of this browser in one zip file, less those that are gone."""
    studio.session(ask.sid)
    there = [sid for sid in ask.items("sids", MOST_PICTURES) if studio.has(sid)]
    made = studio.download_pictures(there, format=ask.get("format"), quality=ask.get("quality"))
    return _waiting(made)


def save_project(studio: Studio, ask: Ask) -> Json:
    """Photo, walls and paint as one file, to go on with another day."""
    made = studio.export(ask.sid, "project")
    return _waiting(made)


def generate(studio: Studio, ask: Ask, progress: Progress = no_progress) -> Json:
    """Every mask; `progress` is told the fraction done."""
    options = AutoMask(**{name: ask.get(name) for name in _KNOBS if name in ask.values})
    return _seen(studio, ask, studio.generate(ask.sid, options, progress).session)


def dumps(values: Json) -> str:
    """JSON for gr.HTML. No "<": it looks for tags in what it is given, and a name may be one."""
    return json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")
