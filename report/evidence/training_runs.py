"""The training runs scored on the test set, with the learning rate that tuning chose for each."""

from functools import lru_cache

import pandas as pd

from bench.records.names import UNTUNED
from bench.statistics import CANDIDATE, chosen_rates, tuning_scores
from bench.store import Snapshot

METRICS = ("test_accuracy", "test_loss", "train_loss")  # each after the last epoch


def _trained(snapshot: Snapshot) -> pd.DataFrame:
    """Return the network-training runs, for each task only of the samples and epochs that were run last."""
    runs = snapshot.runs[(snapshot.runs["kind"] == "training") & snapshot.runs["loss"].notna()]
    sizes = runs.sort_values("run").groupby("task")[["samples", "epochs"]].last().reset_index()
    return runs.merge(sizes, on=["task", "samples", "epochs"])


@lru_cache(maxsize=4)
def rates(snapshot: Snapshot) -> pd.DataFrame:
    """Return each candidate's chosen rate, its held-out score, and whether it lies at the grid's edge."""
    return chosen_rates(tuning_scores(_trained(snapshot), snapshot.measurements), CANDIDATE)


@lru_cache(maxsize=4)
def tested(snapshot: Snapshot) -> pd.DataFrame:
    """Return the runs scored on the test set with METRICS and the rate `chosen`.

    For each task only of the samples and epochs that were run last. Diverged runs have NaN.
    """
    runs = _trained(snapshot)
    scored = runs[runs["split"] == "test"]
    m = snapshot.measurements
    m = m[m["run"].isin(scored["run"])].sort_values("step")
    for metric in METRICS:
        last = m[m["metric"] == metric].groupby("run")["value"].last()
        scored = scored.assign(**{metric: scored["run"].map(last).where(scored["status"] == "finished")})
    chosen = dict(zip(_identities(rates(snapshot)), rates(snapshot)["learning_rate"], strict=True))
    best = [chosen.get(identity) for identity in _identities(scored)]
    return scored.assign(chosen=pd.Series(best, index=scored.index, dtype=float))


def _identities(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return each row's candidate as texts, missing fields alike however they are stored."""
    texts = (["" if pd.isna(value) else str(value) for value in frame[name]] for name in CANDIDATE)
    return list(zip(*texts, strict=True))


def select(frame: pd.DataFrame, tuned: bool = True, **fields: object) -> pd.DataFrame:
    """Select the scored runs with these fields, at the chosen rates or at the untuned one."""
    chosen = frame["learning_rate"] == (frame["chosen"] if tuned else UNTUNED)
    for name, value in fields.items():
        chosen &= frame[name].isna() if value is None else frame[name] == value
    return frame[chosen]
