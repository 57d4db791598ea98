"""The five findings, from nothing and from a store of a few runs."""

import pytest

from bench.records.runs import BenchmarkCase, Measurement, RunResult
from report.document.answer import Source
from report.document.page import Erratum
from report.evidence.claims import ASSIGNMENT, CLAIMS
from report.pages.summary import findings
from tests import small_store as small

ERRATA = [Erratum(f"q01-{k}", 1, "printed", "right", "why") for k in range(3)]


def both(scores, **fields):
    """ReLU and SGELU under the seeds 0, 1, …"""
    for name, values in scores.items():
        for seed, value in enumerate(values):
            yield small.scored(value, seed=seed, activation=name, **fields)


def timing(subject, way, seconds, elements, task="activation_forward"):
    rows = [Measurement("seconds", step, seconds, "s") for step in range(3)]
    case = BenchmarkCase(task, subject, way, f"{elements} elements", elements)
    return small.by_round((case, RunResult("finished", rows)))


@pytest.fixture
def found(tmp_path):
    better = {
        "relu": [0.5 + seed / 100 for seed in range(9)],
        "sgelu": [0.6 + seed / 100 for seed in range(9)],
    }
    worse = {"relu": 0.2, "sgelu": 0.4}  # losses
    runs = [
        *both(better),
        *(
            small.reconstructed(loss, seed=seed, activation=name)
            for name, loss in worse.items()
            for seed in range(9)
        ),
        *(run for elements in (16384, 2**20) for run in timing("sgelu", "impl", 3e-3, elements)),
        *timing("gelu", "torch", 2e-3, 16384),
        *timing("gelu", "torch", 3e-3, 2**20),
    ]
    return findings([Source("here", "Measured here", small.snapshot(tmp_path / "r.sqlite", runs))], ERRATA)


def test_with_nothing_measured_every_finding_says_so():
    said = findings([], ERRATA)
    assert len(said) == 5
    assert all("not measured yet; make bench would do it" in line for line in said[:4])
    assert "none is decided" in said[0]
    assert "3 statements" in said[4]


def test_claims_are_counted_and_the_source_named(found):
    # on par, better, and worse on the autoencoder, each early and at the end: of SGELU beside ReLU alone
    rest = sum(claim.origin == ASSIGNMENT for claim in CLAIMS) - 6
    assert found[0] == (
        f"Of the assignment's empirical claims, 6 are undecided and {rest} are not measured [Measured here]."
    )


def test_a_greater_accuracy_is_better_and_a_greater_loss_worse(found):
    assert "classifier with batch norm: SGELU +10.00 points (" in found[1]
    assert "), better" in found[1]
    assert "fully connected autoencoder: SGELU 2.00 times (" in found[2]
    assert "), worse" in found[2]


def test_the_cost_is_that_of_the_classifiers_size_and_of_the_passes_measured(found):
    assert found[3].endswith("torch's own GELU: SGELU forward 1.50 (1.50 to 1.50) (quick profile).")


def test_what_a_quick_profile_gave_is_marked(found):
    assert all("quick" in line for line in found[1:4])


def test_the_first_source_gives_the_findings(tmp_path):
    sources = [
        Source(name, name, small.snapshot(tmp_path / f"{name}.sqlite", runs))
        for name, runs in {
            "first": list(both({"relu": [0.5], "sgelu": [0.6]})),
            "second": list(both({"relu": [0.5], "sgelu": [0.9]})),
        }.items()
    ]
    assert "+10.00 points" in findings(sources, [])[1]
    assert "+40.00 points" in findings(sources[::-1], [])[1]
