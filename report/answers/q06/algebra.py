"""Question 6: the gradients of both losses in the logits, by computer algebra."""

import sympy

from report.algebra.identities import Identity
from report.algebra.latex import sigmoid

CLASSES = 3
z = sympy.symbols(f"z1:{CLASSES + 1}", real=True)
_free = sympy.symbols(f"t1:{CLASSES}", real=True)
t = (*_free, 1 - sum(_free))  # any target that sums to one
p = [sympy.exp(logit) / sum(map(sympy.exp, z)) for logit in z]
K = range(CLASSES)


def jacobian(k: int, j: int) -> sympy.Expr:
    """Return p_k (δ_kj - p_j), the derivative of the softmax's p_k in z_j."""
    return p[k] * (sympy.KroneckerDelta(k, j) - p[j])


def identities() -> list[Identity]:
    """Return the five formulas of the text, each with the derivative that sympy computes."""
    pairs = [(k, j) for k in K for j in K]
    loss = -sum(t[k] * sympy.log(p[k]) for k in K)
    brier = sum((p[k] - t[k]) ** 2 for k in K)
    logit, target = sympy.symbols("z t", real=True)
    a = sigmoid(logit)
    slope = [sympy.diff(loss, logit) for logit in z]
    return [
        Identity(
            r"\(\partial p_k / \partial z_j = p_k\,(\delta_{kj} - p_j)\)",
            [sympy.diff(p[k], z[j]) for k, j in pairs],
            [jacobian(k, j) for k, j in pairs],
        ),
        Identity(
            r"\(\partial L / \partial z_j = p_j - t_j\)",
            slope,
            [p[j] - t[j] for j in K],
        ),
        Identity(
            r"\(\partial^2 L / \partial z_j\, \partial z_k = p_k\,(\delta_{kj} - p_j)\)",
            [sympy.diff(slope[k], z[j]) for k, j in pairs if k <= j],
            [jacobian(k, j) for k, j in pairs if k <= j],
        ),
        Identity(
            r"\(\partial B / \partial z_j = 2\,p_j\,\big((p_j - t_j) - \sum_k (p_k - t_k)\,p_k\big)\)",
            [sympy.diff(brier, logit) for logit in z],
            [2 * p[j] * ((p[j] - t[j]) - sum((p[k] - t[k]) * p[k] for k in K)) for j in K],
        ),
        Identity(
            r"\(d(p - t)^2 / dz = 2\,(p - t)\,p\,(1 - p)\) for \(p = \sigma(z)\)",
            [sympy.diff((a - target) ** 2, logit)],
            [2 * (a - target) * a * (1 - a)],
        ),
    ]
