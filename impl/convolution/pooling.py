"""Pooling: the largest or the mean value of each window."""

import math

from torch import Tensor

from impl.convolution.geometry import Geometry, Pair, pad, pair, sliding, trailing


def _pooling_windows(
    input: Tensor, kernel_size: int | Pair, stride: int | Pair | None, padding: int | Pair, fill: float
) -> Tensor:
    """View (…, H, W), padded with `fill`, as windows (…, Ho, Wo, kh, kw); ValueError where none fits."""
    kernel = pair("kernel_size", kernel_size, 1)
    geometry = Geometry(kernel if stride is None else pair("stride", stride, 1), pair("padding", padding, 0))
    if any(2 * p > k for p, k in zip(geometry.padding, kernel, strict=True)):
        raise ValueError(f"padding {geometry.padding} must be at most half the kernel {kernel}")
    if input.dim() not in (3, 4) or min(geometry.output_size(trailing(input), kernel)) < 1:
        raise ValueError(
            f"input must have shape (N, C, H, W) or (C, H, W) and hold a window {kernel},"
            f" not {tuple(input.shape)}"
        )
    return sliding(pad(input, geometry.padding, fill), kernel, geometry.stride)


def max_pool2d(
    input: Tensor, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Tensor:
    """Largest value of each window; padding never wins.

    input: (N, C, H, W) or (C, H, W), floating; returns (…, C, Ho, Wo); stride: None for the kernel's size.
    The gradient goes to the first of equal values, row by row, as in torch. Raises ValueError where no window
    fits or the padding is more than half the kernel.

    >>> import torch
    >>> max_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    windows = _pooling_windows(input, kernel_size, stride, padding, -math.inf)
    # Taps first: the comparison then runs along rows of pixels, twice as fast as along the few taps.
    return windows.movedim((-2, -1), (0, 1)).flatten(0, 1).max(0).values


def avg_pool2d(
    input: Tensor, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Tensor:
    """Mean of each window, zeros of the padding included, as in torch by default.

    input: (N, C, H, W) or (C, H, W), floating; returns (…, C, Ho, Wo); stride: None for the kernel's size.
    Raises ValueError where no window fits or the padding is more than half the kernel.

    >>> import torch
    >>> avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return _pooling_windows(input, kernel_size, stride, padding, 0.0).mean((-2, -1))
