"""Hostile input at the doors: pictures, names, numbers, masks and JSON made to hurt. One sentence, no crash."""

import base64
import json
import math
import struct
import sys
import zlib
from contextlib import suppress
from io import BytesIO

import httpx
import numpy as np
import pytest
from conftest import Live, draw_building, to_png
from PIL import Image

from sam2_painter.errors import InvalidInput, NotAnImage, PainterError, SessionNotFound
from sam2_painter.types import Coat, Prompts

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, packed: bytes, *extra: bytes, depth: int = 8, color: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def encoded(format: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = BytesIO()
    (image or Image.fromarray(draw_building())).save(out, format, **options)
    return out.getvalue()


def animated(format: str) -> bytes:
    frames = [Image.fromarray(np.full((20, 30, 3), value, np.uint8)) for value in (10, 200)]
    return encoded(format, frames[0], save_all=True, append_images=frames[1:])


WHOLE = encoded("JPEG", quality=90)
JUNK = bytes(range(256)) * 64

NO_PICTURES = {
    "empty": b"",
    "text": b"hello",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
    "svg with an address": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>',
    "pdf": b"%PDF-1.7\n" + JUNK,
    "zip": b"PK\x03\x04" + JUNK,
    "gif": encoded("GIF"),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\n",
    "a JPEG's first bytes": WHOLE[:3],
    "a PNG's first bytes": PNG,
    "a PNG of no pixels": png(0, 0, zlib.compress(b"")),
    "a PNG with no data": PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0)) + chunk(b"IEND", b""),
    "a PNG bomb": png(60_000, 60_000, zlib.compress(bytes(100_000))),
    "a PNG of 2^31 pixels a side": png(2**31 - 1, 2**31 - 1, zlib.compress(b"")),
    "a PNG that says another size": png(3000, 2000, zlib.compress(bytes(100))),
    "half a JPEG": WHOLE[: len(WHOLE) // 2],
    "a JPEG that says 65535x65535": WHOLE.replace(
        WHOLE[WHOLE.index(b"\xff\xc0") + 5 : WHOLE.index(b"\xff\xc0") + 9], b"\xff\xff\xff\xff", 1
    ),
    "a BMP that says 2^31 rows": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 9, 2**31 - 1, 1, 24, *[0] * 6),
    "a TIFF whose directory points at itself": b"II*\0" + struct.pack("<IHI", 8, 0, 8),
    "a TIFF that points past its end": b"II*\0" + struct.pack("<I", 2**31),
    "a WebP that says 16383x16383": b"RIFF"
    + struct.pack("<I", 22)
    + b"WEBPVP8X"
    + struct.pack("<II", 10, 0)
    + b"\xfe\x3f\0" * 2,
    "base64 of junk": base64.b64encode(JUNK),
}

PICTURES = {
    "one pixel": (to_png(np.full((1, 1, 3), 7, np.uint8)), (1, 1)),
    "65535 wide": (to_png(np.zeros((1, 65535, 3), np.uint8)), (1, 65535)),
    "65500 high JPEG": (encoded("JPEG", Image.new("RGB", (1, 65500))), (65500, 1)),
    "CMYK": (encoded("JPEG", Image.fromarray(draw_building()).convert("CMYK")), (150, 200)),
    "16 bit": (encoded("PNG", Image.fromarray(np.full((9, 9), 40_000, np.uint16))), (9, 9)),
    "animated WebP": (animated("WEBP"), (20, 30)),
    "animated PNG": (animated("PNG"), (20, 30)),
    "a GPS position in 60 kB of Exif": (encoded("JPEG", exif=b"Exif\0\0" + JUNK * 3 + b"x" * 10_000), (150, 200)),
    "junk for a profile": (encoded("PNG", icc_profile=JUNK), (150, 200)),
    "a profile that unpacks to a gigabyte": (
        png(2, 1, zlib.compress(b"\0" + b"\x40" * 6), chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2**24), 9))),
        (1, 2),
    ),
    "a comment of a megabyte": (
        png(2, 1, zlib.compress(b"\0" + b"\x40" * 6), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**24), 9))),
        (1, 2),
    ),
    "a polyglot of JPEG and zip": (WHOLE + b"PK\x03\x04" + JUNK, (150, 200)),
    "a polyglot of PNG and HTML": (to_png(draw_building()) + b"<script>alert(1)</script>", (150, 200)),
    "a JPEG called .png": (WHOLE, (150, 200)),
}


