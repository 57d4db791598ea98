"""A true equation is found true and a false one false; code is told from code that is off."""

import math
from dataclasses import replace

import pytest
import sympy
import torch

from impl.activations.registry import ACTIVATIONS
from report.algebra import identities as symbolic
from report.algebra.identities import (
    ROUNDING,
    Identity,
    check,
    derivation,
    difference,
    holds,
    outcome,
    vanishes,
)
from report.algebra.latex import ALPHA, read, x

WRONG = {
    "another sign": lambda derivative: -derivative,
    "another factor": lambda derivative: derivative * sympy.Rational(1001, 1000),
    "another term": lambda derivative: derivative + x / 10**6,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_printed_derivatives_are_derivatives(name):
    assert holds(symbolic.printed(name))


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_wrong_derivative_is_found_wrong(name, how):
    f, derivative = read(ACTIVATIONS[name].latex), read(ACTIVATIONS[name].latex_derivative)
    assert not holds(derivation(name, f, WRONG[how](derivative)))


def test_a_derivative_has_to_be_right_on_both_sides_of_a_kink():
    f = read(ACTIVATIONS["elu"].latex)
    assert not holds(derivation("ELU", f, sympy.Piecewise((1, x > 0), (ALPHA, True))))
    assert not holds(derivation("ELU", f, ALPHA * sympy.exp(x)))


def test_vanishing():
    half = sympy.exp(x / 2)
    assert vanishes(sympy.tanh(x / 2) - (half - 1 / half) / (half + 1 / half))
    assert vanishes(sympy.log(1 + sympy.exp(x)).diff(x) + 1 / (1 + sympy.exp(x)) - 1)
    assert not vanishes(sympy.tanh(x) - x)
    assert not vanishes(sympy.Rational(1, 10**30) * sympy.exp(x))


def test_outcome_names_what_fails():
    found = outcome([Identity("right", [x], [x]), Identity("wrong", [x, x], [x, 2 * x])])
    assert found["rows"] == [["right", "identically zero"], ["wrong", "not zero"]]
    assert (found["total"], found["failed"]) == (2, ["wrong"])
    with pytest.raises(ValueError, match="zip"):
        holds(Identity("too short", [x], [x, x]))


def test_difference_is_relative_or_at_zero_absolute():
    assert difference(lambda v: 1.5 * v, x) == pytest.approx(0.5)
    assert difference(lambda v: torch.where(v == 0, 0.25, v), x) == 0.25
    assert difference(lambda v: torch.where(v == 8, 9.0, v), x) == 1 / 8
    assert math.isnan(difference(lambda v: torch.where(v == 8, math.nan, v), x))
    # the double nearest to 1/10 is not 1/10: 0.1 = (1 + 2**-54 · 4/5 · …)/10, seen with more digits only
    assert 0 < difference(lambda v: v / 10, x / 10) < 2**-52


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_code_computes_the_printed_functions(name):
    found = check(name)
    assert found.derived
    assert max(found.value, found.slope, found.in_parameter or 0) < ROUNDING
    assert (found.in_parameter is None) == (name not in ("swish", "ada_sgelu", "elu"))


def checked(monkeypatch, name, op=(), **changes):
    entry = ACTIVATIONS[name]
    wrong = type("Wrong", (entry.module,), {"op": replace(entry.module.op, **dict(op))})
    monkeypatch.setitem(ACTIVATIONS, name, replace(entry, module=wrong, **changes))
    return check.__wrapped__(name)  # not what is kept of the right one


def test_a_wrong_print_or_wrong_code_is_seen(monkeypatch):
    gelu, swish = ACTIVATIONS["gelu"], ACTIVATIONS["swish"]
    assert not checked(monkeypatch, "gelu", latex_derivative=r"f'(x) = \Phi(x) - x\,\varphi(x)").derived
    assert not checked(
        monkeypatch, "gelu", latex=r"f(x) = \frac{x}{2}\left(1 + \mathrm{erf}(x)\right)"
    ).derived
    assert checked(monkeypatch, "gelu", {"f": lambda v: gelu.f(v) * (1 + 1e-9)}).value > ROUNDING
    tanh = lambda v: torch.nn.functional.gelu(v, approximate="tanh")  # noqa: E731  # the usual approximation
    assert checked(monkeypatch, "gelu", {"f": tanh}).value > ROUNDING
    assert checked(monkeypatch, "gelu", {"derivative": lambda v: gelu.derivative(v) + 1e-9}).slope > ROUNDING
    at_one = lambda v, beta: swish.f(v)  # noqa: E731  # forgets β
    assert checked(monkeypatch, "swish", {"f": at_one}).value > ROUNDING
    wrong = {"derivative_in_parameter": lambda v, beta: v * swish.derivative(v, beta)}
    assert checked(monkeypatch, "swish", wrong).in_parameter > ROUNDING


def test_a_general_definition_that_is_not_the_printed_one_is_an_error(monkeypatch):
    monkeypatch.setitem(symbolic.GENERAL, "swish", r"f(x) = \beta\,x\,\sigma(2x)")
    with pytest.raises(ValueError, match="where its parameter is 1"):
        check.__wrapped__("swish")
