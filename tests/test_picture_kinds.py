"""Every kind of picture file opens as a person sees it in another program, or is refused with the reason."""

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
from picture_files import (
    BLUE,
    GREEN,
    GREY,
    RED,
    box,
    chunk,
    deep_png,
    exif_block,
    heic,
    jpeg_with,
    png_with,
    quarters,
    saved,
    short,
    tiff,
)
from PIL import Image

from sam2_painter.errors import NotAnImage, TooLarge
from sam2_painter.photos import profiles
from sam2_painter.photos.containers import open_picture
from sam2_painter.photos.images import open_photo
from sam2_painter.photos.pixels import CLEAR, STRETCHED

CORNERS = [list(RED), list(GREEN), list(BLUE), list(GREY)]


def corners(pixels):
    """The colours in the four corners: left and right above, left and right below."""
    return np.array([pixels[2, 2], pixels[2, -3], pixels[-3, 2], pixels[-3, -3]])


def near(a, b, tolerance):
    return np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= tolerance


JPEG = saved(quarters(), "JPEG", quality=97, subsampling=0)
PNG = saved(quarters(), "PNG")


# -- HEIC and AVIF


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"heix"])
def test_heic_opens_by_how_it_is_coded(brand):
    """Whatever the first brand says, a picture coded as HEVC is HEIC."""
    assert open_picture(heic(brand=brand)).format == "HEIC"
    assert near(corners(open_photo(heic(brand=brand)).pixels), CORNERS, 2)


@pytest.mark.parametrize(
    ("property_", "turned"),
    [
        (box(b"irot", b"\1"), np.rot90(quarters())),
        (box(b"irot", b"\2"), np.rot90(quarters(), 2)),
        (box(b"imir", b"\1"), quarters()[:, ::-1]),
    ],
)
def test_heic_is_turned_by_its_own_properties(property_, turned):
    """Turns are part of the format; what Exif says of them is not applied a second time."""
    exif = exif_block([(274, 3, 1, short(6))])
    assert near(corners(open_photo(heic(properties=[property_], exif=exif)).pixels), corners(turned), 2)


def test_heic_of_tiles():
    """Phones store a photo as a grid of tiles."""
    photo = open_photo(heic(grid=(2, 2, 160, 128)))
    assert photo.size == (128, 160)
    assert near(corners(photo.pixels), CORNERS, 2)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (heic(grid=(40, 40, 80, 64)), "many times larger than it is itself"),
        (heic(grid=(100, 100, 80, 64)), "damaged"),
        (heic(size=(20_000, 20_000)), "20000x20000"),
        (heic(grid=(1, 1, 30_000, 30_000)), "30000x30000"),
    ],
    ids=["1600 tiles for one", "10,000 tiles", "400 megapixels", "900 megapixels"],
)
def test_heic_is_measured_before_it_is_decoded(data, sentence):
    """Limits are checked on the boxes, before libheif sees the file."""
    with pytest.raises((TooLarge, NotAnImage), match=sentence):
        open_picture(data, max_pixels=1_000_000)


def test_without_its_decoder_heic_says_what_to_install(monkeypatch):
    """The sentence names the package."""
    monkeypatch.setitem(__import__("sys").modules, "pi_heif", None)
    with pytest.raises(NotAnImage, match=r"pip install .pi-heif"):
        open_photo(heic())


