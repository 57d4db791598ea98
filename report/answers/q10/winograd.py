"""Question 10: the matrices of F(4x4, 3x3) from their points, its rounding and its costs."""

import math

import numpy as np
import sympy
import torch
from torch.nn import functional

from impl.convolution import STRATEGIES, Geometry, operations
from impl.convolution.winograd import applies, grid
from impl.convolution.winograd_transforms import AT, BT, INPUTS, OUTPUTS, G
from report.document.answer import Values
from report.document.formats import count, number, size

POINTS = (0, 1, -1, 2, -2)  # and infinity
TAPS = 3
G_SCALE = 24  # makes G a matrix of integers


def evaluation(terms: int) -> sympy.Matrix:
    """Return the matrix that evaluates a polynomial of so many coefficients at the points and infinity."""
    rows = [[sympy.Integer(point) ** power for power in range(terms)] for point in POINTS]
    return sympy.Matrix([*rows, [0] * (terms - 1) + [1]])


def rational(matrix: tuple[tuple[float, ...], ...]) -> sympy.Matrix:
    """Return a matrix of the implementation in rational numbers."""
    return sympy.Matrix([[sympy.Rational(round(G_SCALE * x), G_SCALE) for x in row] for row in matrix])


def differs() -> list[str]:
    """Return which matrices of the implementation differ from those of the points, in exact arithmetic."""
    at, g, bt = (rational(matrix) for matrix in (AT, G, BT))
    # A row of G may be divided by any number if the same row of B^T is multiplied by it.
    scales = [
        next(a / b for a, b in zip(evaluation(TAPS).row(k), g.row(k), strict=True) if b)
        for k in range(INPUTS)
    ]
    right = {
        "A": (at, evaluation(OUTPUTS).T),
        "G": (sympy.diag(*scales) * g, evaluation(TAPS)),
        "B": (bt, sympy.diag(*scales) * evaluation(INPUTS).inv().T),
    }
    return [name for name, (found, expected) in right.items() if found != expected]


def residual() -> sympy.Expr:
    """Return the sum of absolute coefficients of Aᵀ[(G g) ⊙ (Bᵀ d)] - Σ_u g_u d_{i+u}: 0 if they are one."""
    filters = sympy.Matrix(sympy.symbols(f"g:{TAPS}"))
    data = sympy.Matrix(sympy.symbols(f"d:{INPUTS}"))
    products = (rational(G) * filters).multiply_elementwise(rational(BT) * data)
    found = rational(AT) * products
    total = sympy.Integer(0)
    for i in range(OUTPUTS):
        right = sum(filters[u] * data[i + u] for u in range(TAPS))
        rest = sympy.Poly(found[i] - right, *filters, *data)
        total += sum(abs(coefficient) for coefficient in rest.coeffs())
    return total


def rounding(
    input_shape: tuple[int, ...], weight_shape: tuple[int, ...], geometry: Geometry
) -> dict[str, float]:
    """Return the largest error of float32, over the largest value in float64, of unfold and winograd."""
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randn(s, generator=generator, dtype=torch.float64) for s in (input_shape, weight_shape))
    right = functional.conv2d(x, w, padding=geometry.padding)
    errors = {}
    for name in ("unfold", "winograd"):
        found = STRATEGIES[name].convolve(x.float(), w.float(), geometry).double()
        errors[name] = float((found - right).abs().max() / right.abs().max())
    return errors


def values(
    layers: dict[str, tuple[tuple[int, ...], tuple[int, ...]]], batch: int, geometry: Geometry
) -> Values:
    """Return the matrices, the checks, and rows of costs and rounding for the layers that winograd takes."""
    rows = []
    for name, ((_, *image), weight) in layers.items():
        shape = (batch, *image)
        x, w = torch.empty(shape, device="meta"), torch.empty(weight, device="meta")
        if applies(x, w, geometry):
            positions = INPUTS**2 * math.prod(grid(x, geometry))
            products, moved = positions * math.prod(weight[:2]), positions * sum(weight[:2])
            direct, errors = operations((1, *image), weight, geometry), rounding(shape, weight, geometry)
            rows.append(
                [
                    name,
                    f"{count(products)} ({number(direct / products, digits=2)} times fewer)",
                    f"{size(4 * moved)} ({number(products / moved, digits=2)} a value)",
                    *(number(errors[strategy], digits=2) for strategy in errors),
                ]
            )
    return {
        "at": np.array(AT),
        "g": np.array(G) * G_SCALE,
        "g_scale": G_SCALE,
        "bt": np.array(BT),
        "points": ", ".join(str(point) for point in POINTS),
        "outputs": OUTPUTS,
        "inputs": INPUTS,
        "taps": TAPS,
        "direct": (OUTPUTS * TAPS) ** 2,
        "products": INPUTS**2,
        "differs": differs(),
        "residual": int(residual()),
        "rows": rows,
    }
