"""The page's own requests against Gradio's queue: `python -m benchmarks.transport [--rounds 100]`.

One server process, one handler that takes no time, three tabs of one Chromium, asked by turns: by a POST to /page as
our page does, by a button of Blocks on Gradio's queue as a page of Gradio does, and by the same POST to a server of
twenty lines that answers with fixed bytes: what the browser takes whoever answers. Timed inside the tabs, until the
answer stands in the document. The Blocks have nothing else; ours go through all our middleware. Needs playwright and a
Chromium on PATH.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import gradio as gr
from playwright.sync_api import sync_playwright

from sam2_painter.photos import examples
from sam2_painter.sessions.store import SessionStore
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.web import server
from sam2_painter.web.page import handlers
from sam2_painter.web.page.ask import Ask

from .api import Shapes, free_port

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = Path(folder)
        studio = Studio(Shapes([]), SessionStore(root / "u", root / "m", root / "r"))
        sid = studio.open(examples.path(examples.NAMES[0])).id
        settings = Settings.of(port=free_port(), data_dir=root, requests_per_minute=10**6)
        served = server.launch(studio, settings, prevent_thread_lock=True, quiet=True)
        blocks = queue_of_gradio(studio, sid)
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        ours, theirs, nobodys = chromium.new_page(), chromium.new_page(), chromium.new_page()
        ours.goto(served.url)
        ours.wait_for_selector(".sp[data-ready]")
        theirs.goto(blocks.local_url)
        theirs.wait_for_selector("#ask")
        nobodys.goto(bare_server())
        took = []
        for turn in range(-5, options.rounds):  # the first five warm all three up
            one = ours.evaluate(POST, sid), theirs.evaluate(QUEUE), nobodys.evaluate(POST, sid)
            if turn >= 0:
                took.append(one)
        chromium.close()
        served.close()
        blocks.close(verbose=False)
    fast, slow, bare = (statistics.median(times) for times in zip(*took, strict=True))
    print(f"{options.rounds} by turns, medians: POST to /page {fast:.1f} ms, Gradio's queue {slow:.1f} ms")
    print(f"Gradio's queue takes {slow / fast:.1f} times as long (goal: 5)")
    print(
        f"the same POST to a server that does nothing {bare:.1f} ms: Gradio's queue takes {slow / bare:.1f} times that"
    )


if __name__ == "__main__":
    main()
