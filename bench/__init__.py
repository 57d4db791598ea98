"""Measure the algorithms of `impl` and store every sample: `run` measures, `load` reads."""

from importlib import import_module
from typing import Any

__all__ = ["load", "run"]
_HOMES = {"load": "bench.store", "run": "bench.api"}


def __getattr__(name: str) -> Any:
    """Import `run` or `load` on first use, so that `import bench` loads nothing else."""
    if name in _HOMES:
        # Not an import statement: benchmarks do not depend on it (`bench.gate.affected`).
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
