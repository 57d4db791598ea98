"""Question 5: evidence on the optimizers."""

import math

import pandas as pd

from bench.statistics import CONFIDENCE, mean_interval, mean_time, paired_difference
from bench.statistics.training_runs import OPTIMIZED, scored, select
from bench.store import Snapshot
from impl.optimizers.registry import OPTIMIZERS
from report.document import phrases
from report.document.answer import Values
from report.document.formats import count, duration, number
from report.document.labels import label
from report.evidence.queries import at_best_rate, custom_subjects, descents, seconds, time_ratio
from report.evidence.sources import DATASETS

PLAIN = label("sgd")
NAMES = [entry.label for entry in OPTIMIZERS.values()]
PROBLEM = "logistic regression on digits"
PARAMETERS = "the classifier's parameters"


def method_label(name: str) -> str:
    """Return the label of a method of the descents, where mini-batch descent is SGD's update rule."""
    return PLAIN if name == "mini-batch" else label(name)


def evidence(snapshot: Snapshot) -> Values:
    """Return accuracies by optimizer, excess losses, times to a target, and step times."""
    frame = descents(snapshot)
    frame["method"] = frame["method"].map(method_label)
    frame = frame[frame["method"].isin(NAMES)]
    best = at_best_rate(frame) if not frame.empty else frame
    return {
        "accuracy": accuracies(snapshot),
        "ends": _ends(best),
        "epsilon_gap": _epsilon_gap(best),
        "target": _targets(snapshot),
        "step": _steps(snapshot),
        "confidence": CONFIDENCE,
        "seeds": int(best["seed"].nunique()),
    }


def accuracies(snapshot: Snapshot) -> dict[str, object] | None:
    """Return the classifier's test accuracy by optimizer, highest mean first, over the seeds that all have.

    None if fewer than two optimizers were run.
    """
    runs = select(scored(snapshot), **OPTIMIZED).drop_duplicates(["seed", "optimizer"])
    table = runs.pivot(index="seed", columns="optimizer", values="test_accuracy").dropna()
    if table.empty or table.shape[1] < 2:
        return None
    rates = runs.groupby("optimizer")["learning_rate"].agg(lambda part: part.mode()[0])
    names = list(table.mean().sort_values(ascending=False).index)
    rows = []
    for name in names:
        found = mean_interval(table[name])
        half = "" if math.isnan(found.low) else f" ± {number(100 * (found.high - found.low) / 2, fixed=2)}"
        rows.append([label(name), f"{rates[name]:g}", f"{number(100 * found.mean, fixed=2)}{half}"])
    means = table.mean()
    return {
        "rows": rows,
        "seeds": len(table),
        "epochs": int(runs["epochs"].max()),
        "dataset": DATASETS.get(str(runs["dataset"].iloc[0]), str(runs["dataset"].iloc[0])),
        "first": label(names[0]),
        "spread": 100 * float(means.max() - means.min()),
    }


def _final(best: pd.DataFrame) -> pd.DataFrame:
    """Return the excess loss after the last step: a row for each seed, a column for each method."""
    last = best[best["step"] == best.groupby("method")["step"].transform("max")]
    return last.pivot(index="seed", columns="method", values="value")


def _ends(best: pd.DataFrame) -> list[list[str]]:
    if best.empty:
        return []
    final, rates = _final(best), best.groupby("method")["learning_rate"].first()
    rows = []
    for name in (n for n in NAMES if n in final):
        cells = [name, f"{rates[name]:g}", number(final[name].mean())]
        if name != PLAIN and PLAIN in final:
            d = paired_difference(final[name], final[PLAIN])
            verdict = {-1: "lower", 0: "inconclusive", 1: "higher"}[d.sign]
            rows.append([*cells, verdict])
        else:
            rows.append([*cells, "baseline" if name == PLAIN else "no baseline"])
    return rows


def _epsilon_gap(best: pd.DataFrame) -> float | None:
    """Return the largest relative difference between the ends of both forms of Adam; None without both."""
    names = ["Adam", "Adam, ε inside the root"]
    if best.empty or not set(names) <= set(best["method"]):
        return None
    pair = _final(best)[names].dropna()
    return float((pair[names[1]] / pair[names[0]] - 1).abs().max()) if len(pair) else None


def _targets(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: method, rate, steps and median seconds to the target, fewest steps first."""
    m = snapshot.measurements
    chosen = m[(m["task"] == "time_to_target") & (m["input"] == PROBLEM)]
    rows = []
    for name, group in chosen.groupby("subject", sort=False):
        by = group.groupby("metric")["value"].median()
        if name not in ("batch", "stochastic") and {"steps", "seconds", "learning_rate"} <= set(by.index):
            cells = [
                method_label(str(name)),
                f"{by['learning_rate']:g}",
                count(round(by["steps"])),
                duration(by["seconds"]),
            ]
            rows.append((by["steps"], cells))
    return [cells for _, cells in sorted(rows)]


def _steps(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: optimizer, median time of our step, and its ratio to torch's with an interval."""
    rows = []
    for name in (*OPTIMIZERS, *custom_subjects(snapshot, "optimizer_step")):
        ours = seconds(snapshot, "optimizer_step", name, "impl", PARAMETERS)
        if ours is None:
            continue
        ratio = time_ratio(snapshot, "optimizer_step", PARAMETERS, (name, "impl"), (name, "torch"))
        middle = duration(mean_time(ours).value)
        if ratio is None:
            counterpart = name in OPTIMIZERS and OPTIMIZERS[name].torch_counterpart
            shown = phrases.NOT_MEASURED if counterpart else "torch has none"
        else:
            shown = number(ratio.value) if math.isnan(ratio.low) else phrases.ratio(ratio)
        rows.append([label(name), middle, shown])
    return rows
