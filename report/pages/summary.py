"""The summary: five findings from the best source at hand, each with its source."""

from collections.abc import Sequence

from bench.records.names import PASSES, PROPOSED
from bench.store import Snapshot
from report.document.answer import Source
from report.document.labels import label
from report.document.page import Erratum
from report.document.phrases import NOT_MEASURED, listed, ratio
from report.evidence.activation_runs import AUTOENCODERS, FAMILIES
from report.evidence.claims import ASSIGNMENT, CONFIRMED, REFUTED, UNDECIDED, claim_verdicts, explored
from report.evidence.comparisons import Comparison
from report.evidence.queries import network_input, time_ratio
from report.evidence.verdicts import effect

CLASSIFIERS = tuple(FAMILIES.values())
VERDICTS = (CONFIRMED, REFUTED, UNDECIDED, NOT_MEASURED)
MISSING = "not measured yet; make bench would do it"
BETTER = {1: "better", -1: "worse", 0: "inconclusive"}


def better(comparison: Comparison) -> int:
    """Return +1 where a is better than b, -1 where worse: higher is better, except for ratios of losses."""
    direction = comparison.effect.direction
    return -direction if comparison.effect.relative else direction


def findings(sources: Sequence[Source], errata: Sequence[Erratum]) -> list[str]:
    """Return five findings; measured ones come from the first source, the reference if there is one."""
    best = sources[0] if sources else None
    origin = f" [{best.label}]" if best else ""
    badge = f" ({best.badge})" if best and best.badge else ""
    autoencoders = tuple(AUTOENCODERS.values())
    return [
        f"Of the assignment's empirical claims, {_tally(best)}{origin}.",
        f"Classification, each activation at its own rate, test accuracy: {_compared(best, CLASSIFIERS)}"
        f"{badge}.",
        f"Autoencoders, test loss as a multiple of ReLU's: {_compared(best, autoencoders)}{badge}.",
        "Cost of one pass over the classifier's 16,384 elements, as multiples of torch's own GELU: "
        f"{_cost(best)}{badge}.",
        f"Of what the assignment prints, {len(errata)} statements are wrong or hold only in part; "
        "each is corrected where it stands and listed at the end.",
    ]


def _tally(source: Source | None) -> str:
    """Count the verdicts on the claims."""
    if source is None:
        return f"none is decided: {MISSING}"
    verdicts = [v.verdict for v in claim_verdicts(source.snapshot) if v.claim.origin == ASSIGNMENT]
    counts = {verdict: verdicts.count(verdict) for verdict in VERDICTS if verdict in verdicts}
    return listed(f"{n} {'is' if n == 1 else 'are'} {verdict}" for verdict, n in counts.items())


def _compared(source: Source | None, names: Sequence[str]) -> str:
    """Compare the proposed activations with ReLU in each of the named families."""
    if source is None:
        return MISSING
    texts = []
    for family in names:
        parts = [
            f"{label(c.a)} {effect(c)}, {BETTER[better(c)]}"
            for c in explored(source.snapshot, family)
            if c.a in PROPOSED and c.b == "relu"
        ]
        if parts:
            texts.append(f"{family}: {listed(parts)}")
    return "; ".join(texts) or MISSING


def _cost(source: Source | None) -> str:
    """Compare the proposed activations' forward and backward times with torch's fused GELU."""
    if source is None:
        return MISSING
    return "; ".join(filter(None, (_passes(source.snapshot, name) for name in PROPOSED))) or MISSING


def _passes(snapshot: Snapshot, name: str) -> str:
    texts = []
    for task, direction in PASSES.items():
        size = network_input(snapshot, task)
        r = time_ratio(snapshot, task, size, (name, "impl"), ("gelu", "torch")) if size else None
        if r:
            texts.append(f"{direction} {ratio(r)}")
    return f"{label(name)} {listed(texts)}" if texts else ""
