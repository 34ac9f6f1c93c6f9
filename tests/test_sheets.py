"""Sheets for the painter: read by whoever has the link, and by nobody else; they write nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import httpx
import pytest
from conftest import SKY, WALL, WINDOW, draw_building, make_studio
from engines import FloodEngine, NamingEngine
from PIL import Image

from sam2_painter import Painter
from sam2_painter.errors import (
    Busy,
    InvalidInput,
    SessionNotFound,
    SheetNotFound,
    TimeLimitExceeded,
    TooManyRequests,
)
from sam2_painter.jobs.asker import Asker, asking
from sam2_painter.jobs.deadline import Deadline
from sam2_painter.jobs.rate import Rate
from sam2_painter.sessions import sheet_page
from sam2_painter.sessions.sheets import MAX_SHEETS
from sam2_painter.sessions.store import SessionStore
from sam2_painter.studio import sheets
from sam2_painter.studio.studio import Studio
from sam2_painter.types import Coat, Paint, Palette

RED, BLUE = (200, 30, 30), (30, 40, 180)
DAY = 24 * 3600


@pytest.fixture
def sid(studio) -> str:
    """A session with a red front and a hidden blue part."""
    sid = studio.open(draw_building(), "house.png").id
    studio.box(sid, 20, 40, 190, 150)
    studio.paint_wall(sid, Coat(RED, name="Front <b>"))
    studio.box(sid, 10, 5, 60, 25)
    hidden = studio.paint_wall(sid, Coat(BLUE)).layers[-1].id
    studio.edit_layer(sid, hidden, visible=False)
    return sid


@pytest.fixture
def make_store_studio(tmp_path):
    """A studio whose sessions live an hour, and the clock they go by."""
    clock = [1_000_000.0]
    folders = (tmp_path / name for name in ("uploads", "masks", "results"))
    store = SessionStore(*folders, clock=lambda: clock[0])
    yield Studio(FloodEngine(), store), clock
    store.close()


def facts(studio, sid, **about):
    return studio.make_sheet(sid, **about).facts


def test_it_tells_each_wall_that_is_seen(studio, sid):
    """Name, paint, reflectance, share; hidden walls are left out; area and litres only where a width is known."""
    (wall,) = facts(studio, sid)["walls"]
    layer = studio.session(sid).layers[0]
    assert (wall["name"], wall["color"]) == ("Front <b>", "#c81e1e")
    assert wall["share"] == pytest.approx(layer.mask.area / (150 * 200))
    assert not {"area", "litres"} & wall.keys()
    (wall,) = facts(studio, sid, width=10)["walls"]
    seen = layer.mask.area * (10 / 200) ** 2
    assert wall["area"][0] < seen < wall["area"][1]
    assert wall["litres"] == [pytest.approx(wall["area"][0] * 2 / 10), pytest.approx(wall["area"][1] * 2 / 6)]


def test_shares_are_of_the_facade_where_it_is_known(tmp_path):
    """Of what was found of it with what is painted; else of all that is painted, and then that is said."""
    asked = []

    class OneBuilding(NamingEngine):
        """All of the photo is one building."""

        def find(self, embedding, category, point=None):
            """Keeps where it is asked."""
            asked.append(point)
            return super().find(embedding, category)

    engine = OneBuilding({"wall": WALL, "window": WINDOW, "sky": SKY})
    for finds, words in ((True, "of the facade"), (False, "of what is painted")):
        studio = make_studio(tmp_path / str(finds), engine if finds else FloodEngine())
        sid = studio.open(draw_building(), "house.png").id
        studio.click(sid, 100, 80)
        studio.paint_wall(sid, Coat(RED))
        if not finds:
            studio.click(sid, 100, 5, mode="new")
            studio.paint_wall(sid, Coat(BLUE))
        told = facts(studio, sid)
        areas = [layer.mask.area for layer in studio.session(sid).layers]
        assert all(studio.session(sid).layers[0].mask.rle.contains(int(x), int(y)) for x, y in asked)
        photo = draw_building()
        front = sum(int((photo == color).all(2).sum()) for color in (WALL, WINDOW)) if finds else sum(areas)
        assert [wall["of_facade"] for wall in told["walls"]] == [pytest.approx(area / front) for area in areas]
        assert words in sheet_page.render(told, "b.jpg", "a.jpg")
        studio.sessions.close()


def test_feet_and_gallons(studio, sid):
    """A sheet in feet tells square feet and gallons; other units are refused; sheets of before are still read."""
    page = sheet_page.render(facts(studio, sid, width=10, units="ft"), "b.jpg", "a.jpg")
    assert ("sq ft" in page, " gal<" in page, "m²" in page) == (True, True, False)
    with pytest.raises(InvalidInput, match="units must be one of m, ft"):
        studio.make_sheet(sid, units="miles")
    old = facts(studio, sid, width=10)
    for name in ("units", "facade"):
        del old[name]
    del old["walls"][0]["of_facade"]
    page = sheet_page.render(old, "b.jpg", "a.jpg")
    assert ("m²" in page, "of the facade" in page) == (True, False)


def test_what_is_little_is_not_nothing(studio, sid):
    """No wall takes "0.0 to 0.1" of anything: then it is told how much at most."""
    page = sheet_page.render(facts(studio, sid, width=1, units="ft"), "b.jpg", "a.jpg")
    assert "<small>up to 0.1 gal</small>" in page
    assert ">0.0" not in page


def test_a_paint_of_a_card_is_told_by_its_code_and_brand(studio, sid):
    """The nearest paint of the session's own palette, and how far it is from the colour."""
    studio.use_palette(sid, Palette("Card", (Paint("Brick", RED, "R 12", "Maker"), Paint("Sky", BLUE))))
    (wall,) = facts(studio, sid)["walls"]
    assert (wall["paint"], wall["code"], wall["brand"], wall["distance"]) == ("Brick", "R 12", "Maker", 0)
    page = sheet_page.render(facts(studio, sid), "b.jpg", "a.jpg")
    assert "Maker R 12" in page
    assert "nearest paint" not in page


