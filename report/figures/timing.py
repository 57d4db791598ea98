"""Ratios of times with their intervals: figures of questions 9 and 10."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.figures.style import INK, INTERVALS, Stroke, dot_intervals, legend_above, plain_ticks, style

WIDEST_LEGEND = 60  # characters that fit side by side
ROOM = 1.3  # factor between the outermost dot and the end of the axis


def limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the axis: all dots and 1 fit, so that one wide interval does not squeeze them.

    Example:
        >>> [float(end) for end in limits(pd.DataFrame({"value": [0.65, 4.0]}))]
        [0.5, 5.2]
    """
    return min(frame["value"].min(), 1) / ROOM, max(frame["value"].max(), 1) * ROOM


def is_cut(frame: pd.DataFrame) -> bool:
    """Return whether an interval reaches beyond the axis."""
    low, high = limits(frame)
    return bool(((frame["low"] < low) | (frame["high"] > high)).any())


def _each_round(
    ax: Axes, frame: pd.DataFrame, rows: Sequence[str], series: Mapping[str, Stroke], gap: float
) -> None:
    """Draw the ratio of each round as a small dot at the height of `dot_intervals`."""
    for k, (name, look) in enumerate(series.items()):
        part = frame[frame["series"] == name]
        heights = [rows.index(row) + gap * (k - (len(series) - 1) / 2) for row in part["row"]]
        ax.plot(part["value"], heights, color=look.color, marker=".", ms=3, linestyle="none", alpha=0.5)


def ratios(
    frame: pd.DataFrame,
    label: str,
    order: Sequence[str] = (),
    columns: int = 2,
    rounds: pd.DataFrame | None = None,
) -> Figure:
    """Draw ratios of times as dots with intervals on a logarithmic axis, which ends near the outermost dots.

    frame: panel, row, series, value, low and high, a row for each ratio; panels, rows and series in the order
    of appearance. label: of the axis; order: series that share their colours with another figure's; columns:
    panels side by side; rounds: panel, row, series and value of each round, drawn small.
    """
    panels, rows, names = (list(dict.fromkeys(frame[name])) for name in ("panel", "row", "series"))
    known = list(dict.fromkeys([*order, *names]))
    series = {name: INTERVALS[known.index(name) % len(INTERVALS)] for name in known if name in names}
    down, across = -(-len(panels) // columns), min(len(panels), columns)
    height = 0.9 + down * (0.35 + len(rows) * max(0.08 * len(series), 0.24))
    with style():
        figure, axes = plt.subplots(
            down, across, figsize=(6.4, height), sharex=True, sharey=True, squeeze=False
        )
        for ax in axes.flat[len(panels) :]:
            ax.set_visible(False)
        for ax, panel in zip(axes.flat, panels, strict=False):
            ax.set_xscale("log")
            part = frame[frame["panel"] == panel]
            gap = 0.7 / max(len(series), 1)
            if rounds is not None:
                _each_round(ax, rounds[rounds["panel"] == panel], rows, series, gap)
            dot_intervals(ax, part, rows, series, value="value", gap=gap)
            ax.axvline(1, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
            ax.set_title(panel)
        low, high = limits(frame)
        axes[0, 0].set_xlim(low, high)
        plain_ticks(axes[0, 0].xaxis, every_decade=high / low > 100)
        figure.supxlabel(label, fontsize=9)
        short = len("".join(series)) <= WIDEST_LEGEND
        legend_above(figure, axes[0, 0], len(series) if short else 2)
    return figure
