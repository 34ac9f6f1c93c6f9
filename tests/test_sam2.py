"""SAM 2 in process: the masks of the authors' package, from weights made up here.

Needs torch and sam2 (requirements-sam2.txt); `tests/run_sam2` installs them into an environment of their own.
"""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import free_port
from engine_contract import EngineContract, building
from far_end import serving
from sam2_weights import save_random_weights

from sam2_painter.engines.remote import wire
from sam2_painter.engines.remote.client import ModalEngine
from sam2_painter.engines.sam2 import SAM2Engine
from sam2_painter.errors import EngineError, EngineUnavailable, InvalidInput
from sam2_painter.rle import rle_to_mask
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.types import AutoMask, Embedding, Mask, Photo, Prompts

torch = pytest.importorskip("torch", reason="SAM 2 needs torch: tests/run_sam2 installs it")
pytest.importorskip("sam2", reason="SAM 2 is not installed: tests/run_sam2 installs it")
decoder = pytest.importorskip("sam2_painter.engines.sam2.decoder")
lowres = pytest.importorskip("sam2_painter.engines.sam2.lowres")
device = pytest.importorskip("sam2_painter.engines.sam2.device")
TorchDispatchMode = pytest.importorskip("torch.utils._python_dispatch").TorchDispatchMode
interpolate = torch.nn.functional.interpolate

pytestmark = pytest.mark.timeout(900)

