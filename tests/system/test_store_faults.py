"""What happens to the store: cut, flipped, full, read-only, older, and wanted by many at once."""

import gc
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.store import Store, StoreError, latest
from tests.small_store import HERE, run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store with every kind of run, of some pages."""
    path = tmp_path_factory.mktemp("whole") / "results.sqlite"
    pictures = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    with Store(path) as store:
        where = store.environment_id(HERE)
        for seed in range(12):
            config, outcome = run({"test_loss": {0: 0.1 + seed, 2: 1 / 3}, "test_accuracy": 0.5}, seed=seed)
            shown = {"input": pictures} if seed == 0 else {}
            store.record(where, "quick", config, RunResult("finished", outcome.measurements, shown))
        failed, _ = run({}, seed=99)
        store.record(where, "quick", failed, RunResult("failed", error="RuntimeError('of no use')"))
        timing = BenchmarkCase("activation_forward", "sgelu", "impl", "4 elements", 4)
        samples = [Measurement("seconds", step, 1e-6 * step, "s") for step in range(50)]
        store.record(where, "quick", timing, RunResult("finished", samples))
    return path


@pytest.fixture(autouse=True)
def quick_collection():
    """Let the collector leave alone what was there before, so that it can be called a thousand times."""
    gc.freeze()
    yield
    gc.unfreeze()


def content(path):
    """All that a snapshot holds, comparable."""
    found = latest(path)
    if found is None:
        return None
    frames = {name: frame.astype(str).values.tolist() for name, frame in found.tables().items()}
    return frames, {key: array.tolist() for key, array in found.arrays.items()}


def write(path):
    """Open a file for writing, and read what it then holds."""
    with Store(path) as store:
        found = store.snapshot(store.environment_id(HERE), "quick")
        assert len(found.runs) in (0, 14)


def outcome_of(path):
    """What reading and then writing a file comes to: an error that names it and the remedy, or content."""
    outcomes = []
    for attempt in (content, write):
        try:
            outcomes.append((None, attempt(path)))
        except StoreError as error:
            outcomes.append((str(error), None))
        gc.collect()  # a cursor that failed keeps the file locked as long as it lives
    for said, _ in outcomes:
        assert said is None or str(path) in said
        assert said is None or re.search("move it away and measure again|a newer program|name another", said)
    return outcomes[0]


def test_a_store_cut_at_any_byte_is_whole_or_an_error(whole, tmp_path):
    """Of nothing at all, as a program that was killed when it had made the file leaves it, it is new."""
    original, expected = whole.read_bytes(), content(whole)
    path, draw = tmp_path / "results.sqlite", random.Random(0)
    sizes = {size + by for size in range(0, len(original), 4096) for by in (-1, 0, 1, 100)}
    for size in sorted({*sizes, *draw.sample(range(len(original)), 400)} & set(range(len(original)))):
        path.write_bytes(original[:size])
        said, read = outcome_of(path)
        # SQLite takes what is missing of the last page for zeros, as which it may have been empty.
        assert said or read == (expected if size else None), size
    path.write_bytes(original)
    assert outcome_of(path) == (None, expected)


def test_a_flipped_bit_is_an_error_or_nothing_to_do_with_the_content(whole, tmp_path):
    original, expected = whole.read_bytes(), content(whole)
    path, draw = tmp_path / "results.sqlite", random.Random(1)
    errors = 0
    for position in draw.sample(range(8 * len(original)), 1000) + list(range(8 * 100)):
        flipped = bytearray(original)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        said, read = outcome_of(path)
        assert said or read == expected, position
        errors += said is not None
    assert errors > 300


def test_a_number_that_was_changed_is_never_read(whole, tmp_path):
    """By whoever writes to the file past this program."""
    path = shutil.copy(whole, tmp_path)
    for change in (
        "UPDATE measurement SET value = value + 1e-15 WHERE run = 3 AND metric = 'test_loss' AND step = 0",
        "UPDATE run SET seed = 77 WHERE id = 5",
        "UPDATE environment SET processor = 'a better one'",
        "UPDATE array SET name = 'other' WHERE name = 'input'",
        "DELETE FROM measurement WHERE run = 4",
        "UPDATE run SET status = 'finished' WHERE status = 'failed'",
    ):
        shutil.copy(whole, path)
        with closing(sqlite3.connect(path)) as connection, connection:
            assert connection.execute(change).rowcount
        damaged = rf"{path} is damaged: the digest of run \d+ does not match; move it"
        with pytest.raises(StoreError, match=damaged):
            latest(Path(path))


def test_readers_see_whole_runs_while_one_writes(whole, tmp_path):
    path = Path(shutil.copy(whole, tmp_path))
    writer = """
