"""The experiments and their training runs.

An experiment is a grid of candidates, learning rates and seeds. The candidates differ only in what is
compared, and every run is scored at every horizon. Which rate is best, and how much it matters, is derived
when the runs are read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.experiments.plan import Budget, Plan
from bench.experiments.workloads import convergence
from bench.experiments.workloads.conformance import TASKS
from bench.experiments.workloads.networks import MNIST_SHAPE, DataShape
from bench.experiments.workloads.registry import BUILTINS, RATES, network_of
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.records.names import BASELINES, CONTROLS, DEFAULT_RATE, DESCENT, PROPOSED
from bench.records.runs import ConformanceCheck, RunConfig, held_out

ACTIVATIONS = tuple(BUILTINS)
COMPARED = (*BASELINES, CONTROLS[0])  # trained whatever is requested, for comparison
# Activations that claims name; the others are company, compared for interest.
CORE = (*BASELINES, *PROPOSED, "swish")
BOUNDED = ("sigmoid", "tanh")  # claims name them where networks classify

Fields = Mapping[str, object]
# From the requested activations and the custom optimizers to candidates.
Candidates = Callable[[Sequence[str], Sequence[str]], Sequence[Fields]]


@dataclass(frozen=True)
class Experiment:
    """A comparison of candidates on one task.

    Attributes:
        task: Network to train.
        candidates: Fields of `RunConfig` in which each candidate differs.
        shared: Fields that all candidates share.
        core: Activations that claims name.
    """

    task: str
    candidates: Candidates
    shared: Fields
    core: tuple[str, ...] = (*CORE, *BOUNDED)


def _of_activations(*others: Fields) -> Candidates:
    """Combine every requested activation with each of `others`."""
    return lambda activations, _: [{"activation": a, **other} for other in others for a in activations]


def _fixed(*candidates: Fields) -> Candidates:
    """Return these candidates whatever is requested."""
    return lambda *_: candidates


def _of_optimizers(activations: Sequence[str], custom: Sequence[str]) -> Sequence[Fields]:
    """Return every built-in and custom optimizer."""
    return [{"optimizer": name} for name in (*RATES, *custom)]


def _initialized(activations: Sequence[str], custom: Sequence[str]) -> Sequence[Fields]:
    """Return the requested ones of the four activations whose initialization is compared."""
    return [{"activation": a} for a in (*BASELINES, *PROPOSED) if a in activations]


NORMED: Fields = {"batch_norm": True}
CLASSIFIER: Fields = {"activation": "relu", "batch_norm": True}

# In the order of running: cheap experiments and early questions first.
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
        "classifier", _initialized, {"batch_norm": False, "initialization": "variance"}
    ),
    "fc_autoencoder": Experiment("fc_autoencoder", _of_activations(NORMED), {}, CORE),
    "deep_classifier": Experiment("deep_classifier", _of_activations({"batch_norm": None}), {}),
    "deep_initialization": Experiment(
        "deep_classifier", _initialized, {"batch_norm": None, "initialization": "variance"}
    ),
    "scratch_cnn": Experiment("scratch_cnn", _fixed({"activation": "relu", "batch_norm": None}), {}),
    "conv_autoencoder": Experiment("conv_autoencoder", _of_activations(NORMED), {}, (*BASELINES, *PROPOSED)),
}

NETWORK = "network"  # the experiment of a custom network, as that of the classifier
# The stages of a profile, which `--only` selects.
STAGES = ("benchmarks", "convergence", "synthetic", *EXPERIMENTS, NETWORK)


def plan(
    name: str,
    budget: Budget,
    dataset: str,
    train_size: int,
    activations: Sequence[str],
    optimizers: Sequence[str] = (),
    *,
    shape: DataShape = MNIST_SHAPE,
    rates: tuple[float, ...] = (),
) -> Plan:
    """Return the plan of an experiment.

    Args:
        name: One of EXPERIMENTS, or the name of a custom network.
        budget: Its size.
        dataset: Name of the data set.
        train_size: Number of its training samples.
        activations: Activations to train.
        optimizers: Custom optimizers, compared in addition to the built-in ones.
        shape: Properties of the data set.
        rates: Learning rates of custom optimizers, instead of their own.
    """
    experiment = EXPERIMENTS.get(name) or Experiment(name, _of_activations({"batch_norm": None}), {})
    spare = CONTROLS[budget.controls :]
    trained = [activation for activation in activations if activation not in spare]
    base = RunConfig(
        task=experiment.task,
        activation=None,
        optimizer="adam",
        learning_rate=DEFAULT_RATE,
        batch_size=budget.batch_size,
        batch_norm=None,
        dataset=dataset,
        samples=min(budget.samples, train_size - held_out(train_size)),
        epochs=budget.epochs,
        seed=0,
        loss=network_of(experiment.task, shape).loss_on(shape),
        initialization="torch",
    )
    candidates = [
        replace(base, **{**experiment.shared, **fields})  # type: ignore[arg-type]  # names of RunConfig's fields
        for fields in experiment.candidates(trained, optimizers)
    ]
    return Plan(name, candidates, budget, rates, experiment.core)


def descents(budget: Budget) -> list[RunConfig]:
    """Return every method of `convergence.METHODS` at each of its learning rates."""
    return [
        RunConfig(
            task=DESCENT,
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
    """Return every synthetic experiment under each seed."""
    return [
        RunConfig(name, None, None, None, None, None, dataset, train_size, 0, seed)
        for name in SYNTHETIC
        for seed in range(seeds)
    ]


def conformance_checks(custom: Mapping[str, Sequence[str]], dataset: str) -> list[ConformanceCheck]:
    """Return the check of every custom candidate; `custom` holds their names by kind."""
    return [
        ConformanceCheck(TASKS[kind], None, None, None, None, None, dataset, 0, 0, 0, subject=name)
        for kind, names in custom.items()
        if kind in TASKS
        for name in names
    ]
