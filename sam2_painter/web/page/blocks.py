"""The page: a Blocks whose one component is the stage and its panel; Gradio carries the events and the files.

The page keeps nothing: the browser knows its session's id and sends it along with every event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from ...errors import PainterError
from ...settings import Settings
from ...studio.studio import Studio
from ..api.endpoints import for_gradio
from . import handlers, view
from .handlers import Ask

TITLE = "SAM2 Painter"

# Which verbs may keep a worker busy, and how many of each kind at once: a long "every mask" must not hold up clicks.
LANES: dict[str, tuple[int, dict[str, handlers.Verb]]] = {
    "engine": (
        8,
        {
            "embed": handlers.embed,
            "click": handlers.click,
            "box": handlers.box,
            "remove_point": handlers.remove_point,
            "find": handlers.find,
        },
    ),
    "paint": (
        4,
        {
            "paint": handlers.paint_selection,
            "edit_layer": handlers.edit_layer,
            "remove_layer": handlers.remove_layer,
            "move_layer": handlers.move_layer,
            "undo": handlers.undo,
            "redo": handlers.redo,
            "download": handlers.download,
            "wall": handlers.wall,
            "detail": handlers.detail,
            "wall_color": handlers.wall_color,
            "reset_palette": handlers.reset_palette,
        },
    ),
    "look": (
        8,
        {
            "example": handlers.open_example,
            "resume": handlers.resume,
            "look": handlers.look,
            "select": handlers.select,
            "choose": handlers.choose,
            "clear_selection": handlers.clear_selection,
            "color": handlers.color,
            "close": handlers.close,
        },
    ),
}

# The hidden component that tells how far "every mask" has come: the stage's own requests wait for each other.
JOBS_JS = """
window.sam2painterJobs = {
  generate: (args) => trigger("ask_generate", args),
  cancel: (args) => trigger("ask_cancel", args),
};
watch("value", () => { if (props.value) window.sam2painter.jobTold(JSON.parse(props.value)); });
"""


def build(studio: Studio, settings: Settings) -> gr.Blocks:
    """The page of this studio."""
    lanes = {lane: (limit, dict(members)) for lane, (limit, members) in LANES.items()}
    for name, verb in (("open", handlers.open_upload), ("load_palette", handlers.load_palette)):
        lanes["look"][1][name] = partial(verb, uploads=Path(get_upload_folder()))
    verbs = [name for _, lane in lanes.values() for name in lane]
    # gr.HTML offers the events it finds quoted in its script.
    script = f"const EVENTS = {[f'ask_{name}' for name in verbs]};\n" + "".join(
        _read(name) for name in ("stage.js", "panel.js", "page.js")
    )
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        stage = gr.HTML(
            handlers.dumps({"boot": view.boot(studio, signs_in=bool(settings.auth))}),
            html_template=_read("stage.html"),
            js_on_load=script,
            apply_default_css=False,
            elem_id="sam2-painter",
        )
        jobs = gr.HTML("", html_template="<i></i>", js_on_load=JOBS_JS, visible="hidden", apply_default_css=False)
        hidden: dict[str, Any] = dict(trigger_mode="multiple", show_progress="hidden", api_visibility="private")
        for lane, (limit, members) in lanes.items():
            for name, verb in members.items():
                event = getattr(stage, f"ask_{name}")
                how = dict(concurrency_id=lane, concurrency_limit=limit)
                asked = event(_answer(studio, verb), None, stage, **hidden, **how)
                asked.failure(None, None, None, js="() => { window.sam2painter.failed(); }", **hidden)
        started = jobs.ask_generate(_told(studio), None, jobs, concurrency_id="generate", concurrency_limit=2, **hidden)
        started.then(None, None, None, js="() => { window.sam2painter.jobEnded(); }", **hidden)
        jobs.ask_cancel(_cancel(studio), None, None, concurrency_limit=None, **hidden)
    return page


def launch_options() -> dict[str, Any]:
    """What `launch` and `mount_gradio_app` must be told for the page to look as it should, without the network."""
    sans = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    mono = ("ui-monospace", "Menlo", "Consolas", "monospace")
    return {
        "theme": gr.themes.Base(font=sans, font_mono=mono),
        "css": _read("stage.css"),
        "footer_links": [],
        "run_history": False,
    }


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _answer(studio: Studio, verb: handlers.Verb) -> Callable[[gr.EventData], str]:
    def answer(event: gr.EventData) -> str:
        with _toasts():
            ask = Ask.read(event._data)
            return handlers.dumps({"seq": ask.get("seq"), **verb(studio, ask)})

    return answer


def _told(studio: Studio) -> Callable[[gr.EventData], Iterator[str]]:
    def told(event: gr.EventData) -> Iterator[str]:
        with _toasts():
            for news in handlers.generate(studio, Ask.read(event._data)):
                yield handlers.dumps(news)

    return told


def _cancel(studio: Studio) -> Callable[[gr.EventData], None]:
    def cancel(event: gr.EventData) -> None:
        with _toasts():
            handlers.cancel(studio, Ask.read(event._data))

    return cancel


@contextmanager
def _toasts() -> Iterator[None]:
    """Our errors as Gradio's: one sentence in a toast."""
    try:
        yield
    except PainterError as error:
        raise for_gradio(error, duration=8) from error
