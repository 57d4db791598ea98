"""Max-pooling and average pooling."""

import math

from torch import Tensor

from impl.convolution.geometry import Geometry, Pair, pad, pair, sliding, trailing
from impl.names import invalid


def _pooling_windows(
    input: Tensor, kernel_size: int | Pair, stride: int | Pair | None, padding: int | Pair, fill: float
) -> Tensor:
    """View (…, H, W), padded with `fill`, as windows (…, Ho, Wo, kh, kw); ValueError where none fits."""
    kernel = pair("kernel_size", kernel_size, 1)
    geometry = Geometry(kernel if stride is None else pair("stride", stride, 1), pair("padding", padding, 0))
    if any(2 * p > k for p, k in zip(geometry.padding, kernel, strict=True)):
        raise ValueError(invalid("padding", geometry.padding, f"at most half the kernel {kernel}"))
    if input.dim() not in (3, 4) or min(geometry.output_size(trailing(input), kernel)) < 1:
        expected = f"shape (N, C, H, W) or (C, H, W) with room for a window {kernel}"
        raise ValueError(invalid("input", f"shape {tuple(input.shape)}", expected))
    return sliding(pad(input, geometry.padding, fill), kernel, geometry.stride)


def max_pool2d(
    input: Tensor, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Tensor:
    """Return the largest value of each window, as `torch.nn.functional.max_pool2d`.

    Padding never wins. The gradient goes to the first of equal values, row by row.

    Args:
        input: (N, C, H, W) or (C, H, W), floating.
        kernel_size: an int, or a pair (rows, columns).
        stride: an int, a pair, or None for the kernel's size.
        padding: an int, or a pair; at most half the kernel.

    Returns:
        (N, C, Ho, Wo) or (C, Ho, Wo).

    Raises:
        ValueError: no window fits, or the padding is more than half the kernel.

    Example:
        >>> max_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
        tensor([[[ 5.,  7.],
                 [13., 15.]]])
    """
    windows = _pooling_windows(input, kernel_size, stride, padding, -math.inf)
    # Kernel offsets first: comparing along rows of pixels is twice as fast as along the few offsets.
    return windows.movedim((-2, -1), (0, 1)).flatten(0, 1).max(0).values


def avg_pool2d(
    input: Tensor, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Tensor:
    """Return the mean of each window, zeros of the padding included, as `torch.nn.functional.avg_pool2d`.

    Args:
        input: (N, C, H, W) or (C, H, W), floating.
        kernel_size: an int, or a pair (rows, columns).
        stride: an int, a pair, or None for the kernel's size.
        padding: an int, or a pair; at most half the kernel.

    Returns:
        (N, C, Ho, Wo) or (C, Ho, Wo).

    Raises:
        ValueError: no window fits, or the padding is more than half the kernel.

    Example:
        >>> avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
        tensor([[[ 2.5000,  4.5000],
                 [10.5000, 12.5000]]])
    """
    return _pooling_windows(input, kernel_size, stride, padding, 0.0).mean((-2, -1))
