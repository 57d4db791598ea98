"""Sources of the evidence, their labels and notices."""

from dataclasses import replace

import pytest

from report.evidence.sources import notices, sources
from tests.two_stores import DIGITS, MNIST, paths_in, store


@pytest.fixture
def paths(tmp_path):
    return paths_in(tmp_path)


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
    assert notices(found) == []  # the report shows the reference, which is of MNIST and whole


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
