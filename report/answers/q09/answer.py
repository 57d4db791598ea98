"""Question 9: Swish, its derivative, and what both cost beside the sigmoid."""

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
from report.document.page import Erratum
from report.figures.activations import curves, on_grid
from report.figures.drawing import Drawing, draw

PRINTED = {"swish": {"MUL": 2, "ADD": 1, "SUB": 0}, "sigmoid": {"MUL": 1, "ADD": 0, "SUB": 0}}


def identities() -> dict[str, Identity]:
    """Each form of a derivative, and of the equation for the minimum, against the definition's derivative."""
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
    """Where e^x + 1 + x = 0, as sympy solves it, and Swish's value there, x e^x / (1 + e^x)."""
    roots = sympy.solve(sympy.exp(x) + 1 + x, x)
    e = -(1 + x)  # what e^x is there
    return {
        "place": Identity("place", roots, [-1 - sympy.LambertW(sympy.exp(-1))]),
        "value": Identity("value", [x * e / (1 + e)], [1 + x]),
    }


def extremes() -> dict[str, float]:
    """Swish's minimum in closed form and as an optimizer finds it, and the largest slopes."""

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
    """Limits of f, f / x and f' at the ends."""
    f = x * sigmoid(x)
    return {
        "left": sympy.limit(f, x, -sympy.oo),
        "right_share": sympy.limit(f / x, x, sympy.oo),
        "left_slope": sympy.limit(sympy.diff(f, x), x, -sympy.oo),
        "right_slope": sympy.limit(sympy.diff(f, x), x, sympy.oo),
    }


def drawing() -> Drawing:
    """Swish and sigmoid with their derivatives."""
    frame = on_grid(torch.linspace(-6, 6, 241, dtype=torch.float64), {"": ("sigmoid", "swish")})
    return draw(
        curves(frame),
        frame,
        name="q09-curves",
        title="Swish and sigmoid",
        alt="Above: sigmoid rises from zero to one; Swish dips below zero left of the origin and then "
        "follows the line y = x. Below: sigmoid's derivative is a low bell around zero; Swish's goes from "
        "slightly negative through one half at zero to slightly above one, and settles at one.",
    )


def values() -> Values:
    """The derivative's forms, the operations of each and of whole passes, the minimum and the limits."""
    found = counts()
    return {
        "equal": {name: holds(identity) for name, identity in (identities() | minimum()).items()},
        "counts": found,
        "words": {name: in_words(number) for name, number in found.items()},
        "passes": passes(),
        "pass_rows": pass_rows(),
        "minimum": extremes(),
        "limits": {name: int(limit) for name, limit in limits().items()},
        "drawing": drawing(),
    }


def errata(v: Values) -> list[Erratum]:
    """The subtraction that the assignment's count leaves out, where the count finds one."""
    found = {name: v["counts"][name] for name in PRINTED}
    if all(found[name] == PRINTED[name] for name in PRINTED):
        return []
    return [
        Erratum(
            "q09-count",
            9,
            "Beyond the sigmoid, Swish takes two multiplications and an addition, and sigmoid's derivative "
            "only a multiplication.",
            f"Swish takes {in_words(found['swish'])}; the sigmoid takes {in_words(found['sigmoid'])}.",
            r"Both derivatives hold the factor \(1 - \sigma(x)\), and forming it is an operation of its own, "
            "a pass over the whole tensor where each operation is one kernel.",
        )
    ]


ANSWER = Answer(
    "Swish and its cost",
    "What is the derivative of Swish, and what does Swish cost beside the sigmoid?",
    values,
    errata,
    evidence,
)
