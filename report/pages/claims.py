"""The section on the claims: verdicts with their evidence, all comparisons, the control, chosen rates."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from bench.records import calibrations
from bench.records.calibrations import TimeCalibration
from bench.records.names import CONTROL
from bench.statistics import (
    CONFIDENCE,
    FEWEST_ROUNDS,
    TIME_MARGIN,
    FalseAlarms,
    false_alarms,
    rates_told_apart,
)
from bench.store import Snapshot
from report.document.answer import Source
from report.document.formats import MINUS, count, number, percent
from report.document.labels import label, words
from report.document.page import Table
from report.document.phrases import NOT_MEASURED, listed
from report.evidence.claims import (
    AGAINST_THEMSELVES,
    ClaimVerdict,
    Verdict,
    claim_verdicts,
    controls,
    families,
)
from report.evidence.comparisons import EQUIVALENCE_MARGIN, Comparison
from report.evidence.queries import networks
from report.evidence.tables import comparisons, csv
from report.evidence.training_runs import rates
from report.evidence.verdicts import DIRECTIONS, LEVELS, TASKS, effect, p_value, spans, writer

MOST = 6  # ranges of rows in a table; the CSV of the comparisons has all


def family_anchor(family: str, source_id: str) -> str:
    """Return the anchor of a family's table."""
    return f"family-{''.join(c if c.isalnum() else '-' for c in family.lower())}-{source_id}"


def between(comparison: Comparison) -> str:
    """Return what is compared with what; a quantity compared with its margin alone is named alone."""
    sign = "/" if comparison.test.relative else MINUS
    a, b = words(comparison.a), words(comparison.b)
    sides = a if comparison.unit in LEVELS else f"{a} {sign} {b}"
    return f"{sides}, {comparison.where}" if comparison.where else sides


def decisive(verdict: ClaimVerdict) -> Verdict | None:
    """Return the comparison that supports the claim least.

    Among supporting comparisons it is the least certain, among contradicting ones the most certain.
    """
    ranked = zip(verdict.supports, verdict.comparisons, strict=True)
    _, least = min(ranked, key=lambda r: (r[0], -r[0] * r[1].p if r[0] else 0), default=(0, None))
    return least


def claim_row(verdict: ClaimVerdict, source: Source) -> dict[str, Any]:
    """Return one row of the table of claims."""
    least, supports = decisive(verdict), verdict.supports
    tally = f"{supports.count(1)} for, {supports.count(-1)} against, {supports.count(0)} inconclusive"
    tally += f", {verdict.missing} {NOT_MEASURED}" if verdict.missing else ""
    pairs = sorted({v.comparison.test.pairs for v in verdict.comparisons})
    return {
        "identifier": verdict.claim.identifier,
        "question": verdict.claim.question,
        "text": verdict.claim.text,
        "metric": verdict.claim.metric,
        "verdict": verdict.verdict,
        "tally": tally if supports and len(supports) + verdict.missing > 1 else "",
        "effect": "" if least is None else effect(least.comparison),
        "between": "" if least is None else between(least.comparison),
        "seeds": span(pairs),
        "anchor": family_anchor(verdict.claim.family, source.id),
        "badge": source.badge,
        "family": verdict.claim.family,
        "command": verdict.claim.command,
    }


def span(pairs: Sequence[int]) -> str:
    """Format sorted numbers of pairs: two at most one by one, more as the smallest and the largest."""
    if len(pairs) > 2:
        return f"{count(pairs[0])} to {count(pairs[-1])}"
    return listed(count(n) for n in pairs) if pairs else ""


def direction_text(verdict: Verdict, names: dict[int, str] = DIRECTIONS) -> str:
    """Return a verdict's direction and how many of its runs diverged."""
    diverged = verdict.comparison.diverged
    return names[verdict.direction] + (f"; {diverged} diverged" if diverged else "")


def family_table(family: str, verdicts: Sequence[Verdict]) -> Table:
    """Return all comparisons of a family, each with its rows of the store."""
    rows = [
        [
            between(verdict.comparison),
            effect(verdict.comparison),
            count(verdict.comparison.test.pairs),
            p_value(verdict.p),
            percent(verdict.comparison.test.improvement, 0)
            if verdict.comparison.test.pairs
            else NOT_MEASURED,
            direction_text(verdict),
            spans(verdict.comparison.runs, MOST),
        ]
        for verdict in verdicts
    ]
    first = verdicts[0].comparison  # a family has one margin
    write, unit = writer(first)
    against = "" if first.test.margin == 0 else f", against a margin of {write(first.test.margin)}{unit}"
    noun = "comparison" if len(rows) == 1 else "comparisons"
    caption = f"{family[0].upper()}{family[1:]}: {count(len(rows))} {noun}{against}."
    columns = [
        "Comparison",
        "Effect and interval",
        "Pairs",
        "Corrected p",
        "P(improved)",
        "Verdict",
        "Rows of the store",
    ]
    return Table(caption, columns, rows)


def control(snapshot: Snapshot, family: str) -> tuple[Verdict, FalseAlarms] | None:
    """Return the verdict on the control against ReLU and the procedure's rate of false alarms."""
    verdicts = families(snapshot)
    verdict = controls(verdicts).get(family)
    if verdict is None:
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
    others = [c.test.p for c, _, _ in verdicts[family] if (c.a, c.b) != (CONTROL, "relu")]
    return verdict, false_alarms(values[0], values[1], others)


