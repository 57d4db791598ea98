"""Batch, mini-batch and stochastic gradient descent as one loop with a batch size.

An objective is a mean over samples, so any batch of rows gives an unbiased estimate of its gradient.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from impl.descent.objectives import Objective
from impl.names import invalid

CHECK_EVERY = 64  # steps between checks for infinity, which cost as much as a small gradient


@dataclass(frozen=True)
class Trajectory:
    """The points of a gradient descent, cut at the last finite one.

    Attributes:
        points: (steps + 1, d), the start first.
        samples_seen: (steps + 1,), up to each point.
        seconds: (steps + 1,), up to each point.
        diverged: whether a step left the finite numbers.
    """

    points: Tensor
    samples_seen: Tensor
    seconds: Tensor
    diverged: bool


def minibatches(
    inputs: Tensor, targets: Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of batches: every row once, in a fresh order; the last batch may be short.

    A batch of all rows keeps their order, since a mean does not depend on it.

    Args:
        inputs: (N, …).
        targets: (N, …).
        batch_size: rows a batch, from 1 to N.
        generator: source of the order.

    Yields:
        Batches of inputs and targets.

    Raises:
        ValueError: the batch size is out of range.

    Example:
        >>> rows, g = torch.arange(5.0), torch.Generator().manual_seed(0)
        >>> [len(x) for x, _ in minibatches(rows, rows, batch_size=2, generator=g)]
        [2, 2, 1]
    """
    if not 1 <= operator.index(batch_size) <= len(inputs):
        raise ValueError(invalid("batch_size", batch_size, f"an integer from 1 to {len(inputs)}"))
    if batch_size == len(inputs):
        yield inputs, targets
        return
    order = torch.randperm(len(inputs), generator=generator).to(inputs.device)
    yield from zip(inputs[order].split(batch_size), targets[order].split(batch_size), strict=True)


def samples_seen(steps: Tensor, rows: int, batch_size: int) -> Tensor:
    """Return the samples seen after so many steps, where the last batch of an epoch may be short.

    Args:
        steps: (K,).
        rows: samples an epoch.
        batch_size: samples a step.

    Returns:
        (K,).

    Example:
        >>> samples_seen(torch.tensor([0, 1, 3, 4]), rows=5, batch_size=2)
        tensor([0, 2, 5, 7])
    """
    epochs, left = steps // -(-rows // batch_size), steps % -(-rows // batch_size)
    return epochs * rows + left * batch_size


def descend(
    objective: Objective,
    start: Tensor,
    optimizer: Callable[[list[nn.Parameter]], Optimizer],
    *,
    batch_size: int,
    steps: int,
    generator: torch.Generator,
) -> Trajectory:
    """Descend by an update rule along the gradients of one batch after another: w ← rule(w, ∇f of the batch).

    A batch size of N is batch descent, 1 stochastic (Robbins & Monro 1951), others mini-batch descent. Each
    epoch passes every sample once in a fresh order.

    Args:
        objective: the objective, with its N samples.
        start: (d,).
        optimizer: makes the update rule for a list of the one parameter.
        batch_size: samples a step, from 1 to N.
        steps: steps to take; fewer where the descent leaves the finite numbers.
        generator: source of the order.

    Raises:
        ValueError: `start` has another shape, or the batch size is out of range.

    Example:
        >>> from impl.descent.objectives import least_squares
        >>> from impl.optimizers import SGD
        >>> f = least_squares(torch.tensor([[1.0], [2.0]]), torch.tensor([2.0, 4.0]))
        >>> g = torch.Generator().manual_seed(0)
        >>> path = descend(f, torch.zeros(1), lambda w: SGD(w, lr=0.2), batch_size=2, steps=50, generator=g)
        >>> path.points[-1].round(decimals=4)
        tensor([2.], dtype=torch.float64)
    """
    inputs, targets = objective.inputs, objective.targets
    if start.shape != inputs.shape[1:]:
        raise ValueError(invalid("start", f"shape {tuple(start.shape)}", f"shape {tuple(inputs.shape[1:])}"))
    w = nn.Parameter(start.detach().double().clone())
    rule = optimizer([w])
    batches = (batch for _ in count() for batch in minibatches(inputs, targets, batch_size, generator))
    points, clock = [w.detach().clone()], [perf_counter()]
    with torch.no_grad():
        for step, (X, y) in enumerate(islice(batches, operator.index(steps)), 1):
            w.grad = objective.gradient(w, X, y)
            rule.step()
            points.append(w.clone())
            clock.append(perf_counter())
            if step % CHECK_EVERY == 0 and not w.isfinite().all():
                break
    whole = torch.stack(points)
    seconds = torch.tensor(clock, dtype=torch.float64) - clock[0]
    seen = samples_seen(torch.arange(len(whole)), len(inputs), batch_size)
    finite = whole.isfinite().all(1)
    length = len(whole) if finite.all() else int(finite.int().argmin())
    return Trajectory(whole[:length], seen[:length], seconds[:length], diverged=length < len(whole))


