"""The verbs: what every door promises, tried without any door."""

import base64
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import DOOR, SKY, WALL, draw_building, make_studio, to_png
from engines import FloodEngine

from sam2_painter.errors import (
    Busy,
    Cancelled,
    InvalidInput,
    LayerNotFound,
    MaskNotFound,
    NotAnImage,
    SessionNotFound,
    TimeLimitExceeded,
    TooLarge,
)
from sam2_painter.jobs.deadline import Deadline
from sam2_painter.photos.images import open_photo
from sam2_painter.rle import mask_to_rle
from sam2_painter.studio.studio import Limits
from sam2_painter.types import AutoMask, Coat, Prompts

ON_WALL, ON_DOOR, ON_SKY = (100, 90), (70, 130), (100, 10)
RED, BLUE = (200, 30, 30), (30, 60, 200)


@pytest.fixture
def opened(studio, photo_bytes):
    return studio.open(photo_bytes, "building.png")


def is_color(photo, color):
    return (photo.pixels == color).all(axis=-1)


def painted_wall(studio, session, **layer):
    session = studio.click(session.id, *ON_WALL)
    return studio.paint(session.id, [Coat(**{"color": RED, **layer}, mask_id=session.selection.mask_id)])


def test_the_main_job(studio, opened, photo):
    """Open, click, paint, download: the wall is red, all else is as it was, and the file holds the picture."""
    session = painted_wall(studio, opened)
    picture = studio.picture(session.id)
    wall = is_color(photo, WALL)
    assert np.array_equal(picture[~wall], photo.pixels[~wall])
    red, green, blue = picture[ON_WALL[1], ON_WALL[0]].astype(int)
    assert red > 2 * max(green, blue)
    made = studio.download(session.id)
    assert np.array_equal(open_photo(made.path.read_bytes()).pixels, picture)
    assert made.filename.startswith("building-painted-")


FORMS = {
    "bytes": lambda data: data,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "data URL": lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
    "array": lambda data: open_photo(data).pixels,
}


@pytest.mark.parametrize("form", [*FORMS, "path"])
def test_a_photo_may_come_in_any_form(studio, photo, photo_bytes, tmp_path, form):
    """Bytes, a path, pixels and base64 open the same photo; what is a file is kept as it was sent."""
    path = tmp_path / "house.png"
    path.write_bytes(photo_bytes)
    session = studio.open(path if form == "path" else FORMS[form](photo_bytes))
    assert session.digest == photo.digest
    assert session.name == ("house.png" if form == "path" else "photo")
    assert np.array_equal(studio.photo(session.id).pixels, photo.pixels)
    assert form == "array" or studio.sessions.photo_bytes(session.id) == photo_bytes


def test_text_is_never_a_path(studio, tmp_path, photo_bytes):
    """A caller who sends the name of a file on this machine does not get that file."""
    (tmp_path / "secret.png").write_bytes(photo_bytes)
    with pytest.raises(InvalidInput):
        studio.open(str(tmp_path / "secret.png"))


def test_clicks_refine_one_selection(studio, opened):
    """A second point adds to the first, a background point takes away; removing it brings the part back."""
    both = studio.click(studio.click(opened.id, *ON_WALL).id, *ON_DOOR)
    wall_and_door = both.mask(both.selection.mask_id)
    assert wall_and_door.rle.contains(*ON_WALL)
    assert wall_and_door.rle.contains(*ON_DOOR)
    less = studio.click(opened.id, *ON_DOOR, label=0)
    assert not less.mask(less.selection.mask_id).rle.contains(*ON_DOOR)
    back = studio.remove_point(opened.id, 2)
    assert back.mask(back.selection.mask_id) == wall_and_door


def test_removing_the_last_foreground_point_clears_the_selection(studio, opened):
    """Without a foreground point nothing is pointed at."""
    studio.click(opened.id, *ON_WALL)
    studio.click(opened.id, *ON_DOOR, label=0)
    assert studio.remove_point(opened.id, 0).selection.mask_id is None


