"""A calibration of times tells a planted difference apart and no other, and resumes."""

import json

import numpy as np
import pytest

from bench.records.calibrations import TimeCalibration, load
from bench.records.names import AGAIN, BACKGROUND_LOAD
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.runner import time_calibration
from bench.statistics import rates_told_apart

PLANTED = "gelu"
CASES = [
    BenchmarkCase("activation_forward", name, implementation, f"{size} elements", size)
    for size in (2**14, 2**17)
    for name in ("relu", PLANTED)
    for implementation in ("torch", AGAIN)
]


@pytest.fixture
def runs(monkeypatch):
    """Replaces the measurement: noise of 1 %, and `difference` of the second name of PLANTED."""
    made, rng = [], np.random.default_rng(0)

    def with_difference(difference):
        def run(recorder, device, profile, log, *, repeats):
            made.append(repeats)
            for number in range(profile.benchmark_rounds):
                for case in filter(profile.times, CASES):
                    longer = difference if (case.subject, case.implementation) == (PLANTED, AGAIN) else 0.0
                    samples = 1e-3 * (1 + longer) * np.exp(0.01 * rng.normal(size=3))
                    measured = [Measurement("seconds", k, float(s), "s") for k, s in enumerate(samples)]
                    measured.append(Measurement(BACKGROUND_LOAD, 0, 0.5, "1"))
                    round_ = BenchmarkCase(
                        case.task, case.subject, case.implementation, case.input, case.size, number
                    )
                    recorder.record(round_, RunResult("finished", measured))

        monkeypatch.setattr(time_calibration, "run_benchmarks", run)
        return made

    return with_difference


@pytest.mark.parametrize(("difference", "expected"), [(0.0, 0), (0.1, 4)])
def test_a_planted_difference_is_told_apart(runs, tmp_path, difference, expected):
    runs(difference)
    file = tmp_path / "results" / "times.json"
    done = time_calibration.calibrate(tmp_path, file, 2, lambda line: None)
    claims, alone = rates_told_apart(repetition.ratios for repetition in done)
    assert (claims.hits, claims.cases, alone.cases) == (expected, 8, 8)
    assert expected <= alone.hits <= expected + 1
    assert {len(ratio) for repetition in done for ratio in repetition.ratios.values()} == {8}
    assert [set(repetition.load) for repetition in done] == [{0.5}] * 2


def test_a_difference_within_the_margin_is_told_apart_without_it_only(runs, tmp_path):
    runs(0.015)
    done = time_calibration.calibrate(tmp_path, tmp_path / "times.json", 2, lambda line: None)
    claims, alone = rates_told_apart(repetition.ratios for repetition in done)
    assert (claims.hits, alone.hits >= 3) == (0, True)


def test_a_calibration_of_times_resumes_after_the_last_repetition(runs, tmp_path):
    made, file = runs(0.0), tmp_path / "times.json"
    first = time_calibration.calibrate(tmp_path, file, 1, lambda line: None)
    again = time_calibration.calibrate(tmp_path, file, 3, lambda line: None)
    assert made == [0, 0, 0]  # no disturbed round is repeated
    assert again[:1] == first
    assert load(file, TimeCalibration) == again


def test_a_calibration_of_times_is_of_one_machine(runs, tmp_path):
    runs(0.0)
    file = tmp_path / "times.json"
    file.write_text(json.dumps([{"commit": "c", "machine": "another", "load": [0.0], "ratios": {}}]))
    with pytest.raises(ValueError, match=r"it is of another, this machine is .* Move the file away"):
        time_calibration.calibrate(tmp_path, file, 2, lambda line: None)


def test_a_failed_benchmark_ends_the_calibration(monkeypatch, tmp_path):
    def run(recorder, device, profile, log, *, repeats):
        recorder.record(CASES[0], RunResult("failed", error="no memory"))

    monkeypatch.setattr(time_calibration, "run_benchmarks", run)
    with pytest.raises(ValueError, match=r"cannot calibrate: .*no memory"):
        time_calibration.calibrate(tmp_path, tmp_path / "times.json", 1, lambda line: None)
    assert not (tmp_path / "times.json").exists()
