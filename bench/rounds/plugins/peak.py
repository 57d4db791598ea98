"""Pytest plugin: measure the peak memory of each benchmark beyond what the process already uses."""

import ctypes
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
LEAST = 4 * 2**20  # bytes; smaller peaks only show the granularity of the allocator
# glibc's malloc.h: size from which a block is mapped separately, and the maximum number of such blocks
M_MMAP_THRESHOLD, M_MMAP_MAX = -3, -4


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """Add `peak_bytes` of one additional call to the benchmark, if the system reports it."""
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
    """Return the peak of additional resident bytes during a call, at least LEAST."""
    with _separate_blocks():
        RESET.write_text("5")  # Linux: reset the peak resident size
        before = resident("VmRSS")
        call()
        return max(resident("VmHWM") - before, LEAST)


def resident(field: str) -> int:
    """Return a size of the process in bytes: VmRSS, resident now; VmHWM, peak since the reset."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return 1024 * int(line.split()[1])


@contextmanager
def _separate_blocks() -> Iterator[None]:
    """Let glibc map and unmap blocks instead of filling gaps of its heap."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, 2**12)
        library.mallopt(M_MMAP_MAX, 2**16)
    yield
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_MAX, 0)
