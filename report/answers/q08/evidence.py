"""Question 8: evidence on signs of gradients, the zigzag, and sigmoid against tanh in networks."""

from typing import Any

import pandas as pd

from bench.statistics.training_runs import NETWORKS, horizons_of
from bench.store import Snapshot
from report.document.answer import Values
from report.document.formats import percent
from report.document.phrases import NOT_MEASURED
from report.evidence.claims import CONFIRMED, REFUTED, ClaimVerdict, claim_verdicts
from report.evidence.comparisons import Trained
from report.evidence.verdicts import effect

SLOW = "q08-slow-"  # and place and time: the claims on sigmoid against tanh
INPUTS = ("positive", "zero-centred")


def observed(snapshot: Snapshot, task: str) -> pd.DataFrame:
    """Return a synthetic experiment's metrics by step and seed; empty where it was not run."""
    m = snapshot.measurements
    m = m[(m["task"] == task) & (m["metric"] != "run_seconds")]
    return m.pivot_table(index=["step", "seed"], columns="metric", values="value", observed=True)


def signs(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the share of neurons of a network whose gradient has one sign, by batch size."""
    table = observed(snapshot, "gradient_signs")
    if table.empty:
        return None
    means = table.groupby(level="step").mean()
    names = ["one sign sigmoid", "one sign tanh"]
    return {
        "rows": [[f"{size:g}", *(percent(row[name]) for name in names)] for size, row in means.iterrows()],
        "size": int(means.index.max()),
        "share": float(means.loc[means.index.max(), names[0]]),
        "seeds": table.index.get_level_values("seed").nunique(),
    }


def zigzags(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return rows of each kind of inputs: medians over seeds of steps and detour at its best rate."""
    table = observed(snapshot, "zigzag")
    if table.empty:
        return None
    medians = table.median()
    return {
        "steps": [float(medians[f"steps {name}"]) for name in INPUTS],
        "detours": [float(medians[f"detour {name}"]) for name in INPUTS],
        "seeds": len(table),
    }


def network_row(snapshot: Snapshot, verdict: ClaimVerdict) -> list[str]:
    """Return a row: network, epochs, ratio of the training losses of sigmoid and tanh, verdict."""
    family = verdict.claim.family
    if not isinstance(family, Trained):
        raise TypeError(f"{verdict.claim.identifier} compares no trained networks")
    where = (family.fields["task"], family.fields["batch_norm"])
    name = next(
        label
        for label, (task, batch_norm) in NETWORKS.items()
        if where == (task, None if batch_norm is None else int(batch_norm))
    )
    ends = horizons_of(snapshot, str(family.fields["task"]))
    epochs = f"{ends[family.horizon]:g}" if ends else NOT_MEASURED
    found = effect(verdict.comparisons[0]) if verdict.comparisons else NOT_MEASURED
    return [name, epochs, found, verdict.verdict]


def evidence(snapshot: Snapshot) -> Values:
    """Return signs of gradients, the zigzag, and sigmoid against tanh; None where not measured."""
    slow = {v.claim.identifier: v for v in claim_verdicts(snapshot) if v.claim.identifier.startswith(SLOW)}
    shallow, deep = (slow[f"{SLOW}{place}-late"] for place in ("shallow", "deep"))
    return {
        "signs": signs(snapshot),
        "zigzags": zigzags(snapshot),
        "slow": {
            "rows": [network_row(snapshot, v) for v in slow.values()] if any_measured(slow) else [],
            "depends": (shallow.verdict, deep.verdict) == (REFUTED, CONFIRMED),
            "ratio": 1 + deep.comparisons[0].effect.estimate if deep.comparisons else None,
        },
    }


def any_measured(verdicts: dict[str, ClaimVerdict]) -> bool:
    """Return whether at least one of the claims has a comparison."""
    return any(verdict.comparisons for verdict in verdicts.values())