@pytest.mark.parametrize("brand", [b"avif", b"mif1"])
def test_avif_opens(brand):
    """With AVIF's brand first or that of all HEIF pictures."""
    data = saved(quarters(), "AVIF", quality=95, subsampling="4:4:4").replace(b"ftypavif", b"ftyp" + brand, 1)
    assert open_picture(data).format == "AVIF"
    assert near(corners(open_photo(data).pixels), CORNERS, 4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_upright(orientation):
    """As Pillow writes it, in the boxes."""
    exif = Image.Exif()
    exif[274] = orientation
    upright = open_photo(saved(quarters(), "PNG", exif=exif)).pixels
    data = saved(quarters(), "AVIF", quality=95, subsampling="4:4:4", exif=exif)  # takes the tag out of `exif`
    photo = open_photo(data)
    assert photo.size == upright.shape[:2]
    assert near(corners(photo.pixels), corners(upright), 4)


def test_avif_with_a_profile():
    """A wide-gamut AVIF shows its true colours."""
    data = saved(quarters(), "AVIF", quality=95, subsampling="4:4:4", icc_profile=profiles.adobe_rgb_profile())
    expected = open_photo(saved(quarters(), "PNG", icc_profile=profiles.adobe_rgb_profile())).pixels
    assert near(corners(open_photo(data).pixels), corners(expected), 5)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x18ftypcrx " + bytes(40), "a camera raw file"),
        (b"\0\0\0\x18ftypisom" + bytes(40), "a video"),
        (b"\0\0\0\x18ftypmif1" + bytes(40), "a HEIF picture"),
        (b"\0\0\0\x18ftypqt  " + bytes(40), "a video"),
        (b"FUJIFILMCCD-RAW " + bytes(84) + JPEG, "a camera raw file"),
        (b"%PDF-1.4\n" + JPEG, "a PDF document"),
        (b"ID3\4\0\0\0\0\0\0APIC" + JPEG, "a sound file"),
        (b"x" * 5000 + JPEG, "a text file"),
    ],
)
def test_a_picture_inside_another_file_is_not_taken_for_it(data, name):
    """Films, raw files and documents hold previews; they are refused by their own name."""
    with pytest.raises(NotAnImage, match=name):
        open_photo(data)


# -- what is around a JPEG


@pytest.mark.parametrize("before", [b"\r\n", b"\xef\xbb\xbf", b"Content-Type: image/jpeg\r\n\r\n", bytes(1000)])
def test_bytes_before_a_jpeg(before):
    """A careless server's line feed, or a header: the picture after it is opened, as browsers do."""
    assert np.array_equal(open_photo(before + JPEG).pixels, open_photo(JPEG).pixels)


@pytest.mark.parametrize("behind", [b"\0" * 100, JPEG, PNG, b"\xff\xd8\xff", b"MotionPhoto_Data" + bytes(5000)])
def test_bytes_behind_a_jpeg(behind):
    """A film, a second picture or padding behind the end is left alone."""
    assert np.array_equal(open_photo(JPEG + behind).pixels, open_photo(JPEG).pixels)


def noise(seed, size=(70, 90)):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (*size, 3), np.uint8)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_jpeg_without_its_end_is_whole_or_cut_off(progressive, subsampling):
    """Without the end marker alone every pixel is there; with less the picture is refused, not shown half grey."""
    for seed in range(3):
        data = saved(noise(seed), "JPEG", quality=85, progressive=progressive, subsampling=subsampling)
        assert np.array_equal(open_photo(data[:-2]).pixels, open_photo(data).pixels)
        assert np.array_equal(open_photo(data[:-1]).pixels, open_photo(data).pixels)
        for cut in (12, 40, 200, len(data) // 2):
            with pytest.raises(NotAnImage, match="cut off"):
                open_photo(data[:-cut])


def test_a_progressive_jpeg_without_its_last_scans_is_cut_off():
    """It would look whole and be blurred."""
    data = saved(noise(5), "JPEG", quality=85, progressive=True)
    last = data.rindex(b"\xff\xda")
    with pytest.raises(NotAnImage, match="cut off"):
        open_photo(data[:last])


@pytest.mark.parametrize("mode", ["L", "CMYK", "YCbCr"])
def test_jpeg_of_every_colour_space_without_an_end(mode):
    """One, three and four components."""
    data = saved(Image.fromarray(quarters()).convert(mode), "JPEG", quality=95)
    assert np.array_equal(open_photo(data[:-2]).pixels, open_photo(data).pixels)


# -- orientation, colours and size told beside the pixels


def xmp(orientation, *, element=False):
    """An XMP packet."""
    said = (
        f"><tiff:Orientation>{orientation}</tiff:Orientation></rdf:Description>"
        if element
        else f' tiff:Orientation="{orientation}"/>'
    )
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"' + said + "</rdf:RDF></x:xmpmeta>"
    ).encode()