@pytest.mark.parametrize(
    ("mode", "wall", "door"), [("union", True, True), ("subtract", True, False), ("new", True, True)]
)
def test_a_second_part_is_combined(studio, opened, mode, wall, door):
    """Add to, subtract from, or go on with what was picked."""
    wall_id = studio.generate_at(opened.id, *ON_WALL).mask_id
    studio.select(opened.id, [wall_id])
    session = studio.click(opened.id, *ON_DOOR, mode=mode)
    rle = session.mask(session.selection.mask_id).rle
    assert (rle.contains(*ON_WALL), rle.contains(*ON_DOOR)) == (wall, door)


def test_nothing_left_is_said_and_changes_nothing(studio, opened):
    """A wall and the sky share no pixel."""
    before = studio.click(opened.id, *ON_WALL)
    studio.paint(opened.id, [Coat(RED, before.selection.mask_id)])
    with pytest.raises(InvalidInput, match="Nothing is left"):
        studio.click(opened.id, *ON_SKY, mode="intersect")
    assert studio.session(opened.id).selection.mask_id == before.selection.mask_id


def test_a_background_click_needs_a_selection(studio, opened):
    """There must be something to take away from."""
    with pytest.raises(InvalidInput, match="Click the wall"):
        studio.click(opened.id, *ON_WALL, label=0)


def test_candidates_can_be_cycled(studio, opened):
    """Each candidate is another mask; one undo takes the click back with the answer that was taken."""
    first = studio.click(opened.id, *ON_WALL)
    second = studio.choose(opened.id, 1)
    assert len(first.selection.candidates) == 2
    assert second.selection.mask_id != first.selection.mask_id
    with pytest.raises(InvalidInput, match="choice must be from 0 to 1"):
        studio.choose(opened.id, 2)
    assert studio.undo(opened.id).selection.mask_id is None
    assert studio.redo(opened.id).selection.mask_id == second.selection.mask_id


def test_another_answer_of_a_painted_wall_is_a_step(studio, opened):
    """Its paint changes with it, so that one is undone by itself."""
    studio.click(opened.id, *ON_WALL)
    painted = studio.paint_wall(opened.id, Coat(RED))
    assert studio.choose(opened.id, 1).layers[0].mask != painted.layers[0].mask
    assert studio.undo(opened.id).layers[0].mask == painted.layers[0].mask


@pytest.mark.parametrize(
    ("x", "y"), [(-1, 5), (200, 5), (5, 150), (float("nan"), 5), (1e308, 5), ("a", 5), (None, None)], ids=str
)
def test_clicks_outside_the_photo_are_refused(studio, opened, x, y):
    """One sentence, and the session is as it was."""
    with pytest.raises(InvalidInput):
        studio.click(opened.id, x, y)
    assert studio.session(opened.id).revision == 0


def test_a_click_is_foreground_or_background(studio, opened):
    """Any other label is refused, whatever the selection came from; nothing is taken away by it."""
    studio.select(studio.click(opened.id, *ON_WALL).id, [0])
    with pytest.raises(InvalidInput, match="label"):
        studio.click(opened.id, *ON_DOOR, label=7)
    assert studio.session(opened.id).selection.mask_id == 0


def test_a_click_after_a_mask_prompt_is_answered_alike_after_a_restart(tmp_path, photo_bytes):
    """What the session remembers of the prompts is what its folder does."""
    studio = make_studio(tmp_path)
    mask = np.zeros((150, 200), bool)
    mask[:20, :20] = True
    masks = []
    for restarts in (False, True):
        session = studio.open(photo_bytes)
        studio.segment(session.id, Prompts([ON_WALL], [1], mask_input=mask))
        if restarts:
            studio.sessions.close()
            studio = make_studio(tmp_path)
        session = studio.click(session.id, *ON_DOOR)
        masks.append(session.mask(session.selection.mask_id).rle)
    assert masks[0] == masks[1]
    studio.sessions.close()


