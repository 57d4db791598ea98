"""Two-dimensional convolution behind one signature, by any strategy of one table, and its transpose.

As everywhere in deep learning, "convolution" is the cross-correlation
    y[n, o, i, j] = b[o] + Σ_{c, u, v} w[o, c, u, v] x[n, c, i·stride + u·dilation, j·stride + v·dilation]
over the zero-padded input x (Dumoulin & Visin 2016). Shapes: N samples, C input channels, O output channels,
G groups, H x W pixels, kernel kh x kw, output Ho x Wo.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from impl.convolution.geometry import (
    Geometry,
    Pair,
    check,
    check_alike,
    named_padding,
    operations,
    pair,
    trailing,
)
from impl.convolution.memory import buffer_bytes
from impl.convolution.pooling import avg_pool2d, max_pool2d
from impl.convolution.shifted import shifted
from impl.convolution.textbook import loops, unfold, windows
from impl.convolution.tiled import tiled

__all__ = [
    "STRATEGIES",
    "Geometry",
    "avg_pool2d",
    "buffer_bytes",
    "conv2d",
    "conv_transpose2d",
    "max_pool2d",
    "operations",
]

Strategy = Callable[[Tensor, Tensor, Geometry], Tensor]

STRATEGIES: dict[str, Strategy] = {
    "loops": loops,
    "unfold": unfold,
    "windows": windows,
    "shifted": shifted,
    "tiled": tiled,
}


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair | str = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    *,
    strategy: str = "unfold",
) -> Tensor:
    """Convolve as `torch.nn.functional.conv2d` does, by the strategy of that name in `STRATEGIES`.

    input: (N, C, H, W) or (C, H, W); weight: (O, C/groups, kh, kw); bias: (O,) or None; returns
    (N, O, Ho, Wo) or (O, Ho, Wo), see `Geometry.output_size`. padding: an int, a pair, "valid" for none, or
    "same" for as much as keeps the size. Raises ValueError for shapes and devices that do not fit and for an
    unknown strategy or padding, TypeError for strides, paddings and dilations of another form and for tensors
    of two dtypes.

    >>> import torch
    >>> input = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> weight = torch.ones(1, 1, 3, 3)
    >>> conv2d(input, weight)
    tensor([[[[45., 54.],
              [81., 90.]]]])
    >>> conv2d(input, weight, stride=2, padding=1, strategy="tiled").shape
    torch.Size([1, 1, 2, 2])
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy {strategy!r} is none of {', '.join(STRATEGIES)}")
    if input.dim() == 3:
        return conv2d(
            input[None], weight, bias, stride, padding, dilation, groups, strategy=strategy
        ).squeeze(0)
    strides, dilations = pair("stride", stride, 1), pair("dilation", dilation, 1)
    if isinstance(padding, str):
        paddings, (below, right) = named_padding(padding, trailing(weight), strides, dilations)
        input = F.pad(input, (0, right, 0, below)) if below or right else input
    else:
        paddings = pair("padding", padding, 0)
    geometry = Geometry(strides, paddings, dilations, groups)
    check(input.shape, weight.shape, geometry)
    check_alike(input, weight=weight, bias=bias)
    check_bias(bias, len(weight))
    output = STRATEGIES[strategy](input, weight, geometry)
    return output if bias is None else output.add_(bias[:, None, None])


def check_bias(bias: Tensor | None, channels: int) -> None:
    """Raise ValueError where a bias is not one number for each output channel."""
    if bias is not None and bias.shape != (channels,):
        raise ValueError(f"bias must have shape {(channels,)}, not {tuple(bias.shape)}")


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    output_padding: int | Pair = 0,
    groups: int = 1,
    dilation: int | Pair = 1,
) -> Tensor:
    """Apply the adjoint of `conv2d` in its input, as `torch.nn.functional.conv_transpose2d` does.

    y = b + fold(wᵀ · x): each input pixel adds its multiple of the filters to a window of the output.
    input: (N, C, H, W) or (C, H, W); weight: (C, O/groups, kh, kw); bias: (O,) or None; returns
    (N, O, Ho, Wo) or (O, Ho, Wo) with
    Ho = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1, Wo likewise. Raises ValueError
    for shapes that do not fit, TypeError as `conv2d`.

    >>> import torch
    >>> conv_transpose2d(torch.tensor([[[[1.0, 2.0]]]]), torch.ones(1, 1, 1, 2), stride=2)
    tensor([[[[1., 1., 2., 2.]]]])
    """
    if input.dim() == 3:
        return conv_transpose2d(
            input[None], weight, bias, stride, padding, output_padding, groups, dilation
        ).squeeze(0)
    strides, dilations = pair("stride", stride, 1), pair("dilation", dilation, 1)
    paddings, extra = pair("padding", padding, 0), pair("output_padding", output_padding, 0)
    if any(more >= max(s, d) for more, s, d in zip(extra, strides, dilations, strict=True)):
        raise ValueError(
            f"output_padding {extra} must be smaller than stride {strides} or dilation {dilations}"
        )
    check_alike(input, weight=weight, bias=bias)
    rows, columns = (
        (size - 1) * s + d * (k - 1) + 1
        for size, s, d, k in zip(trailing(input), strides, dilations, trailing(weight), strict=True)
    )
    (ph, pw), (eh, ew) = paddings, extra
    _check_transposed(input, weight, groups, (rows - 2 * ph + eh, columns - 2 * pw + ew))
    check_bias(bias, groups * weight.shape[1])
    filters = weight.flatten(1).unflatten(0, (groups, -1))  # (G, C/G, K)
    values = filters.mT @ input.flatten(2).unflatten(1, (groups, -1))  # (N, G, K, L)
    whole = F.fold(values.flatten(1, 2), (rows, columns), trailing(weight), dilations, 0, strides)
    output = F.pad(whole, (-pw, ew - pw, -ph, eh - ph))  # padding is cut off
    return output if bias is None else output + bias[:, None, None]


def _check_transposed(input: Tensor, weight: Tensor, groups: int, size: Pair) -> None:
    """Raise ValueError where input, weight and groups of a transposed convolution do not fit."""
    for name, tensor, axes in (("input", input, "(N, C, H, W)"), ("weight", weight, "(C, O/groups, kh, kw)")):
        if tensor.dim() != 4 or 0 in tensor.shape[1:]:
            raise ValueError(f"{name} must have shape {axes}, not {tuple(tensor.shape)}")
    if groups < 1 or input.shape[1] % groups:
        raise ValueError(
            f"groups must be at least 1 and divide the {input.shape[1]} input channels, not {groups}"
        )
    if len(weight) != input.shape[1]:
        raise ValueError(
            f"weight {tuple(weight.shape)} expects {len(weight)} input channels, not {input.shape[1]}"
        )
    if min(size) < 1:
        raise ValueError(f"padding leaves an output of {size} pixels, expected at least one")
