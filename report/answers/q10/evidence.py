"""Question 10: evidence on convolution strategies, the network's accuracy and training steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.records.candidate_names import is_custom
from bench.records.names import CONVOLUTIONS
from bench.statistics import mean_time, paired_ratio, training_runs
from bench.statistics.training_runs import scored
from bench.store import Snapshot
from impl.convolution import STRATEGIES
from report.answers.cost import two_digits
from report.document.formats import count, duration, number, percent
from report.document.labels import words
from report.document.phrases import NOT_MEASURED, slower
from report.evidence.queries import curves, timings
from report.figures.svg import SvgFigure, svg_figure
from report.figures.timing import is_cut, ratios

NETWORKS = {"scratch_cnn": "CNN from scratch"} | {
    task: name for name, (task, batch_norm) in training_runs.NETWORKS.items() if batch_norm is not False
}
LOOPS = "loops"  # thousands of times as slow as the rest, so in a figure it would squeeze them


def times(snapshot: Snapshot) -> pd.DataFrame:
    """Return every convolution, forward first: task, subject, input, size, and its `seconds` by round."""
    rows = [
        (task, subject, layer, samples, by_round)
        for (task, subject, _, layer, samples), by_round in timings(snapshot).items()
        if task in CONVOLUTIONS
    ]
    frame = pd.DataFrame(rows, columns=["task", "subject", "input", "size", "seconds"])
    return frame.sort_values("task", key=lambda tasks: tasks.map(list(CONVOLUTIONS).index), kind="stable")


def over_native(frame: pd.DataFrame) -> pd.DataFrame:
    """Return each strategy's time as a multiple of `F.conv2d`'s on the same layer and batch."""
    rows = []
    for (task, layer, _), part in frame.groupby(["task", "input", "size"], sort=False):
        by = dict(zip(part["subject"], part["seconds"], strict=True))
        batch = int(part["size"].iloc[0])
        panel = f"{CONVOLUTIONS[str(task)]}, batch of {batch}"
        for strategy in [name for name in by if name != "native" and "native" in by]:
            r = paired_ratio(by[strategy], by["native"])
            rows.append((panel, batch, layer, strategy, r.value, r.low, r.high, slower(r)))
    columns = ["panel", "batch", "row", "series", "value", "low", "high", "sign"]
    return pd.DataFrame(rows, columns=columns)


def in_order(multiples: pd.DataFrame, strategies: Sequence[str], layers: Sequence[str]) -> pd.DataFrame:
    """Sort multiples by batch size, then by strategy and layer in the given orders, others last."""

    def places(column: pd.Series) -> pd.Series:
        known = {"series": strategies, "row": layers}.get(str(column.name))
        return column if known is None else column.map(lambda v: known.index(v) if v in known else len(known))

    return multiples.sort_values(["batch", "series", "row"], key=places, kind="stable")


def median_rows(frame: pd.DataFrame, flops: Mapping[str, int]) -> dict[str, Any]:
    """Return columns and rows of forward times, with GFLOP/s for known layers."""
    forward = frame[frame["task"] == "convolution_forward"]
    subjects = [*STRATEGIES, "native", *sorted(filter(is_custom, set(forward["subject"].astype(str))))]
    rows = []
    for (layer, samples), part in forward.groupby(["input", "size"], sort=False):
        by = {name: mean_time(s).value for name, s in zip(part["subject"], part["seconds"], strict=True)}
        cells = []
        for name in subjects:
            rate = (
                flops[str(layer)] * part["size"].iloc[0] / by[name] / 1e9
                if name in by and str(layer) in flops
                else None
            )
            shown = "" if rate is None else f" ({number(rate, digits=2)})"
            cells.append(duration(by[name]) + shown if name in by else NOT_MEASURED)
        rows.append([f"{layer}, {count(samples)}", *cells])
    return {"columns": ["Layer, batch", *(words(name) for name in subjects)], "rows": rows}


def strategies(snapshot: Snapshot, flops: Mapping[str, int]) -> dict[str, Any] | None:
    """Compare the strategies with torch's; flops: of one sample, by layer. None if not measured."""
    frame = times(snapshot)
    if frame.empty:
        return None
    multiples = in_order(over_native(frame), [*STRATEGIES], [*flops])
    drawn = multiples[multiples["series"] != LOOPS]
    return {
        "medians": median_rows(frame, flops),
        "rounds": max(len(by_round) for by_round in frame["seconds"]),
        "spans": {str(name): span(part) for name, part in multiples.groupby("series", sort=False)},
        "nearest": nearest(drawn),
        "figure": None if drawn.empty else figure(drawn, snapshot.id),
        "cut": not drawn.empty and is_cut(drawn),
    }


