"""What a snapshot says on question 11: curves, final figures, reconstructions and cost of the activations."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from markupsafe import Markup

from bench.statistics import Difference, mean_interval
from bench.store import Snapshot
from impl.activations import ACTIVATIONS
from report import phrases
from report.evidence import curves, final, pair
from report.figures.style import to_svg
from report.figures.training import differences, learning_curves
from report.formats import number
from report.phrases import NOT_MEASURED

BASELINES = ("relu", "gelu")
PROPOSED = ("sgelu", "ada_sgelu")
HIGHLIGHTED = (*BASELINES, *PROPOSED)
VARIANTS = {True: "with batch norm", False: "without batch norm"}
AUTOENCODERS = {
    "fc_autoencoder": "fully connected autoencoder",
    "conv_autoencoder": "convolutional autoencoder",
}
METRICS = {"test_loss": "test loss (cross-entropy, nats)", "test_accuracy": "test accuracy (%)"}
LABELS = {name: entry.label for name, entry in ACTIVATIONS.items()}


def label(name: str) -> str:
    """The activation's label, or its name where a user brought it."""
    return LABELS.get(name, name)


def ordered(names: Iterable[object]) -> list[str]:
    """Names in the order of `ACTIVATIONS`, then those that are not in it."""
    found = [str(name) for name in names]
    return [*(n for n in ACTIVATIONS if n in found), *(n for n in found if n not in ACTIVATIONS)]


def final_rows(
    table: pd.DataFrame, write: Callable[[float], str], scale: float, fixed: int
) -> list[list[str]]:
    """Table rows: activation, mean with interval, and the paired difference from each baseline."""
    rows = []
    for name in ordered(table):
        cells = []
        for baseline in BASELINES:
            found = pair(table, name, baseline)
            absent = "itself" if name == baseline else NOT_MEASURED
            cells.append(phrases.difference(found, scale, fixed) if found else absent)
        rows.append([label(name), phrases.mean(mean_interval(table[name].dropna()), write), *cells])
    return rows


def averaged(snapshot: Snapshot) -> pd.DataFrame:
    """Classifier's curves: metric, variant, activation, step (from epoch 1), mean, low, high."""
    rows = []
    for metric, title in METRICS.items():
        scale = 100 if metric == "test_accuracy" else 1
        for batch_norm, variant in VARIANTS.items():
            frame = curves(snapshot, "classifier", metric, batch_norm=batch_norm)
            for (name, step), part in frame[frame["step"] > 0].groupby(["activation", "step"]):
                d = mean_interval(part["value"] * scale)
                rows.append((title, variant, name, step, d.mean, d.low, d.high))
    return pd.DataFrame(rows, columns=["metric", "variant", "activation", "step", "mean", "low", "high"])


def curves_figure(snapshot: Snapshot) -> Markup | None:
    """Figure 3 of the assignment: loss and accuracy of the classifier; None where it was not trained."""
    frame = averaged(snapshot)
    if frame.empty:
        return None
    ends = frame[(frame["step"] == frame["step"].max()) & (frame["metric"] == METRICS["test_accuracy"])]
    said = [
        f"{variant} the final accuracies lie between {number(part['mean'].min())} and "
        f"{number(part['mean'].max())} %"
        for variant, part in ends.groupby("variant", sort=False)
    ]
    return to_svg(
        learning_curves(frame, LABELS, HIGHLIGHTED),
        name=f"q11-learning-{snapshot.slug}",
        title="Loss and accuracy of the classifier by epoch",
        alt=f"Mean test loss and test accuracy by epoch for each activation; {'; '.join(said)}.",
    )


def differences_figure(snapshot: Snapshot) -> Markup | None:
    """Final accuracies of the classifier as differences from both baselines; None where not measured."""
    rows = []
    for batch_norm, variant in VARIANTS.items():
        table = final(snapshot, "classifier", "test_accuracy", batch_norm)
        for name in ordered(table):
            for baseline in BASELINES:
                if d := pair(table, name, baseline):
                    values = [100 * v for v in (d.mean, d.low, d.high)]
                    rows.append((variant, label(name), f"minus {label(baseline)}", *values))
    if not rows:
        return None
    frame = pd.DataFrame(rows, columns=["panel", "row", "series", "mean", "low", "high"])
    return to_svg(
        differences(frame, "paired difference of final test accuracy (percentage points)"),
        name=f"q11-differences-{snapshot.slug}",
        title="Differences of final test accuracy",
        alt="Dots with intervals for each activation minus ReLU and minus GELU, with and without batch norm; "
        f"{int(((frame['low'] > 0) | (frame['high'] < 0)).sum())} of {len(frame)} intervals leave out zero.",
    )


def classifier(snapshot: Snapshot) -> dict[str, Any] | None:
    """Curves, differences and final tables of the classifier; None where it was not trained."""
    figure = curves_figure(snapshot)
    if figure is None:
        return None
    finals = [
        (variant, table, k)
        for k, (batch_norm, variant) in enumerate(VARIANTS.items())
        if not (table := final(snapshot, "classifier", "test_accuracy", batch_norm)).empty
    ]
    tables = [
        {
            "variant": variant,
            "seeds": len(table),
            "anchor": f"accuracy-{k}",
            "rows": final_rows(table, lambda x: number(100 * x, fixed=2), 100, 2),
        }
        for variant, table, k in finals
    ]
    return {"figure": figure, "differences": differences_figure(snapshot), "tables": tables}


def finite(d: Difference | None) -> bool:
    """Whether a difference exists and has an interval."""
    return d is not None and not math.isnan(d.low)
