"""The page as Gradio serves it: a Blocks whose one component is the stage and its panel.

Gradio carries the markup and starts the script; what that asks goes to `routes`. The page keeps nothing on the server:
the browser knows its session's id and sends it along.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr

from ...settings import Settings
from ...studio.studio import Studio
from . import assets, handlers, view

R = TypeVar("R")
TITLE = "SAM2 Painter"


def build(studio: Studio, settings: Settings, add: Callable[[gr.Blocks], R]) -> tuple[gr.Blocks, R]:
    """The page of this studio, and what `add` returns, which may put more into it: Gradio takes a fifth of a server's
    start for each time that a page is opened and closed."""
    page: gr.Blocks
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        gr.HTML(
            handlers.dumps({"boot": view.boot(studio, signs_in=bool(settings.auth))}),
            html_template=assets.markup(),
            js_on_load=assets.LOADER,
            apply_default_css=False,
            elem_id="sam2-painter",
        )
        added = add(page)
    return page, added


def launch_options() -> dict[str, Any]:
    """What `launch` and `mount_gradio_app` must be told for the page to look as it should, without the network."""
    sans = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    mono = ("ui-monospace", "Menlo", "Consolas", "monospace")
    return {
        "theme": gr.themes.Base(font=sans, font_mono=mono),
        "footer_links": [],
        "run_history": False,
    }
