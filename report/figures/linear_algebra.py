"""Truncated singular value decompositions: figures of question 1."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, style


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


def quality_by_rank(frame: pd.DataFrame, marked: Collection[int]) -> Figure:
    """Draw the share of the energy and the PSNR against the rank, with the marked ranks as dots.

    frame: rank, energy (percent) and psnr (decibels).
    """
    dots = frame[frame["rank"].isin(marked)]
    labels = {"energy": "energy kept in %", "psnr": "PSNR in dB"}
    with style():
        figure, axes = plt.subplots(1, 2, figsize=(6.4, 1.5))
        for ax, (column, text) in zip(axes, labels.items(), strict=True):
            ax.plot(frame["rank"], frame[column], color=INK)
            ax.plot(dots["rank"], dots[column], "o", color=INK, markersize=4)
            for rank, value in dots[["rank", column]].itertuples(index=False):
                ax.annotate(f"{rank:.0f}", (rank, value), (5, -9), textcoords="offset points", fontsize=8)
            ax.set(xlabel="rank", ylabel=text)
    return figure
