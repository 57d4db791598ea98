"""Reliability of verdicts on times: how often the procedure tells a benchmark from itself.

Torch's kernels are measured under two names by the runner of all benchmarks. Each repetition is saved before
the next begins, so that an interrupted calibration resumes.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pandas as pd

from bench.experiments.profiles import PROFILES
from bench.records.calibrations import TimeCalibration, load_here, save, this_machine
from bench.records.environment import commit_hash, current
from bench.records.names import AGAIN, BACKGROUND_LOAD, CONVOLUTIONS, PASSES, TWICE
from bench.records.runs import BenchmarkCase
from bench.runner.benchmarks import run_benchmarks
from bench.runner.recorder import RunRecorder
from bench.store import Store

BENCHMARK = ["task", "subject", "input", "size"]


def twice(case: BenchmarkCase) -> bool:
    """Return whether a benchmark is one of those that are measured under two names."""
    return (
        case.task in PASSES | CONVOLUTIONS
        and case.subject in TWICE
        and case.implementation in ("torch", AGAIN)
    )


def calibrate(folder: Path, file: Path, repeats: int, say: Callable[[str], None]) -> list[TimeCalibration]:
    """Make the repetitions that are missing in a file and return all, each with the reference's rounds.

    Args:
        folder: Folder of pytest's output.
        file: JSON file of all repetitions.
        repeats: Number of repetitions.
        say: Called with a line at every repetition.

    Raises:
        ValueError: If the file contains a calibration of another machine, or a benchmark fails.
    """
    done = load_here(file, TimeCalibration)
    for number in range(len(done), repeats):
        say(f"repetition {number + 1} of {repeats}")
        done.append(_repetition(folder))
        save(file, done)
    return done


def _repetition(folder: Path) -> TimeCalibration:
    """Measure all rounds once. Disturbed ones count: their ratios should not tell the names apart either."""
    with tempfile.TemporaryDirectory() as place, Store(Path(place, "times.sqlite")) as store:
        recorder = RunRecorder(store, store.environment_id(current("none", "")), "reference")
        profile = replace(PROFILES["reference"], times=twice)
        run_benchmarks(recorder, "cpu", profile, folder / "benchmarks.log", repeats=0)
        if recorder.failed:
            raise ValueError(f"cannot calibrate: {recorder.failed[0]}")
        m = recorder.snapshot().measurements
    load = m[m["metric"] == BACKGROUND_LOAD].groupby("seed")["value"].first()
    return TimeCalibration(commit_hash(), this_machine(), list(load), ratios(m))


def ratios(measurements: pd.DataFrame) -> dict[str, list[float]]:
    """Return second name over first by benchmark and round; a round's time is the median of its samples."""
    seconds = measurements[measurements["metric"] == "seconds"]
    by = seconds.groupby([*BENCHMARK, "seed", "implementation"], observed=True)["value"].median().unstack()
    quotients = (by[AGAIN] / by["torch"]).groupby(level=BENCHMARK, observed=True, sort=False)
    return {", ".join(map(str, cast(Sequence[object], key))): list(r) for key, r in quotients}
