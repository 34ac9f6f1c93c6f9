"""Photos by address: public servers only, whatever names, redirects and numbers say."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from sam2_painter.errors import InvalidInput, TooLarge
from sam2_painter.photos import urls

PHOTO = b"\xff\xd8 a photo"


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A web server; /leads/X redirects to X, /slow says more than it has."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/leads/"):
                self.send_response(302)
                self.send_header("Location", self.path.removeprefix("/leads/"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(404 if self.path == "/nothing.jpg" else 200)
            self.send_header("Content-Length", str(len(PHOTO)))
            self.send_header("X-Host", self.headers["Host"])
            self.end_headers()
            self.wfile.write(PHOTO)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def public(monkeypatch):
    """photos.example is this machine, and counts as public; inside.example does not."""
    monkeypatch.setattr(urls, "_is_public", lambda address: address == "127.0.0.1")

    def lookup(host: str, port: int) -> list[str]:
        return {"photos.example": ["127.0.0.1"], "häuser.example": ["127.0.0.1"], "inside.example": ["127.0.0.2"]}[host]

    return lookup


def test_a_photo_is_fetched_with_its_name(server, public):
    """The bytes, and the file name that its address ends with; the server's name may have any letters."""
    for name in ("photos.example", "häuser.example"):
        address = f"http://{name}:{server.server_port}/a%20house.jpg?size=large"
        assert urls.fetch(address, lookup=public) == (PHOTO, "a house.jpg")


def test_a_redirect_is_checked_like_an_address(server, public):
    """To a public server it is followed; to one inside it is refused."""
    base = f"http://photos.example:{server.server_port}"
    assert urls.fetch(f"{base}/leads/{base}/b.jpg", lookup=public) == (PHOTO, "b.jpg")
    with pytest.raises(InvalidInput, match=r"inside\.example is not a public server"):
        urls.fetch(f"{base}/leads/http://inside.example:{server.server_port}/b.jpg", lookup=public)
    with pytest.raises(InvalidInput, match="begins with http"):
        urls.fetch(f"{base}/leads/file:///etc/passwd", lookup=public)


def test_redirects_come_to_an_end(server, public):
    """A circle of them is told."""
    base = f"http://photos.example:{server.server_port}"
    address = f"{base}/" + f"leads/{base}/" * 7 + "b.jpg"
    with pytest.raises(InvalidInput, match="more than 5 redirects"):
        urls.fetch(address, lookup=public)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "224.0.0.1",
        "64:ff9b::7f00:1", "::7f00:1", "fec0::1",
        "255.255.255.255",
    ],
)  # fmt: skip
def test_machines_inside_are_never_asked(address):
    """A name that leads to such an address is refused, also when it has a public one beside it."""
    for addresses in ([address], ["93.184.216.34", address]):
        with pytest.raises(InvalidInput, match="is not a public server"):
            urls.fetch("http://photos.example/a.jpg", lookup=lambda host, port, found=addresses: found)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://photos.example/a.jpg",
        "file:///etc/passwd",
        "http://",
        "http://user:pass@photos.example/",
        "http://[::1",
        "http://photos.example:99999/",
        "http://photos.example/" + "a" * 3000,
        "http://photos.example/a\x00.jpg",
        "http://photos.example/\ud800.jpg",
    ],
    ids=lambda url: url[:40],
)
def test_what_is_no_address_of_a_photo(url, public):
    """One sentence, before anybody is asked."""
    with pytest.raises(InvalidInput, match="photo"):
        urls.fetch(url, lookup=public)


def test_an_unknown_name_is_told():
    """No server of that name."""

    def nobody(host: str, port: int) -> list[str]:
        raise OSError

    with pytest.raises(InvalidInput, match=r"There is no server nowhere\.example"):
        urls.fetch("https://nowhere.example/a.jpg", lookup=nobody)


def test_too_much_and_nothing(server, public):
    """A file above the limit is not read to its end; what is no 200 is no photo."""
    base = f"http://photos.example:{server.server_port}"
    with pytest.raises(TooLarge):
        urls.fetch(f"{base}/a.jpg", 4, lookup=public)
    with pytest.raises(InvalidInput, match="answered 404"):
        urls.fetch(f"{base}/nothing.jpg", lookup=public)


@pytest.mark.parametrize(
    "begin",
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"],
    ids=["head", "body without end", "body"],
)
def test_a_server_that_never_comes_to_an_end(begin, public, monkeypatch):
    """One that sends a byte now and then, of its head or its body, is left after the time for all of it."""
    monkeypatch.setattr(urls, "TOTAL_SECONDS", 0.3)
    left = threading.Event()

    class Dripping(BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(begin)
            with suppress(OSError):
                for _ in range(3000):  # in vain: the first to see that nobody listens ends it
                    self.request.sendall(b"H")
                    time.sleep(0.01)
            left.set()

    with ThreadingTCPServer(("127.0.0.1", 0), Dripping) as made:
        made.daemon_threads = True
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        with pytest.raises(InvalidInput, match=r"takes longer than 0\.3 s"):
            urls.fetch(f"http://photos.example:{made.server_address[1]}/a.jpg", lookup=public)
        assert left.wait(10)
        made.shutdown()
