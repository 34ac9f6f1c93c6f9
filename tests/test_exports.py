"""A session's work as files: what is saved comes back, and nothing else gets in."""

import io
import json
import zipfile
import zlib
from contextlib import suppress

import numpy as np
import orjson
import pytest
from conftest import draw_building, to_png
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sam2_painter.errors import InvalidInput, PainterError, StorageError
from sam2_painter.rle import mask_to_rle, rle_to_mask
from sam2_painter.sessions import exports, project, recipe, records
from sam2_painter.types import Coat, Paint, Palette, Prompts
from sam2_painter.web.page import view


@pytest.fixture
def worked(studio, photo_bytes):
    """A session with every mask found, two layers, and a selection that is being refined."""
    session = studio.open(photo_bytes, "дом #1.png")
    studio.generate(session.id)
    studio.paint(session.id, [Coat((181, 199, 163), 0), Coat((90, 20, 20), 2)])
    studio.edit_layer(session.id, 1, opacity=0.0, mode="flat", name="Roof, unpainted")
    studio.use_palette(session.id, Palette("walls.gpl", (Paint("Old sage", (181, 199, 163)),)))
    return studio.segment(session.id, Prompts.click(100, 80).plus(5, 5, 0))


def test_a_project_that_cannot_be_kept_leaves_no_session(studio, worked, monkeypatch):
    """A disk that fills up on the way, say: nobody would know the session's id."""
    project = studio.save_project(worked.id)

    def full(session_id):
        raise StorageError("The data folder cannot be written.")

    monkeypatch.setattr(studio.sessions, "edit", full)
    with pytest.raises(StorageError):
        studio.open_project(project)
    assert studio.sessions.ids() == [worked.id]


def repack(project: bytes, **changes: bytes | None) -> bytes:
    """The project with members replaced, added or (None) left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(project)) as before, zipfile.ZipFile(out, "w") as after:
        kept = {name: before.read(name) for name in before.namelist()}
        for name, data in {**kept, **changes}.items():
            if data is not None:
                after.writestr(name, data)
    return out.getvalue()


def edit_json(project: bytes, change) -> bytes:
    """The project with its JSON as `change` leaves it."""
    with zipfile.ZipFile(io.BytesIO(project)) as archive:
        values = json.loads(archive.read("project.json"))
    change(values)
    return repack(project, **{"project.json": json.dumps(values).encode()})


def test_a_project_brings_everything_back(studio, worked):
    """Photo, masks with their numbers, layers and selection; and the same picture, bit by bit."""
    opened = studio.open_project(studio.save_project(worked.id))
    assert opened.id != worked.id
    assert (opened.name, opened.digest, opened.automatic) == (worked.name, worked.digest, worked.automatic)
    assert dict(opened.masks) == dict(worked.masks)
    assert opened.layers == worked.layers
    assert opened.palette == worked.palette
    assert records.canvas_to_record(opened.canvas) == records.canvas_to_record(worked.canvas)
    assert (studio.picture(opened.id) == studio.picture(worked.id)).all()
    assert studio.sessions.photo_bytes(opened.id) == studio.sessions.photo_bytes(worked.id)


def test_equal_work_is_equal_bytes(studio, worked):
    """A project holds no date and no session id."""
    project = studio.save_project(worked.id)
    assert project == studio.save_project(worked.id)
    assert worked.id.encode() not in project


def test_an_empty_session_is_a_project_too(studio, photo_bytes):
    """Nothing selected, nothing painted."""
    session = studio.open(photo_bytes)
    assert not studio.open_project(studio.save_project(session.id)).layers


def test_coco_reads_back_as_the_same_masks(studio, worked):
    """Every mask with its area, box and number; the runs decode to the very pixels."""
    coco = json.loads(exports.to_coco(worked, every=True))
    assert [a["mask_id"] for a in coco["annotations"]] == list(worked.masks)
    (image,) = coco["images"]
    assert (image["file_name"], image["width"], image["height"]) == ("дом #1.png", 200, 150)
    assert {a["image_id"] for a in coco["annotations"]} == {image["id"]}
    for annotation in coco["annotations"]:
        mask = worked.masks[annotation["mask_id"]]
        assert annotation["area"] == mask.area
        assert annotation["bbox"] == list(mask.bbox)
        assert annotation["segmentation"]["size"] == [150, 200]
        assert (decode_coco(annotation["segmentation"]) == mask.segmentation).all()
    assert {a["category_id"] for a in coco["annotations"]} <= {c["id"] for c in coco["categories"]}


def decode_coco(segmentation: dict) -> np.ndarray:
    """COCO's compressed runs, decoded as its own C code does."""
    counts, text, at = [], segmentation["counts"].encode(), 0
    while at < len(text):
        value = shift = 0
        more = True
        while more:
            byte = text[at] - 48
            value |= (byte & 0x1F) << shift
            more, at, shift = bool(byte & 0x20), at + 1, shift + 5
            if not more and byte & 0x10:
                value |= -1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    height, width = segmentation["size"]
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T


