"""One SQLite file of everything measured: environments, runs, measurements, and the pictures that runs made.

Only one process writes. A run and its measurements arrive in one transaction, so that a kill at any point
leaves whole runs. Statistics are derived when read.
"""

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from bench.cells import Cell, Outcome
from bench.environment import Environment
from bench.timing import Timing

VERSION = 2
ENVIRONMENT = tuple(f.name for f in fields(Environment))
SPECIFICATION = tuple(dict.fromkeys(f.name for kind in (Cell, Timing) for f in fields(kind)))

SCHEMA = f"""
BEGIN;
CREATE TABLE environment (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    {", ".join(f"{name} ANY NOT NULL" for name in ENVIRONMENT)}
) STRICT;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    environment INTEGER NOT NULL REFERENCES environment(id),
    profile TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('training', 'timing')),
    key TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('finished', 'diverged', 'failed')),
    error TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    {", ".join(f"{name} ANY" for name in SPECIFICATION)},
    UNIQUE (environment, profile, key)
) STRICT;
CREATE TABLE measurement (
    run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    metric TEXT NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL, unit TEXT NOT NULL,
    PRIMARY KEY (run, metric, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE picture (
    run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    name TEXT NOT NULL, step INTEGER NOT NULL,
    height INTEGER NOT NULL, width INTEGER NOT NULL, pixels BLOB NOT NULL,
    PRIMARY KEY (run, name, step)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = {VERSION};
COMMIT;
"""


class StoreError(ValueError):
    """A file that is not a store of this version."""


@dataclass(frozen=True, eq=False)  # frames have no single truth value to compare by
class Snapshot:
    """All runs of one environment and one profile, as frames; never more than one of either."""

    environment: dict[str, object]
    profile: str
    runs: pd.DataFrame  # one row a run: status, error and the fields of its cell or timing
    measurements: pd.DataFrame  # tidy: the run's columns and metric, step, value, unit
    pictures: dict[tuple[int, str], np.ndarray]  # (run, name) -> (K, H, W) uint8

    @property
    def slug(self) -> str:
        """Short name that tells this snapshot from every other: hash of its environment and profile."""
        identity = json.dumps([self.environment, self.profile], sort_keys=True)
        return hashlib.sha256(identity.encode()).hexdigest()[:8]

    def tables(self) -> dict[str, pd.DataFrame]:
        """The snapshot as three tidy tables, for use elsewhere: environment, runs, measurements by run."""
        where = {**self.environment, "profile": self.profile}
        return {
            "environment": pd.DataFrame({"what": where.keys(), "value": where.values()}),
            "runs": self.runs,
            "measurements": self.measurements[["run", "metric", "step", "value", "unit"]],
        }


def _connect(path: Path, database: str) -> sqlite3.Connection:
    """Connection to `path`, by its name or its URI."""
    try:
        return sqlite3.connect(database, uri=database.startswith("file:"), timeout=60)
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path} cannot be opened as a results store ({error})") from error


def _check(connection: sqlite3.Connection, path: Path) -> int:
    """Version of the store, 0 for an empty file; anything that is not a store of ours is an error."""
    try:
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{path} is not a results store ({error}); move it away and measure again"
        ) from error
    if found != VERSION and (found or tables):
        raise StoreError(
            f"{path} is a database of version {found}; a results store of version {VERSION} was expected. "
            "Move it away and measure again; nothing in it was changed"
        )
    return found


