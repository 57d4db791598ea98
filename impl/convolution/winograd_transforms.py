"""Transforms of the minimal convolution F(4x4, 3x3) (Winograd 1980; Lavin & Gray 2016), one axis at a time.

Four outputs of a filter g of three taps on six inputs d cost six products instead of twelve:

    y = Aᵀ[(G g) ⊙ (Bᵀ d)],  y_i = Σ_u g_u d_{i+u}.

The matrices are Toom-Cook's at the points 0, 1, -1, 2, -2 and infinity, scaled so that Aᵀ and Bᵀ are
integers. The axis that is transformed lies between axes a before it and b after it; b has the channels, so
that all sums are of contiguous vectors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impl.compilation.aot import compile_transform

Matrix = tuple[tuple[float, ...], ...]

OUTPUTS, INPUTS = 4, 6  # of a tile along one axis: INPUTS = OUTPUTS + 3 - 1
BT: Matrix = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
G: Matrix = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
AT: Matrix = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
A: Matrix = tuple(zip(*AT, strict=True))


@dataclass(frozen=True)
class Transform:
    """A matrix times the parts of a tensor, stacked along a new axis.

    Attributes:
        matrix: one row for each part of the result.
        parts: views of the tensor, (a, j, b) each.
        axis: where the parts of the result are stacked.
    """

    matrix: Matrix
    parts: Callable[[Tensor], Sequence[Tensor]]
    axis: int

    def fused(self, x: Tensor) -> Tensor:
        """Return the transform as one expression, for the compiler."""
        sums = []
        for row in self.matrix:
            first, *others = (c * part for c, part in zip(row, self.parts(x), strict=True) if c)
            sums.append(sum(others, first))
        return torch.stack(sums, self.axis)

    def eager(self, x: Tensor) -> Tensor:
        """Return the transform, summed in place: without temporaries."""
        parts = self.parts(x)
        shape = list(parts[0].shape)
        shape.insert(self.axis, len(self.matrix))
        result = x.new_zeros(shape)
        for total, row in zip(result.unbind(self.axis), self.matrix, strict=True):
            for c, part in zip(row, parts, strict=True):
                if c:
                    total.add_(part, alpha=c)
        return result


def windows_of_six(x: Tensor) -> list[Tensor]:
    """View (a, 4j + 2, b) by position in the j overlapping windows: six views (a, j, b)."""
    end = x.shape[1] - INPUTS + 1
    return [x[:, k : end + k : OUTPUTS] for k in range(INPUTS)]


def first_axis(x: Tensor) -> Sequence[Tensor]:
    """View (6, a, j, b) as six tensors (a, j, b)."""
    return x.unbind(0)


def third_axis(x: Tensor) -> Sequence[Tensor]:
    """View (a, j, 4, b) as four tensors (a, j, b)."""
    return x.unbind(2)


TRANSFORMS = (
    Transform(BT, windows_of_six, 0),  # of pixels: (a, 4j + 2, b) to (6, a, j, b)
    Transform(AT, first_axis, 2),  # of products: (6, a, j, b) to (a, j, 4, b)
    Transform(A, third_axis, 0),  # of outputs, the adjoint: (a, j, 4, b) to (6, a, j, b)
)
PIXELS, PRODUCTS, ADJOINT = range(3)
# For each, a shape to compile with, the axes that keep their size, and an input without channels.
SHAPES = (7, 4 * 5 + 2, 33), (INPUTS, 8, 9, 35), (11, 10, OUTPUTS, 37)
CONSTANT_AXES: tuple[tuple[int, ...], ...] = (), (0,), (2,)
EMPTY = tuple(torch.empty(*shape[:-1], 0) for shape in SHAPES)


def all_transforms(*inputs: Tensor) -> tuple[Tensor, ...]:
    """Return every transform of its input.

    One function and so one package: the C++ around the kernels takes far longer to compile than they do.
    """
    return tuple(transform.fused(x) for transform, x in zip(TRANSFORMS, inputs, strict=True))


def transform(index: int, x: Tensor) -> Tensor:
    """Return transform PIXELS, PRODUCTS or ADJOINT of a contiguous x, compiled where that is possible."""
    if x.dtype == torch.float32 and x.device.type == "cpu":
        run = compile_transform(all_transforms, SHAPES, CONSTANT_AXES).run
        if run is not None:
            inputs = [*EMPTY]
            inputs[index] = x
            result: Tensor = run(inputs)[index]
            return result
    return TRANSFORMS[index].eager(x)


def of_pixels(pixels: Tensor) -> Tensor:
    """Return Bᵀ d B of every window d of 6x6 pixels: (n, 4i + 2, 4j + 2, c) to (36, n·i·j, c).

    The 36 are columns first, as the last pass leaves them: (column, row).
    """
    _, _, width, channels = pixels.shape
    rows = transform(PIXELS, pixels.flatten(2))  # (6, n, i, (4j + 2)·c)
    return transform(PIXELS, rows.view(-1, width, channels)).view(INPUTS**2, -1, channels)


def of_products(products: Tensor, samples: int, rows: int) -> Tensor:
    """Return the outputs Aᵀ m A of every 6x6 products m: (36, n·i·j, c) to (n, 4i, 4j, c)."""
    channels = products.shape[2]
    columns = transform(PRODUCTS, products.view(INPUTS, INPUTS * samples * rows, -1, channels))
    return transform(PRODUCTS, columns.view(INPUTS, samples, rows, -1)).view(
        samples, OUTPUTS * rows, -1, channels
    )


def of_outputs(outputs: Tensor) -> Tensor:
    """Return A y Aᵀ of every tile y of 4x4 outputs: (n, 4i, 4j, c) to (36, n·i·j, c).

    It is the adjoint of `of_products`.
    """
    samples, height, width, channels = outputs.shape
    rows = transform(ADJOINT, outputs.view(samples, height // OUTPUTS, OUTPUTS, -1))  # (6, n, i, 4j·c)
    return transform(ADJOINT, rows.view(-1, width // OUTPUTS, OUTPUTS, channels)).view(
        INPUTS**2, -1, channels
    )


def _both_axes(weight: Tensor) -> Tensor:
    """Return G ⊗ G, (36, 9)."""
    matrix = torch.tensor(G, dtype=weight.dtype, device=weight.device)
    return torch.kron(matrix, matrix)


def of_weight(weight: Tensor) -> Tensor:
    """Return G g Gᵀ of every filter: (O, C, 3, 3) to (36, C, O)."""
    filters = weight.permute(3, 2, 1, 0).reshape(9, -1)  # columns first, as in `of_pixels`
    return (_both_axes(weight) @ filters).view(INPUTS**2, weight.shape[1], len(weight))


def weight_of(gradient: Tensor) -> Tensor:
    """Return Gᵀ u G, the adjoint of `of_weight`: (36, C, O) to (O, C, 3, 3)."""
    filters = _both_axes(gradient).T @ gradient.flatten(1)
    return filters.view(3, 3, *gradient.shape[1:]).permute(3, 2, 1, 0)
