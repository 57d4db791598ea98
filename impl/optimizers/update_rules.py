"""Update rules of the optimizers, as their papers write them.

Each changes θ and its state in place by one step along the gradient g; the velocities of momentum are new
tensors, since one pass over memory makes them and two change them.

The arithmetic of momentum is small next to the cost of its calls: its `Tensors` are all parameters of a
group, and each call goes over all of them. The adaptive rules take vectors of one length from
`impl.optimizers.flat_params`, and `work`, one vector more for intermediate results, since allocating it at
each step costs more than the arithmetic. Scalars come last. No rule branches on a number, so that a compiler
can make one kernel of it (`impl.compilation.aot`).
"""

import torch
from torch import Tensor

Tensors = list[Tensor] | tuple[Tensor, ...]


def sgd(theta: Tensors, g: Tensors, lr: float) -> None:
    """Step θ ← θ - η g (Robbins & Monro 1951)."""
    torch._foreach_add_(theta, g, alpha=-lr)


def momentum(theta: Tensors, g: Tensors, v: Tensors, lr: float, mu: float) -> Tensors:
    """Step v ← μ v + g; θ ← θ - η v (Polyak 1964; η multiplies the velocity, as in torch); return v."""
    v = torch._foreach_add(g, v, alpha=mu)
    torch._foreach_add_(theta, v, alpha=-lr)
    return v


def nesterov(theta: Tensors, g: Tensors, v: Tensors, lr: float, mu: float) -> Tensors:
    """Step v ← μ v + g; θ ← θ - η (g + μ v), momentum that looks one step ahead (Nesterov 1983); return v.

    In the form of Sutskever et al. (2013), where θ is the point ahead.
    """
    v = torch._foreach_add(g, v, alpha=mu)
    torch._foreach_add_(theta, g, alpha=-lr)
    torch._foreach_add_(theta, v, alpha=-lr * mu)
    return v


def adagrad(theta: Tensor, g: Tensor, G: Tensor, work: Tensor, lr: float, eps: float) -> None:
    """Step G ← G + g²; θ ← θ - η g / (√G + ε) (Duchi, Hazan & Singer 2011, diagonal form, ε their δ)."""
    G.addcmul_(g, g)
    theta.addcdiv_(g, torch.sqrt(G, out=work).add_(eps), value=-lr)


def rmsprop(theta: Tensor, g: Tensor, v: Tensor, work: Tensor, lr: float, rho: float, eps: float) -> None:
    """Step v ← ρ v + (1 - ρ) g²; θ ← θ - η g / (√v + ε) (Tieleman & Hinton 2012, lecture 6.5)."""
    v.mul_(rho).addcmul_(g, g, value=1 - rho)
    theta.addcdiv_(g, torch.sqrt(v, out=work).add_(eps), value=-lr)


def adam(
    theta: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    work: Tensor,
    alpha: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> None:
    """Step m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; θ ← θ - α m / (√v + ε).

    With `alpha` = η √(1 - β₂ᵗ) / (1 - β₁ᵗ) and `eps` = ε √(1 - β₂ᵗ) that is θ - η m̂ / (√v̂ + ε): the order
    of computation at the end of section 2 of Kingma & Ba (2014).
    """
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    theta.addcdiv_(m, torch.sqrt(v, out=work).add_(eps), value=-alpha)


def adam_eps_inside(
    theta: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    work: Tensor,
    alpha: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> None:
    """Step as `adam`, but θ ← θ - α m / √(v + ε); `eps` = ε (1 - β₂ᵗ) makes it θ - η m̂ / √(v̂ + ε)."""
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    theta.addcdiv_(m, torch.add(v, eps, out=work).sqrt_(), value=-alpha)


def adamw(
    theta: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    work: Tensor,
    alpha: float,
    beta1: float,
    beta2: float,
    eps: float,
    keep: float,
) -> None:
    """Step as `adam` after θ ← (1 - η λ) θ; `keep` is 1 - η λ (Loshchilov & Hutter 2019)."""
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    theta.mul_(keep).addcdiv_(m, torch.sqrt(v, out=work).add_(eps), value=-alpha)
