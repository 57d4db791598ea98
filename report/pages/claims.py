"""The section on the claims: verdicts with their evidence, all comparisons, the controls, chosen rates."""

from collections.abc import Collection, Sequence
from typing import Any

from bench.records import calibrations
from bench.records.calibrations import TimeCalibration
from bench.statistics import CONFIDENCE, FEWEST_ROUNDS, TIME_MARGIN, rates_told_apart
from bench.statistics.standing import EQUIVALENCE_MARGIN
from bench.statistics.training_runs import EARLY, LAST, NETWORKS, horizons_of, rates
from bench.store import Snapshot
from report.document.answer import Source
from report.document.formats import MINUS, count, percent
from report.document.labels import label, words
from report.document.page import Table
from report.document.phrases import NOT_MEASURED, listed
from report.evidence import claims
from report.evidence.claims import (
    ASSIGNMENT,
    ClaimVerdict,
    claim_verdicts,
    controls,
)
from report.evidence.comparisons import Comparison
from report.evidence.specification import ROBUST, Specification, specification
from report.evidence.tables import comparisons, csv
from report.evidence.verdicts import DIRECTIONS, LEVELS, effect, spans, writer

MOST = 6  # ranges of rows in a table; the CSV of the comparisons has all


def claim_anchor(verdict: ClaimVerdict, source_id: str) -> str:
    """Return the anchor of the table of a claim's comparisons."""
    return f"comparisons-{verdict.claim.identifier}-{source_id}"


def between(comparison: Comparison) -> str:
    """Return what is compared with what; a quantity compared with its margin alone is named alone."""
    sign = "/" if comparison.effect.relative else MINUS
    a, b = words(comparison.a), words(comparison.b)
    sides = a if comparison.unit in LEVELS else f"{a} {sign} {b}"
    return f"{sides}, {comparison.where}" if comparison.where else sides


def decisive(verdict: ClaimVerdict) -> Comparison | None:
    """Return the comparison that supports the claim least: the one whose interval reaches furthest back."""
    sign = verdict.claim.sign

    def reach(comparison: Comparison) -> float:
        its = comparison.effect
        return (its.low if sign > 0 else -its.high) - sign * its.margin

    ranked = zip(verdict.supports, verdict.comparisons, strict=True)
    _, least = min(ranked, key=lambda r: (r[0], reach(r[1])), default=(0, None))
    return least


def claim_row(verdict: ClaimVerdict, source: Source, forks: Specification | None) -> dict[str, Any]:
    """Return one row of the table of claims."""
    least, supports = decisive(verdict), verdict.supports
    tally = f"{supports.count(1)} for, {supports.count(-1)} against, {supports.count(0)} inconclusive"
    tally += f", {verdict.missing} {NOT_MEASURED}" if verdict.missing else ""
    pairs = sorted({c.effect.pairs for c in verdict.comparisons})
    return {
        "identifier": verdict.claim.identifier,
        "question": verdict.claim.question,
        "text": verdict.claim.text,
        "metric": verdict.claim.metric,
        "origin": "" if verdict.claim.origin == ASSIGNMENT else verdict.claim.origin,
        "verdict": verdict.verdict,
        "tally": tally if supports and len(supports) + verdict.missing > 1 else "",
        "effect": "" if least is None else effect(least),
        "between": "" if least is None else between(least),
        "seeds": span(pairs),
        "agreement": "" if forks is None else f"{percent(forks.agreement, 0)} of {count(forks.forks)}",
        "fragile": "" if forks is None or forks.robust else forks.turns,
        "anchor": claim_anchor(verdict, source.id),
        "badge": source.badge,
        "command": verdict.claim.command,
    }


def span(pairs: Sequence[int]) -> str:
    """Format sorted numbers of pairs: two at most one by one, more as the smallest and the largest."""
    if len(pairs) > 2:
        return f"{count(pairs[0])} to {count(pairs[-1])}"
    return listed(count(n) for n in pairs) if pairs else ""


def with_status(text: str, comparison: Comparison) -> str:
    """Return a verdict and how many of its runs diverged or collapsed."""
    counts = {"diverged": comparison.diverged, "collapsed": comparison.collapsed}
    return "; ".join([text, *(f"{n} {status}" for status, n in counts.items() if n)])


