"""Measures what impl holds and keeps every sample in one store; from Python by `run` and `load`."""

from importlib import import_module
from typing import Any

__all__ = ["load", "run"]


def __getattr__(name: str) -> Any:
    """`run` and `load` of `bench.api`, with all that they need, when they are first asked for."""
    if name in __all__:
        # not an import statement: no benchmark runs through this (`bench.affected`)
        return getattr(import_module("bench.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
