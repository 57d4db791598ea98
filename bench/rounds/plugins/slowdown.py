"""Pytest plugin that injects a slowdown: after each call it waits for a share of the call's time.

It calibrates the regression check. Both sides run it, the base with a share of 0, so that its own overhead is
on both.
"""

import time
from collections.abc import Callable, Generator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--slowdown-share` and `--slowdown-group`."""
    parser.addoption("--slowdown-share", type=float, default=0.0, help="wait, as a share of a call's time")
    parser.addoption("--slowdown-group", default="", help="group of benchmarks to slow down")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """Include the wait in the time of the benchmark."""
    share = item.config.getoption("--slowdown-share")
    benchmark: Any = item.funcargs.get("benchmark")
    if benchmark is not None:
        group = item.name.split("[")[-1].split("-")[0]
        chosen = share if group == item.config.getoption("--slowdown-group") else 0.0
        make = benchmark._make_runner
        benchmark._make_runner = lambda function, args, kwargs: make(slowed(function, chosen), args, kwargs)
    return (yield)


def slowed(function: Callable[..., Any], share: float) -> Callable[..., Any]:
    """Return the function followed by a wait of `share` of its time."""

    def run(*args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        result = function(*args, **kwargs)
        end = time.perf_counter()
        until = end + share * (end - begin)
        while time.perf_counter() < until:
            pass
        return result

    return run
