"""The page in a real browser: walls are made right, work is not lost, and everybody can use it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import DOOR_AT, HEIGHT, SKY_AT, WALL_AT, WIDTH, WINDOW_AT
from conftest import DOOR, WALL, draw_building, eventually, to_png
from engines import FloodEngine, NamingEngine

from sam2_painter.rle import mask_to_rle
from sam2_painter.types import Mask

pytest.importorskip("gradio", reason="the page needs gradio")
pytest.importorskip("playwright", reason="the browser tests need playwright")

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = pytest.mark.browser


def painted(painter, color: str = "#3060a0"):
    """The page with a photo whose wall is painted."""
    painter.open().click(*WALL_AT)
    painter.type_color(color)
    return painter.idle()


def corner(painter) -> tuple[float, float]:
    """A place on the screen beside everything that can be pressed."""
    frame = painter.page.locator(".sp-view").bounding_box()
    return frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] + 20


# -- a wall is made right, before it is painted and after


def test_a_painted_wall_is_chosen_by_a_click(new_page):
    """A click on it makes no second layer: it is that wall again, with its points, and a colour repaints it."""
    painter = painted(new_page())
    painter.click(*SKY_AT)
    assert painter.session.selection.layer is None
    painter.click(900, 850)
    (layer,) = painter.session.layers
    assert painter.session.selection.layer == layer.id
    assert painter.page.locator(".sp-mark").count() == 1
    painter.type_color("#208040")
    (layer,) = painter.idle().session.layers
    assert layer.color == (0x20, 0x80, 0x40)


def test_a_leak_is_taken_off_a_painted_wall(new_page):
    """Remove makes the wall and its paint smaller there, at once and visibly; one undo brings it back."""
    painter = painted(new_page())
    area = painter.session.layers[0].mask.area
    painter.page.locator('.sp-signs label:has([value="subtract"])').click()
    painter.click(900, 850)
    (layer,) = painter.session.layers
    assert not layer.mask.rle.contains(900, 850)
    assert 100 < area - layer.mask.area < area / 2
    assert painter.page.locator(".sp-mark.sp-bg").count() == 1
    painter.key("Escape").key("Control+z").key("Control+z")
    assert painter.session.layers[0].mask.area == area


def test_brush_and_eraser(new_page):
    """A stroke changes the chosen wall under the brush, and is one step of the history; keys change its size."""
    painter = new_page().open().click(*WALL_AT)
    area = painter.mask.sum()
    painter.key("e").key("]")
    size = painter.page.locator("[data-brush-size]").input_value()
    assert float(size) > 18
    painter.drag((100, 500), (160, 500))
    assert painter.mask[500, 130]
    assert painter.mask.sum() > area
    painter.key("3").drag((600, 600), (700, 600))
    assert not painter.mask[600, 650]
    assert painter.mask[WALL_AT[1] - 100, WALL_AT[0]]
    painter.key("Control+z")
    assert painter.mask[600, 650]
    painter.key("Control+z")
    assert painter.mask.sum() == area


def test_a_stroke_is_seen_while_it_is_drawn(new_page):
    """It does not wait for the server: nothing is asked before the hand lets go."""
    painter = new_page().open().key("e")
    before, asked = painter.seen(400, 600), []
    painter.page.on("request", lambda request: asked.append(request.url))
    painter.page.mouse.move(*painter.at(300, 600))
    painter.page.mouse.down()
    painter.page.mouse.move(*painter.at(500, 600), steps=5)
    assert np.abs(np.subtract(before, painter.seen(400, 600))).max() > 30
    assert asked == []
    painter.page.mouse.up()
    assert painter.idle().mask[600, 400]


def test_lines_from_corner_to_corner(new_page):
    """A polygon is a wall of exactly these corners; the first one closes it, Escape drops it."""
    painter = new_page().open().key("l").key("a")  # all of what is drawn
    for place in ((300, 300), (700, 300), (700, 600)):
        painter.page.mouse.click(*painter.at(*place))
    painter.page.keyboard.press("Escape")
    for place in ((400, 300), (800, 300), (800, 600), (400, 600), (400, 300)):
        painter.page.mouse.click(*painter.at(*place))
    mask = painter.idle().mask
    assert abs(int(mask.sum()) - 400 * 300) < 3000
    assert mask[450, 600]
    assert not mask[450, 350]


def test_lines_go_on_beside_the_photo(new_page):
    """A corner beyond the photo's end counts where it was clicked: the wall goes on to the photo's end."""
    painter = new_page().open().key("l").key("a")
    for place in ((800, 200), (800, -30), (1100, -30), (1100, 200), (800, 200)):
        painter.page.mouse.click(*painter.at(*place))
    mask = painter.idle().mask
    assert mask[:195, 810:1090].all()
    assert abs(int(mask.sum()) - 200 * 300) < 3000


def test_the_last_corner_is_taken_back(new_page):
    """By Backspace, Ctrl+Z and a button, and by nothing else that was done; without corners Ctrl+Z is undo again."""
    painter = new_page().open().click(*WALL_AT)
    area = painter.mask.sum()
    painter.key("l").key("a").key("2")
    back = painter.page.locator('[data-do="drop-corner"]')
    assert not back.is_visible()
    for place in ((20, 20), (120, 20), (120, 120), (600, 400), (600, 500), (700, 500)):
        painter.page.mouse.click(*painter.at(*place))
    painter.page.keyboard.press("Backspace")
    painter.page.keyboard.press("Control+z")
    back.click()
    painter.page.keyboard.press("Enter")
    assert abs(int(painter.idle().mask.sum() - area) - 100 * 100 / 2) < 200
    painter.page.mouse.click(*painter.at(400, 400))
    painter.key("Control+z").key("Control+z")
    assert painter.mask.sum() == area


@pytest.mark.parametrize("width", [1280, 900])
def test_buttons_of_lines_cover_no_others(new_page, width):
    """While lines are drawn, in wide windows and narrow ones: none lies on the zoom or outside the window."""
    painter = new_page(size=(width, 844)).open().key("l")
    for place in ((300, 300), (700, 300), (700, 600)):
        painter.page.mouse.click(*painter.at(*place))
    zoom = painter.page.locator(".sp-zoom").bounding_box()
    for name in ('[data-do="drop-corner"]', '[data-do="close-polygon"]', ".sp-signs", ".sp-linesbar"):
        box = painter.page.locator(name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        beside = box["x"] + box["width"] <= zoom["x"] or zoom["x"] + zoom["width"] <= box["x"]
        above = box["y"] + box["height"] <= zoom["y"] or zoom["y"] + zoom["height"] <= box["y"]
        assert beside or above, name


class Finger:
    """One finger on a page with touch. Coordinates are pixels of the photo."""

    def __init__(self, painter):
        self.painter = painter
        self.session = painter.page.context.new_cdp_session(painter.page)

    def put(self, kind: str, *places: tuple[float, float]) -> None:
        """touchStart, touchMove or touchEnd, with all fingers that are down."""
        points = [dict(zip("xy", self.painter.at(*place), strict=True), id=n) for n, place in enumerate(places)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self.painter.drawn()


def test_a_finger_sees_what_it_covers(new_page):
    """Under a finger that draws a loupe shows the photo with its outline, above it or aside, never under the hand."""
    painter = new_page(size=(390, 844), has_touch=True, is_mobile=True).open().click(*WALL_AT)
    loupe, finger = painter.page.locator(".sp-loupe"), Finger(painter)
    assert not loupe.is_visible()
    painter.page.locator('[data-tab="fix"]').tap()
    for tool in ("brush", "box"):
        painter.page.locator(f'.sp-tools label:has([value="{tool}"])').tap()
        for place in ((600, 700), (60, 20), (1180, 20)):
            finger.put("touchStart", WALL_AT if tool == "brush" else (300, 600))  # a stroke begins on a mark, too
            finger.put("touchMove", (500, 600))
            finger.put("touchMove", place)
            assert loupe.is_visible(), tool
            x, y = painter.at(*place)
            box, stage = loupe.bounding_box(), painter.page.locator(".sp-view").bounding_box()
            away = np.hypot(box["x"] + box["width"] / 2 - x, box["y"] + box["height"] / 2 - y)
            assert away > box["width"] / 2 + 20
            assert stage["x"] <= box["x"]
            assert stage["y"] <= box["y"]
            assert box["x"] + box["width"] <= stage["x"] + stage["width"]
            finger.put("touchCancel")
            assert not loupe.is_visible()
    finger.put("touchStart", (600, 700))
    finger.put("touchMove", (700, 700))
    finger.put("touchStart", (700, 700), (900, 700))
    assert not loupe.is_visible()  # two fingers move the photo
    assert loupe.get_attribute("aria-hidden") == "true"


def test_the_loupe_shows_the_photo_larger(new_page):
    """Its middle is what lies under the finger, and around it less of the photo than on the stage."""
    painter = new_page(size=(390, 844), has_touch=True, is_mobile=True).open()
    finger = Finger(painter)
    window = np.asarray(draw_building(WIDTH, HEIGHT))[WINDOW_AT[1], WINDOW_AT[0]]
    finger.put("touchStart", WINDOW_AT)
    painter.page.wait_for_selector(".sp-loupe:not([hidden])")
    box, screen = painter.page.locator(".sp-loupe").bounding_box(), painter.drawn().screen()
    middle = round(box["y"] + box["height"] / 2), round(box["x"] + box["width"] / 2)
    same = [np.abs(screen[middle[0] + 12, middle[1] + dx] - window).max() < 30 for dx in range(-60, 61)]
    shown = np.flatnonzero((np.asarray(draw_building(WIDTH, HEIGHT))[WINDOW_AT[1]] == window).all(axis=-1))
    run = shown[(shown > WINDOW_AT[0] - 100) & (shown < WINDOW_AT[0] + 100)]
    on_stage = (run.max() - run.min()) * 390 / WIDTH
    assert 2 * on_stage <= sum(same) <= 3 * on_stage
    finger.put("touchEnd")


def test_a_finger_that_rests_aims(new_page):
    """Held down it looks for its place under the loupe, and the click is where it is lifted; a mouse has no loupe."""
    painter = new_page(size=(390, 844), has_touch=True, is_mobile=True).open()
    finger = Finger(painter)
    finger.put("touchStart", SKY_AT)
    painter.page.wait_for_selector(".sp-loupe:not([hidden])")
    assert painter.session.selection.mask_id is None
    finger.put("touchMove", (500, 300))
    finger.put("touchMove", WALL_AT)
    finger.put("touchEnd")
    painter.idle()
    assert painter.mask[WALL_AT[1], WALL_AT[0]]
    assert not painter.mask[SKY_AT[1], SKY_AT[0]]
    assert painter.page.evaluate("window.sam2painter.stage.camera.zoomed") == 1
    painter.page.mouse.move(*painter.at(*WALL_AT))
    painter.page.mouse.down()
    painter.page.wait_for_timeout(400)  # longer than a finger needs
    assert not painter.page.locator(".sp-loupe").is_visible()
    painter.page.mouse.up()


def test_a_wall_starts_over(new_page):
    """Its shape is what is clicked next, its paint stays, and one undo takes that back; Escape keeps the shape."""
    painter = painted(new_page())
    before = painter.session.layers[0]
    anew = painter.page.locator('[data-do="anew"]')
    painter.key("3").click(*SKY_AT)
    painter.toast("no part of this wall")
    painter.do("anew")
    assert painter.page.locator(".sp-toast").count() == 0
    assert painter.session.revision == painter.page.evaluate("window.sam2painter.state.session.revision")
    assert "begins anew" in painter.page.locator(".sp-status").inner_text()
    painter.key("Escape")
    assert anew.inner_text() == "Start over"
    assert painter.session.selection.layer == before.id
    painter.do("anew").click(*DOOR_AT)
    (layer,) = painter.session.layers
    assert (layer.id, layer.color) == (before.id, before.color)
    assert layer.mask.rle.contains(*DOOR_AT)
    assert not layer.mask.rle.contains(*WALL_AT)
    painter.click(*SKY_AT)  # the next wall again
    assert painter.session.selection.layer is None
    painter.key("Control+z").key("Control+z")
    assert painter.session.layers[0].mask.rle == before.mask.rle


class Threefold(FloodEngine):
    """Has three answers to everything."""

    def predict(self, embedding, prompts):
        first, second = super().predict(embedding, prompts)
        wider = cv2.dilate(first.segmentation.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
        return [first, second, Mask(mask_to_rle(wider), 0.7)]


def test_every_answer_has_a_name_of_its_own(new_page, launch):
    """Of three, the two on one side of the one that is taken are told apart, by their names and by their shares."""
    painter = new_page(launch(Threefold(), requests_per_minute=100_000)).open().click(*WALL_AT)
    answers = painter.page.locator(".sp-answer")
    assert painter.until(lambda: answers.count() == 3)
    names = set()
    for place in range(3):
        answers.nth(place).click()
        assert painter.until(lambda place=place: answers.nth(place).get_attribute("aria-pressed") == "true")
        assert len(set(answers.all_inner_texts())) == 3
        assert len({answer.get_attribute("title") for answer in answers.all()}) == 3
        names |= set(answers.all_inner_texts())
    assert names == {"Smallest", "Smaller", "This", "Larger", "Largest"}


def test_a_rough_polygon_and_a_tidy_outline(new_page):
    """Only the wall is taken of lines that are drawn roughly; what was drawn is the largest answer, in the same step. T
    tidies, and says so where there is nothing to tidy."""
    painter = new_page().open().key("l")
    for place in ((175, 275), (1024, 275), (1024, 890), (175, 890), (175, 275)):
        painter.page.mouse.click(*painter.at(*place))
    painter.idle()
    assert painter.page.locator(".sp-status").inner_text() == "Choose a colour. Or click around what is missing."
    step = painter.session.selection.steps[0]
    assert (step.kind, step.edge_aware) == ("polygon", True)
    painter.page.locator(".sp-answer").last.click()
    assert painter.until(lambda: painter.session.selection.choice == 1)
    assert painter.session.can_undo == "polygon"
    painter.key("t").idle()
    assert painter.session.can_undo == "tidy the outline"
    for _ in range(3):
        painter.key("t").idle()
    assert painter.page.locator(".sp-toast").inner_text().startswith("This outline follows the photo already.")


def test_a_click_that_changes_nothing_says_so(new_page):
    """Remove beside the wall, Add inside it, with every tool; it goes when something else is done."""
    painter = new_page().open().click(*WALL_AT).key("3").click(*SKY_AT)
    assert painter.page.locator(".sp-toast").inner_text().startswith("That is no part of this wall.")
    inside = (WALL_AT[0] + 20, WALL_AT[1])
    painter.key("2").click(*inside)
    assert painter.page.locator(".sp-toast").inner_text().startswith("That changes nothing here.")
    painter.key("1").click(*SKY_AT, button="right")
    assert painter.page.locator(".sp-toast").inner_text().startswith("That is no part of this wall.")
    painter.key("e").key("2").drag(inside, (inside[0] + 20, inside[1]))
    assert painter.page.locator(".sp-toast").inner_text().startswith("That changes nothing here.")
    painter.key("b").key("3").drag((20, 200), (80, 260))
    assert painter.page.locator(".sp-toast").inner_text().startswith("That is no part of this wall.")
    painter.key("v").key("2").click(*SKY_AT)
    assert painter.page.locator(".sp-toast").count() == 0


def test_a_click_goes_on_with_what_was_found(new_page):
    """The cursor says plus over a wall that was brought along, and a click adds."""
    painter = new_page().open()
    mask = np.zeros((900, 1200), np.uint8)
    mask[:200] = 255
    file = {"name": "sky.png", "mimeType": "image/png", "buffer": to_png(mask)}
    painter.page.locator("[data-mask-file]").set_input_files(file)
    painter.page.wait_for_function("window.sam2painter.state.session?.selection.mask_id !== null")
    area = painter.idle().mask.sum()
    painter.page.mouse.move(*painter.at(*WALL_AT))
    painter.page.wait_for_function("document.querySelector('.sp-view').dataset.sign === 'plus'")
    assert painter.click(*WALL_AT).mask.sum() > area


def test_painted_walls_are_protected_and_can_be_taken_from(new_page):
    """What belongs to another wall is refused and offered; unprotected it is shared, and can be taken afterwards."""
    painter = new_page().open().click(*WALL_AT)
    painter.type_color("#705030")
    painter.idle().click(*SKY_AT)
    painter.type_color("#305070")
    painter.idle()
    wall, sky = painter.session.layers
    painter.key("2").click(*WALL_AT)
    take = painter.page.locator(".sp-toastaction").filter(has_text=f"Take these from {wall.name}")
    take.wait_for()
    painter.key("e").drag((600, 540), (700, 540))  # all of it is painted
    take.click()
    assert painter.until(lambda: painter.session.layers[0].mask.area < wall.mask.area)
    assert painter.session.layers[1].mask.area > sky.mask.area
    painter.key("Control+z")  # one step
    assert [layer.mask.area for layer in painter.session.layers] == [wall.mask.area, sky.mask.area]
    protect = painter.page.locator("[data-protect]")
    assert protect.is_checked()
    protect.uncheck()
    painter.key("e").drag((600, 540), (700, 540))
    take = painter.page.locator('[data-do="take-over"]')
    take.wait_for()
    assert take.inner_text() == f"Take what it shares from {wall.name}"
    take.click()
    assert painter.until(lambda: painter.session.layers[0].mask.area < wall.mask.area)
    assert painter.session.layers[1].mask.area > sky.mask.area
    assert not take.is_visible()


@pytest.mark.parametrize("size", [(390, 844), (320, 640)], ids=str)
def test_answers_cover_nothing_of_a_phones_photo(new_page, size):
    """Smaller and larger can be taken beside every tab, below the photo; a hint of two lines is above it."""
    painter = new_page(size=size, has_touch=True, is_mobile=True).open().click(*WALL_AT)
    answers = painter.page.locator(".sp-answer")
    photo = painter.page.locator(".sp-view").bounding_box()
    hint = painter.page.locator(".sp-status").bounding_box()
    assert hint["y"] + hint["height"] <= photo["y"]
    for tab in ("fix", "walls", "paint"):
        painter.page.locator(f'[data-tab="{tab}"]').click()
        answers.first.wait_for()
        box = answers.first.bounding_box()
        assert min(box["width"], box["height"]) >= 44
        assert box["y"] >= photo["y"] + photo["height"]
    assert painter.page.locator(".sp-stage").bounding_box()["height"] >= 0.55 * size[1]
    painter.type_color("#705030")
    assert painter.idle().session.layers
    assert answers.first.is_visible()


@pytest.mark.parametrize("shape", [(600, 800), (500, 1100), (900, 700)], ids=str)
def test_nothing_lies_on_a_phones_photo(new_page, shape):
    """Neither what is said nor what the next tap does, before, between and after: it has more than half of the screen,
    and zoomed in its corners can be moved out from under the button that fits it."""
    painter = new_page(size=(390, 844), has_touch=True, is_mobile=True).open(to_png(draw_building(*shape)))
    page = painter.page
    wall = (0.55 * shape[0], 0.62 * shape[1])
    for do in (lambda: None, lambda: painter.click(*wall), lambda: painter.swatch(5), lambda: painter.key("l")):
        do()
        left, top = painter.at(-0.5, -0.5)
        right, bottom = painter.at(shape[0] - 0.5, shape[1] - 0.5)
        lying = page.evaluate(
            """([left, top, right, bottom]) => [...document.querySelectorAll(".sp-stage > :not(.sp-view), .sp-panel")]
              .filter((e) => e.checkVisibility() && e.matches(":not(.sp-busy):not(.sp-messages)"))
              .map((e) => [e.className, e.getBoundingClientRect()])
              .filter(([, at]) => at.width && at.left < right - 1 && at.right > left + 1
                && at.top < bottom - 1 && at.bottom > top + 1)
              .map(([name]) => name)""",
            [left, top, right, bottom],
        )
        assert lying == []
        assert page.locator(".sp-view").bounding_box()["height"] >= 0.55 * 844
    page.evaluate("sam2painter.stage.zoom(4), sam2painter.stage.camera.pan(-1e5, -1e5), sam2painter.stage.moved()")
    corner_at = page.evaluate("([x, y]) => sam2painter.stage.toScreen(x, y)", [shape[0] - 1, shape[1] - 1])
    fit = page.locator('[data-do="fit"]').bounding_box()
    assert corner_at["x"] < fit["x"] or corner_at["y"] < fit["y"]
    page.locator('[data-do="fit"]').tap()
    page.locator(".sp-zoom").wait_for(state="hidden")


def test_a_message_with_a_button_is_read_on_a_phone(new_page):
    """Its sentence has the line to itself, its buttons are large enough, and no hint looks out behind it."""
    painter = new_page(size=(390, 844)).open().click(*WALL_AT)
    painter.type_color("#705030")
    painter.idle().open(to_png(draw_building(400, 300)), "another photo.png")
    toast, action = painter.page.locator(".sp-toast"), painter.page.locator(".sp-toastaction")
    action.wait_for()
    assert toast.locator("span").bounding_box()["width"] > toast.bounding_box()["width"] / 2
    box, hint = toast.bounding_box(), painter.page.locator(".sp-status").bounding_box()
    assert box["y"] <= hint["y"] <= hint["y"] + hint["height"] <= box["y"] + box["height"]
    for pressed in toast.locator("button").all():
        assert min(pressed.bounding_box()[side] for side in ("width", "height")) >= 44


def test_several_photos_come_down_together(new_page):
    """Once two photos of this browser are painted, all of them are one zip."""
    painter = new_page().open().click(*WALL_AT)
    painter.type_color("#705030")
    painter.idle()
    together = painter.page.locator('[data-do="download-pictures"]')
    painter.page.locator('[data-menu="export"]').click()
    assert not together.is_visible()
    painter.page.keyboard.press("Escape")
    painter.open(to_png(np.flip(draw_building(1200, 900), axis=1).copy()), "mirror.png").click(600, 560)
    painter.type_color("#305070")
    painter.idle()
    painter.page.locator('[data-menu="export"]').click()
    with painter.page.expect_download() as saved:
        together.click()
    assert saved.value.suggested_filename.endswith(".zip")


def test_answers_are_pictures(new_page):
    """Smaller to larger, the taken one marked; one that is pointed at is shown on the photo, and nothing is taken."""
    painter = new_page().open().click(*WALL_AT)
    answers = painter.page.locator(".sp-answer")
    answers.first.wait_for()
    words = answers.all_inner_texts()
    assert words.count("This") == 1
    revision, other = painter.session.revision, answers.filter(has_text="Larger").first
    other.hover()
    painter.page.wait_for_function("window.sam2painter.stage.scene.ghost !== null")
    assert painter.session.revision == revision
    painter.page.mouse.move(*corner(painter))
    painter.page.wait_for_function("window.sam2painter.stage.scene.ghost === null")
    before = painter.mask.sum()
    other.click()
    assert painter.idle().mask.sum() > before


def test_a_colour_is_seen_before_it_is_chosen(new_page):
    """The paint under the pointer is on the wall, and gone when the pointer leaves."""
    painter = new_page().open().click(*WALL_AT)
    painter.page.locator("[data-palette] .sp-swatch").nth(3).hover()
    painter.idle().page.wait_for_function("window.sam2painter.wall?.image")
    at = (900, 850)
    before = painter.seen(*at)
    painter.page.locator("[data-palette] .sp-swatch").nth(14).hover()
    painter.page.wait_for_function("window.sam2painter.stage.scene.live")
    assert np.abs(np.subtract(before, painter.seen(*at))).max() > 20
    painter.page.mouse.move(*corner(painter))
    painter.page.wait_for_function("!window.sam2painter.stage.scene.live")
    assert painter.session.layers == ()


def test_paints_by_family_and_name(new_page):
    """A family shows its paints alone; what is typed finds them by name."""
    painter = new_page().open()
    swatches = painter.page.locator("[data-palette] .sp-swatch")
    assert swatches.count() == 48
    painter.page.locator(".sp-family", has_text="Blues").click()
    assert 2 < swatches.count() < 20
    painter.page.locator(".sp-text").fill("sage")
    assert swatches.count() >= 1
    assert all("sage" in name.lower() for name in swatches.all_inner_texts())


# -- work is not lost


def test_a_server_that_is_gone(new_page):
    """It is told within 5 s, the click is not lost, and it is not done twice."""
    painter = new_page().open()
    for address in ("**/page/*", "**/api/health"):
        painter.page.route(address, lambda route: route.abort("connectionrefused"))
    painter.page.mouse.click(*painter.at(*WALL_AT))
    painter.page.locator(".sp-toast", has_text="does not answer").wait_for(timeout=5000)
    painter.page.unroute_all()
    painter.page.locator(".sp-toast", has_text="is back").wait_for()
    painter.idle()
    assert len(painter.session.selection.prompts.point_coords) == 1


def test_an_answer_that_was_lost_is_not_asked_for_twice(new_page):
    """The server did it, the answer never came: what is done stays done once."""
    painter = new_page().open()

    def lose(route) -> None:
        route.fetch()
        route.abort("connectionreset")

    painter.page.route("**/page/click", lose, times=1)
    painter.page.mouse.click(*painter.at(*WALL_AT))
    painter.page.locator(".sp-mark:not(.sp-pending)").wait_for()
    painter.idle()
    assert len(painter.session.selection.steps) == 1


def test_unexpected_errors_are_one_sentence(new_page):
    """Whatever a server answers, something is said."""
    painter = new_page().open()
    painter.page.route("**/page/click", lambda route: route.fulfill(status=500, body="<html>oops</html>"), times=1)
    painter.page.mouse.click(*painter.at(*WALL_AT))
    assert "Something went wrong" in painter.toast()
    painter.idle()
    assert painter.page.locator(".sp-mark").count() == 0
    painter.click(*WALL_AT)
    assert painter.mask[WALL_AT[1], WALL_AT[0]]


def test_a_busy_server_is_asked_again(new_page):
    """503 with Retry-After is no answer: the click counts a moment later."""
    painter = new_page().open()
    busy = dict(status=503, headers={"Retry-After": "1"}, json={"detail": "busy"})
    painter.page.route("**/page/click", lambda route: route.fulfill(**busy), times=2)
    painter.click(*WALL_AT)
    assert painter.mask[WALL_AT[1], WALL_AT[0]]


def test_an_open_page_keeps_its_session(new_page, launch):
    """It lives on, unused, beyond its time; when the server is gone that is told before it ends."""
    live = launch(session_ttl=12.0, requests_per_minute=100_000)  # a slow machine may miss a sign of life or two
    painter = new_page(live).open()
    told = []
    painter.page.on("response", lambda reply: told.append(reply) if reply.url.endswith("/page/alive") else None)
    assert eventually(lambda: len(told) >= 5 or painter.page.wait_for_timeout(100))
    assert all(reply.status == 200 for reply in told)
    assert live.studio.sweep() == 0
    assert painter.session.name == "house.png"
    for address in ("**/page/*", "**/api/health"):
        painter.page.route(address, lambda route: route.abort("connectionrefused"))
    painter.page.locator(".sp-toast", has_text="deletes this photo in about").wait_for()


def test_the_photo_before_can_be_had_back(new_page):
    """Opening another photo over painted work says so, and one press brings it back; it is under Open, too."""
    painter = painted(new_page())
    first = painter.sid
    painter.open(to_png(draw_building(400, 300)), "second.png")
    assert painter.sid != first
    painter.page.locator(".sp-toastaction").click()
    painter.page.wait_for_function(f"window.sam2painter.state.session?.sid === '{first}'")
    assert painter.idle().page.locator(".sp-layer").count() == 1
    painter.page.locator('[data-menu="open"]').click()
    assert painter.page.locator("#sp-menu-open .sp-photo").all_inner_texts() == ["second.png"]


def test_several_photos_and_links(new_page):
    """Two photos that are dropped are both opened; of a link that is dropped it is said what to do."""
    painter = new_page()
    drop = """([files, link]) => {
      const carrier = new DataTransfer();
      for (const [name, data] of files)
        carrier.items.add(new File([Uint8Array.from(data)], name, { type: "image/png" }));
      if (link) carrier.setData("text/uri-list", link);
      document.querySelector(".sp").dispatchEvent(new DragEvent("drop", { dataTransfer: carrier, bubbles: true }));
    }"""
    data = list(to_png(draw_building(200, 150)))
    painter.page.evaluate(drop, [[["a.png", data], ["b.png", data]], None])
    assert "2 photos were opened" in painter.toast()
    assert painter.idle().session.name == "a.png"
    assert len(painter.page.evaluate("window.sam2painter.photos.all")) == 2
    painter.page.evaluate(drop, [[], "https://example.org/house.jpg"])
    assert "A link cannot be opened" in painter.toast("link")


def test_a_project_is_saved_and_opened(new_page, tmp_path):
    """Save this project gives a file; chosen again, it is the work as it was, and walls can still be changed."""
    painter = painted(new_page())
    painter.page.locator('[data-menu="open"]').click()
    with painter.page.expect_download() as download:
        painter.page.locator('[data-do="save-project"]').click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    first = painter.idle().sid
    painter.type_color("#802020")
    painter.idle().page.locator("[data-file]").set_input_files(str(file))
    painter.page.wait_for_function(f"window.sam2painter.state.session.sid !== '{first}'")
    (layer,) = painter.idle().session.layers
    assert layer.color == (0x30, 0x60, 0xA0)
    assert painter.page.locator(".sp-lrv").inner_text().startswith("LRV")
    painter.click(900, 850).key("3").click(900, 850)
    assert not painter.session.layers[0].mask.rle.contains(900, 850)


def test_schemes_on_the_page(new_page, tmp_path):
    """A copy is painted otherwise, named, compared, switched, and taken back by undo."""
    painter = painted(new_page(), "#3060a0")
    page = painter.page
    assert page.locator(".sp-schemelist button").all_text_contents() == ["Try another scheme"]
    page.locator(".sp-addscheme").click()
    painter.idle().type_color("#c0392b")
    page.locator("[data-scheme-name]").fill("Bold")
    page.keyboard.press("Enter")
    painter.idle()
    assert page.locator(".sp-schemelist button").all_text_contents() == ["A", "Bold", ""]
    page.locator(".sp-schemelist button").first.click()
    assert painter.idle().session.layers[0].color == (0x30, 0x60, 0xA0)
    page.locator('[data-do="compare-schemes"]').click()
    page.wait_for_function("document.querySelectorAll('.sp-compare img')[2]?.naturalWidth > 500")
    assert page.locator(".sp-compare figure").all_inner_texts() == ["Photo", "A", "Bold"]
    with page.expect_download() as download:
        page.locator('[data-do="save-compared"]').click()
    assert download.value.suggested_filename == "schemes.jpg"
    with page.expect_download() as download:
        page.locator('[data-do="download-schemes"]').click()
    assert download.value.suggested_filename.endswith(".zip")
    page.locator(".sp-compare button", has_text="Bold").click()
    assert painter.idle().session.layers[0].color == (0xC0, 0x39, 0x2B)
    painter.key("Control+z").key("Control+z")
    assert painter.idle().session.layers[0].color == (0xC0, 0x39, 0x2B)
    assert page.locator('.sp-schemelist [aria-pressed="true"]').all_text_contents() == ["Bold"]


def test_a_sheet_for_the_painter(new_page):
    """Its link is made in a dialog, read by a browser that knows nothing of the session, and taken back."""
    painter = painted(new_page())
    page = painter.page
    page.locator('[data-menu="export"]').click()
    page.locator('[data-do="open-sheet"]').click()
    page.locator("[data-sheet-length]").fill("12.5")
    page.locator("[data-sheet-units]").select_option("m")
    page.locator('[data-do="make-sheet"]').click()
    href = page.locator(".sp-sheets a").get_attribute("href")
    stranger = page.context.browser.new_context().new_page()
    stranger.goto(href)
    assert "m²" in stranger.locator("li").inner_text()
    assert stranger.evaluate("[...document.images].every((one) => one.naturalWidth > 100)")
    stranger.context.close()
    with page.expect_download() as download:
        page.locator('[data-do="download-sheet"]').click()
    assert download.value.suggested_filename.endswith(".html")
    page.locator(".sp-sheets button", has_text="Take back").click()
    page.locator(".sp-sheets li").wait_for(state="detached")
    assert page.request.get(href).status == 404


def test_sheets_are_told_apart(new_page):
    """Beside each link are the colours of its walls, its scheme and when it was made."""
    painter = painted(new_page(), "#3060a0")
    page = painter.page
    page.locator(".sp-addscheme").click()
    painter.idle()
    for color in ("#c0392b", "#208040"):
        painter.type_color(color)
        painter.idle()
        page.locator('[data-menu="export"]').click()
        page.locator('[data-do="open-sheet"]').click()
        page.locator('[data-do="make-sheet"]').click()
        painter.idle()
        page.locator('[data-do="close-sheet"]').click()
    told = page.locator(".sp-sheets small")
    assert [text.split(" made ")[0] for text in told.all_text_contents()] == ["Scheme B,"] * 2
    assert [told.nth(n).locator("i").get_attribute("title") for n in range(2)] == ["#208040", "#c0392b"]


@pytest.mark.parametrize("name", ["help", "sheet"])
def test_dialogs_fit_into_a_small_phone(new_page, name):
    """At 320 pixels nothing of them lies aside, least of all the button that closes them."""
    painter = painted(new_page(size=(320, 640), has_touch=True, is_mobile=True))
    page = painter.page
    if name == "sheet":
        page.locator('[data-menu="export"]').click()
    page.locator(f'[data-do="{dict(help="help", sheet="open-sheet")[name]}"]').click()
    painter.idle()
    dialog, close = page.locator("dialog[open]"), page.locator(f'[data-do="close-{name}"]')
    assert dialog.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert close.bounding_box()["x"] + close.bounding_box()["width"] <= 320 - 16


def test_what_is_said_is_seen_over_a_dialog(new_page):
    """A message lies in the dialog that is open, where it can be read and closed, and else over the photo."""
    painter = painted(new_page())
    page = painter.page
    page.locator('[data-menu="export"]').click()
    page.locator('[data-do="open-sheet"]').click()
    with page.expect_download():
        page.locator('[data-do="download-sheet"]').click()
    assert "Saved" in painter.toast()
    page.locator(".sp-painter .sp-toastclose").click()
    assert page.locator(".sp-toast").count() == 0
    page.locator('[data-do="close-sheet"]').click()
    painter.type_color("#ggg")
    painter.toast("#ggg")
    assert page.locator(".sp-stage .sp-toast").is_visible()


def test_a_length_belongs_to_what_it_was_written_for(new_page):
    """The width of the whole photo is not that of a line marked later, nor that of another photo."""
    painter = painted(new_page())
    page, length = painter.page, painter.page.locator("[data-sheet-length]")

    def open_sheet() -> None:
        page.locator('[data-menu="export"]').click()
        page.locator('[data-do="open-sheet"]').click()

    open_sheet()
    length.fill("12")
    page.locator('[data-do="close-sheet"]').click()
    open_sheet()
    assert length.input_value() == "12"
    page.locator('[data-do="measure"]').click()
    for end in ((300, 600), (320, 600)):
        page.mouse.click(*painter.at(*end))
    assert length.input_value() == ""
    length.fill("1.5")
    page.locator('[data-do="close-sheet"]').click()
    painter.open(to_png(draw_building(400, 300)), "another photo.png")
    open_sheet()
    assert length.input_value() == ""


def test_a_long_name_of_a_scheme_is_cut_at_its_end(new_page):
    """It begins where its button begins, and nothing sticks out."""
    painter = painted(new_page())
    page = painter.page
    page.locator(".sp-addscheme").click()
    painter.idle()
    page.locator("[data-scheme-name]").fill("Bold blue for the whole long street")
    page.keyboard.press("Enter")
    painter.idle()
    left, name = (
        page.locator(".sp-schemelist button")
        .nth(1)
        .evaluate(
            """(button) => {
          const range = document.createRange();
          range.selectNodeContents(button);
          return [button.getBoundingClientRect().left, range.getBoundingClientRect().left];
        }"""
        )
    )
    assert left < name < left + 20


def test_help_for_fingers_is_true(new_page):
    """By touch nothing is to be clicked: it is tapped, and a finger held down aims."""
    painter = new_page(size=(390, 844), has_touch=True, is_mobile=True)
    page = painter.page
    page.locator('[data-do="help"]').tap()
    words = page.locator(".sp-help").inner_text()
    assert "aim" in words
    assert "Long press" not in words
    page.locator('[data-do="close-help"]').tap()
    words += page.locator(".sp-start").inner_text() + painter.open().page.locator(".sp-panel").inner_text()
    assert "click" not in words.lower()


def test_help_offers_to_delete_a_photo_that_is_there(new_page):
    """Before one is open there is nothing to delete."""
    painter = new_page()
    offered = painter.page.locator('[data-do="close-session"]')
    painter.page.locator('[data-do="help"]').click()
    painter.page.locator(".sp-help").wait_for()
    assert not offered.is_visible()
    painter.page.locator('[data-do="close-help"]').click()
    painter.open().do("help")
    assert offered.is_visible()


def test_adjustments_belong_to_their_wall(new_page):
    """Sliders go back with an undo, and to the usual for the next wall and the next photo; Reset does it, too."""
    painter = painted(new_page())
    painter.page.locator(".sp-adjust summary").click()
    opacity = painter.page.locator('[data-key="opacity"]')
    opacity.evaluate("e => { for (const k of ['input', 'change']) { e.value = 40; e.dispatchEvent(new Event(k)); } }")
    assert painter.until(lambda: painter.session.layers[0].opacity == pytest.approx(0.4))
    painter.do("undo")
    assert opacity.input_value() == "100"
    painter.do("redo")
    assert opacity.input_value() == "40"
    painter.do("reset-paint")
    assert painter.session.layers[0].opacity == 1
    painter.do("undo").open(to_png(draw_building(400, 300)), "second.png")
    assert opacity.input_value() == "100"


def test_two_windows_on_one_photo(new_page):
    """What one window did is seen by the other; a layer that is gone is told, and no other is hit."""
    painter = painted(new_page())
    painter.click(*SKY_AT)
    painter.type_color("#c0d0e0")
    painter.idle()
    studio, sid = painter.live.studio, painter.sid
    wall, sky = painter.session.layers
    studio.remove_layer(sid, wall.id)
    painter.page.locator(".sp-layer").nth(1).get_by_label("Take this paint off").click()
    assert painter.until(lambda: painter.page.locator(".sp-layer").count() == 1)
    assert "another window" in painter.toast()  # still there: what the other window did does not sweep it away
    painter.idle()
    assert [layer.id for layer in painter.session.layers] == [sky.id]


# -- what is written while an answer is on its way


def two_walls(painter):
    """The page with a wall and the sky painted, the sky's paint chosen."""
    painted(painter).click(*SKY_AT)
    painter.type_color("#c0d0e0")
    return painter.idle()


