"""Plans: what is compared is treated alike, rates are chosen on other seeds and images than are scored."""

from collections import Counter, defaultdict
from dataclasses import asdict, replace
from itertools import pairwise

import pytest

from bench.experiments.catalog import (
    ACTIVATIONS,
    COMPARED,
    EXPERIMENTS,
    NETWORK,
    PROFILES,
    RATES,
    STAGES,
    TUNING_SEEDS,
    Budget,
    descents,
    narrowed,
    plan,
    plans,
    synthetic_runs,
)
from bench.experiments.workloads import convergence
from bench.experiments.workloads.networks import NETWORKS
from bench.experiments.workloads.registry import CONTROL_SEEDS, seed_of
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.records.names import BASELINES, CONTROL, PROPOSED, UNTUNED
from bench.records.runs import TEST, VALIDATION, BenchmarkCase, held_out
from impl.activations import registry
from impl.losses import LOSSES
from impl.optimizers.registry import OPTIMIZERS

SIZES = {"mnist": 60_000, "digits": 1437}
CHOSEN = 0.123  # a rate of no grid
PLANS = [
    pytest.param(found, id=f"{profile}-{dataset}-{found.name}")
    for profile in PROFILES
    for dataset, size in SIZES.items()
    for found in plans(PROFILES[profile], dataset, size, ACTIVATIONS)
]
every_plan = pytest.mark.parametrize("made", PLANS)
# What the candidates of an experiment are told apart by, and nothing else.
DIFFERENCES = {
    "classifier": {"activation", "batch_norm"},
    "losses": {"loss", "wrong_labels"},
    "optimizers": {"optimizer"},
    "initialization": {"activation"},
    "fc_autoencoder": {"activation"},
    "deep_classifier": {"activation"},
    "deep_initialization": {"activation"},
    "scratch_cnn": set(),
    "conv_autoencoder": {"activation"},
}


def all_rates(made, rate=CHOSEN):
    return dict.fromkeys(range(len(made.candidates)), rate)


def tuned(made):
    return [config for _, config in made.tuning()]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_runs_every_experiment_on_a_known_network(profile):
    assert list(PROFILES[profile].experiments) == [*EXPERIMENTS, NETWORK]
    for made in plans(PROFILES[profile], "mnist", 60_000, ACTIVATIONS):
        assert {config.task for config in made.candidates} <= set(NETWORKS)
        assert {config.loss for config in made.candidates} <= set(LOSSES)
        assert {config.optimizer for config in made.candidates} <= set(OPTIMIZERS)


@every_plan
def test_no_cell_is_planned_twice(made):
    for configs in (tuned(made), made.evaluation(all_rates(made)), made.candidates):
        assert max(Counter(config.config_hash for config in configs).values(), default=1) == 1
    assert not {c.config_hash for c in tuned(made)} & {
        c.config_hash for c in made.evaluation(all_rates(made, 1e-3))
    }


@every_plan
def test_candidates_differ_in_nothing_but_what_is_compared(made):
    rows = [asdict(config) for config in made.candidates]
    differing = {name for name in rows[0] if len({row[name] for row in rows}) > 1}
    assert differing == DIFFERENCES[made.name]
    assert len({tuple(row[name] for name in sorted(differing)) for row in rows}) == len(rows)


@every_plan
def test_every_contender_is_tuned_alike(made):
    """The same rates for every candidate of an optimizer, and as many seeds at each."""
    tries = defaultdict(Counter)
    for index, config in made.tuning():
        tries[index][config.learning_rate] += 1
        same = replace(made.candidates[index], learning_rate=config.learning_rate, split=VALIDATION)
        assert config == replace(same, seed=config.seed)
    for index, config in enumerate(made.candidates):
        assert tries[index] == dict.fromkeys(RATES[config.optimizer], made.budget.tuning_seeds) or (
            not made.budget.tuning_seeds and not tries[index]
        )


def test_every_optimizer_is_given_as_many_rates_as_far_apart():
    assert len({len(rates) for rates in RATES.values()}) == 1
    for name, rates in RATES.items():
        assert name in OPTIMIZERS
        assert all(2.9 < high / low < 3.4 for low, high in pairwise(rates)), name
    assert UNTUNED in RATES["adam"]


@every_plan
def test_seeds_that_choose_are_neither_scored_nor_the_controls(made):
    choose = {seed_of(config.activation, config.seed) for config in tuned(made)}
    score = {seed_of(config.activation, config.seed) for config in made.evaluation(all_rates(made))}
    assert not choose & score


