"""The networks that training runs train, by task."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from impl.models import ConvAutoencoder, DeepClassifier, FcAutoencoder, MnistClassifier, ScratchCNN


@dataclass(frozen=True)
class Network:
    """A task that trains a network.

    Attributes:
        label: Name for readers.
        build: From an activation and whether to use batch norm to the network.
        loss: Default loss.
        reconstructs: Whether the targets are the inputs.
        cost: Seconds per 60,000 samples on one core, for estimates without recorded runs.
        diagnosed: Whether activations and gradients are recorded layer by layer.
        memory_format: Memory format that is fastest.
    """

    label: str
    build: Callable[[Callable[[], nn.Module], bool], nn.Module]
    loss: str
    reconstructs: bool
    cost: float
    diagnosed: bool = True
    memory_format: torch.memory_format = torch.contiguous_format

    def on(self, device: str, activation: Callable[[], nn.Module], batch_norm: bool) -> nn.Module:
        """Return the network on a device, in its memory format."""
        model = self.build(activation, batch_norm).to(device)
        return model.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # not in torch's stubs


NETWORKS: dict[str, Network] = {
    # Longest first, so that short runs end last.
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
