"""Private parts of torch that the code depends on, all of them.

Seen in torch 2.13.0. `PRIVATE` names each with what to do when a release of torch lacks it;
tests/impl/compilation/test_private_torch.py checks them one by one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.optim import Optimizer, optimizer

PRIVATE = {
    "torch.optim.optimizer._global_optimizer_pre_hooks": "count only the hooks of the optimizer",
    "torch.optim.optimizer._global_optimizer_post_hooks": "count only the hooks of the optimizer",
    "torch.optim.Optimizer.profile_hook_step": "let torch wrap `step` itself: slower small steps",
    "torch._C._autograd._profiler_enabled": "let torch wrap `step` itself: slower small steps",
    "torch._C._functorch.peek_interpreter_stack": "find another test of being inside vmap, grad or jvp",
    "torch._C._functorch.is_legacy_batchedtensor": "is_grads_batched has another implementation; drop this",
    "torch.autograd.forward_ad._current_level": "find another test of being inside a dual level",
    "torch._inductor.standalone_compile": "use torch.compile: 20 µs more a call",
    "torch._inductor.config.patch": "drop the options: kernels are slower",
    "torch._inductor.aoti_compile_and_package": "run update rules eagerly",
    "torch._inductor.aoti_load_package": "run update rules eagerly",
    "torch._inductor.package.package.AOTICompiledModel": "call the package itself: 20 µs more a call",
    "torch._inductor.runtime.cache_dir_utils.cache_dir": "read TORCHINDUCTOR_CACHE_DIR",
    "torch.fx.experimental.proxy_tensor.make_fx": "use torch.export to trace",
    "torch.utils._triton.has_triton": "try to import triton",
}


def step_is_observed(observed: Optimizer) -> bool:
    """Return whether hooks or the profiler are to see the steps of an optimizer."""
    return bool(
        observed._optimizer_step_pre_hooks
        or observed._optimizer_step_post_hooks
        or optimizer._global_optimizer_pre_hooks
        or optimizer._global_optimizer_post_hooks
        or torch._C._autograd._profiler_enabled()
    )


def with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method `step` of an optimizer in what runs hooks and tells the profiler."""
    return Optimizer.profile_hook_step(step)


def leave_unwrapped(step: Any) -> None:
    """Keep torch from wrapping `step` itself, which costs a third of a small step."""
    step.hooked = True


def inside_transform() -> bool:
    """Return whether vmap, grad, jvp or forward-mode differentiation is at work."""
    return torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0


def is_batched_gradient(grad: Tensor) -> bool:
    """Return whether a gradient is a batch of them: `torch.autograd.grad` with `is_grads_batched`."""
    return torch._C._functorch.is_legacy_batchedtensor(grad)


def compile_graph(
    function: Callable[..., Any], examples: list[Tensor], options: dict[str, Any]
) -> Callable[..., Any]:
    """Trace `function` with symbolic lengths and compile the graph by Inductor."""
    from torch import _inductor
    from torch._inductor import config
    from torch.fx.experimental.proxy_tensor import make_fx

    with config.patch(options):
        graph = make_fx(function, tracing_mode="symbolic")(*examples)
        return _inductor.standalone_compile(graph, [*examples], dynamic_shapes="from_graph")


def compile_package(program: torch.export.ExportedProgram, path: Path, options: dict[str, Any]) -> str:
    """Compile an exported program ahead of time; return the path of the package."""
    own = {**options}  # torch adds its own to them
    return torch._inductor.aoti_compile_and_package(program, package_path=str(path), inductor_configs=own)


def load_package(path: Path) -> Callable[[list[Tensor]], object]:
    """Load a compiled package: its loader, since the package's own call spends 20 µs on its arguments."""
    run: Callable[[list[Tensor]], object] = torch._inductor.aoti_load_package(str(path)).loader.run
    return run


def cache_folder() -> Path:
    """Return the folder of torch's compiled kernels (TORCHINDUCTOR_CACHE_DIR)."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    return Path(cache_dir())


def has_triton() -> bool:
    """Return whether Triton can compile for the GPU."""
    from torch.utils._triton import has_triton

    return has_triton()
