"""Pytest plugin that interleaves two processes: each benchmark and each sample waits for permission.

Both processes share one processor, so that disturbances affect both alike. Two processors would differ: one
may share its core with another process.
"""

import ctypes
import os
import platform
import random
from collections.abc import Callable, Generator
from functools import cache
from typing import Any

import pytest

SAMPLE = "."  # announces another sample of the same benchmark
# Minimum and maximum number of samples: as many as fit into SPENT seconds.
FEW, ENOUGH = 2, 20
SPENT = 0.25
TOUCHED = 2**29  # bytes


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--turns`."""
    parser.addoption("--turns", help="file descriptors to read permissions from and write announcements to")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Announce the end after the last benchmark, before the process ends."""
    result = yield
    os.write(_ends(session.config)[1], b"\n")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Announce the next benchmark and wait before its set-up."""
    _touch()
    _wait(item.config, item.nodeid)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_benchmark_generate_machine_info() -> dict[str, str]:
    """Return the machine's description without the slow query of the processor."""
    return {
        "node": platform.node(),
        "machine": platform.machine(),
        "system": platform.system(),
        "release": platform.release(),
        "python_version": platform.python_version(),
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """Wait before each sample after the timer's calibration, and run samples on the last processor.

    Set-ups run on any processor, at the same time on both sides.
    """
    benchmark: Any = item.funcargs.get("benchmark")
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if benchmark is not None:
        calibrate, make = benchmark._calibrate_timer, benchmark._make_stats

        def calibrated(runner: Callable[[range], float]) -> Any:
            runner(range(1))  # warm-up: compiles and touches memory
            timer = calibrate(runner)
            benchmark._min_rounds = min(max(FEW, int(SPENT / timer[0])), ENOUGH)
            return timer

        def in_turn(iterations: int) -> Any:
            stats = make(iterations)
            held = list[bytearray]()
            note = stats.update

            def update(duration: float) -> None:
                note(duration)
                # The address of results affects the speed of writing. Random allocations vary it within a
                # process.
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
    """Restrict this thread and the threads that it starts to these processors, if the system supports it."""
    if processors:
        os.sched_setaffinity(0, processors)


@cache
def _touch() -> None:
    """Touch memory once: the first access of a page is slow; glibc keeps it (`bench.gate.rounds.MEMORY`)."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.malloc.restype = ctypes.c_void_p
        block = ctypes.c_void_p(library.malloc(ctypes.c_size_t(TOUCHED)))
        library.memset(block, 1, ctypes.c_size_t(TOUCHED))
        library.free(block)


def _ends(config: pytest.Config) -> tuple[int, int]:
    """Return the file descriptors to read permissions from and to write announcements to."""
    reads, writes = map(int, config.getoption("--turns").split(","))
    return reads, writes


def _wait(config: pytest.Config, following: str) -> None:
    """Announce what follows and wait for a byte."""
    reads, writes = _ends(config)
    os.write(writes, f"{following}\n".encode())
    if not os.read(reads, 1):
        pytest.exit("the process that interleaves is gone", returncode=4)
