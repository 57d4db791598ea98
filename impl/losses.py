"""Losses of a network's outputs with their gradients side by side, and one table of them.

N is the number of samples, K that of classes, p = softmax(z) of the logits z.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def _log_softmax(logits: Tensor) -> Tensor:
    """z - max z - log Σ exp(z - max z) by row: no exponential overflows, however large the logits."""
    shifted = logits - logits.amax(1, keepdim=True)
    return shifted - shifted.exp().sum(1, keepdim=True).log()


def _check_classes(logits: Tensor, target: Tensor) -> None:
    """Raise ValueError unless logits are (N, K) and target is (N,) class indices or (N, K) probabilities."""
    indices = target.dtype == torch.int64 and target.shape == logits.shape[:1]
    probabilities = target.is_floating_point() and target.shape == logits.shape
    if logits.ndim != 2 or not logits.numel() or not (indices or probabilities):
        raise ValueError(
            f"logits {tuple(logits.shape)} and {target.dtype} target {tuple(target.shape)} are not "
            f"(N, K) and int64 class indices (N,) or floating probabilities (N, K)"
        )


def _subtract_target(p: Tensor, target: Tensor) -> Tensor:
    """p - t in place, t one-hot where `target` holds class indices; p: (N, K)."""
    if target.ndim == 2:
        return p.sub_(target)
    return p.scatter_add_(1, target[:, None], p.new_full((len(p), 1), -1))


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy -Σₖ tₖ log pₖ of target and softmax, in nats, mean over N.

    logits: (N, K); target: class indices (N,), or probabilities (N, K) whose rows sum to 1; returns a scalar.
    Raises ValueError for other shapes (Bridle 1990).

    >>> logits, target = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    >>> cross_entropy(logits, target)
    tensor(1.4100)
    """
    _check_classes(logits, target)
    log_p = _log_softmax(logits)
    if target.ndim == 2:
        return -(target * log_p).sum(1).mean()
    return -log_p.gather(1, target[:, None]).mean()


def cross_entropy_gradient(logits: Tensor, target: Tensor) -> Tensor:
    """(p - t)/N, shape (N, K): the gradient of `cross_entropy` in the logits; arguments as there.

    From ∂pₖ/∂zⱼ = pₖ ([k = j] - pⱼ) and Σₖ tₖ = 1: the factor p (1 - p) of the softmax cancels.

    >>> logits, target = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    >>> cross_entropy_gradient(logits, target)
    tensor([[-0.2500,  0.2500],
            [ 0.4404, -0.4404]])
    """
    _check_classes(logits, target)
    return _subtract_target(torch.softmax(logits, 1), target).div_(len(logits))


