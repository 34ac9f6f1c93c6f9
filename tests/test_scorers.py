"""The scorers that are shipped say what the trees they are made from say."""

from __future__ import annotations

import numpy as np
import pytest

from sam2_painter.engines.offline.scorer import Scorer

pytest.importorskip("lightgbm")

from training.rows import Samples
from training.scorers import Trees, fit


@pytest.fixture(scope="module")
def samples() -> Samples:
    """100 clicks of 30 candidates, whose IoU is a product of two of their eight features, and noise."""
    rng = np.random.default_rng(0)
    features = rng.random((3000, 8), np.float32)
    ious = np.clip(features[:, 0] * features[:, 1] + 0.1 * rng.random(3000), 0, 1).astype(np.float32)
    click = np.repeat(np.arange(100), 30)
    return Samples(features, ious, click, click)


@pytest.mark.parametrize("order", [False, True])
def test_arrays_say_what_the_trees_say(samples: Samples, order: bool) -> None:
    """At every threshold the same side, in single precision too; what is added up is in half precision."""
    trees = Trees(samples, order)
    arrays = trees.arrays(0.5, 0.1)
    scorer = Scorer(arrays["feature"], arrays["threshold"], arrays["value"], float(arrays["base"]))
    wanted = 0.5 * trees.guess(samples.features) + 0.1
    assert scorer(samples.features) == pytest.approx(wanted, abs=2e-4)


def test_what_is_learned_carries_over(samples: Samples) -> None:
    """On clicks held out the best candidates come first, and guesses are on the scale of IoUs."""
    arrays, figures = fit(samples, order=True)
    scorer = Scorer(arrays["feature"], arrays["threshold"], arrays["value"], float(arrays["base"]))
    assert scorer(samples.features).mean() == pytest.approx(samples.ious.mean(), abs=0.03)
    assert figures["ranked first"] > figures["best candidate"] - 0.05
