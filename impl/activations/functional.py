"""Activation functions and their derivatives, formula by formula, composed from torch's operations.

Every function works elementwise on a floating tensor of any shape and returns a tensor of that shape, dtype
and memory format. float16 and bfloat16 are computed in float32 and rounded once. Infinities give the limits,
NaN gives NaN, and no finite input gives NaN. `impl.ladder` has the faster ways to compute the same.
"""

import math
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import torch
from torch import Tensor
from torch.nn.functional import softplus

SQRT_2 = math.sqrt(2)
SQRT_PI = math.sqrt(math.pi)
HALF_TYPES = (torch.float16, torch.bfloat16)

P = ParamSpec("P")
Elementwise = Callable[Concatenate[Tensor, P], Tensor]


def _widened(f: Elementwise[P]) -> Elementwise[P]:
    """f, with float16 and bfloat16 computed in float32."""

    @wraps(f)
    def widened(x: Tensor, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        if x.dtype in HALF_TYPES:
            return f(x.float(), *args, **kwargs).to(x.dtype)
        return f(x, *args, **kwargs)

    return widened  # type: ignore[return-value]  # wraps() forgets that x is positional


def _fading(x: Tensor, factor: Tensor) -> Tensor:
    """x · factor, for a factor >= 0 that fades faster than |x| grows: 0, not NaN, once it has underflown."""
    return torch.where(factor > 0, x * factor, factor)


def _sech_squared(x: Tensor) -> Tensor:
    """sech²(x) = 4 σ(2x) σ(-2x), which loses no digits where 1 - tanh²(x) loses all."""
    return 4 * torch.sigmoid(2 * x) * torch.sigmoid(-2 * x)


@_widened
def sigmoid(x: Tensor) -> Tensor:
    """Logistic function 1 / (1 + exp(-x)), elementwise; any shape, floating.

    >>> sigmoid(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.2689, 0.5000, 0.8808])
    """
    return torch.sigmoid(x)


@_widened
def sigmoid_derivative(x: Tensor) -> Tensor:
    """σ'(x) = σ(x) (1 - σ(x)), in the form σ(x) σ(-x).

    >>> sigmoid_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.1966, 0.2500, 0.1050])
    """
    return torch.sigmoid(x) * torch.sigmoid(-x)


@_widened
def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent (exp(x) - exp(-x)) / (exp(x) + exp(-x)), elementwise; any shape, floating.

    >>> tanh(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.7616,  0.0000,  0.9640])
    """
    return torch.tanh(x)


@_widened
def tanh_derivative(x: Tensor) -> Tensor:
    """tanh'(x) = 1 - tanh²(x) = sech²(x).

    >>> tanh_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.4200, 1.0000, 0.0707])
    """
    return _sech_squared(x)


def relu(x: Tensor) -> Tensor:
    """Rectifier max(0, x), elementwise; any shape, floating (Nair & Hinton 2010).

    >>> relu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return torch.relu(x)


def relu_derivative(x: Tensor) -> Tensor:
    """1 where x > 0, else 0; the subgradient taken at 0 is 0, as in torch.

    >>> relu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 1.])
    """
    return torch.where(x == x, (x > 0).to(x.dtype), x)


