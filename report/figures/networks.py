"""Drawings of networks, layer by layer."""

from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from report.figures.style import INK, style

# Colours of the kinds of layers.
COLORS = {
    "weights": "#0072B2",
    "batch norm": "#8A8A00",
    "activation": "#D55E00",
    "dropout": "#C26D9C",
    "shape": "#7F7F7F",
}
HEIGHT, GAP = 0.78, 0.12  # of a box, and between two, in units of a row and a column


def networks(rows: Mapping[str, Sequence[tuple[str, str]]]) -> Figure:
    """Draw each network as a row of boxes, from its input to its output.

    rows: by name of the network the kind of each layer, one of COLORS, and its label.
    """
    longest = max(map(len, rows.values()))
    with style():
        figure, ax = plt.subplots(figsize=(6.9, 0.4 + 0.86 * len(rows)))
        for k, (name, layers) in enumerate(rows.items()):
            ax.text(0, k - HEIGHT / 2 - 0.06, name, fontsize=7.5, va="bottom")
            for j, (kind, text) in enumerate(layers):
                box = FancyBboxPatch(
                    (j + GAP / 2, k - HEIGHT / 2), 1 - GAP, HEIGHT, boxstyle="round,pad=0,rounding_size=0.1",
                    facecolor=COLORS[kind], edgecolor="none", alpha=0.28,
                )  # fmt: skip
                ax.add_patch(box)
                ax.text(
                    j + 0.5, k, text, fontsize=5.6, rotation=90, ha="center", va="center", color=INK,
                    linespacing=0.95,
                )  # fmt: skip
        ax.set_xlim(0, longest)
        ax.set_ylim(len(rows) - 1 + HEIGHT / 2 + 0.05, -HEIGHT / 2 - 0.32)
        ax.axis("off")
        handles = [
            Rectangle((0, 0), 1, 1, facecolor=color, alpha=0.28, label=kind) for kind, color in COLORS.items()
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=7.5)
    return figure
