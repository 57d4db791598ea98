"""What is compared with what: the experiments, how much of each a profile runs, and their cells.

An experiment is a number of candidates that differ in nothing but what is compared. Each candidate's learning
rate is chosen from one grid on held-out training images (`tuning`), and only then scored on the test set
(`final`), at that rate and, where the assignment used one rate for all, at that one too.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.experiments.workloads import convergence
from bench.experiments.workloads.conformance import TASKS
from bench.experiments.workloads.networks import NETWORKS
from bench.experiments.workloads.registry import ADAPTIVE, CONTROL, rates_of
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.records.runs import VALIDATION, ConformanceCheck, RunConfig, held_out

TUNING_SEEDS = 1000  # those of the runs that choose rates begin here: no run that is scored shares one

ACTIVATIONS = (
    "sigmoid", "tanh", "relu", "gelu", "swish", "sgelu", "ada_sgelu", "sgelu_yu", "lisht", "mish", CONTROL,
)  # fmt: skip
PROPOSED = ("relu", "gelu", "sgelu", "ada_sgelu")
BASELINES = ("relu", "gelu", CONTROL)  # trained whatever is asked for: what all is compared with

UNTUNED = 1e-3  # the assignment names no rate; Adam's own default (Kingma & Ba 2014)
# As many rates for every rule, as far apart, around what is commonly used with it.
RATES: dict[str, tuple[float, ...]] = {
    "sgd": (0.01, 0.03, 0.1, 0.3, 1.0),
    "momentum": (0.003, 0.01, 0.03, 0.1, 0.3),
    "nesterov": (0.003, 0.01, 0.03, 0.1, 0.3),
    "adagrad": (0.003, 0.01, 0.03, 0.1, 0.3),
    "rmsprop": ADAPTIVE,
    "adam": ADAPTIVE,
    "adam_eps_inside": ADAPTIVE,
}

Fields = Mapping[str, object]
# From the activations that are asked for, and the optimizers beside those of RATES, to candidates.
Candidates = Callable[[Sequence[str], Sequence[str]], Sequence[Fields]]


@dataclass(frozen=True)
class Budget:
    """How much of one experiment a profile runs; no tuning seeds: only the rate of the base cell is run."""

    seeds: int
    epochs: int
    samples: int
    tuning_seeds: int = 0
    untuned_seeds: int = 0
    batch_size: int = 128


@dataclass(frozen=True)
class Experiment:
    """A question put to a network: the task, what all candidates share, and what sets each apart.

    candidates: the cell fields of each candidate.
    """

    task: str
    candidates: Candidates
    shared: Fields


def _of_activations(*others: Fields) -> Candidates:
    """Every activation asked for, in every one of some other respects."""
    return lambda activations, _: [{"activation": a, **other} for other in others for a in activations]


def _fixed(*candidates: Fields) -> Candidates:
    """The same candidates whatever is asked for."""
    return lambda *_: candidates


def _of_optimizers(activations: Sequence[str], own: Sequence[str]) -> Sequence[Fields]:
    """Every update rule that has rates, and a user's own."""
    return [{"optimizer": name} for name in (*RATES, *own)]


def _proposed(activations: Sequence[str], own: Sequence[str]) -> Sequence[Fields]:
    """Those of the four activations whose initial weights are looked into that are asked for."""
    return [{"activation": a} for a in PROPOSED if a in activations]


NORMED: Fields = {"batch_norm": True}
CLASSIFIER: Fields = {"activation": "relu", "batch_norm": True}

# In the order in which they are run: what is cheap and asked first comes first.
EXPERIMENTS: dict[str, Experiment] = {
    "classifier": Experiment("classifier", _of_activations({"batch_norm": True}, {"batch_norm": False}), {}),
    "losses": Experiment(
        "classifier",
        _fixed(
            *(
                {"loss": loss, "wrong_labels": share}
                for share in (0.0, 0.1, 0.2, 0.4)
                for loss in ("cross_entropy", "brier")
            )
        ),
        CLASSIFIER,
    ),
    "optimizers": Experiment("classifier", _of_optimizers, CLASSIFIER),
    "initialization": Experiment(
        "classifier", _proposed, {"batch_norm": False, "initialization": "variance"}
    ),
    "fc_autoencoder": Experiment("fc_autoencoder", _of_activations(NORMED), {}),
    "deep_classifier": Experiment("deep_classifier", _of_activations({"batch_norm": None}), {}),
    "deep_initialization": Experiment(
        "deep_classifier", _proposed, {"batch_norm": None, "initialization": "variance"}
    ),
    "scratch_cnn": Experiment("scratch_cnn", _fixed({"activation": "relu", "batch_norm": None}), {}),
    "conv_autoencoder": Experiment("conv_autoencoder", _of_activations(NORMED), {}),
}

