"""Where evidence comes from, and that a reader is told."""

from dataclasses import replace
from importlib.metadata import version

import pytest

from bench.records.environment import PACKAGES, Environment, current
from bench.records.runs import Measurement, RunConfig, RunResult
from bench.store import Store
from report.evidence.sanitize import LONGEST
from report.evidence.sources import besides, failures, notices, provenance, sources

DIGITS = Environment(
    "Some CPU", 2, 1024, "Linux", "3.11", '{"torch": "2"}', "cpu", 1, "s", "digits", "d", "c0ffee"
)
MNIST = replace(DIGITS, dataset="mnist", processor="Another CPU")
CELL = RunConfig("classifier", "relu", "adam", 1e-3, 128, True, "digits", 100, 2, 0)


def store(path, environment, profile, status="finished"):
    with Store(path) as opened:
        where = opened.environment_id(environment)
        opened.record(where, profile, CELL, RunResult(status, [Measurement("test_loss", 0, 1.0, "1")]))
    return path


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "here.sqlite", tmp_path / "reference.sqlite"


def test_digits_are_never_left_unsaid(paths):
    here, reference = paths
    store(here, DIGITS, "quick")
    found = sources(here, reference)
    assert [source.slug for source in found] == ["here"]
    assert (
        found[0].label
        == "Measured here: scikit-learn's digits resized to 28×28, quick profile, Some CPU, 2 cores"
    )
    said = " ".join(notices(found))
    assert "not on MNIST" in said
    assert "quick" in said


def test_the_reference_stands_beside_and_is_labelled(paths):
    here, reference = paths
    store(here, DIGITS, "quick")
    store(reference, MNIST, "reference")
    found = sources(here, reference)
    assert [source.slug for source in found] == ["reference", "here"]
    assert found[0].label == "Reference: MNIST, reference profile, Another CPU, 2 cores"
    assert "by commit c0ffee" in " ".join(notices(found))


def test_the_reference_is_left_out_where_this_machine_measured_as_much(paths):
    here, reference = paths
    store(here, replace(MNIST, processor="Mine"), "reference")
    store(reference, MNIST, "reference")
    assert [source.slug for source in sources(here, reference)] == ["here"]


def test_nothing_measured_is_said(paths):
    assert sources(*paths) == []
    assert "make bench" in notices([])[0]


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_runs_that_did_not_finish_are_said(paths, status):
    store(paths[0], MNIST, "quick", status)
    assert f"1 runs {status}" in " ".join(notices(sources(*paths)))


def test_provenance_names_machine_versions_commit_data_profile_and_seeds(paths):
    store(paths[0], MNIST, "quick")
    (source,) = sources(*paths)
    rows = {row[0]: row[1] for row in provenance(source).rows}
    assert rows["Processor"] == "Another CPU, 2 cores"
    assert rows["Packages"] == "torch 2"
    assert rows["Commit"] == "c0ffee"
    assert rows["SHA-256 of the data set"] == "d"
    assert rows["Profile"] == "quick"
    assert rows["Seeds scored, at most"] == "classifier: 1"
    assert rows["Training runs"] == "1 (1 finished)"


def test_provenance_of_this_machine_names_every_package(paths):
    """Whose versions together are longer than any one text may be."""
    here = current("digits", "0")
    assert len(here.versions) > LONGEST
    store(paths[0], replace(here, versions='{"torch": "1"}'), "quick")
    store(paths[0], here, "quick")
    (source,) = sources(*paths)
    rows = {row[0]: row[1] for row in provenance(source).rows}
    expected = ", ".join(f"{name} {version(name)}" for name in sorted(PACKAGES))
    assert rows["Packages"] == expected
    assert [row[3] for row in besides(source).rows] == ["versions: torch 1"]


def test_what_else_a_store_holds_is_told_apart_by_what_differs(paths):
    """Two machines, two commits, two data sets and two profiles: each for itself, the last one shown."""
    path = store(paths[0], DIGITS, "quick")
    store(path, replace(DIGITS, processor="Another CPU", commit_hash="beef"), "quick")
    store(path, replace(DIGITS, source_sha256="t", commit_hash="beef"), "quick")
    store(path, MNIST, "quick")
    store(path, DIGITS, "reference")
    (source,) = sources(*paths)
    assert source.snapshot.profile == "reference"
    assert len(source.snapshot.runs) == len(source.snapshot.measurements) == 1
    rows = besides(source).rows
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("quick", "1", "profile"),
        ("quick", "1", "processor: Another CPU, commit hash: beef"),
        ("quick", "1", "source sha256: t, commit hash: beef"),
        ("quick", "1", "processor: Another CPU, dataset: mnist"),
    ]


def test_a_store_of_one_environment_holds_nothing_besides(paths):
    store(paths[0], DIGITS, "quick")
    (source,) = sources(*paths)
    assert besides(source) is None
    assert failures(source) is None


def test_what_failed_is_told_with_its_reason(paths):
    with Store(paths[0]) as opened:
        where = opened.environment_id(DIGITS)
        for seed in range(3):
            cell = replace(CELL, activation="mine.py:Bump", seed=seed)
            opened.record(where, "quick", cell, RunResult("failed", error="ValueError('no')"))
        opened.record(where, "quick", CELL, RunResult("finished"))
    (source,) = sources(*paths)
    assert failures(source).rows == [["classifier", "mine.py:Bump", "3", "ValueError('no')"]]
