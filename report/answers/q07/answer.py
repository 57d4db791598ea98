"""Question 7: purpose of activations, and which functions can be one."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impl.activations.registry import ACTIVATIONS
from report.answers.q07.algebra import algebra
from report.answers.q07.evidence import evidence
from report.document.answer import Answer, Values
from report.document.formats import number
from report.document.page import Erratum

W1 = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]])
W2 = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, -1.0]])
XOR_INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0.0, 1.0, 1.0, 0.0])
DEPTHS, NETWORK_WIDTH = (1, 2, 3), 16
WIDTHS = (4, 16, 64)
POINTS = 2000  # of a fit
Function = Callable[[Tensor], Tensor]


def step(x: Tensor) -> Tensor:
    """Return 1 where x > 0, else 0: not linear, cheap, and differentiable except at one point."""
    return (x > 0).to(x.dtype)


FUNCTIONS: dict[str, Function] = {
    **{entry.label: entry.f for entry in ACTIVATIONS.values()},
    "square": torch.square,
    "step": step,
}


def stack() -> dict[str, Any]:
    """Compute two layers and their one matrix; the exclusive or by an affine map and by ReLU."""
    x = np.array([1.0, -1.0, 2.0])
    affine = np.c_[XOR_INPUTS, np.ones(4)]
    weights = np.linalg.lstsq(affine, XOR, rcond=None)[0]
    total = torch.from_numpy(XOR_INPUTS.sum(1))
    relu = ACTIVATIONS["relu"].f
    solved = relu(total) - 2 * relu(total - 1)
    return {
        "W1": W1,
        "W2": W2,
        "product": W2 @ W1,
        "rank": int(np.linalg.matrix_rank(W2 @ W1)),
        "x": x,
        "by_layers": W2 @ (W1 @ x),
        "by_product": (W2 @ W1) @ x,
        "affine_outputs": affine @ weights,
        "affine_error": float(np.square(affine @ weights - XOR).mean()),
        "relu_outputs": solved.numpy(),
        "relu_error": float(np.square(solved.numpy() - XOR).mean()),
    }


def criteria(f: Function) -> dict[str, Any]:
    """Return curvature, slopes at both sides of 0, kinks and steepest slope of f on [-8, 8], by differences.

    bend: largest |f(x + 1) - 2 f(x) + f(x - 1)|, zero for a linear f; kinks: grid points where slopes or
    values on the two sides differ; steepest: largest slope away from them.
    """
    x, h = torch.linspace(-8, 8, 65, dtype=torch.float64), 1e-6
    right, left = (f(x + 2 * h) - f(x + h)) / h, (f(x - h) - f(x - 2 * h)) / h
    jump = (f(x + h) - f(x - h)).abs()
    kinks = x[((right - left).abs() > 1e-3) | (jump > 1e-3)]
    smooth = torch.tensor([float(p) not in kinks.tolist() for p in x])
    return {
        "bend": float((f(x + 1) - 2 * f(x) + f(x - 1)).abs().max()),
        "left": float(left[32]),
        "right": float(right[32]),
        "kinks": kinks.tolist(),
        "steepest": float(right[smooth].abs().max()),
    }


def meets(result: dict[str, Any]) -> bool:
    """Tell whether f meets the assignment's criteria except cost: not linear, and few kinks."""
    return result["bend"] > 1e-9 and len(result["kinks"]) < 5


def differences(square: bool, depth: int) -> int:
    """Return the largest (2^depth + 1)-th difference, in exact integers, of a network with integer weights.

    NETWORK_WIDTH units a layer, activation x² or ReLU. A polynomial of degree 2^depth has only zeros here.
    """
    rng = np.random.default_rng(7)
    layer = np.arange(-20, 21).astype(object)[:, None]
    for _ in range(depth):
        weight = rng.integers(-3, 4, (layer.shape[1], NETWORK_WIDTH)).astype(object)
        z = layer @ weight + rng.integers(-30, 31, NETWORK_WIDTH).astype(object)
        layer = z * z if square else np.maximum(z, 0)
    output = layer @ rng.integers(-3, 4, NETWORK_WIDTH).astype(object)
    return max(abs(d) for d in np.diff(output, n=2**depth + 1))


