"""Any formula: read as it is printed, checked by algebra, and set with all that stands around it."""

import math
import operator
import re

import mpmath
import pytest
import sympy
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markupsafe import Markup, escape
from scipy import special

from report.algebra import identities as symbolic
from report.algebra import latex as formulas
from report.document import formats
from report.render import typeset

X, ALPHA = 0.7, 1.25
# Each formula as LaTeX and its value at X.
LEAVES = {"x": X, r"\alpha": ALPHA, "2": 2.0, "0.5": 0.5, "3x": 3 * X, r"2\alpha": 2 * ALPHA}
UNARY = {
    r"\sigma({})": special.expit,
    r"\Phi({})": special.ndtr,
    r"\varphi({})": lambda v: math.exp(-(v**2) / 2) / math.sqrt(2 * math.pi),
    r"\tanh({})": math.tanh,
    r"\mathrm{{erf}}({})": math.erf,
    r"\left(-{}\right)": operator.neg,
    r"\left({}\right)^2": lambda v: v**2,
    r"\sqrt{{2 + \left({}\right)^2}}": lambda v: math.sqrt(2 + v**2),
    r"e^{{-\left({}\right)^2}}": lambda v: math.exp(-(v**2)),
    r"[{} \le 1]": lambda v: float(v <= 1),
    r"[{} > 1]": lambda v: float(v > 1),
}
BINARY = {
    r"\left({} + {}\right)": operator.add,
    r"\left({} - {}\right)": operator.sub,
    r"{}\,{}": operator.mul,
    r"\frac{{{}}}{{1 + \left({}\right)^2}}": lambda a, b: a / (1 + b**2),
    r"\max({}, {})": max,
}


def one(form, inner):
    return form.format(inner[0]), UNARY[form](inner[1])


def two(form, a, b):
    return form.format(a[0], b[0]), BINARY[form](a[1], b[1])


printed = st.recursive(
    st.sampled_from(list(LEAVES.items())),
    lambda inner: st.one_of(
        st.builds(one, st.sampled_from(list(UNARY)), inner),
        st.builds(two, st.sampled_from(list(BINARY)), inner, inner),
    ),
    max_leaves=4,
)


def at(expression):
    return float(expression.subs({formulas.x: X, formulas.ALPHA: ALPHA}).evalf(20))


@given(formula=printed)
@settings(max_examples=40)
def test_a_formula_is_read_as_it_is_printed(formula):
    latex, value = formula
    assume(abs(value) < 1e6)
    assume(abs(value - 1) > 1e-9)
    assert at(formulas.read(rf"f(x) = {latex}")) == pytest.approx(value, rel=1e-9, abs=1e-12)
    meant = formulas.read(rf"f(x) = u\,u - u, \quad u = {latex}")
    assert at(meant) == pytest.approx(value * value - value, rel=1e-9, abs=1e-9)


@given(v=st.floats(-30, 30), bound=st.floats(-30, 30))
def test_a_sigmoid_and_a_bracket_are_those_of_their_definitions(v, bound):
    assert float(formulas.sigmoid(sympy.Float(v)).evalf(20)) == pytest.approx(special.expit(v), rel=1e-12)
    found = formulas.bracket(formulas.x > bound)
    assert found.subs(formulas.x, v) == int(v > bound)
    assert formulas.bracket(sympy.Not(formulas.x > bound)).subs(formulas.x, v) == 1 - int(v > bound)


x = formulas.x
TERMS = (
    x,
    x**2,
    sympy.exp(x),
    sympy.exp(-x),
    formulas.sigmoid(x),
    sympy.tanh(x),
    sympy.Integer(2),
    1 / (1 + x**2),
)
terms = st.sampled_from(TERMS)


@given(a=terms, b=terms, c=terms, more=st.integers(-3, 3))
@settings(max_examples=25)
def test_what_is_equal_by_distribution_vanishes_and_nothing_added_to_it(a, b, c, more):
    zero = a * (b + c) - a * b - c * a
    assert symbolic.vanishes(zero + more) == (more == 0)
    assert symbolic.vanishes(zero + more * x) == (more == 0)
    same = symbolic.Identity("same", [a * (b + c), b], [a * b + a * c, b])
    other = symbolic.Identity("other", [a * (b + c), b], [a * b + a * c, b + more])
    assert symbolic.holds(same)
    assert symbolic.holds(other) == (more == 0)
    found = symbolic.outcome([same, other])
    assert (found["total"], found["failed"]) == (2, [] if more == 0 else ["other"])
    assert [name for name, _ in found["rows"]] == ["same", "other"]
    derivative = sympy.diff(a * b + c, x) + more
    assert symbolic.holds(symbolic.derivation("d", a * b + c, derivative)) == (more == 0)


