"""SAM 2's weights: found, fetched once, checked; and one sentence where they cannot be had. Needs no torch."""

from __future__ import annotations

import threading
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sam2_painter.engines.sam2 import weights
from sam2_painter.errors import EngineUnavailable, InvalidInput

hub_constants = pytest.importorskip("huggingface_hub.constants", reason="the hub's client is not installed")

FILE = b"the weights of a network" * 1000


class Hub(BaseHTTPRequestHandler):
    """A hub of one file. paths: what was asked for."""

    content = FILE
    status = 200
    paths: list[str] = []  # noqa: RUF012 - one list for the one hub of a test

    def do_HEAD(self):
        self._reply()

    def do_GET(self):
        self._reply(self.content)

    def _reply(self, body: bytes = b""):
        self.paths.append(self.path)
        self.send_response(self.status)
        self.send_header("ETag", f'"{sha256(self.content).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.path.split("/resolve/")[-1].partition("/")[0])
        self.send_header("Content-Length", str(len(self.content) if self.status == 200 else 0))
        self.end_headers()
        if self.status == 200:
            self.wfile.write(body)

    def log_message(self, *args):
        """Silence."""


@pytest.fixture
def hub(monkeypatch):
    """A hub on loopback that has the tiny weights, or what stands for them."""
    handler = type("OneHub", (Hub,), {"paths": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setattr(hub_constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(
        hub_constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        hub_constants.ENDPOINT + "/{repo_id}/resolve/{revision}/{filename}",
    )
    tiny = replace(weights.RELEASES["tiny"], sha256=sha256(FILE).hexdigest(), nbytes=len(FILE))
    monkeypatch.setitem(weights.RELEASES, "tiny", tiny)
    yield handler
    server.shutdown()
    server.server_close()


def test_they_are_fetched_once_at_a_pinned_revision(hub, tmp_path):
    """The first time from the hub into the folder that was set; then without the hub."""
    first = weights.find("tiny", cache_dir=tmp_path)
    assert first.path.read_bytes() == FILE
    assert first.path.is_relative_to(tmp_path)
    assert first.id == sha256(FILE).hexdigest()[:8]
    release = weights.RELEASES["tiny"]
    fetched = [path for path in hub.paths if "/resolve/" in path]
    assert {path.partition("?")[0] for path in fetched} == {
        f"/{release.repo}/resolve/{release.revision}/{release.file}"
    }, hub.paths
    hub.paths.clear()
    assert weights.find("tiny", cache_dir=tmp_path) == first
    assert hub.paths == []


def test_a_damaged_download_is_thrown_away(hub, tmp_path):
    """Bytes with another hash are refused and not kept: the next try fetches them anew."""
    hub.content = FILE[:-1] + b"?"
    with pytest.raises(EngineUnavailable, match="came damaged"):
        weights.find("tiny", cache_dir=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size == len(FILE)]
    hub.content = FILE
    assert weights.find("tiny", cache_dir=tmp_path).path.read_bytes() == FILE


@pytest.mark.parametrize("status", [401, 404])
def test_a_hub_that_refuses(hub, tmp_path, status):
    """It says which weights, and what to do."""
    hub.status = status
    with pytest.raises(EngineUnavailable, match=r"facebook/sam2\.1-hiera-tiny .* SAM2_CHECKPOINT"):
        weights.find("tiny", cache_dir=tmp_path)


@pytest.mark.parametrize("how", ["closed", "offline"])
def test_a_hub_that_cannot_be_reached(monkeypatch, tmp_path, how):
    """At once, not after the hub client's own half minute: how large they are, who is missing, what to do."""
    monkeypatch.setattr(hub_constants, "ENDPOINT", "http://127.0.0.1:9")
    if how == "offline":
        monkeypatch.setattr(hub_constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(EngineUnavailable, match=r"156 MB.*127\.0\.0\.1:9 cannot be reached.*SAM2_CHECKPOINT"):
        weights.find("tiny", cache_dir=tmp_path)


def test_a_file_of_ones_own(tmp_path):
    """SAM2_CHECKPOINT is taken as it is, named by its hash; one that is not there is said."""
    path = tmp_path / "mine.pt"
    path.write_bytes(FILE)
    assert weights.find("large", path) == weights.Weights(path, sha256(FILE).hexdigest()[:8])
    with pytest.raises(EngineUnavailable, match=r"no file .*other\.pt: set SAM2_CHECKPOINT"):
        weights.find("large", tmp_path / "other.pt")


def test_every_release_is_pinned():
    """A commit and a sha256 each; an unknown size is the caller's mistake."""
    for release in weights.RELEASES.values():
        assert (len(release.revision), len(release.sha256)) == (40, 64)
        assert int(release.revision + release.sha256, 16)
    with pytest.raises(InvalidInput, match="tiny, small, base-plus, large"):
        weights.release("huge")
