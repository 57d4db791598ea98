"""Computation graph of a small network: figure of question 4."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.figures.style import INK, style

FORWARD, BACKWARD = "#0072B2", "#D55E00"
BOX = {"boxstyle": "round,pad=0.35", "facecolor": "none", "edgecolor": INK, "linewidth": 0.8}
VALUES, MIDDLE, GRADIENTS = 0.85, 0.0, -0.95  # heights of the rows


@dataclass(frozen=True)
class Node:
    """One result of the forward pass.

    Attributes:
        name: How it is computed.
        value: Its formatted entries.
        gradient: Name and formatted entries of the gradient in it; none for inputs.
    """

    name: str
    value: Sequence[str]
    gradient: tuple[str, Sequence[str]] | None = None


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
    look = {"arrowstyle": "-|>", "color": color, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=look)


def computation_graph(nodes: Sequence[Node]) -> Figure:
    """Draw nodes from left to right: values above the boxes, gradients below, with an arrow for each pass."""
    with style():
        figure, ax = plt.subplots(figsize=(6.4, 1.9))
        for k, node in enumerate(nodes):
            ax.text(k, MIDDLE, node.name, ha="center", va="center", fontsize=8, bbox=BOX)
            ax.text(k, VALUES, "\n".join(node.value), ha="center", va="center", fontsize=8, color=FORWARD)
            if node.gradient:
                name, entries = node.gradient
                text = "\n".join((name, *entries))
                ax.text(k, GRADIENTS, text, ha="center", va="center", fontsize=8, color=BACKWARD)
            if k:
                _arrow(ax, (k - 0.62, 0.42), (k - 0.38, 0.42), FORWARD)
                if nodes[k - 1].gradient:
                    _arrow(ax, (k - 0.38, -0.42), (k - 0.62, -0.42), BACKWARD)
        ax.set(xlim=(-0.5, len(nodes) - 0.5), ylim=(-1.55, 1.35))
        ax.set_axis_off()
    return figure
