"""One step of each optimizer beside its twin in torch, and the way of each descent to a target loss."""

from typing import Any

import pytest
import torch

from bench import convergence
from bench.timing import Timed, Timing
from impl.activations import ReLU
from impl.models import MnistClassifier
from impl.optimizers import OPTIMIZERS


@pytest.mark.parametrize(
    "timing",
    [
        Timing("optimizer_step", name, implementation, "the classifier's parameters", 101_770)
        for name, optimizer in OPTIMIZERS.items()
        for implementation in ("impl", "torch")
        if implementation == "impl" or optimizer.twin
    ],
    ids=str,
)
def test_step(timing: Timing, timed: Timed, device: str) -> None:
    """One update of all parameters of the classifier from gradients at hand."""
    model = MnistClassifier(ReLU).to(device)
    entry = OPTIMIZERS[timing.subject]
    make = entry.make if timing.implementation == "impl" else entry.twin
    assert make
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator).to(device)
    timed(make(list(model.parameters()), 1e-9).step)


@pytest.mark.parametrize(
    "timing",
    [
        Timing("time_to_target", label, "impl", "logistic regression on digits", method.batch_size)
        for label, method in convergence.METHODS.items()
    ],
    ids=str,
)
def test_time_to_target(timing: Timing, benchmark: Any, timed: Timed) -> None:
    """From the start to the target at the method's best learning rate, which set-up finds."""
    method = convergence.METHODS[timing.subject]
    rate, steps = convergence.fastest(method, seed=0)
    benchmark.extra_info.update(steps=steps, learning_rate=rate, samples=steps * method.batch_size)
    timed(lambda: convergence.walk(method.optimizer, rate, method.batch_size, steps, seed=0))
