"""What the scorers learn from: candidates for simulated clicks, their features, and how good they truly are."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from sam2_painter.engines.offline.candidates import Clicks, click_candidates
from sam2_painter.engines.offline.features import first_features, next_features

from .rows import Collected, Samples
from .sights import Sights
from .users import Wish, wish

WISHES = 5  # of each crop
CLICKS = 4  # of each wish
BEST, OTHERS = 8, 14  # candidates kept of each click: the best ones, and some of the rest
OWN_ANSWERS = 0.75  # of the answers that get corrected are what a scorer chose, the others are drawn by their IoU
DOUBT = 0.03  # what such a scorer's opinion is off by, so that it does not always choose the same


def ious_of(wanted: Wish, masks: np.ndarray) -> np.ndarray:
    """(K,) the IoU of masks (K, h, w) with what is wanted, the nearer of a wall's face and its paint."""
    best = np.zeros(len(masks))
    for truth, known in zip(wanted.answers[:2], wanted.known[:2], strict=True):
        inside = masks & known
        common = (inside & truth).sum(axis=(1, 2))
        best = np.maximum(best, common / np.maximum(inside.sum(axis=(1, 2)) + truth.sum() - common, 1))
    return best


def gather(sights: Sights, numbers: range, seed: int, scorer: Callable[[np.ndarray], np.ndarray] | None) -> Samples:
    """Samples of some crops: for the scorer of first clicks; or with such a scorer, whose answers are corrected, for
    that of later ones.
    """
    cv2.setNumThreads(1)
    collected = Collected()
    for number in numbers:
        rng = np.random.default_rng([seed, number])
        sight, truth = sights[number]
        for _ in range(WISHES if scorer is None else 2):
            wanted = wish(rng, *truth)
            if wanted is None:
                break
            for turn in range(1 if scorer is None else CLICKS):
                clicks = Clicks(np.array(wanted.cells), np.array(wanted.positive))
                masks, origins = click_candidates(sight, clicks, wanted.before)
                ious = ious_of(wanted, masks)
                if wanted.before is None:
                    features = first_features(sight, masks, origins, clicks)
                else:
                    features = next_features(sight, masks, origins, clicks, wanted.before)
                if (turn == 0) == (scorer is None):
                    keep = np.union1d(np.argsort(-ious)[:BEST], rng.permutation(len(ious))[:OTHERS])
                    collected.add(features[keep], ious[keep], number)
                if scorer is None or not _corrected(rng, wanted, masks, ious, features, turn, scorer):
                    break
        if number % 100 == 0:
            print(f"gathered {number}", flush=True)
    return collected.samples()


def _corrected(rng, wanted: Wish, masks, ious, features, turn: int, scorer) -> bool:
    """Look at an answer and click what is most wrong with it; False when there is nothing."""
    if turn == 0 and rng.random() < OWN_ANSWERS:
        chosen = int((scorer(features) + rng.normal(0, DOUBT, len(ious))).argmax())
    else:
        chance = np.clip(ious, 0, 1) ** rng.choice([2, 4, 10]) + 1e-6
        chosen = int(rng.choice(len(masks), p=chance / chance.sum()))
    if turn == 0:
        wanted.insist(int(ious_of_each(wanted, masks[chosen]).argmax()))
    return wanted.correct(rng, masks[chosen])


def ious_of_each(wanted: Wish, mask: np.ndarray) -> np.ndarray:
    """(2,) the IoU of a mask with a wall's face and with its paint."""
    found = []
    for truth, known in zip(wanted.answers[:2], wanted.known[:2], strict=True):
        found.append((mask & truth).sum() / max(1, ((mask & known) | truth).sum()))
    return np.array(found)
