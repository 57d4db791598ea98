"""The assignment's three networks, the GELU paper's classifier, and a CNN of from-scratch layers.

Each takes its activation as an argument.

`activation` is anything that makes a module when called without arguments: a class, or a function.
Activations that draw no random numbers leave the initial weights to the seed alone: two models made after the
same `torch.manual_seed` differ in nothing but the activation.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from impl.convolution import layers as scratch

SIDE = 28
PIXELS = SIDE * SIDE
CLASSES = 10

MakeActivation = Callable[[], nn.Module]
BatchNormPlace = Literal["hidden", "input"]


class MnistClassifier(nn.Module):
    """Fully connected 784-128-10 classifier of question 11: images (N, 1, 28, 28) to logits (N, 10).

    logits = W₂ dropout(f(BN(W₁ x + b₁))) + b₂. The assignment puts its batch norm "between the input and
    hidden layer", which may be read two ways: `batch_norm="hidden"` (the default, as in Ioffe & Szegedy 2015)
    normalises the 128 pre-activations, `"input"` the 784 pixels, None leaves it out. Where the dropout stands
    it does not say; here it is after the activation (Srivastava et al. 2014). Raises ValueError for any other
    `batch_norm`.

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
            raise ValueError(f"batch_norm {batch_norm!r} is none of 'hidden', 'input' and None")
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
    """Fully connected classifier with eight hidden layers of 128: images (N, 1, 28, 28) to logits (N, 10).

    The network on which Hendrycks & Gimpel (2016) compare GELU with ReLU and ELU, without their dropout.
    Neither batch norm nor anything else repairs what an activation does to the size of the signal.

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
    """Fully connected autoencoder of question 11: images (N, 1, 28, 28) to reconstructions in (0, 1).

    Dense layers 784-256-128-64 and, as the assignment leaves the decoder's shape open, the same widths
    mirrored back. "Activation-batchnorm between each pair of dense layers" is taken literally, in that order
    and around the code of 64 too; the last layer ends in a sigmoid, as that of the assignment's convolutional
    autoencoder does. `widths` are the encoder's, after the 784 pixels; `batch_norm=False` leaves the batch
    norms out.

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
    return [nn.BatchNorm2d(channels), activation()]


class ConvAutoencoder(nn.Module):
    """Convolutional autoencoder of question 11, layer for layer as printed: (N, 1, 28, 28) to that in (0, 1).

    Channels 1-16-32-64 at sides 28, 14 and 7 and back. The encoder ends and the decoder begins with a batch
    norm and an activation, so that the code passes through both twice in a row; that is how the assignment
    prints it, and it is kept. A transposed convolution of stride 1 doubles no side: the nearest-neighbour
    upsampling after it does.

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
    """Classifier of question 10, made of the layers of `impl.layers`: (N, 1, 28, 28) to logits (N, 10).

    Three 3x3 convolutions with an activation each, 2x2 max-pooling after the first and the second (sides 28,
    14 and 7), then one linear layer. The assignment prints no architecture here: this is the encoder of its
    convolutional autoencoder without batch norm. `channels` are the widths; `strategy` names one of
    `impl.convolution.STRATEGIES`, which all give the same logits.

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