def gradient_variance(objective: Objective, w: Tensor, batch_size: int) -> float:
    """Return the exact variance of the gradient of a batch sampled without replacement.

        (N - b) / (b (N - 1)) · 1/N Σᵢ ‖gᵢ - ḡ‖²

    the trace of the covariance, with gᵢ the gradient of sample i at w, ḡ their mean and b the batch size
    (Cochran 1977, theorem 2.2); 0 for b = N.

    Args:
        objective: the objective, with its N samples.
        w: (d,).
        batch_size: b, from 1 to N.

    Returns:
        The variance, in the gradient's unit squared.

    Raises:
        ValueError: the batch size is out of range.
    """
    X, y = objective.inputs, objective.targets
    N, b = len(X), operator.index(batch_size)
    if not 1 <= b <= N:
        raise ValueError(invalid("batch_size", b, f"an integer from 1 to {N}"))
    if b == N:
        return 0.0
    each = torch.func.vmap(lambda x, t: objective.gradient(w, x[None], t[None]))(X, y)  # (N, d)
    spread = (each - each.mean(0)).square().sum(1).mean()
    return float((N - b) / (b * (N - 1)) * spread)


@dataclass(frozen=True)
class Trace:
    """Measures of a trajectory at K of its points, each (K,), float64.

    Attributes:
        samples_seen: samples seen up to the point.
        seconds: seconds up to the point.
        loss: loss over all samples.
        distance: ‖w - w*‖ to the minimum.
        gradient_variance: variance of the gradient of the descent's batches.
    """

    samples_seen: Tensor
    seconds: Tensor
    loss: Tensor
    distance: Tensor
    gradient_variance: Tensor


def trace(
    objective: Objective, trajectory: Trajectory, minimiser: Tensor, batch_size: int, steps: Sequence[int]
) -> Trace:
    """Measure a trajectory after some of its steps.

    Args:
        objective: the objective.
        trajectory: a descent on it.
        minimiser: w* (d,).
        batch_size: batch size of the descent.
        steps: K steps, 0 is the start.

    Raises:
        ValueError: `minimiser` has another shape, or a step is beyond the trajectory.
    """
    if minimiser.shape != trajectory.points.shape[1:]:
        shape = tuple(trajectory.points.shape[1:])
        raise ValueError(invalid("minimiser", f"shape {tuple(minimiser.shape)}", f"shape {shape}"))
    beyond = [step for step in steps if not 0 <= step < len(trajectory.points)]
    if beyond:
        raise ValueError(
            invalid("steps", beyond, f"0 to {len(trajectory.points) - 1}, where the trajectory ends")
        )
    points = trajectory.points[list(steps)]
    losses = [objective.loss(w, objective.inputs, objective.targets) for w in points]
    variances = [gradient_variance(objective, w, batch_size) for w in points]
    return Trace(
        trajectory.samples_seen[list(steps)].double(),
        trajectory.seconds[list(steps)],
        torch.stack(losses),
        (points - minimiser).norm(dim=1),
        torch.tensor(variances, dtype=torch.float64),
    )
