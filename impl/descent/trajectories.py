"""Examples of gradient descent and the quantities of their trajectories: arrival, detour, escape."""

import numpy as np
import torch
from torch import Tensor

from impl.descent.objectives import Objective, sigmoid_neuron


def stationary_points(objective: Objective) -> tuple[float, float, float]:
    """Return deep minimum, barrier and shallow minimum of a double well, the roots of w³ - w + mean t.

    Args:
        objective: A `double_well` with tilts t (N,) as targets.

    Returns:
        The three roots in ascending order.

    Example:
        >>> from impl.descent.objectives import double_well
        >>> points = stationary_points(double_well(64, generator=torch.Generator().manual_seed(0)))
        >>> [round(point, 3) for point in points]
        [-1.125, 0.339, 0.786]
    """
    roots = np.sort(np.roots([1, 0, -1, float(objective.targets.mean())]).real)
    return float(roots[0]), float(roots[1]), float(roots[2])


def positive_and_centred(samples: int, minimum: Tensor, generator: torch.Generator) -> dict[str, Objective]:
    """Return a sigmoid neuron on positive inputs and on the same inputs less their mean.

    The positive inputs are σ(2n) for standard normal n. The targets are such that both neurons have the same
    minimum.

    Args:
        samples: Number of samples N.
        minimum: Weights (2,).
        generator: Source of the inputs.

    Returns:
        Objectives by "positive" and "zero-centred", with inputs (N, 2) and targets (N,).
    """
    x = torch.sigmoid(2 * torch.randn(samples, len(minimum), generator=generator, dtype=torch.float64))
    inputs = {"positive": x, "zero-centred": x - x.mean(0)}
    return {name: sigmoid_neuron(X, torch.sigmoid(X @ minimum)) for name, X in inputs.items()}


def arrival(points: Tensor, minimum: Tensor, share: float) -> int | None:
    """Return the first step after which a trajectory stays near the minimum, or None.

    Args:
        points: Trajectory (steps + 1, d).
        minimum: The minimum (d,).
        share: Share of the initial distance that counts as near.

    Example:
        >>> arrival(torch.tensor([[4.0], [1.0], [3.0], [0.5], [0.2]]), torch.zeros(1), 0.25)
        3
    """
    distance = (points - minimum).norm(dim=1)
    last = int((distance > share * distance[0]).nonzero()[-1])
    return last + 1 if last + 1 < len(points) else None


def detour(points: Tensor) -> float:
    """Return the length of a trajectory (steps + 1, d) over the distance between its ends.

    Example:
        >>> detour(torch.tensor([[0.0], [3.0], [2.0]]))
        2.0
    """
    return float(points.diff(dim=0).norm(dim=1).sum() / (points[-1] - points[0]).norm())
