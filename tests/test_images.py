"""Photos come in upright, opaque, sRGB; bad files get one clear sentence and cost no memory."""

import base64
import contextlib
import io
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import sam2_painter
from sam2_painter.errors import InvalidInput, NotAnImage, TooLarge
from sam2_painter.photos import encoding, pixels
from sam2_painter.photos.images import encode, fit, open_photo, thumbnail, to_data_url
from sam2_painter.photos.sources import decode_base64, read_bytes

RED, GREEN, BLUE, GREY = (200, 30, 20), (20, 160, 60), (30, 60, 190), (90, 90, 90)


def quarters(size=32):
    """Red and green above blue and grey: every turn and flip of it looks different."""
    half = size // 2
    pixels = np.empty((size, size + 8, 3), np.uint8)
    pixels[:half, : half + 4], pixels[:half, half + 4 :] = RED, GREEN
    pixels[half:, : half + 4], pixels[half:, half + 4 :] = BLUE, GREY
    return pixels


def saved(image, format, **options):
    """The bytes of an image file."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def near(a, b, tolerance):
    return np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= tolerance


# -- what is opened


@pytest.mark.parametrize(
    ("format", "options", "mean_error"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, 0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, 3),
        ("TIFF", {"big_tiff": True}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 3),
        ("JPEG", {"quality": 95, "subsampling": 0}, 3),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 3),
    ],
    ids=lambda v: str(v),
)
def test_each_format_opens_as_it_looks(format, options, mean_error):
    """JPEG, PNG, BMP, TIFF and WebP give the pixels that were saved."""
    photo = open_photo(saved(quarters(200), format, **options))
    assert np.abs(photo.pixels.astype(int) - quarters(200)).mean() <= mean_error


def test_content_decides_not_the_name(tmp_path):
    """A PNG called .jpg is opened as the PNG it is, and keeps its name."""
    path = tmp_path / "Дом №1 #2.jpg"
    path.write_bytes(saved(quarters(), "PNG"))
    photo = open_photo(path)
    assert np.array_equal(photo.pixels, quarters())
    assert photo.name == "Дом №1 #2.jpg"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(format, orientation):
    """A photo stored turned or mirrored comes out upright."""
    undo = {
        1: lambda p: p,
        2: np.fliplr,
        3: lambda p: np.rot90(p, 2),
        4: np.flipud,
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
        8: lambda p: np.rot90(p, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    data = saved(np.ascontiguousarray(undo(quarters())), format, exif=exif, **options)
    assert near(open_photo(data).pixels, quarters(), 12)
    assert near(open_photo(Image.open(io.BytesIO(data))).pixels, quarters(), 12)


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_is_ignored(exif):
    """Junk where the orientation should be leaves the photo as stored."""
    assert near(
        open_photo(saved(quarters(), "JPEG", quality=98, subsampling=0, exif=b"Exif\0\0" + exif)).pixels, quarters(), 12
    )


def test_alpha_is_flattened_on_white():
    """Clear pixels are white, half clear ones half way, whatever colour hides under them."""
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0] = [(10, 20, 30, 255), (10, 20, 30, 0), (0, 0, 0, 128)]
    for data in (saved(pixels, "PNG"), saved(pixels, "WEBP", lossless=True, exact=True), pixels, saved(pixels, "TIFF")):
        assert near(open_photo(data).pixels[0], [(10, 20, 30), (255, 255, 255), (127, 127, 127)], 1)


def test_grey_with_alpha_is_flattened_on_white():
    """LA pictures too."""
    pixels = np.array([[[40, 255], [40, 0]]], np.uint8)
    assert open_photo(saved(pixels, "PNG")).pixels.tolist() == [[[40] * 3, [255] * 3]]


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])], ids=["one index", "a table"])
def test_palette_transparency_is_white(transparency):
    """A transparent palette entry shows white, the others their colour."""
    image = Image.frombytes("P", (2, 1), bytes([0, 1]))
    image.putpalette([*RED, *GREEN])
    data = saved(image, "PNG", transparency=transparency)
    assert open_photo(data).pixels.tolist() == [[list(RED), [255, 255, 255]]]


def test_a_colour_named_transparent_is_white():
    """tRNS of an RGB picture."""
    data = saved(np.array([[RED, GREEN]], np.uint8), "PNG", transparency=GREEN)
    assert open_photo(data).pixels.tolist() == [[list(RED), [255, 255, 255]]]


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "LA", "PA", "RGBa", "La"])
def test_every_mode_of_pillow_looks_the_same(mode):
    """A middle grey is a middle grey in each mode; black in the 1-bit one."""
    grey = Image.new("RGB", (4, 3), (0, 0, 0) if mode == "1" else (96, 96, 96))
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(grey, srgb, lab, outputMode="LAB")
    elif mode in ("RGBa", "La"):
        image = grey.convert("RGBA" if mode == "RGBa" else "LA").convert(mode)
    else:
        image = grey.convert("P").convert("PA") if mode == "PA" else grey.convert(mode)
    expected = np.asarray((image.convert("RGBA") if mode == "PA" else image if mode == "P" else grey).convert("RGB"))
    assert near(open_photo(image).pixels, expected, 2)


def test_cmyk_files_are_not_inverted():
    """CMYK JPEG (as Adobe writes it) and TIFF show the colour they were made from."""
    image = Image.fromarray(quarters()).convert("CMYK")
    assert near(open_photo(saved(image, "TIFF")).pixels, quarters(), 2)
    assert near(open_photo(saved(image, "JPEG", quality=98, subsampling=0)).pixels, quarters(), 14)


# -- depths


def test_sixteen_bit_grey_keeps_its_tones():
    """0, half and full of 16 bits are 0, half and 255 of 8, from PNG, TIFF and arrays alike."""
    levels = np.array([[0, 257 * 128, 65535]], np.uint16)
    image = Image.fromarray(levels)
    for source in (saved(image, "PNG"), saved(image, "TIFF"), image, levels):
        assert open_photo(source).pixels[0, :, 0].tolist() == [0, 128, 255]


def test_white_is_zero_is_heeded():
    """A 16-bit TIFF that counts from white is not shown as a negative."""
    data = bytearray(saved(Image.fromarray(np.array([[0, 65535]], np.uint16)), "TIFF"))
    entry = data.index(bytes.fromhex("0601 0300 01000000"))  # PhotometricInterpretation, one short
    data[entry + 8] = 0
    assert open_photo(bytes(data)).pixels[0, :, 0].tolist() == [255, 0]


def tiff(values, sample_format, planes=1):
    """An uncompressed little-endian TIFF of any numbers, as Pillow cannot write it."""
    height, width = values.shape[:2]
    raw, bits = values.tobytes(), values.dtype.itemsize * 8
    tags = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, 1, bits),
        (259, 3, 1, 1),
        (262, 3, 1, 2 if planes == 3 else 1),
        (273, 4, 1, 8),
        (277, 3, 1, planes),
        (278, 3, 1, height),
        (279, 4, 1, len(raw)),
        (339, 3, 1, sample_format),
    ]
    entries = b"".join(np.array([t, k], "<u2").tobytes() + np.array([n, v], "<u4").tobytes() for t, k, n, v in tags)
    start = 8 + len(raw)
    return b"II*\0" + np.uint32(start).tobytes() + raw + np.uint16(len(tags)).tobytes() + entries + bytes(4)


def test_signed_sixteen_bit_spans_its_positive_half():
    """Signed TIFF: 32767 is white, 0 and everything below black."""
    levels = np.array([[-5, 0, 16384, 32767]], np.int16)
    for source in (tiff(levels, 2), levels):
        assert open_photo(source).pixels[0, :, 0].tolist() == [0, 0, 128, 255]


def test_sixteen_bit_colour_tiff():
    """48-bit colour comes down to its upper bytes."""
    levels = np.array([[[65535, 32896, 0]]], np.uint16)
    assert near(open_photo(tiff(levels, 1, 3)).pixels[0, 0], (255, 128, 0), 1)
    assert near(open_photo(levels).pixels[0, 0], (255, 128, 0), 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("how", [{"lossless": True}, {"quality": 70}, {"quality": 70, "save_all": True}], ids=str)
def test_a_webp_is_what_pillow_reads(mode, how):
    """Still or moving, to the bit, though a still one is read by other means, with a third of the memory."""
    image = Image.fromarray(np.random.default_rng(3).integers(0, 256, (60, 80, 4), np.uint8)).convert(mode)
    file = io.BytesIO()
    image.save(file, "WEBP", **how)
    white = Image.new("RGBA", image.size, "white")
    seen = Image.alpha_composite(white, Image.open(file).convert("RGBA")).convert("RGB")
    away = np.abs(open_photo(file.getvalue()).pixels.astype(int) - np.asarray(seen)).max()
    assert away <= (mode == "RGBA")  # two ways to round what is half transparent


@pytest.mark.parametrize("channels", [3, 4])
def test_pixels_that_are_ours_are_not_copied(channels, monkeypatch):
    """What was decoded for this photo alone becomes the photo, in the same memory; a turned one is written as it is
    turned."""
    monkeypatch.setattr(pixels, "STRIP_PIXELS", 100)
    given = np.random.default_rng(4).integers(0, 256, (40, 30, channels), np.uint8)
    seen, clear = pixels.to_rgb(given.copy())
    mine = given.copy()
    where = mine.ctypes.data
    own, _ = pixels.to_rgb(mine, ours=True)
    assert np.array_equal(own, seen)
    assert clear == (channels == 4)
    assert channels == 4 or own.ctypes.data == where
    assert own.base is None
    for orientation in range(1, 9):
        turned, _ = pixels.to_rgb(given.copy(), b"", orientation, ours=True)
        assert np.array_equal(turned, pixels._TURNS[orientation](seen))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]]), [0, 128, 255]),
        (np.array([[0.0, 127.6, 255.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, -3.0, np.inf]]), [0, 0, 255]),
        (np.array([[False, True]]), [0, 255]),
        (np.array([[0, 128, 255]], np.int64), [0, 128, 255]),
        (np.array([[0, 257 * 128, 65535]], np.int32), [0, 128, 255]),
        (np.array([[7]], np.uint8), [7]),
    ],
    ids=["float to 1", "float to 255", "not finite", "bool", "small ints", "large ints", "uint8"],
)
def test_arrays_of_any_number(array, expected):
    """Arrays span what their type and largest value say."""
    assert open_photo(array).pixels[0, :, 0].tolist() == expected
    if array.dtype == np.float32:
        assert open_photo(Image.fromarray(array)).pixels[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2, 5)), np.zeros(4), np.zeros((0, 3, 3)), np.array([["a"]]), np.zeros((2, 2, 3), complex)]
)
def test_other_arrays_are_refused(array):
    """An array that is no picture is an InvalidInput about the photo."""
    with pytest.raises(InvalidInput) as caught:
        open_photo(array)
    assert caught.value.field == "photo"


def test_the_callers_array_and_image_stay_their_own():
    """Neither is changed, nor does a later change to it reach the photo."""
    pixels = quarters()
    image = Image.fromarray(pixels.copy())
    from_array, from_image = open_photo(pixels), open_photo(image)
    pixels[:] = 0
    image.paste((0, 0, 0), (0, 0, 10, 10))
    assert np.array_equal(from_array.pixels, quarters())
    assert np.array_equal(from_image.pixels, quarters())
    assert not from_array.pixels.flags.writeable


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_first_frame_of_an_animation(format):
    """The first picture counts."""
    frames = [Image.new("RGB", (9, 5), color) for color in (RED, GREEN)]
    options = {"lossless": True} if format == "WEBP" else {}
    data = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert (open_photo(data).pixels == RED).all()


# -- colour profiles


def display_p3():
    """An ICC profile with the primaries of Display P3 and the tone curve of sRGB, from its definition."""

    def s15(*values):
        return b"".join(round(v * 65536).to_bytes(4, "big", signed=True) for v in values)

    columns = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
        b"wtpt": (0.96420, 1.0, 0.82491),
    }
    parts = {name: b"XYZ \0\0\0\0" + s15(*values) for name, values in columns.items()}
    curve = b"para\0\0\0\0\0\x03\0\0" + s15(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    parts |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    parts[b"desc"] = b"desc\0\0\0\0\0\0\0\x03P3\0" + bytes(79 + 3)
    parts[b"cprt"] = b"text\0\0\0\0none\0\0\0\0"
    table, body, at = b"", b"", 132 + 12 * len(parts)
    for name, value in parts.items():
        table += name + (at + len(body)).to_bytes(4, "big") + len(value).to_bytes(4, "big")
        body += value + bytes(-len(value) % 4)
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\x02\x10\0\0", b"mntrRGB XYZ ", b"acsp"
    head[68:80] = s15(0.9642, 1.0, 0.82491)
    whole = head + len(parts).to_bytes(4, "big") + table + body
    whole[0:4] = len(whole).to_bytes(4, "big")
    return bytes(whole)


def p3_to_srgb(rgb):
    """The textbook: linearise, one matrix, back."""
    matrix = [[1.2249402, -0.2249402, 0], [-0.0420570, 1.0420570, 0], [-0.0196376, -0.0786361, 1.0982737]]
    c = np.array(rgb) / 255
    c = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ np.array(matrix).T
    c = np.clip(c, 0, 1)
    return 255 * np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("color", [(200, 90, 70), (60, 120, 90), (128, 128, 128)])
def test_display_p3_becomes_srgb(format, color):
    """A phone's wide-gamut photo shows its true colours."""
    options = {"lossless": True} if format == "WEBP" else {"quality": 98} if format == "JPEG" else {}
    data = saved(Image.new("RGB", (16, 16), color), format, icc_profile=display_p3(), **options)
    assert near(open_photo(data).pixels[8, 8], p3_to_srgb(color), 3)
    assert near(open_photo(Image.open(io.BytesIO(data))).pixels[8, 8], p3_to_srgb(color), 3)