PHOTO = building()
HEIGHT, WIDTH = PHOTO.size


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny model that has learned nothing."""
    return save_random_weights(tmp_path_factory.mktemp("weights") / "tiny.pt")


@pytest.fixture(scope="module")
def engine(checkpoint) -> SAM2Engine:
    """Ours, on the CPU."""
    return SAM2Engine("tiny", checkpoint, "cpu")


@pytest.fixture(scope="module")
def embedding(engine) -> Embedding:
    """PHOTO, read by ours."""
    return engine.embed(PHOTO)


@pytest.fixture(scope="module")
def theirs(checkpoint):
    """The package's image predictor with the same weights, PHOTO set."""
    from sam2.build_sam import build_sam2
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    predictor = SAM2ImagePredictor(build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", str(checkpoint), device="cpu"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictor.set_image(PHOTO.pixels)
    return predictor


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Shared pixels by all pixels; 1 for two empty masks."""
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 1.0


class TestContract(EngineContract):
    """SAM 2 keeps what every engine promises."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, checkpoint) -> SAM2Engine:
        return SAM2Engine("tiny", checkpoint, "cpu")


class TestOverTheWire(EngineContract):
    """And so it does when it is asked over HTTP, the photo shrunk to a JPEG file."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, checkpoint):
        with serving(SAM2Engine("tiny", checkpoint, "cpu")) as url:
            yield ModalEngine(url)


LOGITS = interpolate(torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 6, (256, 256))[0].numpy()


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(dict(point_coords=[[90, 70]], point_labels=[1]), id="point"),
        pytest.param(dict(point_coords=[[90, 70], [20, 10], [150, 140]], point_labels=[1, 0, 1]), id="points"),
        pytest.param(dict(box=[30, 40, 120, 110]), id="box"),
        pytest.param(
            dict(point_coords=[[90, 70], [50, 60]], point_labels=[1, 0], box=[30, 40, 120, 110]), id="box-and-points"
        ),
        pytest.param(dict(point_coords=[[90, 70]], point_labels=[1], mask_input=LOGITS), id="point-and-mask"),
        pytest.param(dict(mask_input=LOGITS), id="mask"),
    ],
)
def test_prompts_give_the_authors_masks(engine, embedding, theirs, asked):
    """Logits differ by less than 1e-3 and predicted IoU by less than 1e-4 from the package's; masks are the same."""
    prompts = Prompts(**asked)
    single_point = list(asked) == ["point_coords", "point_labels"] and len(asked["point_labels"]) == 1
    arrays = {name: np.array(value) for name, value in asked.items()}
    masks, ious, logits = theirs.predict(**arrays, multimask_output=single_point)
    decoded = engine.decode(embedding, prompts)
    assert decoded.logits.shape == logits.shape
    assert np.abs(decoded.logits.numpy().clip(-32, 32) - logits).max() < 1e-3
    assert np.abs(decoded.predicted_iou.numpy() - ious).max() < 1e-4
    best_first = np.argsort(-ious, kind="stable")
    ours = engine.predict(embedding, prompts)
    for mask, i in zip(ours, best_first, strict=True):
        assert iou(mask.segmentation, masks[i] > 0) > 0.999
    assert np.allclose([mask.predicted_iou for mask in ours], ious[best_first], atol=1e-4)


def test_the_embedding_is_the_authors(embedding, theirs):
    """The image embedding differs from the package's by float rounding only."""
    image = theirs._features["image_embed"][0].flatten(1).t()
    assert torch.allclose(embedding.features.image, image, atol=1e-4)


def test_a_mask_prompt_of_pixels_is_taken_as_sure_logits(engine, embedding):
    """A (H, W) bool mask asks the same as its 256x256 logits of +-10."""
    pixels = np.zeros(PHOTO.size, bool)
    pixels[:, : WIDTH // 2] = True
    logits = interpolate(torch.tensor(pixels)[None, None].float(), (256, 256), mode="bilinear", antialias=True)
    logits = (logits[0] * 20 - 10).numpy()
    by_pixels, by_logits = (engine.predict(embedding, Prompts(mask_input=mask)) for mask in (pixels, logits))
    assert by_pixels == by_logits


def blobs(count: int, seed: int, detail: int = 6) -> torch.Tensor:
    """(count, 256, 256) smooth logits with a few hills each, as trained weights give."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 1, detail, detail, generator=generator) * 8
    return interpolate(coarse, (256, 256), mode="bicubic", align_corners=False)[:, 0]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (37, 41), (100, 700), (256, 256), (511, 513), (1155, 1730)])
@pytest.mark.parametrize("detail", [4, 16, 256])
@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_runs_and_stability_are_those_of_the_drawn_mask(size, detail, threshold):
    """What is told from 256x256 logits is what interpolating and counting every pixel tells."""
    logits = torch.cat(
        [blobs(4, seed=detail, detail=detail), torch.full((1, 256, 256), 9.0), torch.full((1, 256, 256), -9.0)]
    )
    drawn = interpolate(logits[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    for rle, mask in zip(lowres.to_rles(logits, size, threshold), drawn > threshold, strict=True):
        assert (rle_to_mask(rle) != mask.numpy()).sum() <= mask.numel() * 1e-5
    high, low = ((drawn > threshold + offset).sum((1, 2)) for offset in (1, -1))
    stability = lowres.stability_score(logits, size, threshold, 1.0)
    assert torch.allclose(stability, high / low, atol=1e-5, equal_nan=True)


class Scripted:
    """Stands in for a decoder's answers: the n-th prompt of a photo gets the n-th three masks and scores.

    Weights that have learned nothing give no automatic mask at all; this gives both sides the same plausible ones.
    """

    def __init__(self, count: int):
        generator = torch.Generator().manual_seed(8)
        steepness = 0.5 + 20 * torch.rand(3 * count, 1, 1, generator=generator)  # what makes a mask stable
        self.logits = (blobs(3 * count, seed=7) * steepness).view(count, 3, 256, 256)
        self.predicted_iou = 0.75 + 0.25 * torch.rand(count, 3, generator=generator)
        self.next = 0

    def take(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The next `count` prompts' logits (count, 3, 256, 256) and predicted IoU (count, 3)."""
        some = slice(self.next, self.next + count)
        self.next += count
        return self.logits[some], self.predicted_iou[some]


def authors_masks(theirs, options: AutoMask, photo: Photo) -> list[dict]:
    """What the package's generator makes of the options; it has no say in specks without its CUDA extension."""
    from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator

    knobs = {name: getattr(options, name) for name in options.__dataclass_fields__ if name != "min_mask_region_area"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SAM2AutomaticMaskGenerator(theirs.model, **knobs).generate(photo.pixels)


def check_same_masks(ours: list[Mask], authors: list[dict]) -> None:
    """As many, and each has its like: IoU of at least .99, scores equal to 1e-3, same box, crop and point."""
    assert len(ours) == len(authors)
    assert authors, "nothing was compared"
    left = list(authors)
    for mask in ours:
        like = max(left, key=lambda other: iou(mask.segmentation, other["segmentation"]))
        left = [other for other in left if other is not like]
        assert iou(mask.segmentation, like["segmentation"]) >= 0.99
        assert mask.predicted_iou == pytest.approx(like["predicted_iou"], abs=1e-3)
        assert mask.stability_score == pytest.approx(like["stability_score"], abs=1e-3)
        assert mask.crop_box == tuple(like["crop_box"])
        assert np.allclose(mask.point_coords, like["point_coords"], atol=1e-3)
        x, y, w, h = like["bbox"]  # the authors' boxes end at the last pixel, ours count pixels
        assert np.abs(np.array(mask.bbox) - (x, y, w + 1, h + 1)).max() <= 1


LENIENT = dict(pred_iou_thresh=0.0, stability_score_thresh=0.0)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(AutoMask(6, **LENIENT), id="lenient"),
        pytest.param(AutoMask(5, points_per_batch=4, box_nms_thresh=0.9, **LENIENT), id="small-batches"),
        pytest.param(AutoMask(4, multimask_output=False, **LENIENT), id="single-mask"),
        pytest.param(AutoMask(3, use_m2m=True, **LENIENT), id="mask-to-mask"),
        pytest.param(AutoMask(4, crop_n_layers=1, crop_n_points_downscale_factor=2, **LENIENT), id="crops"),
        pytest.param(AutoMask(4, mask_threshold=0.1, stability_score_offset=0.02, **LENIENT), id="thresholds"),
    ],
)
def test_automatic_masks_are_the_authors(engine, embedding, theirs, options):
    """With the same weights and options `generate` finds the package's masks, their scores, boxes and points."""
    ours = engine.generate(PHOTO, embedding, options)
    check_same_masks(ours, [a for a in authors_masks(theirs, options, PHOTO) if a["area"]])


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(AutoMask(8), id="defaults"),
        pytest.param(AutoMask(8, pred_iou_thresh=0.9, stability_score_thresh=0.9), id="other-thresholds"),
        pytest.param(AutoMask(8, box_nms_thresh=0.3, stability_score_thresh=0.8), id="strict-nms"),
    ],
)
def test_thresholds_let_the_same_masks_through(engine, embedding, theirs, monkeypatch, options):
    """Scripted logits, some good and some not: what passes thresholds and duplicates is what passes in the package."""
    script = Scripted(options.points_per_side**2)

    def scripted_authors(*args, **kwargs):
        logits, ious = script.take(len(kwargs["sparse_prompt_embeddings"]))
        return logits.clone(), ious.clone(), None, None

    monkeypatch.setattr(theirs.model.sam_mask_decoder, "forward", scripted_authors)
    authors = authors_masks(theirs, options, PHOTO)
    script.next = 0

    def scripted_ours(features, coords, labels, masks=None, *, multimask, above=None):
        logits, ious = script.take(len(coords))
        keep = ious > above
        return decoder.Decoded(logits[keep], ious[keep], keep.nonzero()[:, 0])

    monkeypatch.setattr(engine._decoder, "decode", scripted_ours)
    ours = engine.generate(PHOTO, embedding, options)
    check_same_masks(ours, authors)


