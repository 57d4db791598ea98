"""A function of vectors made into one loop over memory, where there is a compiler for it.

torch's Inductor compiles the traced function directly. `torch.compile` would, too, but looks at each call
whether its assumptions still hold, and at 2^14 elements those 20 µs are more than the work.
"""

import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

EXAMPLE = 4099  # elements to trace and check with; a prime, so that no vector length divides it
OPTIONS = {
    "cpp.dynamic_threads": True,  # torch's number of threads at the time of the call
    "cpp.enable_floating_point_contract_flag": "fast",  # a·b + c in one rounding
    "compile_threads": 1,  # a pool of compiling processes would outlive us
}


@dataclass(frozen=True)
class Kernel:
    """A compiled function, or None with the reason, and the seconds that it took to find out."""

    run: Callable[..., Any] | None
    seconds: float
    reason: str


KERNELS: dict[tuple[str, str], Kernel] = {}  # (function, device) -> what its first call came to


def compiler(device: str) -> str | None:
    """What Inductor compiles with for `device`: path of a C++ compiler, "triton", or None without one.

    None also where torch's own TORCH_COMPILE_DISABLE is 1.
    """
    if os.environ.get("TORCH_COMPILE_DISABLE") == "1":
        return None
    if device == "cpu":
        return shutil.which(os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++"))
    from torch.utils._triton import has_triton

    return "triton" if has_triton() else None


def _compile(function: Callable[..., Any], examples: list[Tensor]) -> Callable[..., Any]:
    """Trace `function` with symbolic lengths, compile it and check it against itself on the examples."""
    from torch._inductor import config, standalone_compile
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.no_grad(), config.patch(OPTIONS):
        graph = make_fx(function, tracing_mode="symbolic")(*examples)
        run: Callable[..., Any] = standalone_compile(graph, [*examples], dynamic_shapes="from_graph")
        torch.testing.assert_close(run(*examples), function(*examples), rtol=1e-4, atol=1e-5)
    return run


@cache
def fused(function: Callable[..., Any], vectors: int, scalars: int, device: str) -> Kernel:
    """`function` of float32 vectors (n,) and scalars (), compiled for `device` ("cpu" or "cuda").

    function: takes `vectors` tensors of one length and then `scalars` of no dimension, and returns a tensor
    or a tuple of them. The kernel takes and returns the same, without autograd. What was compiled once is
    found again in torch's cache (TORCHINDUCTOR_CACHE_DIR) by the next process. Raises nothing: where there is
    no compiler or it fails, `run` is None and `reason` says why.
    """
    begin = time.perf_counter()
    run, reason = None, ""
    if compiler(device) is None:
        reason = f"no compiler for {device}"
    else:
        generator = torch.Generator().manual_seed(0)
        examples = [torch.rand(EXAMPLE, generator=generator) for _ in range(vectors)]
        examples += [torch.rand((), generator=generator) for _ in range(scalars)]
        try:
            with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):  # as in `impl.compiled`
                warnings.simplefilter("ignore")  # Inductor's, of its own calls
                run = _compile(function, [example.to(device) for example in examples])
        except Exception as error:  # compilers fail in every way; the caller has something slower
            reason = f"{type(error).__name__}: {error}"[:500]
    kernel = Kernel(run, time.perf_counter() - begin, reason)
    KERNELS[function.__qualname__, device] = kernel
    return kernel
