"""Paint covers: opacity that nobody names is 1, but at the endpoints of the original service."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import draw_building, to_png

pytest.importorskip("gradio", reason="the doors need gradio")

from sam2_painter import Painter
from sam2_painter.__main__ import main
from sam2_painter.sessions.recipe import FORMAT
from sam2_painter.types import Coat, Layer, Mask
from sam2_painter.web.api.endpoints import ENDPOINTS
from sam2_painter.web.api.schemas import Caller

CALLS = {endpoint.name: endpoint.call for endpoint in ENDPOINTS}
BY_MASK = {"mask_id": 0, "color": "#20304e"}
PAINTS = {  # endpoint: what it is asked, and the opacity of the paint
    "paint_mask": (BY_MASK, 0.7),
    "paint_multiple_masks": ({"colored_masks": [BY_MASK]}, 0.7),
    "paint_wall": ({"color": "#20304e"}, 1.0),
    "apply_recipe": ({"recipe": {"walls": [{"color": "#20304e", "steps": [{"points": [[100, 80, 1]]}]}]}}, 1.0),
}


@pytest.fixture
def wall(studio, photo_bytes):
    """A session in which the wall is selected; its mask is number 0."""
    session = studio.open(photo_bytes, "house.png")
    return studio.click(session.id, 100, 80)


@pytest.mark.parametrize("name", PAINTS)
def test_an_endpoint_that_is_given_no_opacity(name, studio, wall):
    """The original's endpoints let three tenths shine through, as they always did; ours cover."""
    asked, opacity = PAINTS[name]
    if "recipe" in asked:
        asked = {"recipe": {"format": FORMAT, "version": 1, "size": [200, 150], **asked["recipe"]}}
    CALLS[name](studio, Caller(), {"session_id": wall.id, **asked})
    assert [layer.opacity for layer in studio.session(wall.id).layers] == [opacity]


def test_every_endpoint_that_takes_an_opacity_is_asked():
    """None that paints is left out of this file."""
    takes = {endpoint.name for endpoint in ENDPOINTS if {"opacity", "colored_masks", "recipe"} & set(endpoint.fields)}
    assert takes == {*PAINTS, "download_painted_image", "edit_layer"}


def test_a_file_of_one_mask_that_is_given_no_opacity(studio, wall):
    """It is as through the original's other endpoints: not all of the old paint is gone."""
    about = {"session_id": wall.id, "format": "PNG", **BY_MASK}
    for opacity in ({}, {"opacity": 0.7}):
        CALLS["download_painted_image"](studio, Caller(), {**about, **opacity})
    assert len(studio.sessions.downloads(wall.id)) == 1  # the same file again
    CALLS["download_painted_image"](studio, Caller(), {**about, "opacity": 1.0})
    assert len(studio.sessions.downloads(wall.id)) == 2


def test_a_change_that_names_no_opacity_leaves_it(studio, wall):
    """Another colour covers as much as the one before."""
    painted = studio.paint(wall.id, [Coat((1, 2, 3), 0, opacity=0.4)])
    asked = {"session_id": wall.id, "layer_id": painted.layers[0].id, "color": "red"}
    CALLS["edit_layer"](studio, Caller(), asked)
    assert studio.session(wall.id).layers[0].opacity == 0.4


def test_in_python_and_on_the_command_line_paint_covers(studio, tmp_path):
    """A layer, a coat, `Painter.paint` and `sam2-painter paint` are one and the same picture."""
    painter = Painter(draw_building(), studio=studio).click(100, 80).paint("#20304e")
    assert painter.layers[0].opacity == 1
    assert Coat((1, 2, 3)).opacity == Layer(Mask(painter.layers[0].mask.rle), (1, 2, 3)).opacity == 1
    (tmp_path / "house.png").write_bytes(to_png(draw_building()))
    asked = [str(tmp_path / "house.png"), "--point", "100,80", "--color", "#20304e", "-o", str(tmp_path / "out.png")]
    assert main(["paint", *asked], studio) == 0
    assert np.array_equal(np.asarray(Painter(tmp_path / "out.png", studio=studio)), painter.picture())


def test_a_model_that_names_no_opacity_covers(studio, wall):
    """The tool for models paints as the page does."""
    pytest.importorskip("mcp", reason="MCP needs the packages of requirements-mcp.txt")
    from sam2_painter.web.mcp.sources import PhotoSources
    from sam2_painter.web.mcp.tools import Tools

    Tools(studio, PhotoSources(())).paint(wall.id, "#20304e")
    assert studio.session(wall.id).layers[0].opacity == 1
