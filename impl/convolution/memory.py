"""Peak memory of each convolution strategy beyond input, weight and output, in values."""

import math
from collections.abc import Callable

from torch import Tensor

from impl.convolution import shifted, tiled, winograd
from impl.convolution.geometry import Geometry, trailing

MakeTile = Callable[[int, Tensor, Tensor, Geometry], object]


def _padded(input: Tensor, geometry: Geometry) -> int:
    """Count a padded copy of the input; 0 without padding."""
    sizes = (size + 2 * p for size, p in zip(trailing(input), geometry.padding, strict=True))
    return math.prod((*input.shape[:2], *sizes)) if any(geometry.padding) else 0


def unfold_values(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Count the im2col matrix of the whole batch, N·C·kh·kw·Ho·Wo."""
    positions = math.prod(geometry.output_size(trailing(input), trailing(weight)))
    return len(input) * input.shape[1] * weight[0, 0].numel() * positions


def _values(tensors: object) -> int:
    """Count a tile's own memory: views of one storage count once."""
    sizes = {
        tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() // tensor.element_size()
        for tensor in vars(tensors).values()
        if isinstance(tensor, Tensor)
    }
    return sum(sizes.values())


def _tiles(make: MakeTile, samples: int, input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Count a tile of `samples` samples and the shorter last one."""
    samples_of_tiles = [size for size in (samples, len(input) % samples) if size]
    return sum(_values(make(size, input, weight, geometry)) for size in samples_of_tiles)


def tiled_values(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Count the tiles; the batch does not matter."""
    samples = tiled.tile_samples(input, weight, geometry)
    return _tiles(tiled.make_tile, samples, input, weight, geometry)


def shifted_values(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Count the tiles and the weight laid out by kernel offset."""
    samples = shifted.tile_samples(input, weight, geometry)
    return _tiles(shifted.make_rows, samples, input, weight, geometry) + weight.numel()


def winograd_values(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Count what a tile of samples has at once, two successive stages, and the transformed weight."""
    if not winograd.applies(input, weight, geometry):
        return tiled_values(input, weight, geometry)
    (rows, columns), (filters, channels) = winograd.grid(input, geometry), weight.shape[:2]
    width = 4 * columns + 2
    padded, by_rows = (4 * rows + 2) * width * channels, 6 * rows * width * channels
    windows, products = (36 * rows * columns * c for c in (channels, filters))
    back = (24 + 16) * rows * columns * filters  # by columns, and then by rows
    largest = max(padded + by_rows + windows, windows + products, products + back)
    return winograd.tile_samples(input, weight, geometry) * largest + 36 * filters * channels


def loops_values(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Count the padded copy and all results before they are stacked."""
    results = len(input) * len(weight) * math.prod(geometry.output_size(trailing(input), trailing(weight)))
    return _padded(input, geometry) + results


def windows_values(input: Tensor, weight: Tensor, geometry: Geometry) -> int:
    """Count the padded copy and then, in the contraction, the im2col matrix."""
    return _padded(input, geometry) + unfold_values(input, weight, geometry)
