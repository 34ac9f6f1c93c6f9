"""Gradio's part of the server: the page's frame and components, its API as `gradio_client` speaks it, and MCP.

It is mounted by the documented `gradio.mount_gradio_app`. What is used beside the documented names:

* `StateHolder`, `SessionState` of `gradio.state_holder`, `App.state_holder`: what is remembered of a client
* `get_fn`, `FnIndexInferError`, `PredictBody` (in `middleware.gradio_calls`): which event a question means
* `Component.async_move_resource_to_block_cache` (in `api.endpoints`): Gradio would fetch addresses that callers give
* `gradio.networking.setup_tunnel`: the public link
* `Blocks.mcp_server_obj._client_instance`: the key to our own door for MCP
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import gradio as gr
from fastapi import FastAPI
from gradio import networking
from gradio.state_holder import SessionState, StateHolder
from gradio_client import Client

from ..settings import Settings
from .middleware.uploads import refuse_upload

log = logging.getLogger(__name__)
REMEMBERED_TABS = 256  # clients of whom Gradio keeps its configuration, 0.1 MB each; another one costs 13 ms to make


class _Tab(SessionState):
    """What Gradio remembers of a client, without its last questions and answers: those hold photos."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class _Tabs(StateHolder):
    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _Tab(self.blocks)
        return super().__getitem__(session_id)


def mount(app: FastAPI, blocks: gr.Blocks, settings: Settings, *, mcp: bool, **options: Any) -> FastAPI:
    """Mount `blocks` at the root of `app`; Gradio's own application."""
    blocks.state_session_capacity = REMEMBERED_TABS
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
        app_kwargs={"exception_handlers": dict.fromkeys((TypeError, OSError), refuse_upload)},
        **options,
    )
    inner: FastAPI = app.routes[-1].app  # type: ignore[attr-defined]
    inner.state_holder = _Tabs()
    inner.state_holder.set_blocks(blocks)
    return inner


def open_tunnel(blocks: gr.Blocks, host: str, port: int, share_server: str | None) -> str:
    """A public https address that leads to this server, or "" where there is none to be had."""
    try:
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
    blocks.mcp_server_obj._client_instance = Client(
        url,
        headers={"authorization": f"Bearer {token}"},
        download_files=False,
        verbose=False,
        analytics_enabled=False,
        _skip_components=False,
        httpx_kwargs={"timeout": 60},
    )
