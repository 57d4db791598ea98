"""Execute a training run, a pure function of its `RunConfig`."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.experiments.workloads import convergence
from bench.experiments.workloads.conformance import CHECKS, TASKS
from bench.experiments.workloads.contracts import InvalidCandidateError, needs_closure
from bench.experiments.workloads.networks import DataShape, Network
from bench.experiments.workloads.pairing import CHECKED, Paired, check_pairing
from bench.experiments.workloads.registry import (
    at_work,
    check,
    function_of,
    module_of,
    network_of,
    optimizer_of,
    seed_of,
)
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.experiments.workloads.threads import threads
from bench.records.candidate_names import is_custom
from bench.records.names import BASELINES, BLOCK_SCORES, DESCENT
from bench.records.runs import (
    TEST,
    VALIDATION,
    ConformanceCheck,
    Measurement,
    RunConfig,
    RunResult,
    held_out,
    horizons,
)
from impl.data import datasets
from impl.data.datasets import Dataset
from impl.data.idx import DataError
from impl.losses import LOSSES
from impl.models import CLASSES
from impl.training.diagnostics import diagnose
from impl.training.initialization import initialize, variance_gain
from impl.training.loop import History, evaluate, fit

DIAGNOSED = 3  # seeds whose networks are diagnosed
DIAGNOSTIC_IMAGES = 500
SHOWN = 10  # reconstructed images
BLOCKS, BLOCK = 100, 20  # of test samples, scored apart: at most so many, of at least so many samples


def identified(dataset: Dataset) -> str:
    """Return the name of a data set in a run; that of an .npz file carries its hash: files are edited."""
    return f"{dataset.name}@{dataset.sha256[:8]}" if datasets.is_npz(dataset.name) else dataset.name


@lru_cache(maxsize=1)
def _dataset(name: str, root: Path | None) -> Dataset:
    """Return the data set, read once per process.

    Raises:
        DataError: If its file is not the one that the run was planned for.
    """
    plain, _, digest = name.rpartition("@") if datasets.is_npz(name.rpartition("@")[0]) else (name, "", "")
    dataset = datasets.load(plain, root)
    if digest and identified(dataset) != name:
        raise DataError(
            f"{plain} has changed: its hash is {dataset.sha256[:8]}, expected {digest}; start again"
        )
    return dataset


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs and targets on the device, for training, for the choice of learning rates, and for the test."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def with_label_noise(labels: Tensor, share: float, seed: int, classes: int = CLASSES) -> Tensor:
    """Return labels (N,) with a share, rounded down, replaced by another class, sampled uniformly."""
    if not share:
        return labels
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(labels), generator=generator)[: int(share * len(labels))]
    shift = torch.randint(1, classes, (len(chosen),), generator=generator)
    wrong = labels.clone()
    wrong[chosen] = (labels[chosen] + shift) % classes
    return wrong


def _samples(config: RunConfig, dataset: Dataset, network: Network, device: str) -> Samples:
    """Return the run's share of the data set; only training labels have noise."""
    last = len(dataset.train_images) - held_out(len(dataset.train_images))
    used = min(config.samples, last)
    seed = seed_of(config.activation, config.seed)
    if used % (config.batch_size or 1) == 1 and used > 1:
        used -= 1  # a last batch of one sample has no variance, which batch norm needs
    labels = with_label_noise(
        dataset.train_labels[:used], config.wrong_labels, seed, dataset.classes or CLASSES
    )
    parts = (
        (dataset.train_images[:used], labels),
        (dataset.train_images[last:][: config.samples], dataset.train_labels[last:][: config.samples]),
        (dataset.test_images[: config.samples], dataset.test_labels[: config.samples]),
    )
    on = [(images.to(device), targets.to(device)) for images, targets in parts]
    return Samples(*((images, images if network.reconstructs else targets) for images, targets in on))


def _one_of_each(labels: Tensor, classes: int) -> Tensor:
    """Return the index of the first sample of each class that there is, at most SHOWN."""
    first = [(labels == label).nonzero()[:1, 0] for label in range(min(classes, SHOWN))]
    return torch.cat(first)


