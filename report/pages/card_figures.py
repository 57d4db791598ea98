"""The figures of a card: differences from the baselines, the course of training, and cost beside result."""

import re
from collections.abc import Sequence

import pandas as pd

from bench.statistics import mean_interval
from bench.statistics.standing import Arena, Standing
from bench.statistics.training_runs import LAST, at_horizon, horizons_of, scored, select
from bench.store import Snapshot
from report.answers.cost import worth
from report.document.labels import label
from report.document.phrases import SHORTLY, listed
from report.evidence.claims import controls
from report.evidence.comparisons import Comparison
from report.figures.style import PALETTE, custom_stroke
from report.figures.svg import SvgFigure, svg_figure
from report.figures.training import course, differences
from report.figures.worth import worth as worth_figure


def anchor(arena: Arena) -> str:
    """Return an arena's words as part of an anchor.

    Example:
        >>> from bench.statistics.standing import ARENAS
        >>> anchor(ARENAS["GELU paper's classifier"])
        'gelu-paper-s-classifier'
    """
    return re.sub(r"[^a-z]+", "-", arena.words.lower())


def control_arms(arena: Arena, snapshot: Snapshot, horizon: int) -> Sequence[Comparison]:
    """Return the comparisons of ReLU under other seeds with ReLU; none for optimizers."""
    return controls(snapshot, arena.words, horizon) if arena.by == "activation" else ()


def differences_figure(
    arena: Arena, snapshot: Snapshot, standings: Sequence[Standing], name: str, title: str, alt: str
) -> SvgFigure:
    """Draw the differences from the baselines, with the controls', early and at the end."""
    losses = standings[0].effect.relative
    rows = []
    for horizon, when in SHORTLY.items():
        epochs = horizons_of(snapshot, str(arena.fields["task"]))[horizon]
        panel = f"{when}, {epochs:g} epoch{'s' * (epochs != 1)}"
        for s in standings:
            if s.horizon == horizon:
                its = [100 * v for v in (s.effect.estimate, s.effect.low, s.effect.high)]
                rows.append((panel, f"minus {label(s.baseline)}", title, *its))
        for c in control_arms(arena, snapshot, horizon):
            distance = 100 * c.effect.estimate
            rows.append((panel, "ReLU again minus ReLU", "controls", distance, distance, distance))
    frame = pd.DataFrame(rows, columns=["panel", "row", "series", "mean", "low", "high"])
    look = PALETTE.get(name) or custom_stroke(name)
    unit = "difference of test loss (%)" if losses else "difference of test accuracy (percentage points)"
    return svg_figure(
        differences(frame, unit, [look, PALETTE["relu"]]),
        frame,
        name=f"card-differences-{anchor(arena)}",
        title=f"Differences from the baselines, {arena.words}",
        alt=alt,
    )


def course_figure(
    arena: Arena, snapshot: Snapshot, standings: Sequence[Standing], name: str, title: str
) -> SvgFigure:
    """Draw test results by epoch and by learning rate."""
    losses = standings[0].effect.relative
    metric, scale = ("test_loss", 1000) if losses else ("test_accuracy", 100)
    quantity = "test loss × 1000" if losses else "test accuracy (%)"
    names = [*arena.baselines, name]
    by_epoch = [
        (one, epochs, *_mean(runs.loc[runs[arena.by] == one, metric], scale))
        for index, epochs in enumerate(horizons_of(snapshot, str(arena.fields["task"])))
        for runs in [select(scored(snapshot, index), **arena.fields)]
        for one in names
    ]
    at_end = select(at_horizon(snapshot, LAST), **arena.fields)
    by_rate = [
        (str(one), float(str(rate)), *_mean(part[metric], scale))
        for (one, rate), part in at_end.groupby([arena.by, "learning_rate"], observed=True)
        if one in names and part[metric].notna().any()
    ]
    frames = [
        pd.DataFrame(rows, columns=["activation", x, "mean", "low", "high"])
        for x, rows in (("epochs", by_epoch), ("rate", by_rate))
    ]
    labels = {one: title if one == name else label(one) for one in names}
    return svg_figure(
        course(frames[0], frames[1], labels, quantity),
        pd.concat(frames),
        name=f"card-course-{anchor(arena)}",
        title=f"Test results by epoch and by learning rate, {arena.words}",
        alt=f"Means over seeds of {listed(labels.values())}, against epochs and against the learning rate.",
    )


def _mean(values: pd.Series, scale: float) -> tuple[float, float, float]:
    """Return the mean of values that are there, with its interval."""
    d = mean_interval(scale * values.dropna().reset_index(drop=True))
    return d.mean, d.low, d.high


def cost_figure(arena: Arena, snapshot: Snapshot, name: str, title: str) -> SvgFigure | None:
    """Draw cost against result; None for optimizers, and where times or results are missing."""
    if arena.by != "activation":
        return None
    frame = worth(snapshot)
    frame = frame[(frame["panel"] == arena.words) & frame["name"].isin([*arena.baselines, name])]
    if len(frame) < 2:
        return None
    best = frame.sort_values("microseconds")["activation"].iloc[0]
    return svg_figure(
        worth_figure(frame.replace({"activation": {label(name): title}})),
        frame.drop(columns="name"),
        name=f"card-worth-{anchor(arena)}",
        title=f"Cost and result, {arena.words}",
        alt=f"Test results against microseconds, forward and backward; the cheapest is {best}.",
    )