def test_the_engine_reads_a_photo_once(studio, photo_bytes):
    """Eight people with one photo cost one embedding; equal clicks cost one prediction."""
    ids = [studio.open(photo_bytes).id for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        sessions = list(pool.map(lambda session_id: studio.click(session_id, *ON_WALL), ids))
    assert studio.engine.asked["embed"] == studio.engine.asked["predict"] == 1
    assert len({session.mask(0) for session in sessions}) == 1


def test_a_wall_is_analysed_once_for_equal_bytes(studio, photo_bytes):
    """The same file and mask under another name share one analysis; another photo or another mask has its own."""
    one, same = (studio.photo(studio.open(photo_bytes, name).id) for name in ("a.png", "b.png"))
    other = studio.photo(studio.open(255 - one.pixels).id)
    mask = is_color(one, WALL)
    found = studio.surface(one, mask_to_rle(mask))
    assert studio.surface(same, mask_to_rle(mask.copy())) is found
    assert studio.surface(other, mask_to_rle(mask)) is not found
    assert studio.surface(one, mask_to_rle(~mask)) is not found


def test_walls_share_the_memory_that_they_are_analysed_in(studio, opened, monkeypatch):
    """All pixels of a wall of 80 megapixels take gigabytes: several at once wait for each other, as photos do."""
    from sam2_painter.studio import caches

    taken = []
    take = caches.DECODING.take
    monkeypatch.setattr(caches.DECODING, "take", lambda nbytes: taken.append(nbytes) or take(nbytes))
    studio.click(opened.id, *ON_WALL)
    studio.paint_wall(opened.id, Coat((10, 200, 30)))
    studio.picture(opened.id)
    _, _, width, height = studio.session(opened.id).layers[0].mask.bbox
    assert taken == [24 * width * height]


def test_two_photos_at_once_do_not_mix(studio, photo_bytes):
    """A click on my photo is answered from my photo, whoever else is clicking."""
    mirrored = to_png(draw_building()[:, ::-1])
    mine, theirs = studio.open(photo_bytes), studio.open(mirrored)
    want = studio.click(mine.id, *ON_DOOR).mask(0)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: studio.generate_at((mine, theirs)[i % 2].id, *ON_DOOR).mask, range(64)))
    assert all(mask == want for mask in found[::2])
    assert all(mask != want for mask in found[1::2])


def test_every_mask_is_kept_and_cached_by_its_parameters(studio, opened):
    """`cached` is true for the same question only; other parameters are another question."""
    first = studio.generate(opened.id)
    again = studio.generate(opened.id)
    coarse = studio.generate(opened.id, AutoMask(min_mask_region_area=1000))
    assert (first.cached, again.cached, coarse.cached) == (False, True, False)
    assert again.session.automatic == first.session.automatic
    assert coarse.session.automatic != first.session.automatic
    areas = [first.session.masks[i].area for i in first.session.automatic]
    assert areas == sorted(areas, reverse=True)
    assert studio.engine.asked["generate"] == 2


def test_clearing_the_cache_changes_no_answer(studio, opened):
    """Any moment is a fine moment to lose it."""
    before = painted_wall(studio, opened)
    picture, masks = studio.picture(opened.id), studio.generate(opened.id).session.masks
    for session_id in (opened.id, None):
        studio.clear_cache(session_id)
        assert np.array_equal(studio.picture(opened.id), picture)
        assert studio.generate(opened.id).session.masks == masks
        assert studio.session(opened.id).layers == before.layers


def test_clearing_one_session_s_cache_leaves_the_others(studio, opened):
    """Nobody's work gets slower because another clears."""
    other = studio.open(to_png(draw_building(120, 90)))
    studio.embed(other.id)
    studio.clear_cache(opened.id)
    assert studio.embed(other.id).cached


