"""Pytest plugins that collect benchmarks and record each one as soon as it finishes."""

import time
from collections.abc import Callable, Collection, Generator
from typing import Any

import pytest

from bench.records.runs import BenchmarkCase, Measurement


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

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Remember the cases of all items."""
        self.cases = tuple(map(case_of, items))


class Recorder:
    """Plugin that leaves out finished benchmarks and passes on the samples of all others.

    Args:
        finished: Hashes of the benchmarks to leave out.
        begin: Called with the benchmarks to run.
        record: Called with each case, its measurements, and its error or "".

    Attributes:
        collected: Number of benchmarks.
        unmeasured: Benchmarks to run that were not passed to `record` yet.
        interrupted: Whether Ctrl-C ended the run.
    """

    def __init__(
        self,
        finished: set[str],
        begin: Callable[[Collection[BenchmarkCase]], None],
        record: Callable[[BenchmarkCase, list[Measurement], str], None],
    ) -> None:
        self.finished, self.begin, self.record = finished, begin, record
        self.collected, self.interrupted = 0, False
        self.unmeasured: dict[BenchmarkCase, None] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Function]) -> None:
        """Deselect finished benchmarks, before any other plugin can deselect more."""
        done = [item for item in items if case_of(item).config_hash in self.finished]
        self.collected = len(items)
        items[:] = [item for item in items if item not in done]
        config.hook.pytest_deselected(items=done)
        self.unmeasured = dict.fromkeys(map(case_of, items))
        self.since = time.perf_counter()  # when the last benchmark ended
        self.begin(self.unmeasured)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Pass on the raw samples after the call, or why there are none."""
        report = yield
        if report.when == "teardown" or (report.when == "setup" and report.passed):
            return report
        case = case_of(item)
        benchmark: Any = item.funcargs.get("benchmark")
        stats = getattr(benchmark, "stats", None)
        if not report.passed:
            reason = str(call.excinfo.value) if call.excinfo else "failed"
            self._pass_on(case, [], f"skipped: {reason}" if report.skipped else reason)
        elif stats is None:
            self._pass_on(case, [], "nothing was timed")
        else:
            samples = enumerate(stats.stats.data)
            measured = [Measurement("seconds", step, value, "s") for step, value in samples]
            measured.append(Measurement("run_seconds", 0, time.perf_counter() - self.since, "s"))
            self._pass_on(case, measured + _extra(benchmark.extra_info), "")
        return report

    def _pass_on(self, case: BenchmarkCase, measurements: list[Measurement], error: str) -> None:
        self.unmeasured.pop(case, None)
        self.record(case, measurements, error)
        self.since = time.perf_counter()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell Ctrl-C from other ends: pytest calls this, too, when it cannot collect a file."""
        self.interrupted = excinfo.type is KeyboardInterrupt
