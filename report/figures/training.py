"""Learning curves, paired differences and reconstructions: figures of question 11."""

from collections.abc import Mapping, Sequence
from itertools import product
from textwrap import fill

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.figures.style import INK, PALETTE, Stroke, dot_intervals, legend_above, stroke, style


def _panels(
    frame: pd.DataFrame, row: str, column: str, height: float
) -> tuple[Figure, np.ndarray, list[str], list[str]]:
    """Return a figure with a row of panels for each value of `row` and a column for each of `column`."""
    rows, columns = (list(dict.fromkeys(frame[name])) for name in (row, column))
    figure, axes = plt.subplots(
        len(rows),
        len(columns),
        figsize=(6.4, 0.7 + height * len(rows)),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for ax, title in zip(axes[0], columns, strict=True):
        ax.set_title(title)
    return figure, axes, rows, columns


def _curves(ax: Axes, frame: pd.DataFrame, labels: Mapping[str, str], highlighted: Sequence[str]) -> None:
    """Draw the mean curves of one panel: the highlighted with error bars, the others as thin grey lines."""
    spread = np.geomspace(0.94, 1.06, max(len(highlighted), 1))  # apart, where they would hide one another
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
            part["step"] * shift,
            part["mean"],
            ends,
            label=labels.get(key, key),
            elinewidth=0.9,
            **stroke(key),
        )


def learning_curves(frame: pd.DataFrame, labels: Mapping[str, str], highlighted: Sequence[str]) -> Figure:
    """Draw means over seeds at each horizon, a row of panels for each metric and a column for each variant.

    frame: metric, variant, activation, step, mean, low and high (NaN without an interval).
    """
    with style():
        figure, axes, metrics, variants = _panels(frame, "metric", "variant", 2.3)
        for row, metric in zip(axes, metrics, strict=True):
            row[0].set_ylabel(metric)
            for ax, variant in zip(row, variants, strict=True):
                part = frame[(frame["metric"] == metric) & (frame["variant"] == variant)]
                _curves(ax, part, labels, highlighted)
        for ax in axes[-1]:
            ax.set_xlabel("epochs")
            ax.set_xscale("log", base=2)
            ticks = sorted(frame["step"].unique())
            ax.set_xticks(ticks, [f"{epochs:g}" for epochs in ticks])
        legend_above(figure, axes[0, 0])
    return figure


