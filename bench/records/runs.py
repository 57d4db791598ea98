"""Training runs, benchmarks and their results as plain data."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

HELD_OUT = 5000  # training images that choose learning rates; a fifth of smaller data sets
VALIDATION, TEST = "validation", "test"


class Measurement(NamedTuple):
    """One number: the metric, the step at which it was measured, its value and its unit."""

    metric: str
    step: int
    value: float
    unit: str


def _hash(record: Any) -> str:
    """Return 16 hexadecimal digits that depend on all fields of a dataclass."""
    return hashlib.sha256(json.dumps(asdict(record), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RunConfig:
    """Configuration of a training run; equal configurations are the same run.

    Attributes:
        task: Network to train, or the name of an experiment without one.
        activation: Name of the activation; like `batch_norm`, `loss` and `initialization` None if the task
            has none.
        optimizer: Name of the optimizer.
        learning_rate: Step size of the optimizer.
        batch_size: Samples per step.
        batch_norm: Whether the network normalizes its hidden layers.
        dataset: Name of the data set.
        samples: Number of training samples; at most as many test samples are used.
        epochs: Passes over the training samples.
        seed: Seed of initial weights, order of samples and dropout.
        split: Samples that score the run: `validation` (held-out training images) while learning rates are
            chosen, `test` afterwards.
        loss: One of `impl.losses.LOSSES`.
        wrong_labels: Share of training labels replaced by another class (label noise).
        initialization: `torch`, or `variance`, which preserves the variance of the signal
            (`impl.training.initialization`).
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
    def config_hash(self) -> str:
        """Hash of the fields."""
        return _hash(self)

    def __str__(self) -> str:
        parts = [self.task, self.activation, self.optimizer, self.loss]
        rate = [f"at {self.learning_rate:g}"] if self.learning_rate else []
        extra = [
            *(["without batch norm"] if self.batch_norm is False else []),
            *([f"{self.wrong_labels:.0%} label noise"] if self.wrong_labels else []),
            *(["variance-preserving"] if self.initialization == "variance" else []),
            *(["tuning"] if self.split == VALIDATION else []),
        ]
        return " ".join([*filter(None, parts), *rate, *extra, f"seed {self.seed}"])


@dataclass(frozen=True)
class ConformanceCheck(RunConfig):
    """Conformance check of the custom candidate `subject`; the task names its kind."""

    subject: str = ""

    def __str__(self) -> str:
        return f"{self.task} {self.subject}"


@dataclass(frozen=True)
class RunResult:
    """Result of a run: status, measurements, 8-bit gray images, or the error.

    Attributes:
        status: `finished`, `diverged` or `failed`.
        measurements: All measurements of the run.
        images: Images by name, each (K, H, W) uint8.
        error: Reason of a failure, else empty.
    """

    status: str
    measurements: Sequence[Measurement] = ()
    images: Mapping[str, np.ndarray] = field(default_factory=dict)
    error: str = ""


def held_out(train_size: int) -> int:
    """Return the number of training samples at the end that only choose learning rates."""
    return min(HELD_OUT, train_size // 5)


@dataclass(frozen=True)
class BenchmarkCase:
    """One benchmark.

    Attributes:
        task: Kind of work, such as `activation_forward`.
        subject: Activation, strategy, optimizer or network.
        implementation: `impl`, `torch`, or a backend of `impl`.
        input: Description of the input.
        size: Number of elements or samples of the input.
        seed: Number of the round, a fresh process: it pairs benchmarks as the seed pairs training runs.
    """

    task: str
    subject: str
    implementation: str
    input: str
    size: int
    seed: int = 0

    @property
    def config_hash(self) -> str:
        """Hash of the fields."""
        return _hash(self)

    def __str__(self) -> str:
        return f"{self.task}-{self.subject}-{self.implementation}-{self.input}"
