"""Activations and their derivatives: figures of questions 9 and 11."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from impl.activations import ACTIVATIONS
from report.figures.style import stroke, style


def on_grid(x: Tensor, groups: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Values and derivatives of the named activations on x (n,): what `curves` draws."""
    return pd.concat(
        pd.DataFrame(
            {
                "group": group,
                "name": name,
                "activation": ACTIVATIONS[name].label,
                "x": x.numpy(),
                "f": ACTIVATIONS[name].f(x).numpy(),
                "derivative": ACTIVATIONS[name].derivative(x).numpy(),
            }
        )
        for group, names in groups.items()
        for name in names
    )


def curves(frame: pd.DataFrame) -> Figure:
    """Values on the left, derivatives on the right, over x, a row for each group.

    frame: group, name (which decides the stroke), activation (its label), x, f and derivative.
    """
    groups = list(dict.fromkeys(frame["group"]))
    with style():
        figure, axes = plt.subplots(
            len(groups), 2, figsize=(6.4, 0.8 + 2.3 * len(groups)), sharex=True, squeeze=False
        )
        for row, group in zip(axes, groups, strict=True):
            members = frame[frame["group"] == group].groupby(["name", "activation"], sort=False)
            for k, ((name, label), own) in enumerate(members):
                every = (4 + 5 * k, max(len(own) // 6, 1))
                for ax, y in zip(row, ("f", "derivative"), strict=True):
                    ax.plot(own["x"], own[y], label=label, markevery=every, **stroke(str(name)))
            row[0].legend(fontsize=8, handlelength=2.6, title=group or None, title_fontsize=8)
        for ax, title in zip(axes[0], ("activation f(x)", "derivative f′(x)"), strict=True):
            ax.set_title(title)
        for ax in axes[-1]:
            ax.set_xlabel("pre-activation x (no unit)")
    return figure
