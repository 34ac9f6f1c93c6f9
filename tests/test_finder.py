"""Walls by name beside an engine that names nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import draw_building, make_studio, to_png
from engines import FloodEngine

from sam2_painter.engines.choice import finder_beside
from sam2_painter.engines.offline import OfflineEngine
from sam2_painter.errors import InvalidInput
from sam2_painter.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Clicks are answered by an engine that floods, names come from the one beside it."""
    engine = FloodEngine()
    return make_studio(tmp_path, engine, finder=finder_beside(engine))


def test_an_engine_that_knows_needs_nobody() -> None:
    """It finds its own walls."""
    engine = OfflineEngine()
    assert finder_beside(engine) is engine


def test_names_come_from_the_one_beside(studio: Studio) -> None:
    """All walls are selected though the engine names nothing, and it reads the photo only when it is clicked."""
    assert studio.categories == OfflineEngine.categories
    session = studio.open(to_png(draw_building()), "house.png")
    asked = dict(studio.engine.asked)
    found = studio.find(session.id, "wall")
    assert found.selection.mask_id is not None
    assert found.mask(found.selection.mask_id).category == "wall"
    assert studio.engine.asked == asked


def test_an_unknown_name_is_refused(studio: Studio) -> None:
    """The sentence names what is allowed."""
    session = studio.open(to_png(draw_building()), "house.png")
    with pytest.raises(InvalidInput, match="shutter") as caught:
        studio.find(session.id, "castle")
    assert caught.value.field == "category"
