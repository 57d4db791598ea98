"""How a kernel slides over an image: strides, paddings, dilations, sizes, and the checks of them."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """How a kernel slides over an input, each pair as (rows, columns)."""

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def output_size(self, size: Pair, kernel: Pair) -> Pair:
        """(Ho, Wo) = ⌊(size + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1; below 1 if none fits."""
        rows, columns = (
            (length + 2 * padding - dilation * (extent - 1) - 1) // stride + 1
            for length, extent, stride, padding, dilation in zip(
                size, kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return rows, columns


def trailing(tensor: Tensor) -> Pair:
    """The last two sizes: of an image its height and width, of a weight its kernel's."""
    return tensor.shape[-2], tensor.shape[-1]


def pair(name: str, value: int | Pair, least: int) -> Pair:
    """Return value twice, or the pair that it is; TypeError for anything else, ValueError below `least`."""
    found = (
        (value, value) if isinstance(value, int) else tuple(value) if isinstance(value, (tuple, list)) else ()
    )
    if len(found) != 2 or not all(isinstance(number, int) for number in found):
        raise TypeError(f"{name} must be an int or a pair of ints, not {value!r}")
    if min(found) < least:
        raise ValueError(f"{name} must be at least {least}, not {value!r}")
    return found


def named_padding(name: str, kernel: Pair, stride: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    """Return the padding called "valid" or "same", and what "same" adds at the bottom and on the right.

    "same" keeps the size: dilation (kernel - 1) zeros in all, the odd one at the end. Raises ValueError for
    another name and, as torch does, for "same" with a stride.
    """
    if name == "valid":
        return (0, 0), (0, 0)
    if name != "same":
        raise ValueError(f"padding must be 'same', 'valid', an int or a pair of ints, not {name!r}")
    if stride != (1, 1):
        raise ValueError(f"padding='same' needs stride 1, not {stride}")
    rows, columns = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    return (rows // 2, columns // 2), (rows % 2, columns % 2)


def check(input: torch.Size, weight: torch.Size, geometry: Geometry) -> None:
    """Raise ValueError where input (N, C, H, W), weight (O, C/groups, kh, kw) and geometry do not fit."""
    for name, shape, axes in (("input", input, "(N, C, H, W)"), ("weight", weight, "(O, C/groups, kh, kw)")):
        if len(shape) != 4:
            raise ValueError(f"{name} must have shape {axes}, not {tuple(shape)}")
    if 0 in weight:
        raise ValueError(f"weight must have no empty axis, but has shape {tuple(weight)}")
    groups = geometry.groups
    if groups < 1 or weight[0] % groups:
        raise ValueError(
            f"groups must be at least 1 and divide the {weight[0]} output channels, not {groups}"
        )
    if input[1] != weight[1] * groups:
        raise ValueError(
            f"weight {tuple(weight)} with groups={groups} expects {weight[1] * groups} input channels,"
            f" not {input[1]}"
        )
    if min(geometry.output_size((input[2], input[3]), (weight[2], weight[3]))) < 1:
        raise ValueError(
            f"kernel {tuple(weight[2:])} with dilation {geometry.dilation} is larger than"
            f" input {tuple(input[2:])} with padding {geometry.padding}"
        )


def check_alike(input: Tensor, **others: Tensor | None) -> None:
    """Raise TypeError where one of the others has not the input's dtype, ValueError where not its device."""
    for name, tensor in others.items():
        if tensor is None:
            continue
        if tensor.dtype != input.dtype:
            raise TypeError(f"{name} is {tensor.dtype}, input is {input.dtype}: both must be the same")
        if tensor.device != input.device:
            raise ValueError(f"{name} is on {tensor.device}, input on {input.device}: both must be the same")


def pad(input: Tensor, padding: Pair, value: float = 0.0) -> Tensor:
    """Return (…, H, W) with `padding` rows and columns of `value` on either side; itself without any."""
    rows, columns = padding
    return F.pad(input, (columns, columns, rows, rows), value=value) if rows or columns else input


def sliding(input: Tensor, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Tensor:
    """View (…, H, W) as its windows (…, Ho, Wo, kh, kw), copying nothing."""
    rows, columns = (d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    views = input.unfold(-2, rows, stride[0]).unfold(-2, columns, stride[1])
    return views[..., :: dilation[0], :: dilation[1]]


def share(samples: int, most: int) -> int:
    """Return how many samples a tile holds if it may hold `most`: tiles as few and as even as can be."""
    parts = max(1, math.ceil(samples / max(1, most)))
    return max(1, math.ceil(samples / parts))


def operations(input_shape: tuple[int, ...], weight_shape: tuple[int, ...], geometry: Geometry) -> int:
    """Return the multiply-adds of one forward pass by the definition, N·O·Ho·Wo·(C/G)·kh·kw.

    input_shape: (N, C, H, W); weight_shape: (O, C/G, kh, kw). Raises ValueError for shapes that do not fit.

    >>> operations((1, 1, 28, 28), (16, 1, 3, 3), Geometry())
    97344
    """
    check(torch.Size(input_shape), torch.Size(weight_shape), geometry)
    samples, _, height, width = input_shape
    size = geometry.output_size((height, width), (weight_shape[2], weight_shape[3]))
    return samples * math.prod(weight_shape) * math.prod(size)
