"""Runs of batch, mini-batch and stochastic descent to known minima."""

from typing import Any

import pytest

from bench.experiments.workloads import convergence
from bench.records.runs import BenchmarkCase
from bench.suites.interleaved import Timed


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
    rate, steps = convergence.fastest_on(problem, timing.subject, seed=0)
    path = convergence.descend_on(problem, timing.subject, rate, steps, seed=0)
    benchmark.extra_info.update(steps=steps, learning_rate=rate, samples=int(path.samples_seen[-1]))
    timed(lambda: convergence.descend_on(problem, timing.subject, rate, steps, seed=0))
