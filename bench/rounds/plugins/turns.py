"""Pytest plugin that makes samples repeatable, and interleaves two processes where they are compared.

All samples are taken on one processor, of memory that was touched before. Two processors would differ: one
may share its core with another process. Of interleaved processes each benchmark and each sample waits for
permission, so that disturbances affect both alike.
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
# Minimum number of samples: as many as fit into SPENT seconds, at least FEW and at most ENOUGH.
FEW, ENOUGH = 2, 20
SPENT = 1.0
TOUCHED = 2**29  # bytes


def fewest_samples(seconds: float) -> int:
    """Return the least number of samples of a benchmark whose samples take `seconds`."""
    return min(max(FEW, int(SPENT / max(seconds, SPENT / ENOUGH))), ENOUGH)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--turns`."""
    parser.addoption("--turns", help="file descriptors to read permissions from and write announcements to")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Announce the end after the last benchmark, before the process ends."""
    result = yield
    if ends := _ends(session.config):
        os.write(ends[1], b"\n")
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

    Set-ups run on any processor, at the same time on both sides. So does what a benchmark calls without the
    timer's calibration: alternatives that it interleaves itself, on several threads or workers.
    """
    benchmark: Any = item.funcargs.get("benchmark")
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if benchmark is not None:
        calibrate, make = benchmark._calibrate_timer, benchmark._make_stats

        def calibrated(runner: Callable[[range], float]) -> Any:
            timer = calibrate(runner)
            benchmark._min_rounds = fewest_samples(timer[0])
            _bind({max(usable)} if usable else usable)
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
    """Touch memory once: the first access of a page is slow; glibc keeps it (`process.MEMORY`)."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.malloc.restype = ctypes.c_void_p
        block = ctypes.c_void_p(library.malloc(ctypes.c_size_t(TOUCHED)))
        library.memset(block, 1, ctypes.c_size_t(TOUCHED))
        library.free(block)


def _ends(config: pytest.Config) -> tuple[int, int] | None:
    """Return the file descriptors to read permissions from and to write announcements to, if any."""
    if not (turns := config.getoption("--turns")):
        return None
    reads, writes = map(int, turns.split(","))
    return reads, writes


def _wait(config: pytest.Config, following: str) -> None:
    """Announce what follows and wait for a byte; without `--turns` go on."""
    if not (ends := _ends(config)):
        return
    reads, writes = ends
    os.write(writes, f"{following}\n".encode())
    if not os.read(reads, 1):
        pytest.exit("the process that interleaves is gone", returncode=4)
