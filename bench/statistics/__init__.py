"""Comparisons of results, and the choice of learning rates."""

from bench.statistics.paired import (
    CONFIDENCE,
    SPREADLESS,
    Difference,
    FalseAlarms,
    PairedTest,
    adjusted,
    compare,
    decided,
    false_alarms,
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
from bench.statistics.tuning import CANDIDATE, chosen_rates, tuning_scores

__all__ = [
    "CONFIDENCE",
    "SPREADLESS",
    "Difference",
    "paired_difference",
    "mean_interval",
    "PairedTest",
    "compare",
    "adjusted",
    "decided",
    "FalseAlarms",
    "false_alarms",
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
    "CANDIDATE",
    "tuning_scores",
    "chosen_rates",
]
