"""Sentences on the proposed activations, which page 1 and question 11 share."""

from collections.abc import Sequence

from bench.records.names import BASELINES
from bench.statistics.standing import BETTER, LEVEL, UNDECIDED, WORSE
from bench.store import Snapshot
from report.document.formats import number
from report.document.labels import label
from report.document.phrases import listed, signed
from report.evidence import headline
from report.evidence.headline import Finding

VERBS = {
    BETTER: ("beats", "beat"),
    WORSE: ("loses to", "lose to"),
    LEVEL: ("is level with", "are level with"),
}


def told(snapshot: Snapshot, words: str, *, sure: bool) -> str:
    """Return the verdicts at the end of training in one network, those to believe or the others."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in headline.findings(snapshot, words):
        if finding.sure == sure:
            groups.setdefault((finding.comparison.b, finding.word), []).append(finding)
    sentences = [sentence_of(word, group, unit=not k) for k, ((_, word), group) in enumerate(groups.items())]
    where = f"In the {words} "
    return " ".join([where + sentences[0], *sentences[1:]]) if sentences else ""


def sentence_of(word: str, group: Sequence[Finding], *, unit: bool = True) -> str:
    """Return a verdict on activations against one baseline in a sentence, with the unit in full or not."""
    compared = [finding.comparison for finding in group]
    names, baseline = listed(label(c.a) for c in compared), label(compared[0].b)
    estimates = [c.effect.estimate for c in compared]
    if compared[0].effect.relative:
        sizes = listed(number(1 + e) for e in estimates) + " times" + " the loss" * unit
    else:
        sizes = listed(signed(100 * e, 2) for e in estimates) + " points" + " of accuracy" * unit
    if word == UNDECIDED:
        return f"{names} against {baseline} is undecided: {sizes}."
    verdict = f"{names} {VERBS[word][len(compared) > 1]} {baseline}: {sizes}"
    control = label(BASELINES[0])
    return f"{verdict}." if group[0].sure else f"{verdict}, but {control} differs from itself by as much."
