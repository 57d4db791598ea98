"""Traffic and worth from times and accuracies made by hand."""

import numpy as np
import pandas as pd
import pytest

from bench.records.names import CONTROLS
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from report.answers import cost
from report.document.formats import percent
from tests import small_store as small

MILLION = 1_000_000


def timed(name, way, seconds, elements=64):
    """A benchmark of one time in each round; `way` is a pass, or none for a copy."""
    rows = [Measurement("seconds", step, value, "s") for step, value in enumerate(seconds)]
    task = f"activation_{way}" if way else "copy"
    case = BenchmarkCase(task, name, "impl" if way else "torch", f"{elements} elements", elements)
    return small.by_round((case, RunResult("finished", rows)))


SGELU = {"SGELU": ("sgelu", "impl")}


def test_rates_are_of_the_bytes_that_must_move(tmp_path):
    runs = [
        *timed("sgelu", "forward", [4e-3] * 5, MILLION),
        *timed("sgelu", "backward", [8e-3] * 5, MILLION),
        *timed("at hand", "", [2e-3] * 5, MILLION),
        *timed("fresh", "", [4e-3] * 5, MILLION),
    ]
    found = cost.traffic(small.snapshot(tmp_path / "r.sqlite", runs), SGELU)
    # a float32 element: 8 bytes forward and 12 backward, 8 to copy it
    copies = {"copy into memory at hand": 4.0, "copy into a new tensor": 2.0}
    for panel, rate in (("forward", 2.0), ("backward", 1.5)):
        part = found[found["panel"] == panel].set_index("candidate")["rate"]
        assert part.to_dict() == pytest.approx({"SGELU": rate, **copies})
    assert found["low"].to_numpy() == pytest.approx(found["rate"].to_numpy())


def test_the_interval_is_over_rounds(tmp_path):
    runs = timed("sgelu", "forward", [4e-3, 4e-3, 8e-3], MILLION)
    [row] = cost.traffic(small.snapshot(tmp_path / "r.sqlite", runs), SGELU).itertuples()
    d = np.log([2.0, 2.0, 1.0])
    half = 4.302652729911275 * d.std(ddof=1) / 3**0.5  # t(0.975, 2), Fisher & Yates 1963
    expected = np.exp([d.mean() - half, d.mean(), d.mean() + half])
    assert [row.low, row.rate, row.high] == pytest.approx(expected)


def test_shares_of_a_copys_rate(tmp_path):
    runs = [
        *timed("sgelu", "forward", [1.0] * 3),
        *timed("at hand", "", [0.5] * 3),
        *timed("fresh", "", [2.0] * 3),
    ]
    found = cost.bandwidth(small.snapshot(tmp_path / "r.sqlite", runs), "q11", SGELU)
    assert found["shares"] == [["forward, 64", percent(0.5, 0), percent(2, 0)]]
    assert found["largest"] == {"forward": pytest.approx(0.5)}
    assert f"forward, 64: {percent(0.5, 0)} and {percent(2, 0)}" in found["figure"].svg


def test_the_share_of_a_copy_is_that_at_the_largest_size(tmp_path):
    runs = [
        run
        for elements, seconds in ((64, 1.0), (MILLION, 4.0))
        for run in (
            *timed("sgelu", "forward", [seconds] * 3, elements),
            *timed("at hand", "", [1.0] * 3, elements),
            *timed("fresh", "", [2.0] * 3, elements),
        )
    ]
    found = cost.bandwidth(small.snapshot(tmp_path / "r.sqlite", runs), "q09", SGELU)
    assert found["largest"] == {"forward": pytest.approx(0.25)}


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.713, "0.71"), (5.919, "5.9"), (9.97, "10"), (12.4, "12"), (16358, "16\u202f000")]
)
def test_a_ratio_in_prose_has_two_digits(ratio, words):
    assert cost.two_digits(ratio) == words


def test_without_copies_there_is_nothing_to_draw(tmp_path):
    lacking = small.snapshot(tmp_path / "r.sqlite", timed("sgelu", "forward", [0.1] * 3))
    assert cost.bandwidth(lacking, "q11", SGELU) is None
    assert cost.worth_svg(lacking) is None


@pytest.fixture
def trained(tmp_path):
    runs = []
    for name, accuracies in {"relu": (0.7, 0.8), "gelu": (0.9, 0.9), CONTROLS[0]: (0.7, 0.8)}.items():
        runs += [small.scored(a, seed=seed, activation=name) for seed, a in enumerate(accuracies)]
    for name, (forward, backward) in {
        "relu": (1e-6, 2e-6),
        "gelu": (3e-6, 5e-6),
        "mish": (1e-6, 1e-6),
    }.items():
        for way, seconds in (("forward", forward), ("backward", backward)):
            runs += timed(name, way, [seconds] * 3, elements=16384)
            runs += timed(name, way, [1.0] * 3, elements=8)
    return small.snapshot(tmp_path / "r.sqlite", runs)


def test_worth_is_the_time_of_both_passes_at_the_classifiers_size_beside_the_accuracy(trained):
    found = cost.worth(trained)
    shown = found[["panel", "activation", "microseconds", "value"]].to_dict("tight")["data"]
    assert [row[:2] for row in shown] == [
        ["classifier with batch norm", "ReLU"],
        ["classifier with batch norm", "GELU"],
    ]
    assert [pytest.approx(row[2:]) for row in shown] == [[3, 75], [8, 90]]
    assert found.loc[0, "low"] < 75 < found.loc[0, "high"]
    drawn = cost.worth_svg(trained)
    assert "The fastest is ReLU, the slowest GELU; best are GELU in the classifier" in drawn.svg
    pd.testing.assert_frame_equal(drawn.table, found)
