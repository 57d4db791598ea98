"""Initial weights that keep the size of the signal from layer to layer."""

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
    """E[f(Z)²] of a standard normal Z, by quadrature; f is elementwise and takes float64.

    >>> round(second_moment(torch.relu), 4)
    0.5
    """
    return float((WEIGHTS * f(NODES).square()).sum())


def variance_gain(f: Callable[[Tensor], Tensor]) -> float:
    """g with g² E[f(Z)²] = 1 for a standard normal Z: √2 for ReLU (He et al. 2015, equation 10).

    >>> round(variance_gain(torch.relu) ** 2, 4)
    2.0
    """
    return 1 / math.sqrt(second_moment(f))


def initialize(model: nn.Module, gain: float, generator: torch.Generator) -> None:
    """Draw the weights of every linear and convolutional layer from N(0, gain²/fan_in); biases become 0.

    In the order of `model.modules()`; the first such layer takes the data, which no activation has shrunk,
    and gets gain 1. generator: a CPU generator.
    """
    first = True
    with torch.no_grad():
        for layer in model.modules():
            if not isinstance(layer, LAYERS):
                continue
            inputs = layer.weight[0] if not isinstance(layer, nn.ConvTranspose2d) else layer.weight[:, 0]
            scale = (1.0 if first else gain) / math.sqrt(inputs.numel())
            draw = torch.randn(layer.weight.shape, generator=generator)
            layer.weight.copy_(scale * draw)
            if layer.bias is not None:
                layer.bias.zero_()
            first = False
