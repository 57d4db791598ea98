"""Question 9: Swish, its derivative, and its cost against the sigmoid's."""

import numpy as np
import sympy
import torch
from scipy.optimize import minimize_scalar
from scipy.special import lambertw

from impl.activations.registry import ACTIVATIONS
from report.algebra.identities import Identity, derivation, holds
from report.algebra.latex import sigmoid, x
from report.answers.q09.counts import counts, in_words, pass_rows, passes
from report.answers.q09.evidence import evidence
from report.document.answer import Answer, Values
from report.document.page import IMPRECISE, Erratum
from report.figures.activations import curves, on_grid
from report.figures.svg import SvgFigure, svg_figure

PRINTED = {"swish": {"MUL": 2, "ADD": 1, "SUB": 0}, "sigmoid": {"MUL": 1, "ADD": 0, "SUB": 0}}


def identities() -> dict[str, Identity]:
    """Return each form of a derivative, and of the minimum's equation, with the exact derivative."""
    s = sigmoid(x)
    f = x * s
    forms = {
        "product": (f, s + x * s * (1 - s)),
        "printed": (f, s + f * (1 - s)),
        "short": (f, f + s * (1 - f)),
        "sigmoid": (s, s * (1 - s)),
        "stationary": (f, sympy.exp(x) * (sympy.exp(x) + 1 + x) / (1 + sympy.exp(x)) ** 2),
    }
    return {name: derivation(name, y, form) for name, (y, form) in forms.items()}


def minimum() -> dict[str, Identity]:
    """Return the root of e^x + 1 + x = 0 by sympy, and Swish's value there, x e^x / (1 + e^x)."""
    roots = sympy.solve(sympy.exp(x) + 1 + x, x)
    e = -(1 + x)  # what e^x is there
    return {
        "place": Identity("place", roots, [-1 - sympy.LambertW(sympy.exp(-1))]),
        "value": Identity("value", [x * e / (1 + e)], [1 + x]),
    }


def extremes() -> dict[str, float]:
    """Return Swish's minimum in closed form and by an optimizer, and the largest slopes."""

    def at(name: str, x: float, derivative: bool = False) -> float:
        entry = ACTIVATIONS[name]
        return float((entry.derivative if derivative else entry.f)(torch.tensor(x, dtype=torch.float64)))

    w = float(lambertw(np.exp(-1)).real)
    search = minimize_scalar(
        lambda x: at("swish", x), bounds=(-5, 0), method="bounded", options={"xatol": 1e-10}
    )
    steepest = minimize_scalar(lambda x: -at("swish", x, True), bounds=(0, 6), method="bounded")
    return {
        "w": w,
        "x": -1 - w,
        "f": at("swish", -1 - w),
        "slope": at("swish", -1 - w, True),
        "search_x": float(search.x),
        "search_f": float(search.fun),
        "steepest_x": float(steepest.x),
        "steepest": -float(steepest.fun),
        "sigmoid_steepest": at("sigmoid", 0.0, True),
    }


def limits() -> dict[str, sympy.Expr]:
    """Return the limits of f, f / x and f' at both ends."""
    f = x * sigmoid(x)
    return {
        "left": sympy.limit(f, x, -sympy.oo),
        "right_share": sympy.limit(f / x, x, sympy.oo),
        "left_slope": sympy.limit(sympy.diff(f, x), x, -sympy.oo),
        "right_slope": sympy.limit(sympy.diff(f, x), x, sympy.oo),
    }


def figure() -> SvgFigure:
    """Return the figure of Swish and sigmoid with their derivatives."""
    frame = on_grid(torch.linspace(-6, 6, 241, dtype=torch.float64), {"": ("sigmoid", "swish")})
    return svg_figure(
        curves(frame),
        frame,
        name="q09-curves",
        title="Swish and sigmoid",
        alt="Above: sigmoid rises from zero to one; Swish dips below zero left of the origin and then "
        "follows the line y = x. Below: sigmoid's derivative is a low bell around zero; Swish's goes from "
        "slightly negative through one half at zero to slightly above one, and settles at one.",
    )


def values() -> Values:
    """Compute the derivative's forms, operations of each and of whole passes, the minimum and the limits."""
    operations = counts()
    return {
        "equal": {name: holds(identity) for name, identity in (identities() | minimum()).items()},
        "counts": operations,
        "words": {name: in_words(number) for name, number in operations.items()},
        "passes": passes(),
        "pass_rows": pass_rows(),
        "minimum": extremes(),
        "limits": {name: int(limit) for name, limit in limits().items()},
        "curves": figure(),
    }


def errata(v: Values) -> list[Erratum]:
    """Return the erratum on the count, if it leaves out a subtraction."""
    counted = {name: v["counts"][name] for name in PRINTED}
    if all(counted[name] == PRINTED[name] for name in PRINTED):
        return []
    return [
        Erratum(
            "q09-count",
            9,
            IMPRECISE,
            "Beyond the sigmoid, Swish takes two multiplications and an addition, and sigmoid's derivative "
            "only a multiplication.",
            f"Swish takes {in_words(counted['swish'])}; the sigmoid takes {in_words(counted['sigmoid'])}.",
            r"Both derivatives contain the factor \(1 - \sigma(x)\). Computing it is an operation as well, "
            "and a pass over the whole tensor where each operation is one kernel.",
        )
    ]


ANSWER = Answer(
    "Swish and its cost",
    "What is the derivative of Swish, and how much more does Swish cost than the sigmoid?",
    values,
    errata,
    evidence,
)
