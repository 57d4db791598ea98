"""From a snapshot's tidy frame to the samples, pairs and curves that answers show."""

import numpy as np
import pandas as pd

from bench.statistics import Difference, Ratio, median_ratio, paired_difference
from bench.store import Snapshot
from impl.optimizers import OPTIMIZERS

DESCENT = "logistic_regression"  # the task of the convergence runs


def samples(
    snapshot: Snapshot, task: str, subject: str, implementation: str, input: str
) -> np.ndarray | None:
    """Seconds of every sample of one benchmark, or None where it was not measured."""
    m = snapshot.measurements
    chosen = m[
        (m["kind"] == "timing")
        & (m["task"] == task)
        & (m["subject"] == subject)
        & (m["implementation"] == implementation)
        & (m["input"] == input)
        & (m["metric"] == "seconds")
    ]
    return None if chosen.empty else chosen["value"].to_numpy()


def inputs(snapshot: Snapshot, task: str) -> list[str]:
    """Inputs that a timing task was measured on, smallest first."""
    runs = snapshot.runs[(snapshot.runs["kind"] == "timing") & (snapshot.runs["task"] == task)]
    return list(dict.fromkeys(runs.sort_values("size", kind="stable")["input"]))


def time_ratio(
    snapshot: Snapshot, task: str, input: str, subject: tuple[str, str], baseline: tuple[str, str]
) -> Ratio | None:
    """Median time of (subject, implementation) as a multiple of the baseline's; None if either is missing."""
    a, b = (samples(snapshot, task, *what, input) for what in (subject, baseline))
    return None if a is None or b is None else median_ratio(a, b)


def curves(snapshot: Snapshot, task: str, metric: str, *, batch_norm: bool | None = None) -> pd.DataFrame:
    """Learning curves of a network: activation, seed, step (epochs) and value; empty if not measured."""
    m = snapshot.measurements
    chosen = m[(m["kind"] == "training") & (m["task"] == task) & (m["metric"] == metric)]
    if batch_norm is not None:
        chosen = chosen[chosen["batch_norm"] == int(batch_norm)]
    return chosen[["activation", "seed", "step", "value"]].reset_index(drop=True)


def final_by_seed(frame: pd.DataFrame) -> pd.DataFrame:
    """Value after the last epoch: one row a seed, one column an activation; NaN for a run that diverged."""
    last = frame[frame["step"] == frame["step"].max()]
    return last.pivot(index="seed", columns="activation", values="value")


def final(snapshot: Snapshot, task: str, metric: str, batch_norm: bool) -> pd.DataFrame:
    """Value after the last epoch, seed by activation; empty where nothing was measured."""
    frame = curves(snapshot, task, metric, batch_norm=batch_norm)
    return frame if frame.empty else final_by_seed(frame)


def pair(table: pd.DataFrame, name: str, baseline: str) -> Difference | None:
    """Paired difference of an activation from a baseline; None where no seed has both."""
    if name not in table or baseline not in table or name == baseline:
        return None
    found = paired_difference(table[name], table[baseline])
    return found if found.pairs else None


def descents(snapshot: Snapshot, metric: str = "excess_loss") -> pd.DataFrame:
    """Convergence runs: method, learning_rate, seed, step (samples seen) and value of the metric.

    `method` is batch, mini-batch or stochastic for plain descent, else the optimizer's label.
    """
    m = snapshot.measurements
    chosen = m[(m["task"] == DESCENT) & (m["metric"] == metric)].copy()
    plain = np.select(
        [chosen["batch_size"] == chosen["samples"], chosen["batch_size"] == 1],
        ["batch", "stochastic"],
        "mini-batch",
    )
    labels = chosen["optimizer"].map({name: entry.label for name, entry in OPTIMIZERS.items()})
    chosen["method"] = np.where(chosen["optimizer"] == "sgd", plain, labels)
    return chosen[["method", "learning_rate", "seed", "step", "value"]].reset_index(drop=True)


def at_best_rate(frame: pd.DataFrame) -> pd.DataFrame:
    """Of a `descents` frame, each method's runs at the learning rate whose mean final excess loss is least.

    A rate at which any seed diverged, and so ends early, is not eligible.
    """
    ends = frame.sort_values("step").groupby(["method", "learning_rate", "seed"]).tail(1)
    furthest = ends.groupby("method")["step"].transform("max")
    whole = ends[ends["step"] == furthest].groupby(["method", "learning_rate"])["value"].agg(["mean", "size"])
    complete = whole[whole["size"] == whole.groupby("method")["size"].transform("max")]
    best = complete.loc[complete.groupby("method")["mean"].idxmin()].reset_index()
    return frame.merge(best[["method", "learning_rate"]], on=["method", "learning_rate"])