def test_profile_of_a_photo_with_alpha():
    """Profile first, white behind it afterwards."""
    pixels = np.array([[(200, 90, 70, 255), (200, 90, 70, 0)]], np.uint8)
    row = open_photo(saved(pixels, "PNG", icc_profile=display_p3())).pixels[0]
    assert near(row[0], p3_to_srgb((200, 90, 70)), 3)
    assert row[1].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    "profile",
    [
        b"junk",
        display_p3()[:200],
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    ],
    ids=["junk", "cut off", "sRGB itself", "of another space"],
)
def test_useless_profiles_change_no_pixel(profile):
    """A profile that is broken, does not fit, or is sRGB anyway leaves every pixel as it is."""
    assert np.array_equal(open_photo(saved(quarters(), "PNG", icc_profile=profile)).pixels, quarters())


# -- ways in


def test_every_way_in_gives_the_same_photo(tmp_path):
    """Bytes, path, text path, base64, data URL, Pillow image and array are one photo."""
    data = saved(quarters(), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    text = base64.b64encode(data).decode()
    sources = [
        data,
        bytearray(data),
        memoryview(data),
        path,
        str(path),
        text,
        text.rstrip("="),
        "\n".join(text[i : i + 60] for i in range(0, len(text), 60)),
        base64.urlsafe_b64encode(data).decode(),
        to_data_url(data, "png"),
        Image.open(path),
        quarters(),
    ]
    assert len({open_photo(source).digest for source in sources}) == 1


def test_read_bytes_keeps_the_file_as_sent(tmp_path):
    """The store gets what was sent, byte by byte."""
    data = saved(quarters(), "JPEG")
    assert read_bytes(data) == read_bytes(to_data_url(data, "JPEG")) == data


def test_text_from_strangers_never_opens_a_file(tmp_path):
    """With paths=False a path is only text, and the sentence says what to send."""
    path = tmp_path / "secret.png"
    path.write_bytes(saved(quarters(), "PNG"))
    with pytest.raises(InvalidInput, match="name of a file, which cannot be read"):
        read_bytes(str(path), paths=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("house.jpg", "name of a file"),
        ("C:\\photos\\house.HEIC", "name of a file"),
        ("https://example.com/house", "is an address"),
        ("file:///tmp/house.png", "is an address"),
        ("häuser", "not base64"),
    ],
)
def test_a_path_or_an_address_in_place_of_base64_is_named(text, sentence):
    """Programs on another machine send the name of their file by mistake: they are told what to send."""
    with pytest.raises(InvalidInput, match=sentence):
        decode_base64(text)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("no-such-file.jpg", "no file no-such-file.jpg"),
        (".", "folder"),
        ("data:image/png,abc", "must be base64"),
        ("data:image/png;base64,@@@@", "not base64"),
        ("%%%", "not base64"),
        ("ä", "not base64"),
        (3, "must be the bytes"),
        (None, "must be the bytes"),
        (["a"], "must be the bytes"),
    ],
)
def test_what_is_no_source_is_said_clearly(source, sentence):
    """One sentence, about the photo."""
    with pytest.raises(InvalidInput, match=sentence) as caught:
        open_photo(source)
    assert caught.value.field == "photo"


