"""The offline engine: what it promises beyond the contract, and its parts."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from engine_contract import LENIENT, WALL_POINT, EngineContract, building
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from sam2_painter.engines.offline import OfflineEngine
from sam2_painter.engines.offline.answers import overlaps, tidy, unusual
from sam2_painter.engines.offline.asking import points_of
from sam2_painter.engines.offline.boundary import find_edges, work_picture
from sam2_painter.engines.offline.candidates import Clicks, click_candidates
from sam2_painter.engines.offline.engine import reading_of
from sam2_painter.engines.offline.features import FIRST_FEATURES, first_features, product
from sam2_painter.engines.offline.nesting import nest
from sam2_painter.engines.offline.network import LIKENESS, LIKENESS_BIAS, MODEL, calm_of, sight_of
from sam2_painter.engines.offline.objects import every_answer
from sam2_painter.engines.offline.pieces import pieces_of
from sam2_painter.engines.offline.reading import Reading
from sam2_painter.engines.offline.regions import border_graph, find_leaves
from sam2_painter.engines.offline.scorer import Scorer
from sam2_painter.engines.offline.skies import SKY, WALL, sky_behind
from sam2_painter.engines.offline.snap import join_runs, labels_to_rle, labels_under, snap_labels
from sam2_painter.engines.offline.surfaces import CLASSES
from sam2_painter.errors import InvalidInput
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import AutoMask, Embedding, Photo, Prompts

PACKAGE = Path(find_leaves.__code__.co_filename).parent


@pytest.fixture(scope="module")
def engine() -> OfflineEngine:
    """One engine for all tests: it keeps no photo."""
    return OfflineEngine()


@pytest.fixture(scope="module")
def street() -> Photo:
    """A larger building: a wall of 640x480 with a cast shadow, twelve windows, a sky and a hedge."""
    rng = np.random.default_rng(4)
    pixels = np.empty((480, 640, 3))
    pixels[:] = (150, 185, 225)
    pixels[70:, 50:600] = (214, 196, 160)
    for y in (120, 220, 320):
        for x in (100, 230, 360, 490):
            pixels[y : y + 56, x : x + 48] = (240, 240, 236)
            pixels[y + 5 : y + 51, x + 5 : x + 43] = (52, 60, 74)
    pixels[430:] = (60, 100, 50) + rng.normal(0, 25, (50, 640, 1))
    shadow = np.zeros((480, 640), np.float32)
    cv2.fillPoly(shadow, [np.array([[430, 70], [600, 70], [600, 430], [560, 430]])], 1)
    pixels *= 1 - 0.25 * cv2.GaussianBlur(shadow, (0, 0), 2)[..., None]
    return Photo(np.clip(pixels + rng.normal(0, 3, pixels.shape), 0, 255).astype(np.uint8), "street")


@pytest.fixture(scope="module")
def embedding(engine: OfflineEngine, street: Photo) -> Embedding:
    """The street, read."""
    return engine.embed(street)


class TestContract(EngineContract):
    """What every engine promises."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, engine: OfflineEngine) -> OfflineEngine:
        return engine


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union."""
    return float((a & b).sum() / (a | b).sum())


def graph_parts(reading: Reading, inside: np.ndarray) -> int:
    """How many connected parts some leaves are, (n,) bool."""
    u, v = reading.edges[inside[reading.edges].all(axis=1)].T
    graph = csr_matrix((np.ones(len(u)), (u, v)), (reading.count, reading.count))
    return int(connected_components(graph, directed=False)[0] - (~inside).sum())


def under_a_wire() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(60, 80) classes, (3, 60, 80) uint8 Lab, and what is sky but is called a wall: from a wire in row 12 down to a
    wall of another colour.
    """
    kind = np.full((60, 80), SKY)
    kind[12:] = WALL
    lab = np.empty((3, 60, 80), np.uint8)
    lab[:] = np.array([190, 126, 108])[:, None, None] + np.indices((60, 80))[0] // 12
    lab[:, 12] -= 40
    lab[:, 40:] = np.array([190, 128, 140])[:, None, None]
    wedge = np.zeros(kind.shape, bool)
    wedge[12:40] = True
    return kind, lab, wedge


