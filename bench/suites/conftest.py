"""Fixtures of all benchmarks: one thread, the device, and how a call is timed on it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.experiments.workloads.registry import KINDS, at_work
from bench.experiments.workloads.threads import threads
from bench.suites.interleaved import Alternatives, Interleaved, Timed, interleave
from impl.compilation.inductor import compiler


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--device`, and for each kind of candidate a repeatable option for custom ones."""
    parser.addoption("--device", choices=("cpu", "cuda"), default="cpu", help="device of the benchmarks")
    for kind in KINDS:
        parser.addoption(f"--{kind}", action="append", default=[], help=f"custom {kind}, file.py:Name")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark of benchmarks over a registry and custom candidates."""
    config.addinivalue_line("markers", "candidates(kind, timings): benchmark timings(custom names)")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the benchmark of the CPU's compiler where there is none, or on another device."""
    compiled = config.getoption("--device") == "cpu" and compiler("cpu") is not None
    return True if collection_path.name == "test_first_call.py" and not compiled else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize benchmarks marked `candidates(kind, timings)` by built-in and custom candidates."""
    for mark in metafunc.definition.iter_markers("candidates"):
        kind, timings = mark.args
        custom = dict.fromkeys(metafunc.config.getoption(f"--{kind}"))
        metafunc.parametrize("timing", timings([*custom]), ids=str)


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    """Return `cpu` or `cuda`."""
    return str(request.config.getoption("--device"))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Use one thread: the gain of several is a property of the machine."""
    with threads(1):
        yield


@pytest.fixture(autouse=True)
def _isolated(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep what custom candidates change in the process from the next benchmark."""
    mark = request.node.get_closest_marker("candidates")
    with at_work(*([(mark.args[0], request.node.callspec.params["timing"].subject)] if mark else [])):
        yield


@pytest.fixture
def timed(benchmark: Any, device: str) -> Timed:
    """Benchmark a call; on a GPU, until the work is done, not only queued."""

    def run(call: Callable[[], object]) -> None:
        def synchronised() -> None:
            call()
            torch.cuda.synchronize()

        ready = call if device == "cpu" else synchronised
        ready()  # compiles and touches memory, which pytest-benchmark would take for the duration of a call
        benchmark(ready)

    return run


@pytest.fixture
def interleaved(benchmark: Any, device: str, request: pytest.FixtureRequest) -> Interleaved:
    """Time interleaved alternatives on a number of threads, as one call of the benchmark."""
    budget = float(request.config.getoption("benchmark_max_time"))

    def run(alternatives: Alternatives, count: int, **rounds: int) -> None:
        synchronise = torch.cuda.synchronize if device == "cuda" else lambda: None
        with threads(count):
            samples = benchmark.pedantic(interleave, (alternatives, budget, synchronise), rounds, rounds=1)
        benchmark.extra_info["alternatives"] = samples

    return run