def test_pngs_show_the_masks(studio, worked):
    """One black and white PNG a mask, named by its number and its wall."""
    studio.edit_layer(worked.id, 1, name="Крыша/../roof")
    named = studio.session(worked.id)
    with zipfile.ZipFile(io.BytesIO(exports.to_png_zip(named, every=True))) as archive:
        names = archive.namelist()
        shown = np.asarray(Image.open(io.BytesIO(archive.read("mask-0002 Крыша____roof.png"))))
    assert len(set(names)) == len(worked.masks)
    assert f"mask-0000 {named.layers[0].name}.png" in names
    assert (shown == rle_to_mask(worked.masks[2].rle)).all()


def test_an_export_is_made_once_and_anew_after_a_change(studio, worked):
    """The same file until something changes."""
    first = studio.export(worked.id, "project")
    assert studio.export(worked.id, "project").filename == first.filename
    studio.undo(worked.id)
    assert studio.export(worked.id, "project").filename != first.filename


def bomb(project: bytes) -> bytes:
    """Runs of one mask that unpack to a hundred times the photo."""
    return repack(project, **{"masks/0": zlib.compress(bytes(100 * 200 * 150 * 4))})


def encrypted(project: bytes) -> bytes:
    """The flag of an encrypted member, in both headers."""
    return project.replace(b"PK\3\4\x14\0\0\0", b"PK\3\4\x14\0\1\0").replace(
        b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"
    )


