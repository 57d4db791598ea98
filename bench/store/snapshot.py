"""A snapshot: all runs of one program and one profile as frames, with the times of one machine."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench.store.digest import StoredArray
from bench.store.schema import DAMAGED, ENVIRONMENT, ROW, SELECTED, StoreError, contents


@dataclass(frozen=True, eq=False)  # frames have no single truth value to compare by
class Snapshot:
    """All runs of one environment and one profile, with training runs of other machines.

    Benchmarks are of the environment alone. A training run counts wherever the same program executed it.

    Attributes:
        environment: Fields of `bench.records.environment.Environment` by name.
        profile: Name of the profile.
        runs: One row per run: run, kind, key, status, error, finished_at, the fields of its `RunConfig` or
            `BenchmarkCase`, and processor.
        measurements: One row per measurement: the run's columns, then metric, step, value and unit.
        arrays: By run and name: images (K, H, W) uint8, scores of blocks of test samples (horizons, blocks).
        other_environments: What else the database holds, one row per environment and profile: its fields,
            profile, runs, begun and ended.
    """

    environment: dict[str, object]
    profile: str
    runs: pd.DataFrame
    measurements: pd.DataFrame
    arrays: dict[tuple[int, str], np.ndarray]
    other_environments: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def id(self) -> str:
        """Hash of environment and profile, in eight hexadecimal digits."""
        identity = json.dumps([self.environment, self.profile], sort_keys=True)
        return hashlib.sha256(identity.encode()).hexdigest()[:8]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return three tidy tables for other programs: environment, runs, and measurements by run."""
        fields = {**self.environment, "profile": self.profile}
        return {
            "environment": pd.DataFrame({"what": fields.keys(), "value": map(str, fields.values())}),
            "runs": self.runs,
            "measurements": self.measurements[["run", "metric", "step", "value", "unit"]],
        }


def read(connection: sqlite3.Connection, path: Path, environment: int, profile: str) -> Snapshot:
    """Read a snapshot and compare every run with its digest; raise StoreError for a damaged run."""
    stored = contents(connection, environment, profile)
    runs = pd.read_sql_query(
        f"SELECT r.id AS run, {', '.join(f'r.{name}' for name in ROW)}, e.processor, sha256 FROM run r "
        f"JOIN environment e ON e.id = r.environment WHERE r.id IN ({SELECTED}) ORDER BY r.id",
        connection,
        params=(environment, profile),
    )
    expected = runs.pop("sha256")
    if damaged := [
        run for (run, digest), was in zip(stored.digests().items(), expected, strict=True) if digest != was
    ]:
        raise StoreError(f"{path} is damaged: the digest of run {damaged[0]} does not match; {DAMAGED}")
    row = connection.execute(f"SELECT {', '.join(ENVIRONMENT)} FROM environment WHERE id = ?", (environment,))
    # Categories make texts of a million rows fast to search.
    described = runs.drop(columns=["error", "finished_at", "processor"])
    texts: list[str] = list(described.select_dtypes("str").columns)
    return Snapshot(
        environment=dict(zip(ENVIRONMENT, row.fetchone(), strict=True)),
        profile=profile,
        runs=runs,
        measurements=described.astype(dict.fromkeys(texts, "category")).merge(stored.measurements, on="run"),
        arrays=_arrays(stored.arrays),
    )


def _arrays(stored: Mapping[int, Sequence[StoredArray]]) -> dict[tuple[int, str], np.ndarray]:
    """Return arrays by run and name."""
    return {
        (run, name): np.frombuffer(data, dtype).reshape(json.loads(shape))
        for run, rows in stored.items()
        for name, dtype, shape, data in rows
    }


def joined(here: Snapshot, other: Snapshot) -> Snapshot:
    """Return a snapshot with the training runs of another one that it lacks.

    Runs of `other` are numbered after those of `here`; benchmarks are those of `here`.
    """
    new = other.runs[(other.runs["kind"] == "training") & ~other.runs["key"].isin(here.runs["key"])]
    kept = set(new["run"])
    shift = int(here.runs["run"].max()) if len(here.runs) else 0
    added = other.measurements[other.measurements["run"].isin(new["run"])]
    both = (
        [here.runs, new.assign(run=new["run"] + shift)],
        [here.measurements, added.assign(run=added["run"] + shift)],
    )
    runs, measurements = (pd.concat([frame for frame in frames if len(frame)]) for frames in both)
    texts = [str(name) for name in measurements if measurements[name].dtype == object]
    return replace(
        here,
        runs=runs.reset_index(drop=True),
        measurements=measurements.astype(dict.fromkeys(texts, "category")).reset_index(drop=True),
        arrays=here.arrays
        | {(run + shift, name): array for (run, name), array in other.arrays.items() if run in kept},
    )
