"""Behind a proxy: at the root and below a path, with and without its headers; only trusted proxies are believed."""

import asyncio
import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import draw_building, free_port, to_png
from reverse_proxy import AS_IT_CAME, USUAL, Way, nginx_with, proxying

pytest.importorskip("gradio_client", reason="the doors need gradio")

from gradio_client import Client, handle_file

from sam2_painter.errors import InvalidInput
from sam2_painter.hosts import AllowedHosts
from sam2_painter.web.middleware.front import Front
from sam2_painter.web.middleware.proxies import RootPath, TrustedProxies, counted_as, rebased, resolved

USER, PASSWORD, TOKEN = "ann", "correct horse", "t0ken-of-many-letters"
BROWSER = {"Accept": "text/html"}
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def behind(launch):
    """A server with sign-in and MCP that knows where it is reached, and trusts the proxy on this machine."""
    return launch(
        auth=f"{USER}:{PASSWORD}", auth_token=TOKEN, mcp=True, trusted_proxies="127.0.0.1", root_path="/paint"
    )


@pytest.fixture(scope="module", params=["stripped", "kept"])
def below(behind, request):
    """Its address below a path: of a proxy that takes the path off, and of one that does not."""
    with proxying(Way(behind.url, "/paint/", strips=request.param == "stripped")) as url:
        yield f"{url}/paint"


@pytest.fixture(scope="module")
def locked(launch):
    """A server with sign-in that knows nothing of proxies."""
    return launch(auth=f"{USER}:{PASSWORD}")


# -- below a path --------------------------------------------------------------------------------------------------


def test_the_page_and_its_files(below):
    """The document, what it links to, and what Gradio configures it with lie below the path."""
    with httpx.Client(base_url=below, auth=(USER, PASSWORD), timeout=60) as http:
        page = http.get("/")
        assert page.status_code == 200
        assert f'<meta property="og:url" content="{below}/">' in page.text
        linked = re.findall(r'(?:src|href)="(\./[^"]+)"', page.text)
        assert len(linked) >= 5
        for link in linked:
            assert http.get("/" + link).status_code == 200, link
        assert not re.findall(r'(?:src|href)="/[^"]*"', page.text)
        assert http.get("/config").json()["root"] == below


def test_without_the_last_slash(behind):
    """/paint leads to /paint/, query and all."""
    with proxying(Way(behind.url, "/paint", strips=False)) as url:
        reply = httpx.get(f"{url}/paint?session=x", timeout=60)
        assert reply.status_code == 307
        assert reply.headers["location"] == "/paint/?session=x"


def test_the_sign_in_form_posts_below_the_path(below):
    """It goes where the page is, its cookie is for that path only, and sign-out ends there too."""
    with httpx.Client(base_url=below, timeout=60) as http:
        form = http.get("/?session=x", headers=BROWSER)
        assert form.status_code == 401
        action = re.search(r'action="([^"]+)"', form.text)[1]
        posted = http.post(form.url.join(action), data={"username": USER, "password": PASSWORD}, headers=BROWSER)
        assert posted.status_code == 303
        assert "; Path=/paint/;" in posted.headers["set-cookie"]
        landed = posted.url.join(posted.headers["location"])
        assert str(landed) == f"{below}/?session=x&signed_in=1"
        shown = http.get(landed)
        assert str(shown.url.join(shown.headers["location"])) == f"{below}/?session=x"
        assert http.get("/config").status_code == 200
        left = http.get("/logout")
        assert str(left.url.join(left.headers["location"])) == f"{below}/"
        assert http.get("/config").status_code == 401


def test_a_form_shown_deep_below_posts_to_the_same_place(below):
    """At whatever path the form comes up."""
    form = httpx.get(f"{below}/some/where", headers=BROWSER, timeout=60)
    assert str(form.url.join(re.search(r'action="([^"]+)"', form.text)[1])) == f"{below}/login"