def many_members(project: bytes) -> bytes:
    """A zip whose directory alone is megabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"masks/{'x' * 60}{number}", b"")
    return out.getvalue()


def set_value(**values):
    """An edit of project.json that replaces top values."""
    return lambda project: edit_json(project, lambda json_: json_.update(values))


def set_selection(**values):
    """An edit of project.json that replaces values of the selection."""
    return lambda project: edit_json(project, lambda json_: json_["canvas"]["selection"].update(values))


def set_step(**values):
    """An edit of project.json that replaces values of the last step of the selection."""
    return lambda project: edit_json(project, lambda json_: json_["canvas"]["selection"]["steps"][-1].update(values))


def set_layer(**values):
    """An edit of project.json that replaces values of the first layer."""
    return lambda project: edit_json(project, lambda json_: json_["canvas"]["layers"][0].update(values))


def set_mask(**values):
    """An edit of project.json that replaces values of the first mask."""
    return lambda project: edit_json(project, lambda json_: json_["masks"][0].update(values))


DAMAGES = {
    "no zip": lambda p: b"PK nothing",
    "empty": lambda p: b"",
    "cut off": lambda p: p[: len(p) // 2],
    "another zip": lambda p: repack(p, **{"project.json": None}),
    "photo missing": lambda p: repack(p, photo=None),
    "photo turned": lambda p: repack(p, photo=to_png(draw_building(150, 200))),
    "photo of another size": lambda p: repack(p, photo=to_png(draw_building(400, 300))),
    "photo no picture": lambda p: repack(p, photo=b"not a picture"),
    "mask missing": lambda p: repack(p, **{"masks/0": None}),
    "runs no runs": lambda p: repack(p, **{"masks/0": b"abc"}),
    "runs of another photo": lambda p: repack(p, **{"masks/0": zlib.compress(b"\1\0\0\0\2\0\0\0")}),
    "runs are a bomb": bomb,
    "encrypted": encrypted,
    "too many members": many_members,
    "json no json": lambda p: repack(p, **{"project.json": b"{"}),
    "json nested deep": lambda p: repack(p, **{"project.json": b"[" * 100_000}),
    "json a list": lambda p: repack(p, **{"project.json": b"[]"}),
    "other format": set_value(format="zip"),
    "newer version": set_value(version=99),
    "version no number": set_value(version="1"),
    "masks no list": set_value(masks=5),
    "mask records empty": set_value(masks=[{}]),
    "automatic names no mask": set_value(automatic=[99]),
    "automatic no list": set_value(automatic=None),
    "selection names no mask": set_selection(mask_id=99),
    "selection base no mask": set_selection(base=-1),
    "selection of no layer": set_selection(layer=99),
    "candidates no masks": set_step(candidates=["0"]),
    "region no mask": set_step(region=99),
    "region missing": set_step(region=None),
    "mode unknown": set_step(mode="xor"),
    "kind unknown": set_step(kind="spray"),
    "choice no number": set_step(choice="0"),
    "choice beyond the candidates": set_step(choice=9),
    "prompts outside": set_step(points=[[9999, 1, 1]]),
    "path no points": set_step(kind="stroke", path=[["a", "b"]]),
    "path endless": set_step(kind="stroke", path=[[1, 1]] * 100_000),
    "protect text": set_step(protect="yes"),
    "radius endless": set_step(radius=1e300),
    "two layers of one id": set_layer(id=1),
    "layer names no mask": set_layer(mask_id=99),
    "layer mask negative": set_layer(mask_id=-1),
    "layer opacity 7": set_layer(opacity=7),
    "layer color text": set_layer(color="red"),
    "layer field unknown": set_layer(evil=1),
    "layer id beyond any number": set_layer(id=2**70),
    "layer id no more can follow": set_layer(id=2**62),
    "mask category a list": set_mask(category=[1]),
    "mask category a book": set_mask(category="wall" * 1000),
    "mask crop of lists": set_mask(crop_box=[[1], 2, 3, 4]),
    "mask crop of three": set_mask(crop_box=[1, 2, 3]),
    "mask point nowhere": set_mask(point_coords=[[float("nan"), 1]]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_project_is_refused_without_a_trace(studio, worked, damage):
    """One sentence, no session, nothing on disk."""
    before, files = studio.sessions.count(), sorted(studio.sessions.upload_dir.rglob("*"))
    with pytest.raises(InvalidInput):
        studio.open_project(damage(studio.save_project(worked.id)))
    assert studio.sessions.count() == before
    assert sorted(studio.sessions.upload_dir.rglob("*")) == files


def test_a_mask_twice_is_refused(studio, worked):
    """Two equal masks would shift the numbers of all after them."""

    def change(values):
        values["masks"][1] = values["masks"][0]

    project = edit_json(studio.save_project(worked.id), change)
    with zipfile.ZipFile(io.BytesIO(project)) as archive:
        runs = archive.read("masks/0")
    with pytest.raises(InvalidInput, match="twice"):
        studio.open_project(repack(project, **{"masks/1": runs}))


def test_members_are_never_written_by_their_names(studio, worked, tmp_path):
    """A member that would climb out of the folder is not even looked at."""
    project = repack(studio.save_project(worked.id), **{"../../evil": b"x", "/etc/evil": b"x"})
    studio.open_project(project)
    assert not list(tmp_path.parent.rglob("evil"))


def test_names_that_are_half_a_character_open_and_go_on(studio, worked, tmp_path):
    """A program wrote \\ud800 where a name goes: it is shown as "?", and everything after it works."""
    palette = {"name": "\ud800", "paints": [["\ud800", [1, 2, 3], "\ud800", "\ud800"]]}
    change = set_value(name="\ud800", palette=palette)
    named = set_layer(name="\ud800 wall")(set_mask(category="\ud800")(change(studio.save_project(worked.id))))
    session = studio.open_project(named)
    orjson.dumps(view.snapshot(studio, session, {}))  # which takes no half characters
    assert session.layers[0].name == "? wall"
    assert studio.palette(session).paints[0].name == "?"
    studio.add_scheme(session.id, "\ud800")
    assert [one.name for one in studio.schemes(studio.session(session.id))] == ["A", "?"]
    assert b"? wall" in studio.download_sheet(session.id).read()
    assert recipe.to_text(studio.recipe(session.id)).encode()
    assert studio.open_project(studio.save_project(session.id)).layers[0].name == "? wall"


@settings(max_examples=60)
@given(data=st.data())
def test_no_mutation_breaks_it(studio, worked, data):
    """Whatever bytes are changed, a project opens or is refused with one of our errors."""
    project = bytearray(studio.save_project(worked.id))
    for _ in range(data.draw(st.integers(1, 8))):
        project[data.draw(st.integers(0, len(project) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PainterError):
        assert studio.open_project(bytes(project)).size[0] > 0


def test_a_project_without_a_size_opens(studio, worked):
    """As earlier versions wrote it."""
    older = edit_json(studio.save_project(worked.id), lambda json_: json_.pop("size"))
    assert studio.open_project(older).layers[0].mask == worked.layers[0].mask


def many_layers(json_):
    (layer, *_) = layers = json_["canvas"]["layers"]
    layers += [layer] * 2000


def many_answers(json_):
    json_["canvas"]["selection"]["steps"][0]["candidates"] *= 100


REASONS = {
    "another photo in it": (
        lambda p: repack(p, photo=to_png(draw_building(150, 200))),
        "its masks do not fit its photo, which has 150x200 pixels",
    ),
    "no zip at all": (lambda p: b"GIF89a", "no SAM2 Painter project"),
    "empty": (lambda p: b"", "empty"),
    "cut off": (lambda p: p[: len(p) // 2], "cut off"),
    "another zip": (lambda p: repack(b"PK\5\6" + bytes(18), **{"word/document.xml": b"<w/>"}), "no project.json"),
    "another program's": (set_value(format="zip"), "of another program"),
    "no JSON": (lambda p: repack(p, **{"project.json": b"{"}), "no JSON"),
    "no photo": (lambda p: repack(p, photo=None), "photo is missing"),
    "no mask": (lambda p: repack(p, **{"masks/0": None}), "masks/0 is missing"),
    "no layers": (lambda p: edit_json(p, lambda json_: json_.pop("canvas")), "its layers"),
    "a record of another form": (set_value(masks=[{}]), "mask 0 cannot be read"),
    "locked": (encrypted, "password"),
    "newer": (set_value(version=99), "newer"),
    "a million values": (set_value(more=[[]] * 500_001), "more than 1,000,000 values"),
    "hundreds of answers": (lambda p: edit_json(p, many_answers), "makes no sense"),
    "thousands of layers": (lambda p: edit_json(p, many_layers), "at most 2000 painted walls"),
    "changed": (lambda p: p.replace(b"sam2-painter project", b"sam2-painter_project", 1), "were changed"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_is_wrong_with_a_project_is_said(studio, worked, name):
    """The true reason, never the name of a Python error."""
    damage, sentence = REASONS[name]
    with pytest.raises(InvalidInput, match=sentence) as caught:
        studio.open_project(damage(studio.save_project(worked.id)))
    assert caught.value.field == "file"
    assert "Error" not in str(caught.value)


def test_a_mask_that_is_listed_twice_is_shown_once(studio, worked):
    """Of "every mask": else a small project is a page of a hundred thousand outlines."""
    twice = edit_json(studio.save_project(worked.id), lambda json_: json_.update(automatic=[1, 0, 1]))
    assert studio.open_project(twice).automatic == (1, 0)


def test_what_could_not_be_opened_again_is_not_saved(studio, worked, monkeypatch):
    """More walls, or more points of them, than a project file may hold; and no such wall is painted."""
    monkeypatch.setattr(records, "MOST_LAYERS", len(worked.layers))
    with pytest.raises(InvalidInput, match="painted walls"):
        studio.paint(worked.id, [Coat((1, 2, 3), mask_id=0)], replace_same=False)
    assert studio.session(worked.id).layers == worked.layers
    monkeypatch.setattr(records, "MAX_RUN_BYTES", sum(mask.rle.nbytes for mask in worked.masks.values()))
    with pytest.raises(InvalidInput, match="too ragged"):
        studio.import_mask(worked.id, mask_to_rle(np.eye(*worked.size, dtype=bool)))
    assert studio.session(worked.id).masks == worked.masks
    monkeypatch.setattr(project, "MOST_VALUES", 20)
    with pytest.raises(InvalidInput, match="too many points"):
        studio.save_project(worked.id)


def test_declared_sizes_are_checked_before_anything_is_unpacked(studio, worked, monkeypatch):
    """A member that says it is too large is not opened."""
    large = repack(studio.save_project(worked.id), **{"project.json": bytes(project.MAX_JSON + 1)})
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(InvalidInput, match="too large"):
        studio.open_project(large)


def test_a_tiny_project_cannot_ask_for_gigabytes(studio, worked):
    """Masks whose runs are as many as the pixels of a large photo."""
    photo = io.BytesIO()
    Image.new("1", (6000, 5000), 1).save(photo, "PNG")
    runs = zlib.compress(np.ones(6000 * 5000, "<u4").tobytes(), 9)
    older = edit_json(studio.save_project(worked.id), lambda json_: json_.pop("size"))
    tiny = repack(older, photo=photo.getvalue(), **{"masks/0": runs})
    with pytest.raises(InvalidInput, match="do not fit"):
        studio.open_project(tiny)


def test_one_limit_for_project_files():
    """Every door asks the same number."""
    from sam2_painter.python import painter
    from sam2_painter.web.api.operations import sessions

    assert sessions.project.MAX_BYTES is painter.project.MAX_BYTES
