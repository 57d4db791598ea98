"""Sources of the evidence, their labels and notices."""

from dataclasses import replace

import pytest

from bench.records.environment import Environment
from bench.records.runs import Measurement, RunConfig, RunResult
from bench.store import Store
from report.evidence.sources import notices, sources

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
    assert [source.id for source in found] == ["here"]
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
    assert [source.id for source in found] == ["reference", "here"]
    assert found[0].label == "Reference: MNIST, reference profile, Another CPU, 2 cores"
    assert "by commit c0ffee" in " ".join(notices(found))


def test_the_reference_is_left_out_where_this_machine_measured_as_much(paths):
    here, reference = paths
    store(here, replace(MNIST, processor="Mine"), "reference")
    store(reference, MNIST, "reference")
    assert [source.id for source in sources(here, reference)] == ["here"]


def test_nothing_measured_is_said(paths):
    assert sources(*paths) == []
    assert "make bench" in notices([])[0]


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_runs_that_did_not_finish_are_said(paths, status):
    store(paths[0], MNIST, "quick", status)
    assert f"1 runs {status}" in " ".join(notices(sources(*paths)))
