"""Intervals against the textbook formula and against known coverage."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bench.statistics import (
    PairedTest,
    adjusted,
    chosen_rates,
    compare,
    decided,
    false_alarms,
    mean_interval,
    paired_difference,
    tuning_scores,
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


def paired_samples(n, shared, seed=0):
    """Two samples of n with noise of their own and noise that both share."""
    rng = np.random.default_rng(seed)
    common = shared * rng.normal(size=n)
    return (pd.Series(common + rng.normal(size=n)) for _ in range(2))


def test_comparison_is_what_scipy_says():
    a, b = paired_samples(12, 1.0)
    c = compare(a, b, margin=0.2)
    assert c.p == pytest.approx(stats.ttest_rel(a - 0.2, b).pvalue)
    interval = stats.bootstrap(
        (a - b,), np.mean, n_resamples=4999, method="BCa", confidence_level=0.95, rng=0
    ).confidence_interval
    assert (c.low, c.high) == pytest.approx((interval.low, interval.high))
    assert c.estimate == pytest.approx((a - b).mean())
    assert c.improvement == np.mean([[x > y for y in b] for x in a])
    assert c.pairs == 12


def test_relative_comparison_is_told_as_a_ratio():
    b = pd.Series([1.0, 2.0, 3.0])
    c = compare(b * [1.1, 1.2, 1.3], b, relative=True, margin=0.05)
    assert c.estimate == pytest.approx((1.1 * 1.2 * 1.3) ** (1 / 3) - 1)
    assert c.low < c.estimate < c.high
    assert c.p == pytest.approx(stats.ttest_1samp(np.log([1.1, 1.2, 1.3]), np.log(1.05)).pvalue)
    assert (c.margin, c.relative) == (0.05, True)


def test_comparison_of_too_few_and_of_equal_pairs():
    one = compare(pd.Series([2.0]), pd.Series([1.0]))
    assert (one.estimate, one.pairs) == (1.0, 1)
    assert np.isnan([one.low, one.high, one.p]).all()
    none = compare(pd.Series([2.0], index=[0]), pd.Series([1.0], index=[1]))
    assert none.pairs == 0
    assert math.isnan(none.estimate)
    same = compare(pd.Series([1.0, 2.0]), pd.Series([1.0, 2.0]))
    assert (same.estimate, same.low, same.high, same.p) == (0, 0, 0, 1)


@pytest.mark.parametrize("n", [2, 5, 6, 20])
@pytest.mark.parametrize("shift", [0.1, -0.1])
def test_equal_differences_are_judged_by_the_sign_test(n, shift):
    """That of binomial coins; two pairs that agree in all digits must not decide anything."""
    b = pd.Series(np.random.default_rng(0).normal(size=n))
    c = compare(b + shift, b)
    expected = stats.binomtest(n if shift > 0 else 0, n).pvalue
    assert c.p == pytest.approx(expected)
    assert c.estimate == pytest.approx(shift)
    assert c.low == pytest.approx(shift)
    assert c.high == pytest.approx(shift)
    assert math.isnan(c.narrowing)
    assert decided(c, c.p) == (np.sign(shift) if n >= 6 else 0)


def test_equal_differences_are_compared_with_the_margin():
    b = pd.Series([1.0, 2.0, 4.0])
    assert compare(b + 0.1, b, margin=0.1).p == 1  # within rounding of the margin
    assert compare(b + 0.1, b, margin=-0.1).p == pytest.approx(0.25)
    relative = compare(b * 1.5, b, margin=0.25, relative=True)
    assert relative.p == pytest.approx(0.25)
    assert relative.estimate == pytest.approx(0.5)


def test_nearly_equal_differences_are_not_taken_for_equal():
    a, b = pd.Series([1.1, 2.1, 3.1 + 1e-6]), pd.Series([1.0, 2.0, 3.0])
    assert compare(a, b).p == pytest.approx(stats.ttest_rel(a, b).pvalue)


# run, kind, split, status, final metrics; those of earlier epochs are other numbers
RUNS = [
    (1, "training", "validation", "finished", {"validation_accuracy": 0.75, "validation_loss": 0.5}),
    (2, "training", "validation", "finished", {"validation_loss": 0.25}),
    (3, "training", "validation", "diverged", {"validation_accuracy": 0.9, "validation_loss": 0.1}),
    (4, "training", "validation", "failed", {}),
    (5, "training", "test", "finished", {"validation_accuracy": 0.8, "test_accuracy": 0.7}),
    (6, "timing", None, "finished", {"seconds": 1.0}),
]


def test_score_of_tuning_is_the_final_accuracy_or_else_minus_the_loss():
    runs = pd.DataFrame([r[:4] for r in RUNS], columns=["run", "kind", "split", "status"])
    rows = [
        (run, metric, step, value + (step < 2))
        for run, *_, metrics in RUNS
        for metric, value in metrics.items()
        for step in (2, 0, 1)  # in no order
    ]
    found = tuning_scores(runs, pd.DataFrame(rows, columns=["run", "metric", "step", "value"]))
    assert found["run"].tolist() == [1, 2, 3, 4]
    assert found["score"].tolist()[:2] == [0.75, -0.25]
    assert found["score"].isna().tolist() == [False, False, True, True]
    assert set(found.columns) == {*runs.columns, "score"}


def test_nothing_tuned_is_nothing_scored():
    runs = pd.DataFrame([RUNS[4][:4]], columns=["run", "kind", "split", "status"])
    measurements = pd.DataFrame([(5, "test_loss", 2, 0.5)], columns=["run", "metric", "step", "value"])
    assert tuning_scores(runs, measurements).empty


def test_pairing_narrows_what_shares_its_noise_and_only_that():
    assert compare(*paired_samples(400, 3.0)).narrowing == pytest.approx((1 / 10) ** 0.5, rel=0.1)
    assert compare(*paired_samples(400, 0.0)).narrowing == pytest.approx(1, rel=0.1)


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.2 times 4, 3, 2, 1, never falling
    found = adjusted([0.03, 0.01, float("nan"), 0.2, 0.02])
    assert found[:2] == pytest.approx([0.06, 0.04])
    assert math.isnan(found[2])
    assert found[3:] == pytest.approx([0.2, 0.06])
    assert adjusted([]) == []


@pytest.mark.parametrize("n", [2, 3, 12])
def test_narrowing_is_the_width_of_the_paired_interval_over_that_of_welch(n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=n), rng.normal(scale=3.0, size=n)
    paired = stats.ttest_rel(a, b).confidence_interval(0.95)
    apart = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    expected = (paired.high - paired.low) / (apart.high - apart.low)
    for scale in (1.0, 1e-3):
        assert compare(pd.Series(scale * a), pd.Series(scale * b)).narrowing == pytest.approx(
            expected, rel=1e-9
        )


def test_numbers_beyond_float64_have_no_interval_and_decide_nothing():
    c = compare(pd.Series([1e-300, 2e-300]), pd.Series([0.0, 0.0]))
    assert math.isnan(c.low)
    assert math.isnan(c.high)
    assert decided(c, 0.0) == 0


@pytest.mark.parametrize(
    ("low", "high", "p", "sign"),
    [
        (0.1, 0.3, 0.01, 1),
        (-0.3, -0.1, 0.01, -1),
        (0.1, 0.3, 0.06, 0),
        (-0.1, 0.3, 0.01, 0),
        # at the limit itself nothing is decided
        (0.0, 0.3, 0.01, 0),
        (-0.3, 0.0, 0.01, 0),
        (0.1, 0.3, 1 - 0.95, 0),
    ],
)
def test_a_verdict_needs_corrected_p_and_interval(low, high, p, sign):
    c = PairedTest(0.0, low, high, 5, 0.001, 0.5, 1.0, 0.0, False)
    assert decided(c, p) == sign
    assert decided(replace(c, low=low - 0.4, high=high - 0.4, margin=-0.4), p) == sign
    assert decided(c, float("nan")) == 0


def test_the_rate_is_chosen_by_the_mean_and_a_divergence_excludes_it():
    rows = [
        ("a", 0.1, 0.5, "finished"),
        ("a", 0.1, 0.7, "finished"),
        ("a", 0.3, 0.9, "finished"),
        ("a", 0.3, 0.0, "diverged"),
        ("a", 1.0, 0.6, "finished"),
        ("a", 1.0, 0.6, "finished"),
        (None, 0.1, 0.1, "finished"),
        (None, 0.3, 0.4, "finished"),
        (None, 1.0, 0.2, "finished"),
        ("never", 0.1, float("nan"), "failed"),
        ("one", 0.1, 0.5, "finished"),
    ]
    table = pd.DataFrame(rows, columns=["name", "learning_rate", "score", "status"])
    found = chosen_rates(table, ["name"])
    assert list(found.columns) == ["name", "learning_rate", "score", "edge"]
    assert found.index.tolist() == [0, 1, 2]
    by = {row.name if isinstance(row.name, str) else None: row for row in found.itertuples(index=False)}
    assert set(by) == {"a", "one", None}
    assert by["one"].edge
    assert (by["a"].learning_rate, by["a"].edge) == (0.1, True)  # of equal means the smaller rate
    assert (by[None].learning_rate, by[None].edge) == (0.3, False)
    nothing = chosen_rates(table.iloc[:0], ["name"])
    assert nothing.empty
    assert list(nothing.columns) == list(found.columns)


def test_a_contender_told_by_what_it_lacks_has_edges_too():
    rows = [(None, 0.1, 0.4, "finished"), (None, 0.3, 0.2, "finished")]
    found = chosen_rates(pd.DataFrame(rows, columns=["name", "learning_rate", "score", "status"]), ["name"])
    assert found[["learning_rate", "edge"]].to_numpy().tolist() == [[0.1, True]]


@pytest.mark.parametrize("value", [0.0, 0.9])
def test_equal_differences_have_an_interval_without_width(value):
    found = mean_interval(pd.Series([value] * 3))
    assert (found.mean, found.low, found.high, found.pairs) == (value, found.mean, found.mean, 3)


@pytest.mark.parametrize("seed", range(5))
def test_holm_agrees_with_statsmodels(seed, monkeypatch):
    monkeypatch.setattr("gc.collect", lambda: 0)  # which it calls each time, a third of a second here
    p = np.random.default_rng(seed).uniform(size=30) ** 4
    p[[3, 7, 11]] = p[3], 1.0, p[3]  # equal ones and one at the end
    assert adjusted(p) == pytest.approx(multipletests(p, method="holm")[1], rel=1e-12)


@pytest.mark.parametrize(
    "others",
    [
        [],
        [0.5],
        [0.001, 0.011, 0.2],
        [0.001, 0.014, 0.2],  # its second passes its own share and not the first's
        [1e-9, 1e-9, 1e-9],
        [0.02, math.nan, 0.025],
        [0.0125, 0.0125, 0.9],
    ],
)
def test_false_alarms_are_those_of_the_procedure_step_by_step(others):
    rng = np.random.default_rng(1)
    a, b, deals = rng.normal(size=6), rng.normal(size=6), 2000
    found = false_alarms(a, b, others)
    dealt = np.random.default_rng(0).permuted(np.tile(np.concatenate([a, b]), (deals, 1)), axis=1)
    p = stats.ttest_rel(dealt[:, :6], dealt[:, 6:], axis=1).pvalue
    assert found.uncorrected == np.mean(p < 0.05)
    alarms = sum(adjusted([q, *others])[0] <= 0.05 for q in p)
    assert (found.rate, found.resamples) == (alarms / deals, deals)
    interval = stats.binomtest(alarms, deals).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == (interval.low, interval.high)


def test_deals_that_come_out_even_raise_no_alarm():
    found = false_alarms(np.array([1.0, 1.0]), np.array([1.0, 1.0]), [], resamples=50)
    assert (found.rate, found.uncorrected) == (0, 0)


def test_a_fair_coin_raises_the_alarm_as_often_as_promised():
    rng = np.random.default_rng(2)
    found = false_alarms(rng.normal(size=20), rng.normal(size=20), [], resamples=4000)
    assert found.low <= 0.05 + 0.01
    assert found.high >= 0.05 - 0.01
