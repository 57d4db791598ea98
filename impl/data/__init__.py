"""Data sets: MNIST and others in its format, scikit-learn's digits, and .npz files in Keras's layout."""

from impl.data.datasets import (
    DEFAULT_ROOT,
    Dataset,
    Source,
    load,
    load_digits,
    load_mnist,
    load_npz,
    photograph,
    resolve,
)
from impl.data.download import DownloadError
from impl.data.idx import DataError

__all__ = [
    "DEFAULT_ROOT",
    "DataError",
    "Dataset",
    "DownloadError",
    "Source",
    "load",
    "load_digits",
    "load_mnist",
    "load_npz",
    "photograph",
    "resolve",
]
