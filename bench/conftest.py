"""What every benchmark shares: one thread, the device, and how a call is timed on it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from bench.interleaved import Alternatives, interleave
from bench.threads import threads
from bench.timing import Interleaved, Timed


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--device`."""
    parser.addoption("--device", choices=("cpu", "cuda"), default="cpu", help="where the benchmarks run")


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
