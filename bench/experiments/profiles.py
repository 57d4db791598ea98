"""The size of every stage in each profile, and the runs of a profile.

A stage is an experiment of the catalog or another part of `make bench`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from bench.experiments.catalog import (
    ACTIVATIONS,
    EXPERIMENTS,
    NETWORK,
    STAGES,
    conformance_checks,
    descents,
    plan,
    synthetic_runs,
)
from bench.experiments.plan import Budget, Plan
from bench.experiments.workloads import convergence
from bench.experiments.workloads.networks import MNIST_SHAPE, DataShape
from bench.experiments.workloads.registry import network_of
from bench.records.candidate_names import is_custom
from bench.records.names import AGAIN, BASELINES, CONTROLS, CONVOLUTIONS, PASSES, PROPOSED
from bench.records.runs import BenchmarkCase, RunConfig


@dataclass(frozen=True)
class Profile:
    """Size of every stage.

    Attributes:
        experiments: Budget of each experiment.
        convergence: Budget of the descents.
        synthetic_seeds: Seeds of the synthetic experiments.
        benchmark_rounds: Number of processes that run each benchmark, 0 to run none.
        times: Whether a benchmark belongs to the profile.
        stages: Stages that run unless others are asked for.
        activations: Activations that are trained unless others are asked for.
    """

    experiments: Mapping[str, Budget]
    convergence: Budget
    synthetic_seeds: int
    benchmark_rounds: int
    times: Callable[[BenchmarkCase], bool] = lambda case: True
    stages: tuple[str, ...] = STAGES
    activations: tuple[str, ...] = ACTIVATIONS


# What a report shows of a custom candidate, by kind, in addition to a profile's own: benchmarks and stages.
TIMED = {"optimizer": ("optimizer_step",), "strategy": tuple(CONVOLUTIONS)}
ADDED = {"activation": ("deep_classifier",), "optimizer": ("optimizers",)}

SMALLEST_LAYER = "32→64 at 7×7"  # of the networks' convolutions
ELEMENTS = (2**14, 2**20)  # of activations: the classifier's layer, and beyond the caches of a core
SHOWN = (*BASELINES, *PROPOSED)


def brief(case: BenchmarkCase) -> bool:
    """Return whether a benchmark belongs to the quick profile: a report beside the reference shows it."""
    known = case.task in PASSES and (case.subject in SHOWN or is_custom(case.subject))
    return known and case.size in ELEMENTS and case.implementation in ("impl", "torch", AGAIN)


_DESCENTS = convergence.SAMPLES
PROFILES: dict[str, Profile] = {
    "quick": Profile(
        {
            "classifier": Budget(4, 2, 3000),
            "losses": Budget(2, 2, 3000),
            "optimizers": Budget(2, 2, 3000),
            "initialization": Budget(4, 2, 3000),
            "fc_autoencoder": Budget(2, 2, 5000),
            "deep_classifier": Budget(2, 2, 3000),
            "deep_initialization": Budget(2, 2, 3000),
            "scratch_cnn": Budget(1, 2, 5000, tuned=False, batch_size=32),
            "conv_autoencoder": Budget(2, 1, 500, tuned=False),
            NETWORK: Budget(4, 2, 3000),
        },
        convergence=Budget(2, 20, _DESCENTS),
        synthetic_seeds=3,
        benchmark_rounds=3,
        times=brief,
        # The convolutional autoencoder is no better than chance after so few steps.
        stages=("benchmarks", "classifier", "fc_autoencoder", NETWORK),
        activations=(*SHOWN, CONTROLS[0]),
    ),
    "reference": Profile(
        {
            "classifier": Budget(20, 16, 60_000, first=3, company=3, controls=5),
            "losses": Budget(10, 16, 60_000, first=3),
            "optimizers": Budget(10, 16, 60_000, first=3),
            "initialization": Budget(10, 16, 60_000, first=3),
            "fc_autoencoder": Budget(10, 12, 60_000, first=3, company=2, controls=3),
            "deep_classifier": Budget(10, 8, 60_000, first=3, company=2, controls=3),
            "deep_initialization": Budget(10, 8, 60_000, first=3),
            "scratch_cnn": Budget(2, 4, 60_000, tuned=False, batch_size=32),
            "conv_autoencoder": Budget(10, 2, 60_000, first=3, company=2, controls=3),
            NETWORK: Budget(20, 16, 60_000, first=3, controls=5),
        },
        convergence=Budget(5, 50, _DESCENTS),
        synthetic_seeds=20,
        benchmark_rounds=8,
    ),
}


def with_candidates(profile: Profile, kinds: Collection[str]) -> Profile:
    """Return the profile with what a report shows of custom candidates of these kinds.

    Convolutions of batches are measured on one layer, in loops none.
    """
    added = chain.from_iterable(ADDED.get(kind, ()) for kind in kinds)
    tasks = set(chain.from_iterable(TIMED.get(kind, ()) for kind in kinds))

    def times(case: BenchmarkCase) -> bool:
        batch = case.task in CONVOLUTIONS and case.size > 1
        slow = case.subject == "loops" or (batch and case.input != SMALLEST_LAYER)
        return profile.times(case) or (case.task in tasks and not slow)

    return replace(profile, times=times, stages=tuple(dict.fromkeys([*profile.stages, *added])))


def narrowed(profile: Profile, only: Collection[str], seeds: int | None, epochs: int | None) -> Profile:
    """Return the profile with these stages only, and other numbers of seeds and epochs unless None.

    A benchmark has as many rounds as a training run has seeds.
    """

    def changed(budget: Budget) -> Budget:
        return replace(
            budget,
            seeds=seeds or budget.seeds,
            company=seeds or budget.company,
            epochs=epochs or budget.epochs,
        )

    descents = replace(profile.convergence, seeds=seeds or profile.convergence.seeds)
    return replace(
        profile,
        experiments={name: changed(budget) for name, budget in profile.experiments.items() if name in only},
        convergence=descents if "convergence" in only else replace(descents, seeds=0),
        synthetic_seeds=(seeds or profile.synthetic_seeds) if "synthetic" in only else 0,
        benchmark_rounds=(seeds or profile.benchmark_rounds) if "benchmarks" in only else 0,
    )


def left_out(profile: Profile, shape: DataShape) -> dict[str, str]:
    """Return the experiments of a profile that cannot be run on a data set, each with the reason."""
    reasons = {
        name: network_of(experiment.task, shape).misfit(shape)
        for name, experiment in EXPERIMENTS.items()
        if name in profile.experiments
    }
    if not shape.classes and "losses" in profile.experiments:
        reasons["losses"] = "the comparison of losses requires classes, got values to predict"
    needed = MNIST_SHAPE.inputs, MNIST_SHAPE.classes
    if profile.synthetic_seeds and (shape.inputs, shape.classes) != needed:
        reasons["synthetic"] = f"synthetic experiments require inputs {needed[0]} of ten classes"
    return {name: f"Left out {name}: {reason}." for name, reason in reasons.items() if reason}


def plans(
    profile: Profile,
    dataset: str,
    train_size: int,
    activations: Sequence[str],
    optimizers: Sequence[str] = (),
    networks: Sequence[str] = (),
    *,
    shape: DataShape = MNIST_SHAPE,
    rates: tuple[float, ...] = (),
) -> list[Plan]:
    """Return the plans of a profile's experiments that a data set permits, in the order of running."""
    missing, budgets = left_out(profile, shape), profile.experiments
    names = {name: budgets[name] for name in EXPERIMENTS if name in budgets and name not in missing}
    if NETWORK in budgets:
        names |= dict.fromkeys(networks, budgets[NETWORK])
    return [
        plan(name, budget, dataset, train_size, activations, optimizers, shape=shape, rates=rates)
        for name, budget in names.items()
    ]


def everything(
    profile: Profile,
    dataset: str,
    train_size: int,
    activations: Sequence[str],
    custom: Mapping[str, Sequence[str]],
    *,
    shape: DataShape = MNIST_SHAPE,
    rates: tuple[float, ...] = (),
) -> tuple[list[Plan], list[RunConfig]]:
    """Return the plans of a profile and its other runs.

    Args:
        profile: Size of every stage.
        dataset: Name of the data set.
        train_size: Number of its training samples.
        activations: Activations to train.
        custom: Custom candidates by kind.
        shape: Properties of the data set.
        rates: Learning rates of custom optimizers, instead of their own.
    """
    synthetic = 0 if "synthetic" in left_out(profile, shape) else profile.synthetic_seeds
    others = [
        *conformance_checks(custom, dataset),
        *descents(profile.convergence),
        *synthetic_runs(synthetic, dataset, train_size),
    ]
    optimizers, networks = custom.get("optimizer", ()), custom.get(NETWORK, ())
    made = plans(profile, dataset, train_size, activations, optimizers, networks, shape=shape, rates=rates)
    return made, others