@given(a=terms, slopes=st.tuples(st.integers(-3, 3), st.integers(-3, 3)))
@settings(max_examples=25)
def test_a_kink_has_two_sides_and_both_have_to_hold(a, slopes):
    left, right = slopes
    f = sympy.Piecewise((left * x, x < 0), (right * x, True))
    assert symbolic.sides(a) == [x]
    assert [side.is_positive for side in symbolic.sides(f + a)] == (
        [None] if left == right else [True, False]
    )
    assert [side.is_negative for side in symbolic.sides(a + sympy.Max(x, 0))] == [False, True]
    wrong = sympy.Piecewise((left, x < 0), (left, True))
    assert symbolic.holds(symbolic.derivation("d", f, wrong)) == (left == right)


@given(coefficients=st.tuples(*(st.floats(-3, 3),) * 4), error=st.floats(1e-6, 1e-2))
def test_a_difference_is_that_of_the_worst_point(coefficients, error):
    a, b, c, d = coefficients
    expression = a * x**2 + b * formulas.ALPHA * x + c * formulas.BETA + d

    def code(points):
        return a * points**2 + b * symbolic.PARAMETER * points + c * symbolic.PARAMETER + d

    with mpmath.workdps(40):
        exact = [
            mpmath.mpf(a) * v**2 + mpmath.mpf(b) * 1.5 * v + mpmath.mpf(c) * 1.5 + mpmath.mpf(d)
            for v in map(mpmath.mpf, symbolic.POINTS.tolist())
        ]
        shifted = (code(symbolic.POINTS) + error).tolist()
        worst = max(float(abs(f - v) / (abs(v) or 1)) for f, v in zip(shifted, exact, strict=True))
    assert symbolic.difference(lambda points: code(points) + error, expression) == pytest.approx(worst)
    assert worst > 0
    assert math.isnan(symbolic.difference(lambda points: torch.full_like(points, math.nan), expression))


def read_latex(text):
    """The number that LaTeX writes."""
    mantissa, _, power = text.replace(r"\,", "").replace(" ", "").partition(r"\times10^{")
    return float(mantissa) * 10.0 ** int(power.rstrip("}") or 0)


@given(value=st.floats(-1e12, 1e12, allow_subnormal=False), whole=st.integers(-(10**12), 10**12))
def test_a_number_in_maths_is_the_one_in_the_text(value, whole):
    assert read_latex(typeset.as_latex(formats.number(value, 5))) == pytest.approx(value, rel=0.5000001e-4)
    assert read_latex(typeset.as_latex(escape(formats.count(whole)))) == whole
    share, unit = typeset.as_latex(formats.percent(value, 3)).split(r"\,")
    assert unit == r"\%"
    assert float(share) == pytest.approx(100 * value, abs=0.000501, rel=1e-9)


plain = st.sampled_from(["a < b & 'c'", " with spaces ", ", said"]) | st.text(
    st.characters(exclude_categories=["C"], exclude_characters="\\\ue004"), max_size=12
)
maths = st.sampled_from(["x", r"\frac{1}{2}", "a_1 < b", r"\sigma(x)"])


@given(
    parts=st.lists(st.tuples(plain, maths, st.booleans()), max_size=3),
    end=plain,
    target=st.sampled_from(["html", "pdf"]),
)
@settings(max_examples=25)
def test_prose_keeps_every_letter_around_its_formulas(parts, end, target):
    text = "".join(
        f"{before}\\[{latex}\\]" if display else f"{before}\\({latex}\\)" for before, latex, display in parts
    )
    found = typeset.prose(text + end, target)
    assert typeset.prose(found, target) is found
    assert isinstance(found, Markup)
    formula = "<math.*?</math>" if target == "html" else '<img class="maths".*?>'
    assert len(re.findall(formula, found, re.DOTALL)) == len(parts)
    assert found.count('class="formula"') == sum(display for *_, display in parts)
    for _, latex, display in parts:
        assert typeset.typeset(latex, display=display, target=target) in found
    around = re.sub(
        r'</?span( class="(keep|formula)"[^>]*)?>', "", re.sub(formula, "", found, flags=re.DOTALL)
    )
    assert around == escape("".join(before for before, *_ in parts) + end)
