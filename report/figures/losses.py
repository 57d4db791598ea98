"""Figures of question 6."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.figures.style import style

CROSS_ENTROPY = {"color": "#0072B2", "linestyle": "solid", "marker": "o", "label": "cross-entropy"}
SQUARED = {"color": "#D55E00", "linestyle": (0, (5, 1.5)), "marker": "s", "label": "squared error"}


def _pair(ax: Axes, x: np.ndarray, cross_entropy: np.ndarray, squared: np.ndarray) -> None:
    ax.plot(x, cross_entropy, markevery=15, **CROSS_ENTROPY)  # type: ignore[arg-type]
    ax.plot(x, squared, markevery=15, **SQUARED)  # type: ignore[arg-type]


def losses_and_gradients(
    logits: np.ndarray, losses: tuple[np.ndarray, np.ndarray], gradients: tuple[np.ndarray, np.ndarray]
) -> Figure:
    """Loss and size of its gradient against the right class's logit: cross-entropy and squared error."""
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.0))
        _pair(left, logits, *losses)
        _pair(right, logits, *gradients)
        left.set(xlabel="logit of the right class", ylabel="loss (cross-entropy in nats)")
        right.set(xlabel="logit of the right class", ylabel="|gradient| in the logit", yscale="log")
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure
