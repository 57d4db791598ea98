"""What is kept, judged and planned of any measurements: nothing is lost, and names, order and sides count."""

import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from bench.experiments import catalog, profiles
from bench.experiments.estimates import estimator
from bench.gate import calibration as calibrate
from bench.gate import rounds
from bench.gate import verdicts as gate
from bench.records.runs import BenchmarkCase, Measurement, RunConfig, RunResult, held_out
from bench.rounds import noise
from bench.statistics import rate
from bench.store import digest
from tests.small_store import CONFIG, snapshot

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
values = st.floats(allow_nan=False, allow_infinity=False)
measurements = st.lists(
    st.builds(Measurement, texts, st.integers(0, 99), values, st.sampled_from(["1", "s"])),
    max_size=12,
    unique_by=lambda m: (m.metric, m.step),
)
ratios = st.lists(st.floats(0.5, 2), min_size=2, max_size=9)
positive = st.floats(1e-6, 1e3)


@given(found=measurements, draw=st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_a_store_gives_back_every_number_in_whatever_order_it_came(tmp_path_factory, found, draw):
    path = tmp_path_factory.mktemp("store") / "results.sqlite"
    shuffled = draw.sample(found, len(found))
    back = snapshot(path, [(CONFIG, RunResult("finished", shuffled))]).measurements
    rows = zip(back["metric"], back["step"], back["value"], back["unit"], strict=True)
    assert sorted(map(tuple, rows)) == sorted(map(tuple, found))


@given(
    found=measurements, index=st.integers(0, 11), field=st.sampled_from(["metric", "step", "value", "unit"])
)
def test_a_digest_knows_no_order_and_every_change(found, index, field):
    head = ["finished", 3, None, True]
    whole = digest.run_sha256(head, found, [])
    assert digest.run_sha256(head, found[::-1], []) == whole
    assume(found)
    one = found[index % len(found)]
    other = {"metric": one.metric + "x", "step": 100, "value": one.value / 2 + 1, "unit": "m"}
    changed = [m if m is not one else m._replace(**{field: other[field]}) for m in found]
    assume(changed != found)
    assert digest.run_sha256(head, changed, []) != whole
    assert digest.run_sha256(["failed", *head[1:]], found, []) != whole


OPPOSITE = {
    gate.REGRESSED: gate.IMPROVED,
    gate.IMPROVED: gate.REGRESSED,
    gate.NEW: gate.REMOVED,
    gate.REMOVED: gate.NEW,
}


@given(
    benchmarks=st.lists(
        st.tuples(st.sampled_from([0.7, 0.95, 1.0, 1.02, 1.5, None]), st.floats(0, 0.1), st.integers(2, 9)),
        min_size=1,
        max_size=5,
    ),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_verdicts_turn_round_with_the_sides_and_know_no_order_of_rounds(benchmarks, seed):
    rng = np.random.default_rng(seed)
    rows = [
        (
            f"b{k}",
            "g",
            "seconds",
            r,
            base := 1 + rng.random(),
            math.nan if f is None else base * f * (1 + noise),
        )
        for k, (f, spread, count) in enumerate(benchmarks)
        for r, noise in enumerate(spread * (rng.random(count) - 0.5))
    ]
    frame = pd.DataFrame(rows, columns=["name", "group", "metric", "round", "base", "head"])
    found = {v.name: v for v in gate.judge(frame)}
    assert set(found) == set(frame["name"])
    shuffled = gate.judge(frame.sample(frac=1, random_state=seed))
    assert {v.name: v.verdict for v in shuffled} == {name: v.verdict for name, v in found.items()}
    turned = gate.judge(frame.rename(columns={"base": "head", "head": "base"}))
    assert {v.name: v.verdict for v in turned} == {
        name: OPPOSITE.get(v.verdict, v.verdict) for name, v in found.items()
    }
    assert gate.inconclusive(found.values()) == {
        n for n, v in found.items() if v.verdict == gate.INCONCLUSIVE
    }
    for v in found.values():
        if v.verdict == gate.REGRESSED:
            assert v.low > 1.05
            assert v.ratio > 1.05
        if v.verdict == gate.UNCHANGED:
            assert 1 / 1.05 <= v.ratio <= 1.05


@given(p=st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), max_size=12))
def test_p_values_are_corrected_as_elsewhere_and_missing_ones_stay_missing(p):
    found = gate.corrected(p)
    tested = ~np.isnan(p) if p else np.array([], bool)
    assert (np.isnan(found) == ~tested).all()
    if tested.any():
        np.testing.assert_allclose(
            found[tested], multipletests(np.array(p)[tested], method="fdr_bh")[1], atol=1e-12
        )


sides = st.dictionaries(
    st.tuples(st.sampled_from(["x[a-1]", "x[a-2]", "y[b-1]"]), st.sampled_from(["seconds", "peak_bytes"])),
    st.lists(positive, min_size=1, max_size=9),
)


