"""Question 11: evidence on the classifier: curves and final metrics."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.records.candidate_names import is_custom
from bench.records.names import BASELINES
from bench.statistics import mean_interval
from bench.store import Snapshot
from report.document import phrases
from report.document.formats import number
from report.document.labels import LABELS, label, ordered
from report.document.phrases import NOT_MEASURED
from report.evidence.activation_runs import AUTOENCODERS, FAMILIES, HIGHLIGHTED, METRICS, VARIANTS, averaged
from report.evidence.claims import explored
from report.evidence.queries import final, networks
from report.evidence.verdicts import DIRECTIONS, effect
from report.figures.svg import SvgFigure, svg_figure
from report.figures.training import learning_curves


def final_rows(
    snapshot: Snapshot,
    task: str,
    batch_norm: bool | None,
    network: str,
    write: Callable[[float], str],
) -> list[list[str]]:
    """Return rows: activation, most chosen rate, mean of the test metric, median, and differences.

    The mean has its interval over seeds; that of losses, whose tails are heavy, is geometric. The
    differences are those of the exploratory comparisons, whose intervals cover together; those that decide
    are called above or below.
    """
    metric = "test_loss" if task in AUTOENCODERS else "test_accuracy"
    table = final(snapshot, task, metric, batch_norm)
    runs = networks(snapshot, task, batch_norm)
    rates = runs.groupby("activation")["learning_rate"].agg(lambda rates: rates.mode().iloc[0])
    compared = {(c.a, c.b): c for c in explored(snapshot, network)}
    rows = []
    for name in ordered(table):
        cells = []
        for baseline in BASELINES:
            c = compared.get((name, baseline))
            word = f", {DIRECTIONS[c.effect.direction]}" if c and c.effect.direction else ""
            cells.append(effect(c, unit=False) + word if c else "not compared")
        values = table[name].dropna()
        mean = (
            phrases.mean(mean_interval(np.log(values)), lambda x: write(math.exp(x)))
            if metric == "test_loss"
            else phrases.mean(mean_interval(values), write)
        )
        median = write(float(values.median())) if len(values) else NOT_MEASURED
        rows.append([label(name), f"{rates[name]:g}", mean, median, *cells])
    return rows


def curves_figure(snapshot: Snapshot) -> SvgFigure | None:
    """Return Figure 3 of the assignment, loss and accuracy of the classifier; None if not trained."""
    frame = averaged(snapshot)
    if frame.empty:
        return None
    accuracy = frame["metric"] == METRICS["validation_accuracy"]
    ends = frame[(frame["step"] == frame["step"].max()) & accuracy]
    ranges = [
        f"{variant} the final accuracies lie between {number(part['mean'].min())} and "
        f"{number(part['mean'].max())} %"
        for variant, part in ends.groupby("variant", sort=False)
    ]
    return svg_figure(
        learning_curves(
            frame, LABELS, (*HIGHLIGHTED, *filter(is_custom, ordered(frame["activation"].unique())))
        ),
        frame,
        name=f"q11-learning-{snapshot.id}",
        title="Loss and accuracy of the classifier by epoch",
        alt="Mean loss and accuracy on held-out images by epoch for each activation at its chosen rate; "
        f"{'; '.join(ranges)}.",
    )


def classifier(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return curves and final tables of the classifier; None where it was not trained."""
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
    return {"figure": figure, "tables": tables}
