"""What is compared with what: the experiments, how much of each a profile runs, and their cells.

An experiment is a number of contenders that differ in nothing but what is compared. Each contender's learning
rate is chosen from one grid on held-out training images (`tuning`), and only then scored on the test set
(`final`), at that rate and, where the assignment used one rate for all, at that one too.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.experiments.workloads import convergence
from bench.experiments.workloads.conformance import TASKS
from bench.experiments.workloads.networks import NETWORKS
from bench.experiments.workloads.registry import ADAPTIVE, CONTROL, rates_of
from bench.experiments.workloads.synthetic import PHENOMENA
from bench.records.runs import VALIDATION, Cell, Trial, held_out

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
# From the activations that are asked for, and the optimizers beside those of RATES, to contenders.
Contenders = Callable[[Sequence[str], Sequence[str]], Sequence[Fields]]


@dataclass(frozen=True)
class Effort:
    """How much of one experiment a profile runs; no tuning seeds: only the rate of the base cell is run."""

    seeds: int
    epochs: int
    samples: int
    tuning_seeds: int = 0
    untuned_seeds: int = 0
    batch_size: int = 128


@dataclass(frozen=True)
class Experiment:
    """A question put to a network: the task, what all contenders share, and what sets each apart.

    contenders: the cell fields of each contender.
    """

    task: str
    contenders: Contenders
    shared: Fields


def _of_activations(*others: Fields) -> Contenders:
    """Every activation asked for, in every one of some other respects."""
    return lambda activations, _: [{"activation": a, **other} for other in others for a in activations]


def _fixed(*contenders: Fields) -> Contenders:
    """The same contenders whatever is asked for."""
    return lambda *_: contenders


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
PARTS = ("benchmarks", "convergence", "phenomena", *EXPERIMENTS)


@dataclass(frozen=True)
class Profile:
    """How much of everything is measured, and how long each benchmark may take; 0 seconds: none is run."""

    experiments: Mapping[str, Effort]
    convergence: Effort
    phenomena_seeds: int
    benchmark_seconds: float


_DESCENTS = convergence.SAMPLES
PROFILES: dict[str, Profile] = {
    "quick": Profile(
        {
            "classifier": Effort(3, 2, 3000, tuning_seeds=1, untuned_seeds=3),
            "losses": Effort(2, 2, 3000, tuning_seeds=1),
            "optimizers": Effort(2, 2, 3000, tuning_seeds=1),
            "initialization": Effort(2, 2, 3000, tuning_seeds=1),
            "fc_autoencoder": Effort(2, 2, 2000, tuning_seeds=1, untuned_seeds=2),
            "deep_classifier": Effort(2, 2, 3000, tuning_seeds=1),
            "deep_initialization": Effort(2, 2, 3000, tuning_seeds=1),
            "scratch_cnn": Effort(1, 2, 5000, batch_size=32),
            "conv_autoencoder": Effort(2, 1, 500),
        },
        convergence=Effort(2, 20, _DESCENTS),
        phenomena_seeds=3,
        benchmark_seconds=0.1,
    ),
    "reference": Profile(
        {
            "classifier": Effort(20, 4, 60_000, tuning_seeds=3, untuned_seeds=20),
            "losses": Effort(10, 4, 60_000, tuning_seeds=3),
            "optimizers": Effort(10, 4, 60_000, tuning_seeds=3),
            "initialization": Effort(10, 4, 60_000, tuning_seeds=3),
            "fc_autoencoder": Effort(10, 3, 60_000, tuning_seeds=2, untuned_seeds=10),
            "deep_classifier": Effort(5, 3, 60_000, tuning_seeds=3),
            "deep_initialization": Effort(5, 3, 60_000, tuning_seeds=3),
            "scratch_cnn": Effort(2, 5, 60_000, batch_size=32),
            "conv_autoencoder": Effort(5, 1, 20_000, tuning_seeds=2),
        },
        convergence=Effort(5, 50, _DESCENTS),
        phenomena_seeds=20,
        benchmark_seconds=0.5,
    ),
}


@dataclass(frozen=True)
class Plan:
    """The cells of one experiment: its contenders at the untuned rate and seed 0, and how each is treated."""

    name: str
    contenders: Sequence[Cell]
    effort: Effort

    def tuning(self) -> list[tuple[int, Cell]]:
        """The cells that choose rates, each with the index of its contender."""
        return [
            (index, replace(cell, learning_rate=rate, seed=TUNING_SEEDS + seed, split=VALIDATION))
            for index, cell in enumerate(self.contenders)
            for rate in RATES.get(str(cell.optimizer)) or rates_of(str(cell.optimizer))
            for seed in range(self.effort.tuning_seeds)
        ]

    def final(self, rates: Mapping[int, float]) -> list[Cell]:
        """The cells that are scored, given the rates of contenders; without its rate one is untuned only."""
        found = []
        for index, cell in enumerate(self.contenders):
            tuned = rates.get(index) if self.effort.tuning_seeds else cell.learning_rate
            for rate, seeds in ((tuned, self.effort.seeds), (UNTUNED, self.effort.untuned_seeds)):
                found += [replace(cell, learning_rate=rate, seed=s) for s in range(seeds) if rate is not None]
        return list({cell.key: cell for cell in found}.values())


def narrowed(profile: Profile, only: Collection[str], seeds: int | None, epochs: int | None) -> Profile:
    """The profile with these parts only, so many seeds scored and epochs trained; None: as it is."""

    def changed(effort: Effort) -> Effort:
        return replace(
            effort,
            seeds=seeds or effort.seeds,
            untuned_seeds=(seeds or effort.untuned_seeds) if effort.untuned_seeds else 0,
            epochs=epochs or effort.epochs,
        )

    descents = replace(profile.convergence, seeds=seeds or profile.convergence.seeds)
    return Profile(
        {name: changed(effort) for name, effort in profile.experiments.items() if name in only},
        descents if "convergence" in only else replace(descents, seeds=0),
        (seeds or profile.phenomena_seeds) if "phenomena" in only else 0,
        profile.benchmark_seconds if "benchmarks" in only else 0.0,
    )


def plan(
    name: str,
    effort: Effort,
    dataset: str,
    train_size: int,
    activations: Sequence[str],
    optimizers: Sequence[str] = (),
) -> Plan:
    """The cells of an experiment on a data set with `train_size` training samples.

    optimizers: a user's own, to be compared beside those of RATES.
    """
    experiment = EXPERIMENTS[name]
    base = Cell(
        task=experiment.task,
        activation=None,
        optimizer="adam",
        learning_rate=UNTUNED,
        batch_size=effort.batch_size,
        batch_norm=None,
        dataset=dataset,
        samples=min(effort.samples, train_size - held_out(train_size)),
        epochs=effort.epochs,
        seed=0,
        loss=NETWORKS[experiment.task].loss,
        initialization="torch",
    )
    contenders = [
        replace(base, **{**experiment.shared, **fields})  # type: ignore[arg-type]  # names of Cell's fields
        for fields in experiment.contenders(activations, optimizers)
    ]
    return Plan(name, contenders, effort)


def descents(effort: Effort) -> list[Cell]:
    """Every method of `bench.convergence` at each of its rates."""
    return [
        Cell(
            task=convergence.TASK,
            activation=None,
            optimizer=method.optimizer,
            learning_rate=learning_rate,
            batch_size=method.batch_size,
            batch_norm=None,
            dataset="digits",
            samples=effort.samples,
            epochs=effort.epochs,
            seed=seed,
        )
        for method in convergence.METHODS.values()
        for learning_rate in method.learning_rates
        for seed in range(effort.seeds)
    ]


def phenomena(seeds: int, dataset: str, train_size: int) -> list[Cell]:
    """Every phenomenon of `bench.phenomena` under each seed."""
    return [
        Cell(name, None, None, None, None, None, dataset, train_size, 0, seed)
        for name in PHENOMENA
        for seed in range(seeds)
    ]


def trials(own: Mapping[str, Sequence[str]], dataset: str) -> list[Trial]:
    """The check of each of a user's own contenders, which are given by kind."""
    return [
        Trial(TASKS[kind], None, None, None, None, None, dataset, 0, 0, 0, subject=name)
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
) -> tuple[list[Plan], list[Cell]]:
    """The plans of a profile, and its cells that need no rate chosen; own: a user's contenders by kind."""
    others = [
        *trials(own, dataset),
        *descents(profile.convergence),
        *phenomena(profile.phenomena_seeds, dataset, train_size),
    ]
    return plans(profile, dataset, train_size, activations, own.get("optimizer", ())), others
