"""Two halves of a job beside each other, for two processor cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

WORTH_IT = 16  # rows


def in_halves(work: Callable[[slice], np.ndarray], rows: int) -> np.ndarray:
    """What `work` makes of all rows, one after another; many rows are given to it as two slices at once."""
    if rows < WORTH_IT:
        return work(slice(0, rows))
    with ThreadPoolExecutor(1) as beside:
        first = beside.submit(work, slice(0, rows // 2))
        second = work(slice(rows // 2, rows))
        return np.concatenate([first.result(), second])
