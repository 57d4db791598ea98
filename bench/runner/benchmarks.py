"""Collect and run the pytest-benchmark suites."""

import contextlib
import io
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import pytest

from bench import isolated_pytest
from bench.records.environment import ROOT
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.runner.progress import Steps
from bench.runner.pytest_plugin import Collector, Recorder
from bench.runner.recorder import RunRecorder
from bench.store import StoreError

CONFIG = ROOT / "pyproject.toml"  # missing in an installed copy
ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
SHORTEST_SAMPLE = 0.001  # seconds; noise of clock and scheduler dominates shorter samples


def _suites(device: str, custom: Mapping[str, Sequence[str]]) -> list[str]:
    """Return pytest's arguments for all suites on a device, including custom candidates by kind."""
    suites = ROOT / "bench" / "suites"
    return [
        str(suites),
        f"--rootdir={ROOT}",
        f"--config-file={CONFIG if CONFIG.exists() else os.devnull}",
        f"--confcutdir={suites}",  # the folders above an installed copy may hold anything
        "--capture=no",  # capturing stderr would hide the progress
        f"--device={device}",
        *(f"--{kind}={name}" for kind, names in custom.items() for name in names),
    ]


def collect(device: str, custom: Mapping[str, Sequence[str]]) -> tuple[BenchmarkCase, ...]:
    """Return all benchmarks without running them.

    Args:
        device: `cpu` or `cuda`.
        custom: Custom candidates by kind.

    Raises:
        ValueError: If pytest cannot collect the suites.
    """
    collector = Collector()
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = isolated_pytest.main([*_suites(device, custom), "--collect-only", "-q"], [collector])
    if code != pytest.ExitCode.OK:
        raise ValueError(f"cannot collect the benchmarks: {output.getvalue()[-500:]}")
    return collector.cases


def run_benchmarks(
    recorder: RunRecorder,
    device: str,
    seconds: float,
    log: Path,
    custom: Mapping[str, Sequence[str]] | None = None,
    estimated: Callable[[BenchmarkCase], float] = lambda case: 1.0,
) -> None:
    """Run the pytest-benchmark suites and record each benchmark as soon as it finishes.

    A benchmark that was skipped or not reached is recorded as failed.

    Args:
        recorder: Where results go; finished benchmarks are skipped.
        device: `cpu` or `cuda`.
        seconds: Time limit of each benchmark.
        log: File of pytest's output; pytest-benchmark's own file has the suffix `.json` instead.
        custom: Custom candidates by kind, run in addition to the built-in ones.
        estimated: Estimated duration of a benchmark.

    Raises:
        KeyboardInterrupt: When interrupted; finished benchmarks are stored.
        StoreError: If the results database cannot be written.
        ValueError: If pytest cannot run the suites.
    """
    json = log.with_suffix(".json")
    fresh = json.with_suffix(".fresh.json")  # replaces the previous file only if anything was measured
    refused: list[StoreError] = []
    with Steps("benchmarks") as steps, log.open("w") as output:

        def record(case: BenchmarkCase, measurements: list[Measurement], error: str) -> None:
            try:
                recorder.record(case, RunResult("failed" if error else "finished", measurements, error=error))
            except StoreError as problem:  # pytest would report it as a failed benchmark
                refused.append(problem)
                pytest.exit("the results database cannot be written")
            steps.advance(str(case), estimated(case), failed=len(recorder.failed))

        def begin(cases: Collection[BenchmarkCase]) -> None:
            steps.begin(len(cases), sum(map(estimated, cases)))

        plugin = Recorder(recorder.finished(), begin, record)
        arguments = [
            *_suites(device, custom or {}),
            f"--benchmark-json={fresh}",
            f"--benchmark-max-time={seconds}",
            f"--benchmark-min-time={SHORTEST_SAMPLE}",
            "--benchmark-disable-gc",
            "--benchmark-quiet",
            "-Wignore:Not saving anything",
            "-Wignore:Benchmark fixture was not used",  # of a benchmark interrupted before its first call
        ]
        with contextlib.redirect_stdout(output):
            code = isolated_pytest.main(arguments, [plugin])
        for case in plugin.unmeasured if code in ENDED else ():
            record(case, [], "not reached")
    if fresh.exists() and fresh.stat().st_size:
        fresh.replace(json)
    fresh.unlink(missing_ok=True)
    if refused:
        raise refused[0]
    if plugin.interrupted:
        raise KeyboardInterrupt
    if code not in ENDED or not plugin.collected:
        raise ValueError(f"cannot run the benchmarks: pytest ended with {code!r}; see {log}")
