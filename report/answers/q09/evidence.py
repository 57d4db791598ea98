"""Question 9: evidence on the times of Swish and sigmoid."""

import pandas as pd

from bench.records.names import PASSES
from bench.statistics import mean_time
from bench.store import Snapshot
from report.answers.cost import bandwidth, elements, ratio_cell, two_digits
from report.answers.q09.counts import passes
from report.document.answer import Values
from report.document.formats import duration, number
from report.document.phrases import NOT_MEASURED, slower
from report.evidence.queries import inputs, network_input, seconds, time_ratio, timings
from report.figures.svg import svg_figure
from report.figures.timing import is_cut, ratios

# What is compared: (subject, implementation) over (subject, implementation).
PAIRS = {
    "Swish / sigmoid, torch": (("swish", "torch"), ("sigmoid", "torch")),
    "Swish / sigmoid, ours": (("swish", "impl"), ("sigmoid", "impl")),
    "Swish, ours / torch": (("swish", "impl"), ("swish", "torch")),
    "Swish, eager / ours": (("swish", "composed"), ("swish", "impl")),
}
MEMORY = {
    "Swish": ("swish", "impl"),
    "F.silu": ("swish", "torch"),
}  # compared with copies; torch's SiLU is Swish
AGAINST_COUNT = {"Swish / sigmoid, torch": "torch's kernels", "Swish / sigmoid, ours": "ours"}
NEAR = 0.1  # by so much a measured ratio may miss the counted one, relative, and count as explained
MEASURED = (("sigmoid", "impl"), ("swish", "impl"), ("sigmoid", "torch"), ("swish", "torch"))


def measured(snapshot: Snapshot) -> pd.DataFrame:
    """Return every ratio of `PAIRS` in the snapshot: panel, row, series, value, low, high, sign, text."""
    rows = []
    for task, name in PASSES.items():
        for input in inputs(snapshot, task):
            for series, (subject, baseline) in PAIRS.items():
                if r := time_ratio(snapshot, task, input, subject, baseline):
                    rows.append((name, input, series, r.value, r.low, r.high, slower(r), ratio_cell(r)))
    names = ["panel", "row", "series", "value", "low", "high", "sign", "text"]
    return pd.DataFrame(rows, columns=names)


def by_round(snapshot: Snapshot) -> pd.DataFrame:
    """Return the ratios of `PAIRS` in each round: panel, row, series, round and value."""
    rows = []
    for task, name in PASSES.items():
        for input in inputs(snapshot, task):
            for series, pair in PAIRS.items():
                a, b = (seconds(snapshot, task, *what, input) for what in pair)
                if a is not None and b is not None:
                    rows += [(name, input, series, k, value) for k, value in (a / b).dropna().items()]
    return pd.DataFrame(rows, columns=["panel", "row", "series", "round", "value"])


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
    return {str(state): duration(mean_time(by_state).value) for state, by_state in by["value"]}


def spans(frame: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Return for each series its least and greatest ratio, and in how many cases the first is faster."""
    return {
        str(series): {
            "least": two_digits(part["value"].min()),
            "most": two_digits(part["value"].max()),
            "faster": int((part["sign"] == -1).sum()),
            "cases": len(part),
        }
        for series, part in frame.groupby("series", sort=False)
    }


def against_count(value: float, counted: float) -> int:
    """Return +1 where a measured ratio exceeds the counted one by more than NEAR, -1 where below, else 0."""
    return int(value > counted * (1 + NEAR)) - int(value < counted * (1 - NEAR))


def explained(frame: pd.DataFrame, size: str) -> list[list[str]]:
    """Return rows: pass and kernel, counted ratio, measured one at a size and at all, whether they agree."""
    rows = []
    for panel, counted in passes().items():
        for series, who in AGAINST_COUNT.items():
            part = frame[(frame["panel"] == panel) & (frame["series"] == series)]
            if part.empty:
                continue
            near = [against_count(value, counted) == 0 for value in part["value"]]
            there = part.loc[part["row"] == size, "value"]
            rows.append(
                [
                    f"{panel}, {who}",
                    number(counted, 2),
                    number(there.iloc[0]) if len(there) else NOT_MEASURED,
                    f"{number(part['value'].min())} to {number(part['value'].max())}",
                    "yes" if all(near) else "at some sizes" if any(near) else "no",
                ]
            )
    return rows


def at_size(frame: pd.DataFrame, size: str) -> dict[str, dict[str, float]]:
    """Return the ratios at a size, by series and pass: 1 where an interval includes it."""
    there = frame[frame["row"] == size]
    open_ = (there["sign"] == 0) & there["low"].notna()
    there = there.assign(value=there["value"].mask(open_, 1.0))
    return {
        str(series): dict(zip(part["panel"], part["value"], strict=True))
        for series, part in there.groupby("series", sort=False)
    }


def evidence(snapshot: Snapshot) -> Values:
    """Return times of Swish and sigmoid and their ratios; None where not measured."""
    frame = measured(snapshot)
    if frame.empty:
        return {
            "times": None,
            "bandwidth": bandwidth(snapshot, "q09", MEMORY),
            "first_calls": first_calls(snapshot),
        }
    size = elements(network_input(snapshot, next(iter(PASSES))) or str(frame["row"].iloc[0]))
    each = by_round(snapshot)
    for part in (frame, each):
        part["row"] = part["row"].map(elements)
    wide = frame.pivot_table(
        index=["panel", "row"], columns="series", values="text", aggfunc="first", sort=False
    )
    shown = [name for name in PAIRS if name in wide]
    lines = wide[shown].fillna(NOT_MEASURED).to_numpy()
    rows = [[f"{panel}, {row}", *line] for (panel, row), line in zip(wide.index, lines, strict=True)]
    ranges = spans(frame)
    figure = svg_figure(
        ratios(frame, "ratio of times (logarithmic; 1 = equal)", rounds=each),
        frame.drop(columns=["sign", "text"]),
        name=f"q09-ratios-{snapshot.id}",
        title="Cost of Swish relative to sigmoid",
        alt="Ratios of times as dots with intervals, forward and backward, by number of elements: "
        + "; ".join(f"{name} {s['least']} to {s['most']}" for name, s in ranges.items())
        + ".",
    )
    return {
        "bandwidth": bandwidth(snapshot, "q09", MEMORY),
        "first_calls": first_calls(snapshot),
        "times": {
            "rounds": max(len(s) for s in timings(snapshot).values()),
            "size": size,
            "at_size": at_size(frame, size),
            "medians": medians(snapshot),
            "columns": shown,
            "explained": explained(frame, size),
            "near": NEAR,
            "ratios": rows,
            "spans": ranges,
            "figure": figure,
            "cut": is_cut(frame),
        },
    }
