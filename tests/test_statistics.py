"""Intervals against the textbook formula and against known coverage."""

import math

import numpy as np
import pandas as pd
import pytest

from bench.statistics import mean_interval, median_ratio, paired_difference


def test_paired_interval_by_hand():
    # Differences 1, 2, 3: mean 2, standard deviation 1, standard error 1/√3; t(0.975, 2) = 4.302652729911275
    # (Student's table, Fisher & Yates 1963).
    a, b = pd.Series([2.0, 4.0, 6.0]), pd.Series([1.0, 2.0, 3.0])
    found = paired_difference(a, b)
    half = 4.302652729911275 / math.sqrt(3)
    assert found.pairs == 3
    np.testing.assert_allclose([found.mean, found.low, found.high], [2, 2 - half, 2 + half], rtol=1e-9)
    assert found.sign == 0


@pytest.mark.parametrize(("shift", "sign"), [(1.0, 1), (-1.0, -1)])
def test_sign_where_the_interval_leaves_zero(shift, sign):
    b = pd.Series([0.1, 0.5, 0.2, 0.4])
    assert paired_difference(b + shift + [0.01, -0.01, 0.02, -0.02], b).sign == sign


def test_pairs_are_matched_by_index_and_missing_ones_left_out():
    a = pd.Series({0: 1.0, 1: 5.0, 2: 7.0})
    b = pd.Series({2: 6.0, 1: 3.0, 9: 100.0})
    found = paired_difference(a, b)
    assert (found.mean, found.pairs) == (1.5, 2)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_pairs_give_no_interval(n):
    found = paired_difference(pd.Series([1.0] * n, dtype=float), pd.Series([0.0] * n, dtype=float))
    assert found.pairs == n
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.sign == 0


def test_mean_interval_is_the_difference_from_zero():
    found = mean_interval(pd.Series([1.0, 2.0, 3.0]))
    assert found == paired_difference(pd.Series([1.0, 2.0, 3.0]), pd.Series([0.0, 0.0, 0.0]))


def test_ratio_of_medians_and_its_interval():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        a, b = 2 * np.exp(0.1 * rng.standard_normal(40)), np.exp(0.1 * rng.standard_normal(40))
        ratio = median_ratio(a, b, seed=trial)
        assert ratio.value == np.median(a) / np.median(b)
        covered += ratio.low <= 2 <= ratio.high
    # 95 % nominal; fewer than 87 of 100 would happen once in a thousand trials (binomial)
    assert covered >= 87
