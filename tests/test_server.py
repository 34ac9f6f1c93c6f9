"""Starting and ending the one server behind every door."""

import http.server
import socket
import sys
import threading

import httpx
import pytest
from conftest import draw_building, eventually, free_port, make_studio, to_png

pytest.importorskip("gradio", reason="the doors need gradio")

from sam2_painter.errors import InvalidInput
from sam2_painter.settings import Settings
from sam2_painter.web import server


def test_without_a_public_link_the_page_stays_up(tmp_path, capsys):
    """--share where there is no way out: one clear sentence, and everything else works."""
    settings = Settings.of(port=free_port(), data_dir=tmp_path, share=True)
    served = server.launch(
        make_studio(tmp_path), settings, prevent_thread_lock=True, share_server_address="127.0.0.1:9"
    )
    try:
        assert served.share_url == ""
        assert [note for note in served.notes if "No public link" in note]
        assert httpx.get(served.url, timeout=60).status_code == 200
        assert httpx.get(f"{served.url}/api/health", timeout=60).status_code == 200
        told = capsys.readouterr().out.splitlines()
        assert told == list(served.notes)  # of Gradio's own chatter nothing
    finally:
        served.close()


@pytest.fixture
def proxy():
    """One that knows no way to anywhere: its address."""

    class Lost(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(502)

        def log_message(self, *args):
            """Silence."""

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lost)
    threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize("how", ["no way", "a proxy that refuses"])
def test_a_machine_that_does_not_reach_itself_says_so(tmp_path, monkeypatch, proxy, how):
    """Behind a proxy that takes even this machine's own address: a sentence says what to set, and nothing stays up."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy if how == "no way" else "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    settings = Settings.of(port=free_port(), data_dir=tmp_path)
    with pytest.raises(InvalidInput, match="NO_PROXY=localhost"):
        server.launch(make_studio(tmp_path), settings, prevent_thread_lock=True, quiet=True)
    socket.create_server(("127.0.0.1", settings.port)).close()  # it can be had again


def test_plotting_is_imported_beside_the_event_loop(tmp_path, monkeypatch):
    """Gradio imports matplotlib when it answers first, which takes seconds: a thread has done so by then."""
    (tmp_path / "matplotlib.py").write_text(
        "import threading\nby = threading.current_thread().name\nget_backend = lambda: 'agg'\nuse = lambda name: None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # so that it is put back
    del sys.modules["matplotlib"]
    served = server.launch(
        make_studio(tmp_path), Settings.of(data_dir=tmp_path), prevent_thread_lock=True, any_port=True, quiet=True
    )
    try:
        assert eventually(lambda: hasattr(sys.modules.get("matplotlib"), "use"))
        assert sys.modules["matplotlib"].by == "import plotting"
    finally:
        served.close()


def test_any_port_will_do_in_a_notebook(tmp_path):
    """Two servers at once, each where there is room; one that is closed answers no more."""
    settings = Settings.of(data_dir=tmp_path)
    one, two = (
        server.launch(make_studio(tmp_path / name), settings, prevent_thread_lock=True, any_port=True, quiet=True)
        for name in ("one", "two")
    )
    try:
        assert one.url != two.url
        assert httpx.get(f"{two.url}/api/health", timeout=60).status_code == 200
    finally:
        one.close()
        two.close()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{one.url}/api/health", timeout=60)


def test_gradios_own_doors_stay_shut(server):
    """No monitoring, no record of other people's runs."""
    for path in ("/monitoring", "/monitoring/summary", "/gradio_api/runs"):
        assert httpx.get(server.url + path, timeout=60).status_code in (403, 404)


def test_an_answer_does_not_wait_for_its_own_head_to_be_acknowledged(server):
    """Nagle's algorithm, with which a body waits 40 ms for the client to acknowledge the head, is off."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        reply = client.post("/page/look", json={"sid": "nobody"})
        asked_from = reply.extensions["network_stream"].get_extra_info("client_addr")
        connections = server.served._http._server.server_state.connections
        theirs = [one.transport.get_extra_info("socket") for one in connections if one.client == asked_from]
        assert [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in theirs] == [1]


def test_the_public_link_leads_to_page_and_api(launch, monkeypatch):
    """Who comes by the link's name is answered, the page's own requests among them; other names and sites are not."""
    monkeypatch.setattr("gradio.networking.setup_tunnel", lambda *given: "http://abc123.gradio.live")
    live = launch(share=True)
    assert "Public link:  https://abc123.gradio.live" in live.served.notes
    link = {"Host": "abc123.gradio.live"}
    with httpx.Client(base_url=live.url, headers=link, timeout=60) as public:
        assert public.get("/").status_code == 200
        assert public.get("/config").status_code == 200  # where Gradio's clients begin
        photo = {"file": ("house.png", to_png(draw_building()))}
        sid = public.post("/api/upload", files=photo).raise_for_status().json()["session_id"]
        own = {"Origin": "https://abc123.gradio.live"}
        asked = {"sid": sid, "points": [[100, 80, 1]]}
        clicked = public.post("/page/click", json=asked, headers=own).raise_for_status().json()
        assert clicked["session"]["selection"]["mask_id"] is not None
        foreign = {"Origin": "https://other.gradio.live"}
        assert public.post("/page/click", json=asked, headers=foreign).status_code == 403
        assert public.get("/", headers={"Host": "other.gradio.live"}).status_code == 403
