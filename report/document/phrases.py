"""Words for intervals, ratios and tallies."""

import math
from collections.abc import Callable, Iterable

from bench.statistics import Difference, Ratio
from bench.statistics.training_runs import EARLY, LAST
from report.document.formats import MINUS, number

NOT_MEASURED = "not measured"
# When in training a result was scored: in sentences, and shortly in figures and tables.
WHEN = {EARLY: "early in training", LAST: "at the end of training"}
SHORTLY = {EARLY: "early", LAST: "at the end"}
SLOWER = {1: "slower", -1: "faster", 0: "inconclusive"}  # words for `slower`


def signed(x: float, fixed: int) -> str:
    """Format `x` with `fixed` decimals and its sign, plus too."""
    text = number(x, fixed=fixed)
    return text if text.startswith(MINUS) or float(text) == 0 else f"+{text}"


def difference(d: Difference, scale: float = 1.0, fixed: int = 2) -> str:
    """Format a paired difference times `scale` with its interval: "+0.12 (−0.05 to +0.29)"."""
    if d.pairs == 0:
        return NOT_MEASURED
    mean = signed(scale * d.mean, fixed)
    if math.isnan(d.low):
        return f"{mean} (one seed, no interval)"
    return f"{mean} ({signed(scale * d.low, fixed)} to {signed(scale * d.high, fixed)})"


def mean(d: Difference, write: Callable[[float], str]) -> str:
    """Format a mean with its interval; the mean alone for one seed."""
    if d.pairs == 0:
        return NOT_MEASURED
    return write(d.mean) + ("" if math.isnan(d.low) else f" ({write(d.low)} to {write(d.high)})")


def ratio(r: Ratio | None) -> str:
    """Format a ratio with its interval: "2.31 (2.20 to 2.45)"."""
    if r is None:
        return NOT_MEASURED
    if math.isnan(r.low):
        return f"{number(r.value)} (one round, no interval)"
    return f"{number(r.value)} ({number(r.low)} to {number(r.high)})"


def slower(r: Ratio) -> int:
    """Return +1 where the interval of a ratio of times lies above 1, -1 where below, else 0."""
    return int(r.low > 1) - int(r.high < 1)


def sentence(text: str) -> str:
    """Return a text with a capital first letter; unlike `str.capitalize` it keeps names such as GELU.

    Example:
        >>> sentence("the GELU paper")
        'The GELU paper'
    """
    return text[:1].upper() + text[1:]


def epochs(number: float) -> str:
    """Return a number of epochs with its noun.

    Example:
        >>> epochs(1), epochs(1.5)
        ('1 epoch', '1.5 epochs')
    """
    return f"{number:g} epoch{'s' * (number != 1)}"


def listed(items: Iterable[str]) -> str:
    """Join items: "a, b and c"."""
    *head, last = items
    return f"{', '.join(head)} and {last}" if head else last


def tally(signs: Iterable[int], up: str, down: str) -> list[str]:
    """Count signs: "slower in 4 of 6 cases", "faster in 1", "inconclusive in 1"."""
    values = list(signs)
    parts = [(up, values.count(1)), (down, values.count(-1)), ("inconclusive", values.count(0))]
    (word, n), *rest = [part for part in parts if part[1]] or parts[:1]
    cases = f"{word} in {n} of {len(values)} {'case' if len(values) == 1 else 'cases'}"
    return [cases, *(f"{w} in {m}" for w, m in rest)]
