"""Cost of the first call of a compiled activation in a new process, with empty and filled cache."""

import os
import subprocess
import sys
from typing import Any

import pytest

from bench.records.environment import ROOT
from bench.records.runs import BenchmarkCase

CALL = """
import sys, time, torch
from impl.activations import SGELU
x = torch.randn(1000, requires_grad=True)
begin = time.perf_counter()
SGELU()(x).sum().backward()
print(time.perf_counter() - begin)
"""
STATES = ("nothing compiled yet", "compiled by an earlier process")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an empty folder for the compiler's cache."""
    return str(tmp_path_factory.mktemp("compiled"))


@pytest.mark.parametrize(
    "timing", [BenchmarkCase("first_call", "sgelu", "impl", state, 1000) for state in STATES], ids=str
)
def test_first_call(timing: BenchmarkCase, benchmark: Any, cache: str) -> None:
    """Time one call forward and backward after the imports; the benchmark's own time is the process's."""

    def process() -> str:
        variables = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", CALL], env=variables, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    if timing.input == STATES[1] and not os.listdir(cache):  # the first benchmark did not run
        process()
    benchmark.extra_info["first_call_seconds"] = float(benchmark.pedantic(process, rounds=1))
