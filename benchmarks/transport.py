"""The page's own requests against Gradio's queue: `python -m benchmarks.transport [--rounds 100]`.

One server process, tabs of one Chromium, asked by turns, timed inside the tabs; ours go through all our middleware.

A handler that takes no time: by a POST to /page as our page does, by a button of Blocks on Gradio's queue as a page of
Gradio does, and by the same POST to a server of twenty lines that answers with fixed bytes: what the browser takes
whoever answers. Until the answer stands in the document. The Blocks have nothing else.

A click on a wall, always answered the same (`click_ways`): by our page, and by the same page in Blocks, where the
question is an event on Gradio's queue and the answer the new value of a gr.HTML; then with the session as a gr.State
and what a click changes beside the stage as five more outputs; then by a server function of gr.HTML, which has no
queue. Until the stage has the outline, and until a frame shows it.

And the first handler once more, asked by a program over one kept connection a server, as the browser asks: what the
servers take, without the browser's own part. Needs playwright and a Chromium on PATH.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
from playwright.sync_api import Browser, sync_playwright

from sam2_painter.photos import examples
from sam2_painter.sessions.store import SessionStore
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.web import server
from sam2_painter.web.page import handlers, routes
from sam2_painter.web.page.ask import Ask

from .api import Shapes, free_port
from .click_ways import AT, CLICK, READY, CannedClicks, page_of_gradio

WARM_UP = 5  # turns that do not count
PAUSE = 0.008  # seconds between two questions of a program: nobody asks without one
WAIT = 120_000  # milliseconds for a page to open

POST = """async (sid) => {
  const start = performance.now();
  const asked = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sid }) };
  const reply = await fetch("page/alive", asked);
  const told = document.body.appendChild(document.createElement("pre"));
  told.textContent = JSON.stringify((await reply.json()).alive);
  const took = performance.now() - start;
  if (!told.textContent.includes("seconds")) throw new Error("no answer");
  told.remove();
  return took;
}"""
QUEUE = """() => new Promise((done) => {
  const told = document.querySelector("#told"), turn = () => told.querySelector(".prose")?.textContent.split(" ")[0];
  const before = turn(), start = performance.now();
  const seen = new MutationObserver(() => {
    if (!turn() || turn() === before) return;
    seen.disconnect();
    done(performance.now() - start);
  });
  seen.observe(told, { childList: true, subtree: true, characterData: true });
  document.querySelector("#ask").click();
})"""


def queue_of_gradio(studio: Studio, sid: str) -> gr.Blocks:
    """Blocks whose button asks what /page/alive does, launched on a port of their own."""
    turns = iter(range(10**9))

    def answer() -> str:
        return f"{next(turns)} {handlers.alive(studio, Ask.read({'sid': sid}))}"

    with gr.Blocks() as blocks:
        told = gr.HTML(elem_id="told")
        gr.Button("Ask", elem_id="ask").click(answer, None, told, show_progress="hidden")
    blocks.queue().launch(server_port=free_port(), prevent_thread_lock=True, quiet=True)
    return blocks


def bare_server() -> str:
    """Where a server answers every GET with an empty page, every POST as /page/alive does, and does nothing else."""

    def reply(kind: str, body: bytes) -> bytes:
        return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body

    answers = {b"GET": reply("text/html", b"<body>"), b"POST": reply("application/json", b'{"alive":{"seconds":1}}')}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):  # the browser has gone
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(sum(int(line.partition(b":")[2]) for line in lengths))
                writer.write(answers[head.partition(b" ")[0]])

    async def serve() -> None:
        await (await asyncio.start_server(answer, "127.0.0.1", port)).serve_forever()

    port = free_port()
    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    return f"http://127.0.0.1:{port}"


Times = list[list[float]]


def no_time(browser: Browser, rounds: int) -> None:
    """Print how long a handler that takes no time takes by each way."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        studio = Studio(Shapes([]), SessionStore(root / "u", root / "m", root / "r"))
        sid = studio.open(examples.path(examples.NAMES[0])).id
        settings = Settings.of(port=free_port(), data_dir=root, requests_per_minute=10**6)
        served = server.launch(studio, settings, prevent_thread_lock=True, quiet=True)
        blocks = queue_of_gradio(studio, sid)
        ours, theirs, nobodys = (browser.new_page() for _ in range(3))
        ours.goto(served.url)
        ours.wait_for_selector(".sp[data-ready]", timeout=WAIT)
        theirs.goto(blocks.local_url)
        theirs.wait_for_selector("#ask", timeout=WAIT)
        nobodys.goto(bare_server())
        took: Times = []
        for turn in range(-WARM_UP, rounds):
            one = [ours.evaluate(POST, sid), theirs.evaluate(QUEUE), nobodys.evaluate(POST, sid)]
            if turn >= 0:
                took.append(one)
        for tab in (ours, theirs, nobodys):
            tab.close()
        asked = no_browser(settings.port, blocks, sid, rounds)
        served.close()
        blocks.close(verbose=False)
    fast, slow, bare = medians(took)
    print(f"a handler that takes no time, {rounds} by turns, medians:")
    print(f"  POST to /page                        {fast:5.1f} ms")
    print(f"  Gradio's queue                       {slow:5.1f} ms, {slow / fast:.1f} times as long")
    print(f"  POST to a server that does nothing   {bare:5.1f} ms, Gradio's queue {slow / bare:.1f} times as long")
    print("the same, asked by a program:")
    print(f"  POST to /page                        {asked[0]:5.1f} ms")
    print(f"  Gradio's queue                       {asked[1]:5.1f} ms, {asked[1] / asked[0]:.1f} times as long")


