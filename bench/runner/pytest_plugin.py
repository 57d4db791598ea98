"""Pytest plugins that collect benchmarks, and that run listed ones and hand over each as it finishes."""

import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from bench.records.runs import BenchmarkCase, Measurement


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `Recorder`."""
    parser.addoption("--listed", help="file with the hashes of the benchmarks to run, in their order")
    parser.addoption("--record", type=int, help="file descriptor that results go to")


def pytest_configure(config: pytest.Config) -> None:
    """Record where a list is given; a process that only collects has none."""
    if listed := config.getoption("--listed"):
        wanted = Path(listed).read_text("utf-8").split()
        config.pluginmanager.register(Recorder(wanted, config.getoption("--record")))


def case_of(item: pytest.Function) -> BenchmarkCase:
    """Return the `timing` that parametrizes a benchmark."""
    case = item.callspec.params["timing"]
    assert isinstance(case, BenchmarkCase)
    return case


def _extra(info: dict[str, Any]) -> list[Measurement]:
    """Return a benchmark's additional numbers, and the seconds of each interleaved alternative."""
    alternatives = info.get("alternatives", {})
    return [
        *(Measurement(name, 0, value, "1") for name, value in info.items() if name != "alternatives"),
        *(
            Measurement(f"seconds of {name}", step, value, "s")
            for name, samples in alternatives.items()
            for step, value in enumerate(samples)
        ),
    ]


class Collector:
    """Plugin that remembers all benchmarks."""

    cases: tuple[BenchmarkCase, ...] = ()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Remember the cases of all items, before any other plugin can deselect some."""
        self.cases = tuple(map(case_of, items))


class Recorder:
    """Plugin that runs the listed benchmarks in their order and writes a line of JSON for each.

    A line has the benchmark's `hash`, its `measurements` and its `error` or "", or only `interrupted`.

    Args:
        wanted: Hashes of the benchmarks.
        results: File descriptor.
    """

    def __init__(self, wanted: list[str], results: int) -> None:
        self.order, self.results = {key: place for place, key in enumerate(wanted)}, results

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Function]) -> None:
        """Order the benchmarks and deselect those that are not listed, before any other plugin."""
        others = [item for item in items if case_of(item).config_hash not in self.order]
        listed = [item for item in items if case_of(item).config_hash in self.order]
        items[:] = sorted(listed, key=lambda item: self.order[case_of(item).config_hash])
        config.hook.pytest_deselected(items=others)
        self.since = time.perf_counter()  # when the last benchmark ended

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Pass on the raw samples after the call, or why there are none."""
        report = yield
        if report.when == "teardown" or (report.when == "setup" and report.passed):
            return report
        benchmark: Any = item.funcargs.get("benchmark")
        stats = getattr(benchmark, "stats", None)
        measured: list[Measurement] = []
        error = ""
        if not report.passed:
            reason = str(call.excinfo.value) if call.excinfo else "failed"
            error = f"skipped: {reason}" if report.skipped else reason
        elif stats is None:
            error = "nothing was timed"
        else:
            measured = [
                Measurement("seconds", step, value, "s") for step, value in enumerate(stats.stats.data)
            ]
            measured.append(Measurement("run_seconds", 0, time.perf_counter() - self.since, "s"))
            measured += _extra(benchmark.extra_info)
        self._write({"hash": case_of(item).config_hash, "measurements": measured, "error": error})
        self.since = time.perf_counter()
        return report

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell Ctrl-C from other ends: pytest calls this, too, when it cannot collect a file."""
        if excinfo.type is KeyboardInterrupt:
            self._write({"interrupted": True})

    def _write(self, line: dict[str, object]) -> None:
        data = f"{json.dumps(line)}\n".encode()
        while data:
            data = data[os.write(self.results, data) :]
