"""Two-dimensional convolution by several strategies, and pooling."""

from impl.convolution.functional import STRATEGIES, Strategy, conv2d, conv_transpose2d
from impl.convolution.geometry import Geometry, operations
from impl.convolution.memory import buffer_bytes
from impl.convolution.pooling import avg_pool2d, max_pool2d

__all__ = [
    "STRATEGIES",
    "Strategy",
    "Geometry",
    "avg_pool2d",
    "buffer_bytes",
    "conv2d",
    "conv_transpose2d",
    "max_pool2d",
    "operations",
]
