"""Runs of batch, mini-batch and stochastic descent to known minima."""

from typing import Any

import pytest

from bench.experiments.workloads import convergence
from bench.records.runs import BenchmarkCase
from bench.suites.interleaved import Timed
from bench.suites.setup_cache import cached


def fastest_to_minimum(problem: str, method: str) -> tuple[float, int, int]:
    """Return the learning rate that needs the fewest steps to the minimum, these steps and their samples."""
    chosen = convergence.PROBLEMS[problem]()
    rate, steps = convergence.fastest_on(chosen, method, seed=0)
    path = convergence.descend_on(chosen, method, rate, steps, seed=0)
    return rate, steps, int(path.samples_seen[-1])


@pytest.mark.parametrize(
    "timing",
    [
        BenchmarkCase("time_to_minimum", method, "impl", problem, 512)
        for problem in convergence.PROBLEMS
        for method in convergence.PLAIN
    ],
    ids=str,
)
def test_time_to_minimum(timing: BenchmarkCase, benchmark: Any, timed: Timed) -> None:
    """Time a run to a tenth of the initial distance to the minimum, at the method's best learning rate."""
    problem = convergence.PROBLEMS[timing.input]()
    rate, steps, samples = cached(fastest_to_minimum, timing.input, timing.subject)
    benchmark.extra_info.update(steps=steps, learning_rate=rate, samples=samples)
    timed(lambda: convergence.descend_on(problem, timing.subject, rate, steps, seed=0))
