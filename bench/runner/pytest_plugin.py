"""Pytest plugins that collect benchmarks and record each one as soon as it finishes."""

from collections.abc import Callable, Generator
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
    """Plugin that skips finished benchmarks and passes on the samples of all others.

    Args:
        finished: Hashes of the benchmarks to skip.
        begin: Called with the number of benchmarks to run.
        record: Called with each case, its measurements, and its error or "".
    """

    def __init__(
        self,
        finished: set[str],
        begin: Callable[[int], None],
        record: Callable[[BenchmarkCase, list[Measurement], str], None],
    ) -> None:
        self.finished, self.begin, self.record = finished, begin, record

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Function]) -> None:
        """Deselect finished benchmarks."""
        done = [item for item in items if case_of(item).config_hash in self.finished]
        items[:] = [item for item in items if item not in done]
        config.hook.pytest_deselected(items=done)
        self.begin(len(items))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Pass on the raw samples after the call, or the error of set-up or call."""
        report = yield
        if report.failed and report.when != "teardown":
            self.record(case_of(item), [], str(call.excinfo.value) if call.excinfo else "failed")
        elif report.passed and report.when == "call":
            benchmark: Any = item.funcargs["benchmark"]
            samples = enumerate(benchmark.stats.stats.data)
            measured = [Measurement("seconds", step, value, "s") for step, value in samples]
            self.record(case_of(item), measured + _extra(benchmark.extra_info), "")
        return report
