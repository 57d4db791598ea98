"""Update rules of the common optimizers, as their papers write them.

Each changes θ and its state in place by one step along the gradient g.

Descent with momentum does so little that its calls are what costs: `Tensors` there are all parameters of a
group, one tensor each, and each call goes over all of them. The adaptive rules take vectors of one length,
which `impl.packs` makes of parameters; `work` is one more, for what a rule needs on the way: a fresh one at
each step would cost more than the arithmetic. Scalars come after them. No rule branches on a number, so that
a compiler can make one loop of it (`impl.compiled`); without a compiler it runs as it stands.
"""

import torch
from torch import Tensor

Tensors = list[Tensor] | tuple[Tensor, ...]


def sgd(theta: Tensors, g: Tensors, lr: float) -> None:
    """θ ← θ - η g (Robbins & Monro 1951)."""
    torch._foreach_add_(theta, g, alpha=-lr)


def momentum(theta: Tensors, g: Tensors, v: Tensors, lr: float, mu: float) -> None:
    """v ← μ v + g; θ ← θ - η v (Polyak 1964, scaled as in torch, where η multiplies the velocity)."""
    torch._foreach_mul_(v, mu)
    torch._foreach_add_(v, g)
    torch._foreach_add_(theta, v, alpha=-lr)


def nesterov(theta: Tensors, g: Tensors, v: Tensors, lr: float, mu: float) -> None:
    """v ← μ v + g; θ ← θ - η (g + μ v), momentum that looks one step ahead (Nesterov 1983).

    In the form of Sutskever et al. (2013), with θ standing at the point they look ahead to.
    """
    torch._foreach_mul_(v, mu)
    torch._foreach_add_(v, g)
    torch._foreach_add_(theta, g, alpha=-lr)
    torch._foreach_add_(theta, v, alpha=-lr * mu)


def adagrad(theta: Tensor, g: Tensor, G: Tensor, work: Tensor, lr: float, eps: float) -> None:
    """G ← G + g²; θ ← θ - η g / (√G + ε) (Duchi, Hazan & Singer 2011, diagonal form, their δ being ε)."""
    G.addcmul_(g, g)
    theta.addcdiv_(g, torch.sqrt(G, out=work).add_(eps), value=-lr)


def rmsprop(theta: Tensor, g: Tensor, v: Tensor, work: Tensor, lr: float, rho: float, eps: float) -> None:
    """v ← ρ v + (1 - ρ) g²; θ ← θ - η g / (√v + ε) (Tieleman & Hinton 2012, lecture 6.5)."""
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
    """m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; θ ← θ - α m / (√v + ε).

    With `alpha` = α √(1 - β₂ᵗ) / (1 - β₁ᵗ) and `eps` = ε √(1 - β₂ᵗ) that is θ - α m̂ / (√v̂ + ε), the order of
    computation at the end of section 2 of Kingma & Ba (2014).
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
    """`adam` with θ ← θ - α m / √(v + ε): `eps` = ε (1 - β₂ᵗ) makes it θ - α m̂ / √(v̂ + ε)."""
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
    """`adam` after θ ← (1 - η λ) θ, which `keep` is: decay apart from g (Loshchilov & Hutter 2019)."""
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    theta.mul_(keep).addcdiv_(m, torch.sqrt(v, out=work).add_(eps), value=-alpha)