def comparisons_table(verdict: ClaimVerdict) -> Table:
    """Return all comparisons of a claim, each with its rows of the store."""
    rows = [
        [
            between(c),
            effect(c),
            count(c.effect.pairs),
            percent(c.effect.improvement, 0) if c.effect.pairs else NOT_MEASURED,
            with_status(DIRECTIONS[c.effect.direction], c),
            spans(c.runs, MOST),
        ]
        for c in verdict.comparisons
    ]
    first = verdict.comparisons[0]  # a claim has one margin
    write, unit = writer(first)
    against = "" if first.effect.margin == 0 else f", against a margin of {write(first.effect.margin)}{unit}"
    noun = "comparison" if len(rows) == 1 else "comparisons"
    caption = f"{verdict.claim.text} ({verdict.claim.metric}): {count(len(rows))} {noun}{against}."
    columns = [
        "Comparison",
        "Effect and interval",
        "Pairs",
        "P(first better)",
        "Verdict",
        "Rows of the store",
    ]
    return Table(caption, columns, rows)


def control_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: network and horizon, the controls told apart, and the largest difference from ReLU."""
    rows = []
    for network, (task, _) in NETWORKS.items():
        ends = horizons_of(snapshot, task)
        for horizon in (EARLY, LAST):
            compared = [c for c in controls(snapshot, network, horizon) if c.effect.pairs > 1]
            if not compared:
                continue
            told = sum(c.effect.direction != 0 for c in compared)
            largest = max(compared, key=lambda c: abs(c.effect.estimate))
            rows.append(
                [
                    f"{network}, {ends[horizon]:g} epochs",
                    count(len(compared)),
                    count(largest.effect.pairs),
                    count(told),
                    effect(largest),
                ]
            )
    return rows


def against_themselves(snapshot: Snapshot) -> dict[str, int] | None:
    """Count the benchmarks that were measured under two names and told apart; None with too few rounds.

    An interval is that of one comparison, without a margin, so that 5 % are expected.
    """
    found = [c.effect for c in claims.against_themselves(snapshot) if c.effect.pairs >= FEWEST_ROUNDS]
    if not found:
        return None
    told = sum(its.direction != 0 for its in found)
    return {"pairs": len(found), "told": told, "rounds": min(its.pairs for its in found)}


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


def rate_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: network, then learning rates with the activations that chose them; edges are named."""
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
    for network, (task, batch_norm) in NETWORKS.items():
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
        rows.append([network, "; ".join(texts)])
    return rows


def lost_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: candidate and learning rate at which runs diverged or collapsed, and how many of them."""
    runs = snapshot.runs[(snapshot.runs["kind"] == "training") & (snapshot.runs["loss"].notna())]
    keys = ["task", "activation", "optimizer", "batch_norm", "learning_rate"]
    rows = []
    for (task, activation, optimizer, batch_norm, rate), part in runs.groupby(keys, dropna=False):
        diverged, collapsed = (int((part["status"] == status).sum()) for status in ("diverged", "collapsed"))
        if diverged or collapsed:
            network = f"{str(task).replace('_', ' ')}{', without batch norm' if batch_norm == 0 else ''}"
            counts = (str(diverged), str(collapsed), str(len(part)))
            rows.append([network, label(str(activation)), str(optimizer), f"{rate:g}", *counts])
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
    texts = [v.verdict for v in verdicts[first.id] if v.claim.origin == ASSIGNMENT]
    return {
        "source": first,
        "claims": [claim_row(v, first, specification(first.snapshot, v)) for v in verdicts[first.id]],
        "others": [
            {
                "label": source.label,
                "verdicts": {v.claim.identifier: v.verdict for v in verdicts[source.id]},
            }
            for source in sources[1:]
        ],
        "tally": listed(f"{texts.count(t)} {t}" for t in dict.fromkeys(texts)) if texts else "no claim",
        "tables": {
            claim_anchor(verdict, first.id): comparisons_table(verdict)
            for verdict in verdicts[first.id]
            if verdict.comparisons
        },
        "comparisons": csv(comparisons(first.snapshot)),
        "controls": control_rows(first.snapshot),
        "rates": rate_rows(first.snapshot),
        "themselves": against_themselves(first.snapshot),
        "time_calibration": time_calibration(),
        "equivalence_margin": EQUIVALENCE_MARGIN,
        "time_margin": TIME_MARGIN,
        "fewest_rounds": FEWEST_ROUNDS,
        "confidence": CONFIDENCE,
        "robust": ROBUST,
        "lost": lost_rows(first.snapshot),
    }
