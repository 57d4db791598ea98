"""From comparisons to verdicts."""

from dataclasses import replace

import pytest

from bench.records.names import CONTROLS
from bench.statistics import Effect
from report.evidence import claims
from report.evidence.comparisons import Comparison, Trained
from report.pages import claims as claims_page
from tests import small_store as small

CLAIMS = {claim.identifier: claim for claim in claims.CLAIMS}


def case(a, b="relu", estimate=0.1, margin=0.0):
    effect = Effect(estimate, estimate - 0.05, estimate + 0.05, 9, margin, False, 0.5)
    return Comparison(a, b, "", effect, "points", (1, 2))


@pytest.mark.parametrize(
    ("signs", "word"),
    [
        ([1, 1], "confirmed"),
        ([-1], "refuted"),
        ([1, 1, -1], "refuted"),
        ([0, -1], "refuted"),
        ([1, 0], "undecided"),
        ([0], "undecided"),
        ([], "not measured"),
    ],
)
def test_word(signs, word):
    assert claims.combine(signs) == word


def verdict(identifier, *found):
    return claims.decide(CLAIMS[identifier], found)


EACH = [(a, b) for a in ("sgelu", "ada_sgelu") for b in ("relu", "gelu")]


def test_a_claim_hangs_on_each_of_its_comparisons():
    better = [case(a, b) for a, b in EACH]
    assert verdict("q11-better", *better).verdict == "confirmed"
    assert verdict("q11-better", *better[:3], case("ada_sgelu", "gelu", -0.2)).verdict == "refuted"
    assert verdict("q11-better", *better[:3], case("ada_sgelu", "gelu", 0.01)).verdict == "undecided"
    assert verdict("q11-better").verdict == "not measured"


def test_a_claim_names_its_comparisons_and_no_other():
    for identifier in ("q11-better", "q11-better-early", "q11-par", "q11-fc", "q11-conv", "q11-deep"):
        assert sorted(CLAIMS[identifier].family.pairs) == sorted(EACH)
    assert sorted(CLAIMS["q11-batch-norm"].family.pairs) == [("sgelu", "gelu"), ("sgelu", "relu")]


def test_not_worse_than_the_margin_is_enough_to_be_on_par():
    assert case("sgelu", estimate=-0.01, margin=-0.1).effect.direction == 1
    assert case("sgelu", estimate=-0.2, margin=-0.1).effect.direction == -1


def test_the_table_of_claims_is_sound():
    names = [claim.identifier for claim in claims.CLAIMS]
    assert len(set(names)) == len(names)
    assert all(claim.identifier.startswith(f"q{claim.question:02d}-") for claim in claims.CLAIMS)
    assert {claim.question for claim in claims.CLAIMS} <= set(range(1, 12))
    assert {claim.origin for claim in claims.CLAIMS} == {claims.ASSIGNMENT, claims.OURS, claims.THEOREM}
    for claim in claims.CLAIMS:
        if isinstance(claim.family, Trained):
            assert claim.named == len(claim.family.pairs) > 0
    early = {name.removesuffix("-early") for name in names if name.endswith("-early")}
    # Every claim on training is put early and at the end, with the same comparisons.
    for name in early & set(names):
        one, other = CLAIMS[name].family, CLAIMS[f"{name}-early"].family
        assert replace(one, horizon=claims.EARLY) == other


def test_controls_are_relu_under_other_seeds(tmp_path):
    accuracies = {"relu": (0.5, 0.6), CONTROLS[0]: (0.6, 0.5), CONTROLS[2]: (0.7, 0.8), "sgelu": (0.9, 0.9)}
    runs = [small.scored(s, seed=k, activation=n) for n, of in accuracies.items() for k, s in enumerate(of)]
    found = claims.controls(small.snapshot(tmp_path / "r.sqlite", runs), "classifier with batch norm")
    assert [(c.a, c.b) for c in found] == [(CONTROLS[0], "relu"), (CONTROLS[2], "relu")]
    assert found[0].effect.estimate == pytest.approx(0)


def test_nothing_measured_decides_nothing(tmp_path):
    found = claims.claim_verdicts(small.snapshot(tmp_path / "r.sqlite", [small.scored(0.5)]))
    assert {verdict.verdict for verdict in found} == {"not measured"}


def words(path, runs):
    return {v.claim.identifier: v.verdict for v in claims.claim_verdicts(small.snapshot(path, runs))}


def test_runs_in_a_store_become_verdicts(tmp_path):
    none, relu = (f"superposition error {name}" for name in ("none", "relu"))
    runs = [
        small.phenomenon("affinity", seed, {none: {0: 1e-15 * (1 + seed)}, relu: {0: 0.3 + seed / 10}})
        for seed in range(7)
    ]
    found = words(tmp_path / "r.sqlite", runs)
    assert found["q07-linear"] == found["q07-nonlinear"] == "confirmed"


def test_a_claim_is_not_confirmed_on_a_part_of_what_it_names():
    part = verdict("q11-better", *(case(*pair) for pair in EACH[:2]))
    assert (part.verdict, part.missing) == ("undecided", 2)  # AdaSGELU was not run
    assert verdict("q11-better", case(*EACH[0], estimate=-0.2)).verdict == "refuted"
    assert verdict("q11-better", *(case(*pair) for pair in EACH)).missing == 0


def test_a_claim_may_say_that_something_is_less():
    found = verdict("q11-batch-norm", *(case("sgelu", b, -0.2) for b in ("relu", "gelu")))
    assert found.verdict == "confirmed"
    assert list(found.supports) == [1, 1]


def test_on_par_is_told_from_better_on_the_same_runs_and_early_from_late(tmp_path):
    """A shortfall of 0.0005 ± 0.0002 is within the margin of 0.002 all the same; early it is a lead."""
    runs = [
        small.scored(
            0.9 - less + 0.0002 * (-1) ** (seed // 2) * bool(less) + seed / 100,
            seed=seed,
            activation=name,
            early=0.5 + 100 * less + seed / 1000 + 0.001 * (-1) ** (seed // 2) * bool(less),
        )
        for name, less in {"relu": 0, "gelu": 0, "sgelu": 0.0005, "ada_sgelu": 0.0005}.items()
        for seed in range(12)
    ]
    found = words(tmp_path / "r.sqlite", runs)
    assert (found["q11-par"], found["q11-better"]) == ("confirmed", "refuted")
    assert (found["q11-par-early"], found["q11-better-early"]) == ("confirmed", "confirmed")


def test_every_claim_has_a_place_of_its_own():
    anchors = {claims_page.claim_anchor(claims.decide(claim, ())) for claim in claims.CLAIMS}
    assert len(anchors) == len(claims.CLAIMS)


def test_the_decisive_comparison_is_the_one_that_supports_least():
    found = verdict("q11-better", case("sgelu", estimate=0.3), case("ada_sgelu", estimate=0.1))
    assert claims_page.decisive(found).a == "ada_sgelu"
    found = verdict("q11-batch-norm", case("sgelu", "relu", -0.3), case("sgelu", "gelu", -0.1))
    assert claims_page.decisive(found).b == "gelu"
    found = verdict("q11-better", case("sgelu", estimate=0.3), case("ada_sgelu", estimate=-0.1))
    assert claims_page.decisive(found).a == "ada_sgelu"
    assert claims_page.decisive(verdict("q11-better")) is None
