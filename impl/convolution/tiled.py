"""Convolution by im2col a few samples at a time, so that the columns never leave the processor's cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impl.convolution.geometry import Geometry, Pair, share, trailing
from impl.convolution.textbook import differentiable_gradients

TILE_BYTES = 2**20  # of columns: what fits the second-level cache of one core


@dataclass(frozen=True)
class Tile:
    """Scratch memory for n samples; G groups, K values under a kernel.

    padded: (n, C, H', W'), zero around `image`, its view of the unpadded pixels;
    taps: view of padded as each tap meets it, (n, C, kh, kw, Ho, wide); cells: the copy of it, of that shape;
    columns: cells as matrices, (n, G, K, Ho·wide), or with a surplus (1, G, K, n·Ho·wide);
    places, output: only with a surplus, the results (1, G, O/G, n·Ho·wide) and their view (n, O, Ho, Wo).
    """

    padded: Tensor
    image: Tensor
    taps: Tensor
    cells: Tensor
    columns: Tensor
    places: Tensor | None = None
    output: Tensor | None = None


def widths(input: Tensor, weight: Tensor, geometry: Geometry) -> Pair:
    """Return the widths of a padded row and of an output row.

    With a stride of 1, an output row may be as wide as a padded row: the pixels under a tap are then one run
    of memory for all rows together, copied faster, and the surplus places at the ends of rows are dropped.
    That saves where a place has more values under the kernel than output channels. Neighbouring rows share
    their padding: what one reads beyond its end is the padding before the next.
    """
    (_, width), (_, padding) = trailing(input), geometry.padding
    _, places = geometry.output_size(trailing(input), trailing(weight))
    if geometry.stride == (1, 1) and input.shape[1] * weight[0, 0].numel() > len(weight):
        pitch = max(width + padding, places)
        return pitch, pitch
    return width + 2 * padding, places


def make_tile(n: int, input: Tensor, weight: Tensor, geometry: Geometry) -> Tile:
    """Allocate a tile for convolutions of n samples of input (N, C, H, W) with weight."""
    channels, (height, width), (kh, kw) = input.shape[1], trailing(input), trailing(weight)
    (sh, sw), (ph, pw), (dh, dw) = geometry.stride, geometry.padding, geometry.dilation
    rows, columns = geometry.output_size((height, width), (kh, kw))
    pitch, wide = widths(input, weight, geometry)
    surplus = wide > columns
    spare = 1 + dw * (kw - 1) // pitch if wide == pitch else 0  # rows that the last row's places run into
    padded = input.new_zeros(n, channels, height + 2 * ph + spare, pitch)
    image = padded[:, :, ph : ph + height, pw : pw + width]
    a, c, h, w = padded.stride()
    taps = padded.as_strided((n, channels, kh, kw, rows, wide), (a, c, dh * h, dw * w, sh * h, sw * w))
    if not surplus:
        cells = input.new_empty(taps.shape)
        return Tile(padded, image, taps, cells, cells.view(n, geometry.groups, -1, rows * wide))
    cells = input.new_empty(channels, kh, kw, n, rows, wide)
    places = input.new_zeros(len(weight), n, rows, wide)
    return Tile(
        padded,
        image,
        taps,
        cells.permute(3, 0, 1, 2, 4, 5),
        cells.view(1, geometry.groups, -1, n * rows * wide),
        places.view(1, geometry.groups, -1, n * rows * wide),
        places[..., :columns].transpose(0, 1),
    )


def tile_samples(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Return how many samples share a tile: as many as keep its columns within TILE_BYTES, at least one."""
    rows, _ = geometry.output_size(trailing(input), trailing(weight))
    _, wide = widths(input, weight, geometry)
    each = input.shape[1] * weight[0, 0].numel() * rows * wide * input.element_size()
    return share(len(input), TILE_BYTES // each)


def tiles(input: Tensor, weight: Tensor, geometry: Geometry) -> Iterator[tuple[Tile, slice]]:
    """Yield a tile with its columns filled, and the samples of input (N, C, H, W) that it holds."""
    step, tile = tile_samples(input, weight, geometry), None
    for start in range(0, len(input), step):
        part = input[start : start + step]
        if tile is None or len(tile.padded) != len(part):  # the last may be shorter
            tile = make_tile(len(part), input, weight, geometry)
        tile.padded.zero_()
        tile.image.copy_(part)
        tile.cells.copy_(tile.taps)
        yield tile, slice(start, start + step)


def multiply(a: Tensor, b: Tensor, out: Tensor) -> None:
    """Write a @ b to out, stacks of matrices, by numpy's BLAS where numpy has the type.

    On some processors torch's own BLAS is several times slower than numpy's.
    """
    if out.device.type == "cpu" and out.dtype in (torch.float32, torch.float64):
        np.matmul(a.numpy(), b.numpy(), out=out.numpy())
    else:
        torch.matmul(a, b, out=out)


class _TiledConvolution(torch.autograd.Function):
    """Per tile: places = w · columns; ∂w = Σ ∂places · columnsᵀ; ∂columns = wᵀ · ∂places, folded back."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.geometry = geometry
        ctx.save_for_backward(input, weight)
        filters = weight.reshape(geometry.groups, len(weight) // geometry.groups, -1)  # (G, O/G, K)
        size = geometry.output_size(trailing(input), trailing(weight))
        output = input.new_empty(len(input), len(weight), *size)
        grouped = output.flatten(2).unflatten(1, filters.shape[:2])
        for tile, samples in tiles(input, weight, geometry):
            multiply(filters, tile.columns, out=grouped[samples] if tile.places is None else tile.places)
            if tile.output is not None:
                output[samples] = tile.output
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        input, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *differentiable_gradients(grad_output, input, weight, ctx.geometry), None
        filters = weight.reshape(ctx.geometry.groups, len(weight) // ctx.geometry.groups, -1)
        grad_input = torch.empty_like(input) if ctx.needs_input_grad[0] else None
        grad_filters = torch.zeros_like(filters) if ctx.needs_input_grad[1] else None
        grouped = grad_output.flatten(2).unflatten(1, filters.shape[:2])
        for tile, samples in tiles(input, weight, ctx.geometry):
            places = grouped[samples]
            if tile.places is not None and tile.output is not None:
                tile.output.copy_(grad_output[samples])
                places = tile.places
            if grad_filters is not None:
                grad_filters += (places @ tile.columns.mT).sum(0)
            if grad_input is not None:
                multiply(filters.mT, places, out=tile.columns)
                fold(tile)
                grad_input[samples] = tile.image
        return grad_input, None if grad_filters is None else grad_filters.reshape(weight.shape), None


def fold(tile: Tile) -> None:
    """Add every column of a tile back to the pixels that it was copied from, the adjoint of filling it."""
    tile.padded.zero_()
    for u in range(tile.taps.shape[2]):
        for v in range(tile.taps.shape[3]):
            tile.taps[:, :, u, v].add_(tile.cells[:, :, u, v])


def tiled(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolution as `unfold` does it, in tiles of a few samples whose columns fit the cache.

    The backward makes the columns again instead of keeping them, so that memory beyond input and output does
    not grow with the batch.
    """
    return _TiledConvolution.apply(input, weight, geometry)
