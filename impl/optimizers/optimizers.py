"""The common optimizers as `torch.optim.Optimizer`s; their update rules are in `update_rules`."""

import math
from collections.abc import Sequence
from inspect import isclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from impl.compilation.aot import UpdateRule
from impl.names import invalid
from impl.optimizers import update_rules
from impl.optimizers.base import FlatOptimizer


class SGD(FlatOptimizer):
    """Stochastic gradient descent, optionally with momentum.

        θ ← θ - η g
        with momentum: v ← μ v + g;  θ ← θ - η v
        with Nesterov's: v ← μ v + g;  θ ← θ - η (g + μ v)

    State and options have torch's names. Counterpart: `torch.optim.SGD`.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: learning rate η >= 0.
        momentum: μ, 0 <= μ < 1.
        weight_decay: λ >= 0; λ θ is added to the gradient.
        nesterov: whether the momentum is Nesterov's.

    Raises:
        ValueError: an option is out of range, or nesterov is set without momentum.

    Example:
        >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = SGD([theta], lr=0.25)
        >>> theta.square().sum().backward()  # the gradient is 2 θ
        >>> optimizer.step()
        >>> theta.detach()
        tensor([ 0.5000, -1.0000])

    References:
        Robbins & Monro (1951), Polyak (1964), Nesterov (1983).
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
            raise ValueError(invalid("momentum", momentum, "a momentum > 0 with nesterov"))
        super().__init__(
            params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov}
        )

    def state_keys(self, group: dict[str, Any]) -> Sequence[str]:
        """Return no keys: the velocities stay tensors, like their parameters."""
        return ()

    def update(self, index: int, group: dict[str, Any], parameters: list[Tensor]) -> None:
        """Step all parameters at once by the rule that the group's options select."""
        if not parameters:
            return
        lr, mu, decay = float(group["lr"]), group["momentum"], group["weight_decay"]
        g = tuple(p.grad for p in parameters if p.grad is not None)
        if decay:
            g = torch._foreach_add(g, parameters, alpha=decay)
        if not mu:
            update_rules.sgd(parameters, g, lr)
        else:
            states = [self.state[p] for p in parameters]
            for state, p in zip(states, parameters, strict=True):
                if state.get("momentum_buffer") is None:
                    state["momentum_buffer"] = torch.zeros_like(p)
            rule = update_rules.nesterov if group["nesterov"] else update_rules.momentum
            v = rule(parameters, g, [state["momentum_buffer"] for state in states], lr, mu)
            for state, velocity in zip(states, v, strict=True):
                state["momentum_buffer"] = velocity


class Adagrad(FlatOptimizer):
    """Adagrad: step sizes that shrink with the sum of all squared gradients.

        G ← G + g²;  θ ← θ - ηₜ g / (√G + ε),  ηₜ = η / (1 + (t - 1) lr_decay)

    State and options have torch's names. Counterpart: `torch.optim.Adagrad`.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: learning rate η >= 0.
        eps: ε >= 0, added to the divisor.
        weight_decay: λ >= 0; λ θ is added to the gradient.
        lr_decay: decay of the learning rate, >= 0.
        initial_accumulator_value: G before the first step, >= 0; as in torch, one value for all groups.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = Adagrad([theta], lr=0.25)
        >>> theta.square().sum().backward()
        >>> optimizer.step()  # the first step is η long, whatever the gradient
        >>> theta.detach()
        tensor([ 0.7500, -1.7500])

    References:
        Duchi, Hazan & Singer (2011).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
        lr_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
    ) -> None:
        options = {"lr": lr, "eps": eps, "weight_decay": weight_decay, "lr_decay": lr_decay}
        super().__init__(params, {**options, "initial_accumulator_value": initial_accumulator_value})

    def state_keys(self, group: dict[str, Any]) -> Sequence[str]:
        """Return the keys of the count and the sum of squares."""
        return "step", "sum"

    def rule(self, group: dict[str, Any], t: int) -> tuple[UpdateRule, Sequence[float]]:
        """Return the rule with ηₜ and ε."""
        return update_rules.adagrad, (group["lr"] / (1 + (t - 1) * group["lr_decay"]), group["eps"])

    def update(self, index: int, group: dict[str, Any], parameters: list[Tensor]) -> None:
        """Step the group; the sums of parameters without state begin at the initial value."""
        if start := self.defaults["initial_accumulator_value"]:
            for p in parameters:
                if self.state[p].get("sum") is None:
                    self.state[p]["sum"] = torch.full_like(p, start)
        super().update(index, group, parameters)


class RMSprop(FlatOptimizer):
    """RMSprop: Adagrad with a moving average in place of the sum.

        v ← ρ v + (1 - ρ) g²;  θ ← θ - η g / (√v + ε)

    State and options have torch's names. Counterpart: `torch.optim.RMSprop`.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: learning rate η >= 0.
        alpha: ρ, 0 <= ρ < 1.
        eps: ε >= 0, added to the divisor.
        weight_decay: λ >= 0; λ θ is added to the gradient.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = RMSprop([theta], lr=0.25)
        >>> theta.square().sum().backward()
        >>> optimizer.step()  # the first step is η / √(1 - ρ) long
        >>> theta.detach()
        tensor([-1.5000,  0.5000])

    References:
        Tieleman & Hinton (2012), lecture 6.5.
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

    def state_keys(self, group: dict[str, Any]) -> Sequence[str]:
        """Return the keys of the count and the average of squares."""
        return "step", "square_avg"

    def rule(self, group: dict[str, Any], t: int) -> tuple[UpdateRule, Sequence[float]]:
        """Return the rule with η, ρ and ε."""
        return update_rules.rmsprop, (group["lr"], group["alpha"], group["eps"])


