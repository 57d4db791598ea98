"""The section on the claims: every verdict with its evidence, all comparisons, and the control."""

import math
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache, partial
from itertools import groupby
from typing import Any

import numpy as np

from bench.statistics import CONFIDENCE, FalseAlarms, false_alarms
from bench.store import Snapshot
from report import claims
from report.answer import Source
from report.cases import PAR, Case
from report.claims import Judged, Verdict
from report.evidence import CONTROL, label, networks
from report.formats import MINUS, count, number, percent
from report.page import Table
from report.phrases import NOT_MEASURED, listed, signed
from report.trained import rates

UNITS = {"points": (100, " points", 2), "share": (100, " points", 1), "cosine": (1, "", 3)}
LEVELS = {"1": partial(number, digits=3), "percent": partial(percent, digits=1)}  # not differences
MOST = 6  # parts of a list of rows that a table shows; the CSV of the comparisons has all
SIDES = {1: "above", -1: "below", 0: "undecided"}
# The families whose control is looked at: task and batch norm.
TASKS = {
    "classifier": ("classifier", True),
    "classifier without batch norm": ("classifier", False),
    "fully connected autoencoder": ("fc_autoencoder", True),
    "convolutional autoencoder": ("conv_autoencoder", True),
    "GELU paper's classifier": ("deep_classifier", None),
}


@lru_cache(maxsize=4)
def judged(snapshot: Snapshot) -> dict[str, list[tuple[Case, float, int]]]:
    """Every family of comparisons of a snapshot, judged once."""
    return claims.families(snapshot)


def of(snapshot: Snapshot) -> list[Verdict]:
    """The verdict on every claim."""
    return claims.verdicts(judged(snapshot))


def effect(case: Case) -> str:
    """The estimate and its interval in the case's unit: "+0.31 points (+0.22 to +0.40)"."""
    c = case.comparison
    if c.pairs == 0:
        return NOT_MEASURED
    write, unit = _writing(case)
    estimate, low, high = ("–" if math.isnan(v) else write(v) for v in (c.estimate, c.low, c.high))
    return f"{estimate}{unit} ({low} to {high})"


def _writing(case: Case) -> tuple[Callable[[float], str], str]:
    """How a value of the case is written, and its unit."""
    if case.unit in LEVELS:
        return LEVELS[case.unit], ""
    if case.comparison.relative:
        return lambda v: number(1 + v), " times"
    scale, unit, fixed = UNITS[case.unit]
    return lambda v: signed(scale * v, fixed), unit


def p_value(p: float) -> str:
    """A corrected p-value."""
    if math.isnan(p):
        return "none"
    return "< 0.0001" if p < 1e-4 else number(p, fixed=4)


def spans(runs: Sequence[int], most: int | None = None) -> str:
    """Row numbers with those in sequence drawn together: "3–7, 12"; of more parts than `most` the first."""
    ordered = sorted(set(runs))
    groups = [
        [run for _, run in group] for _, group in groupby(enumerate(ordered), lambda pair: pair[1] - pair[0])
    ]
    shown = ", ".join(f"{g[0]}–{g[-1]}" if len(g) > 1 else str(g[0]) for g in groups[:most])
    left = sum(len(g) for g in groups[len(groups) if most is None else most :])
    return shown + (f" and {left} more" if left else "")


def name(what: str) -> str:
    """A contender in words."""
    words = {"impl": "ours", "torch": "of torch", "native": "F.conv2d"}
    return " ".join(words.get(part, label(part)) for part in what.split(" ")) if what else ""


def slug(family: str) -> str:
    """The family as part of an anchor."""
    return "".join(c if c.isalnum() else "-" for c in family.lower())


def decisive(verdict: Verdict) -> Judged | None:
    """The comparison that the verdict hangs on: the one that speaks least for the claim.

    Of those for it the least certain, of those against it the most certain.
    """
    return min(verdict.judged, key=lambda j: (j.speaks, -j.speaks * j.p if j.speaks else 0), default=None)


