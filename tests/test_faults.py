"""The fifteen faults of the original, each tried on a live server or the verbs it calls: none may happen here."""

import base64
import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import Doors, draw_building, eventually, make_studio, to_png
from engines import FloodEngine, HeldEngine
from PIL import Image
from work import counted_calls

pytest.importorskip("gradio", reason="the doors need gradio")

from sam2_painter.errors import EngineUnavailable
from sam2_painter.masks.operations import mask_from_png
from sam2_painter.rle import mask_to_rle, rle_to_mask
from sam2_painter.sessions.store import SessionStore
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Limits
from sam2_painter.types import Mask, Prompts


def decoded(text: str, size_hw: tuple[int, int] = (150, 200)) -> np.ndarray:
    """A mask as it comes back, as (H, W) bool."""
    return rle_to_mask(mask_from_png(text, size_hw))


def picture(data: bytes) -> np.ndarray:
    """(H, W, 3) of a picture's file."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_1_two_photos_of_one_name_are_two(doors: Doors):
    """Uploads are never found again by their file name."""
    other = draw_building()[:, ::-1]
    mine, theirs = doors.open(name="house.png"), doors.open(to_png(other), name="house.png")
    assert mine != theirs
    made = doors.http("download_image", session_id=theirs).json()
    assert (picture(doors.live.http.get(made["image_url"]).content) == other).all()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_2_a_click_lands_where_it_was_made(doors: Doors, orientation):
    """At (1500, 1000) of a photo larger than 2048 pixels, however the camera was held."""
    pixels = np.zeros((2200, 3000, 3), np.uint8)
    pixels[900:1100, 1400:1600] = 255
    stored = np.rot90(pixels, {1: 0, 3: 2, 6: 1, 8: 3}[orientation])  # as the camera wrote it
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(stored)).save(out, "PNG", exif=exif, compress_level=1)
    session_id = doors.open(out.getvalue())
    reply = doors.http("segment", session_id=session_id, points=[{"x": 1500, "y": 1000}], mask_format="rle").json()
    assert reply["bbox"] == [1400, 900, 200, 200]
    info = doors.http("session_info", session_id=session_id).json()
    assert (info["width"], info["height"]) == (3000, 2200)


def test_3_boxes_are_what_they_say(doors: Doors):
    """bbox is [x, y, width, height] around the mask, of /segment too; instant lookups find every mask by its pixels."""
    session_id = doors.open()
    found = doors.http("generate_masks", session_id=session_id).json()["masks"]
    for one in found:
        inside = decoded(one["mask"])
        ys, xs = np.nonzero(inside)
        assert one["bbox"] == [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
        assert one["area"] == inside.sum()
        middle = len(xs) // 2
        point = [int(xs[middle]), int(ys[middle])]
        hit = doors.http("get_mask_at_point_instant", session_id=session_id, point=point).json()
        assert hit["mask_id"] == one["id"]
    door = doors.http("segment", session_id=session_id, points=[{"x": 70, "y": 130}]).json()
    assert door["bbox"] == [60, 112, 20, 38]


def test_4_mask_0_opacity_0_and_opacity_1_are_taken_at_their_word(doors: Doors):
    """Mask 0 is painted; 0 changes nothing; 1 leaves no trace; the download is the preview; twice is the same."""
    session_id = doors.open()
    wall = doors.http("generate_masks", session_id=session_id).json()["masks"][0]
    assert wall["id"] == 0
    inside = decoded(wall["mask"])
    core = np.zeros_like(inside)
    core[6:-6, 6:-6] = inside[6:-6, 6:-6] & inside[:-12, 6:-6] & inside[12:, 6:-6] & inside[6:-6, :-12]

    def painted(opacity: float) -> np.ndarray:
        fields = {"session_id": session_id, "mask_id": 0, "color": "#3060c0", "opacity": opacity}
        return picture(base64.b64decode(doors.http("paint_mask", **fields).json()["painted_image"]))

    assert (painted(0) == draw_building()).all()
    full = painted(1)
    assert (full == painted(1)).all()  # no noise
    assert (full[~inside] == draw_building()[~inside]).all()
    spread = full[core].reshape(-1, 3).astype(int)
    assert (spread[:, 2] > spread[:, 0] + 40).all()  # a blue wall: nothing of the beige shines through
    made = doors.http("download_painted_image", session_id=session_id).json()
    assert (picture(doors.live.http.get(made["image_url"]).content) == full).all()


def test_5_answers_are_remembered_by_all_they_depend_on(doors: Doors):
    """Other parameters, or a photo that differs in one late pixel, are another question."""
    session_id = doors.open()
    first = doors.http("generate_masks_cached", session_id=session_id, points_per_side=17).json()
    again = doors.http("generate_masks_cached", session_id=session_id, points_per_side=17).json()
    other = doors.http("generate_masks_cached", session_id=session_id, points_per_side=18).json()
    assert (first["cached"], again["cached"], other["cached"]) == (False, True, False)
    assert again["masks"] == first["masks"]
    changed = draw_building()
    changed[-1, -1] = 255 - changed[-1, -1]
    late = doors.http("generate_masks_cached", session_id=doors.open(to_png(changed)), points_per_side=17).json()
    assert not late["cached"]


def test_6_users_are_never_mixed(tmp_path):
    """Two photos asked about from eight threads: each answer is of its own photo."""
    studio = make_studio(tmp_path)
    photos = [to_png(draw_building()), to_png(draw_building()[:, ::-1])]
    sessions = [studio.open(data) for data in photos for _ in range(4)]
    windows = [(40, 52, 16, 20), (200 - 56, 52, 16, 20)]

    def ask(number: int) -> bool:
        which = number % len(sessions)
        x, y, w, h = windows[which // 4]
        for _ in range(5):
            studio.clear_cache()
            selected = studio.segment(sessions[which].id, Prompts.click(x + w // 2, y + h // 2))
            if selected.masks[selected.selection.mask_id].bbox != (x, y, w, h):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(16)))


def test_7_the_photo_is_read_once(launch):
    """An embedding is the engine's own, computed once, and `cached` is true only when it was there."""
    engine = FloodEngine()
    doors = Doors(launch(engine))
    session_id = doors.open()
    first = doors.http("get_embedding", session_id=session_id).json()
    again = doors.http("get_embedding", session_id=session_id).json()
    assert (first["cached"], again["cached"]) == (False, True)
    assert first["embedding"]["shapes"] == [[150, 200]]
    assert first["embedding"]["bytes"] == 150 * 200 * 4
    for x in (20, 60, 100, 140):
        doors.http("segment", session_id=session_id, points=[{"x": x, "y": 80}])
    with ThreadPoolExecutor(8) as pool:  # the same question at the same time is computed once
        list(pool.map(lambda _: doors.http("generate_masks", session_id=session_id), range(8)))
    assert engine.asked == {"embed": 1, "predict": 4, "generate": 1}


