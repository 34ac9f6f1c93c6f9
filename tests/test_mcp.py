"""Every endpoint as a tool (--mcp-all): a real client over HTTP opens, segments, paints and downloads."""

import ast
import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from conftest import draw_building, to_png

pytest.importorskip("gradio", reason="the doors need gradio")
pytest.importorskip("mcp", reason="MCP needs the packages of requirements-mcp.txt")

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from sam2_painter.web import server
from sam2_painter.web.api.endpoints import ENDPOINTS

TOKEN = "t0ken"


@pytest.fixture(scope="module", params=["open", "guarded"])
def live(request, launch):
    """A server with MCP, once for everybody and once behind a sign-in."""
    return launch(mcp=True, mcp_all=True, **({"auth_token": TOKEN} if request.param == "guarded" else {}))


def talk(live, ask: Callable[[ClientSession], Awaitable[object]]) -> object:
    """What `ask` makes of a session with the server."""

    async def run():
        headers = {"Authorization": f"Bearer {TOKEN}"} if live.settings.auth_token else {}
        async with (
            httpx.AsyncClient(headers=headers, timeout=60) as http,
            streamable_http_client(f"{live.url}/gradio_api/mcp/", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await ask(session)

    return asyncio.run(run())


def test_the_tools_are_the_verbs(live):
    """Every endpoint is a tool of the same name, described by the verb's own words, and nothing else is one."""

    async def ask(session):
        return (await session.list_tools()).tools

    tools = {tool.name: tool for tool in talk(live, ask)}
    assert tools.keys() == {endpoint.name for endpoint in ENDPOINTS}
    for endpoint in ENDPOINTS:
        tool = tools[endpoint.name]
        assert tool.description.startswith(endpoint.summary)
        assert tool.inputSchema["properties"].keys() == endpoint.fields.keys()
        for name, text in endpoint.descriptions.items():
            assert text in tool.inputSchema["properties"][name]["description"]


def test_a_building_is_painted_with_tools_alone(live):
    """Upload by data URL, segment, paint, download: what arrives is a picture."""
    url = "data:image/png;base64," + base64.b64encode(to_png(draw_building())).decode()

    async def ask(session):
        async def call(tool, **fields):
            reply = await session.call_tool(tool, fields)
            assert not reply.isError, reply
            return reply.content[0]

        opened = ast.literal_eval((await call("upload", file=url)).text)
        about = {"session_id": opened["session_id"]}
        point = {"x": 100, "y": 80, "label": 1}
        found = ast.literal_eval((await call("segment", **about, points=[point], mask_format="none")).text)
        paint = {"mask_id": found["mask_id"], "color": "#b5c7a3", "image_format": "none"}
        painted = ast.literal_eval((await call("paint_mask", **about, **paint)).text)
        assert painted["painted_image"] == ""
        made = ast.literal_eval((await call("download_painted_image", **about)).text)
        return made, await call("download_file", filename=made["filename"])

    made, content = talk(live, ask)
    if content.type == "image":
        assert base64.b64decode(content.data).startswith(b"\x89PNG")
    else:
        assert made["filename"].removesuffix(".png") in content.text
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{live.url}/api{made['image_url']}", headers=headers, timeout=60).content.startswith(b"\x89PNG")


def test_a_mistake_is_an_error_with_its_sentence(live):
    """The model on the other side is told what to do."""

    async def ask(session):
        return await session.call_tool("session_info", {"session_id": "nobody"})

    reply = talk(live, ask)
    assert reply.isError
    assert "Open the photo again" in reply.content[0].text


def test_without_its_packages_the_server_starts_and_says_so(launch, monkeypatch):
    """One sentence about requirements-mcp.txt; everything else works."""
    monkeypatch.setattr(server.importlib.util, "find_spec", lambda name: None)
    live = launch(mcp=True)
    assert live.http.get("/health").status_code == 200
    assert httpx.get(f"{live.url}/gradio_api/mcp/", timeout=60).status_code == 404
    assert httpx.post(f"{live.url}/mcp", json={}, timeout=60).status_code in (404, 405)


def test_the_requirements_file_names_the_extra():
    """requirements-mcp.txt asks for gradio with MCP."""
    text = (Path(__file__).parent.parent / "requirements-mcp.txt").read_text()
    assert "gradio[mcp]" in text
