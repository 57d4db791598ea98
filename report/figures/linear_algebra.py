"""Truncated singular value decompositions: figure of question 1."""

from collections.abc import Mapping

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import style


def photograph_at_ranks(
    image: np.ndarray, copies: Mapping[int, np.ndarray], titles: Mapping[int, str]
) -> Figure:
    """Draw the image (H, W) in [0, 1] and its truncations by rank, with their titles, on one grey scale."""
    panels = {"original": image, **{titles[k]: copy for k, copy in copies.items()}}
    with style():
        figure, axes = plt.subplots(1, len(panels), figsize=(6.4, 1.5))
        for ax, (label, panel) in zip(axes, panels.items(), strict=True):
            ax.imshow(panel, cmap="gray", vmin=0, vmax=1, interpolation="none")
            ax.set_title(label, fontsize=8)
            ax.set_axis_off()
    return figure
