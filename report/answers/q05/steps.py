"""Question 5: steps of optimizers along given gradients."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim import Optimizer

from impl.optimizers.optimizers import RMSprop
from impl.optimizers.registry import OPTIMIZERS
from report.document.formats import number
from report.figures.optimizers import step_lengths
from report.figures.svg import svg_figure

MOMENTS = (1, 10, 100, 1000)
STEEPER = 10
SCALE = 1000


def steps_along(rule: str, gradients: Sequence[float], rate: float = 1.0) -> np.ndarray:
    """Return the signed steps (T,) of an optimizer along a sequence of gradients; downhill is positive."""
    theta = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer: Optimizer = OPTIMIZERS[rule].make([theta], rate)
    positions = [0.0]
    for gradient in gradients:
        theta.grad = torch.full_like(theta, gradient)
        optimizer.step()
        positions.append(theta.item())
    return -np.diff(positions)


def halving_gradient(rule: str) -> float:
    """Return the |g| whose first step is half of the learning rate, by bisection of log |g|."""
    low, high = -20.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if steps_along(rule, [10**middle])[0] < 0.5 else (low, middle)
    return float(10**low)


def epsilon() -> dict[str, object]:
    """Compute the first step over α against |g| for both places of ε, and where each is a half."""
    gradients = np.logspace(-12, 2, 113)
    labels = {name: OPTIMIZERS[name].label for name in ("adam", "adam_eps_inside")}
    steps = {labels[n]: np.array([steps_along(n, [g])[0] for g in gradients]) for n in labels}
    halves = {labels[n]: halving_gradient(n) for n in labels}
    frame = pd.concat(
        pd.DataFrame({"optimizer": name, "gradient": gradients, "step": lengths})
        for name, lengths in steps.items()
    )
    figure = svg_figure(
        step_lengths(
            frame, halves, dict(zip(halves, ("ε outside\nthe root", "ε inside\nthe root"), strict=True))
        ),
        frame,
        name="q05-epsilon",
        title="Step length of Adam against a constant gradient",
        alt="On logarithmic axes both curves are flat at one for large gradients and fall in proportion to "
        "small ones; with ε inside the root the fall begins at gradients thousands of times larger.",
    )
    outside, inside = halves.values()
    return {"figure": figure, "outside": outside, "inside": inside, "ratio": inside / outside}


def constant() -> dict[str, Any]:
    """Compute each optimizer's steps along a constant gradient, over the learning rate."""
    ones = [1.0] * max(MOMENTS)
    steps = {name: steps_along(name, ones) for name in OPTIMIZERS if name != "adam_eps_inside"}
    scaled = {name: steps_along(name, [SCALE] * 2)[-1] / steps[name][1] for name in steps}
    rows = [
        [OPTIMIZERS[name].label, *(number(taken[t - 1]) for t in MOMENTS), number(scaled[name])]
        for name, taken in steps.items()
    ]
    columns = ["Optimizer", *(f"Step {t}" for t in MOMENTS), f"Step 2, g × {SCALE}, over step 2"]
    decay = OPTIMIZERS["adamw"].make([nn.Parameter(torch.zeros(1))], 1.0).defaults["weight_decay"]
    powers = (1 - decay) ** np.arange(len(ones))  # θ is pulled back by λ times itself in each step
    return {
        "rows": rows,
        "columns": columns,
        "steps": steps,
        "scaled": scaled,
        "decay": decay,
        "decay_gap": float(np.abs(steps["adamw"] - powers).max()),
    }


def brakes() -> dict[str, float]:
    """Compute Adam's steps over α where a slope becomes steeper, and where the gradient changes sign."""
    before = 1000
    taken = steps_along("adam", [1.0] * before + [float(STEEPER)] * 5000)
    after = taken[before:]
    return {
        "before": float(taken[before - 1]),
        "peak": float(after.max()),
        "peak_at": int(after.argmax()) + 1,
        "lasting": int((after > 2 * taken[before - 1]).sum()),
        "settled": float(after[-1]),
        "alternating": float(np.abs(steps_along("adam", [1.0, -1.0] * before)[-1])),
    }


def squares() -> dict[str, float]:
    """Compute RMSprop's state after gradients +1, -1, …, and the averages of them and of their squares."""
    theta = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = RMSprop([theta])
    rho, plain, squared = optimizer.defaults["alpha"], 0.0, 0.0
    for t in range(1000):
        gradient = (-1.0) ** t
        plain, squared = rho * plain + (1 - rho) * gradient, rho * squared + (1 - rho) * gradient**2
        theta.grad = torch.full_like(theta, gradient)
        optimizer.step()
    return {"state": optimizer.state[theta]["square_avg"].item(), "plain": plain, "squared": squared}
