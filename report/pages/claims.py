"""The sections on the claims: verdicts with their evidence, and how they are made and tested."""

import math
from collections.abc import Collection, Sequence
from typing import Any

from markupsafe import Markup

from bench.records import calibrations
from bench.records.calibrations import TimeCalibration
from bench.statistics import CONFIDENCE, FEWEST_ROUNDS, TIME_MARGIN, rates_told_apart
from bench.statistics.standing import EQUIVALENCE_MARGIN
from bench.statistics.training_runs import EARLY, LAST, NETWORKS, horizons_of, rates
from bench.store import Snapshot
from report.document.answer import Source
from report.document.formats import MINUS, count, percent
from report.document.labels import label, words
from report.document.page import Section, Table
from report.document.phrases import NOT_MEASURED, epochs, listed
from report.evidence import claims
from report.evidence.claims import (
    ASSIGNMENT,
    ClaimVerdict,
    claim_verdicts,
    controls,
)
from report.evidence.comparisons import Comparison
from report.evidence.headline import largest_control
from report.evidence.specification import ROBUST, Specification, specification
from report.evidence.tables import comparisons, csv
from report.evidence.verdicts import DIRECTIONS, LEVELS, effect, spans, writer

REACH = 5.0  # half-widths from the margin at which a plotted interval ends
WIDTH = 90  # of the plot of an interval
MOST = 6  # ranges of rows in a table; the CSV of the comparisons has all


def claim_anchor(verdict: ClaimVerdict) -> str:
    """Return the anchor of the table of a claim's comparisons."""
    return f"comparisons-{verdict.claim.identifier}"


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


def claim_row(verdict: ClaimVerdict, forks: Specification | None) -> dict[str, Any]:
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
        **({"plot": None} if least is None else interval_plot(least, verdict.claim.sign)),
        "effect": "" if least is None else effect(least),
        "between": "" if least is None else between(least),
        "seeds": span(pairs),
        "agreement": "" if forks is None else percent(forks.agreement, 0),
        "fragile": "" if forks is None or forks.robust else forks.turns,
        "anchor": claim_anchor(verdict),
        "command": verdict.claim.command,
    }


def turned_rows(verdicts: Sequence[ClaimVerdict], forks: Sequence[Specification | None]) -> list[list[str]]:
    """Return a row for each fragile verdict: the claim, shares of its word and of others, what turns it."""
    rows = []
    for verdict, found in zip(verdicts, forks, strict=True):
        if found is not None and not found.robust:
            words = sorted(found.words, key=lambda word: (word != found.word, word))
            shares = [f"{word} {percent(found.words[word] / found.forks, 0)}" for word in words]
            rows.append([verdict.claim.text, shares[0], ", ".join(shares[1:]), found.turns])
    return rows


def interval_plot(comparison: Comparison, sign: int) -> dict[str, Any]:
    """Draw an interval about its margin, in half-widths, to the right where it supports the claim.

    Returns:
        plot: SVG, None without an interval; side: what it shows, in words.
    """
    its = comparison.effect
    values = [its.low - its.margin, its.estimate - its.margin, its.high - its.margin]
    if its.relative:  # on the logarithmic scale the interval is symmetric
        values = [math.log1p(v) - math.log1p(its.margin) for v in (its.low, its.estimate, its.high)]
    low, middle, high = sorted(sign * v for v in values)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return {"plot": None, "side": ""}
    half = (high - low) / 2
    x = [WIDTH / 2 * (1 + max(-1.0, min(1.0, v / half / REACH))) for v in (low, middle, high)]
    side = "for the claim" if low > 0 else "against the claim" if high < 0 else "on both sides"
    dot = Markup('<circle cx="{:.1f}" cy="6" r="3" fill="currentColor"/>').format(x[1])
    if abs(middle) > REACH * half:  # too far to draw: an arrow at the edge
        edge, back = (WIDTH, WIDTH - 7) if middle > 0 else (0, 7)
        dot = Markup('<path class="beyond" d="M{} 6L{} 2v8z" fill="currentColor"/>').format(edge, back)
    plot = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="interval" viewBox="0 0 {0} 12" width="{0}" '
        'height="12" role="img" aria-label="{1}"><g stroke="currentColor">'
        '<path d="M{2} 0v12" stroke-width="0.7" stroke-dasharray="2 2"/>'
        '<path d="M{3:.1f} 6H{4:.1f}" stroke-width="1.6"/></g>{5}</svg>'
    ).format(WIDTH, side, WIDTH / 2, x[0], x[2], dot)
    return {"plot": plot, "side": side}


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
            largest = largest_control(snapshot, network, horizon)
            if largest is None:
                continue
            compared = [c for c in controls(snapshot, network, horizon) if c.effect.pairs > 1]
            told = sum(c.effect.direction != 0 for c in compared)
            rows.append(
                [
                    f"{network}, {epochs(ends[horizon])}",
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


def tally(verdicts: Sequence[str]) -> str:
    """Count verdicts: "12 are confirmed and 2 refuted"."""
    counts = [(verdicts.count(verdict), verdict) for verdict in dict.fromkeys(verdicts)]
    if not counts:
        return "none is asked about here"
    (n, first), *rest = counts
    return listed([f"{n} {'is' if n == 1 else 'are'} {first}", *(f"{m} {verdict}" for m, verdict in rest)])


def sections(source: Source | None, questions: Collection[int]) -> tuple[list[Section], list[Section]]:
    """Return the sections on the claims of these questions: the verdicts, and how they are made."""
    if source is None:
        return [], []
    snapshot = source.snapshot
    verdicts = [v for v in claim_verdicts(snapshot) if v.claim.question in questions]
    forks = [specification(snapshot, v) for v in verdicts]
    rows = [claim_row(v, found) for v, found in zip(verdicts, forks, strict=True)]
    texts = [v.verdict for v in verdicts if v.claim.origin == ASSIGNMENT]
    tables = {claim_anchor(v): comparisons_table(v) for v in verdicts if v.comparisons}
    decided = {
        "claims": rows,
        "tally": tally(texts),
        "tables": tables,
        "robust": ROBUST,
    }
    method = {
        "source": source,
        "tables": tables,
        "turns": turned_rows(verdicts, forks),
        "comparisons": csv(comparisons(snapshot)),
        "controls": control_rows(snapshot),
        "rates": rate_rows(snapshot),
        "themselves": against_themselves(snapshot),
        "time_calibration": time_calibration(),
        "equivalence_margin": EQUIVALENCE_MARGIN,
        "time_margin": TIME_MARGIN,
        "fewest_rounds": FEWEST_ROUNDS,
        "confidence": CONFIDENCE,
        "lost": lost_rows(snapshot),
    }
    return (
        [Section(0, "claims", "Claims and verdicts", "", "claims.html.j2", decided)],
        [Section(0, "method", "How verdicts are made", "", "method.html.j2", method)],
    )
