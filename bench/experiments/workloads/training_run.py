"""Execute a training run, a pure function of its `RunConfig`."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.experiments.workloads import convergence
from bench.experiments.workloads.conformance import CHECKS
from bench.experiments.workloads.contracts import InvalidCandidateError, needs_closure
from bench.experiments.workloads.networks import NETWORKS, Network
from bench.experiments.workloads.pairing import CHECKED, Paired, check_pairing, unregistered
from bench.experiments.workloads.registry import (
    at_work,
    check,
    function_of,
    module_of,
    optimizer_of,
    seed_of,
)
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.experiments.workloads.threads import threads
from bench.records.candidate_names import is_custom
from bench.records.names import BASELINES, DESCENT
from bench.records.runs import TEST, VALIDATION, ConformanceCheck, Measurement, RunConfig, RunResult, held_out
from impl.data import datasets
from impl.data.datasets import Dataset
from impl.losses import LOSSES
from impl.training.diagnostics import diagnose
from impl.training.initialization import initialize, variance_gain
from impl.training.loop import History, evaluate, fit

CLASSES = 10
DIAGNOSED = 3  # seeds whose networks are diagnosed
DIAGNOSTIC_IMAGES = 500


@lru_cache(maxsize=1)
def _dataset(name: str, root: Path | None) -> Dataset:
    """Return the data set, read once per process."""
    return datasets.load(name, root)


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs and targets on the device, for training, for the choice of learning rates, and for the test."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def with_label_noise(labels: Tensor, share: float, seed: int) -> Tensor:
    """Return labels (N,) with a share, rounded down, replaced by another class, sampled uniformly."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(labels), generator=generator)[: int(share * len(labels))]
    shift = torch.randint(1, CLASSES, (len(chosen),), generator=generator)
    wrong = labels.clone()
    wrong[chosen] = (labels[chosen] + shift) % CLASSES
    return wrong


def _samples(config: RunConfig, dataset: Dataset, network: Network, device: str) -> Samples:
    """Return the run's share of the data set; only training labels have noise."""
    last = len(dataset.train_images) - held_out(len(dataset.train_images))
    used = min(config.samples, last)
    seed = seed_of(config.activation, config.seed)
    labels = with_label_noise(dataset.train_labels[:used], config.wrong_labels, seed)
    parts = (
        (dataset.train_images[:used], labels),
        (dataset.train_images[last:][: config.samples], dataset.train_labels[last:][: config.samples]),
        (dataset.test_images[: config.samples], dataset.test_labels[: config.samples]),
    )
    on = [(images.to(device), targets.to(device)) for images, targets in parts]
    return Samples(*((images, images if network.reconstructs else targets) for images, targets in on))


def _one_of_each(labels: Tensor) -> Tensor:
    """Return the index of the first sample of each class, (10,)."""
    return torch.stack([(labels == digit).nonzero()[0, 0] for digit in range(CLASSES)])


def _as_uint8(images: Tensor) -> np.ndarray:
    """Convert images (K, 1, H, W) in [0, 1] to (K, H, W) uint8."""
    return (images[:, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def _candidates(config: RunConfig) -> list[tuple[str, str]]:
    """Return kind and name of what a run trains with."""
    named = {"activation": config.activation, "optimizer": config.optimizer}
    return [(kind, name) for kind, name in named.items() if name is not None]


def _paired(config: RunConfig, network: Network, activation: str, seed: int, device: str) -> Paired:
    """Return the run's network; the same seed gives every activation the same initial weights."""
    return Paired(
        lambda make: network.on(device, make, bool(config.batch_norm)), module_of(activation), seed, device
    )


def _prepare(paired: Paired, inputs: Tensor) -> None:
    """Let a custom network make the parameters that it makes at its first call.

    Raises:
        InvalidCandidateError: If its output depends on a tensor that is not among its parameters.
    """
    model = paired.model.eval()
    output = model(inputs)
    loose = unregistered(output, dict(model.named_parameters()))
    model.train()
    if loose is not None:
        raise InvalidCandidateError(
            f"a tensor of shape {tuple(loose.shape)} requires gradients and is no parameter of the network, "
            "so that no optimizer would train it; expected nn.Parameter attributes of a module"
        )


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
    """Train the run's network on a data set; evaluation runs read the test set once.

    Raises:
        InvalidCandidateError: If a custom candidate does not train what it should, or is not paired with the
            baseline of the same seed.
    """
    custom = [name for _, name in _candidates(config) if is_custom(name)]
    for kind, name in _candidates(config):
        check(name, kind)
    network = NETWORKS[config.task]
    samples, seed = _samples(config, dataset, network, device), seed_of(config.activation, config.seed)
    paired, loss = (
        _paired(config, network, str(config.activation), seed, device),
        LOSSES[config.loss or network.loss].value,
    )
    model = paired.model
    if config.initialization == "variance":
        gain = variance_gain(function_of(str(config.activation)))
        initialize(model, gain, torch.Generator().manual_seed(seed))
    if custom:
        _prepare(paired, samples.validation[0][:2])
    images, targets = (part[:DIAGNOSTIC_IMAGES] for part in samples.validation)
    kinds = tuple(dict.fromkeys(map(type, paired.activations)))

    def observe() -> dict[str, float]:
        scores = evaluate(model, *samples.validation, loss)
        inside = config.split == TEST and config.seed < DIAGNOSED and network.diagnosed
        return {
            **{f"{VALIDATION}_{metric}": value for metric, value in scores.items()},
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
        epochs=config.epochs,
        # Dropout uses the global generator, the order of samples a separate one.
        generator=torch.Generator().manual_seed(seed),
        needs_closure=is_custom(config.optimizer) and needs_closure(make),
    )
    measurements = _measurements(history)
    if custom:
        _check_optimized(model, optimizer)
        baseline = _paired(config, network, BASELINES[0], seed, device)
        order = torch.randperm(len(samples.train[0]), generator=torch.Generator().manual_seed(seed))
        batches = [samples.train[0][part.to(device)] for part in order.split(batch_size)[:CHECKED]]
        check_pairing(" with ".join(custom), paired, baseline, batches)
        measurements.append(Measurement("paired", 0, 1.0, "1"))
    if history.diverged:
        return RunResult("diverged", measurements)
    if config.split == VALIDATION:
        return RunResult("finished", measurements)
    scores = evaluate(model, *samples.test, loss).items()
    tested = [Measurement(f"{TEST}_{metric}", config.epochs, value, "1") for metric, value in scores]
    examples = {}
    if network.reconstructs and config.seed == 0:
        shown = dataset.test_images[_one_of_each(dataset.test_labels)].to(device)
        with torch.no_grad():
            examples = {"input": _as_uint8(shown), "reconstruction": _as_uint8(model.eval()(shown))}
    return RunResult("finished", [*measurements, *tested], examples)


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
    """Execute one run; equal configurations give equal numbers on the same machine, except times.

    Args:
        config: The run.
        root: Folder of the data sets that are not bundled.
        device: `cpu` or `cuda`.

    Returns:
        Its result, including its total duration `run_seconds`. Whatever the run raises is raised.
    """
    with threads(1), torch.random.fork_rng(devices=[]), at_work(*_candidates(config)):
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
