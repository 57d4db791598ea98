"""What every benchmark shares: one thread, the device, and how a call is timed on it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from bench.timing import Timed


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
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def timed(benchmark: Any, device: str) -> Timed:
    """Benchmark a call; on a GPU the clock stops when the work is done, not when it is queued."""

    def run(call: Callable[[], object]) -> None:
        def synchronised() -> None:
            call()
            torch.cuda.synchronize()

        benchmark(call if device == "cpu" else synchronised)

    return run
