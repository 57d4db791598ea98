"""Objectives of gradient descent: means over samples, with their gradients, in float64."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from impl.names import invalid

# (w (d,), X (n, d), y (n,)) -> loss () or gradient (d,)
OnBatch = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """A mean loss over samples, and its gradient.

    Attributes:
        name: name of the objective.
        inputs: (N, d).
        targets: (N,).
        loss: (w (d,), X (n, d), y (n,)) -> scalar, the mean over the rows.
        gradient: (w (d,), X (n, d), y (n,)) -> (d,), the mean over the rows.
    """

    name: str
    inputs: Tensor
    targets: Tensor
    loss: OnBatch
    gradient: OnBatch


def _samples(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return both as float64; ValueError unless they are finite, (N, d) and (N,) with N, d >= 1."""
    inputs, targets = torch.as_tensor(inputs).double(), torch.as_tensor(targets).double()
    if inputs.ndim != 2 or not inputs.numel() or targets.shape != inputs.shape[:1]:
        got = f"inputs {tuple(inputs.shape)} and targets {tuple(targets.shape)}"
        raise ValueError(invalid("shapes", got, "(N, d) and (N,)"))
    if not (inputs.isfinite().all() and targets.isfinite().all()):
        raise ValueError(invalid("inputs or targets", "NaN or infinity", "finite numbers"))
    return inputs, targets


def least_squares(inputs: Tensor, targets: Tensor) -> Objective:
    """Return linear regression: mean of (xᵀw - y)²/2, gradient Xᵀ(Xw - y)/N, Hessian XᵀX/N.

    Args:
        inputs: (N, d).
        targets: (N,).

    Raises:
        ValueError: other shapes, NaN or infinity.

    Example:
        >>> X, y = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([1.0, 3.0])
        >>> minimum(least_squares(X, y), torch.zeros(2)).round(decimals=4)
        tensor([1., 2.], dtype=torch.float64)
    """

    def loss(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
        return (X @ w - y).square().mean() / 2

    def gradient(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
        return (X @ w - y) @ X / len(X)

    return Objective("least squares", *_samples(inputs, targets), loss, gradient)


def quadratic(
    condition: float, minimiser: Tensor, *, samples: int, noise: float, generator: torch.Generator
) -> Objective:
    """Return least squares with a given minimum and given curvatures.

        (w - w*)ᵀH(w - w*)/2 + noise²/2

    over all samples. H has the eigenvalues 1 to κ, evenly in the logarithm, along random directions. The
    inputs are √N Q √H with QᵀQ = I; the targets are Xw* and residuals orthogonal to the inputs, of mean
    square noise²: the minimum stays at w*, where the gradients of single samples disagree. A step on all
    samples at the rate 2/(κ + 1) shrinks the distance to w* at least by the factor (κ - 1)/(κ + 1) (Polyak
    1964).

    Args:
        condition: κ, 1 <= κ < ∞.
        minimiser: w* (d,), d >= 2.
        samples: N > d.
        noise: root mean square of the residuals, >= 0.
        generator: source of directions and residuals.

    Raises:
        ValueError: an argument is out of range.
    """
    d = len(minimiser)
    if not (1 <= condition < math.inf and noise >= 0 and 2 <= d < samples):
        got = f"condition {condition}, noise {noise}, {d} weights, {samples} samples"
        expected = "1 <= condition < inf, noise >= 0, 2 <= weights < samples"
        raise ValueError(invalid("quadratic", got, expected))
    normal = torch.randn(samples, d + 1, generator=generator, dtype=torch.float64)
    orthonormal = torch.linalg.qr(normal).Q * samples**0.5  # (N, d + 1), the last column for the residuals
    directions = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64)).Q
    roots = torch.logspace(0, math.log10(condition) / 2, d, dtype=torch.float64)
    inputs = orthonormal[:, :d] * roots @ directions.T
    return least_squares(inputs, inputs @ minimiser.double() + noise * orthonormal[:, d])


