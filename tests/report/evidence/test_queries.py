"""From tidy rows to pairs and curves, on a store small enough to check by eye."""

import math
from dataclasses import replace

import pytest

from bench.records.environment import Environment
from bench.records.runs import BenchmarkCase, Measurement, RunConfig, RunResult
from bench.store import Store, latest
from report.document import labels
from report.evidence import queries as evidence
from tests import small_store as small

HERE = Environment("cpu", 2, 1024, "Linux", "3.11", "{}", "cpu", 1, "s", "digits", "d", "c")


COURSE = [Measurement("validation_loss", 0, 2.0, "1"), Measurement("validation_loss", 0.25, 1.0, "1")]


def descent(optimizer, rate, batch_size, seed, excess, status="finished"):
    cell = RunConfig("logistic_regression", None, optimizer, rate, batch_size, None, "digits", 100, 1, seed)
    return cell, RunResult(
        status, [Measurement("excess_loss", step, value, "1") for step, value in excess.items()]
    )


def timing(subject, implementation, seconds):
    rows = [Measurement("seconds", step, value, "s") for step, value in enumerate(seconds)]
    return BenchmarkCase("activation_forward", subject, implementation, "4 elements", 4), RunResult(
        "finished", rows
    )


RUNS = [
    descent("sgd", 0.1, 100, 0, {0: 1.0, 100: 0.5}),
    descent("sgd", 0.1, 1, 0, {0: 1.0, 100: 0.1}),
    descent("sgd", 0.1, 1, 1, {0: 1.0, 100: 0.3}),
    descent("sgd", 1.0, 1, 0, {0: 1.0, 100: 0.01}),
    descent("sgd", 1.0, 1, 1, {0: 1.0, 50: 0.001}, status="diverged"),
    descent("adam", 0.1, 32, 0, {0: 1.0, 100: 0.2}),
    *small.by_round(timing("sgelu", "impl", [4.0, 4.0, 5.0])),
    *small.by_round(timing("gelu", "torch", [2.0, 1.0, 2.5])),
]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "results.sqlite"
    with Store(path) as store:
        where = store.environment_id(HERE)
        for what, outcome in RUNS:
            store.record(where, "quick", what, outcome)
    return latest(path)


def test_networks_and_their_curves_keep_batch_norm_and_tasks_apart(tmp_path):
    runs = [
        run
        for batch_norm, course in ((True, COURSE), (False, COURSE[:1]))
        for cell, outcome in (small.scored(0.5, batch_norm=batch_norm),)
        for run in ((cell, replace(outcome, measurements=[*outcome.measurements, *course])),)
    ]
    found = small.snapshot(tmp_path / "r.sqlite", runs)
    with_norm, without = (evidence.networks(found, "classifier", norm) for norm in (True, False))
    assert evidence.curves(found, with_norm, "validation_loss")["value"].tolist() == [2.0, 1.0] + [0.5] * 3
    assert evidence.curves(found, without, "validation_loss")["value"].tolist() == [2.0] + [0.5] * 3
    assert evidence.networks(found, "fc_autoencoder").empty


def test_final_figures_by_seed_and_activation(tmp_path):
    runs = [
        small.scored(0.8, seed=0),
        small.scored(0.7, seed=1),
        small.scored(0.9, seed=0, activation="sgelu"),
        small.scored(0.1, seed=0, loss="brier"),  # another experiment's
    ]
    table = evidence.final(small.snapshot(tmp_path / "r.sqlite", runs), "classifier", "test_accuracy", True)
    assert table["relu"].tolist() == [0.8, 0.7]
    assert table["sgelu"].iloc[0] == 0.9
    assert math.isnan(table["sgelu"].iloc[1])


def test_labels_and_order_know_a_users_own():
    assert [labels.label(name) for name in ("sgelu", "adamw", "mine:Own@1a2b")] == [
        "SGELU",
        "AdamW",
        "mine:Own@1a2b",
    ]
    assert labels.ordered(["mine:Own@1a2b", "gelu", "sigmoid"]) == ["sigmoid", "gelu", "mine:Own@1a2b"]


def test_times_and_their_ratio(snapshot):
    ratio = evidence.time_ratio(
        snapshot, "activation_forward", "4 elements", ("sgelu", "impl"), ("gelu", "torch")
    )
    assert (ratio.value, ratio.rounds) == (pytest.approx((2 * 4 * 2) ** (1 / 3)), 3)
    assert evidence.seconds(snapshot, "activation_forward", "tanh", "impl", "4 elements") is None
    assert (
        evidence.time_ratio(snapshot, "activation_forward", "4 elements", ("tanh", "impl"), ("gelu", "torch"))
        is None
    )
    assert evidence.inputs(snapshot, "activation_forward") == ["4 elements"]


def test_descents_are_named_by_their_batch_and_a_rate_that_diverges_is_not_the_best(snapshot):
    frame = evidence.descents(snapshot)
    assert set(frame["method"]) == {"batch", "stochastic", "adam"}
    best = evidence.at_best_rate(frame)
    assert set(best[best["method"] == "stochastic"]["learning_rate"]) == {0.1}
    assert len(best[best["method"] == "stochastic"]) == 4
