"""Pytest plugin that plants a slowdown: after each call it waits for a share of what the call took.

For calibrating the gate. Both sides of a calibration run with it, base with a share of 0, so that what the
waiting itself costs is on both.
"""

import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from bench.gate.rounds import group_of


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--plant-share` and `--plant-group`."""
    parser.addoption("--plant-share", type=float, default=0.0, help="share of a call's time to wait after it")
    parser.addoption("--plant-group", default="", help="of which group of benchmarks")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """Let the benchmark time the waiting, too."""
    share = item.config.getoption("--plant-share")
    benchmark: Any = item.funcargs.get("benchmark")
    if benchmark is not None:
        chosen = share if group_of(item.name) == item.config.getoption("--plant-group") else 0.0
        make = benchmark._make_runner
        benchmark._make_runner = lambda function, args, kwargs: make(slowed(function, chosen), args, kwargs)
    return (yield)


def slowed(function: Callable[..., Any], share: float) -> Callable[..., Any]:
    """The function, and a wait of `share` of its time behind each call."""

    def run(*args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        result = function(*args, **kwargs)
        end = time.perf_counter()
        until = end + share * (end - begin)
        while time.perf_counter() < until:
            pass
        return result

    return run
