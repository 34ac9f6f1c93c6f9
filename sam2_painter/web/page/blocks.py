"""The page as Gradio serves it: a Blocks whose one component is the stage and its panel.

Gradio carries the markup and starts the script; what that asks goes to `routes`. The page keeps nothing on the server:
the browser knows its session's id and sends it along.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from ...settings import Settings
from ...studio.studio import Studio
from . import assets, handlers, view

TITLE = "SAM2 Painter"


def build(studio: Studio, settings: Settings) -> gr.Blocks:
    """The page of this studio."""
    page: gr.Blocks
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        gr.HTML(
            handlers.dumps({"boot": view.boot(studio, signs_in=bool(settings.auth))}),
            html_template=assets.markup(),
            js_on_load=assets.LOADER,
            apply_default_css=False,
            elem_id="sam2-painter",
        )
    return page


def launch_options() -> dict[str, Any]:
    """What `launch` and `mount_gradio_app` must be told for the page to look as it should, without the network."""
    sans = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    mono = ("ui-monospace", "Menlo", "Consolas", "monospace")
    return {
        "theme": gr.themes.Base(font=sans, font_mono=mono),
        "footer_links": [],
        "run_history": False,
    }
