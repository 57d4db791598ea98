"""Question 4: the equations of backpropagation for any activations, by computer algebra."""

import sympy

from report.algebra.identities import Identity

INPUTS, HIDDEN, OUTPUTS = 2, 2, 2


def activation(name: str) -> tuple[sympy.FunctionClass, sympy.FunctionClass]:
    """Return an elementwise f and its f', which sympy knows only as f and its derivative."""
    slope = sympy.Function(f"{name}'")
    return type(name, (sympy.Function,), {"fdiff": lambda self, argindex=1: slope(self.args[0])}), slope


def identities() -> list[Identity]:
    """Return ∂L/∂W₂, ∂L/∂B₂, ∂L/∂W₁ and ∂L/∂B₁ of L = ½‖A₂ - Y‖², entry by entry, with the products of δ."""
    (f1, slope1), (f2, slope2) = activation("f1"), activation("f2")
    X, Y = sympy.Matrix(sympy.symbols(f"x:{INPUTS}")), sympy.Matrix(sympy.symbols(f"y:{OUTPUTS}"))
    W1 = sympy.Matrix(HIDDEN, INPUTS, sympy.symbols(f"v:{HIDDEN * INPUTS}"))
    W2 = sympy.Matrix(OUTPUTS, HIDDEN, sympy.symbols(f"w:{OUTPUTS * HIDDEN}"))
    B1, B2 = (sympy.Matrix(sympy.symbols(f"{name}:{n}")) for name, n in (("a", HIDDEN), ("b", OUTPUTS)))
    Z1 = W1 * X + B1
    A1 = Z1.applyfunc(f1)
    Z2 = W2 * A1 + B2
    A2 = Z2.applyfunc(f2)
    loss = sum((a - y) ** 2 for a, y in zip(A2, Y, strict=True)) / 2
    delta2 = (A2 - Y).multiply_elementwise(Z2.applyfunc(slope2))
    delta1 = (W2.T * delta2).multiply_elementwise(Z1.applyfunc(slope1))
    printed = {
        "W_2": (W2, delta2 * A1.T),
        "B_2": (B2, delta2),
        "W_1": (W1, delta1 * X.T),
        "B_1": (B1, delta1),
    }
    return [
        Identity(rf"\(\partial L / \partial {name}\)", [sympy.diff(loss, v) for v in variables], list(right))
        for name, (variables, right) in printed.items()
    ]
