"""Colours: parsing, names, harmonies, palettes."""

from __future__ import annotations

import json
import random
import struct

import pytest

from sam2_painter.errors import InvalidInput, PainterError
from sam2_painter.paint.colors import css_names, harmonies, light_reflectance, parse_color, to_hex
from sam2_painter.paint.palette_files import load_palette, open_palette
from sam2_painter.paint.palettes import exterior, nearest_name
from sam2_painter.types import Paint, Palette


@pytest.mark.parametrize(
    ("text", "rgb"),
    [
        ("#fa0", (255, 170, 0)),
        ("fa0", (255, 170, 0)),
        ("#fa0f", (255, 170, 0)),
        ("#ffAA00", (255, 170, 0)),
        ("ffaa00ff", (255, 170, 0)),
        (" rgb(10, 20, 30) ", (10, 20, 30)),
        ("rgb(10 20 30 / 1)", (10, 20, 30)),
        ("rgb(10% 20% 30%)", (26, 51, 77)),
        ("rgba(49.8, 100, 20.2, 1)", (50, 100, 20)),
        ("RGB(1e1,2e1,3e1)", (10, 20, 30)),
        ("hsl(120, 50%, 50%)", (64, 191, 64)),
        ("hsla(120deg 50 50 / 100%)", (64, 191, 64)),
        ("hsl(-240, 50%, 50%)", (64, 191, 64)),
        ("oklch(70% 0.1 120)", (150, 168, 94)),
        ("oklch(0.7, 0.1, 120)", (150, 168, 94)),
        ("RebeccaPurple", (102, 51, 153)),
        ("light Grey", (211, 211, 211)),
    ],
)
def test_accepts_what_people_and_pickers_write(text, rgb):
    """Hex, rgb, hsl, oklch and CSS names are read in any usual spelling."""
    assert parse_color(text) == rgb


@pytest.mark.parametrize(
    "text",
    ["", "#", "#12", "#12345", "#ggg", "#1234567", "rgb(1,2)", "rgb(1,,2,3)", "rgb(1 2 3 4 5)", "rgb(nan,0,0)"]
    + ["rgb(inf,0,0)", "rgb(1e999,0,0)", "rgb(none 0 0)", "rgb(10deg 0 0)", "rgb(300,0,0)", "rgb(-1,0,0)"]
    + [
        "hsl(0, 150%, 50%)",
        "oklch(70% 0.4 120)",
        "oklch(150% 0 0)",
        "oklch(1 1e308 0)",
        "RAL 9010",
        "S 0502-Y",
        "#١٢٣",
        "rgb(１,2,3)",
    ]
    + ["color(srgb 1 0 0)", "no such name", "x" * 10_000, None, 5, b"#fff", ("1", "2", "3")],
)
def test_refuses_what_is_no_colour_in_one_sentence(text):
    """Anything else is refused, with the field to change and a message of bounded length."""
    with pytest.raises(InvalidInput) as caught:
        parse_color(text)
    assert caught.value.field == "color"
    assert 10 < len(str(caught.value)) < 250


@pytest.mark.parametrize("text", ["#fff8", "#ffffff00", "rgba(1,2,3,.5)", "hsl(1 2% 3% / 20%)", "transparent"])
def test_transparent_colours_point_to_the_opacity(text):
    """Transparency belongs to the layer."""
    with pytest.raises(InvalidInput, match="opacity"):
        parse_color(text)


@pytest.mark.parametrize("code", ["RAL 7016", "ral7016", "NCS S 0502-Y", "SW 7005", "HC-172"])
def test_a_makers_code_that_is_not_loaded_says_so(code):
    """What to do is to load the maker's card; a text as long as may be is read as fast."""
    with pytest.raises(InvalidInput, match=r"looks like a maker's code.*Load the maker's card"):
        parse_color(code)
    with pytest.raises(InvalidInput, match="is no colour"):
        parse_color("a" * 99 + "!")


def test_hex_comes_back():
    """to_hex and parse_color are inverse."""
    for rgb in ((0, 0, 0), (255, 255, 255), (1, 2, 3), (250, 128, 9)):
        assert parse_color(to_hex(rgb)) == rgb


