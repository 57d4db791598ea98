"""Batch, mini-batch and stochastic descent as one loop with a batch size.

An objective is a mean over samples, so that any batch of its rows gives an unbiased estimate of its gradient.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from impl.objectives import Objective

CHECK_EVERY = 64  # steps between looks for infinity: each costs as much as a small gradient


@dataclass(frozen=True)
class Path:
    """A descent: points (steps + 1, d), the start first, and samples_seen (steps + 1,) up to each of them.

    If a step left the finite numbers, `diverged` is true and the path ends at the last finite point.
    """

    points: Tensor
    samples_seen: Tensor
    diverged: bool


def minibatches(
    inputs: Tensor, targets: Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch: every row once, in a fresh order, `batch_size` rows at a time; the last batch may be short.

    Raises ValueError unless batch_size is between 1 and the number of rows.
    """
    if not 1 <= operator.index(batch_size) <= len(inputs):
        raise ValueError(f"batch size {batch_size} is not between 1 and {len(inputs)}")
    order = torch.randperm(len(inputs), generator=generator).to(inputs.device)
    yield from zip(inputs[order].split(batch_size), targets[order].split(batch_size), strict=True)


def descend(
    objective: Objective,
    start: Tensor,
    optimizer: Callable[[list[nn.Parameter]], Optimizer],
    *,
    batch_size: int,
    steps: int,
    generator: torch.Generator,
) -> Path:
    """Step along the gradient of one batch after another: w ← rule(w, ∇f of the batch at w).

    A batch_size of N is batch descent, 1 stochastic (Robbins & Monro 1951), between them mini-batch descent.
    start: (d,); `optimizer` makes the update rule for a list of the one parameter. Each epoch passes every
    sample once in a fresh order; a descent that leaves the finite numbers is cut short. Raises ValueError for
    a start of another shape or a batch size outside 1..N.
    """
    inputs, targets = objective.inputs, objective.targets
    if start.shape != inputs.shape[1:]:
        raise ValueError(f"start {tuple(start.shape)} is not of shape {tuple(inputs.shape[1:])}")
    w = nn.Parameter(start.detach().double().clone())
    rule = optimizer([w])
    points, sizes = [w.detach().clone()], [0]
    batches = (batch for _ in count() for batch in minibatches(inputs, targets, batch_size, generator))
    with torch.no_grad():
        for step, (X, y) in enumerate(islice(batches, operator.index(steps)), 1):
            w.grad = objective.gradient(w, X, y)
            rule.step()
            points.append(w.detach().clone())
            sizes.append(len(X))
            if step % CHECK_EVERY == 0 and not w.isfinite().all():
                break
    path, seen = torch.stack(points), torch.tensor(sizes).cumsum(0)
    finite = path.isfinite().all(1)
    length = len(path) if finite.all() else int(finite.int().argmin())
    return Path(path[:length], seen[:length], diverged=length < len(path))