def test_leaving_masks_out_early_changes_none_of_the_others(engine, embedding):
    """`above` gives exactly the masks that a look at all predicted IoU afterwards would keep."""
    coords = torch.rand(6, 1, 2, generator=torch.Generator().manual_seed(3)) * 1024
    labels = torch.ones(6, 1, dtype=torch.int32)
    everything = engine._decoder.decode(embedding.features, coords, labels, multimask=True)
    middle = float(everything.predicted_iou.median())
    some = engine._decoder.decode(embedding.features, coords, labels, multimask=True, above=middle)
    keep = everything.predicted_iou > middle
    assert 0 < keep.sum() < len(keep)
    assert torch.equal(some.prompt, everything.prompt[keep])
    assert torch.allclose(some.logits, everything.logits[keep], atol=1e-4)
    none = engine._decoder.decode(embedding.features, coords, labels, multimask=True, above=2.0)
    assert none.logits.shape == (0, 256, 256)


def test_small_holes_and_specks_go(engine, embedding):
    """min_mask_region_area counts pixels of the photo, and nothing smaller is left of any mask."""
    from scipy import ndimage

    options = AutoMask(4, min_mask_region_area=60, **LENIENT)
    masks = engine.generate(PHOTO, embedding, options)
    assert masks
    for mask in masks:
        for part in (mask.segmentation, ~mask.segmentation):
            labels, count = ndimage.label(part, np.ones((3, 3)))
            assert count <= 1 or ndimage.sum_labels(part, labels, range(1, count + 1)).min() >= 60