# -- what is refused


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "an empty file"),
        (b"hello, this is text", "a text file"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"GIF89a" + bytes(50), "a GIF"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "a HEIC photo"),
        (b"\0\0\0\x18ftypavif" + bytes(40), "an AVIF picture"),
        (b"%PDF-1.7", "a PDF document"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "a camera raw file"),
        (bytes(200), "of no kind we know"),
        (saved(quarters(), "PNG")[:60], "cut off"),
        (saved(quarters(400), "JPEG")[:900], "cut off"),
        (saved(quarters(400), "WEBP")[:200], "damaged"),
        (saved(quarters(400), "TIFF")[:3000], "damaged|cut off"),
        (saved(quarters(), "BMP")[:100], "cut off"),
        (b"\xff\xd8\xff\xe0", "damaged|cut off"),
        (b"\x89PNG\r\n\x1a\n", "damaged|cut off"),
        (b"BMW is no bitmap", "damaged|cut off"),
        (b"RIFF\0\0\0\0WEBP", "damaged|cut off"),
        (b"MM\0*\xff\xff\xff\xff", "damaged"),
    ],
    ids=lambda v: None if isinstance(v, bytes) else v,
)
def test_what_is_no_picture_is_named(data, sentence):
    """NotAnImage says what was sent and what to send instead."""
    with pytest.raises(NotAnImage, match=sentence) as caught:
        open_photo(data)
    message = str(caught.value)
    assert caught.value.field == "photo"
    assert "JPEG" in message
    assert "\n" not in message


