"""Distribution of the ratios of a regression check."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from report.figures.style import INK, style

# verdict -> colour and marker; hollow is what nothing follows from
MARKS = {
    "regressed": ("#D55E00", "^", True),
    "improved": ("#009E73", "v", True),
    "unchanged": ("#0072B2", "o", True),
    "inconclusive": ("#7F7F7F", "s", False),
}
LANES = 7  # side by side in a group, so that marks do not hide each other
APART = 0.09


def ratios(frame: pd.DataFrame, tolerance: float) -> Figure:
    """Draw the ratio head / base of every benchmark, a row for each group, over its single rounds in grey.

    frame: group, name, verdict, ratio, and round, which is none for the mean over rounds; tolerance:
    relative, drawn as two lines.
    """
    groups = list(dict.fromkeys(frame["group"]))[::-1]
    with style():
        figure, ax = plt.subplots(figsize=(6.4, 0.9 + 0.42 * len(groups)))
        places = frame["group"].map({group: place for place, group in enumerate(groups)})
        rank = frame.groupby(["group", frame["round"].isna()])["ratio"].rank(method="first")
        lanes = places + APART * (rank % LANES - LANES // 2)
        single = frame["round"].notna()
        ax.plot(frame["ratio"][single], lanes[single], "|", color=INK, alpha=0.15, markersize=4)
        for verdict, (color, marker, filled) in MARKS.items():
            chosen = ~single & (frame["verdict"] == verdict)
            ax.plot(
                frame["ratio"][chosen],
                lanes[chosen],
                marker,
                color=color,
                label=f"{verdict} ({chosen.sum()})",
                markerfacecolor=None if filled else "none",
            )
        for bound in (1 / (1 + tolerance), 1 + tolerance):
            ax.axvline(bound, color=INK, linewidth=0.9, linestyle=(0, (4, 2)))
        ax.set_yticks(range(len(groups)), [group.replace("_", " ") for group in groups])
        ax.set_xlabel("time, head / base")
        figure.legend(loc="outside upper center", ncols=len(MARKS))
    return figure
