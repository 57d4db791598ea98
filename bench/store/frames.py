"""Read a results database as one tidy frame."""

import os
from pathlib import Path

import pandas as pd

from bench.store.database import existing
from bench.store.snapshot import Snapshot


def load(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the measurements of a results database that were made last, one row each.

    Args:
        path: SQLite file, such as `results/results.sqlite`.

    Returns:
        One frame of one environment and one profile, its `attrs`. Its columns are run, kind, status,
        error and the fields of the run's `RunConfig` or `BenchmarkCase`, then metric, step, value and unit.
        A run without measurements, such as a failed one, is one row whose last four columns are missing.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it contains no runs.
        StoreError: If it is not a results database, is damaged, or has another version.

    Example:
        >>> frame = load("results/reference.sqlite")
        >>> frame.attrs["profile"], frame.attrs["environment"]["dataset"]
        ('reference', 'mnist')
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist; `make bench` creates a results database")
    return frame(existing(Path(path)))


def frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return a snapshot as the frame that `load` describes; texts are categories, which need less memory."""
    texts: list[str] = list(snapshot.runs.select_dtypes("str").columns)
    runs = snapshot.runs.astype(dict.fromkeys(texts, "category"))
    measured = snapshot.measurements[["run", "metric", "step", "value", "unit"]].astype({"step": "Float64"})
    rows = runs.merge(measured, on="run", how="left")
    rows.attrs = {"environment": dict(snapshot.environment), "profile": snapshot.profile}
    return rows