def test_the_mask_under_a_point_needs_no_engine(studio, opened):
    """Looked up among the automatic masks, the smallest first; where there is none, it says so."""
    studio.generate(opened.id)
    asked = dict(studio.engine.asked)
    found = studio.mask_at(opened.id, *ON_DOOR)
    assert found.cached
    assert found.mask.rle.contains(*ON_DOOR)
    assert not found.mask.rle.contains(*ON_WALL)
    assert studio.engine.asked == asked


def test_no_mask_under_a_point_is_not_a_crash(studio, opened):
    """A user's mistake gets a sentence that says what to do."""
    with pytest.raises(MaskNotFound, match="Generate masks first"):
        studio.mask_at(opened.id, *ON_SKY)


def test_mask_0_is_a_mask(studio, opened):
    """The first mask has id 0 and can be painted and combined."""
    session = studio.click(opened.id, *ON_WALL)
    assert session.selection.mask_id == 0
    assert studio.combine(opened.id, [0]).mask_id == 0
    assert len(studio.paint(opened.id, [Coat(RED, 0)]).layers) == 1


def test_opacity_0_changes_nothing_and_1_leaves_no_trace(studio, opened, photo):
    """0 is 0; with 1 the old hue is gone, and the file is what the preview showed."""
    painted_wall(studio, opened, opacity=0.0)
    assert np.array_equal(studio.picture(opened.id), photo.pixels)
    painted_wall(studio, opened, opacity=1.0, color=(0, 0, 255), mode="flat")
    x, y = ON_WALL
    assert tuple(studio.picture(opened.id)[y, x]) == (0, 0, 255)
    assert tuple(open_photo(studio.download(opened.id).path).pixels[y, x]) == (0, 0, 255)


def test_repainting_a_mask_takes_the_place_of_its_paint(studio, opened):
    """Painting a wall again recolours it: the colour before does not shine through."""
    painted_wall(studio, opened, opacity=0.5)
    first = studio.picture(opened.id)
    painted_wall(studio, opened, opacity=0.5, color=BLUE)
    session = painted_wall(studio, opened, opacity=0.5)
    assert len(session.layers) == 1
    assert np.array_equal(studio.picture(opened.id), first)


