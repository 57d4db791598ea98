"""Cross-entropy and squared error: figure of question 6."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.figures.style import style

CROSS_ENTROPY = {"color": "#0072B2", "linestyle": "solid", "marker": "o", "label": "cross-entropy"}
SQUARED = {"color": "#D55E00", "linestyle": (0, (5, 1.5)), "marker": "s", "label": "squared error"}
# The logit at which a curve has its name, and the place beside it in points, by column and loss.
NAMES = {
    ("value", "cross-entropy"): (-6.0, (6, 5)),
    ("value", "squared error"): (-9.5, (4, 5)),
    ("gradient", "cross-entropy"): (-9.5, (4, -12)),
    ("gradient", "squared error"): (-5.0, (8, -10)),
}


def _lines(ax: Axes, frame: pd.DataFrame, column: str) -> None:
    """Draw both losses with their names at the curves."""
    for loss in (CROSS_ENTROPY, SQUARED):
        part = frame[frame["loss"] == loss["label"]]
        ax.plot(part["logit"], part[column], markevery=15, **loss)
        logit, offset = NAMES[column, str(loss["label"])]
        nearest = part.iloc[int((part["logit"] - logit).abs().to_numpy().argmin())]
        ax.annotate(
            str(loss["label"]),
            (float(nearest["logit"]), float(nearest[column])),
            offset,
            textcoords="offset points",
            color=str(loss["color"]),
            fontsize=8,
        )


def losses_and_gradients(frame: pd.DataFrame) -> Figure:
    """Draw cross-entropy and squared error and the sizes of their gradients against the right class's logit.

    frame: loss (its name), logit, value and gradient.
    """
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.6))
        _lines(left, frame, "value")
        _lines(right, frame, "gradient")
        left.set(xlabel="logit of the right class", ylabel="loss (cross-entropy in nats)")
        right.set(xlabel="logit of the right class", ylabel="|gradient| in the logit", yscale="log")
    return figure
