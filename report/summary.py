"""What was found, in five lines, from the strongest evidence at hand; each line says which that is."""

from collections.abc import Sequence

from bench.statistics import Difference
from bench.store import Snapshot
from report.answer import Source
from report.evidence import Comparison, compare, curves, inputs, time_ratio
from report.formats import percent
from report.phrases import difference, listed, ratio
from report.render import Erratum

PROPOSED = {"sgelu": "SGELU", "ada_sgelu": "AdaSGELU"}
MISSING = "not measured yet; make bench would do it"


def findings(found: Sequence[Source], errata: Sequence[Erratum]) -> list[str]:
    """Five findings; the first source, the reference where there is one, gives what was measured."""
    best = found[0] if found else None
    origin = f" [{best.label}]" if best else ""
    return [
        f"Classification at one learning rate, points of test accuracy: {_accuracy(best, True)}{origin}.",
        f"The same without batch norm: {_accuracy(best, False)}.",
        f"Autoencoders, test loss relative to ReLU's: {_autoencoders(best)}.",
        f"Cost of one pass at the largest size, as multiples of torch's own GELU: {_cost(best)}.",
        f"Of what the assignment prints, {len(errata)} statements are wrong or hold only in part; "
        "each is corrected where it stands and listed at the end.",
    ]


def verdict(d: Difference, better: int) -> str:
    """Better, worse or undecided, by the side of zero that holds the interval; `better` is +1 or -1."""
    return {1: "better", -1: "worse", 0: "undecided"}[d.sign * better]


def _against(rows: Sequence[Comparison], name: str) -> Comparison | None:
    return next((row for row in rows if row.activation == name), None)


def _accuracy(source: Source | None, batch_norm: bool) -> str:
    """The proposed activations against ReLU and GELU."""
    if source is None:
        return MISSING
    frame = curves(source.snapshot, "classifier", "test_accuracy", batch_norm=batch_norm)
    said, pairs = [], set()
    for name, label in PROPOSED.items():
        parts = []
        for baseline, baseline_label in (("relu", "ReLU"), ("gelu", "GELU")):
            row = _against(compare(frame, baseline), name)
            if row:
                d = row.difference
                pairs.add(d.pairs)
                parts.append(f"{difference(d, 100)} against {baseline_label} ({verdict(d, 1)})")
        if parts:
            said.append(f"{label} {listed(parts)}")
    seeds = listed(str(n) for n in sorted(pairs)) if pairs else ""
    return f"{'; '.join(said)}; paired seeds: {seeds}" if said else MISSING


def _autoencoders(source: Source | None) -> str:
    """The proposed activations' mean test loss on each autoencoder, relative to ReLU's."""
    if source is None:
        return MISSING
    said = []
    for task, network in (("fc_autoencoder", "fully connected"), ("conv_autoencoder", "convolutional")):
        rows = compare(curves(source.snapshot, task, "test_loss"), "relu")
        relu = _against(rows, "relu")
        for name, label in PROPOSED.items():
            row = _against(rows, name)
            if row and relu:
                change = row.difference.mean / relu.mean
                words = f"{percent(abs(change))} {'higher' if change > 0 else 'lower'}"
                said.append(f"{label} on the {network} one {words}, {verdict(row.difference, -1)}")
    return "; ".join(said) or MISSING


def _cost(source: Source | None) -> str:
    """Forward and backward time of our SGELU, and of Swish, beside torch's fused GELU."""
    if source is None:
        return MISSING
    return "; ".join(filter(None, (_passes(source.snapshot, *what) for what in PROPOSED.items()))) or MISSING


def _passes(snapshot: Snapshot, name: str, label: str) -> str:
    said = []
    for task, words in (("activation_forward", "forward"), ("activation_backward", "backward")):
        sizes = inputs(snapshot, task)
        r = time_ratio(snapshot, task, sizes[-1], (name, "impl"), ("gelu", "torch")) if sizes else None
        if r:
            said.append(f"{words} {ratio(r)}")
    return f"{label} {listed(said)}" if said else ""
