"""Quadratics of question 3: descent by condition number and noise."""

import math
from functools import partial

import torch

from impl.descent.loop import Trajectory, descend, trace
from impl.descent.objectives import Objective, quadratic
from impl.optimizers.optimizers import SGD
from report.document.formats import number

N, WEIGHTS = 64, 2
BATCH_SIZES = {"batch": N, "mini-batch": 8, "stochastic": 1}
CONDITIONS = (2.0, 10.0, 50.0, 250.0)
NOISY_CONDITION, NOISE = 10.0, 0.5
SHARE = 0.2  # of the best rate, so that single samples do not diverge
PASSES = (0, 1, 3, 10, 30)
NEAR = 0.01  # share of the first distance
MINIMISER = torch.tensor([1.0, -1.0], dtype=torch.float64)
START = torch.zeros(WEIGHTS, dtype=torch.float64)


def run_descent(objective: Objective, rate: float, batch_size: int, steps: int) -> Trajectory:
    """Run plain descent from the origin."""
    generator = torch.Generator().manual_seed(1)
    return descend(
        objective, START, partial(SGD, lr=rate), batch_size=batch_size, steps=steps, generator=generator
    )


def problem(condition: float, noise: float) -> Objective:
    """Return the quadratic of this condition number about MINIMISER."""
    generator = torch.Generator().manual_seed(0)
    return quadratic(condition, MINIMISER, samples=N, noise=noise, generator=generator)


def contraction(condition: float) -> dict[str, float]:
    """Return the contraction a step at the best rate, by theory and measured, and the steps down to NEAR."""
    factor = (condition - 1) / (condition + 1)
    predicted = math.ceil(math.log(NEAR) / math.log(factor))
    path = run_descent(problem(condition, 0.0), 2 / (condition + 1), N, predicted + 5)
    away = (path.points - MINIMISER).norm(dim=1)
    return {
        "condition": condition,
        "factor": factor,
        "measured": float((away[predicted] / away[0]) ** (1 / predicted)),
        "predicted": predicted,
        "counted": int((away <= NEAR * away[0]).nonzero()[0]),
    }


def noisy() -> dict[str, list[list[str]]]:
    """Return rows by method of the distance to the minimum and of the gradient's variance, after PASSES."""
    objective, rate = problem(NOISY_CONDITION, NOISE), SHARE * 2 / (NOISY_CONDITION + 1)
    rows: dict[str, list[list[str]]] = {"distance": [], "variance": []}
    for method, batch_size in BATCH_SIZES.items():
        steps = [passes * N // batch_size for passes in PASSES]
        trajectory = trace(
            objective, run_descent(objective, rate, batch_size, steps[-1]), MINIMISER, batch_size, steps
        )
        rows["distance"].append([method, *(number(x, 2) for x in trajectory.distance.tolist())])
        variances = trajectory.gradient_variance.tolist()
        rows["variance"].append([method, *(number(x, 2 if x else 1) for x in variances)])
    return rows


def quadratics() -> dict[str, object]:
    """Compute contraction by condition number, and distance and variance by samples seen with noise."""
    contractions = [contraction(condition) for condition in CONDITIONS]
    return {
        "rows": [
            [
                number(c["condition"], fixed=0),
                number(c["factor"], 4),
                number(c["measured"], 4),
                str(c["predicted"]),
                str(c["counted"]),
            ]
            for c in contractions
        ],
        "counted_as_predicted": all(c["counted"] == c["predicted"] for c in contractions),
        "gap": max(abs(c["measured"] - c["factor"]) for c in contractions),
        "near": NEAR,
        "columns": ["Descent", *(f"{k} {'pass' if k == 1 else 'passes'}" for k in PASSES)],
        "noisy": noisy(),
        "condition": NOISY_CONDITION,
        "noise": NOISE,
        "share": SHARE,
        "samples": N,
    }
