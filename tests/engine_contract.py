"""What every engine promises, as tests to inherit.

    class TestMyEngine(EngineContract):
        @pytest.fixture(scope="class")
        @classmethod
        def engine(cls): return MyEngine()

A test subclasses `EngineContract` and gives it an engine. `photos` may be overridden by engines that need other ones.
"""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sam2_painter.engines.base import Engine
from sam2_painter.errors import Cancelled, InvalidInput
from sam2_painter.types import AutoMask, Embedding, Mask, Photo, Prompts

HEIGHT, WIDTH = 150, 200
WALL_POINT, WINDOW_POINT, SKY_POINT = (110.0, 100.0), (56.0, 62.0), (100.0, 8.0)
LENIENT = AutoMask(points_per_side=8, pred_iou_thresh=0.0, stability_score_thresh=0.0)


def building(wall: tuple[int, int, int] = (205, 190, 160), seed: int = 0) -> Photo:
    """A 200x150 wall with four windows and a door under a sky, with a little noise."""
    rng = np.random.default_rng(seed)
    pixels = np.empty((HEIGHT, WIDTH, 3))
    pixels[:] = (140, 180, 230)
    pixels[30:, 20:180] = wall
    for x in (40, 80, 120, 150):
        pixels[48:76, x : x + 24] = (60, 70, 90)
    pixels[110:, 30:56] = (90, 60, 30)
    pixels += rng.normal(0, 2.0, pixels.shape)
    return Photo(np.clip(pixels, 0, 255).astype(np.uint8), f"building-{seed}")


def answer(engine: Engine, embedding: Embedding, prompts: Prompts) -> list[tuple]:
    """All that a prediction says, comparable."""
    return [(mask.rle, mask.predicted_iou, mask.stability_score) for mask in engine.predict(embedding, prompts)]


def check_masks(masks: list[Mask], size: tuple[int, int]) -> None:
    """Shapes and scores as promised."""
    for mask in masks:
        assert mask.size == size
        assert mask.segmentation.shape == size
        assert mask.segmentation.dtype == bool
        assert 0 <= mask.predicted_iou <= 1
        assert 0 <= mask.stability_score <= 1
        assert 0 <= mask.category_score <= 1


