"""Cost of the first call of a compiled activation in a new process, with empty and filled cache."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.records.environment import ROOT
from bench.records.runs import BenchmarkCase
from impl.activations import SGELU
from impl.compilation.private_torch import cache_folder

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

    The cache is a new folder, or that of this process, which has the kernels by then: a round runs the two in
    any order.
    """
    cache = tmp_path
    if timing.input == STATES[1]:
        SGELU()(torch.randn(1000, requires_grad=True)).sum().backward()
        cache = cache_folder()
    seconds = benchmark.pedantic(process, (cache,), rounds=1)
    benchmark.extra_info["first_call_seconds"] = float(seconds)
