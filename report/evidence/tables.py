"""Measurements and comparisons as CSV files attached to the report."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from bench.store import Snapshot
from report.document.answer import Source
from report.document.page import Attachment
from report.evidence import claims
from report.evidence.verdicts import DIRECTIONS, spans


def attachments(sources: Sequence[Source]) -> list[Attachment]:
    """Return the environment, runs, measurements and comparisons of every source."""
    return [
        Attachment(f"{source.id}-{name}.csv", f"{source.label}: {name}.", partial(csv, table))
        for source in sources
        for name, table in {
            **source.snapshot.tables(),
            "comparisons": comparisons(source.snapshot),
        }.items()
    ]


def comparisons(snapshot: Snapshot) -> pd.DataFrame:
    """Return every comparison of every claim: estimate, interval, verdict and rows of the store.

    Estimates of relative comparisons are ratios less one.
    """
    return pd.DataFrame(
        {
            "claim": verdict.claim.identifier,
            "a": c.a,
            "b": c.b,
            "where": c.where,
            "unit": c.unit,
            "relative": c.effect.relative,
            "estimate": c.effect.estimate,
            "low": c.effect.low,
            "high": c.effect.high,
            "margin": c.effect.margin,
            "pairs": c.effect.pairs,
            "P(a better)": c.effect.improvement,
            "error from seeds": c.effect.seed_error,
            "error from images": c.effect.image_error,
            "error from rates": c.effect.rate_error,
            "verdict": DIRECTIONS[c.effect.direction],
            "diverged": c.diverged,
            "collapsed": c.collapsed,
            "rows of the store": spans(c.runs),
        }
        for verdict in claims.claim_verdicts(snapshot)
        for c in verdict.comparisons
    )


def csv(table: pd.DataFrame) -> str:
    """Format a table as CSV with every digit of its numbers."""
    return str(table.to_csv(index=False, lineterminator="\n"))
