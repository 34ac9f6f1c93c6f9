"""What holds for any input: masks and their runs, pictures, colours, prompts, and any order of work on a session."""

from __future__ import annotations

import itertools
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from conftest import draw_building, to_png
from engines import FloodEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from PIL import Image

from sam2_painter import masks, paint
from sam2_painter.errors import InvalidInput, PainterError
from sam2_painter.paint import colors, palettes
from sam2_painter.photos import images
from sam2_painter.rle import mask_to_rle, rle_to_mask
from sam2_painter.sessions import records
from sam2_painter.sessions.store import SessionStore
from sam2_painter.studio.studio import Studio
from sam2_painter.types import Coat, Layer, Mask, Photo, Prompts

quick = settings(max_examples=60)
sides = st.integers(1, 24)
grids = st.tuples(sides, sides).flatmap(lambda size: arrays.arrays(bool, size))
pairs = st.tuples(sides, sides).flatmap(lambda size: st.tuples(*[arrays.arrays(bool, size)] * 2))
pictures = st.tuples(sides, sides).flatmap(lambda size: arrays.arrays(np.uint8, (*size, 3)))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


# -- masks


@quick
@given(grids)
def test_runs_are_the_mask(segmentation):
    """Every mask comes back from its runs, from their bytes and from its PNG; area, box and points agree."""
    rle = mask_to_rle(segmentation)
    assert (rle_to_mask(rle) == segmentation).all()
    assert records.rle_from_bytes(records.counts_to_bytes(rle), rle.size) == rle
    assert masks.mask_from_png(masks.mask_to_png(rle), rle.size) == rle
    assert rle.area == segmentation.sum()
    x, y, w, h = rle.bbox
    outside = segmentation.copy()
    outside[y : y + h, x : x + w] = False
    assert not outside.any()
    for row, column in np.ndindex(segmentation.shape):
        assert rle.contains(column, row) == segmentation[row, column]


@quick
@given(pairs)
def test_combining_runs_is_combining_pixels(pair):
    """Union, intersection and difference of runs are those of the pixels."""
    first, second = pair
    runs = [mask_to_rle(first), mask_to_rle(second)]
    assert (rle_to_mask(masks.combine(runs, "union")) == (first | second)).all()
    assert (rle_to_mask(masks.combine(runs, "intersect")) == (first & second)).all()
    assert (rle_to_mask(masks.combine(runs, "subtract")) == (first & ~second)).all()


@quick
@given(st.binary(max_size=200), st.tuples(sides, sides))
def test_any_bytes_are_runs_or_refused(data, size):
    """Bytes that are no runs of this photo are InvalidInput, never another mask."""
    try:
        rle = records.rle_from_bytes(data, size)
    except InvalidInput:
        return
    assert int(rle.counts.sum()) == size[0] * size[1]


# -- pictures


