"""Through Dask into the store: numbers of a plain run, rates chosen, failures as rows, nothing run twice."""

import sqlite3
from collections import Counter
from contextlib import closing, nullcontext
from dataclasses import replace

import pytest
from distributed import KilledWorker, LocalCluster

from bench.experiments.catalog import RATES, plan
from bench.experiments.plan import Budget, Plan
from bench.experiments.racing import held_out_scores
from bench.experiments.workloads.training_run import execute
from bench.records.environment import current
from bench.records.runs import Measurement, RunConfig, RunResult, horizons
from bench.runner import training as runner
from bench.runner.progress import Steps
from bench.runner.recorder import RunRecorder
from bench.store import Store, latest

SMALL = RunConfig("classifier", "relu", "adam", 1e-3, 32, True, "digits", 64, 1, 0)

# Activations of a user, each of which leaves a line in a file whenever a cell begins with it.
MINE = """
import os
import signal
from pathlib import Path

import torch
from torch import nn

ATTEMPTS = Path({folder!r})

class Counted(nn.Module):
    def forward(self, x):
        with (ATTEMPTS / type(self).__name__).open("a") as attempts:
            attempts.write("x")
        return self.f(x)

class Raises(Counted):
    def f(self, x):
        raise RuntimeError("of no use")

class RaisesTwice(nn.Module):
    def forward(self, x):
        attempts = ATTEMPTS / type(self).__name__
        if not attempts.exists() or len(attempts.read_text()) < 2:
            with attempts.open("a") as file:
                file.write("x")
            raise OSError("once more")
        return x.relu()

class Kills(Counted):
    def f(self, x):
        os.kill(os.getpid(), signal.SIGKILL)

class KillsOnce(nn.Module):
    def forward(self, x):
        attempts = ATTEMPTS / type(self).__name__
        if not attempts.exists():
            attempts.write_text("x")
            os._exit(1)
        return x.relu()

class Blunt(nn.Module):
    "Its slope at 0, where black pixels are, is none."
    def forward(self, x):
        return (x * 0).sqrt() + x

class Explodes(nn.Module):
    def forward(self, x):
        return x * 1e30 * 1e30
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Name of a module of the activations above, and the folder where their attempts are noted."""
    folder = tmp_path_factory.mktemp("mine")
    name = f"mine_{abs(hash(folder))}"
    (folder / f"{name}.py").write_text(MINE.format(folder=str(folder)))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield name, folder


@pytest.fixture(scope="module")
def two(mine):
    """A client of two local workers."""
    with runner.client(2, None) as found:
        yield found


@pytest.fixture
def recorder(tmp_path):
    with Store(tmp_path / "results.sqlite") as store:
        yield RunRecorder(store, store.environment_id(current("digits", "0")), "quick")


@pytest.fixture
def steps(monkeypatch):
    """The displays of progress that were made."""
    made = []

    class Remembered(Steps):
        def __init__(self, label):
            super().__init__(label)
            made.append(self)

    monkeypatch.setattr(runner, "Steps", Remembered)
    return made


def without_times(measurements):
    return sorted((m.metric, m.step, m.value, m.unit) for m in measurements if m.unit != "s")


def stored(recorder, config):
    rows = latest(recorder.store.path).measurements
    rows = rows.query("key == @config.config_hash and unit != 's' and metric != 'paired'")
    return sorted(zip(rows["metric"], rows["step"], rows["value"], rows["unit"], strict=True))


def statuses(recorder):
    return dict(latest(recorder.store.path).runs[["key", "status"]].itertuples(index=False))


def run_all(recorder, configs, client, advance=lambda config: None):
    """Execute on a client and record."""
    for config, result in runner.execute_on(client, configs, None):
        recorder.record(config, result)
        advance(config)


def attempts(mine, name):
    """How many there were so far, by whichever test."""
    noted = mine[1] / name
    return len(noted.read_text()) if noted.exists() else 0


