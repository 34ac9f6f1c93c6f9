"""The page's requests sent by hand: whatever they hold, they get an answer or one of our sentences."""

from __future__ import annotations

import json

import pytest
from engines import FloodEngine

from sam2_painter.errors import Cancelled, InvalidInput, PainterError, SessionNotFound
from sam2_painter.jobs.deadline import Deadline
from sam2_painter.paint.colors import parse_color
from sam2_painter.sessions import records
from sam2_painter.types import Coat
from sam2_painter.web.api import plain
from sam2_painter.web.api.schemas import Attachment
from sam2_painter.web.page import handlers, view
from sam2_painter.web.page.ask import Ask

VERBS = {
    name: verb
    for name, verb in vars(handlers).items()
    if not name.startswith("_") and getattr(verb, "__annotations__", {}).get("ask") == "Ask"
}
HOSTILE = (
    None,
    True,
    -1,
    10**30,
    1.5,
    float("nan"),
    "",
    "../../etc/passwd",
    "<script>",
    "\0",
    [],
    [None],
    [[1, 2, 3]] * 1000,
    [["a", "b", "c"]],
    [1, 2],
    [1, 2, 3, 4],
    [float("inf")] * 4,
    {},
    {"opacity": 7},
    {"mask": 1},
    {"color": None},
    {"visible": "no"},
)
FILE_VERBS = ("open_upload", "open_project", "load_palette", "import_mask")
FIELDS = [
    *("points", "box", "index", "path", "radius", "scale", "layer_id", "revision", "protect", "edge_aware", "choice"),
    *("mask_ids", "mode", "category", "text", "at", "mask_id", "opacity", "light", "shadow", "color", "changes", "to"),
    *("format", "quality", "painted", "name", "have", "points_per_side"),
]
NEEDS_NO_SESSION = ("open_upload", "open_project", "open_example", "color")


@pytest.fixture
def session(studio, photo_bytes):
    """A session with something in it."""
    opened = studio.open(photo_bytes, "house.png")
    studio.click(opened.id, 100, 100)
    return studio.paint(opened.id, [Coat((1, 2, 3), 0)])


def send(verb: str, studio, file: Attachment | None = None, **values: object) -> dict:
    """Ask as the browser does."""
    return VERBS[verb](studio, Ask.read(values, file))


def assert_short(sentence: str) -> None:
    """What is said does not repeat what was sent."""
    assert len(sentence) < 400


def test_every_verb_is_known():
    """The table below covers all there are."""
    assert {"open_upload", "click", "paint_wall", "edit_layer", "generate", "alive", "detail"} <= set(VERBS)


@pytest.mark.parametrize("verb", [name for name in VERBS if name != "close"])
def test_hostile_values(verb, studio, session):
    """Any value in any field is answered, or refused in one sentence; never anything else."""
    for value in HOSTILE:
        file = Attachment(str(value).encode(), str(value)) if verb in FILE_VERBS else None
        try:
            said = handlers.dumps({"": send(verb, studio, file, sid=session.id, **dict.fromkeys(FIELDS, value))})
        except PainterError as error:
            said = str(error)
            assert_short(said)
        assert len(said) > 5
        assert "\n" not in said


@pytest.mark.parametrize("verb", [name for name in VERBS if name not in NEEDS_NO_SESSION])
@pytest.mark.parametrize("sid", [None, "", "nobody", 7, ["a"], "' OR 1=1 --"], ids=repr)
def test_unknown_sessions(verb, sid, studio, monkeypatch):
    """Nobody reaches a session without its id: of a request that is right otherwise, that is what is wrong."""
    monkeypatch.setattr(type(studio), "categories", ("wall",))
    file = Attachment(b"GIMP Palette\n181 199 163 Old sage\n", "walls.gpl") if verb in FILE_VERBS else None
    rest = dict(mask_id=0, index=0, to=0, choice=0, mask_ids=[0], changes={"opacity": 1}, category="wall", layer_id=0)
    rest |= dict(scheme_id=0, name="Second", layer_ids=[0, 1], like="nobody")
    asked = dict(
        sid=sid,
        text="red",
        box=[0, 0, 5, 5],
        points=[[1, 1, 1]],
        path=[[1, 1], [9, 1], [9, 9]],
        radius=3,
        format="PNG",
        quality=90,
        **rest,
    )
    if verb == "resume":
        assert "gone" in send(verb, studio, file, **asked)
    else:
        with pytest.raises(SessionNotFound):
            send(verb, studio, file, **asked)


@pytest.mark.parametrize("data", [None, [], "text", 7], ids=repr)
def test_requests_without_data(data):
    """A request that is no object is refused."""
    with pytest.raises(InvalidInput):
        Ask.read(data)


