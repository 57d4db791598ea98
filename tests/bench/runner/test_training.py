"""Through Dask into the store: numbers of a plain run, rates chosen, failures as rows, nothing run twice."""

import sqlite3
from collections import Counter, defaultdict
from contextlib import closing, nullcontext
from dataclasses import replace

import pytest
from distributed import KilledWorker, LocalCluster

from bench.experiments.catalog import RATES, UNTUNED, Effort, Plan, plan
from bench.experiments.workloads.training_run import run_cell
from bench.records.environment import current
from bench.records.runs import Cell, Outcome
from bench.runner import training as runner
from bench.runner.progress import Steps
from bench.store.database import Store, latest
from impl.training.loop import Measurement

SMALL = Cell("classifier", "relu", "adam", 1e-3, 32, True, "digits", 64, 1, 0)

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
def session(tmp_path):
    with Store(tmp_path / "results.sqlite") as store:
        yield runner.Session(store, store.environment_id(current("digits", "0")), "quick")


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


def stored(session, cell):
    rows = latest(session.store.path).measurements.query("key == @cell.key and unit != 's'")
    return sorted(zip(rows["metric"], rows["step"], rows["value"], rows["unit"], strict=True))


def statuses(session):
    return dict(latest(session.store.path).runs[["key", "status"]].itertuples(index=False))


def attempts(mine, name):
    """How many there were so far, by whichever test."""
    noted = mine[1] / name
    return len(noted.read_text()) if noted.exists() else 0


def test_runs_are_those_of_this_process_and_a_failure_is_a_row(session, two):
    bad = replace(SMALL, activation="nothing of the name")
    good = [SMALL, replace(SMALL, seed=1), replace(SMALL, activation="tanh", split="validation")]
    told = []
    runner.run_cells(session, [*good, bad], None, two, advance=told.append)
    assert Counter(told) == Counter([*good, bad])
    assert statuses(session) == {**{cell.key: "finished" for cell in good}, bad.key: "failed"}
    (error,) = latest(session.store.path).runs.query("status == 'failed'")["error"]
    assert "unknown activation 'nothing of the name'" in error
    assert session.failed == [f"{bad}: {error}"]
    for cell in good:
        assert stored(session, cell) == without_times(run_cell(cell, None).measurements)


def test_a_cell_that_raises_is_tried_three_times_and_the_rest_finishes(session, two, mine):
    raises, twice = (replace(SMALL, activation=f"{mine[0]}:{name}") for name in ("Raises", "RaisesTwice"))
    good = [replace(SMALL, seed=seed) for seed in range(4)]
    before = attempts(mine, "Raises")
    runner.run_cells(session, [raises, *good, twice], None, two)
    assert statuses(session) == {raises.key: "failed", **{cell.key: "finished" for cell in [*good, twice]}}
    (error,) = latest(session.store.path).runs.query("status == 'failed'")["error"]
    assert error == "RuntimeError('of no use')"
    assert attempts(mine, "Raises") - before == 3
    assert attempts(mine, "RaisesTwice") == 2
    assert stored(session, twice) == without_times(run_cell(replace(SMALL), None).measurements)


def test_a_cell_whose_worker_dies_is_run_again(session, two, mine):
    once = replace(SMALL, activation=f"{mine[0]}:KillsOnce")
    good = [replace(SMALL, seed=seed) for seed in range(1, 4)]
    runner.run_cells(session, [once, *good], None, two)
    two.wait_for_workers(2, timeout=60)  # another one takes the place of the one that died
    assert set(statuses(session).values()) == {"finished"}
    assert session.failed == []
    assert stored(session, once) == without_times(run_cell(SMALL, None).measurements)


class OneWorker:
    """In place of a client: a cell that kills takes with it all that were handed out together."""

    def __init__(self, kills):
        self.kills, self.waiting = kills, []

    def submit(self, call, cell, *arguments, **options):
        self.waiting.append(cell)
        handed_out = self.waiting

        class Future:
            def result(future):
                self.waiting = []
                if self.kills in handed_out:
                    raise KilledWorker("run_cell", "one", 2)
                return call(cell, *arguments)

        return Future()


def test_a_cell_that_waited_beside_one_that_kills_is_not_blamed(session, monkeypatch):
    monkeypatch.setattr(runner, "as_completed", list)
    kills, good = SMALL, [replace(SMALL, seed=seed) for seed in (1, 2)]
    runner.run_cells(session, [good[0], kills, good[1]], None, OneWorker(kills))
    assert statuses(session) == {kills.key: "failed", **{cell.key: "finished" for cell in good}}


