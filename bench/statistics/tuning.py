"""The learning rate that the held-out images choose."""

from collections.abc import Sequence

import pandas as pd

# The columns of a training run that tell candidates apart, whatever their learning rate and seed.
CANDIDATE = (
    "task", "activation", "optimizer", "batch_size", "batch_norm", "dataset", "samples", "epochs", "loss",
    "wrong_labels", "initialization",
)  # fmt: skip


def tuning_scores(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """The runs that choose rates, with their score: final accuracy on held-out images, or minus their loss.

    runs, measurements: as a snapshot has them. A run that did not finish has the score NaN.
    """
    tuning = runs[(runs["kind"] == "training") & (runs["split"] == "validation")]
    own = measurements[measurements["run"].isin(tuning["run"])]

    def last(metric: str) -> pd.Series:
        values = own[own["metric"] == metric].sort_values("step")
        return values.groupby("run")["value"].last()

    score = last("validation_accuracy").combine_first(-last("validation_loss"))
    return tuning.assign(score=tuning["run"].map(score).where(tuning["status"] == "finished"))


def chosen_rates(runs: pd.DataFrame, candidate: Sequence[str]) -> pd.DataFrame:
    """Each candidate's learning rate with the greatest mean score: its columns, learning_rate, score, edge.

    runs: one row a tuning run with the candidate's columns, learning_rate, status and score. A rate at which
    any run did not finish is not eligible; of equals the smaller is taken; a candidate without an eligible
    rate is absent. edge: whether it is the smallest or the greatest rate tried.
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
