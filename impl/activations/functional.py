"""Activation functions and their derivatives, composed of torch's operations.

Every function works elementwise on a floating tensor of any shape and returns a tensor of that shape, dtype
and memory format. float16 and bfloat16 are computed in float32 and rounded once. Infinities give the limits,
NaN gives NaN, and no finite input gives NaN. `impl.activations.autograd` has faster backends.
"""

import math
from collections.abc import Callable
from functools import wraps
from inspect import isfunction
from typing import Concatenate, ParamSpec

import torch
from torch import Tensor
from torch.nn.functional import softplus

SQRT_2 = math.sqrt(2)
SQRT_PI = math.sqrt(math.pi)
HALF_TYPES = (torch.float16, torch.bfloat16)

P = ParamSpec("P")
ElementwiseFunction = Callable[Concatenate[Tensor, P], Tensor]


def _widened(f: ElementwiseFunction[P]) -> ElementwiseFunction[P]:
    """Wrap f so that float16 and bfloat16 are computed in float32."""

    @wraps(f)
    def widened(x: Tensor, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        if x.dtype in HALF_TYPES:
            return f(x.float(), *args, **kwargs).to(x.dtype)
        return f(x, *args, **kwargs)

    return widened  # type: ignore[return-value]  # wraps() forgets that x is positional


def _fading(x: Tensor, factor: Tensor) -> Tensor:
    """Return x · factor for a factor >= 0 that fades faster than |x| grows; 0, not NaN, at underflow."""
    return torch.where(factor > 0, x * factor, factor)


def _sech_squared(x: Tensor) -> Tensor:
    """Return sech²(x) = 4 σ(2x) σ(-2x), which keeps the digits that 1 - tanh²(x) loses."""
    return 4 * torch.sigmoid(2 * x) * torch.sigmoid(-2 * x)


@_widened
def sigmoid(x: Tensor) -> Tensor:
    """Apply the logistic function σ(x) = 1 / (1 + exp(-x)) elementwise.

    Args:
        x: input of any shape, floating.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> sigmoid(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.2689, 0.5000, 0.8808])

    References:
        Verhulst (1845).
    """
    return torch.sigmoid(x)


@_widened
def sigmoid_derivative(x: Tensor) -> Tensor:
    """Return σ'(x) = σ(x) (1 - σ(x)), computed as σ(x) σ(-x).

    Example:
        >>> sigmoid_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.1966, 0.2500, 0.1050])
    """
    return torch.sigmoid(x) * torch.sigmoid(-x)


@_widened
def tanh(x: Tensor) -> Tensor:
    """Apply the hyperbolic tangent tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)) elementwise.

    Args:
        x: input of any shape, floating.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> tanh(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.7616,  0.0000,  0.9640])

    References:
        LeCun et al. (1998).
    """
    return torch.tanh(x)


@_widened
def tanh_derivative(x: Tensor) -> Tensor:
    """Return tanh'(x) = 1 - tanh²(x) = sech²(x).

    Example:
        >>> tanh_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.4200, 1.0000, 0.0707])
    """
    return _sech_squared(x)


def relu(x: Tensor) -> Tensor:
    """Apply the rectifier ReLU(x) = max(0, x) elementwise.

    Args:
        x: input of any shape, floating.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> relu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0., 0., 2.])

    References:
        Nair & Hinton (2010).
    """
    return torch.relu(x)


def relu_derivative(x: Tensor) -> Tensor:
    """Return 1 where x > 0, else 0; the subgradient at 0 is 0, as in torch.

    Example:
        >>> relu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0., 0., 1.])
    """
    return torch.where(x == x, (x > 0).to(x.dtype), x)


@_widened
def swish(x: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """Apply Swish(x) = x σ(βx) elementwise.

    With β = 1 it is SiLU.

    Args:
        x: input of any shape, floating.
        beta: β, a scalar.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> swish(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.2689,  0.0000,  1.7616])

    References:
        Ramachandran, Zoph & Le (2017); Elfwing, Uchibe & Doya (2018).
    """
    return _fading(x, torch.sigmoid(beta * x))


@_widened
def swish_derivative(x: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """Return the derivative in x, σ(βx) + βx σ(βx) (1 - σ(βx)).

    Example:
        >>> swish_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.0723, 0.5000, 1.0908])
    """
    t = beta * x
    s = torch.sigmoid(t)
    return s + _fading(t, s * torch.sigmoid(-t))


@_widened
def swish_derivative_in_beta(x: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """Return the derivative in β, x² σ(βx) (1 - σ(βx)).

    Example:
        >>> swish_derivative_in_beta(torch.tensor([-1.0, 0.0, 2.0]), beta=1.0)
        tensor([0.1966, 0.0000, 0.4200])
    """
    t = beta * x
    return _fading(x * x, torch.sigmoid(t) * torch.sigmoid(-t))


@_widened
def gelu(x: Tensor) -> Tensor:
    """Apply GELU(x) = x Φ(x) = x/2 (1 + erf(x/√2)) elementwise, Φ the normal distribution function.

    Args:
        x: input of any shape, floating.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> gelu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.1587,  0.0000,  1.9545])

    References:
        Hendrycks & Gimpel (2016).
    """
    return _fading(x, torch.erfc(-x / SQRT_2) / 2)


@_widened
def gelu_derivative(x: Tensor) -> Tensor:
    """Return GELU'(x) = Φ(x) + x φ(x), φ the standard normal density.

    Example:
        >>> gelu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.0833,  0.5000,  1.0852])
    """
    density = torch.exp(-x.square() / 2) / (SQRT_2 * SQRT_PI)
    return torch.erfc(-x / SQRT_2) / 2 + _fading(x, density)


@_widened
def sgelu(x: Tensor) -> Tensor:
    """Apply SGELU(x) = x erf(x) elementwise.

    The SGELU of Yu & Su (2019) is another function, `sgelu_yu`.

    Args:
        x: input of any shape, floating.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> sgelu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.8427, 0.0000, 1.9906])

    References:
        Proposed by the assignment, question 11.
    """
    return x * torch.erf(x)


@_widened
def sgelu_derivative(x: Tensor) -> Tensor:
    """Return SGELU'(x) = erf(x) + (2/√π) x exp(-x²).

    Example:
        >>> sgelu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-1.2578,  0.0000,  1.0367])
    """
    return torch.erf(x) + _fading(x, 2 / SQRT_PI * torch.exp(-x.square()))


def ada_sgelu(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """Apply AdaSGELU(x) = α x erf(x) elementwise.

    Args:
        x: input of any shape, floating.
        alpha: α, a scalar.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> ada_sgelu(torch.tensor([-1.0, 0.0, 2.0]), alpha=0.5)
        tensor([0.4214, 0.0000, 0.9953])

    References:
        Proposed by the assignment, question 11.
    """
    return alpha * sgelu(x)


def ada_sgelu_derivative(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """Return the derivative in x, α (erf(x) + (2/√π) x exp(-x²)).

    Example:
        >>> ada_sgelu_derivative(torch.tensor([-1.0, 0.0, 2.0]), alpha=0.5)
        tensor([-0.6289,  0.0000,  0.5183])
    """
    return alpha * sgelu_derivative(x)


def ada_sgelu_derivative_in_alpha(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """Return the derivative in α, x erf(x).

    Example:
        >>> ada_sgelu_derivative_in_alpha(torch.tensor([-1.0, 0.0, 2.0]), alpha=0.5)
        tensor([0.8427, 0.0000, 1.9906])
    """
    return sgelu(x)


@_widened
def sgelu_yu(x: Tensor) -> Tensor:
    """Apply the SGELU of Yu & Su, x erf(x/√2), elementwise; their α is 1.

    Args:
        x: input of any shape, floating.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> sgelu_yu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.6827, 0.0000, 1.9090])

    References:
        Yu & Su (2019), arXiv 1911.03925.
    """
    return x * torch.erf(x / SQRT_2)


@_widened
def sgelu_yu_derivative(x: Tensor) -> Tensor:
    """Return the derivative erf(x/√2) + √(2/π) x exp(-x²/2).

    Example:
        >>> sgelu_yu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-1.1666,  0.0000,  1.1705])
    """
    return torch.erf(x / SQRT_2) + _fading(x, SQRT_2 / SQRT_PI * torch.exp(-x.square() / 2))


@_widened
def lisht(x: Tensor) -> Tensor:
    """Apply LiSHT(x) = x tanh(x) elementwise.

    Args:
        x: input of any shape, floating.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> lisht(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.7616, 0.0000, 1.9281])

    References:
        Roy et al. (2019).
    """
    return x * torch.tanh(x)


@_widened
def lisht_derivative(x: Tensor) -> Tensor:
    """Return LiSHT'(x) = tanh(x) + x sech²(x).

    Example:
        >>> lisht_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-1.1816,  0.0000,  1.1053])
    """
    return torch.tanh(x) + _fading(x, _sech_squared(x))


@_widened
def mish(x: Tensor) -> Tensor:
    """Apply Mish(x) = x tanh(ln(1 + exp(x))) elementwise.

    Args:
        x: input of any shape, floating.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> mish(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.3034,  0.0000,  1.9440])

    References:
        Misra (2019).
    """
    return _fading(x, torch.tanh(softplus(x)))


@_widened
def mish_derivative(x: Tensor) -> Tensor:
    """Return Mish'(x) = tanh(p) + x sech²(p) σ(x), with p = ln(1 + exp(x)).

    Example:
        >>> mish_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.0592, 0.6000, 1.0693])
    """
    p = softplus(x)
    return torch.tanh(p) + _fading(x, _sech_squared(p) * torch.sigmoid(x))


@_widened
def elu(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """Apply ELU(x) = x where x > 0, else α (exp(x) - 1), elementwise.

    Args:
        x: input of any shape, floating.
        alpha: α, a scalar.

    Returns:
        Tensor with the shape, dtype and memory format of `x`.

    Example:
        >>> elu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.6321,  0.0000,  2.0000])

    References:
        Clevert, Unterthiner & Hochreiter (2015).
    """
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))


@_widened
def elu_derivative(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """Return the derivative in x: 1 where x > 0, else α exp(x).

    Example:
        >>> elu_derivative(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.3679, 1.0000, 1.0000])
    """
    return torch.where(x > 0, torch.ones_like(x), alpha * torch.exp(x.clamp(max=0)))


@_widened
def elu_derivative_in_alpha(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """Return the derivative in α: 0 where x > 0, else exp(x) - 1.

    Example:
        >>> elu_derivative_in_alpha(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.6321,  0.0000,  0.0000])
    """
    return torch.expm1(x.clamp(max=0))


__all__ = [
    name
    for name, f in list(globals().items())
    if isfunction(f) and f.__module__ == __name__ and name[0] != "_"
]