def test_limit_on_bytes(tmp_path):
    """Over the limit is TooLarge, from every way in, naming the limit."""
    data = saved(quarters(), "BMP")
    path = tmp_path / "a.bmp"
    path.write_bytes(data)
    for source in (data, path, to_data_url(data)):
        with pytest.raises(TooLarge, match=r"at most 0\.0009"):
            open_photo(source, max_bytes=1000)
        assert open_photo(source, max_bytes=len(data)).size == (32, 40)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_limit_on_pixels(format):
    """One pixel over the limit is refused, at the limit opened."""
    data = saved(np.zeros((10, 20, 3), np.uint8), format)
    assert open_photo(data, max_pixels=200).size == (10, 20)
    with pytest.raises(TooLarge, match="20x10"):
        open_photo(data, max_pixels=199)
    with pytest.raises(TooLarge):
        open_photo(Image.open(io.BytesIO(data)), max_pixels=199)


def test_limit_on_pixels_of_arrays():
    """Arrays have the same limit."""
    with pytest.raises(TooLarge):
        open_photo(np.zeros((10, 20), np.uint8), max_pixels=199)


def chunk(name, body):
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def png(width, height, *chunks):
    """A PNG that claims a size, with these chunks before its one pixel."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    body = [chunk(b"IDAT", zlib.compress(bytes(4))), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", head), *chunks, *body])


def exif_bomb(payload_bytes, entries):
    """A directory that claims all of its own bytes again and again."""
    one = b"".join(
        np.array([0x8000 + i, 7], "<u2").tobytes() + np.array([payload_bytes - 8, 8], "<u4").tobytes()
        for i in range(entries)
    )
    whole = b"II*\0\x08\0\0\0" + np.uint16(entries).tobytes() + one + bytes(4)
    return whole + bytes(max(0, payload_bytes - len(whole)))


def jpeg_with(*segments):
    """A small JPEG with APPn segments put behind its start."""
    data = saved(quarters(), "JPEG")
    return (
        data[:2] + b"".join(b"\xff" + bytes([n]) + (len(s) + 2).to_bytes(2, "big") + s for n, s in segments) + data[2:]
    )


def bombs():
    """name -> (bytes, whether it opens)."""
    deflated = zlib.compress(bytes(300_000_000), 9)
    exif = b"Exif\0\0" + exif_bomb(64_000, 5000)
    mpf = b"MPF\0" + exif_bomb(64_000, 5000)
    tiff_bomb = bytearray(saved(np.zeros((4, 4, 3), np.uint8), "TIFF"))
    big_tiff = bytearray(exif_bomb(20_000_000, 3000))
    lying = png(9000, 8000)
    webp = saved(np.zeros((4, 4, 3), np.uint8), "WEBP", lossless=True)
    vp8x = b"VP8X\x0a\0\0\0" + bytes(4) + (16382).to_bytes(3, "little") * 2
    huge_webp = b"RIFF" + (len(webp) + 10).to_bytes(4, "little") + b"WEBP" + vp8x + webp[12:]
    return {
        "20000x20000 PNG": (png(20000, 20000), False),
        "a header that lies": (lying, False),
        "iTXt": (png(1, 1, chunk(b"iTXt", b"a\0\1\0\0\0" + deflated)), True),
        "zTXt, many": (png(1, 1, *[chunk(b"zTXt", b"a\0\0" + deflated)] * 20), True),
        "iCCP": (png(1, 1, chunk(b"iCCP", b"p\0\0" + deflated)), True),
        "eXIf": (png(1, 1, chunk(b"eXIf", exif_bomb(20_000_000, 3000))), True),
        "Exif in JPEG": (jpeg_with((0xE1, exif)), True),
        "Exif in JPEG, many": (jpeg_with(*[(0xE1, exif)] * 300), True),
        "MPF in JPEG": (jpeg_with((0xE2, mpf)), True),
        "TIFF directory": (bytes(big_tiff), False),
        "TIFF, small and sound": (bytes(tiff_bomb), True),
        "WebP canvas": (huge_webp, False),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of resident memory from /proc")
def test_bombs_cost_no_memory(tmp_path):
    """Small files with large claims stay under 300 MB above idle, each in a process of its own."""
    script = tmp_path / "open_one.py"
    script.write_text(
        "import sys, re, pathlib, warnings\n"
        f"sys.path.insert(0, {str(Path(sam2_painter.__file__).parents[1])!r})\n"
        "warnings.simplefilter('error')\n"
        "from sam2_painter.photos.images import open_photo\n"
        "from sam2_painter.errors import InvalidInput\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])\n"
        "before = peak()\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        open_photo(pathlib.Path(path)); print('opened')\n"
        "    except InvalidInput: print('refused')\n"
        "print(peak() - before)\n"
    )
    paths, expected = [], []
    for i, (data, opens) in enumerate(bombs().values()):
        paths.append(tmp_path / str(i))
        paths[-1].write_bytes(data)
        expected.append("opened" if opens else "refused")
    command = [sys.executable, str(script), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    *outcomes, grown = done.stdout.split()
    assert dict(zip(bombs(), outcomes, strict=True)) == dict(zip(bombs(), expected, strict=True))
    assert int(grown) < 300_000  # kB, over all of them


def test_a_tiled_tiff_may_not_claim_a_giant_tile():
    """A 4x4 picture in a tile of a gigapixel is refused."""
    data = bytearray(tiff(np.zeros((4, 4), np.uint8), 1))
    at = data.index(bytes.fromhex("1601 0300 01000000"))  # rows a strip -> tile width and length
    data[at : at + 12] = bytes.fromhex("4201 0400 01000000") + np.uint32(40_000).tobytes()
    at = data.index(bytes.fromhex("1701 0400 01000000"))
    data[at : at + 12] = bytes.fromhex("4301 0400 01000000") + np.uint32(40_000).tobytes()
    with pytest.raises(TooLarge):
        open_photo(bytes(data))


def test_a_jpeg_of_endless_scans_is_refused():
    """Each scan is another pass over every pixel; some hundred are an attack."""
    data = saved(quarters(64), "JPEG", progressive=True)
    at = data.index(b"\xff\xda")
    end = data.index(b"\xff", at + 14)
    with pytest.raises(NotAnImage, match="scans"):
        open_photo(data[:end] + data[at:end] * 300 + data[end:])


def test_any_damage_is_a_clear_error_or_a_picture():
    """Bytes flipped, cut and repeated anywhere: a photo or NotAnImage or TooLarge, no warning, nothing else."""
    rng = np.random.default_rng(4)
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(rng.integers(0, 256, (24, 18, 3), np.uint8))
    files = [
        saved(image, format, exif=exif, icc_profile=display_p3(), **options)
        for format, options in [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("TIFF", {}), ("WEBP", {})]
    ]
    files += [saved(image, "TIFF", compression=c) for c in ("tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate")]
    files += [saved(image.convert("P"), "PNG"), saved(image, "BMP"), saved(image.convert("CMYK"), "JPEG")]
    opened = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in files * 120:
            raw = bytearray(data)
            for _ in range(rng.integers(1, 6)):
                raw[rng.integers(2, len(raw))] = rng.integers(256)
            if rng.random() < 0.2:
                del raw[rng.integers(8, len(raw)) :]
            with contextlib.suppress(NotAnImage, TooLarge):
                opened += open_photo(bytes(raw), max_pixels=4_000_000).pixels.size > 0
    assert opened > 100


def test_threads_do_not_mix_photos():
    """Eight threads open different photos at once and each gets its own."""
    files = [saved(np.full((60, 50, 3), 20 * i, np.uint8), "PNG", icc_profile=display_p3()) for i in range(8)]
    wrong = []

    def work(i):
        for _ in range(10):
            if not near(open_photo(files[i]).pixels, 20 * i, 1):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (2999, 1), (37, 53)])
def test_size_is_never_changed(size):
    """A photo of any shape keeps its size."""
    assert open_photo(saved(np.zeros((*size, 3), np.uint8), "PNG")).size == size


# -- what goes out


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (37, 91)])
def test_a_large_png_is_written_in_strips(size, monkeypatch):
    """And holds the same pixels."""
    monkeypatch.setattr(encoding, "LARGE", 0)
    monkeypatch.setattr(encoding, "STRIP_PIXELS", 200)
    given = np.random.default_rng(5).integers(0, 256, (*size, 3), np.uint8)
    for data in (encode(given, "PNG"), encoding.encode_file(given, "PNG", dpi=(300, 300))):
        with Image.open(io.BytesIO(data)) as image:
            assert image.mode == "RGB"
            assert np.array_equal(np.asarray(image), given)


@pytest.mark.parametrize("format", ["PNG", "png", ".png"])
def test_png_is_lossless(format):
    """Encode and open again: the same pixels."""
    assert np.array_equal(open_photo(encode(quarters(), format)).pixels, quarters())


@pytest.mark.parametrize(("format", "kind"), [("JPEG", "JPEG"), ("jpg", "JPEG"), ("WEBP", "WEBP")])
def test_lossy_formats_keep_colour_and_detail(format, kind):
    """RGB order is right, and colour edges stay where they are (4:4:4)."""
    data = encode(quarters(), format, 95)
    assert Image.open(io.BytesIO(data)).format == kind
    assert near(open_photo(data).pixels[4, 4], RED, 6)
    if kind == "JPEG":
        assert near(open_photo(data).pixels, quarters(), 14)


def test_quality_is_obeyed():
    """A lower quality is a smaller file."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = [len(encode(noise, "JPEG", quality)) for quality in (1, 50, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 4


