"""One old paint over several layers: tied layers are read as one wall, and the pairs that should be are offered."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import to_png
from test_old_paints import BRICK, CREAM, STONE, X, Y, picture

from sam2_painter.errors import InvalidInput, LayerNotFound
from sam2_painter.paint.composite import changed_box, composite, repaint
from sam2_painter.paint.ties import tie_offers, tied_walls
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import Coat, Layer, Mask

SAGE, NAVY = (143, 165, 139), (32, 48, 78)
SUN, SIDE = np.array([0.80, 0.78, 0.74]), np.array([0.26, 0.29, 0.34])
FRONT = (X < 240) & (Y > 40)
SHADED = (X >= 243) & (X < 390) & (Y > 40)  # behind a drainpipe of three pixels


def house(paint=CREAM, side=None):
    """A photo of a building whose right side turns away from the sun; `side`: another paint there."""
    codes = np.where((X >= 240)[..., None], paint if side is None else side, paint).astype(np.uint8)
    light = np.where((X >= 240)[..., None], SIDE, SUN)
    codes[Y <= 40] = (150, 170, 200)
    return picture(codes, light.astype(np.float32))


def layer(mask, color=SAGE, **more):
    return Layer(Mask(mask_to_rle(mask)), color, 1.0, **more)


def test_a_tied_side_is_as_dark_as_in_one_layer():
    """Alone the shaded side comes out as bright as the front; tied to it, as it does under one mask with it."""
    photo = house()
    alone, tied = ([layer(FRONT, tie=tie), layer(SHADED, tie=tie)] for tie in (0, 3))
    whole = composite(photo, [layer(FRONT | SHADED)])[SHADED].mean()
    assert composite(photo, alone)[SHADED].mean() > whole + 25
    assert composite(photo, tied)[SHADED].mean() == pytest.approx(whole, abs=2)


def test_tied_walls_hold_all_that_is_tied_seen_or_hidden():
    """Hiding a layer changes no other's look; a number that only one layer has ties nothing."""
    one, other, third = layer(FRONT, tie=2), layer(SHADED, tie=2, visible=False), layer(SHADED, tie=7)
    walls = tied_walls([one, other, third, layer(FRONT)])
    assert walls == [mask_to_rle(FRONT | SHADED)] * 2 + [None, None]
    photo = house()
    pictures = [composite(photo, [one, layer(SHADED, tie=2, visible=seen)])[FRONT] for seen in (True, False)]
    assert np.array_equal(*pictures)


def test_tying_repaints_what_it_changes():
    """After layers are tied, repaint of changed_box gives the composite of the new layers."""
    photo = house()
    before, after = ([layer(FRONT, tie=tie), layer(SHADED, tie=tie)] for tie in (0, 1))
    shown = composite(photo, before)
    box = changed_box(before, after, photo.size, None)
    repaint(shown, photo.pixels, photo, after, box)
    assert np.array_equal(shown, composite(photo, after))


@pytest.mark.parametrize("paint", [CREAM, BRICK, (60, 85, 105)])
def test_a_front_and_its_shaded_side_are_offered(paint):
    """They have one new colour, and light explains how they differ."""
    assert tie_offers(house(paint), [layer(FRONT), layer(SHADED)]) == [(0, 1)]


@pytest.mark.parametrize(
    "layers",
    [
        [layer(FRONT), layer(SHADED, NAVY)],
        [layer(FRONT), layer(SHADED, visible=False)],
        [layer(FRONT), layer(SHADED, mode="flat")],
        [layer(FRONT, tie=4), layer(SHADED, tie=4)],
        [layer(FRONT)],
        [],
    ],
    ids=["two colours", "one hidden", "one flat", "tied already", "one layer", "none"],
)
def test_nothing_is_offered_where_nothing_is_to_tie(layers):
    """One wall alone, or two that look different or are tied already, need no question."""
    assert tie_offers(house(), layers) == []


