"""Comparisons of one candidate's metric with another's, each with the runs behind it.

Comparisons form families; p-values are corrected for all comparisons of a family.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import pandas as pd

from bench.records.names import BASELINES, DESCENT
from bench.statistics import TIME_MARGIN, PairedTest, compare, compare_times
from bench.store import Snapshot
from report.evidence.queries import BENCHMARK, networks, timings
from report.evidence.training_runs import METRICS, select, tested

EQUIVALENCE_MARGIN = 0.002  # of test accuracy, 0.2 percentage points


@dataclass(frozen=True)
class Comparison:
    """Comparison of candidates a and b: its test, the unit of the estimate and the runs in the store."""

    a: str
    b: str
    where: str
    test: PairedTest
    unit: str  # points (of accuracy), ratio, share, or the metric's own
    runs: tuple[int, ...]
    diverged: int = 0


Family = Callable[[Snapshot], list[Comparison]]


def by_seed(frame: pd.DataFrame, by: str) -> dict[str, pd.DataFrame]:
    """Return one run a seed for every value of column `by`, indexed by seed: run, status and metrics."""
    groups = frame[[by, "seed", "run", "status", *METRICS]].groupby(by, sort=False)
    return {str(name): runs.drop_duplicates("seed").set_index("seed") for name, runs in groups}


def _runs(sides: Sequence[pd.DataFrame]) -> tuple[int, ...]:
    return tuple(int(run) for side in sides for run in side["run"])


def _diverged(sides: Sequence[pd.DataFrame]) -> int:
    return int(sum((side["status"] == "diverged").sum() for side in sides))


def pair(
    candidates: Mapping[str, pd.DataFrame],
    a: str,
    b: str,
    metric: str,
    unit: str,
    *,
    where: str = "",
    margin: float = 0.0,
    relative: bool = False,
) -> Iterator[Comparison]:
    """Yield the comparison of two candidates of `by_seed`, if they have common seeds."""
    if a not in candidates or b not in candidates:
        return
    seeds = candidates[a].index.intersection(candidates[b].index)
    if seeds.empty:
        return
    sides = [candidates[name].loc[seeds] for name in (a, b)]
    test = compare(sides[0][metric], sides[1][metric], margin=margin, relative=relative)
    yield Comparison(a, b, where, test, unit, _runs(sides), _diverged(sides))


def activations(
    task: str, batch_norm: bool | None, tuned: bool, *, margin: float = 0.0, initialization: str = "torch"
) -> Family:
    """Compare every activation with ReLU and GELU on a task, by points of accuracy or the ratio of losses."""

    def family(snapshot: Snapshot) -> list[Comparison]:
        frame = networks(snapshot, task, batch_norm, tuned, initialization)
        accuracy = frame["test_accuracy"].notna().any()
        metric, unit = ("test_accuracy", "points") if accuracy else ("test_loss", "ratio")
        candidates = by_seed(frame, "activation")
        return [
            comparison
            for baseline in BASELINES
            for name in candidates
            if name != baseline and (name, baseline) != (BASELINES[0], BASELINES[1])
            for comparison in pair(
                candidates, name, baseline, metric, unit, margin=margin, relative=not accuracy
            )
        ]

    return family


def initialization(snapshot: Snapshot) -> list[Comparison]:
    """Compare variance-preserving initial weights with torch's, on the networks without batch norm."""
    frame, comparisons = tested(snapshot), []
    frame = frame[(frame["optimizer"] == "adam") & (frame["loss"] == "cross_entropy")]
    tasks = {
        "classifier without batch norm": ("classifier", 0),
        "GELU paper's classifier": ("deep_classifier", None),
    }
    for where, (task, batch_norm) in tasks.items():
        part = select(frame, task=task, batch_norm=batch_norm, wrong_labels=0.0)
        for name in part["activation"].unique():
            weights = by_seed(part[part["activation"] == name], "initialization")
            for comparison in pair(weights, "variance", "torch", "test_accuracy", "points"):
                b = f"{name} with torch's weights"
                comparisons.append(replace(comparison, a=str(name), b=b, where=where))
    return comparisons


