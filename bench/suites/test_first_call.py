"""Cost of the first call of a compiled activation in a new process, with empty and filled cache."""

import os
import subprocess
import sys
from pathlib import Path
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


def process(cache: Path) -> str:
    """Run CALL in a new process with this folder for the compiler's cache; return the seconds."""
    variables = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CALL], env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "timing", [BenchmarkCase("first_call", "sgelu", "impl", state, 1000) for state in STATES], ids=str
)
def test_first_call(timing: BenchmarkCase, benchmark: Any, tmp_path: Path) -> None:
    """Time one call forward and backward after the imports; the benchmark's own time is the process's.

    The cache is a new folder, since a round runs the two in any order.
    """
    if timing.input == STATES[1]:
        process(tmp_path)
    seconds = benchmark.pedantic(process, (tmp_path,), rounds=1)
    benchmark.extra_info["first_call_seconds"] = float(seconds)