def test_8_a_click_sends_a_point_and_finds_its_mask_at_once(studio, photo_bytes):
    """No mask travels to the server; among 150 masks the right one is found without decoding any."""
    session = studio.open(photo_bytes)
    pieces = []
    for number in range(150):
        piece = np.zeros((150, 200), bool)
        piece[number // 15 * 15 : number // 15 * 15 + 15, number % 15 * 13 : number % 15 * 13 + 13] = True
        pieces.append(Mask(mask_to_rle(piece)))
    with studio.sessions.edit(session.id) as edit:
        edit.set_automatic(edit.add(pieces))
    with counted_calls() as calls:
        for number in range(150):
            assert studio.mask_at(session.id, number % 15 * 13 + 5, number // 15 * 15 + 5).mask_id == number
    assert calls["mask_at"] == 150
    assert not calls["rle_to_mask"]


def test_9_other_requests_are_answered_while_one_works(launch):
    """Work for one does not make another wait."""
    engine = HeldEngine()
    live = launch(engine)
    doors = Doors(live)
    session_id, other = doors.open(), doors.open()
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=f"{live.url}/api", timeout=60) as client:
        slow = pool.submit(doors.http, "generate_masks", session_id=session_id)
        assert eventually(lambda: engine.asked["generate"])
        assert client.get(f"/session/{other}").status_code == 200
        assert client.get("/health").status_code == 200
        assert not slow.done()
        engine.let_go.set()
        assert slow.result().status_code == 200


def test_10_a_session_lives_while_it_is_used_and_then_leaves_nothing(tmp_path, photo_bytes):
    """An hour after its last use, not after its upload, photo, masks and downloads are gone from the disk."""
    now = [1_000_000.0]
    studio = make_studio(tmp_path)
    studio.sessions = SessionStore(tmp_path / "u", tmp_path / "m", tmp_path / "r", ttl=3600, clock=lambda: now[0])
    session = studio.open(photo_bytes)
    for _ in range(5):
        now[0] += 3000
        studio.mask_at(session.id, *_a_mask(studio, session.id))
    studio.download(session.id)
    assert [path for path in tmp_path.rglob("*") if session.id in str(path)]
    now[0] += 3601
    studio.sessions.sweep()
    assert not [path for path in tmp_path.rglob("*") if session.id in str(path)]
    assert studio.sessions.count() == 0


def _a_mask(studio, session_id: str) -> tuple[int, int]:
    studio.generate(session_id)
    return 100, 80


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("paint_mask", {"mask_id": 0, "color": "#ff"}, 400),
        ("paint_mask", {"mask_id": 0, "color": "#fffffg"}, 400),
        ("get_mask_at_point", {"point": [5, 5]}, 404),
        ("combine_masks", {"mask_ids": [7]}, 404),
        ("segment", {"points": [{"x": -1, "y": 5}]}, 400),
    ],
    ids=["short colour", "no hex", "no mask there", "no such mask", "outside"],
)
def test_11_a_mistake_is_not_our_error(doors: Doors, name, fields, status):
    """400 or 404 with a sentence, never 500."""
    reply = doors.http(name, session_id=doors.open(), **fields)
    assert reply.status_code == status
    assert reply.json()["detail"]


