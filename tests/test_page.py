"""The page in a real browser: what hands do to it, and what then is to be seen, kept and downloaded."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from browser import DOOR_AT, DRAWN, HEIGHT, SKY_AT, WALL_AT, WIDTH, WINDOW_AT
from conftest import DOOR, SKY, WALL, Live, draw_building, eventually, to_png
from engines import FloodEngine
from PIL import Image

from sam2_painter import paint
from sam2_painter.engines import no_progress
from sam2_painter.errors import PainterError
from sam2_painter.paint.colors import parse_color
from sam2_painter.types import Embedding, Prompts

pytest.importorskip("gradio", reason="the page needs gradio")
pytest.importorskip("playwright", reason="the browser tests need playwright")

pytestmark = pytest.mark.browser


class WallFinder(FloodEngine):
    """An engine that names walls."""

    categories = ("wall",)

    def find(self, embedding, category, point=None):
        """The region in the middle of the building."""
        masks = self.predict(embedding, Prompts.click(*WALL_AT))
        return [replace(masks[0], category=category, category_score=0.9)]


class Patient(FloodEngine):
    """An engine that sees one region in every photo, and looks for others until it is stopped."""

    def embed(self, photo):
        """One region."""
        labels = np.zeros(photo.size, np.int32)
        return Embedding(photo.digest, self.name, photo.size, labels, labels.nbytes)

    def generate(self, photo, embedding, options, progress=no_progress):
        """Never comes back, unless `progress` raises."""
        for step in count():
            progress(min(0.9, step / 100))
            time.sleep(0.02)


@pytest.fixture(scope="module")
def patient(launch) -> Live:
    """A server with that engine."""
    return launch(Patient(), requests_per_minute=100_000)


# -- the main job


def test_open_click_paint_download(new_page):
    """A photo is opened, a wall clicked and painted; the file that comes down is `composite` pixel by pixel."""
    painter = new_page().open()
    painter.click(*WALL_AT)
    assert painter.mask[WALL_AT[1], WALL_AT[0]]
    assert not painter.mask[WINDOW_AT[1], WINDOW_AT[0]]
    color = painter.swatch(20)
    (layer,) = painter.session.layers
    assert "#{:02x}{:02x}{:02x}".format(*layer.color) == color
    painter.page.locator('[data-menu="export"]').click()
    painter.page.locator('input[value="PNG"]').check(force=True)
    with painter.page.expect_download() as download:  # the first click
        painter.page.locator('[data-do="download"]').click()
    assert re.fullmatch(r"house-painted-\w+\.png", download.value.suggested_filename)
    file = np.asarray(Image.open(download.value.path()))
    expected = paint.composite(painter.live.studio.photo(painter.sid), painter.session.layers)
    np.testing.assert_array_equal(file, expected)
    assert file.shape == (HEIGHT, WIDTH, 3)


def test_download_jpg_of_the_original(new_page):
    """JPG with a quality, and the photo without paint, come down too."""
    painter = new_page().open()
    painter.click(*WALL_AT).swatch(3)
    painter.page.locator('[data-menu="export"]').click()
    painter.page.keyboard.press("Escape")
    assert painter.page.locator("#sp-export").is_hidden()
    assert painter.page.evaluate("document.activeElement.dataset.menu") == "export"
    painter.page.keyboard.press("Enter")
    painter.page.locator("[data-original]").check()
    with painter.page.expect_download() as download:
        painter.page.locator('[data-do="download"]').click()
    file = Image.open(download.value.path())
    assert file.format == "JPEG"
    assert np.abs(np.asarray(file).astype(int) - draw_building(WIDTH, HEIGHT)).mean() < 2


@pytest.mark.parametrize(
    ("size", "density"), [((1440, 1000), 1), ((1000, 700), 1), ((390, 844), 1), ((1280, 900), 2)], ids=str
)
def test_a_click_lands_where_it_was_made(new_page, size, density):
    """At every size of the window, and on a dense screen, a click is the pixel of the photo under it."""
    painter = new_page(size=size, device_scale_factor=density).open()
    for x, y in (WALL_AT, DOOR_AT, (1100, 850)):
        painter.key("Escape") if painter.session.selection.mask_id is not None else None
        painter.click(x, y)
        ((px, py),) = painter.session.selection.prompts.point_coords
        assert abs(px - x) <= 1
        assert abs(py - y) <= 1
        assert painter.mask[y, x]


def test_a_click_lands_after_resize_and_zoom(new_page):
    """A window that changed its size, and a photo that is zoomed in at the pointer, change nothing about it."""
    painter = new_page().open()
    painter.page.set_viewport_size({"width": 1000, "height": 760})
    painter.page.wait_for_function(DRAWN)
    painter.click(*DOOR_AT)
    assert abs(painter.session.selection.prompts.point_coords[0] - DOOR_AT).max() <= 1
    painter.key("Escape")
    painter.page.mouse.move(*painter.at(*DOOR_AT))
    for _ in range(6):
        painter.page.mouse.wheel(0, -240)
    painter.page.wait_for_selector(".sp-zoomed")

    def door() -> tuple[np.ndarray, np.ndarray]:
        return np.nonzero(np.abs(painter.screen() - DOOR).max(axis=2) < 6)

    assert eventually(lambda: len(door()[0]) > 10_000)  # large on the screen now
    rows, columns = door()
    painter.page.mouse.click(int(np.median(columns)), int(np.median(rows)))
    painter.idle()
    ((x, y),) = painter.session.selection.prompts.point_coords.astype(int)
    assert tuple(draw_building(WIDTH, HEIGHT)[y, x]) == DOOR


def test_the_selection_shows_where_it_is(new_page):
    """The tint covers the mask and nothing else; once painted it gives way to the paint."""
    painter = new_page().open()
    before = {at: painter.seen(*at) for at in (WALL_AT, WINDOW_AT, SKY_AT)}
    painter.click(700, 700)
    assert np.abs(np.subtract(before[WALL_AT], painter.seen(*WALL_AT))).max() > 40
    for at in (WINDOW_AT, SKY_AT):
        assert np.abs(np.subtract(before[at], painter.seen(*at))).max() < 6
    painter.type_color("rgb(20 90 60)")
    painter.idle()
    expected = painter.live.studio.picture(painter.sid)[WALL_AT[1], WALL_AT[0]]
    assert np.abs(np.subtract(expected, painter.seen(*WALL_AT), dtype=int)).max() < 8


def test_detail_when_zoomed_in(new_page):
    """A photo larger than the preview is sharp where it is zoomed in: single pixels of it are to be seen."""
    pixels = draw_building(3000, 2250)
    pixels[1125:1127, 1500:1502] = (255, 0, 0)
    painter = new_page().open(to_png(pixels))
    painter.page.mouse.move(*painter.at(1500, 1125))
    for _ in range(12):
        painter.page.mouse.wheel(0, -240)
    painter.page.wait_for_function("window.sam2painter.stage.scene.detail")
    assert eventually(lambda: (np.abs(painter.screen() - (255, 0, 0)).max(axis=2) < 60).any())


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_drop_and_paste(new_page, how):
    """A photo may be dropped on the page, or pasted."""
    painter = new_page()
    painter.page.evaluate(
        """async ([how, data]) => {
          const file = new File([Uint8Array.from(data)], "dropped.png", { type: "image/png" });
          const carrier = new DataTransfer();
          carrier.items.add(file);
          const target = document.querySelector(".sp");
          if (how === "drop") target.dispatchEvent(new DragEvent("drop", { dataTransfer: carrier, bubbles: true }));
          else dispatchEvent(new ClipboardEvent("paste", { clipboardData: carrier, bubbles: true }));
        }""",
        [how, list(to_png(draw_building(200, 150)))],
    )
    assert painter.idle().session.size == (150, 200)


def test_an_example_is_one_click_away(new_page, patient):
    """The examples are shown with pictures, and open with a click."""
    painter = new_page(patient)
    painter.page.locator(".sp-example").first.click()
    assert painter.idle().session.size == (1200, 1600)


# -- pointing


@pytest.mark.parametrize("how", [{"button": "right"}, {"modifier": "Shift"}, {"modifier": "Alt"}], ids=str)
def test_background_points(new_page, how):
    """Right-click, Shift-click and Alt-click take away."""
    painter = new_page().open().click(*WALL_AT).click(*SKY_AT)
    assert painter.mask[SKY_AT[1], SKY_AT[0]]
    painter.click(*SKY_AT[::-1], **how)
    assert painter.session.selection.prompts.point_labels.tolist() == [1, 1, 0]
    assert not painter.mask[SKY_AT[1], SKY_AT[0]]
    assert painter.page.locator(".sp-mark.sp-bg").count() == 1


def test_a_point_that_is_clicked_goes(new_page):
    """Clicking a point's mark removes it."""
    painter = new_page().open().click(*WALL_AT).click(*DOOR_AT)
    assert painter.mask[DOOR_AT[1], DOOR_AT[0]]
    painter.click(*DOOR_AT)
    assert len(painter.session.selection.prompts.point_coords) == 1
    assert not painter.mask[DOOR_AT[1], DOOR_AT[0]]


