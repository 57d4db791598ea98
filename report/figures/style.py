"""Style of the figures: line styles of the activations, and settings that all figures share."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from impl.activations.registry import ACTIVATIONS

# Placeholder of the text colour; `report.figures.svg` replaces it by currentColor for light and dark pages.
INK = "#010203"


@dataclass(frozen=True)
class Stroke:
    """Line style of one series in every figure: distinct in colour, and in grey by dash and marker."""

    color: str
    dash: str | tuple[int, tuple[float, ...]]
    marker: str | tuple[int, int, float]

    @property
    def line(self) -> dict[str, Any]:
        """Keyword arguments of `plot`."""
        return {"color": self.color, "linestyle": self.dash, "marker": self.marker}


# Okabe and Ito's colours (2008), the light ones darkened to a contrast of 3:1 on light and dark pages. The
# activations take them in the order of their registry; the last three are for those to come.
STROKES = (
    Stroke("#A87900", (0, (1, 1.2)), "v"),
    Stroke("#2E8BC0", (0, (6, 1.5, 1, 1.5, 1, 1.5)), "^"),
    Stroke("#7F7F7F", "solid", "o"),
    Stroke("#0072B2", (0, (5, 1.5)), "s"),
    Stroke("#009E73", (0, (4, 1.5, 1, 1.5)), "D"),
    Stroke("#D55E00", (0, (9, 2)), "X"),
    Stroke("#C26D9C", (0, (2, 1)), "P"),
    Stroke("#8424FC", (0, (9, 1.5, 1, 1.5)), "h"),
    Stroke("#8C6BB1", (0, (3, 1, 1, 1, 1, 1, 1, 1)), "<"),
    Stroke("#8A8A00", (0, (12, 1.5, 2, 1.5)), ">"),
    Stroke("#A65628", (0, (7, 1, 3, 1)), "p"),
    Stroke("#4D8F8F", (0, (2, 2, 8, 2)), (4, 1, 0.0)),
    Stroke("#C4457A", (0, (5, 1, 1, 1, 1, 3)), (6, 1, 0.0)),
    Stroke("#6B7FD7", (0, (1, 1, 6, 1)), (8, 1, 0.0)),
)
PALETTE = dict(zip(ACTIVATIONS, cycle(STROKES), strict=False))
INTERVALS = [PALETTE[name] for name in ("gelu", "sgelu", "swish", "ada_sgelu", "lisht", "mish", "sigmoid")]

# Custom candidates have the colour of the text, with a dash and a marker by the hash of their name.
CUSTOM_COLOR = INK
CUSTOM_DASHES = ((0, (1, 1)), (0, (1, 3)), (0, (3, 3)), (0, (6, 1, 1, 1, 1, 1, 1, 1)), (0, (12, 4)))
CUSTOM_MARKERS = ("*", "d", "H", "8", "1", "2", "3", "4", "+", "x", "|")

LONGEST_LABEL = 28  # characters of a built-in label

RC: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "figure.figsize": (6.4, 3.6),
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "grid.color": "#8C8C8C",
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "font.family": "DejaVu Sans",  # matplotlib's own, so the same everywhere
    "font.size": 9,
    "axes.titlesize": 9,
    "svg.fonttype": "path",
    "text.parse_math": False,  # a dollar in a name is a dollar
}


def custom_stroke(name: str) -> Stroke:
    """Return a custom candidate's line style, by a hash of its name."""
    rest, dash = divmod(int(hashlib.sha256(name.encode()).hexdigest(), 16), len(CUSTOM_DASHES))
    return Stroke(CUSTOM_COLOR, CUSTOM_DASHES[dash], CUSTOM_MARKERS[rest % len(CUSTOM_MARKERS)])


def stroke(name: str) -> dict[str, Any]:
    """Return keyword arguments of `plot` for an activation, built-in or custom."""
    return (PALETTE.get(name) or custom_stroke(name)).line


def legend_columns(labels: Sequence[str], usual: int) -> int:
    """Return the number of columns of a legend: the usual, at most two where a label is a custom one's."""
    return usual if max(map(len, labels), default=0) <= LONGEST_LABEL else min(usual, 2)


def legend_above(figure: Figure, axes: Axes, columns: int | None = None) -> None:
    """Put one legend for all panels above them, with the labels of `axes`."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=columns or legend_columns(labels, len(labels))
    )


def dot_intervals(
    ax: Axes,
    frame: pd.DataFrame,
    rows: Sequence[str],
    series: Mapping[str, Stroke],
    *,
    value: str,
    gap: float,
) -> None:
    """Draw dots with intervals, a row for each of `rows` and the series of a row one below another.

    frame: row, series, low, high, and the column that `value` names; gap: between two series.
    """
    for k, (name, look) in enumerate(series.items()):
        part = frame[frame["series"] == name]
        heights = [rows.index(row) + gap * (k - (len(series) - 1) / 2) for row in part["row"]]
        ax.hlines(heights, part["low"], part["high"], color=look.color, linewidth=1.4)
        ax.plot(part[value], heights, color=look.color, marker=look.marker, linestyle="none", label=name)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")


@contextmanager
def style() -> Iterator[None]:
    """Apply the style of the report's figures within a `with` block; draw without a display."""
    plt.switch_backend("Agg")
    with sns.axes_style("ticks"), mpl.rc_context(RC):
        yield


def plain_ticks(axis: Axis, *, every_decade: bool = False) -> None:
    """Write the ticks of a logarithmic axis as plain numbers, at 1, 2 and 5 or at decades only."""
    axis.set_major_locator(LogLocator(subs=(1.0,) if every_decade else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.set_minor_formatter(NullFormatter())
