"""An activation of one's own: Snake (Ziyin et al. 2020, "Neural networks fail to learn periodic functions").

make report ACTIVATION=examples/snake.py:Snake
"""

import torch
from torch import Tensor, nn


class Snake(nn.Module):
    """f(x) = x + sin²(a x) / a, f'(x) = 1 + sin(2 a x), elementwise, with one trained frequency a ≠ 0.

    Monotonic, as f' ≥ 0, and periodic about the identity: its mean over a period is x + 1/(2a).
    """

    def __init__(self, a: float = 1.0) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x), of x's shape; floating."""
        return x + torch.sin(self.a * x).square() / self.a
