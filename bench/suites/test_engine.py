"""Overhead of the engine: its loop and a bare one, runner and plain calls, two workers and one."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import torch
from distributed import Client

from bench.experiments.workloads.convergence import SAMPLES
from bench.experiments.workloads.networks import NETWORKS
from bench.experiments.workloads.training_run import DIAGNOSED, execute
from bench.records.environment import current
from bench.records.names import DESCENT
from bench.records.runs import BenchmarkCase, RunConfig
from bench.runner import training
from bench.runner.recorder import RunRecorder
from bench.store import Store
from bench.suites.interleaved import Interleaved
from impl.activations.registry import ACTIVATIONS
from impl.losses import LOSSES
from impl.optimizers.registry import OPTIMIZERS
from impl.training.loop import fit

BATCH = 128
EPOCH = {"classifier": 20 * BATCH, "fc_autoencoder": 5 * BATCH}  # samples
SMALL = 10  # runs per round
# Runs of a tenth of a second to more than a second, longest first, as `run_plans` submits them.
MIX = [
    (task, batch_norm, epochs // part)
    for part in (1, 2, 4)
    for task, batch_norm, epochs in (
        ("classifier", True, 48),
        ("classifier", False, 48),
        ("fc_autoencoder", True, 16),
    )
]
SEEDS = count(DIAGNOSED)  # equal runs are executed only once, so every round needs new ones


@pytest.mark.parametrize(
    "timing",
    [BenchmarkCase("interleaved", task, "1 thread", "one epoch", n) for task, n in EPOCH.items()],
    ids=str,
)
def test_training_loop(timing: BenchmarkCase, interleaved: Interleaved, device: str) -> None:
    """Interleave one epoch of `fit` and of the shortest equivalent loop, on tensors in memory."""
    network = NETWORKS[timing.subject]
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(timing.size, 1, 28, 28, generator=generator).to(device)
    labels = torch.randint(10, (timing.size,), generator=generator).to(device)
    targets, loss = images if network.reconstructs else labels, LOSSES[network.loss].value
    model = network.on(device, ACTIVATIONS["relu"].module, True)
    optimizer = OPTIMIZERS["adam"].make(model.parameters(), 1e-3)

    def bare() -> None:
        for batch in torch.randperm(timing.size, generator=generator).to(device).split(BATCH):
            optimizer.zero_grad()
            loss(model(images[batch]), targets[batch]).backward()
            optimizer.step()

    def ours() -> None:
        fit(
            model,
            (images, targets),
            observe=dict,
            loss=loss,
            optimizer=optimizer,
            batch_size=BATCH,
            horizons=[1],
            generator=generator,
        )

    interleaved({"fit": ours, "bare loop": bare}, 1)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[RunRecorder]:
    """Provide an empty results database."""
    with Store(tmp_path / "results.sqlite") as store:
        yield RunRecorder(store, store.environment_id(current("digits", "0")), "quick")


def _record(session: RunRecorder, client: Client, configs: list[RunConfig]) -> None:
    for config, result in training.execute_on(client, configs, None):
        session.record(config, result)


def _descents(configs: int, epochs: int) -> list[RunConfig]:
    return [
        RunConfig(DESCENT, None, "sgd", 0.1, 32, None, "digits", SAMPLES, epochs, next(SEEDS))
        for _ in range(configs)
    ]


@pytest.mark.parametrize(
    "timing",
    [BenchmarkCase("interleaved", "runner", "1 thread", f"{SMALL} cells of a few milliseconds", SMALL)],
    ids=str,
)
def test_runner(timing: BenchmarkCase, interleaved: Interleaved, session: RunRecorder) -> None:
    """Interleave runs through Dask into the results database, and the same runs in a plain loop."""
    with training.client(1, None) as one:
        interleaved(
            {
                "runner": lambda: _record(session, one, _descents(SMALL, 1)),
                "plain calls": lambda: [execute(config, None) for config in _descents(SMALL, 1)],
            },
            1,
            warm_up=1,
            fewest=3,
        )


def _mix(*, warm_up: bool = False) -> list[RunConfig]:
    return [
        RunConfig(
            task=task,
            activation="relu",
            optimizer="adam",
            learning_rate=1e-3,
            batch_size=BATCH,
            batch_norm=batch_norm,
            dataset="digits",
            samples=9 * BATCH,
            epochs=1 if warm_up else epochs,
            seed=next(SEEDS),
            loss=NETWORKS[task].loss,
            initialization="torch",
        )
        for task, batch_norm, epochs in MIX
    ]


@pytest.mark.parametrize(
    "timing",
    [BenchmarkCase("interleaved", "workers", "1 thread", f"{len(MIX)} runs of seconds", len(MIX))],
    ids=str,
)
def test_workers(timing: BenchmarkCase, interleaved: Interleaved, session: RunRecorder) -> None:
    """Interleave the same mix of runs of seconds on one worker and on two."""
    with training.client(1, None) as one, training.client(2, None) as two:
        for client in (one, two):  # each worker loads the data and the compiled optimizer
            _record(session, client, _mix(warm_up=True))
        interleaved(
            {
                "1 worker": lambda: _record(session, one, _mix()),
                "2 workers": lambda: _record(session, two, _mix()),
            },
            1,
            warm_up=0,
            fewest=1,  # every round of benchmarks adds one
        )
