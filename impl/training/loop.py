"""The training loop of every network."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from impl.names import invalid

EVALUATION_BATCH = 250
RENORMALIZED = 50  # batches


@dataclass(frozen=True)
class History:
    """Record of a training run.

    Attributes:
        records: metrics by name, by the epochs that were trained; at 0 the initial model, which has no
            `train_loss` and no `seconds`.
        diverged: whether the loss after the last record was not finite.
    """

    records: dict[float, dict[str, float]]
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


def _step(optimizer: Optimizer, evaluate: Callable[[], Tensor], needs_closure: bool) -> Tensor:
    """Take one step; return the loss before it, without its graph."""
    if not needs_closure:
        value = evaluate()
        optimizer.step()
        return value.detach()
    values: list[Tensor] = []

    def closure() -> Tensor:
        with torch.enable_grad():
            value = evaluate()
        values.append(value.detach())
        return value

    optimizer.step(closure)  # type: ignore[arg-type]  # torch's annotation wants a float
    if not values:
        raise ValueError(invalid("step", "no call of the closure", "an optimizer that evaluates the loss"))
    return values[0]


def _train(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    batches: Sequence[Tensor],
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    needs_closure: bool,
) -> float:
    """Train on these batches of indices; return the mean loss over their samples."""
    total = inputs.new_zeros(())
    for indices in batches:
        x, t = inputs[indices], targets[indices]

        def evaluate(x: Tensor = x, t: Tensor = t) -> Tensor:
            optimizer.zero_grad()
            value = loss(model(x), t)
            value.backward()
            return value

        total += _step(optimizer, evaluate, needs_closure) * len(indices)
    return total.item() / sum(map(len, batches))


def _switch(optimizer: Optimizer, mode: str) -> bool:
    """Call `train` or `eval` of an optimizer that evaluates at another point than it trains at."""
    switch = getattr(optimizer, mode, None)
    if callable(switch):
        switch()
    return callable(switch)


def _renormalize(model: nn.Module, inputs: Tensor) -> None:
    """Measure the statistics of batch norms for the parameters as they are, on RENORMALIZED batches."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    model.eval()  # without dropout
    for norm in norms:
        norm.train()
    with torch.no_grad():
        for x in inputs[: RENORMALIZED * EVALUATION_BATCH].split(EVALUATION_BATCH):
            if len(x) > 1:  # one sample has no variance
                model(x)
    model.train()


def fit(
    model: nn.Module,
    train: tuple[Tensor, Tensor],
    *,
    observe: Callable[[], Mapping[str, float]],
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    batch_size: int,
    horizons: Iterable[float],
    generator: torch.Generator,
    needs_closure: bool = False,
) -> History:
    """Train a model; record metrics of it before the first step and at every horizon.

    Each epoch visits every sample once in a fresh order. A loss that is not finite ends the training, and is
    not recorded.

    An optimizer with methods `train` and `eval` is switched around the metrics, such as a schedule-free one,
    which evaluates at another point than it trains at; batch norms are measured anew there.

    Args:
        model: the model.
        train: inputs (N, …) and targets (N, …), on the model's device.
        observe: returns the metrics to record; its time does not count as training.
        loss: (output, target) -> scalar, a mean over samples.
        optimizer: optimizer of the model's parameters.
        batch_size: samples a step, at least 1.
        horizons: epochs after which to record, positive; the last one ends the training. Within an epoch it
            is the next whole batch.
        generator: source of the order, a CPU generator.
        needs_closure: whether `step` takes a function that evaluates loss and gradients, as that of
            `torch.optim.LBFGS` does.

    Returns:
        `History`: at each horizon `train_loss`, the mean over the samples of its epoch since the horizon
        before, each before the step that uses it; `seconds` of training so far; and the metrics of `observe`.

    Raises:
        ValueError: `batch_size` or a horizon is out of range, or a step does not call the closure it needs.

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
        ...     horizons=[300],
        ...     generator=torch.Generator().manual_seed(0),
        ... )
        >>> history.diverged
        False
        >>> model(torch.tensor([[4.0]])).detach().round(decimals=1)
        tensor([[9.]])
    """
    due = sorted(set(horizons))
    if batch_size < 1 or not all(0 < horizon < math.inf for horizon in due):
        got = f"batch_size {batch_size} and horizons {due}"
        raise ValueError(invalid("training", got, "batch_size >= 1 and positive horizons"))

    def observed() -> dict[str, float]:
        if _switch(optimizer, "eval"):
            _renormalize(model, train[0])
        return dict(observe())

    records = {0.0: observed()}
    seconds, mean, last = 0.0, math.nan, max(due, default=0.0)
    for epoch in range(math.ceil(last)):
        order = torch.randperm(len(train[0]), generator=generator).to(train[0].device)
        batches, done = order.split(batch_size), 0
        inside = [horizon for horizon in due if epoch < horizon <= epoch + 1]
        for horizon in dict.fromkeys([*inside, min(epoch + 1.0, last)]):
            part = batches[done : math.ceil((horizon - epoch) * len(batches))]
            done += len(part)
            if part:
                _switch(optimizer, "train")
                begin = time.perf_counter()
                mean = _train(model, *train, part, loss, optimizer, needs_closure)
                seconds += time.perf_counter() - begin
            if not math.isfinite(mean):
                return History(records, diverged=True)
            if horizon in inside:
                records[horizon] = {"train_loss": mean, "seconds": seconds, **observed()}
    return History(records, diverged=False)
