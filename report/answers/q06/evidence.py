"""Question 6: evidence on unlearning confident mistakes and on label noise."""

from typing import Any

from bench.statistics.training_runs import scored, select
from bench.store import Snapshot
from report.answers.cost import two_digits
from report.document.answer import Values
from report.document.formats import percent
from report.evidence.claims import claim_verdicts
from report.evidence.comparisons import NOISE, Comparison
from report.evidence.verdicts import effect

# Settings of `bench.experiments.workloads.synthetic.confidently_wrong`, which the report may not import.
IMAGES = 512
CONFIDENCE = 0.95
RATES = (0.5, 32.0)  # least and greatest
LOSSES = ("cross_entropy", "brier")


def comparisons_of(snapshot: Snapshot, claim: str) -> tuple[Comparison, ...]:
    """Return the comparisons of a claim that were measured."""
    return next(v.comparisons for v in claim_verdicts(snapshot) if v.claim.identifier == claim)


def unlearning(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the medians of the steps of both losses and their ratio; None where not measured."""
    found = comparisons_of(snapshot, "q06-speed")
    m = snapshot.measurements
    m = m[m["task"] == "confidently_wrong"]
    medians = m.groupby("metric", observed=True)["value"].median()
    if not found or not {f"steps {loss}" for loss in LOSSES} <= set(medians.index):
        return None
    return {
        "steps": [float(medians[f"steps {loss}"]) for loss in LOSSES],
        "ratio": two_digits(1 + found[0].effect.estimate),
        "seeds": found[0].effect.pairs,
        "images": IMAGES,
        "confidence": CONFIDENCE,
        "rates": RATES,
    }


def label_noise(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return rows of the share of wrong labels: accuracy with each loss, and how much more one loses."""
    frame = select(scored(snapshot), **NOISE)
    frame = frame[frame["loss"].isin(LOSSES)]
    by = frame.pivot_table(
        index="seed", columns=["wrong_labels", "loss"], values="test_accuracy", observed=True
    )
    shares = [
        share
        for share in sorted(set(by.columns.get_level_values("wrong_labels")))
        if all((share, loss) in by for loss in LOSSES)
    ]
    table = by[[(share, loss) for share in shares for loss in LOSSES]].dropna()
    found = {c.where: c for c in comparisons_of(snapshot, "q06-outliers")}
    if table.empty or not found:
        return None
    means = table.mean()
    rows = []
    for share in shares:
        comparison = found.get(f"{round(100 * share)}% wrong labels")
        rows.append(
            [
                percent(share, 0),
                *(percent(means[share, loss], 2) for loss in LOSSES),
                effect(comparison) if comparison else "–",
            ]
        )
    return {
        "rows": rows,
        "seeds": len(table),
        "samples": int(frame["samples"].iloc[0]),
        "epochs": int(frame["epochs"].iloc[0]),
    }


def evidence(snapshot: Snapshot) -> Values:
    """Return the steps to unlearn confident mistakes, and accuracies under label noise."""
    return {"unlearning": unlearning(snapshot), "noise": label_noise(snapshot)}
