"""Evidence on question 3: convergence and times of batch, mini-batch and stochastic descent."""

import math

import numpy as np
import pandas as pd

from bench.statistics import Ratio, mean_time
from bench.store import Snapshot
from report.document import phrases
from report.document.formats import count, duration, number
from report.evidence.queries import at_best_rate, descents, inputs, seconds, time_ratio
from report.figures.descent import METHODS, excess_by_passes
from report.figures.svg import SvgFigure, svg_figure

INPUT = "logistic regression on digits"
METRICS = ("distance", "gradient_variance", "seconds")
BASELINE = "batch"


def value_at(rows: pd.DataFrame, seen: float) -> np.ndarray:
    """Return each seed's excess loss at its last point with at most `seen` samples."""
    reached = rows[rows["step"] <= seen].sort_values("step", kind="stable")
    return reached.groupby("seed")["value"].last().to_numpy()


def ranking(ends: dict[str, np.ndarray]) -> dict[str, list[tuple[str, float]]]:
    """Divide methods, with the median of their seeds, into those that lead and those that are behind.

    `level` has the method of the lowest median and those whose seeds overlap its range, `behind` the others,
    each in ascending order of the median.
    """
    medians = sorted(
        ((method, float(np.median(values))) for method, values in ends.items()), key=lambda m: m[1]
    )
    worst = ends[medians[0][0]].max()
    level = [m for m in medians if ends[m[0]].min() <= worst]
    return {"level": level, "behind": [m for m in medians if m not in level]}


def median_range(values: np.ndarray) -> str:
    """Format the median of the seeds with their range."""
    median, low, high = (number(x, 2) for x in (np.median(values), values.min(), values.max()))
    return median if low == high else f"{median} ({low} to {high})"


def curves_figure(frame: pd.DataFrame, one_pass: float, snapshot: Snapshot) -> SvgFigure:
    """Return the figure of one snapshot's curves, in passes over the samples."""
    table = frame[frame["step"] > 0].assign(passes=lambda rows: rows["step"] / one_pass)
    table = table[["method", "learning_rate", "seed", "passes", "value"]]
    return svg_figure(
        excess_by_passes(table),
        table,
        name=f"q03-descents-{snapshot.id}",
        title="Convergence of batch, mini-batch and stochastic descent",
        alt="Loss above the minimum against passes over the samples, both axes logarithmic: a thin line for "
        f"each seed and a thick one for the median of {phrases.listed(table['method'].unique())} descent.",
    )


def course_ends(snapshot: Snapshot, rates: pd.DataFrame) -> list[list[str]] | None:
    """Return each method's samples, and median METRICS over the seeds, at the end of its runs; or None.

    rates: method and learning_rate. None where a metric was not measured for every method.
    """
    columns = []
    for metric in METRICS:
        rows = descents(snapshot, metric).merge(rates, on=["method", "learning_rate"])
        if set(rows["method"]) != set(METHODS):
            return None
        columns.append(rows.groupby(["method", "step"])["value"].median().rename(metric))
    medians = pd.concat(columns, axis=1).reset_index()
    last = medians[medians["step"] > 0].groupby("method").last().loc[list(METHODS)]
    return [
        [
            str(method),
            count(end["step"]),
            duration(end["seconds"]),
            *(number(end[m], 2 if end[m] else 1) for m in METRICS[:2]),
        ]
        for method, end in last.iterrows()
    ]


def convergence(snapshot: Snapshot) -> dict[str, object] | None:
    """Return each method's curves at its best rate and its excess after one pass and at the end; or None."""
    all_runs = descents(snapshot)
    frame = at_best_rate(all_runs[all_runs["method"].isin(list(METHODS))])
    if set(frame["method"]) != set(METHODS):
        return None
    by_method = {method: frame[frame["method"] == method] for method in METHODS}
    batch = by_method[BASELINE]
    one_pass = float(batch.loc[batch["step"] > 0, "step"].min())
    end = min(float(rows["step"].max()) for rows in by_method.values())
    early, late = ({m: value_at(rows, seen) for m, rows in by_method.items()} for seen in (one_pass, end))
    return {
        "figure": curves_figure(frame, one_pass, snapshot),
        "rows": [
            [
                method,
                number(rows["learning_rate"].iloc[0], 1),
                median_range(early[method]),
                median_range(late[method]),
            ]
            for method, rows in by_method.items()
        ],
        "seeds": frame["seed"].nunique(),
        "samples": one_pass,
        "passes": end / one_pass,
        "early": ranking(early),
        "late": ranking(late),
        "ends": course_ends(snapshot, frame[["method", "learning_rate"]].drop_duplicates()),
    }


def relative(ratio: Ratio) -> str:
    """Format a ratio of times with its interval and verdict; the ratio alone without an interval."""
    if math.isnan(ratio.low):
        return number(ratio.value)
    return f"{phrases.ratio(ratio)}, {phrases.SLOWER[phrases.slower(ratio)]}"


def row(snapshot: Snapshot, task: str, input: str, subject: str) -> tuple[float, list[str]] | None:
    """Return a method's seconds to the target, and the cells of its row in the table of times."""
    taken = seconds(snapshot, task, subject, "impl", input)
    m = snapshot.measurements
    part = m[(m["task"] == task) & (m["subject"] == subject) & (m["input"] == input)]
    fixed = part[part["metric"] != "seconds"].groupby("metric")["value"].first()
    ratio = time_ratio(snapshot, task, input, (subject, "impl"), (BASELINE, "impl"))
    if taken is None or ratio is None or not {"learning_rate", "steps", "samples"} <= set(fixed.index):
        return None
    mean = mean_time(taken).value
    cells = [
        subject,
        number(fixed["learning_rate"], 1),
        count(fixed["steps"]),
        count(fixed["samples"]),
        duration(mean),
        "baseline" if subject == BASELINE else relative(ratio),
    ]
    return mean, cells


def timed(snapshot: Snapshot, task: str, input: str) -> list[tuple[float, list[str]]]:
    """Return `row` of each timed method; empty without batch descent."""
    return [found for method in METHODS if (found := row(snapshot, task, input, method)) is not None]


def times(snapshot: Snapshot) -> dict[str, object] | None:
    """Return the rows of times to the target loss, and the fastest method with its time; None without any."""
    found = timed(snapshot, "time_to_target", INPUT)
    if not found:
        return None
    ordered = [(cells[0], cells[4]) for _, cells in sorted(found)]
    return {"rows": [cells for _, cells in found], "fastest": ordered[0], "slowest": ordered[-1]}


def times_to_minimum(snapshot: Snapshot) -> list[list[str]]:
    """Return the same rows for every problem with a known minimum: its name first, and without the rate."""
    task = "time_to_minimum"
    found = ((input, cells) for input in inputs(snapshot, task) for _, cells in timed(snapshot, task, input))
    return [[input, method, *rest] for input, (method, _, *rest) in found]


def problem_samples(snapshot: Snapshot) -> list[int]:
    """Return the numbers of samples of the problems with a known minimum."""
    runs = snapshot.runs
    return sorted({int(n) for n in runs.loc[runs["task"] == "time_to_minimum", "size"]}) if len(runs) else []