def no_browser(port: int, blocks: gr.Blocks, sid: str, rounds: int) -> list[float]:
    """Milliseconds, medians, of a POST to /page/alive and of the button's event, asked as the browser asks: to join the
    queue, then to be told, until the answer is there."""
    ours, theirs = (HTTPConnection("127.0.0.1", at) for at in (port, urlsplit(blocks.local_url).port))
    event = next(number for number, one in blocks.fns.items() if one.targets)

    def post(server: HTTPConnection, path: str, **fields: object) -> bytes:
        server.request("POST", path, json.dumps(fields), {"Content-Type": "application/json"})
        return server.getresponse().read()

    def page() -> bytes:
        return post(ours, "/page/alive", sid=sid)

    def queue() -> bytes:
        post(theirs, "/gradio_api/queue/join", session_hash="program", fn_index=event, data=[])
        theirs.request("GET", "/gradio_api/queue/data?session_hash=program")
        reply = theirs.getresponse()
        told = next(line for line in iter(reply.readline, b"") if b"process_completed" in line)
        reply.read()  # the stream ends by itself
        return told

    took: Times = []
    for turn in range(-WARM_UP, rounds):
        times = []
        for ask in (page, queue):
            time.sleep(PAUSE)
            start = time.perf_counter()
            answer = ask()
            times.append((time.perf_counter() - start) * 1e3)
            assert b"seconds" in answer
        if turn >= 0:
            took.append(times)
    return medians(took)


def clicks(browser: Browser, rounds: int) -> None:
    """Print how long a click takes by each way that is always answered the same."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.of(engine="offline", port=free_port(), data_dir=Path(folder), requests_per_minute=10**6)
        canned = CannedClicks(studio := Studio.from_settings(settings))
        mine, other = (canned.session(examples.NAMES[0]) for _ in range(2))
        routes.ACTIONS["click"] = replace(routes.ACTIONS["click"], verb=canned.click)
        served = server.launch(studio, settings, prevent_thread_lock=True, quiet=True)
        blocks = page_of_gradio(canned, other)
        ours, theirs = browser.new_page(), browser.new_page()
        ours.goto(f"{served.url}/?session={mine}")
        theirs.goto(blocks.local_url)
        for tab in (ours, theirs):
            tab.wait_for_function(READY, timeout=WAIT)
        put: Times = []
        drawn: Times = []
        for turn in range(-WARM_UP, rounds):
            one = [
                ours.evaluate(CLICK, ["", *AT]),
                *(theirs.evaluate(CLICK, [way, *AT]) for way in ("stage", "panels", "function")),
            ]
            if turn >= 0:
                put.append([times[0] for times in one])
                drawn.append([times[1] for times in one])
        served.close()
        blocks.close(verbose=False)
    print(f"a click, an answer of {canned.size / 1000:.1f} kB, {rounds} by turns, medians, on the stage and seen:")
    names = (
        "POST to /page",
        "Gradio's queue, the stage",
        "Gradio's queue, stage and panels",
        "Gradio's server function",
    )
    stage, seen = medians(put), medians(drawn)
    for name, one, two in zip(names, stage, seen, strict=True):
        print(f"  {name:34} {one:5.1f} ms, {one / stage[0]:.1f} times; {two:5.1f} ms, {two / seen[0]:.1f} times")


def medians(took: Times) -> list[float]:
    """Of each way."""
    return [statistics.median(times) for times in zip(*took, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        no_time(browser, options.rounds)
        clicks(browser, options.rounds)
        browser.close()


if __name__ == "__main__":
    main()
