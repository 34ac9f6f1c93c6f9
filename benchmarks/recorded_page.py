"""A page that is answered with what its server recorded: started by `benchmarks.pages`, on a port of its own.

It runs with today's package or with that of 0.1, whichever is on PYTHONPATH, and prints a line of JSON when it is up.
The engine answers once at each place. After that the session is looked up, and nothing else takes time: not the engine,
no verb, no picture to make. It ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

try:
    from sam2_painter.photos import examples
    from sam2_painter.settings import Settings
    from sam2_painter.studio.studio import Studio
    from sam2_painter.web import server
    from sam2_painter.web.page import handlers, routes
except ImportError:  # 0.1
    from sam2_painter import examples
    from sam2_painter.settings import Settings
    from sam2_painter.studio import Studio
    from sam2_painter.web import handlers, server
    from sam2_painter.web import page as page_before

    routes = None

Ask = handlers.Ask
Json = dict[str, Any]
WALLS = ((760, 800), (1154, 643))  # of the first example: its front and its side
COAT = {"opacity": 1, "light": 1, "shadow": 1, "mode": "realistic"}


class Recorded:
    """A session with the first example, and what a page is told of it."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.opened = handlers.open_example(studio, Ask.read({"name": examples.NAMES[0]}))
        session = self.opened["session"]
        self.sid: str = session["sid"]
        self.colors = [paint[1] for paint in session["palette"]["paints"][:2]]
        self._have = {name: session[name]["key"] for name in ("photo", "picture", "palette")}
        self._revisions = count(100)
        side, front = (self._click(at) for at in reversed(WALLS))
        self.clicks = (front, side)
        chosen = front["session"]["selection"]
        self._have["mask"] = chosen.get("mask", {}).get("key")
        self._have["shapes"] = [(chosen.get("shape") or {}).get("key")]
        paint = handlers.paint_wall if routes else handlers.paint_selection
        wall = {"mask_id": chosen["mask_id"]} | COAT
        self._ask(paint, color=self.colors[1], **wall)  # from now on another coat takes the place of one
        self.paints = {color: self._ask(paint, color=color, **wall) for color in self.colors}
        for reply in (*self.clicks, *self.paints.values()) if routes else ():
            reply["session"]["selection"]["candidates"] = 1  # or the page asks at once what the others are

    def _ask(self, verb: Callable[[Studio, Ask], Json], **fields: object) -> Json:
        return verb(self.studio, Ask.read({"sid": self.sid, "have": self._have, **fields}))

    def _click(self, at: tuple[int, int]) -> Json:
        self._ask(handlers.clear_selection)
        return self._ask(handlers.click, points=[[*at, 1]])

    @cache  # noqa: B019  # it lives as long as the program
    def _color(self, text: str) -> Json:
        return self._ask(handlers.color, text=text)

    def _clicked(self, ask: Ask) -> Json:
        x, y, _ = ask.get("points")[-1]
        return self.clicks[min((0, 1), key=lambda wall: abs(WALLS[wall][0] - x) + abs(WALLS[wall][1] - y))]

    def verbs(self) -> dict[str, Callable[[Studio, Ask], Json]]:
        """What takes the places of the page's verbs."""
        told: dict[str, Callable[[Ask], Json]] = {
            "resume": lambda ask: self.opened,
            "embed": lambda ask: {},
            "color": lambda ask: self._color(ask.get("text")),
            "click": self._clicked,
            "paint": lambda ask: self.paints[ask.get("color")],
        }
        if routes:
            told["wall_paints"] = lambda ask: {"wall_paints": []}  # today's page asks after it has painted
        return {name: self._after_a_look(tell) for name, tell in told.items()}

    def _after_a_look(self, tell: Callable[[Ask], Json]) -> Callable[[Studio, Ask], Json]:
        def verb(studio: Studio, ask: Ask) -> Json:
            studio.session(ask.sid)
            reply = tell(ask)
            if "session" in reply:  # each newer than the one before, or the page leaves it aside
                reply = {**reply, "session": {**reply["session"], "revision": next(self._revisions)}}
            return reply

        return verb


def main() -> None:
    """Serve until standard input ends."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = {"engine": "offline", "port": int(sys.argv[1]), "data_dir": Path(folder), "requests_per_minute": 10**6}
        settings = Settings.of(**wanted) if routes else Settings(**wanted)
        studio = Studio.from_settings(settings)
        recorded = Recorded(studio)
        for name, verb in recorded.verbs().items():
            if routes:
                routes.ACTIONS[name] = replace(routes.ACTIONS[name], verb=verb)
            else:
                next(lane for _, lane in page_before.LANES.values() if name in lane)[name] = verb
        served = server.launch(studio, settings, prevent_thread_lock=True, quiet=True)
        told = {"page": f"{served.url}/?session={recorded.sid}", "colors": recorded.colors, "walls": WALLS}
        sizes = {"click": recorded.clicks[0], "paint": recorded.paints[recorded.colors[0]]}
        told["sizes"] = {name: len(json.dumps(reply, separators=(",", ":"))) for name, reply in sizes.items()}
        print(json.dumps(told), flush=True)
        sys.stdin.read()
    os._exit(0)  # without waiting for anybody


if __name__ == "__main__":
    main()
