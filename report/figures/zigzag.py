"""The zigzag of descent: figure of question 8."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, style

PATH = "#0072B2"
LEVELS = 9


def zigzag(
    grid: tuple[np.ndarray, np.ndarray],
    losses_of: Mapping[str, np.ndarray],
    paths: pd.DataFrame,
    minimum: np.ndarray,
) -> Figure:
    """Draw the loss on `grid` (two axes) and a descent to `minimum` (2,), a panel for each kind of inputs.

    losses_of: by inputs; paths: inputs, w1 and w2, step by step.
    """
    with style():
        figure, axes = plt.subplots(1, len(losses_of), figsize=(6.4, 4.0), sharex=True, sharey=True)
        for ax, (title, losses) in zip(axes, losses_of.items(), strict=True):
            points = paths.loc[paths["inputs"] == title, ["w1", "w2"]].to_numpy()
            levels = losses.max() * np.linspace(0.02, 1, LEVELS) ** 2
            ax.contour(*grid, losses, levels=levels, colors="#8C8C8C", linewidths=0.6, alpha=0.7)
            (line,) = ax.plot(
                *points.T, color=PATH, lw=1.1, marker="o", ms=2.2, label="descent, one dot a step"
            )
            (start,) = ax.plot(*points[0], color=INK, marker="s", ms=6, ls="none", label="start")
            (end,) = ax.plot(*minimum, color=INK, marker="+", ms=12, mew=1.6, ls="none", label="minimum")
            ax.set(title=title, xlabel="weight 1", aspect="equal")
            ax.grid(False)
        axes[0].set_ylabel("weight 2")
        figure.legend(handles=[start, line, end], loc="outside lower center", ncols=3)
    return figure
