"""The zigzag of descent: figure of question 8."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, style

PATH = "#0072B2"
LEVELS = 6


def zigzag(
    grid: tuple[np.ndarray, np.ndarray],
    losses_of: Mapping[str, np.ndarray],
    paths: pd.DataFrame,
    minimum: np.ndarray,
    steps: Mapping[tuple[str, float], int | None],
) -> Figure:
    """Draw descents to `minimum` (2,) over the loss on `grid`: a row for each inputs, a column for each rate.

    losses_of: by inputs; paths: inputs, rate, w1 and w2, step by step; steps: to the arrival, by inputs and
    rate, None if there is none.
    """
    rates = list(dict.fromkeys(paths["rate"]))
    with style():
        figure, axes = plt.subplots(
            len(losses_of), len(rates), figsize=(6.4, 3.3), sharex=True, sharey=True, squeeze=False
        )
        for row, (title, losses) in zip(axes, losses_of.items(), strict=True):
            row[0].set_ylabel(f"{title}\nweight 2")
            for ax, rate in zip(row, rates, strict=True):
                chosen = (paths["inputs"] == title) & (paths["rate"] == rate)
                points = paths.loc[chosen, ["w1", "w2"]].to_numpy()
                levels = losses.max() * np.linspace(0.02, 1, LEVELS) ** 2
                ax.contour(*grid, losses, levels=levels, colors="#8C8C8C", linewidths=0.5, alpha=0.7)
                (line,) = ax.plot(*points.T, color=PATH, lw=0.9, marker="o", ms=1.4, label="one dot a step")
                (start,) = ax.plot(*points[0], color=INK, marker="s", ms=4, ls="none", label="start")
                (end,) = ax.plot(*minimum, color=INK, marker="+", ms=9, mew=1.4, ls="none", label="minimum")
                n = steps[title, rate]
                ax.set_title(f"η = {rate:g}: " + ("not there" if n is None else f"{n} steps"), fontsize=8)
                ax.set(xlim=(grid[0].min(), grid[0].max()), ylim=(grid[1].min(), grid[1].max()))
                ax.set_aspect("equal")
                ax.set_xticks([-2, 0, 2])
                ax.set_yticks([-2, 0, 2])
                ax.grid(False)
        for ax in axes[-1]:
            ax.set_xlabel("weight 1")
        figure.legend(handles=[start, line, end], loc="outside lower center", ncols=3)
    return figure
