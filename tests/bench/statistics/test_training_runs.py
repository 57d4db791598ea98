"""Grids of runs, which rate each seed gets, and what its run was at each horizon."""

import math

import numpy as np
import pytest

from bench.records.names import BLOCK_SCORES
from bench.statistics import training_runs as trained
from bench.statistics.training_runs import EARLY, LAST, rates, select
from tests import small_store as small


def grid_of(tests, held_out, **fields):
    """Runs by rate: test accuracies and held-out accuracies of seeds 0, 1, …"""
    return [
        small.scored(test, rate, seed, held_out=score, **fields)
        for rate in tests
        for seed, (test, score) in enumerate(zip(tests[rate], held_out[rate], strict=True))
    ]


def test_a_seed_is_scored_at_the_rate_that_the_other_half_of_the_seeds_chose(tmp_path):
    tests = {1e-3: (0.1, 0.2, 0.3, 0.4), 1e-2: (0.5, 0.6, 0.7, 0.8)}
    # Seeds 0 and 2 prefer the larger rate, 1 and 3 the smaller one.
    held_out = {1e-3: (0.5, 0.9, 0.5, 0.9), 1e-2: (0.8, 0.6, 0.8, 0.6)}
    found = small.snapshot(tmp_path / "r.sqlite", grid_of(tests, held_out))
    frame = trained.scored(found, LAST).sort_values("seed")
    assert frame["learning_rate"].tolist() == [1e-3, 1e-2, 1e-3, 1e-2]
    assert frame["test_accuracy"].tolist() == [0.1, 0.6, 0.3, 0.8]


def test_of_few_seeds_all_choose_together(tmp_path):
    tests = {1e-3: (0.1, 0.2), 1e-2: (0.5, 0.6)}
    held_out = {1e-3: (0.5, 0.9), 1e-2: (0.8, 0.7)}
    found = small.snapshot(tmp_path / "r.sqlite", grid_of(tests, held_out))
    assert trained.scored(found, LAST)["learning_rate"].tolist() == [1e-2, 1e-2]
    (row,) = rates(found).to_dict("records")
    assert (row["learning_rate"], row["edge"], row["share"]) == (1e-2, True, 1.0)


def test_a_rate_in_the_middle_is_not_at_the_edge(tmp_path):
    tests = {rate: (0.5, 0.5) for rate in (1e-3, 1e-2, 1e-1)}
    held_out = {1e-3: (0.1, 0.1), 1e-2: (0.9, 0.9), 1e-1: (0.1, 0.1)}
    (row,) = rates(small.snapshot(tmp_path / "r.sqlite", grid_of(tests, held_out))).to_dict("records")
    assert not row["edge"]


def test_rates_that_stopped_after_the_first_seeds_are_not_chosen(tmp_path):
    runs = grid_of({1e-3: (0.1,) * 4}, {1e-3: (0.5,) * 4})
    runs += grid_of({1e-2: (0.9,) * 3}, {1e-2: (0.4,) * 3})
    found = small.snapshot(tmp_path / "r.sqlite", runs)
    assert trained.scored(found, LAST)["learning_rate"].tolist() == [1e-3] * 4


def test_seeds_that_a_better_rate_was_not_run_with_are_missing(tmp_path):
    runs = grid_of({1e-3: (0.1,) * 6}, {1e-3: (0.5,) * 6})
    runs += grid_of({1e-2: (0.9,) * 4}, {1e-2: (0.6,) * 4})
    found = small.snapshot(tmp_path / "r.sqlite", runs)
    frame = trained.scored(found, LAST)
    assert (frame["seed"].tolist(), set(frame["learning_rate"])) == ([0, 1, 2, 3], {1e-2})


def test_metrics_are_those_of_the_horizon(tmp_path):
    runs = [small.scored(0.9, seed=seed, early=0.4) for seed in (0, 1)]
    found = small.snapshot(tmp_path / "r.sqlite", runs)
    for horizon, epochs, accuracy in ((EARLY, 0.5, 0.4), (LAST, 2.0, 0.9)):
        frame = trained.at_horizon(found, horizon)
        assert set(frame["horizon"]) == {epochs}
        assert frame["test_accuracy"].tolist() == [accuracy] * 2
        assert frame["test_loss"].tolist() == [1 - accuracy] * 2
    assert trained.horizons_of(found, "classifier") == (0.5, 1.0, 2.0)
    assert trained.horizons_of(found, "fc_autoencoder") == ()


