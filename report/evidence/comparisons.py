"""From a snapshot to comparisons: a quantity of one candidate beside another's, with the runs behind it.

Comparisons come in families, and all of a family are corrected together for their number.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import pandas as pd

from bench.records.names import BASELINES, DESCENT
from bench.statistics import PairedTest, compare, ratio_of_samples
from bench.store import Snapshot
from report.evidence.queries import networks
from report.evidence.training_runs import METRICS, select, tested

PAR = 0.002  # 0.2 percentage points of test accuracy: by so much one may be worse and still on par


@dataclass(frozen=True)
class Case:
    """One comparison: of what with what, the unit it is told in, and the store's runs that it rests on."""

    a: str
    b: str
    where: str
    comparison: PairedTest
    unit: str  # points (of accuracy), ratio, share, or the metric's own
    runs: tuple[int, ...]
    diverged: int = 0


Family = Callable[[Snapshot], list[Case]]


def by_seed(frame: pd.DataFrame, by: str) -> dict[str, pd.DataFrame]:
    """Of every value of a column one run a seed, indexed by it: its row, its status and what was measured."""
    kept = frame[[by, "seed", "run", "status", *METRICS]]
    groups = kept.groupby(by, sort=False)
    return {str(name): runs.drop_duplicates("seed").set_index("seed") for name, runs in groups}


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
) -> Iterator[Case]:
    """The comparison of two of `by_seed`'s candidates, seed by seed; nothing where they share no seed."""
    if a not in candidates or b not in candidates:
        return
    sides = [candidates[a], candidates[b]]
    seeds = sides[0].index.intersection(sides[1].index)
    if seeds.empty:
        return
    sides = [side.loc[seeds] for side in sides]
    x, y = (side[metric] for side in sides)
    runs = tuple(int(run) for side in sides for run in side["run"])
    diverged = int(sum((side["status"] == "diverged").sum() for side in sides))
    found = compare(x, y, margin=margin, relative=relative)
    yield Case(a, b, where, found, unit, runs, diverged)


def activations(
    task: str, batch_norm: bool | None, tuned: bool, *, margin: float = 0.0, initialization: str = "torch"
) -> Family:
    """Every activation against ReLU and GELU on a task: points of accuracy, or the ratio of losses."""

    def cases(snapshot: Snapshot) -> list[Case]:
        frame = networks(snapshot, task, batch_norm, tuned, initialization)
        accuracy = frame["test_accuracy"].notna().any()
        metric, unit = ("test_accuracy", "points") if accuracy else ("test_loss", "ratio")
        candidates = by_seed(frame, "activation")
        return [
            case
            for baseline in BASELINES
            for name in candidates
            if name != baseline and (name, baseline) != (BASELINES[0], BASELINES[1])
            for case in pair(candidates, name, baseline, metric, unit, margin=margin, relative=not accuracy)
        ]

    return cases


def initialization(snapshot: Snapshot) -> list[Case]:
    """Weights that keep the variance against torch's own, on the networks without batch norm."""
    frame, found = tested(snapshot), []
    frame = frame[(frame["optimizer"] == "adam") & (frame["loss"] == "cross_entropy")]
    tasks = {
        "classifier without batch norm": ("classifier", 0),
        "GELU paper's classifier": ("deep_classifier", None),
    }
    for words, (task, batch_norm) in tasks.items():
        part = select(frame, task=task, batch_norm=batch_norm, wrong_labels=0.0)
        for name in part["activation"].unique():
            own = by_seed(part[part["activation"] == name], "initialization")
            for case in pair(own, "variance", "torch", "test_accuracy", "points"):
                found.append(replace(case, a=str(name), b=f"{name} with torch's weights", where=words))
    return found


def optimizers(margin: float = 0.0) -> Family:
    """Every other update rule against Adam, on the classifier with batch norm; and Adam against each."""

    def cases(snapshot: Snapshot) -> list[Case]:
        frame = select(
            tested(snapshot), task="classifier", activation="relu", batch_norm=1, wrong_labels=0.0,
            loss="cross_entropy", initialization="torch",
        )  # fmt: skip
        candidates = by_seed(frame, "optimizer")
        return [
            case
            for other in candidates
            if other != "adam"
            for a, b in (("adam", other), (other, "adam"))[: 2 if margin else 1]
            for case in pair(candidates, a, b, "test_accuracy", "points", margin=margin)
        ]

    return cases


def wrong_labels(snapshot: Snapshot) -> list[Case]:
    """How much more accuracy cross-entropy loses to wrong labels than squared error does, by their share."""
    frame = select(
        tested(snapshot), task="classifier", activation="relu", optimizer="adam", batch_norm=1,
        initialization="torch",
    )  # fmt: skip
    found = []
    for share in sorted(s for s in frame["wrong_labels"].unique() if s):
        keys = [(loss, s) for loss in ("cross_entropy", "brier") for s in (0.0, share)]
        sides = [frame[(frame["loss"] == loss) & (frame["wrong_labels"] == s)] for loss, s in keys]
        sides = [side.drop_duplicates("seed").set_index("seed") for side in sides]
        seeds = reduce(pd.Index.intersection, (side.index for side in sides))
        if seeds.empty:
            continue
        sides = [side.loc[seeds] for side in sides]
        right, wrong, brier_right, brier_wrong = (side["test_accuracy"] for side in sides)
        done = compare(right - wrong, brier_right - brier_wrong)
        runs = tuple(int(run) for side in sides for run in side["run"])
        diverged = int(sum((side["status"] == "diverged").sum() for side in sides))
        found.append(Case("cross_entropy", "brier", f"{share:.0%} wrong", done, "points", runs, diverged))
    return found


