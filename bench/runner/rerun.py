"""Repeat stored runs and compare number by number."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from bench.experiments.workloads.training_run import execute
from bench.records.runs import ENDED, ConformanceCheck, RunConfig
from bench.store import Snapshot

TIMES = ("seconds", "run_seconds")  # not reproducible


@dataclass(frozen=True)
class Repeated:
    """A stored run that was repeated.

    Attributes:
        config: What was run.
        processor: The processor of the stored run; another one rounds differently.
        numbers: Number of stored values.
        different: Number of values that differ.
    """

    config: RunConfig
    processor: str
    numbers: int
    different: int


def config_of(run: pd.Series) -> RunConfig:
    """Return the configuration in a row of `Snapshot.runs`.

    Raises:
        ValueError: If its hash is not the row's, because another version of the program wrote the row.
    """
    values: dict[str, Any] = {}
    record = RunConfig if pd.isna(run["subject"]) else ConformanceCheck
    for field in fields(record):
        value = run[field.name]
        kind = next(k for k in (bool, int, float, str) if k is field.type or k in get_args(field.type))
        values[field.name] = None if pd.isna(value) else kind(value)
    config = record(**values)
    if config.config_hash != run["key"]:
        raise ValueError(f"run {run['run']} has the hash {run['key']}, expected {config.config_hash}")
    return config


def rerun(
    snapshot: Snapshot, count: int, seed: int, root: Path | None, device: str = "cpu"
) -> Iterator[Repeated]:
    """Repeat a random sample of finished runs.

    Args:
        snapshot: Stored runs.
        count: Size of the sample.
        seed: Seed of the sample.
        root: Folder of the data sets that are not bundled.
        device: `cpu` or `cuda`.
    """
    runs = snapshot.runs
    eligible = runs[(runs["kind"] == "training") & runs["status"].isin(ENDED)]
    for _, run in eligible.sample(min(count, len(eligible)), random_state=seed).iterrows():
        config = config_of(run)
        m = snapshot.measurements
        m = m[(m["run"] == run["run"]) & ~m["metric"].isin(TIMES)]
        arrays = {name: array for (owner, name), array in snapshot.arrays.items() if owner == run["run"]}
        result = execute(config, root, device)
        stored = _numbers(((row.metric, row.step, row.value) for row in m.itertuples()), arrays)
        repeated = _numbers(((m.metric, m.step, m.value) for m in result.measurements), result.arrays)
        different = [key for key in stored.keys() | repeated.keys() if stored.get(key) != repeated.get(key)]
        yield Repeated(config, str(run["processor"]), len(stored), len(different))


def _numbers(
    measured: Iterable[tuple[str, float, float]], arrays: Mapping[str, np.ndarray]
) -> dict[tuple[str, float], float]:
    """Return all numbers of a run but times, by the metric and step, or by the array and position."""
    numbers = {(metric, step): value for metric, step, value in measured if metric not in TIMES}
    return numbers | {
        (name, place): float(value)
        for name, array in arrays.items()
        for place, value in enumerate(array.ravel())
    }
