"""Comparisons of one candidate's metric with another's, each with the runs behind it.

The comparisons that a claim names form a family, whose intervals cover together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import pandas as pd

from bench.records.names import BASELINES, DESCENT
from bench.statistics import TIME_MARGIN, Effect, Grid, compare_times, effects, seed_effect
from bench.statistics.training_runs import LAST, at_horizon, grid, grids, network, scored, select
from bench.store import Snapshot
from report.evidence.queries import BENCHMARK, networks, timings

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Comparison:
    """Comparison of candidates a and b: its effect, the unit of the estimate and the runs in the store."""

    a: str
    b: str
    where: str
    effect: Effect
    unit: str  # points (of accuracy), ratio, share, or the metric's own
    runs: tuple[int, ...]
    diverged: int = 0
    collapsed: int = 0


Family = Callable[[Snapshot], list[Comparison]]


@dataclass(frozen=True)
class Trained:
    """Comparisons of trained candidates, by points of accuracy or the ratio of losses.

    Attributes:
        fields: Fields that all runs share.
        by: Column that tells the candidates apart.
        pairs: Candidates to compare.
        horizon: Index of the horizon.
        margin: Margin of every comparison.
        metric: Metric to compare; default: that of the test, with the uncertainty of test images.
        where: Words for the network.
        beside: Further pairs of the comparison, which are not returned: the intervals cover them too.
    """

    fields: Mapping[str, object]
    by: str
    pairs: Pairs
    horizon: int = LAST
    margin: float = 0.0
    metric: str = ""
    where: str = ""
    beside: Pairs = ()

    def __call__(self, snapshot: Snapshot) -> list[Comparison]:
        """Return the comparisons whose two sides were both run."""
        pairs = [*self.beside, *(pair for pair in self.pairs if pair not in self.beside)]
        names = {name for pair in pairs for name in pair}
        sides, losses = grids(snapshot, self.fields, self.by, names, self.horizon)
        named = [(a, b) for a, b in pairs if a in sides and b in sides]
        if not named:
            return []
        chosen = select(scored(snapshot, self.horizon), **self.fields)
        if self.metric:
            found = [self._of_metric(chosen, a, b, len(named)) for a, b in named]
        else:
            found = compared([(sides[a], sides[b]) for a, b in named], losses, self.margin)
        return [
            self._comparison(chosen, a, b, effect, "ratio" if losses or self.metric else "points")
            for (a, b), effect in zip(named, found, strict=True)
            if (a, b) in self.pairs
        ]

    def _of_metric(self, chosen: pd.DataFrame, a: str, b: str, comparisons: int) -> Effect:
        """Compare another metric, of which there are no blocks of images, over seeds alone."""
        sides = (chosen[chosen[self.by] == name].set_index("seed")[self.metric] for name in (a, b))
        return seed_effect(*sides, margin=self.margin, relative=True, comparisons=comparisons)

    def _comparison(self, chosen: pd.DataFrame, a: str, b: str, effect: Effect, unit: str) -> Comparison:
        sides = chosen[chosen[self.by].isin((a, b))]
        return Comparison(
            a,
            b,
            self.where,
            effect,
            unit,
            tuple(map(int, sides["run"])),
            int((sides["status"] == "diverged").sum()),
            int((sides["status"] == "collapsed").sum()),
        )


def compared(pairs: Sequence[tuple[Grid, Grid]], relative: bool, margin: float = 0.0) -> list[Effect]:
    """Compare grids; without scores of blocks of images, intervals are of seeds alone."""
    whole = all(side.test.shape[2] > 1 for pair in pairs for side in pair)
    return effects(pairs, relative=relative, margin=margin, images=whole, rate=whole)


def against(names: Sequence[str], baselines: Sequence[str] = BASELINES) -> list[tuple[str, str]]:
    """Return every pair of a name and a baseline, each pair once and in one order."""
    pairs = [(a, b) for b in baselines for a in names if a != b]
    return [(a, b) for k, (a, b) in enumerate(pairs) if (b, a) not in pairs[:k]]


def exploratory(task: str, batch_norm: bool | None, horizon: int = LAST) -> Family:
    """Compare every activation of a task with ReLU and GELU, all together."""

    def family(snapshot: Snapshot) -> list[Comparison]:
        names = networks(snapshot, task, batch_norm, horizon=horizon)["activation"].astype(str).unique()
        return Trained(network(task, batch_norm), "activation", against(list(names)), horizon)(snapshot)

    return family


def initialization(names: Sequence[str]) -> Family:
    """Compare variance-preserving initial weights with torch's, on the networks without batch norm.

    The intervals cover together over both networks and all activations.
    """
    tasks = {
        "classifier without batch norm": ("classifier", False),
        "GELU paper's classifier": ("deep_classifier", None),
    }

    def family(snapshot: Snapshot) -> list[Comparison]:
        runs, pairs, found = at_horizon(snapshot), [], []
        for where, (task, batch_norm) in tasks.items():
            for name in names:
                sides = [
                    select(runs, **network(task, batch_norm, weights), activation=name)
                    for weights in ("variance", "torch")
                ]
                if any(side.empty for side in sides):
                    continue
                pairs.append((grid(snapshot, sides[0]), grid(snapshot, sides[1])))
                found.append((name, where, pd.concat(sides)))
        effects_found = compared(pairs, relative=False) if pairs else []
        return [
            Comparison(name, f"{name} with torch's weights", where, effect, "points", tuple(sides["run"]))
            for (name, where, sides), effect in zip(found, effects_found, strict=True)
        ]

    return family


NOISE: dict[str, object] = {
    "task": "classifier", "activation": "relu", "optimizer": "adam", "batch_norm": 1,
    "initialization": "torch",
}  # fmt: skip


def label_noise(snapshot: Snapshot) -> list[Comparison]:
    """Compare the accuracy that cross-entropy and squared error lose to label noise, by its share."""
    frame = select(scored(snapshot), **NOISE)
    shares = sorted(share for share in frame["wrong_labels"].unique() if share)
    comparisons = []
    for share in shares:
        keys = [(loss, s) for loss in ("cross_entropy", "brier") for s in (0.0, share)]
        sides = [frame[(frame["loss"] == loss) & (frame["wrong_labels"] == s)] for loss, s in keys]
        sides = [side.drop_duplicates("seed").set_index("seed") for side in sides]
        seeds = reduce(pd.Index.intersection, (side.index for side in sides))
        if seeds.empty:
            continue
        sides = [side.loc[seeds] for side in sides]
        clean, noisy, brier_clean, brier_noisy = (side["test_accuracy"] for side in sides)
        effect = seed_effect(clean - noisy, brier_clean - brier_noisy, comparisons=len(shares))
        runs = tuple(int(run) for side in sides for run in side["run"])
        where = f"{share:.0%} wrong labels"
        comparisons.append(Comparison("cross_entropy", "brier", where, effect, "points", runs))
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
        groups_of = [("", m)] if pool else [(str(step), m[m["step"] == step]) for step in steps]
        comparisons = []
        for step, part in groups_of:
            table = part.pivot_table(index="seed", columns="metric", values="value")
            if a not in table or (isinstance(b, str) and b not in table):
                continue
            other = table[b] if isinstance(b, str) else table[a] * 0 + b
            runs = tuple(int(run) for run in part["run"].unique())
            effect = seed_effect(
                table[a], other, margin=margin, relative=relative, comparisons=len(groups_of)
            )
            where = f"batches of {step}" if task == "gradient_signs" and len(steps) > 1 else ""
            comparisons.append(Comparison(a, str(b), where, effect, unit, runs))
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
            effect = seed_effect(table[0], table[1], comparisons=len(metrics))
            comparisons.append(Comparison("early", "late", metric, effect, unit, runs))
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
        effect = seed_effect(sides[0]["value"], sides[1]["value"], relative=True)
        runs = tuple(int(run) for side in sides for run in side["run"])
        return [Comparison("stochastic", "batch", "", effect, "ratio", runs)]

    return family


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