def _as_uint8(images: Tensor) -> np.ndarray:
    """Convert images (K, 1, H, W) in [0, 1] to (K, H, W) uint8."""
    return (images[:, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def _custom(config: RunConfig) -> list[tuple[str, str]]:
    """Return kind and name of the custom candidates of a run."""
    named = [("network", config.task), ("activation", config.activation), ("optimizer", config.optimizer)]
    if isinstance(config, ConformanceCheck):
        named += [(kind, config.subject) for kind, task in TASKS.items() if task == config.task]
    return [(kind, name) for kind, name in named if name is not None and is_custom(name)]


def _check_optimized(model: nn.Module, optimizer: Optimizer) -> None:
    """Raise InvalidCandidateError if a parameter was made or replaced while the network was trained."""
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and id(parameter) not in trained:
            raise InvalidCandidateError(
                f"the parameter {name!r} was made during training, so that no optimizer trains it; expected "
                "parameters that are made in the constructor"
            )


def train(config: RunConfig, dataset: Dataset, device: str) -> RunResult:
    """Train the run's network on a data set, and score it at every horizon.

    Raises:
        InvalidCandidateError: If a custom candidate does not train what it should, or is not paired with the
            baseline of the same seed.
    """
    custom, shape = _custom(config), DataShape.of(dataset)
    for kind, name in custom:
        check(name, kind)
    network = network_of(config.task, shape)
    samples, seed = _samples(config, dataset, network, device), seed_of(config.activation, config.seed)

    def paired_with(activation: str) -> Paired:
        """Return the run's network; the same seed gives every activation the same initial weights."""
        return Paired(
            lambda make: network.on(device, make, bool(config.batch_norm), shape),
            module_of(activation),
            seed,
            device,
            samples.validation[0][:2] if custom else None,
        )

    paired = paired_with(str(config.activation))
    loss = LOSSES[config.loss or network.loss_on(shape)].value
    model = paired.model
    if config.initialization == "variance":
        gain = variance_gain(function_of(str(config.activation)))
        initialize(model, gain, torch.Generator().manual_seed(seed))
    images, targets = (part[:DIAGNOSTIC_IMAGES] for part in samples.validation)
    kinds = tuple(dict.fromkeys(map(type, paired.activations)))

    blocks: list[np.ndarray] = []

    def observe() -> dict[str, float]:
        sizes, by_block = evaluate_blocks(model, *samples.test, loss)
        blocks.append(by_block.get("accuracy", by_block["loss"]).astype(np.float32))
        inside = config.seed < DIAGNOSED and network.diagnosed
        return {
            **{
                f"{VALIDATION}_{metric}": value
                for metric, value in evaluate(model, *samples.validation, loss).items()
            },
            **{
                f"{TEST}_{metric}": float(np.average(values, weights=sizes))
                for metric, values in by_block.items()
            },
            **(dict(diagnose(model, images, targets, loss, kinds)) if inside else {}),
        }

    make, batch_size = optimizer_of(str(config.optimizer)), int(config.batch_size or 0)
    optimizer = make(model.parameters(), float(config.learning_rate or 0))
    history = fit(
        model,
        samples.train,
        observe=observe,
        loss=loss,
        optimizer=optimizer,
        batch_size=batch_size,
        horizons=horizons(config.epochs),
        # Dropout uses the global generator, the order of samples a separate one.
        generator=torch.Generator().manual_seed(seed),
        needs_closure=is_custom(config.optimizer) and needs_closure(make),
    )
    measurements = _measurements(history)
    if custom:
        _check_optimized(model, optimizer)
        baseline = paired_with(BASELINES[0])
        order = torch.randperm(len(samples.train[0]), generator=torch.Generator().manual_seed(seed))
        # A run that diverged may have taken fewer steps.
        steps = len(paired.trace.samples) if history.diverged else CHECKED if config.epochs else 0
        batches = [samples.train[0][part.to(device)] for part in order.split(batch_size)[:steps]]
        check_pairing(" with ".join(name for _, name in custom), paired, baseline, batches)
        measurements.append(Measurement("paired", 0, 1.0, "1"))
    if history.diverged:
        return RunResult("diverged", measurements)
    arrays = {BLOCK_SCORES: np.stack(blocks[1:])} if blocks[1:] else {}  # without those before training
    if network.reconstructs and config.seed == 0 and samples.train[0].ndim == 4 and dataset.classes:
        shown = dataset.test_images[_one_of_each(dataset.test_labels, dataset.classes)].to(device)
        with torch.no_grad():
            arrays |= {"input": _as_uint8(shown), "reconstruction": _as_uint8(model.eval()(shown))}
    last = history.records[max(history.records)]
    status = "collapsed" if config.epochs and _collapsed(last, samples.validation[1], loss) else "finished"
    return RunResult(status, measurements, arrays)


def evaluate_blocks(
    model: nn.Module, inputs: Tensor, targets: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> tuple[list[int], dict[str, np.ndarray]]:
    """Evaluate a model on nearly equal blocks of samples, at least two.

    Returns:
        The sizes of the blocks, and their scores by metric.
    """
    count = min(len(inputs), max(2, min(BLOCKS, len(inputs) // BLOCK)))
    parts = list(zip(inputs.tensor_split(count), targets.tensor_split(count), strict=True))
    scores = [evaluate(model, x, t, loss) for x, t in parts]
    by_metric = {metric: np.array([score[metric] for score in scores]) for metric in scores[0]}
    return [len(x) for x, _ in parts], by_metric


def _collapsed(
    scores: Mapping[str, float], targets: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> bool:
    """Return whether scores on held-out samples are no better than those of the best constant output."""
    if not targets.is_floating_point():
        return scores[f"{VALIDATION}_accuracy"] <= float(targets.bincount().max()) / len(targets)
    constant = targets.mean(dim=0, keepdim=True).expand_as(targets)
    return scores[f"{VALIDATION}_loss"] >= float(loss(constant, targets))


def _measurements(history: History) -> list[Measurement]:
    """Return the metrics of each record as measurements; all but `seconds` have the unit 1."""
    return [
        Measurement(metric, epochs, value, "s" if metric == "seconds" else "1")
        for epochs, metrics in history.records.items()
        for metric, value in metrics.items()
    ]


def _descend(config: RunConfig) -> RunResult:
    rate, size = float(config.learning_rate or 0), int(config.batch_size or 0)
    return convergence.descend_to_minimum(str(config.optimizer), rate, size, config.epochs, config.seed)


def _observe_synthetic(config: RunConfig, root: Path | None) -> RunResult:
    dataset = _dataset(config.dataset, root)
    return RunResult(
        "finished", SYNTHETIC[config.task](config.seed, dataset.train_images, dataset.train_labels)
    )


@contextmanager
def _alone(config: RunConfig) -> Iterator[None]:
    """Run on one thread, and keep random numbers and settings of the process as they are."""
    with threads(1), torch.random.fork_rng(devices=[]), at_work(*_custom(config)):
        yield


def rehearse(config: RunConfig, dataset: Dataset, device: str = "cpu") -> None:
    """Train on a data set as `execute` does; whatever is raised is raised."""
    with _alone(config):
        train(config, dataset, device)


def execute(config: RunConfig, root: Path | None, device: str = "cpu") -> RunResult:
    """Execute one run; equal configurations give equal numbers on the same machine, except times.

    Args:
        config: The run.
        root: Folder of the data sets that are not bundled.
        device: `cpu` or `cuda`.

    Returns:
        Its result, including its total duration `run_seconds`. Whatever the run raises is raised.
    """
    with _alone(config):
        begin = time.perf_counter()
        if isinstance(config, ConformanceCheck):
            result = RunResult("finished", CHECKS[config.task](config.subject))
        elif config.task in SYNTHETIC:
            result = _observe_synthetic(config, root)
        elif config.task == DESCENT:
            result = _descend(config)
        else:
            result = train(config, _dataset(config.dataset, root), device)
        took = Measurement("run_seconds", 0, time.perf_counter() - begin, "s")
    return replace(result, measurements=[*result.measurements, took])
