"""The table of ratios against samples made by hand, and the documentation against the reference."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.store import Snapshot, latest
from bench.suites import targets as ratios

ROOT = Path(__file__).resolve().parents[3]


def snapshot(timed, rounds=3):
    """A snapshot of samples, equal in every round: (subject, input, threads) -> alternative -> seconds."""
    rows = [
        ("interleaved", subject, place, threads, 1, seed, f"seconds of {name}", step, value)
        for seed in range(rounds)
        for (subject, place, threads), alternatives in timed.items()
        for name, samples in alternatives.items()
        for step, value in enumerate(samples)
    ]
    columns = ["task", "subject", "input", "implementation", "size", "seed", "metric", "step", "value"]
    environment = {"processor": "Abacus", "cores": 3, "commit_hash": "0123456789"}
    runs = pd.DataFrame({"kind": "timing", "seed": range(rounds)})
    return Snapshot(environment, "quick", runs, pd.DataFrame(rows, columns=columns), {})


ACTIVATIONS = {"SGELU": 2.0, "AdaSGELU": 3.0, "Swish": 1.0, "F.gelu": 4.0, "F.silu": 0.5}
LAYERS = {"1→16 at 28×28": 0.5, "16→32 at 14×14": 2.0, "32→64 at 7×7": 4.0}
TIMED = {
    ("activations", f"{2**20} elements", "2 thread"): {
        name: [seconds] * 9 for name, seconds in ACTIVATIONS.items()
    },
    **{
        ("convolution", layer, "1 thread"): {"tiled": [ratio] * 9, "unfold": [9.0] * 9, "native": [1.0] * 9}
        for layer, ratio in LAYERS.items()
    },
    ("adam", "the classifier's parameters", "1 thread"): {
        "ours": [1.0] * 9,
        "ours without compiler": [3.0] * 9,
        "torch, foreach": [2.0] * 9,
        "torch, fused": [1.0] * 9,
    },
    ("rmsprop", "the classifier's parameters", "1 thread"): {"ours": [1.0] * 9, "torch, foreach": [2.0] * 9},
    ("MLP 784-128-10, relu", "batch of 32", "1 thread"): {
        "ours": [1.0] * 9,
        "torch with autograd": [4.0] * 9,
    },
    ("fc_autoencoder", "one epoch", "1 thread"): {"fit": [1.5] * 9, "bare loop": [1.0] * 9},
    ("workers", "9 runs of seconds", "1 thread"): {"1 worker": [2.0] * 9, "2 workers": [1.0] * 9},
    ("runner", "10 cells of a few milliseconds", "1 thread"): {
        "runner": [2.0, 1.25, 9.0],
        "plain calls": [1.0, 1.0, 1.0],
    },
}


def test_rows_by_hand():
    found = {
        (r.ratio, r.where): (pytest.approx(r.reached.value), r.asked, r.holds)
        for r in ratios.rows(snapshot(TIMED))
    }
    assert found == {
        ("SGELU / F.gelu", "2^20 elements, 2 threads"): (0.5, 1.0, True),
        ("AdaSGELU / SGELU", "2^20 elements, 2 threads"): (1.5, 1.25, False),
        ("Swish / F.silu", "2^20 elements, 2 threads"): (2.0, 1.2, False),
        ("tiled / F.conv2d", "1→16 at 28×28, batch 64"): (0.5, 1.0, True),
        ("tiled / F.conv2d", "geometric mean of 3 layers, batch 64"): (
            pytest.approx(4 ** (1 / 3)),
            1.2,
            False,
        ),
        ("ours / torch, foreach", "adam, the classifier's"): (0.5, 0.6, True),
        ("ours / torch, foreach", "rmsprop, the classifier's"): (0.5, 0.6, True),
        ("ours / torch, fused", "adam, the classifier's"): (1.0, 0.9, False),
        ("ours without compiler / torch, fused", "adam, the classifier's"): (3.0, 1.3, False),
        ("ours / torch with autograd", "784-128-10, relu, batch of 32"): (0.25, 1.0, True),
        ("fit / bare loop", "fc autoencoder, one epoch"): (1.5, 1.2, False),
        ("2 workers / 1 worker", "9 runs of seconds"): (0.5, pytest.approx(1 / 1.8), True),
    }


def test_inputs_are_in_order_whatever_the_order_of_the_rounds():
    turned = snapshot(dict(reversed(TIMED.items())))
    assert ratios.markdown(turned) == ratios.markdown(snapshot(TIMED))
    keys = [("x", place, "1 thread") for place in ("batch of 128", "batch of 32", "batch of 1")]
    timed = snapshot({key: {"a": [1.0]} for key in keys})
    assert list(ratios.samples(timed)) == keys[::-1]


def test_first_calls_are_summarized_by_the_state_of_the_cache():
    columns = ["task", "input", "metric", "value"]
    calls = [("cold", 10.0), ("cold", 30.0), ("cold", 14.0), ("from the cache", 5.0)]
    rows = [("first_call", state, "first_call_seconds", value) for state, value in calls]
    held = Snapshot({}, "quick", pd.DataFrame(), pd.DataFrame(rows, columns=columns), {})
    start = "The first call of SGELU, forward and backward, took"
    assert ratios.first_calls(held) == [
        f"{start} 16.1 s (cold): the geometric mean of 3, which took 10.0 to 30.0.",
        f"{start} 5.0 s (from the cache): the geometric mean of 1, which took 5.0 to 5.0.",
    ]


def test_ratios_are_those_of_the_same_turn_and_the_round_is_the_unit():
    disturbed = np.array([1.0, 10.0, 100.0])
    index = pd.MultiIndex.from_product([[0, 1], range(3)])
    b = pd.Series([*disturbed, *2 * disturbed], index)
    a = pd.Series([*3 * disturbed, *24 * disturbed], index)  # 3 times in the first process, 12 in the second
    found = ratios.ratio_of({"a": a, "b": b}, "a", "b")
    assert (found.value, found.rounds) == (pytest.approx((3 * 12) ** 0.5), 2)


def test_markdown_says_what_was_missed_and_where():
    lines = ratios.markdown(snapshot(TIMED)).splitlines()
    assert "Abacus, 3 cores, commit 0123456" in lines[0]
    assert "6 of 12 are as asked" in lines[0]
    assert "The runner adds 100.0 ms to each of 10 cells of a few milliseconds, asked ≤ 20." in lines
    assert "| fc autoencoder, one epoch | – | **1.50 (1.50–1.50)**, asked 1.2 |" in lines
    place, sgelu, adasgelu, _ = next(line for line in lines if "2^20" in line).strip("| ").split(" | ")
    assert place == "2^20 elements, 2 threads"
    assert sgelu == "0.50 (0.50–0.50)"
    assert adasgelu == "**1.50 (1.50–1.50)**, asked 1.25"
    assert "| Convolution | tiled / F.conv2d, asked ≤ 1 to 1.2 |" in lines
    rmsprop = next(line for line in lines if line.startswith("| rmsprop"))
    assert rmsprop == "| rmsprop, the classifier's | 0.50 (0.50–0.50) | – | – |"
    assert "geometric means over rounds, of which there are 3, with" in lines[0]


def test_overhead_is_the_median_of_the_rounds_differences():
    # 2.0 - 1.0, 1.25 - 1.0, 9.0 - 1.0 over ten cells: the median of 0.1, 0.025, 0.8 s
    assert ratios.overhead(snapshot(TIMED)) == [
        "The runner adds 100.0 ms to each of 10 cells of a few milliseconds, asked ≤ 20."
    ]


def test_nothing_measured_is_an_empty_table():
    assert ratios.rows(snapshot({})) == []
    assert ratios.overhead(snapshot({})) == []


def test_readme_shows_what_the_reference_holds():
    reference = latest(ROOT / "results" / "reference.sqlite")
    assert reference is not None
    assert ratios.markdown(reference) in (ROOT / "docs/explanation/measured.md").read_text()