@pytest.mark.parametrize("end", ["Enter", "Tab"])
def test_a_name_is_written_while_its_wall_is_being_chosen(new_page, end):
    """No letter is lost, the caret stays, and the name counts as usual."""
    painter = two_walls(new_page())
    page, name = painter.page, painter.page.locator(".sp-layer").nth(1).locator(".sp-name")
    with painter.held("choose_wall"):
        name.click()
        page.keyboard.press("Control+a")
        page.keyboard.type("Front of the house")
        page.keyboard.press("Home")
    assert painter.idle().session.selection.layer == painter.session.layers[0].id
    page.keyboard.type("Old ")
    page.keyboard.press(end)
    assert painter.until(lambda: painter.session.layers[0].name == "Old Front of the house")


def test_a_name_that_was_written_stays_while_it_waits(new_page):
    """Entered before the answer to something else is there, it is not taken back for a moment."""
    painter = two_walls(new_page())
    page, name = painter.page, painter.page.locator(".sp-layer").nth(1).locator(".sp-name")
    with painter.held("edit_layer"):
        with painter.held("choose_wall"):
            name.fill("Front")
            page.keyboard.press("Enter")
        page.wait_for_function("sam2painter.state.flying?.verb === 'edit_layer'")
        assert name.input_value() == "Front"
    assert painter.idle().session.layers[0].name == "Front"


