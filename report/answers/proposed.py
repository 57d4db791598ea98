"""Sentences on the proposed activations, which page 1 and question 11 share."""

from collections.abc import Callable, Iterable, Sequence

from bench.records.names import BASELINES
from bench.statistics.standing import BETTER, LEVEL, UNDECIDED, WORSE
from bench.store import Snapshot
from report.document.formats import number
from report.document.labels import label
from report.document.phrases import SHORTLY, listed, signed
from report.evidence import headline
from report.evidence.headline import Finding

VERBS = {
    BETTER: ("beats", "beat"),
    WORSE: ("loses to", "lose to"),
    LEVEL: ("is level with", "are level with"),
}


def told(snapshot: Snapshot, words: str, *, sure: bool) -> str:
    """Return the verdicts in one network early and at the end of training, those to believe or the others."""
    sentences: list[str] = []
    before: list[str] = []
    for horizon, when in SHORTLY.items():
        findings = [f for f in headline.findings(snapshot, words, horizon) if f.sure == sure]
        for k, group in enumerate(grouped(findings)):
            names = _compared(group)
            subject = "They" if names == before and len(names) > 1 else listed(names)
            where = "" if sentences else f"In the {words}, "
            verdict = predicate(group, "" if k else f" {when}", unit=not sentences)
            sentences.append(f"{where}{subject} {verdict}")
            before = names
    return " ".join(sentences)


def grouped(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Group findings of one word, against all baselines where it holds of every pair, else by baseline."""
    groups: list[list[Finding]] = []
    for word in dict.fromkeys(f.word for f in findings):
        same = [f for f in findings if f.word == word]
        by_baseline: dict[str, list[Finding]] = {}
        for finding in same:
            by_baseline.setdefault(finding.comparison.b, []).append(finding)
        compared = [{f.comparison.a for f in group} for group in by_baseline.values()]
        alike = all(names == compared[0] for names in compared)
        groups += [same] if alike else by_baseline.values()
    return groups


def _compared(group: Sequence[Finding]) -> list[str]:
    """Return the labels of the activations that are compared with baselines."""
    return list(dict.fromkeys(label(f.comparison.a) for f in group))


def predicate(group: Sequence[Finding], when: str = "", *, unit: bool = True) -> str:
    """Return the predicate of a sentence on findings of one word, with the unit in full or not."""
    word, several = group[0].word, len(_compared(group)) > 1
    baselines = listed(dict.fromkeys(label(f.comparison.b) for f in group))
    estimates = [f.comparison.effect.estimate for f in group]
    joined: Callable[[Iterable[str]], str] = listed
    if len(estimates) > 2:
        estimates, joined = [min(estimates), max(estimates)], " to ".join
    if group[0].comparison.effect.relative:
        sizes = joined(number(1 + e) for e in estimates) + " times" + " the loss" * unit
    else:
        sizes = joined(signed(100 * e, 2) for e in estimates) + " points" + " of accuracy" * unit
    if word == UNDECIDED:
        return f"against {baselines} {'are' if several else 'is'} undecided{when}: {sizes}."
    verdict = f"{VERBS[word][several]} {baselines}{when}: {sizes}"
    control = label(BASELINES[0])
    return f"{verdict}." if group[0].sure else f"{verdict}, but {control} differs from itself by as much."
