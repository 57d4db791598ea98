"""Stopped by Ctrl-C, killed again and again, or started many times at once: the end is the same."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from report.assemble import ANSWERS, context
from report.render import write_html
from report.sources import sources

ROOT = Path(__file__).resolve().parents[2]
KILLS = 50
AHEAD = 2  # programs that are being started, which takes long, while others run
SEEDS = 10
SMALL = 2 * 5 * SEEDS + 2 * 2 + 2  # cells: two contenders at five rates under so many seeds, then scored

# The command line itself, on a grid of a few runs and without the benchmarks, telling of every run. It waits
# for a line, so that it may be started, which takes long, while another one still runs; the line holds the
# seconds after which it is killed, if it is.
PROGRAM = """
import os
import signal
import sys
import threading
from unittest.mock import patch
from bench import __main__ as command_line, experiments, progress
from bench.experiments import Effort, PROFILES

small = Effort(2, 1, 200, tuning_seeds=int(os.environ["TUNING_SEEDS"]), untuned_seeds=1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
profile = PROFILES["quick"].__class__({"fc_autoencoder": small}, Effort(0, 1, 1797), 0, 0.0)
sys.argv = ["bench", "run", "--dataset", "digits", "--activation", "relu", *sys.argv[1:]]
if seconds := sys.stdin.readline().strip():
    timer = threading.Timer(float(seconds), os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
with (
    patch.dict(PROFILES, quick=profile),
    patch.object(experiments, "BASELINES", ("relu", "control")),  # what needs no compiler
    patch.object(progress, "PLAIN_EVERY", 0.0),
):
    command_line.cli()
"""


def go(process, killed_after=""):
    """Let a program begin that was started, to be killed after so many seconds."""
    process.stdin.write(f"{killed_after}\n")
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
            env={**os.environ, "PYTHONPATH": str(ROOT), "TUNING_SEEDS": str(SEEDS)},
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
            del run["id"], run["finished_at"], run["environment"], run["sha256"]
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
    """What is stored by a run that is left alone, and how long it takes until five cells are."""
    store = tmp_path_factory.mktemp("alone") / "results.sqlite"
    process = start(store)
    begin = time.monotonic()
    wait_for(go(process), r"training runs 5/")
    seconds_to_five = time.monotonic() - begin
    process.communicate(timeout=300)
    assert process.returncode == 0
    whole = stored(store)
    assert all(whole)
    assert {run["status"] for run in whole[0]} == {"finished"}
    assert {run["split"] for run in whole[0]} == {"validation", "test"}
    return SimpleNamespace(whole=whole, seconds_to_five=seconds_to_five)


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
    assert stored(store) == alone.whole


def rows(path):
    """What a row of the store is, by its cell: another one, if the cell was run again."""
    if not path.exists() or not path.stat().st_size:
        return {}
    with closing(sqlite3.connect(path)) as connection:
        try:
            return dict(connection.execute("SELECT key, id || finished_at FROM run"))
        except sqlite3.OperationalError:  # killed before there was a table
            return {}


def test_kills_at_random_points_lose_nothing_and_change_nothing(start, alone, tmp_path):
    """From the first moment to after some runs, each drawn; a whole store makes room for a new one."""
    draw, killed, number = random.Random(0), 0, 0
    while killed < KILLS:
        number += 1
        store = tmp_path / f"{number}.sqlite"
        ahead, before, ended = [start(store) for _ in range(AHEAD)], {}, False
        while not ended:
            process = ahead.pop(0)
            go(process, draw.uniform(0, alone.seconds_to_five) if killed < KILLS else "")
            ahead.append(start(store))
            process.communicate(timeout=300)  # ends when every process that inherited the pipe has
            assert process.returncode in (0, -signal.SIGKILL)
            ended = process.returncode == 0
            killed += not ended
            after = rows(store)
            assert before.items() <= after.items()  # none is lost, none is run again
            before = after
        for found, expected in zip(stored(store), alone.whole, strict=True):
            assert found == expected


@pytest.mark.parametrize("many", [2, 8])
def test_many_at_once_share_the_work_and_none_is_done_twice(start, alone, tmp_path, many):
    store = tmp_path / "results.sqlite"
    processes = [start(store) for _ in range(many)]
    for process in processes:
        go(process)
    said = [process.communicate(timeout=400)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * many
    begun = [int(n) for text in said for n in re.findall(r"training runs 0/(\d+)", text)]
    assert begun == [SMALL]
    assert sum("another run writes it; this one waits" in text for text in said) == many - 1
    for found, expected in zip(stored(store), alone.whole, strict=True):
        assert found == expected


def test_reports_made_meanwhile_are_whole_and_disturb_nothing(start, alone, tmp_path):
    store, page = tmp_path / "results.sqlite", tmp_path / "report.html"
    process, made = go(start(store)), 0
    wait_for(process, r"training runs 5/")
    while process.poll() is None:
        write_html(context({"q11": ANSWERS["q11"]}, sources(store, tmp_path / "none.sqlite")), page)
        assert page.read_text("utf-8").rstrip().endswith("</html>")
        page.unlink()
        made += 1
    assert made
    process.communicate()
    assert process.returncode == 0
    assert stored(store) == alone.whole
