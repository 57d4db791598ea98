"""Tables of the results database, its version, and the errors of its file.

Every problem with the file raises a StoreError that names the file and the remedy.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from bench.records.environment import PROGRAM, Environment
from bench.records.runs import BenchmarkCase, RunConfig
from bench.store.digest import StoredArray, digests

VERSION = 4
ENVIRONMENT = tuple(f.name for f in fields(Environment))
SPECIFICATION = tuple(dict.fromkeys(f.name for kind in (RunConfig, BenchmarkCase) for f in fields(kind)))
ROW = ("kind", "key", "status", "error", "finished_at", *SPECIFICATION)

TABLES = (
    f"""CREATE TABLE environment (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    {", ".join(f"{name} ANY NOT NULL" for name in ENVIRONMENT)}
) STRICT""",
    f"""CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    environment INTEGER NOT NULL REFERENCES environment(id),
    profile TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('training', 'timing')),
    key TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('finished', 'collapsed', 'diverged', 'failed')),
    error TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    {", ".join(f"{name} ANY" for name in SPECIFICATION)},
    sha256 TEXT NOT NULL DEFAULT '',
    UNIQUE (environment, profile, key)
) STRICT""",
    """CREATE TABLE measurement (
    run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    metric TEXT NOT NULL, step REAL NOT NULL, value REAL NOT NULL, unit TEXT NOT NULL,
    PRIMARY KEY (run, metric, step)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE array (
    run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    name TEXT NOT NULL, dtype TEXT NOT NULL CHECK (dtype IN ('uint8', 'float32')),
    shape TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID""",
)

RESUME = "completed runs are saved; rerun the same command to resume"
MEASUREMENT = {"run": "int64", "metric": "str", "step": "float64", "value": "float64", "unit": "str"}

ACCESS = "make file and folder readable and writable, or name another with --results"
DAMAGED = "move it away and measure again, or restore a copy; the file was not changed"
REMEDIES = {
    sqlite3.SQLITE_FULL: f"free space on its disk; {RESUME}",
    sqlite3.SQLITE_IOERR: f"check its disk; {RESUME}",
    sqlite3.SQLITE_READONLY: ACCESS,
    sqlite3.SQLITE_CANTOPEN: ACCESS,
    sqlite3.SQLITE_PERM: ACCESS,
    sqlite3.SQLITE_BUSY: "another program has locked it; end that program",
}


class StoreError(ValueError):
    """A file is not a results database, is damaged, has another version, or cannot be read or written."""


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into a StoreError with file and remedy."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # a bug of this program, not a problem of the file
    except (sqlite3.Error, pd.errors.DatabaseError, UnicodeDecodeError) as error:
        cause = error.__cause__ if isinstance(error, pd.errors.DatabaseError) else error
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # primary result code
        remedy = REMEDIES.get(code, DAMAGED)
        raise StoreError(f"cannot use {path} as a results database: {cause or error}; {remedy}") from error


@dataclass(frozen=True, eq=False)  # frames have no single truth value to compare by
class Contents:
    """Stored runs: values of each row and its environment's, measurements, and arrays by run."""

    heads: Mapping[int, tuple[object, ...]]
    measurements: pd.DataFrame
    arrays: Mapping[int, list[StoredArray]]

    def digests(self) -> dict[int, str]:
        """Return the SHA-256 of each run."""
        return dict(digests(self.heads, self.measurements, self.arrays))


# Runs of a profile: those of an environment, and training runs of others with the same program. Of equal runs
# one that ended, if possible of the environment.
SELECTED = f"""SELECT id FROM (
    SELECT r.id, ROW_NUMBER() OVER (
        PARTITION BY r.key ORDER BY r.status = 'failed', r.environment != here.id, r.id
    ) AS place
    FROM run r JOIN environment e ON e.id = r.environment JOIN environment here ON here.id = ?
    WHERE r.profile = ? AND (
        e.id = here.id
        OR r.kind = 'training' AND {" AND ".join(f"e.{name} = here.{name}" for name in PROGRAM)}
    )
) WHERE place = 1"""


def contents(connection: sqlite3.Connection, environment: int, profile: str) -> Contents:
    """Return the runs that SELECTED selects."""
    where, parameters = f"WHERE r.id IN ({SELECTED})", (environment, profile)
    columns = (f"r.{name}" for name in ("id", "profile", *ROW))
    heads = connection.execute(
        f"SELECT {', '.join(columns)}, {', '.join(f'e.{name}' for name in ENVIRONMENT)} FROM run r "
        f"JOIN environment e ON e.id = r.environment {where} ORDER BY r.id",
        parameters,
    )
    arrays: dict[int, list[StoredArray]] = {}
    for run, *array in connection.execute(
        f"SELECT a.* FROM array a JOIN run r ON r.id = a.run {where} ORDER BY a.run, a.name", parameters
    ):
        arrays.setdefault(run, []).append(tuple(array))
    measurements = _measurements(connection, where, parameters)
    return Contents({run: tuple(head) for run, *head in heads}, measurements, arrays)


def _measurements(connection: sqlite3.Connection, where: str, parameters: tuple[object, ...]) -> pd.DataFrame:
    """Return measurements with metric and unit as categories."""
    names = {
        column: pd.CategoricalDtype(
            [row[0] for row in connection.execute(f"SELECT DISTINCT {column} FROM measurement ORDER BY 1")]
        )
        for column in ("metric", "unit")
    }
    # In pieces: rows take many times more memory as tuples than in a frame.
    pieces = [pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in MEASUREMENT.items()}).astype(names)]
    query = (
        f"SELECT m.* FROM measurement m JOIN run r ON r.id = m.run {where} ORDER BY m.run, m.metric, m.step"
    )
    with closing(connection.execute(query, parameters)) as rows:
        while piece := rows.fetchmany(100_000):
            pieces.append(pd.DataFrame(piece, columns=list(MEASUREMENT)).astype({**MEASUREMENT, **names}))
    return pd.concat(pieces, ignore_index=True)


