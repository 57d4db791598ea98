"""A custom activation: Snake (Ziyin et al. 2020, "Neural networks fail to learn periodic functions").

make report ACTIVATION=examples/snake.py:Snake
"""

import torch
from torch import Tensor, nn


class Snake(nn.Module):
    """f(x) = x + sin²(a x) / a, f'(x) = 1 + sin(2 a x), elementwise, with a trained frequency a ≠ 0.

    Monotonic, because f' ≥ 0, and periodic around the identity: its mean over a period is x + 1/(2a).

    Args:
        a: initial frequency.
    """

    def __init__(self, a: float = 1.0) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x), with the shape and dtype of x."""
        return x + torch.sin(self.a * x).square() / self.a
