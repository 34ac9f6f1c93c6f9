"""What the offline engine learns from: annotated photos and rendered houses, made into classes, things and paints."""

from __future__ import annotations

import numpy as np
import pytest

from sam2_painter.engines.offline.surfaces import CLASSES
from training.data import BUILDING, IGNORED, UNKNOWN, Region, Truth, truth_of
from training.houses import House, house
from training.pairs import RIVAL_WEIGHT, pairs
from training.users import wish

WALL, SKY = CLASSES.index("wall"), CLASSES.index("sky")


@pytest.fixture(scope="module")
def seen() -> House:
    """A rendered house."""
    return house(3)


class TestPhotos:
    """`truth_of`: a hand-made photo of 200x200, a wall annotated in it."""

    @pytest.fixture
    def photo(self) -> tuple[np.ndarray, np.ndarray, tuple[Region, ...]]:
        image = np.full((200, 200, 3), (120, 170, 230), np.uint8)  # sky
        image[100:] = np.random.default_rng(0).integers(0, 255, (100, 200, 3), np.uint8)
        labels = np.zeros((200, 200), np.int32)
        labels[100:, 80:] = 7
        return image, labels, (Region(7, WALL, "A"),)

    def test_sky_is_what_is_calm_from_the_top(self, photo) -> None:
        """Nobody annotated the sky: it is found, and ends where the ground gets rough."""
        truth = truth_of(*photo)
        assert (truth.classes[:90] == SKY).all()
        assert not (truth.classes[110:] == SKY).any()
        assert len(np.unique(truth.things[:90])) == 1

    def test_sky_goes_on_beside_what_was_drawn_of_it(self, photo) -> None:
        """Somebody drew a cloud: the rest of the sky is still found, and all of it is one thing."""
        image, labels, regions = photo
        labels[30:60, 60:110] = 8
        truth = truth_of(image, labels, (*regions, Region(8, SKY)))
        assert (truth.classes[:90] == SKY).all()
        assert len(np.unique(truth.things[:90])) == 1

    def test_a_large_part_that_nobody_looked_at_is_unknown(self, photo) -> None:
        """It teaches neither a class nor that it is one thing."""
        truth = truth_of(*photo)
        assert (truth.classes[115:, :80] == IGNORED).all()
        assert (truth.things[115:, :80] == UNKNOWN).all()

    def test_what_is_annotated_keeps_its_name(self, photo) -> None:
        """The wall is a wall, with the id it had."""
        truth = truth_of(*photo)
        assert (truth.classes[100:, 80:] == WALL).all()
        assert (truth.things[100:, 80:] == 7).all()

    def test_faces_of_one_paint_share_it(self, photo) -> None:
        """Two walls with the same letter are two things and one paint; another letter is another paint."""
        image, labels, _ = photo
        labels[100:, 120:160], labels[100:, 160:] = 8, 9
        truth = truth_of(image, labels, (Region(7, WALL, "A"), Region(8, WALL, "A"), Region(9, WALL, "B")))
        here, beside, other = ((150, x) for x in (100, 140, 180))
        assert truth.things[here] != truth.things[beside]
        assert truth.paints[here] == truth.paints[beside] != truth.paints[other]

    def test_a_whole_building_is_no_single_thing(self, photo) -> None:
        """Where the label only says "building", nothing is known of the surfaces in it."""
        image, labels, _ = photo
        truth = truth_of(image, labels, (Region(7, BUILDING),))
        assert (truth.classes[100:, 80:] == BUILDING).all()
        assert (truth.things[100:, 80:] == UNKNOWN).all()
        assert not truth.paints[100:, 80:].any()


class TestHouses:
    """Rendered houses."""

    def test_are_the_same_for_the_same_seed(self, seen: House) -> None:
        """Training can be repeated."""
        again = house(3)
        assert (again.pixels == seen.pixels).all()
        assert (again.instances == seen.instances).all()

    def test_every_pixel_belongs_to_a_part(self, seen: House) -> None:
        """The instances are numbered from 1, and each has a name."""
        assert set(np.unique(seen.instances).tolist()) <= set(seen.parts)

    def test_parts_have_classes(self, seen: House) -> None:
        """The front is wall, glass is window, the sky is sky and sills are trim."""
        classes = seen.classes()
        for part, name in (("front wall", "wall"), ("window", "window"), ("sky", "sky"), ("sills", "trim")):
            ids = [k for k, named in seen.parts.items() if named == part]
            assert ids
            assert (classes[np.isin(seen.instances, ids)] == CLASSES.index(name)).all()

    def test_equal_materials_are_one_paint(self, seen: House) -> None:
        """What is made of one material and of one class shares its paint, and no paint is of two classes."""
        truth = seen.truth()
        for paint in np.unique(truth.paints):
            assert len(np.unique(truth.classes[truth.paints == paint])) == 1


