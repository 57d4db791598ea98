"""Comparisons of any numbers: what turns round with its sides, scales, and keeps its order."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate import verdicts as gate
from bench.statistics import paired as statistics
from bench.statistics import seed_effect

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


@given(rows=pairs, margin=st.floats(-5, 5), relative=st.booleans(), comparisons=st.integers(1, 5))
def test_an_effect_turns_round_with_its_sides(rows, margin, relative, comparisons):
    a, b = columns(rows)
    options = {"relative": relative, "comparisons": comparisons}
    one, other = seed_effect(a, b, margin=margin, **options), seed_effect(b, a, **options)
    assert one.low - 1e-9 <= one.estimate <= one.high + 1e-9
    if relative:
        assert math.log1p(one.estimate) == pytest.approx(-math.log1p(other.estimate), abs=1e-9)
        assert one.low < -0.999 or (1 + one.low) * (1 + other.high) == pytest.approx(1)
    else:
        assert (one.estimate, one.low) == pytest.approx((-other.estimate, -other.high))
    assert one.improvement + other.improvement == pytest.approx(1)
    alone = seed_effect(a, b, relative=relative)
    assert one.low <= alone.low + 1e-9
    assert one.high >= alone.high - 1e-9
    assert one.direction == (one.low > margin) - (one.high < margin)


p_values = st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), min_size=1, max_size=9)


@given(p=p_values)
def test_corrections_never_lower_a_p_value_and_keep_their_order(p):
    corrected = list(gate.corrected(p))
    assert [math.isnan(v) for v in corrected] == [math.isnan(v) for v in p]
    tested = [(a, b) for a, b in zip(p, corrected, strict=True) if not math.isnan(a)]
    assert all(a <= b * (1 + 1e-12) and b <= 1 for a, b in tested)
    ordered = [b for _, b in sorted(tested)]
    assert ordered == sorted(ordered)
