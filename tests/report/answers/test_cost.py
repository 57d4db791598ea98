"""Traffic and worth from times and accuracies made by hand."""

import pandas as pd
import pytest

from bench.records.names import CONTROL
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from report.answers import cost
from tests import small_store as small

MILLION = 1_000_000


def in_turn(elements, threads="1 thread", **seconds):
    """Alternatives timed in turn: name -> samples, with blanks for underscores."""
    rows = [
        Measurement(f"seconds of {name.replace('_', ' ')}", step, value, "s")
        for name, samples in seconds.items()
        for step, value in enumerate(samples)
    ]
    timing = BenchmarkCase("interleaved", "activations", threads, f"{elements} elements", elements)
    return timing, RunResult("finished", rows)


def timed(name, way, seconds, elements=64):
    rows = [Measurement("seconds", step, value, "s") for step, value in enumerate(seconds)]
    return BenchmarkCase(f"activation_{way}", name, "impl", f"{elements} elements", elements), RunResult(
        "finished", rows
    )


def test_rates_are_of_the_bytes_that_must_move(tmp_path):
    run = in_turn(MILLION, SGELU=[1e-2] * 5, copy=[2e-3] * 5, copy_to_fresh_memory=[4e-3] * 5)
    found = cost.traffic(small.snapshot(tmp_path / "r.sqlite", [run]), ("SGELU",)).set_index("candidate")
    # a float32 element: 8 bytes forward and 12 backward, 8 to copy it
    assert found["rate"].to_dict() == pytest.approx(
        {"SGELU": 2.0, "copy into memory at hand": 4.0, "copy into fresh memory": 2.0}
    )
    assert (found["low"] == found["rate"]).all()


def test_an_interval_holds_the_median_and_slow_samples_lower_the_rate(tmp_path):
    run = in_turn(MILLION, SGELU=[1e-2, 1e-2, 1e-2, 2e-2, 2e-2])
    [row] = cost.traffic(small.snapshot(tmp_path / "r.sqlite", [run]), ("SGELU",)).itertuples()
    assert (row.low, row.rate, row.high) == pytest.approx((1.0, 2.0, 2.0))


def test_shares_of_a_copys_rate(tmp_path):
    runs = [
        in_turn(64, SGELU=[1.0] * 3, copy=[0.1] * 3, copy_to_fresh_memory=[0.2] * 3),
        in_turn(128, SGELU=[1.0] * 3, copy=[0.1] * 3, copy_to_fresh_memory=[0.1] * 3),
    ]
    found = cost.bandwidth(small.snapshot(tmp_path / "r.sqlite", runs), "q11", {"SGELU": "sgelu"})
    assert (found["least"], found["most"]) == pytest.approx((0.25, 0.5))
    assert (found["least_at"], found["most_at"]) == (128, 64)
    assert "between 25% and 50%" in found["figure"].svg


def test_without_times_in_turn_there_is_nothing_to_draw(tmp_path):
    lacking = small.snapshot(tmp_path / "r.sqlite", [in_turn(64, copy=[0.1] * 3)])
    assert cost.bandwidth(lacking, "q11", {"SGELU": "sgelu"}) is None
    assert cost.worth_svg(lacking) is None


@pytest.fixture
def trained(tmp_path):
    runs = []
    for name, accuracies in {"relu": (0.7, 0.8), "gelu": (0.9, 0.9), CONTROL: (0.7, 0.8)}.items():
        runs.append(small.tuning(0.9, 1e-3, activation=name))
        runs += [small.scored(a, seed=seed, activation=name) for seed, a in enumerate(accuracies)]
    for name, (forward, backward) in {
        "relu": (1e-6, 2e-6),
        "gelu": (3e-6, 5e-6),
        "mish": (1e-6, 1e-6),
    }.items():
        runs += [timed(name, "forward", [forward] * 3), timed(name, "backward", [backward] * 3)]
        runs += [
            timed(name, "forward", [1.0] * 3, elements=8),
            timed(name, "backward", [1.0] * 3, elements=8),
        ]
    return small.snapshot(tmp_path / "r.sqlite", runs)


def test_worth_is_the_time_of_both_passes_at_the_largest_size_beside_the_accuracy(trained):
    found = cost.worth(trained)
    shown = found[["panel", "activation", "microseconds", "value"]].to_dict("tight")["data"]
    assert [row[:2] for row in shown] == [
        ["classifier with batch norm", "ReLU"],
        ["classifier with batch norm", "GELU"],
    ]
    assert [pytest.approx(row[2:]) for row in shown] == [[3, 75], [8, 90]]
    assert found.loc[0, "low"] < 75 < found.loc[0, "high"]
    drawn = cost.worth_svg(trained)
    assert "The cheapest is ReLU, the dearest GELU; best are GELU in the classifier" in drawn.svg
    pd.testing.assert_frame_equal(drawn.table, found)
