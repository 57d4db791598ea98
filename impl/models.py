"""Networks of the assignment, the GELU paper's classifier, and a CNN of the layers from layers.

Each takes its activation as an argument, and the shapes of the data where they are not MNIST's. Activations
that sample no random numbers leave the initial weights to the seed: two models made after the same
`torch.manual_seed` differ in the activation alone.
"""

import inspect
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from impl.convolution import layers
from impl.names import invalid

SIDE = 28
PIXELS = SIDE * SIDE
CLASSES = 10
IMAGE = (1, SIDE, SIDE)

MakeActivation = Callable[..., nn.Module]
BatchNormPlace = Literal["hidden", "input"]
WIDTHS = ("num_parameters", "num_features", "channels")


def sized(activation: MakeActivation, width: int) -> nn.Module:
    """Return an activation for a layer of this width, in a network that has layers of several widths.

    The activation is called with `width` for each required parameter named `num_parameters`, `num_features`
    or `channels`, and without arguments if there is none: the `num_parameters` of `nn.PReLU` has a default.

    Args:
        activation: makes the activation: a class or a function.
        width: features of the linear layer, or channels of the convolution, that the activation follows.

    Example:
        >>> sized(nn.BatchNorm1d, 128).weight.shape
        torch.Size([128])
        >>> sized(nn.PReLU, 128).weight.shape
        torch.Size([1])
    """
    try:
        parameters = inspect.signature(activation).parameters.values()
    except (TypeError, ValueError):  # its parameters are known to C only
        return activation()
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [p.name for p in parameters if p.name in WIDTHS and p.kind in by_name and p.default is p.empty]
    return activation(**dict.fromkeys(names, width))


def _check_sides(inputs: Sequence[int]) -> None:
    """Raise ValueError unless inputs are images (C, H, W) that two 2x2 poolings divide evenly."""
    if len(inputs) != 3 or inputs[1] % 4 or inputs[2] % 4:
        raise ValueError(invalid("inputs", tuple(inputs), "(C, H, W) with H and W divisible by 4"))


class MnistClassifier(nn.Module):
    """Classify images, or predict values, by a fully connected 784-128-10 network (question 11).

        logits = W₂ dropout(f(BN(W₁ x + b₁))) + b₂

    The assignment puts its batch norm "between the input and hidden layer", which has two readings:
    `batch_norm="hidden"` normalises the 128 pre-activations, as Ioffe & Szegedy (2015), `"input"` the 784
    pixels. The place of the dropout is open; here it follows the activation, as Srivastava et al. (2014).

    Args:
        activation: makes the activation: a class or a function, called as `sized` does.
        inputs: shape of a sample, features (D,) or images (C, H, W).
        outputs: number K of classes or values.
        hidden: units of the hidden layer.
        batch_norm: "hidden", "input", or None for no batch norm.
        dropout: share of hidden units that is dropped.

    Shape:
        Input (N, *inputs), by default (N, 1, 28, 28); logits (N, outputs), by default (N, 10).

    Raises:
        ValueError: `batch_norm` is something else.

    Example:
        >>> import torch
        >>> MnistClassifier(nn.ReLU)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        activation: MakeActivation,
        *,
        inputs: Sequence[int] = IMAGE,
        outputs: int = CLASSES,
        hidden: int = 128,
        batch_norm: BatchNormPlace | None = "hidden",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if batch_norm not in ("hidden", "input", None):
            raise ValueError(invalid("batch_norm", repr(batch_norm), "'hidden', 'input' or None"))
        features = math.prod(inputs)
        self.layers = nn.Sequential(
            nn.Flatten(),
            *([nn.BatchNorm1d(features)] if batch_norm == "input" else []),
            nn.Linear(features, hidden),
            *([nn.BatchNorm1d(hidden)] if batch_norm == "hidden" else []),
            sized(activation, hidden),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, K) of inputs (N, …)."""
        return self.layers(images)


class DeepClassifier(nn.Module):
    """Classify images, or predict values, by a fully connected network with eight hidden layers of 128 units.

    The network on which Hendrycks & Gimpel (2016) compare GELU with ReLU and ELU, without dropout and without
    batch norm: nothing repairs the size of the signal after an activation.

    Args:
        activation: makes the activation: a class or a function, called as `sized` does.
        inputs: shape of a sample, features (D,) or images (C, H, W).
        outputs: number K of classes or values.
        depth: hidden layers.
        width: units of each.

    Shape:
        Input (N, *inputs), by default (N, 1, 28, 28); logits (N, outputs), by default (N, 10).

    Example:
        >>> import torch
        >>> DeepClassifier(nn.ReLU)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        activation: MakeActivation,
        *,
        inputs: Sequence[int] = IMAGE,
        outputs: int = CLASSES,
        depth: int = 8,
        width: int = 128,
    ) -> None:
        super().__init__()
        widths = [math.prod(inputs), *[width] * depth]
        hidden = (
            layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), sized(activation, width))
        )
        self.layers = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(width, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, K) of inputs (N, …)."""
        return self.layers(images)


