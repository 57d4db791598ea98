"""Question 7: purpose of activations, and which functions can be one."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from impl.activations.registry import ACTIVATIONS
from report.answers.q07.algebra import algebra
from report.answers.q07.evidence import evidence
from report.document.answer import Answer, Values
from report.document.formats import count, number
from report.document.labels import label
from report.document.page import WRONG_REASONING, Erratum
from report.figures.fits import fit_errors
from report.figures.svg import SvgFigure, svg_figure

W1 = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]])
W2 = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, -1.0]])
XOR_INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0.0, 1.0, 1.0, 0.0])
DEPTHS, NETWORK_WIDTH = (1, 2, 3), 16
WIDTHS = (4, 16, 64)
POINTS = 2000  # of a fit
FINE = 1e-3  # grid of the largest slope: its error is of the order of the square, so three digits are right
Function = Callable[[Tensor], Tensor]


def step(x: Tensor) -> Tensor:
    """Return 1 where x > 0, else 0: not linear, cheap, and differentiable except at one point."""
    return (x > 0).to(x.dtype)


FUNCTIONS: dict[str, Function] = {
    **{label(name): entry.f for name, entry in ACTIVATIONS.items()},
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
    values on the two sides differ; steepest: largest slope, to FINE of its place.
    """
    x, h = torch.linspace(-8, 8, 65, dtype=torch.float64), 1e-6
    right, left = (f(x + 2 * h) - f(x + h)) / h, (f(x - h) - f(x - 2 * h)) / h
    jump = (f(x + h) - f(x - h)).abs()
    kinks = x[((right - left).abs() > 1e-3) | (jump > 1e-3)]
    fine = torch.linspace(-8, 8, round(16 / FINE) + 1, dtype=torch.float64)
    return {
        "bend": float((f(x + 1) - 2 * f(x) + f(x - 1)).abs().max()),
        "left": float(left[32]),
        "right": float(right[32]),
        "kinks": kinks.tolist(),
        "steepest": float(((f(fine + 2 * h) - f(fine + h)) / h).abs().max()),
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


def figure(fits: dict[str, list[float]]) -> SvgFigure:
    """Return the figure of the fits' errors by width."""
    frame = pd.DataFrame(
        [(name, w, error) for name, errors in fits.items() for w, error in zip(WIDTHS, errors, strict=True)],
        columns=["function", "units", "error"],
    )
    return svg_figure(
        fit_errors(frame, highlighted=("square", "step", "ReLU"), bound=best_quadratic()),
        frame,
        name="q07-fits",
        title="Error of a fit by activation and width",
        alt="The error of the fit against the number of hidden units. With the square it stays at that of "
        "the best quadratic; with every other function it falls as the layer becomes wider.",
    )


def rows(
    results: dict[str, dict[str, Any]],
    fits: dict[str, list[float]],
    deep: list[tuple[int, int, int, int]],
) -> dict[str, list[list[str]]]:
    """Return the rows of the tables of formulas, criteria, fits and differences."""
    formulas = [
        [label(name), *(rf"\({text.split(' = ', 1)[1]}\)" for text in (entry.latex, entry.latex_derivative))]
        for name, entry in ACTIVATIONS.items()
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
        "differences": [
            [str(depth), str(order), count(square), number(relu)] for depth, order, square, relu in deep
        ],
    }


def values() -> Values:
    """Compute stacks of linear maps, every activation's criteria, and functions that meet them and fail."""
    results = {name: criteria(f) for name, f in FUNCTIONS.items()}
    fits = {name: [fit_error(f, width) for width in WIDTHS] for name, f in FUNCTIONS.items()}
    deep = [(d, 2**d + 1, differences(True, d), differences(False, d)) for d in DEPTHS]
    return {
        "stack": stack(),
        "rows": rows(results, fits, deep),
        "algebra": algebra(),
        "fits": fits,
        "figure_fits": figure(fits),
        "quadratic": best_quadratic(),
        "widths": WIDTHS,
        "differences": deep,
        "width": NETWORK_WIDTH,
        "failing": [name for name, errors in fits.items() if errors[-1] >= 0.999 * best_quadratic()],
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
            r"The square \(x^2\) meets every criterion, but a network of squares is a polynomial whose "
            rf"degree the depth bounds. Fitted to \(\sin \pi x\), {WIDTHS[-1]} squares leave an error of "
            rf"\({number(v['fits']['square'][-1])}\), as large as that of the best quadratic; ReLU leaves "
            rf"\({number(v['fits']['ReLU'][-1], 2)}\)."
        )
    if v["step_meets"] and v["step_flat"]:
        reasons.append(
            "The step function meets them too, but its slope is zero everywhere except at one point, so no "
            "gradient passes through it."
        )
    if not reasons:
        return []
    return [
        Erratum(
            "q07-sufficient",
            7,
            WRONG_REASONING,
            "Almost any function can be an activation if it is not linear, preferably cheap, and "
            "differentiable except at a small, finite number of points.",
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
