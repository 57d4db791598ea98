"""Write and find runs in the results database.

Only one process writes. A run and its measurements arrive in one transaction, so that a kill at any point
leaves whole runs; each has a digest that every reader checks. Statistics are derived when read.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from bench.records.environment import PROGRAM, Environment
from bench.records.runs import BenchmarkCase, RunConfig, RunResult
from bench.store.digest import run_sha256
from bench.store.schema import (
    ACCESS,
    ENVIRONMENT,
    SELECTED,
    SPECIFICATION,
    StoreError,
    named,
    reading,
    writing,
)
from bench.store.snapshot import Snapshot, read

REFERENCE = Path("results/reference.sqlite")  # committed


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Lock a database against other writers; call `on_wait` once if another process holds the lock.

    The lock, `<path>.lock`, is released when the process ends for whatever reason.
    """
    lock = FileLock(f"{path}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            lock.acquire()
    except OSError as error:
        raise StoreError(f"cannot write {path} ({error.strerror}); {ACCESS}") from error
    try:
        yield
    finally:
        lock.release()


class Store:
    """Open a results database for writing; create it if the file is missing.

    Args:
        path: SQLite file.

    Raises:
        StoreError: by every method, with file and remedy, if the file is not a results database or cannot be
            used.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from bench.records.environment import current
        >>> from bench.records.runs import Measurement, RunConfig, RunResult
        >>> config = RunConfig("affinity", None, None, None, None, None, "digits", 100, 0, seed=0)
        >>> with TemporaryDirectory() as folder, Store(Path(folder, "results.sqlite")) as store:
        ...     environment = store.environment_id(current("digits", "0"))
        ...     result = RunResult("finished", [Measurement("superposition error", 0, 0.5, "1")])
        ...     store.record(environment, "quick", config, result)
        ...     store.finished(environment, "quick") == {config.config_hash}
        True
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = writing(path)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def environment_id(self, environment: Environment) -> int:
        """Return the row id of an environment; insert it if it is new."""
        columns = asdict(environment)
        with named(self.path), self.connection:
            self.connection.execute(
                f"INSERT OR IGNORE INTO environment (key, {', '.join(columns)}) "
                f"VALUES (?{', ?' * len(columns)})",
                (environment.key, *columns.values()),
            )
            query = "SELECT id FROM environment WHERE key = ?"
            row: tuple[int] = self.connection.execute(query, (environment.key,)).fetchone()
        return row[0]

    def finished(self, environment: int, profile: str) -> set[str]:
        """Return the hashes of the runs of a snapshot that have ended; failed runs are repeated."""
        with named(self.path):
            rows = self.connection.execute(
                f"SELECT key FROM run WHERE id IN ({SELECTED}) AND status != 'failed'",
                (environment, profile),
            )
            return {row[0] for row in rows}

    def snapshot(self, environment: int, profile: str) -> Snapshot:
        """Return the runs of an environment and a profile."""
        with named(self.path):
            return read(self.connection, self.path, environment, profile)

    def record(
        self, environment: int, profile: str, what: RunConfig | BenchmarkCase, result: RunResult
    ) -> None:
        """Store one run in a single transaction; replace a failed run of the same hash.

        Args:
            environment: Row id of the environment.
            profile: Name of the profile.
            what: Configuration of the run.
            result: Its result.
        """
        row = {
            "profile": profile,
            "kind": "training" if isinstance(what, RunConfig) else "timing",
            "key": what.config_hash,
            "status": result.status,
            "error": result.error,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **dict.fromkeys(SPECIFICATION),
            **asdict(what),
        }
        arrays = [
            (name, str(array.dtype), json.dumps(array.shape), array.tobytes())
            for name, array in sorted(result.arrays.items())
        ]
        with named(self.path), self.connection:
            self.connection.execute(
                "DELETE FROM run WHERE environment = ? AND profile = ? AND key = ? AND status = 'failed'",
                (environment, profile, what.config_hash),
            )
            where = self.connection.execute(
                f"SELECT {', '.join(ENVIRONMENT)} FROM environment WHERE id = ?", (environment,)
            ).fetchone()
            digest = run_sha256((*row.values(), *where), result.measurements, arrays)
            cursor = self.connection.execute(
                f"INSERT INTO run (environment, sha256, {', '.join(row)}) VALUES (?, ?{', ?' * len(row)})",
                (environment, digest, *row.values()),
            )
            self.connection.executemany(
                "INSERT INTO measurement VALUES (?, ?, ?, ?, ?)",
                [(cursor.lastrowid, *measurement) for measurement in result.measurements],
            )
            self.connection.executemany(
                "INSERT INTO array VALUES (?, ?, ?, ?, ?)",
                [(cursor.lastrowid, *array) for array in arrays],
            )


def find(path: Path, environment: Environment, profile: str) -> Snapshot | None:
    """Return the snapshot of an environment and profile, or None if it has no runs.

    Args:
        path: SQLite file, which may be missing.
        environment: Environment of the runs.
        profile: Name of the profile.

    Returns:
        The snapshot, without `other_environments`.

    Raises:
        StoreError: If the file is not a results database, is damaged, or has another version.
    """
    if not path.exists():
        return None
    here = asdict(environment)
    same = " AND ".join(f"{name} = :{name}" for name in PROGRAM)
    with reading(path) as connection:
        row = connection.execute(
            f"SELECT id, key FROM environment WHERE {same} ORDER BY key != :key LIMIT 1",
            {name: here[name] for name in PROGRAM} | {"key": environment.key},
        ).fetchone()
        if row is None:
            return None
        snapshot = read(connection, path, row[0], profile)
    if row[1] == environment.key:
        return snapshot
    runs, measurements = (
        frame[frame["kind"] == "training"].reset_index(drop=True)
        for frame in (snapshot.runs, snapshot.measurements)
    )
    return replace(snapshot, environment=here, runs=runs, measurements=measurements)


def latest(path: Path) -> Snapshot | None:
    """Return the snapshot of the program and profile that ran last, or None if there are no runs.

    Args:
        path: SQLite file, which may be missing.

    Returns:
        The snapshot, with the times of the machine that measured some last. What it leaves out is listed in
        `other_environments`.

    Raises:
        StoreError: If the file is not a results database, is damaged, or has another version.

    Example:
        >>> snapshot = latest(Path("results/reference.sqlite"))
        >>> snapshot.profile, snapshot.environment["dataset"]
        ('reference', 'mnist')
    """
    if not path.exists():
        return None
    with reading(path) as connection:
        held = _held(connection)
        if held.empty:
            return None
        same = (held[[*PROGRAM, "profile"]] == held[[*PROGRAM, "profile"]].iloc[-1]).all(axis=1)
        last = held[same].sort_values("last_timing", na_position="first", kind="stable").iloc[-1]
        environment, profile = int(last["environment"]), str(last["profile"])
        snapshot = read(connection, path, environment, profile)
        others = _held(connection, f"WHERE run.id NOT IN ({SELECTED})", (environment, profile))
        return replace(snapshot, other_environments=others.drop(columns="last_timing"))


def existing(path: Path) -> Snapshot:
    """Return the snapshot of `latest`.

    Raises:
        ValueError: If there are no runs.
        StoreError: If the file is not a results database, is damaged, or has another version.
    """
    snapshot = latest(path)
    if snapshot is None:
        raise ValueError(f"{path} contains no runs; `make bench` measures")
    return snapshot


def _held(
    connection: sqlite3.Connection, where: str = "", parameters: tuple[int | str, ...] = ()
) -> pd.DataFrame:
    """Return a row for each environment and profile with runs, that which ran last at the end."""
    return pd.read_sql_query(
        f"SELECT {', '.join(f'e.{name}' for name in ENVIRONMENT)}, environment, profile, "
        "COUNT(*) AS runs, MIN(finished_at) AS begun, MAX(finished_at) AS ended, "
        "MAX(CASE kind WHEN 'timing' THEN run.id END) AS last_timing "
        f"FROM run JOIN environment e ON e.id = environment {where} GROUP BY environment, profile "
        "ORDER BY MAX(run.id)",
        connection,
        params=parameters,
    )