def claim_row(verdict: Verdict, source: Source) -> dict[str, Any]:
    """One row of the table of claims."""
    at = decisive(verdict)
    signs = [j.speaks for j in verdict.judged]
    tally = f"{signs.count(1)} for, {signs.count(-1)} against, {signs.count(0)} undecided"
    tally += f", {verdict.missing} {NOT_MEASURED}" if verdict.missing else ""
    pairs = sorted({j.case.comparison.pairs for j in verdict.judged})
    return {
        "identifier": verdict.claim.identifier,
        "question": verdict.claim.question,
        "text": verdict.claim.text,
        "metric": verdict.claim.metric,
        "word": verdict.word,
        "tally": tally if signs and len(signs) + verdict.missing > 1 else "",
        "effect": "" if at is None else effect(at.case),
        "between": "" if at is None else _between(at.case),
        "seeds": _span(pairs),
        "anchor": f"family-{slug(verdict.claim.family)}-{source.slug}",
        "mark": source.mark,
        "family": verdict.claim.family,
        "command": verdict.claim.command,
    }


def _span(pairs: Sequence[int]) -> str:
    """Numbers of pairs in rising order: each where there are two at most, else the least and the greatest."""
    if len(pairs) > 2:
        return f"{count(pairs[0])} to {count(pairs[-1])}"
    return listed(count(n) for n in pairs) if pairs else ""


def _between(case: Case) -> str:
    """What is compared with what; a quantity that stands against its margin alone is named alone."""
    sign = "/" if case.comparison.relative else MINUS
    sides = name(case.a) if case.unit in LEVELS else f"{name(case.a)} {sign} {name(case.b)}"
    return f"{sides}, {case.where}" if case.where else sides


def family_table(family: str, cases: list[tuple[Case, float, int]]) -> Table:
    """All comparisons of a family, each with the rows of the store that it rests on."""
    rows = [
        [
            _between(case),
            effect(case),
            count(case.comparison.pairs),
            p_value(p),
            percent(case.comparison.improvement, 0) if case.comparison.pairs else NOT_MEASURED,
            SIDES[side] + (f"; {case.diverged} diverged" if case.diverged else ""),
            spans(case.runs, MOST),
        ]
        for case, p, side in cases
    ]
    first = cases[0][0]  # a family has one margin
    write, unit = _writing(first)
    margin = first.comparison.margin
    against = "" if margin == 0 else f", against a margin of {write(margin)}{unit}"
    comparisons = "comparison" if len(rows) == 1 else "comparisons"
    caption = f"{family[0].upper()}{family[1:]}: {count(len(rows))} {comparisons}{against}."
    columns = [
        "What",
        "Effect and interval",
        "Pairs",
        "Corrected p",
        "P(improved)",
        "Verdict",
        "Rows of the store",
    ]
    return Table(caption, columns, rows)


def control(snapshot: Snapshot, family: str) -> tuple[Judged, FalseAlarms] | None:
    """The control against ReLU, and how often the procedure tells ReLU's runs from themselves."""
    found = claims.controls(judged(snapshot)).get(family)
    if found is None:
        return None
    task, batch_norm = TASKS[family]
    frame = networks(snapshot, task, batch_norm)
    metric = "test_accuracy" if frame["test_accuracy"].notna().any() else "test_loss"
    groups = [
        frame[frame["activation"] == side].drop_duplicates("seed")[metric].dropna()
        for side in ("relu", CONTROL)
    ]
    n = min(map(len, groups))
    if n < 2:
        return None
    values = [np.log(g.to_numpy()[:n]) if metric == "test_loss" else g.to_numpy()[:n] for g in groups]
    others = [
        case.comparison.p for case, _, _ in judged(snapshot)[family] if (case.a, case.b) != (CONTROL, "relu")
    ]
    return found, false_alarms(values[0], values[1], others)


