"""Networks of the assignment, the GELU paper's classifier, and a CNN of the layers from scratch.

Each takes its activation as an argument. Activations that sample no random numbers leave the initial weights
to the seed: two models made after the same `torch.manual_seed` differ in the activation alone.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from impl.convolution import layers as scratch
from impl.names import invalid

SIDE = 28
PIXELS = SIDE * SIDE
CLASSES = 10

MakeActivation = Callable[[], nn.Module]
BatchNormPlace = Literal["hidden", "input"]


class MnistClassifier(nn.Module):
    """Classify images by a fully connected 784-128-10 network (question 11).

        logits = W₂ dropout(f(BN(W₁ x + b₁))) + b₂

    The assignment puts its batch norm "between the input and hidden layer", which has two readings:
    `batch_norm="hidden"` normalises the 128 pre-activations, as Ioffe & Szegedy (2015), `"input"` the 784
    pixels. The place of the dropout is open; here it follows the activation, as Srivastava et al. (2014).

    Args:
        activation: makes the activation when called without arguments: a class or a function.
        hidden: units of the hidden layer.
        batch_norm: "hidden", "input", or None for no batch norm.
        dropout: share of hidden units that is dropped.

    Shape:
        Input (N, 1, 28, 28); logits (N, 10).

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
        hidden: int = 128,
        batch_norm: BatchNormPlace | None = "hidden",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if batch_norm not in ("hidden", "input", None):
            raise ValueError(invalid("batch_norm", repr(batch_norm), "'hidden', 'input' or None"))
        self.layers = nn.Sequential(
            nn.Flatten(),
            *([nn.BatchNorm1d(PIXELS)] if batch_norm == "input" else []),
            nn.Linear(PIXELS, hidden),
            *([nn.BatchNorm1d(hidden)] if batch_norm == "hidden" else []),
            activation(),
            nn.Dropout(dropout),
            nn.Linear(hidden, CLASSES),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10) of images (N, 1, 28, 28)."""
        return self.layers(images)


class DeepClassifier(nn.Module):
    """Classify images by a fully connected network with eight hidden layers of 128 units.

    The network on which Hendrycks & Gimpel (2016) compare GELU with ReLU and ELU, without dropout and without
    batch norm: nothing repairs the size of the signal after an activation.

    Args:
        activation: makes the activation when called without arguments: a class or a function.
        depth: hidden layers.
        width: units of each.

    Shape:
        Input (N, 1, 28, 28); logits (N, 10).

    Example:
        >>> import torch
        >>> DeepClassifier(nn.ReLU)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(self, activation: MakeActivation, *, depth: int = 8, width: int = 128) -> None:
        super().__init__()
        widths = [PIXELS, *[width] * depth]
        hidden = (layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), activation()))
        self.layers = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(width, CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10) of images (N, 1, 28, 28)."""
        return self.layers(images)


class FcAutoencoder(nn.Module):
    """Reconstruct images by a fully connected autoencoder (question 11).

    Dense layers 784-256-128-64 and, since the assignment leaves the decoder open, the same widths mirrored.
    "Activation-batchnorm between each pair of dense layers" is taken literally, in that order, also around
    the code of 64. The last layer ends in a sigmoid, as in the assignment's convolutional autoencoder.

    Args:
        activation: makes the activation when called without arguments: a class or a function.
        widths: widths of the encoder after the 784 pixels.
        batch_norm: whether there are batch norms.

    Shape:
        Input (N, 1, 28, 28); reconstruction (N, 1, 28, 28) in (0, 1).

    Example:
        >>> import torch
        >>> FcAutoencoder(nn.ReLU)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self, activation: MakeActivation, *, widths: Sequence[int] = (256, 128, 64), batch_norm: bool = True
    ) -> None:
        super().__init__()

        def dense(inputs: int, outputs: int) -> list[nn.Module]:
            return [
                nn.Linear(inputs, outputs),
                activation(),
                *([nn.BatchNorm1d(outputs)] if batch_norm else []),
            ]

        down = [PIXELS, *widths]
        up = list(reversed(widths))
        self.encoder = nn.Sequential(
            nn.Flatten(), *(layer for pair in pairwise(down) for layer in dense(*pair))
        )
        self.decoder = nn.Sequential(
            *(layer for pair in pairwise(up) for layer in dense(*pair)),
            nn.Linear(up[-1], PIXELS),
            nn.Sigmoid(),
            nn.Unflatten(1, (1, SIDE, SIDE)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the reconstruction (N, 1, 28, 28) of images (N, 1, 28, 28)."""
        return self.decoder(self.encoder(images))


def _normalised(channels: int, activation: MakeActivation) -> list[nn.Module]:
    """Return a batch norm and an activation."""
    return [nn.BatchNorm2d(channels), activation()]


class ConvAutoencoder(nn.Module):
    """Reconstruct images by a convolutional autoencoder, layer for layer as question 11 prints it.

    Channels 1-16-32-64 at sides 28, 14 and 7 and back. The encoder ends and the decoder begins with a batch
    norm and an activation, so the code passes through both twice, as printed. A transposed convolution of
    stride 1 keeps the side; the nearest-neighbour upsampling after it doubles it.

    Args:
        activation: makes the activation when called without arguments: a class or a function.

    Shape:
        Input (N, 1, 28, 28); reconstruction (N, 1, 28, 28) in (0, 1).

    Example:
        >>> import torch
        >>> ConvAutoencoder(nn.ReLU)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, activation: MakeActivation) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
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
            nn.ConvTranspose2d(16, 1, 3, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the reconstruction (N, 1, 28, 28) of images (N, 1, 28, 28)."""
        return self.decoder(self.encoder(images))


class ScratchCNN(nn.Module):
    """Classify images by a CNN of the layers of `impl.convolution.layers` (question 10).

    Three 3x3 convolutions with an activation each, 2x2 max-pooling after the first two (sides 28, 14 and 7),
    and one linear layer. The assignment prints no architecture: this is the encoder of its convolutional
    autoencoder without batch norm.

    Args:
        activation: makes the activation when called without arguments: a class or a function.
        channels: channels of the three convolutions.
        strategy: a name in `impl.convolution.STRATEGIES`; all give the same logits.

    Shape:
        Input (N, 1, 28, 28); logits (N, 10).

    Example:
        >>> import torch
        >>> ScratchCNN(nn.ReLU)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        activation: MakeActivation,
        *,
        channels: tuple[int, int, int] = (16, 32, 64),
        strategy: str = "tiled",
    ) -> None:
        super().__init__()
        first, second, third = channels
        self.layers = nn.Sequential(
            scratch.Conv2d(1, first, 3, padding=1, strategy=strategy),
            activation(),
            scratch.MaxPool2d(2),
            scratch.Conv2d(first, second, 3, padding=1, strategy=strategy),
            activation(),
            scratch.MaxPool2d(2),
            scratch.Conv2d(second, third, 3, padding=1, strategy=strategy),
            activation(),
            scratch.Flatten(),
            scratch.Linear(third * (SIDE // 4) ** 2, CLASSES),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10) of images (N, 1, 28, 28)."""
        return self.layers(images)
