"""Update rules made into one loop over memory each, ahead of time, where there is a compiler.

Like `impl.fused`, but for rules that take numbers, as torch's operations in place want them, and with a call
that costs 3 µs; and the next process loads what was made in milliseconds, without tracing it again.
"""

import hashlib
import inspect
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from impl.compilation.inductor import KERNELS, OPTIONS, Kernel, compiler

Rule = Callable[..., None]
EXAMPLE = 100_003  # elements to compile with: enough for several threads; any other number then runs


class _Exportable(nn.Module):
    """A rule of vectors and one tensor of scalars: as numbers the exporter would take them for constants."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule = rule

    def forward(self, vectors: tuple[Tensor, ...], scalars: Tensor) -> None:
        """Apply the rule; vectors: (n,) each, but for `work`, scalars: (k,) float64."""
        work = torch.empty_like(vectors[0])  # stays in registers
        self.rule(*vectors, work, *(scalars[i].item() for i in range(len(scalars))))


def _package(rule: Rule, vectors: int, scalars: int, path: Path) -> None:
    """Compile `rule` for float32 vectors on the CPU and store it at `path`."""
    examples = tuple(torch.ones(EXAMPLE) for _ in range(vectors)), torch.ones(scalars, dtype=torch.float64)
    shapes = ({0: torch.export.Dim("n", min=2)},) * vectors, None
    program = torch.export.export(_Exportable(rule), examples, dynamic_shapes=shapes)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = torch._inductor.aoti_compile_and_package(
            program, package_path=f"{folder}/{path.name}", inductor_configs=OPTIONS
        )
        os.replace(made, path)  # whole or not at all: another process may be looking


def _load(rule: Rule, vectors: int, scalars: int) -> Callable[[list[Tensor]], object]:
    """The rule from torch's cache folder, compiled first if it is not there."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    source = inspect.getsource(rule), inspect.getsource(_Exportable), vectors, scalars, EXAMPLE, OPTIONS
    machine = torch.__version__, torch.backends.cpu.get_cpu_capability(), compiler("cpu")
    name = hashlib.sha256(repr((source, machine)).encode()).hexdigest()[:32]
    path = Path(cache_dir(), "update_rules", f"{name}.pt2")
    if not path.exists():
        # Whoever compiles, in the middle of a training run as it may be, shall draw what all others draw.
        with warnings.catch_warnings(), torch.no_grad(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # the exporter's, of torch's own calls
            _package(rule, vectors, scalars, path)
    # the loader itself: the package's own call spends 20 µs on sorting its arguments
    run: Callable[[list[Tensor]], object] = torch._inductor.aoti_load_package(str(path)).loader.run
    return run


@cache
def compiled(rule: Rule, vectors: int, scalars: int) -> Kernel:
    """`rule` as one loop over float32 vectors on the CPU, called with [*vectors, scalars].

    vectors, scalars: how many of each there are, `work` aside; scalars go in as one float64 tensor, and the
    loop has them in float32. The first call compiles for seconds; what it made is kept in torch's cache
    (TORCHINDUCTOR_CACHE_DIR). Raises nothing: without a compiler or where it fails, `run` is None.
    """
    begin = time.perf_counter()
    run, reason = None, ""
    if compiler("cpu") is None:
        reason = "no compiler for cpu"
    else:
        try:
            run = _load(rule, vectors, scalars)
        except Exception as error:  # compilers fail in every way; the rule itself is what is left then
            reason = f"{type(error).__name__}: {error}"[:500]
    kernel = Kernel(run, time.perf_counter() - begin, reason)
    KERNELS[rule.__qualname__, "cpu"] = kernel
    return kernel