def test_an_opacity_is_written_while_something_is_asked(new_page):
    """What was typed stays and counts; a field that was emptied shows the opacity again, and changes nothing."""
    painter = two_walls(new_page())
    page, row = painter.page, painter.page.locator(".sp-layer").nth(1)
    with painter.held("edit_layer"):
        row.get_by_label("Hide").click()
        row.locator(".sp-percent").click()
        page.keyboard.press("Control+a")
        page.keyboard.type("4")
    painter.idle()
    page.keyboard.type("0")
    page.keyboard.press("Tab")
    assert painter.until(lambda: painter.session.layers[0].opacity == pytest.approx(0.4))
    revision = painter.session.revision
    row.locator(".sp-percent").fill("")
    page.keyboard.press("Tab")
    assert row.locator(".sp-percent").input_value() == "40"
    assert painter.idle().session.revision == revision


def test_rows_of_walls_stay_where_one_works(new_page):
    """A row is the same element whatever is chosen, hidden or moved; a button that was pressed keeps the focus."""
    painter = two_walls(new_page())
    page, rows = painter.page, painter.page.locator(".sp-layer")
    page.evaluate("window.rows = [...document.querySelectorAll('.sp-layer')]")
    rows.nth(1).click(position={"x": 3, "y": 3})
    painter.idle()
    assert "sp-on" in rows.nth(1).get_attribute("class")
    rows.nth(1).get_by_label("Hide").focus()
    painter.key("Enter")
    assert "sp-off" in rows.nth(1).get_attribute("class")
    assert page.evaluate("document.activeElement.title") == "Show"
    rows.nth(1).get_by_label("Move up").focus()
    painter.key("Enter")
    assert page.evaluate("document.activeElement.title") == "Move down"  # it is the topmost now
    assert painter.session.layers[1].visible is False
    assert page.evaluate("window.rows.map((row) => [...row.parentElement.children].indexOf(row))") == [1, 0]


