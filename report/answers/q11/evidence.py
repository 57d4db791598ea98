"""What a snapshot says on question 11: the classifier's curves, final figures and differences."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from bench.records.names import BASELINES, UNTUNED
from bench.statistics import mean_interval
from bench.store import Snapshot
from report.document import phrases
from report.document.formats import number
from report.evidence import verdicts
from report.evidence.activation_runs import AUTOENCODERS, FAMILIES, HIGHLIGHTED, METRICS, VARIANTS, averaged
from report.evidence.comparisons import Case
from report.evidence.queries import LABELS, final, is_custom, label, networks, ordered
from report.figures.drawing import Drawing, draw
from report.figures.training import differences, learning_curves


def final_rows(
    snapshot: Snapshot,
    task: str,
    batch_norm: bool | None,
    family: str,
    write: Callable[[float], str],
) -> list[list[str]]:
    """Table rows: activation, chosen rate, mean of the test metric with its interval, and differences.

    The differences are those of the family of comparisons, each with its corrected verdict; last, the mean
    at one rate for all.
    """
    metric = "test_loss" if task in AUTOENCODERS else "test_accuracy"
    table = final(snapshot, task, metric, batch_norm)
    plain = final(snapshot, task, metric, batch_norm, tuned=False)
    runs = networks(snapshot, task, batch_norm)
    rates = runs.groupby("activation")["learning_rate"].first()
    found = {(case.a, case.b): (case, side) for case, _, side in verdicts.judged(snapshot)[family]}
    rows = []
    for name in ordered(table):
        cells = []
        for baseline in BASELINES:
            at = found.get((name, baseline))
            cells.append(f"{verdicts.effect(at[0])}, {verdicts.SIDES[at[1]]}" if at else "not compared")
        untuned = plain[name].dropna() if name in plain else pd.Series(dtype=float)
        means = [phrases.mean(mean_interval(values), write) for values in (table[name].dropna(), untuned)]
        rows.append([label(name), f"{rates[name]:g}", means[0], *cells, means[1]])
    return rows


def curves_figure(snapshot: Snapshot) -> Drawing | None:
    """Figure 3 of the assignment: loss and accuracy of the classifier; None where it was not trained."""
    frame = averaged(snapshot)
    if frame.empty:
        return None
    accuracy = frame["metric"] == METRICS["validation_accuracy"]
    ends = frame[(frame["step"] == frame["step"].max()) & accuracy]
    said = [
        f"{variant} the final accuracies lie between {number(part['mean'].min())} and "
        f"{number(part['mean'].max())} %"
        for variant, part in ends.groupby("variant", sort=False)
    ]
    return draw(
        learning_curves(
            frame, LABELS, (*HIGHLIGHTED, *filter(is_custom, ordered(frame["activation"].unique())))
        ),
        frame,
        name=f"q11-learning-{snapshot.id}",
        title="Loss and accuracy of the classifier by epoch",
        alt="Mean loss and accuracy on held-out images by epoch for each activation at its chosen rate; "
        f"{'; '.join(said)}.",
    )


def _row(case: Case, variant: str) -> tuple[object, ...]:
    c = case.comparison
    values = [100 * v for v in (c.estimate, c.low, c.high)]
    return (variant, label(case.a), f"minus {label(case.b)}", *values)


def differences_figure(snapshot: Snapshot) -> Drawing | None:
    """Final accuracies of the classifier as differences from both baselines; None where not measured."""
    judged = verdicts.judged(snapshot)
    rows = [
        _row(case, variant)
        for batch_norm, variant in VARIANTS.items()
        for case, _, _ in judged[FAMILIES[batch_norm]]
        if case.comparison.pairs
    ]
    if not rows:
        return None
    sides = [side for batch_norm in VARIANTS for _, _, side in judged[FAMILIES[batch_norm]]]
    frame = pd.DataFrame(rows, columns=["panel", "row", "series", "mean", "low", "high"])
    return draw(
        differences(frame, "paired difference of test accuracy (percentage points)"),
        frame,
        name=f"q11-differences-{snapshot.id}",
        title="Differences of test accuracy",
        alt="Dots with intervals for each activation minus ReLU and minus GELU, with and without batch norm; "
        f"corrected, {sides.count(1)} of {len(sides)} lie above zero and {sides.count(-1)} below.",
    )


def classifier(snapshot: Snapshot) -> dict[str, Any] | None:
    """Curves, differences and final tables of the classifier; None where it was not trained."""
    figure = curves_figure(snapshot)
    if figure is None:
        return None
    tables = [
        {
            "variant": variant,
            "seeds": len(table),
            "anchor": f"accuracy-{k}",
            "rows": final_rows(
                snapshot, "classifier", batch_norm, FAMILIES[batch_norm], lambda x: number(100 * x, fixed=2)
            ),
        }
        for k, (batch_norm, variant) in enumerate(VARIANTS.items())
        if not (table := final(snapshot, "classifier", "test_accuracy", batch_norm)).empty
    ]
    return {
        "figure": figure,
        "differences": differences_figure(snapshot),
        "tables": tables,
        "untuned": f"{UNTUNED:g}",
    }