@pytest.mark.parametrize("profile", PROFILES)
def test_the_control_shares_a_seed_with_no_other_activation(profile):
    seeds = defaultdict(set)
    for made in plans(PROFILES[profile], "mnist", 60_000, ACTIVATIONS):
        for config in [*tuned(made), *made.evaluation(all_rates(made))]:
            seeds[config.activation].add(seed_of(config.activation, config.seed))
    others = set().union(*(found for name, found in seeds.items() if name != CONTROL))
    assert not seeds[CONTROL] & others
    assert max(others) < CONTROL_SEEDS <= min(seeds[CONTROL])


@every_plan
def test_tuning_sees_held_out_images_and_scoring_the_test_set(made):
    assert {config.split for config in tuned(made)} <= {VALIDATION}
    assert {config.split for config in made.evaluation(all_rates(made))} == {TEST}


@every_plan
def test_every_contender_is_scored_at_its_rate_and_where_asked_at_the_untuned_one(made):
    budget = made.budget
    rates = {index: CHOSEN + index for index in range(len(made.candidates))}
    rated = [rates[k] if budget.tuning_seeds else UNTUNED for k in rates]
    expected = {
        replace(config, learning_rate=rate, seed=seed)
        for config, own in zip(made.candidates, rated, strict=True)
        for rate, seeds in ((own, budget.seeds), (UNTUNED, budget.untuned_seeds))
        for seed in range(seeds)
    }
    assert set(made.evaluation(rates)) == expected


SMALL = Budget(seeds=3, epochs=1, samples=100, tuning_seeds=1, untuned_seeds=2)


def small(**changes):
    return plan("deep_classifier", replace(SMALL, **changes), "digits", 1437, ["relu", "gelu"])


def test_a_contender_without_a_rate_is_scored_untuned_only():
    found = small().evaluation({0: CHOSEN})
    assert Counter((config.activation, config.learning_rate) for config in found) == {
        ("relu", CHOSEN): 3,
        ("relu", UNTUNED): 2,
        ("gelu", UNTUNED): 2,
    }
    assert {config.activation for config in small(untuned_seeds=0).evaluation({0: CHOSEN})} == {"relu"}
    assert small(untuned_seeds=0).evaluation({}) == []


@pytest.mark.parametrize(("untuned_seeds", "expected"), [(0, 3), (2, 3), (5, 5)])
def test_a_chosen_rate_that_is_the_untuned_one_is_scored_once(untuned_seeds, expected):
    found = small(untuned_seeds=untuned_seeds).evaluation({0: UNTUNED, 1: UNTUNED})
    assert sorted((c.activation, c.seed) for c in found) == [
        (name, seed) for name in ("gelu", "relu") for seed in range(expected)
    ]


def test_without_tuning_the_rate_is_the_untuned_one_whatever_is_given():
    found = small(tuning_seeds=0, untuned_seeds=0).evaluation({0: CHOSEN})
    assert {config.learning_rate for config in found} == {UNTUNED}
    assert len(found) == 6
    assert small(tuning_seeds=0).tuning() == []


@pytest.mark.parametrize(
    ("name", "fewest"),
    [("classifier", 20), ("fc_autoencoder", 10), ("conv_autoencoder", 5), ("losses", 10), ("optimizers", 10)],
)
def test_the_reference_has_seeds_enough(name, fewest):
    made = plan(name, PROFILES["reference"].experiments[name], "mnist", 60_000, ACTIVATIONS)
    scored = Counter(
        replace(config, seed=0)
        for config in made.evaluation(all_rates(made))
        if config.learning_rate == CHOSEN
    )
    assert len(scored) == len(made.candidates)
    assert min(scored.values()) >= fewest
    assert min(Counter(index for index, _ in made.tuning()).values()) >= 2 * len(RATES["adam"])


@pytest.mark.parametrize(("dataset", "most"), [("mnist", 55_000), ("digits", 1150)])
def test_held_out_images_are_not_planned_to_be_trained_on(dataset, most):
    size = SIZES[dataset]
    assert size - held_out(size) == most
    for budget, expected in ((replace(SMALL, samples=100_000), most), (SMALL, 100)):
        made = plan("classifier", budget, dataset, size, ["relu"])
        assert {config.samples for config in [*tuned(made), *made.evaluation(all_rates(made))]} == {expected}


def test_every_candidate_of_the_registries_is_trained():
    """A new row of a registry is trained without further changes; the shared names are rows."""
    assert set(ACTIVATIONS) == {*registry.ACTIVATIONS, CONTROL}
    assert set(RATES) == set(OPTIMIZERS)
    assert {*BASELINES, *PROPOSED} <= set(registry.ACTIVATIONS)
    made = plans(PROFILES["quick"], "digits", 1437, ACTIVATIONS)
    trained = {config.activation for one in made for config in one.candidates}
    assert trained == set(ACTIVATIONS)


