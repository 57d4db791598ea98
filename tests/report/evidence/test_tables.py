"""What goes with the report as CSV, from runs made by hand."""

import io

import pandas as pd
import pytest

from report.document.answer import Source
from report.evidence import claims
from report.evidence.tables import attachments, comparisons
from tests import small_store as small


@pytest.fixture
def snapshot(tmp_path):
    runs = []
    for name, accuracies in {"relu": (0.5, 0.6, 0.55), "sgelu": (0.7, 0.9, 0.8)}.items():
        runs += [small.scored(a, seed=seed, activation=name) for seed, a in enumerate(accuracies)]
    return small.snapshot(tmp_path / "r.sqlite", runs)


def test_every_comparison_is_a_row(snapshot):
    found = comparisons(snapshot)
    assert len(found) == sum(len(v.comparisons) for v in claims.claim_verdicts(snapshot))
    [row] = found[found["claim"] == "q11-better"].itertuples(index=False)
    assert (row.b, row.unit, row.pairs, row.verdict) == ("relu", "points", 3, "above")
    assert row.estimate == pytest.approx(0.25)
    assert row.low < 0.25 < row.high


def test_each_source_has_its_own_files_and_they_read_back(snapshot):
    files = {file.name: file for file in attachments([Source("here", "Measured here", snapshot)])}
    assert set(files) == {
        f"here-{name}.csv" for name in ("environment", "runs", "measurements", "comparisons")
    }
    back = pd.read_csv(io.StringIO(files["here-measurements.csv"].content()))
    ours = snapshot.measurements
    assert back["value"].tolist() == ours["value"].tolist()
    assert back["metric"].tolist() == ours["metric"].astype(str).tolist()
    assert files["here-runs.csv"].description == "Measured here: runs."
