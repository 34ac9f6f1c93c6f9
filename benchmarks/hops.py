"""How many modules of the package one request passes: `python -m benchmarks.hops [--edges]`.

A click on the page and `/api/segment`, each asked of a live server that has answered the same question about another
place before. A move is a call from a function of one of our modules into one of another; what Python, Gradio and
Starlette do between them is not counted. Who waits for the engine looks up every quarter of a second, and each look is
a move, too. `--edges` lists every move with how often it was made, and the modules that were come to more than once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

import sam2_painter
from sam2_painter.photos import examples
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.web import server

ROOT = str(Path(sam2_painter.__file__).parent)


class Moves:
    """Counts calls between modules of the package, in every thread that is started after this is made."""

    def __init__(self) -> None:
        self.edges: Counter[tuple[str, str]] = Counter()
        self.counting = False
        self._names: dict[str, str] = {}
        self._seen: list[FrameType] = []
        threading.setprofile(self._called)
        sys.setprofile(self._called)

    def _called(self, frame: FrameType, event: str, argument: object) -> None:
        if event != "call" or not self.counting or not (here := self._module(frame)) or frame in self._seen:
            return
        self._seen.append(frame)  # a coroutine is called again each time it goes on
        before = frame.f_back
        while before is not None and not self._module(before):
            before = before.f_back
        start = self._module(before) if before else "outside"
        if start != here:
            self.edges[start, here] += 1

    def _module(self, frame: FrameType) -> str:
        """ "studio.core", or "" for what is not ours."""
        file = frame.f_code.co_filename
        if file not in self._names:
            inside = (
                file.removeprefix(ROOT + "/").removesuffix(".py").replace("/", ".") if file.startswith(ROOT) else ""
            )
            self._names[file] = inside
        return self._names[file]

    def of(self, name: str, edges: bool, ask: Callable[[], object]) -> None:
        """Print what a request passes. ask: makes it."""
        self.edges.clear()
        self.counting = True
        ask()
        self.counting = False
        self._seen.clear()
        moves = self.edges.total()
        modules = {module for edge in self.edges for module in edge} - {"outside"}
        own = sum(count for (start, _), count in self.edges.items() if start.startswith("engines.offline"))
        print(
            f"{name}: {len(modules)} modules, {len(self.edges)} ways between them, {moves} moves, {own} by the engine"
        )
        if edges:
            for (start, here), count in sorted(self.edges.items()):
                print(f"  {count:4} {start} -> {here}")
            arrivals: Counter[str] = Counter()
            for (_, here), count in self.edges.items():
                arrivals[here] += count
            again = ", ".join(f"{module} {count}" for module, count in arrivals.most_common() if count > 1)
            print(f"come to more than once: {again}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edges", action="store_true")
    options = parser.parse_args()
    moves = Moves()
    photo = examples.path(examples.NAMES[0]).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.of(engine="offline", data_dir=Path(folder))
        studio = Studio.from_settings(settings)
        served = server.launch(studio, settings, prevent_thread_lock=True, any_port=True, quiet=True)
        with httpx.Client(base_url=served.url, timeout=120) as client:

            def post(path: str, **fields: object) -> dict[str, Any]:
                reply: dict[str, Any] = client.post(path, json=fields).raise_for_status().json()
                return reply

            def segment(x: int) -> None:
                point = {"x": x, "y": 300, "label": 1}
                post("/api/segment", session_id=sid, points=[point], mask_format="rle")

            def click(x: int, **have: object) -> dict[str, Any]:
                session: dict[str, Any] = post("/page/click", sid=sid, points=[[x, 300, 1]], have=have)["session"]
                return session

            sid = client.post("/api/upload", files={"file": ("house.jpg", photo)}).json()["session_id"]
            segment(300)
            seen = click(310)
            have = {name: seen[name]["key"] for name in ("photo", "picture", "palette")}
            moves.of("/api/segment", options.edges, lambda: segment(400))
            post("/page/clear_selection", sid=sid)
            moves.of("a click on the page", options.edges, lambda: click(420, **have))
        served.close()


if __name__ == "__main__":
    main()
