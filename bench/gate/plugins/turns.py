"""Pytest plugin of the gate: begin each benchmark, and each sample of it, only when told, on one processor.

So two processes can take turns, and what the machine does meanwhile is the same for both. On processors of
their own they would be as different as these are: one may share its core with a neighbour, the other not.
"""

import ctypes
import os
import platform
import random
from collections.abc import Callable, Generator
from functools import cache
from typing import Any

import pytest

SAMPLE = "."  # what is next, where it is another sample of the same benchmark
# Samples at least and at most, however short the time for a benchmark: as many as SPENT seconds hold.
FEW, ENOUGH = 2, 20
SPENT = 0.25
TOUCHED = 2**29  # bytes


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--turns`."""
    parser.addoption("--turns", help="file descriptors: where leave to go on is read, what is next written")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Say that nothing is next as soon as that is so, not when the process has ended."""
    result = yield
    os.write(_ends(session.config)[1], b"\n")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Say which benchmark is next, and wait before its set-up begins."""
    _touch()
    _wait(item.config, item.nodeid)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_benchmark_generate_machine_info() -> dict[str, str]:
    """What pytest-benchmark keeps of the machine, without the seconds that it takes to ask the processor."""
    return {
        "node": platform.node(),
        "machine": platform.machine(),
        "system": platform.system(),
        "release": platform.release(),
        "python_version": platform.python_version(),
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """Wait before each sample, once pytest-benchmark knows how many calls one needs, and bind to a processor.

    To the last one, for the time of the samples: set-ups may go on at once.
    """
    benchmark: Any = item.funcargs.get("benchmark")
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if benchmark is not None:
        calibrate, make = benchmark._calibrate_timer, benchmark._make_stats

        def calibrated(runner: Callable[[range], float]) -> Any:
            runner(range(1))  # it compiles and touches memory, and would be taken for a slow benchmark
            found = calibrate(runner)
            benchmark._min_rounds = min(max(FEW, int(SPENT / found[0])), ENOUGH)
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
            _bind({max(usable)} if usable else usable)
            _wait(item.config, SAMPLE)
            return stats

        benchmark._calibrate_timer, benchmark._make_stats = calibrated, in_turn
    try:
        return (yield)
    finally:
        _bind(usable)


def _bind(processors: set[int]) -> None:
    """Let this thread, and those that it starts, run on these processors only, where the system can."""
    if processors:
        os.sched_setaffinity(0, processors)


@cache
def _touch() -> None:
    """Touch memory once: a page's first touch may take long, and glibc keeps it (`bench.rounds.MEMORY`)."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.malloc.restype = ctypes.c_void_p
        block = ctypes.c_void_p(library.malloc(ctypes.c_size_t(TOUCHED)))
        library.memset(block, 1, ctypes.c_size_t(TOUCHED))
        library.free(block)


def _ends(config: pytest.Config) -> tuple[int, int]:
    """Where leave is read, and where what is next is written."""
    reads, writes = map(int, config.getoption("--turns").split(","))
    return reads, writes


def _wait(config: pytest.Config, following: str) -> None:
    """Say what is next, and wait for a byte."""
    reads, writes = _ends(config)
    os.write(writes, f"{following}\n".encode())
    if not os.read(reads, 1):
        pytest.exit("whoever gives the turns is gone", returncode=4)
