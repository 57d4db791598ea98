"""Question 7: evidence on the cost of activations."""

from bench.statistics import CONFIDENCE, Ratio
from bench.store import Snapshot
from impl.activations.registry import ACTIVATIONS
from report.document import phrases
from report.document.answer import Values
from report.document.labels import label
from report.evidence.queries import custom_subjects, network_input, time_ratio

BASELINE = "relu"
TASKS = {"forward": "activation_forward", "backward": "activation_backward"}


def evidence(snapshot: Snapshot) -> Values:
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
    costs = [
        [label(name), *(_cell(name, way, ratios[name, kind, way]) for kind, way in kinds)] for name in names
    ]
    ours = {n: r for n in names if (r := ratios[n, "forward", "impl"]) is not None}
    dearest = max(ours, key=lambda n: ours[n].value) if ours else None
    return {
        "costs": costs,
        "input": size,
        "dearest": (label(dearest), ours[dearest].value) if dearest else None,
        "dearer": sum(r.low > 1 for n, r in ours.items() if n != BASELINE),
        "compared": sum(n != BASELINE for n in ours),
        "confidence": CONFIDENCE,
    }


def _cell(name: str, way: str, ratio: Ratio | None) -> str:
    if name == BASELINE and ratio is not None:
        return "1"
    if ratio is None:
        none = way == "torch" and (name not in ACTIVATIONS or ACTIVATIONS[name].native is None)
        return "no kernel" if none else phrases.NOT_MEASURED
    return phrases.ratio(ratio)
