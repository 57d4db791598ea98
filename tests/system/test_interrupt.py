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
SMALL = 2 * 5 * 3 + 2 * 2 + 2  # cells: two contenders at five rates under three seeds, then scored

# The command line itself, on a grid of a few runs and without the benchmarks, telling of every run. It waits
# for a line, so that it may be started, which takes long, while another one still runs.
PROGRAM = """
import signal
import sys
from unittest.mock import patch
from bench import __main__ as command_line, experiments, progress
from bench.experiments import Effort, PROFILES

small = Effort(2, 1, 500, tuning_seeds=3, untuned_seeds=1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
profile = PROFILES["quick"].__class__({"fc_autoencoder": small}, Effort(0, 1, 1797), 0, 0.0)
sys.argv = ["bench", "run", "--dataset", "digits", "--activation", "relu", *sys.argv[1:]]
sys.stdin.readline()
with (
    patch.dict(PROFILES, quick=profile),
    patch.object(experiments, "BASELINES", ("relu", "control")),  # what needs no compiler
    patch.object(progress, "PLAIN_EVERY", 0.0),
):
    command_line.cli()
"""


def go(process):
    """Let a program begin that was started."""
    process.stdin.write("\n")
    process.stdin.flush()
    return process


@pytest.fixture(scope="module")
def start():
    """Starts the program in a process group of its own, in the folder of its store."""
    running = []

    def run(store, workers=2):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--results", str(store), "--workers", str(workers)],
            cwd=store.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(process, pattern):
    """Read what a process says until it says this."""
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"ended without {pattern!r}: {''.join(said)}")


def stored(path):
    """All that a store holds but times and numbers of rows: runs, measurements and pictures."""
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


@pytest.fixture(scope="module")
def alone(start, tmp_path_factory):
    """What is stored by a run that is left alone."""
    store = tmp_path_factory.mktemp("alone") / "results.sqlite"
    process = go(start(store))
    process.communicate(timeout=300)
    assert process.returncode == 0
    whole = stored(store)
    assert all(whole)
    assert {run["status"] for run in whole[0]} == {"finished"}
    assert {run["split"] for run in whole[0]} == {"validation", "test"}
    return whole


def test_ctrl_c_stops_and_the_same_command_goes_on(start, alone, tmp_path):
    store = tmp_path / "results.sqlite"
    stopped = go(start(store))
    again = start(store)
    wait_for(stopped, rf"training runs 0/{SMALL}")
    os.killpg(stopped.pid, signal.SIGINT)
    _, error = stopped.communicate(timeout=300)
    assert stopped.returncode == 130
    assert "the same command goes on from there" in error
    assert "Traceback" not in error
    finished = stored(store)[0]
    assert len(finished) < SMALL
    assert int(wait_for(go(again), r"training runs 0/(\d+)")[1]) == SMALL - len(finished)
    again.communicate(timeout=300)
    assert again.returncode == 0
    assert stored(store) == alone


def test_ten_kills_lose_nothing_and_change_nothing(start, alone, tmp_path):
    """Each as soon as one more run is in the store; the workers end by themselves."""
    store = tmp_path / "results.sqlite"
    following = start(store, workers=1)
    for _ in range(KILLS):
        process, following = go(following), start(store, workers=1)
        wait_for(process, r"training runs [1-9]\d*/\d+")
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)  # ends when every process that inherited the pipe has
        assert process.returncode == -signal.SIGKILL
    assert KILLS <= len(stored(store)[0]) < len(alone[0])
    go(following).communicate(timeout=300)
    assert following.returncode == 0
    for found, expected in zip(stored(store), alone, strict=True):
        assert found == expected
