"""The work of others and drift, from processes and numbers made for it."""

import os
import resource
from types import SimpleNamespace

import pytest

from bench import noise


def test_work_of_others_is_what_the_system_counts_more(monkeypatch, tmp_path):
    file = tmp_path / "stat"
    monkeypatch.setattr(noise, "STATISTICS", file)
    assert noise.busy() == 0.0
    tick = os.sysconf("SC_CLK_TCK")
    file.write_text(f"cpu  {100 * tick} 0 0 900 50 0 0 0 0 0\n")
    before = noise.busy()
    file.write_text(f"cpu  {101 * tick} {tick} {tick} 990 80 {tick} {tick} {tick} 0 0\n")
    assert noise.busy() - before == pytest.approx(6, abs=0.1)  # idle and waiting are not work
    ours = {
        resource.RUSAGE_SELF: SimpleNamespace(ru_utime=20.0, ru_stime=1.0),
        resource.RUSAGE_CHILDREN: SimpleNamespace(ru_utime=30.0, ru_stime=2.0),
    }
    monkeypatch.setattr(resource, "getrusage", ours.get)
    assert noise.busy() == pytest.approx(106 - 53)


def test_a_quarter_of_a_processor_disturbs():
    assert noise.disturbed(2.4, 10) == ""
    assert noise.disturbed(2.6, 10) == "other processes took 0.26 processors"


def test_drift_is_told_from_a_tenth_on():
    assert noise.drifted([1.0, 1.09, 1.05]) == ""
    assert noise.drifted([1.0, 1.5, 1.2]) == "a fixed loop took up to 50% longer in one round than in another"


def test_the_yardstick_is_the_fastest_of_its_loops(monkeypatch):
    now = iter([0, 5, 10, 12, 20, 29])
    monkeypatch.setattr(noise, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    assert noise.yardstick(3) == 2


def test_what_goes_on_beforehand_is_told(monkeypatch):
    used, now = iter([100.0, 100.5]), iter([0.0, 1.0])
    monkeypatch.setattr(noise, "busy", lambda: next(used))
    monkeypatch.setattr(noise, "yardstick", lambda repeats: 0.0)
    monkeypatch.setattr(noise, "time", SimpleNamespace(monotonic=lambda: next(now)))
    assert noise.beforehand() == "other processes took 0.50 processors"
