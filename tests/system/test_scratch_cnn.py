"""The network of layers and optimizer from scratch learns MNIST to 99.0 %."""

import os
from pathlib import Path

import pytest
import torch

from bench.experiments.workloads.threads import threads
from impl.activations.registry import ACTIVATIONS
from impl.data.datasets import load_mnist
from impl.losses import cross_entropy
from impl.models import ScratchCNN
from impl.optimizers.registry import OPTIMIZERS
from impl.training.loop import evaluate, fit

EPOCHS, BATCH, LEARNING_RATE = 5, 32, 1e-3
ROOT = os.environ.get("DATA_ROOT")


@pytest.mark.skipif(not ROOT, reason="MNIST's folder is not named: set DATA_ROOT")
def test_99_percent_within_5_epochs():
    dataset = load_mnist(Path(str(ROOT)))
    torch.manual_seed(0)
    model = ScratchCNN(ACTIVATIONS["relu"].module)
    with threads(1):  # more of torch's and of numpy's stand in each other's way
        history = fit(
            model,
            (dataset.train_images, dataset.train_labels),
            observe=dict,
            loss=cross_entropy,
            optimizer=OPTIMIZERS["adam"].make(model.parameters(), LEARNING_RATE),
            batch_size=BATCH,
            horizons=[EPOCHS],
            generator=torch.Generator().manual_seed(0),
        )
    assert not history.diverged
    # After the last epoch only, not the best of them: that would choose on the test set.
    result = evaluate(model, dataset.test_images, dataset.test_labels, cross_entropy)
    assert result["accuracy"] >= 0.99
