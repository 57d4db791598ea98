"""Ratios of times over rounds against Student's formula, and how often their intervals cover."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.statistics import mean_time, paired_ratio, ratio_of_rounds

times = st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)), min_size=2, max_size=10)


def test_ratio_and_interval_are_students_of_the_logarithms():
    b, a = np.array([1.0, 2.0, 4.0]), np.array([1.1, 2.6, 4.4])
    d = np.log([1.1, 1.3, 1.1])
    half = 4.302652729911275 * d.std(ddof=1) / math.sqrt(3)  # t(0.975, 2), Fisher & Yates 1963
    found = ratio_of_rounds(a, b)
    expected = np.exp([d.mean(), d.mean() - half, d.mean() + half])
    assert [found.value, found.low, found.high] == pytest.approx(expected)
    assert found.p == pytest.approx(stats.ttest_rel(np.log(a), np.log(b)).pvalue)
    assert found.rounds == 3
    against = ratio_of_rounds(a, b, margin=0.02)
    assert against.p == pytest.approx(stats.ttest_1samp(d, math.log(1.02)).pvalue)
    assert (against.low, against.high) == (found.low, found.high)


def test_intervals_of_several_comparisons_are_bonferronis():
    a, b = np.exp(np.random.default_rng(0).normal(size=(2, 8)))
    d = np.log(a / b)
    half = stats.t.ppf(1 - 0.05 / (2 * 6), 7) * d.std(ddof=1) / math.sqrt(8)
    found = ratio_of_rounds(a, b, comparisons=6)
    assert np.log([found.low, found.high]) == pytest.approx([d.mean() - half, d.mean() + half])


def test_too_few_and_equal_rounds():
    none, one = ratio_of_rounds(np.array([]), np.array([])), ratio_of_rounds(np.array([3.0]), np.array([2.0]))
    assert (none.rounds, one.rounds, one.value) == (0, 1, pytest.approx(1.5))
    assert np.isnan([none.value, none.low, none.p, one.low, one.high, one.p]).all()
    equal = ratio_of_rounds(np.full(6, 3.0), np.full(6, 2.0))
    assert (equal.value, equal.low, equal.high) == pytest.approx((1.5, 1.5, 1.5))
    assert equal.p == stats.binomtest(6, 6).pvalue  # the sign test
    assert ratio_of_rounds(np.full(6, 3.0), np.full(6, 2.0), margin=0.5).p == 1


@given(rows=times, scale=st.floats(1e-3, 1e3))
@settings(max_examples=30)
def test_a_ratio_turns_round_with_its_sides_and_scales(rows, scale):
    a, b = map(np.array, zip(*rows, strict=True))
    one, other, scaled = ratio_of_rounds(a, b), ratio_of_rounds(b, a), ratio_of_rounds(scale * a, scale * b)
    assert one.value == pytest.approx(np.prod(a / b) ** (1 / len(a)), rel=1e-6)
    for found, same in (
        (other, (1 / one.value, 1 / one.high, 1 / one.low)),
        (scaled, (one.value, one.low, one.high)),
    ):
        assert (found.value, found.low, found.high) == pytest.approx(same, rel=1e-5)
        assert found.p == pytest.approx(one.p, rel=1e-4, abs=1e-9)


def test_only_rounds_that_both_sides_have_are_paired():
    a, b = pd.Series({0: 2.0, 1: 3.0, 2: 8.0}), pd.Series({2: 4.0, 1: 1.5, 9: 1.0})
    assert (paired_ratio(a, b).value, paired_ratio(a, b).rounds) == (pytest.approx(2), 2)
    assert mean_time(a).value == pytest.approx(48 ** (1 / 3))


def test_simultaneous_intervals_of_processes_that_differ_cover():
    """Each process shifts every benchmark at random, as memory layout does."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        logs = 0.15 * rng.standard_normal((2, 4, 8))  # sides, comparisons, rounds
        found = [ratio_of_rounds(a, b, comparisons=4) for a, b in zip(*np.exp(logs), strict=True)]
        covered += all(r.low <= 1 <= r.high for r in found)
    assert 0.93 <= covered / 400 <= 0.985  # 95 % nominal; either bound is missed once in a hundred times