@_widened
def swish(x: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """x σ(βx), elementwise; any shape, floating; β a scalar (Ramachandran, Zoph & Le 2017).

    With β = 1 it is the SiLU of Elfwing, Uchibe & Doya (2018).

    >>> swish(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2689,  0.0000,  1.7616])
    """
    return _fading(x, torch.sigmoid(beta * x))


@_widened
def swish_derivative(x: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """σ(βx) + βx σ(βx) (1 - σ(βx)), the derivative in x.

    >>> swish_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.0723, 0.5000, 1.0908])
    """
    t = beta * x
    s = torch.sigmoid(t)
    return s + _fading(t, s * torch.sigmoid(-t))


@_widened
def swish_derivative_in_beta(x: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """x² σ(βx) (1 - σ(βx)), the derivative in β.

    >>> swish_derivative_in_beta(torch.tensor([-1.0, 0.0, 2.0]), beta=1.0)
    tensor([0.1966, 0.0000, 0.4200])
    """
    t = beta * x
    return _fading(x * x, torch.sigmoid(t) * torch.sigmoid(-t))


@_widened
def gelu(x: Tensor) -> Tensor:
    """x Φ(x) = x/2 (1 + erf(x/√2)), elementwise; any shape, floating (Hendrycks & Gimpel 2016).

    >>> gelu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1587,  0.0000,  1.9545])
    """
    return _fading(x, torch.erfc(-x / SQRT_2) / 2)


@_widened
def gelu_derivative(x: Tensor) -> Tensor:
    """Φ(x) + x φ(x), with φ the standard normal density.

    >>> gelu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.0833,  0.5000,  1.0852])
    """
    density = torch.exp(-x.square() / 2) / (SQRT_2 * SQRT_PI)
    return torch.erfc(-x / SQRT_2) / 2 + _fading(x, density)


@_widened
def sgelu(x: Tensor) -> Tensor:
    """x erf(x), elementwise; any shape, floating (proposed by the assignment, question 11).

    Not the SGELU of Yu & Su (2019), which is `sgelu_yu`.

    >>> sgelu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.8427, 0.0000, 1.9906])
    """
    return x * torch.erf(x)


@_widened
def sgelu_derivative(x: Tensor) -> Tensor:
    """erf(x) + (2/√π) x exp(-x²), by the product rule.

    >>> sgelu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.2578,  0.0000,  1.0367])
    """
    return torch.erf(x) + _fading(x, 2 / SQRT_PI * torch.exp(-x.square()))


def ada_sgelu(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """α x erf(x), elementwise; any shape, floating; α a scalar (proposed by the assignment, question 11).

    >>> ada_sgelu(torch.tensor([-1.0, 0.0, 2.0]), alpha=0.5)
    tensor([0.4214, 0.0000, 0.9953])
    """
    return alpha * sgelu(x)


def ada_sgelu_derivative(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """α (erf(x) + (2/√π) x exp(-x²)), the derivative in x.

    >>> ada_sgelu_derivative(torch.tensor([-1.0, 0.0, 2.0]), alpha=0.5)
    tensor([-0.6289,  0.0000,  0.5183])
    """
    return alpha * sgelu_derivative(x)


def ada_sgelu_derivative_in_alpha(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """x erf(x), the derivative in α.

    >>> ada_sgelu_derivative_in_alpha(torch.tensor([-1.0, 0.0, 2.0]), alpha=0.5)
    tensor([0.8427, 0.0000, 1.9906])
    """
    return sgelu(x)


@_widened
def sgelu_yu(x: Tensor) -> Tensor:
    """x erf(x/√2), elementwise; any shape, floating (Yu & Su 2019, arXiv 1911.03925, with their α = 1).

    >>> sgelu_yu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.6827, 0.0000, 1.9090])
    """
    return x * torch.erf(x / SQRT_2)


@_widened
def sgelu_yu_derivative(x: Tensor) -> Tensor:
    """erf(x/√2) + √(2/π) x exp(-x²/2), by the product rule.

    >>> sgelu_yu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.1666,  0.0000,  1.1705])
    """
    return torch.erf(x / SQRT_2) + _fading(x, SQRT_2 / SQRT_PI * torch.exp(-x.square() / 2))


@_widened
def lisht(x: Tensor) -> Tensor:
    """x tanh(x), elementwise; any shape, floating (Roy et al. 2019).

    >>> lisht(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.7616, 0.0000, 1.9281])
    """
    return x * torch.tanh(x)


@_widened
def lisht_derivative(x: Tensor) -> Tensor:
    """tanh(x) + x sech²(x).

    >>> lisht_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.1816,  0.0000,  1.1053])
    """
    return torch.tanh(x) + _fading(x, _sech_squared(x))


@_widened
def mish(x: Tensor) -> Tensor:
    """x tanh(ln(1 + exp(x))), elementwise; any shape, floating (Misra 2019).

    >>> mish(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.3034,  0.0000,  1.9440])
    """
    return _fading(x, torch.tanh(softplus(x)))


@_widened
def mish_derivative(x: Tensor) -> Tensor:
    """tanh(p) + x sech²(p) σ(x), with p = ln(1 + exp(x)).

    >>> mish_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.0592, 0.6000, 1.0693])
    """
    p = softplus(x)
    return torch.tanh(p) + _fading(x, _sech_squared(p) * torch.sigmoid(x))


@_widened
def elu(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """x where x > 0, else α (exp(x) - 1), elementwise; any shape, floating (Clevert et al. 2015).

    >>> elu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.0000,  2.0000])
    """
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))


@_widened
def elu_derivative(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """1 where x > 0, else α exp(x).

    >>> elu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0.3679, 1.0000, 1.0000])
    """
    return torch.where(x > 0, torch.ones_like(x), alpha * torch.exp(x.clamp(max=0)))


@_widened
def elu_derivative_in_alpha(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """0 where x > 0, else exp(x) - 1, the derivative in α.

    >>> elu_derivative_in_alpha(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.0000,  0.0000])
    """
    return torch.expm1(x.clamp(max=0))