@pytest.mark.parametrize("data", NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_picture_is_refused(server: Live, data):
    """400, 413 or 415 with one sentence, as a file and as base64; no session and no file comes of it."""
    before = server.studio.sessions.count(), sorted(server.folder.glob("uploads/*"))
    for reply in (
        server.http.post("/upload", files={"file": ("photo.jpg", data, "image/jpeg")}),
        server.http.post("/upload", json={"file": base64.b64encode(data).decode()}),
    ):
        assert reply.status_code in (400, 413, 415), reply.text
        assert len(reply.json()["detail"]) < 300
    assert (server.studio.sessions.count(), sorted(server.folder.glob("uploads/*"))) == before


@pytest.mark.parametrize(("data", "size"), PICTURES.values(), ids=PICTURES)
def test_odd_pictures_can_be_painted(server: Live, data, size):
    """What is a picture after all goes the whole way: open, segment, paint, download in its own size."""
    reply = server.http.post("/upload", files={"file": ("photo.png", data)})
    assert reply.status_code == 200, reply.text
    opened = reply.json()
    assert (opened["height"], opened["width"]) == size
    sid, point = opened["session_id"], {"x": size[1] // 2, "y": size[0] // 2}
    mask_id = server.http.post("/segment", json={"session_id": sid, "points": [point]}).json()["mask_id"]
    painted = server.http.post("/paint-mask", json={"session_id": sid, "mask_id": mask_id, "color": "#b04020"})
    assert painted.status_code == 200, painted.text
    made = server.http.post("/download-painted-image", json={"session_id": sid}).json()
    with Image.open(BytesIO(server.http.get(made["image_url"]).content)) as picture:
        assert picture.size == size[::-1]


def test_a_panorama_wider_than_a_jpeg_comes_back_as_png(server: Live):
    """Large photos come back as JPEG, but for those that it cannot hold: 65500 pixels a side."""
    reply = server.http.post("/upload", files={"file": ("wide.png", to_png(np.zeros((62, 65_501, 3), np.uint8)))})
    assert reply.status_code == 200, reply.text
    with Image.open(BytesIO(base64.b64decode(reply.json()["image_data"]))) as picture:
        assert (picture.format, picture.size) == ("PNG", (65_501, 62))


NAMES = {
    "traversal": "../../../../etc/cron.d/evil.png",
    "Windows traversal": "..\\..\\windows\\system32\\evil.png",
    "absolute": "/etc/passwd",
    "NUL": "a\0b.png",
    "4 kB": "a" * 4096 + ".png",
    "right to left": "photo\u202egnp.exe",
    "emoji": "🏠" * 80 + ".png",
    "reserved": "CON",
    "reserved with a suffix": "aux.png",
    "dots": "..",
    "blank": " ",
    "line ends": "a\r\nSet-Cookie: x=1\r\n.png",
    "markup": "<b>x</b>.png",
    "quotes": "\"'`;$(id).png",
    "percent": "%2e%2e%2f%00.png",
    "combining": "a" + "\u0301" * 500,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_are_kept_as_text(server: Live, name):
    """Any name opens, comes back as text of bounded length, and names neither a path nor a header."""
    photo = base64.b64encode(to_png(draw_building(20, 15))).decode()
    opened = server.http.post("/upload", json={"file": photo, "filename": name})
    assert opened.status_code == 200, opened.text
    sid = opened.json()["session_id"]
    assert server.http.get(f"/session/{sid}").json()["filename"] == name[:255]
    for endpoint in ("/download-image", "/save-project", "/download-masks"):
        made = server.http.post(endpoint, json={"session_id": sid})
        assert made.status_code == 200, made.text
        reply = server.http.get(made.json()["image_url"])
        assert reply.status_code == 200
        assert "set-cookie" not in reply.headers
        assert len(made.json()["filename"]) < 120
    listed = server.http.get("/list-downloads", params={"session_id": sid}).json()["downloads"]
    assert len(listed) == 3
    inside = {path.name for path in (server.folder / "results" / sid).iterdir()}
    assert all(set(one) <= set("0123456789abcdef.pngzisojh") for one in inside)


@pytest.mark.parametrize("bad", ["\ud800", "a\udfff.png", "\udcff" * 300])
def test_half_characters_do_no_harm(server: Live, studio, bad):
    """A lone surrogate, which no file or database takes, is replaced or unknown, and in JSON refused at every door."""
    session = studio.open(to_png(draw_building()), bad)
    session.name.encode()
    studio.export(session.id, "project")
    studio.export(session.id, "coco")
    for call in (studio.session, studio.undo, studio.close):
        with pytest.raises(SessionNotFound):
            call(bad)
    with pytest.raises(PainterError):
        studio.sessions.download(bad)
    studio.click(session.id, 100, 90)
    studio.paint(session.id, [Coat((1, 2, 3), 0)])
    studio.edit_layer(session.id, 0, name=bad[:200])
    again = studio.open_project(studio.save_project(session.id))
    assert again.layers[0].name.isprintable()
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for name, data in (("session_info", [bad]), ("upload", ["AAAA", bad]), ("download_file", [bad])):
            body = json.dumps({"data": data}).encode()
            headers = {"Content-Type": "application/json"}
            refused = client.post(f"/gradio_api/call/{name}", content=body, headers=headers)
            assert refused.status_code == 422  # before anything is begun, as over plain HTTP
            assert "not JSON" in refused.json()["detail"]


# -- numbers


NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e308",
    "-1e308",
    "1e400",
    "-1",
    "99999999999999999999999999",
    "true",
    '"1"',
    "null",
]


@pytest.fixture(scope="module")
def sid(server: Live) -> str:
    """A session with mask 0 in it, that stays as it is."""
    opened = server.http.post("/upload", files={"file": ("a.png", to_png(draw_building()))}).json()["session_id"]
    server.http.post("/segment", json={"session_id": opened, "points": [{"x": 100, "y": 90}]})
    return opened


FIELDS = {
    "x": ("/segment", '{{"session_id": "{sid}", "points": [{{"x": {n}, "y": 5}}]}}'),
    "label": ("/segment", '{{"session_id": "{sid}", "points": [{{"x": 5, "y": 5, "label": {n}}}]}}'),
    "box": ("/segment", '{{"session_id": "{sid}", "boxes": [{{"x1": {n}, "y1": 0, "x2": 9, "y2": 9}}]}}'),
    "mask_id": ("/paint-mask", '{{"session_id": "{sid}", "mask_id": {n}, "color": "red"}}'),
    "opacity": ("/download-painted-image", '{{"session_id": "{sid}", "mask_id": 0, "opacity": {n}}}'),
    "quality": ("/download-image", '{{"session_id": "{sid}", "quality": {n}}}'),
    "points_per_side": ("/generate-masks", '{{"session_id": "{sid}", "points_per_side": {n}}}'),
    "stability": ("/generate-masks", '{{"session_id": "{sid}", "stability_score_thresh": {n}}}'),
    "crop layers": ("/generate-masks-advanced", '{{"session_id": "{sid}", "crop_n_layers": {n}}}'),
    "point": ("/get-mask-at-point", '{{"session_id": "{sid}", "point": [{n}, 5]}}'),
    "mask_ids": ("/combine-masks", '{{"session_id": "{sid}", "mask_ids": [{n}]}}'),
}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(("path", "body"), FIELDS.values(), ids=FIELDS)
def test_numbers_out_of_this_world(server: Live, sid, path, body, number):
    """400, 404 or 422 in a sentence (null may mean "not given"): never a 500, and never a change."""
    before = server.studio.session(sid).revision
    reply = server.http.post(path, content=body.format(sid=sid, n=number).encode())
    assert reply.status_code in ((200, 400, 404, 422) if number == "null" else (400, 404, 422)), reply.text
    if reply.status_code != 200:
        assert 0 < len(reply.json()["detail"]) < 400
        assert server.studio.session(sid).revision == before


WRONG = [math.nan, math.inf, -math.inf, 1e308, -1, "1", None, [], {}, 2**70, b"x", np.nan, 1j]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_numbers_at_the_studio(studio, photo_bytes, value):
    """Every verb that takes numbers refuses what is none with a PainterError, and the session stays."""
    sid = studio.open(photo_bytes).id
    studio.click(sid, 100, 90)
    studio.paint(sid, [Coat((1, 2, 3), 0)])
    before = studio.session(sid)
    for call in (
        lambda: studio.click(sid, value, 5),
        lambda: studio.segment(sid, Prompts([[5, value]], [1])),
        lambda: studio.remove_point(sid, value),
        lambda: studio.choose(sid, value),
        lambda: studio.paint(sid, [Coat((1, 2, 3), value)]),
        lambda: studio.paint(sid, [Coat((value, 2, 3), 0)]),
        lambda: studio.paint(sid, [Coat((1, 2, 3), 0, light=value)]),
        lambda: studio.edit_layer(sid, value, opacity=0.5),
        lambda: studio.edit_layer(sid, 0, opacity=value),
        lambda: studio.move_layer(sid, 0, value),
        lambda: studio.remove_layer(sid, value),
        lambda: studio.mask_at(sid, value, 5),
        lambda: studio.generate_at(sid, value, 5),
        lambda: studio.combine(sid, [value]),
        lambda: studio.download(sid, format="JPG", quality=value),
    ):
        with pytest.raises(PainterError):
            call()
    after = studio.session(sid)
    assert (after.revision, after.layers) == (before.revision, before.layers)


# -- masks, many points, deep JSON


def one_bit(size_wh, value=255) -> str:
    return base64.b64encode(encoded("PNG", Image.new("L", size_wh, value))).decode()


MASKS = {
    "of another size": one_bit((150, 200)),
    "one pixel": one_bit((1, 1)),
    "empty": one_bit((200, 150), 0),
    "a bomb": base64.b64encode(png(60_000, 60_000, zlib.compress(bytes(1000)), depth=8, color=0)).decode(),
    "a JPEG": base64.b64encode(WHOLE).decode(),
    "text": "hello",
    "nothing": "",
    "junk": base64.b64encode(JUNK).decode(),
    "an address": "https://example.com/mask.png",
    "a path": "/etc/passwd",
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("path", ["/segment", "/paint-mask", "/download-painted-image"])
def test_masks_that_do_not_fit(server: Live, sid, path, mask):
    """Refused in a sentence at every door that takes one; nothing is kept of them."""
    before = server.studio.session(sid)
    reply = server.http.post(path, json={"session_id": sid, "mask": mask, "color": "red"})
    if mask == MASKS["empty"] and path != "/paint-mask":  # nothing is pointed at, nothing is painted: no harm
        assert reply.status_code in (200, 400)
        return
    assert reply.status_code == 400, reply.text
    assert len(reply.json()["detail"]) < 300
    assert server.studio.session(sid).revision == before.revision


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_decoders_say_nothing_past_the_log(studio, capfd, compression):
    """A damaged TIFF is refused, or opened as far as it goes; libtiff's own lines do not reach standard error."""
    data = bytearray(encoded("TIFF", compression=compression))
    data[len(data) // 2 : len(data) * 3 // 4] = b"\x5a" * (len(data) * 3 // 4 - len(data) // 2)
    with suppress(NotAnImage):
        studio.open(bytes(data))
    sys.stderr.write("ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_ten_thousand_points(server: Live, sid, studio, photo_bytes):
    """Over HTTP they are too many and said so at once; below the limit they are answered."""
    points = [{"x": i % 200, "y": i % 150, "label": 1} for i in range(10_000)]
    reply = server.http.post("/segment", json={"session_id": sid, "points": points})
    assert reply.status_code == 400
    assert "at most" in reply.json()["detail"]
    assert server.http.post("/segment", json={"session_id": sid, "points": points[:1000]}).status_code == 200
    mine = studio.open(photo_bytes).id
    many = np.array([[i % 200, i % 150] for i in range(10_000)])
    try:
        assert studio.segment(mine, Prompts(many, np.ones(10_000))).masks
    except InvalidInput as error:
        assert "points" in str(error)  # noqa: PT017  # either answer will do


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"session_id": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"session_id": {"session_id": {"session_id": 1}}}',
        b'{"points": ' + b"[[" * 2000 + b"]]" * 2000 + b', "session_id": "x"}',
        b'{"session_id": "x", "points": [' + b'{"x": 1, "y": 1},' * 200_000 + b'{"x": 1, "y": 1}]}',
        b'{"session_id": ' + b"9" * 100_000 + b"}",
        b'{"' + b"k" * 1_000_000 + b'": 1}',
        b"{" + b",".join(b'"k%d": 1' % i for i in range(100_000)) + b"}",
    ],
    ids=[
        "deep list",
        "deep object",
        "deep field",
        "nested",
        "deep points",
        "many points",
        "long number",
        "long key",
        "keys",
    ],
)
def test_deep_and_long_json(server: Live, body):
    """400, 404 or 422 over HTTP, an error event or status through Gradio; the server answers the next one as ever."""
    for path in ("/segment", "/upload", "/paint-multiple-masks"):
        reply = server.http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code in (400, 404, 422), (path, reply.text[:200])
        assert len(reply.text) < 2000
    httpx.post(f"{server.url}/gradio_api/call/segment", content=body, timeout=60)
    assert server.http.get("/health").status_code == 200
