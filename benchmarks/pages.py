"""Today's page against the page of 0.1, which asked by Gradio's queue: `python -m benchmarks.pages FOLDER`.

FOLDER is a checkout of before (`git worktree add FOLDER 7b45967`). Each page has a server process of its own, whose
answers are recorded (`recorded_page`), and a tab of one Chromium; they are asked by turns about the same photo. From
the hand's event: until the answer is a value in the page, until the page has put it up, and until a frame shows it.

Nothing: a request with an empty answer, that changes nothing on the page. A click: on the front and on the side of a
house by turns. A colour: another one for a painted wall, which comes with the painted photo. What is put up and shown
is not the same on both pages, so only the first column is about the way of a request. Needs playwright and a Chromium
on PATH.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from .api import free_port

HERE = Path(__file__).parents[1]
WARM_UP = 6  # turns that do not count
PAUSE = 50  # milliseconds before each, in which what was asked before is drawn
WAIT = 120_000  # milliseconds for a page to open
PARTS = ("in the page", "put up", "seen")

# Before the page's own scripts: notes when the hand acts, and when an answer is there as a value. The page of 0.1 reads
# it as JSON, today's as the body of a response.
NOTES = """
(() => {
  const now = () => performance.now(), { json } = Response.prototype, { parse } = JSON;
  window.noted = {};
  Response.prototype.json = async function () {
    const value = await json.call(this);
    if (this.url.includes("/page/")) noted.told ??= now();
    return value;
  };
  JSON.parse = (text, ...more) => {
    const value = parse(text, ...more);
    if (value?.seq !== undefined) noted.told ??= now();
    return value;
  };
  for (const kind of ["pointerup", "click"])
    addEventListener(kind, () => { if (noted.hand === kind) noted.start ??= now(); }, true);
  window.note = (hand) => {
    window.noted = { hand };
    window.answered = new Promise((done) => new MutationObserver((_, seen) => {
      seen.disconnect();
      const { told, start } = noted, put = now(), frame = new MessageChannel();
      frame.port1.onmessage = () => done([told - start, put - start, now() - start]);
      requestAnimationFrame(() => frame.port2.postMessage(0));
    }).observe(document.querySelector(".sp"), { attributeFilter: ["data-answers", "data-seq"] }));
  };
})();
"""
READY = """() => {
  const { state, busy } = window.sam2painter ?? {};
  return state?.session && !state.flying && !state.queue.length && !busy?.reading;
}"""
NOTHING = """() => {
  const page = window.sam2painter;
  note("nobody");
  noted.start = performance.now();
  if (page.ask) return page.ask("embed");
  page.state.queue.push({ verb: "embed", args: {}, busy: "" });
  page.jobTold({ sid: page.state.sid, done: 1 });  // it has no other way in: it asks what is in its line, then "look"
}"""
PLACE = """([x, y]) => {  // of a pixel of the photo in the window, while all of the photo is seen
  const view = document.querySelector(".sp-view").getBoundingClientRect();
  const { width, height } = window.sam2painter.state.session;
  const scale = Math.min(view.width / width, view.height / height);
  const left = view.x + (view.width - scale * width) / 2, top = view.y + (view.height - scale * height) / 2;
  return [left + scale * x, top + scale * y];
}"""
SWATCH = """(color) => { note("click"); document.querySelector(`.sp-swatch[data-color="${color}"]`).click(); }"""


@contextmanager
def served(package: Path) -> Iterator[dict[str, Any]]:
    """A page with the package in this folder, in a process of its own; what it says of itself."""
    asked = [sys.executable, str(HERE / "benchmarks" / "recorded_page.py"), str(free_port())]
    pipes: dict[str, Any] = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    process = subprocess.Popen(asked, cwd=package, env={**os.environ, "PYTHONPATH": str(package)}, **pipes)
    try:
        line = next((line for line in process.stdout if line.startswith("{")), None)
        if line is None:
            raise SystemExit(f"the page of {package} cannot be served")
        yield json.loads(line)
    finally:
        process.communicate()


class Hand:
    """Somebody at one of the pages."""

    def __init__(self, browser: Browser, told: dict[str, Any]):
        self.told = told
        self.tab: Page = browser.new_page()
        self.tab.add_init_script(NOTES)
        self.tab.goto(told["page"])
        self.tab.wait_for_function(READY, timeout=WAIT)

    def nothing(self, turn: int) -> None:
        self.tab.evaluate(NOTHING)

    def click(self, turn: int) -> None:
        self.tab.evaluate("() => note('pointerup')")
        self.tab.mouse.click(*self.tab.evaluate(PLACE, self.told["walls"][turn % 2]))

    def colour(self, turn: int) -> None:
        self.tab.evaluate(SWATCH, self.told["colors"][turn % 2])

    def time(self, what: str, turn: int) -> list[float]:
        """Milliseconds until each of PARTS."""
        self.tab.wait_for_function(READY)
        self.tab.wait_for_timeout(PAUSE)
        getattr(self, what)(turn)
        return self.tab.evaluate("() => answered")


def told(before: list[float], now: list[float]) -> str:
    """Medians, 95th percentiles, and how many times as long it took before."""
    middle = [statistics.median(times) for times in (before, now)]
    most = [statistics.quantiles(times, n=20)[-1] for times in (before, now)]
    pairs = (f"{one:6.1f} ms, 95% {two:6.1f}" for one, two in zip(middle, most, strict=True))
    return " | ".join((*pairs, f"{middle[0] / middle[1]:5.1f}"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, metavar="FOLDER", help="a checkout of 7b45967, the page of 0.1")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with sync_playwright() as playwright, ExitStack() as pages:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        hands = [Hand(browser, pages.enter_context(served(folder))) for folder in (options.before.absolute(), HERE)]
        for hand, name in zip(hands, ("0.1", "today"), strict=True):
            print(f"{name}: answers of {hand.told['sizes']['click']} and {hand.told['sizes']['paint']} bytes")
        print(f"{options.rounds} by turns, medians: 0.1 | today | times as long")
        for what in ("nothing", "click", "colour"):
            turns = range(options.rounds + WARM_UP - 1, -1, -1)  # the last wall is the one whose colour is changed
            took = [[hand.time(what, turn) for hand in hands] for turn in turns][WARM_UP:]
            for part, name in enumerate(PARTS):
                before, now = ([times[page][part] for times in took] for page in (0, 1))
                print(f"{what:8} {name:12} {told(before, now)}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
