"""Paired differences, ratios of medians and their intervals: thin calls into scipy."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences a - b with its interval; the limits are NaN where pairs are too few."""

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def sign(self) -> int:
        """+1 or -1 where the interval lies wholly on that side of 0, else 0: undecided."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class Ratio:
    """Ratio of medians a / b with its bootstrap interval."""

    value: float
    low: float
    high: float


def paired_difference(a: pd.Series, b: pd.Series) -> Difference:
    """Mean of a - b over the pairs that both have, with Student's interval (Student 1908).

    a, b: values indexed by what pairs them (the seed). An index present in one only is left out and thus
    lowers `pairs`. With fewer than two pairs the interval is NaN.
    """
    differences = (a - b).dropna()
    n = len(differences)
    if n == 0:
        return Difference(float("nan"), float("nan"), float("nan"), 0)
    mean = float(differences.mean())
    if n < 2:
        return Difference(mean, float("nan"), float("nan"), n)
    interval = stats.ttest_1samp(differences, 0.0).confidence_interval(CONFIDENCE)
    return Difference(mean, float(interval.low), float(interval.high), n)


def mean_interval(values: pd.Series) -> Difference:
    """Mean of the values with Student's interval: the difference of the values from 0."""
    return paired_difference(values, values * 0)


def median_ratio(a: np.ndarray, b: np.ndarray, *, seed: int = 0) -> Ratio:
    """Ratio of the medians of two sets of samples, with a percentile bootstrap interval (Efron 1979).

    a, b: positive samples, any number of each. The interval covers the
    spread within one session of measuring only.
    """

    def ratio(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.median(x, axis=axis) / np.median(y, axis=axis)

    result = stats.bootstrap(
        (a, b), ratio, n_resamples=999, confidence_level=CONFIDENCE, method="percentile", rng=seed
    )
    interval = result.confidence_interval
    return Ratio(float(ratio(a, b)), float(interval.low), float(interval.high))


def paired_ratio(a: np.ndarray, b: np.ndarray, *, seed: int = 0) -> Ratio:
    """Median of a / b round by round, with a percentile bootstrap interval over rounds (Efron 1979).

    a, b: positive samples of the same rounds, so that what disturbs a round disturbs both.
    """
    ratios = a / b
    result = stats.bootstrap(
        (ratios,), np.median, n_resamples=999, confidence_level=CONFIDENCE, method="percentile", rng=seed
    )
    interval = result.confidence_interval
    return Ratio(float(np.median(ratios)), float(interval.low), float(interval.high))
