"""Painting from the command line."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import DOOR, SKY, WALL, draw_building, make_studio, to_png
from PIL import Image

import sam2_painter
from sam2_painter.__main__ import main
from sam2_painter.masks.operations import mask_to_png
from sam2_painter.paint.colors import parse_color
from sam2_painter.rle import mask_to_rle

ROOT = Path(sam2_painter.__file__).parents[1]


@pytest.fixture
def studio(tmp_path_factory):
    """A studio that keeps its things elsewhere."""
    made = make_studio(tmp_path_factory.mktemp("studio"))
    yield made
    made.sessions.close()


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
    argv = ["paint", str(photo_file), "--point", "100,80", "--mode", "flat", "-o", str(tmp_path / "out.png")]
    argv += ["--overwrite", "--color"]
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


def test_what_colours_a_wall_has_now_is_told(studio, photo_file, capsysbinary):
    """A line a paint: photo, colour, share, nearest paint's name; nothing is written beside the photo."""
    assert main(["colors", str(photo_file), "--point", "100,80"], studio) == 0
    (line,) = capsysbinary.readouterr().out.decode().splitlines()
    photo, color, share, name = line.split("\t")
    assert (photo, share) == ("house.png", "100%")
    red, green, blue = parse_color(color)
    assert red > green > blue  # as `WALL` is
    assert name
    assert list(photo_file.parent.iterdir()) == [photo_file]
    assert studio.sessions.count() == 0


def test_colours_of_several_photos_as_json(studio, tmp_path, capsysbinary):
    """One line of JSON a photo; a photo that cannot be read costs the status, not the others; names are a palette's."""
    (tmp_path / "walls.gpl").write_text("GIMP Palette\n205 190 160 Our sand\n")
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(to_png(draw_building()))
    (folder / "broken.jpg").write_bytes(b"no picture")
    argv = ["colors", str(folder), "--point", "100,80", "--format", "json", "--palette", str(tmp_path / "walls.gpl")]
    assert main(argv, studio) == 1
    said = capsysbinary.readouterr()
    told = [json.loads(line) for line in said.out.decode().splitlines()]
    assert [one["photo"] for one in told] == ["a.png", "b.png"]
    assert [paint["name"] for one in told for paint in one["paints"]] == ["Our sand"] * 2
    assert b"broken.jpg" in said.err


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "Say what to look at: --point, --box, --mask or --all."),
        (["--all", "castle"], "--all castle: this engine knows"),
        (["--point", "999,999"], "outside"),
    ],
)
def test_colours_need_a_wall(studio, photo_file, capsys, argv, sentence):
    """What is wrong is one sentence."""
    assert main(["colors", str(photo_file), *argv], studio) in (1, 2)
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""


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
    """As in app.py and in Python; --engine overrules it. Who called from Python has its SIGTERM back."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("SAM2_PAINTER_ENGINE", "modal")
    monkeypatch.delenv("MODAL_BASE_URL", raising=False)
    monkeypatch.delenv("MODAL_APP", raising=False)
    argv = ["paint", str(photo_file), "--point", "100,80", "--color", "red"]
    assert main(argv) == 1
    assert "MODAL_BASE_URL" in capsys.readouterr().err
    assert main([*argv, "--engine", "offline"]) == 0
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("point", ["100", "1,2,3", "a,b", "", "100;80"])
def test_a_point_that_is_none_is_refused(point, photo_file, capsys):
    """argparse says which flag is meant."""
    with pytest.raises(SystemExit):
        main(["paint", str(photo_file), f"--point={point}", "--color", "red"])
    assert "--point" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["", "--color", "red"], ["x.jpg", "-o", ""], ["x.jpg", "--report="]], ids=str)
def test_an_empty_name_is_refused(argv, tmp_path, monkeypatch, capsys):
    """A variable of the shell that was not set does not mean every photo of this folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["paint", *argv])
    assert ended.value.code == 2
    assert "a name is needed" in capsys.readouterr().err


