"""The server answers to its own names only, so that no site can take it for itself by pointing a name at it."""

import socket

import httpx
import pytest
from conftest import draw_building, to_png
from engines import FloodEngine
from far_end import serving

pytest.importorskip("gradio_client", reason="the doors need gradio")

from sam2_painter.errors import InvalidInput
from sam2_painter.hosts import AllowedHosts, hosted_frames, hosted_names, own_names, split_host

EVIL = "evil.example"


@pytest.fixture(scope="module")
def named(launch):
    """A server that was told two names."""
    return launch(allowed_hosts="paint.example.com, *.lan")


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:7860", "127.0.0.1:1", "[::1]:7860", "a.localhost", "192.168.1.5:7860", "[2001:db8::1]"],
)
def test_loopback_names_and_addresses_need_no_mention(server, host):
    """No other site can take an address for its name, so those are answered to; the port is not looked at."""
    assert httpx.get(f"{server.url}/api/health", headers={"Host": host}, timeout=60).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/upload", "/gradio_api/info", "/config", "/preview.jpg"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_name_of_somebody_else_s_is_refused(server, method, path):
    """DNS rebinding: the browser takes us for evil.example, and says so. The answer names the flag."""
    headers = {"Host": f"{EVIL}:7860", "Origin": f"http://{EVIL}:7860", "Sec-Fetch-Site": "same-origin"}
    reply = httpx.request(method, server.url + path, headers=headers, timeout=60)
    assert reply.status_code == 403
    assert f"--allowed-hosts {EVIL}" in reply.json()["detail"]
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_a_browser_is_told_in_plain_words(server):
    """Whoever opens the page by a name that is not allowed reads the sentence, not JSON."""
    reply = httpx.get(server.url, headers={"Host": EVIL, "Accept": "text/html"}, timeout=60)
    assert reply.status_code == 403
    assert reply.text.startswith(f"This server does not answer to the name {EVIL}.")


@pytest.mark.parametrize("host", ["a b", "[::1", "::1", "evil.example:99999999", "x@y", "", "a/b", "ho\xc3st", "-\x00"])
def test_a_host_that_cannot_be_read_is_refused(server, host):
    """400 and a sentence, never a 500."""
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: " + host.encode("latin-1") + b"\r\n\r\n")
        assert connection.recv(100).split()[1] in (b"400", b"403")


def test_two_hosts_are_none(server):
    """Which of them somebody in front believed cannot be known."""
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert connection.recv(100).split()[1] == b"400"


@pytest.mark.parametrize(
    ("host", "status"),
    [("paint.example.com", 200), ("PAINT.example.com:443", 200), ("paint.example.com.", 200), ("a.b.lan", 200)]
    + [
        ("lan", 200),
        ("example.com", 403),
        ("x.paint.example.com", 403),
        ("evil-lan", 403),
        ("paint.example.com.evil", 403),
    ],
)
def test_names_it_was_told(named, host, status):
    """--allowed-hosts adds names, and with a star all below one."""
    assert httpx.get(f"{named.url}/api/health", headers={"Host": host}, timeout=60).status_code == status


def test_a_star_allows_every_name():
    """For those who know what they do."""
    assert AllowedHosts.parse("*").allow(EVIL)


@pytest.mark.parametrize("text", ["http://a.example", "a b", "a/b", "a.example:80", "**", "*.*"])
def test_what_is_no_name_is_refused_at_the_start(text):
    """With the flag and an example."""
    with pytest.raises(InvalidInput, match="--allowed-hosts must be names by commas"):
        AllowedHosts.parse(text)


@pytest.mark.parametrize("header", ["", "a b", "[::1", "[xyz]", "a:b", "a:1:2", "//a", "a\n"])
def test_what_is_no_host_raises(header):
    """Nothing is guessed."""
    with pytest.raises(ValueError):
        split_host(header)


@pytest.mark.parametrize("host", ["::1", "[::1]", "::"])
def test_ipv6_addresses_to_listen_on(launch, host):
    """The server starts, and says an address that opens; "::" answers by IPv4 too."""
    if not socket.has_ipv6:
        pytest.skip("this system has no IPv6")
    live = launch(host=host)
    assert httpx.get(f"{live.url}/api/health", timeout=60).status_code == 200
    assert httpx.get(f"http://[::1]:{live.settings.port}/", timeout=60).status_code == 200
    if host == "::":
        assert httpx.get(f"http://127.0.0.1:{live.settings.port}/api/health", timeout=60).status_code == 200


def test_names_of_the_machine():
    """Listening on every interface, it answers to its machine's name; listening on a name, to that."""
    assert socket.gethostname().lower() in own_names("0.0.0.0")
    assert own_names("::") == own_names("0.0.0.0")
    assert own_names("painter.lan") == ("painter.lan",)
    assert own_names("127.0.0.1") == own_names("[::1]") == ()


@pytest.mark.parametrize(
    ("environ", "name", "allowed"),
    [
        ({}, "hub.example", False),
        ({"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"}, "hub.example", True),
        ({"COLAB_RELEASE_TAG": "release-colab"}, "8080-x.prod.colab.dev", True),
        ({"SPACE_HOST": "ann-paint.hf.space"}, "ann-paint.hf.space", True),
        ({"SPACE_HOST": "ann-paint.hf.space"}, "eve-other.hf.space", False),
        ({"CODESPACE_NAME": "x"}, "x-7860.app.github.dev", True),
    ],
)
def test_hosted_notebooks_are_known_by_their_environment(environ, name, allowed):
    """Their proxies come with the name of whoever runs them."""
    assert AllowedHosts().and_also(*hosted_names(environ)).allow(name) is allowed


def test_a_space_may_be_shown_by_its_host():
    """And by nobody else's accord."""
    assert hosted_frames({"SPACE_HOST": "ann-paint.hf.space"}) == ("https://huggingface.co",)
    assert hosted_frames({}) == ()


def test_rebinding_writes_nothing(server):
    """What a rebound page sends opens no session."""
    before = server.http.get("/health").json()["sessions_count"]
    headers = {"Host": EVIL, "Origin": f"http://{EVIL}", "Sec-Fetch-Site": "same-origin"}
    files = {"file": ("a.png", to_png(draw_building()))}
    assert server.http.post("/upload", files=files, headers=headers).status_code == 403
    assert server.http.get("/health").json()["sessions_count"] == before


def test_the_service_of_the_masks_checks_it_too():
    """`modal_sam2.py serve` answers programs by its own names, and no page in a browser."""
    with serving(FloodEngine(), hosts=AllowedHosts.parse("gpu.lan")) as url:
        for headers, status in (
            ({}, 200),
            ({"Host": "gpu.lan:8000"}, 200),
            ({"Host": EVIL}, 403),
            ({"Host": "[::1"}, 403),
            ({"Origin": "http://127.0.0.1:8888"}, 403),
        ):
            assert httpx.get(f"{url}/health", headers=headers, timeout=60).status_code == status
        refused = httpx.post(f"{url}/v1/embed", headers={"Host": EVIL}, content=b"", timeout=60)
        assert refused.status_code == 403
        assert "SAM2_PAINTER_ALLOWED_HOSTS=evil.example" in refused.json()["detail"]