def test_layers_can_be_changed_moved_and_removed(studio, opened, photo):
    """Each is a step of the history; undoing all of them leaves the photo."""
    painted_wall(studio, opened, mode="flat")
    door = studio.generate_at(opened.id, *ON_DOOR).mask_id
    studio.paint(opened.id, [Coat(BLUE, door, opacity=1.0, mode="flat")])
    wall, front = (layer.id for layer in studio.session(opened.id).layers)
    studio.edit_layer(opened.id, front, color=(1, 2, 3), name="Front door")
    assert tuple(studio.picture(opened.id)[ON_DOOR[1], ON_DOOR[0]]) == (1, 2, 3)
    assert [layer.name for layer in studio.move_layer(opened.id, front, 0).layers] == ["Front door", "Wall 1"]
    studio.edit_layer(opened.id, front, visible=False)
    assert np.array_equal(studio.picture(opened.id)[ON_DOOR[1], ON_DOOR[0]], DOOR)
    studio.remove_layer(opened.id, wall)
    assert np.array_equal(studio.picture(opened.id), photo.pixels)
    while studio.session(opened.id).can_undo:
        studio.undo(opened.id)
    assert np.array_equal(studio.picture(opened.id), photo.pixels)
    while studio.session(opened.id).can_redo:
        session = studio.redo(opened.id)
    assert [layer.name for layer in session.layers] == ["Front door"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"opacity": 1.5}, "opacity must be from 0 to 1"),
        ({"opacity": float("nan")}, "opacity"),
        ({"opacity": True}, "opacity must be a number"),
        ({"color": (1, 2)}, "color"),
        ({"color": (1, 2, 256)}, "color"),
        ({"mode": "oil"}, "realistic, flat, multiply"),
        ({"name": "x" * 300}, "200 characters"),
        ({"visible": "yes"}, "true or false"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bad_paint_is_one_sentence_and_no_paint(studio, opened, change, message):
    """Which field, what is allowed; the layers are as they were."""
    before = painted_wall(studio, opened)
    with pytest.raises(InvalidInput, match=message):
        studio.edit_layer(opened.id, 0, **change)
    assert studio.session(opened.id).layers == before.layers


def test_unknown_masks_and_layers_are_named(studio, opened):
    """The message says which there are."""
    with pytest.raises(MaskNotFound, match="No mask 7"):
        studio.paint(opened.id, [Coat(RED, 7)])
    with pytest.raises(LayerNotFound, match="No layer 0"):
        studio.remove_layer(opened.id, 0)
    with pytest.raises(SessionNotFound):
        studio.picture("nobody")


def test_a_mask_brought_along_must_fit(studio, opened):
    """Of the photo's size, with at least one pixel."""
    with pytest.raises(InvalidInput, match="mask is 4x3, the photo 200x150"):
        studio.add_mask(opened.id, mask_to_rle(np.ones((3, 4), bool)))
    with pytest.raises(InvalidInput, match="empty"):
        studio.add_mask(opened.id, mask_to_rle(np.zeros((150, 200), bool)))
    assert studio.add_mask(opened.id, mask_to_rle(np.ones((150, 200), bool))).mask_id == 0


def test_downloads_are_made_once_until_something_changes(studio, opened):
    """Equal recipes give the same file; another colour, format or quality another one."""
    painted_wall(studio, opened)
    first = studio.download(opened.id)
    assert studio.download(opened.id) == first
    assert studio.download(opened.id, format="jpg", quality=90).filename.endswith(".jpg")
    studio.edit_layer(opened.id, 0, color=BLUE)
    assert studio.download(opened.id).filename != first.filename
    studio.undo(opened.id)
    assert studio.download(opened.id) == first
    assert len(studio.sessions.downloads(opened.id)) == 3


@pytest.mark.parametrize(("format", "quality"), [("GIF", 95), ("PNG", 0), ("JPG", 101), ("JPG", 9.5), (None, 95)])
def test_a_download_s_format_and_quality_are_checked(studio, opened, format, quality):
    """Nothing is made for a wrong wish."""
    with pytest.raises(InvalidInput):
        studio.download(opened.id, format=format, quality=quality)
    assert not studio.sessions.downloads(opened.id)


def test_preview_and_download_are_the_same_picture(studio, opened):
    """The preview is the full picture shrunk, within rounding."""
    from sam2_painter.photos.images import fit

    painted_wall(studio, opened)
    full, small = studio.picture(opened.id), studio.picture(opened.id, max_side=100)
    assert small.shape == (75, 100, 3)
    assert np.abs(fit(full, 100).astype(int) - small).max() <= 2


def test_repainting_a_part_equals_painting_all(studio, opened):
    """Whatever was shown before, the picture is that of the photo and its layers."""
    painted_wall(studio, opened)
    door = studio.generate_at(opened.id, *ON_DOOR).mask_id
    studio.paint(opened.id, [Coat(BLUE, door)])
    studio.picture(opened.id)
    studio.edit_layer(opened.id, 0, color=BLUE)
    repainted = studio.picture(opened.id)
    studio.clear_cache()
    assert np.array_equal(studio.picture(opened.id), repainted)


def test_past_its_limit_a_verb_changes_nothing(tmp_path, photo_bytes):
    """The error names the verb and the limit."""
    studio = make_studio(tmp_path, FloodEngine(wait=0.5), limits=Limits(segment=0.05, generate=0.05))
    session = studio.open(photo_bytes)
    with pytest.raises(TimeLimitExceeded, match="click took longer than 0"):
        studio.click(session.id, *ON_WALL)
    with pytest.raises(TimeLimitExceeded, match="generate"):
        studio.generate(session.id)
    after = studio.session(session.id)
    assert (after.revision, len(after.masks)) == (0, 0)
    studio.sessions.close()


def test_generate_reports_progress_and_can_be_cancelled(tmp_path, photo_bytes):
    """Progress rises; after Cancel nothing is kept, and the next try works."""
    studio = make_studio(tmp_path, FloodEngine(wait=100))
    session = studio.open(photo_bytes)
    fractions, started = [], threading.Event()

    def progress(fraction):
        fractions.append(fraction)
        started.set()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(studio.generate, session.id, AutoMask(), progress)
        assert started.wait(60)
        assert studio.cancel(session.id)
        with pytest.raises(Cancelled):
            running.result()
    assert not studio.session(session.id).automatic
    assert not studio.cancel(session.id)
    studio.engine.wait = 0.0
    fractions.clear()
    assert studio.generate(session.id, AutoMask(), progress).session.automatic
    assert fractions == sorted(fractions)
    assert fractions
    studio.sessions.close()


def test_every_mask_can_be_cancelled_while_its_photo_is_opened(studio, opened, monkeypatch):
    """From the first moment on: a photo of many megapixels takes a second."""
    studio.clear_cache()
    opening, go_on = threading.Event(), threading.Event()
    read = studio.sessions.read_photo

    def slowly(session):
        opening.set()
        assert go_on.wait(20)
        return read(session)

    monkeypatch.setattr(studio.sessions, "read_photo", slowly)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(studio.generate, opened.id)
        assert opening.wait(20)
        assert studio.cancel(opened.id)
        go_on.set()
        with pytest.raises(Cancelled):
            running.result()


def test_a_full_queue_is_told_at_once(tmp_path, photo_bytes):
    """One generates, none may wait: the third is Busy; clicks go on."""
    studio = make_studio(tmp_path, queue_size=0)
    ids = [studio.open(to_png(draw_building(width, 90))).id for width in (100, 110)]
    started, goes_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(studio.generate, ids[0], AutoMask(), lambda _: started.set() or goes_on.wait(60))
        assert started.wait(60)
        with pytest.raises(Busy):
            studio.generate(ids[1])
        assert studio.click(ids[1], 50, 55).selection.mask_id == 0
        goes_on.set()
        running.result()
    studio.sessions.close()


def test_the_session_is_free_again_after_a_timeout(tmp_path, photo_bytes):
    """A request that gave up does not hold the session."""
    engine = FloodEngine(wait=0.3)
    studio = make_studio(tmp_path, engine)
    session = studio.open(photo_bytes)
    with pytest.raises(TimeLimitExceeded), Deadline(0.05, "click"):
        studio.click(session.id, *ON_WALL)
    engine.wait = 0.0
    assert studio.click(session.id, *ON_WALL).selection.mask_id == 0
    studio.sessions.close()


def test_close_leaves_nothing_anywhere(studio, opened):
    """Session, files and what was remembered of the photo are gone."""
    painted_wall(studio, opened)
    studio.download(opened.id)
    studio.close(opened.id)
    with pytest.raises(SessionNotFound):
        studio.session(opened.id)
    assert not list(studio.sessions.upload_dir.iterdir())
    assert not list(studio.sessions.results_dir.iterdir())
    assert all(status.entries == 0 for status in studio.cache_status().values())


def test_closing_leaves_others_what_is_known_of_the_same_photo(studio, opened, photo_bytes):
    """Of two sessions on one photo the second is as quick after the first was deleted."""
    other = studio.open(photo_bytes)
    studio.embed(other.id)
    studio.close(opened.id)
    assert studio.embed(other.id).cached
    studio.close(other.id)
    assert all(status.entries == 0 for status in studio.cache_status().values())


def test_a_sweep_forgets_photos_nobody_has_any_more(studio, opened, photo_bytes):
    """What was remembered of a session that expired goes with it; what others work on stays."""
    painted_wall(studio, opened)
    other = studio.open(to_png(draw_building(222, 150)))
    studio.embed(other.id)
    studio.sessions.delete(opened.id)  # as expiry does, or another process
    studio.sweep()
    assert studio.cached_digests() == {other.digest}
    assert all(status.entries <= 1 for status in studio.cache_status().values())


def test_a_sweep_keeps_what_is_read_meanwhile(studio, photo_bytes, monkeypatch):
    """A photo that is opened and read after the sweep has asked whose photos there are is not forgotten."""
    asked, opened = studio.sessions.digests, []

    def meanwhile():
        known = asked()
        opened.append(studio.open(photo_bytes).id)
        studio.embed(opened[0])
        return known

    monkeypatch.setattr(studio.sessions, "digests", meanwhile)
    studio.sweep()
    assert studio.embed(opened[0]).cached


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"", NotAnImage), (b"hello, I am text", NotAnImage), (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, NotAnImage)],
    ids=["empty", "text", "broken"],
)
def test_what_is_no_photo_opens_no_session(studio, data, error):
    """One sentence, and nothing is kept."""
    with pytest.raises(error):
        studio.open(data, "house.jpg")
    assert studio.sessions.count() == 0
    assert not list(studio.sessions.upload_dir.iterdir())


