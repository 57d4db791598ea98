"""What a timing is, and the pytest plugin that hands each finished benchmark on."""

from collections.abc import Callable, Generator
from typing import Any

import pytest

from bench.records.runs import BenchmarkCase, Measurement


def timing_of(item: pytest.Function) -> BenchmarkCase:
    """The `timing` that parametrises a benchmark."""
    timing = item.callspec.params["timing"]
    assert isinstance(timing, BenchmarkCase)
    return timing


def _extra(info: dict[str, Any]) -> list[Measurement]:
    """What a benchmark noted beside its samples: numbers, and of each interleaved alternative the seconds."""
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
    """Pytest plugin: keeps which timings there are."""

    found: tuple[BenchmarkCase, ...] = ()

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Every benchmark is parametrised by a `timing`."""
        self.found = tuple(map(timing_of, items))


class Recorder:
    """Pytest plugin: leaves out the timings already measured and hands over the samples of each new one."""

    def __init__(
        self,
        finished: set[str],
        begin: Callable[[int], None],
        record: Callable[[BenchmarkCase, list[Measurement], str], None],
    ) -> None:
        self.finished, self.begin, self.record = finished, begin, record

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Function]) -> None:
        """Deselect what is in the store; every benchmark is parametrised by a `timing`."""
        done = [item for item in items if timing_of(item).config_hash in self.finished]
        items[:] = [item for item in items if item not in done]
        config.hook.pytest_deselected(items=done)
        self.begin(len(items))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand over the raw samples after the call, or the error of whichever phase failed."""
        report = yield
        if report.failed and report.when != "teardown":
            self.record(timing_of(item), [], str(call.excinfo.value) if call.excinfo else "failed")
        elif report.passed and report.when == "call":
            benchmark: Any = item.funcargs["benchmark"]
            samples = enumerate(benchmark.stats.stats.data)
            measured = [Measurement("seconds", step, value, "s") for step, value in samples]
            self.record(timing_of(item), measured + _extra(benchmark.extra_info), "")
        return report