def test_the_api_and_its_documents(below):
    """Plain HTTP works, and the OpenAPI document names the server as it is reached."""
    with httpx.Client(base_url=below, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as http:
        opened = http.post("/api/upload", files={"file": ("a.png", to_png(draw_building()))}).json()
        made = http.post("/api/download-image", json={"session_id": opened["session_id"]}).json()
        assert http.get(f"/api{made['image_url']}").headers["content-type"] == "image/png"
        assert http.get("/api/openapi.json").json()["servers"] == [{"url": below}]
        assert http.get("/api/docs").status_code == 200


def test_gradio_clients(below, tmp_path):
    """They upload, ask and download below the path."""
    (tmp_path / "a.png").write_bytes(to_png(draw_building()))
    client = Client(f"{below}/", auth=(USER, PASSWORD), verbose=False)
    session_id = client.predict(handle_file(tmp_path / "a.png"), api_name="/upload")["session_id"]
    made = client.predict(session_id, api_name="/download_image")
    assert client.predict(made["filename"], api_name="/download_file").endswith(".png")


def test_mcp(below):
    """A client of MCP lists the tools, opens a photo and is given a link that leads below the path."""
    anyio = pytest.importorskip("anyio")
    mcp = pytest.importorskip("mcp", reason="needs requirements-mcp.txt")
    from mcp.client.streamable_http import streamable_http_client

    async def talk():
        async with (
            httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as http,
            streamable_http_client(f"{below}/mcp", http_client=http) as streams,
            mcp.ClientSession(*streams[:2]) as session,
        ):
            await session.initialize()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            opened = await session.call_tool("open_photo", {"photo": "example:brick-house"})
            fields = {"session_id": opened.structuredContent["session_id"], "format": "JPG"}
            return tools, (await session.call_tool("download", fields)).structuredContent

    tools, made = anyio.run(talk)
    assert {"find", "look", "paint"} <= set(tools)
    assert made["url"].startswith(f"{below}/api/")
    assert httpx.get(made["url"], headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60).status_code == 200


def test_below_a_path_nobody_told_it_of(server, tmp_path):
    """Without --root-path the page still finds all that is its own, and programs work; only OpenAPI cannot know."""
    with proxying(Way(server.url, "/paint/", headers=AS_IT_CAME)) as url, httpx.Client(timeout=60) as http:
        page = http.get(f"{url}/paint/").text
        assert not re.findall(r'(?:src|href)="/[^"]*"', page)
        assert "window.gradio_config.root = new URL" in page
        assert http.post(f"{url}/paint/api/upload", files={"file": ("a.png", to_png(draw_building()))}).is_success


# -- at the root ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{}, {"Host": "$host"}, AS_IT_CAME, USUAL],
    ids=["host of the upstream", "host without port", "host as it came", "usual headers"],
)
def test_sign_in_behind_a_proxy(locked, headers):
    """In a browser, whatever the proxy makes of the Host header: the form signs in, and all of the page comes."""
    with proxying(Way(locked.url, headers=headers)) as url, httpx.Client(base_url=url, timeout=60) as http:
        own = {"Origin": url, **OWN_PAGE}
        form = {"username": USER, "password": PASSWORD}
        assert http.post("/login", data=form, headers={**own, **BROWSER}).status_code == 303
        page = http.get("/", headers=BROWSER)
        assert page.status_code == 200
        for link in re.findall(r'(?:src|href)="(\./[^"]+)"', page.text):
            assert http.get("/" + link, headers=own).status_code == 200, link
        assert http.post("/api/clear-cache", json={}, headers=own).status_code == 200


def test_by_plain_http_a_changed_host_is_explained(locked):
    """Browsers say nothing of where they are on plain http by a name: a proxy that changes Host is in the way then, and
    the sign-in page says how to mend it, in words."""
    headers = {"Origin": "http://painter.lan", "Host": "painter.lan", **BROWSER}
    with proxying(Way(locked.url, headers={})) as url:
        reply = httpx.post(f"{url}/login", data={"username": USER, "password": PASSWORD}, headers=headers, timeout=60)
    assert reply.status_code == 403
    assert reply.headers["content-type"].startswith("text/html")
    assert "--root-path" in reply.text
    assert "http://painter.lan" in reply.text