def behind(kind: np.ndarray, lab: np.ndarray) -> np.ndarray:
    """What is sky there; see `skies`."""
    return sky_behind(kind, lab.astype(np.float32), calm_of(lab))


def random_points(seed: int, count: int, size: tuple[int, int]) -> np.ndarray:
    """(count, 2) XY anywhere in a photo of `size` (H, W)."""
    rng = np.random.default_rng(seed)
    return np.floor(rng.random((count, 2)) * (size[1], size[0]))


class TestClicks:
    """Points."""

    def test_a_plain_wall_is_selected_to_its_edges(self, engine: OfflineEngine) -> None:
        """A click on a calm wall finds the wall, and the window holes stay out or are a candidate's difference."""
        photo = building()
        truth = np.zeros(photo.size, bool)
        truth[30:, 20:180] = True
        whole = truth.copy()
        for x in (40, 80, 120, 150):
            truth[48:76, x : x + 24] = False
        truth[110:, 30:56] = False
        masks = engine.predict(engine.embed(photo), Prompts.click(*WALL_POINT))
        assert max(overlap(mask.segmentation, t) for mask in masks for t in (truth, whole)) > 0.85

    @pytest.mark.parametrize("seed", range(6))
    def test_a_positive_click_only_adds(self, engine, embedding: Embedding, seed: int) -> None:
        """A second positive click keeps all of the first answer and holds both points."""
        first, second = random_points(seed, 2, embedding.size)
        prompts = Prompts.click(*first)
        before = engine.predict(embedding, prompts)[0].segmentation
        for mask in engine.predict(embedding, prompts.plus(*second)):
            after = mask.segmentation
            assert (after >= before).all()
            assert all(after[int(y), int(x)] for x, y in (first, second))

    @pytest.mark.parametrize("seed", range(6))
    def test_a_negative_click_only_removes(self, engine, embedding: Embedding, seed: int) -> None:
        """A negative click never adds anything, and its point is out of every candidate."""
        first, second = random_points(seed + 100, 2, embedding.size)
        prompts = Prompts.click(*first)
        before = engine.predict(embedding, prompts)[0].segmentation
        for mask in engine.predict(embedding, prompts.plus(*second, 0)):
            after = mask.segmentation
            assert (after <= before).all()
            assert not after[int(second[1]), int(second[0])]
            assert after[int(first[1]), int(first[0])]

    def test_a_negative_click_may_correct_the_first(self, engine, embedding: Embedding) -> None:
        """The answer to a click on a window was everything: after one against the wall the window can be chosen."""
        reading = reading_of(embedding)
        truth = np.zeros(embedding.size, bool)
        truth[220:276, 230:278] = True
        rows, columns = reading.cells_hw
        window = cv2.resize(truth.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_AREA) > 0
        clicks = points_of(reading, Prompts([(254, 248), (190, 300)], [1, 0])).clicks
        masks, _ = click_candidates(reading.sight, clicks, np.ones(reading.cells_hw, bool))
        assert max(overlap(mask, window) for mask in masks) > 0.7

    @pytest.mark.parametrize("seed", range(6))
    def test_every_point_has_its_way(self, engine, embedding: Embedding, seed: int) -> None:
        """After twelve random clicks each positive point is in and each negative one out, in every candidate."""
        points = random_points(seed + 200, 12, embedding.size)
        labels = np.random.default_rng(seed).integers(0, 2, 12)
        for mask in engine.predict(embedding, Prompts(points, labels)):
            inside = mask.segmentation[points[:, 1].astype(int), points[:, 0].astype(int)]
            assert (inside == (labels == 1)).all()

    def test_clicks_of_both_kinds_side_by_side(self, engine, embedding: Embedding) -> None:
        """A negative click one pixel from a positive one, in the calmest wall, still removes its pixel."""
        masks = engine.predict(embedding, Prompts([(300, 200), (301, 200)], [1, 0]))
        for mask in masks:
            assert mask.segmentation[200, 300]
            assert not mask.segmentation[200, 301]

    def test_forgetting_changes_no_answer(self, engine, embedding: Embedding) -> None:
        """An engine that never saw the earlier clicks answers the same."""
        prompts = Prompts.click(300, 200).plus(580, 300).plus(120, 140, 0)
        for count in (1, 2, 3):
            engine.predict(embedding, Prompts(prompts.point_coords[:count], prompts.point_labels[:count]))
        assert OfflineEngine().predict(embedding, prompts) == engine.predict(embedding, prompts)


