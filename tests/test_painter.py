"""The Python API: it reads like a sentence, shows itself, and leaves nothing behind."""

import base64
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import draw_building, make_studio, to_png
from engines import FloodEngine
from PIL import Image

from sam2_painter import InvalidInput, Painter, PainterError, Prompts, paint
from sam2_painter.errors import MaskNotFound, NotAnImage, SessionNotFound
from sam2_painter.masks import mask_to_png
from sam2_painter.photos import images, urls
from sam2_painter.python.display import SCREEN, resting_place
from sam2_painter.rle import mask_to_rle

WALL, SKY, ROOF, WINDOW, DOOR = (110, 90), (5, 5), (100, 30), (45, 60), (70, 140)


@pytest.fixture
def painter(studio):
    return Painter(draw_building(), name="house.png", studio=studio)


def png(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def embedded(html):
    """The pictures an HTML text carries along."""
    return [png(base64.b64decode(data)) for data in re.findall(r"data:image/jpeg;base64,([^\"]+)", html)]


# -- painting


def test_it_reads_like_a_sentence(painter, tmp_path):
    """Click, paint, save: the file is the photo with the wall repainted, at full size."""
    path = painter.click(*WALL).paint("#b5c7a3", 1.0).save(tmp_path / "out.png")
    saved = png(path.read_bytes())
    assert saved.shape == painter.photo.pixels.shape
    assert (saved == paint.composite(painter.photo, painter.session.layers)).all()
    assert (saved[SKY[1], SKY[0]] == painter.photo.pixels[SKY[1], SKY[0]]).all()
    assert (saved[WALL[1], WALL[0]] != painter.photo.pixels[WALL[1], WALL[0]]).any()


def test_the_colour_a_wall_has_now_repaints_it_as_it_is(painter):
    """The present paint of the selection, put on again, changes the wall by no more than a few codes."""
    with pytest.raises(MaskNotFound):
        painter.wall_color()
    now = painter.click(*WALL).wall_color()
    assert all(isinstance(v, int) and 0 <= v <= 255 for v in now)
    wall = painter.selected.segmentation
    again = painter.paint(now, 1.0).picture()[wall].astype(int)
    assert np.abs(again - painter.photo.pixels[wall]).max() <= 4
    assert painter.color_at(*DOOR) == tuple(painter.photo.pixels[DOOR[1], DOOR[0]])


def test_paints_of_a_palette_go_by_their_names(painter, tmp_path):
    """A palette file names what is painted with and what colours are called, until the usual one is back."""
    path = tmp_path / "walls.gpl"
    path.write_text("GIMP Palette\n181 199 163 Old sage\n240 240 230 New chalk\n")
    told = painter.use_palette(path).describe((180, 200, 160))
    assert (told.name, round(told.reflectance)) == ("Old sage", 54)
    assert 0 < told.distance < 3
    painter.click(*WALL).paint("old sage")
    assert painter.layers[0].color == (181, 199, 163)
    assert [paint.name for paint in painter.palette.paints] == ["Old sage", "New chalk"]
    assert "LRV 53" in painter.layers._repr_html_()
    painter.use_palette(None)
    assert painter.palette.name == "Exterior paints"
    with pytest.raises(InvalidInput):
        painter.paint("old sage")
    assert painter.paint("garden sage").layers[0].color == (168, 183, 156)


def test_every_click_after_paint_begins_anew(painter):
    """Two walls, two colours, one chain."""
    painter.click(*WALL).paint("#b5c7a3").click(*ROOF).paint("#8a4b3c")
    assert [layer.color for layer in painter.layers] == [(181, 199, 163), (138, 75, 60)]
    assert not (painter.layers[0].mask.segmentation & painter.layers[1].mask.segmentation).any()


def test_a_background_click_takes_away(painter):
    """label=0 says "not this"."""
    painter.click(*WALL).click(*ROOF).click(*ROOF, label=0)
    segmentation = painter.selected.segmentation
    assert segmentation[WALL[1], WALL[0]]
    assert not segmentation[ROOF[1], ROOF[0]]


def test_a_click_can_be_taken_back(painter):
    """Without the point it selected, the selection is what it would have been."""
    wall = painter.click(*WALL).selected
    assert painter.click(*ROOF).remove_point(1).selected == wall


def test_parts_are_added_and_subtracted(painter):
    """Each part is asked for by itself, and undone by itself."""
    wall = painter.click(*WALL).selected
    both = painter.add(*ROOF).selected
    three = painter.add(*DOOR).selected
    assert wall.area < both.area < three.area
    assert painter.subtract(*ROOF).selected.area == three.area - (both.area - wall.area)
    assert painter.undo().selected.area == three.area


def test_a_box_selects_what_is_in_it(painter):
    """Corners are pixels of the photo, XYXY; a mode combines it with the selection."""
    assert painter.box(10, 20, 30, 50).selected.bbox == (10, 20, 20, 30)
    assert painter.box(10, 20, 20, 50, mode="subtract").selected.bbox == (20, 20, 10, 30)


def test_candidates_can_be_chosen(painter):
    """What else the engine offered is a call away."""
    painter.click(*WALL)
    second = painter.candidates[1]
    assert painter.choose(1).selected == second


def test_every_mask_numbers_them(painter, capsys):
    """`automatic` has them largest first, `masks[n]` is mask n, and they combine by number, object or slice."""
    painter.click(*WALL).every_mask(points_per_side=8)
    found = painter.automatic
    assert [mask.area for mask in found] == sorted((mask.area for mask in found), reverse=True)
    assert all(painter.masks[mask.id] == mask for mask in found)
    assert painter.select(found[:2]).selected.area == found[0].area + found[1].area
    assert painter.select(found[0].id, found[1]).selected.area == found[0].area + found[1].area
    assert painter.combine(found[:2], found[0]).selected is not None
    whole, part = painter.select(found[:2]).selected, found[1]
    assert painter.combine(whole, part, mode="subtract").selected.area == found[0].area
    assert painter.mask_at(*SKY).segmentation[SKY[1], SKY[0]]
    assert "every mask" in capsys.readouterr().err


def test_the_bar_can_be_silent(painter, capsys):
    """progress=False prints nothing."""
    painter.every_mask(progress=False)
    assert capsys.readouterr() == ("", "")


def test_layers_are_edited_moved_and_removed(painter):
    """A layer is a thing: recolour it, move it, take it off, undo that."""
    painter.click(*WALL).paint("#fff").click(*ROOF).paint("#000")
    painter.edit_layer(0, color="teal", opacity=0.5).move_layer(0, 1)
    assert [layer.color for layer in painter.layers] == [(0, 0, 0), (0, 128, 128)]
    assert len(painter.remove_layer(0).layers) == 1
    assert len(painter.undo().layers) == 2
    assert len(painter.redo().layers) == 1


def test_walls_need_an_engine_that_knows_walls(painter):
    """An engine that names nothing says so."""
    with pytest.raises(InvalidInput, match="click the walls"):
        painter.walls()


def test_walls_are_found_by_one_that_does(tmp_path):
    """`walls()` selects them all, and is painted like any selection."""

    class Knowing(FloodEngine):
        categories = ("wall",)

        def find(self, embedding, category, point=None):
            return self.predict(embedding, Prompts.click(*WALL))[:1]

    painter = Painter(draw_building(), studio=make_studio(tmp_path, Knowing()))
    assert painter.walls().paint("#b5c7a3").layers[0].mask.segmentation[WALL[1], WALL[0]]


# -- files


def test_a_project_is_opened_as_it_was_saved(painter, studio, tmp_path):
    """Photo, masks, layers and selection come back; the original stays as it was."""
    painter.click(*WALL).paint("#b5c7a3", name="Front").click(*ROOF)
    path = painter.save_project(tmp_path / "house.zip")
    again = Painter.open_project(path, studio=studio)
    assert again.session_id != painter.session_id
    assert again.session.layers == painter.session.layers
    assert again.selected.rle == painter.selected.rle
    assert (again.picture() == painter.picture()).all()


def test_of_an_opened_project_nothing_is_undone(painter, studio, tmp_path):
    """Its paint is what it begins with; what is done afterwards is undone as ever, and no more."""
    painter.click(*WALL).paint("#fff").click(*ROOF).paint("#000")
    opened = Painter.open_project(painter.save_project(tmp_path / "p.zip"), studio=studio)
    with pytest.raises(InvalidInput, match="nothing to undo"):
        opened.undo()
    assert len(opened.remove_layer(0).layers) == 1
    assert len(opened.undo().layers) == 2
    with pytest.raises(InvalidInput, match="nothing to undo"):
        opened.undo()


def test_masks_are_exported(painter, tmp_path):
    """As COCO JSON, one annotation a mask, and as PNGs in a zip."""
    painter.click(*WALL).every_mask(progress=False)
    coco = json.loads(painter.export_coco(tmp_path / "masks.json", every=True).read_text())
    assert [one["mask_id"] for one in coco["annotations"]] == [mask.id for mask in painter.masks]
    assert [one["area"] for one in coco["annotations"]] == [mask.area for mask in painter.masks]
    with zipfile.ZipFile(painter.export_png(tmp_path / "masks.zip", every=True)) as archive:
        first = png(archive.read(archive.namelist()[0]))[..., 0] > 0
    assert (first == painter.masks[0].segmentation).all()


# -- bad input

BAD = {
    "no such file": (lambda p: Painter("hause.jpg", studio=p.studio), "no file hause.jpg"),
    "not an image": (lambda p: Painter(b"hello", studio=p.studio), "."),
    "outside": (lambda p: p.click(500, 5), "outside the 200x150 photo"),
    "not a number": (lambda p: p.click("a", 5), "number"),
    "box of nan": (lambda p: p.box(1, 2, float("nan"), 4), "finite"),
    "box the wrong way": (lambda p: p.box(9, 9, 1, 1), "x1 < x2"),
    "colour": (lambda p: p.click(*WALL).paint("#ggg"), "no colour"),
    "colour of two": (lambda p: p.click(*WALL).paint((1, 2)), "red, green, blue"),
    "opacity": (lambda p: p.click(*WALL).paint("#fff", 2), "opacity"),
    "nothing selected": (lambda p: p.paint("#fff"), "click"),
    "no such mask": (lambda p: p.select(7), "No mask 7"),
    "no mask at all": (lambda p: p.select(), "at least one"),
    "no such knob": (lambda p: p.every_mask(points=3), "knows no points"),
    "knob out of range": (lambda p: p.every_mask(points_per_side=0, progress=False), "points_per_side"),
    "no such layer": (lambda p: p.edit_layer(3, color="red"), "No layer 3"),
    "no such field": (lambda p: p.click(*WALL).paint("#fff").edit_layer(0, mask=1), "no mask to change"),
    "nothing to undo": (lambda p: p.undo(), "nothing to undo"),
    "ending": (lambda p: p.save("out.gif"), "PNG, JPEG or WEBP"),
    "no such folder": (lambda p: p.save("/no/such/folder/out.png"), "cannot be written"),
    "project that is none": (lambda p: Painter.open_project(__file__, studio=p.studio), "no SAM2 Painter project"),
    "project that is nowhere": (lambda p: Painter.open_project("/no/such.zip", studio=p.studio), "no file such.zip"),
    "quality": (lambda p: p.save("out.jpg", quality=0), "quality"),
    "engine": (lambda p: Painter(draw_building(), engine="magic"), "auto, offline, sam2, modal"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(painter, case):
    """Whatever was wrong, the error is ours and says what is allowed; the session stays as it was."""
    call, says = BAD[case]
    with pytest.raises(PainterError, match=re.escape(says)) as caught:
        call(painter)
    assert "\n" not in str(caught.value)
    assert painter.session.id


def test_text_is_a_path_and_a_data_url_a_picture(studio, tmp_path):
    """A name is looked for on disk; a data URL carries its picture; bytes, Pillow images and arrays are pictures."""
    data = to_png(draw_building())
    (tmp_path / "house.png").write_bytes(data)
    url = "data:image/png;base64," + base64.b64encode(data).decode()
    sources = [str(tmp_path / "house.png"), tmp_path / "house.png", url, data, Image.open(io.BytesIO(data))]
    digests = {Painter(source, studio=studio).photo.digest for source in [*sources, draw_building()]}
    assert len(digests) == 1
    with pytest.raises(NotAnImage):
        Painter(b"GIF89a", studio=studio)


# -- showing


def test_it_shows_itself_as_a_png_of_screen_size(studio):
    """`to_png` is the painted picture, shrunk to the screen."""
    painter = Painter(draw_building(2000, 1500), studio=studio).click(1100, 900).paint("#b5c7a3")
    assert (png(painter.to_png()) == painter.picture(SCREEN)).all()
    assert max(painter.picture(SCREEN).shape) == SCREEN


def test_before_and_after_need_no_kernel_and_no_network(painter):
    """The HTML carries both pictures and a slider, and refers to nothing outside itself."""
    html = painter.click(*WALL).paint("#203040", 1.0)._repr_html_()
    after, before = embedded(html)
    assert abs(after.astype(int) - painter.picture()).mean() < 3
    assert abs(before.astype(int) - painter.photo.pixels).mean() < 3
    assert 'type="range"' in html
    assert not re.search(r"https?:|<script|<link|url\(", html)


def test_a_selection_is_outlined_until_it_is_painted(painter):
    """What is only selected can be seen, and never gets into the picture."""
    plain = painter.to_png()
    selected = painter.click(*WALL).to_png()
    assert len(embedded(painter._repr_html_())) == 1  # nothing to compare yet
    assert (png(selected) != png(plain)).any()
    assert (painter.picture() == painter.photo.pixels).all()
    assert (png(painter.paint("#fff").to_png()) == painter.picture()).all()


def test_masks_and_layers_show_themselves(painter):
    """A mask, a gallery and the layers each have HTML of their own, with their pictures in it."""
    painter.click(*WALL).paint("#b5c7a3").every_mask(progress=False)
    assert len(embedded(painter.masks._repr_html_())) == len(painter.masks)
    assert len(embedded(painter.masks[:3]._repr_html_())) == 3
    assert len(embedded(painter.selected._repr_html_())) == 1
    assert png(painter.selected.to_png()).shape == (150, 200, 3)
    assert "#b5c7a3" in painter.layers._repr_html_()
    assert len(embedded(painter.layers._repr_html_())) == 1
    assert repr(painter) == f"<Painter house.png, 200x150: {len(painter.masks)} masks, 1 layer; Flood engine>"
    assert repr(painter.layers) == "<1 layer: Wall 1 #b5c7a3>"
    assert repr(painter.masks[0]).startswith("<Mask 0: ")


def test_nothing_found_is_said_in_words(painter):
    """An empty gallery tells what fills it."""
    assert "every_mask" in painter.masks._repr_html_()
    assert "paint" in painter.layers._repr_html_()
    assert painter.selected is None


def test_names_from_files_are_text(studio):
    """A file or a layer named like HTML is shown as text."""
    evil = "<img src=x onerror=alert(1)>.png"
    painter = Painter(draw_building(), name=evil, studio=studio).click(*WALL).paint("#fff", name="<b>wall</b>")
    shown = painter._repr_html_() + painter.layers._repr_html_() + painter.before_after()._repr_html_()
    assert "<img src=x" not in shown
    assert "<b>wall" not in shown


def test_before_and_after_stand_side_by_side(painter):
    """The pair is one picture where there is no HTML."""
    pair = painter.click(*WALL).paint("#203040").before_after()
    side = pair.side_by_side(gap=8)
    assert (side[:, :200] == painter.photo.pixels).all()
    assert (side[:, 208:] == painter.picture()).all()
    assert (png(pair.to_png()) == side).all()


def test_a_notebook_prints_the_users_line_and_the_sentence(painter):
    """Our errors render without the frames of the library: the line that asked, and what is wrong with it."""
    with pytest.raises(InvalidInput) as caught:
        painter.click(999, 0)  # outside
    (shown,) = caught.value._render_traceback_()
    line, sentence = shown.splitlines()
    assert re.fullmatch(r"test_painter\.py, line \d+: painter\.click\(999, 0\)  # outside", line)
    assert sentence == "InvalidInput: point (999, 0) is outside the 200x150 photo"
    assert InvalidInput("Never raised.")._render_traceback_() == ["InvalidInput: Never raised."]


def test_the_slider_rests_where_most_of_the_change_is_seen(painter):
    """A little of the change is left of it; without scripts both pictures stand side by side, with no dead slider."""
    before, after = np.zeros((10, 100, 3), np.uint8), np.zeros((10, 100, 3), np.uint8)
    assert resting_place(before, after) == 50
    after[:, 80:90] = 200
    assert 81 <= resting_place(before, after) <= 83
    html = painter.click(*WALL).paint("#203040")._repr_html_()
    assert html.count("width:49.5%") == 2
    assert re.search(r"<input hidden type=\"range\"", html)


def test_nothing_is_stored_twice(painter):
    """A notebook keeps the HTML only: no PNG of the same beside it."""
    painter.click(*WALL).paint("#203040")
    for shown in (painter, painter.before_after(), painter.selected, painter.masks, painter.layers):
        assert hasattr(shown, "_repr_html_")
        assert not hasattr(shown, "_repr_png_")


# -- life and death


def test_a_session_can_be_picked_up_where_it_was_left(painter, studio):
    """Two painters of one session see each other's work, as the page and a cell do."""
    other = Painter.attach(studio, painter.session_id)
    other.click(*WALL).paint("#b5c7a3")
    assert len(painter.layers) == 1
    with pytest.raises(SessionNotFound):
        Painter.attach(studio, "nobody")


def test_closed_is_gone(studio):
    """With `with`, nothing of the photo stays on disk."""
    with Painter(draw_building(), studio=studio) as painter:
        assert list(studio.sessions.upload_dir.iterdir())
    assert not list(studio.sessions.upload_dir.iterdir())
    with pytest.raises(SessionNotFound):
        painter.click(*WALL)


PLAIN_USE = """
import sys
from pathlib import Path
from conftest import draw_building
from sam2_painter import Painter

one = Painter(draw_building(), engine="offline")
two = Painter(draw_building(300, 200), engine="offline")
assert one.studio is two.studio  # weights and caches exist once
folder = one.studio.sessions.upload_dir
one.click(110, 90).paint("#b5c7a3").save(sys.argv[1])
assert len(list(folder.iterdir())) == 2
del two
three = Painter(draw_building(), engine="offline")  # closes what nobody holds any more
assert len(list(folder.iterdir())) == 2, list(folder.iterdir())
with Painter(draw_building(), engine="offline") as closed:
    pass
del closed
four = Painter(draw_building(), engine="offline")  # what was closed by hand need not be closed again
assert len(list(folder.iterdir())) == 3, list(folder.iterdir())
print(sorted(m for m in ("gradio", "fastapi", "uvicorn", "IPython", "torch", "modal") if m in sys.modules))
print(folder.parent)
"""


def test_plain_use_starts_no_server_and_leaves_nothing(tmp_path):
    """No gradio is loaded; the private folder goes with the process; a painter nobody holds gives its photo up."""
    pytest.importorskip("sam2_painter.engines.choice")
    out = subprocess.run(
        [sys.executable, "-c", PLAIN_USE, str(tmp_path / "out.png")],
        cwd=Path(__file__).parent.parent,
        env={"PYTHONPATH": ".:tests", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 0, out.stderr
    loaded, folder = out.stdout.splitlines()
    assert loaded == "[]"
    assert not Path(folder).exists()
    assert not list(tmp_path.rglob("*sam2?painter*"))
    assert (tmp_path / "out.png").is_file()


def test_data_dir_keeps_what_was_done(tmp_path):
    """With a folder of your own, sessions outlive the painter."""
    pytest.importorskip("sam2_painter.engines.choice")
    painter = Painter(draw_building(), engine="offline", data_dir=tmp_path)
    session_id, studio = painter.session_id, painter.studio
    del painter
    assert Painter.attach(studio, session_id).photo.size == (150, 200)
    assert (tmp_path / "uploads" / session_id / "photo").is_file()


# -- nothing is overwritten, and everything is told in sentences


@pytest.fixture
def house(tmp_path):
    """A photo's file."""
    path = tmp_path / "house.jpg"
    Image.fromarray(draw_building()).save(path)
    return path


@pytest.fixture
def from_file(house, tmp_path_factory):
    """A painter of that file."""
    studio = make_studio(tmp_path_factory.mktemp("studio"))
    yield Painter(house, studio=studio).click(*WALL).paint("#b5c7a3")
    studio.sessions.close()


WRITES = {
    "save": (lambda p, path, **allowed: p.save(path, **allowed), ".png"),
    "save_project": (lambda p, path, **allowed: p.save_project(path, **allowed), ".zip"),
    "export_coco": (lambda p, path, **allowed: p.export_coco(path, **allowed), ".json"),
    "export_png": (lambda p, path, **allowed: p.export_png(path, **allowed), ".zip"),
}


@pytest.mark.parametrize(("write", "suffix"), WRITES.values(), ids=WRITES)
def test_files_that_exist_are_kept_unless_asked(from_file, tmp_path, write, suffix):
    """One sentence that says what allows it, and with that it is written; half a file is never seen."""
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"theirs")
    with pytest.raises(InvalidInput, match=r"exists already.*overwrite=True"):
        write(from_file, path)
    assert path.read_bytes() == b"theirs"
    assert write(from_file, path, overwrite=True) == path
    assert path.read_bytes() != b"theirs"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["house.jpg", path.name]


def test_the_photo_that_was_opened_is_never_overwritten(from_file, house, tmp_path):
    """Not with overwrite=True, and not by another name of it."""
    (tmp_path / "link.jpg").symlink_to(house)
    before = house.read_bytes()
    for path in (house, tmp_path / "link.jpg", tmp_path / "x" / ".." / "house.jpg"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(InvalidInput, match="never overwritten"):
            from_file.save(path, overwrite=True)
    with pytest.raises(InvalidInput, match="never overwritten"), open(house, "rb") as file:
        Painter(file, studio=from_file.studio).save(house, overwrite=True)
    with pytest.raises(InvalidInput, match="never overwritten"), Image.open(house) as image:
        Painter(image, studio=from_file.studio).save(house, overwrite=True)
    assert house.read_bytes() == before


def test_the_photo_is_known_from_another_folder(from_file, house, tmp_path, monkeypatch):
    """It was opened by its bare name, and the working directory was changed since."""
    monkeypatch.chdir(tmp_path)
    painter, before = Painter("house.jpg", studio=from_file.studio), house.read_bytes()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="never overwritten"):
        painter.save(house, overwrite=True)
    assert house.read_bytes() == before


def test_a_mask_of_ones_own_may_be_a_png(painter, tmp_path):
    """By its bytes, or its path; what is none is told."""
    inside = np.zeros((150, 200), bool)
    inside[20:90, 30:120] = True
    data = mask_to_png(mask_to_rle(inside))
    (tmp_path / "mask.png").write_bytes(data)
    for mask in (data, tmp_path / "mask.png", str(tmp_path / "mask.png")):
        assert (painter.deselect().import_mask(mask).selected.segmentation == inside).all()
    with pytest.raises(InvalidInput, match=r"There is no file none\.png"):
        painter.import_mask(tmp_path / "none.png")


@pytest.mark.parametrize(
    "ask",
    [
        lambda p, path: Painter(path, studio=p.studio),
        lambda p, path: p.save(path),
        lambda p, path: p.save_project(path),
        lambda p, path: Painter.open_project(path, studio=p.studio),
        lambda p, path: p.use_palette(path),
        lambda p, path: p.apply_recipe(path),
    ],
    ids=["open", "save", "save_project", "open_project", "use_palette", "apply_recipe"],
)
def test_a_home_folder_that_nobody_has(painter, ask):
    """One sentence of ours, not a RuntimeError."""
    with pytest.raises(InvalidInput, match="names a home folder that is not known here"):
        ask(painter, "~nobody-of-this-name/house.png")


def test_a_name_that_tells_of_another_kind(painter, tmp_path):
    """A zip file is not called a picture; nothing is written."""
    painter.click(100, 80).paint("red")
    for ask, name in (
        (painter.export_coco, "a.zip"),
        (painter.export_png, "a.png"),
        (painter.export_ora, "a.zip"),
        (painter.save_schemes, "a.JPG"),
        (painter.save_sheet, "a.png"),
        (painter.save_recipe, "a.zip"),
        (painter.save_project, "a.png"),
    ):
        with pytest.raises(InvalidInput, match="what is written there is no"):
            ask(tmp_path / name)
    assert not list(tmp_path.glob("a.*"))


def test_a_name_without_an_ending(painter):
    """What to add to it; what is no name at all is told too."""
    for ask in (painter.save, painter.save_project, Painter.open_project):
        with pytest.raises(InvalidInput, match="path must be the name of a file, not NoneType"):
            ask(None)
    with pytest.raises(InvalidInput, match=r"out says no format: PNG, JPEG or WEBP. End the name in .png"):
        painter.save("out")


SOURCES = {
    "path": lambda path: path,
    "text": str,
    "file://": lambda path: path.as_uri(),
    "bytes": lambda path: path.read_bytes(),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "open file": lambda path: open(path, "rb"),  # noqa: SIM115
    "base64": lambda path: base64.b64encode(path.read_bytes()).decode(),
    "data URL": lambda path: "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode(),
    "Pillow": Image.open,
    "array": lambda path: np.asarray(Image.open(path)),
    "another library's array": lambda path: memoryview(np.asarray(Image.open(path))).obj,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_photo_may_be_anything_at_hand(studio, house, source):
    """The same picture by every way."""
    assert Painter(source(house), studio=studio).photo.size == (150, 200)


def test_a_tensor_is_an_array(studio):
    """Whatever says how it becomes one."""

    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return draw_building()

    assert np.array_equal(Painter(Tensor(), studio=studio).photo.pixels, draw_building())


@pytest.mark.parametrize(
    ("photo", "says"),
    [
        ("https://example.com/house.jpg", "allow_urls=True"),
        ("no/such/house", "There is no file house"),
        ("a" * 100, "There is no file|cannot be"),
        (io.StringIO("text"), "open\\(path, 'rb'\\)"),
        (io.BytesIO(b""), "picture|image|JPEG"),
        (None, "photo must be"),
        (7, "photo must be"),
    ],
    ids=["address", "path", "words", "text file", "empty", "nothing", "number"],
)
def test_what_is_no_photo_is_told(studio, photo, says):
    """One sentence that names the mistake."""
    with pytest.raises(InvalidInput, match=says):
        Painter(photo, studio=studio)


def test_an_address_is_opened_when_that_is_said(studio, monkeypatch):
    """By the reader that goes to public servers only; the photo is called as the address ends."""
    asked = []

    def fetch(url):
        asked.append(url)
        return images.encode(draw_building(), "PNG"), "house.png"

    monkeypatch.setattr(urls, "fetch", fetch)
    opened = Painter("https://example.com/house.png", studio=studio, allow_urls=True)
    assert (asked, opened.session.name) == (["https://example.com/house.png"], "house.png")
    monkeypatch.undo()
    with pytest.raises(InvalidInput, match="not a public server"):
        Painter("http://127.0.0.1:9/house.png", studio=studio, allow_urls=True)


MISTAKES_IN_FORM = {
    "select text": (lambda p: p.select("a"), "'a' is neither"),
    "select nothing": (lambda p: p.select(None), "None is neither"),
    "combine words": (lambda p: p.combine(["wall", "door"]), "'wall' is neither"),
    "paint nothing": (lambda p: p.click(*WALL).paint(None), "color must be .* got None"),
    "paint a number": (lambda p: p.click(*WALL).paint(7), "color must be"),
    "paint two numbers": (lambda p: p.click(*WALL).paint((1, 2)), "color must be"),
    "paint words": (lambda p: p.click(*WALL).paint(("a", "b", "c")), "color"),
    "a pair": (lambda p: p.click(WALL), r"one by one: click\(500, 300\)"),
    "a pair to add": (lambda p: p.add(list(WALL)), r"one by one: add\(500, 300\)"),
    "a box in brackets": (lambda p: p.box((1, 2, 3, 4)), r"one by one: box\(500, 300, 800, 600\)"),
    "text": (lambda p: p.click("a", "b"), "must be|number"),
    "a paint nobody knows": (lambda p: p.click(*WALL).paint("gardn sage"), "Did you mean .Garden Sage"),
    "half a name": (lambda p: p.click(*WALL).paint("sage"), "Did you mean .*Sage"),
    "an engine": (lambda p: Painter(draw_building(), engine="sam3"), "^engine must be one of auto, offline"),
}


@pytest.mark.parametrize(("mistake", "says"), MISTAKES_IN_FORM.values(), ids=MISTAKES_IN_FORM)
def test_a_mistake_in_form_is_one_sentence(painter, mistake, says):
    """InvalidInput, and nothing is changed but what came before it."""
    with pytest.raises(InvalidInput, match=says):
        mistake(painter)
    assert painter.layers == [] or not list(painter.layers)


def test_a_paint_of_the_palette_is_a_color(painter):
    """As are numbers of numpy's, and a list."""
    paint = painter.palette.paints[3]
    assert painter.click(*WALL).paint(paint).layers[0].color == paint.rgb
    assert painter.paint(np.array([1, 2, 3], np.uint8)).layers[-1].color == (1, 2, 3)
    assert painter.paint([4, 5, 6]).layers[-1].color == (4, 5, 6)
    assert painter.select(np.int64(0)).selected.id == 0


def test_a_painter_is_an_array(painter):
    """np.asarray gives the picture, which is nobody else's to change."""
    painter.click(*WALL).paint("red", mode="flat")
    picture = np.asarray(painter)
    assert np.array_equal(picture, painter.picture())
    picture[:] = 0
    assert painter.picture().any()
    assert np.asarray(painter, np.float32).dtype == np.float32


def test_a_closed_painter_can_be_shown(studio):
    """In a cell, a debugger or a traceback: it says that its session is gone."""
    with Painter(draw_building(), studio=studio) as painter:
        pass
    assert "deleted or has expired" in repr(painter)
    assert painter._repr_html_() is None
    with Painter(draw_building(), studio=studio) as closed:
        closed.close()
    assert studio.sessions.count() == 0


def test_help_knows_the_knobs_of_every_mask():
    """So does completion."""
    import inspect

    names = inspect.signature(Painter.every_mask).parameters
    assert {"progress", "points_per_side", "pred_iou_thresh", "min_mask_region_area"} <= names.keys()
    assert "knobs" not in names


def test_the_package_names_what_it_has():
    """dir() for completion: public names and rooms, all of which are there."""
    import sam2_painter

    names = {name for name in dir(sam2_painter) if not name.startswith("_")}
    assert {"Painter", "Palette", "MaskNotFound", "errors", "studio", "colors"} <= names
    assert all(getattr(sam2_painter, name) is not None for name in names)


def test_layers_on_one_old_paint(painter):
    """Layers are tied and untied by their places, and the selection tells each paint that is on it."""
    painter.click(*WALL).paint("red")
    painter.click(*DOOR).paint("red")
    now = painter.select(painter.layers[0].mask_id).wall_paints()
    assert now[0].rgb == painter.wall_color()
    assert sum(paint.share for paint in now) == pytest.approx(1)
    assert all(0 <= place < 2 for pair in painter.tie_offers() for place in pair)
    assert [layer.tie for layer in painter.tie_layers(0, 1).layers] == [1, 1]
    assert painter.tie_offers() == []
    assert [layer.tie for layer in painter.untie_layer(0).layers] == [0, 0]
