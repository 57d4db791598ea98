"""Comparisons of results: of training runs, of values by seed, and of times by round."""

from bench.statistics.effects import (
    FEWEST_SEEDS,
    NO_RATE,
    Effect,
    Grid,
    chosen,
    effects,
)
from bench.statistics.paired import (
    CONFIDENCE,
    SPREADLESS,
    Difference,
    mean_interval,
    paired_difference,
)
from bench.statistics.rates import Rate, rate, rates_told_apart
from bench.statistics.rounds import (
    FEWEST_ROUNDS,
    TIME_MARGIN,
    Ratio,
    compare_times,
    mean_time,
    paired_ratio,
    ratio_of_rounds,
    told_apart,
)
from bench.statistics.scores import held_out_score, survivors
from bench.statistics.seeds import seed_effect

__all__ = [
    "FEWEST_SEEDS",
    "NO_RATE",
    "Grid",
    "Effect",
    "chosen",
    "effects",
    "CONFIDENCE",
    "SPREADLESS",
    "Difference",
    "paired_difference",
    "mean_interval",
    "held_out_score",
    "survivors",
    "seed_effect",
    "Rate",
    "rate",
    "rates_told_apart",
    "FEWEST_ROUNDS",
    "TIME_MARGIN",
    "Ratio",
    "ratio_of_rounds",
    "paired_ratio",
    "mean_time",
    "compare_times",
    "told_apart",
]