def test_a_scheme_is_named_while_it_is_being_made(new_page):
    """A name that is entered before the new scheme is there is the new one's, and no letter of it is lost."""
    painter = painted(new_page())
    page, name = painter.page, painter.page.locator("[data-scheme-name]")
    page.locator(".sp-addscheme").click()
    painter.idle()
    with painter.held("add_scheme"):
        page.locator(".sp-addscheme").click()
        name.fill("Bold")
        page.keyboard.press("Enter")
    painter.idle()
    assert page.locator(".sp-schemelist button").all_text_contents() == ["A", "B", "Bold", ""]
    with painter.held("choose_scheme"):
        page.locator(".sp-schemelist button").first.click()
        name.fill("Quiet")
    painter.idle()
    assert name.input_value() == "Quiet"
    page.keyboard.press("Enter")
    painter.idle()
    assert page.locator(".sp-schemelist button").all_text_contents() == ["Quiet", "B", "Bold", ""]


def test_a_scheme_is_pressed_while_an_answer_comes(new_page):
    """The press counts, although the row was filled anew between its two halves."""
    painter = painted(new_page())
    page = painter.page
    page.locator(".sp-addscheme").click()
    painter.idle()
    with painter.held("paint"):
        page.locator("[data-palette] .sp-swatch").nth(5).click()
        page.locator(".sp-schemelist button").first.hover()
        page.mouse.down()
    painter.idle()
    page.mouse.up()
    assert painter.until(lambda: page.locator(".sp-schemelist button").first.get_attribute("aria-pressed") == "true")
    page.locator(".sp-schemelist button").nth(1).click()
    painter.idle()
    assert page.locator(".sp-schemelist button").nth(1).get_attribute("aria-pressed") == "true"