@pytest.mark.parametrize("name", ["Blunt", "Explodes"])
def test_what_is_not_a_number_is_divergence_not_the_end_of_all(session, two, mine, name):
    odd = replace(SMALL, activation=f"{mine[0]}:{name}", batch_norm=False)
    runner.run_cells(session, [odd, SMALL], None, two)
    assert statuses(session) == {odd.key: "diverged", SMALL.key: "finished"}
    assert latest(session.store.path).measurements["value"].notna().all()


def test_a_finished_run_with_a_number_that_is_none_is_diverged(session):
    values = [Measurement("train_loss", 1, 2.0, "1"), Measurement("test_loss", 1, float("nan"), "1")]
    session.record(SMALL, Outcome("finished", values))
    assert statuses(session) == {SMALL.key: "diverged"}
    assert stored(session, SMALL) == [("train_loss", 1, 2.0, "1")]
    assert session.failed == []


# Rates chosen on held-out images


def oracle(path, final_seeds, untuned_seeds):
    """(activation, rate, seed) of what must be scored, by dictionaries from the raw tables."""
    score = "SELECT r.activation, r.learning_rate, r.status, m.value FROM run r LEFT JOIN measurement m "
    score += "ON m.run = r.id AND m.metric = 'validation_accuracy' AND m.step = r.epochs "
    score += "WHERE r.split = 'validation'"
    scores, excluded = defaultdict(list), set()
    with closing(sqlite3.connect(path)) as connection:
        for activation, rate, status, accuracy in connection.execute(score):
            scores[activation, rate].append(accuracy)
            if status != "finished":
                excluded.add((activation, rate))
    best = {}
    for (activation, rate), found in scores.items():
        if (activation, rate) not in excluded:
            mean = sum(found) / len(found)
            best[activation] = max(best.get(activation, (-1, 0)), (mean, -rate))
    expected = {(a, -rate, seed) for a, (_, rate) in best.items() for seed in range(final_seeds)}
    return expected | {(a, UNTUNED, seed) for a, _ in scores for seed in range(untuned_seeds)}


def scored_rows(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT activation, learning_rate, seed FROM run "
            "WHERE task = 'deep_classifier' AND split = 'test' AND status = 'finished'"
        ).fetchall()


def small_plan(activations, **changes):
    effort = replace(Effort(2, 2, 300, tuning_seeds=2, untuned_seeds=1, batch_size=32), **changes)
    return plan("deep_classifier", effort, "digits", 1437, activations)


def whole(session, plans, others=()):
    runner.run_plans(session, plans, others, None, lambda cell: float(cell.samples))


def test_rates_are_chosen_by_held_out_accuracy_and_scored_once(session, steps, two, monkeypatch):
    monkeypatch.setattr(runner, "client", lambda *_: nullcontext(two))
    made = small_plan(["relu", "sigmoid", "tanh"])
    other = Cell("double_well", None, None, None, None, None, "digits", 1437, 0, 0)
    whole(session, [made], [other])
    path = session.store.path
    found = scored_rows(path)
    assert sorted(found) == sorted(oracle(path, 2, 1))
    assert len({rate for _, rate, _ in found} - {UNTUNED}) >= 1
    assert session.finished() >= {other.key, *(cell.key for _, cell in made.tuning())}
    assert session.failed == []
    (shown,) = steps
    assert shown.done == shown.items == len(latest(path).runs) == 3 * 5 * 2 + len(found) + 1
    assert shown.done_weight == pytest.approx(shown.weight)

    # What is in the store is not run again, and no cluster is started for it.
    before = latest(path).runs
    monkeypatch.setattr(runner, "client", lambda *_: pytest.fail("a cluster was started for nothing"))
    whole(session, [made], [other])
    assert latest(path).runs.equals(before)


def test_what_is_missing_is_all_that_is_run(session, steps, two, monkeypatch):
    monkeypatch.setattr(runner, "client", lambda *_: nullcontext(two))
    made = small_plan(["relu"], tuning_seeds=1, untuned_seeds=0)
    whole(session, [made])
    complete = latest(session.store.path).runs
    final = complete.query("split == 'test' and seed == 1")["key"].item()
    gone = [made.tuning()[2][1].key, final]
    with session.store.connection as connection:
        connection.executemany("DELETE FROM run WHERE key = ?", [(key,) for key in gone])
    whole(session, [made])
    assert [(shown.done, shown.items) for shown in steps] == [(7, 7), (2, 2)]
    again = latest(session.store.path).runs
    assert set(again["key"]) == set(complete["key"])
    assert again["key"].tolist()[-2:] == gone


