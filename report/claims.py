"""The assignment's four claims on its activations, each judged by paired intervals."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.statistics import Difference
from bench.store import Snapshot
from report import phrases
from report.answers.q11_evidence import AUTOENCODERS, BASELINES, PROPOSED, finite, label
from report.evidence import final, pair


@dataclass(frozen=True)
class Case:
    """One paired comparison and how it speaks: +1 for the claim, -1 against it, 0 undecided."""

    what: str
    text: str
    sign: int
    seeds: int


@dataclass(frozen=True)
class Claim:
    """A claim, its verdict, how many comparisons speak for it, and what each found."""

    text: str
    verdict: str
    tally: str
    cases: list[Case]

    @property
    def seeds(self) -> str:
        """The numbers of pairs that the comparisons rest on, "3" or "2 and 3"."""
        return phrases.listed(str(n) for n in sorted({case.seeds for case in self.cases}))


def verdict(signs: list[int]) -> str:
    """One word or three for the signs of all comparisons of a claim."""
    up, down = signs.count(1), signs.count(-1)
    if not signs:
        return phrases.NOT_MEASURED
    if up and down:
        return "mixed"
    if up or down:
        word = "supported" if up else "contradicted"
        return word if max(up, down) == len(signs) else f"{word} in part"
    return "undecided"


def at_par(d: Difference, margin: float) -> int:
    """-1 where worse; +1 where the interval excludes being worse by more than `margin`; else 0."""
    return -1 if d.high < 0 else int(d.low > -margin)


def classification(
    snapshot: Snapshot, batch_norm: bool, proposed: tuple[str, ...], direction: int, par: bool = False
) -> Iterator[Case]:
    """Final test accuracies of the classifier against both baselines; direction: what the claim expects.

    par: whether "on par" suffices, the margin then being the baseline's standard deviation over seeds.
    """
    table = final(snapshot, "classifier", "test_accuracy", batch_norm)
    for name in proposed:
        for baseline in BASELINES:
            d = pair(table, name, baseline)
            if d is not None and finite(d):
                sign = at_par(d, float(table[baseline].std())) if par else direction * d.sign
                text = f"{phrases.difference(d, 100)} points"
                yield Case(f"{label(name)} − {label(baseline)}", text, sign, d.pairs)


def autoencoding(snapshot: Snapshot) -> Iterator[Case]:
    """Final test losses of both autoencoders against both baselines; a greater loss speaks for the claim."""
    for task, words in AUTOENCODERS.items():
        table = final(snapshot, task, "test_loss", True)
        for name in PROPOSED:
            for baseline in BASELINES:
                d = pair(table, name, baseline)
                if d is not None and finite(d):
                    what = f"{label(name)} − {label(baseline)}, {words}"
                    yield Case(what, f"{phrases.difference(d, 1000)} thousandths", d.sign, d.pairs)


def claims(snapshot: Snapshot) -> list[Claim]:
    """The four claims in the assignment's order; "not measured" where the snapshot has no pairs for one."""
    found = {
        "SGELU and AdaSGELU are on par with ReLU and GELU on classification, if not better": list(
            classification(snapshot, True, PROPOSED, 1, par=True)
        ),
        "SGELU and AdaSGELU do better on classification": list(classification(snapshot, True, PROPOSED, 1)),
        "SGELU and AdaSGELU struggle on autoencoders": list(autoencoding(snapshot)),
        "Without batch norm SGELU struggles even on classification": list(
            classification(snapshot, False, PROPOSED[:1], -1)
        ),
    }
    return [
        Claim(
            text,
            verdict([case.sign for case in cases]),
            phrases.tally([case.sign for case in cases], "for it", "against it")
            if cases
            else "no comparison",
            cases,
        )
        for text, cases in found.items()
    ]