class FcAutoencoder(nn.Module):
    """Reconstruct images, or features, in [0, 1] by a fully connected autoencoder (question 11).

    Dense layers 784-256-128-64 and, since the assignment leaves the decoder open, the same widths mirrored.
    "Activation-batchnorm between each pair of dense layers" is taken literally, in that order, also around
    the code of 64. The last layer ends in a sigmoid, as in the assignment's convolutional autoencoder.

    Args:
        activation: makes the activation: a class or a function, called as `sized` does.
        inputs: shape of a sample, features (D,) or images (C, H, W).
        widths: widths of the encoder after the inputs, 784 pixels by default.
        batch_norm: whether there are batch norms.

    Shape:
        Input (N, *inputs), by default (N, 1, 28, 28); reconstruction of the same shape in (0, 1).

    Example:
        >>> import torch
        >>> FcAutoencoder(nn.ReLU)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        activation: MakeActivation,
        *,
        inputs: Sequence[int] = IMAGE,
        widths: Sequence[int] = (256, 128, 64),
        batch_norm: bool = True,
    ) -> None:
        super().__init__()

        def dense(before: int, after: int) -> list[nn.Module]:
            return [
                nn.Linear(before, after),
                sized(activation, after),
                *([nn.BatchNorm1d(after)] if batch_norm else []),
            ]

        features = math.prod(inputs)
        down = [features, *widths]
        up = list(reversed(widths))
        self.encoder = nn.Sequential(
            nn.Flatten(), *(layer for pair in pairwise(down) for layer in dense(*pair))
        )
        self.decoder = nn.Sequential(
            *(layer for pair in pairwise(up) for layer in dense(*pair)),
            nn.Linear(up[-1], features),
            nn.Sigmoid(),
            nn.Unflatten(1, tuple(inputs)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the reconstruction of inputs (N, …)."""
        return self.decoder(self.encoder(images))


def _normalised(channels: int, activation: MakeActivation) -> list[nn.Module]:
    """Return a batch norm and an activation."""
    return [nn.BatchNorm2d(channels), sized(activation, channels)]


class ConvAutoencoder(nn.Module):
    """Reconstruct images by a convolutional autoencoder, layer for layer as question 11 prints it.

    Channels 1-16-32-64, at sides 28, 14 and 7 for MNIST, and back. The encoder ends and the decoder begins
    with a batch norm and an activation, so the code passes through both twice, as printed. A transposed
    convolution of stride 1 keeps the side; the nearest-neighbour upsampling after it doubles it.

    Args:
        activation: makes the activation: a class or a function, called as `sized` does.
        inputs: shape of an image, (C, H, W) with H and W divisible by 4.

    Shape:
        Input (N, C, H, W) in [0, 1], by default (N, 1, 28, 28); reconstruction of the same shape in (0, 1).

    Raises:
        ValueError: `inputs` is another shape.

    Example:
        >>> import torch
        >>> ConvAutoencoder(nn.ReLU)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, activation: MakeActivation, *, inputs: Sequence[int] = IMAGE) -> None:
        super().__init__()
        _check_sides(inputs)
        self.encoder = nn.Sequential(
            nn.Conv2d(inputs[0], 16, 3, padding=1),
            *_normalised(16, activation),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            *_normalised(32, activation),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            *_normalised(64, activation),
        )
        self.decoder = nn.Sequential(
            *_normalised(64, activation),
            nn.ConvTranspose2d(64, 32, 3, padding=1),
            nn.Upsample(scale_factor=2, mode="nearest"),
            *_normalised(32, activation),
            nn.ConvTranspose2d(32, 16, 3, padding=1),
            nn.Upsample(scale_factor=2, mode="nearest"),
            *_normalised(16, activation),
            nn.ConvTranspose2d(16, inputs[0], 3, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the reconstruction of images (N, C, H, W)."""
        return self.decoder(self.encoder(images))


class ScratchCNN(nn.Module):
    """Classify images by a CNN of the layers of `impl.convolution.layers` (question 10).

    Three 3x3 convolutions with an activation each, 2x2 max-pooling after the first two (sides 28, 14 and 7
    for MNIST), and one linear layer. The assignment prints no architecture: this is the encoder of its
    convolutional autoencoder without batch norm.

    Args:
        activation: makes the activation: a class or a function, called as `sized` does.
        inputs: shape of an image, (C, H, W) with H and W divisible by 4.
        outputs: number K of classes or values.
        channels: channels of the three convolutions.
        strategy: a name in `impl.convolution.STRATEGIES`; all give the same logits.

    Shape:
        Input (N, C, H, W), by default (N, 1, 28, 28); logits (N, outputs), by default (N, 10).

    Raises:
        ValueError: `inputs` is another shape.

    Example:
        >>> import torch
        >>> ScratchCNN(nn.ReLU)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        activation: MakeActivation,
        *,
        inputs: Sequence[int] = IMAGE,
        outputs: int = CLASSES,
        channels: tuple[int, int, int] = (16, 32, 64),
        strategy: str = "winograd",
    ) -> None:
        super().__init__()
        _check_sides(inputs)
        first, second, third = channels
        self.layers = nn.Sequential(
            layers.Conv2d(inputs[0], first, 3, padding=1, strategy=strategy),
            sized(activation, first),
            layers.MaxPool2d(2),
            layers.Conv2d(first, second, 3, padding=1, strategy=strategy),
            sized(activation, second),
            layers.MaxPool2d(2),
            layers.Conv2d(second, third, 3, padding=1, strategy=strategy),
            sized(activation, third),
            layers.Flatten(),
            layers.Linear(third * (inputs[1] // 4) * (inputs[2] // 4), outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, K) of inputs (N, …)."""
        return self.layers(images)