@quick
@given(pictures, st.sampled_from(["PNG", "BMP", "TIFF"]))
def test_a_picture_without_loss_opens_pixel_by_pixel(pixels, format):
    """Whatever its size and colours."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, format)
    assert (images.open_photo(out.getvalue()).pixels == pixels).all()
    assert (images.open_photo(images.encode(pixels, "PNG")).pixels == pixels).all()


@quick
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"RIFF"]))
def test_any_bytes_are_a_photo_or_refused(data, start):
    """Nothing but InvalidInput comes of bytes that are no picture."""
    with suppress(InvalidInput):
        assert images.open_photo(start + data).pixels.ndim == 3


@quick
@given(pictures, st.data())
def test_paint_stays_inside_its_mask(pixels, data):
    """Farther than its border's pixel outside the mask not a level changes, at opacity 0 nowhere; the photo never."""
    segmentation = data.draw(arrays.arrays(bool, pixels.shape[:2]))
    color = data.draw(st.tuples(*[st.integers(0, 255)] * 3))
    opacity = data.draw(st.sampled_from([0.0, 0.3, 1.0]))
    mode = data.draw(st.sampled_from(["realistic", "flat", "multiply"]))
    before, photo = pixels.copy(), Photo(pixels)
    layer = Layer(Mask(mask_to_rle(segmentation)), color, opacity, mode)
    painted = paint.composite(photo, [layer])
    assert painted.shape == pixels.shape
    near = cv2.dilate(segmentation.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    unpainted = ~near if opacity else np.ones_like(near)
    assert (painted[unpainted] == before[unpainted]).all()
    assert (photo.pixels == before).all()


# -- colours, prompts


@quick
@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_colours_survive_their_names(rgb):
    """Hex, in any case and with blanks around, and rgb() come back as the colour; its nearest paint has a name."""
    text = colors.to_hex(rgb)
    assert colors.parse_color(text) == colors.parse_color(f"  {text.upper()} ") == rgb
    assert colors.parse_color(f"rgb({rgb[0]}, {rgb[1]}, {rgb[2]})") == rgb
    assert palettes.nearest_name(rgb)[0]


@quick
@given(anything | st.text(alphabet="#0123456789abcdefghlrs(), %.-", max_size=24))
def test_anything_is_a_colour_or_refused(text):
    """Three whole numbers from 0 to 255, or InvalidInput."""
    try:
        rgb = colors.parse_color(text)
    except InvalidInput:
        return
    assert len(rgb) == 3
    assert all(type(level) is int and 0 <= level <= 255 for level in rgb)


@quick
@given(anything, anything, anything)
def test_anything_is_a_prompt_or_refused(coords, labels, box):
    """Finite points, labels 0 and 1 and an upright box, or InvalidInput."""
    try:
        prompts = Prompts(coords, labels, box)
    except InvalidInput:
        return
    assert prompts.point_coords.shape == (len(prompts.point_labels), 2)
    assert np.isfinite(prompts.point_coords).all()
    assert set(prompts.point_labels.tolist()) <= {0, 1}


# -- sessions


class Painting(RuleBasedStateMachine):
    """Two sessions, worked on in any order, beside a model of what they should hold; the store is reopened, caches are
    cleared and nonsense is asked in between."""

    photo = to_png(draw_building(40, 30))
    colors = st.tuples(*[st.integers(0, 255)] * 3)
    which = st.integers(0, 1)

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = FloodEngine()
        self.start()
        self.sids = [self.studio.open(self.photo).id for _ in range(2)]
        for sid in self.sids:
            self.studio.click(sid, 20, 20)
        self.done = [[()], [()]]  # layers after each step since the click, as (mask_id, color)
        self.at = [0, 0]

    def start(self):
        root = Path(self.folder.name)
        self.studio = Studio(self.engine, SessionStore(root / "u", root / "m", root / "r"))

    def layers(self, i):
        return self.done[i][self.at[i]]

    def step(self, i, layers):
        self.done[i] = [*self.done[i][: self.at[i] + 1], tuple(layers)]
        self.at[i] += 1

    @rule(i=which, color=colors, mask_id=st.integers(0, 1))
    def paint(self, i, color, mask_id):
        self.studio.paint(self.sids[i], [Coat(color, mask_id)])
        layers = list(self.layers(i))
        same = [n for n, (number, _) in enumerate(layers) if number == mask_id]
        if same:
            layers[same[0]] = (mask_id, color)
        else:
            layers.append((mask_id, color))
        self.step(i, layers)

    @precondition(lambda self: any(self.layers(i) for i in (0, 1)))
    @rule(data=st.data())
    def remove(self, data):
        i = data.draw(st.sampled_from([i for i in (0, 1) if self.layers(i)]))
        index = data.draw(st.integers(0, len(self.layers(i)) - 1))
        layer_id = self.studio.session(self.sids[i]).layers[index].id
        self.studio.remove_layer(self.sids[i], layer_id)
        self.step(i, [*self.layers(i)[:index], *self.layers(i)[index + 1 :]])

    @rule(i=which)
    def undo(self, i):
        if self.at[i]:
            self.studio.undo(self.sids[i])
            self.at[i] -= 1

    @rule(i=which)
    def redo(self, i):
        if self.at[i] + 1 < len(self.done[i]):
            self.studio.redo(self.sids[i])
            self.at[i] += 1

    @rule(i=which)
    def nonsense(self, i):
        for wrong in (
            lambda: self.studio.paint(self.sids[i], [Coat((0, 0, 0), 9)]),
            lambda: self.studio.paint(self.sids[i], [Coat((0, 0, 999), 0)]),
            lambda: self.studio.remove_layer(self.sids[i], 99),
            lambda: self.studio.click(self.sids[i], -1, 0),
        ):
            try:
                wrong()
            except PainterError:
                continue
            raise AssertionError("taken for sense")

    @rule()
    def forget(self):
        self.studio.clear_cache()

    @rule()
    def restart(self):
        self.studio.sessions.close()
        self.start()

    @invariant()
    def as_the_model_says(self):
        for i, sid in enumerate(self.sids):
            session = self.studio.session(sid)
            assert tuple((layer.mask_id, layer.color) for layer in session.layers) == self.layers(i)
            assert len({layer.id for layer in session.layers}) == len(session.layers)
            assert bool(session.can_redo) == (self.at[i] + 1 < len(self.done[i]))

    def teardown(self):
        shown = [self.studio.picture(sid).copy() for sid in self.sids]
        self.studio.clear_cache()
        assert all((self.studio.picture(sid) == picture).all() for sid, picture in zip(self.sids, shown, strict=True))
        self.studio.sessions.close()
        self.folder.cleanup()


class Walls(RuleBasedStateMachine):
    """Walls of one session, made, painted, changed and taken back in any order, with painted walls protected."""

    photo = to_png(draw_building(40, 30))
    at = st.tuples(st.integers(0, 39), st.integers(0, 29))
    modes = st.sampled_from(["new", "union", "subtract"])
    colors = st.tuples(*[st.integers(0, 255)] * 3)

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.start()
        self.sid = self.studio.open(self.photo).id
        self.done, self.now = [self.studio.session(self.sid)], 0  # the session after each step of its history
        self.ids = set()

    def start(self):
        root = Path(self.folder.name)
        self.studio = Studio(FloodEngine(), SessionStore(root / "u", root / "m", root / "r"))

    def act(self, verb, *args, **kwargs):
        before = self.studio.session(self.sid)
        try:
            after = getattr(self.studio, verb)(self.sid, *args, **kwargs)
        except PainterError:
            assert self.studio.session(self.sid).revision == before.revision
            return
        new = {layer.id for layer in after.layers} - {layer.id for layer in before.layers}
        assert not new & self.ids, "an id was given twice"
        self.ids |= new
        if after.selection is not before.selection or after.layers != before.layers:
            self.done, self.now = [*self.done[: self.now + 1], after], self.now + 1

    @rule(at=at, label=st.integers(0, 1))
    def click(self, at, label):
        self.act("click", *at, label)

    @rule(at=at, mode=modes)
    def point(self, at, mode):
        self.act("point", *at, mode)

    @rule(path=st.lists(at, min_size=1, max_size=3), radius=st.integers(1, 6), mode=modes, aware=st.booleans())
    def stroke(self, path, radius, mode, aware):
        self.act("stroke", path, radius, mode, edge_aware=aware)

    @rule(path=st.lists(at, min_size=3, max_size=4), mode=modes)
    def polygon(self, path, mode):
        self.act("polygon", path, mode)

    @rule(one=at, other=at, mode=modes)
    def box(self, one, other, mode):
        self.act("box", *one, *other, mode, scale=0.5)

    @rule(which=st.integers(0, 3))
    def choose(self, which):
        self.act("choose", which)

    @rule(which=st.integers(0, 3))
    def remove_step(self, which):
        self.act("remove_step", which)

    @rule(color=colors)
    def paint(self, color):
        self.act("paint_wall", Coat(color))

    @precondition(lambda self: self.done[self.now].layers)
    @rule(data=st.data())
    def layer(self, data):
        layer_id = data.draw(st.sampled_from([layer.id for layer in self.done[self.now].layers]))
        verb = data.draw(st.sampled_from(["choose_wall", "remove_layer", "move_layer", "edit_layer"]))
        more = {"move_layer": {"to": 0}, "edit_layer": {"opacity": 0.5}}.get(verb, {})
        self.act(verb, layer_id, **more)

    @rule()
    def undo(self):
        if self.now:
            self.now -= 1
            self.same(self.studio.undo(self.sid))

    @rule()
    def redo(self):
        if self.now + 1 < len(self.done):
            self.now += 1
            self.same(self.studio.redo(self.sid))

    def same(self, session):
        told = self.done[self.now]
        assert session.layers == told.layers
        assert (session.selection.mask_id, session.selection.steps) == (told.selection.mask_id, told.selection.steps)

    @rule()
    def restart(self):
        self.studio.sessions.close()
        self.start()
        self.same(self.studio.session(self.sid))

    @invariant()
    def walls_are_whole(self):
        session = self.studio.session(self.sid)
        selection, layers = session.selection, session.layers
        assert len({layer.id for layer in layers}) == len(layers)
        if selection.layer is not None:
            assert session.chosen is not None
            assert (session.chosen.mask_id, session.chosen.steps) == (selection.mask_id, selection.steps)
        for layer in layers:
            assert layer.mask == session.masks[layer.mask_id]
            assert layer.mask.area
        for one, other in itertools.combinations(layers, 2):
            assert not masks.intersect([one.mask.rle, other.mask.rle]).area, "a painted wall lost pixels to another"

    def teardown(self):
        self.studio.sessions.close()
        self.folder.cleanup()


TestWalls = Walls.TestCase
TestWalls.settings = settings(max_examples=20, stateful_step_count=25)


TestPainting = Painting.TestCase
TestPainting.settings = settings(max_examples=12, stateful_step_count=20)
