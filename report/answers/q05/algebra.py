"""Question 5: bias correction and the points where Adam's step is halved, by computer algebra."""

import sympy

from report.algebra.identities import Identity


def weights() -> Identity:
    """Return that (1 - β) Σ β^(t-s) over s = 1 … t is 1 - β^t, summed over k = t - s for β ≠ 1."""
    beta = sympy.Symbol("beta")
    k, t = sympy.Symbol("k", integer=True), sympy.Symbol("t", integer=True, positive=True)
    total = sympy.summation(beta**k, (k, 0, t - 1)).subs(sympy.Eq(beta, 1), False)
    return Identity("the sum of the weights", [(1 - beta) * total], [1 - beta**t])


def halves() -> list[Identity]:
    """Return that the step over α along a constant |g| is ½ at the stated places, for both forms of ε."""
    g, epsilon = sympy.symbols("g epsilon", positive=True)
    outside, inside = g / (g + epsilon), g / sympy.sqrt(g**2 + epsilon)
    half = [sympy.Rational(1, 2)]
    return [
        Identity(r"\(|g| = \varepsilon\)", [outside.subs(g, epsilon)], half),
        Identity(r"\(|g| = \sqrt{\varepsilon / 3}\)", [inside.subs(g, sympy.sqrt(epsilon / 3))], half),
    ]