def test_a_folder_without_photos(studio, tmp_path, capsys):
    """There is nothing to do, and that is said."""
    assert main(["paint", str(tmp_path), "--point", "1,1", "--color", "red"], studio) == 2
    assert "no photo" in capsys.readouterr().err


# -- nothing is overwritten


def run(studio, *argv):
    """`paint` of the middle of the wall, in red."""
    return main(["paint", *map(str, argv), "--point", "50%,53%", "--color", "red"], studio)


def tree(folder):
    """Every file below a folder, and what is in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def photos(tmp_path):
    """A folder with two photos, a note and a hidden file."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.png"):
        Image.fromarray(draw_building()).save(folder / name)
    (folder / "notes.txt").write_text("not a photo")
    (folder / ".hidden").write_text("hidden")
    return folder


OVER_THE_PHOTO = {
    "by its name": ["a.jpg", "-o", "a.jpg"],
    "by a link": ["a.jpg", "-o", "link.jpg"],
    "by another name": ["a.jpg", "-o", "hard.jpg"],
}


@pytest.mark.parametrize("allowed", [[], ["--overwrite"]], ids=["", "with --overwrite"])
@pytest.mark.parametrize("argv", OVER_THE_PHOTO.values(), ids=OVER_THE_PHOTO)
def test_the_photo_that_is_read_is_never_overwritten(studio, photos, monkeypatch, capsys, argv, allowed):
    """Whatever it is called: one sentence, exit status 2, and every file as it was."""
    monkeypatch.chdir(photos)
    (photos / "link.jpg").symlink_to("a.jpg")
    (photos / "hard.jpg").hardlink_to("a.jpg")
    before = tree(photos)
    assert run(studio, *argv, *allowed) == 2
    assert "is what is being read: it is never overwritten" in capsys.readouterr().err
    assert tree(photos) == before


def test_the_mask_and_the_palette_are_never_overwritten(studio, photos, tmp_path, capsys):
    """They are read, too."""
    inside = np.ones((150, 200), bool)
    (tmp_path / "mask.png").write_bytes(mask_to_png(mask_to_rle(inside)))
    before = tree(tmp_path)
    out = ["-o", str(tmp_path / "mask.png"), "--overwrite"]
    argv = ["paint", str(photos / "a.jpg"), "--mask", str(tmp_path / "mask.png"), "--color", "red"]
    assert main([*argv, *out], studio) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert tree(tmp_path) == before


def test_other_files_are_overwritten_when_that_is_said(studio, photos, capsys):
    """Without --overwrite nothing is written, not even the others of the folder; with it all are."""
    out = photos / "painted"
    out.mkdir()
    (out / "b.png").write_bytes(b"theirs")
    assert run(studio, photos) == 2
    assert "b.png exists already" in capsys.readouterr().err
    assert tree(out) == {"b.png": b"theirs"}
    assert run(studio, photos, "--overwrite") == 0
    assert sorted(tree(out)) == ["a.png", "b.png"]
    assert Image.open(out / "b.png").size == (200, 150)


def test_what_is_done_already_can_be_skipped(studio, photos, capsys):
    """--skip-existing does the rest, and says what it left out."""
    (photos / "painted").mkdir()
    (photos / "painted" / "b.png").write_bytes(b"done")
    assert run(studio, photos, "--skip-existing") == 0
    assert (photos / "painted" / "b.png").read_bytes() == b"done"
    assert (photos / "painted" / "a.png").is_file()
    assert "b.png exists already" in capsys.readouterr().err
    assert run(studio, photos, "--skip-existing") == 0
    assert "nothing to do" in capsys.readouterr().err


def test_a_failure_leaves_no_half_file(studio, photo_file, tmp_path, monkeypatch, capsys):
    """A disk that fills up while a picture is written: one sentence, and what was there stays."""
    out = tmp_path / "out.png"
    out.write_bytes(b"before")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert run(studio, photo_file, "-o", out, "--overwrite") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert sorted(tree(tmp_path)) == ["house.png", "out.png"]
    assert out.read_bytes() == b"before"


