"""Pytest plugin of the gate: begin each benchmark, and each sample of it, only when told.

So two processes can take turns, and what the machine does meanwhile is the same for both.
"""

import os
import random
from collections.abc import Callable, Generator
from typing import Any

import pytest

SAMPLE = "."  # what is next, where it is another sample of the same benchmark
ENOUGH = 10  # samples, however short the time for a benchmark, where one takes less than SHORT seconds
SHORT = 0.02


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--turns`."""
    parser.addoption("--turns", help="file descriptors: where leave to go on is read, what is next written")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Say which benchmark is next, and wait before its set-up begins."""
    _wait(item.config, item.nodeid)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """Wait before each sample, once pytest-benchmark knows how many calls one needs."""
    benchmark: Any = item.funcargs.get("benchmark")
    if benchmark is not None:
        calibrate, make = benchmark._calibrate_timer, benchmark._make_stats

        def calibrated(runner: Callable[[range], float]) -> Any:
            runner(range(1))  # it compiles and touches memory, and would be taken for a slow benchmark
            found = calibrate(runner)
            if found[0] < SHORT:
                benchmark._min_rounds = ENOUGH
            return found

        def in_turn(iterations: int) -> Any:
            stats = make(iterations)
            held = list[bytearray]()
            note = stats.update

            def update(duration: float) -> None:
                note(duration)
                # Where results lie decides how fast they are written; what is held in between moves them, or
                # a whole process would have them where chance put them first.
                held[:] = [bytearray(random.randrange(2**6, 2**15)) for _ in range(4)]
                _wait(item.config, SAMPLE)

            stats.update = update
            _wait(item.config, SAMPLE)
            return stats

        benchmark._calibrate_timer, benchmark._make_stats = calibrated, in_turn
    return (yield)


def _wait(config: pytest.Config, following: str) -> None:
    """Say what is next, and wait for a byte."""
    reads, writes = map(int, config.getoption("--turns").split(","))
    os.write(writes, f"{following}\n".encode())
    if not os.read(reads, 1):
        pytest.exit("whoever gives the turns is gone", returncode=4)