# All that a profile measures, by the names that narrow it.
STAGES = ("benchmarks", "convergence", "synthetic", *EXPERIMENTS)


@dataclass(frozen=True)
class Profile:
    """How much of everything is measured, and how long each benchmark may take; 0 seconds: none is run."""

    experiments: Mapping[str, Budget]
    convergence: Budget
    synthetic_seeds: int
    benchmark_seconds: float


_DESCENTS = convergence.SAMPLES
PROFILES: dict[str, Profile] = {
    "quick": Profile(
        {
            "classifier": Budget(3, 2, 3000, tuning_seeds=1, untuned_seeds=3),
            "losses": Budget(2, 2, 3000, tuning_seeds=1),
            "optimizers": Budget(2, 2, 3000, tuning_seeds=1),
            "initialization": Budget(2, 2, 3000, tuning_seeds=1),
            "fc_autoencoder": Budget(2, 2, 2000, tuning_seeds=1, untuned_seeds=2),
            "deep_classifier": Budget(2, 2, 3000, tuning_seeds=1),
            "deep_initialization": Budget(2, 2, 3000, tuning_seeds=1),
            "scratch_cnn": Budget(1, 2, 5000, batch_size=32),
            "conv_autoencoder": Budget(2, 1, 500),
        },
        convergence=Budget(2, 20, _DESCENTS),
        synthetic_seeds=3,
        benchmark_seconds=0.1,
    ),
    "reference": Profile(
        {
            "classifier": Budget(20, 4, 60_000, tuning_seeds=3, untuned_seeds=20),
            "losses": Budget(10, 4, 60_000, tuning_seeds=3),
            "optimizers": Budget(10, 4, 60_000, tuning_seeds=3),
            "initialization": Budget(10, 4, 60_000, tuning_seeds=3),
            "fc_autoencoder": Budget(10, 3, 60_000, tuning_seeds=2, untuned_seeds=10),
            "deep_classifier": Budget(5, 3, 60_000, tuning_seeds=3),
            "deep_initialization": Budget(5, 3, 60_000, tuning_seeds=3),
            "scratch_cnn": Budget(2, 5, 60_000, batch_size=32),
            "conv_autoencoder": Budget(5, 1, 20_000, tuning_seeds=2),
        },
        convergence=Budget(5, 50, _DESCENTS),
        synthetic_seeds=20,
        benchmark_seconds=0.5,
    ),
}


@dataclass(frozen=True)
class Plan:
    """The cells of one experiment: its candidates at the untuned rate and seed 0, and how each is treated."""

    name: str
    candidates: Sequence[RunConfig]
    budget: Budget

    def tuning(self) -> list[tuple[int, RunConfig]]:
        """The cells that choose rates, each with the index of its candidate."""
        return [
            (index, replace(config, learning_rate=rate, seed=TUNING_SEEDS + seed, split=VALIDATION))
            for index, config in enumerate(self.candidates)
            for rate in RATES.get(str(config.optimizer)) or rates_of(str(config.optimizer))
            for seed in range(self.budget.tuning_seeds)
        ]

    def final(self, rates: Mapping[int, float]) -> list[RunConfig]:
        """The cells that are scored, given the rates of candidates; without its rate one is untuned only."""
        found = []
        for index, config in enumerate(self.candidates):
            tuned = rates.get(index) if self.budget.tuning_seeds else config.learning_rate
            for rate, seeds in ((tuned, self.budget.seeds), (UNTUNED, self.budget.untuned_seeds)):
                found += [
                    replace(config, learning_rate=rate, seed=s) for s in range(seeds) if rate is not None
                ]
        return list({config.config_hash: config for config in found}.values())