def observed(
    task: str, a: str, b: str | float, unit: str, *, steps: Sequence[int] = (0,), margin: float = 0.0,
    relative: bool = False, pool: bool = False,
) -> Family:  # fmt: skip
    """A metric of a phenomenon against another, or against a number, seed by seed and step by step.

    pool: the mean over the steps in place of a case for each.
    """

    def cases(snapshot: Snapshot) -> list[Case]:
        m = snapshot.measurements[snapshot.measurements["task"] == task]
        m = m[m["step"].isin(steps)]
        groups = [("", m)] if pool else [(str(step), m[m["step"] == step]) for step in steps]
        found = []
        for where, part in groups:
            table = part.pivot_table(index="seed", columns="metric", values="value")
            if a not in table or (isinstance(b, str) and b not in table):
                continue
            other = table[b] if isinstance(b, str) else table[a] * 0 + b
            runs = tuple(int(run) for run in part["run"].unique())
            done = compare(table[a], other, margin=margin, relative=relative)
            place = f"batches of {where}" if task == "gradient_signs" and len(steps) > 1 else ""
            found.append(Case(a, str(b), place, done, unit, runs))
        return found

    return cases


def between_steps(task: str, metrics: Sequence[str], unit: str) -> Family:
    """Metrics of a phenomenon at step 0 against themselves at step 1."""

    def cases(snapshot: Snapshot) -> list[Case]:
        m, found = snapshot.measurements, []
        for metric in metrics:
            part = m[(m["task"] == task) & (m["metric"] == metric)]
            if part.empty:
                continue
            table = part.pivot(index="seed", columns="step", values="value")
            runs = tuple(int(run) for run in part["run"].unique())
            found.append(Case("early", "late", metric, compare(table[0], table[1]), unit, runs))
        return found

    return cases


def _all_finished(statuses: pd.Series) -> bool:
    return bool((statuses == "finished").all())


def descents(after_passes: float | None) -> Family:
    """Excess loss of stochastic descent over batch descent's, each at the rate that is best there.

    after_passes: after as many passes over the samples; None: at the end. A rate at which any run diverged is
    not eligible: the best of the others would be that of chosen seeds.
    """

    def cases(snapshot: Snapshot) -> list[Case]:
        m = snapshot.measurements
        m = m[(m["task"] == DESCENT) & (m["metric"] == "excess_loss") & (m["optimizer"] == "sgd")]
        if m.empty:
            return []
        limit = m["step"].max() if after_passes is None else after_passes * m["samples"].max()
        reached = m[m["step"] <= limit].sort_values("step").groupby("run").tail(1)
        whole = reached.groupby(["batch_size", "learning_rate"])["status"].transform(_all_finished)
        reached = reached[whole]
        sides = []
        for chosen in (reached["batch_size"] == 1, reached["batch_size"] == reached["samples"]):
            side = reached[chosen]
            means = side.groupby("learning_rate")["value"].mean()
            if means.empty:
                return []
            sides.append(side[side["learning_rate"] == means.idxmin()].set_index("seed"))
        done = compare(sides[0]["value"], sides[1]["value"], relative=True)
        runs = tuple(int(run) for side in sides for run in side["run"])
        return [Case("stochastic", "batch", "", done, "ratio", runs)]

    return cases


def slow_training(snapshot: Snapshot) -> list[Case]:
    """Training loss after as many epochs, sigmoid's over tanh's, both at their chosen rates."""
    found: list[Case] = []
    frame = tested(snapshot)
    frame = frame[(frame["optimizer"] == "adam") & (frame["initialization"] == "torch")]
    for batch_norm, where in ((1, "with batch norm"), (0, "without batch norm")):
        part = select(frame, task="classifier", batch_norm=batch_norm)
        candidates = by_seed(part, "activation")
        found += pair(candidates, "sigmoid", "tanh", "train_loss", "ratio", where=where, relative=True)
    return found


def times(tasks: Mapping[str, str], pairs: Sequence[tuple[tuple[str, str], tuple[str, str]]]) -> Family:
    """Ratios of times of (subject, implementation) pairs in every pass and on every input that has both."""

    def cases(snapshot: Snapshot) -> list[Case]:
        m = snapshot.measurements
        m = m[m["task"].isin(tasks) & (m["metric"] == "seconds")]
        found = []
        for (task, place, _), part in m.groupby(["task", "input", "size"], sort=False):
            by = {key: group for key, group in part.groupby(["subject", "implementation"])}
            for a, b in pairs:
                if a not in by or b not in by:
                    continue
                done = ratio_of_samples(by[a]["value"].to_numpy(), by[b]["value"].to_numpy())
                runs = tuple(int(run) for group in (by[a], by[b]) for run in group["run"].unique())
                where = f"{tasks[str(task)]}, {place}" + (
                    f", batch of {int(part['size'].iloc[0])}" if "×" in str(place) else ""
                )
                found.append(Case(" ".join(a), " ".join(b), where, done, "ratio", runs))
        return found

    return cases