import sys
from pathlib import Path
from bench.records.runs import RunResult
from bench.store import Store
from tests.small_store import HERE, run
with Store(Path(sys.argv[1])) as store:
    where = store.environment_id(HERE)
    for first in range(1000, 1300, 50):
        sys.stdin.readline()  # the reader is not to come too late
        for seed in range(first, first + 50):
            cell, outcome = run({"test_loss": {step: seed + step for step in range(40)}}, seed=seed)
            store.record(where, "quick", cell, outcome)
"""
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(path)], cwd=ROOT, stdin=subprocess.PIPE, text=True
    ) as process:
        counts = [0]
        for end in range(50, 301, 50):  # of a part of what is written, told to begin
            process.stdin.write("\n")
            process.stdin.flush()
            while counts[-1] < end and process.poll() is None:
                found = latest(path)
                new = found.measurements[found.measurements["seed"] >= 1000]
                assert set(new.groupby("run", observed=True).size()) <= {40}
                counts.append(new["run"].nunique())
    assert process.returncode == 0
    assert counts == sorted(counts)
    assert latest(path).runs["seed"].max() == 1299


def test_what_a_killed_writer_left_half_done_is_taken_back(whole, tmp_path):
    """File and journal as they are in the middle of a transaction that is too large for the memory."""
    killed = tmp_path / "killed.sqlite"
    path = Path(shutil.copy(whole, tmp_path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE measurement SET value = value + 1")
        connection.execute("UPDATE array SET data = zeroblob(2352)")
        for suffix in ("", "-journal"):
            shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")
        connection.rollback()
    assert killed.read_bytes() != whole.read_bytes()
    assert content(killed) == content(whole)


# A disk of its own, in a namespace of mounts that ends with the process.


def on_a_disk_of(size, script, *arguments, unavailable):
    """Run a shell script whose first argument is a folder on a disk of so many bytes."""
    mount = f'mount -t tmpfs -o size={size} none "$1" && {script}'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh", *map(str, arguments)]
    if subprocess.run([*command[:3], "true"], capture_output=True).returncode:
        unavailable("no small disk can be made here: unshare --mount is not allowed")
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )


# The command line itself, with runs that only fill the store.
FILLS = """
import sys
from unittest.mock import patch
from bench import __main__ as command_line
from bench.runner import training
from tests.small_store import run

def fill(session, *arguments, **options):
    for seed in range(10_000):
        cell, outcome = run({"test_loss": {step: seed + step for step in range(40)}}, seed=seed)
        session.record(cell, outcome)

sys.argv[1:] = ["run", "--dataset", "digits", "--only", "losses", "--results", sys.argv[1]]
with patch.object(training, "run_plans", fill):
    command_line.cli()
"""


def test_a_full_disk_keeps_what_was_finished_and_says_so(tmp_path, unavailable):
    folder = tmp_path / "small"
    folder.mkdir()
    kept = tmp_path / "kept.sqlite"
    result = on_a_disk_of(
        "400k",
        '"$2" -c "$3" "$1/results.sqlite"; code=$?; cp "$1/results.sqlite" "$4"; exit $code',
        *(folder, sys.executable, FILLS, kept),
        unavailable=unavailable,
    )
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert f"{folder}/results.sqlite" in result.stderr
    assert "full; free space on its disk; completed runs are saved" in result.stderr
    found = latest(kept)
    assert len(found.runs) > 10
    assert found.runs["seed"].tolist() == list(range(len(found.runs)))
    assert (found.measurements.groupby("run", observed=True).size() == 40).all()


def test_a_store_that_cannot_be_written_is_read_and_left_alone(whole, tmp_path, unavailable):
    folder = tmp_path / "read-only"
    folder.mkdir()
    result = on_a_disk_of(
        "4m",
        'cp "$4" "$1/results.sqlite" && mount -o remount,ro "$1" && '
        '"$2" -m bench export "$3" --results "$1/results.sqlite" && '
        '"$2" -m bench run --dataset digits --only losses --results "$1/results.sqlite"',
        *(folder, sys.executable, tmp_path / "csv", whole),
        unavailable=unavailable,
    )
    assert (tmp_path / "csv" / "runs.csv").exists(), result.stderr
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert f"{folder}/results.sqlite" in result.stderr
    assert "make file and folder readable and writable, or name another with --results" in result.stderr