def test_what_people_wrote_is_text(studio, sid):
    """Names of walls, schemes and photos are never HTML."""
    studio.add_scheme(sid, '"><script>x</script>')
    page = sheet_page.render(facts(studio, sid), "b.jpg", "a.jpg", "https://x.test/sheet/t")
    assert "<script" not in page
    assert "Front <b>" not in page
    assert "Front &lt;b&gt;" in page
    assert '"https://x.test/sheet/t/after.jpg"' in page


def test_it_stands_by_itself(studio, sid):
    """It shows the work as it was, whatever is painted later, until it expires."""
    sheet = studio.make_sheet(sid, days=2)
    studio.edit_layer(sid, studio.session(sid).layers[0].id, color=BLUE)
    assert studio.sessions.sheets.get(sheet.token).facts["walls"][0]["color"] == "#c81e1e"
    later = sheet.made_at + DAY
    studio.sessions.sheets = replace(studio.sessions.sheets, now=lambda: later)
    assert studio.sessions.sheets.get(sheet.token)
    studio.sessions.sheets = replace(studio.sessions.sheets, now=lambda: later + DAY)
    with pytest.raises(SheetNotFound, match="expired"):
        studio.sessions.sheets.get(sheet.token)
    assert studio.sheets(sid) == []


def test_it_outlives_an_idle_session(make_store_studio):
    """A session that nobody uses any more is swept; its sheet is not."""
    studio, clock = make_store_studio
    sid = studio.open(draw_building(), "house.png").id
    studio.box(sid, 20, 40, 190, 150)
    studio.paint_wall(sid, Coat(RED))
    sheet = studio.make_sheet(sid)
    clock[0] += 2 * DAY
    assert studio.sessions.sweep() == 1
    assert studio.sessions.sheets.picture(sheet.token, "before")
    clock[0] += 29 * DAY
    studio.sessions.sweep()
    assert studio.sessions.bytes_on_disk() == 0


def test_it_is_taken_back(studio, sid):
    """By its session only; deleting the session takes all of them back, and their room."""
    first, second = studio.make_sheet(sid), studio.make_sheet(sid)
    other = studio.open(draw_building(), "other.png").id
    with pytest.raises(SheetNotFound, match="no such sheet"):
        studio.revoke_sheet(other, first.token)
    kept = studio.sessions.bytes_on_disk()
    studio.revoke_sheet(sid, first.token)
    assert [one.token for one in studio.sheets(sid)] == [second.token]
    assert studio.sessions.bytes_on_disk() < kept
    studio.close(sid)
    with pytest.raises(SheetNotFound):
        studio.sessions.sheets.picture(second.token, "after")
    with pytest.raises(SessionNotFound):
        studio.sheets(sid)


