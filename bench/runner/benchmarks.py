"""Run the pytest-benchmark suites in rounds, each in a fresh process, and record every sample.

Samples of one process are not independent: memory layout, cache contents and the order of benchmarks are
fixed once per process. A round is to a time what a seed is to an accuracy.
"""

import contextlib
import io
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from bench.experiments.profiles import Profile
from bench.records.environment import ROOT
from bench.records.names import BACKGROUND_LOAD
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.rounds import isolated_pytest
from bench.rounds.noise import busy, disturbed
from bench.rounds.process import started, timing
from bench.runner.progress import Steps, console
from bench.runner.pytest_plugin import Collector
from bench.runner.recorder import RunRecorder

CONFIG = ROOT / "pyproject.toml"  # missing in an installed copy
ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)

Custom = Mapping[str, Sequence[str]]  # custom candidates by kind
Results = dict[BenchmarkCase, tuple[list[Measurement], str]]  # measurements, and the error or ""


def _suites(device: str, custom: Custom) -> list[str]:
    """Return pytest's arguments for all suites on a device, including custom candidates by kind."""
    suites = ROOT / "bench" / "suites"
    return [
        str(suites),
        f"--rootdir={ROOT}",
        f"--config-file={CONFIG if CONFIG.exists() else os.devnull}",
        f"--confcutdir={suites}",  # the folders above an installed copy may hold anything
        f"--device={device}",
        *(f"--{kind}={name}" for kind, names in custom.items() for name in names),
    ]


def collect(device: str, custom: Custom) -> tuple[BenchmarkCase, ...]:
    """Return all benchmarks without running them.

    Args:
        device: `cpu` or `cuda`.
        custom: Custom candidates by kind.

    Raises:
        ValueError: If pytest cannot collect the suites, or finds no benchmark.
    """
    collector = Collector()
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = isolated_pytest.main(
            [*_suites(device, custom), "--capture=no", "--collect-only", "-q"], [collector]
        )
    if code != pytest.ExitCode.OK:
        raise ValueError(f"cannot collect the benchmarks: {output.getvalue()[-500:]}")
    return collector.cases


def rounds_of(profile: Profile, device: str, custom: Custom) -> list[BenchmarkCase]:
    """Return the benchmarks of a profile, those of one round after those of another; see `collect`."""
    cases = collect(device, custom) if profile.benchmark_rounds else ()
    return [
        replace(case, seed=number)
        for number in range(profile.benchmark_rounds)
        for case in cases
        if profile.times(case)
    ]


def shuffled(cases: Sequence[BenchmarkCase], number: int) -> list[BenchmarkCase]:
    """Return the benchmarks in the order of a round: those that are compared remain neighbours.

    Groups of benchmarks of one task on one input are shuffled, and the benchmarks of each group.
    """
    rng = random.Random(number)  # noqa: S311  # an order, not cryptography
    groups = [list(group) for _, group in groupby(sorted(cases, key=_compared), key=_compared)]
    rng.shuffle(groups)
    for group in groups:
        rng.shuffle(group)
    return [case for group in groups for case in group]


def _compared(case: BenchmarkCase) -> tuple[str, str, int]:
    return case.task, case.input, case.size


def run_benchmarks(
    recorder: RunRecorder,
    device: str,
    profile: Profile,
    log: Path,
    custom: Custom | None = None,
    estimated: Callable[[BenchmarkCase], float] = lambda case: 1.0,
    *,
    repeats: int | None = None,
) -> None:
    """Run the missing benchmarks of every round, and record those of a round when it ends.

    A round that other processes disturbed is repeated; the background load is recorded with each. A benchmark
    that was skipped or not reached is recorded as failed.

    Args:
        recorder: Where results go; finished benchmarks are skipped.
        device: `cpu` or `cuda`.
        profile: Which benchmarks to run, and in how many rounds.
        log: File of pytest's output; pytest-benchmark's own file has the suffix `.json` instead. Both are
            those of the last round.
        custom: Custom candidates by kind, run in addition to the built-in ones.
        estimated: Estimated duration of a benchmark.
        repeats: Number of disturbed rounds to repeat; default: half of all.

    Raises:
        KeyboardInterrupt: When interrupted; finished benchmarks are stored.
        StoreError: If the results database cannot be written.
        ValueError: If pytest cannot run the suites.
    """
    custom, done = custom or {}, recorder.finished()
    wanted = rounds_of(profile, device, custom)
    missing = [case for case in wanted if case.config_hash not in done]
    repeats = profile.benchmark_rounds // 2 if repeats is None else repeats
    log.parent.mkdir(parents=True, exist_ok=True)
    with Steps("benchmarks") as steps, tempfile.TemporaryDirectory() as folder:
        steps.begin(len(missing), sum(map(estimated, missing)))
        variables = {"SETUP_CACHE": str(Path(folder, "setup.json"))}
        for number, cases in groupby(missing, key=lambda case: case.seed):
            order = shuffled(list(cases), number)
            while True:
                results: Results = {}
                before, begin = busy(), time.monotonic()
                try:
                    arguments = [*_suites(device, custom), *timing(log.with_suffix(".json"))]
                    for case, result in _measured(order, arguments, log, variables):
                        results[case] = result
                        steps.advance(str(case), estimated(case), failed=len(recorder.failed))
                except KeyboardInterrupt:
                    _record(recorder, results, busy() - before, time.monotonic() - begin)
                    raise
                used, wall = busy() - before, time.monotonic() - begin
                if not (noise := disturbed(used, wall)) or not repeats:
                    break
                repeats -= 1
                steps.revise(len(order), sum(map(estimated, order)))
                console.print(f"Round {number + 1} of the benchmarks: {noise}; repeating it.")
            _record(recorder, {case: results.get(case, ([], "not reached")) for case in order}, used, wall)


def _record(recorder: RunRecorder, results: Results, used: float, wall: float) -> None:
    """Record the benchmarks of a round with the load of other processes, in processors."""
    load = Measurement(BACKGROUND_LOAD, 0, max(0.0, used / wall), "1")
    for case, (measurements, error) in results.items():
        result = RunResult("failed" if error else "finished", [*measurements, load], error=error)
        recorder.record(case, result)


def _measured(
    order: Sequence[BenchmarkCase], arguments: Sequence[str], log: Path, variables: Mapping[str, str]
) -> Iterator[tuple[BenchmarkCase, tuple[list[Measurement], str]]]:
    """Run benchmarks of a round in a new process; yield each with its result as it finishes."""
    by_hash = {replace(case, seed=0).config_hash: case for case in order}
    listed = log.with_suffix(".listed")
    listed.write_text("\n".join(by_hash), "utf-8")
    reads, writes = os.pipe()
    own = ["-pbench.runner.pytest_plugin", f"--listed={listed}", f"--record={writes}"]
    with (
        os.fdopen(reads, encoding="utf-8") as lines,
        started(
            Path(sys.executable),
            [*arguments, *own],
            log,
            folder=Path.cwd(),
            imports=[str(Path(__file__).resolve().parents[2]), *sys.path],
            variables=variables,
            descriptors=(writes,),
        ) as process,
    ):
        for line in lines:
            entry: dict[str, Any] = json.loads(line)
            if "interrupted" in entry:
                raise KeyboardInterrupt
            measurements = [Measurement(*values) for values in entry["measurements"]]
            yield by_hash[entry["hash"]], (measurements, entry["error"])
    listed.unlink()
    if process.returncode not in ENDED:
        raise ValueError(f"cannot run the benchmarks: pytest ended with {process.returncode}; see {log}")
