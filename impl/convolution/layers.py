"""The layers of a small convolutional network, from scratch: initialised as torch's, with torch's names."""

import math

import torch
from torch import Tensor, nn

from impl.convolution.functional import STRATEGIES, conv2d, conv_transpose2d
from impl.convolution.geometry import Pair, pair
from impl.convolution.pooling import avg_pool2d, max_pool2d


def _initialise(weight: Tensor, bias: Tensor | None) -> None:
    """Draw both from U(-1/√fan_in, 1/√fan_in), in the order and by the functions of torch's own layers."""
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(weight[0].numel())
        nn.init.uniform_(bias, -bound, bound)


def _check_groups(groups: int, in_channels: int, out_channels: int) -> None:
    for name, channels in (("input", in_channels), ("output", out_channels)):
        if groups < 1 or channels % groups:
            raise ValueError(
                f"groups must be at least 1 and divide the {channels} {name} channels, not {groups}"
            )


class Conv2d(nn.Module):
    """Layer of `conv2d`: (N, in_channels, H, W) to (N, out_channels, Ho, Wo).

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
        if strategy not in STRATEGIES:
            raise ValueError(f"strategy {strategy!r} is none of {', '.join(STRATEGIES)}")
        _check_groups(groups, in_channels, out_channels)
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.strategy = strategy
        kernel = pair("kernel_size", kernel_size, 1)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *kernel))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        _initialise(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve input (N, in_channels, H, W)."""
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
    """Layer of `conv_transpose2d`: (N, in_channels, H, W) to (N, out_channels, Ho, Wo)."""

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
        _check_groups(groups, in_channels, out_channels)
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.groups, self.dilation = groups, dilation
        kernel = pair("kernel_size", kernel_size, 1)
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels // groups, *kernel))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        _initialise(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve input (N, in_channels, H, W), transposed."""
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
    """Layer of `max_pool2d`: (N, C, H, W) to (N, C, Ho, Wo)."""

    def __init__(
        self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, input: Tensor) -> Tensor:
        """Pool input (N, C, H, W)."""
        return max_pool2d(input, self.kernel_size, self.stride, self.padding)


class AvgPool2d(nn.Module):
    """Layer of `avg_pool2d`: (N, C, H, W) to (N, C, Ho, Wo)."""

    def __init__(
        self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, input: Tensor) -> Tensor:
        """Pool input (N, C, H, W)."""
        return avg_pool2d(input, self.kernel_size, self.stride, self.padding)


class Linear(nn.Module):
    """x Wᵀ + b: (…, in_features) to (…, out_features).

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
        product = input @ self.weight.T
        return product if self.bias is None else product + self.bias


class Flatten(nn.Module):
    """(N, …) to (N, product of the rest)."""

    def forward(self, input: Tensor) -> Tensor:
        """Flatten all axes of input but the first."""
        return input.flatten(1)