def span(multiples: pd.DataFrame) -> dict[str, Any]:
    """Return the least and greatest multiple, rounded for prose, and in how many cases torch is slower."""
    return {
        "least": two_digits(multiples["value"].min()),
        "most": two_digits(multiples["value"].max()),
        "wins": int((multiples["sign"] == -1).sum()),
        "cases": len(multiples),
    }


def nearest(multiples: pd.DataFrame) -> dict[str, Any] | None:
    """Return the strategy with the least geometric mean of its multiples in the largest batches."""
    if multiples.empty:
        return None
    largest = multiples[multiples["batch"] == multiples["batch"].max()]
    means = np.log(largest["value"]).groupby(largest["series"], sort=False).mean()
    name = str(means.idxmin())
    return {"name": name, "batch": int(largest["batch"].iloc[0]), **span(largest[largest["series"] == name])}


def figure(multiples: pd.DataFrame, source_id: str) -> SvgFigure:
    """Return the figure of the multiples: a row for each strategy, a panel for each pass and batch size."""
    frame = multiples.rename(columns={"row": "series", "series": "row"})
    spans = [
        f"{name} {part['least']} to {part['most']}"
        for name, part in ((name, span(part)) for name, part in multiples.groupby("series", sort=False))
    ]
    return svg_figure(
        ratios(frame, "time as a multiple of F.conv2d's (logarithmic)"),
        frame.drop(columns=["sign", "batch"]),
        name=f"q10-strategies-{source_id}",
        title="Convolution strategies against torch's convolution",
        alt="Dots with intervals for each strategy and layer, forward and with backward, by batch size, as "
        f"multiples of torch's time: {'; '.join(spans)}.",
    )


def accuracy(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return held-out accuracy of the network by epoch and test accuracy at the end; None without runs."""
    runs = scored(snapshot)
    runs = runs[(runs["task"] == "scratch_cnn") & runs["test_accuracy"].notna()]
    if runs.empty:
        return None
    held_out = curves(snapshot, runs, "validation_accuracy")
    return {
        "rows": [[f"{step:g}", _mean_and_range(part["value"])] for step, part in held_out.groupby("step")],
        "test": _mean_and_range(runs["test_accuracy"]),
        "mean": percent(runs["test_accuracy"].mean(), 1),
        "seeds": int(runs["seed"].nunique()),
        "samples": int(runs["samples"].iloc[0]),
        "epochs": int(held_out["step"].max()),
    }


def _mean_and_range(values: pd.Series) -> str:
    """Format the mean of the seeds with their range; an interval of so few would leave [0, 1]."""
    mean, low, high = (percent(x, 2) for x in (values.mean(), values.min(), values.max()))
    return mean if len(values) == 1 else f"{mean} ({low} to {high})"


def training_steps(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: network and activation, time of one step, samples a second."""
    rows = []
    for (task, network, _, activation, samples), by_round in timings(snapshot).items():
        if task == "training_step":
            step = mean_time(by_round).value
            label = f"{NETWORKS.get(str(network), str(network))}, {activation}"
            rows.append([label, duration(step), count(round(int(str(samples)) / step, -1))])
    return sorted(rows)
