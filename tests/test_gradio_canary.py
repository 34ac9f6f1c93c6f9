"""What is used of Gradio beside its documented names is still there: each of these fails with a sentence when it moves.

The list is in `sam2_painter.web.gradio_app`. Gradio's protocol itself is tried by `test_api.py` with `gradio_client`.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import httpx
import pytest

pytest.importorskip("gradio", reason="the doors need gradio")

import gradio as gr

from sam2_painter.web import gradio_app
from sam2_painter.web.api import endpoints


def test_the_list_is_short():
    """At most five, and each has its test here."""
    listed = re.findall(r"^(\d)\. ", inspect.getdoc(gradio_app) or "", re.MULTILINE)
    assert listed == [str(number) for number in range(1, len(listed) + 1)]
    assert len(listed) <= 5
    canaries = [name for name in globals() if name.startswith("test_canary_")]
    assert len(canaries) == len(listed)


def test_canary_1_endpoints_have_numbers_and_inputs():
    """gr.api tells the number of an endpoint and of the components for its inputs; those describe themselves."""
    with gr.Blocks() as blocks:
        numbers = endpoints.add_to(blocks)
    assert len(numbers) == len(endpoints.ENDPOINTS), "gr.api no longer tells an endpoint's number as ['id']"
    config = {one["id"]: one["api_name"] for one in blocks.get_config_file()["dependencies"]}
    assert {number: one.name for number, one in numbers.items()} == config, "the numbers are not those of /config"


def test_canary_2_the_tunnel_takes_what_we_give():
    """gradio.networking.setup_tunnel: host, port, token, server and certificate."""
    from gradio import networking

    names = list(inspect.signature(networking.setup_tunnel).parameters)
    wanted = ["local_host", "local_port", "share_token", "share_server_address", "share_server_tls_certificate"]
    assert names == wanted, "gradio.networking.setup_tunnel takes other arguments now: see gradio_app.open_tunnel"
    with gr.Blocks() as blocks:
        pass
    assert isinstance(blocks.share_token, str), "Blocks.share_token is gone: see gradio_app.open_tunnel"


def test_canary_3_the_mcp_server_has_a_client():
    """GradioMCPServer makes one client of the server it is part of, unless it has one."""
    pytest.importorskip("mcp", reason="needs requirements-mcp.txt")
    from gradio.mcp import GradioMCPServer

    source = inspect.getsource(GradioMCPServer)
    assert "if self._client_instance is None" in source, "see gradio_app.sign_in_mcp: MCP would ask without our key"


def test_canary_4_closing_all_is_noticed_and_no_queue_runs(server):
    """Blocks.is_running is what gradio.close_all() ends; Blocks.run_startup_events is what starts Gradio's queue."""
    started = inspect.getsource(gr.Blocks.run_startup_events)
    assert "self._queue.start()" in started, "Gradio starts its queue elsewhere: see gradio_app.mount"
    assert "self.is_running = True" in started, "Blocks.is_running is set elsewhere: see gradio_app.mount"
    assert server.served.is_running
    assert server.served.blocks._queue.active_jobs == [], "Gradio's queue runs, and looks for work all the time"
    with gr.Blocks() as blocks:
        pass
    assert blocks.is_running is False, "Blocks.is_running is gone: see Served.is_running"
    assert "is_running = False" in inspect.getsource(gr.Blocks.close), "Blocks.close ends something else now"


def test_canary_5_the_document_says_where_it_is(server):
    """The page's document holds window.gradio_config, and our word on its root after it."""
    page = httpx.get(server.url, headers={"Accept": "text/html"}, timeout=60).text
    assert "window.gradio_config" in page, "Gradio's document has no window.gradio_config: see middleware.document"
    assert "window.gradio_config.root = new URL" in page


def test_gradio_is_pinned_on_its_minor_version():
    """A new minor version of Gradio is tried before it is allowed."""
    from importlib.metadata import version

    major, minor, *_ = version("gradio").split(".")
    for name in ("requirements.txt", "requirements-mcp.txt"):
        text = (Path(gradio_app.__file__).parents[2] / name).read_text()
        pins = re.findall(r"^gradio\S*>=(\S+?),<(\S+)", text, re.MULTILINE)
        assert pins == [(f"{major}.{minor}", f"{major}.{int(minor) + 1}")], name
