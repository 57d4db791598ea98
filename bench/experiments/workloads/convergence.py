"""Optimization runs on problems with a known minimum.

All optimizers and batch sizes are compared on logistic regression: odd or even, for scikit-learn's bundled
handwritten digits.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from bench.records.runs import Measurement, RunResult
from impl.descent.loop import Trajectory, descend, trace
from impl.descent.objectives import Objective, double_well, logistic_regression, minimum, quadratic
from impl.optimizers.registry import OPTIMIZERS

SAMPLES = 1797
L2 = 1e-3  # makes the minimum unique
MINI_BATCH = 32
TARGET = 0.1  # share of the initial excess loss at which a run has converged
POINTS = 60  # of a curve
LIMIT = 2500  # maximum steps until convergence
NEARBY_LIMIT = 800  # the same on PROBLEMS


@dataclass(frozen=True)
class Method:
    """An optimizer with a batch size and the learning rates to try, equally many for every method."""

    optimizer: str
    batch_size: int
    learning_rates: tuple[float, ...]


_PLAIN = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_ADAPTIVE = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)

METHODS: dict[str, Method] = {
    "batch": Method("sgd", SAMPLES, _PLAIN),
    "mini-batch": Method("sgd", MINI_BATCH, _PLAIN),
    "stochastic": Method("sgd", 1, _PLAIN),
    "momentum": Method("momentum", MINI_BATCH, _PLAIN),
    "Adagrad": Method("adagrad", MINI_BATCH, _PLAIN),
    "RMSprop": Method("rmsprop", MINI_BATCH, _ADAPTIVE),
    "Adam": Method("adam", MINI_BATCH, _ADAPTIVE),
    "Adam, ε inside the root": Method("adam_eps_inside", MINI_BATCH, _ADAPTIVE),
}


@dataclass(frozen=True)
class Problem:
    """An objective with start, minimum and the learning rates to try."""

    objective: Objective
    start: Tensor
    minimiser: Tensor
    learning_rates: tuple[float, ...]


def valley(condition: float) -> Problem:
    """Return a quadratic in ten weights on 512 noisy samples, with the given condition number."""
    generator, minimiser = torch.Generator().manual_seed(0), torch.ones(10, dtype=torch.float64)
    objective = quadratic(condition, minimiser, samples=512, noise=0.1, generator=generator)
    rates = tuple(share * 2 / (condition + 1) for share in (0.03, 0.1, 0.3, 1.0))
    return Problem(objective, torch.zeros_like(minimiser), minimiser, rates)


def wide_double_well() -> Problem:
    """Return the double well, with a start far out on the side of the deeper minimum."""
    objective = double_well(512, generator=torch.Generator().manual_seed(0))
    start = torch.tensor([-2.0], dtype=torch.float64)
    return Problem(objective, start, minimum(objective, start), (0.001, 0.003, 0.01, 0.03))


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "quadratic, κ = 10": lambda: valley(10.0),
    "quadratic, κ = 100": lambda: valley(100.0),
    "double well": wide_double_well,
}
PLAIN = ("batch", "mini-batch", "stochastic")


@lru_cache(maxsize=1)
def digits() -> tuple[Objective, Tensor]:
    """Return logistic regression on pixels in [0, 1] and a constant, (1797, 65), and its minimum (65,)."""
    pixels, labels = load_digits(return_X_y=True)
    inputs = torch.cat([torch.from_numpy(pixels / 16), torch.ones(len(pixels), 1)], dim=1)
    objective = logistic_regression(inputs, torch.from_numpy(labels % 2).double(), l2=L2)
    return objective, minimum(objective, torch.zeros(inputs.shape[1]))


@lru_cache(maxsize=1)
def logistic_problem() -> tuple[Objective, float]:
    """Return the objective of `digits` and its minimum loss."""
    objective, minimiser = digits()
    return objective, loss_at(objective, minimiser)


def loss_at(objective: Objective, point: Tensor) -> float:
    """Return the loss over all samples at a point (d,)."""
    return float(objective.loss(point, objective.inputs, objective.targets))


def trajectory(optimizer: str, learning_rate: float, batch_size: int, steps: int, seed: int) -> Trajectory:
    """Descend from the origin.

    Args:
        optimizer: One of OPTIMIZERS.
        learning_rate: Its learning rate.
        batch_size: Samples per step.
        steps: Number of steps.
        seed: Seed of the order of samples.
    """
    objective, _ = logistic_problem()
    return descend(
        objective,
        torch.zeros(objective.inputs.shape[1]),
        lambda parameters: OPTIMIZERS[optimizer].make(parameters, learning_rate),
        batch_size=batch_size,
        steps=steps,
        generator=torch.Generator().manual_seed(seed),
    )


def descend_to_minimum(
    optimizer: str, learning_rate: float, batch_size: int, epochs: int, seed: int
) -> RunResult:
    """Measure an optimization run at points spaced evenly in the logarithm of the steps.

    Args:
        optimizer: One of OPTIMIZERS.
        learning_rate: Its learning rate.
        batch_size: Samples per step.
        epochs: Number of passes.
        seed: Seed of the order of samples.

    Returns:
        Excess loss, distance to the minimum, variance of the gradient and seconds; steps are samples seen.
    """
    objective, least = logistic_problem()
    path = trajectory(optimizer, learning_rate, batch_size, epochs * math.ceil(SAMPLES / batch_size), seed)
    last = len(path.points) - 1
    chosen = sorted({0, *(round(last ** (k / (POINTS - 1))) for k in range(POINTS))} if last else {0})
    traced = trace(objective, path, digits()[1], batch_size, chosen)
    columns = {
        "excess_loss": (traced.loss - least, "1"),
        "distance": (traced.distance, "1"),
        "gradient_variance": (traced.gradient_variance, "1"),
        "seconds": (traced.seconds, "s"),
    }
    measurements = [
        Measurement(metric, int(seen), float(value), unit)
        for metric, (values, unit) in columns.items()
        for seen, value in zip(traced.samples_seen, values, strict=True)
    ]
    return RunResult("diverged" if path.diverged else "finished", measurements)


def steps_to_target(method: Method, learning_rate: float, seed: int, limit: int = LIMIT) -> int | None:
    """Return the steps until the excess loss is at most TARGET of its initial value; None beyond `limit`."""
    objective, least = logistic_problem()
    path = trajectory(method.optimizer, learning_rate, method.batch_size, limit, seed)
    goal = least + TARGET * (loss_at(objective, path.points[0]) - least)
    return next((k for k, point in enumerate(path.points) if loss_at(objective, point) <= goal), None)


def fastest(method: Method, seed: int, limit: int = LIMIT) -> tuple[float, int]:
    """Return the learning rate that converges in the fewest steps, and those steps.

    Args:
        method: One of METHODS.
        seed: Seed of the order of samples.
        limit: Maximum number of steps.

    Raises:
        ValueError: If no rate converges within `limit` steps.
    """
    best = None
    for rate in reversed(method.learning_rates):  # large steps need few, which limit the tries after them
        steps = steps_to_target(method, rate, seed, limit if best is None else best[1])
        best = best if steps is None else (rate, steps)
    if best is None:
        raise ValueError(
            f"{method.optimizer}: no learning rate of {method.learning_rates} converges within {limit} steps"
        )
    return best


def descend_on(problem: Problem, method: str, learning_rate: float, steps: int, seed: int) -> Trajectory:
    """Descend on a problem by plain gradient steps.

    Args:
        problem: One of PROBLEMS.
        method: `batch`, `mini-batch` or `stochastic`.
        learning_rate: Step size.
        steps: Number of steps.
        seed: Seed of the order of samples.
    """
    rows = len(problem.objective.inputs)
    return descend(
        problem.objective,
        problem.start,
        lambda parameters: OPTIMIZERS["sgd"].make(parameters, learning_rate),
        batch_size={"batch": rows, "mini-batch": MINI_BATCH, "stochastic": 1}[method],
        steps=steps,
        generator=torch.Generator().manual_seed(seed),
    )


def fastest_on(problem: Problem, method: str, seed: int, limit: int = NEARBY_LIMIT) -> tuple[float, int]:
    """Return the learning rate that reaches TARGET of the initial distance in the fewest steps, and those.

    Args:
        problem: One of PROBLEMS.
        method: `batch`, `mini-batch` or `stochastic`.
        seed: Seed of the order of samples.
        limit: Maximum number of steps.

    Raises:
        ValueError: If no rate converges within `limit` steps.
    """
    best = None
    for rate in reversed(problem.learning_rates):  # as in `fastest`
        steps = limit if best is None else best[1]
        away = (descend_on(problem, method, rate, steps, seed).points - problem.minimiser).norm(dim=1)
        near = (away <= TARGET * away[0]).nonzero()
        best = (rate, int(near[0])) if len(near) else best
    if best is None:
        raise ValueError(
            f"{method}: no learning rate of {problem.learning_rates} converges within {limit} steps"
        )
    return best