def with_xmp(format, packet):
    if format == "JPEG":
        return jpeg_with(JPEG, (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
    if format == "PNG":
        return png_with(PNG, (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet))
    if format == "packed PNG":
        return png_with(PNG, (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)))
    if format == "WEBP":
        return saved(quarters(), "WEBP", lossless=True, xmp=packet)
    return saved(quarters(), "TIFF", tiffinfo={700: packet})


@pytest.mark.parametrize("element", [False, True])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "packed PNG", "WEBP", "TIFF"])
def test_orientation_from_xmp(format, element):
    """Where Exif says nothing, XMP is asked."""
    photo = open_photo(with_xmp(format, xmp(6, element=element)))
    assert photo.size == (80, 64)
    assert near(corners(photo.pixels), [BLUE, RED, GREY, GREEN], 12)


def test_exif_goes_before_xmp():
    """Two programs wrote two orientations: cameras' counts."""
    both = jpeg_with(with_xmp("JPEG", xmp(6)), (0xE1, b"Exif\0\0" + exif_block([(274, 3, 1, short(3))])))
    assert near(corners(open_photo(both).pixels), [GREY, BLUE, GREEN, RED], 12)


def adobe_exif(order="<", *, space=0xFFFF, index=b"R03\0"):
    interop = [(1, 2, 4, index)]
    return exif_block([], order, {34665: [(40961, 3, 1, short(space, order)), (40965, 4, 1, interop)]})


