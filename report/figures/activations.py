"""Activations and their derivatives: figures of questions 9 and 11."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from impl.activations.registry import ACTIVATIONS
from report.document.labels import label
from report.figures.style import stroke, style

APART = 0.1  # share of the axis between two labels at the least
SHOWN = {"f": "activation f(x)", "derivative": "derivative f′(x)"}


def on_grid(x: Tensor, groups: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Evaluate the named activations and their derivatives on x (n,), as `curves` takes them."""
    return pd.concat(
        pd.DataFrame(
            {
                "group": group,
                "name": name,
                "activation": label(name),
                "x": x.numpy(),
                "f": ACTIVATIONS[name].f(x).numpy(),
                "derivative": ACTIVATIONS[name].derivative(x).numpy(),
            }
        )
        for group, names in groups.items()
        for name in names
    )


def _label_ends(ax: Axes, frame: pd.DataFrame) -> bool:
    """Label the curves of f at their right ends; return False where these are too close to one another."""
    ends = frame.groupby(["name", "activation"], sort=False).last()
    low, high = ax.get_ylim()
    gaps = ends["f"].sort_values().diff().dropna()
    if len(gaps) == 0 or gaps.min() < APART * (high - low):
        return False
    for name, text, x, y in ends.reset_index()[["name", "activation", "x", "f"]].itertuples(index=False):
        color, at = stroke(str(name))["color"], (float(x), float(y))
        ax.annotate(str(text), at, (5, 0), textcoords="offset points", va="center", color=color, fontsize=8)
    return True


def curves(frame: pd.DataFrame) -> Figure:
    """Draw values above and derivatives below, a column of panels for each group.

    frame: group, name (which decides the stroke), activation (its label), x, f and derivative.
    """
    groups = list(dict.fromkeys(frame["group"]))
    with style():
        figure, axes = plt.subplots(
            len(SHOWN), len(groups), figsize=(6.4, 4.6), sharex=True, sharey="row", squeeze=False
        )
        for column, group in zip(axes.T, groups, strict=True):
            members = frame[frame["group"] == group].groupby(["name", "activation"], sort=False)
            for k, ((name, label), part) in enumerate(members):
                every = (4 + 5 * k, max(len(part) // 6, 1))
                for ax, y in zip(column, SHOWN, strict=True):
                    ax.plot(part["x"], part[y], label=label, markevery=every, **stroke(str(name)))
            if not _label_ends(column[0], frame[frame["group"] == group]):
                column[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), title=group or None, **SMALL)
            column[-1].set_xlabel("pre-activation x")
        for row, title in zip(axes, SHOWN.values(), strict=True):
            row[0].set_ylabel(title)
    return figure


SMALL: Mapping[str, float] = {"fontsize": 8, "title_fontsize": 8, "handlelength": 2.6, "labelspacing": 0.2}
