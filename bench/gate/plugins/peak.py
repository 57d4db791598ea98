"""Pytest plugin of the gate: how much memory each benchmark needs at its peak beyond what the process has."""

import ctypes
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
LEAST = 4 * 2**20  # bytes; below this the allocator's own steps are all that is seen
# glibc's malloc.h: from which size on a block is the system's own, and how many may be at a time
M_MMAP_THRESHOLD, M_MMAP_MAX = -3, -4


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """Note `peak_bytes` of one call more beside the samples; nothing where the system does not tell."""
    benchmark: Any = item.funcargs.get("benchmark")
    calls: list[Callable[[], object]] = []
    if RESET.exists() and benchmark is not None:
        make = benchmark._make_runner

        def noted(function: Callable[..., object], args: Any, kwargs: Any) -> Any:
            calls[:] = [lambda: function(*args, **kwargs)]
            return make(function, args, kwargs)

        benchmark._make_runner = noted
    result = yield
    for call in calls:
        benchmark.extra_info["peak_bytes"] = peak(call)
    return result


def peak(call: Callable[[], object]) -> int:
    """Bytes that become resident during a call at most, at least LEAST."""
    with _blocks_of_their_own():
        RESET.write_text("5")  # Linux: forget the highest resident size so far
        before = resident("VmRSS")
        call()
        return max(resident("VmHWM") - before, LEAST)


def resident(field: str) -> int:
    """A size from the process's status, in bytes: VmRSS, resident now; VmHWM, at most since the reset."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return 1024 * int(line.split()[1])


@contextmanager
def _blocks_of_their_own() -> Iterator[None]:
    """Let glibc take blocks from the system and give them back, not fill the holes of its heap."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, 2**12)
        library.mallopt(M_MMAP_MAX, 2**16)
    yield
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_MAX, 0)
