"""Compile elementwise functions into a single fused kernel with TorchInductor.

Inductor compiles the traced function directly. `torch.compile` checks its assumptions at each call, which
takes 20 µs: longer than the work itself at 2^14 elements.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from impl.compilation import private_torch
from impl.compilation.settings import torch_defaults

EXAMPLE = 4099  # elements to trace and check with; a prime, so that no vector length divides it
OPTIONS = {
    "cpp.dynamic_threads": True,  # torch's number of threads at the time of the call
    "cpp.enable_floating_point_contract_flag": "fast",  # a·b + c in one rounding
    "compile_threads": 1,  # a pool of compiling processes would outlive this one
}


@dataclass(frozen=True)
class Kernel:
    """A compiled function, or None and the reason, and the seconds that compiling took."""

    run: Callable[..., Any] | None
    seconds: float
    reason: str


KERNELS: dict[tuple[str, str], Kernel] = {}  # (function, device) -> kernel, in the order of compiling


def compiler(device: str) -> str | None:
    """Return the compiler for `device`: the path of a C++ compiler, "triton", or None.

    None also where torch's own variable TORCH_COMPILE_DISABLE is 1.

    Args:
        device: "cpu" or "cuda".
    """
    if os.environ.get("TORCH_COMPILE_DISABLE") == "1":
        return None
    if device == "cpu":
        return shutil.which(os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++"))
    return "triton" if private_torch.has_triton() else None


def _compile(function: Callable[..., Any], vectors: int, scalars: int, device: str) -> Callable[..., Any]:
    """Compile `function` for float32 vectors of any length; compare the kernel with it on an example."""
    generator = torch.Generator("cpu").manual_seed(0)
    shapes = [(EXAMPLE,)] * vectors + [()] * scalars
    examples = [torch.rand(s, generator=generator, dtype=torch.float32, device="cpu") for s in shapes]
    examples = [example.to(device) for example in examples]
    run = private_torch.compile_graph(function, examples, OPTIONS)
    torch.testing.assert_close(run(*examples), function(*examples), rtol=1e-4, atol=1e-5)
    return run


@cache
def compile_elementwise(function: Callable[..., Any], vectors: int, scalars: int, device: str) -> Kernel:
    """Compile `function` of float32 vectors (n,) and scalars () into one kernel, without autograd.

    The next process finds the kernel in torch's cache (TORCHINDUCTOR_CACHE_DIR). Nothing is raised: without
    a compiler, or where it fails, `run` is None and `reason` says why.

    Args:
        function: takes `vectors` tensors of one length and then `scalars` tensors without dimensions;
            returns a tensor or a tuple of tensors. The kernel takes and returns the same.
        vectors: number of vectors.
        scalars: number of scalars.
        device: "cpu" or "cuda".
    """
    begin = time.perf_counter()
    run, reason = None, ""
    if compiler(device) is None:
        reason = f"no compiler for {device}"
    else:
        try:
            with torch_defaults():
                run = _compile(function, vectors, scalars, device)
        except Exception as error:  # compilers fail in every way; callers fall back
            reason = f"{type(error).__name__}: {error}"[:500]
    kernel = Kernel(run, time.perf_counter() - begin, reason)
    KERNELS[function.__qualname__, device] = kernel
    return kernel
