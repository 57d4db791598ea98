"""A training run as data: `RunConfig`, and `run_cell`, a pure function of it."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.experiments.workloads import convergence
from bench.experiments.workloads.conformance import CHECKS
from bench.experiments.workloads.networks import NETWORKS, Network
from bench.experiments.workloads.registry import check, function_of, module_of, optimizer_of, seed_of
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.experiments.workloads.threads import threads
from bench.records.runs import TEST, VALIDATION, ConformanceCheck, Measurement, RunConfig, RunResult, held_out
from impl.data import datasets as data
from impl.losses import LOSSES
from impl.training.diagnostics import diagnose
from impl.training.initialization import initialize, variance_gain
from impl.training.loop import History, evaluate, fit

CLASSES = 10
DIAGNOSED = 3  # seeds whose networks are looked into
DIAGNOSTIC_IMAGES = 500


@lru_cache(maxsize=1)
def _dataset(name: str, root: Path | None) -> data.Dataset:
    """The data set, read once a worker process."""
    return data.load(name, root)


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs and targets on the device: what is trained on, what chooses rates, and what is touched once."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def mislabelled(labels: Tensor, share: float, seed: int) -> Tensor:
    """Labels of which a share, rounded down, is replaced by another class, drawn evenly; (N,) int64."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(labels), generator=generator)[: int(share * len(labels))]
    shift = torch.randint(1, CLASSES, (len(chosen),), generator=generator)
    wrong = labels.clone()
    wrong[chosen] = (labels[chosen] + shift) % CLASSES
    return wrong


def _samples(config: RunConfig, dataset: data.Dataset, network: Network, device: str) -> Samples:
    """The cell's share of the data set; only training labels are ever wrong."""
    last = len(dataset.train_images) - held_out(len(dataset.train_images))
    kept = min(config.samples, last)
    labels = mislabelled(
        dataset.train_labels[:kept], config.wrong_labels, seed_of(config.activation, config.seed)
    )
    parts = (
        (dataset.train_images[:kept], labels),
        (dataset.train_images[last:][: config.samples], dataset.train_labels[last:][: config.samples]),
        (dataset.test_images[: config.samples], dataset.test_labels[: config.samples]),
    )
    on = [(images.to(device), targets.to(device)) for images, targets in parts]
    return Samples(*((images, images if network.reconstructs else targets) for images, targets in on))


def _one_of_each(labels: Tensor) -> Tensor:
    """Index of the first sample of each class, (10,)."""
    return torch.stack([(labels == digit).nonzero()[0, 0] for digit in range(CLASSES)])


def _as_pictures(images: Tensor) -> np.ndarray:
    """(K, 1, H, W) in [0, 1] to (K, H, W) uint8."""
    return (images[:, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def _model(config: RunConfig, network: Network, seed: int, device: str) -> nn.Module:
    """The cell's network: the same seed gives every activation the same initial weights."""
    torch.manual_seed(seed)
    model = network.on(device, module_of(str(config.activation)), bool(config.batch_norm))
    if config.initialization == "variance":
        gain = variance_gain(function_of(str(config.activation)))
        initialize(model, gain, torch.Generator().manual_seed(seed))
    return model


def _train(config: RunConfig, root: Path | None, device: str) -> RunResult:
    """Train the cell's network on the cell's data; runs that are scored read the test set, once."""
    check(str(config.activation))
    check(str(config.optimizer), "optimizer")
    network, dataset = NETWORKS[config.task], _dataset(config.dataset, root)
    samples, seed = _samples(config, dataset, network, device), seed_of(config.activation, config.seed)
    model, loss = _model(config, network, seed, device), LOSSES[config.loss or network.loss].value
    images, targets = (part[:DIAGNOSTIC_IMAGES] for part in samples.validation)
    kind = type(module_of(str(config.activation))())

    def observe() -> dict[str, float]:
        scores = evaluate(model, *samples.validation, loss)
        inside = config.split == TEST and config.seed < DIAGNOSED and network.diagnosed
        return {
            **{f"{VALIDATION}_{metric}": value for metric, value in scores.items()},
            **(dict(diagnose(model, images, targets, loss, kind)) if inside else {}),
        }

    history = fit(
        model,
        samples.train,
        observe=observe,
        loss=loss,
        optimizer=optimizer_of(str(config.optimizer))(model.parameters(), float(config.learning_rate or 0)),
        batch_size=int(config.batch_size or 0),
        epochs=config.epochs,
        # Dropout draws from the global generator, the order of samples from one of its own.
        generator=torch.Generator().manual_seed(seed),
    )
    measurements = _measurements(history)
    if history.diverged:
        return RunResult("diverged", measurements)
    if config.split == VALIDATION:
        return RunResult("finished", measurements)
    scores = evaluate(model, *samples.test, loss).items()
    tested = [Measurement(f"{TEST}_{metric}", config.epochs, value, "1") for metric, value in scores]
    pictures = {}
    if network.reconstructs and config.seed == 0:
        shown = dataset.test_images[_one_of_each(dataset.test_labels)].to(device)
        with torch.no_grad():
            pictures = {"input": _as_pictures(shown), "reconstruction": _as_pictures(model.eval()(shown))}
    return RunResult("finished", [*measurements, *tested], pictures)


def _measurements(history: History) -> list[Measurement]:
    """Return the metrics of each epoch as measurements; all but `seconds` have the unit 1."""
    return [
        Measurement(metric, epoch, value, "s" if metric == "seconds" else "1")
        for epoch, metrics in enumerate(history.epochs)
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


def execute(config: RunConfig, root: Path | None, device: str = "cpu") -> RunResult:
    """Make one run: same cell, same machine, same numbers (times apart); `run_seconds` is all that it took.

    root: folder of the data sets that are not bundled. Raises whatever the run raises; the runner records it.
    """
    with threads(1), torch.random.fork_rng(devices=[]):
        begin = time.perf_counter()
        if isinstance(config, ConformanceCheck):
            outcome = RunResult("finished", CHECKS[config.task](config.subject))
        elif config.task in SYNTHETIC:
            outcome = _observe_synthetic(config, root)
        elif config.task == convergence.TASK:
            outcome = _descend(config)
        else:
            outcome = _train(config, root, device)
        took = Measurement("run_seconds", 0, time.perf_counter() - begin, "s")
    return replace(outcome, measurements=[*outcome.measurements, took])