def test_an_overwritten_file_keeps_its_permissions(studio, photo_file, tmp_path):
    """And a link stays a link to it."""
    real, link = tmp_path / "real.png", tmp_path / "link.png"
    real.write_bytes(b"before")
    real.chmod(0o640)
    link.symlink_to(real)
    assert run(studio, photo_file, "-o", link, "--overwrite") == 0
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert color_at(real, 5, 5) == SKY


# -- where pictures go


def test_own_pictures_are_not_painted_again(studio, photos, capsys):
    """What we wrote beside the photos is no photo of the next run; what only has such a name is."""
    Image.fromarray(draw_building()).save(photos / "house-painted.png")
    assert run(studio, photos / "a.jpg") == 0
    assert (photos / "a-painted.png").is_file()
    capsys.readouterr()
    assert run(studio, photos) == 0
    assert sorted(tree(photos / "painted")) == ["a.png", "b.png", "house-painted.png"]
    assert "a-painted.png: painted by us" in capsys.readouterr().err
    assert run(studio, photos / "a-painted.png", "-o", photos / "twice.png") == 0  # when it is asked for by name


@pytest.mark.parametrize("given", [["."], ["a.jpg", "b.png"]], ids=["the folder", "its photos"])
def test_pictures_in_the_photos_own_folder_are_known_as_ours(studio, photos, monkeypatch, capsys, given):
    """Asked for in that folder they are named as they are beside a photo, and the next run leaves them out."""
    monkeypatch.chdir(photos)
    before = tree(photos)
    assert run(studio, *given, "-o", ".", "--format", "jpg") == 0
    made = {"a-painted.jpg", "b-painted.jpg"}
    assert tree(photos).keys() == before.keys() | made
    assert run(studio, ".", "-o", "./", "--format", "jpg", "--overwrite") == 0
    assert tree(photos).keys() == before.keys() | made
    assert "a-painted.jpg: painted by us" in capsys.readouterr().err
    assert before.items() <= tree(photos).items()


def test_skipped_files_are_named(studio, photos, capsys):
    """Whatever is no photo by its name, but not what systems hide."""
    assert run(studio, photos) == 0
    said = capsys.readouterr().err
    assert "notes.txt: no photo by its name" in said
    assert ".hidden" not in said


@pytest.mark.parametrize("end", ["", "/"], ids=["one that exists", "a new one"])
def test_out_may_be_a_folder(studio, photo_file, tmp_path, end):
    """For one photo, too: it keeps its name there."""
    out = tmp_path / "out"
    if not end:
        out.mkdir()
    assert run(studio, photo_file, "-o", f"{out}{end}") == 0
    assert sorted(tree(out)) == ["house.png"]


def test_several_photos_and_patterns(studio, photos, tmp_path, capsys):
    """Files, folders and patterns in one call, each photo once."""
    (tmp_path / "c.jpg").write_bytes((photos / "a.jpg").read_bytes())
    out = tmp_path / "out"
    assert run(studio, photos, photos / "*.jpg", tmp_path / "c.jpg", "-o", out) == 0
    assert sorted(tree(out)) == ["a.png", "b.png", "c.png"]
    assert "3 of 3 done" in capsys.readouterr().err
    assert run(studio, photos / "*.jpeg") == 2
    assert "*.jpeg" in capsys.readouterr().err


