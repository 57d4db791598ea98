"""How many bytes each strategy of convolution holds at its peak beyond its input, weight and output."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from impl.convolution import shifted as convolution_shifted
from impl.convolution import tiled as convolution_tiled
from impl.convolution.geometry import Geometry, check, trailing

MakeTile = Callable[[int, Tensor, Tensor, Geometry], object]


def _padded(input: Tensor, geometry: Geometry) -> int:
    """Values of a padded copy of the input; 0 where no padding needs one."""
    sizes = (size + 2 * p for size, p in zip(trailing(input), geometry.padding, strict=True))
    return math.prod((*input.shape[:2], *sizes)) if any(geometry.padding) else 0


def _columns(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Values of the im2col matrix of the whole batch, N·C·kh·kw·L."""
    places = math.prod(geometry.output_size(trailing(input), trailing(weight)))
    return len(input) * input.shape[1] * weight[0, 0].numel() * places


def _values(tensors: object) -> int:
    """Values of a tile's own memory: views of one storage count once."""
    custom_names = {
        tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() // tensor.element_size()
        for tensor in vars(tensors).values()
        if isinstance(tensor, Tensor)
    }
    return sum(custom_names.values())


def _tiles(make: MakeTile, samples: int, input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Values of a tile of so many samples and of the shorter last one, whatever the batch."""
    sizes = [size for size in (samples, len(input) % samples) if size]
    return sum(_values(make(size, input, weight, geometry)) for size in sizes)


def _tiled(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Values of the tiles."""
    samples = convolution_tiled.tile_samples(input, weight, geometry)
    return _tiles(convolution_tiled.make_tile, samples, input, weight, geometry)


def _shifted(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Values of the tiles and of the weight laid out by tap."""
    samples = convolution_shifted.tile_samples(input, weight, geometry)
    return _tiles(convolution_shifted.make_rows, samples, input, weight, geometry) + weight.numel()


def _loops(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Values of the padded copy and of all results one by one before they are stacked."""
    results = len(input) * len(weight) * math.prod(geometry.output_size(trailing(input), trailing(weight)))
    return _padded(input, geometry) + results


BUFFERS: dict[str, Callable[[Tensor, Tensor, Geometry], int]] = {
    "loops": _loops,
    "unfold": _columns,
    "windows": lambda input, weight, geometry: _padded(input, geometry) + _columns(input, weight, geometry),
    "shifted": _shifted,
    "tiled": _tiled,
}


def buffer_bytes(
    strategy: str,
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    geometry: Geometry,
    *,
    dtype: torch.dtype = torch.float32,
) -> int:
    """Return the bytes that one forward pass of `strategy` holds at its peak beyond input, weight and output.

    `loops`: a padded copy of the input and every result before they are stacked. `unfold`: the columns, kh·kw
    copies of each pixel, kept for the backward. `windows`: a padded copy and then, in the contraction, the
    same columns. `shifted` and `tiled`: a tile, and the shorter one of a last few samples, whatever the
    batch. With groups, torch's products may also lay weight and output out anew in `unfold` and `windows`,
    which is not counted. Raises ValueError for an unknown strategy or shapes that do not fit.

    >>> buffer_bytes("unfold", (1, 1, 28, 28), (16, 1, 3, 3), Geometry()) == 4 * 9 * 26 * 26
    True
    """
    if strategy not in BUFFERS:
        raise ValueError(f"strategy {strategy!r} is none of {', '.join(BUFFERS)}")
    check(torch.Size(input_shape), torch.Size(weight_shape), geometry)
    # On the device "meta" a tensor has a shape and no memory.
    input, weight = (torch.empty(shape, dtype=dtype, device="meta") for shape in (input_shape, weight_shape))
    return BUFFERS[strategy](input, weight, geometry) * dtype.itemsize
