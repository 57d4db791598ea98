"""Layers of a small convolutional network from scratch; initial weights and names as in torch."""

import math

import torch
from torch import Tensor, nn

from impl.convolution.autocast import autocast
from impl.convolution.functional import STRATEGIES, conv2d, conv_transpose2d
from impl.convolution.geometry import Pair, check_groups, pair
from impl.convolution.pooling import avg_pool2d, max_pool2d
from impl.names import check


def _initialise(weight: Tensor, bias: Tensor | None) -> None:
    """Sample both from U(-1/√fan_in, 1/√fan_in), in the order and by the functions of torch's layers."""
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(weight[0].numel())
        nn.init.uniform_(bias, -bound, bound)


class Conv2d(nn.Module):
    """Apply `conv2d` with a trained weight and bias, as `torch.nn.Conv2d`.

    Args:
        in_channels: channels of the input, C.
        out_channels: channels of the output, O.
        kernel_size: an int, or a pair (rows, columns).
        stride: an int, or a pair.
        padding: an int, a pair, "valid" or "same".
        dilation: an int, or a pair.
        groups: number of groups.
        bias: whether there is a bias.
        strategy: a name in `impl.convolution.STRATEGIES`.

    Shape:
        Input (N, C, H, W); output (N, O, Ho, Wo).

    Raises:
        ValueError: the strategy is unknown, or `groups` does not divide the channels.

    Example:
        >>> Conv2d(1, 4, kernel_size=3)(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 4, 6, 6])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair | str = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        strategy: str = "unfold",
    ) -> None:
        super().__init__()
        check("strategy", [strategy], STRATEGIES)
        check_groups(groups, "input", in_channels)
        check_groups(groups, "output", out_channels)
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.strategy = strategy
        kernel = pair("kernel_size", kernel_size, 1)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *kernel))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        _initialise(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve input (N, C, H, W)."""
        return conv2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            strategy=self.strategy,
        )


class ConvTranspose2d(nn.Module):
    """Apply `conv_transpose2d` with a trained weight and bias, as `torch.nn.ConvTranspose2d`.

    Args:
        in_channels: channels of the input, C.
        out_channels: channels of the output, O.
        kernel_size: an int, or a pair (rows, columns).
        stride: an int, or a pair.
        padding: an int, or a pair.
        output_padding: an int, or a pair.
        groups: number of groups.
        bias: whether there is a bias.
        dilation: an int, or a pair.

    Shape:
        Input (N, C, H, W); output (N, O, Ho, Wo).

    Raises:
        ValueError: `groups` does not divide the channels.

    Example:
        >>> ConvTranspose2d(4, 1, kernel_size=2, stride=2)(torch.zeros(2, 4, 8, 8)).shape
        torch.Size([2, 1, 16, 16])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        output_padding: int | Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Pair = 1,
    ) -> None:
        super().__init__()
        check_groups(groups, "input", in_channels)
        check_groups(groups, "output", out_channels)
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.groups, self.dilation = groups, dilation
        kernel = pair("kernel_size", kernel_size, 1)
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels // groups, *kernel))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        _initialise(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve input (N, C, H, W), transposed."""
        return conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )


class MaxPool2d(nn.Module):
    """Apply `max_pool2d`, as `torch.nn.MaxPool2d`.

    Args:
        kernel_size: an int, or a pair (rows, columns).
        stride: an int, a pair, or None for the kernel's size.
        padding: an int, or a pair.

    Shape:
        Input (N, C, H, W); output (N, C, Ho, Wo).

    Example:
        >>> MaxPool2d(2)(torch.zeros(2, 4, 8, 8)).shape
        torch.Size([2, 4, 4, 4])
    """

    def __init__(
        self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, input: Tensor) -> Tensor:
        """Pool input (N, C, H, W)."""
        return max_pool2d(input, self.kernel_size, self.stride, self.padding)


class AvgPool2d(nn.Module):
    """Apply `avg_pool2d`, as `torch.nn.AvgPool2d`.

    Args:
        kernel_size: an int, or a pair (rows, columns).
        stride: an int, a pair, or None for the kernel's size.
        padding: an int, or a pair.

    Shape:
        Input (N, C, H, W); output (N, C, Ho, Wo).

    Example:
        >>> AvgPool2d(2)(torch.zeros(2, 4, 8, 8)).shape
        torch.Size([2, 4, 4, 4])
    """

    def __init__(
        self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, input: Tensor) -> Tensor:
        """Pool input (N, C, H, W)."""
        return avg_pool2d(input, self.kernel_size, self.stride, self.padding)


@autocast
def _linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x Wᵀ + b of input (…, in_features)."""
    product = input @ weight.T
    return product if bias is None else product + bias


class Linear(nn.Module):
    """Apply x Wᵀ + b with a trained weight and bias, as `torch.nn.Linear`.

    Args:
        in_features: features of the input.
        out_features: features of the output.
        bias: whether there is a bias.

    Shape:
        Input (…, in_features); output (…, out_features).

    Example:
        >>> Linear(3, 2)(torch.zeros(5, 3)).shape
        torch.Size([5, 2])
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features)) if bias else None
        _initialise(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Map input (…, in_features) to (…, out_features)."""
        return _linear(input, self.weight, self.bias)


class Flatten(nn.Module):
    """Flatten all axes but the first, as `torch.nn.Flatten`.

    Example:
        >>> Flatten()(torch.zeros(2, 4, 8, 8)).shape
        torch.Size([2, 256])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Flatten (N, …) to (N, product of the rest)."""
        return input.flatten(1)