def logistic_regression(inputs: Tensor, targets: Tensor, l2: float = 0.0) -> Objective:
    """Return logistic regression with z = xᵀw.

        mean of log(1 + exp(z)) - y z, plus l2/2 ‖w‖²;  gradient Xᵀ(σ(z) - y)/N + l2 w

    The loss is the cross-entropy of σ(z) (Cox 1958). Without l2, separable data have no minimum.

    Args:
        inputs: (N, d).
        targets: (N,) of 0 and 1.
        l2: weight of the penalty, >= 0.

    Raises:
        ValueError: other shapes or targets, or l2 < 0.
    """
    inputs, targets = _samples(inputs, targets)
    if not ((targets == 0) | (targets == 1)).all():
        raise ValueError(invalid("targets", targets.unique().tolist(), "0 and 1"))
    if l2 < 0:
        raise ValueError(invalid("l2", l2, "a number >= 0"))

    def loss(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
        z = X @ w
        return (nn.functional.softplus(z) - y * z).mean() + l2 / 2 * (w @ w)

    def gradient(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
        return (torch.sigmoid(X @ w) - y) @ X / len(X) + l2 * w

    return Objective("logistic regression", inputs, targets, loss, gradient)


def double_well(
    samples: int, *, tilt: float = 0.3, noise: float = 1.0, generator: torch.Generator
) -> Objective:
    """Return a double well on a line, whose samples each tilt it differently.

    Sample i has the loss w⁴/4 - w²/2 + tᵢ w; the shallow well is near w = 1. The tᵢ (`targets`; the inputs
    are ones) are normal, shifted and scaled to mean `tilt` and standard deviation `noise` exactly: the mean
    has the gradient w³ - w + tilt, and the gradient of one sample the standard deviation `noise` at every w.
    Batch descent ends in the well where it starts. Single samples often cross the low barrier out of the
    shallow well, and rarely the high one back.

    Args:
        samples: N >= 2.
        tilt: 0 < tilt < 2/(3√3), beyond which there is one well.
        noise: standard deviation of the tᵢ, >= 0.
        generator: source of the tᵢ.

    Raises:
        ValueError: an argument is out of range.
    """
    if samples < 2 or noise < 0 or not 0 < tilt < 2 / 27**0.5:
        got = f"samples {samples}, noise {noise}, tilt {tilt}"
        expected = f"samples >= 2, noise >= 0, 0 < tilt < {2 / 27**0.5:.4f}"
        raise ValueError(invalid("double well", got, expected))
    draws = torch.randn(samples, generator=generator, dtype=torch.float64)
    tilts = tilt + noise * (draws - draws.mean()) / draws.std(correction=0)

    def loss(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
        return (w**4 / 4 - w**2 / 2 + y.mean() * w).sum()

    def gradient(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
        return w**3 - w + y.mean()

    return Objective("double well", torch.ones(samples, 1, dtype=torch.float64), tilts, loss, gradient)


def sigmoid_neuron(inputs: Tensor, targets: Tensor) -> Objective:
    """Return one neuron a = σ(xᵀw) under squared error (question 8).

        mean of (a - y)²;  gradient Xᵀδ/N,  δ = 2 (a - y) a (1 - a)

    With d = 2 and positive inputs, both parts of a sample's gradient have the sign of its δ.

    Args:
        inputs: (N, d).
        targets: (N,).

    Raises:
        ValueError: other shapes, NaN or infinity.
    """

    def loss(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
        return (torch.sigmoid(X @ w) - y).square().mean()

    def gradient(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
        a = torch.sigmoid(X @ w)
        return 2 * ((a - y) * a * (1 - a)) @ X / len(X)

    return Objective("sigmoid neuron", *_samples(inputs, targets), loss, gradient)


def minimum(objective: Objective, start: Tensor, *, tolerance: float = 1e-12, steps: int = 100) -> Tensor:
    """Return the local minimum that Newton's method finds: w ← w - |H|⁻¹ ∇f.

    |H| has the Hessian's eigenvectors and the magnitudes of its eigenvalues, so that a step descends also
    where f curves down (Nocedal & Wright 2006, section 3.4). Directions without curvature are left alone, and
    a step is halved while f rises. On least squares the first step is the closed form (XᵀX)⁻¹Xᵀy.

    Args:
        objective: the objective.
        start: (d,).
        tolerance: ends when a step is at most `tolerance` (1 + ‖w‖).
        steps: the most steps.

    Returns:
        (d,), float64.

    Raises:
        ValueError: no minimum within `steps`, or the end is a saddle point or maximum.

    Example:
        >>> X, y = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([1.0, 3.0])
        >>> minimum(least_squares(X, y), torch.zeros(2)).round(decimals=4)
        tensor([1., 2.], dtype=torch.float64)
    """
    X, y = objective.inputs, objective.targets
    w = start.detach().double()
    for _ in range(steps):
        hessian = torch.autograd.functional.jacobian(lambda v: objective.gradient(v, X, y), w)
        values, vectors = torch.linalg.eigh((hessian + hessian.T) / 2)
        curved = values.abs() > len(w) * torch.finfo(w.dtype).eps * values.abs().max()
        slopes = vectors.T @ objective.gradient(w, X, y)
        step = -vectors @ torch.where(curved, slopes / values.abs(), torch.zeros_like(slopes))
        if step.norm() <= tolerance * (1 + w.norm()):
            if values[0] < 0 and curved[0]:
                raise ValueError(f"{objective.name}: {w.tolist()} is a saddle point or maximum.")
            return w + step
        w = w + _shortened(objective, w, step)
    raise ValueError(f"{objective.name}: no minimum within {steps} Newton steps of {start.tolist()}.")


def _shortened(objective: Objective, w: Tensor, step: Tensor) -> Tensor:
    """Halve `step` until the loss does not rise by more than its rounding."""
    X, y = objective.inputs, objective.targets
    here = objective.loss(w, X, y)
    rounding = 8 * torch.finfo(w.dtype).eps * (1 + here.abs())
    while not objective.loss(w + step, X, y) <= here + rounding and step.norm() > 0:
        step = step / 2
    return step
