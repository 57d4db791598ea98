"""Ratios of times with their intervals: figures of questions 9 and 10."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.figures.style import INK, PALETTE, plain_ticks, style

MARKS = [PALETTE[name] for name in ("gelu", "sgelu", "swish", "ada_sgelu", "lisht", "mish", "sigmoid")]

WIDEST_LEGEND = 60  # letters that fit side by side with their marks


def _panel(ax: Axes, frame: pd.DataFrame, rows: list[str], series: Mapping[str, int]) -> None:
    """Dots and intervals of one panel, the series of a row above each other."""
    gap = 0.7 / max(len(series), 1)
    for k, (name, place) in enumerate(series.items()):
        chosen, mark = frame[frame["series"] == name], MARKS[place % len(MARKS)]
        heights = [rows.index(row) + gap * (k - (len(series) - 1) / 2) for row in chosen["row"]]
        ax.hlines(heights, chosen["low"], chosen["high"], color=mark.color, linewidth=1.4)
        ax.plot(chosen["value"], heights, linestyle="none", color=mark.color, marker=mark.marker, label=name)
    ax.axvline(1, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")


def ratios(frame: pd.DataFrame, label: str, order: Sequence[str] = ()) -> Figure:
    """Ratios of times as dots with intervals on a logarithmic axis.

    frame: panel, row, series, value, low and high, one row a ratio; panels, rows and series in the order of
    appearance. label: what the axis shows; order: series that share their colours with another figure's.
    """
    panels, rows, names = (list(dict.fromkeys(frame[name])) for name in ("panel", "row", "series"))
    known = list(dict.fromkeys([*order, *names]))
    series = {name: known.index(name) for name in known if name in names}
    with style():
        figure, axes = plt.subplots(
            1, len(panels), figsize=(6.4, 0.9 + 0.62 * len(rows)), sharex=True, sharey=True, squeeze=False
        )
        for ax, panel in zip(axes[0], panels, strict=True):
            ax.set_xscale("log")
            _panel(ax, frame[frame["panel"] == panel], rows, series)
            ax.set_title(panel)
        wide = frame["high"].max() / min(frame["low"].min(), 1) > 100
        plain_ticks(axes[0, 0].xaxis, every_decade=wide)
        figure.supxlabel(label, fontsize=9)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        columns = len(labels) if len("".join(labels)) <= WIDEST_LEGEND else 2
        figure.legend(handles, labels, loc="outside upper center", ncols=columns)
    return figure
