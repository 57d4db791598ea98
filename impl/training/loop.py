"""One training loop for every network of the assignment."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

EVALUATION_BATCH = 250


@dataclass(frozen=True)
class History:
    """Record of a training run.

    epochs: metrics of each epoch in the order measured; index 0 is the initial model, which has no
    `train_loss` and no `seconds`. diverged: whether the loss of the epoch after the last was not finite.
    """

    epochs: list[dict[str, float]]
    diverged: bool


def evaluate(
    model: nn.Module, inputs: Tensor, targets: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> dict[str, float]:
    """Mean `loss` of the model, and its `accuracy` where `targets` are class indices, in evaluation mode.

    inputs: (N, ...); targets: (N,) int64, or (N, ...) floating. Leaves the model in training mode.

    >>> logits, labels = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    >>> found = evaluate(nn.Identity(), logits, labels, nn.functional.cross_entropy)
    >>> {name: round(value, 4) for name, value in found.items()}
    {'loss': 1.1269, 'accuracy': 0.5}
    """
    model.eval()
    total, correct = 0.0, 0
    with torch.no_grad():
        for x, t in zip(inputs.split(EVALUATION_BATCH), targets.split(EVALUATION_BATCH), strict=True):
            output = model(x)
            total += loss(output, t).item() * len(x)
            if not t.is_floating_point():
                correct += int((output.argmax(dim=1) == t).sum())
    model.train()
    metrics = {"loss": total / len(inputs)}
    if not targets.is_floating_point():
        metrics["accuracy"] = correct / len(inputs)
    return metrics


def _train_epoch(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    order: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    batch_size: int,
) -> float:
    """One pass in the given order; returns the mean loss over its samples."""
    total = inputs.new_zeros(())
    for indices in order.split(batch_size):
        optimizer.zero_grad()
        value = loss(model(inputs[indices]), targets[indices])
        value.backward()
        optimizer.step()
        total += value.detach() * len(indices)
    return total.item() / len(order)


def fit(
    model: nn.Module,
    train: tuple[Tensor, Tensor],
    *,
    observe: Callable[[], Mapping[str, float]],
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    batch_size: int,
    epochs: int,
    generator: torch.Generator,
) -> History:
    """Train `model` for whole epochs; record what `observe` tells of it before the first and after each.

    train: (inputs (N, ...), targets (N, ...)) on the model's device. Each epoch visits every sample once in
    an order drawn from `generator` (a CPU generator). Steps of the history count epochs; `seconds` is the
    time spent training so far, without `observe`. An epoch whose loss is not finite is the last.

    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> model = nn.Linear(1, 1)
    >>> history = fit(
    ...     model,
    ...     (x, 2 * x + 1),
    ...     observe=dict,
    ...     loss=nn.functional.mse_loss,
    ...     optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
    ...     batch_size=4,
    ...     epochs=300,
    ...     generator=torch.Generator().manual_seed(0),
    ... )
    >>> history.diverged
    False
    >>> model(torch.tensor([[4.0]])).detach().round(decimals=1)
    tensor([[9.]])
    """
    if batch_size < 1 or epochs < 0:
        raise ValueError(f"batch_size {batch_size} must be at least 1 and epochs {epochs} at least 0")
    history = [dict(observe())]
    seconds = 0.0
    for _ in range(epochs):
        order = torch.randperm(len(train[0]), generator=generator).to(train[0].device)
        begin = time.perf_counter()
        mean = _train_epoch(model, *train, order, loss, optimizer, batch_size)
        seconds += time.perf_counter() - begin
        if not math.isfinite(mean):
            return History(history, diverged=True)
        history.append({"train_loss": mean, "seconds": seconds, **observe()})
    return History(history, diverged=False)
