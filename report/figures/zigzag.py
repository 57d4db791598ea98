"""Figure of question 8."""

from collections.abc import Mapping

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, style

PATH = "#0072B2"
LEVELS = 9


def zigzag(
    grid: tuple[np.ndarray, np.ndarray],
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]],
    minimum: np.ndarray,
) -> Figure:
    """Per panel the loss on `grid` (two axes) and the points (steps + 1, 2) of a descent to `minimum`."""
    with style():
        figure, axes = plt.subplots(1, len(panels), figsize=(6.4, 4.0), sharex=True, sharey=True)
        for ax, (title, (losses, points)) in zip(axes, panels.items(), strict=True):
            levels = losses.max() * np.linspace(0.02, 1, LEVELS) ** 2
            ax.contour(*grid, losses, levels=levels, colors="#8C8C8C", linewidths=0.6, alpha=0.7)
            (line,) = ax.plot(
                *points.T, color=PATH, lw=1.1, marker="o", ms=2.2, label="descent, one dot a step"
            )
            (start,) = ax.plot(*points[0], color=INK, marker="s", ms=6, ls="none", label="start")
            (end,) = ax.plot(*minimum, color=INK, marker="+", ms=12, mew=1.6, ls="none", label="minimum")
            ax.set(title=title, xlabel="weight 1 (no unit)", aspect="equal")
            ax.grid(False)
        axes[0].set_ylabel("weight 2 (no unit)")
        figure.legend(handles=[start, line, end], loc="outside lower center", ncols=3)
    return figure
