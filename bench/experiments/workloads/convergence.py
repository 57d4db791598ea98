"""Problems whose minimum is known, and how descents come down on them.

On the first all descents and optimizers are compared: logistic regression that tells the odd digits of
scikit-learn's bundled handwritten digits from the even ones.
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

TASK = "logistic_regression"
SAMPLES = 1797
L2 = 1e-3  # makes the minimum unique
MINI_BATCH = 32
TARGET = 0.1  # share of the initial excess loss at which a descent counts as arrived
POINTS = 60  # of a curve
NEARBY_LIMIT = 800  # the same for the problems of PROBLEMS
LIMIT = 2500  # steps after which a descent that has not arrived is given up


@dataclass(frozen=True)
class Method:
    """A way down: an update rule, a batch size, and the learning rates among which its best is chosen.

    Every method gets as many rates, a factor of about three apart.
    """

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
    """An objective, where its descents start, the minimum they come down to, and the rates to choose from."""

    objective: Objective
    start: Tensor
    minimiser: Tensor
    learning_rates: tuple[float, ...]


def valley(condition: float) -> Problem:
    """A quadratic in ten weights on 512 samples that disagree a little."""
    generator, minimiser = torch.Generator().manual_seed(0), torch.ones(10, dtype=torch.float64)
    objective = quadratic(condition, minimiser, samples=512, noise=0.1, generator=generator)
    rates = tuple(share * 2 / (condition + 1) for share in (0.03, 0.1, 0.3, 1.0))
    return Problem(objective, torch.zeros_like(minimiser), minimiser, rates)


def wells() -> Problem:
    """The double well from far out on the side of its deep one."""
    objective = double_well(512, generator=torch.Generator().manual_seed(0))
    start = torch.tensor([-2.0], dtype=torch.float64)
    return Problem(objective, start, minimum(objective, start), (0.001, 0.003, 0.01, 0.03))


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "quadratic, κ = 10": lambda: valley(10.0),
    "quadratic, κ = 100": lambda: valley(100.0),
    "double well": wells,
}
PLAIN = ("batch", "mini-batch", "stochastic")


@lru_cache(maxsize=1)
def digits() -> tuple[Objective, Tensor]:
    """Logistic regression on pixels in [0, 1] with a constant appended, (1797, 65), and its minimum (65,)."""
    pixels, labels = load_digits(return_X_y=True)
    inputs = torch.cat([torch.from_numpy(pixels / 16), torch.ones(len(pixels), 1)], dim=1)
    objective = logistic_regression(inputs, torch.from_numpy(labels % 2).double(), l2=L2)
    return objective, minimum(objective, torch.zeros(inputs.shape[1]))


@lru_cache(maxsize=1)
def problem() -> tuple[Objective, float]:
    """The objective of `digits` and its least loss."""
    objective, minimiser = digits()
    return objective, loss_at(objective, minimiser)


def loss_at(objective: Objective, point: Tensor) -> float:
    """Loss over all samples at one point (d,)."""
    return float(objective.loss(point, objective.inputs, objective.targets))


def walk(optimizer: str, learning_rate: float, batch_size: int, steps: int, seed: int) -> Trajectory:
    """Descend from the origin; the seed draws the order of the samples."""
    objective, _ = problem()
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
    """Loss above the minimum, distance to it, variance of the gradient and seconds, by samples seen.

    At points spaced evenly in the logarithm of the steps.
    """
    objective, least = problem()
    path = walk(optimizer, learning_rate, batch_size, epochs * math.ceil(SAMPLES / batch_size), seed)
    last = len(path.points) - 1
    chosen = sorted({0, *(round(last ** (k / (POINTS - 1))) for k in range(POINTS))} if last else {0})
    found = trace(objective, path, digits()[1], batch_size, chosen)
    columns = {
        "excess_loss": (found.loss - least, "1"),
        "distance": (found.distance, "1"),
        "gradient_variance": (found.gradient_variance, "1"),
        "seconds": (found.seconds, "s"),
    }
    measurements = [
        Measurement(metric, int(seen), float(value), unit)
        for metric, (values, unit) in columns.items()
        for seen, value in zip(found.samples_seen, values, strict=True)
    ]
    return RunResult("diverged" if path.diverged else "finished", measurements)


def steps_to_target(method: Method, learning_rate: float, seed: int, limit: int = LIMIT) -> int | None:
    """Steps until the excess loss is at most TARGET of what it was; None if not within `limit`."""
    objective, least = problem()
    path = walk(method.optimizer, learning_rate, method.batch_size, limit, seed)
    goal = least + TARGET * (loss_at(objective, path.points[0]) - least)
    return next((k for k, point in enumerate(path.points) if loss_at(objective, point) <= goal), None)


def fastest(method: Method, seed: int, limit: int = LIMIT) -> tuple[float, int]:
    """Learning rate of the method that arrives in the fewest steps, and those steps.

    Raises:
        ValueError: if no rate arrives within `limit` steps.
    """
    arrived = [
        (steps, rate)
        for rate in method.learning_rates
        if (steps := steps_to_target(method, rate, seed, limit)) is not None
    ]
    if not arrived:
        raise ValueError(
            f"{method.optimizer}: no rate of {method.learning_rates} arrives within {limit} steps"
        )
    steps, rate = min(arrived)
    return rate, steps


def way_down(found: Problem, method: str, learning_rate: float, steps: int, seed: int) -> Trajectory:
    """Plain descent on a problem by batch, mini-batch or single samples; the seed draws their order."""
    rows = len(found.objective.inputs)
    return descend(
        found.objective,
        found.start,
        lambda parameters: OPTIMIZERS["sgd"].make(parameters, learning_rate),
        batch_size={"batch": rows, "mini-batch": MINI_BATCH, "stochastic": 1}[method],
        steps=steps,
        generator=torch.Generator().manual_seed(seed),
    )


def shortest_way_down(found: Problem, method: str, seed: int, limit: int = NEARBY_LIMIT) -> tuple[float, int]:
    """Learning rate at which the distance to the minimum is soonest TARGET of the first, and those steps.

    Raises:
        ValueError: if no rate of the problem gets there within `limit` steps.
    """
    arrived = []
    for rate in found.learning_rates:
        away = (way_down(found, method, rate, limit, seed).points - found.minimiser).norm(dim=1)
        near = (away <= TARGET * away[0]).nonzero()
        arrived += [(int(near[0]), rate)] if len(near) else []
    if not arrived:
        raise ValueError(f"{method}: no rate of {found.learning_rates} gets near within {limit} steps")
    steps, rate = min(arrived)
    return rate, steps
