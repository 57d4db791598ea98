"""The networks that cells train, one line a task."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from impl.models import ConvAutoencoder, DeepClassifier, FcAutoencoder, MnistClassifier, ScratchCNN


@dataclass(frozen=True)
class Network:
    """A task that trains a network: how to build it and what it minimises.

    cost: seconds that a pass over 60,000 samples takes on one core, for estimates where nothing was measured.
    diagnosed: whether activations and gradients are recorded layer by layer.
    """

    label: str
    build: Callable[[Callable[[], nn.Module], bool], nn.Module]
    loss: str
    reconstructs: bool
    cost: float
    diagnosed: bool = True
    memory_format: torch.memory_format = torch.contiguous_format

    def on(self, device: str, activation: Callable[[], nn.Module], batch_norm: bool) -> nn.Module:
        """The network on a device, in the memory format that is fastest there."""
        model = self.build(activation, batch_norm).to(device)
        return model.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # not in torch's stubs


NETWORKS: dict[str, Network] = {
    # longest first: the last runs to end are then short ones
    "scratch_cnn": Network(
        "CNN from scratch",
        lambda activation, batch_norm: ScratchCNN(activation),
        "cross_entropy",
        reconstructs=False,
        cost=38.0,
        diagnosed=False,
    ),
    "conv_autoencoder": Network(
        "convolutional autoencoder",
        lambda activation, batch_norm: ConvAutoencoder(activation),
        "mse",
        reconstructs=True,
        cost=18.0,
        memory_format=torch.channels_last,
    ),
    "fc_autoencoder": Network(
        "fully connected autoencoder",
        lambda activation, batch_norm: FcAutoencoder(activation),
        "mse",
        reconstructs=True,
        cost=2.2,
    ),
    "deep_classifier": Network(
        "classifier of the GELU paper",
        lambda activation, batch_norm: DeepClassifier(activation),
        "cross_entropy",
        reconstructs=False,
        cost=1.6,
    ),
    "classifier": Network(
        "classifier",
        lambda activation, batch_norm: MnistClassifier(
            activation, batch_norm="hidden" if batch_norm else None
        ),
        "cross_entropy",
        reconstructs=False,
        cost=0.7,
    ),
}