@pytest.mark.parametrize("quality", [0, 101, 2.5, True, "90", None, float("nan")])
def test_quality_is_checked(quality):
    """Anything but 1 to 100 is refused, also for PNG."""
    for format in ("JPEG", "PNG"):
        with pytest.raises(InvalidInput, match="quality") as caught:
            encode(quarters(), format, quality)
        assert caught.value.field == "quality"


@pytest.mark.parametrize("format", ["GIF", "", None, 3])
def test_format_is_checked(format):
    """Other formats are refused by name."""
    with pytest.raises(InvalidInput, match="PNG, JPEG or WEBP") as caught:
        encode(quarters(), format)
    assert caught.value.field == "format"


def test_a_format_that_cannot_hold_the_picture_says_so():
    """WebP ends at 16383 pixels a side."""
    with pytest.raises(InvalidInput, match="16383"):
        encode(np.zeros((1, 16384, 3), np.uint8), "WEBP")


def test_fit_shrinks_by_area_and_never_enlarges():
    """The longer side fits; a mean stays a mean; a small picture is returned as it is."""
    board = np.indices((60, 80)).sum(0) % 2 * np.uint8(200)
    board = np.repeat(board[..., None], 3, 2).astype(np.uint8)
    small = fit(board, 40)
    assert small.shape == (30, 40, 3)
    assert near(small, 100, 1)
    assert fit(board, 80) is board
    assert fit(np.zeros((1, 5000, 3), np.uint8), 100).shape == (1, 100, 3)
    with pytest.raises(InvalidInput, match="max_side"):
        fit(board, 0)


def test_thumbnail_is_a_small_jpeg():
    """At most max_side pixels, JPEG."""
    image = Image.open(io.BytesIO(thumbnail(np.zeros((300, 900, 3), np.uint8), 90)))
    assert (image.format, image.size) == ("JPEG", (90, 30))
