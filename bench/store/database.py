"""One SQLite file of everything measured: environments, runs, measurements, and the pictures that runs made.

Only one process writes. A run and its measurements arrive in one transaction, so that a kill at any point
leaves whole runs; each has a digest that is looked at whenever it is read. Statistics are derived when read.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from bench.records.environment import Environment
from bench.records.runs import BenchmarkCase, RunConfig, RunResult
from bench.store.digest import Picture, run_sha256
from bench.store.schema import (
    ACCESS,
    DAMAGED,
    ENVIRONMENT,
    ROW,
    SPECIFICATION,
    VERSION,
    StoreError,
    contents,
    named,
    reading,
    writing,
)

__all__ = ["VERSION", "Snapshot", "Store", "StoreError", "alone", "latest", "of"]


@contextmanager
def alone(path: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Keep others who would write the store waiting; `wait` is called first where another is before us.

    The lock, `<path>.lock`, goes with the process, however that ends.
    """
    lock = FileLock(f"{path}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            wait()
            lock.acquire()
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}); {ACCESS}") from error
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True, eq=False)  # frames have no single truth value to compare by
class Snapshot:
    """All runs of one environment and one profile, as frames; never more than one of either."""

    environment: dict[str, object]
    profile: str
    runs: pd.DataFrame  # one row a run: status, error and the fields of its cell or timing
    measurements: pd.DataFrame  # tidy: the run's columns and metric, step, value, unit
    images: dict[tuple[int, str], np.ndarray]  # (run, name) -> (K, H, W) uint8
    # what else the store holds, a row an environment and profile: its fields, profile, runs, begun, ended
    other_environments: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def id(self) -> str:
        """Short name that tells this snapshot from every other: hash of its environment and profile."""
        identity = json.dumps([self.environment, self.profile], sort_keys=True)
        return hashlib.sha256(identity.encode()).hexdigest()[:8]

    def tables(self) -> dict[str, pd.DataFrame]:
        """The snapshot as three tidy tables, for use elsewhere: environment, runs, measurements by run."""
        where = {**self.environment, "profile": self.profile}
        return {
            "environment": pd.DataFrame({"what": where.keys(), "value": map(str, where.values())}),
            "runs": self.runs,
            "measurements": self.measurements[["run", "metric", "step", "value", "unit"]],
        }


