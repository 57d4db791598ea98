"""Which rates go on, against means and errors worked out by hand, and the runs that a plan asks for then."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from bench.experiments import racing
from bench.experiments.catalog import plan
from bench.experiments.plan import Budget
from bench.records.names import DEFAULT_RATE
from tests import small_store as small

GRID = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


@pytest.mark.parametrize(
    ("rate", "above", "below"), [(0.03, 0.1, 0.01), (1e-3, 3e-3, 3e-4), (1.0, 3.0, 0.3), (3e-4, 1e-3, 1e-4)]
)
def test_neighbours_in_the_series(rate, above, below):
    assert racing.next_rate(rate, 1) == pytest.approx(above)
    assert racing.next_rate(rate, -1) == pytest.approx(below)


def scores(*rates):
    """(R, S, 1) scores from a row of seeds for each rate."""
    return np.array(rates, float)[..., None]


@pytest.mark.parametrize(
    ("means", "directions"), [([1, 2, 3], (1,)), ([3, 2, 1], (-1,)), ([1, 3, 2], ()), ([-math.inf] * 3, ())]
)
def test_the_grid_grows_where_the_best_is_at_its_edge(means, directions):
    assert racing.extensions(scores(*([m] for m in means))) == directions


def made(activations=("relu",), **budget):
    return plan("deep_classifier", replace(Budget(4, 1, 100, first=2), **budget), "digits", 1437, activations)


def held_out(runs, best, spread=0.0):
    """Scores of runs that are best at one rate, falling by the distance of the logarithms."""
    return {
        run.config_hash: np.full(3, -abs(math.log(run.learning_rate / best)) + spread * (run.seed % 2))
        for run in runs
    }


def rates(runs):
    return Counter(run.learning_rate for run in runs)


def test_every_rate_is_tried_under_the_first_seeds_and_the_winner_under_all():
    its = made()
    first = its.runs({})
    assert rates(first) == dict.fromkeys(GRID, 2)
    assert {run.seed for run in first} == {0, 1}
    then = its.runs(held_out(first, 3e-3))
    assert rates(then) == {**dict.fromkeys(GRID, 2), 3e-3: 4}
    assert len({run.config_hash for run in then}) == len(then)


def test_with_a_wide_spread_several_rates_go_on():
    its = made()
    found = rates(its.runs(held_out(its.runs({}), 3e-3, spread=2.0)))
    assert found == {3e-4: 2, 1e-3: 4, 3e-3: 4, 1e-2: 4, 3e-2: 2} or found[1e-3] == found[1e-2] == 4


def test_the_grid_is_extended_twice_at_most():
    its = made()
    stored = {}
    for _ in range(6):
        stored = held_out(its.runs(stored), 10.0)
    assert sorted(rates(its.runs(stored))) == pytest.approx([*GRID, 0.1, 0.3])
    assert rates(its.runs(stored))[0.3] == 4


def test_a_grid_that_is_best_at_both_edges_grows_at_both():
    """Early the largest rate is best, late the smallest."""
    its = made()
    stored = {}
    for _ in range(6):
        stored = {
            run.config_hash: np.log(run.learning_rate) * np.array([1.0, 0.0, -1.0])
            for run in its.runs(stored)
        }
    assert sorted(rates(its.runs(stored))) == pytest.approx([3e-5, 1e-4, *GRID, 0.1, 0.3])


def test_without_a_grid_every_seed_is_run_at_once():
    assert rates(made(tuned=False).runs({})) == {DEFAULT_RATE: 4}


@pytest.mark.parametrize("company", [1, 2, 3])
def test_company_gets_fewer_seeds(company):
    its = made(["relu", "mish", "mine:Act@01234567"], company=company)
    stored = held_out(its.runs({}), 3e-3)
    by = {
        name: [r for r in its.runs(stored) if r.activation == name]
        for name in ("relu", "mish", "mine:Act@01234567")
    }
    assert {name: rates(runs)[3e-3] for name, runs in by.items()} == {
        "relu": 4, "mish": company, "mine:Act@01234567": 4,
    }  # fmt: skip


def test_controls_beyond_the_budget_are_left_out():
    names = ["relu", "control", "control 2", "control 3"]
    assert [c.activation for c in made(names, controls=2).candidates] == names[:3]


def test_a_guess_counts_two_rates_and_only_where_nothing_is_decided():
    its = made()
    assert len(its.runs({}, guess=True)) == 5 * 2 + 2 * 2
    stored = held_out(its.runs({}), 3e-3)
    assert its.runs(stored, guess=True) == its.runs(stored)


def test_scores_of_stored_runs(tmp_path):
    runs = [
        small.scored(0.9, held_out=0.8),
        small.scored(0.9, seed=1, status="diverged"),
        small.scored(0.1, seed=2, held_out=0.1, status="collapsed"),
        small.reconstructed(0.02, held_out=0.5),
        small.phenomenon("zigzag", 0, {"steps positive": {0: 3}}),
    ]
    found = racing.held_out_scores(small.snapshot(tmp_path / "r.sqlite", runs))
    keys = [config.config_hash for config, _ in runs[:4]]
    assert list(found) == keys
    expected = [[0.8] * 3, [-math.inf] * 3, [0.1] * 3, [math.log(2)] * 3]
    np.testing.assert_allclose(list(found.values()), expected)
