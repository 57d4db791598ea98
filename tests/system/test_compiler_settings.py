"""Kernels are the same whatever a process has set when it compiles them."""

import json
import os
import subprocess
import sys

import pytest
import torch

from impl.compilation.inductor import compiler

# What a process makes of x erf(x) and of three steps of Adagrad, by kernels alone.
PROGRAM = """
import contextlib, sys, json
import torch
from torch import nn
from impl.activations import SGELU
from impl.compilation.inductor import KERNELS
from impl.optimizers import Adagrad
from tests.impl.compilation.test_settings import everything_else

x, p = torch.linspace(-3, 3, 16, dtype=torch.float32), nn.Parameter(torch.ones(10_000, dtype=torch.float32))
with everything_else() if sys.argv[1] == "other" else contextlib.nullcontext():
    y = SGELU()(x)
    with torch.inference_mode(False):
        optimizer = Adagrad([p], lr=0.1)
        for gradient in (1.0, 2.0, -1.0):
            p.grad = torch.full_like(p, gradient)
            optimizer.step()
assert all(kernel.run for kernel in KERNELS.values()), KERNELS
print(json.dumps([str(y.dtype), y.tolist(), str(p.dtype), p.detach()[::999].tolist()]))
"""


@pytest.mark.skipif(compiler("cpu") is None, reason="no C++ compiler")
@pytest.mark.parametrize("order", [("other", "torch's"), ("torch's", "other")], ids=" then ".join)
def test_kernels_compiled_under_other_settings_are_those_of_torchs(order, tmp_path):
    """In this process, and in the next one that finds them in the cache."""
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    results, kernels = [], []
    for settings in order:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, settings], env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        results.append(json.loads(run.stdout))
        kernels.append({path.name for kind in ("*.pt2", "*.main.cpp") for path in tmp_path.rglob(kind)})
    assert results[0] == results[1]
    assert kernels[0] == kernels[1]  # the second process found what it looked for
    value_dtype, value, theta_dtype, theta = results[0]
    x, p = torch.linspace(-3, 3, 16), torch.nn.Parameter(torch.ones(11))
    optimizer = torch.optim.Adagrad([p], lr=0.1)
    for gradient in (1.0, 2.0, -1.0):
        p.grad = torch.full_like(p, gradient)
        optimizer.step()
    assert value_dtype == theta_dtype == "torch.float32"
    torch.testing.assert_close(torch.tensor(value), x * torch.erf(x))
    torch.testing.assert_close(torch.tensor(theta), p.detach())
