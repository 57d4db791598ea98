"""Ratios of times, paired by round: what was measured in one process is one pair."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from bench.statistics.effects import Effect
from bench.statistics.paired import student_limits

FEWEST_ROUNDS = 5  # for a verdict
# Relative difference of times below which the order of benchmarks and the address of a result matter as much.
TIME_MARGIN = 0.02
EQUAL = 1e-12  # spread of logarithms below which all rounds count as equal


@dataclass(frozen=True)
class Ratio:
    """Geometric mean of a / b over rounds.

    Attributes:
        value: Geometric mean.
        low: Lower limit of its Student interval; NaN for fewer than two rounds.
        high: Upper limit.
        p: Two-sided p-value of a ratio of 1 + margin; NaN for fewer than two rounds.
        rounds: Number of rounds.
    """

    value: float
    low: float
    high: float
    p: float
    rounds: int


def ratio_of_rounds(a: np.ndarray, b: np.ndarray, *, comparisons: int = 1, margin: float = 0.0) -> Ratio:
    """Return the geometric mean of a / b with Student's interval on the logarithms (Student 1908).

    If all rounds are equal, the interval has no width and p is that of a sign test.

    Args:
        a: Positive, (rounds,).
        b: Positive, (rounds,), of the same rounds.
        comparisons: Number of comparisons whose intervals cover simultaneously with the usual confidence
            (Bonferroni).
        margin: Relative difference that p tests.

    Example:
        >>> ratio = ratio_of_rounds(np.array([2.0, 2.2, 1.9, 2.1, 2.0]), np.ones(5))
        >>> round(ratio.value, 3), round(ratio.low, 3), round(ratio.high, 3)
        (2.037, 1.9, 2.185)
    """
    d = np.log(a / b)
    n, nan = len(d), math.nan
    mean = float(d.mean()) if n else nan
    if n < 2:
        return Ratio(math.exp(mean), nan, nan, nan, n)
    difference = mean - math.log1p(margin)
    if np.ptp(d) <= EQUAL:
        p = 1.0 if abs(difference) <= EQUAL else 2.0 ** (1 - n)
        return Ratio(math.exp(mean), math.exp(mean), math.exp(mean), p, n)
    error = float(d.std(ddof=1)) / math.sqrt(n)
    p = 2 * float(special.stdtr(n - 1, -abs(difference) / error))
    low, high = student_limits(d, comparisons)
    return Ratio(math.exp(mean), math.exp(low), math.exp(high), p, n)


def paired_ratio(a: pd.Series, b: pd.Series, *, comparisons: int = 1, margin: float = 0.0) -> Ratio:
    """Return the ratio of times that are indexed by round; rounds that only one side has are left out."""
    both = pd.DataFrame({"a": a, "b": b}).dropna()
    return ratio_of_rounds(both["a"].to_numpy(), both["b"].to_numpy(), comparisons=comparisons, margin=margin)


def mean_time(seconds: pd.Series) -> Ratio:
    """Return the geometric mean of a time over rounds, with its interval."""
    return paired_ratio(seconds, seconds * 0 + 1)


Times = tuple[pd.Series, pd.Series]  # of a and b, each by round


def compare_times(
    pairs: Sequence[Times], *, margin: float = TIME_MARGIN, simultaneous: bool = True
) -> list[Effect]:
    """Compare a with b for every pair of a family; fewer than FEWEST_ROUNDS decide nothing.

    Args:
        pairs: The family.
        margin: Relative difference that counts.
        simultaneous: Whether the intervals of the family cover together (Bonferroni), else each alone.
    """
    return [_compared(a, b, len(pairs) if simultaneous else 1, margin) for a, b in pairs]


def _compared(a: pd.Series, b: pd.Series, comparisons: int, margin: float) -> Effect:
    ratio = paired_ratio(a, b, comparisons=comparisons)
    estimate, low, high = (number - 1 for number in (ratio.value, ratio.low, ratio.high))
    shorter = np.sign((b - a).dropna())
    reason = f"fewer than {FEWEST_ROUNDS} rounds" if ratio.rounds < FEWEST_ROUNDS else ""
    return Effect(
        estimate, low, high, ratio.rounds, margin, True, float(np.mean((1 + shorter) / 2)), reason=reason
    )


def told_apart(pairs: Sequence[Times], *, margin: float = TIME_MARGIN, simultaneous: bool = True) -> int:
    """Count the pairs of a family of which the procedure calls one time longer, as `compare_times`."""
    effects = compare_times(pairs, margin=margin, simultaneous=simultaneous)
    # b takes longer by the margin where the interval of b / a, the reciprocal, lies above it.
    shorter = 1 / (1 + margin) - 1
    return sum(not its.reason and (its.low > margin or its.high < shorter) for its in effects)