def test_eight_threads_and_two_photos(engine):
    """Clicks and automatic masks on two photos at once give what each gives alone."""
    photos = [PHOTO, building((150, 90, 70), seed=1)]
    embeddings = [engine.embed(photo) for photo in photos]
    options = AutoMask(2, **LENIENT)

    def ask(which: int) -> tuple:
        clicked = engine.predict(embeddings[which], Prompts.click(90, 70))
        return clicked, engine.generate(photos[which], embeddings[which], options)

    alone = [ask(0), ask(1)]
    assert alone[0] != alone[1]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, [0, 1] * 8)) == alone * 8


def test_an_embedding_goes_to_disk_and_back_in_half_the_bytes(engine, embedding):
    """Half-precision features give masks of IoU .99 and better, for points, boxes and the rest of the grid."""
    data = engine.dump(embedding)
    assert len(data) < 8.5e6
    again = engine.restore(data)
    assert (again.digest, again.engine, again.size) == (embedding.digest, embedding.engine, embedding.size)
    for prompts in (Prompts.click(90, 70), Prompts.click(20, 140), Prompts(box=[30, 40, 120, 110])):
        for before, after in zip(engine.predict(embedding, prompts), engine.predict(again, prompts), strict=True):
            assert iou(before.segmentation, after.segmentation) >= 0.99


@pytest.mark.parametrize("data", [b"", b"nothing", b"PK\x03\x04" + bytes(100)])
def test_bytes_that_are_no_embedding(engine, data):
    """Anything else than what `dump` wrote is refused as the caller's mistake."""
    with pytest.raises(InvalidInput, match="no embedding"):
        engine.restore(data)


def test_an_embedding_of_other_weights_is_refused(engine, embedding):
    """Features of one set of weights mean nothing to another."""
    stranger = replace(embedding, engine="sam2.1-tiny/00000000/float32")
    with pytest.raises(InvalidInput, match=r"made by sam2\.1-tiny/00000000"):
        engine.predict(stranger, Prompts.click(1, 1))


