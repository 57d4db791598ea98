"""Learning curves, paired differences and reconstructions: figures of question 11."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.figures.style import INK, PALETTE, legend_columns, stroke, style


def _curves(ax: Axes, frame: pd.DataFrame, labels: Mapping[str, str], highlighted: Sequence[str]) -> None:
    """Mean curves of one panel; strokes and error bars for the highlighted, thin grey lines for the rest."""
    spread = np.linspace(-0.12, 0.12, max(len(highlighted), 1))
    rest = frame[~frame["activation"].isin(highlighted)]
    for k, (_, part) in enumerate(rest.groupby("activation", sort=False)):
        name = f"{rest['activation'].nunique()} others" if k == 0 else None
        ax.plot(part["step"], part["mean"], label=name, color="#8C8C8C", linewidth=0.8)
    for key, shift in zip(highlighted, spread, strict=False):
        part = frame[frame["activation"] == key]
        if part.empty:
            continue
        ends = np.nan_to_num([part["mean"] - part["low"], part["high"] - part["mean"]])
        ax.errorbar(
            part["step"] + shift,
            part["mean"],
            ends,
            label=labels.get(key, key),
            elinewidth=0.9,
            **stroke(key),
        )


def learning_curves(frame: pd.DataFrame, labels: Mapping[str, str], highlighted: Sequence[str]) -> Figure:
    """Means over seeds after each epoch, one row of panels a metric and one column a variant.

    frame: metric, variant, activation, step, mean, low and high (NaN without an interval).
    """
    metrics, variants = (list(dict.fromkeys(frame[name])) for name in ("metric", "variant"))
    with style():
        figure, axes = plt.subplots(
            len(metrics),
            len(variants),
            figsize=(6.4, 0.7 + 2.3 * len(metrics)),
            sharex=True,
            sharey="row",
            squeeze=False,
        )
        for row, metric in zip(axes, metrics, strict=True):
            row[0].set_ylabel(metric)
            for ax, variant in zip(row, variants, strict=True):
                part = frame[(frame["metric"] == metric) & (frame["variant"] == variant)]
                _curves(ax, part, labels, highlighted)
        for ax, variant in zip(axes[0], variants, strict=True):
            ax.set_title(variant)
        for ax in axes[-1]:
            ax.set_xlabel("epoch")
            ax.set_xticks(sorted(frame["step"].unique()))
        handles, names = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=legend_columns(names, len(names)))
    return figure


def differences(frame: pd.DataFrame, label: str) -> Figure:
    """Paired differences as dots with intervals, one panel a variant.

    frame: panel, row, series, mean, low, high (NaN without an interval); label: what the axis shows.
    """
    panels, rows, series = (list(dict.fromkeys(frame[name])) for name in ("panel", "row", "series"))
    marks = [PALETTE["relu"], PALETTE["gelu"]]
    with style():
        figure, axes = plt.subplots(
            1, len(panels), figsize=(6.4, 1.0 + 0.36 * len(rows)), sharey=True, squeeze=False
        )
        for ax, panel in zip(axes[0], panels, strict=True):
            for k, name in enumerate(series):
                part = frame[(frame["panel"] == panel) & (frame["series"] == name)]
                heights = [rows.index(row) + 0.3 * (k - (len(series) - 1) / 2) for row in part["row"]]
                mark = marks[k % len(marks)]
                ax.hlines(heights, part["low"], part["high"], color=mark.color, linewidth=1.4)
                ax.plot(part["mean"], heights, color=mark.color, marker=mark.marker, ls="none", label=name)
            ax.axvline(0, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
            ax.set_yticks(range(len(rows)), rows)
            ax.set_ylim(len(rows) - 0.5, -0.5)
            ax.grid(visible=False, axis="y")
            ax.set_title(panel)
        figure.supxlabel(label, fontsize=9)
        handles, names = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    return figure


def signals(frame: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """A quantity by layer on a logarithmic axis, one row of panels a series and one column a panel.

    frame: series, panel, activation, layer, value > 0; labels: by activation.
    """
    rows, columns = (list(dict.fromkeys(frame[name])) for name in ("series", "panel"))
    with style():
        figure, axes = plt.subplots(
            len(rows),
            len(columns),
            figsize=(6.4, 0.7 + 2.1 * len(rows)),
            sharex=True,
            sharey="row",
            squeeze=False,
        )
        for line, series in zip(axes, rows, strict=True):
            line[0].set_ylabel(f"{series} (no unit)")
            for ax, panel in zip(line, columns, strict=True):
                part = frame[(frame["series"] == series) & (frame["panel"] == panel)]
                for name, own in part.groupby("activation", sort=False):
                    ax.plot(own["layer"], own["value"], label=labels[str(name)], **stroke(str(name)))
                ax.set_yscale("log")
        for ax, panel in zip(axes[0], columns, strict=True):
            ax.set_title(panel)
        for ax in axes[-1]:
            ax.set_xlabel("layer")
        handles, names = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=legend_columns(names, len(names)))
    return figure


def reconstructions(rows: Mapping[str, np.ndarray]) -> Figure:
    """Ten pictures a row under each other; rows: by label an array (K, H, W) of 8-bit grey values."""
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows.values()], axis=0)
    height = next(iter(rows.values())).shape[1]
    with style():
        width = 4.9  # of 6.4; the rest is for the names
        figure, ax = plt.subplots(figsize=(6.4, width * sheet.shape[0] / sheet.shape[1]), layout="none")
        figure.subplots_adjust(left=1 - width / 6.4, right=1, bottom=0, top=1)
        ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=255, interpolation="none")
        ax.set_yticks(height * (np.arange(len(rows)) + 0.5), list(rows))
        ax.tick_params(left=False, bottom=False, labelbottom=False)
        ax.grid(visible=False)
        for side in ax.spines.values():
            side.set_visible(False)
    return figure