def differences(
    frame: pd.DataFrame, label: str, looks: Sequence[Stroke] = (PALETTE["relu"], PALETTE["gelu"])
) -> Figure:
    """Draw paired differences as dots with intervals, a panel for each variant.

    frame: panel, row, series, mean, low, high (NaN without an interval); label: of the axis; looks: of the
    series.
    """
    panels, rows, names = (list(dict.fromkeys(frame[name])) for name in ("panel", "row", "series"))
    series = {name: looks[k % len(looks)] for k, name in enumerate(names)}
    with style():
        figure, axes = plt.subplots(
            1, len(panels), figsize=(6.4, 1.0 + 0.36 * len(rows)), sharey=True, squeeze=False
        )
        for ax, panel in zip(axes[0], panels, strict=True):
            dot_intervals(ax, frame[frame["panel"] == panel], rows, series, value="mean", gap=0.3)
            ax.axvline(0, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
            ax.set_title(panel)
        figure.supxlabel(label, fontsize=9)
        legend_above(figure, axes[0, 0], len(names))
    return figure


def _marked(ax: Axes, panel: pd.DataFrame, x: str, y: str, labels: Mapping[str, str], apart: float) -> None:
    """Draw the values of a panel with error bars, activations apart on a logarithmic axis."""
    shifts = np.geomspace(1 / apart, apart, len(labels))
    for (name, text), shift in zip(labels.items(), shifts, strict=True):
        part = panel[panel["activation"] == name]
        if len(part):
            ends = np.nan_to_num([part[y] - part["low"], part["high"] - part[y]])
            ax.errorbar(part[x] * shift, part[y], ends, label=text, elinewidth=0.9, **stroke(name))


def _small_multiples(count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels with axes of their own, three in a row at most."""
    columns = min(count, 3)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(6.4, 0.8 + 1.9 * rows), squeeze=False)
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    return figure, list(axes.flat[:count])


def advantages(frame: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw differences by horizon, a row of panels for each baseline and a column for each network.

    frame: network, baseline, activation, epochs, value, low and high (NaN without an interval), and control:
    the largest distance of a control, drawn as a band around zero.
    """
    networks, baselines = (list(dict.fromkeys(frame[name])) for name in ("network", "baseline"))
    shape = len(baselines), len(networks)
    with style():
        figure, axes = plt.subplots(*shape, figsize=(6.4, 1.1 + 1.5 * len(baselines)), squeeze=False)
        for (i, baseline), (j, network) in product(enumerate(baselines), enumerate(networks)):
            ax = axes[i, j]
            panel = frame[(frame["network"] == network) & (frame["baseline"] == baseline)]
            band = panel.drop_duplicates("epochs").dropna(subset="control")
            if len(band):
                ax.fill_between(
                    band["epochs"], -band["control"], band["control"], color="#8C8C8C", alpha=0.25,
                    linewidth=0, label="controls",
                )  # fmt: skip
            ax.axhline(0, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
            _marked(ax, panel, "epochs", "value", labels, 1.05)
            ax.set_xscale("log", base=2)
            ticks = sorted(panel["epochs"].unique())
            ax.set_xticks(ticks, [f"{epochs:g}" for epochs in ticks])
            ax.tick_params(labelsize=7)
            if i == 0:
                words, unit = str(network).rstrip(")").split(" (")
                ax.set_title(f"{fill(words, 18)}\n{unit}", fontsize=7)
            if j == 0:
                ax.set_ylabel(f"minus {baseline}")
        figure.supxlabel("epochs", fontsize=9)
        legend_above(figure, axes[0, 0])
    return figure


def sensitivity(frame: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw results against the learning rate, a panel for each network.

    frame: network, activation, rate, mean, low and high (NaN without an interval).
    """
    with style():
        panels = list(frame.groupby("network", sort=False))
        figure, axes = _small_multiples(len(panels))
        for ax, (network, panel) in zip(axes, panels, strict=True):
            _marked(ax, panel, "rate", "mean", labels, 1.07)
            ax.set_xscale("log")
            words, unit = str(network).rstrip(")").split(" (")
            ax.set_title(f"{words}\n{unit}", fontsize=7)
        figure.supxlabel("learning rate", fontsize=9)
        legend_above(figure, axes[0])
    return figure


def course(by_epoch: pd.DataFrame, by_rate: pd.DataFrame, labels: Mapping[str, str], quantity: str) -> Figure:
    """Draw results against epochs, and final results against the learning rate.

    by_epoch: activation, epochs, mean, low and high (NaN without an interval); by_rate: the same with rate in
    place of epochs; quantity: label of the axis.
    """
    with style():
        figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.6), squeeze=False)
        for ax, frame, x in zip(axes[0], (by_epoch, by_rate), ("epochs", "rate"), strict=True):
            _marked(ax, frame, x, "mean", labels, 1.05)
            ax.set_title("by epoch" if x == "epochs" else "at the end, by rate")
            ax.set_xlabel("epochs" if x == "epochs" else "learning rate")
        axes[0, 0].set_xscale("log", base=2)
        ticks = sorted(by_epoch["epochs"].unique())
        axes[0, 0].set_xticks(ticks, [f"{epochs:g}" for epochs in ticks])
        axes[0, 1].set_xscale("log")
        axes[0, 0].set_ylabel(quantity)
        legend_above(figure, axes[0, 0])
    return figure


def paths(frame: pd.DataFrame) -> Figure:
    """Draw a parameter by epoch, a panel for each network and a line for each layer, named at its end.

    frame: network, layer, step, value.
    """
    with style():
        panels = list(frame.groupby("network", sort=False))
        figure, axes = _small_multiples(len(panels))
        for ax, (network, panel) in zip(axes, panels, strict=True):
            sns.lineplot(
                panel, x="step", y="value", hue="layer", palette="viridis", legend=False, ax=ax, errorbar=None
            )
            for layer, line in panel.groupby("layer"):
                end = line.sort_values("step").iloc[-1]
                ax.annotate(f"{layer}", (end["step"], end["value"]), fontsize=6, xytext=(2, -2),
                            textcoords="offset points")  # fmt: skip
            ax.set(xlabel="", ylabel="")
            ax.set_title(str(network), fontsize=7)
        figure.supxlabel("epochs", fontsize=9)
        figure.supylabel("α", fontsize=9)
    return figure


def signals(frame: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw quantities by layer on a logarithmic axis, a row of panels for each series.

    frame: series, panel, activation, layer, value > 0; labels: by activation.
    """
    with style():
        figure, axes, rows, columns = _panels(frame, "series", "panel", 2.1)
        for row, series in zip(axes, rows, strict=True):
            row[0].set_ylabel(series)
            for ax, panel in zip(row, columns, strict=True):
                part = frame[(frame["series"] == series) & (frame["panel"] == panel)]
                for name, line in part.groupby("activation", sort=False):
                    ax.plot(line["layer"], line["value"], label=labels[str(name)], **stroke(str(name)))
                ax.set_yscale("log")
        for ax in axes[-1]:
            ax.set_xlabel("layer")
        legend_above(figure, axes[0, 0])
    return figure


def reconstructions(rows: Mapping[str, np.ndarray]) -> Figure:
    """Draw rows of images below one another; rows: by label an array (K, H, W) of 8-bit grey values."""
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows.values()], axis=0)
    height = next(iter(rows.values())).shape[1]
    with style():
        width = 4.9  # of 6.4 inches; the rest is for the labels
        figure, ax = plt.subplots(figsize=(6.4, width * sheet.shape[0] / sheet.shape[1]), layout="none")
        figure.subplots_adjust(left=1 - width / 6.4, right=1, bottom=0, top=1)
        ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=255, interpolation="none")
        ax.set_yticks(height * (np.arange(len(rows)) + 0.5), list(rows))
        ax.tick_params(left=False, bottom=False, labelbottom=False)
        ax.grid(visible=False)
        for side in ax.spines.values():
            side.set_visible(False)
    return figure
