"""Question 10: evidence on convolution strategies, the network's accuracy and training steps."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.records.candidate_names import is_custom
from bench.records.names import CONVOLUTIONS
from bench.statistics import mean_time, paired_ratio
from bench.statistics.training_runs import scored
from bench.store import Snapshot
from impl.convolution import STRATEGIES
from report.document.formats import count, duration, number, percent
from report.document.labels import words
from report.document.phrases import NOT_MEASURED, ratio, slower, tally
from report.evidence.queries import curves, timings
from report.figures.svg import svg_figure
from report.figures.timing import ratios

NETWORKS = {
    "classifier": "fully connected classifier",
    "scratch_cnn": "CNN from scratch",
    "fc_autoencoder": "fully connected autoencoder",
    "conv_autoencoder": "convolutional autoencoder",
}


def times(snapshot: Snapshot) -> pd.DataFrame:
    """Return every convolution: task, subject, input, size, and its `seconds` by round."""
    rows = [
        (task, subject, layer, samples, by_round)
        for (task, subject, _, layer, samples), by_round in timings(snapshot).items()
        if task in CONVOLUTIONS
    ]
    return pd.DataFrame(rows, columns=["task", "subject", "input", "size", "seconds"])


def over_native(frame: pd.DataFrame) -> pd.DataFrame:
    """Return each strategy's time as a multiple of `F.conv2d`'s on the same layer and batch."""
    rows = []
    for (task, layer, _), part in frame.groupby(["task", "input", "size"], sort=False):
        by = dict(zip(part["subject"], part["seconds"], strict=True))
        for strategy in [name for name in by if name != "native" and "native" in by]:
            r = paired_ratio(by[strategy], by["native"])
            panel = f"{CONVOLUTIONS[str(task)]}, batch of {int(part['size'].iloc[0])}"
            rows.append((panel, layer, strategy, r.value, r.low, r.high, slower(r), ratio(r)))
    columns = ["panel", "row", "series", "value", "low", "high", "sign", "text"]
    return pd.DataFrame(rows, columns=columns)


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
    multiples = over_native(frame)
    summary = {
        str(name): {
            "tally": tally(part["sign"], "slower", "faster"),
            "least": part["value"].min(),
            "most": part["value"].max(),
        }
        for name, part in multiples.groupby("series", sort=False)
    }
    return {
        "medians": median_rows(frame, flops),
        "summary": summary,
        "figures": [figure(part, snapshot.id) for part in by_batch(multiples)],
    }


def by_batch(multiples: pd.DataFrame) -> list[pd.DataFrame]:
    """Split the multiples by batch size, for one figure each."""
    batch = multiples["panel"].str.rsplit(" ", n=1).str[-1].astype(int)
    return [part for _, part in multiples.groupby(batch)]


def figure(multiples: pd.DataFrame, source_id: str) -> dict[str, Any]:
    """Return the figure of one batch size's multiples, forward and with backward."""
    batch = multiples["panel"].iloc[0].rsplit(" ", 1)[-1]
    spans = [
        f"{name} {number(part['value'].min(), digits=2)} to {number(part['value'].max(), digits=2)}"
        for name, part in multiples.groupby("series", sort=False)
    ]
    plot = svg_figure(
        ratios(multiples, "time as a multiple of F.conv2d's (logarithmic)", tuple(STRATEGIES)),
        multiples.drop(columns=["sign"]),
        name=f"q10-strategies-{source_id}-{batch}",
        title=f"Convolution strategies against torch's convolution, batch of {batch}",
        alt="Dots with intervals for three layers, forward and with backward, as multiples of torch's time: "
        f"{'; '.join(spans)}.",
    )
    return {"figure": plot, "anchor": f"batch-{batch}", "batch": batch}


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
        "seeds": int(runs["seed"].nunique()),
        "samples": int(runs["samples"].iloc[0]),
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