def adobe_to_srgb(rgb):
    """From the definition of Adobe RGB (1998): gamma 563/256, one matrix, sRGB's curve."""
    matrix = [
        [1.3983557, -0.3983557, 0],
        [0, 1, 0],
        [0, -0.0429290, 1.0429290],
    ]
    light = np.clip((np.array(rgb) / 255) ** (563 / 256) @ np.array(matrix).T, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("said", [{}, {"space": 2, "index": b"R98\0"}], ids=["R03", "2"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_adobe_rgb_without_a_profile(format, said, order):
    """Cameras say Adobe RGB in Exif alone."""
    color = (150, 110, 90)
    options = {"JPEG": {"quality": 99, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    image = Image.new("RGB", (16, 16), color)
    data = saved(image, format, exif=b"Exif\0\0" + adobe_exif(order, **said), **options)
    assert near(open_photo(data).pixels[8, 8], adobe_to_srgb(color), 2)


@pytest.mark.parametrize("said", [{"space": 1}, {"index": b"R98\0"}, {"index": b"\xff"}])
def test_srgb_in_exif_changes_no_pixel(said):
    """Nor does an index that is none."""
    data = saved(quarters(), "PNG", exif=b"Exif\0\0" + adobe_exif(**said))
    assert np.array_equal(open_photo(data).pixels, quarters())


def test_a_profile_goes_before_exif():
    """The colour space in Exif is only asked where there is no profile."""
    srgb = profiles.srgb_profile()
    data = saved(quarters(), "PNG", exif=b"Exif\0\0" + adobe_exif(), icc_profile=srgb)
    assert np.array_equal(open_photo(data).pixels, quarters())


def test_gamma_of_a_png():
    """Linear light is shown by sRGB's curve; what was written as 1/2.2 is what screens show."""
    linear = png_with(saved(np.full((4, 4, 3), 55, np.uint8), "PNG"), (b"gAMA", struct.pack(">I", 100_000)))
    assert near(open_photo(linear).pixels, 128, 1)
    assert np.array_equal(open_photo(png_with(PNG, (b"gAMA", struct.pack(">I", 45455)))).pixels, quarters())
    grey = png_with(saved(np.full((4, 4), 55, np.uint8), "PNG"), (b"gAMA", struct.pack(">I", 100_000)))
    assert near(open_photo(grey).pixels, 128, 1)


def test_srgb_goes_before_gamma_and_a_profile_before_both():
    """The order of the PNG standard."""
    gamma = (b"gAMA", struct.pack(">I", 100_000))
    assert np.array_equal(open_photo(png_with(PNG, (b"sRGB", b"\0"), gamma)).pixels, quarters())
    profile = (b"iCCP", b"x\0\0" + zlib.compress(profiles.srgb_profile()))
    assert np.array_equal(open_photo(png_with(PNG, profile, gamma)).pixels, quarters())


def chromaticities(primaries):
    red, green, blue, white = primaries
    return b"".join(struct.pack(">II", round(x * 1e5), round(y * 1e5)) for x, y in (white, red, green, blue))


def test_chromaticities_of_a_png():
    """Adobe RGB's primaries and gamma as numbers give Adobe RGB's colours; sRGB's change nothing."""
    color = (150, 110, 90)
    data = saved(Image.new("RGB", (8, 8), color), "PNG")
    wide = png_with(data, (b"gAMA", struct.pack(">I", 45471)), (b"cHRM", chromaticities(profiles.ADOBE_RGB)))
    assert near(open_photo(wide).pixels[4, 4], adobe_to_srgb(color), 3)
    same = png_with(PNG, (b"gAMA", struct.pack(">I", 45455)), (b"cHRM", chromaticities(profiles.BT709)))
    assert np.array_equal(open_photo(same).pixels, quarters())
    for nonsense in (bytes(32), b"\xff" * 32):
        assert open_photo(png_with(PNG, (b"cHRM", nonsense))).size == (64, 80)


@pytest.mark.parametrize(
    ("codes", "given", "expected", "tolerance"),
    [
        ((1, 13), (150, 110, 90), (150, 110, 90), 0),
        ((12, 13), (150, 110, 90), (157, 109, 87), 2),  # Display P3
        ((1, 8), (55, 55, 55), (128, 128, 128), 2),  # linear
        ((9, 16), (148, 148, 148), (225, 225, 225), 4),  # PQ: white paper is 203 cd/m2
        ((9, 18), (191, 191, 191), (225, 225, 225), 6),  # HLG: 75%
    ],
)
def test_code_points_of_a_png(codes, given, expected, tolerance):
    """cICP goes before everything else that names colours."""
    data = saved(Image.new("RGB", (8, 8), given), "PNG")
    photo = open_photo(png_with(data, (b"cICP", bytes([*codes, 0, 1])), (b"gAMA", struct.pack(">I", 100_000))))
    assert near(photo.pixels[4, 4], expected, tolerance)
    assert (profiles.HDR_NOTE in photo.notes) == (codes[1] in (16, 18))


@pytest.mark.parametrize(
    ("data", "dpi"),
    [
        (saved(quarters(), "JPEG", dpi=(300, 150)), (300, 150)),
        (saved(quarters(), "PNG", dpi=(300, 150)), (300, 150)),
        (saved(quarters(), "TIFF", dpi=(300, 150)), (300, 150)),
        (saved(quarters(), "BMP", dpi=(300, 150)), (300, 150)),
        (saved(quarters(), "PNG"), None),
        (jpeg_with(JPEG, (0xE1, b"Exif\0\0" + exif_block([(282, 5, 1, struct.pack("<II", 240, 1)),
            (283, 5, 1, struct.pack("<II", 240, 1)), (296, 3, 1, short(2))]))), (240, 240)),
        (jpeg_with(JPEG, (0xE1, b"Exif\0\0" + exif_block([(282, 5, 1, struct.pack("<II", 0, 0)),
            (283, 5, 1, struct.pack("<II", 1, 0))]))), None),
    ],
)  # fmt: skip
def test_pixels_an_inch(data, dpi):
    """Read from every kind of file, where it says something."""
    found = open_picture(data).dpi
    assert found == (dpi and pytest.approx(dpi, abs=0.1))


# -- transparency


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_a_cut_out_says_once_that_it_stands_on_white(format):
    """And an alpha channel that hides nothing says nothing."""
    pixels = np.dstack([quarters(), np.full((64, 80), 255, np.uint8)])
    assert open_photo(saved(pixels, format)).notes == ()
    pixels[:10, :10, 3] = 0
    photo = open_photo(saved(pixels, format))
    assert photo.notes == (CLEAR,)
    assert near(photo.pixels[5, 5], 255, 4)


def test_a_palette_with_half_clear_colours():
    """tRNS of a palette, at every depth."""
    image = Image.fromarray(quarters()).quantize(4)
    data = saved(image, "PNG", transparency=bytes([255, 128, 0, 255]), bits=2)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(float)
    alpha = expected[..., 3:] / 255
    assert near(open_photo(data).pixels, expected[..., :3] * alpha + 255 * (1 - alpha), 1)


# -- depths of PNG


@pytest.mark.parametrize("samples", [0, 2, 3, 4])
@pytest.mark.parametrize("said", [(), (12,)], ids=["unsaid", "sBIT"])
def test_twelve_bits_in_sixteen(samples, said):
    """Numbers of 12 bits in the lower ones of 16 are no black picture; without sBIT that is said."""
    ramp = np.linspace(0, 4095, 256).round().astype(np.uint16)
    values = np.tile(ramp, (4, 1))
    if samples:
        values = np.repeat(values[..., None], samples, 2)
        if samples in (2, 4):
            values[..., -1] = 65535 if said else 4095
    chunks = [(b"sBIT", bytes(said) * max(1, samples))] if said else []
    photo = open_photo(deep_png(values, *chunks))
    if samples in (2, 4) and not said:
        return  # alpha of 12 bits: nearly clear, and nothing says it is not meant so
    assert near(photo.pixels[0, :, 0], np.arange(256), 1)
    assert photo.notes == (() if said else (STRETCHED,))


def test_sixteen_bits_in_use_stay():
    """sBIT with numbers where the standard wants them, and pictures with a light spot."""
    values = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (4, 1))
    assert near(open_photo(deep_png(values, (b"sBIT", b"\x0c"))).pixels[0, :, 0], np.arange(256), 1)
    values[:] //= 20
    values[0, 0] = 65535
    assert open_photo(deep_png(values)).notes == ()


def test_a_png_for_iphone_programs_is_refused_by_name():
    """CgBI looks like PNG and is none: blue and red are swapped."""
    with pytest.raises(NotAnImage, match="CgBI"):
        open_photo(PNG[:8] + chunk(b"CgBI", bytes(4)) + PNG[8:])


# -- TIFF


def shown(values):
    """What of (H, W, 3) numbers is seen: 0-255."""
    full = 1.0 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    return np.clip(values.astype(float) / full * 255, 0, 255)


def ramps(dtype, samples=3, size=(37, 53)):
    """(37, 53, S): another ramp in each sample."""
    rng = np.random.default_rng(samples)
    smooth = np.linspace(0, 1, size[0] * size[1]).reshape(*size, 1) * np.linspace(1, 0.4, samples)
    smooth = np.clip(smooth + rng.normal(0, 0.02, smooth.shape), 0, 1)
    dtype = np.dtype(dtype)
    return smooth.astype(dtype) if dtype.kind == "f" else (smooth * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "f2", "f4", "f8"])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("layout", ["strips", "tiles"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_every_depth_and_layout(dtype, samples, planar, layout, order):
    """Whole and floating point numbers, together or in planes, in strips or tiles, of either byte order."""
    values = ramps(dtype, samples)
    form = {"tile": (32, 16)} if layout == "tiles" else {"rows": 8}
    photo = open_photo(tiff(values, photometric=2 if samples == 3 else 1, planar=planar, order=order, **form))
    assert near(photo.pixels, np.broadcast_to(shown(values), (37, 53, 3)), 1)
    assert photo.notes == ()


@pytest.mark.parametrize(
    ("dtype", "predictor"), [("u1", 2), ("u2", 2), ("u4", 2), ("i2", 2), ("f2", 3), ("f4", 3), ("f8", 3)]
)
@pytest.mark.parametrize(("planar", "form"), [(1, {}), (1, {"tile": (32, 32)}), (2, {"rows": 5})])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_tiff_with_a_predictor(dtype, predictor, planar, form, order, big):
    """Differences of neighbours are undone, also those of floating point numbers."""
    values = ramps(dtype)
    data = tiff(values, planar=planar, order=order, predictor=predictor, big=big, **form)
    assert near(open_photo(data).pixels, shown(values), 1)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("kind", [0, 1, 2], ids=["something else", "associated", "unassociated"])
def test_tiff_with_a_fourth_number(dtype, planar, kind):
    """Alpha is alpha, multiplied in or not; what the file does not call alpha is left alone."""
    values = ramps(dtype, 4)
    full = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    values[..., 3] = full
    values[:5, :5, 3] = full // 2 if full > 1 else 0.5
    colors = shown(values[..., :3])
    if kind == 1:
        values[:5, :5, :3] = values[:5, :5, :3] * 0.5
    alpha = np.ones((37, 53, 1))
    alpha[:5, :5] = 0.5 if kind else 1
    photo = open_photo(tiff(values, planar=planar, extra=(kind,)))
    assert near(photo.pixels, colors * alpha + 255 * (1 - alpha), 3)
    assert photo.notes == ((CLEAR,) if kind else ())


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("planar", [1, 2])
def test_tiff_grey_with_alpha(dtype, planar):
    """Two numbers a pixel."""
    values = ramps(dtype, 2)
    values[..., 1] = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    values[:5, :5, 1] = 0
    photo = open_photo(tiff(values, photometric=1, planar=planar, extra=(2,)))
    assert near(photo.pixels[10:], np.broadcast_to(shown(values[10:, :, :1]), (27, 53, 3)), 1)
    assert (photo.pixels[:5, :5] == 255).all()


def test_tiff_that_counts_from_white():
    """At every depth."""
    for dtype in ("u1", "u2", "u4", "f4"):
        values = ramps(dtype, 1)
        photo = open_photo(tiff(values, photometric=0))
        assert near(photo.pixels[..., 0], 255 - shown(values)[..., 0], 1)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_four_inks(dtype, planar, order):
    """CMYK of 8 and 16 bits looks as Pillow's own conversion of 8 bits."""
    values = ramps(dtype, 4)
    eight = (values >> (8 * (values.itemsize - 1))).astype(np.uint8)
    expected = np.asarray(Image.fromarray(eight, "CMYK").convert("RGB"))
    assert near(open_photo(tiff(values, photometric=5, planar=planar, order=order)).pixels, expected, 2)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_tiff_in_lab(dtype):
    """CIE L*a*b* of 8 and 16 bits: a mid grey and a red."""
    lab = np.array([[[137, 0, 0], [128, 60, 40]]], np.int32)  # L of 255, a and b as they are
    values = (lab.astype(np.uint8)) if dtype == "u1" else ((lab.astype(np.uint8).astype(np.uint16)) << 8)
    grey, red = open_photo(tiff(values, photometric=8)).pixels[0]
    assert near(grey, (128, 128, 128), 2)  # L* 53.7
    assert red[0] > 180
    assert red[1] < 100


def test_twelve_bits_of_a_tiff():
    """In 16 by MaxSampleValue or unsaid."""
    values = np.tile(np.linspace(0, 4095, 256).round().astype(np.uint16)[:, None], (4, 1, 3))
    assert open_photo(tiff(values)).notes == (STRETCHED,)
    told = open_photo(tiff(values, more=[(281, "H", [4095] * 3)]))
    assert told.notes == ()
    assert near(told.pixels[0, :, 0], np.arange(256), 1)


def test_highlights_of_a_floating_point_tiff():
    """A little above 1 is brighter than white, not a picture of 255 levels."""
    values = ramps("f4")
    values[0, 0] = 4
    photo = open_photo(tiff(values))
    assert near(photo.pixels[1:], shown(values)[1:], 1)
    assert profiles.HDR_NOTE in photo.notes


def test_a_plain_tiff_marked_as_a_smaller_copy_is_opened():
    """With nothing larger in the file it is the picture there is."""
    assert np.array_equal(open_photo(tiff(quarters(), subfile=1)).pixels, quarters())


def pages(*files):
    """Little-endian TIFFs, one after the other in one file."""
    whole, at_next = b"", 4
    for data in files:
        shift = len(whole)
        (start,) = struct.unpack_from("<I", data, 4)
        (count,) = struct.unpack_from("<H", data, start)
        body = bytearray(data)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from("<HHI", body, at)
            size = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}[kind] * number
            (place,) = struct.unpack_from("<I", body, at + 8)
            if size > 4:
                if tag in (273, 324):
                    for one in range(place, place + size, 4):
                        struct.pack_into("<I", body, one, struct.unpack_from("<I", body, one)[0] + shift)
                struct.pack_into("<I", body, at + 8, place + shift)
            elif tag in (273, 324):
                struct.pack_into("<I", body, at + 8, place + shift)
        whole = bytearray(whole + bytes(body))
        struct.pack_into("<I", whole, at_next, start + shift)
        at_next = start + shift + 2 + 12 * count
    return bytes(whole)


def test_the_large_picture_of_a_tiff_is_the_photo():
    """A thumbnail that comes first is passed by; of equal pages the first counts."""
    small, large = quarters(16, 20), quarters()
    assert np.array_equal(open_photo(pages(tiff(small, subfile=1), tiff(large))).pixels, large)
    assert np.array_equal(open_photo(pages(tiff(large), tiff(small, subfile=1))).pixels, large)
    assert np.array_equal(open_photo(pages(tiff(large), tiff(255 - large))).pixels, large)


def test_a_camera_raw_file_is_named():
    """Where any picture in the file is of a sensor, it is no photo yet."""
    sensor = tiff(np.zeros((8, 8, 1), np.uint16), photometric=32803)
    for data in (sensor, pages(tiff(quarters(), subfile=1), sensor)):
        with pytest.raises(NotAnImage, match="camera raw"):
            open_photo(data)


def patched(data, tag, value):
    """A TIFF with the first number of a tag replaced."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    body = bytearray(data)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", body, at)[0] == tag:
            struct.pack_into("<H", body, at + 8, value)
            return bytes(body)
    raise AssertionError(tag)


REFUSED_TIFFS = {
    "complex numbers": patched(tiff(ramps("f8", 1), photometric=1), 339, 6),
    "24-bit numbers": patched(tiff(ramps("u4", 1), photometric=1), 258, 24),
    "JPEG 2000 pixels": patched(tiff(ramps("u1", 3)), 259, 34712),
    "LERC pixels": patched(tiff(ramps("f4", 1), photometric=1), 259, 34887),
    "compression 12345": patched(tiff(ramps("u1", 3)), 259, 12345),
    "photometric interpretation 3": tiff(ramps("u2", 1), photometric=3),
    "photometric interpretation 6": tiff(ramps("u2", 3), photometric=6),
    "LogLuv": tiff(ramps("u2", 3), photometric=32845),
    "ITU Lab": tiff(ramps("u1", 3), photometric=10),
    "inks other than": tiff(ramps("u1", 4), photometric=5, more=[(332, "H", [2])]),
    "too few numbers": tiff(ramps("u2", 2), photometric=2),
    "32-bit CMYK": tiff(ramps("u4", 4), photometric=5),
    "a transparency mask": patched(tiff(ramps("u1", 1), photometric=4), 258, 1),
}


@pytest.mark.parametrize("reason", REFUSED_TIFFS)
def test_a_tiff_that_might_open_wrong_says_why_it_is_refused(reason):
    """One sentence with the true reason and what to do."""
    with pytest.raises(NotAnImage, match=reason) as caught:
        open_photo(REFUSED_TIFFS[reason])
    assert "save it as PNG" in str(caught.value)


def test_no_tiff_opens_silently_wrong():
    """Any photometric interpretation, depth, format, number of samples and layout: right, or refused."""
    eight = ramps("u1", 3)
    opened = 0
    for photometric, dtype, samples, planar in itertools.product(
        (0, 1, 2, 3, 4, 5, 6, 8, 9, 10), ("u1", "u2", "i2", "f4"), (1, 2, 3, 4, 5), (1, 2)
    ):
        values = ramps(dtype, samples)
        try:
            photo = open_photo(tiff(values, photometric=photometric, planar=planar, extra=(0,) * max(0, samples - 3)))
        except NotAnImage:
            continue
        opened += 1
        if photometric in (1, 2) and samples >= (3 if photometric == 2 else 1):
            expected = shown(values)[..., :3] if photometric == 2 else shown(values)[..., :1]
            assert near(photo.pixels, np.broadcast_to(expected, eight.shape), 1), (photometric, dtype, samples, planar)
        else:
            assert photometric in (0, 3, 5, 6, 8), (photometric, dtype, samples, planar)
    assert opened > 60


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "LAB", "YCbCr", "I;16"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "packbits", "tiff_adobe_deflate", "group4", "jpeg"])
def test_tiff_as_pillow_writes_it(mode, compression):
    """Every mode and compression Pillow knows looks as Pillow shows it."""
    if compression == "group4" and mode != "1":
        pytest.skip("for black and white only")
    if compression == "jpeg" and mode not in ("L", "RGB", "CMYK", "YCbCr"):
        pytest.skip("JPEG has no such colours")
    source = Image.fromarray(quarters())
    if mode == "I;16":
        image = Image.fromarray(np.asarray(source.convert("L")).astype(np.uint16) * 257)
    elif mode == "LAB":
        from PIL import ImageCms

        image = ImageCms.profileToProfile(
            source, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        image = source.convert(mode)
    expected = {"I;16": source.convert("L"), "LAB": source}.get(mode, image).convert("RGB")
    data = saved(image, "TIFF", compression=compression)
    if mode == "YCbCr" and compression is None:  # Pillow writes it otherwise than the specification says
        with pytest.raises(NotAnImage, match="unpacked YCbCr"):
            open_photo(data)
    else:
        assert near(corners(open_photo(data).pixels), corners(np.asarray(expected)), 8 if mode == "LAB" else 6)


def test_tiff_of_four_bits():
    """Depths below 8 keep their levels."""
    levels = (np.arange(16, dtype=np.uint8) * 17).reshape(1, 16)
    packed = zlib.compress(bytes((a << 4) | b for a, b in zip(range(0, 16, 2), range(1, 16, 2), strict=True)))
    data = tiff(np.zeros((1, 16, 1), np.uint8), photometric=1)
    data = patched(patched(patched(data, 258, 4), 279, len(packed)), 273, len(data)) + packed
    assert np.array_equal(open_photo(data).pixels[..., 0], levels)
