"""What a training run and a benchmark are, and what came of them: plain data."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np

HELD_OUT = 5000  # training images that choose learning rates; a fifth where there are few


VALIDATION, TEST = "validation", "test"


class Measurement(NamedTuple):
    """One number of a run: metric, step, value and unit."""

    metric: str
    step: int
    value: float
    unit: str


@dataclass(frozen=True)
class RunConfig:
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
    def config_hash(self) -> str:
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
class ConformanceCheck(RunConfig):
    """A check of `bench.conformance` of the user's own candidate that `subject` names, of whichever kind."""

    subject: str = ""

    def __str__(self) -> str:
        return f"{self.task} {self.subject}"


@dataclass(frozen=True)
class RunResult:
    """What came of a run: its status, what it measured, the 8-bit grey pictures it made, or why it failed."""

    status: str  # finished, diverged or failed
    measurements: Sequence[Measurement] = ()
    images: Mapping[str, np.ndarray] = field(default_factory=dict)  # name -> (K, H, W) uint8
    error: str = ""


def held_out(train_size: int) -> int:
    """How many of the training samples choose learning rates and are never trained on: the last ones."""
    return min(HELD_OUT, train_size // 5)


# what the fixtures `timed` and `interleaved` give a benchmark
Timed = Callable[[Callable[[], object]], None]


Interleaved = Callable[[dict[str, Callable[[], object]], int], None]


@dataclass(frozen=True)
class BenchmarkCase:
    """One benchmark: which work, of what, by whose implementation, on which input.

    task: kind of work, such as `activation_forward`; subject: the activation, strategy, optimizer or network;
    implementation: `impl` or `torch`; input: on what, in words; size: its number of elements or samples.
    """

    task: str
    subject: str
    implementation: str
    input: str
    size: int

    @property
    def config_hash(self) -> str:
        """Hash of the fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        return f"{self.task}-{self.subject}-{self.implementation}-{self.input}"
