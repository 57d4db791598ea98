"""Question 5: the optimizers on a quadratic with long, narrow level lines."""

import math

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from impl.descent.loop import descend
from impl.descent.objectives import Objective, least_squares
from impl.optimizers.registry import OPTIMIZERS
from report.figures.optimizers import paths
from report.figures.svg import path_frame, svg_figure

CONDITION = 30.0
LEFT = 1e-3  # share of the first loss at which a descent has arrived
LIMIT = 120
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
RULES = ("sgd", "momentum", "adagrad", "rmsprop", "adam")


def quadratic(degrees: float) -> Objective:
    """Return wᵀHw/2 with eigenvalues 1 and CONDITION and axes turned by `degrees`, as a regression."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    turn = torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])])
    roots = torch.tensor([2.0, 2 * CONDITION], dtype=torch.float64).sqrt()
    return least_squares(roots[:, None] * turn, torch.zeros(2))


def arrival(objective: Objective, points: Tensor) -> int | None:
    """Return the first step with a loss of at most LEFT of the first; None without one or after a rise."""
    losses = ((points @ objective.inputs.T) ** 2).mean(1) / 2
    reached = (losses <= LEFT * losses[0]).nonzero()
    return int(reached[0]) if len(reached) and losses.max() <= losses[0] else None


def fastest(objective: Objective, start: Tensor, rule: str) -> tuple[int | None, float, np.ndarray]:
    """Return steps, learning rate and path of the rate that arrives first, else of the last of RATES."""
    runs: list[tuple[int | None, float, np.ndarray]] = []
    for rate in RATES:
        path = descend(
            objective,
            start,
            lambda parameters, rate=rate: OPTIMIZERS[rule].make(parameters, rate),  # type: ignore[misc]
            batch_size=2,
            steps=LIMIT,
            generator=torch.Generator().manual_seed(0),
        )
        steps = arrival(objective, path.points)
        runs.append((steps, rate, path.points[: None if steps is None else steps + 1].numpy()))
    return min(runs, key=lambda f: (f[0] is None, f[0] or 0, -f[1]))


def race() -> dict[str, object]:
    """Run the optimizers in a valley along an axis and one turned by 45 degrees."""
    hessians, frames, steps = {}, {}, {}
    for title, degrees in (("valley along an axis", 0.0), ("valley across the axes", 45.0)):
        objective = quadratic(degrees)
        # The same place relative to the valley: far along its floor, a little up its wall.
        start = torch.linalg.solve(
            objective.inputs, torch.tensor([-1.3, 0.5], dtype=torch.float64) * objective.inputs.norm(dim=1)
        )
        paths_by_rule = {rule: fastest(objective, start, rule) for rule in RULES}
        steps[title] = {rule: (paths_by_rule[rule][0], paths_by_rule[rule][1]) for rule in RULES}
        hessian = (objective.inputs.T @ objective.inputs / 2).numpy()
        hessians[title] = hessian
        frames[title] = path_frame(
            "optimizer", {OPTIMIZERS[rule].label: paths_by_rule[rule][2] for rule in RULES}
        )
    frame = pd.concat(frames, names=["valley", None]).reset_index("valley")
    figure = svg_figure(
        paths(frame, hessians),
        frame,
        name="q05-paths",
        title="Paths of the optimizers on a narrow valley",
        alt="Two rows of panels with the level lines of a narrow valley: along an axis above, across both "
        "axes below. Each column shows the path of one optimizer to the minimum: momentum swings around it, "
        "the adaptive ones go almost straight where the valley is along an axis and bend where it is not.",
    )
    return {
        "steps": steps,
        "rows": _rows(steps),
        "turned": turned(*steps.values()),
        "figure": figure,
        "condition": CONDITION,
        "limit": LIMIT,
    }


Steps = dict[str, tuple[int | None, float]]


def turned(axis: Steps, across: Steps) -> dict[str, list[str]]:
    """Divide the optimizers' labels by whether turning the valley makes them slower or faster."""
    groups: dict[str, list[str]] = {"slower": [], "same": [], "faster": []}
    for rule in RULES:
        before, after = (math.inf if (n := steps[rule][0]) is None else n for steps in (axis, across))
        word = "slower" if after > before else "faster" if after < before else "same"
        groups[word].append(OPTIMIZERS[rule].label)
    return groups


def _rows(steps: dict[str, dict[str, tuple[int | None, float]]]) -> list[list[str]]:
    rows = []
    for rule in RULES:
        cells = [steps[title][rule] for title in steps]
        shown = [(f"{n}" if n is not None else f"not in {LIMIT}", f"{rate:g}") for n, rate in cells]
        rows.append([OPTIMIZERS[rule].label, *(x for pair in shown for x in pair)])
    return rows
