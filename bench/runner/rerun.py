"""Whether stored runs can be had again: the same cell, run once more, compared number by number."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from bench.experiments.workloads.training_run import execute
from bench.records.runs import ConformanceCheck, RunConfig
from bench.store.database import Snapshot

TIMES = ("seconds", "run_seconds")  # which no machine repeats


def config_of(run: pd.Series) -> RunConfig:
    """The cell of a row of `Snapshot.runs`; its key is the row's.

    Raises:
        ValueError: if it is not, so that the row is of another version of the cell.
    """
    values: dict[str, Any] = {}
    sort = RunConfig if pd.isna(run["subject"]) else ConformanceCheck
    for field in fields(sort):
        value = run[field.name]
        kind = next(k for k in (bool, int, float, str) if k is field.type or k in get_args(field.type))
        values[field.name] = None if pd.isna(value) else kind(value)
    config = sort(**values)
    if config.config_hash != run["key"]:
        raise ValueError(
            f"run {run['run']} has the key {run['key']}, but its fields make {config.config_hash}"
        )
    return config


def rerun(
    snapshot: Snapshot, count: int, seed: int, root: Path | None, device: str = "cpu"
) -> Iterator[tuple[RunConfig, int, int]]:
    """Run finished cells again, drawn by `seed`: each with how many numbers it has and how many differ."""
    runs = snapshot.runs
    eligible = runs[(runs["kind"] == "training") & (runs["status"] == "finished")]
    for _, run in eligible.sample(min(count, len(eligible)), random_state=seed).iterrows():
        config = config_of(run)
        m = snapshot.measurements
        m = m[(m["run"] == run["run"]) & ~m["metric"].isin(TIMES)]
        stored = {(row.metric, row.step): row.value for row in m.itertuples()}
        again = {
            (found.metric, found.step): found.value
            for found in execute(config, root, device).measurements
            if found.metric not in TIMES
        }
        different = [key for key in stored.keys() | again.keys() if stored.get(key) != again.get(key)]
        yield config, len(stored), len(different)
