"""The work of others and drift, from processes and numbers made for it."""

import resource
from types import SimpleNamespace

import psutil
import pytest

from bench.rounds import noise


def test_work_of_others_is_what_the_system_counts_more(monkeypatch):
    idle = {"user": 100.0, "nice": 0.0, "system": 0.0, "idle": 900.0, "iowait": 50.0, "irq": 0.0}
    idle |= {"softirq": 0.0, "steal": 0.0, "guest": 0.0}
    later = {name: seconds + 1 for name, seconds in idle.items()} | {"idle": 990.0, "iowait": 80.0}
    monkeypatch.setattr(psutil, "cpu_times", lambda: SimpleNamespace(**idle))
    before = noise.busy()
    monkeypatch.setattr(psutil, "cpu_times", lambda: SimpleNamespace(**later))
    assert noise.busy() - before == pytest.approx(6, abs=0.1)  # idle and waiting are not work
    ours = {
        resource.RUSAGE_SELF: SimpleNamespace(ru_utime=20.0, ru_stime=1.0),
        resource.RUSAGE_CHILDREN: SimpleNamespace(ru_utime=30.0, ru_stime=2.0),
    }
    monkeypatch.setattr(resource, "getrusage", ours.get)
    assert noise.busy() == pytest.approx(106 - 53)


def test_a_system_that_tells_of_less_is_taken_at_its_word(monkeypatch):
    monkeypatch.setattr(
        psutil, "cpu_times", lambda: SimpleNamespace(user=7.0, nice=1.0, system=2.0, idle=5.0)
    )
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_utime=1.0, ru_stime=0.5))
    assert noise.busy() == 7  # as macOS does


def test_a_quarter_of_a_processor_disturbs():
    assert noise.disturbed(2.4, 10) == ""
    assert noise.disturbed(2.6, 10) == "other processes used 0.26 processors"


def test_drift_is_told_from_a_tenth_on():
    assert noise.drifted([1.0, 1.09, 1.05]) == ""
    assert noise.drifted([1.0, 1.5, 1.2]) == "the clock drifted: a fixed loop took up to 50% longer"


def test_the_reference_loop_is_the_fastest_of_its_loops(monkeypatch):
    now = iter([0, 5, 10, 12, 20, 29])
    monkeypatch.setattr(noise, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    assert noise.reference_loop(3) == 2


def test_background_load_is_reported(monkeypatch):
    used, now = iter([100.0, 100.5]), iter([0.0, 1.0])
    monkeypatch.setattr(noise, "busy", lambda: next(used))
    monkeypatch.setattr(noise, "reference_loop", lambda repeats: 0.0)
    monkeypatch.setattr(noise, "time", SimpleNamespace(monotonic=lambda: next(now)))
    assert noise.background_load() == "other processes used 0.50 processors"
