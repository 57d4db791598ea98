"""Values against mpmath, derivatives against automatic differentiation, formulas against sympy."""

import mpmath
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from impl.activations import ACTIVATIONS, AdaSGELU, ada_sgelu, sgelu

ORACLES = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "swish": lambda x: x / (1 + mpmath.exp(-x)),
    "sgelu": lambda x: x * mpmath.erf(x),
    "ada_sgelu": lambda x: x * mpmath.erf(x),
}
POINTS = torch.tensor(
    [-30.0, -6.5, -3.0, -1.1, -0.75, -1e-3, -1e-9, 1e-9, 1e-3, 0.3, 1.0, 2.5, 7.0, 30.0], dtype=torch.float64
)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_is_that_of_mpmath(name):
    expected = [float(ORACLES[name](mpmath.mpf(x))) for x in POINTS.tolist()]
    torch.testing.assert_close(
        ACTIVATIONS[name].f(POINTS), torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_that_of_mpmath(name):
    expected = [float(mpmath.diff(ORACLES[name], mpmath.mpf(x))) for x in POINTS.tolist()]
    torch.testing.assert_close(
        ACTIVATIONS[name].derivative(POINTS),
        torch.tensor(expected, dtype=torch.float64),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_of_first_and_second_order(name):
    # finite differences reach across ReLU's kink from the points nearer to it
    x = POINTS[POINTS.abs() >= 1e-3].requires_grad_()
    module = ACTIVATIONS[name].module().double()
    assert gradcheck(module, (x,))
    assert gradgradcheck(module, (x,))


@pytest.mark.parametrize("name", [name for name, a in ACTIVATIONS.items() if a.native])
def test_agrees_with_torchs_kernel(name):
    x = torch.linspace(-10, 10, 4001)
    torch.testing.assert_close(ACTIVATIONS[name].f(x), ACTIVATIONS[name].native(x), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3, 4)])
def test_keeps_shape_and_dtype(name, shape):
    y = ACTIVATIONS[name].module()(torch.ones(shape))
    assert y.shape == shape
    assert y.dtype == torch.float32


def test_alpha_starts_at_one_is_trained_and_its_gradient_is_x_erf_x():
    module = AdaSGELU()
    assert [(name, p.item()) for name, p in module.named_parameters()] == [("alpha", 1.0)]
    x = torch.linspace(-2, 2, 9)
    module(x).sum().backward()
    torch.testing.assert_close(module.alpha.grad, sgelu(x).sum())


def test_alpha_scales():
    x = torch.linspace(-2, 2, 9)
    torch.testing.assert_close(ada_sgelu(x, 0.25), 0.25 * x * torch.special.erf(x))
