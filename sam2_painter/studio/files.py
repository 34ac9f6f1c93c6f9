"""Verbs about files of a session's work: downloads, exports, projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

from .. import paint
from ..errors import InvalidInput
from ..jobs import asker
from ..jobs.deadline import check
from ..photos import images
from ..photos.location import without_place
from ..sessions import exports
from ..sessions.downloads import Download
from ..sessions.zips import check_packed, pack, plain_name
from ..types import Layer, Session, whole_number
from .painting import PaintVerbs
from .verb import verb

ExportKind = Literal["coco", "png", "ora", "project"]
EXPORT_KINDS: dict[ExportKind, tuple[str, str, str]] = {  # end of the name, suffix, media type
    "coco": ("masks", "json", "application/json"),
    "png": ("masks", "zip", "application/zip"),
    "ora": ("layers", "ora", "image/openraster"),
    "project": ("project", "zip", "application/zip"),
}


class FileVerbs(PaintVerbs):
    """A file is made once and reused until what it is made from changes."""

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
        """A file of the picture at full size.

        painted: False for the photo as opened. layers: instead of the session's. format: PNG, JPG or WEBP; quality:
        1-100.
        """
        session = self.sessions.get(session_id)
        format, quality = images.check_format(format), whole_number(quality, "quality", 1, 100)
        shown = (session.layers if layers is None else tuple(layers)) if painted else ()

        def make() -> bytes:
            pixels = self.painted(session, shown) if shown else self.photo_of(session).pixels
            check()
            dpi = images.printed_dpi(self.sessions.read_photo(session))
            return images.encode_file(pixels, format, quality, dpi=dpi)

        key = _fingerprint(shown, f"{format} {quality if format != 'PNG' else ''} {painted}")
        stem = Path(session.name).stem + ("-painted" if painted else "")
        return self._made(session, key, stem, images.ENDINGS[format], images.FORMATS[format], make)

    @verb("download")
    def export(self, session_id: str, what: ExportKind, *, every: bool = False) -> Download:
        """A file of the session's masks or of everything.

        what: "coco" (COCO JSON with RLE), "png" (a zip of mask PNGs), "ora" (OpenRaster: photo and walls as layers) or
        "project" (what `open_project` takes). every: all masks in "coco" and "png", not only the chosen ones (those
        with paint, and the selected one).
        """
        if what not in EXPORT_KINDS:
            raise InvalidInput(f"what must be one of {', '.join(EXPORT_KINDS)}", "what")
        session = self.sessions.get(session_id)
        made: dict[ExportKind, Callable[[], bytes]] = {
            "coco": lambda: exports.to_coco(session, every=every, orientation=self._orientation(session)),
            "png": lambda: exports.to_png_zip(session, every=every),
            "ora": lambda: self._ora(session),
            "project": lambda: self._project(session),
        }
        end, suffix, media_type = EXPORT_KINDS[what]
        name, every_one = f"{Path(session.name).stem}-{end}", " every" if every else ""
        return self._made(session, f"{what}{every_one} {session.revision}", name, suffix, media_type, made[what])

    @verb("download")
    def save_project(self, session_id: str) -> bytes:
        """Photo, masks, layers and selection as one zip file. The history is not in it."""
        return self._project(self.sessions.get(session_id))

    @verb("upload")
    def open_project(self, data: bytes) -> Session:
        """A new session as `save_project` left it. Raises InvalidInput, NotAnImage, TooLarge."""
        asker.current().count_photo()
        reader = exports.ProjectReader(data, max_photo=self.max_file_size, max_masks=self.sessions.max_masks)
        photo = images.open_photo(reader.photo, reader.name, max_bytes=self.max_file_size, max_pixels=self.max_pixels)
        name, digest, size = photo.name, photo.digest, photo.size
        self._caches.photos.put((digest,), photo)
        del photo  # from here on the cache has it, or nobody: it may be 240 MB, and the masks take a while
        project = reader.project(size)
        check()
        session = self.sessions.open(name, project.photo, digest, size)
        try:
            with self.sessions.edit(session.id) as edit:
                edit.add(project.masks)
                edit.session = replace(edit.session, made=project.made)
                edit.set_automatic(project.automatic)
                edit.set_palette(project.palette)
                edit.begin_with(project.canvas)
        except BaseException:
            self.sessions.delete(session.id)
            raise
        return edit.session

    # -- inside ------------------------------------------------------------------------------------------------------

    def _project(self, session: Session) -> bytes:
        return exports.to_project(session, without_place(self.sessions.read_photo(session)))

    def _orientation(self, session: Session) -> int:
        return images.orientation(self.sessions.read_photo(session))

    def _ora(self, session: Session) -> bytes:
        photo = self.photo_of(session)

        def walls() -> Iterator[exports.PaintedWall]:
            before = photo.pixels
            for place, layer in enumerate(session.layers):
                check()
                shown = [  # all of them, for what is tied to a layer tells how it looks
                    replace(v, visible=(v.visible and number < place) or number == place)
                    for number, v in enumerate(session.layers)
                ]
                picture = paint.composite(photo, shown, analyse=self.surface)
                yield exports.PaintedWall(layer.name, layer.mask.rle, picture, before, layer.visible)
                if layer.visible:
                    before = picture

        return exports.to_ora(photo.pixels, walls(), session.name)

    def _zipped(self, pictures: Iterable[tuple[str, Session, Sequence[Layer]]], format: str, quality: int) -> bytes:
        """Painted pictures at full size, numbered in one zip file: each a name, a session, and the layers on its photo.

        Raises InvalidInput when they are too much for one file.
        """
        files: list[tuple[str, bytes]] = []
        for number, (name, session, layers) in enumerate(pictures, 1):
            check()
            dpi = images.printed_dpi(self.sessions.read_photo(session))
            data = images.encode_file(self.painted(session, layers), format, quality, dpi=dpi)
            files.append((f"{number} {plain_name(name)}.{images.ENDINGS[format]}", data))
            check_packed(files)
        return pack(files)

    def _made(
        self, session: Session, key: str, stem: str, suffix: str, media_type: str, make: Callable[[], bytes]
    ) -> Download:
        """The file that was made from the same, or a new one."""
        for made in self.sessions.downloads_of(session):
            if made.key == key and made.path.is_file():
                return made
        data = make()
        check()
        return self.sessions.keep_download(session, key, stem, suffix, media_type, data)


def _fingerprint(layers: Sequence[Layer], file: str) -> str:
    """sha256 (hex) of what a download is made from: the layers, and how the file is written."""
    digest = sha256(file.encode())
    for layer in layers:
        look = (layer.color, layer.opacity, layer.mode, layer.visible, layer.light, layer.shadow, layer.tie)
        digest.update(repr((look, layer.mask.size)).encode() + layer.mask.rle.counts.tobytes())
    return digest.hexdigest()
