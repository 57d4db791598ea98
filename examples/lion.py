"""A custom optimizer: Lion (Chen et al. 2023, "Symbolic discovery of optimization algorithms").

make report OPTIMIZER=examples/lion.py:Lion
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer


class Lion(Optimizer):
    """θ ← θ - η (sign(β₁ m + (1 - β₁) g) + λ θ); m ← β₂ m + (1 - β₂) g, starting at m = 0.

    Every coordinate moves by the same length; the authors recommend rates 3 to 10 times smaller than Adam's.

    Args:
        params: parameters to optimize.
        lr: learning rate η.
        betas: β₁ and β₂.
        weight_decay: λ.
    """

    rates = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)  # the grid of learning rates, five as for every optimizer

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        """Update every parameter that has a gradient."""
        if closure is not None:
            raise ValueError("Invalid closure: Lion uses the stored gradients, expected None")
        for group in self.param_groups:
            rate, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
            for theta in group["params"]:
                if theta.grad is None:
                    continue
                state = self.state[theta]
                m = state.setdefault("m", torch.zeros_like(theta))
                direction = m.lerp(theta.grad, 1 - beta1).sign_()
                theta.add_(direction.add_(theta, alpha=decay), alpha=-rate)
                m.lerp_(theta.grad, 1 - beta2)
