"""Convolution by F(4x4, 3x3), a few samples at a time: 36 matrix products between transforms of tiles."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impl.convolution.geometry import Geometry, Pair, tile_size, trailing
from impl.convolution.textbook import apply, differentiable_gradients, is_transformed
from impl.convolution.tiled import tiled
from impl.convolution.winograd_transforms import (
    OUTPUTS,
    of_outputs,
    of_pixels,
    of_products,
    of_weight,
    weight_of,
)

TILE_BYTES = (
    2**22
)  # of transformed pixels and products: larger tiles leave the cache, smaller ones cost calls
LEAST_CHANNELS = 8  # on either side: a vector, and products worth their transforms


def applies(input: Tensor, weight: Tensor, geometry: Geometry) -> bool:
    """Return whether `winograd` computes a convolution itself; other dtypes round too coarsely for it."""
    return (
        trailing(weight) == (3, 3)
        and geometry.stride == geometry.dilation == (1, 1)
        and geometry.groups == 1
        and max(geometry.padding) <= 2  # the gradient in the input is a convolution with padding 2 - p
        and min(weight.shape[:2]) >= LEAST_CHANNELS
        and min(geometry.output_size(trailing(input), (3, 3))) > OUTPUTS
        and input.dtype in (torch.float32, torch.float64)
    )


def grid(images: Tensor, geometry: Geometry) -> Pair:
    """Return the tiles along each axis that cover the outputs of images (…, H, W)."""
    rows, columns = (-(-length // OUTPUTS) for length in geometry.output_size(trailing(images), (3, 3)))
    return rows, columns


def tile_samples(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Return the samples at a time: as many as keep transformed pixels and products within TILE_BYTES."""
    tiles = math.prod(grid(input, geometry))
    return tile_size(len(input), TILE_BYTES // (tiles * 36 * sum(weight.shape[:2]) * input.element_size()))


def parts(input: Tensor, weight: Tensor, geometry: Geometry) -> Iterator[slice]:
    """Yield the slices of samples, the last of which may be shorter."""
    step = tile_samples(input, weight, geometry)
    return (slice(start, start + step) for start in range(0, len(input), step))


def copy(source: Tensor, target: Tensor) -> None:
    """Copy between orders of axes, by numpy where it can: torch takes up to twice as long."""
    if target.device.type == "cpu":
        np.copyto(target.numpy(), source.numpy())
    else:
        target.copy_(source)


def channels_last(images: Tensor, offset: Pair, size: Pair) -> Tensor:
    """Copy images (n, c, H, W) into zeros (n, *size, c), from `offset` on."""
    pixels = images.new_zeros(len(images), *size, images.shape[1])
    (top, left), (height, width) = offset, trailing(images)
    copy(images.permute(0, 2, 3, 1), pixels[:, top : top + height, left : left + width])
    return pixels


def transformed(images: Tensor, geometry: Geometry) -> Tensor:
    """Return the transformed windows of images (n, c, H, W): (36, P, c), P tiles."""
    rows, columns = grid(images, geometry)
    return of_pixels(channels_last(images, geometry.padding, (OUTPUTS * rows + 2, OUTPUTS * columns + 2)))


def write_outputs(products: Tensor, output: Tensor) -> None:
    """Write the outputs of products (36, P, c) to output (n, c, Ho, Wo)."""
    rows, columns = trailing(output)
    outputs = of_products(products, len(output), -(-rows // OUTPUTS))
    copy(outputs[:, :rows, :columns].permute(0, 3, 1, 2), output)


class _WinogradConvolution(torch.autograd.Function):
    """Multiply in the transformed domain: Y = X · U, per tile and for each of the 36.

    The gradient in the input is a convolution too: of the gradient in the output, padded by 2 - p, with the
    rotated filters. Their gradient uses its transformed windows D once more: ∂U = Σ Dᵀ · (A x Aᵀ).
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.geometry = geometry
        ctx.save_for_backward(input, weight)
        size = geometry.output_size(trailing(input), (3, 3))
        output = input.new_empty(len(input), len(weight), *size)
        filters = of_weight(weight)  # (36, C, O)
        for part in parts(input, weight, geometry):
            write_outputs(torch.bmm(transformed(input[part], geometry), filters), output[part])
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        input, weight = ctx.saved_tensors
        if is_transformed(grad_output):
            return *differentiable_gradients(grad_output, input, weight, ctx.geometry), None
        ph, pw = ctx.geometry.padding
        geometry = Geometry(padding=(2 - ph, 2 - pw))
        rotated = weight.flip(2, 3).transpose(0, 1)  # (C, O, 3, 3)
        filters = of_weight(rotated)  # (36, O, C)
        grad_input = torch.empty_like(input) if ctx.needs_input_grad[0] else None
        grad_filters = torch.zeros_like(filters) if ctx.needs_input_grad[1] else None
        rows, columns = grid(grad_output, geometry)
        for part in parts(grad_output, rotated, geometry):
            gradient = transformed(grad_output[part], geometry)  # (36, P, O)
            if grad_input is not None:
                write_outputs(torch.bmm(gradient, filters), grad_input[part])
            if grad_filters is not None:
                pixels = channels_last(input[part], (0, 0), (OUTPUTS * rows, OUTPUTS * columns))
                grad_filters.baddbmm_(gradient.mT, of_outputs(pixels))
        if grad_filters is None:
            return grad_input, None, None
        return grad_input, weight_of(grad_filters).transpose(0, 1).flip(2, 3).contiguous(), None


def winograd(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolve by F(4x4, 3x3) (Winograd 1980; Lavin & Gray 2016), with a quarter of the multiplications.

    This takes kernels of 3x3 with stride and dilation 1, one group, padding of at most 2, at least 8 channels
    on either side and more than 4 outputs along each axis, in float32 or float64; anything else is `tiled`.
    Rounding errors are about ten times those of the other strategies: the transforms cancel large terms.
    """
    if not applies(input, weight, geometry):
        return tiled(input, weight, geometry)
    return apply(_WinogradConvolution, input, weight, geometry)
