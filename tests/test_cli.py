"""Painting from the command line."""

import json
import zipfile

import numpy as np
import pytest
from conftest import DOOR, SKY, WALL, draw_building, to_png
from PIL import Image

from sam2_painter.__main__ import main
from sam2_painter.masks.operations import mask_to_png
from sam2_painter.rle import mask_to_rle


@pytest.fixture
def photo_file(tmp_path, photo_bytes):
    """The building as a file."""
    path = tmp_path / "house.png"
    path.write_bytes(photo_bytes)
    return path


def color_at(path, x, y):
    """RGB of one pixel of a picture file."""
    return Image.open(path).convert("RGB").getpixel((x, y))


def test_a_point_paints_the_wall_under_it(studio, photo_file, tmp_path):
    """The wall takes the colour; sky and door stay as they were."""
    out = tmp_path / "out.png"
    assert main(["paint", str(photo_file), "--point", "100,80", "--color", "#b5c7a3", "-o", str(out)], studio) == 0
    assert np.abs(np.subtract(color_at(out, 100, 80), WALL)).max() > 10
    assert color_at(out, 5, 5) == SKY
    assert color_at(out, 70, 130) == DOOR


def test_a_palette_names_the_paint(studio, photo_file, tmp_path, capsys):
    """--color takes a name of --palette's, and one of our own paints without it."""
    (tmp_path / "walls.gpl").write_text("GIMP Palette\n181 199 163 Old sage\n")
    argv = ["paint", str(photo_file), "--point", "100,80", "--mode", "flat", "-o", str(tmp_path / "out.png"), "--color"]
    assert main([*argv, "old sage", "--palette", str(tmp_path / "walls.gpl")], studio) == 0
    assert color_at(tmp_path / "out.png", 100, 80) == (181, 199, 163)
    assert main([*argv, "garden sage"], studio) == 0
    assert color_at(tmp_path / "out.png", 100, 80) == (168, 183, 156)
    assert main([*argv, "old sage"], studio) == 2
    assert main([*argv, "red", "--palette", str(tmp_path / "none.gpl")], studio) == 2
    assert "none.gpl" in capsys.readouterr().err


def test_without_out_it_is_written_beside_the_photo(studio, photo_file):
    """photo.png becomes photo-painted.png."""
    assert main(["paint", str(photo_file), "--point", "50%,53%", "--color", "red"], studio) == 0
    assert photo_file.with_name("house-painted.png").is_file()


def test_a_folder_is_painted_photo_by_photo(studio, tmp_path, capsys):
    """One unreadable photo among others is named and costs the exit status, not the others."""
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for name, width in (("a.png", 200), ("b.PNG", 300)):
        (folder / name).write_bytes(to_png(draw_building(width, 150)))
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not a photo")
    argv = ["paint", str(folder), "--point", "50%,53%", "--color", "sienna", "--format", "jpg", "-o", str(out)]
    assert main(argv, studio) == 1
    assert sorted(path.name for path in out.iterdir()) == ["a.jpg", "b.jpg"]
    assert Image.open(out / "b.jpg").size == (300, 150)
    said = capsys.readouterr().err
    assert "broken.jpg" in said
    assert "2 of 3 done" in said
    assert studio.sessions.count() == 0


def test_photos_that_differ_only_in_their_suffix_do_not_meet(studio, tmp_path):
    """a.png and a.bmp become two pictures."""
    for name in ("a.png", "a.bmp"):
        Image.fromarray(draw_building()).save(tmp_path / name)
    assert main(["paint", str(tmp_path), "--point", "100,80", "--color", "red"], studio) == 0
    assert len(list((tmp_path / "painted").iterdir())) == 2


def test_a_mask_file_says_what_to_paint(studio, photo_file, tmp_path):
    """A black and white PNG instead of a click."""
    inside = np.zeros((150, 200), bool)
    inside[:, :50] = True
    (tmp_path / "mask.png").write_bytes(mask_to_png(mask_to_rle(inside)))
    out = tmp_path / "out.png"
    argv = ["paint", str(photo_file), "--mask", str(tmp_path / "mask.png"), "--color", "#000", "--mode", "flat"]
    assert main([*argv, "-o", str(out)], studio) == 0
    assert color_at(out, 5, 5) == (0, 0, 0)
    assert color_at(out, 150, 5) == SKY


def test_masks_as_pngs_or_coco(studio, photo_file, tmp_path):
    """The suffix of --out decides."""
    assert main(["masks", str(photo_file), "-o", str(tmp_path / "m.zip")], studio) == 0
    assert main(["masks", str(photo_file), "-o", str(tmp_path / "m.json")], studio) == 0
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        names = archive.namelist()
    coco = json.loads((tmp_path / "m.json").read_text())
    assert len(names) == len(coco["annotations"]) >= 6


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--color", "red"], "--point"),
        (["--point", "100,80", "--color", "#ggg"], "#ggg"),
        (["--point", "100,80", "--color", "red", "--format", "gif"], "format"),
        (["--point", "1000,80", "--color", "red"], "outside"),
        (["--point", "100,80", "--color", "red", "--opacity", "2"], "opacity"),
    ],
    ids=["nothing selected", "colour", "format", "outside", "opacity"],
)
def test_mistakes_are_told_in_one_sentence(studio, photo_file, argv, says, capsys):
    """Nothing is written, and the exit status says so."""
    assert main(["paint", str(photo_file), *argv], studio) != 0
    assert says in capsys.readouterr().err
    assert [path.name for path in photo_file.parent.glob("*.png")] == ["house.png"]


def test_the_engine_of_the_environment_is_used(photo_file, monkeypatch, capsys):
    """As in app.py and in Python; --engine overrules it."""
    monkeypatch.setenv("SAM2_PAINTER_ENGINE", "modal")
    monkeypatch.delenv("MODAL_BASE_URL", raising=False)
    monkeypatch.delenv("MODAL_APP", raising=False)
    argv = ["paint", str(photo_file), "--point", "100,80", "--color", "red"]
    assert main(argv) == 1
    assert "MODAL_BASE_URL" in capsys.readouterr().err
    assert main([*argv, "--engine", "offline"]) == 0


@pytest.mark.parametrize("point", ["100", "1,2,3", "a,b", "", "100;80"])
def test_a_point_that_is_none_is_refused(point, photo_file, capsys):
    """argparse says which flag is meant."""
    with pytest.raises(SystemExit):
        main(["paint", str(photo_file), f"--point={point}", "--color", "red"])
    assert "--point" in capsys.readouterr().err


def test_a_folder_without_photos(studio, tmp_path, capsys):
    """There is nothing to do, and that is said."""
    assert main(["paint", str(tmp_path), "--point", "1,1", "--color", "red"], studio) == 2
    assert "no photo" in capsys.readouterr().err
