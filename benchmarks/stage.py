"""From a click to its overlay on the screen: a 12-megapixel photo in headless Chromium, times and bytes a click.

    python -m benchmarks.stage [--engine offline] [--clicks 20] [--photo FILE]

The engine's own time is told apart, and so is how long the browser takes to draw a stroke of the brush at each move.
Needs playwright and a Chromium on PATH. The embedding is there before the first click, as it is for a person who has
looked at the photo for a second. Measured inside the page: from letting go of the button to the frame that shows it.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from sam2_painter.photos import examples, images
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.web import server

IDLE = """() => {
    const page = window.sam2painter;
    return page?.state.session && !page.state.flying && !page.state.queue.length && !page.busy.reading;
}"""
STOPWATCH = """() => {
  window.times = [];
  window.answered = [];
  const root = document.querySelector(".sp");
  let start = 0;
  root.addEventListener("pointerup", () => { start = performance.now(); }, true);
  const done = () => {
    const from = start;
    if (!from) return;
    start = 0;
    const reply = performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/page/click")).pop();
    window.answered.push(reply.responseEnd - reply.requestStart);
    const frame = new MessageChannel(); // what runs after the frame in which the overlay was drawn
    frame.port1.onmessage = () => window.times.push(performance.now() - from);
    requestAnimationFrame(() => requestAnimationFrame(() => frame.port2.postMessage(0)));
  };
  new MutationObserver(done).observe(root, { attributes: true, attributeFilter: ["data-answers"] });
}"""
STROKE = """async () => {
  const stage = window.sam2painter.stage, times = [];
  for (let turn = 0; turn < 60; turn++) {
    const at = (i) => ({ x: 900 + 12 * i, y: 1200 + 300 * Math.sin(i / 9) });
    const points = Array.from({ length: 3 * turn + 1 }, (_, i) => at(i));
    stage.scene.stroke = { points, radius: 60, erase: false };
    stage.drawAbove();
    times.push(await new Promise((drawn) => requestAnimationFrame((began) => {
      stage.above.getImageData(0, 0, 1, 1);
      drawn(performance.now() - began);
    })));
  }
  stage.show({ stroke: null });
  return times;
}"""


def big_photo() -> bytes:
    """An example photo at 4000x3000, with some grain, as a JPEG."""
    import cv2

    small = images.open_photo(examples.path(examples.NAMES[0])).pixels
    large = cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = np.random.default_rng(0).integers(-4, 5, large.shape, np.int16)
    return images.encode(np.clip(large + grain, 0, 255).astype(np.uint8), "JPEG", 92)


def timed(studio: Studio) -> list[float]:
    """Milliseconds the engine takes for each question from now on."""
    times: list[float] = []
    predict = studio.engine.predict

    def watch(*args: object, **kwargs: object) -> object:
        began = time.perf_counter()
        try:
            return predict(*args, **kwargs)  # type: ignore[arg-type]
        finally:
            times.append(1000 * (time.perf_counter() - began))

    studio.engine.predict = watch  # type: ignore[method-assign, assignment]
    return times


def measure(page: Page, clicks: int) -> tuple[list[float], list[float], list[int]]:
    """Of each click the milliseconds until it is seen, those until it was answered, and the bytes received.

    Every other one begins a new selection.
    """
    received = [0]
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.dataReceived", lambda data: received.__setitem__(0, received[0] + data["dataLength"]))
    page.evaluate(STOPWATCH)
    frame = page.locator(".sp-base").bounding_box()
    sizes = []
    for turn in range(clicks):
        if turn % 2 == 0 and turn:
            page.keyboard.press("Escape")
            page.wait_for_function(IDLE)
        received[0], known = 0, page.evaluate("window.times.length")
        angle = 2.4 * turn
        x, y = 0.5 + 0.3 * np.cos(angle), 0.55 + 0.3 * np.sin(angle)
        page.mouse.click(frame["x"] + frame["width"] * x, frame["y"] + frame["height"] * y)
        page.wait_for_function(f"window.times.length > {known}")
        page.wait_for_function(IDLE)
        sizes.append(received[0])
    return page.evaluate("window.times"), page.evaluate("window.answered"), sizes


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="offline")
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--photo", type=Path)
    options = parser.parse_args()
    data = options.photo.read_bytes() if options.photo else big_photo()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = Settings.of(engine=options.engine, data_dir=Path(folder))
        studio = Studio.from_settings(settings)
        engine = timed(studio)
        served = server.launch(studio, settings, prevent_thread_lock=True, any_port=True, quiet=True)
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(served.url)
        page.wait_for_selector(".sp[data-ready]")
        page.locator("[data-file]").set_input_files({"name": "big.jpg", "mimeType": "image/jpeg", "buffer": data})
        page.wait_for_function(IDLE, timeout=120_000)
        width, height = page.evaluate(
            "[window.sam2painter.state.session.width, window.sam2painter.state.session.height]"
        )
        times, answered, sizes = measure(page, options.clicks)
        strokes = page.evaluate(STROKE)
        chromium.close()
        served.close()
    kilobytes = [size / 1024 for size in sizes]
    print(f"photo {width} x {height}, {options.engine} engine, {len(times)} clicks")
    drawn = [seen - reply for seen, reply in zip(times, answered, strict=True)]
    print(f"click -> overlay  median {statistics.median(times):6.0f} ms  worst {max(times):6.0f} ms")
    print(f"  of it answering median {statistics.median(answered):6.0f} ms  worst {max(answered):6.0f} ms")
    print(f"  and showing it  median {statistics.median(drawn):6.0f} ms  worst {max(drawn):6.0f} ms")
    print(f"engine alone      median {statistics.median(engine):6.0f} ms")
    print(f"brush, a move     median {statistics.median(strokes):6.1f} ms  worst {max(strokes):6.1f} ms  (goal 16)")
    print(f"bytes a click     median {statistics.median(kilobytes):6.1f} KB  most  {max(kilobytes):6.1f} KB  (goal 20)")
    print(
        f"click -> overlay less the engine: {statistics.median(times) - statistics.median(engine):.0f} ms (goal: 100)"
    )


if __name__ == "__main__":
    main()
