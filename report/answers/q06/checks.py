"""Question 6: descents from a wrong start, accuracy's slope, and outliers."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from impl.descent.loop import descend
from impl.descent.objectives import Objective, logistic_regression, sigmoid_neuron
from impl.losses import cross_entropy
from impl.optimizers.optimizers import SGD
from report.document.formats import number

WRONG_START = -6.0
LIMIT = 500
SMALL = (1e-1, 1e-2, 1e-4, 1e-8)
OTHERS, SURE = 99, 0.99


def tensor(x: object) -> Tensor:
    """Return x as float64."""
    return torch.as_tensor(x, dtype=torch.float64)


def squared_gradient(z: Tensor) -> Tensor:
    """Return the derivative of (p - 1)² in the logit, p = σ(z): 2 (p - 1) p (1 - p)."""
    p = torch.sigmoid(z)
    return 2 * (p - 1) * p * (1 - p)


def steps_to_right(objective: Objective, rate: float) -> int | None:
    """Count steps of descent from WRONG_START until the right class has more than half of the probability."""
    path = descend(
        objective,
        tensor([WRONG_START]),
        lambda parameters: SGD(parameters, rate),
        batch_size=1,
        steps=LIMIT,
        generator=torch.Generator().manual_seed(0),
    )
    right = (path.points[:, 0] > 0).nonzero()
    return int(right[0]) if len(right) else None


def recovery() -> dict[str, object]:
    """Count steps for each loss at learning rate 1, and for squared error with a steepest slope of 1."""
    one = tensor([[1.0]]), tensor([1.0])
    z = torch.linspace(-10, 10, 20001, dtype=torch.float64)
    steepest = float(squared_gradient(z).abs().max())
    return {
        "start": float(torch.sigmoid(tensor(WRONG_START))),
        "cross_entropy": steps_to_right(logistic_regression(*one), 1.0),
        "squared": steps_to_right(sigmoid_neuron(*one), 1.0),
        "scaled": steps_to_right(sigmoid_neuron(*one), 1 / steepest),
        "steepest": steepest,
        "limit": LIMIT,
    }


def times_slower(found: Mapping[str, Any]) -> dict[str, float | None]:
    """Return squared error's steps over cross-entropy's, at equal rates and at equal steepest slopes."""
    base = found["cross_entropy"]
    return {
        name: found[key] / base if base and found[key] is not None else None
        for name, key in (("equal_rate", "squared"), ("equal_slope", "scaled"))
    }


def accuracy_slope() -> dict[str, float]:
    """Return the largest difference quotients of accuracy and cross-entropy on 50 random samples."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(50, 4, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 4, (50,), generator=generator)
    h, slopes = 1e-6, {"accuracy": 0.0, "cross_entropy": 0.0}
    for position in range(logits.numel()):
        nudge = torch.zeros_like(logits)
        nudge.view(-1)[position] = h
        up, down = logits + nudge, logits - nudge
        hits = [(x.argmax(1) == target).double().mean() for x in (up, down)]
        slopes["accuracy"] = max(slopes["accuracy"], abs(float(hits[0] - hits[1])) / (2 * h))
        rise = float(cross_entropy(up, target) - cross_entropy(down, target))
        slopes["cross_entropy"] = max(slopes["cross_entropy"], abs(rise) / (2 * h))
    return slopes


def outliers() -> dict[str, object]:
    """Compute both losses and gradients of a sample with ever smaller p of its label."""
    rows = []
    for p in SMALL:
        z = torch.logit(tensor(p))
        cells = (p, -float(tensor(p).log()), (1 - p) ** 2, 1 - p, abs(float(squared_gradient(z))))
        rows.append([number(x, 3 if i else 1) for i, x in enumerate(cells)])
    all_p = tensor([SMALL[-1], *[SURE] * OTHERS])
    pulls = {"share": 1 - all_p, "squared_share": squared_gradient(torch.logit(all_p)).abs()}
    return {
        "rows": rows,
        **{name: float(pull[0] / pull.sum()) for name, pull in pulls.items()},
        "rise": float(all_p.log().sum() / all_p[1:].log().sum()),
        "p": SMALL[-1],
        "others": OTHERS,
        "sure": SURE,
    }
