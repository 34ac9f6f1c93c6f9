"""Outlines as a whole: one that is tidied, a rough polygon of which the wall is taken, and pixels taken over."""

import cv2
import numpy as np
import pytest
from conftest import DOOR, SKY, WALL, WINDOW, draw_building, make_studio
from engines import FloodEngine, NamingEngine

from sam2_painter import Painter, masks
from sam2_painter.errors import InvalidInput
from sam2_painter.prompts import Prompts
from sam2_painter.rle import mask_to_rle, rle_to_mask
from sam2_painter.types import Mask

SAGE, NAVY = (181, 199, 163), (30, 60, 120)


def is_color(pixels, *wanted):
    return np.any([(pixels == one).all(axis=-1) for one in wanted], axis=0)


def noisy(pixels, seed=0):
    """The building with grain, as a photo has it."""
    grain = np.random.default_rng(seed).normal(0, 5, pixels.shape)
    return np.clip(pixels + grain, 0, 255).astype(np.uint8)


def iou(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


def rough(mask, pixels):
    """A mask drawn a few pixels too far, or too little."""
    size = 2 * abs(pixels) + 1
    change = cv2.dilate if pixels > 0 else cv2.erode
    return change(mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0


class TestTidy:
    """`masks.tidy`"""

    @pytest.mark.parametrize("width", [400, 1000, 2400], ids=lambda width: f"{width} px wide")
    @pytest.mark.parametrize("way", [1, -1], ids=["too far", "too little"])
    def test_the_outline_goes_to_the_photos_own_edges(self, width, way):
        """Where the mask is a few pixels off, at any size of the photo."""
        clean = draw_building(width, width * 3 // 4)
        pixels, wall = noisy(clean), is_color(clean, WALL)
        coarse = rough(wall, way * max(3, width // 250))
        tidied = rle_to_mask(masks.tidy(pixels, mask_to_rle(coarse)))
        assert iou(coarse, wall) < 0.96
        assert iou(tidied, wall) > 0.985

    def test_an_outline_that_is_right_stays(self):
        """To the pixel, almost."""
        clean = draw_building(600, 450)
        wall = is_color(clean, WALL)
        assert iou(rle_to_mask(masks.tidy(noisy(clean), mask_to_rle(wall))), wall) > 0.995

    def test_specks_go_and_pinholes_are_filled(self):
        """A few pixels are no part and no hole."""
        clean = draw_building(1000, 750)
        wall = is_color(clean, WALL)
        dusty = wall.copy()
        dusty[20:24, 40:44] = True  # in the sky
        dusty[400:403, 250:253] ^= True
        tidied = rle_to_mask(masks.tidy(noisy(clean), mask_to_rle(dusty)))
        assert not tidied[18:26, 38:46].any()
        assert tidied[400:403, 250:253].all() == wall[400:403, 250:253].all()

    def test_a_cut_across_a_wall_stays_where_it_was_drawn(self):
        """Where the photo has no edge there is nothing to go to."""
        pixels = noisy(np.full((300, 400, 3), 180, np.uint8))
        half = np.zeros((300, 400), bool)
        half[:, :200] = True
        assert np.array_equal(rle_to_mask(masks.tidy(pixels, mask_to_rle(half))), half)

    @pytest.mark.parametrize("what", ["nothing", "everything", "a pixel"])
    def test_masks_without_an_outline_to_speak_of(self, what):
        """Nothing, everything and a single pixel come back as masks of the photo's size."""
        mask = np.full((60, 80), what == "everything")
        if what == "a pixel":
            mask[30, 40] = True
        rle = mask_to_rle(mask)
        assert masks.tidy(noisy(draw_building(80, 60)), rle) == rle

    def test_it_is_the_same_every_time(self):
        """No chance is in it."""
        clean = draw_building(500, 375)
        coarse = mask_to_rle(rough(is_color(clean, WALL), 3))
        assert masks.tidy(noisy(clean), coarse) == masks.tidy(noisy(clean), coarse)


@pytest.fixture
def studio(naming_studio):
    return naming_studio


@pytest.fixture
def named_studio(tmp_path):
    """Makes studios whose engine knows kinds by their colours."""
    made = []

    def make(colors):
        made.append(make_studio(tmp_path / str(len(made)), NamingEngine(colors)))
        return made[-1]

    yield make
    for one in made:
        one.sessions.close()


@pytest.fixture
def painter(studio):
    return Painter(draw_building(400, 300), studio=studio)


PIXELS = draw_building(400, 300)
FRONT = is_color(PIXELS, WALL)
ALL = np.argwhere(is_color(PIXELS, WALL, WINDOW, DOOR))
CORNERS = [(x, y) for y, x in (ALL.min(0), (ALL[:, 0].min(), ALL[:, 1].max()), ALL.max(0))]
CORNERS.append((CORNERS[0][0], CORNERS[2][1]))


def selected(painter):
    return painter.session.mask(painter.session.selection.mask_id).segmentation


def test_tidying_is_one_step_to_undo_and_the_paint_follows(painter):
    """Of a painted wall, too; tidied again nothing changes."""
    painter.import_mask(rough(FRONT, 3)).paint(SAGE)
    before = selected(painter)
    painter.tidy()
    after = selected(painter)
    assert iou(after, FRONT) > iou(before, FRONT)
    assert np.array_equal(painter.layers[0].mask.segmentation, after)
    assert painter.session.can_undo == "tidy the outline"
    assert {step.kind for step in painter.session.selection.steps} == {"mask", "tidy"}
    revision = painter.session.revision
    if np.array_equal(selected(painter.tidy()), after):
        assert painter.session.can_undo == "tidy the outline"
        assert len(painter.session.selection.steps) <= 3
    assert painter.session.revision >= revision
    painter.undo()
    assert np.array_equal(selected(painter), before)


def test_a_step_taken_out_from_under_a_tidy_outline_leaves_nothing(painter):
    """The rest is tidied anew: it is as if that step had never been."""
    never = Painter(PIXELS, studio=painter.studio).import_mask(rough(FRONT, -3)).tidy()
    painter.import_mask(rough(FRONT, -3)).studio.stroke(painter.session_id, [(250, 40), (330, 40)], 12)
    painter.tidy()
    assert selected(painter)[40, 290]
    painter.remove_step(1)
    assert np.array_equal(selected(painter), selected(never))
    assert [step.kind for step in painter.session.selection.steps] == [
        step.kind for step in never.session.selection.steps
    ]
    assert painter.undo().session.can_undo == "tidy the outline"
    assert selected(painter)[40, 290]


def test_a_tidy_outline_goes_with_what_it_was_of(painter):
    """Where the step under it was the only one, nothing is left; a painted wall says what to do instead."""
    painter.import_mask(rough(FRONT, -3)).tidy().remove_step(0)
    assert painter.session.selection.mask_id is None
    painter.import_mask(rough(FRONT, -3)).tidy().paint(SAGE)
    with pytest.raises(InvalidInput, match="Nothing would be left of this wall"):
        painter.remove_step(0)


def test_nothing_chosen_cannot_be_tidied(painter):
    """One sentence."""
    with pytest.raises(InvalidInput, match="Click the wall you want first"):
        painter.tidy()


def test_tidying_leaves_painted_walls_alone(painter):
    """What another wall has is not added."""
    sky = is_color(PIXELS, SKY)
    painter.import_mask(rough(FRONT, 3) & ~sky).paint(SAGE).deselect()
    painter.import_mask(sky).tidy()
    assert not (selected(painter) & painter.layers[0].mask.segmentation).any()


def test_of_a_rough_polygon_the_wall_is_taken(painter):
    """Windows and doors are left out, and the whole of it is the other answer, in the same step."""
    painter.polygon(CORNERS, only_wall=True)
    assert iou(selected(painter), FRONT) > 0.97
    whole = painter.choose(1)
    assert selected(whole)[is_color(PIXELS, WINDOW)].all()
    assert painter.session.can_undo == "polygon"
    assert painter.undo().session.selection.mask_id is None


class TestByLooks:
    """`masks.by_looks`: both the engine and the colours have a say in what of a drawn region is wall."""

    PIXELS = noisy(draw_building(800, 600))
    FRONT = is_color(draw_building(800, 600), WALL)
    WINDOWS = is_color(draw_building(800, 600), WINDOW)
    DRAWN = FRONT | is_color(draw_building(800, 600), WINDOW, DOOR)
    PIPE = np.zeros(FRONT.shape, bool)
    PIPE[:, 200:206] = True
    PIPE &= FRONT
    PIPED = np.where(PIPE[..., None], np.uint8(40), PIXELS)

    def changes(self, pixels, wall, openings, doubtful):
        rles = (mask_to_rle(one) for one in (self.DRAWN, wall, openings, doubtful))
        return [rle_to_mask(rle) for rle in masks.by_looks(pixels, *rles)]

    def test_what_was_taken_for_a_frame_and_is_wall_is_given_back(self):
        """A strip of the wall beside the windows; the windows themselves stay out."""
        strip = rough(self.WINDOWS, 8) & self.FRONT
        back, gone = self.changes(self.PIXELS, self.FRONT & ~strip, self.WINDOWS, self.WINDOWS)
        assert np.count_nonzero(back & strip) > 0.6 * np.count_nonzero(strip)
        assert not (back & self.WINDOWS).any()
        assert not gone.any()

    def test_a_piece_of_wall_taken_for_a_window_is_given_back_where_it_is_broad(self):
        """A window's own bright rim is thin, and stays a window's."""
        broad, thin = np.zeros(self.FRONT.shape, bool), np.zeros(self.FRONT.shape, bool)
        ys, xs = np.nonzero(self.FRONT)
        top, left = ys.min(), xs.min()
        broad[top + 5 : top + 45, left + 5 : left + 45] = True
        thin[top + 5 : top + 45, left + 60 : left + 66] = True
        broad, thin = broad & self.FRONT, thin & self.FRONT
        back, _ = self.changes(self.PIXELS, self.FRONT & ~broad & ~thin, self.WINDOWS | broad | thin, self.WINDOWS)
        assert np.count_nonzero(back & broad) > 0.7 * np.count_nonzero(broad)
        assert not (back & thin).any()

    def test_a_pipe_goes_where_the_engine_doubts_it_too(self):
        """What is unlike the wall and is called no wall is none; shadows and stains are called wall, and stay."""
        doubtful = rough(self.PIPE, 6)
        _, gone = self.changes(self.PIPED, self.FRONT, self.WINDOWS, doubtful)
        assert np.count_nonzero(gone & self.PIPE) > 0.9 * np.count_nonzero(self.PIPE)
        assert np.count_nonzero(gone & ~self.PIPE) < 0.4 * np.count_nonzero(self.PIPE)
        _, kept = self.changes(self.PIPED, self.FRONT, self.WINDOWS, np.zeros_like(self.FRONT))
        assert not kept.any()

    def test_a_wall_of_two_looks_keeps_both(self):
        """Where boards of another colour are a third of it they stay; a few of them go."""
        for share, goes in ((4, True), (11, False)):
            boards = self.FRONT & (np.arange(self.FRONT.shape[1]) % 30 < share)
            two = np.where(boards[..., None], np.uint8([60, 90, 160]), self.PIXELS)
            _, gone = self.changes(two, self.FRONT, self.WINDOWS, self.FRONT)
            assert gone.any() == goes

    def test_a_large_photo_is_looked_at_smaller(self):
        """The answer has the photo's size, and is the same but for the rim."""
        wide = (2400, 1800)
        large = [
            cv2.resize(one.astype(np.uint8), wide, interpolation=cv2.INTER_NEAREST) for one in (self.PIPED, self.FRONT)
        ]
        doubtful = cv2.resize(rough(self.PIPE, 6).astype(np.uint8), wide, interpolation=cv2.INTER_NEAREST) > 0
        pipe = cv2.resize(self.PIPE.astype(np.uint8), wide, interpolation=cv2.INTER_NEAREST) > 0
        front, none = mask_to_rle(large[1] > 0), mask_to_rle(np.zeros(doubtful.shape, bool))
        _, gone = masks.by_looks(large[0], front, front, none, mask_to_rle(doubtful))
        assert gone.size == doubtful.shape
        assert np.count_nonzero(rle_to_mask(gone) & pipe) > 0.9 * np.count_nonzero(pipe)


def framed(pixels, frame=(120, 90, 60)):
    """The building with a frame of 4 px around every window."""
    windows = is_color(pixels, WINDOW)
    return np.where((rough(windows, 4) & ~windows)[..., None], np.uint8(frame), pixels)


@pytest.mark.parametrize("known", [{"trim": (120, 90, 60)}, {"wall": WALL}], ids=["as trim", "as no wall"])
def test_frames_are_left_out_of_a_rough_polygon(named_studio, known):
    """With the windows that they stand around, where the engine knows them, or knows the wall."""
    pixels = framed(PIXELS)
    studio = named_studio({"window": WINDOW, "door": DOOR, **known})
    wall = is_color(pixels, WALL)
    assert iou(selected(Painter(pixels, studio=studio).polygon(CORNERS, only_wall=True)), wall) > 0.96


def test_what_the_engine_does_not_know_stays_in_a_rough_polygon(named_studio):
    """A part of the wall that it takes for something else, and that looks like it; and all, where it knows no wall."""
    pixels = framed(PIXELS)
    rows, columns = np.nonzero(is_color(pixels, WALL))
    stain = np.zeros(pixels.shape[:2], bool)
    stain[rows.max() - 8 : rows.max() + 1, columns.min() : columns.min() + 20] = True
    for wall, color in ((WALL, np.add(WALL, 2)), ((1, 2, 3), (190, 160, 120))):
        pixels[stain] = color
        studio = named_studio({"window": WINDOW, "door": DOOR, "wall": wall})
        taken = selected(Painter(pixels, studio=studio).polygon(CORNERS, only_wall=True))
        assert np.count_nonzero(taken & stain) > 0.9 * np.count_nonzero(stain)


def test_a_polygon_of_a_window_is_the_window(painter):
    """Where hardly anything of it is wall, what was drawn is meant; so is what is taken away."""
    ys, xs = np.nonzero(is_color(PIXELS, WINDOW))
    x, y = int(xs[0]), int(ys[0])
    corner = [(x, y), (x + 12, y), (x + 12, y + 12), (x, y + 12)]
    plain = Painter(PIXELS, studio=painter.studio).polygon(corner)
    assert np.array_equal(selected(painter.polygon(corner, only_wall=True)), selected(plain))
    painter.deselect().import_mask(np.ones(PIXELS.shape[:2], bool)).polygon(CORNERS, "subtract", only_wall=True)
    assert np.count_nonzero(selected(painter) & FRONT) < 0.03 * np.count_nonzero(FRONT)


def test_a_recipe_keeps_what_was_meant(painter, studio, tmp_path):
    """A tidied outline and a rough polygon are made anew on the next photo; a whole polygon stays whole."""
    painter.polygon(CORNERS, only_wall=True).tidy().paint(SAGE, name="Front")
    painter.deselect().polygon([(5, 5), (60, 5), (60, 30)], only_wall=True).paint(NAVY, name="Sign")
    path = painter.save_recipe(tmp_path / "recipe.json")
    steps = [step for wall in painter.studio.recipe(painter.session_id).walls for step in wall.steps]
    assert {step.step.kind for step in steps} <= {"polygon", "tidy"}
    again = Painter(PIXELS, studio=studio).apply_recipe(path)
    assert np.array_equal(again.layers[0].mask.segmentation, painter.layers[0].mask.segmentation)
    larger = Painter(draw_building(800, 600), studio=studio).apply_recipe(path, scale=True)
    assert iou(larger.layers[0].mask.segmentation, is_color(draw_building(800, 600), WALL)) > 0.96


def test_a_project_keeps_a_tidied_wall(painter, studio, tmp_path):
    """Its steps, too."""
    painter.import_mask(rough(FRONT, 3)).tidy().paint(SAGE)
    path = painter.save_project(tmp_path / "house.zip")
    opened = Painter.open_project(path, studio=studio)
    assert opened.layers[0].mask.rle == painter.layers[0].mask.rle
    assert [step.kind for step in opened.layers[0].steps] == [step.kind for step in painter.layers[0].steps]


def test_shared_pixels_can_be_taken_over(painter):
    """The wall under the chosen one loses them, in one step, and keeps its paint."""
    painter.import_mask(is_color(PIXELS, WALL, WINDOW)).paint(SAGE, name="Front").deselect()
    painter.studio.import_mask(painter.session_id, mask_to_rle(is_color(PIXELS, WINDOW)), protect=False)
    painter.take_over()
    assert np.array_equal(painter.layers[0].mask.segmentation, FRONT)
    assert painter.layers[0].color == SAGE
    with pytest.raises(InvalidInput, match="shares nothing"):
        painter.take_over()
    painter.undo()
    assert painter.layers[0].mask.segmentation[is_color(PIXELS, WINDOW)].all()


@pytest.mark.parametrize("how", ["stroke", "polygon"])
def test_what_is_taken_from_another_wall_is_one_step(painter, how):
    """It is added to the chosen wall and taken from the other one by one step, which one undo takes back."""
    painter.import_mask(FRONT).paint(SAGE, name="Front").deselect()
    painter.import_mask(is_color(PIXELS, WINDOW)).paint("#305070", name="Windows")
    before = [layer.mask.rle for layer in painter.layers]
    inside = np.argwhere(FRONT)[len(np.argwhere(FRONT)) // 2][::-1].tolist()
    add = {
        "stroke": lambda: painter.studio.stroke(painter.session_id, [inside], 6, take=True),
        "polygon": lambda: painter.studio.polygon(
            painter.session_id, [inside, (inside[0] + 9, inside[1]), (inside[0], inside[1] + 9)], take=True
        ),
    }
    with pytest.raises(InvalidInput, match="That is painted already"):
        painter.studio.polygon(painter.session_id, [inside, (inside[0] + 9, inside[1]), (inside[0], inside[1] + 9)])
    add[how]()
    front, windows = (layer.mask.rle for layer in painter.layers)
    assert windows.contains(*inside)
    assert not front.contains(*inside)
    assert before[0].area - front.area == windows.area - before[1].area > 0
    painter.undo()
    assert [layer.mask.rle for layer in painter.layers] == before


class Hesitant(FloodEngine):
    """Told of several places, it answers with little around the last one."""

    def predict(self, embedding, prompts):
        answers = super().predict(embedding, prompts)
        if len(prompts.point_coords) < 2:
            return answers
        x, y = prompts.point_coords[-1].astype(int)
        spot = np.zeros(embedding.features.shape, bool)
        spot[y - 2 : y + 3, x - 2 : x + 3] = True
        return [Mask(mask_to_rle(spot)), *answers]


@pytest.mark.parametrize("take", [True, False], ids=["taken", "shared"])
def test_a_click_on_another_wall_means_what_lies_there(tmp_path, take):
    """The whole window that is painted as part of the front, as a click alone would choose it, not a spot of it."""
    studio = make_studio(tmp_path, Hesitant())
    painter = Painter(PIXELS, studio=studio)
    windows = is_color(PIXELS, WINDOW)
    _, parts = cv2.connectedComponents(windows.astype(np.uint8))
    one, other = parts == 1, parts == 2
    painter.import_mask(FRONT | windows).paint(SAGE, name="Front").deselect()
    studio.segment(painter.session_id, Prompts.click(*np.argwhere(one).mean(axis=0)[::-1]))
    studio.take_over(painter.session_id)
    painter.paint("#305070", name="Windows")
    x, y = np.argwhere(other).mean(axis=0)[::-1].tolist()
    studio.click(painter.session_id, x, y, mode="union", protect=False, take=take)
    front, chosen = (layer.mask.segmentation for layer in painter.layers)
    assert chosen[other].all()
    assert not (chosen & FRONT).any()
    assert front[other].any() != take
    studio.sessions.close()


def test_a_wall_is_not_taken_over_whole(painter):
    """One sentence says what to do instead; and so it is without a wall."""
    with pytest.raises(InvalidInput, match="Click the wall you want first"):
        painter.take_over()
    painter.import_mask(is_color(PIXELS, WINDOW)).paint(SAGE, name="Windows").deselect()
    painter.studio.import_mask(painter.session_id, mask_to_rle(FRONT | is_color(PIXELS, WINDOW)), protect=False)
    with pytest.raises(InvalidInput, match="Nothing would be left of Windows"):
        painter.take_over()
    assert painter.layers[0].mask.area == np.count_nonzero(is_color(PIXELS, WINDOW))