def test_a_contender_that_cannot_be_tuned_is_scored_untuned_and_parts_share_their_cells(
    session, steps, two, mine, monkeypatch
):
    """A rate at which nothing finished is not chosen; what failed for one part is not tried for the next."""
    monkeypatch.setattr(runner, "client", lambda *_: nullcontext(two))
    (mine[1] / "Raises").unlink(missing_ok=True)
    made = small_plan(["relu", f"{mine[0]}:Raises"], tuning_seeds=1)
    same = Plan("the same once more", made.contenders, made.effort)
    whole(session, [made, same])
    failed = latest(session.store.path).runs.query("status == 'failed'")
    assert Counter(failed["split"]) == {"validation": 5, "test": 1}
    assert failed.query("split == 'test'")["learning_rate"].tolist() == [UNTUNED]
    assert attempts(mine, "Raises") == 3 * 6
    assert len(session.failed) == 6
    assert sorted(scored_rows(session.store.path)) == sorted(
        row for row in oracle(session.store.path, 2, 1) if row[0] == "relu"
    )
    (shown,) = steps
    assert shown.done == shown.items == len(latest(session.store.path).runs)


def chosen_by(session, table, **changes):
    """What is chosen for ReLU whose tuning ended as the table says: rate -> (status, accuracy) a seed."""
    made = small_plan(["relu"], **changes)
    for _, cell in made.tuning():
        status, accuracy = table[cell.learning_rate][cell.seed - 1000]
        values = [Measurement("validation_accuracy", e, accuracy * e / cell.epochs, "1") for e in (0, 1, 2)]
        values += [Measurement("validation_loss", e, 1 - accuracy, "1") for e in (0, 1, 2)]
        session.record(cell, Outcome(status, values))
    return runner.chosen(session.snapshot(), made), made


def test_the_best_mean_of_those_that_always_finished_is_chosen(session):
    low, middle, high, higher, highest = RATES["adam"]
    table = {
        low: [("finished", 0.5), ("finished", 0.7)],
        middle: [("finished", 0.8), ("finished", 0.6)],
        high: [("finished", 0.6), ("finished", 0.8)],
        higher: [("finished", 0.99), ("diverged", 0.99)],
        highest: [("finished", 0.98), ("failed", 0.98)],
    }
    found, made = chosen_by(session, table)
    assert found == {0: middle}  # of equals the smaller
    assert {c.learning_rate for c in runner.scored(session.snapshot(), made, complete=True)} == {
        middle,
        UNTUNED,
    }


def test_until_tuning_is_complete_an_unknown_rate_stands_as_none(session):
    made = small_plan(["relu", "gelu"])
    found = Counter(
        (c.activation, c.learning_rate) for c in runner.scored(session.snapshot(), made, complete=False)
    )
    assert found == {(a, rate): n for a in ("relu", "gelu") for rate, n in ((0.0, 2), (UNTUNED, 1))}
    assert {c.learning_rate for c in runner.scored(session.snapshot(), made, complete=True)} == {UNTUNED}


def test_workers_of_several_threads_are_refused():
    """Runs of one process would draw from one generator, and no number would come twice."""
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        address = cluster.scheduler_address
        with (
            pytest.raises(ValueError, match=f"{address} has workers of 2 threads; one a worker was expected"),
            runner.client(None, address),
        ):
            pass


def test_a_cell_that_kills_every_worker_is_a_row_and_the_rest_finishes(session, two, mine, monkeypatch):
    kills = replace(SMALL, activation=f"{mine[0]}:Kills")
    good = [replace(SMALL, seed=seed) for seed in range(6)]
    told = []
    runner.run_cells(session, [kills, *good], None, two, advance=told.append)
    assert Counter(told) == Counter([kills, *good])
    assert statuses(session) == {kills.key: "failed", **{cell.key: "finished" for cell in good}}
    (error,) = latest(session.store.path).runs.query("status == 'failed'")["error"]
    reasons = "killed, out of memory, or busy with it for more than 600 s"
    assert error == f"lost its worker 3 times: {reasons}"
    assert attempts(mine, "Kills") == 3
    assert len(two.cluster.workers) == 2  # none is given up for having died too often
