"""Runtime estimates from recorded runs and the speed of this machine.

Durations recorded here are taken as they are. Durations from elsewhere, of the reference or typed below, are
scaled by the duration of training steps on this machine.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import fmean, median
from typing import cast

import torch
from torch import nn

from bench.experiments.workloads.networks import NETWORKS
from bench.experiments.workloads.registry import UNKNOWN_COST
from bench.experiments.workloads.threads import threads
from bench.records.runs import BenchmarkCase, RunConfig, held_out, horizons
from bench.rounds.plugins.turns import fewest_samples
from bench.rounds.process import SECONDS
from bench.store import Snapshot
from impl.compilation.aot import update_rules
from impl.compilation.private_torch import cache_folder
from impl.optimizers.registry import OPTIMIZERS
from impl.training.loop import fit

Seconds = Callable[[RunConfig | BenchmarkCase], float]

TRAIN_SIZE, TEST_SIZE = 60_000, 10_000  # samples of MNIST
EVALUATION = 1 / 3  # duration of evaluating a sample, relative to training on it
# Calls of a benchmark, however long they take, that are untimed and timed.
WARM_UPS, FEWEST = {"interleaved": 3, "first_call": 0}, {"interleaved": 9, "first_call": 1}
CALIBRATING = 3

# Seconds on the machine of the reference.
UNKNOWN = 0.5  # a run that trains no network and was never measured
SET_UP = 0.05  # a benchmark without its calls, if never measured
SET_UPS = {"time_to_target": 1.0, "optimizer_step": 0.2}  # those of tasks with long ones
# A process, a round of benchmarks, the workers, and all kernels of an empty cache.
START, ROUND, WORKERS, COMPILING = 3.0, 6.0, 10.0, 25.0
RULE = 5.0  # an optimizer's update rule that is not in the cache

STEPS, BATCH = 20, 128  # of an epoch of the benchmark `interleaved-classifier`
CALIBRATION = 1.5  # seconds
OUTLIER = 5.0  # times the median; runs that take longer compiled something


@dataclass(frozen=True)
class Cost:
    """Seconds per call or training sample, and seconds of everything else."""

    each: float
    fixed: float


def _calls(task: str, each: float) -> float:
    """Return the seconds of the calls of a benchmark, given those of one call."""
    timed = max(SECONDS, FEWEST.get(task, fewest_samples(each)) * each)
    return WARM_UPS.get(task, CALIBRATING) * each + timed


def _set_up(case: BenchmarkCase) -> float:
    """Return the seconds of a benchmark without its calls, if never measured."""
    return SET_UPS.get(case.task, SET_UP)


def _work(config: RunConfig) -> float:
    """Return the samples on which a run trains; those that it only evaluates count EVALUATION."""
    evaluated = 0
    if config.activation:  # a network: held-out and test samples before training and at each horizon
        scored = min(config.samples, held_out(TRAIN_SIZE)) + min(config.samples, TEST_SIZE)
        evaluated = scored * (1 + len(horizons(config.epochs)))
    return config.samples * config.epochs + EVALUATION * evaluated


def _kinds(what: RunConfig | BenchmarkCase) -> tuple[Hashable, Hashable]:
    """Return what has about the same cost: runs or benchmarks of the same candidate, and of the same task."""
    if isinstance(what, BenchmarkCase):
        return replace(what, seed=0), ("benchmark", what.task)
    like = (what.task, what.batch_size)
    return (*like, what.activation, what.optimizer, what.batch_norm), like


def _recorded(snapshot: Snapshot) -> Iterator[tuple[RunConfig | BenchmarkCase, Cost]]:
    """Yield the finished runs and benchmarks of a snapshot with their cost."""
    runs = snapshot.runs[snapshot.runs["status"] == "finished"]
    fields = runs.astype(object).where(runs.notna(), None).set_index("run").to_dict("index")
    for run, metrics in _durations(snapshot).items():
        if (row := fields.get(run)) is None:
            continue
        whole = metrics.get("run_seconds")
        if row["kind"] == "timing":
            case = BenchmarkCase(*(row[name] for name in BenchmarkCase.__dataclass_fields__))
            alternatives = [value for name, value in metrics.items() if name.startswith("seconds of ")]
            each = sum(alternatives) or metrics["seconds"]
            fixed = _set_up(case) if whole is None else max(0.0, whole - _calls(case.task, each))
            yield case, Cost(each, fixed)
        elif whole is not None:
            config = RunConfig(*(row[name] for name in RunConfig.__dataclass_fields__))
            each = metrics.get("seconds", 0.0) / max(1, config.samples * config.epochs)
            yield config, Cost(each, max(0.0, whole - each * _work(config)))


def _durations(snapshot: Snapshot) -> dict[int, dict[str, float]]:
    """Return durations by run and metric: the last of a training run, the median call of a benchmark."""
    m = snapshot.measurements[snapshot.measurements["unit"] == "s"]
    calls = m[m["kind"] == "timing"].groupby(["run", "metric"], observed=True)["value"].median()
    trained = m[m["kind"] == "training"].groupby(["run", "metric"], observed=True)["value"].max()
    durations: dict[int, dict[str, float]] = defaultdict(dict)
    for key, value in chain(calls.items(), trained.items()):
        run, metric = cast(tuple[int, str], key)
        durations[run][metric] = value
    return durations


def _costs(snapshot: Snapshot | None) -> dict[Hashable, Cost]:
    """Return the mean cost of each kind in a snapshot."""
    found: dict[Hashable, list[Cost]] = defaultdict(list)
    for what, cost in _recorded(snapshot) if snapshot else ():
        for kind in _kinds(what):
            found[kind].append(cost)
    return {
        kind: Cost(_mean([cost.each for cost in costs]), _mean([cost.fixed for cost in costs]))
        for kind, costs in found.items()
    }


def _mean(values: Sequence[float]) -> float:
    """Return the mean without outliers."""
    limit = OUTLIER * median(values)
    return fmean(value for value in values if value <= limit)


def estimator(
    measured: Snapshot | None = None,
    reference: Snapshot | None = None,
    slowdown: float = 1.0,
) -> Seconds:
    """Return a function that estimates the seconds of a run or benchmark on one core.

    It is the mean of runs of the same candidate, else of the same task: of those recorded here, else of those
    in the reference, else the cost in NETWORKS.

    Args:
        measured: Runs recorded on this machine.
        reference: Runs recorded on another machine.
        slowdown: Duration of work on this machine, relative to the reference's.
    """
    sources = [(_costs(measured), 1.0), (_costs(reference), slowdown)]

    def cost(what: RunConfig | BenchmarkCase) -> Cost:
        for costs, scale in sources:
            for kind in _kinds(what):
                if kind in costs:
                    return Cost(scale * costs[kind].each, scale * costs[kind].fixed)
        if isinstance(what, BenchmarkCase):
            return Cost(0.0, slowdown * _set_up(what))
        if what.activation is None:
            return Cost(0.0, slowdown * UNKNOWN)
        known = NETWORKS.get(what.task)
        return Cost(slowdown * (known.cost if known else UNKNOWN_COST) / TRAIN_SIZE, 0.0)

    def seconds(what: RunConfig | BenchmarkCase) -> float:
        its = cost(what)
        if isinstance(what, BenchmarkCase):
            return its.fixed + _calls(what.task, its.each)
        return its.fixed + its.each * _work(what)

    return seconds


def slowdown(reference: Snapshot | None) -> float:
    """Return the duration of training steps on this machine now, relative to the same steps in the reference.

    Args:
        reference: Runs recorded on another machine, with benchmarks; else the cost in NETWORKS counts.
    """
    there = STEPS * BATCH * NETWORKS["classifier"].cost / TRAIN_SIZE
    if reference:
        m = reference.measurements
        steps = m[
            (m["task"] == "interleaved") & (m["subject"] == "classifier") & (m["metric"] == "seconds of fit")
        ]
        there = there if steps.empty else float(steps["value"].median())
    return _epoch_seconds() / there


def _epoch_seconds() -> float:
    """Return the mean duration of an epoch of the classifier on one thread; the steps compile nothing."""
    with threads(1), torch.random.fork_rng(devices=[]):
        model = NETWORKS["classifier"].on("cpu", nn.ReLU, True)
        generator = torch.Generator().manual_seed(0)
        images = torch.rand(STEPS * BATCH, 1, 28, 28, generator=generator)
        labels = torch.randint(10, (STEPS * BATCH,), generator=generator)
        optimizer = torch.optim.Adam(model.parameters(), fused=True)

        def epoch() -> None:
            fit(
                model,
                (images, labels),
                observe=dict,
                loss=nn.functional.cross_entropy,
                optimizer=optimizer,
                batch_size=BATCH,
                horizons=[1],
                generator=generator,
            )

        epoch()
        begin, epochs = time.perf_counter(), 0
        while (took := time.perf_counter() - begin) < CALIBRATION:
            epoch()
            epochs += 1
        return took / epochs


def start_up(missing: Sequence[RunConfig | BenchmarkCase]) -> float:
    """Return the seconds in which nothing is measured yet, on the machine of the reference.

    Args:
        missing: Runs and benchmarks that are missing; training runs are executed by workers.
    """
    compiled = cache_folder().is_dir() and any(cache_folder().iterdir())
    training = [what for what in missing if isinstance(what, RunConfig)]
    rounds = {what.seed for what in missing if isinstance(what, BenchmarkCase)}
    optimizers = {config.optimizer for config in training} & OPTIMIZERS.keys()
    # All kernels include Adam's update rule.
    rules = max(0, len(optimizers) - 1 - len(list(update_rules().glob("*.pt2"))))
    return (
        START
        + len(rounds) * ROUND
        + bool(training) * WORKERS
        + rules * RULE
        + (0.0 if compiled else COMPILING)
    )
