"""Two-dimensional convolution by several strategies, and pooling."""

from impl.convolution.functional import STRATEGIES, StrategyEntry, buffer_bytes, conv2d, conv_transpose2d
from impl.convolution.geometry import Geometry, Strategy, operations
from impl.convolution.pooling import avg_pool2d, max_pool2d

__all__ = [
    "STRATEGIES",
    "Geometry",
    "Strategy",
    "StrategyEntry",
    "avg_pool2d",
    "buffer_bytes",
    "conv2d",
    "conv_transpose2d",
    "max_pool2d",
    "operations",
]
