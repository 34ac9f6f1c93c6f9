"""A small file never costs seconds or a gigabyte, and photos that are opened at once share their memory."""

import base64
import io
import struct
import sys
import threading
import zlib

import numpy as np
import pytest
from conftest import eventually
from picture_files import box, chunk, deep_png, heic, jpeg_with, png_with, quarters, saved, tiff
from PIL import Image
from work import counted_calls, counted_unpacking

from sam2_painter.errors import Busy, Cancelled, InvalidInput, NotAnImage, TooLarge
from sam2_painter.jobs.deadline import Deadline
from sam2_painter.jobs.memory import MemoryBudget
from sam2_painter.masks import mask_from_png
from sam2_painter.photos import containers, images, picture
from sam2_painter.photos.containers import open_picture
from sam2_painter.photos.images import open_photo

MEGABYTES = 5
SIZE = MEGABYTES * 2**20
JPEG, PNG = saved(quarters(), "JPEG"), saved(quarters(), "PNG")
HEIC = box(b"ftyp", b"heic", bytes(4))


def scans(number, size=(8000, 8000)):
    """A progressive JPEG of 64 megapixels whose last scan comes again and again."""
    data = saved(Image.new("L", size, 128), "JPEG", progressive=True, quality=30)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * number + data[-2:]


