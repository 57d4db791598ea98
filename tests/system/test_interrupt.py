"""Ctrl-C, sent to the whole process group as a terminal does, stops cleanly; the next run goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.store import latest

ROOT = Path(__file__).resolve().parents[2]

# The command line itself, on a grid of a few runs and without the benchmarks.
PROGRAM = """
import sys
from unittest.mock import patch
from bench import __main__ as command_line, cells, runner
from impl import data

small = cells.Profile({"classifier": cells.Effort(3, 8, 1437)}, cells.Effort(0, 1, 1797), 0.1)
sys.argv = ["bench", "run", "--results", sys.argv[1], "--activation", "relu,sgelu", "--workers", "2"]
with (
    patch.dict(cells.PROFILES, quick=small),
    patch.object(runner, "run_benchmarks"),
    patch.object(data, "resolve", lambda root: data.Source("digits", None, "")),
):
    command_line.cli()
"""


@pytest.fixture
def start(tmp_path):
    """Starts the program in a process group of its own."""
    store = tmp_path / "results.sqlite"

    def run():
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(store)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return run, store


def test_stop_and_go_on(start):
    run, store = start
    stopped = run()
    for line in stopped.stderr:  # blocks until the runs have begun
        if "training runs 0/12" in line:
            break
    os.killpg(stopped.pid, signal.SIGINT)
    _, error = stopped.communicate(timeout=300)
    assert stopped.returncode == 130
    assert "the same command goes on from there" in error
    assert "Traceback" not in error
    before = latest(store)
    finished = set() if before is None else set(before.runs["key"])
    assert len(finished) < 12
    again = run()
    _, error = again.communicate(timeout=300)
    assert again.returncode == 0
    assert f"training runs 0/{12 - len(finished)}" in error
    runs = latest(store).runs
    assert len(runs) == runs["key"].nunique() == 12
    assert set(runs["status"]) == {"finished"}
