"""Memory bandwidth, and cost against accuracy: figures of questions 9 and 11."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, legend_columns, plain_ticks, stroke, style

COPIES = {"copy into memory at hand": (0, (1, 1)), "copy into a new tensor": (0, (6, 2))}


def _line(candidate: str, of: Mapping[str, str]) -> dict[str, object]:
    """Return the stroke of the candidate's activation; torch's kernels have hollow markers, copies none."""
    if candidate in COPIES:
        return {"color": INK, "linestyle": COPIES[candidate], "linewidth": 1.1}
    return {**stroke(of[candidate]), "markerfacecolor": "none" if candidate.startswith("F.") else None}


def bandwidth(frame: pd.DataFrame, of: Mapping[str, str]) -> Figure:
    """Draw the rate of memory traffic against size, a panel for each pass.

    frame: panel, candidate, elements, rate, low and high in GB/s (NaN without an interval); of: the
    activation of each candidate.
    """
    panels = list(dict.fromkeys(frame["panel"]))
    with style():
        figure, axes = plt.subplots(
            1, len(panels), figsize=(6.4, 3.3), sharex=True, sharey=True, squeeze=False
        )
        for ax, panel in zip(axes[0], panels, strict=True):
            for candidate, part in frame[frame["panel"] == panel].groupby("candidate", sort=False):
                line, part = _line(str(candidate), of), part.sort_values("elements")
                ends = np.nan_to_num([part["rate"] - part["low"], part["high"] - part["rate"]])
                ax.errorbar(part["elements"], part["rate"], ends, label=candidate, elinewidth=0.9, **line)
            ax.set_xscale("log", base=2)
            ax.set_yscale("log")
            plain_ticks(ax.yaxis)
            ax.set(title=panel, xlabel="elements (float32)")
        axes[0, 0].set_ylabel("necessary traffic (GB/s)")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def worth(frame: pd.DataFrame) -> Figure:
    """Draw a network's result against its activation's cost, with both intervals, a panel for each network.

    frame: panel, quantity (of the result), name, activation, microseconds, fast, slow, value, low, high
    (NaN without an interval).
    """
    panels = list(dict.fromkeys(frame["panel"]))
    wide = (
        frame["microseconds"].max() / frame["microseconds"].min() > 100
    )  # with a much slower custom activation
    with style():
        figure, axes = plt.subplots(
            1, len(panels), figsize=(6.4, 3.1 if len(panels) > 1 else 2.4), sharex=True, squeeze=False
        )
        for ax, panel in zip(axes[0], panels, strict=True):
            part = frame[frame["panel"] == panel]
            for row in part.itertuples():
                look = {**stroke(row.name), "linestyle": "none"}
                across = np.nan_to_num([[row.microseconds - row.fast], [row.slow - row.microseconds]])
                along = np.nan_to_num([[row.value - row.low], [row.high - row.value]])
                ax.errorbar(
                    row.microseconds, row.value, along, across, label=row.activation, elinewidth=0.9, **look
                )
            ax.set_xscale("log")
            plain_ticks(ax.xaxis, every_decade=wide)
            if len(panels) > 1:
                ax.set_title(panel.replace(" with", "\nwith").replace(" auto", "\nauto"))
            ax.set_ylabel(part["quantity"].iloc[0])
        figure.supxlabel("forward and backward, the classifier's size (µs)", fontsize=9)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=legend_columns(labels, 5))
    return figure
