"""Ahead-of-time compilation of optimizer update rules with AOTInductor.

Like `impl.compilation.inductor`, but for rules that take Python numbers, as torch's in-place operations do.
A call costs 3 µs, and the next process loads the kernel in milliseconds without tracing the rule again.
"""

import hashlib
import inspect
import os
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from impl.compilation import private_torch
from impl.compilation.inductor import KERNELS, OPTIONS, Kernel, compiler
from impl.compilation.settings import torch_defaults

UpdateRule = Callable[..., None]  # (*vectors, work, *scalars), in place
EXAMPLE = 100_003  # elements to compile with: enough for several threads; the kernel takes any number


class _Exportable(nn.Module):
    """An update rule of vectors and one tensor of scalars; the exporter takes numbers for constants."""

    def __init__(self, rule: UpdateRule) -> None:
        super().__init__()
        self.rule = rule

    def forward(self, vectors: tuple[Tensor, ...], scalars: Tensor) -> None:
        """Apply the rule to vectors (n,), without `work`, and scalars (k,) float64."""
        work = torch.empty_like(vectors[0])  # stays in registers
        self.rule(*vectors, work, *(scalars[i].item() for i in range(len(scalars))))


def _package(rule: UpdateRule, vectors: int, scalars: int, path: Path) -> None:
    """Compile `rule` for float32 vectors on the CPU and store the package at `path`."""
    vector = torch.ones(EXAMPLE, dtype=torch.float32, device="cpu")
    numbers = torch.ones(scalars, dtype=torch.float64, device="cpu")
    examples = tuple(vector.clone() for _ in range(vectors)), numbers
    shapes = ({0: torch.export.Dim("n", min=2)},) * vectors, None
    program = torch.export.export(_Exportable(rule), examples, dynamic_shapes=shapes)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        package = private_torch.compile_package(program, Path(folder, path.name), OPTIONS)
        os.replace(package, path)  # whole or not at all: another process may be looking


def update_rules() -> Path:
    """Return the folder of the compiled update rules, a file each."""
    return private_torch.cache_folder() / "update_rules"


def _load(rule: UpdateRule, vectors: int, scalars: int) -> Callable[[list[Tensor]], object]:
    """Load the kernel of `rule` from torch's cache folder, compiling it first if it is not there."""
    sources = [inspect.getsource(part) for part in (rule, _Exportable, _package, torch_defaults)]
    compiled = sources, vectors, scalars, OPTIONS
    machine = torch.__version__, torch.backends.cpu.get_cpu_capability(), compiler("cpu")
    name = hashlib.sha256(repr((compiled, machine)).encode()).hexdigest()[:32]
    path = update_rules() / f"{name}.pt2"
    if not path.exists():
        with torch_defaults():
            _package(rule, vectors, scalars, path)
    return private_torch.load_package(path)


@cache
def compile_update_rule(rule: UpdateRule, vectors: int, scalars: int) -> Kernel:
    """Compile `rule` into one kernel for float32 vectors on the CPU, called with [*vectors, scalars].

    The first call compiles for seconds; torch's cache (TORCHINDUCTOR_CACHE_DIR) keeps the kernel. Nothing is
    raised: without a compiler, or where it fails, `run` is None and `reason` says why.

    Args:
        rule: the update rule, in place.
        vectors: number of vectors without `work`.
        scalars: number of scalars, passed as one float64 tensor; the kernel has them in float32.
    """
    begin = time.perf_counter()
    run, reason = None, ""
    if compiler("cpu") is None:
        reason = "no compiler for cpu"
    else:
        try:
            run = _load(rule, vectors, scalars)
        except Exception as error:  # compilers fail in every way; the rule itself runs then
            reason = f"{type(error).__name__}: {error}"[:500]
    kernel = Kernel(run, time.perf_counter() - begin, reason)
    KERNELS[rule.__qualname__, "cpu"] = kernel
    return kernel
