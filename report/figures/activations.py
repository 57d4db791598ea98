"""Activations and their derivatives: figures of questions 9 and 11."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from impl.activations import ACTIVATIONS
from report.figures.style import stroke, style


def on_grid(x: Tensor, names: Sequence[str]) -> pd.DataFrame:
    """Values and derivatives of the named activations on x (n,): what `curves` draws."""
    return pd.concat(
        pd.DataFrame(
            {
                "name": name,
                "activation": ACTIVATIONS[name].label,
                "x": x.numpy(),
                "f": ACTIVATIONS[name].f(x).numpy(),
                "derivative": ACTIVATIONS[name].derivative(x).numpy(),
            }
        )
        for name in names
    )


def curves(frame: pd.DataFrame) -> Figure:
    """Values on the left, derivatives on the right, over x.

    frame: name (which decides the stroke), activation (its label), x, f and derivative.
    """
    with style():
        figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.5))
        for k, ((name, label), own) in enumerate(frame.groupby(["name", "activation"], sort=False)):
            every = (4 + 5 * k, max(len(own) // 6, 1))
            for ax, y in zip(axes, ("f", "derivative"), strict=True):
                ax.plot(own["x"], own[y], label=label, markevery=every, **stroke(str(name)))
        for ax, title in zip(axes, ("activation f(x)", "derivative f′(x)"), strict=True):
            ax.set(xlabel="pre-activation x (no unit)", title=title)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4))
    return figure