def test_a_search_for_paints_goes_on_while_a_wall_is_painted(new_page):
    """What is typed and what was found for it stay."""
    painter = new_page().open().click(*WALL_AT)
    page, text = painter.page, painter.page.locator(".sp-text")
    with painter.held("paint"):
        page.locator("[data-palette] .sp-swatch").nth(5).click()
        text.click()
        page.keyboard.press("Control+a")
        page.keyboard.type("sa")
    painter.idle()
    page.keyboard.type("ge")
    assert text.input_value() == "sage"
    assert all("sage" in name.lower() for name in page.locator("[data-palette] .sp-swatch").all_inner_texts())


def test_a_slider_is_held_while_a_wall_is_being_painted(new_page):
    """It stays under the hand, and what it is let go at counts."""
    painter = new_page().open().click(*WALL_AT)
    page, slider = painter.page, painter.page.locator('[data-key="opacity"]')
    page.locator(".sp-adjust summary").click()
    with painter.held("paint"):
        page.locator("[data-palette] .sp-swatch").nth(5).click()
        box = slider.bounding_box()
        page.mouse.move(box["x"] + 0.98 * box["width"], box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + box["height"] / 2)
        held_at = int(slider.input_value())
        assert 40 < held_at < 60
    painter.idle()
    assert int(slider.input_value()) == held_at
    page.mouse.up()
    assert painter.until(lambda: painter.session.layers[0].opacity == pytest.approx(held_at / 100))


