"""Question 5: what the store says of the optimizers."""

import pandas as pd

from bench.statistics import CONFIDENCE, mean_interval, paired_difference
from bench.store import Snapshot
from impl.optimizers.registry import OPTIMIZERS
from report.document import phrases
from report.document.answer import Values
from report.document.formats import count, duration, number
from report.evidence.queries import at_best_rate, descents, label, own_subjects, samples, time_ratio
from report.figures.drawing import Drawing, draw
from report.figures.optimizers import STROKES, convergence

PLAIN = "mini-batch"
PROBLEM = "logistic regression on digits"
PARAMETERS = "the classifier's parameters"


def evidence(snapshot: Snapshot) -> Values:
    """Curves and end of each optimizer at its best rate, time to a target, and one step against torch's."""
    frame = descents(snapshot)
    frame = frame[frame["method"].isin(STROKES)]
    best = at_best_rate(frame) if not frame.empty else frame
    return {
        "curves": None if best.empty else _drawing(snapshot, best),
        "ends": _ends(best),
        "epsilon_gap": _epsilon_gap(best),
        "target": _targets(snapshot),
        "step": _steps(snapshot),
        "confidence": CONFIDENCE,
        "seeds": int(best["seed"].nunique()),
    }


def _drawing(snapshot: Snapshot, best: pd.DataFrame) -> Drawing:
    rows = []
    for (method, step), own in best[best["step"] > 0].groupby(["method", "step"], sort=False):
        d = mean_interval(own["value"])
        rows.append((method, step, d.mean, d.low, d.high))
    table = pd.DataFrame(rows, columns=["method", "step", "mean", "low", "high"])
    return draw(
        convergence(table),
        table,
        name=f"q05-curves-{snapshot.id}",
        title="Convergence of the optimizers",
        alt="Excess loss against samples seen on logarithmic axes, one falling curve an optimizer at its "
        "best learning rate. The table that follows holds where they end.",
    )


def _final(best: pd.DataFrame) -> pd.DataFrame:
    """Excess loss after the last step: one row a seed, one column a method."""
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
            verdict = {-1: "lower", 0: "undecided", 1: "higher"}[d.sign]
            rows.append([*cells, verdict])
        else:
            rows.append([*cells, "the baseline" if name == PLAIN else "no baseline"])
    return rows


def _epsilon_gap(best: pd.DataFrame) -> float | None:
    """Largest relative difference between the ends of the two forms of Adam; None without both."""
    names = ["Adam", "Adam, ε inside the root"]
    if best.empty or not set(names) <= set(best["method"]):
        return None
    pair = _final(best)[names].dropna()
    return float((pair[names[1]] / pair[names[0]] - 1).abs().max()) if len(pair) else None


def _targets(snapshot: Snapshot) -> list[list[str]]:
    """Method, rate, steps and median seconds to the target, fewest steps first."""
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
    """Optimizer, median time of our step, and the same as a multiple of torch's with its interval."""
    rows = []
    for name in (*OPTIMIZERS, *own_subjects(snapshot, "optimizer_step")):
        ours = samples(snapshot, "optimizer_step", name, "impl", PARAMETERS)
        if ours is None:
            continue
        ratio = time_ratio(snapshot, "optimizer_step", PARAMETERS, (name, "impl"), (name, "torch"))
        middle = duration(float(pd.Series(ours).median()))
        if ratio is None:
            twin = name in OPTIMIZERS and OPTIMIZERS[name].torch_counterpart
            shown = phrases.NOT_MEASURED if twin else "torch has none"
        else:
            shown = phrases.ratio(ratio)
        rows.append([label(name), middle, shown])
    return rows
