"""How pictures, masks and layers show themselves in a notebook: HTML that needs no kernel and no network.

A saved notebook, or one exported to a web page, shows what it showed when it ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from typing import overload

import numpy as np
from PIL import Image

from ..masks.overlay import outline_png, thumbnail
from ..paint.colors import light_reflectance, to_hex
from ..paint.palettes import nearest_name
from ..photos.images import encode, fit, to_data_url
from ..rle import RLE
from ..types import Layer, Mask, Photo

SCREEN = 900
"""Pixels on the long side of a picture that is only looked at."""

SEEN_BEFORE = 0.15
"""Of what differs: so much lies on the side of the photo, where a slider rests."""

THUMBNAIL, MOST_CARDS = 150, 60


@dataclass(frozen=True, eq=False)
class BeforeAfter:
    """A picture before and after, (H, W, 3) uint8 RGB each, of one size; a notebook shows it with a slider."""

    before: np.ndarray = field(repr=False)
    after: np.ndarray = field(repr=False)
    caption: str = ""

    def side_by_side(self, gap: int = 8) -> np.ndarray:
        """(H, 2 W + gap, 3): before on the left, after on the right, white between."""
        white = np.full((self.before.shape[0], gap, 3), 255, np.uint8)
        return np.hstack([self.before, white, self.after])

    def to_png(self) -> bytes:
        """Side by side as a PNG file, at most twice the screen wide."""
        return encode(fit(self.side_by_side(), 2 * SCREEN), "PNG")

    def _repr_html_(self) -> str:
        return slider(fit(self.before, SCREEN), fit(self.after, SCREEN), self.caption)


@dataclass(frozen=True)
class PhotoMask(Mask):
    """A mask that knows its number in the session and its photo, so that it can show itself."""

    id: int = -1
    photo: Photo | None = None

    def __repr__(self) -> str:
        return f"<Mask {self.id}: {caption(self)}>"

    def to_png(self) -> bytes:
        """The photo at screen size with the mask outlined, as a PNG file."""
        assert self.photo is not None
        return encode(outlined(self.photo.pixels, self.rle), "PNG")

    def _repr_html_(self) -> str:
        assert self.photo is not None
        shown = outlined(self.photo.pixels, self.rle)
        return figure(picture(shown, f"Mask {self.id}, outlined"), f"Mask {self.id}: {caption(self)}")


class Masks(Sequence[PhotoMask]):
    """Masks in a row; a notebook shows them as a gallery. A slice is a gallery too."""

    def __init__(self, masks: Iterable[PhotoMask]):
        self._masks = tuple(masks)

    def __len__(self) -> int:
        return len(self._masks)

    @overload
    def __getitem__(self, index: int) -> PhotoMask: ...
    @overload
    def __getitem__(self, index: slice) -> Masks: ...
    def __getitem__(self, index: int | slice) -> PhotoMask | Masks:
        return Masks(self._masks[index]) if isinstance(index, slice) else self._masks[index]

    def __repr__(self) -> str:
        more = ", ..." if len(self) > 20 else ""
        return f"<{counted(len(self), 'mask')}: {', '.join(str(mask.id) for mask in self._masks[:20])}{more}>"

    def _repr_html_(self) -> str:
        if not self._masks:
            return "<p>No masks yet: click(x, y) or every_mask() makes some.</p>"
        photo = self._masks[0].photo
        assert photo is not None
        small = fit(photo.pixels, 2 * SCREEN)
        cards = [
            figure(
                f'<img alt="Mask {mask.id}" src="{to_data_url(thumbnail(small, mask, THUMBNAIL), "JPEG")}" '
                f'style="max-width:{THUMBNAIL}px;max-height:{THUMBNAIL}px">',
                f"<b>{mask.id}</b> {caption(mask)}",
            )
            for mask in self._masks[:MOST_CARDS]
        ]
        left_out = len(self) - len(cards)
        if left_out:
            cards.append(f"<p>... and {left_out} more</p>")
        return f'<div style="display:flex;flex-wrap:wrap;gap:10px;align-items:flex-end">{"".join(cards)}</div>'


class Layers(Sequence[Layer]):
    """Layers in the order of painting; a notebook shows them as a table of swatches."""

    def __init__(self, layers: Iterable[Layer], photo: Photo):
        self._layers, self._photo = tuple(layers), photo

    def __len__(self) -> int:
        return len(self._layers)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Layers: ...
    def __getitem__(self, index: int | slice) -> Layer | Layers:
        return Layers(self._layers[index], self._photo) if isinstance(index, slice) else self._layers[index]

    def __repr__(self) -> str:
        names = ", ".join(f"{layer.name} {to_hex(layer.color)}" for layer in self._layers)
        return f"<{counted(len(self), 'layer')}: {names}>"

    def _repr_html_(self) -> str:
        if not self._layers:
            return "<p>No paint yet: click(x, y).paint(color) puts some on.</p>"
        small = fit(self._photo.pixels, 2 * SCREEN)
        rows = "".join(_layer_row(index, layer, small) for index, layer in enumerate(self._layers))
        head = "".join(f"<th>{title}</th>" for title in ("", "layer", "where", "colour", "opacity", "mode"))
        return f'<table style="text-align:left"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _layer_row(index: int, layer: Layer, small: np.ndarray) -> str:
    code, (name, _) = to_hex(layer.color), nearest_name(layer.color)
    swatch = f'<span style="display:inline-block;width:3em;height:2em;border:1px solid #8888;background:{code}"></span>'
    where = f'<img alt="" src="{to_data_url(thumbnail(small, layer.mask, 80), "JPEG")}" style="max-height:60px">'
    hidden = "" if layer.visible else " (hidden)"
    told = f"{swatch} {code}<br>near {escape(name)}, LRV {light_reflectance(layer.color):.0f}"
    cells = (index, escape(layer.name) + hidden, where, told)
    row = "".join(f"<td>{cell}</td>" for cell in (*cells, f"{layer.opacity:.0%}", layer.mode))
    return f"<tr>{row}</tr>"


def counted(number: int, noun: str) -> str:
    """A number and what it counts, such as "2 masks".

    >>> counted(1, "mask"), counted(0, "layer")
    ('1 mask', '0 layers')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def caption(mask: Mask) -> str:
    """What can be said of a mask in a few words.

    >>> from sam2_painter.rle import mask_to_rle
    >>> caption(Mask(mask_to_rle(np.eye(4, dtype=bool)), predicted_iou=0.87, category="wall"))
    'wall, 25.0% of the photo, score 0.87'
    """
    height, width = mask.size
    kind = f"{mask.category}, " if mask.category else ""
    return f"{kind}{mask.area / (height * width):.1%} of the photo, score {mask.predicted_iou:.2f}"


