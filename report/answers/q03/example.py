"""Worked example of question 3: descents on one valley and the noise of its gradient."""

import math
from functools import partial

import numpy as np
import torch
from torch import Tensor

from impl.descent.loop import Trajectory, descend, gradient_variance, minibatches
from impl.descent.objectives import Objective, least_squares, minimum
from impl.optimizers.optimizers import SGD
from report.answers.q03.double_well import escapes
from report.document.formats import number
from report.figures.descent import paths_on_contours
from report.figures.svg import SvgFigure, path_frame, svg_figure

N, MINI = 64, 8
BATCH_SIZES = {"batch": N, "mini-batch": MINI, "stochastic": 1}
START = (-2.0, 2.5)
RATE, LARGE_RATE = 0.3, 1.0
PASSES = (1, 3, 10, 30)
DRAWN_PASSES = 10  # of the paths in the figure
HALVED_EVERY = 3  # passes
DRAWS = 320  # whole epochs of every batch size below
NEAR = 0.01  # share of the way from the minimum to the start


def seeded(seed: int) -> torch.Generator:
    """Return a generator with this seed."""
    return torch.Generator().manual_seed(seed)


def problem() -> Objective:
    """Return least squares in two weights: N correlated inputs, targets w = (1, -1) with noise."""
    generator = seeded(0)
    mixing = torch.tensor([[1.0, 0.0], [0.6, 0.5]], dtype=torch.float64)
    inputs = torch.randn(N, 2, generator=generator, dtype=torch.float64) @ mixing
    noise = torch.randn(N, generator=generator, dtype=torch.float64)
    return least_squares(inputs, inputs @ torch.tensor([1.0, -1.0], dtype=torch.float64) + noise / 2)


def run_descent(
    objective: Objective, start: Tensor, rate: float, batch_size: int, passes: int, seed: int = 1
) -> Trajectory:
    """Run plain descent for `passes` over the samples."""
    return descend(
        objective,
        start,
        partial(SGD, lr=rate),
        batch_size=batch_size,
        steps=passes * len(objective.inputs) // batch_size,
        generator=seeded(seed),
    )


