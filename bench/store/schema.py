"""The tables of a results store: how they are made, brought up to date and looked after.

Whatever goes wrong with the file is a StoreError that names it and says what to do.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from bench.records.environment import Environment
from bench.records.runs import BenchmarkCase, RunConfig
from bench.store.digest import Picture, digests

VERSION = 3
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
    status TEXT NOT NULL CHECK (status IN ('finished', 'diverged', 'failed')),
    error TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    {", ".join(f"{name} ANY" for name in SPECIFICATION)},
    sha256 TEXT NOT NULL DEFAULT '',
    UNIQUE (environment, profile, key)
) STRICT""",
    """CREATE TABLE measurement (
    run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    metric TEXT NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL, unit TEXT NOT NULL,
    PRIMARY KEY (run, metric, step)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE picture (
    run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    name TEXT NOT NULL, step INTEGER NOT NULL,
    height INTEGER NOT NULL, width INTEGER NOT NULL, pixels BLOB NOT NULL,
    PRIMARY KEY (run, name, step)
) STRICT, WITHOUT ROWID""",
)

KEPT = "what was finished is kept, and the same command goes on from there"
MEASUREMENT = {"run": "int64", "metric": "str", "step": "int64", "value": "float64", "unit": "str"}

ACCESS = "make file and folder readable and writable, or name another with --results"
DAMAGED = "move it away and measure again, or restore a copy; nothing in it was changed"
REMEDIES = {
    sqlite3.SQLITE_FULL: f"make room on its disk; {KEPT}",
    sqlite3.SQLITE_IOERR: f"look after its disk; {KEPT}",
    sqlite3.SQLITE_READONLY: ACCESS,
    sqlite3.SQLITE_CANTOPEN: ACCESS,
    sqlite3.SQLITE_PERM: ACCESS,
    sqlite3.SQLITE_BUSY: "another program holds it; end that one",
}


class StoreError(ValueError):
    """A file that is no results store, is damaged, is of a newer version, or cannot be read or written."""


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into a StoreError that names the file and says what to do."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # ours, not the file's
    except (sqlite3.Error, pd.errors.DatabaseError, UnicodeDecodeError) as error:
        cause = error.__cause__ if isinstance(error, pd.errors.DatabaseError) else error
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # the rest is mended alike
        raise StoreError(
            f"{path} as a results store: {cause or error}; {REMEDIES.get(code, DAMAGED)}"
        ) from error


@dataclass(frozen=True, eq=False)  # frames have no single truth value to compare by
class Contents:
    """Runs as they are stored: values of a row and its environment's, measurements and pictures by number."""

    heads: Mapping[int, tuple[object, ...]]
    measurements: pd.DataFrame
    pictures: Mapping[int, list[Picture]]

    def digests(self) -> dict[int, str]:
        """What each run hashes to."""
        return dict(digests(self.heads, self.measurements, self.pictures))


def contents(connection: sqlite3.Connection, where: tuple[int, str] | None = None) -> Contents:
    """All runs, or those of one environment and profile."""
    chosen, parameters = ("WHERE r.environment = ? AND r.profile = ?", where) if where else ("", ())
    columns = (f"r.{name}" for name in ("id", "profile", *ROW))
    heads = connection.execute(
        f"SELECT {', '.join(columns)}, {', '.join(f'e.{name}' for name in ENVIRONMENT)} FROM run r "
        f"JOIN environment e ON e.id = r.environment {chosen} ORDER BY r.id",
        parameters,
    )
    pictures: dict[int, list[Picture]] = {}
    for run, *picture in connection.execute(
        f"SELECT p.* FROM picture p JOIN run r ON r.id = p.run {chosen} ORDER BY p.run, p.name, p.step",
        parameters,
    ):
        pictures.setdefault(run, []).append(tuple(picture))
    names = {
        column: pd.CategoricalDtype(
            [row[0] for row in connection.execute(f"SELECT DISTINCT {column} FROM measurement ORDER BY 1")]
        )
        for column in ("metric", "unit")
    }
    # In pieces, because rows on their way into a frame take many times the room that they take in it.
    pieces = [pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in MEASUREMENT.items()}).astype(names)]
    with closing(
        connection.execute(
            f"SELECT m.* FROM measurement m JOIN run r ON r.id = m.run {chosen} "
            "ORDER BY m.run, m.metric, m.step",
            parameters,
        )
    ) as rows:
        while piece := rows.fetchmany(100_000):
            pieces.append(pd.DataFrame(piece, columns=list(MEASUREMENT)).astype({**MEASUREMENT, **names}))
    return Contents(
        {run: tuple(head) for run, *head in heads}, pd.concat(pieces, ignore_index=True), pictures
    )


