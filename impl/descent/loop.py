"""Batch, mini-batch and stochastic descent as one loop with a batch size.

An objective is a mean over samples, so that any batch of its rows gives an unbiased estimate of its gradient.
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

CHECK_EVERY = 64  # steps between looks for infinity: each costs as much as a small gradient


@dataclass(frozen=True)
class Trajectory:
    """A descent: points (steps + 1, d), the start first, samples_seen and seconds (steps + 1,) up to each.

    If a step left the finite numbers, `diverged` is true and the path ends at the last finite point.
    """

    points: Tensor
    samples_seen: Tensor
    seconds: Tensor
    diverged: bool


def minibatches(
    inputs: Tensor, targets: Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch: every row once, in a fresh order, `batch_size` rows at a time; the last batch may be short.

    All rows at once stay in their order, which a mean does not depend on. Raises ValueError unless batch_size
    is between 1 and the number of rows.

    >>> rows, g = torch.arange(5.0), torch.Generator().manual_seed(0)
    >>> [len(x) for x, _ in minibatches(rows, rows, batch_size=2, generator=g)]
    [2, 2, 1]
    """
    if not 1 <= operator.index(batch_size) <= len(inputs):
        raise ValueError(f"batch size {batch_size} is not between 1 and {len(inputs)}")
    if batch_size == len(inputs):
        yield inputs, targets
        return
    order = torch.randperm(len(inputs), generator=generator).to(inputs.device)
    yield from zip(inputs[order].split(batch_size), targets[order].split(batch_size), strict=True)


def samples_seen(steps: Tensor, rows: int, batch_size: int) -> Tensor:
    """Samples that so many steps (K,) look at: `rows` an epoch, whose last batch may be short; (K,).

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
    """Step along the gradient of one batch after another: w ← rule(w, ∇f of the batch at w).

    A batch_size of N is batch descent, 1 stochastic (Robbins & Monro 1951), between them mini-batch descent.
    start: (d,); `optimizer` makes the update rule for a list of the one parameter. Each epoch passes every
    sample once in a fresh order; a descent that leaves the finite numbers is cut short. Raises ValueError for
    a start of another shape or a batch size outside 1..N.

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
        raise ValueError(f"start {tuple(start.shape)} is not of shape {tuple(inputs.shape[1:])}")
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
    path = torch.stack(points)
    seconds = torch.tensor(clock, dtype=torch.float64) - clock[0]
    seen = samples_seen(torch.arange(len(path)), len(inputs), batch_size)
    finite = path.isfinite().all(1)
    length = len(path) if finite.all() else int(finite.int().argmin())
    return Trajectory(path[:length], seen[:length], seconds[:length], diverged=length < len(path))


def gradient_variance(objective: Objective, w: Tensor, batch_size: int) -> float:
    """Exact variance (trace of the covariance) of the gradient of a batch drawn without replacement.

    (N - b) / (b (N - 1)) · 1/N Σᵢ ‖gᵢ - ḡ‖², with gᵢ the gradient of sample i at w (d,), ḡ their mean and b
    the batch size: the variance of a mean of b of N values (Cochran 1977, theorem 2.2). In the gradient's
    unit squared; zero for b = N. Raises ValueError unless 1 <= b <= N.
    """
    X, y = objective.inputs, objective.targets
    N, b = len(X), operator.index(batch_size)
    if not 1 <= b <= N:
        raise ValueError(f"batch size {b} is not between 1 and {N}")
    if b == N:
        return 0.0
    each = torch.func.vmap(lambda x, t: objective.gradient(w, x[None], t[None]))(X, y)  # (N, d)
    spread = (each - each.mean(0)).square().sum(1).mean()
    return float((N - b) / (b * (N - 1)) * spread)


@dataclass(frozen=True)
class Trace:
    """What a descent had come to at K of its points, by samples seen and by seconds; each (K,), float64.

    loss: over all samples; distance: ‖w - w*‖ to the minimum; gradient_variance: of the descent's batches.
    """

    samples_seen: Tensor
    seconds: Tensor
    loss: Tensor
    distance: Tensor
    gradient_variance: Tensor


def trace(
    objective: Objective, path: Trajectory, minimiser: Tensor, batch_size: int, steps: Sequence[int]
) -> Trace:
    """Measure `path` after each of `steps` (K of them, the start being 0) against `minimiser` (d,).

    Raises ValueError for a minimiser of another shape or a step beyond the path.
    """
    if minimiser.shape != path.points.shape[1:]:
        raise ValueError(f"minimiser {tuple(minimiser.shape)} is not of shape {tuple(path.points.shape[1:])}")
    beyond = [step for step in steps if not 0 <= step < len(path.points)]
    if beyond:
        raise ValueError(f"steps {beyond} are not between 0 and {len(path.points) - 1}, where the path ends")
    points = path.points[list(steps)]
    losses = [objective.loss(w, objective.inputs, objective.targets) for w in points]
    variances = [gradient_variance(objective, w, batch_size) for w in points]
    return Trace(
        path.samples_seen[list(steps)].double(),
        path.seconds[list(steps)],
        torch.stack(losses),
        (points - minimiser).norm(dim=1),
        torch.tensor(variances, dtype=torch.float64),
    )
