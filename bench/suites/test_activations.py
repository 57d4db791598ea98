"""Forward and backward cost of the activations, every rung of the ladder and torch's own kernels."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.experiments.workloads.registry import module_of
from bench.records.runs import BenchmarkCase
from bench.suites.interleaved import Alternatives, Interleaved, Timed
from impl.activations.autograd import BACKENDS
from impl.activations.registry import ACTIVATIONS

SIZES = (2**14, 2**17, 2**20)
# whose rungs are shown one by one; of the others the module, which picks one, and torch's kernel
CLIMBED = ("swish", "sgelu", "ada_sgelu")
IMPLEMENTATIONS = [
    (name, implementation)
    for name, activation in ACTIVATIONS.items()
    for implementation in ("impl", "torch", *(BACKENDS if name in CLIMBED else ()))
    if implementation != "torch" or activation.native
]


def timings(task: str, own: Sequence[str]) -> list[BenchmarkCase]:
    """Every implementation at every size, and a user's own activations."""
    return [
        BenchmarkCase(task, name, implementation, f"{size} elements", size)
        for size in SIZES
        for name, implementation in [*IMPLEMENTATIONS, *((name, "impl") for name in own)]
    ]


def function(timing: BenchmarkCase, device: str) -> tuple[Callable[[Tensor], Tensor], list[Tensor]]:
    """What is timed and its trainable parameters: our module, a rung of the ladder, or torch's function."""
    if timing.subject not in ACTIVATIONS:
        own = module_of(timing.subject)().to(device)
        return own, list(own.parameters())
    activation = ACTIVATIONS[timing.subject]
    if timing.implementation == "torch":
        assert activation.native
        return activation.native, []
    module = activation.module(device=device)
    if timing.implementation == "impl":
        return module, list(module.parameters())
    run, tensors = BACKENDS[timing.implementation], [*module.parameters(), *module.buffers()]
    return lambda x: run(module.op, x, *tensors), list(module.parameters())


def normal(size: int, device: str, seed: int = 0) -> Tensor:
    """Inputs as batch norm leaves them: standard normal."""
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(device)


@pytest.mark.candidates("activation", partial(timings, "activation_forward"))
def test_forward(timing: BenchmarkCase, timed: Timed, device: str) -> None:
    """Value alone, without a graph."""
    (f, _), x = function(timing, device), normal(timing.size, device)
    with torch.no_grad():
        timed(lambda: f(x))


@pytest.mark.candidates("activation", partial(timings, "activation_backward"))
def test_backward(timing: BenchmarkCase, timed: Timed, device: str) -> None:
    """Gradients in the input and, where there is one, in α, through a graph made beforehand."""
    (f, parameters), x = function(timing, device), normal(timing.size, device).requires_grad_()
    y, upstream = f(x), torch.ones_like(x)
    timed(lambda: torch.autograd.grad(y, [x, *parameters], upstream, retain_graph=True))


def both_ways(f: Callable[[Tensor], Tensor], x: Tensor, upstream: Tensor) -> Callable[[], object]:
    """Forward and backward of f at x, through a fresh graph each time."""
    wanted = [x, *(f.parameters() if isinstance(f, nn.Module) else ())]
    return lambda: torch.autograd.grad(f(x), wanted, upstream)


@pytest.mark.parametrize(
    "timing",
    [
        BenchmarkCase("interleaved", "activations", f"{threads} thread", f"{size} elements", size)
        for size in (2**14, 2**17, 2**20, 2**22, 2**24)
        for threads in (1, 2)
    ],
    ids=str,
)
def test_interleaved(timing: BenchmarkCase, interleaved: Interleaved, device: str) -> None:
    """Forward and backward in turn with torch's kernels and with copies of x: the bandwidth limit."""
    x = normal(timing.size, device).requires_grad_()
    upstream, source, target = normal(timing.size, device, seed=1), x.detach(), torch.empty_like(x)
    alternatives: Alternatives = {
        **{
            ACTIVATIONS[name].label: both_ways(ACTIVATIONS[name].module(device=device), x, upstream)
            for name in CLIMBED
        },
        "F.gelu": both_ways(functional.gelu, x, upstream),
        "F.silu": both_ways(functional.silu, x, upstream),
        "copy": lambda: target.detach().copy_(source),
        "copy to fresh memory": source.clone,
    }
    interleaved(alternatives, int(timing.implementation.split()[0]))
