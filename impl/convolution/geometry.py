"""Geometry of a convolution: strides, paddings, dilations, sizes, and checks of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impl.compilation.private_torch import inside_transform
from impl.names import invalid

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """Strides, paddings, dilations and groups of a convolution, each pair as (rows, columns).

    Attributes:
        stride: step of the kernel.
        padding: zeros on either side.
        dilation: distance of neighbouring kernel offsets.
        groups: number of groups.
    """

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def output_size(self, size: Pair, kernel: Pair) -> Pair:
        """Return (Ho, Wo) = ⌊(size + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1; < 1 if none fits.

        Args:
            size: (H, W) of the input.
            kernel: (kh, kw).
        """
        rows, columns = (
            (length + 2 * padding - dilation * (extent - 1) - 1) // stride + 1
            for length, extent, stride, padding, dilation in zip(
                size, kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return rows, columns


Strategy = Callable[[Tensor, Tensor, Geometry], Tensor]


def trailing(tensor: Tensor) -> Pair:
    """Return the last two sizes: (H, W) of an image, (kh, kw) of a weight."""
    return tensor.shape[-2], tensor.shape[-1]


def pair(name: str, value: int | Pair, least: int) -> Pair:
    """Return `value` as a pair.

    Args:
        name: the argument, for the error.
        value: an int or a pair of ints.
        least: the least valid int.

    Raises:
        TypeError: `value` is neither.
        ValueError: a number is below `least`.
    """
    both = (value, value) if isinstance(value, int) else value
    if (
        not isinstance(both, (tuple, list))
        or len(both) != 2
        or not all(isinstance(number, int) for number in both)
    ):
        raise TypeError(invalid(name, repr(value), "an int or a pair of ints"))
    if min(both) < least:
        raise ValueError(invalid(name, value, f"at least {least}"))
    return both[0], both[1]


def named_padding(name: str, kernel: Pair, stride: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    """Return the padding called "valid" or "same", and what "same" adds at the bottom and on the right.

    "same" keeps the size: dilation (kernel - 1) zeros in all, the odd one at the end.

    Args:
        name: "valid" or "same".
        kernel: (kh, kw).
        stride: (rows, columns).
        dilation: (rows, columns).

    Raises:
        ValueError: the name is unknown or, as in torch, "same" comes with a stride.
    """
    if name == "valid":
        return (0, 0), (0, 0)
    if name != "same":
        raise ValueError(invalid("padding", repr(name), "'same', 'valid', an int or a pair of ints"))
    if stride != (1, 1):
        raise ValueError(invalid("stride", stride, "1 with padding='same'"))
    rows, columns = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    return (rows // 2, columns // 2), (rows % 2, columns % 2)


def check_shapes(input: torch.Size, weight: torch.Size, geometry: Geometry) -> None:
    """Raise ValueError where input (N, C, H, W), weight (O, C/groups, kh, kw) and geometry do not fit."""
    for name, shape, axes in (("input", input, "(N, C, H, W)"), ("weight", weight, "(O, C/groups, kh, kw)")):
        if len(shape) != 4:
            raise ValueError(invalid(name, f"shape {tuple(shape)}", f"shape {axes}"))
    if 0 in weight:
        raise ValueError(invalid("weight", f"shape {tuple(weight)}", "no empty axis"))
    groups = geometry.groups
    check_groups(groups, "output", weight[0])
    if input[1] != weight[1] * groups:
        expected = f"{weight[1] * groups} for weight {tuple(weight)} and groups={groups}"
        raise ValueError(invalid("input", f"{input[1]} channels", expected))
    if min(geometry.output_size((input[2], input[3]), (weight[2], weight[3]))) < 1:
        kernel = f"kernel {tuple(weight[2:])} with dilation {geometry.dilation}"
        padded = f"one that fits input {tuple(input[2:])} with padding {geometry.padding}"
        raise ValueError(invalid("weight", kernel, padded))


def check_groups(groups: int, side: str, channels: int) -> None:
    """Raise ValueError unless `groups` divides the channels of a side, "input" or "output"."""
    if groups < 1 or channels % groups:
        raise ValueError(invalid("groups", groups, f"at least 1 and a divisor of {channels} {side} channels"))


def check_same_type(input: Tensor, **others: Tensor | None) -> None:
    """Raise TypeError unless all have the input's dtype, ValueError unless its device."""
    for name, tensor in others.items():
        if tensor is None:
            continue
        if tensor.dtype != input.dtype:
            raise TypeError(invalid(f"dtype of {name}", tensor.dtype, f"that of the input, {input.dtype}"))
        if tensor.device != input.device:
            raise ValueError(
                invalid(f"device of {name}", tensor.device, f"that of the input, {input.device}")
            )


def pad(input: Tensor, padding: Pair, value: float = 0.0) -> Tensor:
    """Pad (…, H, W) with `padding` rows and columns of `value` on either side; without padding, itself."""
    rows, columns = padding
    return F.pad(input, (columns, columns, rows, rows), value=value) if rows or columns else input


def sliding(input: Tensor, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Tensor:
    """View (…, H, W) as its windows (…, Ho, Wo, kh, kw) without copying; a copy inside torch's transforms."""
    rows, columns = (d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if inside_transform():  # vmap has no batching rule for the gradient of Tensor.unfold
        (height, width), (sh, sw), (dh, dw) = trailing(input), stride, dilation
        by_row = (input[..., u : u + height - rows + 1 : sh, :] for u in range(0, rows, dh))
        by_offset = [
            torch.stack([row[..., v : v + width - columns + 1 : sw] for v in range(0, columns, dw)], -1)
            for row in by_row
        ]
        return torch.stack(by_offset, -2)
    views = input.unfold(-2, rows, stride[0]).unfold(-2, columns, stride[1])
    return views[..., :: dilation[0], :: dilation[1]]


def tile_size(samples: int, most: int) -> int:
    """Return the number of samples a tile, at most `most`: as few and as even tiles as possible."""
    parts = max(1, math.ceil(samples / max(1, most)))
    return max(1, math.ceil(samples / parts))


def operations(input_shape: tuple[int, ...], weight_shape: tuple[int, ...], geometry: Geometry) -> int:
    """Return the multiply-adds of one forward pass by the definition, N·O·Ho·Wo·(C/G)·kh·kw.

    Args:
        input_shape: (N, C, H, W).
        weight_shape: (O, C/G, kh, kw).
        geometry: strides, paddings, dilations and groups.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> operations((1, 1, 28, 28), (16, 1, 3, 3), Geometry())
        97344
    """
    check_shapes(torch.Size(input_shape), torch.Size(weight_shape), geometry)
    samples, _, height, width = input_shape
    size = geometry.output_size((height, width), (weight_shape[2], weight_shape[3]))
    return samples * math.prod(weight_shape) * math.prod(size)
