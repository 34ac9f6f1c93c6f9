"""The small networks that know what borders and parts of buildings look like, and which pixels are one thing.

onnxruntime runs them: one wheel, a tenth of a second for a photo, the same bits for any number of threads and
safe to call from many of them. (OpenCV's dnn would save that dependency, but version 5.0 cannot run this graph
for pictures of any size, and its nets are not safe to share between threads.)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

import cv2
import numpy as np

CLASSES = ("wall", "window", "door", "roof", "balcony", "fence", "vegetation", "shop", "ground", "other", "sky")
LIKENESS = 16  # numbers that say what a pixel belongs to: pixels of one thing are near each other
LIKENESS_STRIDE = 4  # px of the picture a side, for one value
LIKENESS_BIAS = 3.0  # less their squared distance it is the logit of "these two are the same thing"
MODELS = ("network-0.onnx", "network-1.onnx")
SIDES = (640, 896)  # px of the long side: what it sees at two sizes is averaged
STRIDE = 32  # both sides of its input are multiples of this


@dataclass(frozen=True, eq=False)
class Sight:
    """Of an (h, w) picture, float32. border: (h, w) probabilities. classes: (h, w, C) probabilities. likeness:
    (ceil(h/4), ceil(w/4), V * LIKENESS), see `alikeness`; the value of a block of 4x4 pixels.
    """

    border: np.ndarray
    classes: np.ndarray
    likeness: np.ndarray


class Network:
    """Looks at a picture: where are borders, what is what, and what belongs together.

    `digest` is the sha256 (hex) of all weights.

    It is two networks, each trained on one half of the photos, whose opinions are averaged; training also uses
    one alone.
    """

    def __init__(self, models: Sequence[bytes] | None = None) -> None:
        # Since 1.29 its Linux builds report to their maker by default, from the moment they are imported.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        if models is None:
            models = [files(__package__).joinpath(name).read_bytes() for name in MODELS]
        self.digest = sha256(b"".join(models)).hexdigest()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False  # it keeps what eight photos at once took, for ever
        # Threads that spin while they wait would take the processor from the web server.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        sessions = [
            onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]) for model in models
        ]
        # The first sees the picture as it is, the last sees it mirrored.
        self._views = ((sessions[0], False), (sessions[-1], True))

    def look(self, picture: np.ndarray) -> Sight:
        """What there is in an (h, w, 3) uint8 RGB picture."""
        height, width = picture.shape[:2]
        chances = np.zeros((height, width, 1 + len(CLASSES)), np.float32)
        rows, columns = (-(-length // LIKENESS_STRIDE) for length in (height, width))
        likeness = [np.zeros((rows, columns, LIKENESS), np.float32) for _ in self._views]
        for side in SIDES:
            scale = side / max(height, width)
            size = tuple(max(STRIDE, round(length * scale / STRIDE) * STRIDE) for length in (width, height))
            shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            small = cv2.resize(picture, size, interpolation=shrink).astype(np.float32) / 255 * 4 - 2
            for (session, mirrored), alike in zip(self._views, likeness, strict=True):
                seen = small[:, ::-1] if mirrored else small
                output = session.run(None, {"picture": np.ascontiguousarray(seen.transpose(2, 0, 1))[None]})
                logits, places = (np.ascontiguousarray(part[0].transpose(1, 2, 0)) for part in output)
                if mirrored:
                    logits, places = (np.ascontiguousarray(part[:, ::-1]) for part in (logits, places))
                chances += cv2.resize(_probabilities(logits), (width, height), interpolation=cv2.INTER_LINEAR)
                alike += cv2.resize(places, (columns, rows), interpolation=cv2.INTER_LINEAR) / len(SIDES)
        chances /= len(self._views) * len(SIDES)
        return Sight(chances[..., 0], chances[..., 1:], np.concatenate(likeness, axis=2))


def alikeness(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(...) float32 in [0, 1]: the chance that two places are one thing, from their likeness (..., V * LIKENESS) in V
    views; the views' opinions are averaged.
    """
    away = (one - other) ** 2
    distance = away.reshape(*away.shape[:-1], away.shape[-1] // LIKENESS, LIKENESS).sum(axis=-1)
    far = np.float32(60)  # beyond it exp() overflows, and the chance is nothing anyway
    return (1 / (1 + np.exp(np.minimum(distance, far) - np.float32(LIKENESS_BIAS)))).mean(axis=-1)


def _probabilities(logits: np.ndarray) -> np.ndarray:
    """(h, w, 1 + C) logits -> sigmoid of the first channel, softmax of the others."""
    border = 1 / (1 + np.exp(-logits[..., :1]))
    kinds = np.exp(logits[..., 1:] - logits[..., 1:].max(axis=2, keepdims=True))
    return np.concatenate([border, kinds / kinds.sum(axis=2, keepdims=True)], axis=2)
