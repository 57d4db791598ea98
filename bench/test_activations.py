"""Forward and backward cost of the activations, ours beside torch's own kernel where it has one."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.timing import Timed, Timing
from impl.activations import ACTIVATIONS

SIZES = (2**14, 2**17, 2**20)
IMPLEMENTATIONS = [
    (name, implementation)
    for name, activation in ACTIVATIONS.items()
    for implementation in ("impl", "torch")
    if implementation == "impl" or activation.native
]


def timings(task: str) -> list[Timing]:
    """Every implementation at every size."""
    return [
        Timing(task, name, implementation, f"{size} elements", size)
        for size in SIZES
        for name, implementation in IMPLEMENTATIONS
    ]


def function(timing: Timing, device: str) -> Callable[[Tensor], Tensor]:
    """What is timed: our module, whose α is then trainable, or torch's function."""
    activation = ACTIVATIONS[timing.subject]
    if timing.implementation == "impl":
        return activation.module().to(device)
    assert activation.native
    return activation.native


def normal(size: int, device: str) -> Tensor:
    """Inputs as batch norm leaves them: standard normal."""
    return torch.randn(size, generator=torch.Generator().manual_seed(0)).to(device)


@pytest.mark.parametrize("timing", timings("activation_forward"), ids=str)
def test_forward(timing: Timing, timed: Timed, device: str) -> None:
    """Value alone, without a graph."""
    f, x = function(timing, device), normal(timing.size, device)
    with torch.no_grad():
        timed(lambda: f(x))


@pytest.mark.parametrize("timing", timings("activation_backward"), ids=str)
def test_backward(timing: Timing, timed: Timed, device: str) -> None:
    """Gradients in the input and, where there is one, in α, through a graph made beforehand."""
    f, x = function(timing, device), normal(timing.size, device).requires_grad_()
    wanted = [x, *(f.parameters() if isinstance(f, torch.nn.Module) else ())]
    y, upstream = f(x), torch.ones_like(x)
    timed(lambda: torch.autograd.grad(y, wanted, upstream, retain_graph=True))
