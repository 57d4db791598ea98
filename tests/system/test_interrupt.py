"""Stopped by Ctrl-C as a terminal does, or killed again and again: the next run goes on to the same end."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KILLS = 10
SMALL = 3 * 5 * 2 + 3 * 2 + 3  # cells: three contenders at five rates under two seeds, then scored

# The command line itself, on a grid of a few runs and without the benchmarks, telling of every run.
PROGRAM = """
import sys
from unittest.mock import patch
from bench import __main__ as command_line, progress
from bench.experiments import Effort, PROFILES

small = Effort(2, {epochs}, 500, tuning_seeds=2, untuned_seeds=1)
profile = PROFILES["quick"].__class__({{"fc_autoencoder": small}}, Effort(0, 1, 1797), 0, 0.0)
sys.argv = ["bench", "run", "--dataset", "digits", "--activation", "relu", "--workers", "2", *sys.argv[1:]]
with patch.dict(PROFILES, quick=profile), patch.object(progress, "PLAIN_EVERY", 0.0):
    command_line.cli()
"""


@pytest.fixture
def start(tmp_path):
    """Starts the program in a process group of its own; in a folder where no results lie."""
    running = []

    def run(store, epochs=1):
        command = [sys.executable, "-c", PROGRAM.format(epochs=epochs), "--results", str(store)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        running.append(process)
        return process

    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(process, pattern):
    """Read what a process says until it says this; what it said before."""
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"ended without {pattern!r}: {''.join(said)}")


def stored(path):
    """All that a store holds but times, hosts' rows and moments: runs, measurements and pictures."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        runs = {row["id"]: dict(row) for row in connection.execute("SELECT * FROM run")}
        for run in runs.values():
            del run["id"], run["finished_at"], run["environment"]
        values = connection.execute("SELECT * FROM measurement WHERE unit != 's'").fetchall()
        pictures = connection.execute("SELECT * FROM picture").fetchall()
    key = {number: run["key"] for number, run in runs.items()}
    return (
        sorted(runs.values(), key=lambda run: run["key"]),
        sorted((key[row["run"]], *tuple(row)[1:]) for row in values),
        sorted((key[row["run"]], *tuple(row)[1:]) for row in pictures),
    )


def test_stop_and_go_on(start, tmp_path):
    store = tmp_path / "results.sqlite"
    stopped = start(store, epochs=8)
    wait_for(stopped, rf"training runs 0/{SMALL}")
    os.killpg(stopped.pid, signal.SIGINT)
    _, error = stopped.communicate(timeout=300)
    assert stopped.returncode == 130
    assert "the same command goes on from there" in error
    assert "Traceback" not in error
    finished = {run["key"] for run in stored(store)[0]}
    assert len(finished) < SMALL
    again = start(store, epochs=8)
    begun = wait_for(again, r"training runs 0/(\d+)")
    assert int(begun[1]) == SMALL - len(finished)
    _, error = again.communicate(timeout=300)
    assert again.returncode == 0
    runs = stored(store)[0]
    assert len({run["key"] for run in runs}) == len(runs) <= SMALL
    assert {run["status"] for run in runs} == {"finished"}


def test_ten_kills_lose_nothing_and_change_nothing(start, tmp_path):
    """Each as soon as one more run is in the store; the workers end by themselves."""
    killed = tmp_path / "killed.sqlite"
    for _ in range(KILLS):
        process = start(killed)
        wait_for(process, r"training runs [1-9]\d*/\d+")
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)  # ends when every process that inherited the pipe has
        assert process.returncode == -signal.SIGKILL
    before = stored(killed)[0]
    assert KILLS <= len(before) < SMALL - 3
    rest, alone = start(killed), tmp_path / "alone.sqlite"
    rest.communicate(timeout=300)
    whole = start(alone)
    whole.communicate(timeout=300)
    assert rest.returncode == whole.returncode == 0
    found, expected = stored(killed), stored(alone)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == theirs
        assert ours
    assert {run["status"] for run in found[0]} == {"finished"}
    assert {run["split"] for run in found[0]} == {"validation", "test"}
