"""Page 1: one figure, what to believe, what not yet, what it costs, and what the assignment got wrong."""

from collections.abc import Sequence

import pandas as pd

from bench.records.names import BASELINES, CONTROLS, PASSES, PROPOSED
from bench.store import Snapshot
from report.answers.proposed import told
from report.document.answer import Source
from report.document.formats import count, number
from report.document.labels import label
from report.document.page import IMPRECISE, SEVERITIES, WRONG_REASONING, WRONG_RESULT, Erratum
from report.document.phrases import listed
from report.evidence import headline
from report.evidence.claims import claim_verdicts
from report.evidence.headline import PANELS
from report.evidence.queries import time_ratio
from report.evidence.specification import Specification, specification
from report.figures.forest import forest
from report.figures.svg import SvgFigure, svg_figure

MISSING = "Nothing is measured yet; make bench would do it."
UNTIMED = "The times are not measured; make bench would do it."
SIZES = {2**14: "the classifier's layer", 2**20: "a million elements"}
NOUNS = {WRONG_RESULT: "wrong result", WRONG_REASONING: "wrong argument", IMPRECISE: "imprecise statement"}


def summary(source: Source | None, errata: Sequence[Erratum]) -> dict[str, str]:
    """Return the findings of page 1 from the report's source, each by the words that lead it."""
    wrong_ = {"What the assignment got wrong": wrong(errata)}
    if source is None:
        return {"What to believe": MISSING, **wrong_}
    snapshot = source.snapshot
    forks = [specification(snapshot, verdict) for verdict in claim_verdicts(snapshot)]
    texts = {sure: [told(snapshot, words, sure=sure) for words in PANELS] for sure in (True, False)}
    believed = list(filter(None, texts[True]))
    doubted = [*filter(None, texts[False]), *_unmeasured(snapshot), *fragile([f for f in forks if f])]
    return {
        "What to believe": " ".join(believed) or "Nothing yet about the proposed activations.",
        "What not to believe yet": " ".join(doubted) or "Nothing is open.",
        "What it costs": cost(snapshot),
        **wrong_,
    }


def labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the effects with `row`, the compared activations in words."""
    rows = [
        f"{label(BASELINES[0])} again (largest control)"
        if a in CONTROLS
        else f"{label(a)} against {label(b)}"
        for a, b in zip(frame["a"], frame["b"], strict=True)
    ]
    return frame.assign(row=rows)


def figure(snapshot: Snapshot) -> SvgFigure | None:
    """Draw the proposed activations and the controls; None where nothing was trained."""
    frame = labelled(headline.rows(snapshot))
    if frame.empty:
        return None
    return svg_figure(
        forest(frame),
        frame,
        name="headline",
        title="Effects of the proposed activations in each network",
        alt="Dots with intervals, early in training and at its end: SGELU, AdaSGELU and the controls against "
        "ReLU and GELU, a panel for each network.",
    )


def _unmeasured(snapshot: Snapshot) -> list[str]:
    """Return a sentence on the networks that were not trained."""
    missing = [f"the {words}" for words in PANELS if not headline.findings(snapshot, words)]
    return [f"There is no result yet of {listed(missing)}."] if missing else []


def fragile(judged: Sequence[Specification]) -> list[str]:
    """Return sentences on the verdicts that change with choices of the analysis."""
    turned = [f for f in judged if not f.robust]
    if not turned:
        return []
    opposite = sum(f.reversed for f in turned)
    which = (
        f"All {count(len(judged))} verdicts on trained networks are"
        if len(turned) == len(judged)
        else f"Of {count(len(judged))} verdicts on trained networks, {count(len(turned))} are"
    )
    return [
        f"{which} fragile: another horizon, rate or interval would change them.",
        f"Of these {count(opposite)} would turn into the opposite."
        if opposite
        else "None would turn into the opposite.",
    ]


def cost(snapshot: Snapshot) -> str:
    """Return the times of SGELU as multiples of torch's GELU, at the network's size and beyond."""
    name = PROPOSED[0]
    told: list[str] = []
    for size, words in SIZES.items():
        ratios = {
            way: time_ratio(snapshot, task, f"{size} elements", (name, "impl"), ("gelu", "torch"))
            for task, way in PASSES.items()
        }
        parts = [f"{number(r.value, 2)} times as long {way}" for way, r in ratios.items() if r]
        if parts:
            sentence = f"For {words}, {label(name)} takes {listed(parts)}."
            told.append(sentence if told else sentence.replace("as long", "as long as torch's GELU", 1))
    return " ".join(told) or UNTIMED


def wrong(errata: Sequence[Erratum]) -> str:
    """Return how many errata there are of each severity, two to a sentence, and the weightiest."""
    if not errata:
        return "Nothing."
    counts = [(NOUNS[severity], sum(e.severity == severity for e in errata)) for severity in SEVERITIES]
    told = [f"{count(n)} {noun}{'s' * (n != 1)}" for noun, n in counts if n]
    sentences = [f"It has {listed(told[:2])}.", *(f"It also has {what}." for what in told[2:])]
    return " ".join([*sentences, *(e.headline for e in errata if e.headline)])
