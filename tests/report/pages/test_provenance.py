"""Environments, other environments and failed runs of a source."""

from dataclasses import replace
from importlib.metadata import version

import pytest

from bench.records.environment import PACKAGES, current
from bench.records.runs import BenchmarkCase, RunResult
from bench.store import Store
from report.evidence.sanitize import LONGEST
from report.evidence.sources import sources
from report.pages.provenance import environment, failures, other_environments
from tests.two_stores import CONFIG, DIGITS, MNIST, paths_in, store

TIMING = BenchmarkCase("activation_forward", "relu", "impl", "4 elements", 4)


@pytest.fixture
def paths(tmp_path):
    return paths_in(tmp_path)


def test_provenance_names_machine_versions_commit_data_profile_and_seeds(paths):
    store(paths[0], MNIST, "quick")
    (source,) = sources(*paths)
    rows = {row[0]: row[1] for row in environment(source).rows}
    assert rows["Processor"] == "Another CPU, 2 cores"
    assert rows["Packages"] == "torch 2"
    assert rows["Commit"] == "c0ffee"
    assert rows["SHA-256 of the data set"] == "d"
    assert rows["Profile"] == "quick"
    assert rows["Seeds, at most"] == "classifier: 1"
    assert rows["Training runs"] == "1 (1 finished)"


def test_provenance_of_this_machine_names_every_package(paths):
    """Whose versions together are longer than any one text may be."""
    here = current("digits", "0")
    assert len(here.versions) > LONGEST
    store(paths[0], replace(here, versions='{"torch": "1"}'), "quick")
    store(paths[0], here, "quick")
    (source,) = sources(*paths)
    rows = {row[0]: row[1] for row in environment(source).rows}
    expected = ", ".join(f"{name} {version(name)}" for name in sorted(PACKAGES))
    assert rows["Packages"] == expected
    assert [row[3] for row in other_environments(source).rows] == ["versions: torch 1"]


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
    rows = other_environments(source).rows
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("quick", "1", "profile"),
        ("quick", "1", "processor: Another CPU, commit hash: beef"),
        ("quick", "1", "source sha256: t, commit hash: beef"),
        ("quick", "1", "processor: Another CPU, dataset: mnist"),
    ]


def test_the_machines_that_trained_are_named_where_another_one_measured_times(paths):
    path = store(paths[0], DIGITS, "quick")
    with Store(path) as opened:
        elsewhere = opened.environment_id(replace(DIGITS, processor="Another CPU"))
        opened.record(elsewhere, "quick", replace(CONFIG, seed=1), RunResult("finished"))
        opened.record(elsewhere, "quick", TIMING, RunResult("finished"))
    (source,) = sources(*paths)
    rows = {row[0]: row[1] for row in environment(source).rows}
    assert rows["Processor"] == "Another CPU, 2 cores"
    assert rows["Trained on"] == f"1 {DIGITS.processor}, 1 Another CPU"
    assert other_environments(source) is None


def test_a_store_of_one_environment_holds_nothing_besides(paths):
    store(paths[0], DIGITS, "quick")
    (source,) = sources(*paths)
    assert other_environments(source) is None
    assert failures(source) is None
    assert "Trained on" not in {row[0] for row in environment(source).rows}


def test_what_failed_is_told_with_its_reason(paths):
    with Store(paths[0]) as opened:
        where = opened.environment_id(DIGITS)
        for seed in range(3):
            cell = replace(CONFIG, activation="mine.py:Bump", seed=seed)
            opened.record(where, "quick", cell, RunResult("failed", error="ValueError('no')"))
        opened.record(where, "quick", CONFIG, RunResult("finished"))
    (source,) = sources(*paths)
    assert failures(source).rows == [["classifier", "mine.py:Bump", "3", "ValueError('no')"]]
