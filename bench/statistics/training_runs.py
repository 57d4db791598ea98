"""Training runs of networks as grids of learning rates and seeds, at each horizon, with their metrics."""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

import numpy as np
import pandas as pd

from bench.records.names import BLOCK_SCORES
from bench.records.runs import horizons
from bench.statistics import NO_RATE, Grid, chosen, held_out_score, survivors
from bench.store import Snapshot

# Columns of a training run that identify a candidate, at any learning rate and seed.
CANDIDATE = (
    "task", "activation", "optimizer", "batch_size", "batch_norm", "dataset", "samples", "epochs", "loss",
    "wrong_labels", "initialization",
)  # fmt: skip
# Networks on which activations are compared, by the words for them: task and batch norm.
NETWORKS: dict[str, tuple[str, bool | None]] = {
    "classifier with batch norm": ("classifier", True),
    "classifier without batch norm": ("classifier", False),
    "fully connected autoencoder": ("fc_autoencoder", True),
    "convolutional autoencoder": ("conv_autoencoder", True),
    "GELU paper's classifier": ("deep_classifier", None),
}
METRICS = ("test_accuracy", "test_loss", "train_loss", "validation_accuracy", "validation_loss")
EARLY, LAST = 0, -1  # horizons


def network(task: str, batch_norm: bool | None, initialization: str = "torch") -> dict[str, object]:
    """Return the fields of the runs that compare activations on a task."""
    return {
        "task": task,
        "optimizer": "adam",
        "batch_norm": None if batch_norm is None else int(batch_norm),
        "wrong_labels": 0.0,
        "initialization": initialization,
        # Another loss is compared on the classifier alone.
        **({"loss": "cross_entropy"} if task == "classifier" else {}),
    }


# Fields of the runs that compare optimizers.
OPTIMIZED: dict[str, object] = network("classifier", True) | {"activation": "relu"}
del OPTIMIZED["optimizer"]


@lru_cache(maxsize=4)
def trained(snapshot: Snapshot) -> pd.DataFrame:
    """Return the training runs of networks, of each task only those of the size that was run last."""
    runs = snapshot.runs[(snapshot.runs["kind"] == "training") & snapshot.runs["loss"].notna()]
    runs = runs[runs["status"] != "failed"]
    sizes = runs.sort_values("run").groupby("task")[["samples", "epochs"]].last().reset_index()
    return runs.merge(sizes, on=["task", "samples", "epochs"])


def horizons_of(snapshot: Snapshot, task: str) -> tuple[float, ...]:
    """Return the horizons of a task's runs in epochs; empty where it was not trained."""
    runs = trained(snapshot)
    epochs = runs.loc[runs["task"] == task, "epochs"]
    return horizons(int(epochs.iloc[0])) if len(epochs) else ()


@lru_cache(maxsize=16)
def at_horizon(snapshot: Snapshot, horizon: int = LAST) -> pd.DataFrame:
    """Return the training runs with METRICS at a horizon, and the horizon in epochs.

    Args:
        snapshot: Stored runs.
        horizon: Index of the horizon: EARLY, LAST, or any other.

    Returns:
        Columns of `trained`, METRICS, which are NaN for runs that diverged, and `horizon`. Runs that were not
        scored at the horizon are missing.
    """
    runs = trained(snapshot)
    ends = {int(epochs): horizons(int(epochs)) for epochs in runs["epochs"].unique()}
    # Tasks have different numbers of horizons.
    at_epochs = {n: ends[n][horizon] for n in ends if -len(ends[n]) <= horizon < len(ends[n])}
    at = runs["epochs"].map(lambda epochs: at_epochs.get(int(epochs), np.nan))
    runs = runs.assign(horizon=at.astype(float))[at.notna()]
    m = snapshot.measurements
    m = m[m["run"].isin(runs["run"])]
    m = m[m["step"] == m["run"].map(runs.set_index("run")["horizon"])]
    found = m[m["metric"].isin(METRICS)].pivot(index="run", columns="metric", values="value")
    ended = runs["status"] != "diverged"
    values = {
        metric: (runs["run"].map(found[metric]) if metric in found else pd.Series(np.nan, runs.index)).where(
            ended
        )
        for metric in METRICS
    }
    runs = runs.assign(**values)
    return runs[runs[list(METRICS)].notna().any(axis=1) | ~ended]


