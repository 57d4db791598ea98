"""Computer algebra: check that equations are identities, and that the code computes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import sympy
import torch
from torch import Tensor

from impl.activations.registry import ACTIVATIONS
from report.algebra.latex import ALPHA, BETA, read, x
from report.document.labels import label

# Definitions with the parameter that the printed one leaves at 1, as the code has it.
GENERAL = {"swish": r"\mathrm{Swish}(x) = x\,\sigma(\beta x)"}
PARAMETER = 1.5  # α or β where the code is evaluated: not 1, which would hide it, and exact in float64
POINTS = 0.8 * torch.arange(-10, 11, dtype=torch.float64)  # 0 among them, where kinks are
DIGITS = 40
ROUNDING = 1e-13  # relative, some hundred roundings of float64: code within it computes the formula
COLUMNS = ["Equation", "Left side less right side"]


@dataclass(frozen=True)
class Identity:
    """An equation of a text, entry by entry; its name is prose and may hold LaTeX."""

    name: str
    left: Sequence[sympy.Expr]
    right: Sequence[sympy.Expr]


def vanishes(expression: sympy.Expr) -> bool:
    """Tell whether an expression is identically zero, by its numerator over exponentials.

    Zeros by other laws (of nested radicals, of sines) are not recognized.
    """
    numerator, _ = sympy.fraction(sympy.together(sympy.sympify(expression).rewrite(sympy.exp)))
    return sympy.expand(numerator) == 0  # sympy.simplify and cancel take several times as long


def holds(identity: Identity) -> bool:
    """Tell whether left and right side of every entry are the same function."""
    return all(vanishes(a - b) for a, b in zip(identity.left, identity.right, strict=True))


def outcome(identities: Sequence[Identity]) -> dict[str, Any]:
    """Return rows of a table under COLUMNS, the number of identities, and the names of those that fail."""
    results = [(identity.name, holds(identity)) for identity in identities]
    return {
        "columns": COLUMNS,
        "rows": [[name, "identically zero" if holds_ else "not zero"] for name, holds_ in results],
        "total": len(results),
        "failed": [name for name, holds_ in results if not holds_],
    }


def sides(f: sympy.Expr) -> list[sympy.Symbol]:
    """Return x, or for a piecewise f an x > 0 and an x < 0: a derivative at the joint is a convention."""
    if not f.has(sympy.Abs, sympy.Max, sympy.Min, sympy.Piecewise):
        return [x]
    return [sympy.Symbol("x", positive=True), sympy.Symbol("x", negative=True)]


def derivation(name: str, f: sympy.Expr, derivative: sympy.Expr) -> Identity:
    """Return that df/dx is the printed derivative, on each of `sides`."""
    pieces = [(f.subs(x, side), derivative.subs(x, side), side) for side in sides(f + derivative)]
    return Identity(
        name, [sympy.diff(y, side) for y, _, side in pieces], [printed for _, printed, _ in pieces]
    )


def printed(name: str) -> Identity:
    """Return that the derivative of an activation's printed definition is its printed derivative."""
    entry = ACTIVATIONS[name]
    return derivation(rf"\({entry.latex_derivative}\)", read(entry.latex), read(entry.latex_derivative))


def difference(code: Callable[[Tensor], Tensor], expression: sympy.Expr) -> float:
    """Return the largest difference of code in float64 from an expression at POINTS, relative except at 0.

    The expression is evaluated with DIGITS digits, α and β at PARAMETER.
    """
    exact = sympy.lambdify(x, expression.subs({ALPHA: PARAMETER, BETA: PARAMETER}), "mpmath")
    with mpmath.workdps(DIGITS):
        expected = [exact(mpmath.mpf(point)) for point in POINTS.tolist()]
        pairs = zip(code(POINTS).tolist(), expected, strict=True)
        differences = [float(abs(computed - y) / (abs(y) or 1)) for computed, y in pairs]
    return float(np.max(differences))  # which NaN survives, as it does not survive Python's max


@dataclass(frozen=True)
class Check:
    """Results for an activation's printed derivative and its code: differences as by `difference`."""

    label: str
    derived: bool
    value: float
    slope: float
    in_parameter: float | None  # of the derivative in α or β, where there is one


@lru_cache(maxsize=32)
def check(name: str) -> Check:
    """Compare printed definition, printed derivative and code of one activation.

    Raises ValueError where the definition with a parameter is not the printed one at 1.
    """
    entry = ACTIVATIONS[name]
    f, slope = read(entry.latex), read(entry.latex_derivative)
    if name in GENERAL:
        f = read(GENERAL[name])
        if not vanishes(f.subs(BETA, 1) - read(entry.latex)):
            raise ValueError(f"{GENERAL[name]!r} is not {entry.latex!r} where its parameter is 1")
        slope = sympy.diff(f, x)
    parameters = sorted(f.free_symbols - {x}, key=str)
    arguments = (PARAMETER,) * len(parameters)
    in_parameter = entry.module.op.derivative_in_parameter
    return Check(
        label(name),
        holds(printed(name)),
        difference(lambda points: entry.f(points, *arguments), f),
        difference(lambda points: entry.derivative(points, *arguments), slope),
        difference(lambda points: in_parameter(points, *arguments), sympy.diff(f, *parameters))
        if in_parameter
        else None,
    )
