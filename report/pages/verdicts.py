"""The verdict on every claim as plain data, for other programs."""

import math
from dataclasses import asdict
from typing import Any

from bench.statistics.training_runs import horizons_of
from bench.store import Snapshot
from report.document.phrases import WHEN
from report.evidence.claims import ClaimVerdict, claim_verdicts
from report.evidence.comparisons import Comparison, Trained
from report.evidence.specification import specification
from report.evidence.verdicts import in_unit, writer

IN_UNIT = ("estimate", "low", "high", "margin")
DEVIATIONS = ("sd", "error", "seed_error", "image_error", "rate_error")


def verdicts(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return every claim with its word, effects, agreement over forks, and the runs that it rests on."""
    return [_entry(snapshot, verdict) for verdict in claim_verdicts(snapshot)]


def lines(entries: list[dict[str, Any]]) -> list[str]:
    """Return a line for each claim: its identifier, word, and agreement over forks."""
    return [
        f"{entry['claim']:24} {entry['word']:12} "
        + (
            ""
            if entry["robust"] is None
            else f"{entry['specification']['agreement']:4.0%} {'robust' if entry['robust'] else 'fragile'}"
        ).ljust(13)
        + f" {entry['text']}"
        for entry in entries
    ]


def _entry(snapshot: Snapshot, verdict: ClaimVerdict) -> dict[str, Any]:
    claim, forks = verdict.claim, specification(snapshot, verdict)
    family = claim.family
    horizon = None
    if isinstance(family, Trained) and (ends := horizons_of(snapshot, str(family.fields["task"]))):
        horizon = {"epochs": ends[family.horizon], "words": WHEN[family.horizon]}
    return {
        "claim": claim.identifier,
        "question": claim.question,
        "text": claim.text,
        "origin": claim.origin,
        "metric": claim.metric,
        "horizon": horizon,
        "word": verdict.verdict,
        "robust": None if forks is None else forks.robust,
        "specification": None if forks is None else asdict(forks),
        "missing": verdict.missing,
        "comparisons": [_comparison(c) for c in verdict.comparisons],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    """Return one comparison in its unit, deviations of ratios as logarithms, missing numbers as null."""
    effect = asdict(comparison.effect)
    scaled = IN_UNIT if comparison.effect.relative else IN_UNIT + DEVIATIONS
    effect |= {name: in_unit(comparison, effect[name]) for name in scaled}
    effect = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in effect.items()}
    return {
        "a": comparison.a,
        "b": comparison.b,
        "where": comparison.where,
        "unit": writer(comparison)[1].strip() or comparison.unit,
        **effect,
        "direction": comparison.effect.direction,
        "diverged": comparison.diverged,
        "collapsed": comparison.collapsed,
        "runs": list(comparison.runs),
    }
