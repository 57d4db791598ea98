"""Pytest plugin of the gate: how much memory each benchmark needs at its peak beyond what the process has."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
LEAST = 4 * 2**20  # bytes; below this the allocator's own steps are all that is seen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """Note `peak_bytes` beside the samples, at least LEAST; nothing where the system does not tell."""
    known = RESET.exists()
    if known:
        RESET.write_text("5")  # Linux: forget the highest resident size so far
    before = resident("VmRSS") if known else 0
    result = yield
    benchmark: Any = item.funcargs.get("benchmark")
    if known and benchmark is not None:
        benchmark.extra_info["peak_bytes"] = max(resident("VmHWM") - before, LEAST)
    return result


def resident(field: str) -> int:
    """A size from the process's status, in bytes: VmRSS, resident now; VmHWM, at most since the reset."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return 1024 * int(line.split()[1])
