"""Gradio's part of the server: the page's frame and components, its API as `gradio_client` speaks it, and MCP.

It is mounted by the documented `gradio.mount_gradio_app`. What is used beside documented names, each with a canary in
`tests/test_gradio_canary.py` that says what moved; the pin is on the minor version:

1. `Dependency["id"]`, `Dependency["inputs"]` and `Blocks.blocks` (in `api.endpoints`): the number of an endpoint in
   Gradio's protocol, which `api.gradio_protocol` speaks, and the components that describe its fields
2. `gradio.networking.setup_tunnel`, `Blocks.share_token`: the public link
3. `Blocks.mcp_server_obj`, `GradioMCPServer._client_instance`: the key to our own door for MCP
4. `Blocks.is_running`: whether `gradio.close_all()` was called; `Blocks.run_startup_events`: what starts Gradio's queue
5. `window.gradio_config` in the document Gradio writes (in `middleware.document`): where the page is
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import gradio as gr
from fastapi import FastAPI
from gradio import networking
from gradio_client import Client

from ..settings import Settings

log = logging.getLogger(__name__)


def mount(app: FastAPI, blocks: gr.Blocks, settings: Settings, *, mcp: bool, **options: Any) -> None:
    """Mount `blocks` at the root of `app`, without a queue: nobody asks through Gradio's, and it looks for questions a
    thousand times a second. options: further ones of `gradio.mount_gradio_app`.
    """

    def start() -> None:
        blocks.is_running = True

    blocks.run_startup_events = start  # type: ignore[method-assign]
    with _quiet():
        gr.mount_gradio_app(
            app,
            blocks,
            path="/",
            server_name=settings.host,
            server_port=settings.port,
            root_path="",  # ours is in the scope of each request
            max_file_size=settings.max_file_size,
            enable_monitoring=False,
            show_error=True,
            mcp_server=mcp,
            **options,
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What Gradio prints goes to the log: what people want to know, `server` tells them."""
    chatter = io.StringIO()
    with contextlib.redirect_stdout(chatter):
        yield
    log.debug("gradio: %s", chatter.getvalue().strip())


def open_tunnel(blocks: gr.Blocks, host: str, port: int, share_server: str | None) -> str:
    """A public https address that leads to this server, or "" where there is none to be had."""
    try:
        with _quiet():
            address: str = networking.setup_tunnel(host, port, blocks.share_token, share_server, None)
    except Exception as error:  # noqa: BLE001  # a program, a download and a network, each with errors of its own
        log.info("no public link: %s", error)
        return ""
    scheme = "http" if share_server else "https"
    return urlunsplit((scheme, *urlsplit(address)[1:]))


def sign_in_mcp(blocks: gr.Blocks, url: str, token: str) -> None:
    """Give Gradio's MCP server, which calls the server it is part of, the key to its door.

    It would make this client itself, without credentials; a tool call still travels with those of whoever calls.
    """
    assert blocks.mcp_server_obj is not None  # it was mounted with one
    blocks.mcp_server_obj._client_instance = Client(
        url,
        headers={"authorization": f"Bearer {token}"},
        download_files=False,
        verbose=False,
        analytics_enabled=False,
        _skip_components=False,
        httpx_kwargs={"timeout": 60},
    )
