"""From rounds of two sides to verdicts: what became slower, faster or hungrier, and how sure that is.

The round is the unit: within one, both sides were measured next to each other in fresh processes, so that
what disturbs a round disturbs both. Nothing here measures, reads or writes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bench.statistics.paired import CONFIDENCE

SLOWER, FASTER, SAME, INCONCLUSIVE = "slower", "faster", "same", "inconclusive"
NEW, REMOVED, FAILED = "new", "removed", "failed"
ALPHA = 0.01  # of the corrected p-value
TOLERANCE = (
    0.05  # by so much a benchmark may be slower, relative, where its group has no tolerance of its own
)
FEWEST, MOST = 7, 31  # rounds


@dataclass(frozen=True)
class Judged:
    """One benchmark: its ratio head / base with its interval, corrected p, and the verdict with its reason.

    Ratio, interval and p are NaN where only one side was measured.
    """

    name: str
    group: str
    metric: str
    verdict: str
    ratio: float
    low: float
    high: float
    p: float
    rounds: int
    tolerance: float
    why: str = ""


def corrected(p: Sequence[float]) -> np.ndarray:
    """P-values corrected for their number by Benjamini & Hochberg (1995); NaN stay NaN."""
    values = np.array(p, dtype=float)
    tested = ~np.isnan(values)
    if tested.any():
        values[tested] = stats.false_discovery_control(values[tested])
    return values


def ratio_of_rounds(base: np.ndarray, head: np.ndarray) -> tuple[float, float, float, float]:
    """Geometric mean of head / base over rounds, its Student interval and p of its being 1 (two-sided).

    base, head: positive, (rounds,) each, of the same rounds. With fewer than two rounds interval and p are
    NaN; rounds that all agree have an interval without width, and the p of a sign test.
    """
    d = np.log(head / base)
    if len(d) < 2:
        return math.exp(float(d.mean())), math.nan, math.nan, math.nan
    mean = float(d.mean())
    if np.ptp(d) <= 1e-12:
        p = 1.0 if abs(mean) <= 1e-12 else 2.0 ** (1 - len(d))
        return math.exp(mean), math.exp(mean), math.exp(mean), p
    test = stats.ttest_1samp(d, 0.0)
    low, high = test.confidence_interval(CONFIDENCE)
    return math.exp(mean), math.exp(float(low)), math.exp(float(high)), float(test.pvalue)


def judge(rounds: pd.DataFrame, budgets: Mapping[str, float] | None = None) -> list[Judged]:
    """The verdict on every benchmark and metric.

    rounds: name, group, metric, round, base and head; NaN on a side that did not measure it in that round.
    budgets: by group, else TOLERANCE.

    Slower: the interval's lower end is above the tolerance and the corrected p below ALPHA; faster the other way
    round; same: the interval lies within the tolerance both ways; else inconclusive.
    """
    found = []
    for (name, group, metric), part in rounds.groupby(["name", "group", "metric"], sort=False):
        both = part.dropna(subset=["base", "head"])
        sides = [bool(part[side].notna().any()) for side in ("base", "head")]
        found.append((str(name), str(group), str(metric), both, sides))
    measured = [
        ratio_of_rounds(b["base"].to_numpy(), b["head"].to_numpy()) if len(b) else None for *_, b, _ in found
    ]
    p = corrected([math.nan if m is None else m[3] for m in measured])
    verdicts = []
    for (name, group, metric, both, sides), m, corrected_p in zip(found, measured, p, strict=True):
        tolerance = (budgets or {}).get(group, TOLERANCE)
        if m is None:
            verdict, why = one_sided(*sides)
            verdicts.append(
                Judged(
                    name, group, metric, verdict, math.nan, math.nan, math.nan, math.nan, 0, tolerance, why
                )
            )
            continue
        ratio, low, high, _ = m
        verdict, why = decide(low, high, float(corrected_p), tolerance)
        verdicts.append(
            Judged(
                name, group, metric, verdict, ratio, low, high, float(corrected_p), len(both), tolerance, why
            )
        )
    return verdicts


def one_sided(base: bool, head: bool) -> tuple[str, str]:
    """What is said of a benchmark that no round has on both sides."""
    if head and not base:
        return NEW, "base has no such benchmark"
    if base and not head:
        return REMOVED, "head has no such benchmark"
    return FAILED, "it fails on a side that has it, or no round was measured on both"


def decide(low: float, high: float, p: float, tolerance: float) -> tuple[str, str]:
    """Verdict and reason, from the interval of the ratio, the corrected p and the tolerance."""
    bound = 1 + tolerance
    if math.isnan(p):
        return INCONCLUSIVE, "one round only; more are needed"
    if low > bound and p < ALPHA:
        return SLOWER, ""
    if high < 1 / bound and p < ALPHA:
        return FASTER, ""
    if 1 / bound <= low and high <= bound:
        return SAME, ""
    if high / low > bound**2:
        return (
            INCONCLUSIVE,
            f"too noisy: the interval is {high / low - 1:.0%} wide; more rounds, a quiet machine",
        )
    return INCONCLUSIVE, "close to the tolerance; more rounds would tell"


def undecided(verdicts: Sequence[Judged]) -> set[str]:
    """Names of the benchmarks that more rounds may decide: too noisy, or close to the tolerance."""
    return {v.name for v in verdicts if v.verdict == INCONCLUSIVE}
