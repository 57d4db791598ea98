"""Convolution by F(4x4, 3x3), a few samples at a time: 36 matrix products between transforms of tiles."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from impl.convolution import transforms
from impl.convolution.geometry import Geometry, Pair, tile_size, trailing
from impl.convolution.textbook import apply, differentiable_gradients, is_transformed
from impl.convolution.tiled import tiled

TILE_BYTES = 2**21  # of transformed pixels and products; larger tiles leave the cache, smaller ones cost calls
LEAST_CHANNELS = 8  # on either side: a vector, and products worth their transforms


def applies(input: Tensor, weight: Tensor, geometry: Geometry) -> bool:
    """Return whether `winograd` computes a convolution itself; other dtypes round too coarsely for it."""
    return (
        trailing(weight) == (3, 3)
        and geometry.stride == geometry.dilation == (1, 1)
        and geometry.groups == 1
        and max(geometry.padding) <= 2  # the gradient in the input is a convolution with padding 2 - p
        and min(weight.shape[:2]) >= LEAST_CHANNELS
        and min(geometry.output_size(trailing(input), (3, 3))) > transforms.OUTPUTS
        and input.dtype in (torch.float32, torch.float64)
    )


def grid(size: Pair) -> Pair:
    """Return the tiles along each axis that cover outputs of this size."""
    rows, columns = (-(-length // transforms.OUTPUTS) for length in size)
    return rows, columns


def tile_samples(input: Tensor, weight: Tensor, size: Pair) -> int:
    """Return the samples a tile: as many as keep transformed pixels and products within TILE_BYTES."""
    rows, columns = grid(size)
    each = transforms.INPUTS**2 * rows * columns * sum(weight.shape[:2]) * input.element_size()
    return tile_size(len(input), TILE_BYTES // each)


def slices(samples: int, step: int) -> Iterator[slice]:
    """Yield the slices of `step` samples, the last of which may be shorter."""
    return (slice(start, start + step) for start in range(0, samples, step))


def channels_last(images: Tensor, offset: Pair, size: Pair) -> Tensor:
    """Copy images (n, c, H, W) into zeros (n, *size, c), from `offset` on."""
    pixels = images.new_zeros(len(images), *size, images.shape[1])
    (top, left), (height, width) = offset, trailing(images)
    pixels[:, top : top + height, left : left + width].copy_(images.permute(0, 2, 3, 1))
    return pixels


def transformed(images: Tensor, padding: Pair, size: Pair) -> Tensor:
    """Return the transformed windows of images (n, c, H, W) for outputs of `size`: (36, P, c), P tiles."""
    rows, columns = (transforms.OUTPUTS * tiles + 2 for tiles in grid(size))
    return transforms.of_pixels(channels_last(images, padding, (rows, columns)))


def write_outputs(products: Tensor, output: Tensor) -> None:
    """Write what products (36, P, c) transform to into output (n, c, Ho, Wo)."""
    rows, columns = trailing(output)
    tiles = transforms.of_products(products, len(output), grid((rows, columns))[0])
    output.copy_(tiles[:, :rows, :columns].permute(0, 3, 1, 2))


class _WinogradConvolution(torch.autograd.Function):
    """Multiply in the transformed domain: Y = X · U, per tile and for each of the 36.

    The gradient in the input is the convolution of the gradient in the output, padded by 2 - p, with the rotated
    filters. For the weight the same transformed gradient D is used once more: ∂U = Σ Dᵀ · (A x Aᵀ).
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.geometry = geometry
        ctx.save_for_backward(input, weight)
        size = geometry.output_size(trailing(input), trailing(weight))
        output = input.new_empty(len(input), len(weight), *size)
        filters = transforms.of_weight(weight)  # (36, C, O)
        for part in slices(len(input), tile_samples(input, weight, size)):
            write_outputs(torch.bmm(transformed(input[part], geometry.padding, size), filters), output[part])
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        input, weight = ctx.saved_tensors
        if is_transformed(grad_output):
            return *differentiable_gradients(grad_output, input, weight, ctx.geometry), None
        size, (ph, pw) = trailing(input), ctx.geometry.padding
        rows, columns = (transforms.OUTPUTS * tiles for tiles in grid(size))
        rotated = weight.flip(2, 3).transpose(0, 1)  # (C, O, 3, 3)
        filters = transforms.of_weight(rotated)  # (36, O, C)
        grad_input = torch.empty_like(input) if ctx.needs_input_grad[0] else None
        grad_filters = torch.zeros_like(filters) if ctx.needs_input_grad[1] else None
        for part in slices(len(input), tile_samples(input, weight, size)):
            gradient = transformed(grad_output[part], (2 - ph, 2 - pw), size)  # (36, P, O)
            if grad_input is not None:
                write_outputs(torch.bmm(gradient, filters), grad_input[part])
            if grad_filters is not None:
                pixels = transforms.of_outputs(channels_last(input[part], (0, 0), (rows, columns)))
                grad_filters.baddbmm_(gradient.mT, pixels)
        if grad_filters is None:
            return grad_input, None, None
        return grad_input, transforms.weight_of(grad_filters).transpose(0, 1).flip(2, 3), None


def winograd(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolve by F(4x4, 3x3) (Winograd 1980; Lavin & Gray 2016), with a quarter of the multiplications.

    This takes kernels of 3x3 with stride and dilation 1, one group, padding of at most 2, at least 8 channels
    on either side and more than 4 outputs along each axis, in float32 or float64; anything else is `tiled`.
    Sums of the transforms with factors up to 8 cost about two decimal digits.
    """
    if not applies(input, weight, geometry):
        return tiled(input, weight, geometry)
    return apply(_WinogradConvolution, input, weight, geometry)
