"""Gradient descent: figures of question 3."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, Stroke, style

METHODS: dict[str, Stroke] = {
    "batch": Stroke("#0072B2", "solid", "s"),
    "mini-batch": Stroke("#009E73", (0, (5, 1.5)), "D"),
    "stochastic": Stroke("#D55E00", (0, (2, 1)), "X"),
}


def paths_on_contours(
    paths: pd.DataFrame, loss: np.ndarray, grid: tuple[np.ndarray, np.ndarray], lowest: np.ndarray
) -> Figure:
    """Draw paths on contours of `loss` (rows, columns) over `grid`; `lowest` (2,).

    paths: method, step, w1 and w2.
    """
    methods = paths["method"].unique()
    with style():
        figure, axes = plt.subplots(1, len(methods), figsize=(6.4, 2.6), sharex=True, sharey=True)
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
            ax.set_title(f"{method}: {len(path) - 1} steps")
            ax.set_xlabel("$w_1$", parse_math=True)
            ax.grid(False)
        axes[0].set_ylabel("$w_2$", parse_math=True)
    return figure


def excess_by_samples(frame: pd.DataFrame) -> Figure:
    """Draw excess loss against samples seen: medians over the seeds, shaded from the least to the greatest.

    frame: method, step > 0, median, min and max.
    """
    with style():
        figure, ax = plt.subplots(figsize=(6.4, 3.4))
        for method, chosen in METHODS.items():
            part = frame[frame["method"] == method]
            if part.empty:
                continue
            ax.fill_between(
                part["step"], part["min"], part["max"], color=chosen.color, alpha=0.2, linewidth=0
            )
            ax.plot(
                part["step"],
                part["median"],
                color=chosen.color,
                linestyle=chosen.dash,
                marker=chosen.marker,
                markevery=max(1, len(part) // 7),
                label=method,
            )
        ax.set(xscale="log", yscale="log", xlabel="samples seen", ylabel="loss above the minimum (nats)")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(METHODS))
    return figure


def distance_and_variance(course: pd.DataFrame) -> Figure:
    """Draw distance to the minimum and variance of the gradient against samples seen and against seconds.

    course: method, step (samples seen), seconds, distance and gradient_variance. Zeros cannot be shown on a
    logarithmic axis: neither the start nor the variance of a full batch.
    """
    rows = {"distance": "distance to the minimum", "gradient_variance": "variance of the gradient"}
    columns = {"step": "samples seen", "seconds": "seconds"}
    with style():
        figure, axes = plt.subplots(2, 2, figsize=(6.4, 4.6), sharex="col", sharey="row")
        for i, (metric, y_label) in enumerate(rows.items()):
            for j, (by, x_label) in enumerate(columns.items()):
                ax = axes[i, j]
                for method, chosen in METHODS.items():
                    part = course[(course["method"] == method) & (course["step"] > 0) & (course[metric] > 0)]
                    ax.plot(
                        part[by],
                        part[metric],
                        color=chosen.color,
                        linestyle=chosen.dash,
                        marker=chosen.marker,
                        markevery=max(1, len(part) // 5),
                        markersize=4,
                        label=method,
                    )
                ax.set(xscale="log", yscale="log")
                if i == 1:
                    ax.set_xlabel(x_label)
                if j == 0:
                    ax.set_ylabel(y_label)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(METHODS))
    return figure
