"""Figures of the tidy frames of `bench.run` and `bench.load`; `report.figures` documents them."""

from collections.abc import Callable
from functools import wraps

import matplotlib as mpl
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from bench.records.names import PASSES
from bench.store import Snapshot
from report.document.labels import LABELS, label, ordered
from report.evidence.activation_runs import HIGHLIGHTED, METRICS, averaged
from report.evidence.queries import inputs, time_ratio
from report.figures.timing import ratios
from report.figures.training import learning_curves

BASELINE = ("relu", "impl")
TOLD_APART = 5  # curves of a panel; of more the highlighted alone


def snapshot(frame: pd.DataFrame) -> Snapshot:
    """Return the snapshot that a frame was made of, without its arrays; of a part of a frame, that part."""
    runs = frame.drop(columns=["metric", "step", "value", "unit"]).drop_duplicates("run")
    texts: list[str] = list(runs.select_dtypes("category").columns)
    return Snapshot(
        environment=frame.attrs.get("environment", {}),
        profile=frame.attrs.get("profile", ""),
        runs=runs.astype(dict.fromkeys(texts, "str")).reset_index(drop=True),
        measurements=frame.dropna(subset="metric").astype({"step": "float64"}),
        arrays={},
    )


def _for_elsewhere(make: Callable[[pd.DataFrame], Figure]) -> Callable[[pd.DataFrame], Figure]:
    """Give the figure a white background, close it, and restore the caller's backend."""

    @wraps(make)
    def wrapped(frame: pd.DataFrame) -> Figure:
        before = mpl.get_backend(auto_select=False)
        try:
            figure = make(frame)
            plt.close(figure)
        finally:
            if before:
                plt.switch_backend(before)
        figure.set_facecolor("white")
        return figure

    return wrapped


@_for_elsewhere
def accuracy(frame: pd.DataFrame) -> Figure:
    """Draw the curves of the classifier's accuracy."""
    means = averaged(snapshot(frame))
    means = means[means["metric"] == METRICS["validation_accuracy"]]
    if means.empty:
        raise ValueError('Invalid frame: no classifier was scored; run("classifier") trains them')
    names = ordered(means["activation"].unique())
    shown = names if len(names) <= TOLD_APART else [name for name in names if name in HIGHLIGHTED]
    return learning_curves(means, {name: label(name) for name in names} | LABELS, shown)


@_for_elsewhere
def cost(frame: pd.DataFrame) -> Figure:
    """Draw the ratios of times to ReLU's."""
    measured = snapshot(frame)
    rows = []
    for task, panel in PASSES.items():
        subjects = ordered(measured.runs.loc[measured.runs["task"] == task, "subject"].unique())
        for input in inputs(measured, task):
            for name in subjects:
                ratio = time_ratio(measured, task, input, (name, "impl"), BASELINE)
                if ratio and (name, "impl") != BASELINE:
                    rows.append((panel, label(name), input, ratio.value, ratio.low, ratio.high))
    if not rows:
        raise ValueError('Invalid frame: no activation was timed with ReLU; run("benchmarks") times them')
    table = pd.DataFrame(rows, columns=["panel", "row", "series", "value", "low", "high"])
    return ratios(table, "median time as a multiple of ReLU's (logarithmic)")
