"""A cell that never ends, one that takes all memory, and activations of every bad kind: the rest finishes."""

import sys
from collections import Counter
from dataclasses import replace

import dask
import pytest

from bench.records.environment import current
from bench.records.runs import RunConfig
from bench.runner import training as runner
from bench.runner.recorder import RunRecorder
from bench.store import Store, latest

SMALL = RunConfig("classifier", "relu", "adam", 1e-3, 32, True, "digits", 64, 1, 0)
GOOD = [replace(SMALL, seed=seed) for seed in range(1, 4)]
LIMIT = 10.0  # seconds: a worker needs some to begin

MINE = '''
import re
from pathlib import Path

import torch

def noted(name):
    with Path(__file__).with_name(name).open("a") as file:
        file.write("x")

def hangs(x):
    """In a call that never lets another thread of Python in."""
    noted("hangs")
    return x if re.match(r"(a+)+$", "a" * 60 + "b") else -x

def grows(x):
    noted("grows")
    held = []
    while True:
        held.append(torch.ones(2**24))

def raises(x):
    raise RuntimeError("of no use")

def sums(x):
    return x.sum()

def nans(x):
    return x * float("nan")

def signs(x):
    return x.detach().sign()

def writes(x):
    return x.mul_(2)
'''


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture
def made(mine, tmp_path):
    """What became of good cells and of one with each activation: status and error by activation."""

    def make(*names, **options):
        bad = [replace(SMALL, activation=f"{mine}:{name}") for name in names]
        with Store(tmp_path / "results.sqlite") as store, runner.client(2, None) as on:
            session = RunRecorder(store, store.environment_id(current("digits", "0")), "quick")
            for config, result in runner.execute_on(on, [*bad, *GOOD], None, **options):
                session.record(config, result)
        runs = latest(tmp_path / "results.sqlite").runs
        assert Counter(runs["key"]) == Counter(config.config_hash for config in [*bad, *GOOD])
        assert set(runs[runs["activation"] == "relu"]["status"]) <= {"finished", "collapsed"}
        found = runs[runs["activation"] != "relu"].set_index("activation")
        found.index = found.index.str.rpartition(":").get_level_values(2)
        return found

    return make


def test_a_cell_that_hangs_loses_its_worker_three_times_and_is_a_row(made, mine):
    found = made("hangs", limit=lambda config: LIMIT)
    assert found.loc["hangs", "status"] == "failed"
    assert "lost its worker 3 times" in found.loc["hangs", "error"]
    assert f"running for more than {LIMIT:.0f} s" in found.loc["hangs", "error"]
    assert mine.with_name("hangs").read_text() == "xxx"


@pytest.mark.skipif(sys.platform != "linux", reason="Dask's nanny knows the memory of a process on Linux")
def test_a_cell_that_takes_all_memory_loses_its_worker_and_is_a_row(made, mine):
    with dask.config.set({"distributed.worker.memory.terminate": 0.12}):  # of a half of the machine's
        found = made("grows")
    assert found.loc["grows", "status"] == "failed"
    assert "out of memory" in found.loc["grows", "error"]
    assert mine.with_name("grows").read_text() == "xxx"


def test_every_bad_activation_is_a_row_that_says_why(made):
    found = made("raises", "sums", "nans", "signs", "writes", "absent")
    assert found["status"].to_dict() == {
        **dict.fromkeys(["raises", "sums", "signs", "writes", "absent"], "failed"),
        "nans": "diverged",
    }
    for name, why in {
        "raises": "RuntimeError('of no use')",
        "sums": "must return shape",
        "signs": "must be differentiable",
        "writes": "must not modify its input in place",
        "absent": "has no attribute 'absent'",
    }.items():
        assert why in found.loc[name, "error"], name