def optimizers(margin: float = 0.0) -> Family:
    """Compare Adam with every other optimizer on the classifier with batch norm; with a margin, both ways."""

    def family(snapshot: Snapshot) -> list[Comparison]:
        frame = select(
            tested(snapshot), task="classifier", activation="relu", batch_norm=1, wrong_labels=0.0,
            loss="cross_entropy", initialization="torch",
        )  # fmt: skip
        candidates = by_seed(frame, "optimizer")
        return [
            comparison
            for other in candidates
            if other != "adam"
            for a, b in (("adam", other), (other, "adam"))[: 2 if margin else 1]
            for comparison in pair(candidates, a, b, "test_accuracy", "points", margin=margin)
        ]

    return family


def label_noise(snapshot: Snapshot) -> list[Comparison]:
    """Compare the accuracy that cross-entropy and squared error lose to label noise, by its share."""
    frame = select(
        tested(snapshot), task="classifier", activation="relu", optimizer="adam", batch_norm=1,
        initialization="torch",
    )  # fmt: skip
    comparisons = []
    for share in sorted(s for s in frame["wrong_labels"].unique() if s):
        keys = [(loss, s) for loss in ("cross_entropy", "brier") for s in (0.0, share)]
        sides = [frame[(frame["loss"] == loss) & (frame["wrong_labels"] == s)] for loss, s in keys]
        sides = [side.drop_duplicates("seed").set_index("seed") for side in sides]
        seeds = reduce(pd.Index.intersection, (side.index for side in sides))
        if seeds.empty:
            continue
        sides = [side.loc[seeds] for side in sides]
        clean, noisy, brier_clean, brier_noisy = (side["test_accuracy"] for side in sides)
        test = compare(clean - noisy, brier_clean - brier_noisy)
        comparisons.append(
            Comparison(
                "cross_entropy",
                "brier",
                f"{share:.0%} wrong labels",
                test,
                "points",
                _runs(sides),
                _diverged(sides),
            )
        )
    return comparisons


def observed(
    task: str, a: str, b: str | float, unit: str, *, steps: Sequence[int] = (0,), margin: float = 0.0,
    relative: bool = False, pool: bool = False,
) -> Family:  # fmt: skip
    """Compare a metric of a synthetic experiment with another metric or a number, by seed and step.

    pool: compare the mean over the steps instead of each step.
    """

    def family(snapshot: Snapshot) -> list[Comparison]:
        m = snapshot.measurements[snapshot.measurements["task"] == task]
        m = m[m["step"].isin(steps)]
        groups = [("", m)] if pool else [(str(step), m[m["step"] == step]) for step in steps]
        comparisons = []
        for step, part in groups:
            table = part.pivot_table(index="seed", columns="metric", values="value")
            if a not in table or (isinstance(b, str) and b not in table):
                continue
            other = table[b] if isinstance(b, str) else table[a] * 0 + b
            runs = tuple(int(run) for run in part["run"].unique())
            test = compare(table[a], other, margin=margin, relative=relative)
            where = f"batches of {step}" if task == "gradient_signs" and len(steps) > 1 else ""
            comparisons.append(Comparison(a, str(b), where, test, unit, runs))
        return comparisons

    return family


def between_steps(task: str, metrics: Sequence[str], unit: str) -> Family:
    """Compare metrics of a synthetic experiment at step 0 with the same metrics at step 1."""

    def family(snapshot: Snapshot) -> list[Comparison]:
        m, comparisons = snapshot.measurements, []
        for metric in metrics:
            part = m[(m["task"] == task) & (m["metric"] == metric)]
            if part.empty:
                continue
            table = part.pivot(index="seed", columns="step", values="value")
            runs = tuple(int(run) for run in part["run"].unique())
            comparisons.append(Comparison("early", "late", metric, compare(table[0], table[1]), unit, runs))
        return comparisons

    return family


