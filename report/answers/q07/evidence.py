"""Question 7: evidence on the cost of activations, and on superposition."""

from typing import Any

from bench.statistics import CONFIDENCE, Ratio
from bench.store import Snapshot
from impl.activations.registry import ACTIVATIONS
from report.answers.cost import elements, ratio_cell, two_digits
from report.document.answer import Values
from report.document.labels import label
from report.document.phrases import NOT_MEASURED
from report.evidence.queries import custom_subjects, network_input, time_ratio

BASELINE = "relu"
TASKS = {"forward": "activation_forward", "backward": "activation_backward"}


def superposition(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the mean errors of superposition without activations and with ReLU; None without runs."""
    m = snapshot.measurements
    m = m[m["task"] == "affinity"]
    means = m.groupby("metric", observed=True)["value"].mean()
    names = {"none": "superposition error none", "relu": "superposition error relu"}
    if not set(names.values()) <= set(means.index):
        return None
    return {**{key: float(means[name]) for key, name in names.items()}, "seeds": int(m["seed"].nunique())}


def evidence(snapshot: Snapshot) -> Values:
    """Return the errors of superposition, and times at the classifier's size as multiples of ReLU's."""
    return {"superposition": superposition(snapshot), **costs(snapshot)}


def costs(snapshot: Snapshot) -> Values:
    """Return times at the classifier's size, as multiples of ReLU's by the same implementation."""
    size = network_input(snapshot, TASKS["forward"])
    if size is None:
        return {"costs": [], "input": None, "dearest": None, "confidence": CONFIDENCE}
    names = [*ACTIVATIONS, *custom_subjects(snapshot, TASKS["forward"])]
    kinds = [(kind, way) for kind in TASKS for way in ("impl", "torch")]
    ratios = {
        (name, *kind): time_ratio(snapshot, TASKS[kind[0]], size, (name, kind[1]), (BASELINE, kind[1]))
        for name in names
        for kind in kinds
    }
    rows = [
        [label(name), *(_cell(name, way, ratios[name, kind, way]) for kind, way in kinds)] for name in names
    ]
    ours = {n: r for n in names if (r := ratios[n, "forward", "impl"]) is not None}
    others = [r for n, r in ours.items() if n != BASELINE]
    dearest = max(ours, key=lambda n: ours[n].value) if ours else None
    return {
        "costs": rows,
        "input": elements(size),
        "dearest": (label(dearest), two_digits(ours[dearest].value)) if dearest else None,
        "dearer": sum(r.low > 1 for r in others) if any(r.low == r.low for r in others) else None,
        "compared": len(others),
        "confidence": CONFIDENCE,
    }


def _cell(name: str, way: str, ratio: Ratio | None) -> str:
    if name == BASELINE and ratio is not None:
        return "1"
    if ratio is None:
        none = way == "torch" and (name not in ACTIVATIONS or ACTIVATIONS[name].native is None)
        return "no kernel" if none else NOT_MEASURED
    return ratio_cell(ratio)
