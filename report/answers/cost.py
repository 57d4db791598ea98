"""Cost of an activation: its memory traffic against a copy's, and its time against its results."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bench.records.names import CONTROL
from bench.statistics import RESAMPLES, mean_interval, percentiles, resampled_medians
from bench.store import Snapshot
from report.document import phrases
from report.document.labels import label, ordered
from report.evidence.activation_runs import QUANTITIES
from report.evidence.queries import final, inputs, samples
from report.figures.svg import SvgFigure, svg_figure
from report.figures.worth import bandwidth as bandwidth_figure
from report.figures.worth import worth as worth_figure

# Bytes that a float32 element needs: forward reads x and writes y, backward reads x and the gradient and
# writes one; a copy reads and writes.
FORWARD_AND_BACKWARD, COPY = 20, 8
FRESH = "copy into fresh memory"
COPIES = {"copy": "copy into memory at hand", "copy to fresh memory": FRESH}
NETWORKS = {
    "classifier with batch norm": ("classifier", True, "test_accuracy"),
    "classifier without batch norm": ("classifier", False, "test_accuracy"),
    "fully connected autoencoder": ("fc_autoencoder", True, "test_loss"),
}


def traffic(snapshot: Snapshot, candidates: tuple[str, ...]) -> pd.DataFrame:
    """Return the rate of necessary memory traffic of candidates and copies, in GB/s, by size and threads.

    Columns: threads, candidate, elements, seconds (median), rate, low and high (percentile bootstrap). A
    candidate that moves more bytes than necessary has a rate below that of the memory.
    """
    m = snapshot.measurements
    m = m[(m["task"] == "interleaved") & (m["subject"] == "activations")]
    rows = []
    for name in (*candidates, *COPIES):
        part = m[m["metric"] == f"seconds of {name}"]
        for (threads, _), group in part.groupby(["implementation", "size"], observed=True):
            elements = int(group["size"].iloc[0])
            needed = elements * (COPY if name in COPIES else FORWARD_AND_BACKWARD) / 1e9
            median, fast, slow = _median(group["value"].to_numpy())
            rates = needed / median, needed / slow, needed / fast
            rows.append((threads, COPIES.get(name, name), elements, median, *rates))
    columns = ["threads", "candidate", "elements", "seconds", "rate", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _median(*sets: np.ndarray) -> tuple[float, float, float]:
    """Return the sum of the medians of sets of samples, with a percentile bootstrap interval (Efron 1979)."""
    rng = np.random.default_rng(0)
    drawn = [resampled_medians(samples, RESAMPLES, rng) for samples in sets]
    return float(sum(np.median(samples) for samples in sets)), *percentiles(np.sum(drawn, axis=0))


def worth(snapshot: Snapshot) -> pd.DataFrame:
    """Return each activation's time and the results of networks with it, each at its chosen rate.

    Columns: panel, quantity, name, activation, microseconds (forward and backward at the largest size), fast,
    slow, value, low and high. Empty where either was not measured.
    """
    rows = []
    sizes = inputs(snapshot, "activation_forward")
    for panel, (task, batch_norm, metric) in NETWORKS.items():
        scale, quantity = QUANTITIES[metric]
        table = final(snapshot, task, metric, batch_norm)
        for name in ordered(table) if sizes else ():
            passes = [
                samples(snapshot, f"activation_{way}", name, "impl", sizes[-1])
                for way in ("forward", "backward")
            ]
            timed = [times for times in passes if times is not None]
            if name == CONTROL or len(timed) < len(passes):
                continue
            d = mean_interval(scale * table[name].dropna())
            times = (1e6 * s for s in _median(*timed))
            rows.append((panel, quantity, name, label(name), *times, d.mean, d.low, d.high))
    columns = [
        "panel",
        "quantity",
        "name",
        "activation",
        "microseconds",
        "fast",
        "slow",
        "value",
        "low",
        "high",
    ]
    return pd.DataFrame(rows, columns=columns)


def bandwidth(snapshot: Snapshot, question: str, activation_of: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the figure of `traffic`, and the first candidate's range of shares of a fresh copy's rate.

    question: prefix of the figure's name; activation_of: by candidate the activation that it computes. None
    where the benchmark was not run.
    """
    frame = traffic(snapshot, tuple(activation_of))
    first = next(iter(activation_of))
    rates = frame.pivot(index=["threads", "elements"], columns="candidate", values="rate")
    if first not in rates or FRESH not in rates:
        return None
    shares = (rates[first] / rates[FRESH]).dropna()
    sizes = shares.index.get_level_values("elements").to_numpy()
    figure = svg_figure(
        bandwidth_figure(frame, activation_of),
        frame,
        name=f"{question}-bandwidth-{snapshot.id}",
        title=f"Memory traffic of {first} beside a copy's",
        alt=f"On logarithmic axes the rate of {phrases.listed(activation_of)} and of two copies against the "
        f"number of elements. {first} has between {shares.min():.0%} and {shares.max():.0%} of the rate of a "
        "copy into fresh memory; all fall where a result no longer fits the cache.",
    )
    return {
        "figure": figure,
        "first": first,
        "least": shares.min(),
        "most": shares.max(),
        "least_at": int(sizes[shares.to_numpy().argmin()]),
        "most_at": int(sizes[shares.to_numpy().argmax()]),
    }


def worth_svg(snapshot: Snapshot) -> SvgFigure | None:
    """Return the figure of `worth`; None where times or trained networks are missing."""
    frame = worth(snapshot)
    if frame.empty:
        return None
    ends = frame.loc[[frame["microseconds"].idxmin(), frame["microseconds"].idxmax()], "activation"]
    best = []
    for (panel, quantity), part in frame.groupby(["panel", "quantity"], sort=False):
        first = part.sort_values("value", ascending="loss" in str(quantity)).iloc[0]
        best.append(f"{first['activation']} in the {panel}")
    return svg_figure(
        worth_figure(frame),
        frame,
        name=f"q11-worth-{snapshot.id}",
        title="What an activation costs and what it buys",
        alt=f"A mark with intervals for each activation. The cheapest is {ends.iloc[0]}, the dearest "
        f"{ends.iloc[1]}; best are {phrases.listed(best)}.",
    )
