"""Cost of an activation: its memory traffic against a copy's, and its time against its results."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.records.names import CONTROLS, COPIES, PASSES
from bench.statistics import Ratio, mean_interval, mean_time
from bench.statistics.training_runs import NETWORKS
from bench.store import Snapshot
from report.document import phrases
from report.document.formats import NO_BREAK, count, number, percent
from report.document.labels import label, ordered
from report.evidence.activation_runs import QUANTITIES
from report.evidence.queries import final, network_input, seconds, timings
from report.figures.svg import SvgFigure, svg_figure
from report.figures.worth import bandwidth as bandwidth_figure
from report.figures.worth import worth as worth_figure

# Bytes that a float32 element needs: forward reads x and writes y, backward reads x and the gradient and
# writes one; a copy reads and writes.
NEEDED = {"activation_forward": 8, "activation_backward": 12}
COPIED = 8
DRAWN = {
    "classifier with batch norm": "test_accuracy",
    "classifier without batch norm": "test_accuracy",
    "fully connected autoencoder": "test_loss",
}


def two_digits(x: float) -> str:
    """Format a ratio for prose with two significant digits.

    Example:
        >>> two_digits(5.919), two_digits(696.2), two_digits(16358.0)
        ('5.9', '700', '16\u202f000')
    """
    rounded = float(f"{x:.1e}")
    return count(rounded) if rounded >= 1000 else number(rounded, digits=2)


def ratio_cell(r: Ratio) -> str:
    """Format a ratio for a table, "1.61 (1.31–1.98)" in one line; alone where one round gives no interval."""
    interval = "" if math.isnan(r.low) else f"{NO_BREAK}({number(r.low)}–{number(r.high)})"
    return number(r.value) + interval


def elements(input: str) -> str:
    """Return the number in "16384 elements" with its digits grouped; another input as it is."""
    head = input.split(" ")[0]
    return count(int(head)) if head.isdigit() else input


def traffic(snapshot: Snapshot, candidates: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Return the rate of necessary memory traffic of candidates and copies, in GB/s, by pass and size.

    Columns: panel, candidate, elements, rate, low and high (over rounds). The rate of a copy into memory at
    hand is what memory allows; that into a new tensor is no bound, for the system must provide pages first.

    Args:
        snapshot: Times.
        candidates: Subject and implementation by label.
    """
    rows = []
    for task, panel in PASSES.items():
        wanted = {
            **{name: (task, *what, NEEDED[task]) for name, what in candidates.items()},
            **{words: ("copy", memory, "torch", COPIED) for memory, words in COPIES.items()},
        }
        for name, (*what, needed) in wanted.items():
            for key, by_round in timings(snapshot).items():
                if key[:3] == tuple(what):
                    elements = int(str(key[4]))
                    r, moved = mean_time(by_round), needed * elements / 1e9
                    rows.append((panel, name, elements, moved / r.value, moved / r.high, moved / r.low))
    return pd.DataFrame(rows, columns=["panel", "candidate", "elements", "rate", "low", "high"])


def worth(snapshot: Snapshot) -> pd.DataFrame:
    """Return each activation's time and the results of networks with it, each at its chosen rate.

    Columns: panel, quantity, name, activation, microseconds (forward and backward at the classifier's size),
    fast, slow, value, low and high. Empty where either was not measured.
    """
    rows = []
    size = network_input(snapshot, "activation_forward") or ""
    for panel, metric in DRAWN.items():
        task, batch_norm = NETWORKS[panel]
        scale, quantity = QUANTITIES[metric]
        table = final(snapshot, task, metric, batch_norm)
        for name in ordered(table):
            forward, backward = (seconds(snapshot, task, name, "impl", size) for task in PASSES)
            if name in CONTROLS or forward is None or backward is None:
                continue
            d = mean_interval(scale * table[name].dropna())
            r = mean_time(forward + backward)
            times = (1e6 * s for s in (r.value, r.low, r.high))
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


def bandwidth(
    snapshot: Snapshot, question: str, candidates: Mapping[str, tuple[str, str]]
) -> dict[str, Any] | None:
    """Return the figure of `traffic`, and the first candidate's rate as shares of a copy's.

    Args:
        snapshot: Times.
        question: Prefix of the figure's name.
        candidates: Subject and implementation by label.

    Returns:
        `figure`, `first`, `shares`: rows of pass and elements, and the share of each copy's rate, and
        `largest`: by pass, the share of the rate of a copy into memory at hand at the largest size. None
        where candidate or copies were not measured.
    """
    frame = traffic(snapshot, candidates)
    first = next(iter(candidates))
    rates = frame.pivot(index=["panel", "elements"], columns="candidate", values="rate")
    if not {first, *COPIES.values()} <= set(rates):
        return None
    rates = rates.dropna(subset=[first, *COPIES.values()]).sort_index(
        ascending=[False, True]
    )  # forward first
    shares = [
        [f"{panel}, {count(elements)}", *(percent(row[first] / row[copy], 0) for copy in COPIES.values())]
        for (panel, elements), row in zip(rates.index, rates.to_dict("records"), strict=True)
    ]
    figure = svg_figure(
        bandwidth_figure(frame, {name: subject for name, (subject, _) in candidates.items()}),
        frame,
        name=f"{question}-bandwidth-{snapshot.id}",
        title=f"Memory traffic of {first} and of a copy",
        alt=f"On logarithmic axes the rate of {phrases.listed(candidates)} and of two copies against the "
        "number of elements, forward and backward. Shares of the copies' rates: "
        + "; ".join(f"{where}: {hand} and {new}" for where, hand, new in shares)
        + ".",
    )
    at_hand = rates[first] / rates[next(iter(COPIES.values()))]
    largest = {str(panel): float(part.iloc[-1]) for panel, part in at_hand.groupby(level="panel", sort=False)}
    return {"figure": figure, "first": first, "shares": shares, "largest": largest}


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
        title="Cost and results of the activations",
        alt=f"A marker with intervals for each activation. The fastest is {ends.iloc[0]}, the slowest "
        f"{ends.iloc[1]}; best are {phrases.listed(best)}.",
    )
