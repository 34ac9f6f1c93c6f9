"""OpenRaster files: what GIMP and Krita ask for, and layers that are the painted picture when shown together."""

import io
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from sam2_painter.types import Coat, Prompts


@pytest.fixture
def painted(studio, photo_bytes):
    """Three walls painted; the second is hidden, the third half opaque over the first."""
    session = studio.open(photo_bytes, 'A & B "house".png')
    for x, y in ((100, 80), (100, 30), (10, 10)):
        session = studio.segment(session.id, Prompts.click(x, y))
        session = studio.paint(session.id, [Coat((20, 90, 160), session.selection.mask_id)])
    studio.edit_layer(session.id, session.layers[1].id, visible=False, name="Roof <old>")
    studio.edit_layer(session.id, session.layers[2].id, opacity=0.5)
    return studio.session(session.id)


@pytest.fixture
def archive(studio, painted):
    """The file, opened as a zip."""
    with zipfile.ZipFile(studio.export(painted.id, "ora").path) as opened:
        yield opened


def picture(archive, name):
    return Image.open(io.BytesIO(archive.read(name)))


def layers(archive):
    """The layers of the stack from top to bottom."""
    return list(ElementTree.fromstring(archive.read("stack.xml")).find("stack"))


def test_the_zip_is_what_the_format_asks_for(archive):
    """The media type first and not packed, a stack, the merged picture, a thumbnail of at most 256 pixels."""
    first = archive.infolist()[0]
    assert (first.filename, first.compress_type, first.header_offset) == ("mimetype", zipfile.ZIP_STORED, 0)
    assert first.extra == b""
    assert archive.read("mimetype") == b"image/openraster"
    image = ElementTree.fromstring(archive.read("stack.xml"))
    assert (image.tag, image.get("w"), image.get("h")) == ("image", "200", "150")
    assert image.get("version").startswith("0.0.")
    thumbnail = picture(archive, "Thumbnails/thumbnail.png")
    assert thumbnail.format == "PNG"
    assert max(thumbnail.size) <= 256


def test_the_layers_are_named_and_ordered(archive, painted):
    """The photo is at the bottom, each wall above it under its own name; a hidden one is hidden."""
    names = [layer.get("name") for layer in layers(archive)]
    assert names == [layer.name for layer in reversed(painted.layers)] + [painted.name]
    assert [layer.get("visibility") for layer in layers(archive)] == ["visible", "hidden", "visible", "visible"]


def test_shown_together_they_are_the_painted_picture(archive, studio, painted):
    """As any program lays them over one another, and as the file's own merged picture."""
    canvas = Image.new("RGBA", (200, 150))
    for layer in reversed(layers(archive)):
        if layer.get("visibility") == "visible":
            canvas.alpha_composite(
                picture(archive, layer.get("src")).convert("RGBA"), (int(layer.get("x")), int(layer.get("y")))
            )
    expected = studio.picture(painted.id)
    assert np.array_equal(np.asarray(canvas)[..., :3], expected)
    assert np.array_equal(np.asarray(picture(archive, "mergedimage.png")), expected)


def test_a_wall_is_clear_where_it_is_not(archive, painted):
    """Its alpha is its mask, and at most the pixels of its border that were painted in part."""
    for layer, wall in zip(reversed(layers(archive)[:-1]), painted.layers, strict=True):
        alpha = np.zeros((150, 200), np.uint8)
        part = np.asarray(picture(archive, layer.get("src")))[..., 3]
        x, y = int(layer.get("x")), int(layer.get("y"))
        alpha[y : y + part.shape[0], x : x + part.shape[1]] = part
        inside = wall.mask.segmentation
        assert (alpha[inside] == 255).all()
        assert (alpha > 0).sum() <= inside.sum() * 1.2 + 400


def test_a_session_without_paint_is_one_layer(studio, photo_bytes):
    """The photo, which is the merged picture too."""
    session = studio.open(photo_bytes)
    with zipfile.ZipFile(studio.export(session.id, "ora").path) as opened:
        assert len(layers(opened)) == 1
        assert np.array_equal(np.asarray(picture(opened, "mergedimage.png")), studio.photo(session.id).pixels)


def test_it_comes_through_the_api(server, photo_bytes):
    """Under its own media type and ending."""
    session = server.studio.open(photo_bytes)
    made = server.http.post("/download-masks", json={"session_id": session.id, "format": "ora"}).json()
    assert made["filename"].endswith(".ora")
    assert server.http.get(made["image_url"]).headers["content-type"] == "image/openraster"