class Store:
    """A store opened for writing, made where there is none, brought up to date where it is older.

    All methods raise StoreError, naming file and remedy, where the file is something else or cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = writing(path)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def environment_id(self, environment: Environment) -> int:
        """Row of the environment, made on first sight."""
        columns = asdict(environment)
        with named(self.path), self.connection:
            self.connection.execute(
                f"INSERT OR IGNORE INTO environment (key, {', '.join(columns)}) "
                f"VALUES (?{', ?' * len(columns)})",
                (environment.key, *columns.values()),
            )
            found: int = self.connection.execute(
                "SELECT id FROM environment WHERE key = ?", (environment.key,)
            ).fetchone()[0]
        return found

    def finished(self, environment: int, profile: str) -> set[str]:
        """Keys of the runs that need not be made again: finished or diverged, but not failed."""
        with named(self.path):
            rows = self.connection.execute(
                "SELECT key FROM run WHERE environment = ? AND profile = ? AND status != 'failed'",
                (environment, profile),
            )
            return {row[0] for row in rows}

    def snapshot(self, environment: int, profile: str) -> "Snapshot":
        """All that is stored of an environment and a profile."""
        with named(self.path):
            return _snapshot(self.connection, self.path, environment, profile)

    def record(
        self, environment: int, profile: str, what: RunConfig | BenchmarkCase, outcome: RunResult
    ) -> None:
        """Write one run whole; a failed run of the same key is replaced."""
        kind = "training" if isinstance(what, RunConfig) else "timing"
        row = {
            "profile": profile,
            "kind": kind,
            "key": what.config_hash,
            "status": outcome.status,
            "error": outcome.error,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **dict.fromkeys(SPECIFICATION),
            **asdict(what),
        }
        pictures = [
            (name, step, *picture.shape, picture.tobytes())
            for name, stack in sorted(outcome.images.items())
            for step, picture in enumerate(stack)
        ]
        with named(self.path), self.connection:
            self.connection.execute(
                "DELETE FROM run WHERE environment = ? AND profile = ? AND key = ? AND status = 'failed'",
                (environment, profile, what.config_hash),
            )
            where = self.connection.execute(
                f"SELECT {', '.join(ENVIRONMENT)} FROM environment WHERE id = ?", (environment,)
            ).fetchone()
            digest = run_sha256((*row.values(), *where), outcome.measurements, pictures)
            cursor = self.connection.execute(
                f"INSERT INTO run (environment, sha256, {', '.join(row)}) VALUES (?, ?{', ?' * len(row)})",
                (environment, digest, *row.values()),
            )
            self.connection.executemany(
                "INSERT INTO measurement VALUES (?, ?, ?, ?, ?)",
                [(cursor.lastrowid, *measurement) for measurement in outcome.measurements],
            )
            self.connection.executemany(
                "INSERT INTO picture VALUES (?, ?, ?, ?, ?, ?)",
                [(cursor.lastrowid, *picture) for picture in pictures],
            )


def _stacks(pictures: Mapping[int, Sequence[Picture]]) -> dict[tuple[int, str], np.ndarray]:
    """Pictures stacked by run and name."""
    stacks: dict[tuple[int, str], list[np.ndarray]] = {}
    for run, rows in pictures.items():
        for name, _, height, width, pixels in rows:
            picture = np.frombuffer(pixels, np.uint8).reshape(height, width)
            stacks.setdefault((run, name), []).append(picture)
    return {key: np.stack(stack) for key, stack in stacks.items()}


def _snapshot(connection: sqlite3.Connection, path: Path, environment: int, profile: str) -> Snapshot:
    where = (environment, profile)
    found = contents(connection, where)
    runs = pd.read_sql_query(
        f"SELECT id AS run, {', '.join(ROW)}, sha256 FROM run WHERE environment = ? AND profile = ? "
        "ORDER BY id",
        connection,
        params=where,
    )
    stored = runs.pop("sha256")
    if damaged := [
        run for (run, digest), was in zip(found.digests().items(), stored, strict=True) if digest != was
    ]:
        raise StoreError(f"{path} is damaged: run {damaged[0]} is not what was stored; {DAMAGED}")
    row = connection.execute(f"SELECT {', '.join(ENVIRONMENT)} FROM environment WHERE id = ?", (environment,))
    # Texts are categories, which a million rows can be searched by.
    described = runs.drop(columns=["error", "finished_at"])
    texts: list[str] = list(described.select_dtypes("str").columns)
    return Snapshot(
        environment=dict(zip(ENVIRONMENT, row.fetchone(), strict=True)),
        profile=profile,
        runs=runs,
        measurements=described.astype(dict.fromkeys(texts, "category")).merge(found.measurements, on="run"),
        images=_stacks(found.pictures),
    )


def of(path: Path, environment: Environment, profile: str) -> Snapshot | None:
    """Snapshot of this environment and profile, None where nothing was measured; StoreError as `latest`."""
    if not path.exists():
        return None
    with reading(path) as connection:
        row = connection.execute("SELECT id FROM environment WHERE key = ?", (environment.key,)).fetchone()
        return None if row is None else _snapshot(connection, path, row[0], profile)


def latest(path: Path) -> Snapshot | None:
    """Snapshot of the environment and profile measured last, or None where nothing was measured.

    Raises:
        StoreError: if the file is no store, damaged, or of a newer version.
    """
    if not path.exists():
        return None
    with reading(path) as connection:
        held = pd.read_sql_query(
            f"SELECT {', '.join(f'e.{name}' for name in ENVIRONMENT)}, environment, profile, "
            "COUNT(*) AS runs, MIN(finished_at) AS begun, MAX(finished_at) AS ended "
            "FROM run JOIN environment e ON e.id = environment GROUP BY environment, profile "
            "ORDER BY MAX(run.id)",
            connection,
        )
        if held.empty:
            return None
        last = held.iloc[-1]
        found = _snapshot(connection, path, int(last["environment"]), str(last["profile"]))
        return replace(found, other_environments=held.iloc[:-1])
