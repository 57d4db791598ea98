"""How far a candidate's grid of learning rates is extended, from the held-out scores of its first seeds.

The grid grows while the best rate lies at its edge, so that the choice is not the grid's.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.records.runs import horizons
from bench.statistics import held_out_score
from bench.store import Snapshot

SERIES = (1.0, 3.0)  # steps of the grids of learning rates in each power of ten
MOST_EXTENSIONS = 2  # rates added at either end

Scores = NDArray[np.float64]


def held_out_scores(snapshot: Snapshot) -> dict[str, Scores]:
    """Return the scores on held-out samples of the stored training runs of networks.

    Returns:
        By the hash of a run (H,) scores at its horizons, see `held_out_score`; -inf for a run that diverged
        or failed.
    """
    runs = snapshot.runs[(snapshot.runs["kind"] == "training") & snapshot.runs["loss"].notna()]
    m = snapshot.measurements[(snapshot.measurements["step"] > 0)]

    metrics = ["validation_accuracy", "validation_loss"]
    m = m[m["metric"].isin(metrics)]
    by = m.pivot(index=["run", "step"], columns="metric", values="value").reindex(columns=metrics)
    scores = pd.Series(held_out_score(*(by[metric] for metric in metrics)), by.index)
    found = {
        run: np.asarray(part, dtype=np.float64)
        for run, part in scores.groupby(scores.index.get_level_values("run"))
    }
    rows = zip(runs["run"], runs["key"], runs["status"], runs["epochs"], strict=True)
    result = {}
    for run, key, status, epochs in rows:
        lost = np.full(len(horizons(int(epochs))), -np.inf)
        result[key] = found.get(run, lost) if status in ("finished", "collapsed") else lost
    return result


def next_rate(rate: float, direction: int) -> float:
    """Return the neighbour of a rate in the series …, 0.01, 0.03, 0.1, …; direction is +1 or -1.

    Example:
        >>> next_rate(0.03, 1), next_rate(0.001, -1)
        (0.1, 0.0003)
    """
    powers = range(math.floor(math.log10(rate)) - 1, math.floor(math.log10(rate)) + 3)
    series = [float(f"{digit:g}e{power}") for power in powers for digit in SERIES]
    above, below = [r for r in series if r > 1.01 * rate], [r for r in series if r < 0.99 * rate]
    return above[0] if direction > 0 else below[-1]


def extensions(scores: Scores) -> tuple[int, ...]:
    """Return where the grid must grow: +1 above its largest rate, -1 below its smallest.

    The best rate of one horizon can lie at one edge, and that of another horizon at the other.

    Args:
        scores: (R, S, H) of ascending rates, seeds and horizons; larger is better, -inf where a run diverged.
    """
    means = scores.mean(axis=1)
    best = {int(np.argmax(horizon)) for horizon in means.T if np.isfinite(horizon).any()}
    return tuple(direction for direction, edge in ((1, len(means) - 1), (-1, 0)) if edge in best)
