"""Cross-entropy and squared error: figure of question 6."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.figures.style import style

CROSS_ENTROPY = {"color": "#0072B2", "linestyle": "solid", "marker": "o", "label": "cross-entropy"}
SQUARED = {"color": "#D55E00", "linestyle": (0, (5, 1.5)), "marker": "s", "label": "squared error"}


def _lines(ax: Axes, frame: pd.DataFrame, column: str) -> None:
    for loss in (CROSS_ENTROPY, SQUARED):
        part = frame[frame["loss"] == loss["label"]]
        ax.plot(part["logit"], part[column], markevery=15, **loss)


def losses_and_gradients(frame: pd.DataFrame) -> Figure:
    """Draw cross-entropy and squared error and the sizes of their gradients against the right class's logit.

    frame: loss (its name), logit, value and gradient.
    """
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.0))
        _lines(left, frame, "value")
        _lines(right, frame, "gradient")
        left.set(xlabel="logit of the right class", ylabel="loss (cross-entropy in nats)")
        right.set(xlabel="logit of the right class", ylabel="|gradient| in the logit", yscale="log")
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure
