"""A training run as data: `Cell`, and `run_cell`, a pure function of it."""

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
from bench.experiments.workloads.synthetic import PHENOMENA
from bench.experiments.workloads.threads import threads
from bench.records.runs import TEST, VALIDATION, Cell, Outcome, Trial, held_out
from impl.data import datasets as data
from impl.losses import LOSSES
from impl.training.diagnostics import diagnose
from impl.training.initialization import initialize, variance_gain
from impl.training.loop import History, Measurement, evaluate, fit

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


def _samples(cell: Cell, dataset: data.Dataset, network: Network, device: str) -> Samples:
    """The cell's share of the data set; only training labels are ever wrong."""
    last = len(dataset.train_images) - held_out(len(dataset.train_images))
    kept = min(cell.samples, last)
    labels = mislabelled(dataset.train_labels[:kept], cell.wrong_labels, seed_of(cell.activation, cell.seed))
    parts = (
        (dataset.train_images[:kept], labels),
        (dataset.train_images[last:][: cell.samples], dataset.train_labels[last:][: cell.samples]),
        (dataset.test_images[: cell.samples], dataset.test_labels[: cell.samples]),
    )
    on = [(images.to(device), targets.to(device)) for images, targets in parts]
    return Samples(*((images, images if network.reconstructs else targets) for images, targets in on))


def _one_of_each(labels: Tensor) -> Tensor:
    """Index of the first sample of each class, (10,)."""
    return torch.stack([(labels == digit).nonzero()[0, 0] for digit in range(CLASSES)])


def _as_pictures(images: Tensor) -> np.ndarray:
    """(K, 1, H, W) in [0, 1] to (K, H, W) uint8."""
    return (images[:, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def _model(cell: Cell, network: Network, seed: int, device: str) -> nn.Module:
    """The cell's network: the same seed gives every activation the same initial weights."""
    torch.manual_seed(seed)
    model = network.on(device, module_of(str(cell.activation)), bool(cell.batch_norm))
    if cell.initialization == "variance":
        gain = variance_gain(function_of(str(cell.activation)))
        initialize(model, gain, torch.Generator().manual_seed(seed))
    return model


def _train(cell: Cell, root: Path | None, device: str) -> Outcome:
    """Train the cell's network on the cell's data; runs that are scored read the test set, once."""
    check(str(cell.activation))
    check(str(cell.optimizer), "optimizer")
    network, dataset = NETWORKS[cell.task], _dataset(cell.dataset, root)
    samples, seed = _samples(cell, dataset, network, device), seed_of(cell.activation, cell.seed)
    model, loss = _model(cell, network, seed, device), LOSSES[cell.loss or network.loss].value
    images, targets = (part[:DIAGNOSTIC_IMAGES] for part in samples.validation)
    kind = type(module_of(str(cell.activation))())

    def observe() -> dict[str, float]:
        scores = evaluate(model, *samples.validation, loss)
        inside = cell.split == TEST and cell.seed < DIAGNOSED and network.diagnosed
        return {
            **{f"{VALIDATION}_{metric}": value for metric, value in scores.items()},
            **(dict(diagnose(model, images, targets, loss, kind)) if inside else {}),
        }

    history = fit(
        model,
        samples.train,
        observe=observe,
        loss=loss,
        optimizer=optimizer_of(str(cell.optimizer))(model.parameters(), float(cell.learning_rate or 0)),
        batch_size=int(cell.batch_size or 0),
        epochs=cell.epochs,
        # Dropout draws from the global generator, the order of samples from one of its own.
        generator=torch.Generator().manual_seed(seed),
    )
    if history.diverged or cell.split == VALIDATION:
        return _outcome(history)
    scores = evaluate(model, *samples.test, loss).items()
    tested = [Measurement(f"{TEST}_{metric}", cell.epochs, value, "1") for metric, value in scores]
    pictures = {}
    if network.reconstructs and cell.seed == 0:
        shown = dataset.test_images[_one_of_each(dataset.test_labels)].to(device)
        with torch.no_grad():
            pictures = {"input": _as_pictures(shown), "reconstruction": _as_pictures(model.eval()(shown))}
    return Outcome("finished", [*history.measurements, *tested], pictures)


def _outcome(history: History) -> Outcome:
    return Outcome("diverged" if history.diverged else "finished", history.measurements)


def _descend(cell: Cell) -> Outcome:
    rate, size = float(cell.learning_rate or 0), int(cell.batch_size or 0)
    return _outcome(convergence.descend_to_minimum(str(cell.optimizer), rate, size, cell.epochs, cell.seed))


def _observe_phenomenon(cell: Cell, root: Path | None) -> Outcome:
    dataset = _dataset(cell.dataset, root)
    return Outcome("finished", PHENOMENA[cell.task](cell.seed, dataset.train_images, dataset.train_labels))


def run_cell(cell: Cell, root: Path | None, device: str = "cpu") -> Outcome:
    """Make one run: same cell, same machine, same numbers (times apart); `run_seconds` is all that it took.

    root: folder of the data sets that are not bundled. Raises whatever the run raises; the runner records it.
    """
    with threads(1), torch.random.fork_rng(devices=[]):
        begin = time.perf_counter()
        if isinstance(cell, Trial):
            outcome = Outcome("finished", CHECKS[cell.task](cell.subject))
        elif cell.task in PHENOMENA:
            outcome = _observe_phenomenon(cell, root)
        elif cell.task == convergence.TASK:
            outcome = _descend(cell)
        else:
            outcome = _train(cell, root, device)
        took = Measurement("run_seconds", 0, time.perf_counter() - begin, "s")
    return replace(outcome, measurements=[*outcome.measurements, took])
