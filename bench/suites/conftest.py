"""What every benchmark shares: one thread, the device, and how a call is timed on it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from bench.experiments.workloads.registry import KINDS
from bench.experiments.workloads.threads import threads
from bench.records.runs import Interleaved, Timed
from bench.suites.interleaved import Alternatives, interleave


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--device`, and for each kind of candidate an option that brings one, as often as is wanted."""
    parser.addoption("--device", choices=("cpu", "cuda"), default="cpu", help="where the benchmarks run")
    for kind in KINDS:
        parser.addoption(f"--{kind}", action="append", default=[], help="one of yours, file.py:Name")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known that stands for a table and what a user brings to it."""
    config.addinivalue_line("markers", "candidates(kind, timings): timings(own) are what is benchmarked")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a benchmark marked `candidates(kind, timings)` the timings of a table and of a user's own."""
    for mark in metafunc.definition.iter_markers("candidates"):
        kind, timings = mark.args
        metafunc.parametrize("timing", timings(metafunc.config.getoption(f"--{kind}")), ids=str)


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    """`cpu` or `cuda`."""
    return str(request.config.getoption("--device"))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Time one thread: what several threads add is a property of the machine."""
    with threads(1):
        yield


@pytest.fixture
def timed(benchmark: Any, device: str) -> Timed:
    """Benchmark a call; on a GPU the clock stops when the work is done, not when it is queued."""

    def run(call: Callable[[], object]) -> None:
        def synchronised() -> None:
            call()
            torch.cuda.synchronize()

        benchmark(call if device == "cpu" else synchronised)

    return run


@pytest.fixture
def interleaved(benchmark: Any, device: str, request: pytest.FixtureRequest) -> Interleaved:
    """Time alternatives in turn on a number of threads; the benchmark itself is the whole of it, run once."""
    budget = float(request.config.getoption("benchmark_max_time"))

    def run(alternatives: Alternatives, count: int) -> None:
        synchronise = torch.cuda.synchronize if device == "cuda" else lambda: None
        with threads(count):
            samples = benchmark.pedantic(interleave, (alternatives, budget, synchronise), rounds=1)
        benchmark.extra_info["alternatives"] = samples

    return run
