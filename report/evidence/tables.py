"""What was measured and compared, as CSV files that go with the report."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from bench.store import Snapshot
from report.document.answer import Source
from report.document.page import Attachment
from report.evidence import verdicts


def attachments(found: Sequence[Source]) -> list[Attachment]:
    """Of every source its environment, runs and measurements, and all comparisons made of them."""
    return [
        Attachment(f"{source.slug}-{name}.csv", f"{source.label}: {name}.", partial(csv, table))
        for source in found
        for name, table in {
            **source.snapshot.tables(),
            "comparisons": comparisons(source.snapshot),
        }.items()
    ]


def comparisons(snapshot: Snapshot) -> pd.DataFrame:
    """Every comparison of every family: estimate, interval, p-values, verdict and rows of the store.

    Estimates of relative comparisons are ratios less one.
    """
    return pd.DataFrame(
        {
            "family": family,
            "a": case.a,
            "b": case.b,
            "where": case.where,
            "unit": case.unit,
            "relative": case.comparison.relative,
            "estimate": case.comparison.estimate,
            "low": case.comparison.low,
            "high": case.comparison.high,
            "margin": case.comparison.margin,
            "pairs": case.comparison.pairs,
            "p": case.comparison.p,
            "corrected p": p,
            "P(improved)": case.comparison.improvement,
            "verdict": verdicts.SIDES[side],
            "diverged": case.diverged,
            "rows of the store": verdicts.spans(case.runs),
        }
        for family, cases in verdicts.judged(snapshot).items()
        for case, p, side in cases
    )


def csv(table: pd.DataFrame) -> str:
    """The table as CSV, every digit of its numbers."""
    return str(table.to_csv(index=False, lineterminator="\n"))