def test_fast_clicks_are_all_kept(new_page):
    """Five clicks in a blink are five points, in their order."""
    painter = new_page().open()
    places = [WALL_AT, DOOR_AT, SKY_AT, WINDOW_AT, (600, 200)]
    for place in places:
        painter.page.mouse.click(*painter.at(*place))
    painter.idle()
    assert abs(painter.session.selection.prompts.point_coords - places).max() <= 1
    assert painter.page.locator(".sp-mark").count() == 5


def test_drag_draws_a_box(new_page):
    """A drag is a box in photo pixels, in whichever direction it was drawn."""
    painter = new_page().open().drag((900, 800), (500, 500))
    box = painter.session.selection.prompts.box
    assert abs(box - (500, 500, 901, 801)).max() <= 2
    assert painter.mask[600, 700]
    assert not painter.mask[850, 700]


def test_modes_combine(new_page):
    """Add, Subtract and Intersect change what the next click does to the selection."""
    painter = new_page().open().click(*WALL_AT)
    painter.key("2").click(*SKY_AT)
    assert painter.mask[WALL_AT[1], WALL_AT[0]]
    assert painter.mask[SKY_AT[1], SKY_AT[0]]
    painter.key("3").click(*WALL_AT)
    assert not painter.mask[WALL_AT[1], WALL_AT[0]]
    assert painter.mask[SKY_AT[1], SKY_AT[0]]


