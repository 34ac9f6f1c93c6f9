"""SAM 2.1 behind the engine protocol: embeddings are values, the engine keeps weights only."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from ...errors import EngineError, EngineUnavailable, InvalidInput
from ...jobs import deadline
from ...types import AutoMask, Embedding, Mask, Photo, Prompts
from ..base import Progress, foreign_embedding, no_progress
from . import automatic_masks as amg
from . import weights

if TYPE_CHECKING:
    import torch

    from .decoder import Decoded, Features

BATCHES = {"cpu": (8, 2), "mps": (32, 32), "cuda": (256, 256)}
"""Grid points between two looks at the clock, and prompts decoded at once: a CPU's caches hold two."""

MASK_LOGITS = 10.0
"""What SAM 2 takes a sure pixel of a mask prompt to be (sigmoid_bias_for_mem_enc of its configuration)."""


class SAM2Engine:
    """SAM 2.1 in this process, on a GPU or the CPU; any number of threads may use it.

    model: "tiny", "small", "base-plus", "large", or "auto": the size of `checkpoint`, else large on CUDA and tiny
    elsewhere. checkpoint: a file instead of the hub's weights. device: "cuda", "cuda:1", "mps", "cpu" or "auto".
    cache_dir: for downloads; None for the hub's own. dtype: "float32" gives the masks of the authors' `sam2` package;
    "bfloat16" is faster on CUDA from Ampere on and on CPUs with AVX512-BF16 or AMX, and gives nearly the same masks:
    one may differ by a few pixels, and the automatic ones by a few masks. compile: have torch compile the image
    encoder, on CUDA only; the start then takes a minute longer, and on a CPU it gains nothing.

    Raises EngineUnavailable, saying what to do, when torch, sam2, the device or the weights are missing, and for a
    precision or a compilation that would not pay there.
    """

    reads_ahead = True

    def __init__(
        self,
        model: str = "tiny",
        checkpoint: str | Path | None = None,
        device: str | None = None,
        cache_dir: str | Path | None = None,
        dtype: str = "float32",
        compile: bool = False,
    ):
        if model != "auto":
            weights.release(model)
        try:
            import sam2  # noqa: F401
            import torch  # noqa: F401
        except ImportError as error:
            raise EngineUnavailable(
                f"SAM 2 is not installed here ({error.name} is missing): "
                "pip install -r requirements-sam2.txt, or 'sam2-painter[sam2]'."
            ) from error
        from .device import check_dtype, pick
        from .model import build, read, size_of

        target = pick(device)
        check_dtype(dtype, target)  # before anything is downloaded
        if compile and target.type != "cuda":
            raise EngineUnavailable("Compiling SAM 2 pays on CUDA only: set SAM2_COMPILE=false.")
        if model == "auto" and not checkpoint:
            model = "large" if target.type == "cuda" else "tiny"
        found = weights.find(model, checkpoint, cache_dir)
        state = read(found.path)
        if model not in ("auto", size_of(state)):
            raise EngineUnavailable(f"{found.path} is SAM 2.1 {size_of(state)}, not {model}: change SAM2_MODEL.")
        self._size, self._weights_id = size_of(state), found.id
        self._network = build(state)
        # Each network answers one thread at a time: memory stays bounded, and a click waits for one batch at most.
        self._encoding, self._decoding = threading.Lock(), threading.Lock()
        self.to(str(target), dtype)
        if compile:
            self._encoder.compile()

    def to(self, device: str, dtype: str = "float32") -> SAM2Engine:
        """Move it, before anybody else uses it; embeddings made so far stay behind. Returns the engine."""
        from .decoder import Decoder
        from .device import NAMES, check_dtype, pick
        from .encoder import Encoder

        self._device = pick(device)
        precision = check_dtype(dtype, self._device)
        self._network.to(self._device)
        self._encoder = Encoder(self._network, self._device, precision)
        self._decoder = Decoder(self._network, precision)
        self.name = f"sam2.1-{self._size}/{self._weights_id}/{dtype}"
        where = NAMES[self._device.type] + (f", {dtype}" if dtype != "float32" else "")
        self.title = f"SAM 2.1 {self._size} ({where})"
        return self

    def embed(self, photo: Photo) -> Embedding:
        """Encode the photo: seconds on a CPU, milliseconds on a GPU. Some 30 MB."""
        return self._embedding(photo.digest, photo.size, self._features(photo.pixels))

    def predict(self, embedding: Embedding, prompts: Prompts) -> list[Mask]:
        """The masks that the prompts point at, best predicted_iou first.

        By the authors' rule an ambiguous prompt, a single point, gives three candidates (if `multimask_output`); a box,
        several points or a mask to refine give one.
        """
        from . import lowres

        decoded = self.decode(embedding, prompts)
        stability = lowres.stability_score(decoded.logits, embedding.size, 0.0, 1.0).nan_to_num(0.0)
        points = tuple((float(x), float(y)) for x, y in prompts.point_coords)
        answers = zip(
            lowres.to_rles(decoded.logits, embedding.size, 0.0),
            decoded.predicted_iou.tolist(),
            stability.tolist(),
            strict=True,
        )
        masks = [Mask(rle, predicted_iou, stable, points) for rle, predicted_iou, stable in answers]
        return sorted(masks, key=lambda mask: -mask.predicted_iou)

    def decode(self, embedding: Embedding, prompts: Prompts) -> Decoded:
        """What `predict` makes its masks of: logits (M, 256, 256) and their predicted IoU, in the network's order.

        The logits of one of them, as (1, 256, 256) and clipped to +-32, are the `mask_input` that refines it.
        """
        import torch

        prompts.check_inside(embedding.size)
        features = self._own(embedding)
        coords, labels = prompts.point_coords, prompts.point_labels
        if prompts.box is not None:  # its corners are points with labels of their own
            coords = np.concatenate([prompts.box.reshape(2, 2), coords])
            labels = np.concatenate([[2, 3], labels])
        ambiguous = len(coords) == 1 and prompts.mask_input is None
        given = len(coords) > 0
        with _holding(self._decoding), torch.inference_mode():
            return self._decoder.decode(
                features,
                self._coords(coords, embedding.size)[None] if given else None,
                torch.as_tensor(labels, dtype=torch.int32, device=self._device)[None] if given else None,
                self._mask_input(prompts.mask_input),
                multimask=prompts.multimask_output and ambiguous,
            )

    def generate(
        self, photo: Photo, embedding: Embedding, options: AutoMask, progress: Progress = no_progress
    ) -> list[Mask]:
        """Every mask, largest first: those of the authors' SAM2AutomaticMaskGenerator with the same options."""
        features = self._own(embedding)
        height, width = embedding.size
        scale_y, scale_x = photo.size[0] / height, photo.size[1] / width

        def open_crop(crop: amg.Crop) -> amg.Predictor:
            x0, y0, x1, y1 = crop.box
            if crop.layer == 0:
                seen = features
            else:  # the photo may be a smaller copy of what the embedding speaks of
                rows = slice(math.floor(y0 * scale_y), math.ceil(y1 * scale_y))
                columns = slice(math.floor(x0 * scale_x), math.ceil(x1 * scale_x))
                seen = self._features(photo.pixels[rows, columns])
            return lambda points: self._candidates(seen, (y1 - y0, x1 - x0), points, options)

        at_most, _ = BATCHES[self._device.type]
        return amg.generate(embedding.size, options, open_crop, progress, min(options.points_per_batch, at_most))

    def dump(self, embedding: Embedding) -> bytes:
        """The embedding as bytes to keep: half precision, 8 MB. `restore` gives it back."""
        import torch

        features = self._own(embedding)
        maps = {name: getattr(features, name).to(torch.float16).cpu().numpy() for name in _KEPT}
        file = io.BytesIO()
        np.savez(file, digest=embedding.digest, engine=embedding.engine, size=embedding.size, **maps)
        return file.getvalue()

    def restore(self, data: bytes) -> Embedding:
        """The embedding that `dump` made these bytes of; masks agree to an IoU of .99 and better.

        Raises InvalidInput for other bytes, and for those of another engine.
        """
        import torch

        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as kept:
                if str(kept["engine"]) != self.name:
                    raise foreign_embedding(str(kept["engine"]), self.name)
                maps = [torch.from_numpy(kept[name]).to(self._device).float() for name in _KEPT]
                digest, (height, width) = str(kept["digest"]), kept["size"].tolist()
            with torch.inference_mode():
                features = self._decoder.restore(*maps)
        except InvalidInput:
            raise
        except (OSError, EOFError, BadZipFile, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise InvalidInput("these bytes are no embedding", "embedding") from error
        return self._embedding(digest, (height, width), features)

    def _embedding(self, digest: str, size: tuple[int, int], features: Features) -> Embedding:
        nbytes = sum(tensor.numel() * tensor.element_size() for tensor in features.tensors)
        return Embedding(digest, self.name, size, features, nbytes)

    def _own(self, embedding: Embedding) -> Features:
        if embedding.engine != self.name:
            raise foreign_embedding(embedding.engine, self.name)
        features: Features = embedding.features  # type: ignore[assignment]  # made by this engine, as its name says
        return features

    def _features(self, pixels: np.ndarray) -> Features:
        with _holding(self._encoding):
            maps = self._encoder(pixels)
        return self._decoder.features(*maps)

    def _coords(self, coords: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
        """(N, 2) XY in pixels of a photo of `size` (H, W) -> the same in the network's 1024x1024 input."""
        import torch

        from .encoder import INPUT

        xy = np.asarray(coords, np.float32) / np.array(size[::-1], np.float32) * np.float32(INPUT)
        return torch.from_numpy(xy).to(self._device)

    def _mask_input(self, mask: np.ndarray | None) -> torch.Tensor | None:
        """(1, 1, 256, 256) logits of a mask prompt."""
        import torch
        import torch.nn.functional as F

        if mask is None:
            return None
        if mask.dtype != bool:
            return torch.as_tensor(mask, device=self._device)[None]
        pixels = torch.as_tensor(mask, dtype=torch.float32)[None, None]
        small = F.interpolate(pixels, (256, 256), mode="bilinear", align_corners=False, antialias=True)
        return ((2 * small - 1) * MASK_LOGITS).to(self._device)

    def _candidates(
        self, features: Features, size: tuple[int, int], points: np.ndarray, options: AutoMask
    ) -> amg.Candidates:
        """What grid points (B, 2) of a crop of `size` (H, W) give, past both score thresholds."""
        import torch

        from . import lowres

        with torch.inference_mode():
            found = self._decode_points(features, self._coords(points, size), options)
            threshold, offset = options.mask_threshold, options.stability_score_offset
            stability = lowres.stability_score(found.logits, size, threshold, offset)
            stable = stability >= options.stability_score_thresh  # an empty mask's NaN never is
            rles = lowres.to_rles(found.logits[stable], size, threshold)
        return amg.Candidates(
            points[found.prompt[stable].cpu().numpy()],
            found.predicted_iou[stable].cpu().numpy(),
            stability[stable].cpu().numpy(),
            rles,
        )

    def _decode_points(self, features: Features, coords: torch.Tensor, options: AutoMask) -> Decoded:
        """The masks of points (B, 2) of the input, each on its own, past `pred_iou_thresh`."""
        import torch

        from .decoder import join

        above = options.pred_iou_thresh or None
        _, at_once = BATCHES[self._device.type]
        parts = []
        for start in range(0, len(coords), at_once):
            xy = coords[start : start + at_once, None]  # (b, 1, 2)
            labels = torch.ones(len(xy), 1, dtype=torch.int32, device=self._device)
            with _holding(self._decoding):
                if options.use_m2m:  # each mask is a prompt for a better one
                    found = self._decoder.decode(features, xy, labels, multimask=options.multimask_output)
                    which, masks = found.prompt, found.logits.clamp(-32, 32)[:, None]
                    for some in torch.arange(len(which), device=self._device).split(at_once):
                        prompt = which[some]
                        found = self._decoder.decode(
                            features, xy[prompt], labels[prompt], masks[some], multimask=False, above=above
                        )
                        parts.append(replace(found, prompt=prompt[found.prompt] + start))
                else:
                    found = self._decoder.decode(features, xy, labels, multimask=options.multimask_output, above=above)
                    parts.append(replace(found, prompt=found.prompt + start))
        return join(parts)


_KEPT = ("image", "stride8", "stride4")


@contextmanager
def _holding(lock: threading.Lock) -> Iterator[None]:
    """Have the device to oneself; while it has to be waited for, the current deadline still counts."""
    import torch

    while not lock.acquire(timeout=deadline.CHECK_SECONDS):
        deadline.check()
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise EngineError(
            "The GPU ran out of memory: try a smaller points_per_batch, or set SAM2_MODEL to a smaller one."
        ) from error
    finally:
        lock.release()
