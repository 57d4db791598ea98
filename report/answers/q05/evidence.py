"""Question 5: evidence on the optimizers."""

import pandas as pd

from bench.statistics import CONFIDENCE, mean_interval, mean_time, paired_difference
from bench.store import Snapshot
from impl.optimizers.registry import OPTIMIZERS
from report.document import phrases
from report.document.answer import Values
from report.document.formats import count, duration, number
from report.document.labels import label
from report.evidence.queries import at_best_rate, custom_subjects, descents, seconds, time_ratio
from report.figures.optimizers import STROKES, convergence
from report.figures.svg import SvgFigure, svg_figure

PLAIN = "mini-batch"
PROBLEM = "logistic regression on digits"
PARAMETERS = "the classifier's parameters"


def evidence(snapshot: Snapshot) -> Values:
    """Return each optimizer's curve and end at its best rate, its time to a target, and its step time."""
    frame = descents(snapshot)
    frame["method"] = frame["method"].map(label)
    frame = frame[frame["method"].isin(STROKES)]
    best = at_best_rate(frame) if not frame.empty else frame
    return {
        "curves": None if best.empty else _curves(snapshot, best),
        "ends": _ends(best),
        "epsilon_gap": _epsilon_gap(best),
        "target": _targets(snapshot),
        "step": _steps(snapshot),
        "confidence": CONFIDENCE,
        "seeds": int(best["seed"].nunique()),
    }


def _curves(snapshot: Snapshot, best: pd.DataFrame) -> SvgFigure:
    rows = []
    for (method, step), part in best[best["step"] > 0].groupby(["method", "step"], sort=False):
        d = mean_interval(part["value"])
        rows.append((method, step, d.mean, d.low, d.high))
    table = pd.DataFrame(rows, columns=["method", "step", "mean", "low", "high"])
    return svg_figure(
        convergence(table),
        table,
        name=f"q05-curves-{snapshot.id}",
        title="Convergence of the optimizers",
        alt="Excess loss against samples seen on logarithmic axes, one falling curve an optimizer at its "
        "best learning rate. The table that follows holds where they end.",
    )


def _final(best: pd.DataFrame) -> pd.DataFrame:
    """Return the excess loss after the last step: a row for each seed, a column for each method."""
    last = best[best["step"] == best.groupby("method")["step"].transform("max")]
    return last.pivot(index="seed", columns="method", values="value")


def _ends(best: pd.DataFrame) -> list[list[str]]:
    if best.empty:
        return []
    final, rates = _final(best), best.groupby("method")["learning_rate"].first()
    rows = []
    for name in (n for n in STROKES if n in final):
        cells = [name, f"{rates[name]:g}", number(final[name].mean())]
        if name != PLAIN and PLAIN in final:
            d = paired_difference(final[name], final[PLAIN])
            verdict = {-1: "lower", 0: "inconclusive", 1: "higher"}[d.sign]
            rows.append([*cells, verdict])
        else:
            rows.append([*cells, "the baseline" if name == PLAIN else "no baseline"])
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
                str(name),
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
            shown = phrases.ratio(ratio)
        rows.append([label(name), middle, shown])
    return rows