def test_the_whole_address_as_root_path(launch):
    """Where a proxy cannot be taught to pass Host on, --root-path says what the server is reached as."""
    live = launch(auth=f"{USER}:{PASSWORD}", root_path="http://painter.lan/paint", mcp=True)
    own = {"Origin": "http://painter.lan", "Host": "painter.lan", **BROWSER}
    with proxying(Way(live.url, "/paint/", headers={})) as url, httpx.Client(base_url=url, timeout=60) as http:
        form = {"username": USER, "password": PASSWORD}
        assert http.post("/paint/login", data=form, headers=own).status_code == 303
        basic = httpx.BasicAuth(USER, PASSWORD)
        assert http.get("/paint/config", auth=basic).json()["root"] == "http://painter.lan/paint"
        servers = http.get("/paint/api/openapi.json", auth=basic).json()["servers"]
        assert servers == [{"url": "http://painter.lan/paint"}]
        assert http.get("/paint/api/health", headers={"Host": "painter.lan"}).status_code == 200


def test_https_ends_at_a_trusted_proxy(behind, locked):
    """X-Forwarded-Proto of a trusted proxy makes the cookie Secure and addresses https; nobody else's does."""
    told = {**USUAL, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "paint.example.com"}
    form = {"username": USER, "password": PASSWORD}
    with proxying(Way(behind.url, headers=told)) as url:
        refused = httpx.post(f"{url}/login", data=form, timeout=60)
        assert refused.status_code == 403
        assert "--allowed-hosts paint.example.com" in refused.json()["detail"]
    told["X-Forwarded-Host"] = "192.0.2.7"
    with proxying(Way(behind.url, headers=told)) as url:
        assert "; Secure" in httpx.post(f"{url}/login", data=form, timeout=60).headers["set-cookie"]
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        servers = httpx.get(f"{url}/api/openapi.json", headers=bearer, timeout=60).json()["servers"]
        assert servers == [{"url": "https://192.0.2.7/paint"}]
    with proxying(Way(locked.url, headers=told)) as url:
        assert "; Secure" not in httpx.post(f"{url}/login", data=form, timeout=60).headers["set-cookie"]


# -- the documentation ---------------------------------------------------------------------------------------------

DEPLOYING = Path(__file__).parents[1] / "docs" / "deploy.md"


def test_the_configuration_in_the_docs(launch):
    """What docs/deploy.md says for nginx, word by word but for the ports and TLS: a photo of three megabytes gets
    through, and the clients behind it count one by one."""
    at_root, below = re.findall(r"```nginx\n(.*?)```", DEPLOYING.read_text(), re.DOTALL)
    for text, path, root_path in ((at_root, "", ""), (f"server {{ listen 443 ssl;\n{below} }}", "/paint", "/paint")):
        options = dict(allowed_hosts="paint.example.com", trusted_proxies="127.0.0.1", root_path=root_path)
        live = launch(auth=f"{USER}:{PASSWORD}", **options)
        port = free_port()
        changed = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port}").replace("http://127.0.0.1:7860", live.url)
        with nginx_with(changed, port):
            url, host = f"http://127.0.0.1:{port}{path}", {"Host": "paint.example.com"}
            with httpx.Client(base_url=url, headers=host, auth=(USER, PASSWORD), timeout=60) as http:
                assert http.get("/").status_code == 200
                noise = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), np.uint8)
                assert http.post("/api/upload", files={"file": ("a.png", to_png(noise))}).status_code == 200
                servers = http.get("/api/openapi.json").json()["servers"]
                assert servers == [{"url": f"http://paint.example.com{path}"}]


# -- who is believed -----------------------------------------------------------------------------------------------


