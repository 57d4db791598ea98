"""The plugin runs listed benchmarks in their order, and hands over raw samples and failures."""

import json
import os
import sys

import pytest

from bench.records.runs import BenchmarkCase
from bench.runner.pytest_plugin import Recorder

SUITE = """
import pytest
from bench.records.runs import BenchmarkCase

SUBJECTS = ("good", "bad", "other")

@pytest.mark.parametrize("timing", [BenchmarkCase("t", name, "impl", "i", 1) for name in SUBJECTS], ids=str)
def test_it(timing, benchmark):
    benchmark.extra_info["steps"] = 5
    benchmark.extra_info["alternatives"] = {"ours": [0.5, 0.25]}
    benchmark(int if timing.subject != "bad" else lambda: 1 / 0)
"""


@pytest.fixture
def recorded(tmp_path):
    """What a run of two benchmarks of the suite above hands over, in its order."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    names = {BenchmarkCase("t", name, "impl", "i", 1).config_hash: name for name in ("bad", "good")}
    reads, writes = os.pipe()
    with os.fdopen(reads) as lines:
        arguments = [str(tmp_path), "-q", "-p", "no:cacheprovider", "--benchmark-max-time=0.001"]
        pytest.main(arguments, plugins=[Recorder([*names], writes)])
        os.close(writes)
        sys.modules.pop("test_suite", None)
        return [(names[entry["hash"]], entry) for entry in map(json.loads, lines)]


def test_recorder(recorded, capsys):
    (first, bad), (second, good) = recorded
    assert (first, second) == ("bad", "good")  # as listed, not as in the file
    assert (bad["measurements"], bad["error"]) == ([], "division by zero")
    assert good["error"] == ""
    by_metric = {}
    for metric, step, value, unit in good["measurements"]:
        by_metric.setdefault(metric, []).append((step, value, unit))
    assert by_metric["steps"] == [(0, 5, "1")]
    assert by_metric["seconds of ours"] == [(0, 0.5, "s"), (1, 0.25, "s")]
    seconds = by_metric["seconds"]
    assert [step for step, *_ in seconds] == list(range(len(seconds)))
    assert len(seconds) >= 5
    assert all(value > 0 and unit == "s" for _, value, unit in seconds)
    ((step, whole, unit),) = by_metric["run_seconds"]
    assert (step, unit) == (0, "s")
    assert whole > sum(value for _, value, _ in seconds)  # its calls are a part of it


def test_every_field_is_part_of_the_key():
    base = BenchmarkCase("t", "s", "impl", "i", 1)
    others = [
        BenchmarkCase("u", "s", "impl", "i", 1),
        BenchmarkCase("t", "z", "impl", "i", 1),
        BenchmarkCase("t", "s", "torch", "i", 1),
    ]
    others += [BenchmarkCase("t", "s", "impl", "j", 1), BenchmarkCase("t", "s", "impl", "i", 2)]
    others += [BenchmarkCase("t", "s", "impl", "i", 1, seed=1)]
    assert len({timing.config_hash for timing in [base, *others]}) == 7
