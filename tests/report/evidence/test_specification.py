"""How many analyses give the same word, on stores in which it is known by hand."""

import json
import math

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from bench.statistics import Effect
from report.__main__ import app
from report.evidence import claims
from report.evidence import specification as spec
from report.evidence.specification import specification
from report.evidence.verdicts import effect
from report.pages.verdicts import lines, verdicts
from tests import small_store as small

NAMES = ("relu", "gelu", "sgelu", "ada_sgelu")


def runs(lead, early=None, rates=(1e-3,), held_out=0.5):
    """Six seeds of each activation; the proposed ones lead by a number, or by another one early."""
    return [
        small.scored(
            0.8 + seed / 100 + noise + lead * (name in NAMES[2:]),
            rate,
            seed,
            activation=name,
            held_out=held_out + lead * (name in NAMES[2:]) + noise,
            early=None if early is None else 0.6 + seed / 100 + noise + early * (name in NAMES[2:]),
        )
        for name in NAMES
        for rate in rates
        for seed, noise in enumerate(0.001 * np.array([1, -1, 1, -1, 1, -1]) * (name in NAMES[2:]))
    ]


def of(path, identifier, made):
    snapshot = small.snapshot(path, made)
    verdict = next(v for v in claims.claim_verdicts(snapshot) if v.claim.identifier == identifier)
    return verdict.verdict, specification(snapshot, verdict)


def test_a_lead_at_every_horizon_and_rate_is_robust(tmp_path):
    word, found = of(tmp_path / "r.sqlite", "q11-better", runs(0.1, early=0.1, rates=(1e-3, 3e-3)))
    assert word == "confirmed"
    # Three horizons; the chosen rate with three intervals on test images and one on held-out ones, two single
    # rates with two and one; three corrections each.
    assert found.forks == 3 * (3 + 1 + 2 * (2 + 1)) * 3
    assert (found.agreement, found.turns, found.robust) == (1.0, "", True)
    assert found.words == {"confirmed": found.forks}
    assert not found.reversed


def test_a_lead_that_turns_with_the_horizon_is_fragile_and_says_so(tmp_path):
    word, found = of(tmp_path / "r.sqlite", "q11-better", runs(0.1, early=-0.1))
    assert word == "confirmed"
    assert not found.robust
    assert found.reversed
    assert found.words["refuted"] == found.forks // 3 - 3 * 2  # held-out images lead at every horizon
    assert found.turns == "after 0.5 epochs"


def test_claims_that_are_not_on_networks_have_no_forks(tmp_path):
    for identifier in ("q07-linear", "q08-slow-shallow-early", "q09-forward"):
        assert of(tmp_path / f"{identifier}.sqlite", identifier, runs(0.1))[1] is None


@pytest.mark.parametrize("relative", [False, True])
def test_an_interval_is_widened_by_bonferroni(relative):
    rng = np.random.default_rng(0)
    d = rng.normal(0.1, 0.05, size=9)
    limits = {n: stats.ttest_1samp(d, 0).confidence_interval(1 - 0.05 / n) for n in (1, 6)}
    change = math.expm1 if relative else float
    alone = Effect(change(d.mean()), change(limits[1].low), change(limits[1].high), 9, 0.0, relative, 1.0)
    wide = spec._widened(alone, 6)
    assert (wide.low, wide.high) == pytest.approx((change(limits[6].low), change(limits[6].high)))
    assert spec._widened(alone, 1) == alone


def test_verdicts_for_a_program_rest_on_the_same_values(tmp_path):
    path = tmp_path / "r.sqlite"
    snapshot = small.snapshot(path, runs(0.1, early=-0.1))
    said = CliRunner().invoke(app, ["verdicts", "--json", "--results", str(path)])
    assert said.exit_code == 0, said.output
    entries = {entry["claim"]: entry for entry in json.loads(said.stdout)}
    assert list(entries) == [claim.identifier for claim in claims.CLAIMS]
    for verdict in claims.claim_verdicts(snapshot):
        entry = entries[verdict.claim.identifier]
        assert (entry["word"], entry["missing"]) == (verdict.verdict, verdict.missing)
        assert [c["direction"] for c in entry["comparisons"]] == [
            c.effect.direction for c in verdict.comparisons
        ]
        assert [c["runs"] for c in entry["comparisons"]] == [list(c.runs) for c in verdict.comparisons]
        for c, told in zip(verdict.comparisons, entry["comparisons"], strict=True):
            if told["unit"] in ("points", "times"):
                value, unit = effect(c).split()[:2]
                assert unit == told["unit"]
                assert float(value.replace("−", "-")) == pytest.approx(told["estimate"], abs=0.05)
    better = entries["q11-better"]
    assert better["horizon"] == {"epochs": 2.0, "words": "at the end of training"}
    assert entries["q11-better-early"]["horizon"]["epochs"] == 0.5
    assert better["robust"] is False
    assert entries["q07-linear"]["specification"] is None
    text = CliRunner().invoke(app, ["verdicts", "--results", str(path)]).stdout
    assert text.splitlines() == lines(verdicts(snapshot))
    (line,) = (line for line in text.splitlines() if line.startswith("q11-better "))
    assert " confirmed " in line
    assert " fragile" in line


def test_verdicts_of_an_empty_store_are_an_error(tmp_path):
    result = CliRunner().invoke(app, ["verdicts", "--results", str(tmp_path / "none.sqlite")])
    assert result.exit_code != 0
    assert "holds no measurements" in str(result.exception)
