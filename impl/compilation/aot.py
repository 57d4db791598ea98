"""Ahead-of-time compilation of optimizer update rules and of transforms with AOTInductor.

Like `impl.compilation.inductor`, but for rules that take Python numbers, as torch's in-place operations do,
and for tensors of several axes. A call costs 3 µs, and the next process loads the kernel in milliseconds
without tracing the function again.
"""

import hashlib
import inspect
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from impl.compilation import private_torch
from impl.compilation.inductor import KERNELS, OPTIONS, Kernel, compiler
from impl.compilation.settings import torch_defaults

UpdateRule = Callable[..., None]  # (*vectors, work, *scalars), in place
Sizes = tuple[tuple[int, ...], ...]
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
    _store(torch.export.export(_Exportable(rule), examples, dynamic_shapes=shapes), path)


def _store(program: torch.export.ExportedProgram, path: Path) -> None:
    """Compile an exported program and store the package at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        package = private_torch.compile_package(program, Path(folder, path.name), OPTIONS)
        os.replace(package, path)  # whole or not at all: another process may be looking


def update_rules() -> Path:
    """Return the folder of the compiled update rules, a file each."""
    return private_torch.cache_folder() / "update_rules"


def _load(rule: UpdateRule, vectors: int, scalars: int) -> Callable[[list[Tensor]], object]:
    """Load the kernel of `rule` from torch's cache folder, compiling it first if it is not there."""
    sources = [inspect.getsource(part) for part in (rule, _Exportable, _package, _store, torch_defaults)]
    path = update_rules() / _name(sources, vectors, scalars)
    return _cached(path, lambda: _package(rule, vectors, scalars, path))


def _name(*compiled: object) -> str:
    """Name a package by what is compiled, the options, torch and the machine."""
    machine = torch.__version__, torch.backends.cpu.get_cpu_capability(), compiler("cpu")
    return hashlib.sha256(repr((compiled, OPTIONS, machine)).encode()).hexdigest()[:32] + ".pt2"


def _cached(path: Path, package: Callable[[], None]) -> Callable[[list[Tensor]], Any]:
    """Load the package at `path`; `package` stores it there first if there is none."""
    if not path.exists():
        with torch_defaults():
            package()
    return private_torch.load_package(path)


def _kernel(function: Callable[..., Any], load: Callable[[], Callable[[list[Tensor]], Any]]) -> Kernel:
    """Return the kernel of `function` that `load` loads, or none with the reason."""
    begin = time.perf_counter()
    run, reason = None, ""
    if compiler("cpu") is None:
        reason = "no compiler for cpu"
    else:
        try:
            run = load()
        except Exception as error:  # compilers fail in every way; the function itself runs then
            reason = f"{type(error).__name__}: {error}"[:500]
    kernel = Kernel(run, time.perf_counter() - begin, reason)
    KERNELS[function.__qualname__, "cpu"] = kernel
    return kernel


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
    return _kernel(rule, lambda: _load(rule, vectors, scalars))


class _ExportableFunction(nn.Module):
    """A function of tensors; the exporter takes modules only."""

    def __init__(self, function: Callable[..., tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Apply the function."""
        return self.function(*inputs)


def _package_transform(
    function: Callable[..., tuple[Tensor, ...]], shapes: Sizes, constant: Sizes, path: Path
) -> None:
    """Compile `function` for float32 tensors on the CPU and store the package at `path`."""
    examples = tuple(torch.ones(shape, dtype=torch.float32, device="cpu") for shape in shapes)
    dynamic = tuple(
        {axis: torch.export.Dim.DYNAMIC for axis in range(len(shape)) if axis not in axes}
        for shape, axes in zip(shapes, constant, strict=True)
    )
    # The shapes of *inputs are a tuple in a tuple.
    _store(torch.export.export(_ExportableFunction(function), examples, dynamic_shapes=(dynamic,)), path)


@cache
def compile_transform(function: Callable[..., tuple[Tensor, ...]], shapes: Sizes, constant: Sizes) -> Kernel:
    """Compile `function` of contiguous float32 tensors on the CPU, called with a list of them.

    Kept in torch's cache and without errors, as in `compile_update_rule`. A change of the module in which the
    function is defined compiles it again.

    Args:
        function: returns a tuple of tensors, as the kernel does.
        shapes: the shape of each tensor to compile with, with sizes that have nothing in common.
        constant: the axes of each tensor that keep their size; the others take any.
    """

    def load() -> Callable[[list[Tensor]], Any]:
        parts = (sys.modules[function.__module__], _ExportableFunction, _package_transform, _store)
        sources = [inspect.getsource(part) for part in (*parts, torch_defaults)]
        path = private_torch.cache_folder() / "transforms" / _name(sources, shapes, constant)
        return _cached(path, lambda: _package_transform(function, shapes, constant, path))

    return _kernel(function, load)