def test_an_address_anybody_can_write_counts_for_nothing(launch, stopped_clock):
    """X-Forwarded-For is not believed: not from a program on this machine, not through a proxy nobody named."""
    live = launch(requests_per_minute=5)
    with proxying(Way(live.url)) as url:
        codes = [
            httpx.get(
                f"{where}/api/cache-status", headers={"X-Forwarded-For": f"203.0.113.{i}"}, timeout=60
            ).status_code
            for i, where in enumerate([live.url, url] * 4)
        ]
    assert codes == [200] * 5 + [429] * 3


def test_behind_a_trusted_proxy_each_client_counts(launch, stopped_clock):
    """The address the proxy saw counts, not what the client wrote before it."""
    live = launch(requests_per_minute=2, trusted_proxies="127.0.0.1")

    def ask(seen: str, wrote: str = "") -> int:
        chain = ", ".join(filter(None, (wrote, seen)))
        return httpx.get(f"{live.url}/api/cache-status", headers={"X-Forwarded-For": chain}, timeout=60).status_code

    assert [ask("203.0.113.1"), ask("203.0.113.1", "10.9.8.7"), ask("203.0.113.1", "10.9.8.6")] == [200, 200, 429]
    assert ask("203.0.113.2") == 200
    network = [ask(f"2001:db8::{i:x}") for i in range(1, 4)]
    assert network == [200, 200, 429]
    assert ask("2001:db8:0:1::1") == 200


