"""What was found, in five lines, from the strongest evidence at hand; each line says which that is."""

from collections.abc import Sequence

from bench.statistics import Difference
from bench.store import Snapshot
from report.answer import Source
from report.answers.q11_evidence import AUTOENCODERS, BASELINES, PROPOSED, label
from report.evidence import final, inputs, pair, time_ratio
from report.formats import percent
from report.phrases import difference, listed, ratio
from report.render import Erratum

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


def _accuracy(source: Source | None, batch_norm: bool) -> str:
    """The proposed activations against ReLU and GELU."""
    if source is None:
        return MISSING
    table = final(source.snapshot, "classifier", "test_accuracy", batch_norm)
    said, pairs = [], set()
    for name in PROPOSED:
        parts = []
        for baseline in BASELINES:
            d = pair(table, name, baseline)
            if d:
                pairs.add(d.pairs)
                parts.append(f"{difference(d, 100)} against {label(baseline)} ({verdict(d, 1)})")
        if parts:
            said.append(f"{label(name)} {listed(parts)}")
    seeds = listed(str(n) for n in sorted(pairs)) if pairs else ""
    return f"{'; '.join(said)}; paired seeds: {seeds}" if said else MISSING


def _autoencoders(source: Source | None) -> str:
    """The proposed activations' mean test loss on each autoencoder, relative to ReLU's."""
    if source is None:
        return MISSING
    said = []
    for task, network in AUTOENCODERS.items():
        table = final(source.snapshot, task, "test_loss", True)
        for name in PROPOSED:
            d = pair(table, name, "relu")
            if d:
                change = d.mean / float(table["relu"].mean())
                words = f"{percent(abs(change))} {'higher' if change > 0 else 'lower'}"
                kind = network.removesuffix(" autoencoder")
                said.append(f"{label(name)} on the {kind} one {words}, {verdict(d, -1)}")
    return "; ".join(said) or MISSING


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
