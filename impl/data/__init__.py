"""Data sets."""

from impl.data.datasets import DEFAULT_ROOT, Dataset, Source, load, load_digits, load_mnist, resolve

__all__ = ["DEFAULT_ROOT", "Dataset", "Source", "load", "load_digits", "load_mnist", "resolve"]