def scope(peer="127.0.0.1", path="/x", root="", **headers):
    """An ASGI scope of a request."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "client": (peer, 5),
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": root,
        "headers": raw,
    }


TOLD = dict(x_forwarded_for="198.51.100.1, 10.0.0.9", x_forwarded_proto="https", x_forwarded_host="a.example")


@pytest.mark.parametrize(
    ("trusted", "peer", "told", "client", "scheme", "host"),
    [
        ("", "127.0.0.1", TOLD, "127.0.0.1", "http", "h"),
        ("10.0.0.0/8", "127.0.0.1", TOLD, "127.0.0.1", "http", "h"),
        ("127.0.0.1", "127.0.0.1", TOLD, "10.0.0.9", "https", "a.example"),
        ("127.0.0.1, 10.0.0.0/8", "127.0.0.1", TOLD, "198.51.100.1", "https", "a.example"),
        ("127.0.0.1", "::ffff:127.0.0.1", TOLD, "10.0.0.9", "https", "a.example"),
        ("127.0.0.1", "127.0.0.1", {}, "127.0.0.1", "http", "h"),
        ("127.0.0.1", "127.0.0.1", {"x_real_ip": "198.51.100.2"}, "198.51.100.2", "http", "h"),
        ("127.0.0.1", "127.0.0.1", {"x_forwarded_for": '"[2001:db8::7]:443"'}, "2001:db8::/64", "http", "h"),
        ("127.0.0.1", "127.0.0.1", {"x_forwarded_for": "198.51.100.3:999"}, "198.51.100.3", "http", "h"),
        ("127.0.0.1", "127.0.0.1", {"x_forwarded_proto": "gopher"}, "127.0.0.1", "http", "h"),
        ("127.0.0.1", "127.0.0.1", {"x_forwarded_port": "8443"}, "127.0.0.1", "http", "h:8443"),
    ],
)
def test_what_proxies_say(trusted, peer, told, client, scheme, host):
    """Believed of those that are trusted, through as many of them as there are, and taken away in any case."""
    seen, _ = resolved(scope(peer, host="h", **told), TrustedProxies.parse(trusted))
    headers = dict(seen["headers"])
    assert (seen["client"][0], seen["scheme"], headers[b"host"].decode()) == (client, scheme, host)
    assert set(headers) == {b"host"}


@pytest.mark.parametrize("prefix", ["/paint", "/a/b/"])
def test_a_prefix_comes_from_trusted_proxies_only(prefix):
    """X-Forwarded-Prefix."""
    told = scope(host="h", x_forwarded_prefix=prefix)
    assert resolved(told, TrustedProxies.parse("127.0.0.1"))[1] == prefix.rstrip("/")
    assert resolved(told, TrustedProxies.parse("10.0.0.1"))[1] == ""


@pytest.mark.parametrize("prefix", ["//evil.example", "/a b", "/<script>", "/../..//", "https://x", '/"'])
def test_a_prefix_that_is_no_path_is_ignored(prefix):
    """It would be written into the page."""
    assert resolved(scope(host="h", x_forwarded_prefix=prefix), TrustedProxies.parse("127.0.0.1"))[1] == ""


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/x", "/paint/x"),
        ("/paint/x", "/paint/x"),
        ("/paint", "/paint"),
        ("/", "/paint/"),
        ("/painted", "/paint/painted"),
    ],
)
def test_paths_below_the_root(path, below):
    """With or without the prefix, in `path` and in `raw_path`."""
    seen = rebased(scope(path=path), RootPath.parse("/paint"))
    assert (seen["path"], seen["raw_path"], seen["root_path"]) == (below, below.encode(), "/paint")


@pytest.mark.parametrize(
    "text", ["/a b", "ftp://x", "https://", "https://[::1", "https://x/?a", "/a?b", "/../x", "/a//b"]
)
def test_what_is_no_root_path_is_refused_at_the_start(text):
    """With the flag and an example."""
    with pytest.raises(InvalidInput, match="--root-path must be a path like /paint"):
        RootPath.parse(text)


@pytest.mark.parametrize("text", ["x", "10.0.0.0/99", "127.0.0.1:80", "*"])
def test_what_is_no_network_is_refused_at_the_start(text):
    """With the flag and an example."""
    with pytest.raises(InvalidInput, match="--trusted-proxies must be addresses or networks"):
        TrustedProxies.parse(text)


def test_addresses_that_are_none_count_as_they_are():
    """A proxy may say "unknown"."""
    assert counted_as("unknown") == "unknown"
    assert counted_as("fe80::1%eth0") == "fe80::/64"


def test_whoever_forgot_to_name_the_proxy_is_told(launch, caplog):
    """Once, in the log: with the flag."""
    live = launch()
    for _ in range(3):
        httpx.get(f"{live.url}/api/health", headers={"X-Forwarded-For": "198.51.100.1"}, timeout=60)
    (said,) = [one.getMessage() for one in caplog.records if "X-Forwarded-For" in one.getMessage()]
    assert "--trusted-proxies 127.0.0.1" in said


@pytest.mark.parametrize(
    ("peer", "headers", "status", "client", "scheme"),
    [
        ("127.0.0.1", {"host": "abc.gradio.live"}, 200, "127.0.0.1", "https"),
        ("127.0.0.1", {"host": "abc.gradio.live", "x_forwarded_for": "198.51.100.1"}, 200, "198.51.100.1", "https"),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_host": "abc.gradio.live"}, 200, "127.0.0.1", "https"),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_for": "198.51.100.1"}, 200, "127.0.0.1", "http"),
        ("192.0.2.1", {"host": "abc.gradio.live", "x_forwarded_for": "198.51.100.1"}, 200, "192.0.2.1", "http"),
        ("127.0.0.1", {"host": "other.gradio.live"}, 403, None, None),
    ],
)
def test_a_public_link(peer, headers, status, client, scheme):
    """What comes by its name through the tunnel, which ends on this machine, is https and counts by who asks; another
    link's name is not ours."""
    seen, sent = [], []

    async def app(scope, receive, send):
        seen.append(scope)

    async def send(message):
        sent.append(message)

    front = Front(app, hosts=AllowedHosts(), trusted=TrustedProxies(), root=RootPath(), shared_as=("abc.gradio.live",))
    asyncio.run(front({**scope(peer, **headers), "method": "GET", "query_string": b""}, None, send))
    if status == 200:
        assert (seen[0]["client"][0], seen[0]["scheme"]) == (client, scheme)
    else:
        assert (seen, sent[0]["status"]) == ([], status)