def test_runs_are_those_of_this_process_and_a_failure_is_a_row(recorder, two):
    bad = replace(SMALL, activation="nothing of the name")
    good = [SMALL, replace(SMALL, seed=1), replace(SMALL, activation="tanh")]
    told = []
    run_all(recorder, [*good, bad], two, told.append)
    assert Counter(told) == Counter([*good, bad])
    assert statuses(recorder) == {
        **{config.config_hash: "finished" for config in good},
        bad.config_hash: "failed",
    }
    (error,) = latest(recorder.store.path).runs.query("status == 'failed'")["error"]
    assert "Unknown activation 'nothing of the name'" in error
    assert recorder.failed == [f"{bad}: {error}"]
    for config in good:
        assert stored(recorder, config) == without_times(execute(config, None).measurements)


def test_a_cell_that_raises_is_tried_three_times_and_the_rest_finishes(recorder, two, mine):
    raises, twice = (replace(SMALL, activation=f"{mine[0]}:{name}") for name in ("Raises", "RaisesTwice"))
    good = [replace(SMALL, seed=seed) for seed in range(4)]
    before = attempts(mine, "Raises")
    run_all(recorder, [raises, *good, twice], two)
    assert statuses(recorder) == {
        raises.config_hash: "failed",
        **{config.config_hash: "finished" for config in [*good, twice]},
    }
    (error,) = latest(recorder.store.path).runs.query("status == 'failed'")["error"]
    assert error == "RuntimeError('of no use')"
    assert attempts(mine, "Raises") - before == 3
    assert attempts(mine, "RaisesTwice") == 2
    assert stored(recorder, twice) == without_times(execute(replace(SMALL), None).measurements)


def test_a_cell_whose_worker_dies_is_run_again(recorder, two, mine):
    once = replace(SMALL, activation=f"{mine[0]}:KillsOnce")
    good = [replace(SMALL, seed=seed) for seed in range(1, 4)]
    run_all(recorder, [once, *good], two)
    two.wait_for_workers(2, timeout=60)  # another one takes the place of the one that died
    assert set(statuses(recorder).values()) == {"finished"}
    assert recorder.failed == []
    assert stored(recorder, once) == without_times(execute(SMALL, None).measurements)


class OneWorker:
    """In place of a client: a cell that kills takes with it all that were handed out together."""

    def __init__(self, kills):
        self.kills, self.waiting = kills, []

    def submit(self, call, config, *arguments, **options):
        self.waiting.append(config)
        handed_out = self.waiting

        class Future:
            def result(future):
                self.waiting = []
                if self.kills in handed_out:
                    raise KilledWorker("execute", "one", 2)
                return call(config, *arguments)

        return Future()


def test_a_cell_that_waited_beside_one_that_kills_is_not_blamed(recorder, monkeypatch):
    monkeypatch.setattr(runner, "as_completed", list)
    kills, good = SMALL, [replace(SMALL, seed=seed) for seed in (1, 2)]
    run_all(recorder, [good[0], kills, good[1]], OneWorker(kills))
    assert statuses(recorder) == {
        kills.config_hash: "failed",
        **{config.config_hash: "finished" for config in good},
    }


@pytest.mark.parametrize("name", ["Blunt", "Explodes"])
def test_what_is_not_a_number_is_divergence_not_the_end_of_all(recorder, two, mine, name):
    odd = replace(SMALL, activation=f"{mine[0]}:{name}", batch_norm=False)
    run_all(recorder, [odd, SMALL], two)
    assert statuses(recorder) == {odd.config_hash: "diverged", SMALL.config_hash: "finished"}
    assert latest(recorder.store.path).measurements["value"].notna().all()


def test_a_finished_run_with_a_number_that_is_none_is_diverged(recorder):
    values = [Measurement("train_loss", 1, 2.0, "1"), Measurement("test_loss", 1, float("nan"), "1")]
    recorder.record(SMALL, RunResult("finished", values))
    assert statuses(recorder) == {SMALL.config_hash: "diverged"}
    assert stored(recorder, SMALL) == [("train_loss", 1, 2.0, "1")]
    assert recorder.failed == []


