"""Stopped by Ctrl-C, killed again and again, or started many times at once: the end is the same."""

import os
import random
import re
import signal
import sqlite3
import time
from contextlib import closing
from types import SimpleNamespace

import pytest

from report.evidence.sources import sources
from report.pages.report import ANSWERS, context, worked
from report.render.render import write_html
from tests.system import small_run
from tests.system.small_run import SMALL

KILLS = 50


@pytest.fixture(scope="module")
def start():
    """Starts a run; what is left of it ends with the tests."""
    running = []

    def run(*arguments, **options):
        running.append(small_run.start(*arguments, **options))
        return running[-1]

    yield run
    for one in running:
        one.kill()


def wait_for(process, pattern):
    """Read what a process says until it says this."""
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"ended without {pattern!r}: {''.join(said)}")


def stored(path):
    """All that a store holds but times and numbers of rows: runs, measurements and arrays."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        runs = {row["id"]: dict(row) for row in connection.execute("SELECT * FROM run")}
        for run in runs.values():
            del run["id"], run["finished_at"], run["environment"], run["sha256"]
        values = connection.execute("SELECT * FROM measurement WHERE unit != 's'").fetchall()
        arrays = connection.execute("SELECT * FROM array").fetchall()
    key = {number: run["key"] for number, run in runs.items()}
    return (
        sorted(runs.values(), key=lambda run: run["key"]),
        sorted((key[row["run"]], *tuple(row)[1:]) for row in values),
        sorted((key[row["run"]], *tuple(row)[1:]) for row in arrays),
    )


@pytest.fixture(scope="module")
def alone(start, tmp_path_factory):
    """What is stored by a run that is left alone, and how long it takes until five cells are."""
    store = tmp_path_factory.mktemp("alone") / "results.sqlite"
    process = start(store)
    begin = time.monotonic()
    wait_for(process, r"training runs 5/")
    seconds_to_five = time.monotonic() - begin
    assert process.finish()[1] == 0
    whole = stored(store)
    assert all(whole)
    assert {run["status"] for run in whole[0]} <= {"finished", "collapsed"}
    assert len(whole[0]) == SMALL
    return SimpleNamespace(whole=whole, seconds_to_five=seconds_to_five)


def test_ctrl_c_stops_and_the_same_command_goes_on(start, alone, tmp_path):
    store = tmp_path / "results.sqlite"
    stopped = start(store)
    wait_for(stopped, rf"training runs 0/{SMALL}")
    os.killpg(stopped.pid, signal.SIGINT)
    error, code = stopped.finish()
    assert code == 130
    assert "rerun the same command to resume" in error
    assert "Traceback" not in error
    finished = stored(store)[0]
    assert len(finished) < SMALL
    again = start(store)
    assert int(wait_for(again, r"training runs 0/(\d+)")[1]) == SMALL - len(finished)
    assert again.finish()[1] == 0
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
        before, ended = {}, False
        while not ended:
            after_seconds = draw.uniform(0, alone.seconds_to_five) if killed < KILLS else None
            _, code = start(store, killed_after=after_seconds).finish()
            assert code in (0, -signal.SIGKILL)
            ended = code == 0
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
    said, codes = zip(*(process.finish() for process in processes), strict=True)
    assert codes == (0,) * many
    begun = [int(n) for text in said for n in re.findall(r"training runs 0/(\d+)", text)]
    assert begun == [SMALL]
    assert sum("locked by another process; waiting" in text for text in said) == many - 1
    for found, expected in zip(stored(store), alone.whole, strict=True):
        assert found == expected


def test_reports_made_meanwhile_are_whole_and_disturb_nothing(start, alone, tmp_path):
    store, page = tmp_path / "results.sqlite", tmp_path / "report.html"
    answer = {"q11": ANSWERS["q11"]}
    values = worked(answer)
    process, made = start(store), 0
    wait_for(process, r"training runs 5/")
    while process.process.is_alive():
        write_html(context(answer, lambda: values, sources(store, tmp_path / "none.sqlite")), page)
        assert page.read_text("utf-8").rstrip().endswith("</html>")
        page.unlink()
        made += 1
    assert made
    assert process.finish()[1] == 0
    assert stored(store) == alone.whole
