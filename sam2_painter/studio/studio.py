"""The verbs. The page, the API, the command line and a notebook all call these, and nothing below them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from .. import masks, paint
from ..engines import Engine, Finder, Progress, no_progress
from ..engines.guarded import GuardedEngine
from ..errors import InvalidInput, MaskNotFound, NotAnImage, PainterError, StorageError
from ..jobs import asker
from ..jobs.cache import CacheStatus, Found
from ..jobs.deadline import Deadline, check, current
from ..jobs.semaphore import Semaphore
from ..paint import colors
from ..paint.surface import Surface
from ..photos import images, sources
from ..rle import RLE
from ..sessions import edits, exports, folders
from ..sessions.downloads import Download
from ..sessions.edits import SelectMode
from ..sessions.store import Edit, SessionStore
from ..settings import Settings
from ..types import (
    AutoMask,
    CombineMode,
    Embedding,
    Layer,
    Mask,
    Palette,
    Photo,
    Prompts,
    Selection,
    Session,
    whole_number,
)
from .caches import Memory
from .verb import Limits, verb

R = TypeVar("R")
ExportKind = Literal["coco", "png", "project"]
EXPORT_KINDS: dict[ExportKind, tuple[str, str, str]] = {  # end of the name, suffix, media type
    "coco": ("masks", "json", "application/json"),
    "png": ("masks", "zip", "application/zip"),
    "project": ("project", "zip", "application/zip"),
}
READ_AHEAD = 2  # photos read in the background at once; a few more may wait, the rest is read when asked about
_DAMAGED = "The photo of this session is damaged on disk. Open it again."


class Generated(NamedTuple):
    """Answer to "every mask": the session, whose `automatic` names them, and whether nothing had to be computed."""

    session: Session
    cached: bool


class Pointed(NamedTuple):
    """The mask at a point, and whether it was found without the engine."""

    mask_id: int
    mask: Mask
    cached: bool


class Studio:
    """One engine, one session store and the caches between them. Thread-safe.

    reason: why this engine, for page, health and log. palette: the paints of sessions that brought none along, ours by
    default.
    """

    def __init__(
        self,
        engine: Engine,
        sessions: SessionStore,
        *,
        reason: str = "",
        limits: Limits | None = None,
        max_file_size: int = 50 * 2**20,
        max_pixels: int = 80_000_000,
        photo_cache: int = 256 * 2**20,
        embedding_cache: int = 192 * 2**20,
        mask_cache: int = 32 * 2**20,
        surface_cache: int = 128 * 2**20,
        picture_cache: int = 96 * 2**20,
        queue_size: int = 64,
        palette: Palette | None = None,
    ):
        self.engine, self.sessions, self.reason = engine, sessions, reason
        self._asking = GuardedEngine(engine)
        self._palette = palette
        self.limits = limits or Limits()
        self.max_file_size, self.max_pixels = max_file_size, max_pixels
        self._memory = Memory(
            photos=photo_cache,
            embeddings=embedding_cache,
            masks=mask_cache,
            surfaces=surface_cache,
            pictures=picture_cache,
        )
        self._generating = Semaphore(1, queue_size)  # one at a time: it takes seconds, and clicks must not wait for it
        self._reading = ThreadPoolExecutor(READ_AHEAD, "read ahead")
        self._reading_places = threading.BoundedSemaphore(4 * READ_AHEAD)
        self._running: defaultdict[str, set[Deadline]] = defaultdict(set)  # by session, for cancel()
        self._running_guard = threading.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> Studio:
        """The studio these settings describe. Raises EngineUnavailable when the engine named cannot run here."""
        from ..engines.choice import choose

        choice = choose(
            settings.engine,
            modal_base_url=settings.modal_base_url,
            modal_key=settings.modal_key,
            modal_secret=settings.modal_secret,
            modal_app=settings.modal_app,
            sam2_model=settings.sam2_model,
            sam2_checkpoint=settings.sam2_checkpoint,
            sam2_device=settings.sam2_device,
            sam2_cache_dir=settings.sam2_cache_dir,
            sam2_dtype=settings.sam2_dtype,
            sam2_compile=settings.sam2_compile,
        )
        sessions = SessionStore(
            *folders.from_settings(settings),
            ttl=settings.session_ttl,
            max_sessions=settings.max_sessions,
            max_disk=settings.max_disk,
            max_masks=settings.max_masks,
            max_downloads=settings.max_downloads,
        )
        limits = Limits(
            settings.upload_limit,
            settings.segment_limit,
            settings.generate_limit,
            settings.paint_limit,
            settings.download_limit,
        )
        return cls(
            choice.engine,
            sessions,
            reason=choice.reason,
            limits=limits,
            max_file_size=settings.max_file_size,
            max_pixels=settings.max_pixels,
            photo_cache=settings.photo_cache,
            embedding_cache=settings.embedding_cache,
            mask_cache=settings.mask_cache,
            surface_cache=settings.surface_cache,
            picture_cache=settings.picture_cache,
            queue_size=settings.queue_size,
            palette=settings.palette and colors.open_palette(settings.palette),
        )

    # -- photos and sessions -----------------------------------------------------------------------------------------

    @verb("upload")
    def open(self, source: images.Source, name: str = "") -> Session:
        """Start painting a photo: the bytes of a file, a path, base64 text, a data URL, a Pillow image or an array.

        Text is never taken for a path (a `Path` is). name: the file name people know it by. Raises NotAnImage,
        TooLarge, InvalidInput for other sources.
        """
        asker.current().count_photo()
        limits = dict(max_bytes=self.max_file_size, max_pixels=self.max_pixels)
        if isinstance(source, (Image.Image, np.ndarray)):
            photo = images.open_photo(source, name, **limits)
            data = images.encode(photo.pixels, "PNG")
        else:
            is_path = isinstance(source, PathLike)
            data = sources.read_bytes(source, self.max_file_size, paths=is_path)
            photo = images.open_photo(data, name or (Path(source).name if is_path else ""), **limits)
        check()
        session = self.sessions.open(photo.name, data, photo.digest, photo.size)
        self._memory.photos.get((photo.digest,), lambda: photo)
        return replace(session, notes=photo.notes)

    def session(self, session_id: str) -> Session:
        """The session as it is now. Raises SessionNotFound."""
        return self.sessions.get(session_id)

    @verb("upload")
    def close(self, session_id: str) -> None:
        """Delete the session: nothing of it stays on disk. Raises SessionNotFound."""
        session = self.sessions.get(session_id)
        self.cancel(session_id)
        self.sessions.delete(session_id)
        if session.digest not in self.sessions.digests():  # else somebody else works on the same photo
            self._memory.forget(session.digest)

    def sweep(self) -> int:
        """Delete expired sessions (`SessionStore.sweep`) and forget photos no session has; how many sessions went."""
        gone = self.sessions.sweep()
        self._memory.keep_owned(lambda: set(self.sessions.digests()))
        return gone

    def photo(self, session_id: str) -> Photo:
        """The session's photo, opened (again, if memory had no room for it)."""
        session = self.sessions.get(session_id)

        def reopen() -> Photo:
            try:
                photo = images.open_photo(
                    self.sessions.photo_bytes(session_id), session.name, max_bytes=2**62, max_pixels=2**62
                )  # within the limits of the day it came
            except NotAnImage as error:
                raise StorageError(_DAMAGED) from error
            if photo.digest != session.digest:
                raise StorageError(_DAMAGED)
            return photo

        return self._memory.photos.get((session.digest,), reopen).value

    def cancel(self, session_id: str) -> bool:
        """Stop what is running for this session; whether there was anything."""
        with self._running_guard:
            running = list(self._running.get(session_id, ()))
        for job in running:
            job.cancel()
        return bool(running)

    # -- masks -------------------------------------------------------------------------------------------------------

    @verb("segment")
    def embed(self, session_id: str) -> Found[Embedding]:
        """Let the engine read the photo now, so that the first click is quick."""
        return self._embedding(self.photo(session_id))

    def read_ahead(self, session_id: str) -> None:
        """`embed` in the background, if the engine wants to (`Engine`). Returns at once and raises nothing: an engine
        that cannot read the photo tells so at the first question about it."""
        if getattr(self.engine, "reads_ahead", False) and self._reading_places.acquire(blocking=False):
            self._reading.submit(self._read_ahead, session_id).add_done_callback(
                lambda _: self._reading_places.release()
            )

    def _read_ahead(self, session_id: str) -> None:
        with suppress(PainterError):  # its line is in the log
            self.embed(session_id)

    @verb("segment")
    def segment(self, session_id: str, prompts: Prompts, mode: SelectMode = "new") -> Session:
        """Select what the prompts point at: points, a box, a mask prompt.

        The candidates, best first, are kept in the session, and the best is selected; with a mode other than "new" it
        is combined with what was selected before. Raises InvalidInput for prompts outside the photo.
        """
        with self.sessions.edit(session_id) as edit:
            base, mode_kept = edits.part_of(edit.session.selection, mode)
            self._select_prompts(edit, prompts, base, mode_kept)
        return edit.session

    @verb("segment")
    def segment_parts(self, session_id: str, parts: Sequence[Prompts]) -> Session:
        """Select the union of what several prompts point at, each answered by itself: one step of the history."""
        with self.sessions.edit(session_id) as edit:
            if len(parts) == 1:
                self._select_prompts(edit, parts[0], None, "")
            else:
                best = [edit.add(self._predicted(edit.session, prompts).value)[0] for prompts in parts]
                edits.select_mask(edit, edits.combine(edit, best, "union"), "new", "select")
        return edit.session

    @verb("segment")
    def click(self, session_id: str, x: float, y: float, label: int = 1, mode: SelectMode = "new") -> Session:
        """One more click on the photo, the way the page means it.

        While prompts are being refined it is a point more (label 1 foreground, 0 background). Otherwise it begins
        anew, or, by `mode`, a part to add to, subtract from or intersect with the selection. A background click on a
        selection that has no prompts takes away what lies under it.
        """
        clicked = Prompts.click(x, y, label)
        with self.sessions.edit(session_id) as edit:
            selection = edit.session.selection
            if selection.prompts is not None and (mode == "new" or mode == selection.mode):
                prompts, base, kept = selection.prompts.plus(x, y, label), selection.base, selection.mode
            elif label == 1:
                prompts = clicked
                base, kept = edits.part_of(selection, mode)
            elif selection.mask_id is not None:
                prompts = Prompts.click(x, y)
                base, kept = edits.part_of(selection, "subtract")
            else:
                raise InvalidInput("Click the wall you want first; then take parts away.", "label")
            self._select_prompts(edit, prompts, base, kept)
        return edit.session

    @verb("segment")
    def remove_point(self, session_id: str, index: int) -> Session:
        """Take the point at this place (0 was first) out of the selection's prompts; the last one clears it."""
        with self.sessions.edit(session_id) as edit:
            selection = edit.session.selection
            prompts = selection.prompts
            count = 0 if prompts is None else len(prompts.point_coords)
            if prompts is None or not count:
                raise InvalidInput("The selection has no points.", "index")
            index = whole_number(index, "index", 0, count - 1)
            keep = np.arange(count) != index
            if not prompts.point_labels[keep].any() and prompts.box is None:
                edit.do("remove point", replace(edit.session.canvas, selection=Selection(selection.base)))
            else:
                fewer = replace(
                    prompts, point_coords=prompts.point_coords[keep], point_labels=prompts.point_labels[keep]
                )
                self._select_prompts(edit, fewer, selection.base, selection.mode, "remove point")
        return edit.session

    @verb("segment")
    def choose(self, session_id: str, choice: int) -> Session:
        """Take another of the selection's candidates (0 is the best)."""
        with self.sessions.edit(session_id) as edit:
            selection = edit.session.selection
            if not selection.candidates:
                raise InvalidInput("The selection has no candidates to choose from.", "choice")
            choice = whole_number(choice, "choice", 0, len(selection.candidates) - 1)
            edits.select_candidate(edit, replace(selection, choice=choice), "choose candidate")
        return edit.session

    @verb("segment")
    def select(self, session_id: str, mask_ids: Sequence[int], mode: SelectMode = "new") -> Session:
        """Select masks the session holds, several as their union; by `mode` combined with the selection."""
        with self.sessions.edit(session_id) as edit:
            edits.select_mask(edit, edits.combine(edit, mask_ids, "union"), mode, "select")
        return edit.session

    @verb("segment")
    def clear_selection(self, session_id: str) -> Session:
        """Select nothing."""
        with self.sessions.edit(session_id) as edit:
            if edit.session.selection.mask_id is not None or edit.session.selection.prompts is not None:
                edit.do("clear selection", replace(edit.session.canvas, selection=Selection()))
        return edit.session

    @verb("generate")
    def generate(self, session_id: str, options: AutoMask | None = None, progress: Progress = no_progress) -> Generated:
        """Find every mask, largest first; they become the session's `automatic` masks.

        `progress` is told the fraction done. Cancelled or past its limit it changes nothing.
        """
        options = options or AutoMask()

        def step(fraction: float) -> None:
            check()
            progress(fraction)

        def compute() -> tuple[Mask, ...]:
            with self._generating.enter():
                return self._asking.generate(photo, self._embedding(photo).value, options, step)

        with self._cancellable(session_id):
            photo = self.photo(session_id)
            found = self._memory.masks.get((photo.digest, "generate", self.engine.name, options), compute)
            with self.sessions.edit(session_id) as edit:
                edit.set_automatic(edit.add(found.value))
        return Generated(edit.session, found.cached)

    @verb("segment")
    def mask_at(self, session_id: str, x: float, y: float) -> Pointed:
        """The smallest mask of the session under pixel (x, y), without the engine; automatic masks before others.

        Raises InvalidInput outside the photo, MaskNotFound where there is none.
        """
        session = self.sessions.get(session_id)
        prompts = Prompts.click(x, y)
        prompts.check_inside(session.size)
        px, py = (int(v) for v in prompts.point_coords[0])
        others = [mask_id for mask_id in session.masks if mask_id not in set(session.automatic)]
        for ids in (session.automatic, others):
            index = masks.mask_at([session.masks[mask_id] for mask_id in ids], px, py)
            if index is not None:
                return Pointed(ids[index], session.masks[ids[index]], True)
        raise MaskNotFound(f"No mask at ({px}, {py}). Generate masks first, or segment at this point.")

    @verb("segment")
    def generate_at(self, session_id: str, x: float, y: float) -> Pointed:
        """The engine's best mask for a foreground point at (x, y), kept in the session."""
        prompts = Prompts.click(x, y)
        with self.sessions.edit(session_id) as edit:
            found = self._predicted(edit.session, prompts)
            (mask_id,) = edit.add(found.value[:1])
        return Pointed(mask_id, edit.session.masks[mask_id], found.cached)

    @verb("segment")
    def combine(self, session_id: str, mask_ids: Sequence[int], mode: CombineMode = "union") -> Pointed:
        """One mask from several: their union, what they share ("intersect"), or the first less the others
        ("subtract")."""
        with self.sessions.edit(session_id) as edit:
            mask_id = edits.combine(edit, mask_ids, mode)
        return Pointed(mask_id, edit.session.masks[mask_id], False)

    @verb("segment")
    def add_mask(self, session_id: str, rle: RLE, category: str = "") -> Pointed:
        """Keep a mask somebody brings along. Raises InvalidInput when it has not the photo's size or is empty."""
        with self.sessions.edit(session_id) as edit:
            mask_id = edits.bring_mask(edit, rle, category)
        return Pointed(mask_id, edit.session.masks[mask_id], False)

    @verb("segment")
    def find(self, session_id: str, category: str, mode: SelectMode = "new") -> Session:
        """Select everything of a kind, such as "wall" (walls less their windows, doors and plants)."""
        if category not in self.categories:
            raise InvalidInput(
                f"category must be one of {', '.join(self.categories)}"
                if self.categories
                else f"{self.engine.title} does not name what it sees; click the walls instead.",
                "category",
            )
        photo = self.photo(session_id)
        found = self._memory.masks.get(
            (photo.digest, "find", self.engine.name, category),
            lambda: self._asking.find(self._embedding(photo).value, category),
        )
        if not found.value:
            raise MaskNotFound(f"No {category} was found in this photo. Click one instead.")
        with self.sessions.edit(session_id) as edit:
            edits.select_mask(edit, edits.combine(edit, edit.add(found.value), "union"), mode, f"select {category}s")
        return edit.session

    @property
    def categories(self) -> tuple[str, ...]:
        """What `find` understands; empty for engines that name nothing."""
        return self.engine.categories if isinstance(self.engine, Finder) else ()

    @property
    def status(self) -> str:
        """ "ok", or "degraded" when the engine gave no answer the last time."""
        return "degraded" if self.engine_trouble else "ok"

    @property
    def engine_trouble(self) -> str | None:
        """What went wrong when the engine was asked last; "" when it answered, None before anything was asked."""
        return self._asking.trouble

    # -- paint -------------------------------------------------------------------------------------------------------

    @verb("paint")
    def paint(self, session_id: str, layers: Sequence[dict[str, Any]], *, replace_same: bool = True) -> Session:
        """Put paint on masks, one step of the history.

        layers: each {"mask_id": int, "color": (r, g, b)} and any further field of `Layer`; or, in place of mask_id, a
        new mask as "rle". A mask that has a layer already is repainted in place, not painted over. Afterwards the next
        click begins a new selection.
        """
        with self.sessions.edit(session_id) as edit:
            edits.put_paint(edit, layers, replace_same)
        return edit.session

    @verb("paint")
    def paint_shown(
        self, session_id: str, layers: Sequence[dict[str, Any]], show: Callable[[np.ndarray], R]
    ) -> tuple[Session, R]:
        """`paint`, and what `show` makes of the new picture. Should that fail or take too long, nothing is painted."""
        with self.sessions.edit(session_id) as edit:
            edits.put_paint(edit, layers, True)
            shown = show(self._memory.painted(self.photo(session_id), edit.session.layers))
        return edit.session, shown

    @verb("paint")
    def use_palette(self, session_id: str, palette: Palette | None) -> Session:
        """These are the session's paints from now on; None for the usual ones. It is no step of the history."""
        with self.sessions.edit(session_id) as edit:
            edit.set_palette(palette)
        return edit.session

    def palette(self, session: Session) -> Palette:
        """The paints to choose from."""
        return session.palette or self._palette or colors.exterior()

    def color(self, session: Session, text: str) -> colors.RGB:
        """`colors.parse_color` that knows the paints of the session by name."""
        return colors.parse_color(text, self.palette(session))

    def describe(self, session: Session, rgb: colors.RGB) -> colors.Description:
        """`colors.describe` by the paints of the session."""
        return colors.describe(rgb, session.palette or self._palette)

    @verb("paint")
    def wall_color(self, session_id: str, mask_id: int) -> colors.RGB:
        """What colour the wall under a mask has now (`paint.wall_color`)."""
        mask = self.sessions.get(session_id).mask(mask_id)
        return paint.wall_color(self.photo(session_id), mask.rle, analyse=self.surface)

    @verb("paint")
    def color_at(self, session_id: str, x: float, y: float) -> colors.RGB:
        """The photo's colour around (x, y) (`paint.color_at`)."""
        return paint.color_at(self.photo(session_id), x, y)

    @verb("paint")
    def edit_layer(self, session_id: str, index: int, **changes: Any) -> Session:
        """Change fields of the layer at this place (0 is painted first): color, opacity, mode, name, visible, ..."""
        with self.sessions.edit(session_id) as edit:
            changed = replace(edit.session.layer(index), **changes)
            before = edit.session.layers
            layers = (*before[:index], changed, *before[index + 1 :])
            edits.set_layers(edit, layers, f"change {', '.join(changes)}")
        return edit.session

    @verb("paint")
    def remove_layer(self, session_id: str, index: int) -> Session:
        """Take the paint at this place off."""
        with self.sessions.edit(session_id) as edit:
            edit.session.layer(index)
            before = edit.session.layers
            edits.set_layers(edit, before[:index] + before[index + 1 :], "remove layer")
        return edit.session

    @verb("paint")
    def move_layer(self, session_id: str, index: int, to: int) -> Session:
        """Move a layer to another place in the order of painting."""
        with self.sessions.edit(session_id) as edit:
            moved, _ = edit.session.layer(index), edit.session.layer(to)
            rest = list(edit.session.layers)
            rest.pop(index)
            rest.insert(to, moved)
            edits.set_layers(edit, tuple(rest), "move layer")
        return edit.session

    @verb("paint")
    def undo(self, session_id: str) -> Session:
        """Take the last action back. Raises InvalidInput when there is none."""
        with self.sessions.edit(session_id) as edit:
            edit.undo()
        return edit.session

    @verb("paint")
    def redo(self, session_id: str) -> Session:
        """Do the action again that was taken back last. Raises InvalidInput when there is none."""
        with self.sessions.edit(session_id) as edit:
            edit.redo()
        return edit.session

    @verb("paint")
    def picture(
        self, session_id: str, *, layers: Iterable[Layer] | None = None, max_side: int | None = None
    ) -> np.ndarray:
        """The painted picture, (H, W, 3) uint8 RGB, read-only: the session's layers, or those given, on its photo.

        max_side: at most so many pixels on the long side, for the screen; the same function as the full size.
        """
        session = self.sessions.get(session_id)
        shown = session.layers if layers is None else tuple(layers)
        return self._memory.painted(self.photo(session_id), shown, max_side)

    def surface(self, photo: Photo, rle: RLE, max_side: int | None = None) -> Surface:
        """`paint.analyse`, remembered."""
        return self._memory.surface(photo, rle, max_side)

    @verb("download")
    def download(
        self,
        session_id: str,
        *,
        painted: bool = True,
        layers: Sequence[Layer] | None = None,
        format: str = "PNG",
        quality: int = 95,
    ) -> Download:
        """A file of the picture at full size, made once and reused until something changes.

        painted: False for the photo as opened. layers: instead of the session's. format: PNG, JPG or WEBP; quality:
        1-100.
        """
        session = self.sessions.get(session_id)
        format, quality = images.check_format(format), whole_number(quality, "quality", 1, 100)
        shown = (session.layers if layers is None else tuple(layers)) if painted else ()
        key = _recipe(shown, f"{format} {quality if format != 'PNG' else ''} {painted}")
        for made in self.sessions.downloads(session_id):
            if made.key == key and made.path.is_file():
                return made
        photo = self.photo(session_id)
        pixels = self._memory.painted(photo, shown) if shown else photo.pixels
        check()
        dpi = images.printed_dpi(self.sessions.photo_bytes(session_id))
        data = images.encode_file(pixels, format, quality, dpi=dpi)
        check()
        stem = Path(session.name).stem + ("-painted" if painted else "")
        suffix = "jpg" if format == "JPEG" else format.lower()
        return self.sessions.add_download(session_id, key, stem, suffix, images.FORMATS[format], data)

    # -- files of a session's work -----------------------------------------------------------------------------------

    @verb("download")
    def export(self, session_id: str, what: ExportKind) -> Download:
        """A file of the session's masks or of everything, made once and reused until something changes.

        what: "coco" (COCO JSON with RLE), "png" (a zip of mask PNGs) or "project" (what `open_project` takes).
        """
        if what not in EXPORT_KINDS:
            raise InvalidInput(f"what must be one of {', '.join(EXPORT_KINDS)}", "what")
        session = self.sessions.get(session_id)
        stem, suffix, media_type = EXPORT_KINDS[what]
        key = f"{what} {session.revision}"
        for made in self.sessions.downloads(session_id):
            if made.key == key and made.path.is_file():
                return made
        if what == "project":
            data = self.save_project(session_id)
        else:
            data = exports.to_coco(session) if what == "coco" else exports.to_png_zip(session)
        check()
        name = f"{Path(session.name).stem}-{stem}"
        return self.sessions.add_download(session_id, key, name, suffix, media_type, data)

    @verb("download")
    def save_project(self, session_id: str) -> bytes:
        """Photo, masks, layers and selection as one zip file. The history is not in it."""
        session = self.sessions.get(session_id)
        return exports.to_project(session, self.sessions.photo_bytes(session_id))

    @verb("upload")
    def open_project(self, data: bytes) -> Session:
        """A new session as `save_project` left it. Raises InvalidInput, NotAnImage, TooLarge."""
        asker.current().count_photo()
        reader = exports.ProjectReader(data, max_photo=self.max_file_size, max_masks=self.sessions.max_masks)
        photo = images.open_photo(reader.photo, reader.name, max_bytes=self.max_file_size, max_pixels=self.max_pixels)
        project = reader.project(photo.size)
        check()
        session = self.sessions.open(photo.name, project.photo, photo.digest, photo.size)
        try:
            with self.sessions.edit(session.id) as edit:
                edit.add(project.masks)
                edit.set_automatic(project.automatic)
                edit.set_palette(project.palette)
                edit.do("open project", project.canvas)
        except BaseException:
            self.sessions.delete(session.id)
            raise
        return edit.session

    # -- caches ------------------------------------------------------------------------------------------------------

    def clear_cache(self, session_id: str | None = None) -> None:
        """Forget what can be computed again, of one session or of all. It changes no answer."""
        self._memory.forget(None if session_id is None else self.sessions.get(session_id).digest)

    def cache_status(self) -> dict[str, CacheStatus]:
        """How full each cache is, by name."""
        return self._memory.status()

    def cached_digests(self) -> set[str]:
        """Digests of the photos an embedding or masks are remembered for."""
        return self._memory.digests()

    def cached_masks(self) -> int:
        """How many masks the remembered answers hold."""
        return self._memory.mask_count()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _embedding(self, photo: Photo) -> Found[Embedding]:
        return self._memory.embeddings.get((photo.digest, self.engine.name), lambda: self._asking.embed(photo))

    def _predicted(self, session: Session, prompts: Prompts) -> Found[tuple[Mask, ...]]:
        prompts.check_inside(session.size)

        def compute() -> tuple[Mask, ...]:
            embedding = self._embedding(self.photo(session.id)).value
            check()
            return self._asking.predict(embedding, prompts)

        return self._memory.masks.get((session.digest, "predict", self.engine.name, prompts.key), compute)

    def _select_prompts(
        self, edit: Edit, prompts: Prompts, base: int | None, mode: CombineMode | Literal[""], action: str = "select"
    ) -> None:
        ids = edit.add(self._predicted(edit.session, prompts).value)
        edits.select_candidate(edit, Selection(None, prompts.points_and_box, ids, 0, base, mode), action)

    @contextmanager
    def _cancellable(self, session_id: str) -> Iterator[None]:
        job = current()
        assert job is not None  # every verb works under one
        with self._running_guard:
            self._running[session_id].add(job)
        try:
            yield
        finally:
            with self._running_guard:
                self._running[session_id].discard(job)
                if not self._running[session_id]:
                    del self._running[session_id]


def _recipe(layers: Sequence[Layer], file: str) -> str:
    """What a download is made from, as text: equal recipes give equal files."""
    digest = sha256(file.encode())
    for layer in layers:
        look = (layer.color, layer.opacity, layer.mode, layer.visible, layer.light, layer.shadow, layer.mask.size)
        digest.update(repr(look).encode() + layer.mask.rle.counts.tobytes())
    return digest.hexdigest()
