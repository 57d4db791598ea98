"""Unfold and fold on a small image: figure of question 10."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from report.figures.style import INK, PALETTE, style

WINDOWS = [PALETTE[name].color for name in ("gelu", "swish", "mish", "sgelu")]  # one color for each window
GAP, SIGN = 1.1, 0.9  # widths, in cells, of an arrow and of a sign between two matrices


@dataclass(frozen=True)
class Example:
    """Matrices of one convolution and of the gradient of the sum of its outputs.

    Attributes:
        image: Image (H, W).
        kernel: The filter as a row (1, K).
        columns: Columns of `unfold` (K, L).
        product: Their product with the filter (1, L).
        result: The product as an image (Ho, Wo).
        upstream: Gradient in the product (1, L).
        spread: Columns of the gradient (K, L).
        gradient: Gradient in the image (H, W), `fold` of `spread`.
    """

    image: np.ndarray
    kernel: np.ndarray
    columns: np.ndarray
    product: np.ndarray
    result: np.ndarray
    upstream: np.ndarray
    spread: np.ndarray
    gradient: np.ndarray

    def table(self) -> pd.DataFrame:
        """Return every entry of every matrix: matrix, row, column and value."""
        return pd.DataFrame(
            [
                (name, i, j, value)
                for name, matrix in vars(self).items()
                for (i, j), value in np.ndenumerate(matrix)
            ],
            columns=["matrix", "row", "column", "value"],
        )


def _grid(ax: Axes, matrix: np.ndarray, left: float, title: str, colors: Sequence[str] = ()) -> float:
    """Draw a matrix, centred at height 0, with colored columns; return its right end."""
    rows, columns = matrix.shape
    for (i, j), value in np.ndenumerate(matrix):
        corner = (left + j, rows / 2 - i - 1)
        if colors:
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=colors[j], alpha=0.25, linewidth=0))
        ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="#8C8C8C", linewidth=0.6))
        ax.text(
            corner[0] + 0.5,
            corner[1] + 0.47,
            f"{value:g}".replace("-", "\u2212"),
            ha="center",
            va="center",
            fontsize=8,
        )
    ax.text(left + columns / 2, -rows / 2 - 0.25, title, ha="center", va="top", fontsize=7)
    return left + columns


def _windows(ax: Axes, size: tuple[int, int], kernel: tuple[int, int], left: float) -> None:
    """Draw the frames of all windows on an image of this size, each a little inside the last."""
    starts = [(i, j) for i in range(size[0] - kernel[0] + 1) for j in range(size[1] - kernel[1] + 1)]
    for k, (i, j) in enumerate(starts):
        inset = 0.05 + 0.045 * k
        corner = (left + j + inset, size[0] / 2 - i - kernel[0] + inset)
        ax.add_patch(
            Rectangle(
                corner,
                kernel[1] - 2 * inset,
                kernel[0] - 2 * inset,
                fill=False,
                edgecolor=WINDOWS[k],
                linewidth=1.6,
            )
        )


def _sign(ax: Axes, left: float, text: str, width: float = SIGN) -> float:
    """Write a sign between two matrices; return where the next one begins."""
    ax.text(left + width / 2, 0, text, ha="center", va="center", fontsize=8)
    return left + width


def _arrow(ax: Axes, left: float, word: str) -> float:
    """Draw an arrow with a word above it; return where the next matrix begins."""
    width = 2 * GAP
    ax.annotate(
        "",
        (left + width - 0.25, 0),
        (left + 0.25, 0),
        arrowprops={"arrowstyle": "->", "color": INK, "linewidth": 0.9},
    )
    ax.text(left + width / 2, 0.25, word, ha="center", va="bottom", fontsize=8)
    return left + width


def unfold_and_fold(example: Example, kernel: tuple[int, int]) -> Figure:
    """Draw a convolution by unfold (above) and its gradient by fold (below), each window in one color."""
    with style():
        figure, (above, below) = plt.subplots(2, 1, figsize=(6.4, 3.3))
        end = _grid(above, example.image, 0, "image X")
        _windows(above, example.image.shape, kernel, 0)
        end = _grid(above, example.kernel, _arrow(above, end, "unfold"), "filter, as a row")
        end = _grid(above, example.columns, _sign(above, end, "·"), "columns, one a window", WINDOWS)
        end = _grid(above, example.product, _sign(above, end, "="), "product", WINDOWS)
        end = _grid(above, example.result, _sign(above, end, "as image", 2.2 * GAP), "output Y")
        last = _grid(below, example.kernel.T, 0, "filter, as a column")
        last = _grid(below, example.upstream, _sign(below, last, "·"), "gradient in Y", WINDOWS)
        last = _grid(below, example.spread, _sign(below, last, "="), "columns, one a window", WINDOWS)
        start = _arrow(below, last, "fold")
        _grid(below, example.gradient, start, "gradient in X")
        _windows(below, example.gradient.shape, kernel, start)
        for ax in (above, below):
            height = max(example.columns.shape[0], example.image.shape[0]) / 2
            ax.set(xlim=(-0.5, end + 0.5), ylim=(-height - 0.9, height + 0.2), aspect="equal")
            ax.axis("off")
    return figure