class Adam(FlatOptimizer):
    """Adam: moving averages of g and g², corrected for their start at zero.

        m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²
        θ ← θ - η m̂ / (√v̂ + ε),  m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)

    With `eps_inside_root`, a step along a constant gradient shrinks once |g| is near √ε rather than near ε.

    State and options have torch's names. Counterpart: `torch.optim.Adam`.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: learning rate η >= 0, the α of the paper.
        betas: β₁ and β₂, 0 <= β < 1.
        eps: ε >= 0, added to the divisor.
        weight_decay: λ >= 0; λ θ is added to the gradient.
        eps_inside_root: whether to divide by √(v̂ + ε), as the assignment prints it.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = Adam([theta], lr=0.25)
        >>> theta.square().sum().backward()
        >>> optimizer.step()  # the first step is η long, whatever the gradient
        >>> theta.detach()
        tensor([ 0.7500, -1.7500])

    References:
        Kingma & Ba (2014).
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

    def state_keys(self, group: dict[str, Any]) -> Sequence[str]:
        """Return the keys of the count, m and v."""
        return "step", "exp_avg", "exp_avg_sq"

    def rule(self, group: dict[str, Any], t: int) -> tuple[UpdateRule, Sequence[float]]:
        """Return the rule with η √(1 - β₂ᵗ) / (1 - β₁ᵗ), β₁, β₂ and the ε of the rule."""
        (beta1, beta2), eps = group["betas"], group["eps"]
        root = math.sqrt(1 - beta2**t)
        alpha = group["lr"] * root / (1 - beta1**t)
        if group["eps_inside_root"]:
            return update_rules.adam_eps_inside, (alpha, beta1, beta2, eps * root**2)
        return update_rules.adam, (alpha, beta1, beta2, eps * root)


class AdamW(Adam):
    """AdamW: Adam with weight decay apart from the gradient.

        θ ← (1 - η λ) θ, then Adam's step

    State and options have torch's names. Counterpart: `torch.optim.AdamW`.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: learning rate η >= 0.
        betas: β₁ and β₂, 0 <= β < 1.
        eps: ε >= 0, added to the divisor.
        weight_decay: λ >= 0.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> theta = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = AdamW([theta], lr=0.25)
        >>> theta.square().sum().backward()
        >>> optimizer.step()  # 1 - η λ of θ, and a step of η
        >>> theta.detach()
        tensor([ 0.7475, -1.7450])

    References:
        Loshchilov & Hutter (2019).
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
        """Return 0: the gradient stays as it is."""
        return 0.0

    def rule(self, group: dict[str, Any], t: int) -> tuple[UpdateRule, Sequence[float]]:
        """Return the rule with Adam's scalars and 1 - η λ."""
        _, scalars = super().rule(group, t)
        return update_rules.adamw, (*scalars, 1 - group["lr"] * group["weight_decay"])


__all__ = [
    name for name, c in list(globals().items()) if isclass(c) and c.__module__ == __name__ and name[0] != "_"
]
