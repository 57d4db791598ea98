"""Moved.."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from bench.records.names import CONTROL
from bench.statistics import CONFIDENCE, FalseAlarms, false_alarms
from bench.store import Snapshot
from report.document.answer import Source
from report.document.formats import count, number, percent
from report.document.page import Table
from report.document.phrases import NOT_MEASURED, listed
from report.evidence import claims
from report.evidence.claims import Judged, Verdict
from report.evidence.comparisons import PAR, Case
from report.evidence.queries import label, networks
from report.evidence.training_runs import rates
from report.evidence.verdicts import SIDES, TASKS, _between, _writing, effect, judged, of, p_value, spans

MOST = 6  # parts of a list of rows that a table shows; the CSV of the comparisons has all


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
    """Rows: which candidate diverged at which rate, in how many of its runs."""
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
