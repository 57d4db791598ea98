"""How figures look and how they become part of the page; frame to Figure, no input or output."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import seaborn as sns
from markupsafe import Markup, escape
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

# Stands for the text colour: `to_svg` makes it currentColor, so that one drawing suits dark page and paper.
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
}


def stroke(name: str) -> dict[str, Any]:
    """Keyword arguments of `plot` for the activation `name`; grey and dotted for one that a user brought."""
    chosen = PALETTE.get(name, Stroke("#6B6B6B", "dotted", "*"))
    return {"color": chosen.color, "linestyle": chosen.dash, "marker": chosen.marker}


@contextmanager
def style() -> Iterator[None]:
    """The look of every figure of the report, for the time of a `with`; draws without a display."""
    plt.switch_backend("Agg")
    with sns.axes_style("ticks"), mpl.rc_context(RC):
        yield


def to_svg(figure: Figure, *, name: str, title: str, alt: str) -> Markup:
    """Inline SVG of a figure, which is closed: scalable, always the same bytes, with its text alternative.

    name: letters, digits, - and _; goes before every id, so that many figures stand in one page.
    title: what it is; alt: what it shows, for those who do not see it.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise ValueError(
            f"figure name {name!r} may hold only letters, digits, - and _, and begins with a letter"
        )
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    plt.close(figure)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # Its <style> would apply to the whole page.
    svg = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = svg.replace(INK, "currentColor")
    # The same as attributes: WeasyPrint reads an element's style as that of a page and warns of `fill`.
    svg = re.sub(r'\bstyle="([^"]*)"', lambda found: _attributes(found[1]), svg)
    opening = _opening(svg, name, title, alt)
    return Markup(re.sub(r"<svg[^>]*>", lambda _: opening, svg, count=1))


def _attributes(style: str) -> str:
    pairs = (item.split(":", 1) for item in style.split(";") if item.strip())
    return " ".join(f'{name.strip()}="{value.strip()}"' for name, value in pairs)


def _opening(svg: str, name: str, title: str, alt: str) -> str:
    """The `<svg>` tag that shrinks with the page, and the words for those who do not see the drawing."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if box is None:
        raise ValueError(f"figure {name!r}: matplotlib wrote an SVG without a viewBox")
    return (
        f'<svg class="plot" role="img" aria-labelledby="{name}-title {name}-desc" {box[0]} '
        f'width="{box[1]}pt" height="{box[2]}pt" stroke-linejoin="round" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(alt)}</desc>'
    )
