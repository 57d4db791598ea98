"""From tidy rows to pairs and curves, on a store small enough to check by eye."""

import math

import pytest

from bench.cells import Cell, Outcome
from bench.environment import Environment
from bench.store import Store, latest
from bench.timing import Timing
from impl.training import Measurement
from report import evidence

HERE = Environment("cpu", 2, 1024, "Linux", "3.11", "{}", "cpu", 1, "s", "digits", "d", "c")


def classifier(activation, seed, accuracies, status="finished", batch_norm=True):
    cell = Cell("classifier", activation, "adam", 1e-3, 128, batch_norm, "digits", 100, 2, seed)
    rows = [Measurement("test_accuracy", step, value, "1") for step, value in enumerate(accuracies)]
    return cell, Outcome(status, rows)


def descent(optimizer, rate, batch_size, seed, excess, status="finished"):
    cell = Cell("logistic_regression", None, optimizer, rate, batch_size, None, "digits", 100, 1, seed)
    return cell, Outcome(
        status, [Measurement("excess_loss", step, value, "1") for step, value in excess.items()]
    )


def timing(subject, implementation, seconds):
    rows = [Measurement("seconds", step, value, "s") for step, value in enumerate(seconds)]
    return Timing("activation_forward", subject, implementation, "4 elements", 4), Outcome("finished", rows)


RUNS = [
    classifier("relu", 0, [0.1, 0.5, 0.8]),
    classifier("relu", 1, [0.1, 0.6, 0.7]),
    classifier("sgelu", 0, [0.1, 0.5, 0.9]),
    classifier("sgelu", 1, [0.1, 0.6, 0.9]),
    classifier("swish", 0, [0.1], status="diverged"),
    classifier("swish", 1, [0.1, 0.6, 0.75]),
    classifier("relu", 0, [0.1, 0.2, 0.3], batch_norm=False),
    descent("sgd", 0.1, 100, 0, {0: 1.0, 100: 0.5}),
    descent("sgd", 0.1, 1, 0, {0: 1.0, 100: 0.1}),
    descent("sgd", 0.1, 1, 1, {0: 1.0, 100: 0.3}),
    descent("sgd", 1.0, 1, 0, {0: 1.0, 100: 0.01}),
    descent("sgd", 1.0, 1, 1, {0: 1.0, 50: 0.001}, status="diverged"),
    descent("adam", 0.1, 32, 0, {0: 1.0, 100: 0.2}),
    timing("sgelu", "impl", [4.0, 4.0, 5.0]),
    timing("gelu", "torch", [2.0, 1.0, 2.0]),
]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "results.sqlite"
    with Store(path) as store:
        where = store.environment_id(HERE)
        for what, outcome in RUNS:
            store.record(where, "quick", what, outcome)
    return latest(path)


def test_curves_keep_batch_norm_apart(snapshot):
    with_norm = evidence.curves(snapshot, "classifier", "test_accuracy", batch_norm=True)
    without = evidence.curves(snapshot, "classifier", "test_accuracy", batch_norm=False)
    assert set(with_norm["activation"]) == {"relu", "sgelu", "swish"}
    assert without["value"].tolist() == [0.1, 0.2, 0.3]
    assert evidence.curves(snapshot, "fc_autoencoder", "test_loss").empty


def test_comparison_pairs_seeds_and_leaves_out_the_diverged(snapshot):
    table = evidence.final(snapshot, "classifier", "test_accuracy", True)
    assert table["sgelu"].mean() == pytest.approx(0.9)
    sgelu, swish = (evidence.pair(table, name, "relu") for name in ("sgelu", "swish"))
    assert sgelu.mean == pytest.approx((0.1 + 0.2) / 2)
    assert sgelu.pairs == 2
    assert swish.pairs == 1
    assert math.isnan(swish.low)
    assert evidence.pair(table, "relu", "relu") is None
    assert evidence.pair(table, "sgelu", "gelu") is None
    assert evidence.final(snapshot, "fc_autoencoder", "test_loss", True).empty


def test_times_and_their_ratio(snapshot):
    ratio = evidence.time_ratio(
        snapshot, "activation_forward", "4 elements", ("sgelu", "impl"), ("gelu", "torch")
    )
    assert ratio.value == 2.0
    assert evidence.samples(snapshot, "activation_forward", "tanh", "impl", "4 elements") is None
    assert (
        evidence.time_ratio(snapshot, "activation_forward", "4 elements", ("tanh", "impl"), ("gelu", "torch"))
        is None
    )
    assert evidence.inputs(snapshot, "activation_forward") == ["4 elements"]


def test_descents_are_named_by_their_batch_and_a_rate_that_diverges_is_not_the_best(snapshot):
    frame = evidence.descents(snapshot)
    assert set(frame["method"]) == {"batch", "stochastic", "Adam"}
    best = evidence.at_best_rate(frame)
    assert set(best[best["method"] == "stochastic"]["learning_rate"]) == {0.1}
    assert len(best[best["method"] == "stochastic"]) == 4
