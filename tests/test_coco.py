"""COCO files are a data set: ids that stay, only what was chosen, and other people's readers open them."""

import json

import numpy as np
import pytest
from conftest import draw_building, to_png
from picture_files import saved

from sam2_painter.errors import InvalidInput
from sam2_painter.rle import mask_to_rle
from sam2_painter.sessions import coco
from sam2_painter.types import Coat, Prompts


@pytest.fixture
def clicked(studio, photo_bytes):
    """Two walls clicked, the first painted, the second selected; the engine offered more for each."""
    session = studio.open(photo_bytes, "house.png")
    studio.segment(session.id, Prompts.click(100, 80))
    first = studio.session(session.id).selection.mask_id
    studio.paint(session.id, [Coat((10, 90, 90), first, name="Front")])
    return studio.segment(session.id, Prompts.click(100, 30))


def read(session, **options):
    return json.loads(coco.to_coco(session, **options))


def test_only_what_was_chosen_is_exported(clicked):
    """The painted wall and the selected one, not what the engine offered besides."""
    found = read(clicked)["annotations"]
    assert [a["mask_id"] for a in found] == [clicked.layers[0].mask_id, clicked.selection.mask_id]
    assert found[0]["name"] == "Front"
    assert len(clicked.masks) > 2


def test_all_masks_are_marked(clicked):
    """Asked for all, each says whether it was chosen."""
    found = read(clicked, every=True)["annotations"]
    assert [a["mask_id"] for a in found] == list(clicked.masks)
    assert [a["mask_id"] for a in found if a["chosen"]] == sorted(a["mask_id"] for a in read(clicked)["annotations"])


def test_without_a_choice_everything_that_was_found_counts(studio, photo_bytes):
    """After "every mask" alone, every mask is what was asked for; of a new session there are none."""
    session = studio.open(photo_bytes)
    assert read(session)["annotations"] == []
    session = studio.generate(session.id).session
    assert [a["mask_id"] for a in read(session)["annotations"]] == list(session.automatic)


def test_a_kind_has_the_same_id_in_every_file(studio, photo_bytes):
    """Whatever else a photo holds; also kinds we have no number for."""
    ids = []
    for kinds in (["wall"], ["window", "wall", "chimney"], ["chimney", ""]):
        session = studio.open(photo_bytes)
        for i, kind in enumerate(kinds):
            mask = np.zeros((150, 200), bool)
            mask[i * 10 : i * 10 + 9] = True
            studio.add_mask(session.id, mask_to_rle(mask), kind)
        found = read(studio.session(session.id), every=True)
        names = {c["id"]: c["name"] for c in found["categories"]}
        ids.append({names[a["category_id"]]: a["category_id"] for a in found["annotations"]})
    assert ids[0]["wall"] == ids[1]["wall"] == 2
    assert ids[1]["chimney"] == ids[2]["chimney"] >= 1000
    assert ids[2]["mask"] == 1
    assert len(set(coco.CATEGORIES)) == len(coco.CATEGORIES)


def test_a_photo_has_an_id_of_its_own(studio, photo_bytes):
    """Told by its pixels: the same at every export, another for another photo."""
    one, again = studio.open(photo_bytes), studio.open(photo_bytes)
    other = studio.open(to_png(255 - draw_building()))
    first, same, different = (read(session)["images"][0]["id"] for session in (one, again, other))
    assert first == same != different
    assert 0 < first < 2**31


def test_a_turned_photo_says_that_it_is_upright(studio):
    """Size and masks are of the picture as shown; the number of the file's orientation is beside it."""
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6
    session = studio.open(saved(np.ascontiguousarray(np.rot90(draw_building())), "PNG", exif=exif), "turned.png")
    made = json.loads(studio.export(session.id, "coco").path.read_text())
    assert made["images"] == [
        {"id": made["images"][0]["id"], "file_name": "turned.png", "width": 200, "height": 150, "upright": True,
         "orientation": 6}
    ]  # fmt: skip
    assert "upright" in made["info"]["description"]


