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


def rates_told_apart(families: Iterable[Mapping[str, Sequence[float]]]) -> list[Rate]:
    """Return the shares of benchmarks, measured under two names, that are told from themselves.

    The first is by the procedure that decides claims, the second by intervals of one comparison without a
    margin, of which 5 % are expected.

    Args:
        families: Second name over first, by benchmark and round; the benchmarks of one are a family.
    """
    pairs = [[(pd.Series(r), pd.Series([1.0] * len(r))) for r in family.values()] for family in families]
    cases = sum(map(len, pairs))
    alone = sum(told_apart(family, margin=0.0, simultaneous=False) for family in pairs)
    return [
        rate("told from themselves, as claims are decided", sum(map(told_apart, pairs)), cases),
        rate("told from themselves, each alone and without a margin", alone, cases),
    ]