def cross_entropy_and_gradient(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """`cross_entropy` and `cross_entropy_gradient` from one softmax: log p = z - max z - log s, p = e / s.

    >>> logits, target = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    >>> cross_entropy_and_gradient(logits, target)
    (tensor(1.4100), tensor([[-0.2500,  0.2500],
            [ 0.4404, -0.4404]]))
    """
    _check_classes(logits, target)
    shifted = logits - logits.amax(1, keepdim=True)
    p = shifted.exp()
    s = p.sum(1, keepdim=True)
    gradient = _subtract_target(p.div_(s), target).div_(len(logits))
    if target.ndim == 2:
        return -(target * (shifted - s.log())).sum(1).mean(), gradient
    return (s.log() - shifted.gather(1, target[:, None])).mean(), gradient


def _check_same_shape(output: Tensor, target: Tensor) -> None:
    """Raise ValueError for unequal shapes, which would broadcast."""
    if output.shape != target.shape or not output.numel():
        raise ValueError(
            f"output {tuple(output.shape)} and target {tuple(target.shape)} are not of one shape"
        )


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Squared error (y - t)², mean over all elements; both of one shape, returns a scalar.

    In the unit of the target squared. Raises ValueError for unequal shapes (Legendre 1805).

    >>> output, target = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 2.0])
    >>> mse(output, target)
    tensor(2.5000)
    """
    _check_same_shape(output, target)
    return (output - target).square().mean()


def mse_gradient(output: Tensor, target: Tensor) -> Tensor:
    """2 (y - t)/n for n elements: the gradient of `mse` in the output, of its shape; arguments as there.

    >>> output, target = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 2.0])
    >>> mse_gradient(output, target)
    tensor([1., 2.])
    """
    _check_same_shape(output, target)
    return (output - target).mul_(2 / output.numel())


def mse_and_gradient(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """`mse` and `mse_gradient` from one difference.

    >>> output, target = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 2.0])
    >>> mse_and_gradient(output, target)
    (tensor(2.5000), tensor([1., 2.]))
    """
    _check_same_shape(output, target)
    difference = output - target
    return difference.square().mean(), difference.mul_(2 / output.numel())


def brier(logits: Tensor, target: Tensor) -> Tensor:
    """Squared error of the softmax, Σₖ (pₖ - tₖ)², from 0 to 2, mean over N; arguments as in `cross_entropy`.

    Brier (1950), in his original form that sums over the classes.

    >>> logits, target = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    >>> brier(logits, target)
    tensor(1.0258)
    """
    _check_classes(logits, target)
    p = torch.softmax(logits, 1)
    # a copy, because autograd still needs p
    return _subtract_target(p.clone(), target).square().sum(1).mean()


def brier_gradient(logits: Tensor, target: Tensor) -> Tensor:
    """2/N · p ⊙ (e - Σₖ eₖ pₖ) with e = p - t, shape (N, K): the gradient of `brier` in the logits.

    From ∂pₖ/∂zⱼ = pₖ ([k = j] - pⱼ): the softmax's slope stays in, and vanishes where it saturates.

    >>> logits, target = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    >>> brier_gradient(logits, target)
    tensor([[-0.2500,  0.2500],
            [ 0.1850, -0.1850]])
    """
    _check_classes(logits, target)
    p = torch.softmax(logits, 1)
    e = _subtract_target(p.clone(), target)
    return p * (e - (e * p).sum(1, keepdim=True)) * (2 / len(logits))


def brier_and_gradient(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """`brier` and `brier_gradient` from one softmax.

    >>> logits, target = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    >>> brier_and_gradient(logits, target)
    (tensor(1.0258), tensor([[-0.2500,  0.2500],
            [ 0.1850, -0.1850]]))
    """
    _check_classes(logits, target)
    p = torch.softmax(logits, 1)
    e = _subtract_target(p.clone(), target)
    gradient = (e - (e * p).sum(1, keepdim=True)).mul_(p).mul_(2 / len(logits))
    return e.square_().sum(1).mean(), gradient


@dataclass(frozen=True)
class Loss:
    """One row of the table: a loss (output, target) -> scalar, its gradient in the output, and both."""

    label: str
    value: Callable[[Tensor, Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]
    latex: str
    latex_gradient: str
    value_and_gradient: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss(
        "cross-entropy",
        cross_entropy,
        cross_entropy_gradient,
        r"L = -\frac{1}{N} \sum_{n,k} t_{nk} \log p_{nk}",
        r"\frac{\partial L}{\partial z_{nk}} = \frac{p_{nk} - t_{nk}}{N}",
        cross_entropy_and_gradient,
    ),
    "mse": Loss(
        "squared error",
        mse,
        mse_gradient,
        r"L = \frac{1}{N K} \sum_{n,k} (y_{nk} - t_{nk})^2",
        r"\frac{\partial L}{\partial y_{nk}} = \frac{2\,(y_{nk} - t_{nk})}{N K}",
        mse_and_gradient,
    ),
    "brier": Loss(
        "squared error of the softmax",
        brier,
        brier_gradient,
        r"L = \frac{1}{N} \sum_{n,k} (p_{nk} - t_{nk})^2",
        r"\frac{\partial L}{\partial z_{nj}} = \frac{2}{N}\, p_{nj} "
        r"\left(e_{nj} - \sum_k e_{nk}\, p_{nk}\right), \quad e = p - t",
        brier_and_gradient,
    ),
}
