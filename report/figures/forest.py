"""Forest plots: effects with intervals in several networks, in two shades."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from report.figures.style import INK, style

SHADES = ("#C98A1B", "#0072B2")  # both 3:1 on light and dark pages, and apart in grey
WIDEST = 6.0  # an axis ends at so many times the largest effect: an interval beyond gets an arrow
GAP = 0.17
RATIOS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)


def _limits(panel: pd.DataFrame, relative: bool) -> tuple[float, float]:
    """Return the ends of an axis: all intervals, unless one is far wider than the effects."""
    values = panel[["value", "low", "high"]].to_numpy(float)
    values = np.log(values) if relative else values
    inner = np.nanmax(np.abs(values[:, 0])) * WIDEST
    reach = min(np.nanmax(np.abs(values)), inner) * 1.08 or 1.0
    low, high = max(np.nanmin(values), -reach), min(np.nanmax(values), reach)
    pad = 0.06 * (max(high, 0.0) - min(low, 0.0)) or 1.0
    ends = min(low, 0.0) - pad, max(high, 0.0) + pad
    return (float(np.exp(ends[0])), float(np.exp(ends[1]))) if relative else ends


def readable(ticks: Sequence[float], limits: tuple[float, float]) -> list[float]:
    """Return the ticks of a logarithmic axis that stand apart, 1 among them.

    Example:
        >>> readable([0.5, 0.75, 1, 1.5, 2, 3], (0.4, 4.0))
        [0.5, 1.0, 1.5, 3]
    """
    apart = 0.17 * math.log(limits[1] / limits[0])
    kept = [1.0] if 1 in ticks else []
    for tick in sorted(ticks, key=lambda t: abs(math.log(t))):
        if all(abs(math.log(tick / other)) >= apart for other in kept):
            kept.append(tick)
    return sorted(kept)


def _panel(ax: Axes, panel: pd.DataFrame, rows: list[str], shades: dict[str, str]) -> None:
    relative = bool(panel["relative"].iloc[0])
    for k, (shade, color) in enumerate(shades.items()):
        part = panel[panel["shade"] == shade]
        heights = np.array([rows.index(row) for row in part["row"]]) + GAP * (2 * k - 1)
        ax.hlines(heights, part["low"], part["high"], color=color, linewidth=1.5)
        for decided in (True, False):
            chosen = (part["decided"] == decided).to_numpy()
            ax.plot(
                part["value"][chosen], heights[chosen], linestyle="none", marker="o", markersize=4.5,
                color=color, markerfacecolor=color if decided else "none",
            )  # fmt: skip
    ax.axvline(1 if relative else 0, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    if relative:
        ax.set_xscale("log")
    limits = _limits(panel, relative)
    ax.set_xlim(limits)
    if relative:
        ticks = readable([t for t in RATIOS if limits[0] <= t <= limits[1]], limits)
        ax.xaxis.set_major_locator(FixedLocator(ticks))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.set_xlabel("times the loss\n← better" if relative else "points of accuracy\nbetter →", fontsize=8)
    ax.tick_params(axis="x", labelsize=7.5)
    ax.grid(visible=False, axis="y")
    kind, _, rest = str(panel["panel"].iloc[0]).partition(" autoencoder" if relative else " ")
    title = f"{kind}\nautoencoder" if relative else f"{kind}\n{rest}"
    ax.set_title(f"{title}\n{panel['note'].iloc[0]}", fontsize=7, linespacing=1.15)


def forest(frame: pd.DataFrame) -> Figure:
    """Draw effects as dots with intervals, a panel for each network.

    frame: panel, note, relative, row, shade (of two), value, low, high and decided. A dot is filled where the
    comparison is decided.
    """
    panels, rows, names = (list(dict.fromkeys(frame[name])) for name in ("panel", "row", "shade"))
    shades = dict(zip(names, SHADES, strict=False))
    with style():
        figure, axes = plt.subplots(
            1, len(panels), figsize=(7.2, 1.2 + 0.3 * len(rows)), sharey=True, squeeze=False
        )
        for ax, name in zip(axes[0], panels, strict=True):
            _panel(ax, frame[frame["panel"] == name], rows, shades)
        axes[0, 0].set_yticks(range(len(rows)), [row.replace(" (", "\n(") for row in rows], fontsize=8)
        axes[0, 0].set_ylim(len(rows) - 0.5, -0.5)
        dot: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 4.5}
        handles = [
            *(Line2D([], [], color=color, label=name, **dot) for name, color in shades.items()),
            Line2D([], [], color=INK, label="decided", **dot),
            Line2D([], [], color=INK, markerfacecolor="none", label="undecided", **dot),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=8)
    return figure
