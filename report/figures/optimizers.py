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
    "SGD": ("#7F7F7F", "solid", "o"),
    "SGD with momentum": ("#A87900", (0, (1, 1.2)), "v"),
    "Adagrad": ("#009E73", (0, (4, 1.5, 1, 1.5)), "D"),
    "RMSprop": ("#D55E00", (0, (9, 2)), "X"),
    "Adam": ("#0072B2", (0, (5, 1.5)), "s"),
    "Adam, ε inside the root": ("#C26D9C", (0, (2, 1)), "P"),
}

LABEL_HEIGHT = 0.003  # of the labels next to the curves, as a step over the learning rate


def _line(name: str) -> dict[str, object]:
    color, dash, marker = STROKES[name]
    return {"color": color, "linestyle": dash, "marker": marker}


def step_lengths(frame: pd.DataFrame, halves: Mapping[str, float], labels: Mapping[str, str]) -> Figure:
    """Draw step over learning rate against |g| for both forms of ε, and the |g| at which each is a half.

    frame: optimizer, gradient and step; labels: text next to the curve, by optimizer.
    """
    with style():
        figure, ax = plt.subplots(figsize=(5.4, 2.3))
        for name, part in frame.groupby("optimizer", sort=False):
            look = _line(str(name))
            ax.loglog(part["gradient"], part["step"], markevery=12, **look)
            ax.plot(halves[str(name)], 0.5, marker="o", ms=8, mfc="none", mec=INK, ls="none")
            low = part[part["step"] > LABEL_HEIGHT].iloc[0]
            ax.annotate(labels[str(name)], (low["gradient"], low["step"]), (12, -3), va="center",
                        textcoords="offset points", color=str(look["color"]))  # fmt: skip
        ax.axhline(0.5, color=INK, lw=0.7, ls=":")
        ax.text(frame["gradient"].max(), 0.4, "half the learning rate", ha="right", va="top")
        ax.set(xlabel="constant gradient |g|", ylabel="step / learning rate", ylim=(1e-5, 3))
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
    """Draw each optimizer's path over the level lines: a row for each valley, a column for each optimizer.

    frame: valley, optimizer, w1 and w2, step by step; hessians: (2, 2) by valley.
    """
    names = list(dict.fromkeys(frame["optimizer"]))
    with style():
        figure, axes = plt.subplots(
            len(hessians), len(names), figsize=(6.4, 2.9), sharex=True, sharey=True, squeeze=False
        )
        for ax, name in zip(axes[0], names, strict=True):
            ax.set_title(name.replace(" with ", "\nwith "))
        for row, (valley, hessian) in zip(axes, hessians.items(), strict=True):
            for ax, name in zip(row, names, strict=True):
                _contours(ax, hessian, 1.5)
                part = frame[(frame["valley"] == valley) & (frame["optimizer"] == name)]
                ax.plot(part["w1"], part["w2"], lw=1, color=STROKES[name][0], marker=".", ms=3)
                ax.plot(0, 0, marker="+", ms=9, color=INK, ls="none")
                ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
                ax.grid(False)
            row[0].set_ylabel(valley.replace("valley ", "valley\n"))
    return figure
