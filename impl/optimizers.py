"""Update rules of the common optimizers, as their papers write them, and one table of them.

Each is a `torch.optim.Optimizer`: parameter groups, `state_dict` and closures work as they do in torch, and
the state carries torch's names. Throughout, θ is a parameter, g its gradient and η (in Adam α) the learning
rate `lr`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

Make = Callable[[ParamsT, float], Optimizer]


def _check_group(group: Mapping[str, Any]) -> None:
    """Raise ValueError for a hyperparameter outside the range in which its rule makes sense."""
    for name in ("lr", "eps"):
        if not 0 <= group.get(name, 0) < math.inf:
            raise ValueError(f"{name} {group[name]} is not a finite number >= 0")
    if len(group.get("betas", (0, 0))) != 2:
        raise ValueError(f"betas {group['betas']} are not two numbers")
    decays = [(name, group.get(name, 0)) for name in ("momentum", "alpha")]
    for name, decay in [*decays, *(("beta", beta) for beta in group.get("betas", ()))]:
        if not 0 <= decay < 1:
            raise ValueError(f"{name} {decay} is not in [0, 1)")


class _PerParameter(Optimizer):
    """What the rules share: the walk over parameters; a subclass writes `update` for one of them."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with options of its own, as in torch; ValueError for one out of range."""
        _check_group({**self.defaults, **param_group})
        super().add_param_group(param_group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore groups and state; an option that a saved group lacks, as torch's may, is the default."""
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient; `closure` recomputes the loss first and is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self.update(parameter, parameter.grad, self.state[parameter], group)
        return loss

    def update(self, theta: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change `theta`, of any shape, and its state in place by one step along its gradient `g`."""
        raise NotImplementedError


def _buffer(state: dict[str, Any], name: str, like: Tensor) -> Tensor:
    """State tensor `name`, zeros shaped as `like` the first time."""
    if name not in state:
        state[name] = torch.zeros_like(like)
    buffer: Tensor = state[name]
    return buffer


class SGD(_PerParameter):
    """Gradient descent with heavy-ball momentum: v ← μ v + g, θ ← θ - η v.

    With μ = 0 it is θ ← θ - η g (Robbins & Monro 1951; momentum: Polyak 1964, scaled as in torch, where
    η multiplies the velocity). Raises ValueError for lr < 0 or momentum outside [0, 1).
    """

    def __init__(self, params: ParamsT, lr: float = 1e-3, momentum: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    def update(self, theta: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """v ← μ v + g; θ ← θ - η v."""
        if group["momentum"]:
            g = _buffer(state, "momentum_buffer", theta).mul_(group["momentum"]).add_(g)
        theta.sub_(g, alpha=group["lr"])


class Adagrad(_PerParameter):
    """Step sizes that shrink with all past gradients: G ← G + g², θ ← θ - η g / (√G + ε).

    Duchi, Hazan & Singer (2011), diagonal form, their δ being ε. Raises ValueError for lr < 0 or eps < 0.
    """

    def __init__(self, params: ParamsT, lr: float = 1e-2, eps: float = 1e-10) -> None:
        super().__init__(params, {"lr": lr, "eps": eps})

    def update(self, theta: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """G ← G + g²; θ ← θ - η g / (√G + ε)."""
        G = _buffer(state, "sum", theta).addcmul_(g, g)
        theta.addcdiv_(g, G.sqrt().add_(group["eps"]), value=-group["lr"])


class RMSprop(_PerParameter):
    """Adagrad with a moving average for the sum: v ← ρ v + (1 - ρ) g², θ ← θ - η g / (√v + ε).

    Tieleman & Hinton (2012), lecture 6.5, ρ being `alpha`. Raises ValueError for lr < 0, eps < 0 or alpha
    outside [0, 1).
    """

    def __init__(self, params: ParamsT, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8) -> None:
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps})

    def update(self, theta: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """v ← ρ v + (1 - ρ) g²; θ ← θ - η g / (√v + ε)."""
        rho = group["alpha"]
        v = _buffer(state, "square_avg", theta).mul_(rho).addcmul_(g, g, value=1 - rho)
        theta.addcdiv_(g, v.sqrt().add_(group["eps"]), value=-group["lr"])


class Adam(_PerParameter):
    """Moving averages of g and g², both freed of their start at zero: θ ← θ - α m̂ / (√v̂ + ε).

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ) (Kingma & Ba 2014).
    `eps_inside_root` divides by √(v̂ + ε) instead, as the assignment prints it: a step along a constant
    gradient then shrinks once |g| is near √ε rather than near ε. Raises ValueError for lr < 0, eps < 0 or a β
    outside [0, 1).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        eps_inside_root: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "eps_inside_root": eps_inside_root})

    def update(self, theta: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """m, v ← averages of g, g²; θ ← θ - α m̂ / (√v̂ + ε), or over √(v̂ + ε)."""
        (beta1, beta2), eps = group["betas"], group["eps"]
        # torch keeps the count as a tensor; int() lets its state be loaded here
        t = state["step"] = int(state.get("step", 0)) + 1
        m = _buffer(state, "exp_avg", theta).mul_(beta1).add_(g, alpha=1 - beta1)
        v = _buffer(state, "exp_avg_sq", theta).mul_(beta2).addcmul_(g, g, value=1 - beta2)
        v_hat = v / (1 - beta2**t)
        root = v_hat.add_(eps).sqrt_() if group["eps_inside_root"] else v_hat.sqrt_().add_(eps)
        theta.addcdiv_(m, root, value=-group["lr"] / (1 - beta1**t))


@dataclass(frozen=True)
class OptimizerEntry:
    """One row of the table: how an optimizer is made, what it computes, and where it comes from."""

    label: str
    make: Make
    twin: Make | None  # torch's own, where it has the same rule
    latex: str
    reference: str


MOMENTUM = 0.9  # the usual choice; torch has no default to follow

OPTIMIZERS: dict[str, OptimizerEntry] = {
    "sgd": OptimizerEntry(
        "SGD",
        SGD,
        torch.optim.SGD,
        r"\theta \leftarrow \theta - \eta\, g",
        "Robbins & Monro 1951",
    ),
    "momentum": OptimizerEntry(
        "SGD with momentum",
        lambda params, lr: SGD(params, lr, momentum=MOMENTUM),
        lambda params, lr: torch.optim.SGD(params, lr, momentum=MOMENTUM),
        r"v \leftarrow \mu v + g, \quad \theta \leftarrow \theta - \eta\, v",
        "Polyak 1964",
    ),
    "adagrad": OptimizerEntry(
        "Adagrad",
        Adagrad,
        torch.optim.Adagrad,
        r"G \leftarrow G + g^2, \quad \theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{G} + \varepsilon}",
        "Duchi, Hazan & Singer 2011",
    ),
    "rmsprop": OptimizerEntry(
        "RMSprop",
        RMSprop,
        torch.optim.RMSprop,
        r"v \leftarrow \rho v + (1 - \rho)\, g^2, \quad "
        r"\theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{v} + \varepsilon}",
        "Tieleman & Hinton 2012",
    ),
    "adam": OptimizerEntry(
        "Adam",
        Adam,
        torch.optim.Adam,
        r"\theta \leftarrow \theta - \alpha\, \frac{\hat{m}}{\sqrt{\hat{v}} + \varepsilon}",
        "Kingma & Ba 2014",
    ),
    "adam_eps_inside": OptimizerEntry(
        "Adam, ε inside the root",
        lambda params, lr: Adam(params, lr, eps_inside_root=True),
        None,
        r"\theta \leftarrow \theta - \alpha\, \frac{\hat{m}}{\sqrt{\hat{v} + \varepsilon}}",
        "as the assignment prints it",
    ),
}
