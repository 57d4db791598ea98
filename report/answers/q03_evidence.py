"""What the store says on question 3: convergence and time of batch, mini-batch and stochastic descent."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from bench.statistics import Ratio
from bench.store import Snapshot
from report.evidence import at_best_rate, descents, samples, time_ratio
from report.figures.descent import METHODS, excess_by_samples
from report.figures.style import to_svg
from report.formats import count, duration, number

INPUT = "logistic regression on digits"


def value_at(own: pd.DataFrame, seen: float) -> np.ndarray:
    """Excess loss of each seed at its last point with at most `seen` samples; own: one method's rows."""
    reached = own[own["step"] <= seen].sort_values("step", kind="stable")
    return reached.groupby("seed")["value"].last().to_numpy()


def leader(ends: dict[str, np.ndarray]) -> tuple[str, bool]:
    """Method of the least median, and whether all its seeds lie below all seeds of every other method."""
    best = min(ends, key=lambda method: float(np.median(ends[method])))
    clear = all(ends[best].max() < ends[method].min() for method in ends if method != best)
    return best, clear


def median_range(values: np.ndarray) -> str:
    """Median of the seeds with the least and the greatest."""
    median, low, high = (number(x, 2) for x in (np.median(values), values.min(), values.max()))
    return median if low == high else f"{median} ({low} to {high})"


def curves_figure(frame: pd.DataFrame, snapshot: Snapshot) -> Markup:
    """The curves of one snapshot."""
    return to_svg(
        excess_by_samples(frame),
        name=f"q03-descents-{snapshot.slug}",
        title="Convergence of batch, mini-batch and stochastic descent",
        alt="Loss above the minimum against samples seen, both axes logarithmic, one line with a shaded "
        f"range for each of {', '.join(frame['method'].unique())}.",
    )


def convergence(snapshot: Snapshot) -> dict[str, object] | None:
    """Each method at its best rate: curves, excess after one pass and at the end; None without all three."""
    all_runs = descents(snapshot)
    frame = at_best_rate(all_runs[all_runs["method"].isin(list(METHODS))])
    if set(frame["method"]) != set(METHODS):
        return None
    own = {method: frame[frame["method"] == method] for method in METHODS}
    one_pass = float(own["batch"].loc[own["batch"]["step"] > 0, "step"].min())
    end = min(float(rows["step"].max()) for rows in own.values())
    at = {seen: {m: value_at(rows, seen) for m, rows in own.items()} for seen in (one_pass, end / 2, end)}
    falls = {m: float(np.median(at[end / 2][m]) / np.median(at[end][m])) for m in own}
    table = [
        [
            method,
            number(rows["learning_rate"].iloc[0], 1),
            median_range(at[one_pass][method]),
            median_range(at[end][method]),
            number(falls[method]),
        ]
        for method, rows in own.items()
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
    }


def verdict(ratio: Ratio) -> str:
    """What the interval of a ratio of times allows to say."""
    if ratio.high < 1:
        return "faster"
    return "slower" if ratio.low > 1 else "undecided"


def row(snapshot: Snapshot, subject: str) -> list[str] | None:
    """One method's rate, steps, samples and seconds to the target, and its time beside batch descent's."""
    seconds = samples(snapshot, "time_to_target", subject, "impl", INPUT)
    m = snapshot.measurements
    own = m[(m["task"] == "time_to_target") & (m["subject"] == subject) & (m["input"] == INPUT)]
    fixed = own[own["metric"] != "seconds"].groupby("metric")["value"].first()
    ratio = time_ratio(snapshot, "time_to_target", INPUT, (subject, "impl"), ("batch", "impl"))
    if seconds is None or ratio is None or not {"learning_rate", "steps", "samples"} <= set(fixed.index):
        return None
    beside = f"{number(ratio.value)} ({number(ratio.low)} to {number(ratio.high)}), {verdict(ratio)}"
    return [
        subject,
        number(fixed["learning_rate"], 1),
        count(fixed["steps"]),
        count(fixed["samples"]),
        duration(float(np.median(seconds))),
        "the measure" if subject == "batch" else beside,
    ]


def times(snapshot: Snapshot) -> list[list[str]]:
    """Rows of the three methods that were timed; empty where none was, or not batch descent."""
    return [cells for method in METHODS if (cells := row(snapshot, method)) is not None]
