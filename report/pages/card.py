"""The card of one candidate: where it stands against the common ones, what it costs, whether it is sound."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.records.candidate_names import is_custom, parse
from bench.records.json_text import json_text
from bench.statistics.borrowing import TENTH, Agreement, with_baselines
from bench.statistics.standing import ARENAS, BETTER, LEVEL, UNDECIDED, WORSE, Arena, Standing, standings
from bench.statistics.training_runs import LAST, trained
from bench.store import Snapshot
from report.document.formats import count, number
from report.document.labels import label
from report.document.page import Section
from report.document.phrases import NOT_MEASURED, SHORTLY, listed, sentence, signed
from report.evidence import comparisons, conformance
from report.evidence.comparisons import Comparison
from report.evidence.sources import dataset_name, measured
from report.evidence.verdicts import effect
from report.evidence.verdicts import plain as plain_comparison
from report.figures.svg import SvgFigure
from report.pages import candidate
from report.pages.card_figures import (
    anchor,
    control_arms,
    cost_figure,
    course_figure,
    differences_figure,
)

KINDS = {kind.name: kind for kind in candidate.KINDS if kind.name in ("activation", "optimizer")}
JOINT = {BETTER: "than", WORSE: "than", LEVEL: "with", UNDECIDED: "against"}


@dataclass(frozen=True, eq=False)
class Result:
    """A candidate in one arena.

    Attributes:
        arena: The arena.
        snapshot: Runs of the candidate and of the baselines.
        agreement: How far runs of the reference that were repeated here agree with it.
        standings: Where the candidate stands.
    """

    arena: Arena
    snapshot: Snapshot
    agreement: Agreement
    standings: Sequence[Standing]


@dataclass(frozen=True, eq=False)
class Card:
    """All that is shown of a candidate.

    Attributes:
        name: Name of the candidate in the store.
        kind: activation or optimizer.
        here: Runs and times of this machine.
        results: Results by arena.
    """

    name: str
    kind: str
    here: Snapshot
    results: Sequence[Result]

    @property
    def title(self) -> str:
        """Name for readers."""
        parts = parse(self.name)
        return parts.label if parts else label(self.name)

    @cached_property
    def cost(self) -> list[Comparison]:
        """Times over those of the baselines, in every pass and on every input."""
        baselines = self.results[0].arena.baselines
        pairs = [((self.name, "impl"), (name, "impl")) for name in baselines]
        return comparisons.times(KINDS[self.kind].times, pairs, margin=0.0)(self.here)

    @cached_property
    def checks(self) -> list[conformance.Row]:
        """Results of the conformance checks; none for a built-in candidate, which the tests check."""
        return conformance.checked(self.here, KINDS[self.kind].check, self.name)

    @property
    def undecided(self) -> list[tuple[Arena, Standing]]:
        """Comparisons without a verdict."""
        return [(r.arena, s) for r in self.results for s in r.standings if s.word == UNDECIDED]


def card(results: Path, reference: Path, name: str) -> Card:
    """Read a candidate's card from the store of its runs and the reference.

    Raises:
        ValueError: If the store has no trained runs of the candidate.
    """
    source = measured("here", "Measured here", results)
    borrowed = measured("reference", "Reference", reference)
    here = source.snapshot if source else None
    runs = trained(here) if here else pd.DataFrame(columns=["activation", "optimizer"])
    kind = next((kind for kind in KINDS if (runs[kind] == name).any()), "")
    if here is None or not kind:
        raise ValueError(
            f"Invalid candidate: {results} holds no runs of {name}; `python -m bench verdict` trains it"
        )
    same = borrowed and borrowed.snapshot.environment["dataset"] == here.environment["dataset"]
    found = [
        _result(here, borrowed.snapshot if borrowed and same else None, arena, name)
        for arena in ARENAS.values()
        if arena.by == kind
    ]
    return Card(name, kind, here, [result for result in found if result.standings])


def _result(here: Snapshot, reference: Snapshot | None, arena: Arena, name: str) -> Result:
    snapshot, agreed = with_baselines(here, reference, arena)
    return Result(arena, snapshot, agreed, standings(snapshot, arena, name))


def amount(standing: Standing) -> str:
    """Return the effect of a standing with its interval and unit; not measured with fewer than two pairs."""
    its = standing.effect
    if math.isnan(its.low):
        return NOT_MEASURED
    if its.relative:
        return f"{number(1 + its.estimate)} times the loss, {number(1 + its.low)} to {number(1 + its.high)}"
    estimate, low, high = (signed(100 * value, 2) for value in (its.estimate, its.low, its.high))
    return f"{estimate} points, {low} to {high}"


def _when(standing: Standing) -> str:
    """Return a horizon in words: "at the end (16 epochs)"."""
    unit = "epoch" if standing.epochs == 1 else "epochs"
    return f"{SHORTLY[standing.horizon]} ({standing.epochs:g} {unit})"


def verdict_line(result: Result, horizon: int) -> str:
    """Return the verdicts at one horizon in a sentence."""
    its = [s for s in result.standings if s.horizon == horizon]
    parts = [f"{s.word} {JOINT[s.word]} {label(s.baseline)} ({amount(s)})" for s in its]
    return f"{sentence(_when(its[0]))}: {listed(parts)}."


def cost_line(shown: Card) -> str:
    """Return the cost as a multiple of the first baseline's, in a sentence."""
    first = [c for c in shown.cost if c.b == f"{shown.results[0].arena.baselines[0]} impl"]
    if not first:
        return f"Cost: {NOT_MEASURED}."
    baseline = label(shown.results[0].arena.baselines[0])
    parts = [f"{number(1 + c.effect.estimate)} ({c.where})" for c in first]
    return f"Cost, in times of {baseline}: {listed(parts)}."


