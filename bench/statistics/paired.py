"""Paired comparisons, their intervals and corrections, based on scipy."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

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
    interval = stats.ttest_1samp(differences, 0.0).confidence_interval(CONFIDENCE)
    return Difference(mean, float(interval.low), float(interval.high), n)


def mean_interval(values: pd.Series) -> Difference:
    """Return the mean of the values with Student's interval."""
    return paired_difference(values, values * 0)


@dataclass(frozen=True)
class PairedTest:
    """Mean paired difference a - b, or a/b - 1 if relative, compared with a margin.

    Attributes:
        estimate: Mean difference.
        low: Lower limit of its 95 % bootstrap interval (BCa; Efron 1987).
        high: Upper limit.
        pairs: Number of pairs; with too few, other numbers are NaN.
        p: Two-sided p-value of a paired t-test of the mean against `margin`, or of the sign test if all
            differences are equal.
        improvement: P(a > b) + P(a = b)/2 over all pairs of runs (Agarwal et al. 2021).
        narrowing: Width of the paired Student interval over that of Welch's, which does not pair.
        margin: Margin of the test.
        relative: Whether differences are relative.
    """

    estimate: float
    low: float
    high: float
    pairs: int
    p: float
    improvement: float
    narrowing: float
    margin: float
    relative: bool


def compare(a: pd.Series, b: pd.Series, *, margin: float = 0.0, relative: bool = False) -> PairedTest:
    """Compare a with b over common pairs.

    Args:
        a: Values indexed by the pair (the seed).
        b: Values with the same kind of index.
        margin: Margin of the test. "No worse by more than d", for a quantity that should be large, is -d.
        relative: Compare logarithms and return ratios minus one; requires positive values.
    """
    both = pd.DataFrame({"a": a, "b": b}).dropna()
    if relative:
        both = both.map(math.log)
    numbers = _compared(
        both["a"].to_numpy(), both["b"].to_numpy(), math.log1p(margin) if relative else margin
    )
    estimate, low, high = (math.expm1(v) if relative else v for v in numbers[:3])
    p, improvement, narrowing = numbers[3:]
    return PairedTest(estimate, low, high, len(both), p, improvement, narrowing, margin, relative)


def _compared(a: np.ndarray, b: np.ndarray, margin: float) -> tuple[float, float, float, float, float, float]:
    """Return estimate, interval, p, improvement and narrowing of a over b, both (n,)."""
    nan = float("nan")
    if not len(a):
        return nan, nan, nan, nan, nan, nan
    d = a - b
    improvement = float(np.mean((a[:, None] > b) + 0.5 * (a[:, None] == b)))
    if len(d) < 2:
        return float(d.mean()), nan, nan, nan, improvement, nan
    rounding = SPREADLESS * max(np.abs(d).max(), abs(margin))
    if np.ptp(d) <= rounding:
        # Equal in every pair: no spread for a t-test; the sign test has this p-value.
        p = 1.0 if abs(d.mean() - margin) <= rounding else min(1.0, 2.0 ** (1 - len(d)))
        return float(d.mean()), float(d.min()), float(d.max()), p, improvement, nan
    test = stats.ttest_1samp(d, margin)
    low, high = _bca(d)
    return float(d.mean()), low, high, float(test.pvalue), improvement, _narrowing(a, b)


def _narrowing(a: np.ndarray, b: np.ndarray) -> float:
    """Return the width of the paired Student interval over that of Welch's; NaN without spread."""
    n, s = len(a), np.var(a, ddof=1) + np.var(b, ddof=1)
    if not s > 0:
        return float("nan")
    freedom = (n - 1) * s**2 / (np.var(a, ddof=1) ** 2 + np.var(b, ddof=1) ** 2)  # Welch & Satterthwaite
    level = (1 + CONFIDENCE) / 2
    paired = stats.t.ppf(level, n - 1) * np.std(a - b, ddof=1)
    return float(paired / (stats.t.ppf(level, freedom) * math.sqrt(s)))


def _bca(d: np.ndarray) -> tuple[float, float]:
    """Return the BCa interval of the mean of d (n,); NaN if squares of d leave the range of float64.

    With few values it is too narrow; verdicts therefore require the corrected p, too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about degenerate resamples, which give NaN
        interval = stats.bootstrap(
            (d,), np.mean, n_resamples=4999, confidence_level=CONFIDENCE, method="BCa", rng=0
        ).confidence_interval
    return float(interval.low), float(interval.high)


def adjusted(p: Sequence[float]) -> list[float]:
    """Return the p-values of a family of comparisons, corrected for their number (Holm 1979); NaN stay NaN.

    The k-th smallest of m is multiplied by m + 1 - k and is no smaller than the one before it.
    """
    values = np.array(p, dtype=float)
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]  # NaN are sorted last
    stepped = np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1))
    values[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in values]


def decided(c: PairedTest, p: float) -> int:
    """Return +1 if corrected p and interval are both significant above the margin, -1 below, else 0."""
    if not p < 1 - CONFIDENCE:
        return 0
    return int(c.low > c.margin) - int(c.high < c.margin)


@dataclass(frozen=True)
class FalseAlarms:
    """Rate at which the procedure distinguishes a candidate from itself, with Wilson's interval."""

    rate: float
    low: float
    high: float
    uncorrected: float
    resamples: int


def false_alarms(
    a: np.ndarray, b: np.ndarray, others: Sequence[float], *, resamples: int = 2000, seed: int = 0
) -> FalseAlarms:
    """Estimate the false-positive rate: permute the runs of one candidate under two sets of seeds.

    The permuted groups are compared as for a verdict. Only the paired t-test decides; the bootstrap could
    only lower the rate.

    Args:
        a: Results under the first seeds, (n,).
        b: Results under the second seeds, (n,).
        others: p-values of the family's other comparisons, included in Holm's correction.
        resamples: Number of permutations.
        seed: Seed of the permutations.
    """
    rng = np.random.default_rng(seed)
    pool = np.concatenate([a, b])
    dealt = rng.permuted(np.tile(pool, (resamples, 1)), axis=1)
    d = dealt[:, : len(a)] - dealt[:, len(a) : 2 * len(a)]
    # Student's t by hand: scipy warns about every permutation without spread
    error = d.std(axis=1, ddof=1) / math.sqrt(len(a))
    t = np.divide(d.mean(axis=1), error, out=np.zeros(len(d)), where=error > 0)
    p = 2 * stats.t.sf(np.abs(t), len(a) - 1)
    alpha = 1 - CONFIDENCE
    ranked = np.sort(np.asarray([q for q in others if not math.isnan(q)]))
    # Holm steps down: p is significant if it and every smaller one pass their share of alpha
    shares = alpha / (len(ranked) + 1 - np.arange(len(ranked) + 1))
    passed = np.cumprod(ranked <= shares[:-1]).sum()  # number of significant others
    smaller = np.searchsorted(ranked, p)
    alarms = (smaller <= passed) & (p <= shares[np.minimum(smaller, len(shares) - 1)])
    interval = stats.binomtest(int(alarms.sum()), resamples).proportion_ci(CONFIDENCE, method="wilson")
    return FalseAlarms(
        float(alarms.mean()), float(interval.low), float(interval.high), float((p < alpha).mean()), resamples
    )
