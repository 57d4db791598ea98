"""Activation functions of the assignment: value, derivative, formula and module, and one table of them.

Every function works elementwise on a floating tensor of any shape and returns a tensor of that shape.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SQRT_2 = math.sqrt(2)
SQRT_PI = math.sqrt(math.pi)


def sigmoid(x: Tensor) -> Tensor:
    """Logistic function 1 / (1 + exp(-x)), elementwise; any shape, floating."""
    return torch.sigmoid(x)


def sigmoid_derivative(x: Tensor) -> Tensor:
    """σ'(x) = σ(x) (1 - σ(x))."""
    s = torch.sigmoid(x)
    return s * (1 - s)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent (exp(x) - exp(-x)) / (exp(x) + exp(-x)), elementwise; any shape, floating."""
    return torch.tanh(x)


def tanh_derivative(x: Tensor) -> Tensor:
    """tanh'(x) = 1 - tanh(x)²."""
    return 1 - torch.tanh(x).square()


def relu(x: Tensor) -> Tensor:
    """Rectifier max(0, x), elementwise; any shape, floating (Nair & Hinton 2010)."""
    return x.clamp(min=0)


def relu_derivative(x: Tensor) -> Tensor:
    """1 where x > 0, else 0; the subgradient taken at 0 is 0, as in torch."""
    return (x > 0).to(x.dtype)


def swish(x: Tensor) -> Tensor:
    """x σ(x), elementwise; any shape, floating (Ramachandran, Zoph & Le 2017, with β = 1)."""
    return x * torch.sigmoid(x)


def swish_derivative(x: Tensor) -> Tensor:
    """σ(x) + x σ(x) (1 - σ(x))."""
    s = torch.sigmoid(x)
    return s + x * s * (1 - s)


def gelu(x: Tensor) -> Tensor:
    """x Φ(x) = x/2 (1 + erf(x/√2)), elementwise; any shape, floating (Hendrycks & Gimpel 2016)."""
    return x / 2 * (1 + torch.erf(x / SQRT_2))


def gelu_derivative(x: Tensor) -> Tensor:
    """Φ(x) + x φ(x), with φ the standard normal density."""
    density = torch.exp(-x.square() / 2) / (SQRT_2 * SQRT_PI)
    return (1 + torch.erf(x / SQRT_2)) / 2 + x * density


def sgelu(x: Tensor) -> Tensor:
    """x erf(x), elementwise; any shape, floating (proposed by the assignment, question 11).

    Not the SGELU of Yu & Su (2019), which is α x erf(x/√2).
    """
    return x * torch.erf(x)


def sgelu_derivative(x: Tensor) -> Tensor:
    """erf(x) + (2/√π) x exp(-x²), by the product rule."""
    return torch.erf(x) + 2 / SQRT_PI * x * torch.exp(-x.square())


def ada_sgelu(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """α x erf(x), elementwise; α is a scalar, trained by `AdaSGELU` (proposed by the assignment)."""
    return alpha * sgelu(x)


def ada_sgelu_derivative(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """α (erf(x) + (2/√π) x exp(-x²)), the derivative in x; the one in α is x erf(x)."""
    return alpha * sgelu_derivative(x)


class Sigmoid(nn.Module):
    """Module of `sigmoid`."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply σ to x of any shape."""
        return sigmoid(x)


class Tanh(nn.Module):
    """Module of `tanh`."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply tanh to x of any shape."""
        return tanh(x)


class ReLU(nn.Module):
    """Module of `relu`."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply max(0, x) to x of any shape."""
        return relu(x)


class Swish(nn.Module):
    """Module of `swish`."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply x σ(x) to x of any shape."""
        return swish(x)


class GELU(nn.Module):
    """Module of `gelu`."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply x Φ(x) to x of any shape."""
        return gelu(x)


class SGELU(nn.Module):
    """Module of `sgelu`."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply x erf(x) to x of any shape."""
        return sgelu(x)


class AdaSGELU(nn.Module):
    """Module of `ada_sgelu`, with one trainable scalar α that starts at `alpha`."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))

    def forward(self, x: Tensor) -> Tensor:
        """Apply α x erf(x) to x of any shape."""
        return ada_sgelu(x, self.alpha)


@dataclass(frozen=True)
class Activation:
    """One row of the table: what an activation is called, computes, and where it comes from."""

    label: str
    f: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]
    module: Callable[[], nn.Module]
    latex: str
    latex_derivative: str
    native: Callable[[Tensor], Tensor] | None = None  # torch's own kernel, where it has one


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": Activation(
        "sigmoid",
        sigmoid,
        sigmoid_derivative,
        Sigmoid,
        r"\sigma(x) = \frac{1}{1 + e^{-x}}",
        r"\sigma'(x) = \sigma(x)\,(1 - \sigma(x))",
        torch.sigmoid,
    ),
    "tanh": Activation(
        "tanh",
        tanh,
        tanh_derivative,
        Tanh,
        r"\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}",
        r"\tanh'(x) = 1 - \tanh^2(x)",
        torch.tanh,
    ),
    "relu": Activation(
        "ReLU",
        relu,
        relu_derivative,
        ReLU,
        r"\mathrm{ReLU}(x) = \max(0, x)",
        r"\mathrm{ReLU}'(x) = [x > 0]",
        torch.relu,
    ),
    "gelu": Activation(
        "GELU",
        gelu,
        gelu_derivative,
        GELU,
        r"\mathrm{GELU}(x) = \frac{x}{2}\left(1 + \mathrm{erf}\frac{x}{\sqrt{2}}\right)",
        r"\mathrm{GELU}'(x) = \Phi(x) + x\,\varphi(x)",
        nn.functional.gelu,
    ),
    "swish": Activation(
        "Swish",
        swish,
        swish_derivative,
        Swish,
        r"\mathrm{Swish}(x) = x\,\sigma(x)",
        r"\mathrm{Swish}'(x) = \sigma(x) + x\,\sigma(x)\,(1 - \sigma(x))",
        nn.functional.silu,
    ),
    "sgelu": Activation(
        "SGELU",
        sgelu,
        sgelu_derivative,
        SGELU,
        r"\mathrm{SGELU}(x) = x\,\mathrm{erf}(x)",
        r"\mathrm{SGELU}'(x) = \mathrm{erf}(x) + \frac{2x}{\sqrt{\pi}}\,e^{-x^2}",
    ),
    "ada_sgelu": Activation(
        "AdaSGELU",
        ada_sgelu,
        ada_sgelu_derivative,
        AdaSGELU,
        r"\mathrm{AdaSGELU}(x) = \alpha\,x\,\mathrm{erf}(x)",
        r"\mathrm{AdaSGELU}'(x) = \alpha\left(\mathrm{erf}(x) + \frac{2x}{\sqrt{\pi}}\,e^{-x^2}\right)",
    ),
}
