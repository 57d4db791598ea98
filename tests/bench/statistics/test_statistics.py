"""Intervals against the textbook formula and against known coverage."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.statistics import (
    Effect,
    compare_times,
    held_out_score,
    mean_interval,
    paired_difference,
    ratio_of_rounds,
    seed_effect,
)


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
    np.testing.assert_equal([found.mean, found.low, found.high], [1.0 if n else math.nan, math.nan, math.nan])
    assert found.sign == 0


def test_mean_interval_is_the_difference_from_zero():
    found = mean_interval(pd.Series([1.0, 2.0, 3.0]))
    assert found == paired_difference(pd.Series([1.0, 2.0, 3.0]), pd.Series([0.0, 0.0, 0.0]))


@pytest.mark.parametrize("value", [0.0, 0.9])
def test_equal_differences_have_an_interval_without_width(value):
    found = mean_interval(pd.Series([value] * 3))
    assert (found.mean, found.low, found.high, found.pairs) == (value, found.mean, found.mean, 3)


def test_an_effect_over_seeds_is_what_scipy_says():
    rng = np.random.default_rng(0)
    a, b = pd.Series(rng.normal(size=12)), pd.Series(rng.normal(size=12))
    for comparisons in (1, 4):
        found = seed_effect(a, b, margin=0.2, comparisons=comparisons)
        interval = stats.ttest_rel(a, b).confidence_interval(1 - 0.05 / comparisons)
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
        assert found.estimate == pytest.approx((a - b).mean())
        assert found.improvement == np.mean(a > b)
        assert (found.pairs, found.margin, found.relative, found.reason) == (12, 0.2, False, "")


def test_a_ratio_of_losses_is_better_where_it_is_less():
    b = pd.Series([1.0, 2.0, 3.0])
    found = seed_effect(b * [1.1, 0.9, 1.3], b, relative=True, margin=0.05)
    logs = np.log([1.1, 0.9, 1.3])
    interval = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert found.estimate == pytest.approx(np.exp(logs.mean()) - 1)
    assert (found.low, found.high) == pytest.approx((np.exp(interval.low) - 1, np.exp(interval.high) - 1))
    assert found.improvement == pytest.approx(1 / 3)


def test_too_few_pairs_decide_nothing():
    one = seed_effect(pd.Series([2.0]), pd.Series([1.0]))
    assert (one.estimate, one.pairs, one.direction, one.reason) == (1.0, 1, 0, "fewer than two pairs")
    none = seed_effect(pd.Series([2.0], index=[0]), pd.Series([1.0], index=[1]))
    assert none.pairs == none.direction == 0
    assert np.isnan([none.estimate, none.low, none.high, one.low, one.high]).all()


@pytest.mark.parametrize("shift", [0.1, -0.1, 0.0])
def test_equal_differences_are_an_interval_without_width(shift):
    b = pd.Series(np.random.default_rng(0).normal(size=5))
    found = seed_effect(b + shift, b)
    assert (found.low, found.high) == pytest.approx((shift, shift))
    assert found.direction == np.sign(shift)


@pytest.mark.parametrize(
    ("low", "high", "margin", "direction"),
    [
        (0.1, 0.3, 0.0, 1),
        (-0.3, -0.1, 0.0, -1),
        (-0.1, 0.3, 0.0, 0),
        (0.0, 0.3, 0.0, 0),
        (-0.1, 0.3, -0.2, 1),
    ],
)
def test_the_interval_alone_decides(low, high, margin, direction):
    effect = Effect(0.1, low, high, 9, margin, False, 0.5)
    assert effect.direction == direction
    assert replace(effect, reason="fewer than five rounds").direction == 0


def test_few_rounds_keep_their_interval_and_decide_nothing():
    for rounds, direction in ((4, 0), (5, 1)):
        a, b = pd.Series(np.linspace(2, 2.1, rounds)), pd.Series(np.ones(rounds))
        ratio = ratio_of_rounds(a.to_numpy(), b.to_numpy())
        (found,) = compare_times([(a, b)])
        assert (found.low, found.high) == (ratio.low - 1, ratio.high - 1)
        assert found.direction == direction
        assert (found.relative, found.improvement, found.pairs) == (True, 0.0, rounds)


def test_the_score_that_chooses_is_the_accuracy_or_else_minus_the_log_loss():
    found = held_out_score([0.75, math.nan, math.nan], [0.5, 0.25, 0.0])
    assert found[:2] == pytest.approx([0.75, math.log(4)])
    assert 0 < found[2] < math.inf