def soundness_line(shown: Card) -> str:
    """Return whether the conformance checks passed, in a sentence."""
    if not is_custom(shown.name):
        return "Sound: built in; this project's tests check it."
    if not shown.checks:
        return f"Sound: {NOT_MEASURED}."
    failed = [row[0] for row in shown.checks if row[2] is False]
    required = sum(row[2] is not None for row in shown.checks)
    return (
        f"Sound: {count(len(failed))} of {count(required)} checks failed: {listed(failed)}."
        if failed
        else f"Sound: all {count(required)} checks passed."
    )


def open_line(shown: Card) -> str:
    """Return what is undecided, and what would decide it, in a sentence."""
    if not shown.undecided:
        return "Undecided: nothing."
    by: dict[tuple[str, str], list[str]] = {}
    for arena, s in shown.undecided:
        by.setdefault((SHORTLY[s.horizon], arena.words), []).append(label(s.baseline))
    several = len(shown.results) > 1
    parts = [
        f"{when} against {listed(names)}" + (f" ({words})" if several else "")
        for (when, words), names in by.items()
    ]
    left = {s.planned - s.seeds for _, s in shown.undecided}
    more = (
        f"the same command adds up to {count(max(left))} seeds"
        if max(left) > 0
        else "all planned seeds were run; seeds and test images do not tell more"
    )
    return f"Undecided: {listed(parts)}; {more}."


def lines(shown: Card) -> list[str]:
    """Return the card in a few lines."""
    several = len(shown.results) > 1
    return [
        *(
            (f"{sentence(result.arena.words)}. " if several else "") + verdict_line(result, horizon)
            for result in shown.results
            for horizon in SHORTLY
        ),
        cost_line(shown),
        soundness_line(shown),
        open_line(shown),
    ]


def table_rows(result: Result) -> list[list[str]]:
    """Return a row for each baseline and horizon: verdict, difference, pairs and confidence."""
    return [
        [
            f"{label(s.baseline)}, {_when(s)}",
            s.word,
            amount(s),
            count(s.effect.pairs),
            f"{count(s.seeds)} of {count(s.planned)}",
        ]
        for s in result.standings
    ]


def borrowed(result: Result) -> str:
    """Return where the baselines' runs come from, in a sentence."""
    a = result.agreement
    if not a.runs:
        return "The baselines were trained on this machine."
    if not a.close:
        return (
            "The baselines were trained on this machine: the reference's runs differ from the same runs "
            f"here by up to {number(a.share, 2)} of the spread between seeds."
        )
    if a.equal == a.runs:
        found = "gave the same numbers to the last bit"
    elif not a.share:
        found = "gave the same test results"
    elif a.share <= TENTH:
        found = f"differed by up to {number(a.share)} of the spread between seeds"
    else:
        found = "differed by at most one test image"
    return f"The baselines are the reference's: {count(a.runs)} of its runs, drawn at random, {found} here."


