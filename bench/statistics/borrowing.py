"""Baselines of a reference that take the place of runs on this machine, once a few of them agree."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.statistics.standing import Arena
from bench.statistics.training_runs import CANDIDATE, at_horizon, horizons_of, select
from bench.store import Snapshot, joined

TENTH = 0.1  # of the spread between seeds, by which repeated runs may differ
SAME = 1e-9  # distance of accuracies that differ by no image, only by rounding
CHOICES = ("validation_accuracy", "validation_loss", "test_accuracy", "test_loss")  # what verdicts rest on
FEWEST = 3  # seeds of a spread


@dataclass(frozen=True)
class Agreement:
    """Runs of the reference that were repeated here, compared number by number.

    Attributes:
        runs: Number of repeated runs.
        equal: Number of these with the same numbers to the last bit.
        share: Largest difference of a test result over the standard deviation between the reference's seeds;
            NaN without repeated runs.
        images: Largest difference of a test accuracy in test images; infinite for losses, NaN without
            repeated runs. Where a data set has few test images, one of them is more than TENTH of the
            spread, and roundings of another machine turn one now and then, in either direction.
    """

    runs: int
    equal: int
    share: float
    images: float

    @property
    def close(self) -> bool:
        """Whether the reference's runs can take the place of runs on this machine."""
        return self.runs > 0 and (self.equal == self.runs or self.share <= TENTH or self.images <= 1)


NOTHING = Agreement(0, 0, math.nan, math.nan)  # repeated


def agreement(here: Snapshot, reference: Snapshot, arena: Arena) -> Agreement:
    """Compare the baselines' runs that both stores hold."""
    share = images = 0.0
    repeated: pd.Series[bool] | None = None
    for horizon in range(len(horizons_of(reference, str(arena.fields["task"])))):
        ours, theirs = (_baselines(at_horizon(s, horizon), arena).set_index("key") for s in (here, reference))
        common = ours.index.intersection(theirs.index)
        a, b = ours.loc[common, list(CHOICES)], theirs.loc[common, list(CHOICES)]
        equal = (a.eq(b) | (a.isna() & b.isna())).all(axis=1)
        repeated = equal if repeated is None else repeated & equal
        metric = "test_accuracy" if theirs["test_accuracy"].notna().any() else "test_loss"
        spread = theirs.groupby([*CANDIDATE, "learning_rate"], dropna=False, observed=True)[metric]
        sd = spread.transform("std").where(spread.transform("count") >= FEWEST)
        off = (a[metric] - b[metric]).abs()[~equal]
        share = max([share, *(off / sd.loc[off.index]).fillna(math.inf)])
        image = _image(theirs["test_accuracy"])
        images = max([images, *(off / image).fillna(math.inf).round(6)])
    if repeated is None or repeated.empty:
        return NOTHING
    return Agreement(len(repeated), int(repeated.sum()), share, images)


def _image(accuracies: pd.Series) -> float:
    """Return what one test image adds to an accuracy: the smallest distance of two; 0 if none differ."""
    gaps = np.diff(np.sort(accuracies.dropna().to_numpy(float)))
    return float(min(gaps[gaps > SAME], default=0.0))


def with_baselines(here: Snapshot, reference: Snapshot | None, arena: Arena) -> tuple[Snapshot, Agreement]:
    """Return the snapshot with the reference's runs if they agree with those that were repeated here."""
    if reference is None:
        return here, NOTHING
    agreed = agreement(here, reference, arena)
    return (joined(here, reference) if agreed.close else here), agreed


def _baselines(runs: pd.DataFrame, arena: Arena) -> pd.DataFrame:
    """Return the runs of an arena's baselines."""
    runs = select(runs, **arena.fields)
    return runs[runs[arena.by].isin(arena.baselines)]