def test_every_css_name_is_known():
    """CSS has 148 names, both spellings of grey among them."""
    assert len(css_names()) == 148
    assert css_names()["grey"] == css_names()["gray"]


def test_palette_is_our_own_and_distinct():
    """The built-in paints differ visibly from each other and have names of their own."""
    paints = exterior().paints
    assert len(paints) == len({p.name for p in paints}) == len({p.rgb for p in paints}) == 48
    for paint in paints:
        assert nearest_name(paint.rgb) == (paint.name, 0)


def test_nearest_name_measures_by_ciede2000():
    """A colour just off a named one is given its name and a small distance; a saturated one a CSS name."""
    first = exterior().paints[0]
    red, green, blue = first.rgb
    name, distance = nearest_name((red - 1, green, blue))
    assert name == first.name
    assert 0 < distance < 1
    assert nearest_name((255, 0, 0)) == ("red", 0)


def test_a_palette_names_colours_by_its_own_paints():
    """With a palette the nearest of its paints is found, however far, as trying them all finds it."""
    rng = random.Random(0)
    paints = [Paint(f"paint {i}", tuple(rng.randrange(256) for _ in range(3))) for i in range(120)]
    brought = Palette("mine", tuple(paints))
    for rgb in [(255, 0, 0), (0, 0, 255), (20, 22, 19), *(paint.rgb for paint in paints[:3])]:
        name, distance = nearest_name(rgb, brought)
        alone = {paint.name: nearest_name(rgb, Palette("one", (paint,)))[1] for paint in paints}
        assert distance == min(alone.values()) == alone[name]


def test_names_of_paints_are_colours_where_the_palette_is_given():
    """In any case, before CSS's own; what is written as a colour stays one."""
    brought = Palette(
        "mine", (Paint("Weiße Wand", (240, 240, 230)), Paint("Red", (150, 30, 30)), Paint("fff", (1, 1, 1)))
    )
    assert parse_color(" weiße wand ", brought) == (240, 240, 230)
    assert parse_color("red", brought) == (150, 30, 30)
    assert parse_color("teal", brought) == (0, 128, 128)
    assert parse_color("fff", brought) == (255, 255, 255)
    with pytest.raises(InvalidInput):
        parse_color("Weiße Wand")