def test_a_task_without_a_horizon_is_missing_there(tmp_path):
    lost = small.scored(0.0, seed=1, status="diverged")
    runs = [small.scored(0.7, epochs=2), lost, small.reconstructed(0.1, epochs=12)]
    found = small.snapshot(tmp_path / "r.sqlite", runs)
    assert trained.horizons_of(found, "classifier") == (0.5, 1.0, 2.0)
    assert trained.horizons_of(found, "fc_autoencoder") == (1.5, 3.0, 6.0, 12.0)
    assert trained.at_horizon(found, 3)["task"].tolist() == ["fc_autoencoder"]


def test_missing_fields_match_missing_fields(tmp_path):
    deep = {"task": "deep_classifier", "batch_norm": None}
    runs = [small.scored(0.7, 1e-2, **deep), small.scored(0.6)]
    frame = trained.scored(small.snapshot(tmp_path / "r.sqlite", runs), LAST)
    assert select(frame, task="deep_classifier", batch_norm=None)["test_accuracy"].tolist() == [0.7]


def test_only_the_size_that_was_run_last_counts_and_what_diverged_is_no_number(tmp_path):
    runs = [
        small.scored(0.3, epochs=5),
        *(small.scored(0.7, seed=seed) for seed in range(4)),
        small.scored(0.0, rate=1e-2, status="diverged"),
        small.scored(0.0, rate=1e-1, status="failed"),
    ]  # fmt: skip
    found = small.snapshot(tmp_path / "r.sqlite", runs)
    frame = trained.at_horizon(found, LAST)
    assert set(frame["epochs"]) == {2}
    assert frame["status"].tolist() == ["finished"] * 4 + ["diverged"]
    assert math.isnan(frame["test_accuracy"].iloc[-1])
    assert trained.scored(found, LAST)["test_accuracy"].tolist() == [0.7] * 4


def test_a_candidate_whose_rates_all_diverged_is_missing(tmp_path):
    runs = [small.scored(0.0, rate, status="diverged", activation="sgelu") for rate in (1e-3, 1e-2)]
    found = small.snapshot(tmp_path / "r.sqlite", [*runs, small.scored(0.5)])
    assert set(trained.scored(found, LAST)["activation"]) == {"relu"}
    assert set(rates(found)["activation"]) == {"relu"}


def test_a_grid_has_every_run_in_its_place(tmp_path):
    runs = [
        small.scored(0.7, 1e-2, seed=3, held_out=0.3),
        small.scored(0.5, 1e-3, seed=1, held_out=0.1, early=0.2),
        small.scored(0.0, 1e-3, seed=3, status="diverged"),
        small.scored(0.6, 1e-2, seed=1, held_out=0.2),
    ]
    found = small.snapshot(tmp_path / "r.sqlite", runs)
    for horizon, accuracy in ((EARLY, 0.2), (LAST, 0.5)):
        its = trained.grid(found, trained.at_horizon(found, horizon), horizon)
        assert (its.rates.tolist(), its.seeds.tolist()) == ([1e-3, 1e-2], [1, 3])
        np.testing.assert_equal(its.validation, [[0.1, -math.inf], [0.2, 0.3]])
        assert its.test.shape == (2, 2, len(small.BLOCKS))
        np.testing.assert_allclose(its.test[0, 0], accuracy + small.BLOCKS, rtol=1e-6)
        assert np.isnan(its.test[0, 1]).all()
    assert found.arrays[1, BLOCK_SCORES].shape == (3, 3)


def test_losses_choose_by_their_logarithm(tmp_path):
    runs = [
        small.reconstructed(0.1, rate, held_out=loss)
        for rate, loss in ((1e-3, 0.3), (3e-3, 0.1), (1e-2, 0.2))
    ]
    found = small.snapshot(tmp_path / "r.sqlite", runs)
    its = trained.grid(found, trained.at_horizon(found, LAST), LAST)
    assert its.validation[:, 0] == pytest.approx(-np.log([0.3, 0.1, 0.2]))
    assert rates(found)["learning_rate"].tolist() == [3e-3]
