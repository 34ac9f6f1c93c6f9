"""Cards of paint: read as people have them, found by name, by code and by colour."""

import json
import struct

import pytest
from work import counted_calls

from sam2_painter.errors import InvalidInput
from sam2_painter.paint.colors import parse_color
from sam2_painter.paint.palette_files import load_palette
from sam2_painter.paint.palettes import describe, nearest, nearest_name, search
from sam2_painter.sessions import records
from sam2_painter.types import MAX_PAINTS, Paint, Palette

SAND, SLATE = (0xCD, 0xB8, 0x93), (0x3A, 0x44, 0x4F)

CSVS = {
    "a heading": "name,code,brand,hex\nWarm sand,WS 10,Acme,#cdb893\nSlate,SL 20,Acme,#3a444f\n",
    "other words": "Manufacturer;Colour name;Number;HEX code\nAcme;Warm sand;WS 10;cdb893\nAcme;Slate;SL 20;3a444f",
    "German, semicolons": "Bezeichnung;Nr.;Marke;Rot;Grün;Blau\r\n"
    "Warm sand;WS 10;Acme;205;184;147\r\nSlate;SL 20;Acme;58;68;79\r\n",
    "one column of three numbers": "name,code,brand,RGB\n"
    'Warm sand,WS 10,Acme,"205, 184, 147"\nSlate,SL 20,Acme,"58 68 79"\n',
    "tabs": "name\tcode\tbrand\tcolor\nWarm sand\tWS 10\tAcme\trgb(205, 184, 147)\nSlate\tSL 20\tAcme\t#3A444F\n",
    "no heading": "Warm sand,WS 10,Acme,#cdb893\nSlate,SL 20,Acme,#3a444f\n",
    "no heading, colour first": "#cdb893,Warm sand,WS 10,Acme\n#3a444f,Slate,SL 20,Acme\n",
    "no heading, numbers": "Warm sand,WS 10,Acme,205,184,147\nSlate,SL 20,Acme,58,68,79\n",
    "quotes": '"name","code","brand","hex"\n"Warm sand","WS 10","Acme","#cdb893"\n"Slate","SL 20","Acme","#3a444f"\n',
    "blank lines": "\nname,code,brand,hex\n\nWarm sand,WS 10,Acme,#cdb893\n,,,\nSlate,SL 20,Acme,#3a444f\n",
}


@pytest.mark.parametrize("name", CSVS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_csv_cards_are_read(name, encoding):
    """However the columns are called, ordered and separated; as spreadsheets of any country write them."""
    palette = load_palette(CSVS[name].encode(encoding), "acme.csv")
    expected = (Paint("Warm sand", SAND, "WS 10", "Acme"), Paint("Slate", SLATE, "SL 20", "Acme"))
    assert palette == Palette("acme.csv", expected)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,hex\nSand,#cdb893\nSlate,#xyz\n", "line 3.*#xyz"),
        ("name,r,g,b\nSand,205,184,300\n", "line 2.*out of range"),
        ("name,code\nSand,10\n", "line 1.*no colour"),
        ("just a letter to a friend", "CSV, JSON"),
        ("", "CSV, JSON"),
        ("name,hex\n", "1 to 4096 colours"),
        ("name,hex\n" + "a,#fff\n" * 5000, "1 to 4096 colours"),
    ],
)
def test_csv_that_is_no_card_is_refused(text, sentence):
    """One sentence, with the line to look at."""
    with pytest.raises(InvalidInput, match=sentence) as caught:
        load_palette(text.encode(), "mine.csv")
    assert caught.value.field == "palette"
    assert str(caught.value).startswith("mine.csv")


