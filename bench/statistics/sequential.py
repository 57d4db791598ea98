"""Intervals that may be looked at several times while seeds are added.

At the looks t₁ < … < 1, shares of all seeds, the deviation of a mean over its standard error is correlated by
√(tⱼ/tₖ) for j < k. O'Brien & Fleming's boundary c/√tₖ lets it cross at any look with the probability that one
interval alone would have; an interval at each look of the level of its boundary can therefore be read, and
acted on, at every look (repeated confidence intervals, Jennison & Turnbull 1989).
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import optimize, stats

from bench.statistics.paired import CONFIDENCE

LOOKS = (6, 12, 20)  # seeds


@lru_cache(maxsize=16)
def confidences(looks: Sequence[int] = LOOKS, confidence: float = CONFIDENCE) -> tuple[float, ...]:
    """Return the confidence of the interval at each look that all together keep `confidence`.

    The part of the variance that seeds do not reduce, that of test images, correlates the looks more than is
    assumed here, which makes the intervals cover more often.

    Args:
        looks: Numbers of seeds, ascending.
        confidence: Probability that the intervals of all looks cover.

    Example:
        >>> [round(level, 4) for level in confidences((1, 2, 3))]
        [0.9995, 0.9859, 0.9548]

    References:
        O'Brien & Fleming (1979), A multiple testing procedure for clinical trials.
        Jennison & Turnbull (1989), Interim analyses: the repeated confidence interval approach.
    """
    shares = np.array(looks, dtype=float) / looks[-1]
    correlation = np.sqrt(np.minimum.outer(shares, shares) / np.maximum.outer(shares, shares))

    def excess(c: float) -> float:
        bounds = c / np.sqrt(shares)
        inside = stats.multivariate_normal.cdf(
            bounds, cov=correlation, lower_limit=-bounds, rng=np.random.default_rng(0)
        )
        return float(inside) - confidence

    least = float(stats.norm.ppf((1 + confidence) / 2))
    c = least if len(looks) == 1 else float(optimize.brentq(excess, least, 2 * least, xtol=1e-6))
    return tuple(float(1 - 2 * stats.norm.sf(c / math.sqrt(share))) for share in shares)