def test_activations_asked_for_are_all_that_is_compared():
    found = {
        made.name: [config.activation for config in made.candidates]
        for made in plans(PROFILES["quick"], "digits", 1437, [*COMPARED, "sgelu", "mine:Half@01234567"])
    }
    asked = ["relu", "gelu", CONTROL, "sgelu", "mine:Half@01234567"]
    assert found["classifier"] == asked * 2
    for name in ("fc_autoencoder", "deep_classifier", "conv_autoencoder"):
        assert found[name] == asked
    for name in ("initialization", "deep_initialization"):
        assert found[name] == ["relu", "gelu", "sgelu"]
        assert set(found[name]) <= {*BASELINES, *PROPOSED}
    for name in ("losses", "optimizers", "scratch_cnn"):
        assert set(found[name]) == {"relu"}


def test_narrowed_to_parts():
    quick = PROFILES["quick"]
    assert narrowed(quick, STAGES, None, None) == quick
    found = narrowed(quick, ["losses", "synthetic"], None, None)
    assert found.experiments == {"losses": quick.experiments["losses"]}
    assert (found.convergence.seeds, found.benchmark_rounds) == (0, 0)
    assert found.synthetic_seeds == quick.synthetic_seeds
    assert descents(found.convergence) == []
    found = narrowed(quick, ["benchmarks", "convergence"], None, None)
    assert found == replace(quick, experiments={}, synthetic_seeds=0)
    assert synthetic_runs(found.synthetic_seeds, "digits", 1437) == []


def test_narrowed_to_seeds_and_epochs():
    reference = PROFILES["reference"]
    found = narrowed(reference, STAGES, 4, 7)
    for name, budget in reference.experiments.items():
        untuned = 4 if budget.untuned_seeds else 0
        assert found.experiments[name] == replace(budget, seeds=4, untuned_seeds=untuned, epochs=7)
    assert found.convergence == replace(reference.convergence, seeds=4)
    assert found.synthetic_seeds == 4
    assert found.benchmark_rounds == 4


@pytest.mark.parametrize("profile", PROFILES)
def test_descents_and_phenomena_are_complete(profile):
    budget, seeds = PROFILES[profile].convergence, PROFILES[profile].synthetic_seeds
    configs = descents(budget)
    assert len({config.config_hash for config in configs}) == len(configs)
    found = Counter((c.optimizer, c.batch_size, c.learning_rate) for c in configs)
    assert found == {
        (m.optimizer, m.batch_size, rate): budget.seeds
        for m in convergence.METHODS.values()
        for rate in m.learning_rates
    }
    observed = synthetic_runs(seeds, "mnist", 60_000)
    assert Counter(config.task for config in observed) == dict.fromkeys(SYNTHETIC, seeds)
    assert len({config.config_hash for config in [*configs, *observed]}) == len(configs) + len(observed)


def test_plans_are_made_in_the_order_of_the_table():
    names = [made.name for made in plans(PROFILES["quick"], "digits", 1437, ACTIVATIONS)]
    assert names == list(EXPERIMENTS)
    some = narrowed(PROFILES["quick"], ["optimizers", "classifier"], None, None)
    assert [made.name for made in plans(some, "digits", 1437, ["relu"])] == ["classifier", "optimizers"]
    assert all(e.seeds < TUNING_SEEDS for p in PROFILES.values() for e in p.experiments.values())


QUICK = {
    ("activation_forward", "mish", "impl", "16384 elements", 2**14): True,
    ("activation_backward", "swish", "composed", "1048576 elements", 2**20): True,
    ("activation_backward", "swish", "fused", "16384 elements", 2**14): False,
    ("activation_forward", "relu", "torch", "16777216 elements", 2**24): False,
    ("convolution_forward", "loops", "impl", "32→64 at 7×7", 1): True,
    ("convolution_forward", "loops", "impl", "16→32 at 14×14", 1): False,
    ("convolution_training", "loops", "impl", "32→64 at 7×7", 1): False,
    ("convolution_training", "unfold", "impl", "16→32 at 14×14", 1): True,
    ("convolution_training", "unfold", "impl", "16→32 at 14×14", 64): False,
    ("convolution_training", "unfold", "impl", "32→64 at 7×7", 64): True,
    ("training_step", "classifier", "impl", "ReLU", 128): True,
    ("training_step", "scratch_cnn", "impl", "ReLU", 128): False,
    ("time_to_minimum", "stochastic", "impl", "quadratic, κ = 10", 512): True,
    ("time_to_minimum", "stochastic", "impl", "quadratic, κ = 100", 512): False,
    ("interleaved", "activations", "1 thread", "16384 elements", 2**14): False,
}


@pytest.mark.parametrize(("fields", "expected"), QUICK.items(), ids=str)
def test_the_quick_profile_leaves_out_what_is_slow_or_not_shown(fields, expected):
    case = BenchmarkCase(*fields)
    assert PROFILES["quick"].times(case) == expected
    assert PROFILES["reference"].times(case)
