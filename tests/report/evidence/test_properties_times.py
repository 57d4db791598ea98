"""Any times: nothing timed is lost, ratios turn round with their sides, and a scale of all times cancels."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy import stats

from bench import api
from bench.records.names import COPIES, PASSES
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.statistics import Ratio
from bench.suites import targets as ratios
from report.answers import cost
from report.document import formats, labels
from report.document.answer import Source
from report.document.phrases import NOT_MEASURED
from report.evidence import comparisons
from report.evidence import queries as evidence
from report.figures import notebook
from report.pages import compare
from tests import small_store as small
from tests.draws import seeds

SNAKE = "a.py:Snake@01234567"
samples = st.lists(st.floats(0.1, 100), min_size=3, max_size=5).filter(lambda x: len(x) % 2)
rounds = st.lists(st.floats(0.1, 100), min_size=3, max_size=3)


def in_turn(found, scale=1.0):
    """Runs of what was timed in turn: (subject, place, threads) -> alternative -> seconds."""
    return [
        (
            BenchmarkCase("interleaved", subject, threads, place, int(re.search(r"\d+", place)[0])),
            RunResult(
                "finished",
                [
                    Measurement(f"seconds of {name}", step, scale * value, "s")
                    for name, values in alternatives.items()
                    for step, value in enumerate(values)
                ],
            ),
        )
        for (subject, place, threads), alternatives in found.items()
    ]


def alternatives(*names):
    return st.fixed_dictionaries(dict.fromkeys(names, rounds))


ACTIVATIONS = ("SGELU", "AdaSGELU", "F.gelu", "Swish", "F.silu")
timed_in_turn = st.tuples(
    st.dictionaries(
        st.tuples(
            st.just("activations"),
            st.sampled_from([f"{size} elements" for size in list(ratios.SIZES)[:2]]),
            st.sampled_from(["1 thread", "2 thread"]),
        ),
        alternatives(*ACTIVATIONS),
        max_size=2,
    ),
    st.dictionaries(
        st.tuples(st.just("convolution"), st.sampled_from(["1→16", "16→32"]), st.just("1 thread")),
        alternatives("tiled", "native"),
    ),
    st.dictionaries(
        st.tuples(st.just("adam"), st.just("9 parameters"), st.just("1 thread")),
        alternatives("ours", "torch, fused"),
    ),
    st.dictionaries(
        st.tuples(st.just("fc_autoencoder"), st.just("1 epoch"), st.just("1 thread")),
        alternatives("fit", "bare loop"),
    ),
    st.dictionaries(
        st.tuples(st.just("runner"), st.just("4 cells"), st.just("1 thread")),
        alternatives("runner", "plain calls"),
    ),
).map(lambda parts: {key: value for part in parts for key, value in part.items()})


@given(found=timed_in_turn, scale=st.floats(0.01, 100), seed=seeds)
@settings(max_examples=6)
def test_the_table_of_ratios_has_every_pair_once_whatever_the_unit(found, scale, seed):
    assume(found)
    held, scaled = small.held(in_turn(found)), small.held(in_turn(found, scale))
    shuffled = small.held(in_turn(found))
    object.__setattr__(shuffled, "measurements", held.measurements.sample(frac=1, random_state=seed))
    for snapshot in (held, shuffled):
        assert {
            k: {n: v.sort_index().tolist() for n, v in at.items()}
            for k, at in ratios.samples(snapshot).items()
        } == found
    rows = ratios.rows(held)
    layers = [at for key, at in found.items() if key[0] == "convolution"]
    expected = Counter(Activations=3 * sum(key[0] == "activations" for key in found))
    expected += Counter({"Convolution": 2 * bool(layers)})
    expected += Counter({"Optimizer steps": sum(key[0] == "adam" for key in found)})
    expected += Counter(Engine=sum(key[0] == "fc_autoencoder" for key in found))
    assert Counter(row.part for row in rows) == expected
    for row, other in zip(rows, ratios.rows(scaled), strict=True):
        assert other.reached.value == pytest.approx(row.reached.value)
        assert row.holds == (row.reached.value <= row.asked)
    medians = [np.median(at["tiled"]) / np.median(at["native"]) for at in layers]
    for row in rows:
        if row.part == "Convolution" and row.where.startswith("geometric"):
            assert row.reached.value == pytest.approx(stats.gmean(medians))
        assert np.isnan([row.reached.low, row.reached.high]).all()  # one round
        if row.part == "Engine":
            at = found["fc_autoencoder", "1 epoch", "1 thread"]
            assert row.reached.value == pytest.approx(np.median(np.array(at["fit"]) / at["bare loop"]))
    text = ratios.markdown(held)
    said = f"{sum(row.holds for row in rows)} of {len(rows)} are as asked"
    assert said in text
    assert text.count("**") == 2 * sum(not row.holds for row in rows)
    for row in rows:
        assert f"{row.reached.value:.2f}" in text
    assert "nan" not in text


@given(found=timed_in_turn)
@settings(max_examples=8)
def test_what_a_runner_adds_has_a_unit(found):
    assume(found)
    said = ratios.overhead(small.held(in_turn(found)))
    assert len(said) == sum(key[0] == "runner" for key in found)
    if said:
        at = found["runner", "4 cells", "1 thread"]
        added = np.median(np.array(at["runner"]) - at["plain calls"]) / 4
        assert float(re.search(r"adds (-?[\d.]+) ms", said[0])[1]) == pytest.approx(1000 * added, abs=0.0501)


@given(asked=st.floats(0.5, 2), value=st.floats(0.5, 2), more=st.floats(0, 1))
def test_a_ratio_holds_whatever_is_smaller_and_asked_less_of(asked, value, more):
    def row(value, asked):
        return ratios.Row("p", "a / b", "here", Ratio(value, value, value, 1.0, 7), asked)

    assert row(value, asked).holds == (value <= asked)
    assert row(value, asked).holds <= row(value - more, asked).holds
    assert row(value, asked).holds <= row(value, asked + more).holds
    assert row(asked, asked).holds


SUBJECTS = st.sampled_from([("relu", "impl"), ("gelu", "torch"), ("sgelu", "impl"), (SNAKE, "impl")])
TASKS = {"activation_forward": "forward", "activation_backward": "backward"}
benchmarks = st.dictionaries(
    st.tuples(st.sampled_from(list(TASKS)), SUBJECTS, st.sampled_from([64, 4096])),
    samples,
    min_size=1,
    max_size=7,
).map(lambda found: {(task, *who, size): values for (task, who, size), values in found.items()})


def over(x, y):
    """Geometric mean of the ratios of the rounds that both have."""
    both = min(len(x), len(y))
    return stats.gmean(np.array(x[:both]) / y[:both])


@given(found=benchmarks, a=SUBJECTS, b=SUBJECTS, seed=seeds)
@settings(max_examples=8)
def test_a_time_ratio_is_that_of_the_rounds_and_missing_where_a_side_is(found, a, b, seed):
    held = small.held(small.timed(found))
    runs = small.timed(found)
    mixed = small.held([runs[k] for k in np.random.default_rng(seed).permutation(len(runs))])
    assert {key: list(values) for key, values in evidence.timings(held).items()} == {
        (task, subject, way, f"{size} elements", size): values
        for (task, subject, way, size), values in found.items()
    }
    for task in TASKS:
        assert evidence.inputs(mixed, task) == [
            f"{size} elements" for size in sorted({key[3] for key in found if key[0] == task})
        ]
        mine = {key[1] for key in found if key[0] == task and ":" in key[1]}
        assert evidence.custom_subjects(held, task) == sorted(mine)
        for size in (64, 4096):
            sides = [found.get((task, *who, size)) for who in (a, b)]
            one, other = (
                evidence.time_ratio(held, task, f"{size} elements", *who) for who in ((a, b), (b, a))
            )
            if None in sides:
                assert one is other is None
                continue
            assert one.value == pytest.approx(over(*sides))
            assert one.value == pytest.approx(1 / other.value)
            assert one.low * (1 - 1e-9) <= one.value <= one.high * (1 + 1e-9)


@given(found=benchmarks, scale=st.floats(0.01, 100))
@settings(max_examples=8)
def test_a_family_of_times_has_a_case_wherever_both_were_timed(found, scale):
    pairs = [(("relu", "impl"), ("sgelu", "impl")), (("sgelu", "impl"), ("relu", "impl"))]
    held = small.held(small.timed(found))
    made = comparisons.times(TASKS, pairs)(held)
    places = {key[::3] for key in found if key[1] == "relu"} & {
        key[::3] for key in found if key[1] == "sgelu"
    }
    assert Counter(case.where for case in made) == {f"{TASKS[t]}, {size} elements": 2 for t, size in places}
    for case, other in zip(
        made, comparisons.times(TASKS, pairs)(small.held(small.timed(found, scale))), strict=True
    ):
        (task,) = (t for t, word in TASKS.items() if case.where.startswith(word))
        size = int(re.search(r"\d+", case.where)[0])
        x, y = (found[task, name.split()[0], "impl", size] for name in (case.a, case.b))
        both = min(len(x), len(y))
        assert 1 + case.effect.estimate == pytest.approx(over(x, y))
        assert (case.effect.pairs, case.effect.margin) == (both, 0.02)
        d = np.log(np.array(x[:both]) / y[:both])
        if np.ptp(d) > 1e-9:
            t = stats.t.ppf(1 - 0.05 / (2 * len(made)), both - 1) * d.std(ddof=1) / both**0.5
            assert 1 + case.effect.low == pytest.approx(np.exp(d.mean() - t))
            assert 1 + case.effect.high == pytest.approx(np.exp(d.mean() + t))
        assert bool(case.effect.reason) == (both < 5)
        assert case.effect.improvement == pytest.approx(np.mean((d < 0) + (d == 0) / 2))
        assert other.effect.estimate == pytest.approx(case.effect.estimate, abs=1e-9)
        keys = held.runs.set_index("run").loc[list(case.runs), "subject"]
        assert list(keys) == [case.a.split()[0]] * len(x) + [case.b.split()[0]] * len(y)


def told(text):
    """Value, low and high of a ratio in words."""
    return [float(x) for x in re.split(r" \(| to |\)", text)[:3]]


@given(first=benchmarks, second=benchmarks)
@settings(max_examples=8)
def test_two_stores_have_a_ratio_only_where_both_measured_and_it_turns_round(first, second):
    a, b = (Source(name, name, small.held(small.timed(f))) for name, f in (("a", first), ("b", second)))
    one, other = compare.times([a, b]), compare.times([b, a])
    assert {t: len(rows) for t, rows in one.items()} == {
        task.replace("_", " "): n for task, n in Counter(key[0] for key in {*first, *second}).items()
    }
    for task, rows in one.items():
        turned = {row[0]: row for row in other[task]}
        for what, left, right, ratio in rows:
            back = turned[what]
            assert back[1:3] == [right, left]
            assert (ratio == NOT_MEASURED) == (NOT_MEASURED in (left, right)) == (back[3] == NOT_MEASURED)
            if ratio != NOT_MEASURED and 0.01 < told(ratio)[0] < 100:
                assert told(ratio)[0] * told(back[3])[0] == pytest.approx(1, rel=0.011)


COPIED = st.tuples(
    st.just("copy"), st.sampled_from([("at hand", "torch"), ("fresh", "torch")]), st.sampled_from([64, 4096])
)
copies = st.dictionaries(COPIED, samples, min_size=1, max_size=4).map(
    lambda found: {(task, *who, size): values for (task, who, size), values in found.items()}
)


@given(found=benchmarks, copied=copies, scale=st.floats(0.1, 10))
@settings(max_examples=12)
def test_traffic_is_of_the_bytes_that_must_move_and_halves_as_times_double(found, copied, scale):
    found = found | copied
    shown = {"ReLU": ("relu", "impl"), "F.gelu": ("gelu", "torch")}
    tables = [cost.traffic(small.held(small.timed(found, s)), shown) for s in (1.0, scale)]
    of_copies = 2 * len(copied)  # in both panels
    of_others = sum(key[1:3] in shown.values() for key in found)
    assert len(tables[0]) == of_copies + of_others
    columns = shown | {words: (memory, "torch") for memory, words in COPIES.items()}
    for row, other in zip(*(t.itertuples() for t in tables), strict=True):
        task = "copy" if row.candidate in COPIES.values() else f"activation_{row.panel}"
        values = found[task, *columns[row.candidate], row.elements]
        needed = row.elements * {"copy": 8, "activation_forward": 8, "activation_backward": 12}[task] / 1e9
        assert row.rate == pytest.approx(needed / stats.gmean(values))
        assert row.low * (1 - 1e-9) <= row.rate <= row.high * (1 + 1e-9)
        assert (other.low, other.rate, other.high) == pytest.approx(
            (row.low / scale, row.rate / scale, row.high / scale)
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "bandwidth_figure", lambda *_: None)
        patch.setattr(cost, "svg_figure", lambda *_, **said: said["alt"])
        drawn = cost.bandwidth(small.held(small.timed(found)), "q", {"ReLU": ("relu", "impl")})
    places = [
        (task, size)
        for task in TASKS
        for size in (64, 4096)
        if {(task, "relu", "impl", size), *(("copy", memory, "torch", size) for memory in COPIES)}
        <= set(found)
    ]
    assert len(drawn["shares"] if drawn else []) == len(places)
    for (task, size), (where, hand, new) in zip(places, drawn["shares"] if drawn else [], strict=True):
        assert where == f"{TASKS[task]}, {formats.count(size)}"
        bytes_moved = {"activation_forward": 1, "activation_backward": 1.5}[task]
        for share, memory in ((hand, "at hand"), (new, "fresh")):
            ratio = stats.gmean(found["copy", memory, "torch", size]) / stats.gmean(
                found[task, "relu", "impl", size]
            )
            assert share == formats.percent(bytes_moved * ratio, 0)


@given(
    found=benchmarks,
    scores=st.dictionaries(
        st.sampled_from(["relu", "sgelu"]), st.lists(st.floats(0, 1), min_size=1, max_size=4)
    ),
)
@settings(max_examples=8)
def test_worth_has_only_who_was_timed_in_both_passes_and_trained(found, scores):
    trained = [
        run
        for name, values in scores.items()
        for run in (small.scored(score, seed=seed, activation=name) for seed, score in enumerate(values))
    ]
    frame = cost.worth(small.held([*small.timed(found), *trained])).set_index("name")
    sizes = [key[3] for key in found if key[0] == "activation_forward"]

    def passes(name):
        return [found.get((task, name, "impl", min(sizes, default=0))) for task in TASKS]

    assert set(frame.index) == {name for name in scores if None not in passes(name)}
    for name, row in frame.iterrows():
        both = [sum(times) for times in zip(*passes(name), strict=False)]
        assert row["microseconds"] == pytest.approx(1e6 * stats.gmean(both))
        assert row["fast"] <= row["microseconds"] * (1 + 1e-9)
        assert row["microseconds"] <= row["slow"] * (1 + 1e-9)
        assert row["value"] == pytest.approx(100 * np.mean(scores[name]))
        assert np.isnan(row["low"]) == (len(scores[name]) < 2)


@given(found=benchmarks)
@settings(max_examples=8)
def test_a_frame_gives_its_snapshot_back_and_draws_the_ratios_to_relu(found):
    held = small.held(small.timed(found))
    frame = api.frame(held)
    back = notebook.snapshot(frame)
    assert back.id == held.id
    pd.testing.assert_frame_equal(back.runs, held.runs, check_dtype=False)
    pd.testing.assert_frame_equal(
        back.measurements[held.measurements.columns],
        held.measurements,
        check_dtype=False,
        check_categorical=False,
    )
    expected = {
        (PASSES[task], labels.label(subject), f"{size} elements"): over(
            values, found[task, "relu", "impl", size]
        )
        for (task, subject, way, size), values in found.items()
        if way == "impl" and subject != "relu" and (task, "relu", "impl", size) in found
    }
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebook, "ratios", lambda table, _: drawn.append(table) or Figure())
        if not expected:
            with pytest.raises(ValueError, match="no activation was timed with ReLU"):
                notebook.cost(frame)
            return
        notebook.cost(frame)
    shown = drawn[0].set_index(["panel", "row", "series"])["value"].to_dict()
    assert shown == pytest.approx(expected)