def test_photos_of_one_name_do_not_meet(studio, photos, tmp_path, capsys):
    """a.jpg and a.png beside each other become two pictures; from two folders into one that cannot be."""
    Image.fromarray(draw_building()).save(photos / "a.png")
    assert run(studio, photos / "a.jpg", photos / "a.png") == 0
    assert {"a.jpg-painted.png", "a.png-painted.png"} <= tree(photos).keys()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.jpg").write_bytes((photos / "a.jpg").read_bytes())
    assert run(studio, photos / "a.jpg", tmp_path / "more" / "a.jpg", "-o", tmp_path / "out") == 2
    assert "would both become" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(studio, photos, tmp_path / "more") == 0  # each folder has a folder of its own
    assert {"a.jpg.png", "a.png.png", "b.png"} == tree(photos / "painted").keys()
    assert list(tree(tmp_path / "more" / "painted")) == ["a.png"]


def test_folders_in_folders(studio, photos, tmp_path):
    """--recursive keeps the folders, and does not paint what it painted."""
    (photos / "deep").mkdir()
    (photos / "deep" / "a.jpg").write_bytes((photos / "a.jpg").read_bytes())
    assert run(studio, photos) == 0
    assert sorted(tree(photos / "painted")) == ["a.png", "b.png"]
    assert run(studio, photos, "--recursive", "--overwrite") == 0
    assert sorted(tree(photos / "painted")) == ["a.png", "b.png", "deep/a.png"]


def test_standard_output(studio, photo_file, capfdbinary):
    """`-o -` writes the picture there, and nothing else."""
    assert run(studio, photo_file, "-o", "-", "--format", "JPG") == 0
    assert capfdbinary.readouterr().out.startswith(b"\xff\xd8\xff")


def test_standard_output_is_for_one_photo(studio, photos, capsys):
    """Two pictures in one stream are none."""
    assert run(studio, photos, "-o", "-") == 2
    assert "one photo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "out", "says"),
    [
        ("paint", "new", ".png, .jpg, .jpeg or .webp"),
        ("paint", "out.gif", ".png, .jpg, .jpeg or .webp"),
        ("masks", "m.png", ".zip or .json"),
        ("masks", "m.coco", ".zip or .json"),
    ],
)
def test_a_name_that_says_no_format_is_refused(studio, photo_file, tmp_path, capsys, command, out, says):
    """Instead of a PNG named "new", or a zip named "m.png"."""
    options = ["--point", "50%,53%", "--color", "red"] if command == "paint" else []
    assert main([command, str(photo_file), "-o", str(tmp_path / out), *options], studio) == 2
    assert says in capsys.readouterr().err
    assert sorted(tree(tmp_path)) == ["house.png"]


def test_several_photos_do_not_go_into_one_file(studio, photos, tmp_path, capsys):
    """A folder is to be named, and none called out.png is made."""
    assert run(studio, photos, "-o", tmp_path / "out.png") == 2
    assert "name a folder" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


# -- options


