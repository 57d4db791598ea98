"""Formulas are read as what they print, against mpmath typed by hand; what is not understood is an error."""

import mpmath
import pytest
import sympy

from impl.activations.registry import ACTIVATIONS
from report.algebra.latex import ALPHA, read, x

A = 0.75  # α
ROOT, PI = mpmath.sqrt(2), mpmath.pi
BY_HAND = {
    "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)),
    "tanh": mpmath.tanh,
    "relu": lambda v: max(v, mpmath.mpf(0)),
    "gelu": lambda v: v * mpmath.ncdf(v),
    "swish": lambda v: v / (1 + mpmath.exp(-v)),
    "sgelu": lambda v: v * mpmath.erf(v),
    "ada_sgelu": lambda v: A * v * mpmath.erf(v),
    "sgelu_yu": lambda v: v * mpmath.erf(v / ROOT),
    "lisht": lambda v: v * mpmath.tanh(v),
    "mish": lambda v: v * mpmath.tanh(mpmath.log1p(mpmath.exp(v))),
    "elu": lambda v: v if v > 0 else A * mpmath.expm1(v),
}


def at(expression, point):
    return float(sympy.lambdify(x, expression.subs(ALPHA, A), "mpmath")(mpmath.mpf(point)))


def test_every_activation_has_its_oracle():
    assert BY_HAND.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("point", [-3.0, -0.5, 0.25, 2.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_both_formulas_of_an_activation_are_read(name, point):
    entry = ACTIVATIONS[name]
    assert at(read(entry.latex), point) == pytest.approx(float(BY_HAND[name](mpmath.mpf(point))), rel=1e-13)
    slope = float(mpmath.diff(BY_HAND[name], point))
    assert at(read(entry.latex_derivative), point) == pytest.approx(slope, rel=1e-10)


def test_brackets_are_one_or_zero_and_definitions_are_put_in():
    assert [read(r"f(x) = [x \le 0]").subs(x, v) for v in (-1, 0, 1)] == [1, 1, 0]
    assert read(r"f(x) = p^2 + p, \quad p = \frac{1}{x}") == 1 / x**2 + 1 / x
    assert read(r"f(x) = \sqrt{\frac{2}{\pi}}\left(2x - 1\right)") == sympy.sqrt(2 / sympy.pi) * (2 * x - 1)


@pytest.mark.parametrize(
    ("latex", "message"),
    [
        (r"f(x) = \operatorname{erf}(x)", "unknown command"),
        (r"f(x) = \frac{x}", "unknown command"),
        (r"f(x) = x_1", "unknown command"),
        (r"f(x) = \zeta(x)\,\foo(x)", "unknown names foo"),
        ("f(x) = y", "unknown names y"),
        ("f(x) = x +", "cannot parse 'x \\+'"),
        (r"f(x) = \left(x", "cannot parse"),
        (r"f(x) = \sum x", "cannot parse"),
    ],
)
def test_what_is_not_understood_is_an_error(latex, message):
    with pytest.raises(ValueError, match=message):
        read(latex)