def test_a_palette_is_looked_through_once():
    """However many colours are read with it; of two paints with one name the first counts, and codes are names."""

    class Counted(tuple):
        looks = 0

        def __iter__(self):
            Counted.looks += 1
            return super().__iter__()

    paints = [Paint(f"Paint {n}", (n % 256, n // 256, 0), f"C-{n}") for n in range(4095)]
    palette = Palette("Large", Counted([*paints, Paint("paint 7", (9, 9, 9), "c-8")]))
    read = [parse_color(f"PAINT {n}", palette) for n in range(100)] + [parse_color(f"c-{n}", palette) for n in range(9)]
    assert read == [paint.rgb for paint in [*paints[:100], *paints[:9]]]
    assert Counted.looks == 1
    other = Palette("Other", (Paint("Paint 7", (1, 2, 3)),))
    assert parse_color("paint 7", other) == (1, 2, 3)


def test_light_reflectance_runs_from_black_to_white():
    """LRV is 0 for black, 100 for white and 21.6 for the middle code of sRGB."""
    assert light_reflectance((0, 0, 0)) == pytest.approx(0)
    assert light_reflectance((255, 255, 255)) == pytest.approx(100, abs=0.01)
    assert light_reflectance((128, 128, 128)) == pytest.approx(21.59, abs=0.01)


@pytest.mark.parametrize("rgb", [(128, 50, 26), (128, 128, 128), (0, 0, 0), (255, 255, 255), (0, 255, 0)])
def test_harmonies_are_colours_of_a_facade(rgb):
    """Every harmony is a whole sRGB colour; the monochrome ones go from light to dark."""
    found = harmonies(rgb)
    assert {name: len(colors) for name, colors in found.items()} == {
        "analogous": 2,
        "complementary": 2,
        "monochrome": 4,
    }
    assert all(0 <= v <= 255 and isinstance(v, int) for colors in found.values() for rgb in colors for v in rgb)
    steps = [light_reflectance(c) for c in found["monochrome"]]
    assert steps == sorted(steps, reverse=True)


def test_the_complement_of_brick_is_blue():
    """Complementary turns the hue half way."""
    red, green, blue = harmonies((128, 50, 26))["complementary"][0]
    assert blue > green > red


def test_palette_files_are_opened(tmp_path):
    """By path, named after the file; one that is missing, a folder or too large is refused in a sentence."""
    (tmp_path / "walls.json").write_text('["#fa0"]')
    assert open_palette(tmp_path / "walls.json") == Palette("walls.json", (Paint("#ffaa00", (255, 170, 0)),))
    (tmp_path / "large.json").write_bytes(b" " * (2**20 + 1))
    for name in ("none.gpl", "large.json", "."):
        with pytest.raises(PainterError) as caught:
            open_palette(tmp_path / name)
        assert caught.value.field == "palette"
        assert 10 < len(str(caught.value)) < 100


def _ase(*swatches):
    blocks = b""
    for name, model, values in swatches:
        letters = (name + "\0").encode("utf-16-be")
        body = struct.pack(">H", len(letters) // 2) + letters + model + struct.pack(f">{len(values)}f", *values)
        blocks += struct.pack(">HI", 1, len(body) + 2) + body + struct.pack(">H", 2)
    group = "Walls\0".encode("utf-16-be")
    start = struct.pack(">HIH", 0xC001, len(group) + 2, len(group) // 2) + group
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(swatches) + 2) + start + blocks + struct.pack(">HI", 0xC002, 0)


def test_adobe_palettes_are_read_with_their_groups_and_models():
    """RGB, grey, CMYK and Lab swatches of an .ase file, in a group."""
    paints = load_palette(
        _ase(
            ("Brique", b"RGB ", (1, 0.5, 0)),
            ("Gris", b"Gray", (0.5,)),
            ("Encre", b"CMYK", (1, 0, 0, 0.5)),
            ("Blanc", b"LAB ", (1, 0, 0)),
        ),
        "walls.ase",
    ).paints
    assert [p.name for p in paints] == ["Brique", "Gris", "Encre", "Blanc"]
    assert [p.rgb for p in paints] == [(255, 128, 0), (128, 128, 128), (0, 128, 128), (255, 255, 255)]


def test_gimp_palettes_are_read():
    """Names may hold blanks or be missing; comments are skipped."""
    text = "GIMP Palette\nName: Walls\nColumns: 3\n# mine\n255 170   0\tWarm wall\n  1   2   3\n"
    paints = load_palette(text.encode(), "walls.gpl").paints
    assert [(p.name, p.rgb) for p in paints] == [("Warm wall", (255, 170, 0)), ("#010203", (1, 2, 3))]


@pytest.mark.parametrize(
    "value", [[{"name": "Sand", "color": "#cdb893"}], {"Sand": "#cdb893"}, [{"name": "Sand", "hex": "cdb893"}]]
)
def test_json_palettes_are_read(value):
    """A list of objects or an object of names."""
    assert [(p.name, to_hex(p.rgb)) for p in load_palette(json.dumps(value).encode()).paints] == [("Sand", "#cdb893")]


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"5", b"[[]]", b'["#ggg"]', b"[" * 100_000, b"\xff\xfe\x00", b"GIMP Palette\n1 2\n"]
    + [b"GIMP Palette\n1 2 256 x\n", b"ASEF", b"ASEF\0\1\0\0\xff\xff\xff\xff", _ase(("x", b"RGB ", (1, 1, 1)))[:-20]]
    + [_ase(("x", b"HSB ", (1, 1, 1))), _ase(("x", b"RGB ", (float("nan"), 1, 1))), b"x" * 2_000_000],
)
def test_damaged_palettes_are_refused(data):
    """One clear sentence naming the file, whatever is wrong with it."""
    with pytest.raises(InvalidInput, match=r"mine\.pal") as caught:
        load_palette(data, "mine.pal")
    assert caught.value.field == "palette"
