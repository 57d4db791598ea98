"""The verdict on every claim as plain data, for other programs."""

from dataclasses import asdict
from typing import Any

from bench.statistics.training_runs import horizons_of
from bench.store import Snapshot
from report.document.phrases import WHEN
from report.evidence.claims import ClaimVerdict, claim_verdicts
from report.evidence.comparisons import Trained
from report.evidence.specification import specification
from report.evidence.verdicts import plain


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
        "comparisons": [plain(c) for c in verdict.comparisons],
    }
