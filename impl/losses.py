"""Losses with their gradients, and the registry of them.

N is the number of samples, K that of classes, p = softmax(z) of the logits z, t the target.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from impl.names import invalid


def _log_softmax(logits: Tensor) -> Tensor:
    """Return z - max z - log Σ exp(z - max z) by row, without overflow."""
    shifted = logits - logits.amax(1, keepdim=True)
    return shifted - shifted.exp().sum(1, keepdim=True).log()


def _check_classes(logits: Tensor, target: Tensor) -> None:
    """Raise ValueError unless logits are (N, K) and target is (N,) indices or (N, K) probabilities."""
    indices = target.dtype == torch.int64 and target.shape == logits.shape[:1]
    probabilities = target.is_floating_point() and target.shape == logits.shape
    if logits.ndim != 2 or not logits.numel() or not (indices or probabilities):
        got = f"logits {tuple(logits.shape)} and {target.dtype} target {tuple(target.shape)}"
        expected = "(N, K) and int64 class indices (N,) or floating probabilities (N, K)"
        raise ValueError(invalid("shapes", got, expected))


def _subtract_target(p: Tensor, target: Tensor) -> Tensor:
    """Subtract t from p (N, K) in place, one-hot where `target` holds class indices."""
    if target.ndim == 2:
        return p.sub_(target)
    return p.scatter_add_(1, target[:, None], p.new_full((len(p), 1), -1))


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy L = -1/N Σₙₖ tₙₖ log pₙₖ of target and softmax, in nats.

    Args:
        logits: (N, K).
        target: class indices (N,), int64, or probabilities (N, K) whose rows sum to 1.

    Returns:
        A scalar.

    Raises:
        ValueError: shapes or dtypes do not fit.

    Example:
        >>> logits, target = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
        >>> cross_entropy(logits, target)
        tensor(1.4100)

    References:
        Bridle (1990).
    """
    _check_classes(logits, target)
    log_p = _log_softmax(logits)
    if target.ndim == 2:
        return -(target * log_p).sum(1).mean()
    return -log_p.gather(1, target[:, None]).mean()


def cross_entropy_gradient(logits: Tensor, target: Tensor) -> Tensor:
    """Return ∂L/∂z = (p - t)/N, the gradient of `cross_entropy` in the logits.

    From ∂pₖ/∂zⱼ = pₖ ([k = j] - pⱼ) and Σₖ tₖ = 1: the factor p (1 - p) of the softmax cancels.

    Args:
        logits: (N, K).
        target: class indices (N,), int64, or probabilities (N, K) whose rows sum to 1.

    Returns:
        (N, K).

    Raises:
        ValueError: shapes or dtypes do not fit.

    Example:
        >>> logits, target = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
        >>> cross_entropy_gradient(logits, target)
        tensor([[-0.2500,  0.2500],
                [ 0.4404, -0.4404]])
    """
    _check_classes(logits, target)
    return _subtract_target(torch.softmax(logits, 1), target).div_(len(logits))


def cross_entropy_and_gradient(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return `cross_entropy` and `cross_entropy_gradient` from one softmax.

    Example:
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
        got = f"output {tuple(output.shape)} and target {tuple(target.shape)}"
        raise ValueError(invalid("shapes", got, "one shape with at least one element"))


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error L = 1/n Σ (y - t)² over all n elements, in the target's unit squared.

    Args:
        output: any shape.
        target: the same shape.

    Returns:
        A scalar.

    Raises:
        ValueError: shapes differ, which would broadcast.

    Example:
        >>> output, target = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 2.0])
        >>> mse(output, target)
        tensor(2.5000)

    References:
        Legendre (1805).
    """
    _check_same_shape(output, target)
    return (output - target).square().mean()


def mse_gradient(output: Tensor, target: Tensor) -> Tensor:
    """Return ∂L/∂y = 2 (y - t)/n, the gradient of `mse` in the output.

    Args:
        output: any shape.
        target: the same shape.

    Returns:
        The output's shape.

    Raises:
        ValueError: shapes differ, which would broadcast.

    Example:
        >>> output, target = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 2.0])
        >>> mse_gradient(output, target)
        tensor([1., 2.])
    """
    _check_same_shape(output, target)
    return (output - target).mul_(2 / output.numel())


def mse_and_gradient(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return `mse` and `mse_gradient` from one difference.

    Example:
        >>> output, target = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 2.0])
        >>> mse_and_gradient(output, target)
        (tensor(2.5000), tensor([1., 2.]))
    """
    _check_same_shape(output, target)
    difference = output - target
    return difference.square().mean(), difference.mul_(2 / output.numel())


def brier(logits: Tensor, target: Tensor) -> Tensor:
    """Return the Brier score L = 1/N Σₙₖ (pₙₖ - tₙₖ)² of the softmax, from 0 to 2.

    Args:
        logits: (N, K).
        target: class indices (N,), int64, or probabilities (N, K) whose rows sum to 1.

    Returns:
        A scalar.

    Raises:
        ValueError: shapes or dtypes do not fit.

    Example:
        >>> logits, target = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
        >>> brier(logits, target)
        tensor(1.0258)

    References:
        Brier (1950), in the original form that sums over the classes.
    """
    _check_classes(logits, target)
    p = torch.softmax(logits, 1)
    # a copy, because autograd still needs p
    return _subtract_target(p.clone(), target).square().sum(1).mean()


def brier_gradient(logits: Tensor, target: Tensor) -> Tensor:
    """Return ∂L/∂z = 2/N · p ⊙ (e - Σₖ eₖ pₖ) with e = p - t, the gradient of `brier` in the logits.

    From ∂pₖ/∂zⱼ = pₖ ([k = j] - pⱼ): the softmax's derivative stays, and vanishes where it saturates.

    Args:
        logits: (N, K).
        target: class indices (N,), int64, or probabilities (N, K) whose rows sum to 1.

    Returns:
        (N, K).

    Raises:
        ValueError: shapes or dtypes do not fit.

    Example:
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
    """Return `brier` and `brier_gradient` from one softmax.

    Example:
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
    """One row of `LOSSES`.

    Attributes:
        label: name in text, tables and figures.
        value: (output, target) -> scalar.
        gradient: (output, target) -> gradient in the output.
        latex: definition in LaTeX.
        latex_gradient: gradient in LaTeX.
        value_and_gradient: both at once.
    """

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