class TestPeople:
    """`training.users`: a wall in two faces of one paint, with a window, seen in cells."""

    @pytest.fixture
    def truth(self) -> Truth:
        classes, things = np.full((40, 60), SKY, np.uint8), np.ones((40, 60), np.int32)
        classes[10:], things[10:], things[10:, 30:] = WALL, 2, 3
        paints = np.where(things == 3, 2, things)
        classes[20:28, 8:16], things[20:28, 8:16], paints[20:28, 8:16] = CLASSES.index("window"), 4, 4
        return Truth(classes, things, paints)

    @pytest.mark.parametrize("seed", range(8))
    def test_a_first_click_hits(self, truth: Truth, seed: int) -> None:
        """It is positive, in all three things that it may mean, and these are nested."""
        wanted = wish(np.random.default_rng(seed), truth.classes, truth.things, truth.paints)
        assert wanted.positive == [True]
        surface, paint, kind = wanted.answers
        assert all(answer[wanted.cells[0]] for answer in wanted.answers)
        assert (surface <= paint).all()
        assert (surface <= kind).all()

    def test_a_wrong_answer_is_corrected(self, truth: Truth) -> None:
        """What is too much is clicked against, what is missing is clicked for, and a right answer is left alone."""
        rng = np.random.default_rng(1)
        wanted = wish(rng, truth.classes, truth.things, truth.paints)
        wanted.insist(0)
        assert wanted.correct(rng, np.ones((40, 60), bool))
        assert not wanted.answers[0][wanted.cells[-1]]
        assert wanted.correct(rng, np.zeros((40, 60), bool))
        assert wanted.answers[0][wanted.cells[-1]]
        assert wanted.positive == [True, False, True]
        assert not wanted.correct(rng, wanted.answers[0])

    def test_nothing_is_wanted_where_nothing_is_known(self) -> None:
        """A crop inside an undivided building has no targets."""
        nothing = np.full((40, 60), UNKNOWN, np.int32)
        rng = np.random.default_rng(0)
        assert wish(rng, np.full((40, 60), BUILDING, np.uint8), nothing, np.zeros((40, 60), np.int32)) is None


class TestPairs:
    """`pairs`: two walls of different paint, one above the other, under a sky."""

    @pytest.fixture
    def compared(self) -> tuple[np.ndarray, ...]:
        classes, things = np.full((48, 48), WALL, np.uint8), np.ones((48, 48), np.int32)
        things[24:], classes[:12], things[:12] = 2, SKY, 3
        anchors, others, alike, weights = pairs(np.random.default_rng(0), classes, things, things)
        return anchors, others, alike, weights, classes.ravel(), things.ravel()

    def test_are_alike_within_one_thing(self, compared) -> None:
        """A pixel is like those of its own wall, and like no others."""
        anchors, others, alike, _, _, things = compared
        assert (alike == (things[others] == things[anchors][:, None])).all()

    def test_weigh_both_answers_equally(self, compared) -> None:
        """What is alike counts as much as what is not, for every anchor."""
        _, _, alike, weights, _, _ = compared
        assert np.allclose((weights * alike).sum(axis=1), 1)
        assert np.allclose((weights * ~alike).sum(axis=1), 1)

    def test_tell_walls_from_each_other_above_all(self, compared) -> None:
        """A pixel of another wall weighs several times as much as one of the sky."""
        anchors, others, alike, weights, classes, _ = compared
        for k in np.flatnonzero(classes[anchors] == WALL):
            other_wall = weights[k][~alike[k] & (classes[others[k]] == WALL)]
            sky = weights[k][classes[others[k]] == SKY]
            assert other_wall.min() == pytest.approx(RIVAL_WEIGHT * sky.max())
