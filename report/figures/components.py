"""Principal components: figures of question 2."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from report.figures.style import INK, STROKES, style

RIGHT, PRINTED = "#0072B2", "#D55E00"
TEN = [stroke.color for stroke in STROKES[:10]]  # in grey the numerals themselves tell classes apart


def _direction(ax: Axes, vector: np.ndarray, reach: float, color: str, dash: str) -> None:
    """Draw the line through the origin along `vector` (2,), up to `reach`."""
    ends = np.outer([-reach, reach], vector / np.linalg.norm(vector))
    ax.plot(*ends.T, color=color, linestyle=dash)


def _feet(ax: Axes, points: np.ndarray, vector: np.ndarray, color: str, marker: str) -> None:
    """Draw the projections of points (n, 2) on the line along `vector` (2,), joined to the points."""
    unit = vector / np.linalg.norm(vector)
    feet = np.outer(points @ unit, unit)
    for point, foot in zip(points, feet, strict=True):
        ax.plot(*np.array([point, foot]).T, color=color, linewidth=0.7, linestyle="dotted")
    ax.plot(*feet.T, color=color, marker=marker, linestyle="none")


def directions(points: np.ndarray, right: np.ndarray, printed: np.ndarray) -> Figure:
    """Draw centred points (n, 2) projected on the first component `right` (2,) and on `printed` (2,)."""
    reach = 1.15 * np.abs(points).max()
    panels = {
        "first component": (right, RIGHT, "solid", "s"),
        "printed vector": (printed, PRINTED, "dashed", "D"),
    }
    with style():
        figure, axes = plt.subplots(1, len(panels), figsize=(5.6, 3.0), sharex=True, sharey=True)
        for ax, (label, (vector, color, dash, marker)) in zip(axes, panels.items(), strict=True):
            _direction(ax, vector, reach, color, dash)
            _feet(ax, points, vector, color, marker)
            ax.plot(*points.T, color=INK, marker="o", markersize=6, linestyle="none")
            ax.set_aspect("equal")
            ax.set_xlabel("first feature, centred")
            ax.set_title(label, color=color)
        axes[0].set_ylabel("second feature, centred")
    return figure


def _numeral(digit: int) -> MarkerStyle:
    """Return a digit as a marker, centred; as text it would be typeset with its dollar signs."""
    path = TextPath((0, 0), str(digit))
    return MarkerStyle(Path(path.vertices - path.get_extents().get_points().mean(axis=0), path.codes))


def digits_plane(frame: pd.DataFrame, shares: np.ndarray) -> Figure:
    """Draw scores on two components, each as its digit.

    frame: digit, first and second; shares: of the variance, (2,).
    """
    with style():
        figure, ax = plt.subplots(figsize=(6.0, 3.4))
        for digit, color in enumerate(TEN):
            part = frame[frame["digit"] == digit]
            ax.plot(
                part["first"],
                part["second"],
                color=color,
                marker=_numeral(digit),
                markersize=5,
                markeredgewidth=0,
                linestyle="none",
            )
        for axis, name, share in ((ax.xaxis, "first", shares[0]), (ax.yaxis, "second", shares[1])):
            axis.set_label_text(f"score on the {name} component ({100 * share:.1f} %)")
    return figure
