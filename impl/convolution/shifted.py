"""Convolution by one matrix product for each kernel offset (shift-GEMM, kn2row), without im2col."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from impl.convolution.geometry import Geometry, tile_size, trailing
from impl.convolution.textbook import apply, differentiable_gradients, is_transformed

TILE_BYTES = 2**20  # of pixels and positions: what fits the second-level cache of one core


@dataclass(frozen=True)
class Rows:
    """Scratch memory for n samples, one row of pixels after another; P output positions at stride 1.

    Neighbouring rows and samples share their padding. The pixels under the kernel offset (u, v) of all
    positions are then the P values from u·dilation·(row length) + v·dilation on.

    Attributes:
        pixels: (G, C/G, P + the last offset), zero around `image`.
        image: view (n, C, H, W) of `pixels`.
        positions: (G, O/G, P).
        output: view (n, O, Ho, Wo) of `positions`, without the positions between.
        offsets: where the pixels of each kernel offset begin, row by row.
    """

    pixels: Tensor
    image: Tensor
    positions: Tensor
    output: Tensor
    offsets: list[int]

    def views(self, pixels: Tensor) -> Iterator[Tensor]:
        """View `pixels` of one group, (C/G, …), under each kernel offset, (C/G, P)."""
        length = self.positions.shape[2]
        return (pixels[:, offset : offset + length] for offset in self.offsets)


def extents(input: Tensor, weight: Tensor, geometry: Geometry) -> tuple[int, int]:
    """Return the rows of a sample and their length, both with the padding that neighbours share."""
    positions = replace(geometry, stride=(1, 1)).output_size(trailing(input), trailing(weight))
    rows, length = (
        max(size + padding, outputs)
        for size, padding, outputs in zip(trailing(input), geometry.padding, positions, strict=True)
    )
    return rows, length


def make_rows(samples: int, input: Tensor, weight: Tensor, geometry: Geometry) -> Rows:
    """Allocate rows for convolutions of `samples` samples of input (N, C, H, W) with weight."""
    channels, (height, width), (kh, kw) = input.shape[1], trailing(input), trailing(weight)
    (sh, sw), (ph, pw), (dh, dw) = geometry.stride, geometry.padding, geometry.dilation
    dense = replace(geometry, stride=(1, 1)).output_size((height, width), (kh, kw))
    rows, length = extents(input, weight, geometry)
    offsets = [u * dh * length + v * dw for u in range(kh) for v in range(kw)]
    total = samples * rows * length
    pixels = input.new_zeros(channels, total + offsets[-1])
    positions = input.new_zeros(len(weight), total)
    image = pixels[:, :total].unflatten(1, (samples, rows, length)).transpose(0, 1)
    output = positions.unflatten(1, (samples, rows, length)).transpose(0, 1)
    return Rows(
        pixels.unflatten(0, (geometry.groups, -1)),
        image[:, :, ph : ph + height, pw : pw + width],
        positions.unflatten(0, (geometry.groups, -1)),
        output[:, :, : dense[0] : sh, : dense[1] : sw],
        offsets,
    )


def tile_samples(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Return the samples a tile: as many as keep it within TILE_BYTES, at least one."""
    rows, length = extents(input, weight, geometry)
    each = (input.shape[1] + len(weight)) * rows * length * input.element_size()
    return tile_size(len(input), TILE_BYTES // each)


def tiles(input: Tensor, weight: Tensor, geometry: Geometry) -> Iterator[tuple[Rows, slice]]:
    """Yield rows filled with some samples of input (N, C, H, W), and the slice of these samples."""
    step, tile = tile_samples(input, weight, geometry), None
    for start in range(0, len(input), step):
        part = input[start : start + step]
        if tile is None or len(tile.image) != len(part):  # the last may be shorter
            tile = make_rows(len(part), input, weight, geometry)
        tile.image.copy_(part)
        yield tile, slice(start, start + step)


def filters(weight: Tensor, groups: int) -> Tensor:
    """Return weight (O, C/G, kh, kw) as one matrix a group and kernel offset: (G, kh·kw, O/G, C/G)."""
    return weight.unflatten(0, (groups, -1)).flatten(3).permute(0, 3, 1, 2).contiguous()


class _ShiftedConvolution(torch.autograd.Function):
    """Multiply by kernel offset t, with x_t the pixels under it and y the output positions.

    y = Σ_t w_t · x_t;  ∂w_t = ∂y · x_tᵀ;  ∂x_t += w_tᵀ · ∂y
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.geometry = geometry
        ctx.save_for_backward(input, weight)
        size = geometry.output_size(trailing(input), trailing(weight))
        output = input.new_empty(len(input), len(weight), *size)
        by_offset = filters(weight, geometry.groups)
        for tile, samples in tiles(input, weight, geometry):
            for pixels, positions, matrices in zip(tile.pixels, tile.positions, by_offset, strict=True):
                for t, (matrix, shifted) in enumerate(zip(matrices, tile.views(pixels), strict=True)):
                    positions.addmm_(matrix, shifted, beta=0 if t == 0 else 1)
            output[samples] = tile.output
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        input, weight = ctx.saved_tensors
        if is_transformed(grad_output):
            return *differentiable_gradients(grad_output, input, weight, ctx.geometry), None
        by_offset = filters(weight, ctx.geometry.groups)
        grad_input, grad_matrices = torch.empty_like(input), torch.zeros_like(by_offset)
        for tile, samples in tiles(input, weight, ctx.geometry):
            tile.output.copy_(grad_output[samples])
            for pixels, positions, gradients in zip(tile.pixels, tile.positions, grad_matrices, strict=True):
                for gradient, shifted in zip(gradients, tile.views(pixels), strict=True):
                    gradient.addmm_(positions, shifted.T)
            tile.pixels.zero_()
            for pixels, positions, matrices in zip(tile.pixels, tile.positions, by_offset, strict=True):
                for matrix, shifted in zip(matrices, tile.views(pixels), strict=True):
                    shifted.addmm_(matrix.T, positions)
            grad_input[samples] = tile.image
            tile.pixels.zero_()
        return grad_input, grad_matrices.permute(0, 2, 3, 1).reshape(weight.shape), None


def shifted(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolve by kh·kw matrix products with the same rows of pixels, each from another offset on.

    Nothing is copied beyond the padding. All positions of stride 1 and those between rows and samples are
    computed and dropped: with a stride the arithmetic is more than `operations` counts.
    """
    return apply(_ShiftedConvolution, input, weight, geometry)
