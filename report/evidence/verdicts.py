"""The section on the claims: every verdict with its evidence, all comparisons, and the control."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import groupby

from bench.store import Snapshot
from report.document.formats import MINUS, number, percent
from report.document.phrases import NOT_MEASURED, signed
from report.evidence import claims
from report.evidence.claims import Verdict
from report.evidence.comparisons import Case
from report.evidence.queries import label

UNITS = {"points": (100, " points", 2), "share": (100, " points", 1), "cosine": (1, "", 3)}
LEVELS = {"1": partial(number, digits=3), "percent": partial(percent, digits=1)}  # not differences
SIDES = {1: "above", -1: "below", 0: "undecided"}
# The families whose control is looked at: task and batch norm.
TASKS = {
    "classifier": ("classifier", True),
    "classifier without batch norm": ("classifier", False),
    "fully connected autoencoder": ("fc_autoencoder", True),
    "convolutional autoencoder": ("conv_autoencoder", True),
    "GELU paper's classifier": ("deep_classifier", None),
}


@lru_cache(maxsize=4)
def judged(snapshot: Snapshot) -> dict[str, list[tuple[Case, float, int]]]:
    """Every family of comparisons of a snapshot, judged once."""
    return claims.families(snapshot)


def of(snapshot: Snapshot) -> list[Verdict]:
    """The verdict on every claim."""
    return claims.verdicts(judged(snapshot))


def effect(case: Case) -> str:
    """The estimate and its interval in the case's unit: "+0.31 points (+0.22 to +0.40)"."""
    c = case.comparison
    if c.pairs == 0:
        return NOT_MEASURED
    write, unit = _writing(case)
    estimate, low, high = ("–" if math.isnan(v) else write(v) for v in (c.estimate, c.low, c.high))
    return f"{estimate}{unit} ({low} to {high})"


def _writing(case: Case) -> tuple[Callable[[float], str], str]:
    """How a value of the case is written, and its unit."""
    if case.unit in LEVELS:
        return LEVELS[case.unit], ""
    if case.comparison.relative:
        return lambda v: number(1 + v), " times"
    scale, unit, fixed = UNITS[case.unit]
    return lambda v: signed(scale * v, fixed), unit


def p_value(p: float) -> str:
    """A corrected p-value."""
    if math.isnan(p):
        return "none"
    return "< 0.0001" if p < 1e-4 else number(p, fixed=4)


def spans(runs: Sequence[int], most: int | None = None) -> str:
    """Row numbers with those in sequence drawn together: "3–7, 12"; of more parts than `most` the first."""
    ordered = sorted(set(runs))
    groups = [
        [run for _, run in group] for _, group in groupby(enumerate(ordered), lambda pair: pair[1] - pair[0])
    ]
    shown = ", ".join(f"{g[0]}–{g[-1]}" if len(g) > 1 else str(g[0]) for g in groups[:most])
    left = sum(len(g) for g in groups[len(groups) if most is None else most :])
    return shown + (f" and {left} more" if left else "")


def name(what: str) -> str:
    """A candidate in words."""
    words = {"impl": "ours", "torch": "of torch", "native": "F.conv2d"}
    return " ".join(words.get(part, label(part)) for part in what.split(" ")) if what else ""


def _between(case: Case) -> str:
    """What is compared with what; a quantity that stands against its margin alone is named alone."""
    sign = "/" if case.comparison.relative else MINUS
    sides = name(case.a) if case.unit in LEVELS else f"{name(case.a)} {sign} {name(case.b)}"
    return f"{sides}, {case.where}" if case.where else sides