@pytest.mark.parametrize(("front", "side"), [(BRICK, STONE), (CREAM, (70, 95, 140)), (BRICK, (90, 130, 80))])
def test_two_paints_are_not_offered(front, side):
    """Brick and a stone or blue or green side got one new colour, but no light makes one of the other."""
    assert tie_offers(house(front, side), [layer(FRONT), layer(SHADED)]) == []


def test_walls_that_do_not_touch_are_offered_when_they_look_alike():
    """Two parts of one front, a balcony between them; a far wall of another hue is not."""
    photo = house()
    left, right = FRONT & (X < 90), FRONT & (X > 150)
    assert tie_offers(photo, [layer(left), layer(right)]) == [(0, 1)]
    assert tie_offers(photo, [layer(left), layer((Y <= 38) & (X > 150))]) == []


# -- in a session ----------------------------------------------------------------------------------------------------


@pytest.fixture
def painted(studio):
    """(studio, id of a session with front and side painted, ids of the two layers)."""
    opened = studio.open(to_png(house().pixels), "house.png")
    coats = [Coat(SAGE, rle=mask_to_rle(mask)) for mask in (FRONT, SHADED)]
    session = studio.paint(opened.id, coats)
    return studio, session.id, [v.id for v in session.layers]


def side_of(studio, sid):
    return float(studio.picture(sid)[SHADED].mean())


def test_a_tie_is_a_step_of_the_history(painted):
    """Tied, undone, done again: the picture follows, and downloads of both are not mixed up."""
    studio, sid, ids = painted
    alone = side_of(studio, sid)
    made = studio.download(sid).path.read_bytes()
    assert studio.tie_offers(sid) == [tuple(ids)]
    session = studio.tie_layers(sid, ids)
    assert session.can_undo == "same old paint"
    tied = side_of(studio, sid)
    assert tied < alone - 25
    assert studio.download(sid).path.read_bytes() != made
    assert studio.tie_offers(sid) == []
    studio.undo(sid)
    assert side_of(studio, sid) == alone
    studio.redo(sid)
    assert side_of(studio, sid) == tied
    studio.untie_layer(sid, ids[0])
    assert side_of(studio, sid) == alone
    assert [v.tie for v in studio.session(sid).layers] == [0, 0]


def test_a_tie_is_kept_in_the_session_and_in_its_project(painted):
    """Whoever opens the project sees the same picture."""
    studio, sid, ids = painted
    studio.tie_layers(sid, ids)
    again = studio.open_project(studio.save_project(sid))
    assert [v.tie for v in again.layers] == [v.tie for v in studio.session(sid).layers] != [0, 0]
    assert side_of(studio, again.id) == side_of(studio, sid)


def test_ties_join(studio):
    """Tying a layer to one of a pair makes three; taking one out leaves the pair."""
    opened = studio.open(to_png(house().pixels), "house.png")
    masks = [FRONT & (X < 100), FRONT & (X >= 100), SHADED, Y <= 38]
    session = studio.paint(opened.id, [Coat(SAGE, rle=mask_to_rle(mask)) for mask in masks])
    one, two, three, four = (v.id for v in session.layers)
    studio.tie_layers(opened.id, [one, two])
    studio.tie_layers(opened.id, [three, four])
    session = studio.tie_layers(opened.id, [two, three])
    assert len({v.tie for v in session.layers}) == 1
    session = studio.untie_layer(opened.id, four)
    assert [v.tie for v in session.layers] == [1, 1, 1, 0]
    assert len(studio.session(opened.id).layers) == 4


def test_what_cannot_be_tied_is_refused(painted):
    """One layer, the same twice, none, an unknown one: a sentence, and nothing changes."""
    studio, sid, ids = painted
    before = studio.session(sid).revision
    for wrong in ([ids[0]], [ids[0], ids[0]], []):
        with pytest.raises(InvalidInput, match="at least two"):
            studio.tie_layers(sid, wrong)
    with pytest.raises(LayerNotFound):
        studio.tie_layers(sid, [ids[0], 99])
    with pytest.raises(InvalidInput, match="tied to no other"):
        studio.untie_layer(sid, ids[0])
    assert studio.session(sid).revision == before
