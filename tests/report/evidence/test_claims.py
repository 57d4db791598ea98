"""From comparisons to verdicts."""

import math

import pytest

from bench.statistics import PairedTest
from report.evidence import claims, verdicts
from report.evidence.comparisons import Comparison
from report.pages import claims as claims_page
from tests import small_store as small


def case(a, b="relu", estimate=0.1, p=0.001, margin=0.0):
    found = PairedTest(estimate, estimate - 0.05, estimate + 0.05, 9, p, 0.5, 1.0, margin, relative=False)
    return Comparison(a, b, "", found, "points", (1, 2))


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


def judged(*found):
    return {name: claims.decide(list(found)) if name == "classifier" else [] for name in claims.FAMILIES}


def verdict(identifier, *found):
    return {v.claim.identifier: v for v in claims.decide_claims(judged(*found))}[identifier]


EACH = [(a, b) for a in ("sgelu", "ada_sgelu") for b in ("relu", "gelu")]


def test_a_claim_hangs_on_each_of_its_comparisons_and_on_no_other():
    better = [case(a, b) for a, b in EACH]
    assert verdict("q11-better", *better).verdict == "confirmed"
    assert verdict("q11-better", *better, case("lisht", estimate=-0.2)).verdict == "confirmed"
    assert verdict("q11-better", *better[:3], case("ada_sgelu", "gelu", -0.2)).verdict == "refuted"
    assert verdict("q11-better", *better[:3], case("ada_sgelu", "gelu", 0.01)).verdict == "undecided"
    assert verdict("q11-better", case("lisht")).verdict == "not measured"


def test_the_correction_is_for_the_whole_family():
    pair = [case(a, b, p=0.01) for a, b in EACH]
    assert verdict("q11-better", *pair).verdict == "confirmed"  # 4 * 0.01 < 0.05
    others = [case(f"other {k}", p=0.9) for k in range(4)]
    assert verdict("q11-better", *pair, *others).verdict == "undecided"  # 8 * 0.01 > 0.05


def test_not_worse_than_the_margin_is_enough_to_be_on_par():
    (_, _, side), (_, _, other) = claims.decide(
        [case("sgelu", estimate=-0.01, margin=-0.1), case("sgelu", estimate=-0.2, margin=-0.1)]
    )
    assert (side, other) == (1, -1)


def test_without_an_interval_nothing_is_decided():
    assert claims.decide([case("sgelu", p=math.nan)])[0][2] == 0


def test_the_table_of_claims_is_sound():
    names = [claim.identifier for claim in claims.CLAIMS]
    assert len(set(names)) == len(names)
    assert all(claim.identifier.startswith(f"q{claim.question:02d}-") for claim in claims.CLAIMS)
    families = {claim.family for claim in claims.CLAIMS}
    assert families | {claims.AGAINST_THEMSELVES} == set(claims.FAMILIES)
    assert set(claims.CONTROLLED) <= set(claims.FAMILIES)


def test_the_control_is_found_in_its_family():
    found = claims.controls(judged(case("control", estimate=0.0, p=0.6), case("sgelu")))
    assert {name: control.direction for name, control in found.items()} == {"classifier": 0}


def test_nothing_measured_decides_nothing(tmp_path):
    found = claims.families(small.snapshot(tmp_path / "r.sqlite", [small.scored(0.5)]))
    assert {verdict.verdict for verdict in claims.decide_claims(found)} == {"not measured"}


def test_runs_in_a_store_become_verdicts(tmp_path):
    none, relu = (f"superposition error {name}" for name in ("none", "relu"))
    runs = [
        small.phenomenon("affinity", seed, {none: {0: 1e-15 * (1 + seed)}, relu: {0: 0.3 + seed / 10}})
        for seed in range(7)
    ]
    found = claims.decide_claims(claims.families(small.snapshot(tmp_path / "r.sqlite", runs)))
    words = {v.claim.identifier: v.verdict for v in found}
    assert words["q07-linear"] == words["q07-nonlinear"] == "confirmed"


def test_a_claim_is_not_confirmed_on_a_part_of_what_it_names():
    found = claims.decide_claims(judged(*(case(*pair) for pair in EACH[:2])))
    better = next(v for v in found if v.claim.identifier == "q11-better")
    assert (better.verdict, better.missing) == ("undecided", 2)  # AdaSGELU was not run
    assert verdict("q11-better", case(*EACH[0], estimate=-0.2)).verdict == "refuted"
    assert verdict("q11-better", *(case(*pair) for pair in EACH)).missing == 0


def test_a_claim_may_say_that_something_is_less():
    found = {name: [] for name in claims.FAMILIES}
    found["classifier without batch norm"] = claims.decide([case("sgelu", b, -0.2) for b in ("relu", "gelu")])
    verdict = next(v for v in claims.decide_claims(found) if v.claim.identifier == "q11-batch-norm")
    assert verdict.verdict == "confirmed"
    assert [v.direction for v in verdict.comparisons] == [-1, -1]
    assert list(verdict.supports) == [1, 1]


def test_on_par_is_told_from_better_on_the_same_runs(tmp_path):
    """A shortfall of 0.0005 ± 0.0002 is within the margin of 0.002 all the same."""
    noise = [0.0002 * (-1) ** seed for seed in range(12)]
    runs = []
    for name, less in {"relu": 0, "gelu": 0, "sgelu": 0.0005, "ada_sgelu": 0.0005}.items():
        runs.append(small.tuning(0.9, 1e-3, activation=name))
        for seed, n in enumerate(noise):
            score = 0.9 - less + (n if less else seed / 100)
            runs.append(small.scored(score + (seed / 100 if less else 0), seed=seed, activation=name))
    found = claims.decide_claims(claims.families(small.snapshot(tmp_path / "r.sqlite", runs)))
    words = {v.claim.identifier: v.verdict for v in found}
    assert (words["q11-par"], words["q11-better"]) == ("confirmed", "refuted")


def test_every_family_has_a_caption_and_a_place_of_its_own():
    assert len({claims_page.family_anchor(name, "here") for name in claims.FAMILIES}) == len(claims.FAMILIES)
    assert set(verdicts.TASKS) == set(claims.CONTROLLED)
    assert {claim.question for claim in claims.CLAIMS} <= set(range(1, 12))
