"""The page's document: our own name, picture and icons, and small on the wire."""

import gzip
import io
import re

import httpx
import pytest
from PIL import Image

pytest.importorskip("gradio_client", reason="the doors need gradio")

from sam2_painter.web.middleware.document import DESCRIPTION, TITLE


@pytest.fixture(scope="module")
def page(server):
    """The page's HTML as a browser gets it, unpacked."""
    return httpx.get(server.url, timeout=60).text


def metas(page: str) -> dict[str, str]:
    """What the head says by property or name; each only once."""
    found = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', page)
    assert len(found) == len(dict(found))
    return dict(found)


def test_a_link_to_the_page_shows_our_own(server, page):
    """Title, sentence and picture of ours; nothing of Gradio's, and no template left unfilled."""
    told = metas(page)
    assert told["og:title"] == TITLE
    assert told["og:description"] == told["description"] == DESCRIPTION
    assert told["og:url"] == f"{server.url}/"
    assert told["og:image"] == f"{server.url}/preview.jpg"
    assert told["twitter:card"] == "summary_large_image"
    assert page.count("<title>") == 1
    head = page.partition("window.gradio_config")[0] + page.rpartition("</script>")[2]
    assert "{url}" not in head
    assert not re.search(r"@?Gradio|gradio\.app|githubusercontent", head)


def test_the_picture_is_as_large_as_it_says(server, page):
    """1200x630, and light enough for those who fetch previews."""
    told = metas(page)
    reply = httpx.get(told["og:image"], timeout=60)
    assert reply.headers["content-type"] == "image/jpeg"
    assert len(reply.content) < 300_000
    size = Image.open(io.BytesIO(reply.content)).size
    assert size == (int(told["og:image:width"]), int(told["og:image:height"]))


def test_icons_and_manifest(server, page):
    """It can be installed as an app under our name; every icon is there, of the size that is said."""
    links = dict(re.findall(r'<link rel="([\w-]+)" href="(\./[^"]+)"', page))
    assert {"icon", "apple-touch-icon", "manifest"} <= links.keys()
    reply = httpx.get(f"{server.url}/{links['manifest']}", timeout=60)
    assert reply.headers["content-type"] == "application/manifest+json"
    manifest = reply.json()
    assert manifest["name"] == TITLE
    assert manifest["start_url"] == "./"
    for icon in manifest["icons"]:
        assert not icon["src"].startswith("/")
        picture = httpx.get(f"{server.url}/{icon['src']}", timeout=60)
        assert picture.headers["content-type"] == icon["type"]
        if icon["sizes"] != "any":
            assert "x".join(map(str, Image.open(io.BytesIO(picture.content)).size)) == icon["sizes"]
    assert httpx.get(f"{server.url}/favicon.ico", timeout=60).headers["content-type"] == "image/png"


def test_it_is_small_on_the_wire(server, page):
    """Less than 100 KB for a browser that unpacks; the same words for one that does not."""
    with httpx.stream("GET", server.url, timeout=60) as reply:
        assert reply.headers["content-encoding"] == "gzip"
        sent = b"".join(reply.iter_raw())
    assert len(sent) < 100 * 1024
    assert gzip.decompress(sent).decode() == page
    plain = httpx.get(server.url, headers={"Accept-Encoding": "identity"}, timeout=60)
    assert "content-encoding" not in plain.headers
    assert plain.text == page


def test_a_reload_sends_nothing_again(server):
    """304 where the browser has it."""
    first = httpx.get(server.url, timeout=60)
    again = httpx.get(server.url, headers={"If-None-Match": first.headers["etag"]}, timeout=60)
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "private, no-cache"


def test_a_name_in_the_address_is_no_markup(launch):
    """Whatever names are allowed, the address is text in the page."""
    live = launch(allowed_hosts="*")
    for host in ("a.example", "A.Example:81"):
        told = metas(httpx.get(live.url, headers={"Host": host}, timeout=60).text)
        assert told["og:url"].lower() == f"http://{host.lower()}/"
    for host in ('"><script>', "a'b", "a<b"):
        assert httpx.get(live.url, headers={"Host": host}, timeout=60).status_code == 400


def test_head_says_what_get_would(server):
    """Of the same length, without the body."""
    reply = httpx.head(server.url, headers={"Accept-Encoding": "identity"}, timeout=60)
    assert reply.status_code == 200
    assert int(reply.headers["content-length"]) == len(
        httpx.get(server.url, headers={"Accept-Encoding": "identity"}, timeout=60).content
    )
