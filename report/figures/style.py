"""How figures look: the strokes of the activations and what all figures share."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

# Stands for the text colour: `report.drawing` makes it currentColor, so that a drawing suits either theme.
INK = "#010203"


@dataclass(frozen=True)
class Stroke:
    """How one series is drawn wherever it appears: told apart by colour, and by dash and marker in grey."""

    color: str
    dash: str | tuple[int, tuple[float, ...]]
    marker: str


# Okabe & Ito's colours (2008), the light ones darkened: each has at least 3:1 on the light and the dark page.
PALETTE: dict[str, Stroke] = {
    "sigmoid": Stroke("#A87900", (0, (1, 1.2)), "v"),
    "tanh": Stroke("#2E8BC0", (0, (6, 1.5, 1, 1.5, 1, 1.5)), "^"),
    "relu": Stroke("#7F7F7F", "solid", "o"),
    "gelu": Stroke("#0072B2", (0, (5, 1.5)), "s"),
    "swish": Stroke("#009E73", (0, (4, 1.5, 1, 1.5)), "D"),
    "sgelu": Stroke("#D55E00", (0, (9, 2)), "X"),
    "ada_sgelu": Stroke("#C26D9C", (0, (2, 1)), "P"),
    "sgelu_yu": Stroke("#8424FC", (0, (9, 1.5, 1, 1.5)), "h"),
    "lisht": Stroke("#8C6BB1", (0, (3, 1, 1, 1, 1, 1, 1, 1)), "<"),
    "mish": Stroke("#8A8A00", (0, (12, 1.5, 2, 1.5)), ">"),
    "elu": Stroke("#A65628", (0, (7, 1, 3, 1)), "p"),
}

# A user's own is grey, with one of these dashes and of these markers, by its name the same everywhere.
OWN_COLOR = "#6B6B6B"
OWN_DASHES = ((0, (1, 1)), (0, (1, 3)), (0, (3, 3)), (0, (6, 1, 1, 1, 1, 1, 1, 1)), (0, (12, 4)))
OWN_MARKERS = ("*", "d", "H", "8", "1", "2", "3", "4", "+", "x", "|")

LONGEST_LABEL = 28  # letters, of any of ours

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


def own_stroke(name: str) -> Stroke:
    """How what a user brought is drawn, by a hash of its name: two that look alike are unlikely."""
    place, k = divmod(int(hashlib.sha256(name.encode()).hexdigest(), 16), len(OWN_DASHES))
    return Stroke(OWN_COLOR, OWN_DASHES[k], OWN_MARKERS[place % len(OWN_MARKERS)])


def stroke(name: str) -> dict[str, Any]:
    """Keyword arguments of `plot` for the activation `name`, of the table or a user's own."""
    chosen = PALETTE.get(name) or own_stroke(name)
    return {"color": chosen.color, "linestyle": chosen.dash, "marker": chosen.marker}


def legend_columns(labels: Sequence[str], usual: int) -> int:
    """How many columns a legend has: the usual, or two where a name is as long as that of a user's file."""
    return usual if max(map(len, labels), default=0) <= LONGEST_LABEL else min(usual, 2)


@contextmanager
def style() -> Iterator[None]:
    """The look of every figure of the report, for the time of a `with`; draws without a display."""
    plt.switch_backend("Agg")
    with sns.axes_style("ticks"), mpl.rc_context(RC):
        yield


def plain_ticks(axis: Axis, *, every_decade: bool = False) -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5, or at decades only, written as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1.0,) if every_decade else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.set_minor_formatter(NullFormatter())
