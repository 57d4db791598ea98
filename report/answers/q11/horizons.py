"""Question 11: what becomes of the proposed activations' advantage from horizon to horizon, and by rate."""

import pandas as pd

from bench.records.names import PROPOSED
from bench.statistics import mean_interval
from bench.statistics.training_runs import LAST, NETWORKS, at_horizon, horizons_of, network, select
from bench.store import Snapshot
from report.document.formats import number
from report.document.labels import label
from report.document.phrases import listed
from report.evidence.activation_runs import HIGHLIGHTED
from report.evidence.claims import controls
from report.evidence.comparisons import Trained, against
from report.figures.svg import SvgFigure, svg_figure
from report.figures.training import advantages, sensitivity

COLUMNS = ["network", "baseline", "activation", "epochs", "value", "low", "high", "control"]


def by_horizon(snapshot: Snapshot) -> pd.DataFrame:
    """Return the difference of each proposed activation from each baseline at each horizon.

    Columns: network, baseline, activation, epochs, value, low and high (points of test accuracy, or per cent
    of the test loss); control: the largest distance of a control from ReLU, NaN without controls.
    """
    rows = []
    for words, (task, batch_norm) in NETWORKS.items():
        for index, epochs in enumerate(horizons_of(snapshot, task)):
            arms = [abs(c.effect.estimate) for c in controls(snapshot, words, index) if c.effect.pairs]
            for c in Trained(network(task, batch_norm), "activation", against(PROPOSED), index)(snapshot):
                unit = f"{words} ({'loss, %' if c.effect.relative else 'accuracy, points'})"
                numbers = [100 * v for v in (c.effect.estimate, c.effect.low, c.effect.high)]
                control = 100 * max(arms) if arms else float("nan")
                rows.append((unit, label(c.b), c.a, epochs, *numbers, control))
    return pd.DataFrame(rows, columns=COLUMNS)


def advantages_figure(snapshot: Snapshot) -> SvgFigure | None:
    """Return the figure of `by_horizon`; None unless a network was scored at several horizons."""
    frame = by_horizon(snapshot)
    several = frame.groupby("network")["epochs"].nunique()
    frame = frame[frame["network"].isin(several[several > 1].index)]
    if frame.empty:
        return None
    ends = []
    for (words, baseline, name), part in frame.groupby(["network", "baseline", "activation"], sort=False):
        first, last = part["value"].iloc[0], part["value"].iloc[-1]
        ends.append(
            f"{label(str(name))} minus {baseline}, {words}: {number(first, 2)}, in the end {number(last, 2)}"
        )
    return svg_figure(
        advantages(frame, {name: label(name) for name in PROPOSED}),
        frame,
        name=f"q11-horizons-{snapshot.id}",
        title="Differences from the baselines by horizon",
        alt=f"Differences with intervals against epochs on a logarithmic axis. {'; '.join(ends)}.",
    )


def by_rate(snapshot: Snapshot) -> pd.DataFrame:
    """Return the final test result of the highlighted activations at each learning rate that they ran at.

    Columns: network, activation, rate, mean, low and high over the seeds of the rate.
    """
    rows = []
    for words, (task, batch_norm) in NETWORKS.items():
        runs = select(at_horizon(snapshot, LAST), **network(task, batch_norm))
        accuracy = runs["test_accuracy"].notna().any()
        metric, scale = ("test_accuracy", 100) if accuracy else ("test_loss", 1000)
        unit = f"{words} ({'accuracy, %' if accuracy else 'loss × 1000'})"
        for (name, rate), part in runs.groupby(["activation", "learning_rate"], observed=True):
            if name in HIGHLIGHTED and part[metric].notna().any():
                d = mean_interval(scale * part[metric].dropna().reset_index(drop=True))
                rows.append((unit, str(name), float(str(rate)), d.mean, d.low, d.high))
    return pd.DataFrame(rows, columns=["network", "activation", "rate", "mean", "low", "high"])


def sensitivity_figure(snapshot: Snapshot) -> SvgFigure | None:
    """Return the figure of `by_rate`; None unless a network was trained at three rates or more."""
    frame = by_rate(snapshot)
    several = frame.groupby("network")["rate"].nunique()
    frame = frame[frame["network"].isin(several[several > 2].index)]
    if frame.empty:
        return None
    best = []
    for (words, name), part in frame.groupby(["network", "activation"], sort=False):
        values = part.set_index("rate")["mean"]
        rate = values.idxmax() if "accuracy" in str(words) else values.idxmin()
        best.append(f"{label(str(name))} at {rate:g} in the {words}")
    return svg_figure(
        sensitivity(frame, {name: label(name) for name in HIGHLIGHTED}),
        frame,
        name=f"q11-rates-{snapshot.id}",
        title="Test results by learning rate",
        alt=f"Means with intervals against the learning rate on a logarithmic axis. Best are {listed(best)}.",
    )