def test_candidates(new_page):
    """The other answers are a key or a button away."""
    painter = new_page().open().click(*WALL_AT)
    best = painter.mask.sum()
    painter.key("c")
    assert painter.session.selection.choice == 1
    assert painter.mask.sum() > best
    painter.page.wait_for_selector(".sp-candidates button:nth-child(2)[aria-pressed=true]")
    painter.page.locator(".sp-candidates button").first.click()
    assert painter.idle().session.selection.choice == 0


def test_keyboard_alone(new_page):
    """Arrows move a cursor over the photo, Enter clicks there; everything has a name and can be reached by Tab."""
    painter = new_page().open()
    painter.page.locator(".sp-view").focus()
    for _ in range(3):
        painter.page.keyboard.press("ArrowDown")
    painter.key("Enter")
    assert painter.mask[HEIGHT // 2 + 30, WIDTH // 2]
    nameless = painter.page.evaluate(
        """() => [...document.querySelectorAll('.sp button, .sp input, .sp [role=slider]')].filter((e) => {
          const label = e.labels?.[0]?.textContent.trim();
          return e.checkVisibility() && !(e.getAttribute('aria-label') || e.textContent.trim() || e.title || label);
        }).map((e) => e.outerHTML)"""
    )
    assert nameless == []


def test_rows_of_buttons_by_key(new_page):
    """A row of paints, answers or regions is one stop of the Tab key; arrows move in it, and who chose stays in it."""
    painter = new_page().open().click(*WALL_AT)
    painter.page.wait_for_selector(".sp-candidates button")
    painter.do("generate")
    for row in ("[data-palette]", ".sp-candidates div", ".sp-gallery"):
        assert painter.page.locator(f'{row} button[tabindex="0"]').count() == 1
    swatches = painter.page.locator("[data-palette] .sp-swatch")
    swatches.first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"):
        painter.page.keyboard.press(key)
    style = painter.page.locator("[data-palette]").evaluate("e => getComputedStyle(e).gridTemplateColumns")
    below = swatches.nth(len(style.split()) + 1)
    assert below.evaluate("e => e === document.activeElement")
    painter.key("Enter")
    (layer,) = painter.session.layers
    assert "#{:02x}{:02x}{:02x}".format(*layer.color) == below.get_attribute("data-color")
    painter.page.locator("[data-harmony] .sp-swatch").nth(2).focus()
    painter.key("Enter")  # the row is filled anew
    assert painter.page.evaluate("document.activeElement.closest('[data-harmony]') !== null")
    painter.page.keyboard.press("End")
    assert painter.page.locator("[data-harmony] .sp-swatch").last.evaluate("e => e === document.activeElement")


def test_paint_all_walls(new_page, launch):
    """Where the engine names walls, one button paints them all."""
    live = launch(WallFinder(), requests_per_minute=100_000)
    painter = new_page(live).open()
    painter.do("all-walls")
    (layer,) = painter.session.layers
    assert layer.mask.category == "wall"
    assert layer.name == "Wall 1"
    assert layer.mask.rle.contains(*WALL_AT)


# -- every mask


def test_regions(new_page):
    """Found regions lie in a gallery, largest first; hovering lights them without asking; clicks select and combine."""
    painter = new_page().open()
    painter.do("generate")
    session = painter.session
    assert painter.page.locator(".sp-region").count() == len(session.automatic) == 8
    areas = [session.masks[i].area for i in session.automatic]
    assert areas == sorted(areas, reverse=True)
    assert "8 parts" in painter.page.locator(".sp-count").inner_text()
    before, asked = painter.seen(*DOOR_AT), []
    painter.page.on("request", lambda request: asked.append(request.url))
    painter.page.mouse.move(*painter.at(DOOR_AT[0] + 20, DOOR_AT[1] + 20))
    assert eventually(lambda: np.abs(before - painter.seen(*DOOR_AT)).max() > 30)
    assert asked == []
    painter.click(*DOOR_AT)
    assert painter.session.selection.mask_id == session.automatic[areas.index(painter.mask.sum())]
    assert painter.session.selection.prompts is None  # looked up, not computed
    painter.page.locator(".sp-region").nth(0).click()
    painter.idle()
    painter.page.locator(".sp-region").nth(1).click(modifiers=["Control"])
    assert painter.idle().mask.sum() == areas[0] + areas[1]
    assert painter.page.locator('.sp-region[aria-selected="true"]').count() == 2


def test_no_regions_are_told(new_page):
    """Where none passes the thresholds, that is said, and those of the search before are gone."""
    painter = new_page().open()
    painter.do("generate")
    assert painter.page.locator(".sp-region").count() == 8
    painter.page.locator('[data-knob="min_mask_region_area"]').evaluate("field => { field.value = 100000000 }")
    painter.page.locator('[data-do="generate"]').evaluate("button => button.click()")
    painter.page.get_by_text("Nothing found").wait_for()
    assert painter.until(lambda: painter.page.locator(".sp-region").count() == 0)
    assert painter.page.locator(".sp-count").inner_text() == ""
    assert painter.session.automatic == ()


def test_generate_shows_progress_and_can_be_cancelled(new_page, patient):
    """A long search moves its bar and does not hold up clicks; Cancel ends it without a trace."""
    painter = new_page(patient).open()
    wheel = painter.page.locator(".sp-busy i").evaluate("e => getComputedStyle(e).borderTopWidth")
    assert wheel == "2px"  # it is to be seen that it turns
    painter.page.locator('[data-do="generate"]').click()
    value = "document.querySelector('.sp-progress progress').value"
    painter.page.wait_for_function(f"{value} > 0.05")
    assert 0 < painter.page.evaluate(value) < 1
    painter.page.mouse.click(*painter.at(*WALL_AT))
    painter.page.wait_for_selector(".sp-mark:not(.sp-pending)")
    painter.page.locator('[data-do="cancel"]').click()
    painter.page.wait_for_selector(".sp-progress", state="hidden")
    assert painter.idle().session.automatic == ()
    assert painter.mask.all()


# -- paint and layers


def test_repainting_a_painted_wall(new_page):
    """Another colour on a painted selection repaints its layer; undo and redo go through buttons and keys."""
    painter = new_page().open().click(*WALL_AT)
    first, second = painter.swatch(5), painter.swatch(20)
    assert len(painter.session.layers) == 1
    shown = painter.page.locator(".sp-layer").first
    assert shown.evaluate("e => e.style.getPropertyValue('--c')") == second
    painter.do("undo")
    assert shown.evaluate("e => e.style.getPropertyValue('--c')") == first
    painter.key("Control+z")
    assert painter.session.layers == ()
    painter.key("Control+Shift+z").do("redo")
    assert painter.page.locator(".sp-layer").first.evaluate("e => e.style.getPropertyValue('--c')") == second


@pytest.mark.parametrize(
    ("slider", "value", "mode"),
    [("opacity", 20, "realistic"), ("light", 50, "realistic"), ("shadow", 200, "realistic")]
    + [("light", 40, "flat"), ("shadow", 200, "multiply")],
)
def test_sliders_show_at_once_and_count_when_let_go(new_page, slider, value, mode):
    """While a slider moves the browser shows the wall as it will be; letting go is one step of the history."""
    painter = new_page().open().click(*WALL_AT)
    painter.type_color("#7090c0")
    painter.idle().page.locator(".sp-adjust summary").click()
    painter.page.locator(f'[name="sp-paintmode"][value="{mode}"]').check(force=True)
    painter.idle()
    moved = painter.page.locator(f'[data-key="{slider}"]')
    moved.hover()
    painter.idle()
    painter.page.wait_for_function("window.sam2painter.wall?.image")
    before, revision = painter.seen(*WALL_AT), painter.session.revision
    moved.evaluate(f"e => {{ e.value = {value}; e.dispatchEvent(new Event('input')); }}")
    painter.page.wait_for_function("window.sam2painter.stage.scene.live")
    trial = painter.seen(*WALL_AT)
    assert np.abs(np.subtract(trial, before)).max() > 10
    assert painter.session.revision == revision
    moved.evaluate("e => e.dispatchEvent(new Event('change'))")
    assert getattr(painter.idle().session.layers[0], slider) == pytest.approx(value / 100)
    assert painter.session.revision == revision + 1
    assert np.abs(np.subtract(trial, painter.seen(*WALL_AT))).max() < 6


def test_layers(new_page):
    """Layers can be renamed, hidden, recoloured, made thinner, moved and deleted; their names are only text."""
    painter = new_page().open().click(*WALL_AT)
    painter.swatch(5)
    painter.click(*SKY_AT).swatch(20)
    rows = painter.page.locator(".sp-layer")
    assert rows.count() == 2
    name = "<img src=x onerror=alert(1)>"
    rows.nth(1).locator(".sp-name").fill(name)
    painter.page.keyboard.press("Enter")
    assert painter.until(lambda: painter.session.layers[0].name == name)
    assert rows.nth(1).locator(".sp-name").input_value() == name
    assert painter.page.locator(".sp-layers img").count() == 0
    rows.nth(0).locator("button").first.click()
    assert painter.until(lambda: [layer.visible for layer in painter.session.layers] == [True, False])
    rows.nth(1).locator('input[type="color"]').evaluate(
        "e => { e.value = '#112233'; e.dispatchEvent(new Event('change')); }"
    )
    assert painter.until(lambda: painter.session.layers[0].color == (0x11, 0x22, 0x33))
    rows.nth(1).locator(".sp-percent").fill("40")
    painter.page.keyboard.press("Tab")
    assert painter.until(lambda: painter.session.layers[0].opacity == pytest.approx(0.4))
    rows.nth(1).locator(".sp-percent").fill("300")  # as much as there is
    painter.page.keyboard.press("Tab")
    assert painter.until(lambda: painter.session.layers[0].opacity == 1)
    rows.nth(0).get_by_label("Move down").click()
    assert painter.until(lambda: [layer.name for layer in painter.session.layers] == ["Wall 2", name])
    rows.nth(0).get_by_label("Take this paint off").click()
    assert painter.until(lambda: [layer.name for layer in painter.session.layers] == ["Wall 2"])


def test_before_and_after(new_page):
    """The slider shows the photo on its left and the paint on its right; keys move it."""
    painter = new_page().open().click(*WALL_AT)
    painter.type_color("#103060")
    painter.idle().key("x")
    left, right = (250, 600), (950, 600)
    assert np.abs(np.subtract(painter.seen(*left), WALL)).max() < 8
    assert np.abs(np.subtract(painter.seen(*right), WALL)).max() > 60
    painter.page.locator(".sp-split").focus()
    painter.page.keyboard.press("End")
    assert eventually(lambda: np.abs(painter.seen(*right) - WALL).max() < 8)


def test_a_colour_from_the_photo(new_page):
    """The eyedropper takes the colour of the photo and names it."""
    painter = new_page().open().click(*WALL_AT)
    painter.page.locator('[data-do="dropper"]').click()
    painter.click(*SKY_AT)
    painter.page.wait_for_function("document.querySelectorAll('.sp-layer').length === 1")
    assert np.abs(np.subtract(painter.idle().session.layers[0].color, SKY)).max() <= 1


def test_a_palette_of_ones_own(new_page):
    """A palette file brings its swatches and names, after a reload too; a broken one is refused; one can go back."""
    painter = new_page().open().click(*WALL_AT)
    swatches, name = painter.page.locator("[data-palette] .sp-swatch"), painter.page.locator("[data-palette-name]")
    assert (swatches.count(), name.inner_text()) == (48, "Exterior paints")
    text = "GIMP Palette\n181 199 163 Old sage\n20 40 90 Night watch <b>\n"

    def choose(file_name: str, data: bytes) -> None:
        file = {"name": file_name, "mimeType": "application/octet-stream", "buffer": data}
        painter.page.locator("[data-palette-file]").set_input_files(file)

    choose("broken.ase", b"ASEF")
    assert painter.toast("broken.ase is no whole")
    painter.idle()
    choose("walls.gpl", text.encode())
    painter.idle()
    assert name.inner_text() == "walls.gpl \u00b7 2"
    painter.type_color("old sage")
    assert painter.idle().session.layers[0].color == (181, 199, 163)
    assert painter.page.locator(".sp-colorname").inner_text() == "Old sage"
    assert painter.page.locator(".sp-lrv").inner_text() == "LRV 53"
    painter.page.reload()
    painter.idle()
    assert [swatches.nth(i).get_attribute("title") for i in range(swatches.count())] == ["Old sage", "Night watch <b>"]
    assert painter.page.locator(".sp-colorname").inner_text() == "Old sage"
    painter.do("reset-palette")
    assert (swatches.count(), name.inner_text()) == (48, "Exterior paints")


def test_what_colour_a_wall_is_now(new_page):
    """The selected wall tells its paint without being painted; another selection has to be asked again."""
    painter = new_page().open()
    asked, answer = painter.page.locator('[data-do="wall-color"]'), painter.page.locator("[data-wall-now]")
    assert asked.is_disabled()
    painter.click(*WALL_AT).do("wall-color")
    assert not painter.session.layers
    red, green, blue = parse_color(answer.locator(".sp-swatch").get_attribute("data-color"))
    assert red > green > blue
    assert re.search(r"LRV \d+", answer.inner_text())
    name = answer.locator(".sp-wallname")  # the distance to it comes last: a long one wraps, and nothing is cut
    assert name.evaluate("e => (e.textContent = `near ${'Adobe Noon '.repeat(4)}`, e.scrollWidth <= e.clientWidth)")
    answer.locator(".sp-swatch").click()
    assert painter.idle().session.layers[0].color == (red, green, blue)
    painter.click(*SKY_AT)
    assert answer.is_hidden()
    assert asked.is_enabled()


def test_the_paints_stay_in_place(new_page):
    """Paints do not move under the hand that tries one after the other, whatever was selected and painted."""
    painter = new_page().open()
    card = painter.page.locator("[data-palette]")
    places = [card.bounding_box()]
    painter.click(*WALL_AT)
    places.append(card.bounding_box())
    painter.swatch(5)
    assert places == [card.bounding_box()] * 2


def test_a_click_ends_the_comparison(new_page):
    """Who clicks the photo beside its comparison sees what that selects."""
    painter = new_page().open().click(*WALL_AT)
    painter.swatch(5)
    painter.key("x")
    assert painter.page.locator(".sp-split").is_visible()
    painter.click(*SKY_AT)
    assert painter.page.locator(".sp-split").is_hidden()
    assert painter.page.locator(".sp-mark").is_visible()


def test_what_to_do_next_is_said(new_page):
    """The line under the photo follows the tool and the selection, and tells fingers how to take away."""
    painter = new_page(size=(390, 844), has_touch=True, is_mobile=True).open()
    hint = painter.page.locator(".sp-status")
    assert "Tap a wall" in hint.inner_text()
    painter.key("b")
    assert "box" in hint.inner_text()
    painter.key("v").key("i")
    assert "colour you want" in hint.inner_text()
    painter.key("Escape").click(*WALL_AT)
    assert hint.inner_text() == "Choose a colour. Tap what is missing; Remove takes away."
    painter.key("b")
    assert hint.inner_text() == "Choose a colour. Draw a box around what is missing."
    painter.key("v")
    painter.swatch(5)
    assert "Painted" in hint.inner_text()


# -- coming back, mistakes, phones


def test_reload_finds_the_session(new_page):
    """A page that is reloaded shows the photo, its paint and its regions again; another visitor sees nothing of it."""
    painter = new_page().open().click(*WALL_AT)
    painter.swatch(7)
    painter.do("generate")
    sid, color = painter.sid, painter.seen(*WALL_AT)
    painter.page.reload()
    painter.idle()
    assert painter.sid == sid
    assert painter.page.locator(".sp-layer").count() == 1
    assert painter.page.locator(".sp-region").count() == 8
    assert np.abs(np.subtract(color, painter.seen(*WALL_AT))).max() < 6
    stranger = new_page()
    assert stranger.page.locator(".sp").get_attribute("data-state") == "start"
    assert sid not in stranger.page.content()


def test_a_session_that_is_gone(new_page):
    """A session that expired is told in one sentence, and the page starts anew; "Delete my photo" makes one."""
    painter = new_page().open()
    painter.live.studio.close(painter.sid)
    painter.page.reload()
    painter.page.wait_for_selector('.sp[data-state="start"] .sp-toast')
    assert "Open it again" in painter.toast()
    painter.open()
    sid = painter.sid
    painter.page.locator('[data-do="help"]').click()
    painter.page.locator('[data-do="close-session"]').click()
    painter.page.locator(".sp-ask button[value=no]").click()  # it is asked first
    assert painter.idle().session.id == sid
    painter.page.locator('[data-menu="open"]').click()
    painter.page.locator('[data-do="delete-photo"]').click()
    painter.page.locator(".sp-ask button[value=yes]").click()
    painter.page.wait_for_selector('.sp[data-state="start"]')
    assert painter.page.locator(".sp-file").inner_text() == ""
    with pytest.raises(PainterError):
        painter.live.studio.session(sid)


def test_mistakes_are_one_sentence(new_page):
    """What cannot be done is said in a toast, without a stack trace, and nothing changes."""
    painter = new_page()
    painter.choose(b"this is no photo", "holiday.jpg")
    message = painter.toast()
    assert "Traceback" not in message
    assert painter.page.locator(".sp").get_attribute("data-state") == "start"
    painter.open().click(*WALL_AT)
    revision = painter.session.revision
    painter.type_color("#ggg")
    toast = painter.toast_box("#ggg")  # it hides nothing that is pressed next: it begins on a line above the photo
    assert toast["x"] + toast["width"] <= painter.page.locator(".sp-panel").bounding_box()["x"]
    tools, view = (painter.page.locator(name).bounding_box() for name in (".sp-tools", ".sp-view"))
    assert tools["x"] + tools["width"] <= toast["x"]
    assert toast["y"] < view["y"]
    assert painter.idle().session.revision == revision
    painter.click(*DOOR_AT)  # and work goes on
    assert len(painter.session.selection.prompts.point_coords) == 2


def test_the_api_is_a_link_away(new_page):
    """The help leads to the description of the API, beside the page."""
    painter = new_page()
    painter.page.locator('[data-do="help"]').click()
    with painter.page.expect_popup() as popup:
        painter.page.get_by_role("link", name="API").click()
    popup.value.get_by_text("/api/segment", exact=True).wait_for()


def test_phone(new_page):
    """By touch at 390 pixels: a tap selects, one with Remove takes away, nothing sticks out to the side."""
    painter = new_page(size=(390, 844), device_scale_factor=2, has_touch=True, is_mobile=True).open()
    painter.page.touchscreen.tap(*painter.at(*WALL_AT))
    painter.idle()
    assert painter.mask[WALL_AT[1], WALL_AT[0]]
    painter.page.locator('.sp-signs label:has([value="subtract"])').tap()
    painter.page.touchscreen.tap(*painter.at(900, 850))
    painter.idle()
    assert painter.session.selection.prompts.point_labels.tolist() == [1, 0]
    assert painter.page.evaluate("document.documentElement.scrollWidth") == 390
    painter.page.locator("[data-palette] .sp-swatch").nth(8).tap()
    assert painter.until(lambda: len(painter.session.layers) == 1)
    painter.type_color("#ggg")
    toast = painter.toast_box()
    assert toast["x"] >= 0
    assert 300 < toast["width"] <= 390 - toast["x"]


def test_the_docs_page_sends_a_file_with_its_fields(new_page):
    """A form that has both, such as that of load_palette, is answered."""
    painter = new_page().open()
    sid, page = painter.sid, painter.page
    page.goto(f"{painter.live.url}/api/docs")
    form = page.locator("#load_palette")
    form.locator("summary").click()
    form.locator("textarea").fill(json.dumps({"session_id": sid}))
    palette = {"name": "walls.gpl", "mimeType": "text/plain", "buffer": b"GIMP Palette\n181 199 163 Old sage\n"}
    form.locator("input").set_input_files(palette)
    form.locator("button").click()
    page.wait_for_function("document.querySelector('#load_palette output').textContent.length > 5")
    assert form.locator("output").inner_text().startswith("200")
    assert painter.live.studio.session(sid).palette.name == "walls.gpl"


def test_engine_and_dark_mode(new_page):
    """Who answers and why is told in the help; a dark system gets a dark page."""
    light, dark = new_page(), new_page(color_scheme="dark")
    for painter in (light, dark):
        painter.page.locator('[data-do="help"]').click()
        told = painter.page.locator("[data-engine-note]").inner_text()
        assert "Flood engine" in told
        assert "it is quick" in told
        painter.page.locator('[data-do="close-help"]').click()
    backgrounds = [
        sum(
            int(v)
            for v in re.findall(r"\d+", p.page.locator(".sp-bar").evaluate("e => getComputedStyle(e).backgroundColor"))
        )
        for p in (light, dark)
    ]
    assert backgrounds[0] > 700 > 200 > backgrounds[1]
