"""Convolution by im2col a few samples at a time, so that the columns stay in the processor's cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impl.convolution.geometry import Geometry, Pair, tile_size, trailing
from impl.convolution.textbook import apply, differentiable_gradients, is_transformed

TILE_BYTES = 2**20  # of columns: what fits the second-level cache of one core


@dataclass(frozen=True)
class Tile:
    """Scratch memory for n samples; G groups, K values under a kernel.

    Attributes:
        padded: (n, C, H', W'), zero around `image`.
        image: view of the unpadded pixels.
        patches: view of `padded` by kernel offset, (n, C, kh, kw, Ho, wide).
        cells: copy of `patches`.
        columns: `cells` as matrices, (n, G, K, Ho·wide), or with a surplus (1, G, K, n·Ho·wide).
        positions: with a surplus, the results (1, G, O/G, n·Ho·wide).
        output: with a surplus, the view (n, O, Ho, Wo) of `positions`.
    """

    padded: Tensor
    image: Tensor
    patches: Tensor
    cells: Tensor
    columns: Tensor
    positions: Tensor | None = None
    output: Tensor | None = None


def widths(input: Tensor, weight: Tensor, geometry: Geometry) -> Pair:
    """Return the widths of a padded row and of an output row.

    At stride 1 an output row may be as wide as a padded row: the pixels under a kernel offset are then one
    run of memory for all rows, which is copied faster; the surplus positions at the ends of rows are dropped.
    That pays where a position has more values under the kernel than output channels. Neighbouring rows share
    their padding: beyond its end a row reads the padding before the next.
    """
    (_, width), (_, padding) = trailing(input), geometry.padding
    _, positions = geometry.output_size(trailing(input), trailing(weight))
    if geometry.stride == (1, 1) and input.shape[1] * weight[0, 0].numel() > len(weight):
        pitch = max(width + padding, positions)
        return pitch, pitch
    return width + 2 * padding, positions


def make_tile(n: int, input: Tensor, weight: Tensor, geometry: Geometry) -> Tile:
    """Allocate a tile for convolutions of n samples of input (N, C, H, W) with weight."""
    channels, (height, width), (kh, kw) = input.shape[1], trailing(input), trailing(weight)
    (sh, sw), (ph, pw), (dh, dw) = geometry.stride, geometry.padding, geometry.dilation
    rows, columns = geometry.output_size((height, width), (kh, kw))
    pitch, wide = widths(input, weight, geometry)
    surplus = wide > columns
    spare = 1 + dw * (kw - 1) // pitch if wide == pitch else 0  # rows that the last row runs into
    padded = input.new_zeros(n, channels, height + 2 * ph + spare, pitch)
    image = padded[:, :, ph : ph + height, pw : pw + width]
    a, c, h, w = padded.stride()
    patches = padded.as_strided((n, channels, kh, kw, rows, wide), (a, c, dh * h, dw * w, sh * h, sw * w))
    if not surplus:
        cells = input.new_empty(patches.shape)
        return Tile(padded, image, patches, cells, cells.view(n, geometry.groups, -1, rows * wide))
    cells = input.new_empty(channels, kh, kw, n, rows, wide)
    positions = input.new_zeros(len(weight), n, rows, wide)
    return Tile(
        padded,
        image,
        patches,
        cells.permute(3, 0, 1, 2, 4, 5),
        cells.view(1, geometry.groups, -1, n * rows * wide),
        positions.view(1, geometry.groups, -1, n * rows * wide),
        positions[..., :columns].transpose(0, 1),
    )


def tile_samples(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Return the samples a tile: as many as keep its columns within TILE_BYTES, at least one."""
    rows, _ = geometry.output_size(trailing(input), trailing(weight))
    _, wide = widths(input, weight, geometry)
    each = input.shape[1] * weight[0, 0].numel() * rows * wide * input.element_size()
    return tile_size(len(input), TILE_BYTES // each)


def tiles(input: Tensor, weight: Tensor, geometry: Geometry) -> Iterator[tuple[Tile, slice]]:
    """Yield a tile with its columns filled, and the slice of its samples of input (N, C, H, W)."""
    step, tile = tile_samples(input, weight, geometry), None
    for start in range(0, len(input), step):
        part = input[start : start + step]
        if tile is None or len(tile.padded) != len(part):  # the last may be shorter
            tile = make_tile(len(part), input, weight, geometry)
        tile.padded.zero_()
        tile.image.copy_(part)
        tile.cells.copy_(tile.patches)
        yield tile, slice(start, start + step)


def multiply(a: Tensor, b: Tensor, out: Tensor) -> None:
    """Write a @ b, stacks of matrices, to out by numpy's BLAS where numpy has the dtype.

    On some processors torch's BLAS takes several times as long as numpy's.
    """
    if out.device.type == "cpu" and out.dtype in (torch.float32, torch.float64):
        np.matmul(a.numpy(), b.numpy(), out=out.numpy())
    else:
        torch.matmul(a, b, out=out)


class _TiledConvolution(torch.autograd.Function):
    """Per tile: y = w · columns; ∂w = Σ ∂y · columnsᵀ; ∂columns = wᵀ · ∂y, folded back."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.geometry = geometry
        ctx.save_for_backward(input, weight)
        filters = weight.reshape(geometry.groups, len(weight) // geometry.groups, -1)  # (G, O/G, K)
        size = geometry.output_size(trailing(input), trailing(weight))
        output = input.new_empty(len(input), len(weight), *size)
        grouped = output.flatten(2).unflatten(1, filters.shape[:2])
        for tile, samples in tiles(input, weight, geometry):
            multiply(
                filters, tile.columns, out=grouped[samples] if tile.positions is None else tile.positions
            )
            if tile.output is not None:
                output[samples] = tile.output
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        input, weight = ctx.saved_tensors
        if is_transformed(grad_output):
            return *differentiable_gradients(grad_output, input, weight, ctx.geometry), None
        filters = weight.reshape(ctx.geometry.groups, len(weight) // ctx.geometry.groups, -1)
        grad_input = torch.empty_like(input) if ctx.needs_input_grad[0] else None
        grad_filters = torch.zeros_like(filters) if ctx.needs_input_grad[1] else None
        grouped = grad_output.flatten(2).unflatten(1, filters.shape[:2])
        for tile, samples in tiles(input, weight, ctx.geometry):
            positions = grouped[samples]
            if tile.positions is not None and tile.output is not None:
                tile.output.copy_(grad_output[samples])
                positions = tile.positions
            if grad_filters is not None:
                grad_filters += (positions @ tile.columns.mT).sum(0)
            if grad_input is not None:
                multiply(filters.mT, positions, out=tile.columns)
                fold(tile)
                grad_input[samples] = tile.image
        return grad_input, None if grad_filters is None else grad_filters.reshape(weight.shape), None


def fold(tile: Tile) -> None:
    """Add every column of a tile back to its pixels: the adjoint of filling the tile."""
    tile.padded.zero_()
    for u in range(tile.patches.shape[2]):
        for v in range(tile.patches.shape[3]):
            tile.patches[:, :, u, v].add_(tile.cells[:, :, u, v])


def tiled(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolve as `unfold`, in tiles of a few samples whose columns fit the cache.

    The backward pass computes the columns again instead of keeping them, so that memory beyond input and
    output does not grow with the batch.
    """
    return apply(_TiledConvolution, input, weight, geometry)
