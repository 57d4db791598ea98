"""Optimizers: figures of question 5."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.figures.style import INK, style

# Optimizers are no activations, so they have strokes of their own: colour, dash, marker.
STROKES: dict[str, tuple[str, str | tuple[int, tuple[float, ...]], str]] = {
    "mini-batch": ("#7F7F7F", "solid", "o"),
    "SGD": ("#7F7F7F", "solid", "o"),
    "SGD with momentum": ("#A87900", (0, (1, 1.2)), "v"),
    "Adagrad": ("#009E73", (0, (4, 1.5, 1, 1.5)), "D"),
    "RMSprop": ("#D55E00", (0, (9, 2)), "X"),
    "Adam": ("#0072B2", (0, (5, 1.5)), "s"),
    "Adam, ε inside the root": ("#C26D9C", (0, (2, 1)), "P"),
}


def _line(name: str) -> dict[str, object]:
    color, dash, marker = STROKES[name]
    return {"color": color, "linestyle": dash, "marker": marker}


def step_lengths(frame: pd.DataFrame, halves: Mapping[str, float]) -> Figure:
    """Draw step over learning rate against |g| for both forms of ε, and the |g| at which each is a half.

    frame: optimizer, gradient and step.
    """
    with style():
        figure, ax = plt.subplots(figsize=(6.4, 3.0))
        for name, part in frame.groupby("optimizer", sort=False):
            ax.loglog(part["gradient"], part["step"], label=name, markevery=12, **_line(str(name)))
            ax.plot(halves[str(name)], 0.5, marker="o", ms=8, mfc="none", mec=INK, ls="none")
        ax.axhline(0.5, color=INK, lw=0.7, ls=":")
        ax.text(frame["gradient"].max(), 0.42, "half the learning rate", ha="right", va="top")
        ax.set(xlabel="constant gradient |g|", ylabel="step / learning rate")
        ax.set_ylim(top=2)
        figure.legend(loc="outside upper center", ncols=2)
    return figure


def _contours(ax: Axes, hessian: np.ndarray, reach: float) -> None:
    """Draw level lines of wᵀHw/2 over the square of half-width `reach`."""
    grid = np.linspace(-reach, reach, 81)
    x, y = np.meshgrid(grid, grid)
    w = np.stack([x, y], axis=-1)
    height = np.einsum("...i,ij,...j->...", w, hessian, w) / 2
    levels = height.max() * 4.0 ** np.arange(-6, 1)
    ax.contour(x, y, height, levels=levels, colors="#8C8C8C", linewidths=0.6, alpha=0.7)


def paths(frame: pd.DataFrame, hessians: Mapping[str, np.ndarray]) -> Figure:
    """Draw each optimizer's path over the level lines, a panel for each valley.

    frame: valley, optimizer, w1 and w2, step by step; hessians: (2, 2) by valley.
    """
    with style():
        figure, axes = plt.subplots(1, len(hessians), figsize=(6.4, 3.7), sharex=True, sharey=True)
        for ax, (title, hessian) in zip(axes, hessians.items(), strict=True):
            _contours(ax, hessian, 1.5)
            for name, part in frame[frame["valley"] == title].groupby("optimizer", sort=False):
                every = max(1, len(part) // 8)
                ax.plot(part["w1"], part["w2"], label=name, lw=1.2, markevery=every, **_line(str(name)))
            ax.plot(0, 0, marker="+", ms=10, color=INK, ls="none")
            ax.set(title=title, xlabel="weight 1", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
            ax.grid(False)
        axes[0].set_ylabel("weight 2")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def convergence(frame: pd.DataFrame) -> Figure:
    """Draw the mean excess loss over seeds against samples seen, with its interval where there is one.

    frame: method, step > 0, mean, low and high.
    """
    with style():
        figure, ax = plt.subplots(figsize=(6.4, 3.4))
        for name in (n for n in STROKES if n in set(frame["method"])):
            part = frame[frame["method"] == name]
            ax.fill_between(
                part["step"],
                part["low"].where(part["low"] > 0),
                part["high"],
                color=_line(name)["color"],
                alpha=0.15,
                linewidth=0,
            )
            ax.loglog(part["step"], part["mean"], label=name, markevery=8, **_line(name))
        ax.set(xlabel="samples seen", ylabel="excess loss in nats")
        figure.legend(loc="outside upper center", ncols=3)
    return figure
