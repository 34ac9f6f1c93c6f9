"""Every kind of photo comes in by every door, and what was done to it is said once."""

import re
import warnings

import numpy as np
import pytest
from conftest import draw_building
from gradio_client import handle_file
from picture_files import heic, quarters, saved

from sam2_painter import Painter
from sam2_painter.__main__ import main
from sam2_painter.photos import formats
from sam2_painter.photos.pixels import CLEAR
from sam2_painter.web.page import assets

KINDS = {
    "photo.HEIC": heic(),
    "photo.heif": heic(brand=b"mif1"),
    "photo.hif": heic(brand=b"heix"),
    "photo.avif": saved(quarters(), "AVIF"),
    "photo.jfif": saved(quarters(), "JPEG"),
    "photo.jpe": saved(quarters(), "JPEG"),
    "photo.webp": saved(quarters(), "WEBP"),
    "photo.tif": saved(quarters(), "TIFF"),
    "photo.bmp": saved(quarters(), "BMP"),
}


@pytest.fixture
def folder(tmp_path):
    """A folder of one photo of each kind."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, data in KINDS.items():
        (photos / name.replace("photo", f"photo-{name.partition('.')[2].lower()}")).write_bytes(data)
    return photos


@pytest.mark.parametrize("name", KINDS)
def test_by_http(server, name):
    """POST /api/upload."""
    reply = server.http.post("/upload", files={"file": (name, KINDS[name])}).json()
    assert (reply["width"], reply["height"], reply["message"]) == (80, 64, "Photo opened.")


@pytest.mark.parametrize("name", ["photo.HEIC", "photo.avif", "photo.jfif"])
def test_by_gradio_s_client(doors, tmp_path, name):
    """The endpoint named upload."""
    (tmp_path / name).write_bytes(KINDS[name])
    reply = doors.gradio("upload", file=handle_file(tmp_path / name))
    assert (reply["width"], reply["height"]) == (80, 64)


def test_by_painter(studio, folder):
    """From a path of any of the endings."""
    for path in sorted(folder.iterdir()):
        with Painter(path, studio=studio) as painter:
            assert painter.photo.size == (64, 80)


def test_by_the_command_line(studio, folder, tmp_path, capsys):
    """A folder run takes every one of them."""
    out = tmp_path / "out"
    status = main(["paint", str(folder), "--point", "25%,25%", "--color", "#aabbcc", "-o", str(out)], studio)
    assert status == 0, capsys.readouterr().err
    assert len(list(out.iterdir())) == len(KINDS)


def test_the_page_offers_every_ending():
    """The file picker's list is ours, which the folder runs use too."""
    html = assets.markup()
    offered = re.search(r'data-file[^>]*?accept="([^"]*)"', html)[1].split(",")
    assert set(formats.ACCEPT.split(",")) <= set(offered)


def test_the_sentences_name_every_kind(server):
    """The error and the README say the same."""
    reply = server.http.post("/upload", files={"file": ("a.gif", b"GIF89a" + bytes(50))}).json()
    assert formats.NAMES in reply["detail"]


def cut_out():
    pixels = np.dstack([draw_building(), np.full((150, 200), 255, np.uint8)])
    pixels[:20, :20, 3] = 0
    return pixels


def test_a_cut_out_is_told_at_every_door(server, studio, tmp_path, capsys):
    """In the message of the API, as a warning in Python, on the command line's error output; once."""
    data = saved(cut_out(), "PNG")
    opened = server.http.post("/upload", files={"file": ("cut.png", data)}).json()
    assert opened["message"] == f"Photo opened. {CLEAR}"
    with pytest.warns(UserWarning, match=re.escape(CLEAR)):
        painter = Painter(data, studio=studio)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        painter.click(100, 80).paint("#aabbcc")
    path = tmp_path / "cut.png"
    path.write_bytes(data)
    assert main(["masks", str(path), "-o", str(tmp_path / "m.zip")], studio) == 0
    assert capsys.readouterr().err.count(CLEAR) == 1
