"""Comparisons of any numbers: what turns round with its sides, scales, and keeps its order."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gate import verdicts as gate
from bench.statistics import paired as statistics
from bench.statistics import tuning
from tests.draws import seeds

pairs = st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=2, max_size=10)


def columns(rows):
    a, b = zip(*rows, strict=True)
    return pd.Series(a), pd.Series(b)


@given(rows=pairs)
def test_a_paired_difference_turns_round_with_its_sides(rows):
    a, b = columns(rows)
    one, other = statistics.paired_difference(a, b), statistics.paired_difference(b, a)
    assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low))
    assert one.low - 1e-9 <= one.mean <= one.high + 1e-9
    assert one.sign == -other.sign
    shuffled = statistics.paired_difference(a.iloc[::-1], b)
    assert shuffled.mean == pytest.approx(one.mean)
    alone = statistics.mean_interval(a - b)
    assert (alone.mean, alone.low, alone.high) == pytest.approx((one.mean, one.low, one.high))


@given(rows=pairs, margin=st.floats(-5, 5))
@settings(max_examples=15)
def test_a_comparison_turns_round_with_its_sides_and_margin(rows, margin):
    a, b = columns(rows)
    one = statistics.compare(a, b, margin=margin)
    other = statistics.compare(b, a, margin=-margin)
    assert one.estimate == pytest.approx(-other.estimate)
    assert one.p == pytest.approx(other.p, rel=1e-6, abs=1e-12)
    assert one.improvement + other.improvement == pytest.approx(1)
    assert statistics.decided(one, 1.0) == 0
    assert abs(statistics.decided(one, 0.0)) <= 1


p_values = st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), min_size=1, max_size=9)


@given(p=p_values)
def test_corrections_never_lower_a_p_value_and_keep_their_order(p):
    for corrected in (statistics.adjusted(p), list(gate.corrected(p))):
        assert [math.isnan(v) for v in corrected] == [math.isnan(v) for v in p]
        tested = [(a, b) for a, b in zip(p, corrected, strict=True) if not math.isnan(a)]
        assert all(a <= b * (1 + 1e-12) and b <= 1 for a, b in tested)
        ordered = [b for _, b in sorted(tested)]
        assert ordered == sorted(ordered)


@given(seed=seeds, n=st.integers(3, 10))
@settings(max_examples=10)
def test_false_alarms_of_what_differs_by_chance_are_about_as_many_as_allowed(seed, n):
    rng = np.random.default_rng(seed)
    found = statistics.false_alarms(rng.normal(size=n), rng.normal(size=n), [], resamples=400)
    assert found.low <= found.rate <= found.high
    assert found.rate == pytest.approx(found.uncorrected)
    assert found.rate < 0.2
    beside = statistics.false_alarms(rng.normal(size=n), rng.normal(size=n), [0.9] * 9, resamples=400)
    assert beside.rate <= beside.uncorrected


rates = st.dictionaries(
    st.sampled_from([1e-4, 1e-3, 1e-2, 1e-1]),
    st.lists(st.one_of(st.floats(0, 1), st.none()), min_size=1, max_size=3),
    min_size=1,
)


@given(scores=rates)
def test_the_rate_chosen_has_the_best_mean_of_those_that_always_finished(scores):
    runs = pd.DataFrame(
        [
            {
                "name": "a",
                "learning_rate": rate,
                "status": "diverged" if s is None else "finished",
                "score": s,
            }
            for rate, of_rate in scores.items()
            for s in of_rate
        ]
    ).astype({"score": float})
    means = {rate: np.mean(found) for rate, found in scores.items() if None not in found}
    chosen = tuning.chosen_rates(runs, ["name"])
    if not means:
        assert chosen.empty
        return
    (row,) = chosen.to_dict("records")
    assert means[row["learning_rate"]] == pytest.approx(max(means.values()))
    assert row["edge"] == (row["learning_rate"] in (min(scores), max(scores)))
