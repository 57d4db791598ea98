"""Forward and backward cost of the activations, of all backends and of torch's kernels."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.experiments.workloads.registry import module_of
from bench.records.names import AGAIN, COPIES, TWICE
from bench.records.runs import BenchmarkCase
from bench.suites.interleaved import Alternatives, Interleaved, Timed
from impl.activations.autograd import BACKENDS
from impl.activations.registry import ACTIVATIONS
from impl.models import sized

WIDTH = 128  # of the classifier's hidden layer; 128 samples of it have 2^14 elements
SIZES = (2**14, 2**17, 2**20, 2**24)  # the classifier's, two caches, and beyond every cache
NAMED = ("relu", "gelu", "sigmoid", "swish", "sgelu", "ada_sgelu")  # timed at every size; others at the first
# Activations of which every backend is timed; of others the module, which selects one, and torch's kernel.
COMPARED = ("swish", "sgelu", "ada_sgelu")
IMPLEMENTATIONS = [
    (name, implementation)
    for name, activation in ACTIVATIONS.items()
    for implementation in ("impl", "torch", *(BACKENDS if name in COMPARED else ()))
    if implementation != "torch" or activation.native
]


def cases(task: str, custom: Sequence[str]) -> list[BenchmarkCase]:
    """Return every implementation at the classifier's size; NAMED and custom ones at all sizes."""
    every = [
        *IMPLEMENTATIONS,
        *((name, AGAIN) for name in TWICE if name in ACTIVATIONS),
        *((name, "impl") for name in custom),
    ]
    return [
        BenchmarkCase(task, name, implementation, f"{size} elements", size)
        for size in SIZES
        for name, implementation in every
        if size == SIZES[0]
        or name in custom
        or (name in NAMED and implementation in ("impl", "torch", AGAIN, "composed"))
    ]


def function(timing: BenchmarkCase, device: str) -> tuple[Callable[[Tensor], Tensor], list[Tensor]]:
    """Return the function to time and its parameters: our module, a backend, or torch's function."""
    if timing.subject not in ACTIVATIONS:
        custom = sized(module_of(timing.subject), WIDTH).to(device)
        return custom, list(custom.parameters())
    activation = ACTIVATIONS[timing.subject]
    if timing.implementation in ("torch", AGAIN):
        assert activation.native
        return activation.native, []
    module = activation.module(device=device)
    if timing.implementation == "impl":
        return module, list(module.parameters())
    run, tensors = BACKENDS[timing.implementation], [*module.parameters(), *module.buffers()]
    return lambda x: run(module.op, x, *tensors), list(module.parameters())


def normal(size: int, device: str, seed: int = 0) -> Tensor:
    """Return standard normal inputs, as after batch norm."""
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(device)


def inputs(timing: BenchmarkCase, device: str) -> Tensor:
    """Return the inputs of a benchmark: of custom activations, which may need a width, in rows of WIDTH."""
    x = normal(timing.size, device)
    return x if timing.subject in ACTIVATIONS else x.reshape(-1, WIDTH)


@pytest.mark.candidates("activation", partial(cases, "activation_forward"))
def test_forward(timing: BenchmarkCase, timed: Timed, device: str) -> None:
    """Time the value, without a graph."""
    (f, _), x = function(timing, device), inputs(timing, device)
    with torch.no_grad():
        timed(lambda: f(x))


@pytest.mark.candidates("activation", partial(cases, "activation_backward"))
def test_backward(timing: BenchmarkCase, timed: Timed, device: str) -> None:
    """Time the gradients with respect to the input and α, if any, through an existing graph."""
    (f, parameters), x = function(timing, device), inputs(timing, device).requires_grad_()
    y, upstream = f(x), torch.ones_like(x)
    timed(lambda: torch.autograd.grad(y, [x, *parameters], upstream, retain_graph=True))


@pytest.mark.parametrize(
    "timing",
    [BenchmarkCase("copy", memory, "torch", f"{size} elements", size) for size in SIZES for memory in COPIES],
    ids=str,
)
def test_copy(timing: BenchmarkCase, timed: Timed, device: str) -> None:
    """Time a copy, the least traffic that a result needs, into memory at hand or into a new tensor."""
    x = normal(timing.size, device)
    target = torch.empty_like(x)
    timed(x.clone if timing.subject == "fresh" else lambda: target.copy_(x))


def both_ways(f: Callable[[Tensor], Tensor], x: Tensor, upstream: Tensor) -> Callable[[], object]:
    """Return a call of f at x, forward and backward through a new graph."""
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
    """Interleave forward and backward with torch's kernels."""
    x = normal(timing.size, device).requires_grad_()
    upstream = normal(timing.size, device, seed=1)
    alternatives: Alternatives = {
        **{
            ACTIVATIONS[name].label: both_ways(ACTIVATIONS[name].module(device=device), x, upstream)
            for name in COMPARED
        },
        "F.gelu": both_ways(functional.gelu, x, upstream),
        "F.silu": both_ways(functional.silu, x, upstream),
    }
    interleaved(alternatives, int(timing.implementation.split()[0]))
