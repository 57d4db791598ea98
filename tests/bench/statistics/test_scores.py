"""Which rates can win, against means and errors worked out by hand."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import survivors


def scores(*rates):
    """(R, S, 1) scores from a row of seeds for each rate."""
    return np.array(rates, float)[..., None]


def test_a_rate_within_a_standard_error_of_the_best_can_win():
    # Three seeds with a variance of 1 at each rate: the error of a difference is √(2/3), 0.816.
    rates = [[m - 1, m, m + 1] for m in (10.0, 9.2, 9.1)]
    assert survivors(scores(*rates)).tolist() == [True, True, False]


def test_a_rate_that_wins_at_one_horizon_can_win():
    early, late = scores([3, 3.1], [1, 1.1]), scores([1, 1.1], [3, 3.1])
    assert survivors(np.concatenate([early, late], axis=2)).tolist() == [True, True]
    assert survivors(early).tolist() == [True, False]


def test_of_one_seed_only_the_best_rates_can_win():
    assert survivors(scores([1], [3], [2])).tolist() == [False, True, False]


def test_a_diverged_run_takes_its_rate_out():
    assert survivors(scores([9, -math.inf], [1, 1.5])).tolist() == [False, True]
    assert survivors(scores([-math.inf], [-math.inf])).tolist() == [False, False]


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 1000))
def test_the_best_of_every_horizon_can_win(rates, seeds, horizons, seed):
    drawn = np.random.default_rng(seed).normal(size=(rates, seeds, horizons))
    goes = survivors(drawn)
    assert all(goes[drawn[..., h].mean(axis=1).argmax()] for h in range(horizons))
