"""A training step of the perceptron without autograd, and of the same network in torch."""

import pytest
import torch
from torch import nn

from bench.records.runs import BenchmarkCase
from bench.suites.interleaved import Interleaved
from impl.backprop import MLP

SIZES = {"784-128-10": (784, 128, 10), "784-256-128-64-10": (784, 256, 128, 64, 10)}
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}
RATE = 1e-9  # leaves the weights where they are


def _torch(network: MLP, activation: type[nn.Module]) -> nn.Sequential:
    """Return the same network of torch's layers, with the same weights."""
    modules: list[nn.Module] = []
    for W, B in zip(network.weights, network.biases, strict=True):
        layer = nn.Linear(W.shape[1], W.shape[0])
        layer.load_state_dict({"weight": W, "bias": B})
        modules += [layer, activation()]
    return nn.Sequential(*modules[:-1])


@pytest.mark.parametrize(
    "timing",
    [
        BenchmarkCase("interleaved", f"MLP {sizes}, {activation}", "1 thread", f"batch of {batch}", batch)
        for sizes in SIZES
        for activation in ACTIVATIONS
        for batch in (1, 32, 128)
    ],
    ids=str,
)
def test_interleaved(timing: BenchmarkCase, interleaved: Interleaved) -> None:
    """Interleave loss, gradients and update on one batch."""
    sizes, activation = timing.subject.removeprefix("MLP ").split(", ")
    generator = torch.Generator().manual_seed(0)
    network = MLP(SIZES[sizes], activation, generator=generator)
    x = torch.rand(timing.size, 784, generator=generator)
    y = torch.randint(10, (timing.size,), generator=generator)
    twin = _torch(network, ACTIVATIONS[activation])
    optimizer = torch.optim.SGD(twin.parameters(), lr=RATE)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(twin(x), y).backward()
        optimizer.step()

    interleaved({"ours": lambda: network.step(x, y, RATE), "torch with autograd": step}, 1)