class TestBoxesAndMasks:
    """The other prompts."""

    def test_a_box_round_a_window_finds_it(self, engine, embedding: Embedding) -> None:
        """The mask of a box drawn round a window is that window."""
        truth = np.zeros(embedding.size, bool)
        truth[220:276, 230:278] = True
        mask = engine.predict(embedding, Prompts(box=[226, 216, 282, 280]))[0]
        assert overlap(mask.segmentation, truth) > 0.7

    @pytest.mark.parametrize("half", [2, 5, 6])
    def test_a_tiny_box_is_a_click(self, engine, embedding: Embedding, half: int) -> None:
        """A shaky click in the wall, some pixels across, is answered with masks that hold its middle."""
        box = [300 - half, 190 - half, 300 + half, 190 + half]
        for mask in engine.predict(embedding, Prompts(box=box)):
            assert mask.rle.contains(300, 190)

    def test_a_mask_keeps_its_pixels_where_nobody_clicked(self, engine, embedding: Embedding) -> None:
        """A hand-made mask with a click comes back with its own pixels far from the click."""
        given = np.zeros(embedding.size, bool)
        given[100:101, 60:590] = True  # thinner than any region of the engine
        after = engine.predict(embedding, Prompts([(300, 400)], [1], mask_input=given))[0].segmentation
        assert after[400, 300]
        assert given[100, 60:590].any()
        assert (after[100, 60:90] == given[100, 60:90]).mean() > 0.9

    def test_a_mask_alone_comes_back(self, engine, embedding: Embedding) -> None:
        """An answer given as the mask prompt is the answer again."""
        mask = engine.predict(embedding, Prompts.click(300, 200))[0]
        again = engine.predict(embedding, Prompts(mask_input=mask.segmentation))[0]
        assert again.rle == mask.rle


class TestEveryMask:
    """generate, and its knobs."""

    def test_stricter_thresholds_give_fewer(self, engine, street: Photo, embedding: Embedding) -> None:
        """Raising either threshold never adds a mask."""
        counts = [
            len(engine.generate(street, embedding, AutoMask(pred_iou_thresh=t, stability_score_thresh=s)))
            for t, s in ((0.0, 0.0), (0.88, 0.0), (0.88, 0.95), (0.97, 0.95), (1.0, 1.0))
        ]
        assert counts == sorted(counts, reverse=True)
        assert counts[0] > counts[2] > 0

    def test_what_is_too_unlikely_or_too_unstable_is_left_out(self, engine, embedding: Embedding) -> None:
        """The others are the same and in the same order, whether they are left out at once or later."""
        reading = reading_of(embedding)
        every = every_answer(reading, engine._scorers, lambda done: None)
        kept = every.only(np.flatnonzero((every.ious >= 0.5) & (every.stability >= 0.7)))
        found = every_answer(reading, engine._scorers, lambda done: None, (0.5, 0.7))
        assert 0 < len(kept.ious) < len(every.ious)
        for one, other in zip(vars(kept).values(), vars(found).values(), strict=True):
            assert np.array_equal(one, other)

    def test_defaults_find_the_windows(self, engine, street: Photo, embedding: Embedding) -> None:
        """Most of the twelve windows have a mask of their own."""
        masks = [mask.segmentation for mask in engine.generate(street, embedding, AutoMask())]
        found = 0
        for y in (120, 220, 320):
            for x in (100, 230, 360, 490):
                truth = np.zeros(street.size, bool)
                truth[y : y + 56, x : x + 48] = True
                found += max(overlap(mask, truth) for mask in masks) > 0.6
        assert found >= 8

    def test_a_coarse_grid_misses_small_masks(self, engine, street: Photo, embedding: Embedding) -> None:
        """With one point a side only masks over the middle of the photo are left."""
        options = AutoMask(1, pred_iou_thresh=0.0, stability_score_thresh=0.0)
        middle = street.size[0] // 2, street.size[1] // 2
        masks = engine.generate(street, embedding, options)
        assert masks
        assert all(mask.segmentation[middle] for mask in masks)
        assert len(engine.generate(street, embedding, AutoMask(1, 64, 0.0, 0.0, multimask_output=False))) <= 1

    def test_fewer_overlaps_with_a_lower_nms_threshold(self, engine, street: Photo, embedding: Embedding) -> None:
        """No two masks overlap by more than the threshold, a little tidying aside."""
        options = AutoMask(pred_iou_thresh=0.0, stability_score_thresh=0.0, box_nms_thresh=0.3)
        masks = [mask.segmentation for mask in engine.generate(street, embedding, options)]
        worst = max(overlap(a, b) for k, a in enumerate(masks) for b in masks[:k])
        assert worst < 0.45