def against_themselves(snapshot: Snapshot) -> dict[str, int] | None:
    """Count the benchmarks that were measured under two names and told apart; None with too few rounds.

    An interval is that of one comparison, without a margin, so that 5 % are expected.
    """
    tests = [v.comparison.test for v in families(snapshot)[AGAINST_THEMSELVES]]
    tests = [test for test in tests if test.pairs >= FEWEST_ROUNDS]
    if not tests:
        return None
    told = sum(test.low > 0 or test.high < 0 for test in tests)
    return {"pairs": len(tests), "told": told, "rounds": min(test.pairs for test in tests)}


def time_calibration() -> dict[str, Any] | None:
    """Return the committed rates at which benchmarks are told from themselves; None without the file."""
    repetitions = calibrations.load(calibrations.TIMES, TimeCalibration)
    if not repetitions:
        return None
    claims, alone = rates_told_apart(repetition.ratios for repetition in repetitions)
    return {
        "claims": claims,
        "alone": alone,
        "described": calibrations.described("times", repetitions),
        "load": (min(min(r.load) for r in repetitions), max(max(r.load) for r in repetitions)),
    }


def control_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: family, control against ReLU with its verdict, false alarms, narrowing by pairing."""
    rows = []
    for family in TASKS:
        checked = control(snapshot, family)
        if checked is None:
            continue
        verdict, alarms = checked
        narrowing = [c.test.narrowing for c, _, _ in families(snapshot)[family] if CONTROL not in (c.a, c.b)]
        narrowing = [value for value in narrowing if not math.isnan(value)]
        rows.append(
            [
                family,
                effect(verdict.comparison),
                count(verdict.comparison.test.pairs),
                p_value(verdict.p),
                "significant" if verdict.direction else "inconclusive",
                f"{percent(alarms.rate)} ({percent(alarms.low)} to {percent(alarms.high)})",
                percent(alarms.uncorrected),
                number(float(np.median(narrowing)), 2) if narrowing else NOT_MEASURED,
            ]
        )
    return rows


def tuning_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: task, then each learning rate with the activations that chose it; grid edges are named."""
    chosen = rates(snapshot)
    if chosen.empty:
        return []
    chosen = chosen[
        (chosen["initialization"] == "torch")
        & (chosen["optimizer"] == "adam")
        & (chosen["wrong_labels"] == 0)
        & (chosen["loss"] != "brier")
    ]
    rows = []
    for family, (task, batch_norm) in TASKS.items():
        part = chosen[chosen["task"] == task]
        if batch_norm is not None:
            part = part[part["batch_norm"] == batch_norm]
        if part.empty:
            continue
        edges = set(part[part["edge"]]["learning_rate"])
        texts = [
            f"at {rate:g}{' (edge of the grid)' if rate in edges else ''}: "
            f"{', '.join(label(str(a)) for a in group['activation'])}"
            for rate, group in part.groupby("learning_rate")
        ]
        rows.append([family, "; ".join(texts)])
    return rows


def diverged_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: candidate and learning rate at which runs diverged, and how many of them."""
    runs = snapshot.runs[(snapshot.runs["kind"] == "training") & (snapshot.runs["loss"].notna())]
    keys = ["task", "activation", "optimizer", "batch_norm", "learning_rate"]
    rows = []
    for (task, activation, optimizer, batch_norm, rate), part in runs.groupby(keys, dropna=False):
        diverged = int((part["status"] == "diverged").sum())
        if diverged:
            network = f"{str(task).replace('_', ' ')}{', without batch norm' if batch_norm == 0 else ''}"
            number = f"{diverged} of {len(part)}"
            rows.append([network, label(str(activation)), str(optimizer), f"{rate:g}", number])
    return rows


def section(sources: Sequence[Source], questions: Collection[int]) -> dict[str, Any] | None:
    """Return everything of the first source and the verdicts of the others; None without a source."""
    if not sources:
        return None
    first = sources[0]
    verdicts = {
        source.id: [v for v in claim_verdicts(source.snapshot) if v.claim.question in questions]
        for source in sources
    }
    shown = {verdict.claim.family for verdict in verdicts[first.id]}
    texts = [verdict.verdict for verdict in verdicts[first.id]]
    return {
        "source": first,
        "claims": [claim_row(verdict, first) for verdict in verdicts[first.id]],
        "others": [
            {
                "label": source.label,
                "verdicts": {v.claim.identifier: v.verdict for v in verdicts[source.id]},
            }
            for source in sources[1:]
        ],
        "tally": listed(f"{texts.count(t)} {t}" for t in dict.fromkeys(texts)) if texts else "no claim",
        "tables": {
            family_anchor(family, first.id): family_table(family, compared)
            for family, compared in families(first.snapshot).items()
            if compared and family in shown
        },
        "comparisons": csv(comparisons(first.snapshot)),
        "controls": control_rows(first.snapshot),
        "tuning": tuning_rows(first.snapshot),
        "themselves": against_themselves(first.snapshot),
        "time_calibration": time_calibration(),
        "equivalence_margin": EQUIVALENCE_MARGIN,
        "time_margin": TIME_MARGIN,
        "fewest_rounds": FEWEST_ROUNDS,
        "confidence": CONFIDENCE,
        "diverged": diverged_rows(first.snapshot),
    }
