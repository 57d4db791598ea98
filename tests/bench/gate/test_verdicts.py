"""The gate's verdicts against rounds made by hand and by chance."""

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from bench.gate import verdicts as gate


def rounds(name="f", base=(), head=(), group="g", metric="seconds"):
    n = max(len(base), len(head))
    filled = [
        np.concatenate([np.asarray(side, float), np.full(n - len(side), np.nan)]) for side in (base, head)
    ]
    return pd.DataFrame(
        {
            "name": name,
            "group": group,
            "metric": metric,
            "round": range(n),
            "base": filled[0],
            "head": filled[1],
        }
    )


def noisy(ratio, spread=0.01, n=7, seed=0):
    """Rounds of a benchmark whose head takes `ratio` times as long; the round's own disturbance is shared."""
    rng = np.random.default_rng(seed)
    shared = np.exp(0.3 * rng.normal(size=n))
    return shared, ratio * shared * np.exp(spread * rng.normal(size=n))


def verdict(*parts, **options):
    return {v.name: v for v in gate.judge(pd.concat(parts), **options)}


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(1.2, "regressed"), (1.0, "unchanged"), (1 / 1.2, "improved"), (1.05, "inconclusive")],
)
def test_verdicts(ratio, expected):
    found = verdict(rounds("f", *noisy(ratio)))["f"]
    assert found.verdict == expected
    assert found.low < ratio < found.high
    assert found.ratio == pytest.approx(ratio, rel=0.02)


def test_the_rounds_own_disturbance_cancels():
    base, head = noisy(1.0, spread=0.001)
    assert np.ptp(base) > 0.5
    assert verdict(rounds("f", base, head))["f"].verdict == "unchanged"


def test_noise_is_told_and_what_would_help():
    found = verdict(rounds("f", *noisy(1.0, spread=0.5)))["f"]
    assert found.verdict == "inconclusive"
    assert "too noisy" in found.why
    assert gate.inconclusive([found]) == {"f"}


def test_tolerances_are_of_groups():
    parts = [rounds("f", *noisy(1.2)), rounds("h", *noisy(1.2, seed=1), group="loose")]
    found = verdict(*parts, tolerances={"loose": 0.5})
    assert (found["f"].verdict, found["h"].verdict) == ("regressed", "unchanged")


def test_a_benchmark_of_one_side_is_listed():
    parts = [
        rounds("new", [], [1.0, 1.0]),
        rounds("old", [1.0, 1.0], []),
        rounds("bad", [math.nan], [math.nan]),
    ]
    found = verdict(*parts)
    assert {name: v.verdict for name, v in found.items()} == {"new": "new", "old": "removed", "bad": "failed"}


def test_one_round_decides_nothing():
    assert verdict(rounds("f", [1.0], [9.0]))["f"].verdict == "inconclusive"


def test_equal_rounds_need_no_spread():
    found = verdict(rounds("f", [1.0] * 9, [2.0] * 9))["f"]
    assert (found.verdict, found.ratio, found.low, found.high) == ("regressed", 2.0, 2.0, 2.0)


def test_p_values_are_corrected_over_all_benchmarks():
    p = np.random.default_rng(0).uniform(size=40) ** 3
    expected = multipletests(p, method="fdr_bh")[1]
    assert gate.corrected([*p, math.nan])[:-1] == pytest.approx(expected)
    assert math.isnan(gate.corrected([*p, math.nan])[-1])
    alone = verdict(rounds("f", *noisy(1.09, spread=0.012)))["f"]
    crowd = [rounds(f"a{k}", *noisy(1.0, spread=0.02, seed=k)) for k in range(1, 200)]
    among = verdict(rounds("f", *noisy(1.09, spread=0.012)), *crowd)["f"]
    assert alone.p < among.p


def test_identical_code_raises_hardly_an_alarm():
    crowd = [rounds(f"a{k}", *noisy(1.0, spread=0.03, seed=k)) for k in range(600)]
    alarms = [v for v in verdict(*crowd).values() if v.verdict in ("regressed", "improved")]
    assert len(alarms) <= 1
