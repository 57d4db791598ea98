"""One training step of each network."""

import pytest
import torch

from bench.experiments.workloads.networks import NETWORKS
from bench.records.runs import BenchmarkCase
from bench.suites.interleaved import Timed
from impl.activations.registry import ACTIVATIONS
from impl.losses import LOSSES
from impl.optimizers.registry import OPTIMIZERS

BATCH = 128


@pytest.mark.parametrize(
    "timing",
    [
        BenchmarkCase("training_step", task, "impl", ACTIVATIONS[activation].label, BATCH)
        for task in NETWORKS
        for activation in ("relu", "sgelu")
    ],
    ids=str,
)
def test_training_step(timing: BenchmarkCase, timed: Timed, device: str) -> None:
    """Time forward, loss, backward and Adam's update on one batch."""
    network = NETWORKS[timing.subject]
    module = next(a.module for a in ACTIVATIONS.values() if a.label == timing.input)
    model = network.on(device, module, True)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(BATCH, 1, 28, 28, generator=generator).to(device)
    labels = torch.randint(10, (BATCH,), generator=generator).to(device)
    target = images if network.reconstructs else labels
    loss = LOSSES[network.loss].value
    optimizer = OPTIMIZERS["adam"].make(model.parameters(), 1e-3)

    def step() -> None:
        optimizer.zero_grad()
        loss(model(images), target).backward()
        optimizer.step()

    timed(step)