def test_11_three_digits_are_a_colour(doors: Doors):
    """#fff is white."""
    session_id = doors.open()
    doors.http("generate_masks", session_id=session_id)
    assert doors.http("paint_mask", session_id=session_id, mask_id=0, color="#fff").status_code == 200


def test_12_nobody_sees_or_clears_what_is_not_theirs(doors: Doors):
    """Listing and clearing act on the session named; no answer holds anybody else's id; no origin is let in."""
    mine, theirs = doors.open(), doors.open(to_png(draw_building(222, 150)))
    doors.http("download_image", session_id=theirs)
    doors.http("get_embedding", session_id=theirs)
    assert doors.http("list_downloads", session_id=mine).json()["total_files"] == 0
    assert doors.http("list_downloads").json()["downloads"] == []
    assert doors.http("clear_cache").status_code == 401
    doors.http("clear_cache", session_id=mine)
    assert doors.http("get_embedding", session_id=theirs).json()["cached"]
    for path in ("", "/health", "/cache-status", "/list-downloads", f"/list-downloads?session_id={mine}"):
        reply = doors.live.http.get(path, headers={"Origin": "https://evil.example"})
        assert theirs not in reply.text
        assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("name", ["фасад.jpg", "house #1.png", "a..b.png"])
def test_13_a_download_of_any_name_comes(doors: Doors, name):
    """Cyrillic, a hash, two dots."""
    made = doors.http("download_image", session_id=doors.open(name=name), format="JPG", quality=90).json()
    reply = doors.live.http.get(made["image_url"])
    assert reply.status_code == 200
    assert picture(reply.content).shape == (150, 200, 3)


class Remote(FloodEngine):
    """An engine whose service comes and goes."""

    name = "modal/test"
    there = False

    def predict(self, embedding, prompts):
        """An answer, or none."""
        if not self.there:
            raise EngineUnavailable("SAM 2 on Modal cannot be reached.")
        return super().predict(embedding, prompts)


def test_14_health_tells_the_truth_and_limits_agree(launch):
    """Degraded when the service failed and well again when it answers, never asked for its own sake; and the limits
    a client hears of are those the server keeps."""
    remote = Remote()
    doors = Doors(launch(remote))

    def health() -> tuple[str, str]:
        told = doors.http("health").json()
        return told["status"], told["modal_status"]["status"]

    session_id = doors.open()
    assert health() == ("healthy", "configured")
    failed = doors.http("segment", session_id=session_id, points=[{"x": 9, "y": 9}])
    assert failed.status_code == 503
    assert int(failed.headers["retry-after"]) >= 1
    assert health() == ("degraded", "failing: SAM 2 on Modal cannot be reached.")
    remote.there = True
    asked = dict(remote.asked)
    assert health()[0] == "degraded"
    assert remote.asked == asked
    doors.http("segment", session_id=session_id, points=[{"x": 9, "y": 9}])
    assert health() == ("healthy", "healthy")
    settings, limits = Settings(), Limits()
    for what in ("upload", "segment", "generate", "paint", "download"):
        assert getattr(limits, what) == getattr(settings.limits, what)
    promised = dict(upload=60, segment=60, generate=120, paint=60, download=30)
    assert {what: getattr(settings.limits, what) for what in promised} == promised


def test_15_no_address_is_built_in():
    """Without MODAL_BASE_URL there is no remote service, and nobody's server is called."""
    assert Settings.from_env({}).modal.base_url == ""
    package = Path(__file__).parent.parent / "sam2_painter"
    assert not [
        path
        for path in package.rglob("*.py")
        if re.search(r"https://(?!you)[\w.-]*modal\.run", path.read_text("utf-8"))
    ]
