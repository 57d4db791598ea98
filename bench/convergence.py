"""The problem on which all descents and optimizers are compared: a convex one whose minimum is known.

Logistic regression tells the odd digits of scikit-learn's bundled handwritten digits from the even ones.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from impl.descent import Path, descend
from impl.objectives import Objective, logistic_regression, minimum
from impl.optimizers import OPTIMIZERS
from impl.training import History, Measurement

TASK = "logistic_regression"
SAMPLES = 1797
L2 = 1e-3  # makes the minimum unique
MINI_BATCH = 32
TARGET = 0.1  # share of the initial excess loss at which a descent counts as arrived
POINTS = 60  # of a curve
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


@lru_cache(maxsize=1)
def problem() -> tuple[Objective, float]:
    """The objective on pixels in [0, 1] with a constant appended, (1797, 65), and its least loss."""
    pixels, digits = load_digits(return_X_y=True)
    inputs = torch.cat([torch.from_numpy(pixels / 16), torch.ones(len(pixels), 1)], dim=1)
    objective = logistic_regression(inputs, torch.from_numpy(digits % 2).double(), l2=L2)
    return objective, loss_at(objective, minimum(objective, torch.zeros(inputs.shape[1])))


def loss_at(objective: Objective, point: Tensor) -> float:
    """Loss over all samples at one point (d,)."""
    return float(objective.loss(point, objective.inputs, objective.targets))


def walk(optimizer: str, learning_rate: float, batch_size: int, steps: int, seed: int) -> Path:
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
) -> History:
    """Loss above the minimum against samples seen, at points spaced evenly in the logarithm of the steps."""
    objective, least = problem()
    path = walk(optimizer, learning_rate, batch_size, epochs * math.ceil(SAMPLES / batch_size), seed)
    last = len(path.points) - 1
    chosen = sorted({0, *(round(last ** (k / (POINTS - 1))) for k in range(POINTS))} if last else {0})
    history = [
        Measurement("excess_loss", int(path.samples_seen[k]), loss_at(objective, path.points[k]) - least, "1")
        for k in chosen
    ]
    return History(history, path.diverged)


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
