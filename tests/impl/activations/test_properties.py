"""Elementwise functions at any number: the formula, its derivative, and every form they are computed in."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from impl.activations import ACTIVATIONS, autograd, erf, float32, functional
from tests.draws import normal, numbers, seeds
from tests.oracles import ORACLES

IN_PARAMETER = {"swish": "beta", "ada_sgelu": "alpha", "elu": "alpha"}


def at(name, x, parameter):
    """The function `name` of `impl.activations.functional` at x, with its parameter where it has one."""
    known = next(iter(n for n in IN_PARAMETER if name.startswith(n)), None)
    return getattr(functional, name)(*((x, parameter) if known else (x,)))


@given(x=numbers, parameter=st.floats(0.1, 3))
@pytest.mark.parametrize("name", ORACLES)
def test_functions_are_those_of_their_formula(name, x, parameter):
    with mpmath.workdps(40):
        expected = float(ORACLES[name](mpmath.mpf(x), mpmath.mpf(parameter)))
    found = at(name, torch.tensor(x, dtype=torch.float64), torch.tensor(parameter, dtype=torch.float64))
    assert found.item() == pytest.approx(expected, rel=1e-12, abs=1e-290)


@given(x=numbers, parameter=st.floats(0.1, 3))
@pytest.mark.parametrize("name", ORACLES)
def test_derivatives_are_those_of_the_formula(name, x, parameter):
    assume(abs(x) > 1e-6)  # ReLU and ELU have a kink
    with mpmath.workdps(60):
        f = ORACLES[name]
        expected = float(
            mpmath.diff(lambda v: f(v, mpmath.mpf(parameter)), mpmath.mpf(x), h=mpmath.mpf(10) ** -25)
        )
        slope = float(mpmath.diff(lambda p: f(mpmath.mpf(x), p), mpmath.mpf(parameter)))
    x, parameter = (torch.tensor(v, dtype=torch.float64) for v in (x, parameter))
    assert at(f"{name}_derivative", x, parameter).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    if name in IN_PARAMETER:
        found = at(f"{name}_derivative_in_{IN_PARAMETER[name]}", x, parameter)
        assert found.item() == pytest.approx(slope, rel=1e-9, abs=1e-12)


def wide(name, x, parameter=1.0):
    return at(name, x.double(), torch.tensor(parameter, dtype=torch.float64))


SINGLE = {
    "swish": (float32.swish, True), "swish_derivative": (float32.swish_derivative, True),
    "swish_derivative_in_beta": (float32.swish_derivative_in_beta, True),
    "gelu": (float32.gelu, False), "gelu_derivative": (float32.gelu_derivative, False),
    "ada_sgelu": (float32.ada_sgelu, True), "ada_sgelu_derivative": (float32.ada_sgelu_derivative, True),
    "sgelu_yu": (float32.sgelu_yu, False), "sgelu_yu_derivative": (float32.sgelu_yu_derivative, False),
    "mish": (float32.mish, False), "mish_derivative": (float32.mish_derivative, False),
    "sgelu": (erf.x_erf_x, False), "sgelu_derivative": (erf.x_erf_x_slope, False),
}  # fmt: skip


@given(x=st.floats(-50, 50, width=32), parameter=st.floats(0.125, 3, width=32))
@pytest.mark.parametrize("name", SINGLE)
def test_forms_for_single_precision_are_the_same_functions(name, x, parameter):
    form, has_parameter = SINGLE[name]
    x = torch.tensor([x])
    found = form(x, *([torch.tensor(parameter)] if has_parameter else []))
    rounding = 2e-6 * (1 + x.square().item())  # 1 - σ has that of 1, and the one in β is multiplied by x²
    torch.testing.assert_close(found.double(), wide(name, x, parameter), rtol=2e-5, atol=rounding)


@given(x=st.floats(-30, 30, width=32), alpha=st.floats(0.125, 3, width=32))
def test_what_shares_its_work_gives_both_parts(x, alpha):
    x, alpha = torch.tensor([x]), torch.tensor(alpha)
    slope, value = erf.x_erf_x_slope_and_value(x)
    torch.testing.assert_close(slope.double(), wide("sgelu_derivative", x), rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(value.double(), wide("sgelu", x), rtol=2e-6, atol=1e-12)
    in_x, in_alpha = float32.ada_sgelu_derivatives(x, alpha)
    torch.testing.assert_close(in_x, float32.ada_sgelu_derivative(x, alpha), rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(in_alpha.double(), wide("sgelu", x), rtol=2e-6, atol=1e-12)


@given(coefficients=st.lists(numbers, min_size=4, max_size=9), x=st.floats(-2, 2))
def test_polynomials_and_their_quotients(coefficients, x):
    s = torch.tensor(x, dtype=torch.float64)
    expected = np.polynomial.polynomial.polyval(x, coefficients)
    scale = sum(abs(c) * max(1, abs(x)) ** k for k, c in enumerate(coefficients))
    found = erf.polynomial(tuple(coefficients), s)
    assert found.item() == pytest.approx(expected, abs=1e-13 * (1 + scale))
    quotient = erf.rational(erf.VALUE, s)
    assert quotient.item() == pytest.approx(
        np.polynomial.polynomial.polyval(x, erf.VALUE.R) / np.polynomial.polynomial.polyval(x, erf.VALUE.Q)
        + erf.VALUE.middle
    )


@given(seed=seeds, rows=st.integers(1, 5), parameter=st.floats(0.5, 2))
@pytest.mark.parametrize("name", ["swish", "sgelu", "ada_sgelu", "mish"])
def test_every_rung_of_the_ladder_gives_the_same_gradients(name, seed, rows, parameter):
    op = ACTIVATIONS[name].module.op
    found = []
    for backend in (autograd.eager, autograd.custom_autograd, autograd.compiled):
        x = normal(seed, rows, 3).float().requires_grad_()
        with_parameter = [torch.tensor(parameter, requires_grad=True)] if name in IN_PARAMETER else []
        y = backend(op, x, *with_parameter)
        found.append([y.detach(), *torch.autograd.grad(y.sum(), [x, *with_parameter])])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@given(x=st.lists(numbers, min_size=1, max_size=5), parameter=st.floats(0.1, 3), trainable=st.booleans())
@settings(max_examples=20)
@pytest.mark.parametrize("name", ORACLES)
def test_modules_are_their_formula_at_the_parameter_given_or_trained(name, x, parameter, trainable):
    assume(0.0 not in x)  # ReLU and ELU have a kink
    options = {IN_PARAMETER[name]: parameter, "trainable": trainable} if name in IN_PARAMETER else {}
    module = ACTIVATIONS[name].module(**options, dtype=torch.float64)
    points = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    y = module(points)
    expected = [float(ORACLES[name](mpmath.mpf(v), mpmath.mpf(parameter))) for v in x]
    assert y.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    trained = dict(module.named_parameters())
    assert list(trained) == ([IN_PARAMETER[name]] if options and trainable else [])
    assert module.extra_repr() == (
        f"{IN_PARAMETER[name]}={parameter:g}, trainable={trainable}" if options else ""
    )
    slope, *in_parameter = torch.autograd.grad(y.sum(), [points, *trained.values()])
    value = torch.tensor(parameter, dtype=torch.float64)
    torch.testing.assert_close(slope, at(f"{name}_derivative", points.detach(), value), rtol=1e-9, atol=1e-12)
    for found in in_parameter:
        total = at(f"{name}_derivative_in_{IN_PARAMETER[name]}", points.detach(), value).sum()
        torch.testing.assert_close(found, total, rtol=1e-9, atol=1e-9)