def test_half_precision_is_refused_where_it_does_not_pay(checkpoint, monkeypatch):
    """A CPU without AVX512-BF16 and AMX, an older GPU and an Apple GPU say so, and what to set."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    with pytest.raises(EngineUnavailable, match=r"no faster on this CPU.*SAM2_DTYPE=float32"):
        SAM2Engine("tiny", checkpoint, "cpu", dtype="bfloat16")
    for capability, pays in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, told=capability: told)
        assert device.bfloat16_pays(torch.device("cuda")) == pays
    assert not device.bfloat16_pays(torch.device("mps"))


@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="this torch was built for the CPU alone")
def test_the_gpu_keeps_what_is_on_it(checkpoint):
    """On CUDA, here with tensors that only have shapes, nothing meets a tensor of the CPU, nothing large becomes
    double, and in both precisions logits and scores come out as float32."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    from sam2_painter.engines.sam2.encoder import Encoder
    from sam2_painter.engines.sam2.model import build, read

    for dtype in (torch.float32, torch.bfloat16):
        network = build(read(checkpoint))
        with FakeTensorMode(allow_non_fake_inputs=True) as mode, NoDoubles():
            for module in network.modules():
                for kept in (module._parameters, module._buffers):
                    for name, tensor in kept.items():
                        if tensor is not None:
                            moved = mode.from_tensor(tensor.data).to("cuda")
                            kept[name] = torch.nn.Parameter(moved, False) if kept is module._parameters else moved
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # there is no CUDA to switch autocast on for
                maps = Encoder(network, torch.device("cuda"), dtype)(PHOTO.pixels)
            decoding = decoder.Decoder(network, dtype)
            features = decoding.features(*maps)
            assert {tensor.device.type for tensor in features.tensors} == {"cuda"}
            tokens = torch.zeros(4, 8, 256, device="cuda")
            own = features.image.expand(4, -1, -1).to(dtype).clone()
            for image in (features.plain, own):
                queries, keys = decoding._attend(image, tokens)
                logits = decoding._upscale(features, keys, queries, first=1)
                assert (queries.dtype, keys.dtype) == (torch.float32, dtype)
                assert (logits.shape, logits.dtype, logits.device.type) == ((4, 3, 256, 256), torch.float32, "cuda")


class NoDoubles(TorchDispatchMode):
    """Refuses float64 on a GPU: Apple's have none."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.device.type != "cpu":
            assert result.dtype != torch.float64, function
        return result


def test_the_encoder_can_be_compiled_whole(checkpoint, embedding):
    """torch captures the trunk as one graph, and what it captured gives the same embedding."""
    compiled = SAM2Engine("tiny", checkpoint, "cpu")
    compiled._encoder.compile(backend="eager")
    image = compiled.embed(PHOTO).features.image
    assert torch.allclose(image, embedding.features.image, atol=1e-4)


def test_a_gpu_without_room_says_what_to_do(checkpoint, monkeypatch):
    """torch's OutOfMemoryError is one sentence, and the next question is answered again."""
    engine = SAM2Engine("tiny", checkpoint, "cpu")
    embedding = engine.embed(PHOTO)
    with monkeypatch.context() as full:
        full.setattr(engine._decoder, "decode", lambda *_, **__: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA")))
        for ask in (
            lambda: engine.predict(embedding, Prompts.click(9, 9)),
            lambda: engine.generate(PHOTO, embedding, AutoMask(2)),
        ):
            with pytest.raises(EngineError, match="points_per_batch"):
                ask()
    assert engine.predict(embedding, Prompts.click(9, 9))


def test_a_gpu_finds_the_same_flips(monkeypatch):
    """The way indices are found on a GPU gives the runs that the CPU's way gives."""
    logits = blobs(4, seed=9, detail=16)
    expected = lowres.to_rles(logits, (90, 120), 0.0)
    monkeypatch.setattr(lowres, "_where", lambda flags: flags.view(-1).nonzero()[:, 0])
    assert lowres.to_rles(logits, (90, 120), 0.0) == expected


def test_half_precision_gives_nearly_the_same(checkpoint, embedding, monkeypatch):
    """bfloat16 has a name and a title of its own, and logits within a few per cent of float32's."""
    monkeypatch.setattr(device, "bfloat16_pays", lambda _: True)
    fast = SAM2Engine("tiny", checkpoint, "cpu", dtype="bfloat16")
    assert fast.name == embedding.engine.replace("float32", "bfloat16")
    assert fast.title == "SAM 2.1 tiny (CPU, bfloat16)"
    prompts = Prompts.click(90, 70)
    exact = SAM2Engine("tiny", checkpoint, "cpu").decode(embedding, prompts).logits
    near = fast.decode(fast.embed(PHOTO), prompts).logits
    assert (near - exact).norm() / (exact - exact.mean((1, 2), keepdim=True)).norm() < 0.1


def test_auto_takes_the_size_of_the_checkpoint(checkpoint):
    """model="auto" with a file is whatever the file is; its name carries the file's hash."""
    engine = SAM2Engine("auto", checkpoint, "cpu")
    assert engine.name.startswith("sam2.1-tiny/")
    assert engine.title == "SAM 2.1 tiny (CPU)"


def test_what_modal_runs_starts_and_answers(checkpoint, monkeypatch):
    """The class of modal_sam2.py loads, wakes and serves its FastAPI app, here without Modal and without a GPU."""
    pytest.importorskip("modal", reason="the Modal SDK is not installed")
    from fastapi.testclient import TestClient

    monkeypatch.setenv("SAM2_MODEL", "tiny")
    monkeypatch.setenv("SAM2_CHECKPOINT", str(checkpoint))
    monkeypatch.setenv("SAM2_DTYPE", "float32")
    monkeypatch.syspath_prepend(Path(__file__).parent.parent)
    import modal_sam2

    container = modal_sam2.SAM2()
    client = TestClient(container.web.local())
    assert client.get("/health").json()["model"].startswith("sam2.1-tiny/")
    body = wire.request(wire.shrink(PHOTO), 60.0, prompts=Prompts.click(90, 70), attach=True)
    over_http = wire.unpack(client.post("/v1/predict", content=body).content)
    status, by_sdk, _ = container.answer.local("predict", body)
    assert status == 200
    assert wire.unpack(by_sdk)["masks"] == over_http["masks"]
    assert len(over_http["masks"]) == 3


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        pytest.param(dict(model="huge"), InvalidInput, "must be one of tiny, small", id="unknown-model"),
        pytest.param(dict(device="tpu"), InvalidInput, "auto, cuda, cuda:N, mps or cpu", id="unknown-device"),
        pytest.param(dict(device="cpu:x"), InvalidInput, "auto, cuda, cuda:N, mps or cpu", id="odd-device"),
        pytest.param(dict(compile=True), EngineUnavailable, "SAM2_COMPILE=false", id="compiled-on-a-cpu"),
        pytest.param(dict(dtype="int4"), InvalidInput, "float32, bfloat16", id="unknown-dtype"),
        pytest.param(dict(checkpoint="/nowhere.pt"), EngineUnavailable, "SAM2_CHECKPOINT", id="no-file"),
        pytest.param(dict(model="large"), EngineUnavailable, "is SAM 2.1 tiny, not large", id="other-size"),
    ],
)
def test_what_cannot_be_made_says_what_to_do(checkpoint, options, error, sentence):
    """One sentence that names the setting."""
    with pytest.raises(error, match=sentence):
        SAM2Engine(**{"model": "tiny", "checkpoint": checkpoint, "device": "cpu", **options})


