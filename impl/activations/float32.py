"""Float32 kernels of the activations: forms that compile to few operations.

Each is a function of `impl.activations.functional` with one exponential or none, and correct at infinity:
x/(1 + exp(-x)) instead of a sigmoid and a product, rational functions instead of erf. Limits are chosen by
comparisons: `clamp` passes NaN on, which makes two operations of it three.
"""

import torch
from torch import Tensor

from impl.activations.erf import VALUE, rational, x_erf_x, x_erf_x_slope, x_erf_x_slope_and_value
from impl.activations.functional import SQRT_2

LARGEST = torch.finfo(torch.float32).max  # stands for infinity where that would make a NaN
EXPONENT = 88.0  # exp of it is the largest power of ten in float32
SATURATED = 18.0  # from here on σ is 0 or 1 within single precision of its slope
NEGLIGIBLE = 104.0  # exp of minus it is 0 in float32


def swish(x: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """Return x σ(βx); float32 of any shape."""
    t = beta * x
    return torch.where(t < -NEGLIGIBLE, 0.0, x / (1 + torch.exp(-t)))


def swish_derivative(x: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """Return s + t s (1 - s), with t = βx and s = σ(t); s alone where that is 0 or 1."""
    t = beta * x
    s = 1 / (1 + torch.exp(-t))
    return torch.where(t.abs() < SATURATED, s + t * s * (1 - s), s)


def swish_derivative_in_beta(x: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """Return x² s (1 - s), with s = σ(βx); 0 where s is 0 or 1."""
    t = beta * x
    s = 1 / (1 + torch.exp(-t))
    return torch.where(t.abs() > NEGLIGIBLE, 0.0, x * x * s * (1 - s))


def gelu(x: Tensor) -> Tensor:
    """Return x/2 (1 + erf(x/√2)); float32 of any shape."""
    b = x / SQRT_2
    inner = x / 2 * (1 + b * rational(VALUE, b * b))
    return torch.where(b > VALUE.end, x, torch.where(b < -VALUE.end, 0.0, inner))


def gelu_derivative(x: Tensor) -> Tensor:
    """Return (1 + d(x/√2))/2, d the derivative of x erf(x): GELU(x) = (x + √2 SGELU(x/√2))/2."""
    return (1 + x_erf_x_slope(x / SQRT_2)) / 2


def ada_sgelu(x: Tensor, alpha: Tensor) -> Tensor:
    """Return α x erf(x); float32 of any shape."""
    return alpha * x_erf_x(x)


def ada_sgelu_derivative(x: Tensor, alpha: Tensor) -> Tensor:
    """Return α (erf(x) + 2/√π x exp(-x²))."""
    return alpha * x_erf_x_slope(x)


def ada_sgelu_derivatives(x: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Return α (erf(x) + 2/√π x exp(-x²)) and x erf(x), which share a division."""
    slope, value = x_erf_x_slope_and_value(x)
    return alpha * slope, value


def sgelu_yu(x: Tensor) -> Tensor:
    """Return x erf(x/√2) as √2 s erf(√s)/√s with s = x²/2; halving is exact. float32 of any shape."""
    s = x * x / 2
    return torch.where(x.abs() > SQRT_2 * VALUE.end, x.abs(), s * rational(VALUE, s) * SQRT_2)


def sgelu_yu_derivative(x: Tensor) -> Tensor:
    """Return d(x/√2), d the derivative of x erf(x): the function is √2 SGELU(x/√2)."""
    return x_erf_x_slope(x / SQRT_2)


def mish(x: Tensor) -> Tensor:
    """Return x n/(n + 2), with n = e (e + 2) and e = exp(x): tanh(ln(1 + e)) is that ratio."""
    e = torch.exp(x.clamp(max=20))  # the ratio is 1 in float32 from there on
    n = e * (e + 2)
    return x.clamp(min=-LARGEST) * (n / (n + 2))


def mish_derivative(x: Tensor) -> Tensor:
    """Return n/(n + 2) + 4 x e (1 + e)/(n + 2)², n and e as in `mish`."""
    z = x.clamp(-EXPONENT, 20)
    e = torch.exp(z)
    n = e * (e + 2)
    return n / (n + 2) + z * (4 * e * (1 + e)) / ((n + 2) * (n + 2))