def test_limits_on_bytes_and_pixels_are_settings(tmp_path, photo_bytes):
    """Both are checked when a photo comes in."""
    small = make_studio(tmp_path / "a", max_file_size=100)
    with pytest.raises(TooLarge):
        small.open(photo_bytes)
    narrow = make_studio(tmp_path / "b", max_pixels=29_999)
    with pytest.raises(TooLarge, match="200x150"):
        narrow.open(photo_bytes)
    small.sessions.close()
    narrow.sessions.close()


def test_every_verb_writes_one_line(studio, photo_bytes, caplog):
    """Session (short), verb, milliseconds, outcome; never the whole id, which opens the session."""
    with caplog.at_level(logging.INFO, "sam2_painter.studio.verb"):
        session = studio.open(photo_bytes)
        studio.segment_parts(session.id, [Prompts.click(*ON_WALL)])
        with pytest.raises(InvalidInput):
            studio.click(session.id, -5, 5)
    told = [record.fields for record in caplog.records if record.name == "sam2_painter.studio.verb"]
    lines = [line for line in told if line["session"] == session.id[:6]]
    assert [(line["verb"], line["outcome"]) for line in lines] == [
        ("open", "ok"),
        ("segment_parts", "ok"),
        ("click", "InvalidInput"),
    ]
    assert all(line["ms"] >= 0 for line in lines)
    assert session.id not in caplog.text


def test_selecting_the_sky_and_painting_it_is_the_user_s_business(studio, opened, photo):
    """A box works like a click: what lies in it is selected."""
    session = studio.segment(opened.id, Prompts(box=[10, 0, 190, 20]))
    rle = session.mask(session.selection.mask_id).rle
    assert rle.bbox == (10, 0, 180, 20)
    assert is_color(photo, SKY)[5, 50]
    assert rle.contains(50, 5)


def test_an_engine_that_takes_long_reads_ahead(tmp_path, photo_bytes):
    """Where the engine wants it, or a person will click, reading begins in the background and the first question joins
    it; else it waits."""
    for wants, clicks in ((True, False), (False, True), (False, False)):
        engine = FloodEngine()
        engine.reads_ahead = wants
        studio = make_studio(tmp_path / f"{wants} {clicks}", engine)
        session = studio.open(photo_bytes)
        studio.read_ahead(session.id, clicks=clicks)
        studio.reading.finish()
        assert engine.asked["embed"] == int(wants or clicks)
        studio.click(session.id, 100, 90)
        assert engine.asked["embed"] == 1
        studio.sessions.close()
