"""The small networks that know what borders and parts of buildings look like.

onnxruntime runs them: one wheel, a tenth of a second for a photo, the same bits for any number of threads and
safe to call from many of them. (OpenCV's dnn would save that dependency, but version 5.0 cannot run this graph
for pictures of any size, and its nets are not safe to share between threads.)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files

import cv2
import numpy as np

CLASSES = ("wall", "window", "balcony", "fence", "vegetation", "shop", "ground", "other", "sky")
MODELS = ("network-0.onnx", "network-1.onnx")
SIDES = (640, 896)  # px of the long side: what it sees at two sizes is averaged
STRIDE = 32  # both sides of its input are multiples of this


class Network:
    """Looks at a picture: where are borders, and what is what. `digest` is the sha256 (hex) of all weights.

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
        # Threads that spin while they wait would take the processor from the web server.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        sessions = [
            onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]) for model in models
        ]
        # The first sees the picture as it is, the last sees it mirrored.
        self._views = ((sessions[0], False), (sessions[-1], True))

    def look(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Border probability (h, w) and class probabilities (h, w, C), float32, of an (h, w, 3) uint8 RGB picture."""
        height, width = picture.shape[:2]
        total = np.zeros((height, width, 1 + len(CLASSES)), np.float32)
        for side in SIDES:
            scale = side / max(height, width)
            size = tuple(max(STRIDE, round(length * scale / STRIDE) * STRIDE) for length in (width, height))
            shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            small = cv2.resize(picture, size, interpolation=shrink).astype(np.float32) / 255 * 4 - 2
            for session, mirrored in self._views:
                seen = small[:, ::-1] if mirrored else small
                logits = session.run(None, {"picture": np.ascontiguousarray(seen.transpose(2, 0, 1))[None]})[0][0]
                chances = _probabilities(logits.transpose(1, 2, 0))
                chances = np.ascontiguousarray(chances[:, ::-1] if mirrored else chances)
                total += cv2.resize(chances, (width, height), interpolation=cv2.INTER_LINEAR)
        total /= len(self._views) * len(SIDES)
        return total[..., 0], total[..., 1:]


def _probabilities(logits: np.ndarray) -> np.ndarray:
    """(h, w, 1 + C) logits -> sigmoid of the first channel, softmax of the others."""
    border = 1 / (1 + np.exp(-logits[..., :1]))
    kinds = np.exp(logits[..., 1:] - logits[..., 1:].max(axis=2, keepdims=True))
    return np.concatenate([border, kinds / kinds.sum(axis=2, keepdims=True)], axis=2)
