"""Differences over seeds alone, where there are neither learning rates nor test images."""

import math

import numpy as np
import pandas as pd

from bench.statistics.effects import Effect
from bench.statistics.paired import SPREADLESS, student_limits


def seed_effect(
    a: pd.Series,
    b: pd.Series,
    *,
    margin: float = 0.0,
    relative: bool = False,
    comparisons: int = 1,
) -> Effect:
    """Compare a with b over common seeds by Student's interval (Student 1908).

    If all differences are equal, the interval has no width.

    Args:
        a: Values indexed by seed.
        b: Values with the same kind of index.
        margin: Margin of `Effect.direction`.
        relative: Compare logarithms and return ratios minus one; requires positive values.
        comparisons: Number of comparisons whose intervals cover simultaneously (Bonferroni).
    """
    both = pd.DataFrame({"a": a, "b": b}).dropna()
    if relative:
        both = both.map(math.log)
    d = (both["a"] - both["b"]).to_numpy()
    n, nan = len(d), math.nan
    mean = float(d.mean()) if n else nan
    low = high = nan
    if n > 1:
        low, high = _limits(d, comparisons)
    mean, low, high = (math.expm1(v) if relative else v for v in (mean, low, high))
    better = float(np.mean((1 + np.sign(-d if relative else d)) / 2)) if n else nan
    reason = "" if n > 1 else "fewer than two pairs"
    return Effect(mean, low, high, n, margin, relative, better, reason=reason)


def _limits(d: np.ndarray, comparisons: int) -> tuple[float, float]:
    if np.ptp(d) <= SPREADLESS * np.abs(d).max():
        return float(d.min()), float(d.max())
    return student_limits(d, comparisons)