def narrowed(profile: Profile, only: Collection[str], seeds: int | None, epochs: int | None) -> Profile:
    """The profile with these parts only, so many seeds scored and epochs trained; None: as it is."""

    def changed(budget: Budget) -> Budget:
        return replace(
            budget,
            seeds=seeds or budget.seeds,
            untuned_seeds=(seeds or budget.untuned_seeds) if budget.untuned_seeds else 0,
            epochs=epochs or budget.epochs,
        )

    descents = replace(profile.convergence, seeds=seeds or profile.convergence.seeds)
    return Profile(
        {name: changed(budget) for name, budget in profile.experiments.items() if name in only},
        descents if "convergence" in only else replace(descents, seeds=0),
        (seeds or profile.synthetic_seeds) if "synthetic" in only else 0,
        profile.benchmark_seconds if "benchmarks" in only else 0.0,
    )


def plan(
    name: str,
    budget: Budget,
    dataset: str,
    train_size: int,
    activations: Sequence[str],
    optimizers: Sequence[str] = (),
) -> Plan:
    """The cells of an experiment on a data set with `train_size` training samples.

    optimizers: a user's own, to be compared beside those of RATES.
    """
    experiment = EXPERIMENTS[name]
    base = RunConfig(
        task=experiment.task,
        activation=None,
        optimizer="adam",
        learning_rate=UNTUNED,
        batch_size=budget.batch_size,
        batch_norm=None,
        dataset=dataset,
        samples=min(budget.samples, train_size - held_out(train_size)),
        epochs=budget.epochs,
        seed=0,
        loss=NETWORKS[experiment.task].loss,
        initialization="torch",
    )
    candidates = [
        replace(base, **{**experiment.shared, **fields})  # type: ignore[arg-type]  # names of RunConfig's fields
        for fields in experiment.candidates(activations, optimizers)
    ]
    return Plan(name, candidates, budget)


def descents(budget: Budget) -> list[RunConfig]:
    """Every method of `bench.convergence` at each of its rates."""
    return [
        RunConfig(
            task=convergence.TASK,
            activation=None,
            optimizer=method.optimizer,
            learning_rate=learning_rate,
            batch_size=method.batch_size,
            batch_norm=None,
            dataset="digits",
            samples=budget.samples,
            epochs=budget.epochs,
            seed=seed,
        )
        for method in convergence.METHODS.values()
        for learning_rate in method.learning_rates
        for seed in range(budget.seeds)
    ]


def synthetic_runs(seeds: int, dataset: str, train_size: int) -> list[RunConfig]:
    """Every phenomenon of `bench.synthetic` under each seed."""
    return [
        RunConfig(name, None, None, None, None, None, dataset, train_size, 0, seed)
        for name in SYNTHETIC
        for seed in range(seeds)
    ]


def trials(own: Mapping[str, Sequence[str]], dataset: str) -> list[ConformanceCheck]:
    """The check of each of a user's own candidates, which are given by kind."""
    return [
        ConformanceCheck(TASKS[kind], None, None, None, None, None, dataset, 0, 0, 0, subject=name)
        for kind, names in own.items()
        for name in names
    ]


def plans(
    profile: Profile,
    dataset: str,
    train_size: int,
    activations: Sequence[str],
    optimizers: Sequence[str] = (),
) -> list[Plan]:
    """The plan of every experiment of a profile, in the order in which they are run."""
    return [
        plan(name, profile.experiments[name], dataset, train_size, activations, optimizers)
        for name in EXPERIMENTS
        if name in profile.experiments
    ]


def everything(
    profile: Profile,
    dataset: str,
    train_size: int,
    activations: Sequence[str],
    own: Mapping[str, Sequence[str]],
) -> tuple[list[Plan], list[RunConfig]]:
    """The plans of a profile, and its cells that need no rate chosen; own: a user's candidates by kind."""
    others = [
        *trials(own, dataset),
        *descents(profile.convergence),
        *synthetic_runs(profile.synthetic_seeds, dataset, train_size),
    ]
    return plans(profile, dataset, train_size, activations, own.get("optimizer", ())), others