def small_plan(activations, **changes):
    budget = replace(Budget(3, 2, 300, first=1, batch_size=32), **changes)
    return plan("deep_classifier", budget, "digits", 1437, activations)


def whole(recorder, plans, others=()):
    def seconds(config):
        return float(config.samples)

    runner.run_plans(recorder, plans, others, seconds, runner.on_dask(None, "cpu", seconds, None))


def test_every_rate_is_tried_and_what_can_win_is_run_under_every_seed(recorder, steps, two, monkeypatch):
    """The rate with the best held-out accuracy at any horizon, by SQL, has all seeds, others have one."""
    monkeypatch.setattr(runner, "client", lambda *_: nullcontext(two))
    made = small_plan(["relu", "sigmoid"])
    other = RunConfig("double_well", None, None, None, None, None, "digits", 1437, 0, 0)
    whole(recorder, [made], [other])
    path = recorder.store.path
    best = (
        "SELECT DISTINCT activation, learning_rate FROM (SELECT activation, learning_rate, "
        "RANK() OVER (PARTITION BY activation, step ORDER BY value DESC) AS place FROM run "
        "JOIN measurement m ON m.run = run.id WHERE metric = 'validation_accuracy' AND step > 0 "
        "AND seed = 0) WHERE place = 1"
    )
    seeds = "SELECT activation, learning_rate, COUNT(*) FROM run WHERE task = 'deep_classifier' GROUP BY 1, 2"
    with closing(sqlite3.connect(path)) as connection:
        winners = set(connection.execute(best))
        counts = {(a, rate): n for a, rate, n in connection.execute(seeds)}
    assert {key for key, n in counts.items() if n == 3} == winners
    assert {n for key, n in counts.items() if key not in winners} == {1}
    assert {rate for _, rate in counts} >= set(RATES["adam"])
    assert other.config_hash in recorder.finished()
    assert recorder.failed == []
    (shown,) = steps
    assert shown.done == shown.items == len(latest(path).runs)
    assert shown.done_weight == pytest.approx(shown.weight)

    # What is in the store is not run again, and no cluster is started for it.
    before = latest(path).runs
    monkeypatch.setattr(runner, "client", lambda *_: pytest.fail("a cluster was started for nothing"))
    whole(recorder, [made], [other])
    assert latest(path).runs.equals(before)


def test_what_results_call_for_follows_on_all_plans_together_the_longest_first(recorder, steps):
    first, second, third = (
        replace(small_plan([name], **changes), name=name)
        for name, changes in (("relu", {}), ("tanh", {}), ("gelu", {"tuned": False}))
    )
    other = RunConfig("double_well", None, None, None, None, None, "digits", 1437, 0, 0)
    batches = []

    def seconds(config):
        return {"tanh": 2.0, "gelu": 3.0}.get(config.activation, 1.0)

    def execute(configs):
        batches.append([config.activation for config in configs])
        found = {c: 0.5 if c.learning_rate == 3e-3 else 0.4 for c in configs}
        return ((c, RunResult("finished", accuracies(c, score))) for c, score in found.items())

    runner.run_plans(recorder, [first, second, third], [other], seconds, nullcontext((execute, 1)))
    assert batches == [["gelu"] * 3 + ["tanh"] * 5 + [None] + ["relu"] * 5, ["tanh"] * 2 + ["relu"] * 2]
    (shown,) = steps
    assert shown.done == shown.items == len(recorder.finished())


def accuracies(config, score):
    """The held-out scores of a run of a network at its horizons."""
    return [
        Measurement(f"validation_{metric}", horizon, value, "1")
        for metric, value in (("accuracy", score), ("loss", 1 - score))
        for horizon in horizons(config.epochs)
    ]


