"""The small network that sees borders and parts of buildings, and which pixels are of one thing.

onnxruntime runs it: one wheel, the same bits for any number of threads and safe to call from many of them. (OpenCV's
dnn would save that dependency, but version 5.0 cannot run such graphs for pictures of any size, and its nets are not
safe to share between threads.)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files

import cv2
import numpy as np

from .nesting import Nesting, nest
from .skies import SKY, WALL, sky_behind

MODEL = "network.onnx"
LIKENESS = 16  # numbers that say what a pixel belongs to: pixels of one thing are near each other
LIKENESS_BIAS = np.float32(3.0)  # less their squared distance it is the logit of "these two are of one thing"
FAR = np.float32(60)  # beyond it exp() overflows, and the chance is nothing anyway
SIDE = 768  # px of the long side of what it is shown
STRIDE = 32  # both sides of that are multiples of this
CELL = 4  # px of it that share one value
COLOUR_STEP = np.array(
    [40, 12, 12], np.float32
)  # of OpenCV's 8-bit Lab: differences that count as one; lightness less: shadows


@dataclass(frozen=True, eq=False)
class Sight:
    """What is seen of a picture, in cells of CELL px, h rows of w.

    border: (h, w) probabilities. kinds: (C, h, w) class probabilities. likeness: (LIKENESS, h, w), see `alike`. lab:
    (3, h, w) OpenCV's 8-bit Lab. All float32. nesting: regions of what looks alike.
    """

    border: np.ndarray
    kinds: np.ndarray
    likeness: np.ndarray
    lab: np.ndarray
    nesting: Nesting

    @property
    def size(self) -> tuple[int, int]:
        """(h, w)."""
        return self.border.shape[0], self.border.shape[1]

    @cached_property
    def kind(self) -> np.ndarray:
        """(h, w) int: the likeliest class of each cell."""
        kind: np.ndarray = self.kinds.argmax(axis=0)
        return kind

    @cached_property
    def calm(self) -> np.ndarray:
        """(3, h, w) float32: `lab` without texture."""
        return calm_of(self.lab)

    @cached_property
    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """What lies between neighbours: (4, h, w - 1) and (4, h - 1, w) float32: the stronger border of the two,
        whether it is clear, how unlike they are, and how far in colour.
        """
        return tuple(self._between(axis) for axis in (2, 1))  # type: ignore[return-value]

    def _between(self, axis: int) -> np.ndarray:
        one, other = (np.s_[:, :, :-1], np.s_[:, :, 1:]) if axis == 2 else (np.s_[:, :-1], np.s_[:, 1:])
        border = np.maximum(self.border[None][one], self.border[None][other])[0]
        gap = ((self.likeness[one] - self.likeness[other]) ** 2).sum(axis=0)
        colour = ((self.lab[one] - self.lab[other]) / COLOUR_STEP.reshape(3, 1, 1)) ** 2
        step = np.minimum(np.sqrt(colour.sum(axis=0)), 2)
        return np.stack([border, (border > 0.5).astype(np.float32), 1 - _chance(gap), step])

    def alike(self, place: np.ndarray) -> np.ndarray:
        """(h, w) float32 in [0, 1]: the chance that each cell and a place are of one thing. place: (LIKENESS,)."""
        return _chance(((self.likeness - place[:, None, None]) ** 2).sum(axis=0))

    def window(self, rows: slice, columns: slice) -> Sight:
        """A part of it."""
        here = np.s_[..., rows, columns]
        border, kinds, likeness, lab = (
            np.ascontiguousarray(field[here]) for field in (self.border, self.kinds, self.likeness, self.lab)
        )
        return Sight(border, kinds, likeness, lab, self.nesting.window(rows, columns))


def _chance(distance: np.ndarray) -> np.ndarray:
    chance: np.ndarray = 1 / (1 + np.exp(np.minimum(distance, FAR) - LIKENESS_BIAS))
    return chance


def calm_of(lab: np.ndarray) -> np.ndarray:
    """(3, h, w) float32: an 8-bit Lab picture without texture."""
    return np.stack([cv2.medianBlur(part.astype(np.uint8), 5) for part in lab]).astype(np.float32)


def sight_of(logits: np.ndarray, likeness: np.ndarray, lab: np.ndarray) -> Sight:
    """From the network's outputs: border and class logits (1 + C, h, w), likeness, and the small picture (3, h, w)."""
    kinds = np.exp(logits[1:] - logits[1:].max(axis=0))
    kinds /= kinds.sum(axis=0)
    border = 1 / (1 + np.exp(-logits[0]))
    lab, calm = lab.astype(np.float32), calm_of(lab)
    behind = sky_behind(kinds.argmax(axis=0), lab, calm)
    kinds[WALL, behind], kinds[SKY, behind] = kinds[SKY, behind], kinds[WALL, behind]
    nesting = nest(border, kinds, likeness, calm / COLOUR_STEP.reshape(3, 1, 1))
    return Sight(border, kinds, likeness, lab, nesting)


class Network:
    """Looks at a picture. digest: sha256 (hex) of its weights."""

    def __init__(self, model: bytes | None = None) -> None:
        # Since 1.29 its Linux builds report to their maker by default, from the moment they are imported.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        if model is None:
            model = files(__package__).joinpath(MODEL).read_bytes()
        self.digest = sha256(model).hexdigest()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False  # it keeps what eight photos at once took, for ever
        # Threads that spin while they wait would take the processor from the web server.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def look(self, picture: np.ndarray) -> Sight:
        """What there is in an (H, W, 3) uint8 RGB picture."""
        scale = SIDE / max(picture.shape[:2])
        height, width = (max(STRIDE, round(side * scale / STRIDE) * STRIDE) for side in picture.shape[:2])
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(picture, (width, height), interpolation=shrink)
        shown = small.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(127.5) - 1
        logits, likeness = (part[0] for part in self._session.run(None, {"picture": shown}))
        tiny = cv2.resize(small, (width // CELL, height // CELL), interpolation=cv2.INTER_AREA)
        return sight_of(logits, likeness, cv2.cvtColor(tiny, cv2.COLOR_RGB2LAB).transpose(2, 0, 1))