class TestCategories:
    """Names for masks, and all walls at once."""

    def test_find_gives_one_mask_of_the_category(self, engine, embedding: Embedding) -> None:
        """What is found has the category asked for."""
        for category in engine.categories:
            masks = engine.find(embedding, category)
            assert len(masks) <= 1
            assert all(mask.category in (category, "") and mask.area > 0 for mask in masks)

    def test_walls_leave_the_sky_and_windows_out(self, engine, embedding: Embedding) -> None:
        """All walls hold most of the wall, and little of windows and sky."""
        (walls,) = engine.find(embedding, "wall")
        pixels = walls.segmentation
        assert pixels[180:215, 60:590].mean() > 0.6
        assert pixels[:60].mean() < 0.2

    def test_an_unknown_category_is_refused(self, engine, embedding: Embedding) -> None:
        """The error names what is allowed."""
        with pytest.raises(InvalidInput, match="wall") as caught:
            engine.find(embedding, "castle")
        assert caught.value.field == "category"


class TestEmbedding:
    """What is kept of a photo."""

    def test_holds_arrays_only(self, embedding: Embedding) -> None:
        """The features are named arrays of plain numbers, and nbytes is their sum."""
        assert all(isinstance(a, np.ndarray) and a.dtype.kind in "iuf" for a in embedding.features.values())
        assert embedding.nbytes == sum(a.nbytes for a in embedding.features.values())

    def test_of_another_engine_is_refused(self, engine, embedding: Embedding) -> None:
        """An embedding of other weights is not guessed at."""
        other = Embedding(embedding.digest, "offline-0/00000000", embedding.size, embedding.features, 1)
        with pytest.raises(InvalidInput, match=f"made by offline-0/00000000, not by {engine.name}"):
            engine.predict(other, Prompts.click(1, 1))

    def test_is_small(self, embedding: Embedding) -> None:
        """A third of a megapixel costs less than 4 MB."""
        assert embedding.nbytes < 4_000_000

    @pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (5, 7), (17, 1500)], ids=str)
    def test_odd_sizes(self, engine, size: tuple[int, int]) -> None:
        """Thin and tiny photos are read, and clicks in their corners answered."""
        pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
        photo = Photo(pixels)
        embedding = engine.embed(photo)
        for x, y in ((0, 0), (size[1] - 1, size[0] - 1)):
            mask = engine.predict(embedding, Prompts.click(x, y))[0]
            assert mask.size == size
            assert mask.rle.contains(x, y)
        engine.generate(photo, embedding, LENIENT)


