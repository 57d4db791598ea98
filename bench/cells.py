"""A training run as data: `Cell`, the grid of each profile, and `run_cell`, a pure function of the cell."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench import convergence
from bench.networks import NETWORKS
from bench.threads import threads
from impl import data
from impl.activations import ACTIVATIONS
from impl.losses import LOSSES
from impl.optimizers import OPTIMIZERS
from impl.training import Measurement, fit

CLASSES = 10


@dataclass(frozen=True)
class Cell:
    """One training run; two cells with the same fields are the same run.

    activation and batch_norm are None where the task has none. `samples` counts the training samples used;
    at most as many test samples are.
    """

    task: str
    activation: str | None
    optimizer: str
    learning_rate: float
    batch_size: int
    batch_norm: bool | None
    dataset: str
    samples: int
    epochs: int
    seed: int

    @property
    def key(self) -> str:
        """Hash of the fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def cost(self) -> float:
        """Expected work in arbitrary units, for the progress display only."""
        return NETWORKS[self.task].cost * self.samples * self.epochs if self.task in NETWORKS else 3000.0

    def __str__(self) -> str:
        without = " without batch norm" if self.batch_norm is False else ""
        return f"{self.task} {self.activation or self.optimizer}{without} seed {self.seed}"


@dataclass(frozen=True)
class Outcome:
    """What came of a run: its status, what it measured, the 8-bit grey pictures it made, or why it failed."""

    status: str  # finished, diverged or failed
    measurements: Sequence[Measurement] = ()
    pictures: Mapping[str, np.ndarray] = field(default_factory=dict)  # name -> (K, H, W) uint8
    error: str = ""


@dataclass(frozen=True)
class Effort:
    """How much of one task a profile runs, and in batches of which size."""

    seeds: int
    epochs: int
    samples: int
    batch_size: int = 128


@dataclass(frozen=True)
class Profile:
    """How much of everything is measured, and how long each benchmark may take."""

    tasks: Mapping[str, Effort]
    convergence: Effort
    benchmark_seconds: float


PROFILES: dict[str, Profile] = {
    "quick": Profile(
        {
            "conv_autoencoder": Effort(seeds=2, epochs=2, samples=1000),
            "fc_autoencoder": Effort(seeds=3, epochs=3, samples=4000),
            "scratch_cnn": Effort(seeds=1, epochs=2, samples=5000, batch_size=32),
            "classifier": Effort(seeds=3, epochs=6, samples=5000),
        },
        convergence=Effort(seeds=2, epochs=20, samples=convergence.SAMPLES),
        benchmark_seconds=0.1,
    ),
    "reference": Profile(
        {
            "conv_autoencoder": Effort(seeds=3, epochs=2, samples=60_000),
            "fc_autoencoder": Effort(seeds=5, epochs=5, samples=60_000),
            "scratch_cnn": Effort(seeds=2, epochs=5, samples=60_000, batch_size=32),
            "classifier": Effort(seeds=10, epochs=5, samples=60_000),
        },
        convergence=Effort(seeds=5, epochs=50, samples=convergence.SAMPLES),
        benchmark_seconds=0.5,
    ),
}


# with and without it, where that is asked, and None where the network has no place for it
BATCH_NORM: dict[str, tuple[bool | None, ...]] = {"classifier": (True, False), "scratch_cnn": (None,)}


def grid(profile: Profile, dataset: str, train_size: int, activations: Sequence[str]) -> list[Cell]:
    """Every cell of a profile on a data set with `train_size` training samples, longest first.

    The assignment names neither optimizer, batch size nor learning rate: Adam at 1e-3 with batches of 128 is
    what its networks are commonly trained with; the CNN from scratch is to be as accurate as it can soon be,
    and takes smaller ones.
    """

    def cells() -> Iterator[Cell]:
        for task, effort in profile.tasks.items():
            for seed in range(effort.seeds):
                for activation in ["relu"] if task == "scratch_cnn" else activations:
                    for batch_norm in BATCH_NORM.get(task, (True,)):
                        yield Cell(
                            task=task,
                            activation=activation,
                            optimizer="adam",
                            learning_rate=1e-3,
                            batch_size=effort.batch_size,
                            batch_norm=batch_norm,
                            dataset=dataset,
                            samples=min(effort.samples, train_size),
                            epochs=effort.epochs,
                            seed=seed,
                        )
        effort = profile.convergence
        for method in convergence.METHODS.values():
            for learning_rate in method.learning_rates:
                for seed in range(effort.seeds):
                    yield Cell(
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

    return sorted(cells(), key=lambda cell: -cell.cost)


@lru_cache(maxsize=1)
def _dataset(name: str, root: Path | None) -> data.Dataset:
    """The data set, read once a worker process."""
    return data.load(name, root)


def _one_of_each(labels: Tensor) -> Tensor:
    """Index of the first sample of each class, (10,)."""
    return torch.stack([(labels == digit).nonzero()[0, 0] for digit in range(CLASSES)])


def _as_pictures(images: Tensor) -> np.ndarray:
    """(K, 1, H, W) in [0, 1] to (K, H, W) uint8."""
    return (images[:, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def _train(cell: Cell, root: Path | None, device: str) -> Outcome:
    """Train the cell's network on the cell's data."""
    network, dataset = NETWORKS[cell.task], _dataset(cell.dataset, root)
    # The same seed gives every activation the same initial weights and, since the modules draw in the same
    # order, the same dropout masks; the order of samples has a generator of its own.
    torch.manual_seed(cell.seed)
    activation = ACTIVATIONS[str(cell.activation)].module
    model = network.on(device, activation, bool(cell.batch_norm))
    images = dataset.train_images[: cell.samples].to(device)
    test = dataset.test_images[: cell.samples].to(device)
    labels = dataset.train_labels[: cell.samples].to(device), dataset.test_labels[: cell.samples].to(device)
    history = fit(
        model,
        (images, images if network.reconstructs else labels[0]),
        (test, test if network.reconstructs else labels[1]),
        loss=LOSSES[network.loss].value,
        optimizer=OPTIMIZERS[cell.optimizer].make(model.parameters(), cell.learning_rate),
        batch_size=cell.batch_size,
        epochs=cell.epochs,
        generator=torch.Generator().manual_seed(cell.seed),
    )
    pictures = {}
    if network.reconstructs and cell.seed == 0 and not history.diverged:
        shown = dataset.test_images[_one_of_each(dataset.test_labels)].to(device)
        with torch.no_grad():
            pictures = {"input": _as_pictures(shown), "reconstruction": _as_pictures(model.eval()(shown))}
    return Outcome("diverged" if history.diverged else "finished", history.measurements, pictures)


def run_cell(cell: Cell, root: Path | None, device: str = "cpu") -> Outcome:
    """Make one training run: same cell, same machine, same numbers (times apart).

    root: folder of the data sets that are not bundled. Raises whatever the run raises; the runner records it.
    """
    with threads(1):
        if cell.task == convergence.TASK:
            history = convergence.descend_to_minimum(
                cell.optimizer, cell.learning_rate, cell.batch_size, cell.epochs, cell.seed
            )
            return Outcome("diverged" if history.diverged else "finished", history.measurements)
        with torch.random.fork_rng(devices=[]):
            return _train(cell, root, device)
