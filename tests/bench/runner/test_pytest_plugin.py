"""The plugin hands over raw samples, leaves out what is measured, and reports a failing benchmark."""

import sys

import pytest

from bench.records.runs import BenchmarkCase
from bench.runner.pytest_plugin import Recorder

SUITE = """
import pytest
from bench.records.runs import BenchmarkCase

SUBJECTS = ("good", "bad", "done")

@pytest.mark.parametrize("timing", [BenchmarkCase("t", name, "impl", "i", 1) for name in SUBJECTS], ids=str)
def test_it(timing, benchmark):
    benchmark.extra_info["steps"] = 5
    benchmark.extra_info["alternatives"] = {"ours": [0.5, 0.25]}
    benchmark(int if timing.subject != "bad" else lambda: 1 / 0)
"""


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """What a run of the suite above records, and the benchmarks it announces."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    announced, records = [], []
    recorder = Recorder(
        {BenchmarkCase("t", "done", "impl", "i", 1).config_hash},
        lambda cases: announced.extend(case.subject for case in cases),
        lambda *record: records.append(record),
    )
    arguments = [str(tmp_path), "-q", "-p", "no:cacheprovider", "--benchmark-max-time=0.001"]
    pytest.main(arguments, plugins=[recorder])
    sys.modules.pop("test_suite", None)
    return announced, {timing.subject: (samples, error) for timing, samples, error in records}


def test_recorder(recorded, capsys):
    announced, records = recorded
    assert announced == ["good", "bad"]
    assert set(records) == {"good", "bad"}
    samples, error = records["good"]
    assert error == ""
    assert [m.value for m in samples if m.metric == "steps"] == [5]
    alternatives = [m for m in samples if m.metric == "seconds of ours"]
    assert [(m.step, m.value, m.unit) for m in alternatives] == [(0, 0.5, "s"), (1, 0.25, "s")]
    seconds = [m for m in samples if m.metric == "seconds"]
    assert [m.step for m in seconds] == list(range(len(seconds)))
    assert len(seconds) >= 5
    assert all(m.value > 0 and m.unit == "s" for m in seconds)
    (whole,) = [m for m in samples if m.metric == "run_seconds"]
    assert (whole.step, whole.unit) == (0, "s")
    assert whole.value > sum(m.value for m in seconds)  # its calls are a part of it
    assert records["bad"] == ([], "division by zero")


def test_every_field_is_part_of_the_key():
    base = BenchmarkCase("t", "s", "impl", "i", 1)
    others = [
        BenchmarkCase("u", "s", "impl", "i", 1),
        BenchmarkCase("t", "z", "impl", "i", 1),
        BenchmarkCase("t", "s", "torch", "i", 1),
    ]
    others += [BenchmarkCase("t", "s", "impl", "j", 1), BenchmarkCase("t", "s", "impl", "i", 2)]
    assert len({timing.config_hash for timing in [base, *others]}) == 6
