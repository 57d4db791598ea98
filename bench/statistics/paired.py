"""Means of paired differences with Student's interval."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

CONFIDENCE = 0.95
SPREADLESS = 1e-9  # relative spread of differences below which they count as equal


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences a - b with its interval; the limits are NaN for fewer than two pairs."""

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def sign(self) -> int:
        """+1 or -1 if the whole interval has that sign, else 0."""
        return int(self.low > 0) - int(self.high < 0)


def student_limits(d: np.ndarray, comparisons: int = 1) -> tuple[float, float]:
    """Return the limits of Student's interval of the mean of d, (n,), for n of two or more.

    Args:
        d: Values that are not all equal.
        comparisons: Number of comparisons whose intervals cover simultaneously (Bonferroni).
    """
    n, mean = len(d), float(d.mean())
    quantile = float(special.stdtrit(n - 1, 1 - (1 - CONFIDENCE) / (2 * comparisons)))
    half = quantile * float(d.std(ddof=1)) / math.sqrt(n)
    return mean - half, mean + half


def paired_difference(a: pd.Series, b: pd.Series) -> Difference:
    """Return the mean of a - b over common pairs, with Student's interval (Student 1908).

    Args:
        a: Values indexed by the pair (the seed); values without a partner are omitted.
        b: Values with the same kind of index.

    Returns:
        Mean and interval, NaN with fewer than two pairs and without width for equal differences.
    """
    differences = (a - b).dropna()
    n = len(differences)
    if n == 0:
        return Difference(float("nan"), float("nan"), float("nan"), 0)
    mean = float(differences.mean())
    if n < 2:
        return Difference(mean, float("nan"), float("nan"), n)
    if np.ptp(differences) <= SPREADLESS * np.abs(differences).max():
        return Difference(mean, mean, mean, n)
    return Difference(mean, *student_limits(differences.to_numpy()), n)


def mean_interval(values: pd.Series) -> Difference:
    """Return the mean of the values with Student's interval."""
    return paired_difference(values, values * 0)
