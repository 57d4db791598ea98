"""Run the pytest-benchmark suites and record each benchmark when it ends."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bench.records.environment import ROOT
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.runner.progress import Steps
from bench.runner.pytest_plugin import Recorder
from bench.runner.recorder import RunRecorder
from bench.store import database as store

CONFIG = ROOT / "pyproject.toml"  # an installed copy lies beside other packages and has none


BENCHMARK_SAMPLE = 0.001  # seconds: shorter samples drown in the noise of clock and scheduler


def suites(device: str, own: Mapping[str, Sequence[str]]) -> list[str]:
    """What pytest is to read: all suites on a device, and by kind a user's own candidates beside the tables'.

    It is to leave alone our output and our folder.
    """
    return [
        str(ROOT / "bench" / "suites"),
        f"--rootdir={ROOT}",
        f"--config-file={CONFIG if CONFIG.exists() else os.devnull}",
        "--capture=no",  # pytest would take stderr, and the progress with it
        "-pno:cacheprovider",
        f"--device={device}",
        *(f"--{kind}={name}" for kind, names in own.items() for name in names),
    ]


def run_benchmarks(
    recorder: RunRecorder,
    device: str,
    seconds: float,
    log: Path,
    own: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Run the pytest-benchmark suites of `bench/` and record each benchmark as soon as it is finished.

    seconds: how long each may take; log: what pytest prints, beside which pytest-benchmark's own file of this
    run lies with the suffix `.json`; own: by kind a user's own candidates, timed beside those of the tables.

    Raises:
        KeyboardInterrupt: when interrupted; what was finished is in the store.
        StoreError: if the store takes no more.
        ValueError: if pytest could not run the suites at all.
    """
    json = log.with_suffix(".json")
    fresh = json.with_suffix(".fresh.json")  # replaces the last one only if anything was measured
    refused: list[store.StoreError] = []
    with Steps("benchmarks") as steps, log.open("w") as output:

        def record(timing: BenchmarkCase, samples: list[Measurement], error: str) -> None:
            try:
                recorder.record(timing, RunResult("failed" if error else "finished", samples, error=error))
            except store.StoreError as problem:  # pytest would take it for one of its own
                refused.append(problem)
                pytest.exit("the store takes no more")
            steps.advance(str(timing), failed=len(recorder.failed))

        plugin = Recorder(recorder.finished(), lambda n: steps.begin(n, float(n)), record)
        arguments = [
            *suites(device, own or {}),
            f"--benchmark-json={fresh}",
            f"--benchmark-max-time={seconds}",
            f"--benchmark-min-time={BENCHMARK_SAMPLE}",
            "--benchmark-disable-gc",
            "--benchmark-quiet",
            "-Wignore:Not saving anything",
            "-Wignore:Benchmark fixture was not used",  # of what Ctrl-C stopped before its first call
        ]
        with contextlib.redirect_stdout(output):
            code = pytest.main(arguments, plugins=[plugin])
    if fresh.exists() and fresh.stat().st_size:
        fresh.replace(json)
    fresh.unlink(missing_ok=True)
    if refused:
        raise refused[0]
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise ValueError(f"the benchmarks cannot be run: pytest ended with {code!r}; {log} says why")
