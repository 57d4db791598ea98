"""How long cells will take: from medians of what was measured, else from the table of networks."""

from dataclasses import replace

import pandas as pd
import pytest

from bench.experiments.estimates import UNKNOWN, estimator
from bench.experiments.workloads.networks import NETWORKS
from bench.records.runs import RunConfig
from bench.store import Snapshot

CONFIG = RunConfig("classifier", "relu", "adam", 1e-3, 128, True, "mnist", 6000, 5, 0)
PHENOMENON = RunConfig("zigzag", None, None, None, None, None, "mnist", 60_000, 0, 0)


def snapshot(*rows):
    """Runs as (task, batch size, samples, epochs, seconds), and another metric that must not count."""
    columns = ["task", "batch_size", "samples", "epochs", "metric", "value"]
    table = [
        (task, size, samples, epochs, metric, value)
        for task, size, samples, epochs, seconds in rows
        for metric, value in (("run_seconds", seconds), ("seconds", 1e6))
    ]
    return Snapshot({}, "quick", pd.DataFrame(), pd.DataFrame(table, columns=columns), {})


def test_unmeasured_networks_cost_what_their_table_says():
    seconds = estimator([])
    assert seconds(CONFIG) == pytest.approx(NETWORKS["classifier"].cost * 5 * 6000 / 60_000)
    slow = seconds(replace(CONFIG, task="scratch_cnn"))
    assert slow == pytest.approx(seconds(CONFIG) * NETWORKS["scratch_cnn"].cost / NETWORKS["classifier"].cost)
    assert seconds(PHENOMENON) == UNKNOWN


def test_measured_cells_are_the_median_by_samples_seen():
    # 2, 4 and 100 microseconds a sample seen, by task and batch size
    found = snapshot(
        ("classifier", 128, 1000, 2, 0.004),
        ("classifier", 128, 500, 4, 0.008),
        ("classifier", 128, 100, 1, 0.010),
        ("classifier", 32, 1000, 1, 7.0),
        ("scratch_cnn", 128, 1000, 1, 70.0),
    )
    seconds = estimator([found])
    assert seconds(CONFIG) == pytest.approx(4e-6 * 6000 * 5)
    assert seconds(replace(CONFIG, batch_size=32)) == pytest.approx(7e-3 * 6000 * 5)
    assert seconds(replace(CONFIG, batch_size=64)) == estimator([])(replace(CONFIG, batch_size=64))
    assert seconds(replace(CONFIG, activation="sgelu", seed=9)) == seconds(CONFIG)


def test_what_has_no_epochs_and_no_batch_is_as_long_as_it_was():
    found = snapshot(
        *(("zigzag", None, samples, 0, took) for samples, took in ((9, 0.3), (1437, 0.5), (9, 0.4)))
    )
    assert estimator([found])(PHENOMENON) == pytest.approx(0.4)
    assert estimator([found])(replace(PHENOMENON, task="affinity")) == UNKNOWN


def test_the_first_snapshot_that_knows_a_kind_of_cell_tells_of_it():
    own = snapshot(("classifier", 128, 1000, 1, 0.002))
    reference = snapshot(("classifier", 128, 1000, 1, 5.0), ("zigzag", None, 1, 0, 0.7))
    seconds = estimator([own, reference])
    assert seconds(CONFIG) == pytest.approx(2e-6 * 6000 * 5)
    assert seconds(PHENOMENON) == pytest.approx(0.7)
