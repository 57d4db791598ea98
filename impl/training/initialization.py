"""Initial weights that keep the variance of the signal from layer to layer."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)

# Gauss-Legendre on each side of 0, where ReLU has its kink; beyond 12 the density is below 1e-31.
_nodes, _weights = np.polynomial.legendre.leggauss(200)
NODES = torch.from_numpy(np.concatenate([6 * _nodes - 6, 6 * _nodes + 6]))
WEIGHTS = (
    torch.from_numpy(np.concatenate([6 * _weights, 6 * _weights]))
    * torch.exp(-NODES.square() / 2)
    / math.sqrt(2 * math.pi)
)


def second_moment(f: Callable[[Tensor], Tensor]) -> float:
    """Return E[f(Z)²] of a standard normal Z, by Gauss-Legendre quadrature.

    Args:
        f: elementwise function of float64.

    Example:
        >>> round(second_moment(torch.relu), 4)
        0.5
    """
    return float((WEIGHTS * f(NODES).square()).sum())


def variance_gain(f: Callable[[Tensor], Tensor]) -> float:
    """Return the gain g with g² E[f(Z)²] = 1 for a standard normal Z: √2 for ReLU.

    Args:
        f: elementwise function of float64.

    Example:
        >>> round(variance_gain(torch.relu) ** 2, 4)
        2.0

    References:
        He et al. (2015), equation 10.
    """
    return 1 / math.sqrt(second_moment(f))


def initialize(model: nn.Module, gain: float, generator: torch.Generator) -> None:
    """Initialize linear and convolutional layers from N(0, gain²/fan_in), in the order of `model.modules()`.

    The first layer has gain 1: it takes the data, which no activation has shrunk. Biases become 0.

    Args:
        model: the model, changed in place.
        gain: gain of the activation.
        generator: source of the weights, a CPU generator.
    """
    first = True
    with torch.no_grad():
        for layer in model.modules():
            if not isinstance(layer, LAYERS):
                continue
            inputs = layer.weight[0] if not isinstance(layer, nn.ConvTranspose2d) else layer.weight[:, 0]
            scale = (1.0 if first else gain) / math.sqrt(inputs.numel())
            draw = torch.randn(layer.weight.shape, generator=generator, dtype=torch.float32, device="cpu")
            layer.weight.copy_(scale * draw)
            if layer.bias is not None:
                layer.bias.zero_()
            first = False
