"""Choice of learning rates by held-out images."""

from collections.abc import Sequence

import pandas as pd

# Columns of a training run that identify a candidate, at any learning rate and seed.
CANDIDATE = (
    "task", "activation", "optimizer", "batch_size", "batch_norm", "dataset", "samples", "epochs", "loss",
    "wrong_labels", "initialization",
)  # fmt: skip


def tuning_scores(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the tuning runs with their score: final accuracy on held-out images, or minus their loss.

    Args:
        runs: As in a snapshot.
        measurements: As in a snapshot.

    Returns:
        The rows of `runs` with a column score, NaN for a run that did not finish.
    """
    tuning = runs[(runs["kind"] == "training") & (runs["split"] == "validation")]
    scores = measurements[measurements["run"].isin(tuning["run"])]

    def last(metric: str) -> pd.Series:
        values = scores[scores["metric"] == metric].sort_values("step")
        return values.groupby("run")["value"].last()

    score = last("validation_accuracy").combine_first(-last("validation_loss"))
    return tuning.assign(score=tuning["run"].map(score).where(tuning["status"] == "finished"))


def chosen_rates(runs: pd.DataFrame, candidate: Sequence[str]) -> pd.DataFrame:
    """Return each candidate's learning rate with the highest mean score.

    A rate with a run that did not finish is excluded. The smaller of equal rates is chosen. A candidate whose
    rates are all excluded is missing.

    Args:
        runs: One row per tuning run with the candidate's columns, learning_rate, status and score.
        candidate: Columns that identify a candidate.

    Returns:
        Columns: the candidate's, learning_rate, score, and edge, which is whether the rate is the smallest or
        the largest that was tried.
    """
    names = [*candidate, "learning_rate"]
    if runs.empty:
        return pd.DataFrame(columns=[*names, "score", "edge"])
    scores = runs["score"].where(runs["status"] == "finished")
    groups = runs.assign(score=scores).groupby(names, dropna=False, sort=True)["score"]
    means = groups.mean().where(groups.count() == groups.size()).rename("score").reset_index()
    by = means.groupby(list(candidate), dropna=False)
    rate = means["learning_rate"]
    means["edge"] = (rate == by["learning_rate"].transform("min")) | (
        rate == by["learning_rate"].transform("max")
    )
    eligible = means.dropna(subset="score").sort_values(["score", "learning_rate"], ascending=[False, True])
    return eligible.groupby(list(candidate), dropna=False).head(1).reset_index(drop=True)
