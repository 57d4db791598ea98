"""The convolution strategies and torch's convolution on the layers of the networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bench.experiments.workloads.registry import strategy_of
from bench.records.candidate_names import is_custom
from bench.records.names import AGAIN
from bench.records.runs import BenchmarkCase
from bench.suites.interleaved import Alternatives, Interleaved, Timed
from impl.convolution import STRATEGIES, Geometry, Strategy, conv2d


@dataclass(frozen=True)
class Layer:
    """A 3x3 convolution with padding 1: channels in and out, height and width."""

    c_in: int
    c_out: int
    side: int


# The convolutions of the convolutional autoencoder's encoder and of the CNN from scratch.
LAYERS = {
    f"{layer.c_in}→{layer.c_out} at {layer.side}×{layer.side}": layer
    for layer in (Layer(1, 16, 28), Layer(16, 32, 14), Layer(32, 64, 7))
}


def cases(task: str, custom: Sequence[str]) -> list[BenchmarkCase]:
    """Return every strategy on one sample, and all but the loops, which take minutes, on 64 samples."""
    return [
        BenchmarkCase(task, strategy, implementation, layer, samples)
        for layer in LAYERS
        for samples in (1, 64)
        for strategy, implementation in (
            *((name, "impl") for name in STRATEGIES),
            *(("native", name) for name in ("torch", AGAIN)),  # twice, to count false positives
            *((name, "impl") for name in custom),
        )
        if samples == 1 or strategy != "loops"
    ]


def convolution(timing: BenchmarkCase, device: str) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """Return the convolution to time, and its input and weights, which require gradients."""
    layer, generator = LAYERS[timing.input], torch.Generator().manual_seed(0)
    shapes = (
        (timing.size, layer.c_in, layer.side, layer.side),
        (layer.c_out, layer.c_in, 3, 3),
        (layer.c_out,),
    )
    tensors = [torch.randn(shape, generator=generator).to(device).requires_grad_() for shape in shapes]
    if is_custom(timing.subject):
        return of_strategy(strategy_of(timing.subject)), tensors
    native = timing.subject == "native"
    return functional.conv2d if native else partial(conv2d, strategy=timing.subject), tensors


def of_strategy(strategy: Strategy) -> Callable[..., Tensor]:
    """Return the convolution of a custom strategy; the bias is added as in `conv2d`."""

    def convolve(input: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
        return strategy(input, weight, Geometry(padding=(padding, padding))).add_(bias[:, None, None])

    return convolve


@pytest.mark.candidates("strategy", partial(cases, "convolution_forward"))
def test_forward(timing: BenchmarkCase, timed: Timed, device: str) -> None:
    """Time the value, without a graph."""
    f, tensors = convolution(timing, device)
    with torch.no_grad():
        timed(lambda: f(*tensors, padding=1))


@pytest.mark.candidates("strategy", partial(cases, "convolution_training"))
def test_forward_and_backward(timing: BenchmarkCase, timed: Timed, device: str) -> None:
    """Time the value and the gradients with respect to input, weight and bias."""
    f, tensors = convolution(timing, device)

    def step() -> None:
        y = f(*tensors, padding=1)
        torch.autograd.grad(y, tensors, torch.ones_like(y))

    timed(step)


@pytest.mark.parametrize(
    "timing",
    [BenchmarkCase("interleaved", "convolution", "1 thread", layer, 64) for layer in LAYERS],
    ids=str,
)
def test_interleaved(timing: BenchmarkCase, interleaved: Interleaved, device: str) -> None:
    """Interleave forward and backward of every strategy but the loops with torch's, batch 64."""
    alternatives: Alternatives = {}
    for strategy in (*STRATEGIES, "native"):
        if strategy == "loops":
            continue
        kind = "torch" if strategy == "native" else "impl"
        f, tensors = convolution(BenchmarkCase("", strategy, kind, timing.input, timing.size), device)
        upstream = torch.ones_like(f(*tensors, padding=1))
        alternatives[strategy] = partial(both_ways, f, tensors, upstream)
    interleaved(alternatives, 1)


def both_ways(f: Callable[..., Tensor], tensors: list[Tensor], upstream: Tensor) -> None:
    """Compute the value and the gradients with respect to input, weight and bias."""
    torch.autograd.grad(f(*tensors, padding=1), tensors, upstream)
