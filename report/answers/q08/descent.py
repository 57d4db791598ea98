"""Question 8: descents of one neuron with two weights, with positive and with zero-centred inputs."""

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from impl.descent import trajectories
from impl.descent.loop import Trajectory, descend
from impl.descent.objectives import Objective
from impl.optimizers.optimizers import SGD
from report.figures.svg import SvgFigure, path_frame, svg_figure
from report.figures.zigzag import zigzag

INPUTS = ("positive", "zero-centred")
SAMPLES = 64
START = torch.tensor([-2.0, 2.0], dtype=torch.float64)
MINIMUM = torch.tensor([2.0, -2.0], dtype=torch.float64)
RATES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
HORIZON = 180  # steps of every descent
NEAR = 0.1  # share of the first distance at which a descent has arrived
SEEDS = (0, 1, 2)
DRAWN = RATES[:5]  # of the figure


@lru_cache(maxsize=1)
def objectives() -> dict[str, Objective]:
    """Return the objectives for samples from a sigmoid and for the same centred; both have MINIMUM."""
    generator = torch.Generator().manual_seed(0)
    return trajectories.positive_and_centred(SAMPLES, MINIMUM, generator)


def hessian(objective: Objective) -> tuple[np.ndarray, float]:
    """Return the steepest direction (2,) at the minimum and the condition number."""
    X, y = objective.inputs, objective.targets
    H = torch.autograd.functional.jacobian(lambda w: objective.gradient(w, X, y), MINIMUM)
    curvatures, vectors = torch.linalg.eigh(H)
    steepest = vectors[:, 1] * vectors[0, 1].sign()
    return steepest.numpy(), float(curvatures[1] / curvatures[0])


def run_descent(name: str, batch: int, rate: float, seed: int) -> Trajectory:
    """Run descent from START; the seed orders the samples, the same for both kinds of input."""
    return descend(
        objectives()[name],
        START,
        lambda parameters: SGD(parameters, rate),
        batch_size=batch,
        steps=HORIZON,
        generator=torch.Generator().manual_seed(seed),
    )


def arrival(points: Tensor) -> int | None:
    """Return the step from which the distance to MINIMUM stays within NEAR of the first, or None."""
    return trajectories.arrival(points, MINIMUM, NEAR)


def measure(name: str, batch: int, rate: float) -> dict[str, Any]:
    """Return the medians over SEEDS of steps to arrival and detour; steps None unless all arrive."""
    runs = [run_descent(name, batch, rate, seed).points for seed in (SEEDS if batch < SAMPLES else SEEDS[:1])]
    steps = [arrival(points) for points in runs]
    arrived = [(n, points) for n, points in zip(steps, runs, strict=True) if n is not None]
    if len(arrived) < len(runs):
        return {"rate": rate, "steps": None, "detour": None}
    return {
        "rate": rate,
        "steps": float(np.median([n for n, _ in arrived])),
        "detour": float(np.median([trajectories.detour(points[: n + 1]) for n, points in arrived])),
    }


def fastest(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the rate with the fewest steps, the smaller of equals. Raises ValueError where none arrives."""
    arrived = [f for f in runs if f["steps"] is not None]
    if not arrived:
        raise ValueError(f"no learning rate of {RATES} arrives within {HORIZON} steps")
    return min(arrived, key=lambda f: (f["steps"], f["rate"]))


def descents() -> dict[str, Any]:
    """Compare steps and detours of single samples and full batches at every rate.

    `slow` compares the two inputs on single samples at the smallest rate.
    """
    measured_by = {(n, b): [measure(n, b, rate) for rate in RATES] for b in (1, SAMPLES) for n in INPUTS}
    best = {key: fastest(runs) for key, runs in measured_by.items()}
    one, other = (measured_by[name, 1][0] for name in INPUTS)
    if one["steps"] is None or other["steps"] is None:
        raise ValueError(f"a descent at the smallest rate {RATES[0]} does not arrive within {HORIZON} steps")
    return {
        "rows": _rows(list(measured_by.values())),
        "best": {"single": [best[n, 1] for n in INPUTS], "full": [best[n, SAMPLES] for n in INPUTS]},
        "slow": {
            "rate": RATES[0],
            "steps": (one["steps"], other["steps"]),
            "steps_ratio": one["steps"] / other["steps"],
            "detours": (one["detour"], other["detour"]),
            "detour_ratio": one["detour"] / other["detour"],
        },
        "figure": figure(),
        "near": NEAR,
        "seeds": len(SEEDS),
        "samples": SAMPLES,
        "horizon": HORIZON,
    }


def _rows(measured: list[list[dict[str, Any]]]) -> list[list[str]]:
    """Return a row for each rate: steps and detour by inputs, on single samples and on all."""

    def shown(f: dict[str, Any]) -> str:
        return "none" if f["steps"] is None else f"{f['steps']:.0f} ({f['detour']:.2f})"

    return [[f"{RATES[i]:g}", *(shown(column[i]) for column in measured)] for i in range(len(RATES))]


def figure() -> SvgFigure:
    """Return the figure of descents on single samples at the rates DRAWN, over the loss of all samples."""
    ends = torch.linspace(-3.2, 3.2, 41, dtype=torch.float64)
    first, second = torch.meshgrid(ends, ends, indexing="xy")
    weights = torch.stack([first, second], dim=-1).view(-1, 2)
    losses_of, frames = {}, []
    steps: dict[tuple[str, float], int | None] = {}
    for name, o in objectives().items():
        outputs = torch.sigmoid(weights @ o.inputs.T)
        losses_of[f"{name} inputs"] = (outputs - o.targets).square().mean(1).view(first.shape).numpy()
        for rate in DRAWN:
            points = run_descent(name, 1, rate, SEEDS[0]).points
            n = arrival(points)
            steps[f"{name} inputs", rate] = n
            path = path_frame("inputs", {f"{name} inputs": points[: None if n is None else n + 1]})
            frames.append(path.assign(rate=rate))
    frame = pd.concat(frames, ignore_index=True)
    return svg_figure(
        zigzag((first.numpy(), second.numpy()), losses_of, frame, MINIMUM.numpy(), steps),
        frame,
        name="q08-zigzag",
        title="The zigzag of positive inputs",
        alt="Two rows of panels with the level lines of a loss and a descent from the upper left to the "
        "minimum at the lower right, at rising learning rates. With positive inputs the path swings to "
        "and fro along the rising diagonal, further the larger the rate; with zero-centred inputs it leads "
        "there far more directly.",
    )
