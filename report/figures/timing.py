"""Ratios of times with their intervals: figures of questions 9 and 10."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, INTERVALS, dot_intervals, legend_above, plain_ticks, style

WIDEST_LEGEND = 60  # characters that fit side by side


def ratios(frame: pd.DataFrame, label: str, order: Sequence[str] = ()) -> Figure:
    """Draw ratios of times as dots with intervals on a logarithmic axis.

    frame: panel, row, series, value, low and high, a row for each ratio; panels, rows and series in the order
    of appearance. label: of the axis; order: series that share their colours with another figure's.
    """
    panels, rows, names = (list(dict.fromkeys(frame[name])) for name in ("panel", "row", "series"))
    known = list(dict.fromkeys([*order, *names]))
    series = {name: INTERVALS[known.index(name) % len(INTERVALS)] for name in known if name in names}
    with style():
        figure, axes = plt.subplots(
            1, len(panels), figsize=(6.4, 0.9 + 0.62 * len(rows)), sharex=True, sharey=True, squeeze=False
        )
        for ax, panel in zip(axes[0], panels, strict=True):
            ax.set_xscale("log")
            part = frame[frame["panel"] == panel]
            dot_intervals(ax, part, rows, series, value="value", gap=0.7 / max(len(series), 1))
            ax.axvline(1, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
            ax.set_title(panel)
        wide = frame["high"].max() / min(frame["low"].min(), 1) > 100
        plain_ticks(axes[0, 0].xaxis, every_decade=wide)
        figure.supxlabel(label, fontsize=9)
        short = len("".join(series)) <= WIDEST_LEGEND
        legend_above(figure, axes[0, 0], len(series) if short else 2)
    return figure
