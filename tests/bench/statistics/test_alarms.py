"""Arms of one activation: told from themselves seldom, and from worse ones by the size of the difference."""

import numpy as np
import pytest

from bench.statistics.alarms import alarms, verdict, words, worsened
from bench.statistics.effects import Grid
from bench.statistics.standing import ARENAS, BETTER, CLASSIFIER, LEVEL, UNDECIDED, WORSE
from tests import small_store as small


def grid(mean, seeds=20, spread=0.0005, seed=0, blocks=50):
    """Twenty seeds at one rate whose accuracies differ a little from seed to seed and from block to block."""
    rng = np.random.default_rng(seed)
    scores = mean + spread * rng.normal(size=(1, seeds, 1)) + 0.001 * rng.normal(size=(1, seeds, blocks))
    return Grid(np.array([1e-3]), np.arange(seeds), scores.mean(axis=2), scores)


def test_the_first_look_that_decides_gives_the_word():
    baseline = grid(0.97, seed=1)
    assert verdict(grid(0.98), baseline, 20, relative=False) == BETTER
    assert verdict(grid(0.96), baseline, 20, relative=False) == WORSE
    assert verdict(grid(0.97), baseline, 20, relative=False) == LEVEL
    assert verdict(grid(0.9715, spread=0.004), baseline, 20, relative=False) == UNDECIDED
    # The later seeds are worse; after six the candidate was better.
    turned = grid(0.98)
    turned.test[:, 6:] -= 0.05
    turned.validation[:, 6:] -= 0.05
    assert verdict(turned, baseline, 20, relative=False) == BETTER
    assert verdict(grid(0.98, seeds=5), baseline, 20, relative=False) == UNDECIDED  # before the first look


@pytest.mark.parametrize(("relative", "expected"), [(False, 0.97 - 3 * 0.002), (True, 0.97 * (1 + 3 * 0.02))])
def test_an_arm_is_made_worse_by_margins_in_every_block(relative, expected):
    arm = grid(0.97, spread=0.0)
    arm.test[:] = 0.97
    worse = worsened(arm, 3, relative)
    np.testing.assert_allclose(worse.test, expected, rtol=1e-12)
    assert worse.validation is arm.validation  # the choice of the rate stays


@pytest.fixture
def snapshot(tmp_path):
    rng, runs = np.random.default_rng(3), []
    for name in ("relu", "control", "control 2", "gelu"):
        runs += [small.scored(0.9 + 0.0002 * rng.normal(), seed=seed, activation=name) for seed in range(20)]
    return small.snapshot(tmp_path / "r.sqlite", runs)


def test_every_pair_of_arms_is_put_to_the_rule_at_both_horizons(snapshot):
    arena = ARENAS[CLASSIFIER]
    assert list(words(snapshot, arena)) == [LEVEL] * 6  # three pairs, GELU is no arm
    assert list(words(snapshot, arena, 3.0)) == [WORSE] * 6
    every, told, level, little, much = alarms(snapshot, [arena])
    assert [(r.hits, r.cases) for r in (every, told, level, much)] == [(0, 6), (0, 6), (6, 6), (6, 6)]
    assert alarms(snapshot, [arena, ARENAS["fully connected autoencoder"]])[0].cases == 6
    assert little.label == "classifier with batch norm: called worse by 1.5 margins"


def test_without_two_arms_there_is_nothing_to_count(tmp_path):
    alone = small.snapshot(tmp_path / "r.sqlite", [small.scored(0.9, seed=seed) for seed in range(20)])
    assert alarms(alone, [ARENAS[CLASSIFIER]]) == []
