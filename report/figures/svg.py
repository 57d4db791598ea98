"""Figures as the page contains them: inline SVG, alt text and the data behind it."""

import io
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, FuncFormatter, LogFormatterMathtext, NullLocator
from numpy.typing import ArrayLike

from report.document.formats import SUPERSCRIPTS, data_uri, number
from report.figures.style import INK

PAPER_INK = "#1b1d21"
TICKS = 5  # at most so many steps on a linear axis: of every tick the room it takes is measured
SHOWN = 48  # rows of the table behind a figure that the page shows; all are in its CSV


@dataclass(frozen=True, eq=False)  # frames have no single truth value to compare by
class SvgFigure:
    """A figure as SVG with its data; `name` is that of its CSV, without the ending."""

    svg: Markup
    table: pd.DataFrame
    name: str
    alt: str

    @property
    def image(self) -> Markup:
        """The figure as an image, which a page on paper with one theme needs."""
        source = data_uri(self.svg.replace("currentColor", PAPER_INK), "image/svg+xml")
        return Markup('<img class="plot" alt="{}" src="{}">').format(self.alt, source)

    def csv(self) -> str:
        """Format the whole table as CSV, floats to six significant digits."""
        return str(self.table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))

    @property
    def stride(self) -> int:
        """Of how many rows the page shows one."""
        return -(-len(self.table) // SHOWN)

    @property
    def rows(self) -> list[list[str]]:
        """Every `stride`-th row, formatted."""
        return [[_cell(value) for value in row] for row in self.table.iloc[:: self.stride].to_numpy(object)]


def power(base: int, x: float, _: object = None) -> str:
    """Format a tick of a logarithmic axis: "10⁻³", and nothing between the powers."""
    exponent = math.log(x, base)
    whole = abs(exponent - round(exponent)) < 1e-6
    return f"{base}{str(round(exponent)).translate(SUPERSCRIPTS)}" if whole else ""


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "none" if value != value else number(value, digits=4) if value else "0"
    return str(value)


def path_frame(by: str, paths: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """Return paths (steps + 1, 2) through a plane of two weights as one frame: `by`, step, w1 and w2."""
    frames = {name: pd.DataFrame(np.asarray(path), columns=["w1", "w2"]) for name, path in paths.items()}
    return pd.concat(frames, names=[by, "step"]).reset_index()


def svg_figure(figure: Figure, table: pd.DataFrame, *, name: str, title: str, alt: str) -> SvgFigure:
    """Convert a figure to SVG and close it; the bytes are always the same.

    name: letters, digits, - and _; prefixes every id of the SVG, so that a page can hold many figures.
    title: short description; alt: alt text. Raises ValueError for an invalid name, or a table without rows.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise ValueError(
            f"Invalid figure name: got {name!r}, expected a letter, then letters, digits, - and _"
        )
    if table.empty:
        raise ValueError(f"Invalid figure {name!r}: its table is empty")
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        axis.set_minor_locator(NullLocator())  # unlabelled ticks are most of what drawing takes
        if isinstance(locator := axis.get_major_locator(), AutoLocator):
            locator.set_params(nbins=TICKS)
        if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
            # Plain text is set far faster than maths.
            base = round(axis.get_transform().base)  # type: ignore[attr-defined]  # of a logarithm
            axis.set_major_formatter(FuncFormatter(partial(power, base)))
    buffer = io.StringIO()
    with warnings.catch_warnings(), mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        # A user's names may have characters that the font lacks; tables have the names in full.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        if engine := figure.get_layout_engine():
            # Once and by itself: left on, matplotlib would draw everything twice.
            engine.execute(figure)
            figure.set_layout_engine("none")
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
    svg = re.sub(r'\bstyle="([^"]*)"', lambda match: _attributes(match[1]), svg)
    opening = _opening(svg, name, title, alt)
    return SvgFigure(Markup(re.sub(r"<svg[^>]*>", lambda _: opening, svg, count=1)), table, name, alt)


def _attributes(style: str) -> str:
    # Of a property given twice, as matplotlib does for browsers old and new, the last counts.
    pairs = dict(item.split(":", 1) for item in style.split(";") if item.strip())
    return " ".join(f'{name.strip()}="{value.strip()}"' for name, value in pairs.items())


def _opening(svg: str, name: str, title: str, alt: str) -> str:
    """Return the `<svg>` tag that shrinks with the page, with title and alt text."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if box is None:
        raise ValueError(f"figure {name!r}: matplotlib wrote an SVG without a viewBox")
    return (
        f'<svg class="plot" role="img" aria-labelledby="{name}-title {name}-desc" {box[0]} '
        f'width="{box[1]}pt" height="{box[2]}pt" stroke-linejoin="round" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(alt)}</desc>'
    )
