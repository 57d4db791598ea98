"""Comparisons of results, and the choice of learning rates."""

from bench.statistics.effects import (
    FEWEST_SEEDS,
    NO_RATE,
    Effect,
    Grid,
    Summary,
    chosen,
    effects,
    summary,
)
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
from bench.statistics.rounds import (
    FEWEST_ROUNDS,
    Ratio,
    mean_time,
    paired_ratio,
    ratio_of_rounds,
)
from bench.statistics.tuning import CANDIDATE, chosen_rates, tuning_scores

__all__ = [
    "FEWEST_SEEDS",
    "NO_RATE",
    "Grid",
    "Effect",
    "Summary",
    "chosen",
    "effects",
    "summary",
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
    "FEWEST_ROUNDS",
    "Ratio",
    "ratio_of_rounds",
    "paired_ratio",
    "mean_time",
    "CANDIDATE",
    "tuning_scores",
    "chosen_rates",
]
