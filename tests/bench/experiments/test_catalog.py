"""Plans: what is compared is treated alike."""

from collections import Counter, defaultdict
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest

from bench.experiments.catalog import (
    ACTIVATIONS,
    COMPARED,
    CORE,
    EXPERIMENTS,
    NETWORK,
    RATES,
    STAGES,
    descents,
    plan,
    synthetic_runs,
)
from bench.experiments.plan import Budget
from bench.experiments.profiles import PROFILES, narrowed, plans, with_candidates
from bench.experiments.workloads import convergence
from bench.experiments.workloads.networks import NETWORKS
from bench.experiments.workloads.registry import CONTROL_SEEDS, seed_of
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.records.names import AGAIN, BASELINES, CONTROLS, DEFAULT_RATE, PROPOSED
from bench.records.runs import BenchmarkCase, held_out, horizons
from impl.activations import registry
from impl.losses import LOSSES
from impl.optimizers.registry import OPTIMIZERS

SIZES = {"mnist": 60_000, "digits": 1437}
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


def complete(made, best=3e-3):
    """All runs of a plan whose held-out scores fall with the distance from one rate."""
    stored = {}
    while True:
        runs = made.runs(stored)
        missing = [run for run in runs if run.config_hash not in stored]
        if not missing:
            return runs
        stored |= {
            run.config_hash: np.full(len(horizons(run.epochs)), -abs(np.log(run.learning_rate / best)))
            for run in missing
        }


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_runs_every_experiment_on_a_known_network(profile):
    assert list(PROFILES[profile].experiments) == [*EXPERIMENTS, NETWORK]
    for made in plans(PROFILES[profile], "mnist", 60_000, ACTIVATIONS):
        assert {config.task for config in made.candidates} <= set(NETWORKS)
        assert {config.loss for config in made.candidates} <= set(LOSSES)
        assert {config.optimizer for config in made.candidates} <= set(OPTIMIZERS)


@every_plan
def test_no_run_is_planned_twice(made):
    for configs in (complete(made), made.candidates):
        assert max(Counter(config.config_hash for config in configs).values(), default=1) == 1


@pytest.mark.parametrize("profile", PROFILES)
def test_experiments_on_one_network_share_their_baselines(profile):
    """Runs of one task are compared across experiments, which requires one size."""
    sizes = defaultdict(set)
    for name, experiment in EXPERIMENTS.items():
        budget = PROFILES[profile].experiments[name]
        sizes[experiment.task].add((budget.epochs, budget.samples, budget.batch_size))
    assert {task: len(found) for task, found in sizes.items()} == dict.fromkeys(sizes, 1)


@every_plan
def test_candidates_differ_in_nothing_but_what_is_compared(made):
    rows = [asdict(config) for config in made.candidates]
    differing = {name for name in rows[0] if len({row[name] for row in rows}) > 1}
    assert differing == DIFFERENCES[made.name]
    assert len({tuple(row[name] for name in sorted(differing)) for row in rows}) == len(rows)


@every_plan
def test_every_candidate_is_tried_at_the_same_rates_under_the_same_seeds(made):
    tries = defaultdict(Counter)
    for config in made.runs({}):
        tries[replace(config, learning_rate=DEFAULT_RATE, seed=0)][config.learning_rate, config.seed] += 1
    assert list(tries) == list(made.candidates)
    budget = made.budget
    for config, found in tries.items():
        grid = RATES[config.optimizer] if budget.tuned else (DEFAULT_RATE,)
        seeds = budget.seeds if config.activation in (*made.core, *CONTROLS) else budget.company
        first = min(budget.first, seeds) if budget.tuned else seeds
        assert found == {(rate, seed): 1 for rate in grid for seed in range(first)}


