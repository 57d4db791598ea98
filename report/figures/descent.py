"""Gradient descent: figures of question 3."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, Stroke, style

METHODS: dict[str, Stroke] = {
    "batch": Stroke("#0072B2", "solid", "s"),
    "mini-batch": Stroke("#009E73", (0, (5, 1.5)), "D"),
    "stochastic": Stroke("#D55E00", (0, (2, 1)), "X"),
}

FIRST_PASSES = 0.02  # where the curves begin; before it the loss has hardly fallen


def paths_on_contours(
    paths: pd.DataFrame, loss: np.ndarray, grid: tuple[np.ndarray, np.ndarray], lowest: np.ndarray
) -> Figure:
    """Draw paths on contours of `loss` (rows, columns) over `grid`; `lowest` (2,).

    paths: method, step, w1 and w2.
    """
    methods = paths["method"].unique()
    with style():
        figure, axes = plt.subplots(1, len(methods), figsize=(6.4, 2.2), sharex=True, sharey=True)
        levels = np.quantile(loss, np.linspace(0.01, 0.95, 9))
        for ax, method in zip(axes, methods, strict=True):
            path = paths.loc[paths["method"] == method, ["w1", "w2"]].to_numpy()
            ax.contour(*grid, loss, levels=levels, colors="#8C8C8C", linewidths=0.6)
            chosen = METHODS[method]
            few = max(1, (len(path) - 1) // 6)
            ax.plot(
                *path.T, color=chosen.color, marker=chosen.marker, markevery=few, linewidth=1, markersize=4
            )
            ax.plot(*lowest, color=INK, marker="+", markersize=11, markeredgewidth=1.6)
            ax.set_title(f"{method}, {len(path) - 1} steps")
            ax.set_xlabel("$w_1$", parse_math=True)
            ax.grid(False)
        axes[0].set_ylabel("$w_2$", parse_math=True)
    return figure


def excess_by_passes(frame: pd.DataFrame) -> Figure:
    """Draw excess loss against passes over the samples: a line for each seed, a thick one for the median.

    frame: method, seed, passes > 0 and value.
    """
    colors = {method: chosen.color for method, chosen in METHODS.items()}
    ends = frame.loc[frame.groupby("method")["passes"].transform("max") == frame["passes"]]
    with style():
        figure, ax = plt.subplots(figsize=(6.0, 2.9))
        shared: dict[str, Any] = {"data": frame, "x": "passes", "y": "value", "ax": ax, "legend": False}
        shared |= {"hue": "method", "palette": colors, "errorbar": None}
        sns.lineplot(**shared, units="seed", estimator=None, linewidth=0.5, alpha=0.6)
        sns.lineplot(**shared, estimator="median", linewidth=1.8)
        for line, method in zip(ax.lines[-len(colors) :], frame["method"].unique(), strict=True):
            line.set(linestyle=METHODS[method].dash)
        for (method, x), part in ends.groupby(["method", "passes"]):
            ax.annotate(str(method), (x, part["value"].median()), (6, 0), textcoords="offset points",
                        va="center", color=colors[str(method)])  # fmt: skip
        ax.axvline(1, color=INK, linewidth=0.7, linestyle=":")
        ax.annotate(
            "one pass", (1, 0), (3, 3), xycoords=("data", "axes fraction"), textcoords="offset points"
        )
        ax.set(
            xscale="log",
            yscale="log",
            xlabel="passes over the samples",
            ylabel="loss above the minimum (nats)",
        )
        ax.set_xlim(left=FIRST_PASSES)
        sns.despine(figure)
    return figure
