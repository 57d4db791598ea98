"""Training runs, benchmarks and their results as plain data."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

HELD_OUT = 5000  # training images that choose learning rates; a fifth of smaller data sets
VALIDATION, TEST = "validation", "test"
FEWEST_HORIZONS = 3
# A finished run whose network ends no better than a constant output has collapsed.
ENDED = ("finished", "collapsed", "diverged")


class Measurement(NamedTuple):
    """One number: the metric, the step at which it was measured, its value and its unit.

    The step of a training run's metric is the number of epochs, which may be a fraction.
    """

    metric: str
    step: float
    value: float
    unit: str


def horizons(epochs: int) -> tuple[float, ...]:
    """Return the numbers of epochs after which a run is scored: its last, half of it, and so on.

    The first is one epoch or the next above it; a short run has FEWEST_HORIZONS all the same.

    Args:
        epochs: Epochs of the run; without any there is no horizon.

    Example:
        >>> horizons(16), horizons(12), horizons(2)
        ((1.0, 2.0, 4.0, 8.0, 16.0), (1.5, 3.0, 6.0, 12.0), (0.5, 1.0, 2.0))
    """
    if epochs < 1:
        return ()
    count = max(FEWEST_HORIZONS, 1 + int(math.log2(epochs)))
    return tuple(epochs / 2**k for k in reversed(range(count)))


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
        epochs: Passes over the training samples; the run is scored at each of its `horizons`.
        seed: Seed of initial weights, order of samples and dropout.
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
    """Result of a run: status, measurements, arrays, or the error.

    Attributes:
        status: One of ENDED, or `failed`.
        measurements: All measurements of the run.
        arrays: Arrays by name, uint8 or float32: images (K, H, W), and the scores of blocks of test samples
            (horizons, blocks).
        error: Reason of a failure, else empty.
    """

    status: str
    measurements: Sequence[Measurement] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
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