def _all_finished(statuses: pd.Series) -> bool:
    return bool((statuses == "finished").all())


def descents(after_passes: float | None) -> Family:
    """Compare the excess loss of stochastic and batch descent, each at its best rate at that point.

    after_passes: passes over the samples; None: at the end. A rate at which any run diverged is not eligible,
    because its best value would be that of selected seeds.
    """

    def family(snapshot: Snapshot) -> list[Comparison]:
        m = snapshot.measurements
        m = m[(m["task"] == DESCENT) & (m["metric"] == "excess_loss") & (m["optimizer"] == "sgd")]
        if m.empty:
            return []
        limit = m["step"].max() if after_passes is None else after_passes * m["samples"].max()
        reached = m[m["step"] <= limit].sort_values("step").groupby("run").tail(1)
        eligible = reached.groupby(["batch_size", "learning_rate"])["status"].transform(_all_finished)
        reached = reached[eligible]
        sides = []
        for chosen in (reached["batch_size"] == 1, reached["batch_size"] == reached["samples"]):
            side = reached[chosen]
            means = side.groupby("learning_rate")["value"].mean()
            if means.empty:
                return []
            sides.append(side[side["learning_rate"] == means.idxmin()].set_index("seed"))
        test = compare(sides[0]["value"], sides[1]["value"], relative=True)
        return [Comparison("stochastic", "batch", "", test, "ratio", _runs(sides))]

    return family


def slow_training(snapshot: Snapshot) -> list[Comparison]:
    """Compare the training losses of sigmoid and tanh after the same epochs, each at its chosen rate."""
    comparisons: list[Comparison] = []
    frame = tested(snapshot)
    frame = frame[(frame["optimizer"] == "adam") & (frame["initialization"] == "torch")]
    for batch_norm, where in ((1, "with batch norm"), (0, "without batch norm")):
        part = select(frame, task="classifier", batch_norm=batch_norm)
        candidates = by_seed(part, "activation")
        comparisons += pair(candidates, "sigmoid", "tanh", "train_loss", "ratio", where=where, relative=True)
    return comparisons


def times(
    tasks: Mapping[str, str],
    pairs: Sequence[tuple[tuple[str, str], tuple[str, str]]],
    *,
    margin: float = TIME_MARGIN,
    simultaneous: bool = True,
) -> Family:
    """Compare times of (subject, implementation) pairs in every pass and on every input that has both.

    Args:
        tasks: Words for the passes to compare, by task.
        pairs: What to compare.
        margin: Relative difference that counts.
        simultaneous: Whether the intervals of the family cover together, else each alone.
    """

    def family(snapshot: Snapshot) -> list[Comparison]:
        by = timings(snapshot)
        m = snapshot.runs[(snapshot.runs["kind"] == "timing") & snapshot.runs["task"].isin(tasks)]
        runs = {key: tuple(map(int, part["run"])) for key, part in m.groupby(list(BENCHMARK), observed=True)}
        found = [
            ((task, *a, *where), (task, *b, *where))
            for task in tasks
            for where in dict.fromkeys(key[3:] for key in by if key[0] == task)
            for a, b in pairs
            if (task, *a, *where) in by and (task, *b, *where) in by
        ]
        tests = compare_times([(by[a], by[b]) for a, b in found], margin=margin, simultaneous=simultaneous)
        comparisons = []
        for (a, b), test in zip(found, tests, strict=True):
            task, _, _, input, size = map(str, a)
            where = f"{tasks[task]}, {input}" + (f", batch of {size}" if "×" in input else "")
            names = [" ".join(map(str, side[1:3])) for side in (a, b)]
            comparisons.append(Comparison(names[0], names[1], where, test, "ratio", runs[a] + runs[b]))
        return comparisons

    return family
