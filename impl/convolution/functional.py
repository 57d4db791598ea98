"""Two-dimensional convolution by several strategies, and its transpose.

As everywhere in deep learning, "convolution" is the cross-correlation
    y[n, o, i, j] = b[o] + Σ_{c, u, v} w[o, c, u, v] x[n, c, i·stride + u·dilation, j·stride + v·dilation]
over the zero-padded input x (Dumoulin & Visin 2016). Shapes: N samples, C input channels, O output channels,
G groups, H x W pixels, kernel kh x kw, output Ho x Wo.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impl.compilation.private_torch import inside_transform
from impl.convolution import memory
from impl.convolution.autocast import autocast
from impl.convolution.geometry import (
    Geometry,
    Pair,
    Strategy,
    check_groups,
    check_same_type,
    check_shapes,
    named_padding,
    pair,
    trailing,
)
from impl.convolution.shifted import shifted
from impl.convolution.textbook import loops, unfold, windows
from impl.convolution.tiled import tiled
from impl.convolution.winograd import winograd
from impl.names import invalid, lookup


@dataclass(frozen=True)
class StrategyEntry:
    """One row of `STRATEGIES`.

    Attributes:
        convolve: the convolution of an input (N, C, H, W) with a weight (O, C/G, kh, kw) by a `Geometry`.
        buffer_values: the values that it holds at its peak beyond input, weight and output; same arguments.
    """

    convolve: Strategy
    buffer_values: Callable[[Tensor, Tensor, Geometry], int]


STRATEGIES: dict[str, StrategyEntry] = {
    "loops": StrategyEntry(loops, memory.loops_values),
    "unfold": StrategyEntry(unfold, memory.unfold_values),
    "windows": StrategyEntry(windows, memory.windows_values),
    "shifted": StrategyEntry(shifted, memory.shifted_values),
    "tiled": StrategyEntry(tiled, memory.tiled_values),
    "winograd": StrategyEntry(winograd, memory.winograd_values),
}


@autocast
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
    """Convolve as `torch.nn.functional.conv2d`, by one of several strategies.

        y[n, o, i, j] = b[o] + Σ_{c, u, v} w[o, c, u, v] x[n, c, i·stride + u·dilation, j·stride + v·dilation]

    All strategies compute the same values up to rounding, inside `torch.func` and under `torch.autocast` too;
    inside transforms `unfold`, `shifted`, `tiled` and `winograd` compute as `windows`. Extra memory is that
    beyond input and output:

    ========  ==========================================  =======================  ===========================
    strategy  arithmetic                                  extra memory             when to use
    ========  ==========================================  =======================  ===========================
    loops     a patch times a filter for each output      all outputs once more    to read; tiny inputs
    unfold    a matrix product with the columns (im2col)  kh·kw inputs, kept       small inputs
    windows   an einsum over a strided view               padded copy and columns  to read; second derivatives
    shifted   a matrix product a kernel offset (kn2row)   a tile of rows           many channels, stride 1
    tiled     im2col of a few samples at a time           a tile of columns        training, large batches
    winograd  F(4x4, 3x3): a quarter of the products      transformed tiles        3x3 kernels, many channels
    ========  ==========================================  =======================  ===========================

    `winograd` is for 3x3 kernels with stride and dilation 1, one group, padding of at most 2, at least 8
    channels on either side and more than 4 outputs along each axis, in float32 or float64; it computes
    anything else as `tiled`.

    Args:
        input: (N, C, H, W) or (C, H, W).
        weight: (O, C/groups, kh, kw).
        bias: (O,), or None.
        stride: an int, or a pair (rows, columns).
        padding: an int, a pair, "valid" for none, or "same" for the padding that keeps the size.
        dilation: an int, or a pair.
        groups: number of groups.
        strategy: a name in `STRATEGIES`.

    Returns:
        (N, O, Ho, Wo) or (O, Ho, Wo), see `Geometry.output_size`.

    Raises:
        ValueError: shapes or devices do not fit, or the strategy or padding is unknown.
        TypeError: strides, paddings or dilations have another form, or dtypes differ.

    Example:
        >>> input = torch.arange(16.0).reshape(1, 1, 4, 4)
        >>> weight = torch.ones(1, 1, 3, 3)
        >>> conv2d(input, weight)
        tensor([[[[45., 54.],
                  [81., 90.]]]])
        >>> conv2d(input, weight, stride=2, padding=1, strategy="tiled").shape
        torch.Size([1, 1, 2, 2])

    References:
        Winograd (1980); Chellapilla, Puri & Simard (2006); Lavin & Gray (2016); Dumoulin & Visin (2016).
    """
    convolve = lookup("strategy", strategy, STRATEGIES).convolve
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
    check_shapes(input.shape, weight.shape, geometry)
    check_same_type(input, weight=weight, bias=bias)
    check_bias(bias, len(weight))
    output = convolve(input, weight, geometry)
    if bias is None:
        return output
    # Not in place inside vmap or jvp: a batch of biases does not fit one output.
    return (output.add if inside_transform() else output.add_)(bias[:, None, None])


def check_bias(bias: Tensor | None, channels: int) -> None:
    """Raise ValueError unless a bias has one number for each output channel."""
    if bias is not None and bias.shape != (channels,):
        raise ValueError(invalid("bias", f"shape {tuple(bias.shape)}", f"shape {(channels,)}"))


@autocast
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
    """Convolve transposed as `torch.nn.functional.conv_transpose2d`: the adjoint of `conv2d` in its input.

        y = b + fold(wᵀ · x)

    Each input pixel adds its multiple of the filters to a window of the output, of size
    Ho = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1, Wo likewise.

    Args:
        input: (N, C, H, W) or (C, H, W).
        weight: (C, O/groups, kh, kw).
        bias: (O,), or None.
        stride: an int, or a pair (rows, columns).
        padding: an int, or a pair; rows and columns cut off the output.
        output_padding: an int, or a pair; rows and columns added at the end.
        groups: number of groups.
        dilation: an int, or a pair.

    Returns:
        (N, O, Ho, Wo) or (O, Ho, Wo).

    Raises:
        ValueError: shapes or devices do not fit.
        TypeError: strides, paddings or dilations have another form, or dtypes differ.

    Example:
        >>> conv_transpose2d(torch.tensor([[[[1.0, 2.0]]]]), torch.ones(1, 1, 1, 2), stride=2)
        tensor([[[[1., 1., 2., 2.]]]])

    References:
        Dumoulin & Visin (2016).
    """
    if input.dim() == 3:
        return conv_transpose2d(
            input[None], weight, bias, stride, padding, output_padding, groups, dilation
        ).squeeze(0)
    strides, dilations = pair("stride", stride, 1), pair("dilation", dilation, 1)
    paddings, extra = pair("padding", padding, 0), pair("output_padding", output_padding, 0)
    if any(more >= max(s, d) for more, s, d in zip(extra, strides, dilations, strict=True)):
        raise ValueError(
            invalid("output_padding", extra, f"less than stride {strides} or dilation {dilations}")
        )
    check_same_type(input, weight=weight, bias=bias)
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
            raise ValueError(invalid(name, f"shape {tuple(tensor.shape)}", f"shape {axes}"))
    check_groups(groups, "input", input.shape[1])
    if len(weight) != input.shape[1]:
        raise ValueError(
            invalid("input", f"{input.shape[1]} channels", f"{len(weight)} for weight {tuple(weight.shape)}")
        )
    if min(size) < 1:
        raise ValueError(invalid("padding", f"an output of {size} pixels", "at least one pixel"))


def buffer_bytes(
    strategy: str,
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    geometry: Geometry,
    *,
    dtype: torch.dtype = torch.float32,
) -> int:
    """Return the bytes that a forward pass holds at its peak beyond input, weight and output.

    With groups, torch's products may also copy weight and output in `unfold` and `windows`; not counted.

    Args:
        strategy: a name in `STRATEGIES`.
        input_shape: (N, C, H, W).
        weight_shape: (O, C/groups, kh, kw).
        geometry: strides, paddings, dilations and groups.
        dtype: dtype of all tensors.

    Raises:
        ValueError: the strategy is unknown, or the shapes do not fit.

    Example:
        >>> buffer_bytes("unfold", (1, 1, 28, 28), (16, 1, 3, 3), Geometry()) == 4 * 9 * 26 * 26
        True
    """
    entry = lookup("strategy", strategy, STRATEGIES)
    check_shapes(torch.Size(input_shape), torch.Size(weight_shape), geometry)
    # On the device "meta" a tensor has a shape and no memory.
    input, weight = (torch.empty(shape, dtype=dtype, device="meta") for shape in (input_shape, weight_shape))
    return entry.buffer_values(input, weight, geometry) * dtype.itemsize