class TestParts:
    """Leaves, trees, runs and scorers."""

    @pytest.fixture(scope="class")
    @classmethod
    def labels(cls, street: Photo) -> np.ndarray:
        return find_leaves(find_edges(work_picture(street.pixels)))

    def test_leaves_are_connected(self, labels: np.ndarray) -> None:
        """Each label is one 8-connected piece, and none is missing."""
        count = int(labels.max()) + 1
        assert len(np.unique(labels)) == count
        for k in range(0, count, 7):
            assert cv2.connectedComponents((labels == k).astype(np.uint8), connectivity=8)[0] == 2

    def test_leaves_keep_to_strong_edges(self, labels: np.ndarray) -> None:
        """No large leaf lies on both sides of the edge between wall and window."""
        inside, outside = labels[226:270, 236:272], labels[224:272, 200:222]
        assert not np.intersect1d(inside, outside).size

    def test_graph_counts_each_border_once(self) -> None:
        """Two halves of a picture touch along its height."""
        halves = np.repeat([[0] * 3 + [1] * 4], 5, axis=0)
        graph = border_graph(halves)
        assert graph.edges.tolist() == [[0, 1]]
        assert graph.length.tolist() == [5.0]
        assert graph.mean(np.arange(35, dtype=np.float32).reshape(5, 7)).tolist() == [16.0]

    def test_alikeness_falls_with_distance(self) -> None:
        """At no distance two places are one thing as surely as it gets; far apart they are not."""
        likeness = np.zeros((LIKENESS, 2, 2), np.float32)
        likeness[0, 0, 1], likeness[0, 1, 1] = 1, 100
        sight = sight_of(np.zeros((1 + len(CLASSES), 2, 2), np.float32), likeness, np.zeros((3, 2, 2), np.float32))
        chance = sight.alike(likeness[:, 0, 0])
        assert chance[0, 0] == pytest.approx(1 / (1 + np.exp(-LIKENESS_BIAS)))
        assert chance[0, 0] > chance[0, 1] > 0.5 > chance[1, 1]
        assert chance[1, 1] == pytest.approx(0, abs=1e-6)

    def test_sky_behind_a_wire_is_sky(self) -> None:
        """What the network took for a wall there, wire and all; the wall below it stays."""
        kind, lab, wedge = under_a_wire()
        assert (behind(kind, lab) == wedge).all()
        shown = np.zeros((1 + len(CLASSES), *kind.shape), np.float32)
        np.put_along_axis(shown[1:], kind[None], 9, axis=0)
        seen = sight_of(shown, np.zeros((LIKENESS, *kind.shape), np.float32), lab)
        assert (seen.kind == np.where(wedge, SKY, kind)).all()

    @pytest.mark.parametrize("why", ["colour", "texture", "windows", "eaves", "no sky"])
    def test_a_wall_is_no_sky(self, why: str) -> None:
        """Another colour, bricks, windows or eaves: any of them tells one."""
        kind, lab, wedge = under_a_wire()
        if why == "colour":
            lab[2][wedge] += 12
        elif why == "texture":
            lab[0][wedge] += np.random.default_rng(2).integers(0, 30, np.count_nonzero(wedge), np.uint8)
        elif why == "windows":
            kind[18:25, 10:15] = kind[18:25, 25:30] = CLASSES.index("window")
        elif why == "eaves":
            kind[9:15] = CLASSES.index("eaves")
        else:
            kind[kind == SKY] = CLASSES.index("other")
        assert not behind(kind, lab).any()

    def test_regions_that_hold_a_cell(self) -> None:
        """Each holds the one before; two colours side by side are two of them, and the last is everything."""
        colour = np.zeros((3, 21, 30), np.float32)
        colour[0, :, 14:] = 5
        plain = np.zeros((21, 30), np.float32)
        found = nest(plain, plain[None], plain[None], colour)
        regions = found.around((20, 3))
        for smaller, larger in pairwise(regions):
            assert smaller[20, 3]
            assert (smaller <= larger).all()
            assert larger.sum() > smaller.sum()
        assert regions[-1].all()
        assert any((region == (colour[0] == 0)).all() for region in regions)
        assert (found.window(np.s_[5:21], np.s_[2:9]).around((15, 1)) == regions[:, 5:21, 2:9]).all()

    @pytest.mark.parametrize("size", [(2, 2), (1, 1), (3, 9)])
    def test_regions_of_tiny_pictures(self, size: tuple[int, int]) -> None:
        """A picture of a block or a few holds them all in its last region."""
        plain = np.zeros(size, np.float32)
        assert nest(plain, plain[None], plain[None], plain[None]).around((0, 0))[-1].all()

    @pytest.mark.parametrize("count", [0, 1, 9])
    def test_pieces_are_connected_leaves_that_no_mask_tells_apart(self, embedding: Embedding, count: int) -> None:
        """Neighbours are of one piece if the same masks hold them; masks, areas and rim are those of the leaves."""
        reading = Reading(**embedding.features)
        masks = reading.middles[:, 0] * np.arange(count)[:, None] % 40 < 20
        pieces = pieces_of(reading, masks)
        assert (pieces.masks[:, pieces.of_leaf] == masks).all()
        u, v = reading.edges.T
        assert ((masks[:, u] == masks[:, v]).all(axis=0) == (pieces.of_leaf[u] == pieces.of_leaf[v])).all()
        number = [graph_parts(reading, pieces.of_leaf == k) for k in range(len(pieces.areas))]
        assert number == [1] * len(number)
        assert pieces.areas.sum() == reading.areas.sum()
        assert set(pieces.of_leaf[reading.rim]) == set(np.flatnonzero(pieces.rim))
        joined = {tuple(sorted(pair)) for pair in pieces.of_leaf[reading.edges] if pair[0] != pair[1]}
        assert sorted(joined) == sorted(map(tuple, pieces.edges.T))

    def test_parts_of_masks_are_those_of_their_leaves(self, embedding: Embedding) -> None:
        """Each mask falls into as many parts as its leaves do, and no name is given to two of them."""
        reading = Reading(**embedding.features)
        masks = np.random.default_rng(5).random((4, reading.count)) < 0.7
        pieces = pieces_of(reading, masks)
        names = pieces.parts(pieces.masks)
        for mask, name in zip(pieces.masks, names, strict=True):
            assert len(np.unique(name[mask])) == graph_parts(reading, mask[pieces.of_leaf])
        assert all(not set(a) & set(b) for k, a in enumerate(names) for b in names[:k])

    def test_many_masks_are_tidied_as_each_alone(self, embedding: Embedding) -> None:
        """What other masks there are changes none."""
        reading = Reading(**embedding.features)
        masks = np.random.default_rng(6).random((5, reading.count)) < 0.8
        together = tidy(reading, masks)
        assert (together != masks).any()
        for tidied, mask in zip(together, masks, strict=True):
            assert (tidied == tidy(reading, mask[None])[0]).all()

    def test_the_means_of_small_masks(self, embedding: Embedding) -> None:
        """They are summed up where the mask is; it is as if that had been done everywhere."""
        reading = Reading(**embedding.features)
        height, width = reading.cells_hw
        masks = np.zeros((5, height, width), bool)
        masks[0, 3:9, 5:6] = masks[1, :2, -1:] = masks[2, -1:, :3] = masks[3, height // 2, :] = True
        for mask, found in zip(masks, reading.means(masks), strict=True):
            large = cv2.resize(mask.astype(np.float32), reading.labels.shape[::-1])
            hits = np.bincount(reading.labels.ravel(), minlength=reading.count)
            sums = np.bincount(reading.labels.ravel(), large.ravel(), reading.count)
            assert (found[hits > 0] == (sums[hits > 0] / hits[hits > 0]).astype(np.float32)).all()

    def test_tidy_fills_pinholes_and_drops_specks(self, embedding: Embedding) -> None:
        """A hole of one small leaf is filled, and a loose leaf goes."""
        reading = Reading(**embedding.features)
        inner = np.flatnonzero(~reading.rim & (reading.areas < 0.0004 * reading.areas.sum()))
        assert len(inner)
        everything = np.ones(reading.count, bool)
        for leaf in inner[:5]:
            holed = everything.copy()
            holed[leaf] = False
            assert tidy(reading, holed[None])[0].all()
        column, columns = reading.middles[:, 1], reading.cells_hw[1]
        half = column < columns / 2
        beside = np.flatnonzero(column > 0.9 * columns)
        speck = beside[reading.areas[beside].argmin()]
        with_speck = half.copy()
        with_speck[speck] = True
        assert not tidy(reading, np.stack([half, with_speck]))[1, speck]

    def test_runs_say_what_pixels_say(self) -> None:
        """Masks and lookups from runs equal those from the label map itself."""
        rng = np.random.default_rng(3)
        labels = cv2.resize(rng.integers(0, 9, (4, 6)).astype(np.uint8), (30, 20), interpolation=cv2.INTER_NEAREST)
        run_labels, run_ends = snap_labels(np.zeros((20, 30, 3), np.uint8), labels.astype(np.uint16))
        x, y = rng.integers(0, 30, 50), rng.integers(0, 20, 50)
        assert (labels_under(run_labels, run_ends, 20, x, y) == labels[y, x]).all()
        for _ in range(20):
            chosen = rng.random(9) < 0.5
            assert labels_to_rle(chosen, run_labels, run_ends, (20, 30)) == mask_to_rle(chosen[labels])
        halves = join_runs(run_labels // 5, run_ends)
        assert len(halves[0]) < len(run_labels)
        assert (halves[0][1:] != halves[0][:-1]).all()
        assert labels_to_rle(np.array([False, True]), *halves, (20, 30)) == mask_to_rle(labels > 4)

    def test_borders_snap_to_the_photo(self) -> None:
        """A slanted edge of a photo four times the work size is followed to the pixel, not in steps of four."""
        truth = np.zeros((400, 400), bool)
        for y in range(400):
            truth[y, : 150 + y // 5] = True
        pixels = np.where(truth[..., None], np.uint8(200), np.uint8(60)).repeat(3, axis=2)
        coarse = truth[2::4, 2::4].astype(np.uint16)
        run_labels, run_ends = snap_labels(np.ascontiguousarray(pixels), coarse)
        snapped = labels_to_rle(np.array([False, True]), run_labels, run_ends, (400, 400))
        wrong = mask_to_rle(truth ^ coarse.repeat(4, 0).repeat(4, 1).astype(bool)).area
        got = np.zeros((400, 400), bool)
        got.T.flat[:] = np.repeat(np.array([False, True])[run_labels], np.diff(run_ends.astype(int), prepend=0))
        assert mask_to_rle(got) == snapped
        assert (got ^ truth).sum() < 0.35 * wrong
        assert (got ^ truth).mean() < 0.002

    def test_a_scorer_walks_its_trees(self) -> None:
        """Two stumps of depth one add up, and nothing is cut off: of two that are sure, one may be surer."""
        scorer = Scorer(
            np.array([[0], [1]], np.uint8), np.array([[0.5], [2.0]], np.float32),
            np.array([[0.1, 0.3], [0.0, 0.9]], np.float32), 0.05,
        )  # fmt: skip
        features = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 3.0]], np.float32)
        assert scorer(features) == pytest.approx([0.15, 0.35, 1.25])

    @pytest.mark.parametrize("shape", [(0, 0, 500), (3, 4, 0), (5, 7, 63), (5, 7, 1000), (130, 90, 200)], ids=str)
    def test_a_product_in_pieces_is_the_product(self, shape: tuple[int, int, int]) -> None:
        """Whatever the pieces leave over, and of nothing too."""
        rng = np.random.default_rng(0)
        one, other = rng.random((shape[0], shape[2])), rng.random((shape[1], shape[2]))
        assert product(one, other) == pytest.approx(one @ other.T)

    def test_large_answers_and_scraps_of_a_wall_are_doubted(self, embedding: Embedding) -> None:
        """Sizes between the two cost nothing; a window may be as small as it likes."""
        sight = reading_of(embedding).sight
        masks = np.zeros((5, *sight.size), bool)
        for mask, share in zip(masks, (0.001, 0.01, 0.05, 0.3, 1.0), strict=True):
            mask.reshape(-1)[: max(1, int(share * mask.size))] = True
        for kind in ("wall", "window"):
            row, column = np.argwhere(sight.kind == CLASSES.index(kind))[0]
            click = Clicks(np.array([[row, column]]), np.ones(1, bool))
            scrap, small, usual, large, whole = unusual(sight, masks, click)
            assert usual == 0 < large < whole
            assert (scrap > small > 0) if kind == "wall" else (scrap == small == 0)

    def test_how_deep_a_click_lies(self, embedding: Embedding) -> None:
        """Deep in the middle of a mask, less so near its border, and not at all outside."""
        reading, column = reading_of(embedding), FIRST_FEATURES.index("depth")
        left = np.zeros(reading.cells_hw, bool)
        left[:, : reading.cells_hw[1] // 2] = True

        def depth(x: int, y: int) -> float:
            clicks = points_of(reading, Prompts.click(x, y)).clicks
            return float(first_features(reading.sight, left[None], np.zeros((1, 2), np.float32), clicks)[0, column])

        assert depth(160, 240) > depth(300, 240) > 0
        assert depth(600, 240) == 0

    @pytest.mark.parametrize("prompts", [Prompts.click(160, 300), Prompts.click(160, 300).plus(480, 300)])
    def test_answers_differ(self, engine: OfflineEngine, embedding: Embedding, prompts: Prompts) -> None:
        """Many ways lead to one mask; it is offered once."""
        masks = engine.predict(embedding, prompts)
        flat = np.stack([mask.segmentation.ravel() for mask in masks])
        alike = overlaps(flat, np.ones(flat.shape[1], np.float32))
        np.fill_diagonal(alike, 0)
        assert alike.max() < 0.99


class TestShippedWeights:
    """The files in the package."""

    def test_are_small(self) -> None:
        """All weights together are under 12 MB."""
        assert sum((PACKAGE / name).stat().st_size for name in (MODEL, "scorers.npz")) < 12_000_000

    def test_are_named_by_the_engine(self, engine: OfflineEngine) -> None:
        """The engine's name carries its version and a hash of its weights."""
        version, _, digest = engine.name.partition("/")
        assert version.startswith("offline-")
        assert len(digest) == 8
        assert int(digest, 16) >= 0

    def test_have_a_card(self) -> None:
        """The model card credits the data and its licence."""
        card = (PACKAGE / "MODEL_CARD.md").read_text()
        assert "trained on HSLU building-facade-segmentation-instance v1, CC BY 4.0" in card
        assert "encoder from EfficientNet-Lite0 (Apache-2.0)" in card


@pytest.mark.skipif(not os.environ.get("BUILDINGS_DATA"), reason="needs the annotated photos in BUILDINGS_DATA")
def test_first_click_on_walls_of_real_photos(engine: OfflineEngine) -> None:
    """On photos it has not learned from, a click in the middle of a wall selects that wall: half right on average,
    which the engine that learned whole buildings was not.
    """
    data = Path(os.environ["BUILDINGS_DATA"])
    scores = []
    for image in json.loads((data / "painter" / "dev" / "manifest.json").read_text())["images"][:6]:
        pixels = cv2.imread(str(data / "dev" / "images" / f"{image['name']}.jpg"))[:, :, ::-1]
        labels = cv2.imread(str(data / "painter" / "dev" / "labels" / f"{image['name']}.png"), cv2.IMREAD_UNCHANGED)
        embedding = engine.embed(Photo(pixels))
        for region in [r for r in image["regions"] if r["cls"] == "wall" and r["area"] >= 0.01]:
            mask = engine.predict(embedding, Prompts.click(*region["click"]))[0].segmentation & (labels > 0)
            alike = [r["id"] for r in image["regions"] if (r["cls"], r["paint"]) == ("wall", region["paint"])]
            scores.append(max(overlap(mask, np.isin(labels, ids)) for ids in ([region["id"]], alike)))
    assert np.mean(scores) > 0.5


def test_reading_is_only_arrays() -> None:
    """A reading has no field that is not an array."""
    assert {str(kind) for kind in Reading.__annotations__.values()} == {"np.ndarray"}
