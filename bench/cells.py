"""A training run as data: `Cell`, and `run_cell`, a pure function of it."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench import convergence
from bench.contenders import check, function_of, module_of, optimizer_of, seed_of
from bench.networks import NETWORKS, Network
from bench.phenomena import PHENOMENA
from bench.soundness import CHECKS
from bench.threads import threads
from impl import data
from impl.diagnostics import diagnose
from impl.initialization import initialize, variance_gain
from impl.losses import LOSSES
from impl.training import History, Measurement, evaluate, fit

CLASSES = 10
HELD_OUT = 5000  # training images that choose learning rates; a fifth where there are few
DIAGNOSED = 3  # seeds whose networks are looked into
DIAGNOSTIC_IMAGES = 500
VALIDATION, TEST = "validation", "test"


@dataclass(frozen=True)
class Cell:
    """One run; two cells with the same fields are the same run.

    activation, batch_norm, loss and initialization are None where the task has none. samples: training
    samples used; at most as many test samples are. split: what scores the run at its end, `validation`, the
    held-out training images, while rates are chosen, and `test` once they are. loss: one of LOSSES.
    wrong_labels: share of the training labels that are drawn anew. initialization: `torch`, or `variance`,
    which keeps that of the signal (`impl.initialization`).
    """

    task: str
    activation: str | None
    optimizer: str | None
    learning_rate: float | None
    batch_size: int | None
    batch_norm: bool | None
    dataset: str
    samples: int
    epochs: int
    seed: int
    split: str = TEST
    loss: str | None = None
    wrong_labels: float = 0.0
    initialization: str | None = None

    @property
    def key(self) -> str:
        """Hash of the fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        parts = [self.task, self.activation, self.optimizer, self.loss]
        rate = [f"at {self.learning_rate:g}"] if self.learning_rate else []
        extra = [
            *(["without batch norm"] if self.batch_norm is False else []),
            *([f"{self.wrong_labels:.0%} wrong labels"] if self.wrong_labels else []),
            *(["variance kept"] if self.initialization == "variance" else []),
            *(["tuning"] if self.split == VALIDATION else []),
        ]
        return " ".join([*filter(None, parts), *rate, *extra, f"seed {self.seed}"])


@dataclass(frozen=True)
class Trial(Cell):
    """A check of `bench.soundness` of the user's own contender that `subject` names, of whichever kind."""

    subject: str = ""

    def __str__(self) -> str:
        return f"{self.task} {self.subject}"


@dataclass(frozen=True)
class Outcome:
    """What came of a run: its status, what it measured, the 8-bit grey pictures it made, or why it failed."""

    status: str  # finished, diverged or failed
    measurements: Sequence[Measurement] = ()
    pictures: Mapping[str, np.ndarray] = field(default_factory=dict)  # name -> (K, H, W) uint8
    error: str = ""


def held_out(train_size: int) -> int:
    """How many of the training samples choose learning rates and are never trained on: the last ones."""
    return min(HELD_OUT, train_size // 5)


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
