"""Shares of cases with their intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from bench.statistics.paired import CONFIDENCE
from bench.statistics.rounds import told_apart


@dataclass(frozen=True)
class Rate:
    """A share of cases with Wilson's interval."""

    label: str
    hits: int
    cases: int
    low: float
    high: float


def rate(label: str, hits: int, cases: int) -> Rate:
    """Return the share hits / cases with Wilson's interval (1927)."""
    interval = stats.binomtest(hits, cases).proportion_ci(CONFIDENCE, method="wilson")
    return Rate(label, hits, cases, float(interval.low), float(interval.high))


def rate_told_apart(families: Iterable[Mapping[str, Sequence[float]]]) -> Rate:
    """Return the share of benchmarks, measured under two names, that the procedure tells from themselves.

    Args:
        families: Second name over first, by benchmark and round; the benchmarks of one are a family.
    """
    pairs = [[(pd.Series(r), pd.Series([1.0] * len(r))) for r in family.values()] for family in families]
    return rate("told from themselves, of benchmarks", sum(map(told_apart, pairs)), sum(map(len, pairs)))
