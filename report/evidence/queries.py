"""Samples, pairs and curves from a snapshot's tidy frame."""

from functools import lru_cache
from typing import cast

import numpy as np
import pandas as pd

from bench.records.candidate_names import is_custom
from bench.records.names import CLASSIFIER_SIZE, DESCENT
from bench.statistics import Ratio, paired_ratio
from bench.statistics.training_runs import LAST, scored, select
from bench.store import Snapshot

BENCHMARK = ("task", "subject", "implementation", "input", "size")
Benchmark = tuple[str, str, str, str, int]


@lru_cache(maxsize=4)
def timings(snapshot: Snapshot) -> dict[Benchmark, pd.Series]:
    """Return the seconds of each benchmark by round, by task, subject, implementation, input and size.

    The value of a round is the median of its samples.
    """
    m = snapshot.measurements
    m = m[(m["kind"] == "timing") & (m["metric"] == "seconds")]
    if m.empty:
        return {}
    m = m.assign(round=m["seed"].fillna(0).astype(int))  # of times before there were rounds
    medians = m.groupby([*BENCHMARK, "round"], sort=False, observed=True)["value"].median()
    groups = medians.groupby(level=list(BENCHMARK), sort=False, observed=True)
    by: dict[Benchmark, pd.Series] = {}
    for key, part in groups:
        *names, size = cast(Benchmark, key)
        by[cast(Benchmark, (*names, int(size)))] = part.droplevel(list(BENCHMARK))
    return by


def seconds(snapshot: Snapshot, task: str, subject: str, implementation: str, input: str) -> pd.Series | None:
    """Return the seconds of one benchmark by round, or None where it was not measured."""
    return next(
        (s for key, s in timings(snapshot).items() if key[:4] == (task, subject, implementation, input)), None
    )


def custom_subjects(snapshot: Snapshot, task: str) -> list[str]:
    """Return the custom candidates that a benchmark task was measured for."""
    return sorted({str(key[1]) for key in timings(snapshot) if key[0] == task and is_custom(key[1])})


def inputs(snapshot: Snapshot, task: str) -> list[str]:
    """Return the inputs that a benchmark task was measured on, smallest first."""
    runs = snapshot.runs[(snapshot.runs["kind"] == "timing") & (snapshot.runs["task"] == task)]
    return list(dict.fromkeys(runs.sort_values("size", kind="stable")["input"]))


def network_input(snapshot: Snapshot, task: str) -> str | None:
    """Return the input of a benchmark task that is as large as the classifier's layer, else the smallest."""
    measured = inputs(snapshot, task)
    return CLASSIFIER_SIZE if CLASSIFIER_SIZE in measured else next(iter(measured), None)


def time_ratio(
    snapshot: Snapshot, task: str, input: str, subject: tuple[str, str], baseline: tuple[str, str]
) -> Ratio | None:
    """Return the ratio of times of two (subject, implementation); None if no round has both."""
    a, b = (seconds(snapshot, task, *what, input) for what in (subject, baseline))
    if a is None or b is None or a.index.intersection(b.index).empty:
        return None
    return paired_ratio(a, b)


def networks(
    snapshot: Snapshot,
    task: str,
    batch_norm: bool | None = True,
    initialization: str = "torch",
    horizon: int = LAST,
) -> pd.DataFrame:
    """Return the runs that compare activations on a task, at the chosen rates, with METRICS."""
    frame = select(
        scored(snapshot, horizon),
        task=task,
        optimizer="adam",
        batch_norm=None if batch_norm is None else int(batch_norm),
        wrong_labels=0.0,
        initialization=initialization,
    )
    return frame[frame["loss"] != "brier"]


def curves(snapshot: Snapshot, runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a metric over the given runs: activation, seed, step (epochs) and value."""
    m = snapshot.measurements
    chosen = m[m["run"].isin(runs["run"]) & (m["metric"] == metric)]
    return chosen[["activation", "seed", "step", "value"]].reset_index(drop=True)


def final(
    snapshot: Snapshot, task: str, metric: str, batch_norm: bool | None = True, horizon: int = LAST
) -> pd.DataFrame:
    """Return a test metric, seed by activation, NaN for diverged runs; empty where nothing was measured."""
    frame = networks(snapshot, task, batch_norm, horizon=horizon).drop_duplicates(["seed", "activation"])
    return frame.pivot(index="seed", columns="activation", values=metric)


def descents(snapshot: Snapshot, metric: str = "excess_loss") -> pd.DataFrame:
    """Return the convergence runs: method, learning_rate, seed, step (samples seen) and value of the metric.

    `method` is batch, mini-batch or stochastic for plain descent, else the optimizer's name.
    """
    m = snapshot.measurements
    chosen = m[(m["task"] == DESCENT) & (m["metric"] == metric)].copy()
    plain = np.select(
        [chosen["batch_size"] == chosen["samples"], chosen["batch_size"] == 1],
        ["batch", "stochastic"],
        "mini-batch",
    )
    optimizer = chosen["optimizer"].astype(str)
    chosen["method"] = np.where(optimizer == "sgd", plain, optimizer)
    return chosen[["method", "learning_rate", "seed", "step", "value"]].reset_index(drop=True)


def at_best_rate(frame: pd.DataFrame) -> pd.DataFrame:
    """Select each method's runs in a `descents` frame at its rate of the least mean final excess loss.

    A rate at which any seed diverged, and so ends early, is not eligible.
    """
    ends = frame.sort_values("step").groupby(["method", "learning_rate", "seed"]).tail(1)
    furthest = ends.groupby("method")["step"].transform("max")
    whole = ends[ends["step"] == furthest].groupby(["method", "learning_rate"])["value"].agg(["mean", "size"])
    seeds = frame.groupby("method")["seed"].nunique()
    complete = whole[whole["size"] == seeds.reindex(whole.index, level="method")]
    best = complete.loc[complete.groupby("method")["mean"].idxmin()].reset_index()
    return frame.merge(best[["method", "learning_rate"]], on=["method", "learning_rate"])