def test_the_other_wall_of_a_paint_is_chosen_from_a_list_that_stays(new_page):
    """A list that is open says the same after an answer: its entries stay."""
    painter = two_walls(new_page())
    page, tie = painter.page, painter.page.locator("[data-tie]")
    page.locator(".sp-adjust summary").click()
    page.evaluate("window.entry = document.querySelector('[data-tie]').lastElementChild")
    painter.swatch(8)
    assert page.evaluate("window.entry.isConnected")
    page.locator(".sp-layer").nth(1).locator(".sp-name").fill("Front")
    page.keyboard.press("Enter")
    painter.idle()
    page.locator(".sp-layer").first.click(position={"x": 3, "y": 3})
    painter.idle()
    assert tie.locator("option").all_inner_texts() == ["no other wall", "Front"]


def test_a_colour_that_is_entered_is_painted_once(new_page):
    """One step of the history, whatever notation it is in."""
    painter = new_page().open().click(*WALL_AT)
    revision = painter.session.revision
    painter.type_color("rgb(20 90 60)")
    assert painter.idle().session.revision == revision + 1


# -- hands and keys


def test_keys_go_by_their_place_where_the_layout_has_no_latin_letters(new_page):
    """On a Russian keyboard the key that is B elsewhere takes the box."""
    painter = new_page().open()
    painter.page.evaluate(
        "dispatchEvent(new KeyboardEvent('keydown', { key: '\\u0438', code: 'KeyB', bubbles: true }))"
    )
    assert painter.page.locator('[name="sp-tool"]:checked').input_value() == "box"


def test_control_click_on_a_mac_is_one_point(new_page):
    """It takes away, once."""
    painter = new_page(locale="en-US")  # a window of its own: the script stays in it
    painter.page.add_init_script("Object.defineProperty(navigator, 'platform', { get: () => 'MacIntel' })")
    painter.page.reload()
    painter.page.wait_for_selector(".sp[data-ready]")
    painter.open().click(*WALL_AT)
    painter.click(900, 850, modifier="Control")
    assert painter.session.selection.prompts.point_labels.tolist() == [1, 0]


def test_space_moves_the_photo_right_after_a_swatch(new_page):
    """The hand is over the photo: the button that was pressed before is not pressed again, and no box is drawn."""
    painter = painted(new_page())
    painter.swatch(4)
    revision = painter.session.revision
    painter.page.mouse.move(*painter.at(*WALL_AT))
    painter.page.mouse.wheel(0, -900)
    before = painter.page.evaluate("window.sam2painter.stage.camera.x")
    painter.page.keyboard.down(" ")
    painter.drag((500, 500), (400, 450))
    painter.page.keyboard.up(" ")
    assert painter.page.evaluate("window.sam2painter.stage.camera.x") != before
    assert painter.idle().session.revision == revision


def test_lines_are_drawn_while_one_zooms_and_moves_the_photo(new_page):
    """Each corner stays where it was clicked on the photo, to half a pixel of the photo at twice its size and more."""
    painter = new_page().open().key("l")
    corners = ((300, 400), (900, 400), (900, 800), (300, 800))
    zoomed = "window.sam2painter.stage.camera.zoomed"
    for place in corners:
        painter.page.mouse.move(*painter.at(*place))
        painter.page.mouse.wheel(0, -600)
        assert painter.until(lambda: painter.page.evaluate(zoomed) > 2)
        painter.page.mouse.click(*painter.at(*place))
        left, top = painter.at(*place)
        painter.page.keyboard.down(" ")
        painter.drag((left, top), (left - 40, top - 30))
        painter.page.keyboard.up(" ")
        painter.page.mouse.wheel(0, 2000)
        assert painter.until(lambda: painter.page.evaluate(zoomed) == 1)
    painter.page.keyboard.press("Enter")
    painter.idle()
    (step,) = painter.session.selection.steps
    assert step.kind == "polygon"
    assert np.abs(np.array(step.path) - corners).max() <= 0.5


def test_a_shaky_click_is_a_click(new_page):
    """A drag of a few pixels on the screen draws no box."""
    painter = new_page().open()
    left, top = painter.at(*WALL_AT)
    painter.page.mouse.move(left, top)
    painter.page.mouse.down()
    painter.page.mouse.move(left + 5, top + 4, steps=3)
    painter.page.mouse.up()
    prompts = painter.idle().session.selection.prompts
    assert (prompts.box, len(prompts.point_coords)) == (None, 1)


def test_messages_do_not_pile_up(new_page):
    """One at a time, in one place; none is called an error."""
    painter = new_page().open()
    for text in ("#ggg", "no such colour", "#hhh"):
        painter.type_color(text)
        painter.toast(text)
        painter.idle()
    assert painter.page.locator(".sp-toast, .toast-body").count() == 1
    assert "Error" not in painter.toast()


def test_who_comes_back_sees_no_ring(new_page):
    """A photo that is found again has the focus; its ring is for those who came by key."""
    painter = new_page().open()
    painter.page.reload()
    painter.page.wait_for_selector(".sp[data-ready]")
    painter.idle()
    assert painter.page.evaluate("document.activeElement.className").startswith("sp-view")
    assert painter.page.locator(".sp-view").evaluate("(view) => getComputedStyle(view).outlineStyle") == "none"


def test_after_opening_by_key_the_photo_has_the_focus(new_page):
    """Who opens an example by keyboard goes on by keyboard."""
    painter = new_page()
    painter.page.locator(".sp-example").first.focus()
    painter.page.keyboard.press("Enter")
    painter.idle()
    assert painter.page.evaluate("document.activeElement.className").startswith("sp-view")


# -- for everybody


@pytest.mark.parametrize("size", [(320, 640), (390, 844), (768, 1024), (1024, 700), (1440, 900), (2560, 1440)], ids=str)
def test_sizes(new_page, size):
    """From a small phone to a large screen nothing sticks out, and the photo has the most of it."""
    touch = dict(has_touch=True, is_mobile=True) if size[0] < 500 else {}
    painter = new_page(size=size, **touch)
    wide = "document.documentElement.scrollWidth - innerWidth"
    assert painter.page.evaluate(wide) <= 0
    painter.open()
    assert painter.page.evaluate(wide) <= 0
    stage = painter.page.locator(".sp-stage").bounding_box()
    assert stage["height"] >= (0.55 if size[0] < 500 else 0.5) * size[1]
    assert stage["width"] >= 0.6 * size[0]
    if touch:
        small = painter.page.evaluate(
            """() => [...document.querySelectorAll('.sp button, .sp label:has(input), .sp summary, .sp select')]
              .filter((e) => e.checkVisibility() && !e.closest('.sp-view'))
              .map((e) => [e, e.getBoundingClientRect()])
              .filter(([, { width, height }]) => Math.min(width, height) < 43.5)
              .map(([e]) => e.outerHTML.slice(0, 90))"""
        )
        assert small == []


