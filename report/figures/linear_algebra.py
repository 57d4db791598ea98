"""Figures of questions 1 and 2."""

from collections.abc import Mapping

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import style


def photograph_at_ranks(picture: np.ndarray, copies: Mapping[int, np.ndarray]) -> Figure:
    """The picture (H, W) in [0, 1] and its copies by rank, side by side on one grey scale."""
    panels = {"original": picture, **{f"rank {k}": copy for k, copy in copies.items()}}
    with style():
        figure, axes = plt.subplots(1, len(panels), figsize=(6.4, 1.5))
        for ax, (label, image) in zip(axes, panels.items(), strict=True):
            ax.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="none")
            ax.set_title(label)
            ax.set_axis_off()
    return figure