@pytest.mark.parametrize(
    "wrong",
    [
        ["--opacity", "2"],
        ["--opacity", "nan"],
        ["--quality", "0"],
        ["--light", "9"],
        ["--shadow", "-1"],
        ["--format", "gif"],
        ["--mask", "none.png"],
        ["--all", "unicorn"],
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_told_once(studio, photos, capsys, wrong):
    """Not once a photo: exit status 2, and nothing is opened or written."""
    before = tree(photos)
    assert run(studio, photos, *wrong) == 2
    said = capsys.readouterr().err
    assert said.count("error:") == 1
    assert {"--mask": "none.png", "--all": "unicorn"}.get(wrong[0], wrong[0].lstrip("-")) in said
    assert tree(photos) == before


def test_light_and_shadow(studio, photo_file, tmp_path):
    """As on the page: more light is a brighter wall."""
    for light in ("0.5", "1.5"):
        assert run(studio, photo_file, "-o", tmp_path / f"{light}.png", "--light", light, "--shadow", "0.5") == 0
    assert sum(color_at(tmp_path / "1.5.png", 100, 80)) > sum(color_at(tmp_path / "0.5.png", 100, 80))


def test_version(capsys):
    """Which one it is."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert sam2_painter.__version__ in capsys.readouterr().out


@pytest.mark.parametrize("command", ["paint", "masks"])
def test_help_says_what_the_exit_status_means(command, capsys):
    """0, 1, 2 and 130."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "Exit status: 0 all is done, 1 a photo could not be done" in said


def test_nothing_is_left_in_the_folder_for_temporary_files(photo_file, tmp_path, monkeypatch):
    """Also when it is ended from outside, and of runs that were killed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    argv = ["paint", str(photo_file), "--engine", "offline", "--point", "50%,53%", "--color", "red"]
    assert main(argv) == 0
    assert not list((tmp_path / "tmp").iterdir())


def test_one_coco_file_for_a_folder(studio, photos, tmp_path, capsys):
    """--joint writes the masks of all photos as one data set; it is never written over what is there."""
    joint = tmp_path / "all.json"
    argv = ["masks", str(photos), "-o", str(tmp_path / "out"), "--joint", str(joint)]
    assert main(argv, studio) == 0, capsys.readouterr().err
    made = json.loads(joint.read_text())
    assert len(made["images"]) == len(list((tmp_path / "out").iterdir())) > 1
    assert {a["image_id"] for a in made["annotations"]} == {image["id"] for image in made["images"]}
    assert main([*argv[:3], str(tmp_path / "again"), *argv[4:]], studio) == 2
    assert "exists already" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


# -- the other commands


LISTS_OVER = {
    "report over joint": ["--joint", "all.json", "--report", "all.json"],
    "joint over a photo's masks": ["-o", "out", "--format", "json", "--joint", "out/a.json"],
    "report over a photo's masks": ["-o", "out", "--format", "json", "--report", "out/b.json"],
    "joint over a photo": ["--joint", "photos/a.jpg"],
    "joint to standard output": ["--joint", "-"],
    "below a file": ["--report", "photos/notes.txt/report.json"],
}


@pytest.mark.parametrize("more", LISTS_OVER.values(), ids=LISTS_OVER)
def test_what_is_told_of_all_photos_takes_no_other_files_place(studio, photos, monkeypatch, capsys, more):
    """--joint and --report are looked at before any work, with --overwrite too: status 2, and every file as it was."""
    monkeypatch.chdir(photos.parent)
    before = tree(photos.parent)
    assert main(["masks", "photos", "--overwrite", *more], studio) == 2
    assert capsys.readouterr().err.startswith(("error: --joint", "error: --report", "error: photos/"))
    assert tree(photos.parent) == before


def test_the_report_is_never_written_over_the_mask(studio, photos, tmp_path, capsys):
    """Nor over recipe or palette: what is read is kept, whatever is allowed."""
    (tmp_path / "mask.png").write_bytes(mask_to_png(mask_to_rle(np.ones((150, 200), bool))))
    before = tree(tmp_path)
    argv = ["paint", str(photos / "a.jpg"), "--mask", str(tmp_path / "mask.png"), "--color", "red", "--overwrite"]
    assert main([*argv, "--report", str(tmp_path / "mask.png")], studio) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert tree(tmp_path) == before


def test_folders_of_report_and_joint_are_made(studio, photos, tmp_path):
    """As those of pictures are."""
    argv = ["masks", str(photos), "-o", f"{tmp_path}/out/", "--joint", f"{tmp_path}/new/all.json"]
    assert main([*argv, "--report", f"{tmp_path}/newer/still/report.json"], studio) == 0
    assert len(json.loads((tmp_path / "new/all.json").read_text())["images"]) == 2
    assert len(json.loads((tmp_path / "newer/still/report.json").read_text())["done"]) == 2


def test_a_report_that_cannot_be_written_is_told_when_the_photos_are_done(studio, photos, tmp_path, capsys):
    """Status 1, for 2 says that nothing was written."""
    argv = ["masks", str(photos), "-o", f"{tmp_path}/out/", "--report", f"{tmp_path}/out/a.zip/report.json"]
    assert main(argv, studio) == 1
    assert "--report: " in capsys.readouterr().err
    assert sorted(tree(tmp_path / "out")) == ["a.zip", "b.zip"]


def test_ctrl_c_leaves_a_report_of_what_is_done(studio, photos, tmp_path, monkeypatch, capsys):
    """And --joint of it; status 130."""
    opened = []

    def open_one(source):
        if opened:
            raise KeyboardInterrupt
        opened.append(source)
        return type(studio).open(studio, source)

    monkeypatch.setattr(studio, "open", open_one)
    argv = ["masks", str(photos), "-o", f"{tmp_path}/out/", "--joint", f"{tmp_path}/all.json"]
    assert main([*argv, "--report", f"{tmp_path}/report.json"], studio) == 130
    assert [one["photo"] for one in json.loads((tmp_path / "report.json").read_text())["done"]] == [str(opened[0])]
    assert len(json.loads((tmp_path / "all.json").read_text())["images"]) == 1


def test_a_folder_that_cannot_be_made_is_one_sentence(studio, photos, capsys, monkeypatch):
    """As a file that cannot be written is."""

    mkdir = Path.mkdir

    def refused(path, *args, **kwargs):
        if path.name == "new":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        mkdir(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", refused)
    assert run(studio, photos / "a.jpg", "-o", photos / "new" / "a.png") == 1
    assert "new/a.png cannot be written (Permission denied)." in capsys.readouterr().err


def test_pipes_are_no_photos(studio, photos, capsys):
    """A folder is done without waiting for anybody to write into a named pipe."""
    os.mkfifo(photos / "c.jpg")
    assert run(studio, photos, "--recursive") == 0
    assert "c.jpg: no file" in capsys.readouterr().err
    assert sorted(tree(photos / "painted")) == ["a.png", "b.png"]


def test_folders_that_cannot_be_read_are_named(studio, photos, monkeypatch, capsys):
    """The one that was given: status 2. One inside of it is left out and said."""
    (photos / "secret").mkdir()
    scandir = os.scandir

    def refused(path):
        if Path(path).name in hidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    hidden = {"secret"}
    assert run(studio, photos, "--recursive") == 0
    assert "secret: cannot be read (Permission denied)" in capsys.readouterr().err
    hidden = {"photos"}
    assert run(studio, photos) == 2
    assert "photos cannot be read (Permission denied)" in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--skip-existing"]], ids=["", "with --skip-existing"])
def test_a_name_that_is_too_long_is_one_sentence(studio, capsys, more):
    """For a photo, and for what it becomes."""
    assert run(studio, "x" * 300 + ".jpg", *more) == 2
    assert "cannot be written (File name too long)" in capsys.readouterr().err


def test_serve_has_all_flags_of_the_server():
    """`serve --help` is app.py's, under its own name, and light."""
    code = (
        "import sys; from sam2_painter.__main__ import main\n"
        "try: main(['serve', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'gradio', 'numpy'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: sam2-painter serve")
    assert all(flag in done.stdout for flag in ("--engine", "--mcp", "--root-path"))


def test_modal_is_the_file_for_modal():
    """`modal --help` is what modal_sam2.py says."""
    done = subprocess.run(
        [sys.executable, "-m", "sam2_painter", "modal", "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "modal deploy modal_sam2.py" in done.stdout


def test_help_names_every_command(capsys):
    """serve, paint, masks and modal."""
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    assert all(f"\n    {command} " in printed for command in ("serve", "paint", "masks", "modal"))


@pytest.mark.parametrize("command", ["paint", "colors", "masks"])
def test_help_names_no_option_that_the_command_lacks(command, capsys):
    """Every --option that a command's help speaks of is one it takes."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = capsys.readouterr().out
    takes = set(re.findall(r"^ +(?:-\w[ \w]*, )?(--[a-z-]+)", told, re.MULTILINE))
    assert set(re.findall(r"--[a-z][a-z-]+", told)) <= takes
