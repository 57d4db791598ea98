"""What was found, in five lines, from the strongest evidence at hand; each line says which that is."""

from collections.abc import Sequence

from bench.records.names import PROPOSED
from bench.store import Snapshot
from report.document.answer import Source
from report.document.page import Erratum
from report.document.phrases import listed, ratio
from report.evidence import verdicts
from report.evidence.activation_runs import AUTOENCODERS, FAMILIES
from report.evidence.claims import CONFIRMED, NOT_MEASURED, REFUTED, UNDECIDED
from report.evidence.comparisons import Case
from report.evidence.queries import inputs, label, time_ratio

CLASSIFIERS = tuple(FAMILIES.values())
WORDS = (CONFIRMED, REFUTED, UNDECIDED, NOT_MEASURED)
MISSING = "not measured yet; make bench would do it"


def findings(found: Sequence[Source], errata: Sequence[Erratum]) -> list[str]:
    """Five findings; the first source, the reference where there is one, gives what was measured."""
    best = found[0] if found else None
    origin = f" [{best.label}]" if best else ""
    mark = f" ({best.mark})" if best and best.mark else ""
    return [
        f"Of the assignment's empirical claims, {_tally(best)}{origin}.",
        f"Classification, each activation at its own rate, test accuracy: {_compared(best, CLASSIFIERS)}"
        f"{mark}.",
        f"Autoencoders, test loss as a multiple of ReLU's: {_compared(best, tuple(AUTOENCODERS.values()))}"
        f"{mark}.",
        f"Cost of one pass at the largest size, as multiples of torch's own GELU: {_cost(best)}{mark}.",
        f"Of what the assignment prints, {len(errata)} statements are wrong or hold only in part; "
        "each is corrected where it stands and listed at the end.",
    ]


def _tally(source: Source | None) -> str:
    """How many claims came out which way."""
    if source is None:
        return f"none is decided: {MISSING}"
    words = [verdict.word for verdict in verdicts.of(source.snapshot)]
    counts = {word: words.count(word) for word in WORDS if word in words}
    return listed(f"{n} {'is' if n == 1 else 'are'} {word}" for word, n in counts.items())


def _compared(source: Source | None, families: Sequence[str]) -> str:
    """The proposed activations against ReLU in each family, with the corrected verdicts."""
    if source is None:
        return MISSING
    judged, said = verdicts.judged(source.snapshot), []
    for family in families:
        parts = [
            f"{label(case.a)} {verdicts.effect(case)}, {_side(case, side)}"
            for case, _, side in judged[family]
            if case.a in PROPOSED and case.b == "relu"
        ]
        if parts:
            said.append(f"{family}: {listed(parts)}")
    return "; ".join(said) or MISSING


def _side(case: Case, side: int) -> str:
    """Better, worse or undecided: a greater accuracy is better, a greater loss worse."""
    return {1: "better", -1: "worse", 0: "undecided"}[-side if case.comparison.relative else side]


def _cost(source: Source | None) -> str:
    """Forward and backward time of the proposed activations beside torch's fused GELU."""
    if source is None:
        return MISSING
    return "; ".join(filter(None, (_passes(source.snapshot, name) for name in PROPOSED))) or MISSING


def _passes(snapshot: Snapshot, name: str) -> str:
    said = []
    for task, words in (("activation_forward", "forward"), ("activation_backward", "backward")):
        sizes = inputs(snapshot, task)
        r = time_ratio(snapshot, task, sizes[-1], (name, "impl"), ("gelu", "torch")) if sizes else None
        if r:
            said.append(f"{words} {ratio(r)}")
    return f"{label(name)} {listed(said)}" if said else ""
