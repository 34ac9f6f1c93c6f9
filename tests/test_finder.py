"""Walls by name beside an engine that names nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import DOOR, WALL, draw_building, make_studio, to_png
from engines import FloodEngine, NamingEngine

from sam2_painter.engines.choice import finder_beside
from sam2_painter.engines.offline import OfflineEngine
from sam2_painter.errors import InvalidInput, MaskNotFound
from sam2_painter.photos.examples import path as example_path
from sam2_painter.studio import Studio
from sam2_painter.types import Coat


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


def test_a_kind_found_again_is_no_step(studio: Studio) -> None:
    """One undo takes it back, however often it was asked for."""
    session = studio.open(to_png(draw_building()), "house.png")
    found = studio.find(session.id, "wall")
    assert studio.find(session.id, "wall").selection == found.selection
    assert studio.undo(session.id).selection.mask_id is None


def test_what_is_taken_of_a_kind_is_taken_from_the_wall_that_is_named(tmp_path: Path) -> None:
    """Another that is chosen stays as it is; one undo takes it back; what is not in the wall changes nothing."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[10:20, 10:20] = pixels[10:20, 50:60] = DOOR
    pixels[:4] = WALL
    studio = make_studio(tmp_path, NamingEngine({"door": DOOR, "wall": WALL}))
    session = studio.open(to_png(pixels), "house.png")
    for left in (0, 40):
        studio.polygon(session.id, [(left, 5), (left + 40, 5), (left + 40, 40), (left, 40)], "new")
        before = studio.paint_wall(session.id, Coat((1, 2, 3)))
    first, second = before.layers
    after = studio.find(session.id, "door", "subtract", layer_id=first.id, revision=before.revision)
    assert [was.mask.area - now.mask.area for was, now in zip(before.layers, after.layers, strict=True)] == [100, 0]
    assert after.can_undo == "take away every door"
    assert studio.find(session.id, "wall", "subtract", layer_id=first.id).revision == after.revision
    assert studio.undo(session.id).layers == (first, second)


def test_an_unknown_name_is_refused(studio: Studio) -> None:
    """The sentence names what is allowed."""
    session = studio.open(to_png(draw_building()), "house.png")
    with pytest.raises(InvalidInput, match=r"^the kind \(category\) must be one of wall, .*shutter") as caught:
        studio.find(session.id, "castle")
    assert caught.value.field == "category"


@pytest.mark.parametrize("word", ["Wall", "walls", " wall "])
def test_a_kind_is_understood_as_people_write_it(studio: Studio, word: str) -> None:
    """In the plural, with a capital."""
    session = studio.open(to_png(draw_building()), "house.png")
    found = studio.find(session.id, word)
    assert found.mask(found.selection.mask_id).category == "wall"
    assert found.selection.steps[-1].found == "wall"


@pytest.fixture(scope="module")
def street(tmp_path_factory) -> tuple[Studio, str]:
    """Three houses in a row: of brick, of ochre plaster over a green ground floor, and rose."""
    studio = make_studio(tmp_path_factory.mktemp("street"), OfflineEngine())
    return studio, studio.open(example_path("town-house").read_bytes(), "street.jpg").id


HOUSES = {"brick": (150, 640), "ochre": (600, 560), "ground floor": (620, 1100), "rose": (1240, 700)}


@pytest.mark.parametrize("house", HOUSES)
def test_a_house_of_a_row_is_found_alone(street, house) -> None:
    """All walls of the building under a point are none of its neighbours'."""
    studio, session_id = street
    session = studio.find(session_id, "wall", point=HOUSES[house])
    rle = session.mask(session.selection.mask_id).rle
    other = {"brick": "rose", "rose": "ochre"}.get(house, "brick")
    assert rle.contains(*HOUSES[house])
    assert not rle.contains(*HOUSES[other])
    assert rle.contains(*HOUSES["ground floor"]) == (house in ("ochre", "ground floor"))


def test_where_no_building_is_nothing_is_found(street) -> None:
    """The sky is nobody's house, and what was selected stays."""
    studio, session_id = street
    before = studio.session(session_id)
    with pytest.raises(MaskNotFound, match="on a building at this point"):
        studio.find(session_id, "wall", point=(600, 60))
    assert studio.session(session_id) == before


def test_a_house_found_at_a_point_is_no_kind_for_another_photo(street) -> None:
    """A recipe keeps the mask: elsewhere the point would be at another house."""
    studio, session_id = street
    session = studio.find(session_id, "wall", point=HOUSES["rose"])
    assert [step.found for step in session.selection.steps] == [""]
