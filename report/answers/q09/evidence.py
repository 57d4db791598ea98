"""Question 9: evidence on the times of Swish and sigmoid."""

import pandas as pd

from bench.records.names import PASSES
from bench.statistics import mean_time
from bench.store import Snapshot
from report.answers.cost import bandwidth
from report.answers.q09.counts import passes
from report.document.answer import Values
from report.document.formats import count, duration, number
from report.document.phrases import NOT_MEASURED, listed, ratio, slower, tally
from report.evidence.queries import inputs, seconds, time_ratio, timings
from report.figures.svg import svg_figure
from report.figures.timing import ratios

# What is compared: (subject, implementation) over (subject, implementation).
PAIRS = {
    "Swish / sigmoid, ours": (("swish", "impl"), ("sigmoid", "impl")),
    "Swish / sigmoid, torch": (("swish", "torch"), ("sigmoid", "torch")),
    "Swish, ours / torch": (("swish", "impl"), ("swish", "torch")),
    "Swish, eager / ours": (("swish", "composed"), ("swish", "impl")),
}
MEMORY = {
    "Swish": ("swish", "impl"),
    "F.silu": ("swish", "torch"),
}  # compared with copies; torch's SiLU is Swish
AGAINST_COUNT = {"Swish / sigmoid, torch": "torch's kernels", "Swish / sigmoid, ours": "our implementation"}
COUNTED = "Swish / sigmoid, counted"
NEAR = 0.1  # by so much a measured ratio may miss the counted one, relative, and count as explained
MEASURED = (("sigmoid", "impl"), ("swish", "impl"), ("sigmoid", "torch"), ("swish", "torch"))


def measured(snapshot: Snapshot) -> pd.DataFrame:
    """Return every ratio of `PAIRS` in the snapshot: panel, row, series, value, low, high, sign."""
    rows = []
    for task, name in PASSES.items():
        for input in inputs(snapshot, task):
            for series, (subject, baseline) in PAIRS.items():
                if r := time_ratio(snapshot, task, input, subject, baseline):
                    rows.append((name, input, series, r.value, r.low, r.high, slower(r), ratio(r)))
    names = ["panel", "row", "series", "value", "low", "high", "sign", "text"]
    return pd.DataFrame(rows, columns=names)


def medians(snapshot: Snapshot) -> list[list[str]]:
    """Return rows of times: pass and elements, then each of `MEASURED`."""
    rows = []
    for task, name in PASSES.items():
        for input in inputs(snapshot, task):
            times = [seconds(snapshot, task, *what, input) for what in MEASURED]
            cells = [NOT_MEASURED if s is None else duration(mean_time(s).value) for s in times]
            rows.append([f"{name}, {elements(input)}", *cells])
    return rows


def first_calls(snapshot: Snapshot) -> dict[str, str]:
    """Return the seconds of a compiled activation's first call by state of the compiler's cache."""
    m = snapshot.measurements
    m = m[(m["task"] == "first_call") & (m["metric"] == "first_call_seconds")]
    by = m.assign(seed=m["seed"].fillna(0)).set_index("seed").groupby("input", observed=True, sort=False)
    return {str(state): duration(mean_time(by_round).value) for state, by_round in by["value"]}


def elements(input: str) -> str:
    """Return the number in "16384 elements" with its digits grouped; another input as it is."""
    head = input.split(" ")[0]
    return count(int(head)) if head.isdigit() else input


def summary(frame: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Return for each series how often it is slower, and its least and greatest ratio."""
    return {
        str(series): {
            "tally": tally(part["sign"], "slower", "faster"),
            "least": part["value"].min(),
            "most": part["value"].max(),
        }
        for series, part in frame.groupby("series", sort=False)
    }


def against_count(value: float, counted: float) -> int:
    """Return +1 where a measured ratio exceeds the counted one by more than NEAR, -1 where below, else 0."""
    return int(value > counted * (1 + NEAR)) - int(value < counted * (1 - NEAR))


def explained(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Compare the measured ratios of `AGAINST_COUNT` with the counted ones, for each pass."""
    words = {0: "as counted", 1: "above", -1: "below"}
    entries = []
    for panel, counted in passes().items():
        for series, who in AGAINST_COUNT.items():
            part = frame[(frame["panel"] == panel) & (frame["series"] == series)]
            if part.empty:
                continue
            signs = [against_count(value, counted) for value in part["value"]]
            tallied = listed(f"{word} in {n}" for sign, word in words.items() if (n := signs.count(sign)))
            entries.append(
                {
                    "who": who,
                    "panel": panel,
                    "counted": counted,
                    "least": part["value"].min(),
                    "most": part["value"].max(),
                    "said": tallied,
                    "cases": len(signs),
                    "within": signs.count(0),
                }
            )
    return entries


def evidence(snapshot: Snapshot) -> Values:
    """Return times of Swish and sigmoid and their ratios; None where not measured."""
    frame = measured(snapshot)
    if frame.empty:
        return {
            "times": None,
            "bandwidth": bandwidth(snapshot, "q09", MEMORY),
            "first_calls": first_calls(snapshot),
        }
    frame["row"] = frame["row"].map(elements)
    wide = frame.pivot_table(
        index=["panel", "row"], columns="series", values="text", aggfunc="first", sort=False
    )
    shown = [name for name in PAIRS if name in wide]
    lines = wide[shown].fillna(NOT_MEASURED).to_numpy()
    counted = passes()
    rows = [
        [f"{panel}, {row}", number(counted[panel]), *line]
        for (panel, row), line in zip(wide.index, lines, strict=True)
    ]
    figure = svg_figure(
        ratios(frame, "ratio of times (logarithmic; 1 = equal)"),
        frame.drop(columns=["sign", "text"]),
        name=f"q09-ratios-{snapshot.id}",
        title="Cost of Swish relative to sigmoid",
        alt="Ratios of times as dots with intervals, forward and backward: "
        + "; ".join(f"{name} is {s['tally']}" for name, s in summary(frame).items())
        + ".",
    )
    return {
        "bandwidth": bandwidth(snapshot, "q09", MEMORY),
        "first_calls": first_calls(snapshot),
        "times": {
            "rounds": max(len(s) for s in timings(snapshot).values()),
            "medians": medians(snapshot),
            "columns": [COUNTED, *shown],
            "explained": explained(frame),
            "near": NEAR,
            "ratios": rows,
            "summary": summary(frame),
            "figure": figure,
        },
    }
