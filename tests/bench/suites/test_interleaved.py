"""Every alternative once a round, in an order that turns; as many rounds as the budget allows."""

import numpy as np
import torch
from threadpoolctl import threadpool_info

from bench.experiments.workloads.threads import threads
from bench.suites import interleaved
from bench.suites.interleaved import FEWEST, MOST, WARM_UP, interleave


def test_order_turns_and_warm_up_is_not_counted():
    calls = []
    samples = interleave({name: lambda name=name: calls.append(name) for name in "abc"}, 0.0)
    assert {name: len(s) for name, s in samples.items()} == dict.fromkeys("abc", FEWEST)
    assert calls[: 3 * WARM_UP] == list("abc") * WARM_UP
    assert calls[3 * WARM_UP :][:9] == list("abcbcacab")
    assert all(s >= 0 for alternative in samples.values() for s in alternative)


def test_rounds_end_with_the_budget(monkeypatch):
    now = iter(range(10**6))
    monkeypatch.setattr(interleaved.time, "perf_counter", lambda: next(now))
    # a clock that ticks at every look: twice a call, and once a round from the ninth, 4·8 + 5·14 > 100
    assert len(interleave({"a": int, "b": int}, 100)["a"]) == 22
    assert len(interleave({"a": int, "b": int}, 10**6)["a"]) == MOST


def test_each_sample_is_its_own_call_s_and_ends_when_the_device_is_done(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(interleaved.time, "perf_counter", lambda: clock[0])

    def spend(seconds):
        clock[0] += seconds

    alternatives = {"short": lambda: spend(1), "long": lambda: spend(10)}
    samples = interleave(alternatives, 0.0, synchronise=lambda: spend(0.5))
    np.testing.assert_allclose(samples["short"], 1.5)
    np.testing.assert_allclose(samples["long"], 10.5)


def test_threads_are_those_asked_for_and_put_back():
    before = torch.get_num_threads()
    for count in (1, 2):
        with threads(count):
            assert torch.get_num_threads() == count
            blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
            assert all(found <= count for found in blas)
    assert torch.get_num_threads() == before
