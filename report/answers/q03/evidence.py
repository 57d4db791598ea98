"""Evidence on question 3: convergence and times of batch, mini-batch and stochastic descent."""

import numpy as np
import pandas as pd

from bench.statistics import mean_time
from bench.store import Snapshot
from report.document import phrases
from report.document.formats import count, duration, number
from report.evidence.queries import at_best_rate, descents, inputs, seconds, time_ratio
from report.figures.descent import METHODS, distance_and_variance, excess_by_samples
from report.figures.svg import SvgFigure, svg_figure

INPUT = "logistic regression on digits"
METRICS = ("distance", "gradient_variance", "seconds")


def value_at(rows: pd.DataFrame, seen: float) -> np.ndarray:
    """Return each seed's excess loss at its last point with at most `seen` samples."""
    reached = rows[rows["step"] <= seen].sort_values("step", kind="stable")
    return reached.groupby("seed")["value"].last().to_numpy()


def leader(ends: dict[str, np.ndarray]) -> tuple[str, bool]:
    """Return the method of the least median, and whether all its seeds lie below all seeds of the others."""
    best = min(ends, key=lambda method: float(np.median(ends[method])))
    clear = all(ends[best].max() < ends[method].min() for method in ends if method != best)
    return best, clear


def median_range(values: np.ndarray) -> str:
    """Format the median of the seeds with their range."""
    median, low, high = (number(x, 2) for x in (np.median(values), values.min(), values.max()))
    return median if low == high else f"{median} ({low} to {high})"


def curves_figure(frame: pd.DataFrame, snapshot: Snapshot) -> SvgFigure:
    """Return the figure of one snapshot's curves."""
    by = ["method", "learning_rate", "step"]
    table = frame[frame["step"] > 0].groupby(by)["value"].agg(["median", "min", "max"]).reset_index()
    return svg_figure(
        excess_by_samples(table),
        table,
        name=f"q03-descents-{snapshot.id}",
        title="Convergence of batch, mini-batch and stochastic descent",
        alt="Loss above the minimum against samples seen, both axes logarithmic, one line with a shaded "
        f"range for each of {', '.join(frame['method'].unique())}.",
    )


def course(snapshot: Snapshot, rates: pd.DataFrame) -> pd.DataFrame | None:
    """Return the medians over seeds of METRICS, by method and samples seen (`step`).

    rates: method and learning_rate. None where a metric was not measured for every method.
    """
    columns = []
    for metric in METRICS:
        rows = descents(snapshot, metric).merge(rates, on=["method", "learning_rate"])
        if set(rows["method"]) != set(METHODS):
            return None
        columns.append(rows.groupby(["method", "step"])["value"].median().rename(metric))
    return pd.concat(columns, axis=1).reset_index()


def way(snapshot: Snapshot, rates: pd.DataFrame) -> dict[str, object] | None:
    """Return the curves of distance, variance and seconds, and their last values by method; or None."""
    medians = course(snapshot, rates)
    if medians is None:
        return None
    last = medians[medians["step"] > 0].groupby("method").last().loc[list(METHODS)]
    return {
        "rows": [
            [
                method,
                count(end["step"]),
                duration(end["seconds"]),
                *(number(end[m], 2 if end[m] else 1) for m in METRICS[:2]),
            ]
            for method, end in last.iterrows()
        ],
        "figure": svg_figure(
            distance_and_variance(medians),
            medians,
            name=f"q03-way-{snapshot.id}",
            title="Distance to the minimum and variance of the gradient",
            alt="Four panels with logarithmic axes: distance to the minimum above, variance of the gradient "
            f"below, by samples seen and by seconds, a line for each of {', '.join(METHODS)}.",
        ),
    }


def convergence(snapshot: Snapshot) -> dict[str, object] | None:
    """Return each method's curves at its best rate and its excess after one pass and at the end; or None."""
    all_runs = descents(snapshot)
    frame = at_best_rate(all_runs[all_runs["method"].isin(list(METHODS))])
    if set(frame["method"]) != set(METHODS):
        return None
    by_method = {method: frame[frame["method"] == method] for method in METHODS}
    one_pass = float(by_method["batch"].loc[by_method["batch"]["step"] > 0, "step"].min())
    end = min(float(rows["step"].max()) for rows in by_method.values())
    at = {
        seen: {m: value_at(rows, seen) for m, rows in by_method.items()} for seen in (one_pass, end / 2, end)
    }
    falls = {m: float(np.median(at[end / 2][m]) / np.median(at[end][m])) for m in by_method}
    table = [
        [
            method,
            number(rows["learning_rate"].iloc[0], 1),
            median_range(at[one_pass][method]),
            median_range(at[end][method]),
            number(falls[method]),
        ]
        for method, rows in by_method.items()
    ]
    return {
        "figure": curves_figure(frame, snapshot),
        "rows": table,
        "seeds": frame["seed"].nunique(),
        "one_pass": one_pass,
        "passes": end / one_pass,
        "early": leader(at[one_pass]),
        "late": leader(at[end]),
        "fastest_fall": max(falls, key=lambda method: falls[method]),
        "way": way(snapshot, frame[["method", "learning_rate"]].drop_duplicates()),
    }


def row(snapshot: Snapshot, task: str, input: str, subject: str) -> list[str] | None:
    """Return a method's rate, steps, samples and seconds to the target, and its time over batch descent's."""
    taken = seconds(snapshot, task, subject, "impl", input)
    m = snapshot.measurements
    part = m[(m["task"] == task) & (m["subject"] == subject) & (m["input"] == input)]
    fixed = part[part["metric"] != "seconds"].groupby("metric")["value"].first()
    ratio = time_ratio(snapshot, task, input, (subject, "impl"), ("batch", "impl"))
    if taken is None or ratio is None or not {"learning_rate", "steps", "samples"} <= set(fixed.index):
        return None
    against = f"{phrases.ratio(ratio)}, {phrases.SLOWER[phrases.slower(ratio)]}"
    return [
        subject,
        number(fixed["learning_rate"], 1),
        count(fixed["steps"]),
        count(fixed["samples"]),
        duration(mean_time(taken).value),
        "the measure" if subject == "batch" else against,
    ]


def times(snapshot: Snapshot, task: str = "time_to_target", input: str = INPUT) -> list[list[str]]:
    """Return the rows of the timed methods; empty without batch descent."""
    return [cells for method in METHODS if (cells := row(snapshot, task, input, method)) is not None]


def times_to_minimum(snapshot: Snapshot) -> list[list[str]]:
    """Return the same rows for every problem with a chosen minimum: its name first, and without the rate."""
    task = "time_to_minimum"
    timed = ((input, cells) for input in inputs(snapshot, task) for cells in times(snapshot, task, input))
    return [[input, method, *rest] for input, (method, _, *rest) in timed]
