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
from collections.abc import Iterable, Mapping
from contextlib import suppress
from html import escape
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self

import numpy as np

from ..errors import InvalidInput, PainterError, SessionNotFound
from ..photos.images import Source, check_format, encode, fit
from ..photos.sources import at_home, read_file
from ..sessions import project
from ..sessions import recipe as recipes
from ..sessions.downloads import Download
from ..sessions.recipe import Recipe
from ..sessions.writing import check_target, write
from ..studio.studio import ExportKind
from ..types import Layer
from . import display, studios
from .arguments import recipe_of
from .display import BeforeAfter
from .opening import as_source
from .painting import PaintingVerbs
from .remote import Fetched
from .studios import AnyStudio

if TYPE_CHECKING:
    from .notebook import Page


_ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".webp", ".json", ".zip", ".ora", ".html"))


def _named(path: str | PathLike[str], ending: str) -> Path:
    """The path of a file of that kind. Raises InvalidInput where its name tells of another of our kinds."""
    target = at_home(path)
    if target.suffix.lower() in _ENDINGS - {ending}:
        raise InvalidInput(f"{target.name}: what is written there is no {target.suffix} file, but {ending}.", "path")
    return target


class Painter(PaintingVerbs):
    """One photo being painted.

    photo: a path, the bytes of a file, an open file, a data URL or base64, a Pillow image or an array. engine: "auto",
    "offline", "sam2" or "modal"; None asks the environment (SAM2_PAINTER_ENGINE), which says "auto" by default. What is
    done is kept in a private temporary folder that goes away with the process, or in `data_dir`, or in a `studio` you
    have already.

    url: of a SAM2 Painter server, which then does the work: every verb is the same, and its errors are raised here.
    token: its --auth-token, or auth: (user, password) of its --auth. The session stays there until `close`, or until it
    was not used for the time the server keeps it. Raises ServerUnavailable, SignInRequired.

    allow_urls: the photo may be an http(s) address, too, of a public server.

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
        studio: AnyStudio | None = None,
        url: str | None = None,
        token: str = "",
        auth: tuple[str, str] | None = None,
        allow_urls: bool = False,
    ):
        self._opened = studios.chosen(engine, data_dir, studio, url, token, auth)
        source, name, self._read_from = as_source(photo, name, allow_urls=allow_urls)
        session = self.studio.open(source, name)
        for note in session.notes:
            warnings.warn(note, stacklevel=2)
        self._hold(session.id, private=studio is None and data_dir is None and url is None)

    @classmethod
    def attach(
        cls, studio: AnyStudio | str, session_id: str, *, token: str = "", auth: tuple[str, str] | None = None
    ) -> Self:
        """Go on with a session that exists already, such as one begun on the page. Raises SessionNotFound.

        studio: that it lives in, or the address of its server, with token or auth as in `Painter`.
        """
        painter = cls.__new__(cls)
        url, own = (studio, None) if isinstance(studio, str) else (None, studio)
        painter._opened, painter._read_from = studios.chosen(None, None, own, url, token, auth), None
        painter._hold(painter.studio.session(session_id).id, private=False)
        return painter

    @classmethod
    def open_project(
        cls,
        path: str | PathLike[str],
        *,
        engine: str | None = None,
        data_dir: str | PathLike[str] | None = None,
        studio: AnyStudio | None = None,
        url: str | None = None,
        token: str = "",
        auth: tuple[str, str] | None = None,
    ) -> Self:
        """Go on where `save_project` left off: photo, masks, layers and selection, in a session of its own.

        The other arguments are those of `Painter`. Raises InvalidInput when the file is no project, or damaged.
        """
        painter = cls.__new__(cls)
        painter._opened = studios.chosen(engine, data_dir, studio, url, token, auth)
        painter._read_from = None
        data = read_file(at_home(path), max_bytes=project.MAX_BYTES, field="path")
        painter._hold(painter.studio.open_project(data).id, private=studio is None and data_dir is None and url is None)
        return painter

    # -- results ------------------------------------------------------------------------------------------------------

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
        target = at_home(path)
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

    def save_schemes(self, path: str | PathLike[str], *, quality: int = 95, overwrite: bool = False) -> Path:
        """Write every scheme's picture at full size, JPEGs in one zip file. Returns the path.

        quality: 1 to 100. overwrite: as for `save`.
        """
        target = _named(path, ".zip")
        self._check(target, overwrite)
        return self._write(target, self.studio.download_schemes(self.session_id, quality=quality), overwrite)

    def save_sheet(
        self,
        path: str | PathLike[str],
        *,
        width: float | None = None,
        units: Literal["m", "ft"] = "m",
        overwrite: bool = False,
    ) -> Path:
        """Write a sheet for the painter as one HTML file: before and after, and each wall's paint. Returns the path.

        width: metres across the photo at the house, for areas and litres. units: "ft" tells them in square feet and US
        gallons. overwrite: as for `save`.
        """
        target = _named(path, ".html")
        self._check(target, overwrite)
        return self._write(target, self.studio.download_sheet(self.session_id, width=width, units=units), overwrite)

    def save_recipe(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write how the painted walls were found and painted as JSON, to do the same with other photos. Returns the
        path. The file is described in `sam2_painter.sessions.recipe`.

        overwrite: as for `save`. Raises InvalidInput when nothing is painted.
        """
        target = _named(path, ".json")
        text = recipes.to_text(self.studio.recipe(self.session_id))
        return write(target, text.encode(), overwrite=overwrite, inputs=self._inputs)

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

    def paint_alike(self, other: Painter) -> Self:
        """Paint the photo in the paints of another painter's photo, by the names and kinds of its walls: one step.

        Both must have one studio: painters of one engine and folder have, or of one server. What cannot be painted in
        this photo is left out, with a warning. Raises InvalidInput, or MaskNotFound when nothing of it could be done.
        """
        if not isinstance(other, Painter):
            raise InvalidInput("other must be a Painter whose photo is painted.", "other")
        for sentence in self.studio.paint_alike(self.session_id, other.session_id).left_out:
            warnings.warn(sentence, stacklevel=2)
        return self

    def save_project(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write photo, masks, layers and selection as one file that `open_project` opens. Returns the path.

        overwrite: as for `save`.
        """
        return self._export("project", path, overwrite)

    def _export(self, kind: ExportKind, path: str | PathLike[str], overwrite: bool, every: bool = False) -> Path:
        target = _named(path, {"coco": ".json", "ora": ".ora"}.get(kind, ".zip"))
        self._check(target, overwrite)
        return self._write(target, self.studio.export(self.session_id, kind, every=every), overwrite)

    @property
    def _inputs(self) -> list[Path]:
        """The file the photo was read from, which is never written over; [] where it came otherwise."""
        return [self._read_from] if self._read_from else []

    def _check(self, target: Path, overwrite: bool) -> None:
        check_target(target, overwrite=overwrite, inputs=self._inputs)

    def _write(self, target: Path, made: Download | Fetched, overwrite: bool) -> Path:
        return write(target, made.read(), overwrite=overwrite, inputs=self._inputs)

    def close(self) -> None:
        """Forget the session: nothing of it stays on disk."""
        self.studio.close(self.session_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(SessionNotFound):  # closed already
            self.close()

    # -- showing ------------------------------------------------------------------------------------------------------

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

    def to_png(self) -> bytes:
        """What a notebook shows, as a PNG file: the picture at screen size, what is selected outlined."""
        return encode(self._seen(), "PNG")

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
