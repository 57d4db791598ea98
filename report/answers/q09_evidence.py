"""What a snapshot says on question 9: the times of Swish and sigmoid, and their ratios."""

import numpy as np
import pandas as pd

from bench.store import Snapshot
from report.answer import Values
from report.cost import bandwidth
from report.drawing import draw
from report.evidence import inputs, samples, time_ratio
from report.figures.timing import ratios
from report.formats import count, duration
from report.phrases import NOT_MEASURED, ratio, slower, tally

PASSES = {"activation_forward": "forward", "activation_backward": "backward"}
# What is compared: (subject, implementation) over (subject, implementation).
PAIRS = {
    "Swish / sigmoid, ours": (("swish", "impl"), ("sigmoid", "impl")),
    "Swish / sigmoid, torch": (("swish", "torch"), ("sigmoid", "torch")),
    "Swish, ours / torch": (("swish", "impl"), ("swish", "torch")),
    "Swish, composed / ours": (("swish", "composed"), ("swish", "impl")),
}
MEMORY = {"Swish": "swish", "F.silu": "swish"}  # what is drawn beside a copy: torch's SiLU is Swish
MEASURED = (("sigmoid", "impl"), ("swish", "impl"), ("sigmoid", "torch"), ("swish", "torch"))


def measured(snapshot: Snapshot) -> pd.DataFrame:
    """Every ratio of `PAIRS` that the snapshot allows: panel, row, series, value, low, high, sign."""
    rows = []
    for task, name in PASSES.items():
        for input in inputs(snapshot, task):
            for series, (subject, baseline) in PAIRS.items():
                if r := time_ratio(snapshot, task, input, subject, baseline):
                    rows.append((name, input, series, r.value, r.low, r.high, slower(r), ratio(r)))
    names = ["panel", "row", "series", "value", "low", "high", "sign", "text"]
    return pd.DataFrame(rows, columns=names)


def medians(snapshot: Snapshot) -> list[list[str]]:
    """Median times as table rows: pass and elements, then each of `MEASURED`."""
    rows = []
    for task, name in PASSES.items():
        for input in inputs(snapshot, task):
            found = [samples(snapshot, task, *what, input) for what in MEASURED]
            cells = [NOT_MEASURED if s is None else duration(np.median(s)) for s in found]
            rows.append([f"{name}, {elements(input)}", *cells])
    return rows


def elements(input: str) -> str:
    """The number in "16384 elements", its digits grouped; any other input as it is."""
    head = input.split(" ")[0]
    return count(int(head)) if head.isdigit() else input


def summary(frame: pd.DataFrame) -> dict[str, dict[str, object]]:
    """For each series how often it is slower, and its least and greatest ratio."""
    return {
        str(series): {
            "tally": tally(part["sign"], "slower", "faster"),
            "least": part["value"].min(),
            "most": part["value"].max(),
        }
        for series, part in frame.groupby("series", sort=False)
    }


def evidence(snapshot: Snapshot) -> Values:
    """Times of Swish and sigmoid and their ratios; None where they were not measured."""
    frame = measured(snapshot)
    if frame.empty:
        return {"times": None, "bandwidth": bandwidth(snapshot, MEMORY)}
    frame["row"] = frame["row"].map(elements)
    wide = frame.pivot_table(
        index=["panel", "row"], columns="series", values="text", aggfunc="first", sort=False
    )
    shown = [name for name in PAIRS if name in wide]
    lines = wide[shown].fillna(NOT_MEASURED).to_numpy()
    rows = [[f"{panel}, {row}", *line] for (panel, row), line in zip(wide.index, lines, strict=True)]
    figure = draw(
        ratios(frame, "ratio of median times (logarithmic; 1 = equal)"),
        frame.drop(columns=["sign", "text"]),
        name=f"q09-ratios-{snapshot.slug}",
        title="Cost of Swish relative to sigmoid",
        alt="Ratios of median times as dots with intervals, forward and backward: "
        + "; ".join(f"{name} is {s['tally']}" for name, s in summary(frame).items())
        + ".",
    )
    return {
        "bandwidth": bandwidth(snapshot, MEMORY),
        "times": {
            "medians": medians(snapshot),
            "columns": shown,
            "ratios": rows,
            "summary": summary(frame),
            "figure": figure,
        },
    }