def test_a_file_that_is_no_checkpoint(tmp_path):
    """Any other file is refused by name, and none of its code is run."""
    path = tmp_path / "notes.pt"
    path.write_text("not weights")
    with pytest.raises(EngineUnavailable, match=r"notes\.pt is no SAM 2\.1 checkpoint"):
        SAM2Engine("tiny", path, "cpu")


def test_auto_without_the_hub_is_offline_from_choice_to_page(tmp_path, monkeypatch):
    """Where the weights cannot be fetched, the offline engine starts; health and page say which weights are missing,
    who could not be reached and what to do."""
    httpx = pytest.importorskip("httpx", reason="the doors need gradio")
    pytest.importorskip("gradio", reason="the doors need gradio")
    from sam2_painter.web import server

    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    settings = Settings.of(
        engine="auto", port=free_port(), data_dir=tmp_path / "data", sam2_cache_dir=str(tmp_path / "hub")
    )
    studio = Studio.from_settings(settings)
    served = server.launch(studio, settings, prevent_thread_lock=True, quiet=True)
    try:
        health = httpx.get(f"{served.url}/api/health", timeout=60).json()
        page = httpx.get(served.url, timeout=60).text
    finally:
        served.close()
        studio.sessions.close()
    assert health["engine"] == "Offline engine"
    for told in ("facebook/sam2.1-hiera-", "127.0.0.1:9 cannot be reached", "SAM2_CHECKPOINT", "offline engine"):
        assert told in health["engine_reason"]
        assert told in page