def halving(objective: Objective, start: Tensor) -> Tensor:
    """Return the points of stochastic descent whose rate is halved every few passes."""
    points = start[None]
    for phase in range(PASSES[-1] // HALVED_EVERY):
        part = run_descent(objective, points[-1], RATE / 2**phase, 1, HALVED_EVERY, seed=phase)
        points = torch.cat([points, part.points[1:]])
    return points


def excess(objective: Objective, points: Tensor, lowest: Tensor) -> list[float]:
    """Return the loss above that of `lowest` after each of PASSES; points: (steps + 1, d)."""
    a_pass = (len(points) - 1) // PASSES[-1]
    X, y = objective.inputs, objective.targets
    least = objective.loss(lowest, X, y)
    return [float(objective.loss(points[k * a_pass], X, y) - least) for k in PASSES]


def comparison(objective: Objective, start: Tensor, lowest: Tensor) -> dict[str, object]:
    """Compare the methods' excess loss after several passes, at one rate and at a suitable one."""
    paths = {
        method: run_descent(objective, start, RATE, b, PASSES[-1]).points for method, b in BATCH_SIZES.items()
    }
    same = {method: excess(objective, points, lowest) for method, points in paths.items()}
    large = run_descent(objective, start, LARGE_RATE, N, PASSES[-1]).points
    other = {
        f"batch, η = {number(LARGE_RATE, 1)}": excess(objective, large, lowest),
        f"stochastic, η halved every {HALVED_EVERY} passes": excess(
            objective, halving(objective, start), lowest
        ),
    }
    rows = {**{f"{method}, η = {number(RATE, 1)}": losses for method, losses in same.items()}, **other}
    return {
        "rows": [[label, *(number(x, 2) for x in losses)] for label, losses in rows.items()],
        "first": min(same, key=lambda method: same[method][0]),
        "first_excess": {method: losses[0] for method, losses in same.items()},
        "floor": same["stochastic"][-1],
        "batch_large": other[f"batch, η = {number(LARGE_RATE, 1)}"][-1],
        "decayed": list(other.values())[-1][-1],
        "figure": contours(objective, paths, lowest),
    }


def contours(objective: Objective, paths: dict[str, Tensor], lowest: Tensor) -> SvgFigure:
    """Return the figure of the first passes of the three paths on the contours of the loss."""
    w1, w2 = np.meshgrid(np.linspace(-3.2, 3.2, 60), np.linspace(-3.8, 4.2, 60))
    away = np.stack([w1, w2], -1) - lowest.numpy()
    hessian = (objective.inputs.T @ objective.inputs / N).numpy()
    loss = np.einsum("...i,ij,...j->...", away, hessian, away) / 2
    frame = path_frame("method", {m: p[: DRAWN_PASSES * N // BATCH_SIZES[m] + 1] for m, p in paths.items()})
    return svg_figure(
        paths_on_contours(frame, loss, (w1, w2), lowest.numpy()),
        frame,
        name="q03-paths",
        title="Three descents of one valley",
        alt="Three panels with the same elliptic contours. The batch path is smooth but the shortest after "
        "as many samples; the mini-batch path is slightly rough; the stochastic path reaches the bottom of "
        "the valley at once and then jitters around the minimum.",
    )


def batches(objective: Objective, batch_size: int) -> list[tuple[Tensor, Tensor]]:
    """Return DRAWS batches, epoch by epoch."""
    generator = seeded(batch_size)
    X, y = objective.inputs, objective.targets
    epochs = DRAWS * batch_size // N
    return [batch for _ in range(epochs) for batch in minibatches(X, y, batch_size, generator)]


def signal(objective: Objective, w: Tensor) -> float:
    """Return the norm of the full gradient at w (d,) over one sample's standard deviation about it."""
    gradient = objective.gradient(w, objective.inputs, objective.targets)
    return float(gradient.norm()) / math.sqrt(gradient_variance(objective, w, 1))


def noise(objective: Objective, far: Tensor, near: Tensor) -> dict[str, object]:
    """Compute the gradient's exact and sampled variance and its cosine to the full one, by batch size."""
    X, y = objective.inputs, objective.targets
    single = gradient_variance(objective, far, 1)
    rows, single_cosines = [], []
    for b in (1, 4, 16, 32, N):
        sampled = batches(objective, b)
        cells, squares = [], 0.0
        for w in (far, near):
            full = objective.gradient(w, X, y)
            each = torch.stack([objective.gradient(w, *batch) for batch in sampled])
            if w is far:
                squares = float((each - full).square().sum(1).mean())
            cosine = torch.nn.functional.cosine_similarity(each, full[None])
            cells.append(number(cosine.mean().item(), fixed=2))
            if b == 1:
                single_cosines.append(cosine.mean().item())
        exact = gradient_variance(objective, far, b)
        rows.append(
            [
                str(b),
                number(exact, 3 if exact else 1),
                number(squares, 3 if b < N else 1),
                number(exact / single),
                *cells,
            ]
        )
    return {"rows": rows, "cosine_far": single_cosines[0], "cosine_near": single_cosines[1]}


def chunked(objective: Objective, w: Tensor) -> float:
    """Return the largest difference between the full gradient and the one summed in chunks."""
    X, y = objective.inputs, objective.targets
    total = torch.zeros_like(w)
    for inputs, targets in zip(X.split(MINI), y.split(MINI), strict=True):
        total += len(inputs) * objective.gradient(w, inputs, targets)
    return float((total / len(X) - objective.gradient(w, X, y)).abs().max())


def worked() -> dict[str, object]:
    """Compute the descents, the gradient's noise, the gradient in chunks, and the double well."""
    objective, start = problem(), torch.tensor(START, dtype=torch.float64)
    lowest = minimum(objective, start)
    near = lowest + NEAR * (start - lowest)
    curvatures = torch.linalg.eigvalsh(objective.inputs.T @ objective.inputs / N)
    closed = torch.linalg.lstsq(objective.inputs, objective.targets[:, None]).solution[:, 0]
    return {
        "n": N,
        "mini": MINI,
        "start": np.array(START),
        "lowest": lowest.numpy(),
        "closed_difference": float((lowest - closed).abs().max()),
        "curvatures": curvatures.tolist(),
        "limit": 2 / float(curvatures[-1]),
        "rate": RATE,
        "large_rate": LARGE_RATE,
        "halved_every": HALVED_EVERY,
        "passes": PASSES,
        "excess_columns": ["Descent", *(f"{k} {'pass' if k == 1 else 'passes'}" for k in PASSES)],
        "drawn_passes": DRAWN_PASSES,
        "near": NEAR,
        "draws": DRAWS,
        "comparison": comparison(objective, start, lowest),
        "noise": noise(objective, start, near),
        "variance_far": gradient_variance(objective, start, 1),
        "variance_near": gradient_variance(objective, near, 1),
        "signal_far": signal(objective, start),
        "signal_near": signal(objective, near),
        "chunk_difference": chunked(objective, start),
        "gradient_size": float(objective.gradient(start, objective.inputs, objective.targets).abs().max()),
        "double_well": escapes(),
    }