def controls(snapshot: Snapshot) -> list[list[str]]:
    """Rows: family, the control beside ReLU and its verdict, false alarms, narrowing by pairing."""
    rows = []
    for family in TASKS:
        found = control(snapshot, family)
        if found is None:
            continue
        at, alarms = found
        narrowing = [
            case.comparison.narrowing
            for case, _, _ in judged(snapshot)[family]
            if CONTROL not in (case.a, case.b)
        ]
        narrowing = [value for value in narrowing if not math.isnan(value)]
        rows.append(
            [
                family,
                effect(at.case),
                count(at.case.comparison.pairs),
                p_value(at.p),
                "told apart" if at.side else "undecided",
                f"{percent(alarms.rate)} ({percent(alarms.low)} to {percent(alarms.high)})",
                percent(alarms.uncorrected),
                number(float(np.median(narrowing)), 2) if narrowing else NOT_MEASURED,
            ]
        )
    return rows


def tuning(snapshot: Snapshot) -> list[list[str]]:
    """Rows: task, then each activation's chosen learning rate, those at the edge of the grid marked."""
    found = rates(snapshot)
    found = (
        found[(found["initialization"] == "torch") & (found["optimizer"] == "adam")] if len(found) else found
    )
    rows = []
    for family, (task, batch_norm) in TASKS.items():
        part = found[found["task"] == task] if len(found) else found
        part = part[part["wrong_labels"] == 0] if len(part) else part
        if len(part) and batch_norm is not None:
            part = part[part["batch_norm"] == batch_norm]
        part = part[part["loss"] != "brier"] if len(part) else part
        if not len(part):
            continue
        by: dict[float, list[str]] = {}
        for rate, part_ in part.groupby("learning_rate"):
            by[float(str(rate))] = [label(str(a)) for a in part_["activation"]]
        edges = set(part[part["edge"]]["learning_rate"])
        words = "; ".join(
            f"at {rate:g}{' (edge of the grid)' if rate in edges else ''}: {', '.join(names)}"
            for rate, names in by.items()
        )
        rows.append([family, words])
    return rows


def section(found: Sequence[Source], questions: Collection[int]) -> dict[str, Any] | None:
    """What the section shows: of the first source everything, of the others the verdicts; or None."""
    if not found:
        return None
    first = found[0]
    verdicts = {
        source.slug: [v for v in of(source.snapshot) if v.claim.question in questions] for source in found
    }
    families = {verdict.claim.family for verdict in verdicts[first.slug]}
    tables = {
        f"family-{slug(family)}-{first.slug}": family_table(family, cases)
        for family, cases in judged(first.snapshot).items()
        if cases and family in families
    }
    words = [verdict.word for verdict in verdicts[first.slug]]
    return {
        "source": first,
        "claims": [claim_row(verdict, first) for verdict in verdicts[first.slug]],
        "others": [
            {"label": source.label, "words": {v.claim.identifier: v.word for v in verdicts[source.slug]}}
            for source in found[1:]
        ],
        "tally": listed(f"{words.count(w)} {w}" for w in dict.fromkeys(words)) if words else "no claim",
        "tables": tables,
        "controls": controls(first.snapshot),
        "tuning": tuning(first.snapshot),
        "par": PAR,
        "confidence": CONFIDENCE,
        "diverged": _diverged(first.snapshot),
        "slug": first.slug,
    }


def _diverged(snapshot: Snapshot) -> list[list[str]]:
    """Rows: which contender diverged at which rate, in how many of its runs."""
    runs = snapshot.runs[(snapshot.runs["kind"] == "training") & (snapshot.runs["loss"].notna())]
    keys = ["task", "activation", "optimizer", "batch_norm", "learning_rate"]
    rows = []
    for key, part in runs.groupby(keys, dropna=False):
        bad = int((part["status"] == "diverged").sum())
        if bad:
            task, activation, optimizer, batch_norm, rate = key
            without = ", without batch norm" if batch_norm == 0 else ""
            what = f"{str(task).replace('_', ' ')}{without}"
            rows.append([what, label(str(activation)), str(optimizer), f"{rate:g}", f"{bad} of {len(part)}"])
    return rows
