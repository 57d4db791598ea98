"""Question 11: GELU, SGELU and the other activations under standard normal inputs."""

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import erf
from scipy.stats import norm
from torch import Tensor

from impl.activations import gelu, gelu_derivative, sgelu, sgelu_derivative, sgelu_yu
from impl.activations.registry import ACTIVATIONS
from impl.training.initialization import NODES, WEIGHTS, second_moment
from report.document.formats import number, percent
from report.document.labels import label

RARE = 2.0  # standard deviations from 0
Function = Callable[[Tensor], Tensor]


def at(f: Function, x: float) -> float:
    """Return f(x) in float64."""
    return float(f(torch.tensor(x, dtype=torch.float64)))


def negative_share(derivative: Function) -> float:
    """Return the share of E[f'(Z)²] that comes from Z < 0."""
    squares = WEIGHTS * derivative(NODES).square()
    return float(squares[NODES < 0].sum() / squares.sum())


def parity(f: Function) -> str:
    """Tell whether f is even, odd, or neither, on a grid of [0, 8]."""
    x = torch.linspace(0, 8, 801, dtype=torch.float64)
    if torch.allclose(f(x), f(-x), rtol=0, atol=1e-12):
        return "even"
    return "odd" if torch.allclose(f(x), -f(-x), rtol=0, atol=1e-12) else "neither"


def properties() -> list[list[str]]:
    """Return rows: activation, parity, f(±1), slope at 0, steepest slope, gain, share of negative inputs."""
    x = torch.linspace(-8, 8, 16001, dtype=torch.float64)
    return [
        [
            label(name),
            parity(entry.f),
            number(at(entry.f, -1)),
            number(at(entry.f, 1)),
            number(at(entry.derivative, 0)),
            number(float(entry.derivative(x).abs().max())),
            number(second_moment(entry.f)),
            percent(negative_share(entry.derivative)),
        ]
        for name, entry in ACTIVATIONS.items()
        if name != "ada_sgelu"
    ]


def gelu_facts() -> dict[str, float]:
    """Return GELU's minimum, its value, slope and gate left of 0, and the share of the gradient there."""
    low = minimize_scalar(lambda x: at(gelu, x), bounds=(-3, 0), method="bounded", options={"xatol": 1e-10})
    return {
        "minimum_x": float(low.x),
        "minimum": float(low.fun),
        "at_minus_one": at(gelu, -1),
        "slope_at_minus_one": at(gelu_derivative, -1),
        "share": negative_share(gelu_derivative),
        "gain": second_moment(gelu),
        "slope_at_zero": at(gelu_derivative, 0),
        "gate_left": float(norm.cdf(-RARE)),
        "gate_middle": float(norm.cdf(0)),
        "gate_right": float(norm.cdf(RARE)),
        "density": float(norm.pdf(RARE)),
        "density_left": float(norm.pdf(-RARE)),
        "density_middle": float(norm.pdf(0)),
    }


def sgelu_facts() -> dict[str, float | bool]:
    """Return SGELU's parity, slopes, gain, and relations to GELU and to Yu and Su's."""
    x = torch.linspace(-6, 6, 1201, dtype=torch.float64)
    root, ours, theirs = math.sqrt(2), sgelu(x), sgelu_yu(x)
    return {
        "even": parity(sgelu) == "even",
        "steepest": at(sgelu_derivative, 1),
        "slope_at_zero": at(sgelu_derivative, 0),
        "share": negative_share(sgelu_derivative),
        "gain": second_moment(sgelu),
        "symmetrised": float((gelu(x) + gelu(-x) - theirs).abs().max()),
        "from_gelu": float((root * gelu(root * x) - x - ours).abs().max()),
        "from_yu": float((sgelu_yu(root * x) / root - ours).abs().max()),
        "apart": float((theirs - ours).abs().max()),
        "probability": probability_error(),
    }


def probability_error() -> float:
    """Return the largest difference of erf(x) from P(|X| ≤ x), X ~ N(0, 1/2), for x ≥ 0."""
    x = np.linspace(0, 5, 501)
    spread = norm(scale=1 / math.sqrt(2))
    return float(np.abs(spread.cdf(x) - spread.cdf(-x) - erf(x)).max())
