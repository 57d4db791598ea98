"""Compilation is a figure of its own: cold and from the cache in any order, and in no other sample."""

from types import SimpleNamespace

import pytest

from bench.records.runs import BenchmarkCase
from bench.suites import conftest, test_first_call
from bench.suites.test_first_call import STATES


@pytest.mark.parametrize("order", [STATES, STATES[::-1]], ids=["cold first", "cold last"])
def test_each_state_of_the_cache_is_measured_in_any_order(monkeypatch, tmp_path, order):
    ours = tmp_path / "ours"

    class Compiled:
        def __call__(self, x):
            (ours / "kernel").touch()
            return x

    def run(command, *, env, **_):
        kernel = tmp_path / env["TORCHINDUCTOR_CACHE_DIR"] / "kernel"
        seconds = "0.5" if kernel.exists() else "9.0"
        kernel.touch()
        return SimpleNamespace(stdout=f"{seconds}\n")

    monkeypatch.setattr(test_first_call, "SGELU", Compiled)
    monkeypatch.setattr(test_first_call, "cache_folder", lambda: ours)
    monkeypatch.setattr(test_first_call.subprocess, "run", run)
    ours.mkdir()
    seconds = {}
    for state in order:
        folder = tmp_path / state
        folder.mkdir()
        benchmark = SimpleNamespace(pedantic=lambda f, arguments, rounds: f(*arguments), extra_info={})
        case = BenchmarkCase("first_call", "sgelu", "impl", state, 1000)
        test_first_call.test_first_call(case, benchmark, folder)
        seconds[state] = benchmark.extra_info["first_call_seconds"]
    assert seconds == dict(zip(STATES, (9.0, 0.5), strict=True))


def test_no_sample_is_the_first_call():
    calls, begun = [], []
    run = conftest.timed.__wrapped__(lambda call: (begun.append(len(calls)), call()), "cpu")
    run(lambda: calls.append(1))
    assert (begun, len(calls)) == ([1], 2)