class Store:
    """A store opened for writing, made where there is none.

    Raises:
        StoreError: if the file is something else, or of another version.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.connection = _connect(path, str(path))
        self.connection.execute("PRAGMA foreign_keys = ON")
        if _check(self.connection, path) == 0:
            self.connection.executescript(SCHEMA)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def environment_id(self, environment: Environment) -> int:
        """Row of the environment, made on first sight."""
        columns = asdict(environment)
        with self.connection:
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
        rows = self.connection.execute(
            "SELECT key FROM run WHERE environment = ? AND profile = ? AND status != 'failed'",
            (environment, profile),
        )
        return {row[0] for row in rows}

    def snapshot(self, environment: int, profile: str) -> "Snapshot":
        """All that is stored of an environment and a profile."""
        return _snapshot(self.connection, environment, profile)

    def record(self, environment: int, profile: str, what: Cell | Timing, outcome: Outcome) -> None:
        """Write one run whole; a failed run of the same key is replaced."""
        columns = asdict(what)
        kind = "training" if isinstance(what, Cell) else "timing"
        head = (environment, profile, kind, what.key, outcome.status, outcome.error)
        with self.connection:
            self.connection.execute(
                "DELETE FROM run WHERE environment = ? AND profile = ? AND key = ? AND status = 'failed'",
                (environment, profile, what.key),
            )
            cursor = self.connection.execute(
                "INSERT INTO run (environment, profile, kind, key, status, error, finished_at, "
                f"{', '.join(columns)}) VALUES (?{', ?' * (6 + len(columns))})",
                (*head, datetime.now(UTC).isoformat(timespec="seconds"), *columns.values()),
            )
            self.connection.executemany(
                "INSERT INTO measurement VALUES (?, ?, ?, ?, ?)",
                [(cursor.lastrowid, *measurement) for measurement in outcome.measurements],
            )
            self.connection.executemany(
                "INSERT INTO picture VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (cursor.lastrowid, name, step, *picture.shape, picture.tobytes())
                    for name, pictures in outcome.pictures.items()
                    for step, picture in enumerate(pictures)
                ],
            )


def _pictures(connection: sqlite3.Connection, runs: pd.Series) -> dict[tuple[int, str], np.ndarray]:
    """All pictures of the given runs, stacked by run and name."""
    wanted = set(runs)
    stacks: dict[tuple[int, str], list[np.ndarray]] = {}
    for run, name, height, width, pixels in connection.execute(
        "SELECT run, name, height, width, pixels FROM picture ORDER BY run, name, step"
    ):
        if run in wanted:
            picture = np.frombuffer(pixels, np.uint8).reshape(height, width)
            stacks.setdefault((run, name), []).append(picture)
    return {key: np.stack(stack) for key, stack in stacks.items()}


def _measurements(connection: sqlite3.Connection, runs: pd.DataFrame, where: tuple[int, str]) -> pd.DataFrame:
    """The tidy frame; its texts are categories, which a million rows can be searched by."""
    names = {
        column: pd.CategoricalDtype(
            [row[0] for row in connection.execute(f"SELECT DISTINCT {column} FROM measurement ORDER BY 1")]
        )
        for column in ("metric", "unit")
    }
    # In pieces, because rows on their way into a frame take many times the room that they take in it.
    pieces = pd.read_sql_query(
        "SELECT m.* FROM measurement m JOIN run r ON r.id = m.run WHERE r.environment = ? AND r.profile = ? "
        "ORDER BY m.run, m.metric, m.step",
        connection,
        params=where,
        dtype=names,
        chunksize=100_000,
    )
    values = pd.concat(pieces, ignore_index=True)
    described = runs.drop(columns=["error", "finished_at"])
    texts: list[str] = list(described.select_dtypes("str").columns)
    return described.astype(dict.fromkeys(texts, "category")).merge(values, on="run")


def _snapshot(connection: sqlite3.Connection, environment: int, profile: str) -> Snapshot:
    where = (environment, profile)
    runs = pd.read_sql_query(
        "SELECT id AS run, kind, key, status, error, finished_at, "
        f"{', '.join(SPECIFICATION)} FROM run WHERE environment = ? AND profile = ? ORDER BY id",
        connection,
        params=where,
    )
    row = connection.execute(f"SELECT {', '.join(ENVIRONMENT)} FROM environment WHERE id = ?", (environment,))
    return Snapshot(
        environment=dict(zip(ENVIRONMENT, row.fetchone(), strict=True)),
        profile=profile,
        runs=runs,
        measurements=_measurements(connection, runs, where),
        pictures=_pictures(connection, runs["run"]),
    )


def latest(path: Path) -> Snapshot | None:
    """Snapshot of the environment and profile measured last, or None where nothing was measured.

    Raises:
        StoreError: if the file is not a store of this version.
    """
    if not path.exists():
        return None
    with closing(_connect(path, f"{path.resolve().as_uri()}?mode=ro")) as connection:
        if _check(connection, path) == 0:
            return None
        connection.execute("BEGIN")  # one consistent view, also while a benchmark writes
        row = connection.execute("SELECT environment, profile FROM run ORDER BY id DESC LIMIT 1").fetchone()
        return _snapshot(connection, *row) if row else None
