"""A project file does not tell where the photo was taken; everything else of the photo stays."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from conftest import draw_building
from picture_files import exif_block, gps_entries, heic, jpeg_with, png_with, quarters, saved, short
from PIL import ExifTags, Image, TiffImagePlugin
from work import counted_calls

from sam2_painter.photos.containers import open_picture
from sam2_painter.photos.images import open_photo
from sam2_painter.photos.location import without_place

PLACE = b"<x exif:GPSLatitude=\"52,31.0N\" drone-dji:GpsLongitude = '13.4'><exif:GPSAltitude>34</exif:GPSAltitude></x>"
XMP = b"http://ns.adobe.com/xap/1.0/\0" + PLACE


def exif(order="<"):
    """An orientation, a date, a place, and more after it."""
    entries = [
        (271, 2, 6, b"Phone\0"),
        (274, 3, 1, short(6, order)),
        (306, 2, 20, b"2024:05:01 10:00:00\0"),
        (40091, 1, 8, b"A\0b\0c\0\0\0"),
    ]
    return exif_block(entries, order, {34665: [(40961, 3, 1, short(1, order))], 34853: gps_entries(order)})


JPEG = saved(quarters(), "JPEG", quality=97, subsampling=0, dpi=(300, 300))
PNG = saved(quarters(), "PNG")
FILES = {
    "JPEG": jpeg_with(JPEG, (0xE1, b"Exif\0\0" + exif())),
    "JPEG, big-endian": jpeg_with(JPEG, (0xE1, b"Exif\0\0" + exif(">"))),
    "JPEG, XMP": jpeg_with(JPEG, (0xE1, XMP)),
    "PNG": png_with(PNG, (b"eXIf", exif())),
    "PNG, XMP": png_with(PNG, (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PLACE)),
    "PNG, packed XMP": png_with(PNG, (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(PLACE))),
    "PNG, Exif as text": png_with(PNG, (b"tEXt", b"Raw profile type exif\0" + exif().hex().encode())),
    "WEBP": saved(quarters(), "WEBP", lossless=True, exif=exif()),
    "TIFF": saved(quarters(), "TIFF", tiffinfo=(lambda e: (e.load(b"Exif\0\0" + exif()), e)[1])(Image.Exif())),
    "HEIC": heic(exif=b"Exif\0\0" + exif()),
    "HEIC, plain": heic(exif=exif()),
    "AVIF": saved(quarters(), "AVIF", exif=exif()),
}


def places(data):
    """What Pillow finds of a place, and what stands in the bytes."""
    found = [number for number in (struct.pack("<2I", 1234, 100), struct.pack(">2I", 1234, 100)) if number in data]
    found += [text for text in (b"52,31.0N", b"13.4'", b">34<") if text in data]
    with Image.open(io.BytesIO(data)) as image:
        gps = image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    return found, {key: value for key, value in gps.items() if value}


@pytest.mark.parametrize("name", [name for name in FILES if "HEIC" not in name])
def test_the_place_goes_and_the_photo_stays(name):
    """Neither another program nor a look at the bytes finds it; pixels, orientation and colours are as before."""
    before, after = FILES[name], without_place(FILES[name])
    assert before != after
    assert places(after) == ([], {})
    assert np.array_equal(open_photo(before).pixels, open_photo(after).pixels)
    assert open_picture(before).orientation == open_picture(after).orientation
    assert open_picture(before).dpi == open_picture(after).dpi


NAMES = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description photoshop:City="Lisbon" photoshop:State = \'Estremadura\' '
    b'photoshop:Headline="A house" Iptc4xmpCore:CountryCode="PT"><photoshop:Country>Portugal</photoshop:Country>'
    b"<Iptc4xmpCore:Location>Alfama</Iptc4xmpCore:Location><dc:title>Front</dc:title>"
    b'<Iptc4xmpExt:LocationCreated><rdf:Bag><rdf:li rdf:parseType="Resource"><Iptc4xmpExt:Sublocation>Rua X 7'
    b"</Iptc4xmpExt:Sublocation><exif:GPSLatitude>38,42N</exif:GPSLatitude></rdf:li></rdf:Bag>"
    b'</Iptc4xmpExt:LocationCreated><Iptc4xmpExt:LocationShown a:Note="Rua X 7"/></rdf:Description></x:xmpmeta>'
)
SAID_PLACES = (b"Lisbon", b"Estremadura", b"Portugal", b"Alfama", b"Rua X 7", b"38,42N", b'"PT"')


def iptc(*datasets):
    """IPTC's application record."""
    return b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text for number, text in datasets)


IPTC = iptc((5, b"A house"), (90, b"Lisbon"), (92, b"Rua X 7"), (95, b"Estremadura"), (100, b"PRT"), (101, b"Portugal"))
PHOTOSHOP = (
    b"8BIM" + struct.pack(">HBxI", 0x03ED, 0, 4) + b"abcd" + b"8BIM" + struct.pack(">HBxI", 0x0404, 0, len(IPTC)) + IPTC
)