def fit_error(f: Function, width: int) -> float:
    """Return the RMS error of the best output weights for sin(πx) on [-1, 1] over a fixed hidden layer.

    Hidden weights and biases are sampled once for all activations; only least squares is solved.
    """
    generator = torch.Generator().manual_seed(3)
    x = (torch.arange(POINTS, dtype=torch.float64) + 0.5) * 2 / POINTS - 1  # midpoints, which weigh the same
    weight, bias = 3 * torch.randn(2, max(WIDTHS), generator=generator, dtype=torch.float64)
    hidden = f(x[:, None] * weight[:width] + bias[:width]).numpy()
    features, target = np.c_[hidden, np.ones(len(x))], torch.sin(torch.pi * x).numpy()
    weights = np.linalg.lstsq(features, target, rcond=1e-10)[0]
    return float(np.sqrt(np.square(features @ weights - target).mean()))


def best_quadratic() -> float:
    """Return the root mean squared error of the best quadratic for sin(πx) on [-1, 1], √(1/2 - 3/π²).

    The sine is odd, so that the best quadratic is the line 3x/π.
    """
    return math.sqrt(1 / 2 - 3 / math.pi**2)


def rows(results: dict[str, dict[str, Any]], fits: dict[str, list[float]]) -> dict[str, list[list[str]]]:
    """Return the rows of the tables of formulas, of criteria and of fits."""
    formulas = [
        [entry.label, *(rf"\({text.split(' = ', 1)[1]}\)" for text in (entry.latex, entry.latex_derivative))]
        for entry in ACTIVATIONS.values()
    ]
    checks = [
        [
            name,
            "yes" if c["bend"] > 1e-9 else "no",
            number(c["left"], fixed=2),
            number(c["right"], fixed=2),
            ", ".join(number(k, 1) for k in c["kinks"]) or "none",
            number(c["steepest"], 3),
        ]
        for name, c in results.items()
    ]
    return {
        "formulas": formulas,
        "criteria": checks,
        "fits": [[name, *(number(e, 2) for e in errors)] for name, errors in fits.items()],
    }


def values() -> Values:
    """Compute stacks of linear maps, every activation's criteria, and functions that meet them and fail."""
    results = {name: criteria(f) for name, f in FUNCTIONS.items()}
    fits = {name: [fit_error(f, width) for width in WIDTHS] for name, f in FUNCTIONS.items()}
    return {
        "stack": stack(),
        "criteria": results,
        "rows": rows(results, fits),
        "algebra": algebra(),
        "fits": fits,
        "quadratic": best_quadratic(),
        "widths": WIDTHS,
        "differences": [(d, 2**d + 1, differences(True, d), differences(False, d)) for d in DEPTHS],
        "width": NETWORK_WIDTH,
        "smaller": {name: errors[-1] < 0.999 * best_quadratic() for name, errors in fits.items()},
        "square_meets": meets(results["square"]),
        "step_meets": meets(results["step"]),
        "square_fails": fits["square"][-1] > 0.999 * best_quadratic(),
        "step_flat": results["step"]["steepest"] == 0,
    }


def errata(v: Values) -> list[Erratum]:
    """Return the erratum on the criteria, if functions meet them and fail."""
    reasons = []
    if v["square_meets"] and v["square_fails"] and all(row[2] == 0 for row in v["differences"]):
        reasons.append(
            r"The square \(x^2\) meets every criterion, yet a network of it is a polynomial whose degree the "
            rf"depth bounds: fitting \(\sin \pi x\) with {WIDTHS[-1]} units leaves an error of "
            rf"\({number(v['fits']['square'][-1])}\), that of the best quadratic; with ReLU it is "
            rf"\({number(v['fits']['ReLU'][-1], 2)}\)."
        )
    if v["step_meets"] and v["step_flat"]:
        reasons.append(
            "The step function meets them too, being flat everywhere but at one point, and its slope of "
            rf"\({number(v['criteria']['step']['steepest'], 1)}\) lets no gradient through."
        )
    if not reasons:
        return []
    return [
        Erratum(
            "q07-sufficient",
            7,
            "Almost any function will do that is not linear, cheap, and differentiable but for a few points.",
            "It must also not be a polynomial, and its derivative must not be zero almost everywhere.",
            " ".join(reasons),
        )
    ]


ANSWER = Answer(
    "Activation layers",
    "Why does a network need activations, and what makes a function a usable one?",
    values,
    errata,
    evidence,
)