class EngineContract:
    """Inherit and define the fixture `engine`."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Engine:
        raise NotImplementedError("give the suite an engine")  # abstract: this class itself is not collected

    @pytest.fixture(scope="class")
    @classmethod
    def photos(cls) -> tuple[Photo, Photo]:
        """Two photos that look different."""
        return building(), building((150, 90, 70), seed=1)

    @pytest.fixture(scope="class")
    @classmethod
    def embedding(cls, engine: Engine, photos: tuple[Photo, Photo]) -> Embedding:
        """The first photo, read."""
        return engine.embed(photos[0])

    def test_is_an_engine(self, engine: Engine) -> None:
        """It has the names and verbs of an engine."""
        assert isinstance(engine, Engine)
        assert engine.name
        assert engine.title

    def test_embedding_says_what_it_is_of(self, engine: Engine, photos, embedding: Embedding) -> None:
        """An embedding names its photo and its engine, has a cost, and survives pickling."""
        assert (embedding.digest, embedding.engine, embedding.size) == (photos[0].digest, engine.name, photos[0].size)
        assert embedding.nbytes > 0
        again = pickle.loads(pickle.dumps(embedding))
        prompts = Prompts.click(*WALL_POINT)
        assert answer(engine, again, prompts) == answer(engine, embedding, prompts)

    def test_a_click_gives_up_to_three_masks_best_first(self, engine: Engine, embedding: Embedding) -> None:
        """One to three masks of the photo's size, their scores in [0, 1] and falling, the point in the best one."""
        masks = engine.predict(embedding, Prompts.click(*WALL_POINT))
        assert 1 <= len(masks) <= 3
        check_masks(masks, embedding.size)
        scores = [mask.predicted_iou for mask in masks]
        assert scores == sorted(scores, reverse=True)

    def test_without_multimask_there_is_one(self, engine: Engine, embedding: Embedding) -> None:
        """multimask_output=False gives one mask."""
        assert len(engine.predict(embedding, Prompts([WALL_POINT], [1], multimask_output=False))) == 1

    @pytest.mark.parametrize(
        "prompts",
        [
            pytest.param(Prompts.click(*WALL_POINT), id="point"),
            pytest.param(Prompts([WALL_POINT, WINDOW_POINT], [1, 0]), id="negative"),
            pytest.param(Prompts([SKY_POINT], [0]), id="negative-only"),
            pytest.param(Prompts(box=[38, 46, 66, 78]), id="box"),
            pytest.param(Prompts([WALL_POINT], [1], box=[20, 30, 180, 150]), id="box-and-point"),
            pytest.param(Prompts(mask_input=np.ones((HEIGHT, WIDTH), bool)), id="mask"),
            pytest.param(Prompts([WALL_POINT], [1], mask_input=np.ones((1, 256, 256), np.float32)), id="logits"),
        ],
    )
    def test_the_same_question_gets_the_same_answer(self, engine, photos, embedding, prompts: Prompts) -> None:
        """Every kind of prompt is answered, the same way again, and from a new embedding of the same photo."""
        first = answer(engine, embedding, prompts)
        assert first
        check_masks(engine.predict(embedding, prompts), embedding.size)
        assert answer(engine, embedding, prompts) == first
        assert answer(engine, engine.embed(Photo(photos[0].pixels.copy())), prompts) == first

    def test_threads_do_not_mix_photos(self, engine: Engine, photos: tuple[Photo, Photo]) -> None:
        """Two photos asked by turns from eight threads give what each gives alone."""
        embeddings = [engine.embed(photo) for photo in photos]
        questions = [
            (which, Prompts([(x, y), SKY_POINT], [1, 0]))
            for x, y in (WALL_POINT, WINDOW_POINT, (170.0, 130.0), (40.0, 130.0))
            for which in (0, 1)
        ]
        alone = [answer(engine, embeddings[which], prompts) for which, prompts in questions]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda q: answer(engine, embeddings[q[0]], q[1]), questions * 3))
            read = list(pool.map(engine.embed, list(photos) * 2))
        assert together == alone * 3
        for which, embedding in enumerate(read):
            prompts = Prompts.click(*WALL_POINT)
            assert answer(engine, embedding, prompts) == answer(engine, embeddings[which % 2], prompts)

    @pytest.mark.parametrize(
        ("prompts", "field"),
        [
            pytest.param(Prompts.click(WIDTH, 5), "points", id="point-outside"),
            pytest.param(Prompts(box=[0, 0, WIDTH + 1, 5]), "boxes", id="box-outside"),
            pytest.param(Prompts(mask_input=np.ones((3, 4), bool)), "mask", id="mask-of-another-size"),
        ],
    )
    def test_prompts_outside_the_photo_are_refused(self, engine, embedding, prompts: Prompts, field: str) -> None:
        """A prompt that does not fit the photo is the caller's mistake and named."""
        with pytest.raises(InvalidInput) as caught:
            engine.predict(embedding, prompts)
        assert caught.value.field == field

    def test_a_photo_of_one_pixel(self, engine: Engine) -> None:
        """The smallest photo can be read, clicked and searched."""
        photo = Photo(np.full((1, 1, 3), 128, np.uint8))
        embedding = engine.embed(photo)
        masks = engine.predict(embedding, Prompts.click(0, 0))
        assert masks
        check_masks(masks, (1, 1))
        check_masks(engine.generate(photo, embedding, LENIENT), (1, 1))

    def test_every_mask_largest_first_none_twice(self, engine: Engine, photos, embedding: Embedding) -> None:
        """Masks come in falling order of area, none is empty, no two are the same."""
        masks = engine.generate(photos[0], embedding, LENIENT)
        assert masks
        check_masks(masks, embedding.size)
        areas = [mask.area for mask in masks]
        assert areas == sorted(areas, reverse=True)
        assert areas[-1] > 0
        assert len({mask.rle for mask in masks}) == len(masks)

    def test_every_mask_again(self, engine: Engine, photos, embedding: Embedding) -> None:
        """Looking for every mask twice finds the same ones."""
        first, second = (engine.generate(photos[0], embedding, LENIENT) for _ in range(2))
        assert first == second

    def test_small_masks_can_be_left_out(self, engine: Engine, photos, embedding: Embedding) -> None:
        """No mask is smaller than min_mask_region_area."""
        options = AutoMask(8, pred_iou_thresh=0.0, stability_score_thresh=0.0, min_mask_region_area=900)
        masks = engine.generate(photos[0], embedding, options)
        assert all(mask.area >= 900 for mask in masks)

    def test_progress_rises_to_one(self, engine: Engine, photos, embedding: Embedding) -> None:
        """Progress never falls, stays in [0, 1] and ends at 1."""
        told: list[float] = []
        engine.generate(photos[0], embedding, LENIENT, told.append)
        assert told == sorted(told)
        assert told[0] >= 0
        assert told[-1] == 1

    def test_progress_can_stop_the_work(self, engine: Engine, photos, embedding: Embedding) -> None:
        """What progress raises comes out, and nothing more is told."""
        told: list[float] = []

        def stop(fraction: float) -> None:
            told.append(fraction)
            if fraction > 0:
                raise Cancelled("enough")

        with pytest.raises(Cancelled, match="enough"):
            engine.generate(photos[0], embedding, LENIENT, stop)
        assert sum(fraction > 0 for fraction in told) == 1
