"""Plain lines where there is no terminal: begin, what is running now and then, and the end."""

import io

import pytest
from rich.console import Console

from bench.runner import progress


@pytest.fixture
def lines(monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=output, width=200))
    return lambda: output.getvalue().splitlines()


def test_begin_and_end(lines):
    with progress.Steps("runs") as steps:
        steps.begin(2, 30.0)
        steps.advance("first", 10.0)
        steps.advance("second", 20.0)
    begin, end = lines()
    assert begin == "runs 0/2, 0 s, about 30 s left: begin"
    assert end.startswith("runs 2/2, ")
    assert end.endswith("about 0 s left: done")


def test_time_left_follows_the_weights(lines, monkeypatch):
    now = [0.0]  # a cell, not a sequence: threads of other tests look at the clock too
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.Steps("runs") as steps:
        steps.begin(2, 30.0)
        now[0] = 30.0
        steps.advance("the long one", 20.0)
        # 20 of 30 took 30 s, which counts as much as 30 s that were expected to take 30: 10 take 12 s more
        assert lines()[-1] == "runs 1/2, 2.0/min, 30 s, about 12 s left: the long one"


def test_runs_at_once_share_the_time(lines, monkeypatch):
    now = [5.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.Steps("runs") as steps:
        now[0] = 100.0  # workers start
        steps.begin(2, 240.0, at_once=4)
        assert lines()[-1] == "runs 0/2, 0 s, about 60 s left: begin"
        now[0] = 145.0
        steps.advance("one", 60.0)
        # 60 of 240 were expected to take 15 s and took 45; with 30 s as expected that is 75 for 45
        assert lines()[-1] == "runs 1/2, 1.3/min, 45 s, about 75 s left: one"


def test_what_there_is_to_do_may_become_known_better(lines, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.Steps("runs") as steps:
        steps.begin(4, 40.0)
        now[0] = 30.0
        steps.advance("tuned", 10.0)
        steps.revise(-2, -10.0)
        now[0] = 60.0
        steps.advance("scored", 10.0)
        # 20 of 30 took 60 s and 30 were expected to take 30, so 10 take 18 s more
        assert lines()[-1] == "runs 2/2, 2.0/min, 60 s, about 18 s left: scored"
        steps.revise(1, 0.0)
        assert (steps.done, steps.items, steps.weight) == (2, 3, 30.0)


def test_failures_are_counted_beside_what_is_done(lines, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.Steps("runs") as steps:
        steps.begin(50, 50.0)
        now[0] = 30.0
        steps.advance("one that failed", 25.0, failed=3)
        # 1 in half a minute; 25 of 50 took 30 s, 5 s more than expected of 55
        assert lines()[-1] == "runs 1/50, 2.0/min, 3 failed, 30 s, about 27 s left: one that failed"


def test_revised_totals_are_those_of_the_bar(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    terminal = Console(file=io.StringIO(), width=200, force_terminal=True)
    monkeypatch.setattr(progress, "console", terminal)
    with progress.Steps("runs") as steps:
        steps.begin(4, 40.0)
        steps.revise(-1, -10.0)
        now[0] = 2.0
        steps.advance("first", 10.0, failed=1)
        (task,) = steps.bar.tasks
        assert (task.completed, task.total, task.fields["count"]) == (10.0, 30.0, "1/3, 30/min, 1 failed")


def test_an_error_is_not_called_done(lines):
    steps = progress.Steps("runs")
    steps.begin(1, 1.0)
    steps.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert lines()[-1].endswith(": interrupted")


def test_nothing_to_do_says_nothing(lines):
    with progress.Steps("runs") as steps:
        steps.begin(0, 0.0)
    assert lines() == []


@pytest.mark.parametrize("width", [80, 140])
def test_on_a_narrow_terminal_what_is_running_is_cut_and_the_rest_is_whole(monkeypatch, width):
    terminal = Console(file=io.StringIO(), width=width, force_terminal=True, record=True)
    monkeypatch.setattr(progress, "console", terminal)
    with progress.Steps("training runs") as steps:
        steps.begin(1200, 1200.0)
        steps.advance("deep_classifier ada_sgelu adam cross_entropy at 0.0003 seed 7 " * 2, 600.0, failed=12)
    last = terminal.export_text().rstrip("\n")[-width:]  # it is drawn over itself
    assert last.startswith("training runs: deep")
    assert "1/1200, " in last
    assert "/min, 12 failed " in last
    assert last.split("failed")[1].startswith(" left ")