def tiff_with(number, data):
    """A TIFF file with one more tag."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[number], tags.tagtype[number] = data, 7
    return saved(quarters(), "TIFF", tiffinfo=tags)


NAMED = {
    "JPEG, XMP": jpeg_with(JPEG, (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + NAMES)),
    "JPEG, IPTC": jpeg_with(JPEG, (0xED, b"Photoshop 3.0\0" + PHOTOSHOP)),
    "PNG, XMP": png_with(PNG, (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + NAMES)),
    "PNG, packed XMP": png_with(PNG, (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(NAMES))),
    "TIFF, IPTC": tiff_with(33723, IPTC),
    "TIFF, Photoshop": tiff_with(34377, PHOTOSHOP),
    "TIFF, XMP": tiff_with(700, NAMES),
}


@pytest.mark.parametrize("name", NAMED)
def test_names_of_places_go_too(name):
    """City, street, state and country, wherever programs write them; title and headline stay."""
    before, after = NAMED[name], without_place(NAMED[name])
    assert before != after
    assert not any(place in after for place in SAID_PLACES)
    if "packed" not in name:
        assert len(before) == len(after)
        assert b"A house" in after
        assert b"Front" in after or b"Front" not in before
        assert b"adobe:ns:meta/" in after or b"adobe:ns:meta/" not in before
    assert np.array_equal(open_photo(before).pixels, open_photo(after).pixels)


@pytest.mark.parametrize("text", [b"<a:City>", b"a:City=", b'<a:City b="', b"a" * 8, b":City:City "])
def test_a_file_made_of_names_costs_little(text):
    """Megabytes of tags that never end."""
    with counted_calls() as calls:
        without_place(jpeg_with(JPEG) + text * (4 * 2**20 // len(text)))
    assert calls.total() < 50_000  # some for each name that is looked at, however many there are


@pytest.mark.parametrize(
    ("before", "between"),
    [(b"\r\n\r\n", b""), (b"", b"\xff\xff"), (b"", b"junk")],
    ids=["bytes before the start", "fill bytes", "junk"],
)
def test_the_place_goes_from_whatever_opens(before, between):
    """A JPEG that is read although bytes stand where none belong: its Exif is read, and so is its place."""
    block = b"\xff\xe1" + struct.pack(">H", len(exif()) + 8) + b"Exif\0\0" + exif()
    data = before + JPEG[:2] + between + block + JPEG[2:]
    assert open_picture(data).orientation == 6
    after = without_place(data)
    assert struct.pack("<2I", 1234, 100) in data
    assert struct.pack("<2I", 1234, 100) not in after
    assert open_picture(after).orientation == 6
    assert np.array_equal(open_photo(data).pixels, open_photo(after).pixels)


def test_a_heic_file_made_of_exif_costs_little():
    """A box of megabytes that begins Exif again and again: each beginning is not copied to the end of the file."""
    box = b"Exif\0\0II*\0\x08\0\0\0" * 200_000
    data = heic() + struct.pack(">I", len(box) + 8) + b"free" + box
    assert open_photo(data).pixels.size
    with counted_calls() as calls:
        without_place(data)
    assert calls.total() < 5_000


@pytest.mark.parametrize("name", [name for name in FILES if "HEIC" in name])
def test_the_place_goes_from_heic(name):
    """In place: the boxes keep their offsets."""
    before, after = FILES[name], without_place(FILES[name])
    assert len(before) == len(after)
    assert struct.pack("<2I", 1234, 100) not in after
    assert np.array_equal(open_photo(before).pixels, open_photo(after).pixels)


@pytest.mark.parametrize("name", ["JPEG", "JPEG, big-endian", "PNG", "WEBP"])
def test_the_rest_of_exif_stays(name):
    """Camera, date and orientation, each at its value."""
    with Image.open(io.BytesIO(without_place(FILES[name]))) as image:
        said = image.getexif()
        assert (said[271].strip("\0"), said[274]) == ("Phone", 6)
        assert said[306].startswith("2024:05:01")
        assert ExifTags.IFD.GPSInfo not in said
        assert said.get_ifd(ExifTags.IFD.Exif)[40961] == 1


@pytest.mark.parametrize(
    "data", [JPEG, PNG, saved(quarters(), "WEBP"), saved(quarters(), "TIFF"), heic(), b"", b"text"]
)
def test_a_file_without_a_place_is_left_alone(data):
    """Byte by byte."""
    assert without_place(data) is data


def test_a_film_behind_a_jpeg_goes():
    """Motion photos and second pictures hold the place once more."""
    film = b"\0\0\0\x18ftypmp42" + b"\xa9xyz+52.31+013.24/" * 3
    assert without_place(JPEG + film) == JPEG
    assert without_place(JPEG + FILES["JPEG"]) == JPEG
    assert without_place(JPEG + bytes(100)) == JPEG + bytes(100)


def test_broken_exif_is_no_obstacle():
    """Whatever stands where a directory should be."""
    for cut in range(0, len(exif()), 7):
        data = jpeg_with(JPEG, (0xE1, b"Exif\0\0" + exif()[:cut]))
        assert np.array_equal(open_photo(without_place(data)).pixels, open_photo(data).pixels)
    rng = np.random.default_rng(3)
    for _ in range(200):
        block = bytearray(exif())
        for at in rng.integers(0, len(block), 4):
            block[at] = rng.integers(256)
        data = jpeg_with(JPEG, (0xE1, b"Exif\0\0" + bytes(block)))
        assert open_photo(without_place(data)).size in ((64, 80), (80, 64))


def test_a_project_names_no_place(studio):
    """The photo in it is the photo, turned as it was; the session's own file is as it was sent."""
    data = jpeg_with(saved(draw_building(), "JPEG", quality=95), (0xE1, b"Exif\0\0" + exif()))
    session = studio.open(data, "house.jpg")
    project = studio.save_project(session.id)
    with zipfile.ZipFile(io.BytesIO(project)) as archive:
        assert places(archive.read("photo")) == ([], {})
    opened = studio.open_project(project)
    assert (opened.digest, opened.size) == (session.digest, session.size)
    assert studio.sessions.photo_bytes(session.id) == data
    made = studio.download(session.id, format="JPEG").path.read_bytes()
    assert places(made) == ([], {})
