"""Painting from Python, a sentence at a time, on the same Studio as the page.

    from sam2_painter import Painter

    p = Painter("house.jpg")
    p.click(500, 300).paint("#b5c7a3")
    p.save("out.png")

No server is started. Every verb that changes something returns the Painter, so that verbs can be strung together; at
the end of a notebook's cell it shows itself.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from html import escape
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from ..errors import InvalidInput, LayerNotFound, MaskNotFound, PainterError, SessionNotFound
from ..paint import OldPaint
from ..paint.colors import RGB
from ..paint.palette_files import open_palette
from ..paint.palettes import Description
from ..photos.images import Source, check_format, encode, fit
from ..photos.sources import read_file
from ..rle import mask_to_rle
from ..sessions import project
from ..sessions import recipe as recipes
from ..sessions.downloads import Download
from ..sessions.recipe import Recipe
from ..sessions.writing import check_target, write
from ..studio.studio import ExportKind, SelectMode, Studio
from ..types import AutoMask, Coat, CombineMode, Layer, Paint, PaintMode, Palette, Photo, Prompts, Session
from . import display, studios
from .arguments import Which, color_of, mask_ids_of, numbers_one_by_one, progress_bars, recipe_of, with_knobs
from .display import BeforeAfter, Layers, Masks, PhotoMask
from .opening import as_source

if TYPE_CHECKING:
    from .notebook import Page


class Painter:
    """One photo being painted.

    photo: a path, the bytes of a file, an open file, a data URL or base64, a Pillow image or an array. engine: "auto",
    "offline", "sam2" or "modal"; None asks the environment (SAM2_PAINTER_ENGINE), which says "auto" by default. What is
    done is kept in a private temporary folder that goes away with the process, or in `data_dir`, or in a `studio` you
    have already.

    Coordinates are pixels of the photo as opened, upright, x to the right and y down from the top left corner. Errors
    are `PainterError`s of one sentence: NotAnImage, TooLarge, EngineUnavailable when opening.
    """

    def __init__(
        self,
        photo: Source | IO[bytes],
        *,
        name: str = "",
        engine: str | None = None,
        data_dir: str | PathLike[str] | None = None,
        studio: Studio | None = None,
    ):
        self._opened = studios.shared(engine, data_dir) if studio is None else studios.given(studio)
        source, name, self._read_from = as_source(photo, name)
        session = self.studio.open(source, name)
        for note in session.notes:
            warnings.warn(note, stacklevel=2)
        self._hold(session.id, private=studio is None and data_dir is None)

    @classmethod
    def attach(cls, studio: Studio, session_id: str) -> Self:
        """Go on with a session that exists already, such as one begun on the page. Raises SessionNotFound."""
        painter = cls.__new__(cls)
        painter._opened, painter._read_from = studios.given(studio), None
        painter._hold(studio.session(session_id).id, private=False)
        return painter

    @classmethod
    def open_project(
        cls,
        path: str | PathLike[str],
        *,
        engine: str | None = None,
        data_dir: str | PathLike[str] | None = None,
        studio: Studio | None = None,
    ) -> Self:
        """Go on where `save_project` left off: photo, masks, layers and selection, in a session of its own.

        Raises InvalidInput when the file is no project, or damaged.
        """
        painter = cls.__new__(cls)
        painter._opened = studios.shared(engine, data_dir) if studio is None else studios.given(studio)
        painter._read_from = None
        data = read_file(Path(path).expanduser(), max_bytes=project.MAX_BYTES, field="path")
        painter._hold(painter.studio.open_project(data).id, private=studio is None and data_dir is None)
        return painter

    def _hold(self, session_id: str, *, private: bool) -> None:
        self.session_id = session_id
        if private:  # nobody else can reach the session: once this object is gone, so may the session be
            weakref.finalize(self, studios.abandon, self._opened, session_id).atexit = False

    @property
    def studio(self) -> Studio:
        """Where the session lives. A forked process gets one of its own, on the same folder."""
        return self._opened.here()

    # -- what there is -----------------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The session as it is now, whoever changed it last: this object or the page. A value; it does not change."""
        return self.studio.session(self.session_id)

    @property
    def photo(self) -> Photo:
        """The photo as opened."""
        return self.studio.photo(self.session_id)

    @property
    def masks(self) -> Masks:
        """Every mask of the session; `masks[3]` is mask 3."""
        return self._shown(self.session.masks)

    @property
    def automatic(self) -> Masks:
        """What the last `every_mask` found, largest first."""
        return self._shown(self.session.automatic)

    @property
    def candidates(self) -> Masks:
        """What the engine offered for the last click or box, best first; `choose` takes another."""
        return self._shown(self.session.selection.candidates)

    @property
    def selected(self) -> PhotoMask | None:
        """The selected mask, None for nothing."""
        mask_id = self.session.selection.mask_id
        return None if mask_id is None else self._shown([mask_id])[0]

    @property
    def layers(self) -> Layers:
        """The paint, in the order it was put on."""
        return Layers(self.session.layers, self.photo)

    def _shown(self, mask_ids: Iterable[int]) -> Masks:
        session, photo = self.session, self.photo
        return Masks(PhotoMask(**vars(session.mask(i)), id=i, photo=photo) for i in mask_ids)

    # -- selecting ---------------------------------------------------------------------------------------------------

    @numbers_one_by_one
    def click(self, x: float, y: float, label: int = 1) -> Self:
        """Click the photo at (x, y): label 1 "this belongs to it", 0 "this does not".

        The first click selects; further ones refine the selection until something is painted or `deselect` is called.
        """
        self.studio.click(self.session_id, x, y, label)
        return self

    @numbers_one_by_one
    def box(self, x1: float, y1: float, x2: float, y2: float, mode: SelectMode = "new") -> Self:
        """Select what the box from (x1, y1) to (x2, y2) is drawn around; a tiny one is a click at its middle."""
        Prompts(box=[x1, y1, x2, y2])  # type: ignore[arg-type]  # says so where it is no box: only a hand draws backwards
        self.studio.box(self.session_id, x1, y1, x2, y2, mode)
        return self

    def segment(self, prompts: Prompts, mode: SelectMode = "new") -> Self:
        """Select what the prompts point at, or combine it with the selection: "union", "subtract", "intersect"."""
        self.studio.segment(self.session_id, prompts, mode)
        return self

    @numbers_one_by_one
    def add(self, x: float, y: float) -> Self:
        """Add to the selected wall what lies under (x, y); it loses nothing by it."""
        self.studio.point(self.session_id, x, y, "union")
        return self

    @numbers_one_by_one
    def subtract(self, x: float, y: float) -> Self:
        """Take from the selected wall what lies under (x, y), near it and at least a spot; nothing is added by it."""
        self.studio.point(self.session_id, x, y, "subtract")
        return self

    def stroke(
        self,
        path: Sequence[tuple[float, float]],
        radius: float,
        mode: SelectMode = "union",
        *,
        edge_aware: bool = False,
    ) -> Self:
        """Brush along `path`, points (x, y), on the selected wall's shape; mode "subtract" rubs out.

        radius: in pixels. edge_aware: the brush stops at strong borders. Without a selection it begins a wall.
        """
        self.studio.stroke(self.session_id, path, radius, mode, edge_aware=edge_aware)
        return self

    def polygon(self, path: Sequence[tuple[float, float]], mode: SelectMode = "union") -> Self:
        """Add the inside of a polygon, corners (x, y), to the selected wall, or take it away ("subtract")."""
        self.studio.polygon(self.session_id, path, mode)
        return self

    def import_mask(self, mask: np.ndarray, mode: SelectMode = "new") -> Self:
        """Select a mask of your own, (H, W) bool of the photo's size, or change the selected wall by it."""
        self.studio.import_mask(self.session_id, mask_to_rle(mask), mode)
        return self

    def choose_wall(self, x: float, y: float) -> Self:
        """Select the painted wall on top at (x, y), to change its shape or its paint; elsewhere a new wall begins."""
        self.studio.choose_at(self.session_id, x, y)
        return self

    def choose_layer(self, index: int) -> Self:
        """Select a painted wall by its place in `layers` (0 was painted first)."""
        self.studio.choose_wall(self.session_id, self._layer_id(index))
        return self

    def remove_step(self, index: int) -> Self:
        """Take one step of the selected wall's shape back; `session.selection.steps` has them, 0 was the first."""
        self.studio.remove_step(self.session_id, index)
        return self

    def choose(self, choice: int) -> Self:
        """Take another of the `candidates`; 0 is the best."""
        self.studio.choose(self.session_id, choice)
        return self

    def remove_point(self, index: int) -> Self:
        """Take one of the clicks back that the selection is refined by; 0 was the first."""
        self.studio.remove_point(self.session_id, index)
        return self

    def walls(self) -> Self:
        """Select all walls, less their windows and doors, where the engine knows what a wall is."""
        return self.find("wall")

    def find(self, category: str, mode: SelectMode = "new", *, protect: bool = True) -> Self:
        """Select everything of a kind; `studio.categories` names the kinds, and is empty for some engines.

        protect: leave painted walls out.
        """
        self.studio.find(self.session_id, category, mode, protect=protect)
        return self

    @with_knobs
    def every_mask(self, *, progress: bool = True, **knobs: Any) -> Self:
        """Find every mask; `automatic` has them then. progress: show a bar.

        knobs: the fields of `AutoMask`, which are those of SAM 2's generator, such as points_per_side=32.
        """
        tqdm = progress_bars()
        unknown = sorted(knobs.keys() - AutoMask.__dataclass_fields__.keys())
        if unknown:
            allowed = ", ".join(AutoMask.__dataclass_fields__)
            raise InvalidInput(f"every_mask knows no {unknown[0]}; its knobs are {allowed}", unknown[0])
        with tqdm(
            total=100, desc="every mask", disable=not progress, bar_format="{desc} {bar} {percentage:.0f}%"
        ) as bar:
            self.studio.generate(
                self.session_id, AutoMask(**knobs), lambda done: bar.update(max(0, round(100 * done) - bar.n))
            )
            bar.update(100 - bar.n)
        return self

    @numbers_one_by_one
    def mask_at(self, x: float, y: float) -> PhotoMask:
        """The smallest mask found so far under (x, y), at once, without the engine. Raises MaskNotFound."""
        return self._shown([self.studio.mask_at(self.session_id, x, y).mask_id])[0]

    def select(self, *masks: Which, mode: SelectMode = "new") -> Self:
        """Select masks there are: by number, or as found in `masks`; several as their union."""
        self.studio.select(self.session_id, mask_ids_of(masks), mode)
        return self

    def combine(self, *masks: Which, mode: CombineMode = "union") -> Self:
        """Make one mask of several and select it: "union", "intersect", or "subtract", the first less the others."""
        made = self.studio.combine(self.session_id, mask_ids_of(masks), mode)
        return self.select(made.mask_id)

    def deselect(self) -> Self:
        """Select nothing; the next click begins anew."""
        self.studio.clear_selection(self.session_id)
        return self

    # -- painting ----------------------------------------------------------------------------------------------------

    def paint(
        self,
        color: str | RGB | Paint,
        opacity: float = 1.0,
        mode: PaintMode = Layer.mode,
        *,
        light: float = Layer.light,
        shadow: float = Layer.shadow,
        name: str = "",
    ) -> Self:
        """Paint what is selected; painting it again changes its colour.

        color: "#b5c7a3", "rgb(181 199 163)", a name of CSS or of the `palette`, one of its paints, or (r, g, b) of
        0-255. opacity: 0 to 1. mode: "realistic", "flat" or "multiply". light, shadow: as in `Layer`. Raises
        InvalidInput, or MaskNotFound with nothing selected.
        """
        self._selected_id()
        coat = Coat(self._rgb(color), None, None, opacity, mode, light, shadow, name=name)
        self.studio.paint_wall(self.session_id, coat)
        return self

    def wall_color(self) -> RGB:
        """What colour the selected wall has now, (red, green, blue) of 0-255: light, shadow and texture taken out.

        Paint of this colour leaves the wall about as it is. Raises MaskNotFound with nothing selected.
        """
        return self.studio.wall_color(self.session_id, self._selected_id())

    def wall_paints(self) -> tuple[OldPaint, ...]:
        """Each paint that is under the selection now, the main one first: its `rgb`, and the `share` it covers."""
        return self.studio.wall_paints(self.session_id, self._selected_id())

    @numbers_one_by_one
    def color_at(self, x: float, y: float) -> RGB:
        """The photo's colour around (x, y), (red, green, blue) of 0-255: an eyedropper."""
        return self.studio.color_at(self.session_id, x, y)

    @property
    def palette(self) -> Palette:
        """The paints to choose from: `palette.paints`, each with `name` and `rgb`."""
        return self.studio.palette(self.session)

    def use_palette(self, palette: Palette | str | PathLike[str] | None) -> Self:
        """Choose from other paints: a file (CSV, JSON, GIMP .gpl, Adobe .ase, .aco), or None for the usual ones.

        `paint` then takes their names, and `describe` names colours by them. Raises InvalidInput, TooLarge.
        """
        if not (palette is None or isinstance(palette, Palette)):
            palette = open_palette(palette)
        self.studio.use_palette(self.session_id, palette)
        return self

    def describe(self, color: str | RGB | Paint) -> Description:
        """A colour's nearest paint and distance to it, light reflectance value, and what goes with it."""
        return self.studio.describe(self.session, self._rgb(color))

    def _rgb(self, color: str | RGB | Paint) -> RGB:
        if isinstance(color, str):
            return self.studio.color(self.session, color)
        return color_of(color)

    def _selected_id(self) -> int:
        mask_id = self.session.selection.mask_id
        if mask_id is None:
            raise MaskNotFound("Nothing is selected: click(x, y) the wall first.")
        return mask_id

    def edit_layer(self, index: int, **changes: Any) -> Self:
        """Change a layer (0 was painted first): color, opacity, mode, light, shadow, name or visible."""
        if "color" in changes:
            changes["color"] = self._rgb(changes["color"])
        self.studio.edit_layer(self.session_id, self._layer_id(index), **changes)
        return self

    def remove_layer(self, index: int) -> Self:
        """Take a layer of paint off."""
        self.studio.remove_layer(self.session_id, self._layer_id(index))
        return self

    def move_layer(self, index: int, to: int) -> Self:
        """Paint a layer earlier or later."""
        self.studio.move_layer(self.session_id, self._layer_id(index), to)
        return self

    def tie_layers(self, *indices: int) -> Self:
        """Say that layers lie on one old paint, such as the front and the shaded side of a house: they are analysed as
        one wall, and come out in one brightness. Undo takes it back."""
        self.studio.tie_layers(self.session_id, [self._layer_id(index) for index in indices])
        return self

    def untie_layer(self, index: int) -> Self:
        """Say that a layer lies on an old paint of its own."""
        self.studio.untie_layer(self.session_id, self._layer_id(index))
        return self

    def tie_offers(self) -> list[tuple[int, int]]:
        """Layers, two by two, that have one new colour and look as if they lay on one old paint."""
        places = {layer.id: place for place, layer in enumerate(self.session.layers)}
        return [(places[one], places[other]) for one, other in self.studio.tie_offers(self.session_id)]

    def _layer_id(self, index: int) -> int:
        layers = self.session.layers
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(layers):
            raise LayerNotFound(f"No layer {index!r} here; there are {len(layers)}, and 0 was painted first.")
        return layers[index].id

    def undo(self) -> Self:
        """Take the last action back."""
        self.studio.undo(self.session_id)
        return self

    def redo(self) -> Self:
        """Do again what was taken back."""
        self.studio.redo(self.session_id)
        return self

    # -- results -----------------------------------------------------------------------------------------------------

    def picture(self, max_side: int | None = None, *, layers: Iterable[Layer] | None = None) -> np.ndarray:
        """The painted photo, (H, W, 3) uint8 RGB, read-only; at most `max_side` pixels on its long side if given.

        layers: to try on, in place of those that are painted; nothing is changed by it.
        """
        return self.studio.picture(self.session_id, layers=layers, max_side=max_side)

    def before_after(self) -> BeforeAfter:
        """The photo and the painted picture at full size; a notebook shows them with a slider."""
        return BeforeAfter(self.photo.pixels, self.picture(), self._caption())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """`np.asarray(painter)` is its `picture`."""
        return np.array(self.picture(), dtype, copy=True)

    def save(self, path: str | PathLike[str], quality: int = 95, *, overwrite: bool = False) -> Path:
        """Write the painted picture at full size; the name's ending says how: .png, .jpg or .webp. Returns the path.

        quality: 1 to 100, for JPEG and WebP. A file that exists is written over only with overwrite=True, and the photo
        that was opened never. Raises InvalidInput.
        """
        target = Path(path).expanduser()
        try:
            format = check_format(target.suffix)
        except InvalidInput:
            raise InvalidInput(
                f"{target.name} says no format: PNG, JPEG or WEBP. End the name in .png, .jpg or .webp.", "path"
            ) from None
        self._check(target, overwrite)
        made = self.studio.download(self.session_id, format=format, quality=quality)
        return self._write(target, made, overwrite)

    def export_coco(self, path: str | PathLike[str], *, every: bool = False, overwrite: bool = False) -> Path:
        """Write the masks as COCO JSON with compressed RLE, as pycocotools reads it. Returns the path.

        The chosen ones: those with paint and the selected one; without any, all that `every_mask` found. every: all
        masks of the session, `chosen` telling which is which. overwrite: as for `save`.
        """
        return self._export("coco", path, overwrite, every)

    def export_png(self, path: str | PathLike[str], *, every: bool = False, overwrite: bool = False) -> Path:
        """Write the masks as black and white PNGs of the photo's size, all in one zip file. Returns the path.

        every, overwrite: as for `export_coco`.
        """
        return self._export("png", path, overwrite, every)

    def export_ora(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the photo and each painted wall as layers of an OpenRaster file, for GIMP and Krita. Returns the path.

        overwrite: as for `save`.
        """
        return self._export("ora", path, overwrite)

    def save_recipe(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write how the painted walls were found and painted as JSON, to do the same with other photos. Returns the
        path. The file is described in `sam2_painter.sessions.recipe`.

        overwrite: as for `save`. Raises InvalidInput when nothing is painted.
        """
        target = Path(path).expanduser()
        text = recipes.to_text(self.studio.recipe(self.session_id))
        return write(target, text.encode(), overwrite=overwrite, inputs=[self._read_from] if self._read_from else [])

    def apply_recipe(self, recipe: Recipe | str | PathLike[str] | Mapping[str, Any], *, scale: bool = False) -> Self:
        """Find and paint the walls of a recipe: its file, or what is in it. One step of the history.

        Walls that were found by kind are found anew in this photo. Clicks are pixels of the photo they were made in:
        one of another size is refused, unless scale=True moves them with it. What cannot be done in this photo is left
        out, with a warning. Raises InvalidInput, or MaskNotFound when nothing of it could be done.
        """
        applied = self.studio.apply_recipe(self.session_id, recipe_of(recipe), scale=scale)
        for sentence in applied.left_out:
            warnings.warn(sentence, stacklevel=2)
        return self

    def save_project(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write photo, masks, layers and selection as one file that `open_project` opens. Returns the path.

        overwrite: as for `save`.
        """
        return self._export("project", path, overwrite)

    def _export(self, kind: ExportKind, path: str | PathLike[str], overwrite: bool, every: bool = False) -> Path:
        target = Path(path).expanduser()
        self._check(target, overwrite)
        return self._write(target, self.studio.export(self.session_id, kind, every=every), overwrite)

    def _check(self, target: Path, overwrite: bool) -> None:
        check_target(target, overwrite=overwrite, inputs=[self._read_from] if self._read_from else [])

    def _write(self, target: Path, made: Download, overwrite: bool) -> Path:
        inputs = [self._read_from] if self._read_from else []
        return write(target, made.path.read_bytes(), overwrite=overwrite, inputs=inputs)

    def close(self) -> None:
        """Forget the session: nothing of it stays on disk."""
        self.studio.close(self.session_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(SessionNotFound):  # closed already
            self.close()

    # -- showing -----------------------------------------------------------------------------------------------------

    def show(self, height: int = 900, *, share: bool = False) -> Page:
        """The page on this very session, in the notebook's cell: click there, go on in the next cell.

        height: of the page, in pixels. share: by a public link, for a kernel on another machine.
        """
        from .notebook import show

        return show(self.studio, self.session_id, height=height, share=share, owner=self)

    def __repr__(self) -> str:
        try:
            return f"<Painter {self._caption()}>"
        except PainterError as error:  # a debugger, a traceback or a cell must be able to show it
            return f"<Painter: {error}>"

    def _caption(self) -> str:
        session = self.session
        height, width = session.size
        return (
            f"{session.name}, {width}x{height}: {display.counted(len(session.masks), 'mask')}, "
            f"{display.counted(len(session.layers), 'layer')}; {self.studio.engine.title}"
        )

    def _repr_png_(self) -> bytes | None:
        with suppress(PainterError):
            return encode(self._seen(), "PNG")
        return None

    def _repr_html_(self) -> str | None:
        try:
            seen = self._seen()
        except PainterError:
            return None  # its repr says why
        if self.session.layers:
            return display.slider(fit(self.photo.pixels, display.SCREEN), seen, self._caption())
        return display.figure(display.picture(seen, self.session.name), escape(self._caption()))

    def _seen(self) -> np.ndarray:
        """The picture at screen size; what is selected and not painted yet is outlined."""
        session, picture = self.session, self.picture(display.SCREEN)
        mask_id = session.selection.mask_id
        if mask_id is None or mask_id in {layer.mask_id for layer in session.layers}:
            return picture
        return display.outlined(picture, session.mask(mask_id).rle)