def test_only_what_was_sent_is_opened(studio, tmp_path, photo_bytes):
    """A path is no file, whoever names it; a file that is sent is opened under its own name."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(photo_bytes)
    for path in (secret, "/etc/passwd"):
        with pytest.raises(InvalidInput, match="needs a file"):
            send("open_upload", studio, path=str(path), name="x.png", file_path=str(path))
    shown = send("open_upload", studio, Attachment(photo_bytes, "my house.png"))["session"]
    assert shown["name"] == "my house.png"
    again = send("open_upload", studio, Attachment(photo_bytes, "theirs.png"))["session"]
    assert again["name"] == "theirs.png"
    assert again["sid"] != shown["sid"]


def test_a_picture_is_that_of_its_snapshot(studio, session):
    """Its key names these very layers, and the browser keeps it by that: also when somebody paints meanwhile."""
    before = view.snapshot(studio, session, {})["picture"]
    detail = view.detail(studio, session, [0, 0, 50, 50])
    studio.edit_layer(session.id, 0, color=(250, 250, 10))
    assert view.snapshot(studio, session, {})["picture"] == before
    assert view.detail(studio, session, [0, 0, 50, 50]) == detail


def test_pictures_are_sent_once(studio, session):
    """A browser that says what it has gets a reply of a few kilobytes, with every picture named and none sent again."""
    full = send("look", studio, sid=session.id)["session"]
    assert full["photo"]["url"].startswith("data:image/jpeg")
    have = {name: full[name]["key"] for name in ("photo", "picture", "palette")} | {
        "shapes": [full["selection"]["shape"]["key"]]
    }
    again = send("look", studio, sid=session.id, have=have)
    assert again["session"]["photo"] == {"key": have["photo"], "url": None}
    assert again["session"]["selection"]["shape"]["path"] is None
    assert len(handlers.dumps(again)) < 4000


def test_tags_in_names_stay_text():
    """What goes to the browser holds no "<": gr.HTML would look for tags in it."""
    text = handlers.dumps({"name": "</script><script>alert(1)</script>"})
    assert "<" not in text
    assert json.loads(text) == {"name": "</script><script>alert(1)</script>"}


def test_generate_tells_how_far_it_is(studio, session):
    """It tells how far it is, and shows what was found."""
    told: list[float] = []
    seen = handlers.generate(studio, Ask({"sid": session.id}), told.append)
    assert seen["session"]["regions"]["count"] == 8
    assert told == sorted(told) != []


def test_thousands_of_regions_are_no_larger_together(studio, session, monkeypatch):
    """The more there are, the smaller each is shown; and making their pictures ends with the time limit."""
    studio.generate(session.id)
    monkeypatch.setattr(view, "FULL_THUMBNAILS", 2)  # of eight
    assert send("look", studio, sid=session.id)["session"]["regions"]["sprite"]["row"] == view.THUMBNAIL_ROW / 2
    made = []
    with Deadline(60, "look") as deadline:
        monkeypatch.setattr(view, "_filled", lambda picture, *_: made.append(picture) or deadline.cancel())
        with pytest.raises(Cancelled):
            send("look", studio, sid=session.id)
        assert len(made) == 1
        with pytest.raises(Cancelled):
            plain.mask_text(session.masks[0].rle, "png")
        with pytest.raises(Cancelled):
            records.counts_to_bytes(session.masks[0].rle)


def test_generate_passes_mistakes_on(studio, session):
    """Knobs out of range and sessions that are gone are errors of ours."""
    with pytest.raises(InvalidInput, match="points_per_side"):
        handlers.generate(studio, Ask({"sid": session.id, "points_per_side": 0}))
    with pytest.raises(SessionNotFound):
        handlers.generate(studio, Ask({"sid": "nobody"}))


def test_a_palette_is_loaded_kept_and_carried_on(studio, session, photo_bytes):
    """The paints of a file are the session's, and those of the next photo; a broken file changes nothing."""
    files = {"walls.gpl": b"GIMP Palette\n181 199 163 Old sage\n", "broken.ase": b"ASEF\0\1"}
    usual = send("look", studio, sid=session.id)["session"]["palette"]
    assert (len(usual["paints"]), usual["own"]) == (48, False)

    def load(name: str) -> dict:
        return send("load_palette", studio, Attachment(files[name], name), sid=session.id)["session"]

    loaded = load("walls.gpl")["palette"]
    assert (loaded["name"], loaded["own"], loaded["paints"]) == ("walls.gpl", True, [["Old sage", "#b5c7a3", "", ""]])
    with pytest.raises(InvalidInput, match=r"broken\.ase"):
        load("broken.ase")
    have = {"palette": loaded["key"]}
    assert send("look", studio, sid=session.id, have=have)["session"]["palette"]["paints"] is None
    told = send("color", studio, sid=session.id, text="#b5c7a4")["color"]
    assert (told["name"], told["lrv"]) == ("Old sage", 53)
    assert 0 < told["distance"] < 1
    painted = send(
        "paint_wall",
        studio,
        sid=session.id,
        mask_id=0,
        color="OLD SAGE",
        opacity=1,
        light=1,
        shadow=1,
        mode="flat",
    )
    assert painted["color"]["color"] == "#b5c7a3"
    following = send("open_upload", studio, Attachment(photo_bytes, "next.png"), sid=session.id)
    assert following["session"]["palette"] == loaded
    assert send("reset_palette", studio, sid=session.id)["session"]["palette"] == usual


def test_the_wall_tells_its_colour(studio, session):
    """The paints that are on a wall in the photo, whatever was painted over it, the main one first."""
    paints = send("wall_paints", studio, sid=session.id, mask_id=0)["wall_paints"]
    assert sum(paint["share"] for paint in paints) == pytest.approx(1)
    told = paints[0]
    red, green, blue = parse_color(told["color"])
    assert red > green > blue > 100
    assert told["lrv"] > 30


def test_white_wall_lies_on_the_mask(studio, session):
    """What the browser recolours by itself has the mask's box, in pixels of the photo."""
    wall = view.white_wall(studio, session, 0)
    x, y, w, h = session.mask(0).bbox
    for got, wanted in zip(wall["box"], (x, y, w, h), strict=True):
        assert abs(got - wanted) <= 3
    assert wall["url"].startswith("data:image/webp")


def test_boot_holds_no_session(studio, session):
    """What every visitor gets tells nothing of anybody's work."""
    text = handlers.dumps(view.boot(studio))
    assert session.id not in text
    assert json.loads(text)["engine"] == {"title": FloodEngine.title, "reason": "it is quick"}
