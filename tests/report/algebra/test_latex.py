"""Formulas are read as what they print, against mpmath; what is not understood is an error."""

import mpmath
import pytest
import sympy

from impl.activations.registry import ACTIVATIONS
from report.algebra.latex import ALPHA, read, x
from tests.oracles import ORACLES

A = 0.75  # α


def at(expression, point):
    return float(sympy.lambdify(x, expression.subs(ALPHA, A), "mpmath")(mpmath.mpf(point)))


@pytest.mark.parametrize("point", [-3.0, -0.5, 0.25, 2.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_both_formulas_of_an_activation_are_read(name, point):
    entry, parameter = ACTIVATIONS[name], 1 if name == "swish" else A  # its formula has no β

    def oracle(v):
        return ORACLES[name](v, parameter)

    assert at(read(entry.latex), point) == pytest.approx(float(oracle(mpmath.mpf(point))), rel=1e-13)
    slope = float(mpmath.diff(oracle, point))
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
