"""Error of a fit by activation and width: figure of question 7."""

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, style

COLORS = ("#D55E00", "#A87900", "#0072B2", "#009E73")
OTHERS = "#8C8C8C"


def fit_errors(frame: pd.DataFrame, highlighted: Sequence[str], bound: float) -> Figure:
    """Draw errors against width, the highlighted functions in color and labelled, the others in grey.

    frame: function, units and error; bound: an error to compare with, drawn as a dashed line.
    """
    colors = dict(zip(highlighted, COLORS, strict=False))
    names = list(dict.fromkeys(frame["function"]))
    with style():
        figure, ax = plt.subplots(figsize=(6.4, 2.7))
        palette = {name: colors.get(name, OTHERS) for name in names}
        sizes = {name: 1.8 if name in colors else 0.8 for name in names}
        sns.lineplot(
            frame,
            x="units",
            y="error",
            hue="function",
            palette=palette,
            size="function",
            sizes=sizes,
            marker="o",
            markersize=3.5,
            markeredgewidth=0,
            legend=False,
            ax=ax,
        )
        widths = frame["units"].min(), frame["units"].max()
        ax.plot(widths, (bound, bound), color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        last = frame[frame["units"] == frame["units"].max()].set_index("function")["error"]
        first = frame["units"].min()
        for name, color in colors.items():
            at = (frame["units"].max(), last[name])
            ax.annotate(name, at, (6, 0), textcoords="offset points", va="center", color=color, fontsize=8)
        ax.annotate(
            "the best quadratic", (first, bound), (0, 4), textcoords="offset points", va="bottom", fontsize=8
        )
        low = last.drop(list(colors)).min()
        ax.annotate(
            f"the {len(names) - len(colors)} others",
            (frame["units"].max(), low),
            (6, 0),
            textcoords="offset points",
            va="center",
            color=OTHERS,
            fontsize=8,
        )
        units = sorted(frame["units"].unique())
        ax.set_xticks(units, [str(n) for n in units])
        ax.set(xlabel="hidden units", ylabel="root mean squared error")
    return figure
