"""A custom network: a residual perceptron (Gorishniy et al. 2021, "Revisiting deep learning models").

make report NETWORK=examples/residual_mlp.py:make
"""

import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn

WIDTH, HIDDEN, BLOCKS = 64, 128, 3


class Block(nn.Module):
    """x + W₂ f(W₁ LN(x) + b₁) + b₂, with layer normalization LN where the paper has batch normalization.

    Args:
        activation: makes f when called without arguments.
    """

    def __init__(self, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, HIDDEN), activation(), nn.Linear(HIDDEN, WIDTH)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, WIDTH) of features (N, WIDTH)."""
        return x + self.branch(x)


def make(
    activation: Callable[[], nn.Module], inputs: Sequence[int] = (1, 28, 28), outputs: int = 10
) -> nn.Module:
    """Return a network of three blocks between two linear layers.

    Args:
        activation: makes an activation when called without arguments.
        inputs: shape of a sample, features (D,) or images (C, H, W).
        outputs: number of classes or values.
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(inputs), WIDTH),
        *(Block(activation) for _ in range(BLOCKS)),
        nn.LayerNorm(WIDTH),
        activation(),
        nn.Linear(WIDTH, outputs),
    )