@pytest.mark.skipif(not AXE.exists() and os.environ.get("CI") != "true", reason="axe-core is not installed: npm ci")
@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"size": (390, 844)}], ids=["light", "dark", "phone"])
def test_no_barriers(new_page, look):
    """axe finds nothing to complain about: at the start, with a wall chosen, painted, and in the help."""
    painter = new_page(**look)
    painter.page.add_script_tag(content=AXE.read_text())

    def barriers() -> list[str]:
        found = painter.page.evaluate("axe.run('.sp', { resultTypes: ['violations'] })")["violations"]
        return [f"{one['id']}: {node['html'][:120]} {node['failureSummary']}" for one in found for node in one["nodes"]]

    assert barriers() == []
    painter.open().click(*WALL_AT)
    painter.page.locator(".sp-answer").first.wait_for(state="attached")
    assert barriers() == []
    painter.type_color("#705030")
    painter.idle()
    painter.page.wait_for_function("!document.querySelector('.sp-toast')")
    for tab in painter.page.locator("[data-tab]").all():
        if tab.is_visible():
            tab.click()
            assert barriers() == []
    painter.page.locator('[data-do="help"]').click()
    assert barriers() == []


def test_one_main_landmark(new_page):
    """Gradio has a main of its own: there is no other inside."""
    assert new_page().page.locator("main main").count() == 0


def test_the_file_is_shown_at_once(new_page):
    """While a photo is being sent it is on the stage already, with how much of it was sent; a click on it is kept."""
    painter = new_page()
    with painter.held("open"):
        painter.choose(to_png(draw_building(WIDTH, HEIGHT)), "house.png")
        painter.page.wait_for_selector('.sp[data-sending][data-state="photo"]')
        frame = painter.page.locator(".sp-base").bounding_box()
        middle = painter.screen()[round(frame["y"] + frame["height"] * 0.62), round(frame["x"] + frame["width"] / 2)]
        assert np.abs(middle - WALL).max() < 40  # a little dimmed: it is not there yet
        painter.page.mouse.click(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] * 0.62)
        painter.page.wait_for_selector(".sp-pending")
        assert "is kept" in painter.page.locator(".sp-status").inner_text()
    painter.idle()
    assert painter.session.selection.mask_id is not None
    assert painter.page.locator(".sp-mark:not(.sp-pending)").count() == 1
    assert "is kept" not in painter.page.locator(".sp-status").inner_text()
    painter.do("anew").click(*DOOR_AT)
    assert painter.mask[DOOR_AT[1], DOOR_AT[0]]
    assert not painter.mask[WINDOW_AT[1], WINDOW_AT[0]]


def test_the_next_photo_has_no_wall_while_it_is_sent(new_page):
    """What is chosen belongs to the photo before: nothing is painted by it, and the panel waits."""
    painter = new_page().open().click(*WALL_AT).key("3")
    page, status = painter.page, painter.page.locator(".sp-status")
    with painter.held("open"):
        painter.choose(to_png(draw_building(400, 300)), "second.png")
        page.wait_for_selector(".sp[data-sending]")
        assert status.inner_text() == "Click a wall to select it."
        assert not page.locator(".sp-signs").is_visible()
        assert page.locator(".sp-panel").get_attribute("inert") is not None
        page.keyboard.press("p")
    assert painter.idle().session.name == "second.png"
    assert page.locator(".sp-toast").count() == 0
    painter.click(200, 180)
    painter.swatch(5)
    assert len(painter.session.layers) == 1


FINGERS = """() => [...document.querySelectorAll('.sp :is(button, a, select, summary, input)')]
  .filter((e) => e.checkVisibility() && !e.disabled && !e.closest('.sp-view, .sp-hidden') && e.offsetWidth > 1)
  .filter((e) => !document.querySelector('dialog[open]') || e.closest('dialog'))
  .map((e) => [e, (/checkbox|radio|color/.test(e.type) ? e.closest('label') : e).getBoundingClientRect()])
  .filter(([, { width, height }]) => Math.min(width, height) < 43.5)
  .map(([e, { width, height }]) => `${Math.round(width)} x ${Math.round(height)} ${e.outerHTML.slice(0, 90)}`)"""


@pytest.mark.parametrize("width", [320, 390])
def test_fingers_find_everything(new_page, width):
    """Whatever can be pressed on a phone is at least 44 pixels high and wide: in the sheet, the menus, the dialogs."""
    painter = new_page(size=(width, 844), has_touch=True, is_mobile=True)
    page = painter.page
    small = {"start": page.evaluate(FINGERS)}

    def press(selector: str, name: str = "") -> None:
        page.locator(selector).first.tap()
        painter.idle()
        small[name or selector] = page.evaluate(FINGERS)

    painter.open()
    page.touchscreen.tap(*painter.at(*WALL_AT))
    painter.idle()
    press('[data-tab="fix"]')
    press('.sp-tools label:has([value="brush"])')
    press('[data-tab="paint"]')
    press("[data-palette] .sp-swatch", "painted")
    press('[data-do="wall-color"]')
    press('[data-tab="walls"]')
    press(".sp-addscheme")
    press(".sp-adjust summary")
    press('[data-menu="advanced"]')
    press('[data-do="compare-schemes"]')
    page.locator(".sp-compare img").nth(2).wait_for()
    assert page.locator(".sp-compare figure").last.evaluate("e => e.getBoundingClientRect().width") > 0.7 * width
    press('[data-do="close-compared"]')
    press('[data-do="help"]')
    press('[data-do="close-help"]')
    press('[data-menu="open"]')
    press('[data-menu="export"]')
    press('[data-do="open-sheet"]')
    press('[data-do="make-sheet"]')
    press('[data-do="close-sheet"]')
    assert {name: found for name, found in small.items() if found} == {}


def test_what_is_said_beside_a_wall_is_true(new_page):
    """Answers stay where there are some, painted or not, and follow an undo; without any it is said what else to do."""
    painter = new_page().open()
    hint, answers = painter.page.locator(".sp-candidates p"), painter.page.locator(".sp-answer")
    assert hint.inner_text().startswith("Click a wall")
    painter.click(*WALL_AT)
    answers.first.wait_for()
    painter.type_color("#705030")
    painter.idle()
    assert hint.inner_text().startswith("Not quite?")
    area = painter.session.layers[0].mask.area
    answers.filter(has_text="Larger").first.click()
    painter.idle()
    assert painter.session.layers[0].mask.area > area
    painter.key("e").drag((100, 500), (160, 500))
    assert painter.until(lambda: hint.inner_text().startswith("Make its shape right"))
    assert answers.count() == 0
    painter.key("Control+z")
    answers.first.wait_for()
    painter.do("clear")
    assert painter.until(lambda: hint.inner_text().startswith("Click a wall"))


def test_paints_of_a_card_have_codes(new_page):
    """A card's paints are shown with their codes, found by code and brand, pressed where they were found, and named in
    the list of walls."""
    painter = new_page().open().click(*WALL_AT)
    card = (
        "name,hex,code,brand\nOld sage,#b5c7a3,RAL 6021,Maker\nNight,#14285a,RAL 5026,Maker\nDark,#7d8c6c,M-7,Other\n"
    )
    painter.page.locator("[data-palette-file]").set_input_files(
        {"name": "card.csv", "mimeType": "text/csv", "buffer": card.encode()}
    )
    painter.idle()
    swatches = painter.page.locator("[data-palette] .sp-swatch")
    assert swatches.first.get_attribute("title") == "Old sage \u00b7 RAL 6021 \u00b7 Maker"
    assert swatches.first.inner_text().split() == ["Old", "sage", "RAL", "6021"]
    painter.page.locator(".sp-text").fill("maker")
    assert swatches.count() == 2
    swatches.nth(1).click()
    assert painter.idle().session.layers[0].color == (0x14, 0x28, 0x5A)
    assert painter.page.locator(".sp-toast").count() == 0
    painter.type_color("ral6021")
    assert painter.idle().session.layers[0].color == (0xB5, 0xC7, 0xA3)
    assert painter.page.locator(".sp-names small").inner_text() == "Old sage \u00b7 RAL 6021"
    assert painter.page.locator(".sp-colorname").inner_text() == "Old sage \u00b7 RAL 6021"
    painter.type_color("red")
    assert painter.idle().session.layers[0].color == (255, 0, 0)


def sun_and_shade() -> bytes:
    """A photo of a house whose right half is the same wall in the shade, bluish sky above."""
    photo = np.full((450, 600, 3), (150, 170, 200), np.uint8)
    photo[90:, :300] = (206, 196, 176)
    photo[90:, 300:] = (122, 120, 117)
    return to_png(photo)


def test_walls_on_one_old_paint_are_tied(new_page):
    """Two walls of one new colour that look like one old paint are offered; a press ties them, a press unties them, and
    what was refused is not offered again."""
    painter = new_page().open(sun_and_shade(), "corner.png")
    page = painter.page
    for corners in (((5, 95), (299, 440)), ((301, 95), (595, 440))):
        painter.key("b").drag(*corners)
        painter.type_color("#8fa58b")
        painter.idle()
        painter.key("Escape")
    offer = page.locator(".sp-tieoffer")
    offer.wait_for()
    page.locator('[data-do="tie"]').click()
    painter.idle()
    ties = [layer.tie for layer in painter.session.layers]
    assert ties[0] == ties[1] != 0
    assert offer.is_hidden()
    page.locator(".sp-layer").first.get_by_label("Press to untie").click()
    painter.idle()
    assert [layer.tie for layer in painter.session.layers] == [0, 0]
    offer.wait_for()
    page.locator('[data-do="refuse-tie"]').click()
    page.locator(".sp-layer").first.click()
    painter.idle()
    assert offer.is_hidden()
    page.locator(".sp-adjust summary").click()
    page.locator("[data-tie]").select_option(index=1)
    painter.idle()
    assert len({layer.tie for layer in painter.session.layers}) == 1
    page.locator("[data-tie]").select_option("")
    painter.idle()
    assert [layer.tie for layer in painter.session.layers] == [0, 0]


