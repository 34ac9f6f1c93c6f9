"""One answer to a click by several ways, for `benchmarks.transport`: our page's POST, and what Gradio has for it.

The answer is one that the offline engine gave, told again and again, so neither engine nor verb takes time. Our page's
own scripts ask for it and put it up on the stage; on Gradio's ways only what lies between the two is Gradio's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from sam2_painter.studio.studio import Studio
from sam2_painter.web.page import assets, handlers, view
from sam2_painter.web.page.ask import Ask
from sam2_painter.web.page.blocks import launch_options

from .api import free_port

Json = dict[str, Any]
AT = (760, 800)


class CannedClicks:
    """Sessions of a studio whose clicks are answered with what the engine said to the first one.

    opened: what the page is told of a session when it finds it again, by its id.
    """

    def __init__(self, studio: Studio):
        self.studio = studio
        self.opened: dict[str, Json] = {}
        self._clicked: dict[str, Json] = {}
        self._revision = 10

    def session(self, photo: str) -> str:
        """One more session with this example, by its id."""
        told = handlers.open_example(self.studio, Ask.read({"name": photo}))
        sid: str = told["session"]["sid"]
        have = {name: told["session"][name]["key"] for name in ("photo", "picture", "palette")}
        asked = Ask.read({"sid": sid, "points": [[*AT, 1]], "have": have})
        session: Json = handlers.click(self.studio, asked)["session"]
        session["selection"]["candidates"] = 1  # or the page asks at once what the others are
        self.opened[sid], self._clicked[sid] = told, session
        return sid

    def click(self, studio: Studio, ask: Ask) -> Json:
        """In the place of `handlers.click`: the session is looked up, and the answer is newer than the one before."""
        self._revision += 1
        return {"session": {**self._clicked[studio.session(ask.sid).id], "revision": self._revision}}

    @property
    def size(self) -> int:
        """Bytes of an answer."""
        return len(json.dumps({"session": next(iter(self._clicked.values()))}, separators=(",", ":")))


# Run by a gr.HTML beside the stage, so that a new value does not render the stage anew, which takes longer. `way` says
# how a click is asked: "stage" and "panels" are events on the queue, "function" is none.
RELAY = """
const folder = new URL("/gradio_api/file=FOLDER/", location.href).href;
const { boot, opened } = props.value;
const sheets = STYLES.map((name) => new Promise((resolve, reject) => {
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", onload: resolve, onerror: reject });
  document.head.append(Object.assign(sheet, { href: `${folder}styles/${name}.css` }));
}));
Promise.all([import(`${folder}page.js`), ...sheets]).then(async ([{ start }]) => {
  const root = document.querySelector(".sp");
  const page = start(root, boot, folder);
  root.style.visibility = "";
  let told = () => {};
  watch("value", () => told(props.value));
  page.server.ask = async (verb, args) => {
    if (verb !== "click") return {};
    if (window.way === "function") return server.clicked_function(args);
    trigger(window.way === "panels" ? "panels" : "stage", args);
    return new Promise((answer) => (told = answer));
  };
  const whole = page.view.show.bind(page.view);
  page.view.show = async (session) => {
    if (window.way !== "panels") return whole(session);
    page.state.session = session;  // the panels are Gradio's
    const { points, shape } = session.selection;
    page.stage.showWalls([]);
    page.stage.select(shape.path, { box: null, painted: false, points, pending: [], quiet: false });
  };
  await page.answered(opened, { verb: "look", args: { told: true } });
});
"""


def page_of_gradio(canned: CannedClicks, sid: str) -> gr.Blocks:
    """Our page in Blocks, asking for canned clicks by Gradio's ways, launched on a port of its own."""
    gr.set_static_paths([assets.FOLDER])
    script = RELAY.replace("FOLDER", str(assets.FOLDER)).replace("STYLES", json.dumps(assets.STYLES))

    def answer(asked: Mapping[str, Any]) -> Json:
        return canned.click(canned.studio, Ask.read({**asked, "sid": sid}))

    def clicked_function(asked: Json) -> Json:
        return answer(asked)

    def clicked(event: gr.EventData) -> Json:
        return answer(event._data)

    def clicked_with_panels(session_id: str, event: gr.EventData) -> list[Any]:
        reply = canned.click(canned.studio, Ask.read({**event._data, "sid": session_id}))
        return [reply, *panels_of(reply["session"])]

    with gr.Blocks(title="By Gradio's ways", analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML("", html_template=assets.markup(), js_on_load="", apply_default_css=False)
        about = {"boot": view.boot(canned.studio), "opened": canned.opened[sid]}
        relay = gr.HTML(
            about,
            html_template="<i></i>",
            js_on_load=script,
            apply_default_css=False,
            server_functions=[clicked_function],
        )
        panels = [gr.Markdown(), gr.Markdown(), *(gr.Button(name) for name in ("Undo", "Redo", "Paint this wall"))]
        how: Json = dict(show_progress="hidden", trigger_mode="multiple", api_visibility="private")
        relay.stage(clicked, None, relay, **how)
        relay.panels(clicked_with_panels, gr.State(sid), [relay, *panels], **how)
    blocks.queue().launch(server_port=free_port(), prevent_thread_lock=True, quiet=True, **launch_options())
    return blocks


def panels_of(session: Json) -> list[Any]:
    """What a click changes beside the stage: the wall's name, its share, and what can be pressed now."""
    chosen = session["selection"]
    return [
        "### New wall" if chosen["layer"] is None else "### This wall",
        f"{chosen['category']} {100 * chosen['area']:.1f}% of the photo",
        gr.Button(interactive=bool(session["undo"])),
        gr.Button(interactive=bool(session["redo"])),
        gr.Button(interactive=chosen["mask_id"] is not None),
    ]


# From a hand's click to its answer: given to the stage with all that the page shows of it, and drawn in a frame.
CLICK = """async ([way, x, y]) => {
  const page = window.sam2painter, { root } = page;
  window.way = way;
  while (page.state.flying || page.state.queue.length) await new Promise((later) => setTimeout(later, 5));
  page.stage.scene.shape = null;
  const answered = new Promise((done) => {
    const seen = new MutationObserver(() => { seen.disconnect(); done(performance.now()); });
    seen.observe(root, { attributes: true, attributeFilter: ["data-answers"] });
  });
  const start = performance.now();
  page.tools.point({ x, y }, 1);
  const put = await answered;
  if (!page.stage.scene.shape) throw new Error("no outline");
  const drawn = await new Promise((done) => requestAnimationFrame(() => {
    const frame = new MessageChannel();
    frame.port1.onmessage = () => done(performance.now());
    frame.port2.postMessage(0);
  }));
  return [put - start, drawn - start];
}"""
READY = """() => {
  const page = window.sam2painter;
  return page?.state.session && !page.busy.reading && !page.state.flying && !page.state.queue.length;
}"""
