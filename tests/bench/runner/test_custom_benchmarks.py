"""A user's own candidates are timed beside those of the tables, and only where that was not done before."""

from dataclasses import replace
from pathlib import Path

from bench.experiments.profiles import PROFILES
from bench.experiments.workloads.registry import identify
from bench.records.runs import BenchmarkCase
from bench.runner.benchmarks import run_benchmarks

ROOT = Path(__file__).resolve().parents[3]
ONE_ROUND = replace(PROFILES["reference"], benchmark_rounds=1)
LAYERS = ("1→16 at 28×28", "16→32 at 14×14", "32→64 at 7×7")


def wanted(activation, optimizer, strategy):
    """What is to be timed, written down by hand."""
    return [
        *(
            BenchmarkCase(f"activation_{way}", activation, "impl", f"{size} elements", size)
            for way in ("forward", "backward")
            for size in (16384, 131072, 1048576, 16777216)
        ),
        BenchmarkCase("optimizer_step", optimizer, "impl", "the classifier's parameters", 101_770),
        *(
            BenchmarkCase(f"convolution_{way}", strategy, "impl", layer, samples)
            for way in ("forward", "training")
            for layer in LAYERS
            for samples in (1, 64)
        ),
    ]


class Finished:
    """Keys of all benchmarks but some, as if a store held the whole table's."""

    def __init__(self, missing):
        self.missing = {timing.config_hash for timing in missing}

    def __contains__(self, key):
        return key not in self.missing


class RunRecorder:
    def __init__(self, missing):
        self.missing, self.recorded, self.failed = missing, {}, []

    def finished(self):
        return Finished(self.missing)

    def record(self, timing, outcome):
        assert outcome.status == "finished", outcome.error
        self.recorded[timing] = [m.value for m in outcome.measurements if m.metric == "seconds"]


def test_only_what_is_missing_of_ones_own_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    own = {
        "activation": [identify("examples/snake.py:Snake")],
        "optimizer": [identify("examples/lion.py:Lion", "optimizer")],
        "strategy": [identify("examples/fft_convolution.py:fft", "strategy")],
    }
    missing = wanted(*(names[0] for names in own.values()))
    recorder = RunRecorder(missing)
    run_benchmarks(recorder, "cpu", ONE_ROUND, tmp_path / "benchmarks.log", own)
    assert set(recorder.recorded) == set(missing)
    for samples in recorder.recorded.values():
        assert len(samples) >= (20 if max(samples) < 0.05 else 2)
        assert min(samples) > 0


def test_several_of_a_kind_and_none(tmp_path, monkeypatch):
    """Without any the suites are as they were; of two, what one lacks."""
    names = [identify("torch.nn:ELU"), identify("torch.nn:CELU")]
    lacking = BenchmarkCase("activation_forward", names[1], "impl", "16384 elements", 16384)
    for own, expected in ((None, set()), ({"activation": names}, {lacking})):
        recorder = RunRecorder([lacking])
        run_benchmarks(recorder, "cpu", ONE_ROUND, tmp_path / "benchmarks.log", own)
        assert set(recorder.recorded) == expected