def test_a_run_without_a_result_is_a_failed_row(recorder, steps):
    made = small_plan(["relu"], seeds=1)
    (first, *others) = made.runs({})

    def half_done(configs):
        return (
            (config, RunResult("finished", accuracies(config, 0.5))) for config in configs if config == first
        )

    runner.run_plans(recorder, [made], [], lambda config: 1.0, nullcontext(runner.Executor(half_done, 1)))
    assert statuses(recorder)[first.config_hash] == "finished"
    assert recorder.failed[: len(others)] == [f"{config}: not reached" for config in others]
    (shown,) = steps
    assert shown.done == shown.items


def test_what_is_missing_is_all_that_is_run(recorder, steps, two, monkeypatch):
    monkeypatch.setattr(runner, "client", lambda *_: nullcontext(two))
    made = small_plan(["relu"])
    whole(recorder, [made])
    complete = latest(recorder.store.path).runs
    gone = [complete.query("seed == 0")["key"].iloc[2], complete.query("seed == 2")["key"].iloc[0]]
    with recorder.store.connection as connection:
        connection.executemany("DELETE FROM run WHERE key = ?", [(key,) for key in gone])
    whole(recorder, [made])
    assert [(shown.done, shown.items) for shown in steps] == [(len(complete),) * 2, (2, 2)]
    again = latest(recorder.store.path).runs
    assert set(again["key"]) == set(complete["key"])
    assert set(again["key"].tolist()[-2:]) == set(gone)


def test_a_candidate_that_fails_goes_no_further_and_parts_share_their_runs(
    recorder, steps, two, mine, monkeypatch
):
    """What failed for one part is not tried for the next."""
    monkeypatch.setattr(runner, "client", lambda *_: nullcontext(two))
    (mine[1] / "Raises").unlink(missing_ok=True)
    made = small_plan(["relu", f"{mine[0]}:Raises"])
    same = Plan("the same once more", made.candidates, made.budget)
    whole(recorder, [made, same])
    runs = latest(recorder.store.path).runs
    failed = runs.query("status == 'failed'")
    assert sorted(failed["learning_rate"]) == list(RATES["adam"])
    assert attempts(mine, "Raises") == 3 * 5
    assert len(recorder.failed) == 5
    assert set(runs.query("status != 'failed'")["activation"]) == {"relu"}
    (shown,) = steps
    assert shown.done == shown.items == len(runs)


def test_a_rate_with_a_failed_or_diverged_run_does_not_go_on(recorder):
    made = small_plan(["relu"], first=2)
    lost = {RATES["adam"][3]: "diverged", RATES["adam"][4]: "failed"}
    for config in made.runs({}):
        status = lost.get(config.learning_rate, "finished") if config.seed else "finished"
        recorder.record(config, RunResult(status, accuracies(config, config.learning_rate)))
    runs = made.runs(held_out_scores(recorder.snapshot()))
    assert {run.learning_rate for run in runs if run.seed == 2} == {RATES["adam"][2]}


def test_workers_of_several_threads_are_refused():
    """Runs of one process would draw from one generator, and no number would come twice."""
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        address = cluster.scheduler_address
        with (
            pytest.raises(
                ValueError,
                match=f"Invalid workers of {address}: got 2 threads per worker, expected 1; start more",
            ),
            runner.client(None, address),
        ):
            pass


def test_a_cell_that_kills_every_worker_is_a_row_and_the_rest_finishes(recorder, two, mine, monkeypatch):
    kills = replace(SMALL, activation=f"{mine[0]}:Kills")
    good = [replace(SMALL, seed=seed) for seed in range(6)]
    told = []
    run_all(recorder, [kills, *good], two, told.append)
    assert Counter(told) == Counter([kills, *good])
    assert statuses(recorder) == {
        kills.config_hash: "failed",
        **{config.config_hash: "finished" for config in good},
    }
    (error,) = latest(recorder.store.path).runs.query("status == 'failed'")["error"]
    reasons = "killed, out of memory, or running for more than 600 s"
    assert error == f"lost its worker 3 times: {reasons}"
    assert attempts(mine, "Kills") == 3
    assert len(two.cluster.workers) == 2  # none is given up for having died too often
