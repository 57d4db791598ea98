"""Samples, pairs and curves from a snapshot's tidy frame."""

from functools import lru_cache

import numpy as np
import pandas as pd

from bench.records.candidate_names import is_custom
from bench.records.names import DESCENT
from bench.statistics import Ratio, median_ratio
from bench.store import Snapshot
from report.evidence.training_runs import select, tested


@lru_cache(maxsize=4)
def timings(snapshot: Snapshot) -> dict[tuple[object, ...], np.ndarray]:
    """Return the seconds of every sample by task, subject, implementation and input."""
    m = snapshot.measurements
    m = m[(m["kind"] == "timing") & (m["metric"] == "seconds")]
    groups = m.groupby(["task", "subject", "implementation", "input"], sort=False, observed=True)["value"]
    return {key: group.to_numpy() for key, group in groups}


def samples(
    snapshot: Snapshot, task: str, subject: str, implementation: str, input: str
) -> np.ndarray | None:
    """Return the seconds of every sample of one benchmark, or None where it was not measured."""
    return timings(snapshot).get((task, subject, implementation, input))


def custom_subjects(snapshot: Snapshot, task: str) -> list[str]:
    """Return the custom candidates that a benchmark task was measured for."""
    return sorted({str(key[1]) for key in timings(snapshot) if key[0] == task and is_custom(key[1])})


def inputs(snapshot: Snapshot, task: str) -> list[str]:
    """Return the inputs that a benchmark task was measured on, smallest first."""
    runs = snapshot.runs[(snapshot.runs["kind"] == "timing") & (snapshot.runs["task"] == task)]
    return list(dict.fromkeys(runs.sort_values("size", kind="stable")["input"]))


def time_ratio(
    snapshot: Snapshot, task: str, input: str, subject: tuple[str, str], baseline: tuple[str, str]
) -> Ratio | None:
    """Return the ratio of median times of two (subject, implementation); None if one is missing."""
    a, b = (samples(snapshot, task, *what, input) for what in (subject, baseline))
    return None if a is None or b is None else median_ratio(a, b)


def networks(
    snapshot: Snapshot,
    task: str,
    batch_norm: bool | None = True,
    tuned: bool = True,
    initialization: str = "torch",
) -> pd.DataFrame:
    """Return the scored runs that compare activations on a task, at tuned rates or at one rate for all."""
    frame = select(
        tested(snapshot),
        tuned,
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
    snapshot: Snapshot, task: str, metric: str, batch_norm: bool | None = True, tuned: bool = True
) -> pd.DataFrame:
    """Return a test metric, seed by activation, NaN for diverged runs; empty where nothing was measured."""
    frame = networks(snapshot, task, batch_norm, tuned).drop_duplicates(["seed", "activation"])
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