def aco(*colors, names=()):
    """An Adobe Color Swatch of (space, four numbers); with names, of version 2 behind version 1."""
    rows = [struct.pack(">H4H", space, *(value & 0xFFFF for value in values)) for space, *values in colors]
    data = struct.pack(">HH", 1, len(rows)) + b"".join(rows)
    if names:
        data += struct.pack(">HH", 2, len(rows))
        for row, name in zip(rows, names, strict=True):
            text = (name + "\0").encode("utf-16-be")
            data += row + struct.pack(">I", len(text) // 2) + text
    return data


COLORS = [
    (0, 205 * 257, 184 * 257, 147 * 257, 0),  # RGB
    (1, 65535 // 3, 65535, 65535, 0),  # HSB: green
    (2, 65535, 0, 0, 65535),  # CMYK: all magenta and yellow
    (7, 10_000, 0, 0, 0),  # Lab: white
    (7, 5389, 0, 0, 0),  # Lab: a mid grey
    (8, 10_000, 0, 0, 0),  # grey: black
]
NAMES = ("Sand", "Grün", "Rouge", "White", "Grey", "Black")


def test_adobe_colour_swatches_are_read():
    """Every colour space there is, with and without names."""
    plain, named = load_palette(aco(*COLORS)), load_palette(aco(*COLORS, names=NAMES))
    assert [paint.name for paint in named.paints] == list(NAMES)
    assert [paint.rgb for paint in plain.paints] == [paint.rgb for paint in named.paints]
    sand, green, red, white, grey, black = (paint.rgb for paint in plain.paints)
    assert sand == SAND
    assert green == (0, 255, 0)
    assert red == (255, 0, 0)
    assert white == (255, 255, 255)
    assert all(abs(value - 128) <= 1 for value in grey)
    assert black == (0, 0, 0)


@pytest.mark.parametrize("cut", [4, 7, 13, 40, 70, 100])
def test_a_swatch_file_cut_short_is_refused(cut):
    """As is one of a colour space of nobody."""
    data = aco(*COLORS, names=NAMES)
    with pytest.raises(InvalidInput):
        load_palette(data[:cut])
    with pytest.raises(InvalidInput):
        load_palette(aco((14, 0, 0, 0, 0)))


@pytest.mark.parametrize(
    "value",
    [
        [{"name": "Warm sand", "code": "WS 10", "brand": "Acme", "color": "#cdb893"}],
        {"brand": "Acme", "paints": [{"name": "Warm sand", "code": "WS 10", "hex": "#cdb893"}]},
        {"colors": [{"name": "Warm sand", "code": "WS 10", "brand": "Acme", "rgb": [205, 184, 147]}]},
    ],
)
def test_json_cards_have_codes_and_brands(value):
    """As a list, or with the list under a name and the brand said once."""
    assert load_palette(json.dumps(value).encode()).paints == (Paint("Warm sand", SAND, "WS 10", "Acme"),)


CARD = (
    Paint("Pure white", (241, 240, 234), "RAL 9010", "RAL"),
    Paint("Cream", (233, 224, 210), "RAL 9001", "RAL"),
    Paint("Old Sage", (181, 199, 163), "1010-G50Y", "NCS"),
    Paint("Sage green", (120, 150, 110), "77", "Acme"),
    Paint("Passage", (90, 90, 90), "9010", "Acme"),
)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"#aabbcc,x\n" + b"q," * 500_000, id="a line of half a million names"),
        pytest.param(b"#aabbcc,x\n" + (b"abcxyz," * 39 + b"#a\n") * 3600, id="thousands of lines of words like hex"),
        pytest.param(b"#aabbcc,x\n" + b'"' + b"0" * 900_000, id="one cell"),
        pytest.param(
            b"ASEF"
            + struct.pack(">II", 65536, 38_000)
            + struct.pack(">HIH4s3fH", 1, 20, 0, b"LAB ", 0.5, 99, -99, 0) * 38_000,
            id="ASE, Lab",
        ),
        pytest.param(
            struct.pack(">HH", 1, 65535) + struct.pack(">5H", 7, 5000, 12000, 30000, 0) * 65535, id="ACO, Lab"
        ),
        pytest.param(b"GIMP Palette\n" + b"0 0 0\n" * 170_000, id="GIMP"),
        pytest.param(b"[" + b'"oklch(70% 0.1 120)",' * 45_000 + b'"red"]', id="JSON"),
        pytest.param(b'{"' + b"[" * 900_000, id="JSON that is nested"),
    ],
)
def test_a_megabyte_that_is_no_palette_is_refused_soon(data):
    """Each cell was compared with every name of CSS, each of 65,000 colours converted: 90 s of a worker."""
    with counted_calls() as calls, pytest.raises(InvalidInput, match=r"card\.csv"):
        load_palette(data, "card.csv")
    assert calls["_paint"] <= MAX_PAINTS + 1
    assert calls.total() < 5_000_000  # tens of millions where every cell meets every name of CSS


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ral9010", ["Pure white"]),
        ("RAL 9010", ["Pure white"]),
        ("9010", ["Passage", "Pure white"]),
        ("sage", ["Sage green", "Old Sage", "Passage"]),
        ("old sage", ["Old Sage"]),
        ("sage old", ["Old Sage"]),
        ("acme sage", ["Sage green", "Passage"]),
        ("1010 g50y", ["Old Sage"]),
        ("CREAM", ["Cream"]),
        ("ral", ["Pure white", "Cream"]),
        ("teal", []),
        ("", []),
        ("  - ", []),
    ],
)
def test_paints_are_found_by_name_code_and_brand(text, names):
    """The very code or name first, then what begins with it; blanks, dashes and case do not matter."""
    assert [paint.name for paint in search(CARD, text)] == names