def with_test(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of `at_horizon` that were scored on test images there, or diverged."""
    tested = runs["test_loss"].notna() | runs["test_accuracy"].notna()
    return runs[tested | (runs["status"] == "diverged")]


def _score(runs: pd.DataFrame) -> pd.Series:
    """Return the score that chooses rates; -inf for runs that diverged."""
    score = pd.Series(held_out_score(runs["validation_accuracy"], runs["validation_loss"]), runs.index)
    return score.where(runs["status"] != "diverged", -np.inf)


def groups(runs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the runs of each candidate, in the order of the first run."""
    for _, part in runs.groupby(list(CANDIDATE), dropna=False, sort=False, observed=True):
        yield part


def grid(snapshot: Snapshot, runs: pd.DataFrame, horizon: int = LAST) -> Grid:
    """Return the runs of one candidate as a grid.

    Rates that cannot win stop after the first seeds, which all rates have. A seed that another rate was not
    run with, because a run failed or the store is not finished, is missing: nobody knows the better rate.

    Args:
        snapshot: Stored runs.
        runs: Rows of `at_horizon` of one candidate.
        horizon: The horizon of these rows.
    """
    rates, seeds = (np.sort(runs[name].unique()).astype(float) for name in ("learning_rate", "seed"))
    seeds = seeds.astype(int)
    means = runs["test_accuracy"].fillna(runs["test_loss"])
    blocks = {
        int(run): _blocks(snapshot, int(run), horizon, mean)
        for run, mean in zip(runs["run"], means, strict=True)
        if not np.isnan(mean)
    }
    width = max((len(values) for values in blocks.values()), default=1)
    validation = np.full((len(rates), len(seeds)), np.nan)
    test = np.full((len(rates), len(seeds), width), np.nan)
    scores = _score(runs)
    for run, rate, seed, score in zip(runs["run"], runs["learning_rate"], runs["seed"], scores, strict=True):
        place = int(np.searchsorted(rates, rate)), int(np.searchsorted(seeds, seed))
        validation[place] = score
        if int(run) in blocks:
            test[place] = blocks[int(run)]
    has = ~np.isnan(validation)
    first = has.all(axis=0)
    if not first.any():
        return Grid(rates, seeds, validation, test)
    kept = has[survivors(validation[:, first, None])].all(axis=0)
    return Grid(rates, seeds[kept], validation[:, kept], test[:, kept])


def grids(
    snapshot: Snapshot, fields: Mapping[str, object], by: str, names: Collection[str], horizon: int = LAST
) -> tuple[dict[str, Grid], bool]:
    """Return the runs of candidates that were scored on test images, as grids.

    Args:
        snapshot: Stored runs.
        fields: Fields that all runs share.
        by: Column that tells the candidates apart.
        names: Candidates; those without runs are missing.
        horizon: Index of the horizon.

    Returns:
        The grids by candidate, and whether their results are losses.
    """
    runs = with_test(select(at_horizon(snapshot, horizon), **fields))
    parts = {str(part[by].iloc[0]): part for part in groups(runs)}
    found = {name: grid(snapshot, parts[name], horizon) for name in names if name in parts}
    return found, not runs["test_accuracy"].notna().any()


def _blocks(snapshot: Snapshot, run: int, horizon: int, mean: float) -> np.ndarray:
    """Return the scores of a run's blocks of test images at a horizon; the mean where none are stored."""
    stored = snapshot.arrays.get((run, BLOCK_SCORES))
    return np.array([mean]) if stored is None else stored[horizon].astype(float)


@lru_cache(maxsize=16)
def scored(snapshot: Snapshot, horizon: int = LAST) -> pd.DataFrame:
    """Return each candidate's runs at the rates that other seeds chose, one row per seed.

    Args:
        snapshot: Stored runs.
        horizon: Index of the horizon at which rates are chosen and runs are scored.

    Returns:
        Columns of `at_horizon`. A candidate without an eligible rate is missing.
    """
    runs = at_horizon(snapshot, horizon)
    parts = [_at_chosen(snapshot, part, horizon) for part in groups(runs)]
    return pd.concat(parts) if parts else runs


def _at_chosen(snapshot: Snapshot, runs: pd.DataFrame, horizon: int) -> pd.DataFrame:
    its = grid(snapshot, runs, horizon)
    best = chosen(its)
    rates = {int(seed): its.rates[k] for seed, k in zip(its.seeds, best, strict=True) if k != NO_RATE}
    return runs[runs["learning_rate"] == runs["seed"].map(rates)]


@lru_cache(maxsize=4)
def rates(snapshot: Snapshot) -> pd.DataFrame:
    """Return each candidate's most chosen rate at the last horizon, and whether it is at the grid's edge.

    Returns:
        Columns: CANDIDATE, learning_rate, `edge`, and `share`, that of the seeds with this rate.
    """
    rows = []
    runs = at_horizon(snapshot)
    for part in groups(runs):
        best = _at_chosen(snapshot, part, LAST)
        if best.empty:
            continue
        counts = best["learning_rate"].value_counts()
        rate, tried = float(counts.index[0]), part["learning_rate"]
        rows.append(
            {
                **{name: part[name].iloc[0] for name in CANDIDATE},
                "learning_rate": rate,
                "edge": len(set(tried)) > 1 and rate in (tried.min(), tried.max()),
                "share": float(counts.iloc[0] / len(best)),
            }
        )
    return pd.DataFrame(rows, columns=[*CANDIDATE, "learning_rate", "edge", "share"])


def select(frame: pd.DataFrame, **fields: object) -> pd.DataFrame:
    """Select the runs with these fields."""
    chosen_rows = pd.Series(True, frame.index)
    for name, value in fields.items():
        chosen_rows &= frame[name].isna() if value is None else frame[name] == value
    return frame[chosen_rows]
