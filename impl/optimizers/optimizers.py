"""The common optimizers as `torch.optim.Optimizer`s, and one table of them.

Their update rules stand in `impl.rules`. Parameter groups, `state_dict`, schedulers and closures work as they
do in torch, and options and state carry torch's names, so that either can go on from what the other saved.
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from impl.compilation.aot import Rule
from impl.optimizers import update_rules as rules
from impl.optimizers.base import PackedOptimizer


class SGD(PackedOptimizer):
    """Gradient descent θ ← θ - η g (Robbins & Monro 1951), with `rules.momentum` or `rules.nesterov`.

    Raises ValueError for lr or weight_decay < 0, momentum outside [0, 1), or Nesterov's without momentum.

    >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SGD([theta], lr=0.25)
    >>> theta.square().sum().backward()  # a gradient of 2 θ
    >>> optimizer.step()
    >>> theta.detach()
    tensor([ 0.5000, -1.0000])
    """

    FIXED: ClassVar = {"dampening": 0}

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        if nesterov and not momentum:
            raise ValueError(f"nesterov needs a momentum > 0, not {momentum}")
        super().__init__(
            params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov}
        )

    def names(self, group: dict[str, Any]) -> Sequence[str]:
        """No vectors: the velocities stay tensors like their parameters."""
        return ()

    def update(self, index: int, group: dict[str, Any], parameters: list[Tensor]) -> None:
        """One step of all parameters at once, by the rule that the group's options ask for."""
        if not parameters:
            return
        lr, mu, decay = float(group["lr"]), group["momentum"], group["weight_decay"]
        g = tuple(p.grad for p in parameters if p.grad is not None)
        if decay:
            g = torch._foreach_add(g, parameters, alpha=decay)
        if not mu:
            rules.sgd(parameters, g, lr)
        else:
            states = [self.state[p] for p in parameters]
            for state, p in zip(states, parameters, strict=True):
                if state.get("momentum_buffer") is None:
                    state["momentum_buffer"] = torch.zeros_like(p)
            v = [state["momentum_buffer"] for state in states]
            (rules.nesterov if group["nesterov"] else rules.momentum)(parameters, g, v, lr, mu)


class Adagrad(PackedOptimizer):
    """Step sizes that shrink with all past gradients: `rules.adagrad`.

    Raises ValueError for lr, eps or weight_decay < 0.

    >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adagrad([theta], lr=0.25)
    >>> theta.square().sum().backward()
    >>> optimizer.step()  # the first step is η long, whatever the gradient
    >>> theta.detach()
    tensor([ 0.7500, -1.7500])
    """

    FIXED: ClassVar = {"lr_decay": 0, "initial_accumulator_value": 0}

    def __init__(
        self, params: ParamsT, lr: float = 1e-2, eps: float = 1e-10, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "eps": eps, "weight_decay": weight_decay})

    def names(self, group: dict[str, Any]) -> Sequence[str]:
        """The sum of squares."""
        return "step", "sum"

    def rule(self, group: dict[str, Any], t: int) -> tuple[Rule, Sequence[float]]:
        """With η and ε."""
        return rules.adagrad, (group["lr"], group["eps"])


class RMSprop(PackedOptimizer):
    """Adagrad with a moving average for the sum: `rules.rmsprop`, ρ being `alpha`.

    Raises ValueError for lr, eps or weight_decay < 0 or alpha outside [0, 1).

    >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RMSprop([theta], lr=0.25)
    >>> theta.square().sum().backward()
    >>> optimizer.step()  # η / √(1 - ρ) at first
    >>> theta.detach()
    tensor([-1.5000,  0.5000])
    """

    FIXED: ClassVar = {"momentum": 0, "centered": False}

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay})

    def names(self, group: dict[str, Any]) -> Sequence[str]:
        """The average of squares."""
        return "step", "square_avg"

    def rule(self, group: dict[str, Any], t: int) -> tuple[Rule, Sequence[float]]:
        """With η, ρ and ε."""
        return rules.rmsprop, (group["lr"], group["alpha"], group["eps"])


class Adam(PackedOptimizer):
    """Moving averages of g and g², both freed of their start at zero: θ ← θ - α m̂ / (√v̂ + ε), `rules.adam`.

    m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ) (Kingma & Ba 2014). `eps_inside_root` divides by √(v̂ + ε) instead,
    as the assignment prints it: a step along a constant gradient then shrinks once |g| is near √ε rather than
    near ε. Raises ValueError for lr, eps or weight_decay < 0 or a β outside [0, 1).

    >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adam([theta], lr=0.25)
    >>> theta.square().sum().backward()
    >>> optimizer.step()  # the first step is α long, whatever the gradient
    >>> theta.detach()
    tensor([ 0.7500, -1.7500])
    """

    FIXED: ClassVar = {"decoupled_weight_decay": False}

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        eps_inside_root: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**options, "eps_inside_root": eps_inside_root})

    def names(self, group: dict[str, Any]) -> Sequence[str]:
        """m and v."""
        return "step", "exp_avg", "exp_avg_sq"

    def rule(self, group: dict[str, Any], t: int) -> tuple[Rule, Sequence[float]]:
        """With α √(1 - β₂ᵗ) / (1 - β₁ᵗ), β₁, β₂, and ε √(1 - β₂ᵗ), or ε (1 - β₂ᵗ) inside the root."""
        (beta1, beta2), eps = group["betas"], group["eps"]
        root = math.sqrt(1 - beta2**t)
        alpha = group["lr"] * root / (1 - beta1**t)
        if group["eps_inside_root"]:
            return rules.adam_eps_inside, (alpha, beta1, beta2, eps * root**2)
        return rules.adam, (alpha, beta1, beta2, eps * root)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient, θ ← (1 - η λ) θ before each step: `rules.adamw`.

    Loshchilov & Hutter (2019), λ being `weight_decay`. Raises ValueError as `Adam` does.

    >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = AdamW([theta], lr=0.25)
    >>> theta.square().sum().backward()
    >>> optimizer.step()  # 1 - η λ of θ, and a step of η
    >>> theta.detach()
    tensor([ 0.7475, -1.7450])
    """

    FIXED: ClassVar = {"decoupled_weight_decay": True}

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def decay(self, group: dict[str, Any]) -> float:
        """0: the gradient stays as it is."""
        return 0.0

    def rule(self, group: dict[str, Any], t: int) -> tuple[Rule, Sequence[float]]:
        """With Adam's scalars and 1 - η λ."""
        _, scalars = super().rule(group, t)
        return rules.adamw, (*scalars, 1 - group["lr"] * group["weight_decay"])