def _timed(shown: Card) -> list[str]:
    """Return the baselines that the candidate was timed beside."""
    return list(dict.fromkeys(c.b.split(" ")[0] for c in shown.cost))


def _cost_rows(shown: Card) -> list[list[str]]:
    """Return a row for each pass and input with the time over each baseline's."""
    by = {(c.where, c.b.split(" ")[0]): c for c in shown.cost}
    return [
        [
            sentence(where),
            *(
                effect(c, unit=False) if (c := by.get((where, name))) else NOT_MEASURED
                for name in _timed(shown)
            ),
        ]
        for where in dict.fromkeys(c.where for c in shown.cost)
    ]


def _figures(shown: Card, result: Result) -> dict[str, SvgFigure | None]:
    """Return the figures of one arena."""
    arena, snapshot = result.arena, result.snapshot
    named = shown.name, shown.title
    verdicts = " ".join(verdict_line(result, horizon) for horizon in SHORTLY)
    return {
        "differences": differences_figure(arena, snapshot, result.standings, *named, verdicts),
        "course": course_figure(arena, snapshot, result.standings, *named),
        "worth": cost_figure(arena, snapshot, *named),
    }


def values(shown: Card) -> dict[str, Any]:
    """Return the values of the card's template."""
    return {
        "lines": lines(shown),
        "results": [
            {
                "words": result.arena.words,
                "anchor": anchor(result.arena),
                "controls": bool(control_arms(result.arena, result.snapshot, LAST)),
                **_figures(shown, result),
                "rows": table_rows(result),
                "borrowed": borrowed(result),
            }
            for result in shown.results
        ],
        "cost": _cost_rows(shown),
        "cost_columns": ["Pass and input", *(f"Over {label(name)}" for name in _timed(shown))],
        "checks": [[what, found, candidate.PASSED[ok]] for what, found, ok in shown.checks],
    }


def context(shown: Card) -> dict[str, Any]:
    """Return the page of a card."""
    return {
        "title": f"Verdict on {shown.title}",
        "subtitle": f"Measured on {dataset_name(shown.here)}, {shown.here.environment['processor']}.",
        "summary": {},
        "sections": [Section(1, "card", "", "", "card.html.j2", values(shown))],
    }


def markdown(shown: Card) -> str:
    """Return the card as Markdown, for a pull request."""
    text = [f"**Verdict on {shown.title}** ({dataset_name(shown.here)})", ""]
    text += [f"- {line}" for line in lines(shown)]
    for result in shown.results:
        text += [
            "",
            f"| {sentence(result.arena.words)} | Verdict | Difference | Pairs | Seeds |",
            "| --- | --- | --- | ---: | ---: |",
        ]
        text += [f"| {' | '.join(row)} |" for row in table_rows(result)]
    return "\n".join(text) + "\n"


def _compared(shown: Card, standing: Standing) -> Comparison:
    """Return a standing as a comparison of the candidate with the baseline."""
    unit = "ratio" if standing.effect.relative else "points"
    return Comparison(shown.name, standing.baseline, "", standing.effect, unit, ())


def plain(shown: Card) -> dict[str, Any]:
    """Return the card as plain data, for other programs."""
    return {
        "candidate": shown.name,
        "kind": shown.kind,
        "dataset": shown.here.environment["dataset"],
        "lines": lines(shown),
        "arenas": [
            {
                "words": result.arena.words,
                "borrowed": result.agreement.close,
                "agreement": asdict(result.agreement),
                "standings": [
                    {
                        **{k: v for k, v in asdict(s).items() if k != "effect"},
                        "word": s.word,
                        "effect": plain_comparison(_compared(shown, s)),
                    }
                    for s in result.standings
                ],
            }
            for result in shown.results
        ],
        "cost": [plain_comparison(c) for c in shown.cost],
        "checks": shown.checks,
    }


def texts(shown: Card) -> Mapping[str, str]:
    """Return the contents of the files beside the page, by suffix."""
    return {".md": markdown(shown), ".json": json_text(plain(shown))}