def test_mistakes_are_told(studio, sid):
    """Nothing painted, days and widths that cannot be, one too many."""
    empty = studio.open(draw_building(), "empty.png").id
    with pytest.raises(InvalidInput, match="Paint a wall first"):
        studio.make_sheet(empty)
    for wrong in ({"days": 0}, {"days": 366}, {"days": True}, {"width": 0}, {"width": float("nan")}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            studio.make_sheet(sid, **wrong)
    for _ in range(MAX_SHEETS):
        studio.make_sheet(sid)
    with pytest.raises(InvalidInput, match=f"at most {MAX_SHEETS}"):
        studio.make_sheet(sid)


def test_a_sheet_ends_with_its_time_and_tells_so_many_walls(studio, sid, monkeypatch):
    """To find the nearest of thousands of paints takes a second, and a session may hold thousands of layers."""
    with Deadline(0, "make_sheet"), pytest.raises(TimeLimitExceeded):
        studio._facts(studio.session(sid), None, "m")
    monkeypatch.setattr(sheets, "MAX_WALLS", 0)
    with pytest.raises(InvalidInput, match="Hide or remove some"):
        studio.make_sheet(sid)


def test_sheets_leave_room_for_people_s_work(studio, sid):
    """All of them together take a quarter of the disk at most, for a year perhaps; what is painted has the rest."""
    sheet = studio.make_sheet(sid)
    store = studio.sessions
    size = store.bytes_on_disk()
    store.sheets = replace(store.sheets, max_bytes=size)
    with pytest.raises(Busy, match="as a file instead"):
        studio.make_sheet(sid)
    store.sheets.revoke(sid, sheet.token)
    studio.make_sheet(sid)


def test_one_address_makes_so_many_sheets_a_day(studio, sid):
    """They outlive sessions, and deleting those makes no room for others' sheets."""
    store = studio.sessions
    store.sheets = replace(store.sheets, made=Rate(2, "sheets", span=(DAY, "a day")))
    with asking(Asker("203.0.113.9")):
        studio.make_sheet(sid)
        studio.make_sheet(sid)
        with pytest.raises(TooManyRequests, match="More than 2 sheets in a day"):
            studio.make_sheet(sid)
    with asking(Asker("203.0.113.10")):
        studio.make_sheet(sid)


def test_a_painter_writes_one_file(tmp_path):
    """With its pictures in it: nothing is fetched."""
    with Painter(draw_building(), engine="offline", name="house.png") as painter:
        path = painter.box(20, 40, 190, 150).paint("red").save_sheet(tmp_path / "sheet.html", width=9)
    text = path.read_text()
    assert text.count("data:image/jpeg;base64,") == 2
    assert "http" not in text
    assert "m²" in text


pytest.importorskip("gradio", reason="the doors need gradio")


@pytest.fixture(scope="module", params=["open", "guarded"])
def live(request, launch):
    """A server, once for everybody and once behind a sign-in."""
    return launch(**({"auth_token": "t0ken"} if request.param == "guarded" else {}))


def test_a_link_reads_and_nothing_else(live):
    """Without signing in: page and pictures, told to nobody; never the session. Taken back, it is gone."""
    session = live.studio.open(draw_building(), "my house.png")
    live.studio.box(session.id, 20, 40, 190, 150)
    live.studio.paint_wall(session.id, Coat(RED))
    with httpx.Client(base_url=f"{live.url}/api", headers={"Authorization": "Bearer t0ken"}, timeout=60) as owner:
        made = owner.post("/make-sheet", json={"session_id": session.id, "width": 12}).json()
        link = f"{live.url}{made['link']}"
        page = httpx.get(link, timeout=60)
        assert page.status_code == 200
        assert "my house" in page.text
        assert f'content="{link}/after.jpg"' in page.text
        assert session.id not in page.text
        assert (page.headers["x-robots-tag"], page.headers["cache-control"]) == (
            "noindex, nofollow",
            "private, no-store",
        )
        assert page.headers.get_list("referrer-policy") == ["no-referrer"]  # its address is its key
        (policy,) = page.headers.get_list("content-security-policy")
        assert "default-src 'none'" in policy
        assert "script" not in policy
        for which in ("before", "after"):
            picture = httpx.get(f"{link}/{which}.jpg", timeout=60)
            assert Image.open(io.BytesIO(picture.content)).size == (200, 150)
        assert httpx.post(link, timeout=60).status_code in (401, 405)
        assert httpx.get(f"{live.url}/api/session/{made['token']}", timeout=60).status_code in (401, 404)
        listed = owner.get(f"/sheets/{session.id}").json()["sheets"]
        assert [one["token"] for one in listed] == [made["token"]]
        left = owner.post("/revoke-sheet", json={"session_id": session.id, "token": made["token"]}).json()
        assert left["sheets"] == []
    for gone in (link, f"{link}/after.jpg", f"{live.url}/sheet/nothing", f"{live.url}/sheet/{'x' * 3000}"):
        assert httpx.get(gone, timeout=60).status_code == 404
