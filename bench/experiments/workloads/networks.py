"""The networks that training runs train, by task."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import nn

from impl.data.datasets import Dataset
from impl.models import (
    CLASSES,
    IMAGE,
    ConvAutoencoder,
    DeepClassifier,
    FcAutoencoder,
    MakeActivation,
    MnistClassifier,
    ScratchCNN,
)


@dataclass(frozen=True)
class DataShape:
    """The properties of a data set on which a network depends; by default those of MNIST.

    Attributes:
        inputs: Shape of a sample, (D,) or (C, H, W).
        outputs: Number of classes, or of values per sample.
        classes: Number of classes; None for values.
        in_unit_interval: Whether all inputs lie in [0, 1].
    """

    inputs: tuple[int, ...] = IMAGE
    outputs: int = CLASSES
    classes: int | None = CLASSES
    in_unit_interval: bool = True

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Return the properties of a data set."""
        parts = (dataset.train_images, dataset.test_images)
        return cls(
            tuple(dataset.train_images.shape[1:]),
            dataset.classes or dataset.train_labels.shape[1],
            dataset.classes,
            all(bool(part.min() >= 0) and bool(part.max() <= 1) for part in parts),
        )


MNIST_SHAPE = DataShape()


@dataclass(frozen=True)
class Network:
    """A task that trains a network.

    Attributes:
        label: Name for readers.
        build: From an activation, whether to use batch norm, and the data's properties to the network.
        loss: Default loss for classes.
        reconstructs: Whether the targets are the inputs; its outputs lie in [0, 1].
        cost: Seconds per 60,000 samples on one core, for estimates without recorded runs.
        diagnosed: Whether activations and gradients are recorded layer by layer.
        memory_format: Memory format that is fastest.
        convolutional: Whether it takes only images, with sides divisible by 4.
        bounded: Whether reconstructions lie in [0, 1].
    """

    label: str
    build: Callable[[MakeActivation, bool, DataShape], nn.Module]
    loss: str
    reconstructs: bool
    cost: float
    diagnosed: bool = True
    memory_format: torch.memory_format = torch.contiguous_format
    convolutional: bool = False
    bounded: bool = True

    def on(
        self, device: str, activation: MakeActivation, batch_norm: bool, shape: DataShape = MNIST_SHAPE
    ) -> nn.Module:
        """Return the network on a device, in its memory format."""
        model = self.build(activation, batch_norm, shape).to(device)
        if self.memory_format is torch.contiguous_format:  # as it is; a lazy layer has no format yet
            return model
        return model.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # not in torch's stubs

    def loss_on(self, shape: DataShape) -> str:
        """Return the default loss on a data set, the squared error for values."""
        return self.loss if shape.classes else "mse"

    def misfit(self, shape: DataShape) -> str:
        """Return why the network cannot be trained on a data set, in one line; empty if it can."""
        sides = shape.inputs[1:]
        if self.convolutional and (len(sides) != 2 or any(side % 4 for side in sides)):
            return f"the {self.label} requires images with sides divisible by 4, got inputs {shape.inputs}"
        if self.reconstructs and self.bounded and not shape.in_unit_interval:
            return f"the {self.label} reconstructs values in [0, 1], got inputs outside it"
        return ""


NETWORKS: dict[str, Network] = {
    # Longest first, so that short runs end last.
    "scratch_cnn": Network(
        "CNN from scratch",
        lambda activation, batch_norm, shape: ScratchCNN(
            activation, inputs=shape.inputs, outputs=shape.outputs
        ),
        "cross_entropy",
        reconstructs=False,
        cost=38.0,
        diagnosed=False,
        convolutional=True,
    ),
    "conv_autoencoder": Network(
        "convolutional autoencoder",
        lambda activation, batch_norm, shape: ConvAutoencoder(activation, inputs=shape.inputs),
        "mse",
        reconstructs=True,
        cost=18.0,
        memory_format=torch.channels_last,
        convolutional=True,
    ),
    "fc_autoencoder": Network(
        "fully connected autoencoder",
        lambda activation, batch_norm, shape: FcAutoencoder(activation, inputs=shape.inputs),
        "mse",
        reconstructs=True,
        cost=2.2,
    ),
    "deep_classifier": Network(
        "classifier of the GELU paper",
        lambda activation, batch_norm, shape: DeepClassifier(
            activation, inputs=shape.inputs, outputs=shape.outputs
        ),
        "cross_entropy",
        reconstructs=False,
        cost=1.6,
    ),
    "classifier": Network(
        "classifier",
        lambda activation, batch_norm, shape: MnistClassifier(
            activation,
            inputs=shape.inputs,
            outputs=shape.outputs,
            batch_norm="hidden" if batch_norm else None,
        ),
        "cross_entropy",
        reconstructs=False,
        cost=0.7,
    ),
}
