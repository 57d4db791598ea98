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
    """Return every comparison of every family: estimate, interval, p-values, verdict and rows of the store.

    Estimates of relative comparisons are ratios less one.
    """
    return pd.DataFrame(
        {
            "family": family,
            "a": c.a,
            "b": c.b,
            "where": c.where,
            "unit": c.unit,
            "relative": c.test.relative,
            "estimate": c.test.estimate,
            "low": c.test.low,
            "high": c.test.high,
            "margin": c.test.margin,
            "pairs": c.test.pairs,
            "p": c.test.p,
            "corrected p": p,
            "P(improved)": c.test.improvement,
            "verdict": DIRECTIONS[direction],
            "diverged": c.diverged,
            "rows of the store": spans(c.runs),
        }
        for family, verdicts in claims.families(snapshot).items()
        for c, p, direction in verdicts
    )


def csv(table: pd.DataFrame) -> str:
    """Format a table as CSV with every digit of its numbers."""
    return str(table.to_csv(index=False, lineterminator="\n"))
