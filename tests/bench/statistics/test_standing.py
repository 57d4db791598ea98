"""Verdicts on candidates: words by hand, looks, and how often planted effects are found in simulated runs."""

from dataclasses import replace

import numpy as np
import pytest

from bench.experiments.catalog import EXPERIMENTS, plan
from bench.experiments.profiles import PROFILES
from bench.statistics import Effect, Grid
from bench.statistics.sequential import confidences
from bench.statistics.simulation import simulate
from bench.statistics.standing import (
    ARENAS,
    BETTER,
    LEVEL,
    UNDECIDED,
    WORSE,
    Standing,
    looks_of,
    stand,
    standings,
)
from bench.statistics.training_runs import EARLY, LAST
from tests import small_store as small
from tests.simulated import AUTOENCODER, CLASSIFIER


@pytest.mark.parametrize(
    ("low", "high", "relative", "word"),
    [
        (0.001, 0.009, False, BETTER),
        (-0.009, -0.001, False, WORSE),
        (-0.001, 0.009, False, UNDECIDED),
        (-0.0019, 0.0019, False, LEVEL),
        (0.0001, 0.0019, False, LEVEL),
        (-0.0021, 0.0019, False, UNDECIDED),
        (0.01, 0.09, True, WORSE),  # of a loss
        (-0.09, -0.01, True, BETTER),
        (-0.019, 0.019, True, LEVEL),
    ],
)
def test_words_by_the_interval(low, high, relative, word):
    effect = Effect((low + high) / 2, low, high, 6, 0.0, relative, 0.5)
    standing = Standing("relu", LAST, 16, effect, 6, 20, 0.95)
    assert standing.word == word
    assert replace(standing, seeds=0).word == UNDECIDED
    assert replace(standing, effect=replace(effect, reason="no rate")).word == UNDECIDED


def first(grid, seeds):
    """The runs of the first seeds."""
    return Grid(grid.rates, grid.seeds[:seeds], grid.validation[:, :seeds], grid.test[:, :seeds])


def at_looks(workload, seeds, effect, number):
    """Words and seeds of a candidate with a true effect over one baseline, at the look that ends it."""
    rng = np.random.default_rng([seeds, number])
    (candidate, baseline), _ = simulate(workload, seeds, np.array([effect, 0.0]), rng)
    for look in looks_of(seeds):
        (found,) = stand(first(candidate, look), {"relu": baseline}, seeds, relative=workload.relative)
        if found.word != UNDECIDED:
            break
    return found


POINTS = 100  # a simulated accuracy is in points


def scaled(workload, factor):
    """The workload with results divided by a factor, so that margins have their meaning."""
    parts = {
        name: value / factor
        for name, value in vars(workload.components).items()
        if name not in ("rates", "tail", "tail_scale")
    }
    rates = tuple(rate / factor for rate in workload.components.rates)
    return replace(workload, components=replace(workload.components, rates=rates, **parts))


def test_without_an_effect_few_verdicts_are_wrong():
    """Of 200 verdicts 5 % may be wrong; 18 are the binomial 99.5 % limit."""
    words = [at_looks(scaled(CLASSIFIER, POINTS), 20, 0.0, k).word for k in range(200)]
    assert sum(word in (BETTER, WORSE) for word in words) <= 18


def test_a_copy_of_the_baseline_is_level():
    """It errs on the same images, so that seeds alone tell the two apart."""
    same = replace(CLASSIFIER, components=replace(CLASSIFIER.components, image=0.0, rate_image=0.0))
    words = [at_looks(scaled(same, POINTS), 20, 0.0, k).word for k in range(100)]
    assert words.count(LEVEL) >= 80  # 89 of 100 here


@pytest.mark.parametrize(("workload", "effect"), [(scaled(CLASSIFIER, POINTS), 0.006), (AUTOENCODER, 0.15)])
def test_a_large_planted_effect_is_found_early(workload, effect):
    for sign, word in ((1, BETTER), (-1, WORSE)):
        found = [at_looks(workload, 20, sign * effect, k) for k in range(30)]
        assert [its.word for its in found] == [word] * 30
        assert np.mean([its.seeds for its in found]) < 15


def test_looks_and_their_confidence():
    (a, b), _ = simulate(CLASSIFIER, 20, np.zeros(2), np.random.default_rng(0))
    levels = confidences((6, 12, 20))
    for seeds, look, level in ((5, 0, 0), (6, 6, 0), (11, 6, 0), (12, 12, 1), (19, 12, 1), (20, 20, 2)):
        (found,) = stand(first(a, seeds), {"relu": b}, 20, relative=False)
        assert (found.seeds, found.planned, found.confidence) == (look, 20, levels[level])
        assert found.effect.pairs == (look or seeds)
    wide, middle, narrow = (
        stand(first(a, seeds), {"relu": b}, 20, relative=False)[0].effect for seeds in (6, 12, 20)
    )
    assert wide.high - wide.low > middle.high - middle.low > narrow.high - narrow.low


def test_standings_of_a_store_are_early_and_late(tmp_path):
    runs = [
        small.scored(0.9 + 0.05 * (name == "mine") + seed / 1000, seed=seed, activation=name)
        for name in ("relu", "gelu", "mine")
        for seed in range(20)
    ]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    found = standings(snapshot, ARENAS["classifier with batch norm"], "mine")
    assert [(s.baseline, s.horizon, s.word) for s in found] == [
        ("relu", EARLY, BETTER), ("gelu", EARLY, BETTER), ("relu", LAST, BETTER), ("gelu", LAST, BETTER),
    ]  # fmt: skip
    assert {s.epochs for s in found} == {0.5, 2}
    assert standings(snapshot, ARENAS["classifier with batch norm"], "other") == ()


@pytest.mark.parametrize("arena", ARENAS.values(), ids=list(ARENAS))
def test_arenas_hold_what_the_reference_runs(arena):
    """Baselines have the seeds of the last look in the reference, on the same network."""
    budget = PROFILES["reference"].experiments[arena.experiment]
    assert budget.seeds == arena.seeds
    made = plan(arena.experiment, budget, "mnist", 60_000, list(EXPERIMENTS[arena.experiment].core))
    for baseline in arena.baselines:
        fields = arena.fields | {arena.by: baseline}
        (config,) = [
            c for c in made.candidates if all(getattr(c, name) == value for name, value in fields.items())
        ]
        assert baseline in made.core or arena.by == "optimizer"
        assert config.learning_rate > 0