def test_what_is_searched_for_is_short():
    """Millions of words were looked for in thousands of names each."""
    with pytest.raises(InvalidInput, match="at most 200 characters"):
        search([Paint("a", SAND)], "a " * 101)


def test_no_more_paints_than_asked_for():
    """The best of them."""
    assert [paint.name for paint in search(CARD, "sage", 1)] == ["Sage green"]


def test_the_nearest_paints_of_several_cards():
    """By CIEDE2000, the nearest first, as trying them all finds it."""
    paints = [*CARD, *(Paint(f"paint {i}", (i * 5 % 256, i * 11 % 256, i * 17 % 256), f"P{i}") for i in range(200))]
    for rgb in ((181, 199, 163), (10, 200, 30), (240, 240, 240)):
        found = nearest(paints, rgb, 6)
        alone = sorted(nearest_name(rgb, Palette("one", (paint,)))[1] for paint in paints)
        assert [one.distance for one in found] == pytest.approx(alone[:6])
    assert nearest(CARD, (181, 199, 163))[0] == (CARD[2], 0)
    assert nearest([], (1, 2, 3)) == []


def test_a_paint_goes_by_its_code_too():
    """Where a colour is asked for, a code of the loaded card is one."""
    assert parse_color(" ral 9010 ", Palette("card", CARD)) == (241, 240, 234)
    with pytest.raises(InvalidInput):
        parse_color("ral 9010")
    with pytest.raises(InvalidInput):
        parse_color("", Palette("card", CARD))


def test_codes_and_brands_are_kept_with_the_session():
    """And cards that were kept before there were any open."""
    palette = Palette("card", CARD)
    assert records.palette_from_record(json.loads(json.dumps(records.palette_to_record(palette)))) == palette
    old = {"name": "card", "paints": [["Sand", [205, 184, 147]]]}
    assert records.palette_from_record(old) == Palette("card", (Paint("Sand", SAND),))


def test_a_code_is_of_the_very_paint_that_is_near():
    """Cards have several paints of one name: the code told is that of the one that looks alike."""
    card = Palette("Card", (Paint("White", (250, 250, 245), "W1"), Paint("White", (230, 225, 210), "W2")))
    told = [describe((r, g, b), card) for r, g, b in ((249, 250, 245), (229, 225, 210))]
    assert [(one.name, one.code) for one in told] == [("White", "W1"), ("White", "W2")]
