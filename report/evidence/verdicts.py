"""Verdicts in words: effects with their units, and rows of the store."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from typing import Any

from report.document.formats import number, percent
from report.document.phrases import NOT_MEASURED, signed
from report.evidence.comparisons import Comparison

UNITS = {"points": (" points", 2), "share": (" points", 1), "cosine": ("", 3)}
SCALES = {"points": 100, "share": 100, "percent": 100}  # of units whose values are shares of one
IN_UNIT = ("estimate", "low", "high", "margin")
DEVIATIONS = ("sd", "error", "seed_error", "image_error", "rate_error")
LEVELS = {"1": partial(number, digits=3), "percent": partial(percent, digits=1)}  # not differences
BETTER = {1: "better", -1: "worse", 0: "inconclusive"}
DIRECTIONS = {1: "above", -1: "below", 0: "inconclusive"}


def better(comparison: Comparison) -> int:
    """Return +1 where a is better than b, -1 where worse: higher is better, except for ratios of losses."""
    direction = comparison.effect.direction
    return -direction if comparison.effect.relative else direction


def effect(comparison: Comparison, *, unit: bool = True) -> str:
    """Return the estimate and its interval, with their unit unless a table's head has it.

    "+0.31 points (+0.22 to +0.40)".
    """
    its = comparison.effect
    if its.pairs == 0:
        return NOT_MEASURED
    write, name = writer(comparison)
    estimate, low, high = ("–" if math.isnan(v) else write(v) for v in (its.estimate, its.low, its.high))
    return f"{estimate}{name if unit else ''} ({low} to {high})"


def in_unit(comparison: Comparison, value: float) -> float:
    """Return a comparison's value in its unit: points, per cent, or times where it is relative."""
    return 1 + value if comparison.effect.relative else SCALES.get(comparison.unit, 1) * value


def plain(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data in its unit, deviations of ratios as logarithms."""
    its = asdict(comparison)
    numbers = its.pop("effect")
    scaled = IN_UNIT if comparison.effect.relative else IN_UNIT + DEVIATIONS
    return {
        **its,
        "unit": writer(comparison)[1].strip() or comparison.unit,
        **numbers,
        **{name: in_unit(comparison, numbers[name]) for name in scaled},
        "direction": comparison.effect.direction,
    }


def writer(comparison: Comparison) -> tuple[Callable[[float], str], str]:
    """Return the format of a comparison's values, and their unit."""
    if comparison.unit in LEVELS:
        return LEVELS[comparison.unit], ""
    if comparison.effect.relative:
        return lambda v: number(in_unit(comparison, v)), " times"
    unit, fixed = UNITS[comparison.unit]
    return lambda v: signed(in_unit(comparison, v), fixed), unit


def spans(runs: Sequence[int], most: int | None = None) -> str:
    """Format row numbers as ranges, "3–7, 12": at most `most` ranges, and a count of the rest."""
    rows = sorted(set(runs))
    groups = [
        [run for _, run in group] for _, group in groupby(enumerate(rows), lambda pair: pair[1] - pair[0])
    ]
    shown = ", ".join(f"{g[0]}–{g[-1]}" if len(g) > 1 else str(g[0]) for g in groups[:most])
    left = sum(len(g) for g in groups[len(groups) if most is None else most :])
    return shown + (f" and {left} more" if left else "")


def with_status(text: str, comparison: Comparison) -> str:
    """Return a verdict and how many of its runs diverged or collapsed."""
    counts = {"diverged": comparison.diverged, "collapsed": comparison.collapsed}
    return "; ".join([text, *(f"{n} {status}" for status, n in counts.items() if n)])