@pytest.fixture
def joint(studio, photo_bytes, clicked):
    """One data set of two photos and of one of them again under another name."""
    other = studio.open(to_png(np.ascontiguousarray(draw_building()[:, ::-1])), "mirrored.png")
    other = studio.generate(other.id).session
    twin = studio.open(photo_bytes, "copy.png")
    studio.segment(twin.id, Prompts.click(100, 80))
    sessions = [clicked, other, studio.session(twin.id)]
    return sessions, coco.join(coco.to_coco(session) for session in sessions)


def test_one_file_for_a_folder(joint):
    """Every id is there once, and each annotation is of its own photo."""
    sessions, data = joint
    made = json.loads(data)
    assert [image["file_name"] for image in made["images"]] == ["house.png", "mirrored.png", "copy.png"]
    assert len({image["id"] for image in made["images"]}) == 3
    assert [a["id"] for a in made["annotations"]] == list(range(1, len(made["annotations"]) + 1))
    for session, image in zip(sessions, made["images"], strict=True):
        own = [a["mask_id"] for a in made["annotations"] if a["image_id"] == image["id"]]
        assert own == list(coco.chosen(session))
    assert len({c["id"] for c in made["categories"]}) == len(made["categories"])


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")  # pycocotools'
def test_pycocotools_reads_it(joint, tmp_path):
    """The masks that pycocotools decodes are ours, pixel by pixel."""
    reader = pytest.importorskip("pycocotools.coco")
    sessions, data = joint
    path = tmp_path / "all.json"
    path.write_bytes(data)
    opened = reader.COCO(str(path))
    for session, image_id in zip(sessions, opened.getImgIds(), strict=True):
        for annotation in opened.loadAnns(opened.getAnnIds(imgIds=[image_id])):
            mask = session.masks[annotation["mask_id"]]
            assert np.array_equal(opened.annToMask(annotation).astype(bool), mask.segmentation)
            assert opened.loadCats([annotation["category_id"]])[0]["name"] == (mask.category or "mask")


def test_supervision_reads_it(joint, tmp_path):
    """A data set of supervision, with the masks of each photo under its file's name."""
    supervision = pytest.importorskip("supervision")
    import cv2

    sessions, data = joint
    (tmp_path / "all.json").write_bytes(data)
    for session in sessions:
        cv2.imwrite(str(tmp_path / session.name), np.zeros((150, 200, 3), np.uint8))
    opened = supervision.DetectionDataset.from_coco(str(tmp_path), str(tmp_path / "all.json"), force_masks=True)
    for session in sessions:
        found = opened.annotations[str(tmp_path / session.name)]
        assert len(found) == len(coco.chosen(session))
        expected = [session.masks[mask_id].segmentation for mask_id in coco.chosen(session)]
        assert np.array_equal(np.sort(found.mask.sum(axis=(1, 2))), np.sort([mask.sum() for mask in expected]))


def test_the_doors_ask_for_chosen_or_all(server, photo_bytes):
    """`which` of download_masks; another word is refused by a sentence."""
    session = server.studio.open(photo_bytes)
    server.studio.segment(session.id, Prompts.click(100, 80))
    counts = []
    for which in ("chosen", "all"):
        reply = server.http.post("/download-masks", json={"session_id": session.id, "which": which}).json()
        counts.append(len(server.http.get(reply["image_url"]).json()["annotations"]))
    assert counts[0] == 1 < counts[1]
    reply = server.http.post("/download-masks", json={"session_id": session.id, "which": "best"})
    assert reply.status_code in (400, 422)
    assert "which" in str(reply.json()["detail"])


def test_an_unknown_kind_of_export_is_named(studio, photo_bytes):
    """With those there are."""
    with pytest.raises(InvalidInput, match="coco, png, ora, project"):
        studio.export(studio.open(photo_bytes).id, "psd")