def test_an_offer_on_a_phone_goes_once_it_is_taken(new_page):
    """It is made as a message where the list is out of sight; a tie made in the list ends it. A painted wall that is
    clicked again is no mistake."""
    painter = new_page(size=(390, 844)).open(sun_and_shade(), "corner.png")
    for corners in (((5, 95), (299, 440)), ((301, 95), (595, 440))):
        painter.key("b").drag(*corners)
        painter.type_color("#8fa58b")
        painter.idle().key("Escape")
    offer = painter.page.locator(".sp-toastaction").filter(has_text="Same wall paint")
    offer.wait_for()
    painter.page.locator('[data-tab="walls"]').click()
    painter.page.locator('[data-do="tie"]').click()
    offer.wait_for(state="detached")
    painter.idle().key("v").click(150, 300).click(160, 320)
    assert painter.session.selection.layer == painter.session.layers[0].id
    assert painter.page.locator(".sp-toast").count() == 0


def test_a_length_is_marked_on_the_photo(new_page):
    """Two points and what lies between them, in feet, give the photo its scale; Escape brings the dialog back."""
    painter = painted(new_page()).click(900, 850)
    page = painter.page
    page.locator('[data-menu="export"]').click()
    page.locator('[data-do="open-sheet"]').click()
    page.locator('[data-do="measure"]').click()
    assert page.locator(".sp-painter").is_hidden()
    assert "one end" in page.locator(".sp-status").inner_text()
    steps = len(painter.session.selection.steps)
    page.mouse.click(*painter.at(*WALL_AT))  # where the mark of a click lies
    assert "other end" in page.locator(".sp-status").inner_text()
    page.mouse.click(*painter.at(WALL_AT[0] - 600, WALL_AT[1]))
    page.locator(".sp-painter").wait_for()
    assert "the line you marked" in page.locator(".sp-painter").inner_text()
    page.locator("[data-sheet-length]").fill("20")
    page.locator("[data-sheet-units]").select_option("ft")
    page.locator('[data-do="make-sheet"]').click()
    page.locator(".sp-sheets a").wait_for()
    (sheet,) = painter.idle().live.studio.sheets(painter.sid)
    (wall,) = sheet.facts["walls"]
    across = 20 * 0.3048 * WIDTH / 600
    seen = painter.session.layers[0].mask.area * (across / WIDTH) ** 2
    assert wall["area"][0] == pytest.approx(seen * 0.8, rel=0.02)
    assert sheet.facts["units"] == "ft"
    assert len(painter.session.selection.steps) == steps
    page.locator('[data-do="measure"]').click()
    page.keyboard.press("Escape")
    page.locator(".sp-painter").wait_for()


def test_the_house_that_was_clicked_is_painted_alone(new_page, launch):
    """After a click one press paints every wall of that house, and none of another; without one it is not offered."""
    live = launch(NamingEngine({"wall": WALL}), requests_per_minute=100_000)
    painter = new_page(live).open()
    offered = painter.page.locator('[data-do="house-walls"]')
    assert not offered.is_visible()
    painter.click(*WALL_AT)
    offered.wait_for()
    for pressed in painter.page.locator(".sp-finds button:visible").all():
        assert pressed.evaluate("(one) => one.scrollWidth <= one.clientWidth")
    painter.do("house-walls")
    (layer,) = painter.session.layers
    wall = layer.mask.segmentation
    columns = np.flatnonzero(wall.any(axis=0))
    assert wall[WALL_AT[1], WALL_AT[0]]
    assert 40 <= columns.max() - columns.min() <= 80  # what the engine takes for a house


def test_every_part_of_a_kind_is_taken_away(new_page, launch):
    """With Remove on, "Remove every door" takes the doors out of the painted wall, in one step that says so; where
    there is none, that is said."""
    live = launch(NamingEngine({"door": DOOR, "wall": WALL}), requests_per_minute=100_000)
    painter = new_page(live).open().key("l").key("a")  # all of what is drawn
    for corner_at in ((220, 320), (980, 320), (980, 880), (220, 880), (220, 320)):
        painter.page.mouse.click(*painter.at(*corner_at))
    painter.idle()
    painter.key("p").idle()
    assert painter.mask[DOOR_AT[1], DOOR_AT[0]]
    painter.page.locator('.sp-signs label:has([value="subtract"])').click()
    kinds = painter.page.locator("[data-find]")
    assert kinds.locator("option").first.text_content() == "Remove every\u2026"
    kinds.select_option("door")
    painter.idle()
    (layer,) = painter.session.layers
    assert not layer.mask.segmentation[DOOR_AT[1], DOOR_AT[0]]
    assert layer.mask.segmentation[WALL_AT[1], WALL_AT[0]]
    assert "take away every door" in painter.page.locator('[data-do="undo"]').get_attribute("title")
    kinds.select_option("door")
    painter.idle()
    assert painter.page.locator(".sp-toast").inner_text().startswith("No door was found in this wall.")
    painter.do("undo")
    assert painter.session.layers[0].mask.segmentation[DOOR_AT[1], DOOR_AT[0]]


def test_a_finger_adds_and_takes_away_beside_the_paints(new_page):
    """On a phone what the next tap does is chosen right under the photo, while the sheet shows the paints."""
    painter = new_page(size=(390, 844), has_touch=True, is_mobile=True).open()
    signs = painter.page.locator(".sp-signs")
    assert not signs.is_visible()
    painter.click(*WALL_AT)
    photo, shown = painter.page.locator(".sp-view").bounding_box(), signs.bounding_box()
    assert 0 <= shown["y"] - photo["y"] - photo["height"] < 60
    assert painter.page.locator('[data-of="paint"]').first.is_visible()
    painter.page.locator('.sp-signs label:has([value="subtract"])').tap()
    painter.page.locator(".sp-status", has_text="does not belong").wait_for()


def test_the_same_paints_on_the_next_photo(new_page, launch):
    """A photo that is opened next is painted like the one before by one press, or all others are from there."""
    live = launch(NamingEngine({"wall": WALL, "door": DOOR}), requests_per_minute=100_000)
    painter = new_page(live).open().do("all-walls")
    page, first = painter.page, painter.sid
    color = painter.session.layers[0].color
    painter.open(to_png(draw_building(600, 450)), "next.png")
    assert page.locator('[data-do="paint-alike"]').inner_text() == "Paint it like house.png"
    painter.do("paint-alike")
    (layer,) = painter.session.layers
    assert layer.color == color
    painter.key("Control+z")
    assert painter.session.layers == ()
    bare = painter.sid
    painter.open(to_png(np.full((90, 120, 3), 200, np.uint8)), "blank.png")
    page.evaluate(f"window.sam2painter.reopen('{first}')")
    page.wait_for_function(f"window.sam2painter.state.session?.sid === '{first}'")
    painter.idle()
    page.locator('[data-menu="open"]').click()
    page.locator('[data-do="paint-others"]').click()
    assert re.match("1 photo was painted like this one; .* blank.png: Wall 1: ", painter.toast("was painted like"))
    assert [layer.color for layer in live.studio.session(bare).layers] == [color]
    assert painter.sid == first
    page.locator('[data-menu="open"]').click()
    page.locator('[data-do="paint-others"]').click()
    assert painter.toast("No photo was painted").startswith("No photo was painted. blank.png: ")


def test_each_paint_under_a_wall_is_named(new_page):
    """Who paints over two old paints, or asks, sees that there were two, and how much there is of each."""
    photo = np.full((450, 600, 3), (214, 204, 184), np.uint8)
    photo[250:] = (120, 52, 40)
    painter = new_page().open(to_png(photo), "two.png").key("l")
    for corner_at in ((20, 20), (580, 20), (580, 430), (20, 430), (20, 20)):
        painter.page.mouse.click(*painter.at(*corner_at))
    painter.idle().type_color("#8fa58b")
    rows = painter.page.locator("[data-wall-now] li")
    rows.nth(1).wait_for()
    painter.key("Escape")
    assert rows.count() == 0 or rows.first.is_hidden()
    painter.page.locator(".sp-layer").click()
    painter.idle().do("wall-color")
    rows.nth(1).wait_for()
    shares = [int(re.match(r"(\d+)%", row.locator(".sp-wallname").inner_text())[1]) for row in rows.all()]
    assert sum(shares) in range(97, 104)