def outlined(pixels: np.ndarray, rle: RLE) -> np.ndarray:
    """The picture at screen size with a line around the mask, and a tint inside."""
    base = Image.fromarray(fit(pixels, SCREEN)).convert("RGBA")
    line = Image.open(BytesIO(outline_png(rle, SCREEN, color=(255, 120, 0), alpha=0.25))).convert("RGBA")
    return np.asarray(Image.alpha_composite(base, line).convert("RGB"))


def picture(pixels: np.ndarray, alt: str, style: str = "", onload: str = "") -> str:
    """An <img> that carries its pixels along, as JPEG. onload: script for when it is shown."""
    then = f' onload="{onload}"' if onload else ""
    return f'<img alt="{escape(alt)}" src="{to_data_url(encode(pixels, "JPEG", 85), "JPEG")}" style="{style}"{then}>'


def figure(content: str, text: str) -> str:
    """Some HTML with a line below it; `text` is HTML too."""
    return f'<figure style="margin:0">{content}<figcaption style="font-size:85%">{text}</figcaption></figure>'


_BECOME = (
    "this.onload=null;const stack=this.parentNode;stack.style.display='block';"
    "this.previousElementSibling.style.width='100%';"
    "this.style.cssText='position:absolute;inset:0;width:100%;clip-path:inset(0 calc(100% - var(--cut)) 0 0)';"
    "this.nextElementSibling.hidden=stack.nextElementSibling.hidden=false"
)
_MOVE = "this.parentNode.style.setProperty('--cut', this.value + '%')"


def slider(before: np.ndarray, after: np.ndarray, text: str = "") -> str:
    """Two pictures of one size, one over the other, and a slider that moves the border between them.

    It rests where most of what differs is seen painted. Where scripts are not run, as in a notebook that is not
    trusted, the two stand side by side.
    """
    cut = f"{resting_place(before, after):.0f}"
    line = "position:absolute;top:0;bottom:0;left:calc(var(--cut) - 1px);width:2px;background:#fff"
    stack = (
        '<div style="position:relative;display:flex;flex-direction:row-reverse;gap:1%;line-height:0">'
        + picture(after, "after", "width:49.5%")
        + picture(before, "before", "width:49.5%", onload=_BECOME)
        + f'<div hidden style="{line}"></div></div>'
    )
    control = (
        f'<input hidden type="range" value="{cut}" aria-label="before and after" oninput="{_MOVE}" style="width:100%">'
    )
    width = before.shape[1]
    return figure(f'<div style="--cut:{cut}%;max-width:{width}px">{stack}{control}</div>', escape(text))


def resting_place(before: np.ndarray, after: np.ndarray) -> float:
    """Per cent of the width with SEEN_BEFORE of what differs left of it; 50 where nothing does."""
    change = np.abs(after.astype(np.int16) - before).sum((0, 2))
    total = change.sum()
    if not total:
        return 50.0
    return 100.0 * (int(np.searchsorted(np.cumsum(change), total * SEEN_BEFORE)) + 1) / len(change)
