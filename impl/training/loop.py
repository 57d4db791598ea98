"""The training loop of every network."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from impl.names import invalid

EVALUATION_BATCH = 250


@dataclass(frozen=True)
class History:
    """Record of a training run.

    Attributes:
        epochs: metrics by name, in the order measured; index 0 is the initial model, which has no
            `train_loss` and no `seconds`.
        diverged: whether the loss of the epoch after the last one was not finite.
    """

    epochs: list[dict[str, float]]
    diverged: bool


def evaluate(
    model: nn.Module, inputs: Tensor, targets: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> dict[str, float]:
    """Evaluate a model: its mean `loss` and, where targets are class indices, its `accuracy`.

    The model is left in training mode.

    Args:
        model: the model, evaluated in evaluation mode.
        inputs: (N, …).
        targets: class indices (N,), int64, or (N, …), floating.
        loss: (output, target) -> scalar, a mean over samples.

    Example:
        >>> logits, labels = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
        >>> metrics = evaluate(nn.Identity(), logits, labels, nn.functional.cross_entropy)
        >>> {name: round(value, 4) for name, value in metrics.items()}
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
    """Train on one pass in the given order; return the mean loss over its samples."""
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
    """Train a model for whole epochs; record metrics of it before the first epoch and after each.

    Each epoch visits every sample once in a fresh order. An epoch whose loss is not finite ends the training
    and is not recorded.

    Args:
        model: the model.
        train: inputs (N, …) and targets (N, …), on the model's device.
        observe: returns the metrics to record; its time does not count as training.
        loss: (output, target) -> scalar, a mean over samples.
        optimizer: optimizer of the model's parameters.
        batch_size: samples a step, at least 1.
        epochs: at least 0.
        generator: source of the order, a CPU generator.

    Returns:
        `History`: of each epoch `train_loss`, the mean over samples, each before the step that uses it;
        `seconds` of training so far; and the metrics of `observe`.

    Raises:
        ValueError: `batch_size` or `epochs` is out of range.

    Example:
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
        got = f"batch_size {batch_size} and epochs {epochs}"
        raise ValueError(invalid("training", got, "batch_size >= 1 and epochs >= 0"))
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