def test_every_optimizer_is_given_as_many_rates_as_far_apart():
    assert len({len(rates) for rates in RATES.values()}) == 1
    for name, rates in RATES.items():
        assert name in OPTIMIZERS
        assert all(2.9 < high / low < 3.4 for low, high in pairwise(rates)), name
    assert DEFAULT_RATE in RATES["adam"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_control_shares_a_seed_with_nothing(profile):
    seeds = defaultdict(set)
    for made in plans(PROFILES[profile], "mnist", 60_000, ACTIVATIONS):
        for config in complete(made):
            arm = config.activation if config.activation in CONTROLS else ""
            seeds[arm].add(seed_of(config.activation, config.seed))
    used = [seed for arm in seeds.values() for seed in arm]
    assert len(used) == len(set(used))
    assert set(seeds) == {"", *CONTROLS[: max(b.controls for b in PROFILES[profile].experiments.values())]}
    assert max(seeds[""]) < CONTROL_SEEDS


SMALL = Budget(seeds=3, epochs=1, samples=100)


@pytest.mark.parametrize(
    ("name", "fewest"),
    [("classifier", 20), ("fc_autoencoder", 10), ("conv_autoencoder", 10), ("deep_classifier", 10)],
)
def test_the_reference_has_seeds_and_controls_enough_for_what_claims_name(name, fewest):
    budget = PROFILES["reference"].experiments[name]
    made = plan(name, budget, "mnist", 60_000, ACTIVATIONS)
    seeds = Counter(c.activation for c in complete(made) if c.learning_rate == 3e-3 and c.batch_norm != 0)
    assert {*BASELINES, *PROPOSED} <= set(made.core)
    assert min(seeds[name] for name in (*made.core, *CONTROLS[: budget.controls])) >= fewest
    assert budget.controls >= (5 if name == "classifier" else 3)
    assert budget.first >= 3
    assert budget.samples == 60_000


@pytest.mark.parametrize(("dataset", "most"), [("mnist", 55_000), ("digits", 1150)])
def test_held_out_images_are_not_planned_to_be_trained_on(dataset, most):
    size = SIZES[dataset]
    assert size - held_out(size) == most
    for budget, expected in ((replace(SMALL, samples=100_000), most), (SMALL, 100)):
        made = plan("classifier", budget, dataset, size, ["relu"])
        assert {config.samples for config in complete(made)} == {expected}


def test_every_candidate_of_the_registries_is_trained():
    """A new row of a registry is trained without further changes; the shared names are rows."""
    assert set(ACTIVATIONS) == {*registry.ACTIVATIONS, *CONTROLS}
    assert set(RATES) == set(OPTIMIZERS)
    assert set(CORE) <= set(registry.ACTIVATIONS)
    made = plans(PROFILES["quick"], "digits", 1437, ACTIVATIONS)
    trained = {config.activation for one in made for config in one.candidates}
    assert trained == {*registry.ACTIVATIONS, CONTROLS[0]}


def test_activations_asked_for_are_all_that_is_compared():
    found = {
        made.name: [config.activation for config in made.candidates]
        for made in plans(PROFILES["quick"], "digits", 1437, [*COMPARED, "sgelu", "mine:Half@01234567"])
    }
    asked = ["relu", "gelu", CONTROLS[0], "sgelu", "mine:Half@01234567"]
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
        assert found.experiments[name] == replace(budget, seeds=4, company=4, epochs=7)
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


QUICK = {
    ("activation_forward", "mish", "impl", "16384 elements", 2**14): "",
    ("activation_forward", "mine:Half@01234567", "impl", "16384 elements", 2**14): "always",
    ("activation_forward", "relu", AGAIN, "16384 elements", 2**14): "always",
    ("activation_backward", "sgelu", "impl", "1048576 elements", 2**20): "always",
    ("activation_backward", "sgelu", "composed", "1048576 elements", 2**20): "",
    ("activation_backward", "sgelu", "fused", "16384 elements", 2**14): "",
    ("activation_forward", "relu", "torch", "131072 elements", 2**17): "",
    ("copy", "fresh", "torch", "16777216 elements", 2**24): "",
    ("convolution_forward", "loops", "impl", "32→64 at 7×7", 1): "",
    ("convolution_training", "unfold", "impl", "16→32 at 14×14", 1): "strategy",
    ("convolution_training", "unfold", "impl", "16→32 at 14×14", 64): "",
    ("convolution_training", "unfold", "impl", "32→64 at 7×7", 64): "strategy",
    ("optimizer_step", "adam", "impl", "the classifier's parameters", 1): "optimizer",
    ("training_step", "classifier", "impl", "ReLU", 128): "",
    ("time_to_minimum", "stochastic", "impl", "quadratic, κ = 10", 512): "",
    ("interleaved", "activations", "1 thread", "16384 elements", 2**14): "",
}


@pytest.mark.parametrize(("fields", "when"), QUICK.items(), ids=str)
def test_the_quick_profile_times_what_a_report_shows_of_it(fields, when):
    case = BenchmarkCase(*fields)
    for kind in ("activation", "optimizer", "strategy", "network"):
        assert with_candidates(PROFILES["quick"], [kind]).times(case) == (when in ("always", kind))
        assert with_candidates(PROFILES["reference"], [kind]).times(case)
    assert with_candidates(PROFILES["quick"], []).times(case) == (when == "always")


@pytest.mark.parametrize(
    ("kinds", "more"),
    [
        ([], set()),
        (["strategy", "network"], set()),
        (["activation"], {"deep_classifier"}),
        (["activation", "optimizer"], {"deep_classifier", "optimizers"}),
    ],
)
def test_the_quick_profile_runs_the_stages_that_a_report_shows(kinds, more):
    found = with_candidates(PROFILES["quick"], kinds).stages
    assert set(found) == {
        "benchmarks",
        "network",
        "classifier",
        "fc_autoencoder",
        *more,
    }
    assert len(found) == len(set(found))
    assert with_candidates(PROFILES["reference"], kinds).stages == STAGES
    assert set(PROFILES["quick"].activations) == {*BASELINES, *PROPOSED, CONTROLS[0]}
    assert PROFILES["reference"].activations == ACTIVATIONS