def _check(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the database has its tables, False for an empty file; raise StoreError if unusable."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables and not version:
        if path.stat().st_size:
            raise StoreError(f"{path} is damaged (it contains no tables); {DAMAGED}")
        return False
    if "run" not in tables or version <= 0:
        raise StoreError(
            f"{path} is another program's database, not a results database; name another file with --results"
        )
    if version != VERSION:
        age = "a newer" if version > VERSION else "an older"
        raise StoreError(
            f"{path} has {age} format (version {version}, expected {VERSION}); read it with {age} program, "
            "or name another file with --results; the file was not changed"
        )
    for (problem,) in connection.execute("PRAGMA integrity_check(1)"):
        if problem != "ok":
            raise StoreError(f"{path} is damaged ({problem}); {DAMAGED}")
    return True


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a results database; name a file with --results")


def _create(connection: sqlite3.Connection) -> None:
    """Create the tables of an empty database in one transaction."""
    # In the default pages of 4 KiB, an array of 2 KiB takes a page of its own.
    connection.execute("PRAGMA page_size = 32768")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            connection.execute(table)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def writing(path: Path) -> sqlite3.Connection:
    """Open a database for writing; create it if the file is missing."""
    _refuse_folder(path)
    with named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=60)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            if not _check(connection, path):
                _create(connection)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open one consistent view of a database, also while a benchmark writes; an empty file has no runs.

    The file is never changed, except to roll back what a killed writer left half done.
    """
    _refuse_folder(path)
    if Path(f"{path}-journal").exists():
        # A writer was killed: SQLite rolls its transaction back, which a read-only connection cannot.
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as writer:
            writer.execute("SELECT 1 FROM sqlite_master")
    with (
        named(path),
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as connection,
    ):
        connection.execute("BEGIN")
        if _check(connection, path):
            yield connection
            return
        with closing(sqlite3.connect(":memory:")) as empty:
            _create(empty)
            yield empty
