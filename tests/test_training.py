"""What the offline engine learns from: annotated photos and rendered houses, made into classes and instances."""

from __future__ import annotations

import numpy as np
import pytest

from sam2_painter.engines.offline.features import AUTO_FEATURES, FIRST_FEATURES, NEXT_FEATURES
from sam2_painter.engines.offline.network import CLASSES, Network
from training.data import IGNORED, UNKNOWN, Region, class_map
from training.gather import Scene, User, gather_first, gather_next, house_scene
from training.houses import House, house

WALL, SKY = CLASSES.index("wall"), CLASSES.index("sky")


@pytest.fixture(scope="module")
def seen() -> House:
    """A rendered house."""
    return house(3)


@pytest.fixture(scope="module")
def scene() -> Scene:
    """The same house, read."""
    return house_scene(3, Network())


class TestPhotos:
    """`class_map`: a hand-made photo of 200x200, a wall annotated in it."""

    @pytest.fixture
    def photo(self) -> tuple[np.ndarray, np.ndarray, tuple[Region, ...]]:
        image = np.full((200, 200, 3), (120, 170, 230), np.uint8)  # sky
        image[100:] = np.random.default_rng(0).integers(0, 255, (100, 200, 3), np.uint8)
        labels = np.zeros((200, 200), np.int32)
        labels[100:, 80:] = 7
        return image, labels, (Region(7, "wall", (150, 150), 0.3),)

    def test_sky_is_what_is_calm_from_the_top(self, photo) -> None:
        """Nobody annotated the sky: it is found, and ends where the ground gets rough."""
        classes, instances = class_map(*photo)
        assert (classes[:90] == SKY).all()
        assert not (classes[110:] == SKY).any()
        assert len(np.unique(instances[:90])) == 1

    def test_a_large_part_that_nobody_looked_at_is_unknown(self, photo) -> None:
        """It teaches neither a class nor that it is one thing."""
        classes, instances = class_map(*photo)
        assert (classes[115:, :80] == IGNORED).all()
        assert (instances[115:, :80] == UNKNOWN).all()

    def test_what_is_annotated_keeps_its_name(self, photo) -> None:
        """The wall is a wall, with the id it had."""
        classes, instances = class_map(*photo)
        assert (classes[100:, 80:] == WALL).all()
        assert (instances[100:, 80:] == 7).all()


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
        """The front is wall, glass is window and the sky is sky; trim is nobody's."""
        classes = seen.classes()
        for part, name in (("front wall", "wall"), ("window", "window"), ("sky", "sky")):
            ids = [k for k, named in seen.parts.items() if named == part]
            assert ids
            assert (classes[np.isin(seen.instances, ids)] == CLASSES.index(name)).all()
        assert (
            classes[np.isin(seen.instances, [k for k, part in seen.parts.items() if part == "sills"])].min() == IGNORED
        )


class TestClicks:
    """`training.gather`: what the scorers learn from."""

    @pytest.fixture
    def user(self, scene: Scene) -> User:
        """Wants the largest thing that may be wanted."""
        sizes = np.bincount(scene.instances.ravel())
        return User(scene, max(scene.targets, key=lambda k: sizes[k]), np.random.default_rng(0))

    def test_a_scene_is_kept(self, scene: Scene, tmp_path) -> None:
        """What was read once need not be read again."""
        scene.save(tmp_path / "scene.npz")
        again = Scene.load(tmp_path / "scene.npz")
        assert again.number == scene.number
        for one, other in ((again, scene), (again.reading, scene.reading)):
            for name, array in vars(other).items():
                if isinstance(array, np.ndarray):
                    assert (getattr(one, name) == array).all()

    def test_the_first_click_hits(self, scene: Scene, user: User) -> None:
        """It is positive and on what is wanted, and some candidate is mostly that."""
        _, _, ious = user.candidates()
        assert user.clicks.positive.tolist() == [True]
        assert ious.max() > 0.5

    def test_a_wrong_answer_is_corrected(self, scene: Scene, user: User) -> None:
        """What is too much is clicked against, and only taken away."""
        masks, _, ious = user.candidates()
        user.see(masks[np.where(masks, scene.reading.area, 0).sum(axis=1).argmax()])  # nearly everything
        assert user.clicks.positive.tolist() == [True, False]
        first = user.answer
        masks, _, ious = user.candidates()
        user.see(masks[ious.argmax()])
        assert not (user.answer & ~first).any()

    def test_samples(self, scene: Scene) -> None:
        """A row for each candidate kept, a group for each click, and the later ones follow a scorer's answers."""
        asked = []

        def scorer(features: np.ndarray) -> np.ndarray:
            asked.append(features.shape[1])
            return features[:, FIRST_FEATURES.index("alike_iou")]

        first, following = gather_first([scene]), gather_next([scene], scorer)
        for samples, names in (
            (first["first"], FIRST_FEATURES),
            (first["auto"], AUTO_FEATURES),
            (following["next"], NEXT_FEATURES),
        ):
            assert samples.features.shape == (len(samples.ious), len(names))
            assert np.isfinite(samples.features).all()
            assert 0 <= samples.ious.min() <= samples.ious.max() <= 1
            assert (samples.photo == scene.number).all()
        assert len(np.unique(first["first"].group)) == len(scene.targets)
        assert set(asked) == {len(FIRST_FEATURES)}
