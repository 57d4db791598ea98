"""The section on how verdicts are made, and how the rule was tested."""

from collections.abc import Sequence
from typing import Any

from bench.records import calibrations
from bench.records.calibrations import TimeCalibration
from bench.statistics import CONFIDENCE, FEWEST_ROUNDS, TIME_MARGIN, rates_told_apart
from bench.statistics.standing import EQUIVALENCE_MARGIN
from bench.statistics.training_runs import EARLY, LAST, NETWORKS, horizons_of, rates
from bench.store import Snapshot
from report.document.answer import Source
from report.document.formats import count, percent
from report.document.labels import label
from report.document.page import Section, Table
from report.document.phrases import NOT_MEASURED, epochs
from report.evidence import claims
from report.evidence.headline import largest_control
from report.evidence.tables import comparisons, csv
from report.evidence.verdicts import DIRECTIONS, effect, spans, with_status, writer
from report.pages.claims import Judged, between, claim_anchor

MOST = 6  # ranges of rows in a table; the CSV of the comparisons has all


def comparisons_table(verdict: claims.ClaimVerdict) -> Table:
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


def comparisons_tables(judged: Sequence[Judged]) -> dict[str, Table]:
    """Return the comparisons of each claim that has some, by anchor."""
    return {claim_anchor(v): comparisons_table(v) for v, _ in judged if v.comparisons}


def turned_rows(judged: Sequence[Judged]) -> list[list[str]]:
    """Return a row for each fragile verdict: the claim, shares of its word and of others, what turns it."""
    rows = []
    for verdict, found in judged:
        if found is not None and not found.robust:
            words = sorted(found.words, key=lambda word: (word != found.word, word))
            shares = [f"{word} {percent(found.words[word] / found.forks, 0)}" for word in words]
            rows.append([verdict.claim.text, shares[0], ", ".join(shares[1:]), found.turns])
    return rows


def control_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: network and horizon, the controls told apart, and the largest difference from ReLU."""
    rows = []
    for network, (task, _) in NETWORKS.items():
        ends = horizons_of(snapshot, task)
        for horizon in (EARLY, LAST):
            largest = largest_control(snapshot, network, horizon)
            if largest is None:
                continue
            compared = [c for c in claims.controls(snapshot, network, horizon) if c.effect.pairs > 1]
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
    decided, alone = rates_told_apart(repetition.ratios for repetition in repetitions)
    return {
        "claims": decided,
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


def sections(source: Source | None, judged: Sequence[Judged]) -> list[Section]:
    """Return the section on how these verdicts are made; none without a source."""
    if source is None:
        return []
    snapshot = source.snapshot
    method = {
        "source": source,
        "tables": comparisons_tables(judged),
        "turns": turned_rows(judged),
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
    return [Section(0, "method", "How verdicts are made", "", "method.html.j2", method)]
