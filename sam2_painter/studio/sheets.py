"""Verbs about sheets for the painter: what was chosen, to read and print, behind a link with no right to write."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import masks
from ..errors import EngineError, InvalidInput
from ..jobs.deadline import check
from ..paint import colors, palettes
from ..photos import images
from ..rle import RLE
from ..sessions import sheet_page
from ..sessions.downloads import Download
from ..sessions.sheets import MAX_DAYS, Sheet
from ..types import Layer, Session, number, whole_number
from .schemes import SchemeVerbs
from .verb import verb

PICTURE = 1400
"""Pixels on the long side of the pictures on a sheet."""

MAX_WALLS = 200
"""On one sheet."""

ANGLED = (0.8, 1.6)
"""What a wall in a photo may be of its true area, measured by one length on another part of the house."""

COATS, COVERAGE = 2, (6.0, 10.0)
"""Coats of paint, and the least and most square metres a litre covers."""


FACADE = ("wall", "window", "door", "trim", "shutter", "eaves")
"""What a facade is made of, where the engine names what it sees."""

Units = Literal["m", "ft"]
UNITS: tuple[Units, ...] = ("m", "ft")


class SheetVerbs(SchemeVerbs):
    """A sheet shows the work as it was when it was made. width: metres across the photo at the house, None where nobody
    knows. units: what areas are told in, "m" (and litres) or "ft" (and gallons)."""

    @verb("download")
    def make_sheet(self, session_id: str, *, days: int = 30, width: float | None = None, units: Units = "m") -> Sheet:
        """Make a sheet of the scheme that is shown, to be had by its token for so many days (1 to 365).

        Raises InvalidInput when nothing is painted.
        """
        session = self.sessions.get(session_id)
        whole_number(days, "days", 1, MAX_DAYS)
        facts = self._facts(session, width, units)
        return self.sessions.add_sheet(session, facts, *self._before_after(session), days)

    @verb("download")
    def download_sheet(self, session_id: str, *, width: float | None = None, units: Units = "m") -> Download:
        """A sheet as one HTML file with its pictures in it, to send or to print without a server."""
        session = self.sessions.get(session_id)
        facts = self._facts(session, width, units)

        def make() -> bytes:
            pictures = (images.to_data_url(jpeg, "JPEG") for jpeg in self._before_after(session))
            return sheet_page.render(facts, *pictures).encode()

        key = f"sheet {width} {units} {session.revision} {facts['date']}"
        return self._made(session, key, f"{Path(session.name).stem}-sheet", "html", "text/html", make)

    def sheets(self, session_id: str) -> list[Sheet]:
        """The session's sheets that have not expired, oldest first."""
        return self.sessions.sheets.of(self.sessions.get(session_id).id)

    @verb("paint")
    def revoke_sheet(self, session_id: str, token: str) -> None:
        """Take a sheet back: its link is dead at once."""
        self.sessions.sheets.revoke(self.sessions.get(session_id).id, token)

    def _facts(self, session: Session, width: float | None, units: Units) -> dict[str, Any]:
        layers = [layer for layer in session.layers if layer.visible and layer.opacity > 0]
        if not layers:
            raise InvalidInput("Paint a wall first: a sheet says what is painted how.", "session_id")
        if len(layers) > MAX_WALLS:
            raise InvalidInput(f"A sheet tells of at most {MAX_WALLS} walls. Hide or remove some.", "session_id")
        across = None if width is None else number(width, "width", 0.1, 1000)
        if units not in UNITS:
            raise InvalidInput(f"units must be one of {', '.join(UNITS)}", "units")
        facade, found = self._facade(session, layers)
        schemes = self.schemes(session)
        shown = next(one.name for one in schemes if one.id == session.canvas.scheme)
        return {
            "title": Path(session.name).stem or "House",
            "scheme": shown if len(schemes) > 1 else "",
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "units": units,
            "facade": "found" if found else "painted",
            "walls": [
                self._painted_wall(session, layer, across)
                | {"of_facade": masks.intersect([layer.mask.rle, facade]).area / facade.area}
                for layer in layers
            ],
        }

    def _facade(self, session: Session, layers: list[Layer]) -> tuple[RLE, bool]:
        """What a wall's share is told of, and whether it was found: the facade with all that is painted. Where nobody
        names what is seen it is all that is painted."""
        painted, found = [layer.mask.rle for layer in layers], []
        with suppress(EngineError):  # then it is as if nobody knew
            kinds = [kind for kind in FACADE if kind in self.categories]
            point = _inside(max(painted, key=lambda rle: rle.area))
            found = [mask.rle for kind in kinds for mask in self._found(session, kind, point)]
        return masks.union([*found, *painted]), bool(found)

    def _before_after(self, session: Session) -> tuple[bytes, bytes]:
        before, after = (self.painted(session, layers, PICTURE) for layers in ((), session.layers))
        return images.encode(before, "JPEG", 85), images.encode(after, "JPEG", 85)

    def _painted_wall(self, session: Session, layer: Layer, across: float | None) -> dict[str, Any]:
        check()  # among thousands of paints that are nearly alike it takes a second
        near = palettes.nearest(self.palette(session).paints, layer.color, 1)[0]
        share = layer.mask.area / math.prod(session.size)
        facts: dict[str, Any] = {
            "name": layer.name,
            "color": colors.to_hex(layer.color),
            "paint": near.paint.name,
            "code": near.paint.code,
            "brand": near.paint.brand,
            "distance": round(near.distance, 1),
            "reflectance": colors.light_reflectance(layer.color),
            "share": share,
        }
        if across is not None:
            seen = layer.mask.area * (across / session.size[1]) ** 2
            facts["area"] = [seen * bound for bound in ANGLED]
            facts["litres"] = [facts["area"][0] * COATS / COVERAGE[1], facts["area"][1] * COATS / COVERAGE[0]]
        return facts


def _inside(rle: RLE) -> tuple[float, float]:
    """A pixel of the mask, (x, y): the middle one, counted down the columns."""
    ends = np.cumsum(rle.counts)
    runs = rle.counts[1::2]
    place = int(np.searchsorted(np.cumsum(runs), rle.area // 2, "right"))
    x, y = divmod(int(ends[2 * place] + rle.area // 2 - runs[:place].sum()), rle.size[0])
    return float(x), float(y)