def _from_1(connection: sqlite3.Connection) -> None:
    """Version 1 knew no held-out images, no wrong labels, and one loss and one initialization."""
    for column in ("split", "loss", "wrong_labels", "initialization"):
        connection.execute(f"ALTER TABLE run ADD COLUMN {column} ANY")
    connection.execute("UPDATE run SET split = 'test', wrong_labels = 0.0 WHERE kind = 'training'")


def _from_2(connection: sqlite3.Connection) -> None:
    """Version 2 had no digests."""
    connection.execute("ALTER TABLE run ADD COLUMN sha256 TEXT NOT NULL DEFAULT ''")
    found = contents(connection).digests()
    connection.executemany("UPDATE run SET sha256 = ? WHERE id = ?", [(d, run) for run, d in found.items()])


# From a version to the next.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _from_1, 2: _from_2}


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Version of the store, 0 for an empty file; StoreError for anything that is not whole and ours."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if found > VERSION:
        raise StoreError(
            f"{path} is a results store of version {found}, and this program knows versions up to {VERSION}: "
            "use a newer program, or name another store with --results; nothing in it was changed"
        )
    if (found or tables) and (found not in {*MIGRATIONS, VERSION} or "run" not in tables):
        raise StoreError(
            f"{path} is another program's database, not a results store; name another with --results"
        )
    if not tables and path.stat().st_size:
        raise StoreError(f"{path} is damaged (there is nothing in it); {DAMAGED}")
    for (problem,) in connection.execute("PRAGMA integrity_check(1)"):
        if problem != "ok":
            raise StoreError(f"{path} is damaged ({problem}); {DAMAGED}")
    return found


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a results store; name a file with --results")


def _bring_up_to_date(connection: sqlite3.Connection, version: int) -> None:
    """All that is missing to the present version, in one transaction."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if version == 0:
            for table in TABLES:
                connection.execute(table)
        for older in range(version or VERSION, VERSION):
            MIGRATIONS[older](connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def writing(path: Path) -> sqlite3.Connection:
    """Connection to a store to write to, made where there is none, brought up to date where it is older."""
    _refuse_folder(path)
    with named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=60)
        with ExitStack() as stack:
            stack.callback(connection.close)
            connection.execute("PRAGMA foreign_keys = ON")
            if (version := _version(connection, path)) != VERSION:
                _bring_up_to_date(connection, version)
            stack.pop_all()
        return connection


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Connection to one consistent view of a store, also while a benchmark writes; an older one's is a copy.

    The file is never changed, but for what a killed writer left half done; an empty one looks like a store
    that nothing is in.
    """
    _refuse_folder(path)
    if Path(f"{path}-journal").exists():
        # Who wrote it was killed: SQLite takes back what is half done, which one who may only read cannot.
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as writer:
            writer.execute("SELECT 1 FROM sqlite_master")
    with (
        named(path),
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as found,
    ):
        found.execute("BEGIN")
        if (version := _version(found, path)) == VERSION:
            yield found
            return
        with closing(sqlite3.connect(":memory:")) as copy:
            found.backup(copy)
            _bring_up_to_date(copy, version)
            yield copy
