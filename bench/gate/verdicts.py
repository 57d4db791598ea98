"""From rounds of two sides to verdicts: which benchmarks regressed, improved or use more memory.

The unit is the round: both sides were measured at the same time in fresh processes, so that disturbances
affect both. This module only computes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bench.statistics import Ratio, ratio_of_rounds

REGRESSED, IMPROVED, UNCHANGED, INCONCLUSIVE = "regressed", "improved", "unchanged", "inconclusive"
NEW, REMOVED, FAILED = "new", "removed", "failed"
ALPHA = 0.01  # of the corrected p-value
TOLERANCE = 0.05  # relative slowdown that is tolerated where a group has no tolerance of its own
FEWEST, MOST = 7, 31  # rounds


@dataclass(frozen=True)
class Verdict:
    """Verdict on one metric of one benchmark.

    Attributes:
        name: Name of the benchmark.
        group: Its group.
        metric: `seconds` or `peak_bytes`.
        verdict: One of the words above.
        ratio: Head / base; like interval and p NaN if only one side was measured.
        low: Lower end of the ratio's interval.
        high: Upper end.
        p: Corrected p-value.
        rounds: Number of rounds with both sides.
        tolerance: Tolerated relative increase.
        why: Reason, if the verdict needs one.
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
    """Return p-values corrected for their number by Benjamini & Hochberg (1995); NaN stay NaN."""
    values = np.array(p, dtype=float)
    tested = ~np.isnan(values)
    if tested.any():
        values[tested] = stats.false_discovery_control(values[tested])
    return values


def judge(rounds: pd.DataFrame, tolerances: Mapping[str, float] | None = None) -> list[Verdict]:
    """Return the verdict on every benchmark and metric.

    Regressed: the interval lies above the tolerance and the corrected p below ALPHA. Improved: the same in
    the other direction. Unchanged: the interval lies within the tolerance. Otherwise inconclusive.

    Args:
        rounds: Columns name, group, metric, round, base and head; NaN on a side that did not measure.
        tolerances: Tolerance by group, else TOLERANCE.
    """
    benchmarks, ratios = [], list[Ratio]()
    for (name, group, metric), part in rounds.groupby(["name", "group", "metric"], sort=False):
        both = part.dropna(subset=["base", "head"])
        benchmarks.append((str(name), str(group), str(metric), part, len(both)))
        ratios.append(ratio_of_rounds(both["head"].to_numpy(), both["base"].to_numpy()))
    verdicts = []
    p_values = corrected([ratio.p for ratio in ratios])
    for (name, group, metric, part, count), ratio, p in zip(benchmarks, ratios, p_values, strict=True):
        tolerance = (tolerances or {}).get(group, TOLERANCE)
        if count:
            verdict, why = decide(ratio.low, ratio.high, float(p), tolerance)
        else:
            verdict, why = one_sided(bool(part["base"].notna().any()), bool(part["head"].notna().any()))
        verdicts.append(
            Verdict(
                name,
                group,
                metric,
                verdict,
                ratio.value,
                ratio.low,
                ratio.high,
                float(p),
                count,
                tolerance,
                why,
            )
        )
    return verdicts


def one_sided(base: bool, head: bool) -> tuple[str, str]:
    """Return verdict and reason for a benchmark that no round has on both sides."""
    if head and not base:
        return NEW, "missing in base"
    if base and not head:
        return REMOVED, "missing in head"
    return FAILED, "it fails on one side, or no round measured both"


def decide(low: float, high: float, p: float, tolerance: float) -> tuple[str, str]:
    """Return verdict and reason, given the ratio's interval, the corrected p and the tolerance."""
    bound = 1 + tolerance
    if math.isnan(p):
        return INCONCLUSIVE, "only one round; more are needed"
    if low > bound and p < ALPHA:
        return REGRESSED, ""
    if high < 1 / bound and p < ALPHA:
        return IMPROVED, ""
    if 1 / bound <= low and high <= bound:
        return UNCHANGED, ""
    if high / low > bound**2:
        noise = f"too noisy: the interval is {high / low - 1:.0%} wide"
        return INCONCLUSIVE, f"{noise}; run more rounds on an idle machine"
    return INCONCLUSIVE, "close to the tolerance; run more rounds"


def inconclusive(verdicts: Sequence[Verdict]) -> set[str]:
    """Return the names of benchmarks that more rounds may decide."""
    return {v.name for v in verdicts if v.verdict == INCONCLUSIVE}