def riff(body):
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def empty_chunks(name):
    return PNG[:33] + chunk(name, b"") * (SIZE // 12) + PNG[33:]


def packed_bmp(size):
    """Runs of one pixel each."""
    head = struct.pack("<IHHI", 1078 + size, 0, 0, 1078)
    head += struct.pack("<IiiHHIIiiII", 40, 8000, 8000, 1, 8, 1, size, 0, 0, 256, 0)
    return b"BM" + head + bytes(1024) + b"\1\5" * (size // 2)


COSTLY = {  # each is made when it is asked for: collecting the tests shall cost nothing
    "starts of a JPEG": (lambda: b"\xff\xd8" * (SIZE // 2), "parts"),
    "empty segments": (lambda: b"\xff\xd8" + b"\xff\xe1\0\2" * (SIZE // 4), "parts"),
    "segments without a length": (lambda: b"\xff\xd8" + b"\xff\xe1\0\0" * (SIZE // 4), "parts"),
    "tables of a JPEG": (lambda: JPEG[:2] + b"\xff\xc4\0\2" * (SIZE // 4) + JPEG[2:], "parts"),
    "scans of a large JPEG": (lambda: scans(90), "scans"),
    "empty chunks": (lambda: empty_chunks(b"aaAa"), "parts"),
    "empty chunks of pixels": (lambda: empty_chunks(b"IDAT"), "parts"),
    "chunks of no standard": (lambda: empty_chunks(b"ZZZZ"), "ZZZZ"),
    "chunks of WebP": (lambda: riff(b"XXXX\0\0\0\0" * (SIZE // 8)), "parts"),
    "runs of a BMP": (lambda: packed_bmp(SIZE), "run-length"),
    "entries of a TIFF": (lambda: b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(SIZE), "directory"),
    "strips of a TIFF": (lambda: tiff(np.zeros((70_000, 1, 1), np.uint8), photometric=1, rows=1), "70000 parts"),
    "boxes of HEIC": (lambda: HEIC + b"\0\0\0\x08free" * (SIZE // 8), "damaged"),
    "boxes inside a box": (lambda: HEIC + box(b"meta", bytes(4), b"\0\0\0\x08free" * (SIZE // 8)), "damaged"),
    "items of HEIC": (lambda: heic(grid=(255, 250, 80, 64)), "damaged"),
}


@pytest.mark.parametrize("name", COSTLY)
def test_counting_parts_ends_early(name):
    """Millions of empty parts are refused after thousands, before a pixel is decoded."""
    made, sentence = COSTLY[name]
    data = made()
    with counted_calls() as calls, pytest.raises((NotAnImage, TooLarge), match=sentence):
        open_photo(data)
    assert calls.total() < 200_000
    assert not calls["ImageFile.load"]


def test_strips_that_all_name_the_same_bytes_are_refused():
    """A file may claim its one strip ten thousand times."""
    data = bytearray(tiff(np.zeros((10_000, 64, 3), np.uint16), rows=1))
    with pytest.raises(NotAnImage, match="cut off"):
        open_photo(bytes(_all_strips_at(data)))


def _all_strips_at(data):
    """Every strip is the whole file."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, _, number, place = struct.unpack_from("<HHII", data, at)
        if tag in (273, 279):
            struct.pack_into(f"<{number}I", data, place, *[0 if tag == 273 else len(data)] * number)
    return data


def test_metadata_is_not_unpacked_beyond_its_limit(monkeypatch):
    """Profiles and XMP that unpack to gigabytes are left alone: of 400 MB some are unpacked."""
    bomb = zlib.compress(bytes(200_000_000), 9)
    packet = b"XML:com.adobe.xmp\0\1\0\0\0" + bomb
    data = png_with(PNG, (b"iCCP", b"p\0\0" + bomb), (b"iTXt", packet))
    with counted_unpacking(monkeypatch) as sizes:
        assert np.array_equal(open_photo(data).pixels, quarters())
    assert 0 < sum(sizes) < 16 * 2**20


# -- masks


def test_a_mask_as_ragged_as_noise_is_refused():
    """A few kilobytes of PNG could be gigabytes of runs."""
    board = np.tile(np.array([[0, 255], [255, 0]], np.uint8), (2000, 2000))
    data = saved(Image.fromarray(board).convert("1"), "PNG")
    assert len(data) < 100_000
    with pytest.raises(InvalidInput, match="ragged") as caught:
        mask_from_png(data, (4000, 4000))
    assert caught.value.field == "mask"


def test_a_mask_of_another_size_is_not_decoded(monkeypatch):
    """Its header is enough to refuse it."""
    monkeypatch.setattr(picture.DECODING, "take", lambda nbytes: pytest.fail("it was decoded"))
    data = base64.b64encode(saved(Image.new("1", (9000, 9000)), "PNG")).decode()
    with pytest.raises(InvalidInput, match="200x150"):
        mask_from_png(data, (150, 200))


def test_deep_label_pictures_are_masks():
    """A 16-bit label picture of small numbers, grey or coloured, means what is not 0."""
    labels = np.zeros((20, 30), np.uint16)
    labels[5:9, 5:9] = 3
    for data in (deep_png(labels), deep_png(np.repeat(labels[..., None], 3, 2))):
        assert mask_from_png(data, (20, 30)).area == 16


# -- the budget


def test_memory_is_taken_together():
    """As many are inside as fit; the next one waits until one leaves; all of it is given back."""
    budget, inside, most = MemoryBudget(100), [], []
    entered = threading.Barrier(3)

    def work():
        with budget.take(40):
            inside.append(1)
            most.append(len(inside))
            entered.wait(10) if len(most) <= 2 else None
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    entered.wait(10)
    for thread in threads:
        thread.join(10)
    assert len(most) == 5
    assert max(most) == 2
    assert budget.taken == 0


def test_work_larger_than_the_budget_is_let_in_alone():
    """It waits for the others to leave, and is not refused for ever."""
    budget = MemoryBudget(100)
    with budget.take(1000):
        assert budget.taken == 1000
        with pytest.raises(Busy) as caught, Deadline(0.1, "opening"), budget.take(1):
            pass
    assert caught.value.retry_after > 0
    assert budget.taken == 0


def test_who_waits_longer_than_half_of_the_limit_is_told_to_come_back():
    """Busy comes before the time limit does, and leaves nobody in the queue."""
    budget = MemoryBudget(100)
    with budget.take(100):
        for _ in range(3):
            with pytest.raises(Busy, match="Try again"), Deadline(0.2, "opening"), budget.take(10):
                pass
    with budget.take(100):
        pass


def test_who_is_cancelled_while_waiting_leaves_the_queue():
    """Work for somebody who went away does not take a place."""
    budget, deadline = MemoryBudget(100), Deadline(60, "opening")
    with budget.take(100):
        deadline.cancel()
        with pytest.raises(Cancelled), deadline, budget.take(10):
            pass
    with budget.take(100):
        pass


def test_small_work_does_not_overtake_large_for_ever():
    """First come, first served."""
    budget, order = MemoryBudget(100), []
    first = budget.take(60)
    first.__enter__()

    def work(nbytes):
        with budget.take(nbytes):
            order.append(nbytes)

    large = threading.Thread(target=work, args=(90,))
    large.start()
    assert eventually(lambda: budget._waiting)
    small = threading.Thread(target=work, args=(10,))
    small.start()
    assert eventually(lambda: len(budget._waiting) == 2)
    assert order == []
    first.__exit__(None, None, None)
    large.join(10)
    small.join(10)
    assert order == [90, 10]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF"])
def test_every_decoding_takes_from_the_budget(format, monkeypatch):
    """Whatever the kind of file, its pixels are counted before they are made."""
    taken = []
    take = MemoryBudget.take
    monkeypatch.setattr(MemoryBudget, "take", lambda self, nbytes: taken.append(nbytes) or take(self, nbytes))
    open_photo(saved(quarters(), format))
    assert taken == [open_picture(saved(quarters(), format)).cost]
    assert taken[0] >= 64 * 80 * 7


@pytest.mark.skipif(sys.platform != "linux", reason="reads resident memory from /proc")
def test_four_large_photos_at_once_stay_within_the_budget(tmp_path):
    """A few hundred kilobytes of PNG are 20 megapixels; four at once take what the budget allows, not four times it."""
    import subprocess

    data = io.BytesIO()
    Image.new("RGBA", (5000, 4000), (200, 180, 160, 255)).save(data, "PNG", compress_level=9)
    path = tmp_path / "wide.png"
    path.write_bytes(data.getvalue())
    script = (
        "import re, sys, threading, pathlib\n"
        "from sam2_painter.photos import picture\n"
        "from sam2_painter.photos.images import open_photo\n"
        "import numpy as np\n"
        "open_photo(np.zeros((4, 4, 4), np.uint8))\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]) / 1024\n"
        "picture.DECODING.max_bytes = 250 * 2**20\n"
        "before, data = peak(), pathlib.Path(sys.argv[1]).read_bytes()\n"
        "threads = [threading.Thread(target=lambda: open_photo(data).size) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=120, check=True
    )
    assert float(done.stdout) < 500  # MB; some 800 without the budget


def test_the_costs_of_formats_are_what_they_take():
    """A table that was measured: no kind of file says less than its decoder's own picture."""
    for format in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF"):
        assert open_picture(saved(quarters(), format)).bytes_per_pixel >= 7
    assert containers.DECODING.max_bytes >= 80_000_000 * 9


# -- what goes out


def test_webp_that_its_encoder_has_no_room_for(monkeypatch):
    """Another way of packing is tried; where that fails too, one sentence names the formats that can."""
    from sam2_painter.photos import encoding

    tried = []

    def save(self, out, format, *, method, **options):
        tried.append(method)
        raise ValueError("encoding error 6")

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(InvalidInput, match="PNG or JPG") as caught:
        images.encode(quarters(), "WEBP")
    assert caught.value.field == "format"
    assert tried == list(encoding._METHODS)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_file_to_keep_names_its_colours_and_its_size(format):
    """sRGB's profile, and the pixels an inch of the photo; the pixels are those of `encode`."""
    made = images.encode_file(quarters(), format, 95, dpi=(300, 150))
    with Image.open(io.BytesIO(made)) as opened, Image.open(io.BytesIO(images.encode(quarters(), format))) as plain:
        assert np.array_equal(np.asarray(opened), np.asarray(plain))
        assert b"sRGB" in opened.info["icc_profile"]
    assert open_picture(made).dpi == pytest.approx((300, 150), abs=0.02)
    assert open_picture(images.encode_file(quarters(), format)).dpi is None or format == "JPEG"
    assert np.array_equal(open_photo(made).pixels, open_photo(images.encode(quarters(), format)).pixels)


def test_pixels_an_inch_turn_with_the_photo():
    """A photo stored lying down is printed standing."""
    exif = Image.Exif()
    exif[274] = 6
    assert images.printed_dpi(saved(quarters(), "JPEG", dpi=(300, 150), exif=exif)) == (150, 300)
    assert images.printed_dpi(saved(quarters(), "PNG")) is None


def test_chunks_that_lie_about_their_length_are_refused():
    """One that goes beyond the file's end, one whose checksum is wrong."""
    at = PNG.index(b"IDAT")
    for bad in (PNG[: at - 4] + b"\x7f\xff\xff\xff" + PNG[at:], PNG.replace(b"IDAT", b"IDAT" + b"x", 1)):
        with pytest.raises(NotAnImage):
            open_photo(bad)
    assert open_photo(PNG + chunk(b"junk", b"x" * 100)).size == (64, 80)
    assert open_photo(jpeg_with(JPEG, *[(0xE1, b"x" * 100)] * 4000)).size == (64, 80)
