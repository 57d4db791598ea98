"""Activations and their derivatives: figures of questions 9 and 11."""

from collections.abc import Mapping

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import stroke, style

Curves = Mapping[str, tuple[str, np.ndarray, np.ndarray]]


def curves(x: np.ndarray, functions: Curves) -> Figure:
    """Values on the left, derivatives on the right, over x.

    functions: by name (which decides the stroke) the label, the values and the derivative on x.
    """
    with style():
        figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.5))
        for k, (name, (label, values, derivative)) in enumerate(functions.items()):
            every = (4 + 5 * k, max(len(x) // 6, 1))
            for ax, y in zip(axes, (values, derivative), strict=True):
                ax.plot(x, y, label=label, markevery=every, **stroke(name))
        for ax, title in zip(axes, ("activation f(x)", "derivative f′(x)"), strict=True):
            ax.set(xlabel="pre-activation x (no unit)", title=title)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4))
    return figure