@given(base=sides, head=sides)
def test_a_round_pairs_as_many_samples_as_both_have_and_drops_nothing(base, head):
    frame = rounds.paired(base, head).set_index(["name", "metric"])
    assert set(frame.index) == {*base, *head}
    for key, row in frame.iterrows():
        both = min(len(side[key]) for side in (base, head) if key in side)
        for side, column in ((base, "base"), (head, "head")):
            expected = np.percentile(side[key][:both], 25) if key in side else math.nan
            assert row[column] == pytest.approx(expected, nan_ok=True)
        assert row["group"] == key[0].split("[")[1][0]


@given(hits=st.integers(0, 300), more=st.integers(0, 300))
def test_rates_have_wilsons_interval(hits, more):
    cases = hits + more
    assume(cases)
    found = rate("", hits, cases)
    expected = proportion_confint(hits, cases, 0.05, "wilson")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


@given(
    groups=st.lists(texts, unique=True, max_size=4),
    shares=st.lists(st.floats(0.01, 1), unique=True, max_size=3),
    n=st.integers(0, 4),
)
def test_a_calibration_plants_every_share_in_every_group_once(groups, shares, n):
    found = Counter((share, group) for share, group, _ in calibrate.plan(groups, shares, n))
    planted = {(share, group): 1 for share in shares for group in groups}
    assert found == Counter({**planted, **({(0.0, ""): n} if n else {})})


@given(used=st.floats(0, 100), wall=st.floats(0.1, 100))
def test_a_round_is_disturbed_by_more_than_a_quarter_of_a_processor(used, wall):
    assert bool(noise.disturbed(used, wall)) == (used / wall > 0.25)


@given(times=st.lists(st.floats(1e-3, 1), min_size=1, max_size=8))
def test_drift_is_of_the_slowest_round_beside_the_fastest(times):
    said = noise.drifted(times)
    assert bool(said) == (max(times) / min(times) - 1 > 0.1)
    assert not said or f"{max(times) / min(times) - 1:.0%}" in said


@given(
    field=st.sampled_from(["task", "subject", "implementation", "input", "size"]),
    parts=st.tuples(texts, texts, texts, texts),
    size=st.integers(0, 10**9),
)
def test_a_timing_is_another_where_any_field_is(field, parts, size):
    one = BenchmarkCase(*parts, size)
    other = replace(one, **{field: size + 1 if field == "size" else getattr(one, field) + "x"})
    assert one.config_hash != other.config_hash
    assert one.config_hash == BenchmarkCase(*parts, size).config_hash


@given(field=st.sampled_from(list(vars(CONFIG))))
def test_a_cell_is_another_where_any_field_is(field):
    value = getattr(CONFIG, field)
    others = (
        [not value] if isinstance(value, bool) else [value + 1] if isinstance(value, int | float) else ["x"]
    )
    assert replace(CONFIG, **{field: others[0]}).config_hash != CONFIG.config_hash
    assert RunConfig(**json.loads(json.dumps(vars(CONFIG)))).config_hash == CONFIG.config_hash


@given(size=st.integers(5, 10**6))
def test_less_than_a_quarter_as_much_is_held_out_as_is_trained_on(size):
    assert 1 <= held_out(size) <= min(5000, size / 5)


@given(
    only=st.sets(st.sampled_from(catalog.STAGES)),
    seeds=st.one_of(st.none(), st.integers(1, 9)),
    epochs=st.one_of(st.none(), st.integers(1, 9)),
    name=st.sampled_from(sorted(profiles.PROFILES)),
)
def test_a_narrowed_profile_is_the_parts_asked_for_and_nothing_else(only, seeds, epochs, name):
    whole = profiles.PROFILES[name]
    found = profiles.narrowed(whole, only, seeds, epochs)
    assert set(found.experiments) == only & set(whole.experiments)
    assert (found.benchmark_rounds > 0) == ("benchmarks" in only)
    assert (found.synthetic_seeds > 0) == ("synthetic" in only)
    assert (found.convergence.seeds > 0) == ("convergence" in only)
    for part, budget in found.experiments.items():
        assert budget.seeds == (seeds or whole.experiments[part].seeds)
        assert budget.epochs == (epochs or whole.experiments[part].epochs)
        assert budget.first == whole.experiments[part].first


@given(seeds=st.integers(1, 4), first=st.integers(1, 3), size=st.integers(50, 70_000))
@settings(max_examples=25)
def test_a_plan_tries_every_rate_under_the_first_seeds(seeds, first, size):
    budget = catalog.Budget(seeds, 1, 60_000, first=first)
    runs = catalog.plan("classifier", budget, "mnist", size, ["relu", "sgelu"]).runs({})
    assert len({config.config_hash for config in runs}) == len(runs) == 4 * 5 * min(seeds, first)
    assert all(config.samples <= size - held_out(size) for config in runs)


@given(samples=st.integers(1, 10**5), epochs=st.integers(0, 9))
@settings(max_examples=15)
def test_an_estimate_grows_with_the_work(samples, epochs):
    seconds, config = estimator(), replace(CONFIG, samples=samples, epochs=epochs)
    assert 0 < seconds(config) < seconds(replace(config, epochs=epochs + 1))
    assert seconds(config) < seconds(replace(config, samples=samples + 1)) or not epochs
